"""Diffraction of the arrangements of one space: all but the arrangement is worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from matganip.diffraction.amplitudes import Amplitudes, amplitudes
from matganip.diffraction.peaks import Peaks
from matganip.diffraction.quadratic_form import Scattering, quadratic_form
from matganip.diffraction.radiation import Radiation
from matganip.diffraction.reflections import HklFamily, Reflections, reflections_in_range
from matganip.diffraction.resolved import parent_basis, resolved_peaks
from matganip.diffraction.translations import waves
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

Resolution = Literal["powder", "resolved"]


class LatticeDiffraction:
    r"""Peaks of the arrangements of a space, on its ideal lattice.

    Parameters
    ----------
    space : ConfigurationSpace
        The arrangements.
    radiation : str, float or Radiation
        Name of an X-ray line, ``"CuKa"``, a wavelength in angstrom, or a `Radiation`.
    two_theta_range : (float, float) or None
        Degrees, both ends included; None takes all reflections that the wavelength admits.
    resolution : {"powder", "resolved"}
        "powder" merges reflections by d-spacing, as a powder diffractometer does. "resolved" merges them only
        where a symmetry operation of the parent relates them, and keeps symmetry-distinct pairs of its basis
        sites apart: a resolved peak is an orbit of (h; b, b'), and its intensity the sum over the orbit of LP
        \|F_b(h)\|^2 where b = b', and of LP \|F_b(h) + F_b'(h)\|^2 otherwise, where F_b is what all species
        on basis site b scatter and LP the Lorentz-polarization factor. Intensities are never negative.
    scaled : bool
        Scale intensities to 100: powder peaks as pymatgen does, so that the largest of each arrangement is
        100; resolved ones by one number for the whole space, `reference_intensity`, so that none of what they
        tell is lost. Unscaled intensities are in electrons squared, times LP, per supercell.

    Attributes
    ----------
    two_theta, d_spacings : numpy.ndarray
        (p,) float64, degrees and angstrom.
    hkls : list of list of dict
        Families of each peak; indices of the supercell.
    site_pairs : numpy.ndarray or None
        As in `Peaks`.
    n_sums : int
        Sums over pairs of sites that an arrangement needs: all peaks are linear in them.
    reference_intensity : float or None
        Resolved peaks: the largest intensity, unscaled, of the supercell in which each substituted site
        carries the heaviest species that it may. It stands for 100. None for powder, and where the range
        holds no reflection of the parent.

    Raises
    ------
    InputError
        If the radiation or the resolution is unknown, no reflection lies in the range, or an element has no
        form factor.

    Notes ----- Conventions of the form factors, the Lorentz-polarization factor and the range are those of
    pymatgen's `XRDCalculator`; ``docs/diffraction.md`` gives the formulas. The column i of an intensity means
    the same for each arrangement of the space: weak and absent lines are kept.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> diffraction = mg.LatticeDiffraction(space)
    >>> peaks = diffraction.peaks(next(space.orbits()).occupations)
    >>> peaks.intensity.shape, peaks.two_theta[:3].round(3).tolist()
    ((19, 112), [7.028, 9.945, 12.188])
    """

    def __init__(
        self,
        space: ConfigurationSpace,
        radiation: str | float | Radiation = "CuKa",
        two_theta_range: tuple[float, float] | None = (0, 90),
        resolution: Resolution = "powder",
        scaled: bool = True,
    ) -> None:
        if resolution not in get_args(Resolution):
            raise InputError(f"resolution must be 'powder' or 'resolved', not {resolution!r}")
        self.space = space
        self.radiation = Radiation.of(radiation)
        self.wavelength = self.radiation.lines[0][0]
        self.two_theta_range = two_theta_range
        self.resolution = resolution
        self.scaled = scaled

        reflections = reflections_in_range(space.supercell_structure.lattice, self.radiation, two_theta_range)
        parts = amplitudes(space, reflections, self.radiation)
        merged = (_powder if resolution == "powder" else _resolved)(space, reflections, parts)
        self.two_theta: NDArray[np.float64] = reflections.two_theta[merged.powder_peak]
        self.d_spacings: NDArray[np.float64] = reflections.d_spacings[merged.powder_peak]
        self.hkls: list[list[HklFamily]] = reflections.families(merged.members)
        self.site_pairs: NDArray[np.int64] | None = merged.site_pairs

        wave = waves(parts.sites, reflections.hkl, space.site_indices)
        form = quadratic_form(merged.scattering, wave)
        self._pattern = form.compile(parts.mode_of_code, wave.table)
        self.reference_intensity: float | None = None
        if resolution == "resolved" and wave.zero >= 0:
            self.reference_intensity = self._largest_intensity()
        if resolution == "resolved" and scaled:
            if self.reference_intensity is None:
                raise InputError(
                    f"two_theta_range={two_theta_range} holds no reflection of the parent to scale resolved peaks by: "
                    "widen it, or take scaled=False"
                )
            self._pattern = form.times(100 / self.reference_intensity).compile(parts.mode_of_code, wave.table)

    @property
    def n_peaks(self) -> int:
        """Number of peaks."""
        return len(self.two_theta)

    @property
    def n_sums(self) -> int:
        """Sums over pairs of sites that an arrangement needs."""
        return self._pattern.n_sums

    def peaks(
        self,
        occupations: NDArray[np.uint8],
        num_threads: int | None = None,
        *,
        n_peaks: int | None = None,
        out: NDArray[np.float64] | None = None,
    ) -> Peaks:
        """Peaks of arrangements.

        Parameters
        ----------
        occupations : numpy.ndarray
            (n, n_sites) uint8, C-contiguous: codes into ``space.species``, of any composition.
        num_threads : int, optional
            Threads to use; None or 0 is all cores. The result is the same bytes for any number.
        n_peaks : int, optional
            Only the first peaks by angle, scaled as all of them are: the same numbers as ``select(n_peaks)``
            gives.
        out : numpy.ndarray, optional
            (n, p) float64, C-contiguous: the intensities are written into it. A buffer that is used again
            spares the cost of new memory, which is that of the intensities themselves.

        Returns
        -------
        Peaks
            Row i is arrangement i.

        Raises
        ------
        InputError
            If `occupations` or `out` has another shape or dtype or is not contiguous, or a site is given a
            code that it does not have.
        """
        n_columns = self.n_peaks if n_peaks is None else min(n_peaks, self.n_peaks)
        if n_columns < 1:
            raise InputError(f"n_peaks must be at least 1, not {n_peaks}")
        try:
            intensity = self._pattern.intensities(
                occupations,
                n_columns=n_columns,
                scale_to_maximum=self.scaled and self.resolution == "powder",
                out=out,
                num_threads=num_threads or 0,
            )
        except (TypeError, ValueError) as error:
            raise InputError(str(error)) from error
        return Peaks(
            two_theta=self.two_theta[:n_columns],
            intensity=intensity,
            d_spacings=self.d_spacings[:n_columns],
            hkls=self.hkls[:n_columns],
            site_pairs=None if self.site_pairs is None else self.site_pairs[:n_columns],
        )

    def _largest_intensity(self) -> float:
        """Largest intensity of the supercell with each sublattice's heaviest species on all its sites."""
        heaviest = [
            int(np.argmax(self.radiation.form_factors(species, self.wavelength).at(0.0)))
            for species in self.space.species
        ]
        filled = np.array(heaviest, dtype=np.uint8)[self.space.sublattices][np.newaxis]
        return float(
            self._pattern.intensities(filled, n_columns=self.n_peaks, scale_to_maximum=False, num_threads=1).max()
        )


@dataclass(frozen=True, eq=False)
class _Merging:
    """Which reflections, and which products of amplitudes, a peak gathers."""

    powder_peak: NDArray[np.int64]  # (n_peaks,) the powder peak at whose angle each stands
    members: list[NDArray[np.int64]]  # the reflections of each peak
    scattering: Scattering
    site_pairs: NDArray[np.int64] | None = None


def _powder(_space: ConfigurationSpace, reflections: Reflections, parts: Amplitudes) -> _Merging:
    """One scatterer, the whole crystal."""
    n_peaks = len(reflections.two_theta)
    scattering = Scattering(
        weight=reflections.weight,
        constants=(parts.host + parts.constants.sum(axis=1))[:, np.newaxis],
        modes=parts.modes,
        scatterer=np.zeros(len(parts.mode_basis), dtype=np.int64),
        peaks_of=lambda _a, _b: [reflections.peak],
        n_peaks=n_peaks,
    )
    members = np.split(np.arange(len(reflections.peak)), np.flatnonzero(np.diff(reflections.peak)) + 1)
    return _Merging(np.arange(n_peaks), members, scattering)


def _resolved(space: ConfigurationSpace, reflections: Reflections, parts: Amplitudes) -> _Merging:
    """One scatterer for each substituted basis site of the parent."""
    coordinates = np.array(space.supercell_structure.frac_coords)[space.site_indices]
    basis = parent_basis(coordinates, space.symmetry.lattice_points)
    found = resolved_peaks(reflections, space.symmetry, coordinates, basis)
    first_column = np.unique(basis, return_index=True)[1]
    # Where the parent's translations hold within a tolerance only, a basis site has several parts.
    scatterer_of = basis[np.unique(parts.basis, return_index=True)[1]]
    constants = np.zeros((len(parts.constants), len(first_column), len(reflections.hkl)), dtype=np.complex128)
    for part, scatterer in enumerate(scatterer_of):
        constants[:, scatterer] += parts.constants[:, part]
    scattering = Scattering(
        weight=reflections.weight,
        constants=constants,
        modes=parts.modes,
        scatterer=scatterer_of[parts.mode_basis],
        peaks_of=found.peaks_of,
        n_peaks=len(found.reflection),
    )
    return _Merging(reflections.peak[found.reflection], found.members(), scattering, first_column[found.pairs])
