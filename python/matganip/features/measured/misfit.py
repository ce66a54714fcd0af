r"""The misfit of every arrangement of a space to a measured pattern, with the profile held, from a few numbers of each.

With lines, shifts, displacements and other phases held, the pattern is :math:`y = Tc + s P I`: background and other
phases T with free coefficients, and peaks P. Weighted, and with T projected out (Q), the least chi squared over c and
s is

.. math:: \chi^2 = |y'|^2 - \frac{(b I)^2}{I G I}, \qquad b = P^T Q y, \quad G = P^T Q P.

I is linear in pair sums of the arrangement, :math:`I = [1, \sigma] X`: the misfit is a ratio of quadratic forms.
:math:`X G X^T = L L^T` has a small rank r, so that with :math:`u = [1, \sigma] L` and
:math:`n = [1, \sigma] X b` it is :math:`\chi^2 = |y'|^2 - n^2 / |u|^2`, and :math:`s |u_1 - u_2|` is how many standard
deviations of this measurement lie between the patterns of two arrangements. One kernel evaluates n and u.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.space import ConfigurationSpace
from matganip.features.lattice.amplitudes import amplitudes
from matganip.features.lattice.pattern_form import PatternForm
from matganip.features.lattice.quadratic_form import Scattering, quadratic_form
from matganip.features.lattice.translations import waves
from matganip.features.measured.model import Lines
from matganip.features.measured.phases import LatticePeaks, PhasePeaks, lattice_peaks, march
from matganip.features.measured.refinement import Refinement

Floats = NDArray[np.float64]

# Relative to the largest eigenvalue: directions of the pair sums that this measurement does not see.
UNSEEN = 1e-13
# 1/angstrom^2: lengths of reflections that agree to this are those of one peak.
KEY = 1e-6


class Misfit:
    """The misfit of arrangements to a pattern, with the profile of a fit held.

    Parameters
    ----------
    space : ConfigurationSpace
    fit : Refinement
        With a phase of this space.
    phase : str
        Its name.
    march_hkl : three int, optional
        The planes of its preferred orientation.
    beside : PhasePeaks, optional
        The disordered average, of which there may be any share: arrangements with a long-range order of their own.

    Attributes
    ----------
    n_sums, rank : int
        Pair sums of an arrangement, and how many combinations of them this measurement sees.
    total : float
        Chi squared of background and other phases alone.
    drawn : (n_points, n_peaks) sparse array
        What each peak of intensity 1 adds to the pattern, in standard deviations.

    Notes
    -----
    Other phases enter with free scales of any sign.
    """

    def __init__(
        self,
        space: ConfigurationSpace,
        fit: Refinement,
        phase: str,
        march_hkl: tuple[int, int, int] | None = None,
        beside: PhasePeaks | None = None,
    ) -> None:
        self.space, self.fit, self.march_hkl = space, fit, march_hkl
        model, values = fit.model, fit.values
        (peaks,) = (one for one in model.phases if one.name == phase)
        measured = model.measured
        grouped = lattice_peaks(space.supercell_structure, peaks.metric, model.radiation, measured.range)
        s2 = grouped.phi @ model.coefficients(peaks, values)
        self.hkl = grouped.hkl
        self._peak_of = {tuple(key): p for p, key in enumerate(np.round(grouped.phi / KEY).astype(np.int64).tolist())}
        form = self._intensities(grouped, s2, phase)

        weight = 1 / measured.sigma
        lines = model.lines_at(s2, np.ones(len(s2)), values)
        self.drawn = drawn = (lines.per_peak(len(s2)).multiply(weight[:, None])).tocsc()
        held = [model.background, *(one.draw(one.strength)[:, None] for one in self._others(phase))]
        free = np.column_stack(held) * weight[:, None]
        if beside is not None:
            free = np.column_stack([free, drawn @ self.on_peaks(beside)])
        free /= np.maximum(np.linalg.norm(free, axis=0), 1e-300)
        base = 0.0 if model.fixed_background is None else model.fixed_background
        target = (measured.intensity - base) * weight
        inverse = np.linalg.pinv(free.T @ free, rcond=1e-13, hermitian=True)
        across = drawn.T @ free
        self.gram: Floats = np.asarray((drawn.T @ drawn).todense()) - across @ inverse @ across.T
        self.moments: Floats = drawn.T @ target - across @ (inverse @ (free.T @ target))
        self.total = float(target @ target - (free.T @ target) @ inverse @ (free.T @ target))

        rows = np.vstack([form.base, form.coefficients])
        # Each sum in its own unit, so that rounding of large ones does not hide small ones.
        unit = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", rows, self.gram, rows), 1e-300))
        scaled = rows / unit[:, None]
        values_, vectors = np.linalg.eigh(scaled @ self.gram @ scaled.T)
        kept = values_ > UNSEEN * values_.max()
        self.rank, self.n_sums = int(kept.sum()), len(form.coefficients)
        columns = np.column_stack([rows @ self.moments, unit[:, None] * vectors[:, kept] * np.sqrt(values_[kept])])
        reduced = replace(form, base=columns[0].copy(), coefficients=np.ascontiguousarray(columns[1:]))
        self._form = form.compile(self._modes, self._waves)
        self._kernel = reduced.compile(self._modes, self._waves, non_negative=False)

    def coordinates(
        self, occupations: NDArray[np.uint8], out: Floats | None = None, num_threads: int | None = None
    ) -> Floats:
        """n, and u, of arrangements.

        Parameters
        ----------
        occupations : (n, n_sites) uint8 ndarray
        out : (n, 1 + rank) float64 ndarray, optional
        num_threads : int, optional

        Returns
        -------
        (n, 1 + rank) float64 ndarray
        """
        return self._kernel.intensities(
            occupations, n_columns=1 + self.rank, scale_to_maximum=False, out=out, num_threads=num_threads or 0
        )

    def chi2(self, coordinates: Floats) -> Floats:
        """Chi squared (n,) with the best scale that is not negative."""
        along = np.maximum(coordinates[:, 0], 0.0)
        squares = np.einsum("ij,ij->i", coordinates[:, 1:], coordinates[:, 1:])
        found: Floats = self.total - along**2 / np.maximum(squares, 1e-300)
        return found

    def scale(self, coordinates: Floats) -> Floats:
        """The best scale (n,)."""
        squares = np.einsum("ij,ij->i", coordinates[:, 1:], coordinates[:, 1:])
        found: Floats = np.maximum(coordinates[:, 0], 0.0) / np.maximum(squares, 1e-300)
        return found

    def intensities(self, occupations: NDArray[np.uint8]) -> Floats:
        """Intensities (n, n_peaks) of arrangements, without the Lorentz-polarization factor, per cell of the parent."""
        return self._form.intensities(occupations, n_columns=len(self.hkl), scale_to_maximum=False)

    def on_peaks(self, phase: PhasePeaks) -> Floats:
        """Intensities (n_peaks,) of another crystal on this lattice, the disordered average, under the held values."""
        found = np.zeros(len(self.hkl))
        keys = np.round(phase.phi / KEY).astype(np.int64).tolist()
        found[[self._peak_of[tuple(key)] for key in keys]] = self.fit.model.intensity(phase, self.fit.values)
        return found

    def distance(self, one: Floats, other: Floats) -> float:
        """Standard deviations of this measurement between two patterns of intensities (n_peaks,).

        The first has its best scale; the other the scale that brings it nearest to the first.
        """
        scale = max(float(self.moments @ one), 0.0) / float(one @ self.gram @ one)
        own = float(other @ self.gram @ other)
        squares = float(one @ self.gram @ one) - (float(one @ self.gram @ other) ** 2 / own if own > 0 else 0.0)
        return scale * float(np.sqrt(max(squares, 0.0)))

    def _others(self, phase: str) -> list[Lines]:
        model = self.fit.model
        return [model.lines(one, self.fit.values) for one in model.phases if one.name != phase]

    def _intensities(self, grouped: LatticePeaks, s2: Floats, phase: str) -> PatternForm:
        """Pair sums, and what each peak takes of them, at the fitted lattice."""
        values, radiation = self.fit.values, self.fit.model.radiation
        single = replace(radiation, lines=((radiation.wavelength, 1.0),))
        weight = np.full(len(grouped.peak), 2.0 / abs(np.linalg.det(grouped.metric.supercell)))
        if self.march_hkl is not None:
            weight *= march(grouped.cosine_squared(self.march_hkl), values[f"{phase}.march"])
        reflections = replace(grouped.reflections, s_squared=s2[grouped.peak] / 4)
        (own,) = (one for one in self.fit.model.phases if one.name == phase)
        b = dict(zip(own.elements, own.displacements(values).tolist(), strict=True))
        parts = amplitudes(self.space, reflections, single, b)
        wave = waves(parts.sites, reflections.hkl, self.space.site_indices)
        self._modes, self._waves = parts.mode_of_code, wave.table
        scattering = Scattering(
            weight=weight,
            constants=(parts.host + parts.constants.sum(axis=1))[:, np.newaxis],
            modes=parts.modes,
            scatterer=np.zeros(len(parts.mode_basis), dtype=np.int64),
            peaks_of=lambda _a, _b: [grouped.peak],
            n_peaks=len(grouped.phi),
        )
        return quadratic_form(scattering, wave)
