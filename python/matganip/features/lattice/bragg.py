"""Bragg peaks of a space's arrangements, powder and resolved: which reflections each gathers, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.errors import InputError
from matganip.features.lattice.amplitudes import Amplitudes, amplitudes
from matganip.features.lattice.cubic_form import cubic_form
from matganip.features.lattice.pattern_form import PatternForm
from matganip.features.lattice.patterns import LatticePatterns, Vertices, vertex_columns
from matganip.features.lattice.quadratic_form import Scattering, quadratic_form
from matganip.features.lattice.resolved import parent_basis, resolved_peaks
from matganip.features.lattice.translations import waves
from matganip.features.lattice.triplets import Triplets, triplets_of
from matganip.features.peaks import Peaks
from matganip.features.radiation import Radiation
from matganip.features.reflections import Reflections, reflections_in_range

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

Resolution = Literal["powder", "resolved"]

# Triplets of more vertices than these (the paper's number of peaks) are made only where they are asked for.
TRIPLET_VERTICES = 28


def bragg_patterns(
    space: ConfigurationSpace,
    radiation: Radiation,
    two_theta_range: tuple[float, float] | None,
    resolution: Resolution,
    scaled: bool,
    order: int,
    vertices: Vertices,
) -> LatticePatterns:
    """Work out the peaks of a space.

    Parameters
    ----------
    space, radiation, two_theta_range, resolution, scaled, order, vertices
        As for `LatticeDiffraction`.

    Returns
    -------
    LatticePatterns

    Raises
    ------
    InputError
        If no reflection lies in the range, a species has no form factor, a vertex is no peak, or resolved peaks are
        to be scaled by reflections of the parent that the range does not hold.
    """
    reflections = reflections_in_range(space.supercell_structure.lattice, radiation, two_theta_range)
    parts = amplitudes(space, reflections, radiation)
    merged = (_powder if resolution == "powder" else _resolved)(space, reflections, parts)
    kept = vertex_columns(vertices, len(merged.powder_peak))
    wave = waves(parts.sites, reflections.hkl, space.site_indices)
    form = quadratic_form(merged.scattering, wave)
    triplets = of_triplets = None
    if order == 3:
        triplets = merged.find_triplets(kept if vertices is not None else kept[:TRIPLET_VERTICES])
        if len(triplets.vertices):
            of_triplets = cubic_form(merged.scattering, wave, triplets)

    reference = None
    if resolution == "resolved":
        if wave.zero >= 0:
            reference = _largest_intensity(space, radiation, form.compile(parts.mode_of_code, wave.table))
        if scaled:
            form, of_triplets = _scaled(form, of_triplets, reference, two_theta_range)
    # Powder peaks are scaled by the largest of all, which are computed after those that are kept.
    others = np.setdiff1d(np.arange(len(merged.powder_peak)), kept) if resolution == "powder" else kept[:0]
    return LatticePatterns(
        columns=merged.columns(reflections, kept, triplets),
        intensity=form.columns(np.concatenate([kept, others])).compile(parts.mode_of_code, wave.table),
        triplets=None if of_triplets is None else of_triplets.compile(parts.mode_of_code, wave.table, False),
        scale_to_maximum=scaled and resolution == "powder",
        reference_intensity=reference,
    )


@dataclass(frozen=True, eq=False)
class _Merging:
    """Which reflections, and which products of amplitudes, a peak gathers."""

    powder_peak: NDArray[np.int64]  # (n_peaks,) the powder peak at whose angle each stands
    members: list[NDArray[np.int64]]  # the reflections of each peak
    scattering: Scattering
    find_triplets: Callable[[NDArray[np.int64]], Triplets]
    site_pairs: NDArray[np.int64] | None = None

    def columns(self, reflections: Reflections, kept: NDArray[np.int64], triplets: Triplets | None) -> Peaks:
        """The peaks that are kept, of no arrangement."""
        powder_peak = self.powder_peak[kept]
        return Peaks(
            two_theta=reflections.two_theta[powder_peak],
            intensity=np.zeros((0, len(kept))),
            d_spacings=reflections.d_spacings[powder_peak],
            hkls=reflections.families([self.members[k] for k in kept]),
            site_pairs=None if self.site_pairs is None else self.site_pairs[kept],
            triplets=None if triplets is None else np.zeros((0, len(triplets.vertices))),
            triplet_vertices=None if triplets is None else triplets.vertices,
        )


def _powder(_space: ConfigurationSpace, reflections: Reflections, parts: Amplitudes) -> _Merging:
    """One scatterer, the whole crystal."""

    def no_triplets(_vertices: NDArray[np.int64]) -> Triplets:
        raise InputError("order=3: triplets belong to resolved peaks; take resolution='resolved'")

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
    return _Merging(np.arange(n_peaks), members, scattering, no_triplets)


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
    return _Merging(
        powder_peak=reflections.peak[found.reflection],
        members=found.members(),
        scattering=scattering,
        find_triplets=lambda kept: triplets_of(reflections, space.symmetry, coordinates, basis, found, kept),
        site_pairs=first_column[found.pairs],
    )


def _largest_intensity(space: ConfigurationSpace, radiation: Radiation, pattern: _core.LatticePattern) -> float:
    """Largest intensity of the supercell with each sublattice's heaviest species on all its sites."""
    wavelength = radiation.lines[0][0]
    heaviest = [
        int(np.argmax(np.abs(radiation.form_factors(species, wavelength).at(0.0)))) for species in space.species
    ]
    filled = np.array(heaviest, dtype=np.uint8)[space.sublattices][np.newaxis]
    peaks = pattern.intensities(filled, n_columns=pattern.n_peaks, scale_to_maximum=False, num_threads=1)
    return float(peaks.max())


def _scaled(
    form: PatternForm,
    of_triplets: PatternForm | None,
    reference: float | None,
    two_theta_range: tuple[float, float] | None,
) -> tuple[PatternForm, PatternForm | None]:
    """Forms whose peaks are in hundredths of the reference; triplets in hundredths of its power of 3/2."""
    if reference == 0:
        raise InputError("no substituted species has any of this property: take scaled=False, or another property")
    if reference is None:
        raise InputError(
            f"two_theta_range={two_theta_range} holds no reflection of the parent to scale resolved peaks by: "
            "widen it, or take scaled=False"
        )
    cubic = None if of_triplets is None else of_triplets.times(100 / reference**1.5)
    return form.times(100 / reference), cubic
