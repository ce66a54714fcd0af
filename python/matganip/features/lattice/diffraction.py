"""Diffraction of the arrangements of one space: all but the arrangement is worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.errors import InputError
from matganip.features.graph.matrix import Scaling, check_buffer, graph_matrix
from matganip.features.lattice.bragg import Resolution, bragg_patterns
from matganip.features.lattice.clusters import cluster_patterns
from matganip.features.lattice.patterns import Vertices
from matganip.features.lattice.patterson import patterson_patterns
from matganip.features.lattice.shared_clusters import shared_cluster_patterns
from matganip.features.peaks import Peaks
from matganip.features.radiation import Radiation
from matganip.features.reflections import HklFamily
from matganip.features.site_properties import radiation_of

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

Domain = Literal["diffraction", "patterson", "clusters"]

# Arrangements whose peaks are made before their matrices: they are still in the cache.
ROWS_PER_BLOCK = 8192


class LatticeDiffraction:
    r"""Peaks of the arrangements of a space, on its ideal lattice.

    Parameters
    ----------
    space : ConfigurationSpace
        The arrangements.
    radiation : str, float, Radiation or mapping
        Name of an X-ray line, ``"CuKa"``, a wavelength in angstrom, or a `Radiation`. Or a property of the sites in the
        place of form factors: one of `matganip.features.site_properties.PROPERTIES`, ``"charge"``, ``"ionic_radius"``
        ..., or a table ``{"Ag": 1, "Bi": 3}``.
    two_theta_range : (float, float) or None
        Degrees, both ends included; None takes all reflections that the wavelength admits. Without meaning in the
        Patterson domain.
    resolution : {"powder", "resolved"}
        "powder" merges reflections by d-spacing, as a powder diffractometer does. "resolved" merges them only
        where a symmetry operation of the parent relates them, and keeps symmetry-distinct pairs of its basis
        sites apart: a resolved peak is an orbit of (h; b, b'), and its intensity the sum over the orbit of LP
        \|F_b(h)\|^2 where b = b', and of LP \|F_b(h) + F_b'(h)\|^2 otherwise, where F_b is what all species
        on basis site b scatter and LP the Lorentz-polarization factor. Intensities are never negative. Patterson
        columns are always resolved.
    scaled : bool
        Scale intensities to 100: powder peaks as pymatgen does, so that the largest of each arrangement is
        100; resolved ones by one number for the whole space, `reference_intensity`, so that none of what they
        tell is lost; Patterson columns each by its value where all sites carry their heaviest species. Unscaled
        intensities are in electrons squared, times LP, per supercell (Patterson: per formula unit).
    order : {2, 3}
        3 adds triplets to resolved peaks and to the Patterson function: the structure invariants
        Re[F_b(h) F_b'(k) F_b''(l)] with h + k + l = 0, weighted by the square root of the product of their LP, or
        the products of three sites. They have a sign. 100 stands for `reference_intensity` to the power 3/2.
    vertices : int or sequence of int, optional
        The peaks that are kept: the first so many by angle, or those of given indices, in that order; None keeps
        all, and then triplets are made of the first 28.
    domain : {"diffraction", "patterson", "clusters"}
        "patterson" gives the Fourier transform of resolved peaks: for each symmetry class of pairs of sites of the
        *parent*, up to a distance, the sum of the products of what they scatter at theta = 0, per formula unit. Its
        columns mean the same in every supercell of the parent. "clusters" gives points, pairs and (order 3) triplets
        of species by class under the *supercell's* own permutations, as shares of their number, 0 to 100: complete,
        but of this supercell alone (`matganip.features.lattice.clusters`).
    cutoff : float, optional
        Angstrom, the longest distance in the Patterson domain, which needs it, or between the sites of a cluster.
    shared : (float or None,), optional
        With ``domain="clusters"`` and a cutoff for pairs: classes by the *parent's* symmetry, the same in every
        supercell (`matganip.features.lattice.shared_clusters`), with triplets up to this distance, or none.

    Attributes
    ----------
    two_theta, d_spacings : numpy.ndarray
        (p,) float64, degrees and angstrom.
    distance : numpy.ndarray or None
        (p,) float64, angstrom, of Patterson columns.
    hkls : list of list of dict
        Families of each peak; indices of the supercell.
    site_pairs : numpy.ndarray or None
        As in `Peaks`.
    n_sums : int
        Sums over pairs of sites that an arrangement needs: all peaks are linear in them.
    reference_intensity : float or None
        Resolved peaks: the largest intensity, unscaled, of the supercell in which each substituted site
        carries the heaviest species that it may. It stands for 100. None for powder and Patterson, and where the
        range holds no reflection of the parent.

    Raises
    ------
    InputError
        If the radiation, the resolution, the order or the domain is unknown, no reflection lies in the range, an
        element has no form factor, a vertex is no peak, triplets of powder peaks are asked for, or the cut-off is
        missing, out of place or no positive number.

    Notes
    -----
    Conventions of the form factors, the Lorentz-polarization factor and the range are those of pymatgen's
    `XRDCalculator`; ``docs/diffraction.md`` gives the formulas. The column i of an intensity means the same for each
    arrangement of the space: weak and absent lines are kept.

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
        radiation: str | float | Radiation | Mapping[str, float] = "CuKa",
        two_theta_range: tuple[float, float] | None = (0, 90),
        resolution: Resolution = "powder",
        scaled: bool = True,
        *,
        order: Literal[2, 3] = 2,
        vertices: Vertices = None,
        domain: Domain = "diffraction",
        cutoff: float | None = None,
        shared: tuple[float | None] | None = None,
    ) -> None:
        _check_choice("resolution", resolution, get_args(Resolution))
        _check_choice("order", order, (2, 3))
        _check_choice("domain", domain, get_args(Domain))
        if (cutoff is not None) != (domain == "patterson") and domain != "clusters":
            raise InputError("cutoff, a distance in angstrom, belongs to domain='patterson', which needs it")
        self.space = space
        self.radiation = radiation_of(space, radiation)
        self.wavelength = self.radiation.lines[0][0]
        self.two_theta_range = two_theta_range
        self.resolution = resolution
        self.scaled = scaled
        self.order = order
        self.domain = domain
        self.cutoff = cutoff
        if shared is not None and cutoff is not None:
            self._patterns = shared_cluster_patterns(space, cutoff, shared[0], vertices)
        elif domain == "clusters":
            self._patterns = cluster_patterns(space, order, cutoff, vertices)
        elif cutoff is not None:
            self._patterns = patterson_patterns(space, self.radiation, cutoff, scaled, order, vertices)
        else:
            self._patterns = bragg_patterns(space, self.radiation, two_theta_range, resolution, scaled, order, vertices)
        columns = self._patterns.columns
        self.two_theta: NDArray[np.float64] = columns.two_theta
        self.d_spacings: NDArray[np.float64] = columns.d_spacings
        self.distance: NDArray[np.float64] | None = columns.distance
        self.hkls: list[list[HklFamily]] = columns.hkls
        self.site_pairs: NDArray[np.int64] | None = columns.site_pairs
        self.reference_intensity = self._patterns.reference_intensity

    @property
    def n_peaks(self) -> int:
        """Number of peaks."""
        return len(self.two_theta)

    @property
    def n_triplets(self) -> int:
        """Number of triplets; 0 where none were asked for."""
        vertices = self._patterns.columns.triplet_vertices
        return 0 if vertices is None else len(vertices)

    @property
    def n_sums(self) -> int:
        """Sums over pairs of sites that an arrangement needs."""
        return self._patterns.intensity.n_sums

    @property
    def kernels(self) -> list[_core.LatticePattern]:
        """The compiled patterns: of the peaks, and of the triplets where there are some."""
        return [one for one in (self._patterns.intensity, self._patterns.triplets) if one is not None]

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
            gives. Triplets are not made.
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
        patterns, threads = self._patterns, num_threads or 0
        triplets = None if patterns.columns.triplets is None else np.zeros((len(occupations), 0))
        try:
            intensity = patterns.intensity.intensities(
                occupations,
                n_columns=n_columns,
                scale_to_maximum=patterns.scale_to_maximum,
                out=out,
                num_threads=threads,
            )
            if patterns.triplets is not None and n_columns == self.n_peaks:
                triplets = patterns.triplets.intensities(
                    occupations, n_columns=patterns.triplets.n_peaks, scale_to_maximum=False, num_threads=threads
                )
        except (TypeError, ValueError) as error:
            raise InputError(str(error)) from error
        if n_columns == self.n_peaks:
            return replace(patterns.columns, intensity=intensity, triplets=triplets)
        return replace(patterns.columns.select(n_columns), intensity=intensity, triplets=None, triplet_vertices=None)

    def graph_matrices(
        self,
        occupations: NDArray[np.uint8],
        n_peaks: int = 28,
        *,
        out: NDArray[np.float32] | None = None,
        scaling: Scaling = "unit",
        num_threads: int | None = None,
    ) -> NDArray[np.float32]:
        """Graph matrices of arrangements: `peaks` and `graph_matrix` in one, block by block within the cache.

        Parameters
        ----------
        occupations : numpy.ndarray
            (n, n_sites) uint8, C-contiguous.
        n_peaks : int
            Vertices p, the first so many peaks; rows and columns beyond those that there are hold zeros.
        out : numpy.ndarray, optional
            (n, p, p) float32, C-contiguous: the matrices are written into it.
        scaling : {"unit", "paper"}
            As for `graph_matrix`.
        num_threads : int, optional
            Threads to use; None or 0 is all cores. The result is the same bytes for any number.

        Returns
        -------
        numpy.ndarray
            (n, p, p) float32, without channels for triplets.

        Raises
        ------
        InputError
            As `peaks` and `graph_matrix`.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
        >>> mg.LatticeDiffraction(space).graph_matrices(next(space.orbits()).occupations).shape
        (19, 28, 28)
        """
        if out is None:
            out = np.empty((len(occupations), n_peaks, n_peaks), dtype=np.float32)
        check_buffer(out, (len(occupations), n_peaks, n_peaks))
        n_columns = min(n_peaks, self.n_peaks)
        intensity = np.empty((min(ROWS_PER_BLOCK, len(out)), n_columns))
        for first in range(0, len(out), ROWS_PER_BLOCK):
            block = out[first : first + ROWS_PER_BLOCK]
            rows = occupations[first : first + ROWS_PER_BLOCK]
            peaks = self.peaks(rows, num_threads, n_peaks=n_columns, out=intensity[: len(rows)])
            graph_matrix(replace(peaks, triplets=None), n_peaks, out=block, scaling=scaling, num_threads=num_threads)
        return out


def _check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        *others, last = map(repr, choices)
        raise InputError(f"{name} must be {', '.join(others)} or {last}, not {value!r}")
