r"""A crystal as the pattern model needs it: reflections by d-spacing, and what each pair of elements adds to them.

The lattice may be strained as far as its symmetry allows: the reciprocal metric is a sum of invariant ones,
:math:`G^* = \sum_k c_k B_k`, with :math:`c = (1, 0, \ldots)` as given, so that
:math:`1/d^2 = \sum_k c_k \phi_k(h)`. Reflections of equal :math:`\phi` stand at one angle whatever the strain: they
are one *peak*. With :math:`S_e(h) = \sum_j n_{je} \exp(2\pi i h x_j)` over the sites j and occupancies
:math:`n_{je} = m_{je} + t\,d_{je}` of the element e, a peak is

.. math:: I_p = \sum_{e,e'} \mathrm{Re}(W_e W_{e'}^*)\,(T_0 + t T_1 + t^2 T_2)_{pee'}, \qquad
          W_e = (f_e + i f''_e) \exp(-B_e s^2),

where T gathers :math:`\mathrm{Re}(S_e S_{e'}^*)` over its reflections: the mean of F(h) and F(-h), in which the
imaginary parts cancel.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure
from scipy.linalg import null_space

from matganip.configurations.species import VACANCY, symbol_of
from matganip.configurations.symmetry import find_symmetry
from matganip.errors import InputError
from matganip.features.radiation import Radiation
from matganip.features.reflections import Reflections, reflections_in_range

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

Floats = NDArray[np.float64]

# Relative: reflections whose lengths agree this well under every strain are one peak.
EQUAL = 1e-7
# Relative to the strongest: peaks that no arrangement of these occupancies has.
ABSENT_PEAK = 1e-12


@dataclass(frozen=True, eq=False)
class Metric:
    """What the symmetry of a lattice leaves free of its metric.

    Attributes
    ----------
    lattice : (3, 3) float64 ndarray
        Vectors of the parent's cell as rows, angstrom.
    basis : (k, 3, 3) float64 ndarray
        Invariant reciprocal metrics; the first is the lattice's own.
    supercell : (3, 3) int64 ndarray
        Vectors of the supercell in units of the parent's.
    """

    lattice: Floats
    basis: Floats
    supercell: NDArray[np.int64]

    @property
    def n_free(self) -> int:
        """Numbers that fix the cell: 1 of a cubic lattice, 6 of a triclinic one."""
        return len(self.basis)

    def cell(self, c: Floats) -> Floats:
        """(6,) a, b, c in angstrom and alpha, beta, gamma in degrees of the parent, for coefficients (k,)."""
        direct = np.linalg.inv(np.tensordot(c, self.basis, 1))
        lengths = np.sqrt(np.diag(direct))
        cosines = (direct / np.outer(lengths, lengths))[[1, 0, 0], [2, 2, 1]]
        return np.concatenate([lengths, np.degrees(np.arccos(np.clip(cosines, -1, 1)))])

    def of_reflections(self, hkl: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Of indices (n, 3) of the supercell: those of the parent (n, 3), and phi (n, k) in 1/angstrom^2."""
        parent = hkl @ np.linalg.inv(self.supercell).T
        return parent, np.einsum("ni,kij,nj->nk", parent, self.basis, parent)


def metric_of(parent: Structure, supercell: NDArray[np.int64] | None = None, symprec: float = 0.01) -> Metric:
    """Find what the symmetry of a crystal leaves free of its lattice.

    Parameters
    ----------
    parent : Structure
    supercell : (3, 3) int64 ndarray, optional
    symprec : float
        Angstrom.

    Returns
    -------
    Metric

    Examples
    --------
    >>> import matganip as mg
    >>> metric_of(mg.perovskite("CsPbI3", a=6.289)).n_free
    1
    """
    kinds: dict[str, int] = {}
    numbers = [kinds.setdefault(site.species_string, len(kinds) + 1) for site in parent]
    lattice = np.array(parent.lattice.matrix)
    rotations = find_symmetry(
        lattice, np.array(parent.frac_coords), np.array(numbers), np.eye(3, dtype=np.int64), symprec
    ).rotations
    own = np.linalg.inv(lattice @ lattice.T)
    triangle = np.triu_indices(3)
    mean = np.zeros((6, 6))  # of a symmetric matrix over the group: x -> W x takes G* to W G* W^T
    for column, (i, j) in enumerate(zip(*triangle, strict=True)):
        unit = np.zeros((3, 3))
        unit[i, j] = unit[j, i] = 1.0
        mean[:, column] = (rotations @ unit @ rotations.transpose(0, 2, 1)).mean(axis=0)[triangle]
    scale = np.sqrt(np.outer(np.diag(own), np.diag(own)))[triangle]
    invariant = null_space((mean - np.eye(6)) * scale, rcond=1e-8)
    first = own[triangle] / scale
    others = null_space(np.vstack([first @ invariant, np.zeros(invariant.shape[1])]))
    rows = [first, *(invariant @ others).T * np.linalg.norm(first)]
    basis = np.zeros((len(rows), 3, 3))
    for matrix, row in zip(basis, rows, strict=True):
        matrix[triangle] = row * scale
        matrix.T[triangle] = row * scale
    return Metric(lattice, basis, np.eye(3, dtype=np.int64) if supercell is None else supercell)


@dataclass(frozen=True, eq=False)
class PhasePeaks:
    """Peaks of one crystal, whatever strain, displacements and order.

    Attributes
    ----------
    name : str
    metric : Metric
    elements : tuple of str
    hkl : (n, 3) float64 ndarray
        One reflection of each peak; indices of the parent, fractions in a supercell.
    phi : (n, k) float64 ndarray
        1/angstrom^2.
    products : (n, 3, n_elements, n_elements) float64 ndarray
        T_0, T_1, T_2 per cell of the parent.
    mass, volume : float
        Of a cell of the parent: atomic mass units, angstrom^3.
    sites : tuple of tuple of str
        Elements that share sites, each element in one of them.
    orientation : tuple of (n_reflections, n_elements) arrays, peak numbers and angles, or None
        What preferred orientation needs: S, its slope in t, the peak of each reflection, and the cosine squared of its
        angle to the planes.
    """

    name: str
    metric: Metric
    elements: tuple[str, ...]
    hkl: Floats
    phi: Floats
    products: Floats
    mass: float
    volume: float
    sites: tuple[tuple[str, ...], ...]
    orientation: tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.int64], Floats] | None = None

    def displacements(self, values: Mapping[str, float]) -> Floats:
        """B (n_elements,) in angstrom^2: of the phase, of elements together and of each, added."""
        own = f"{self.name}.b."
        found = dict.fromkeys(self.elements, values[f"{self.name}.b"])
        for name, value in values.items():
            if name.startswith(own):
                for element in found.keys() & set(name.removeprefix(own).split("+")):
                    found[element] += value
        return np.array([found[element] for element in self.elements])

    @property
    def is_ordered(self) -> bool:
        """Whether the peaks depend on t."""
        return bool(self.products[:, 1:].any())

    def oriented(self, r: float) -> Floats:
        """T of March's distribution with the parameter r (`matganip.MarchDollase`)."""
        if self.orientation is None or r == 1.0:
            return self.products
        s, slope, peak, cosine = self.orientation
        gathered = _gather(s, slope, peak, march(cosine, r), len(self.phi))
        return gathered / abs(float(np.linalg.det(self.metric.supercell)))


def phase_peaks(
    name: str,
    structure: Structure,
    radiation: Radiation,
    two_theta_range: tuple[float, float],
    *,
    metric: Metric | None = None,
    occupancy: Mapping[str, Floats] | None = None,
    slope: Mapping[str, Floats] | None = None,
    march_hkl: Sequence[float] | None = None,
    sharing: Sequence[Collection[str]] | None = None,
) -> PhasePeaks:
    """Work out the peaks of a crystal.

    Parameters
    ----------
    name : str
        For the parameters and messages.
    structure : Structure
        Sites, and what is on them where `occupancy` is left out.
    radiation : Radiation
    two_theta_range : (float, float)
        Degrees: reflections of any spectral line within it, and a little beyond.
    metric : Metric, optional
        Of the parent where the structure is a supercell; found from the structure by default.
    occupancy, slope : mapping of str to (n_sites,) float64 ndarray, optional
        By element, at t = 0 and per unit of t.
    march_hkl : three numbers, optional
        Planes of a preferred orientation; indices of the parent.
    sharing : sequence of collections of str, optional
        Elements that share sites of a space, whatever the arrangement; by default those that share them here.

    Returns
    -------
    PhasePeaks

    Raises
    ------
    InputError
        If no reflection lies in the range.
    """
    shape = metric or metric_of(structure)
    table = dict(occupancy or _occupancy(structure))
    slopes = dict(slope or {})
    elements = tuple(sorted(name for name in {*table, *slopes} if name != VACANCY))
    none = np.zeros(len(structure))
    grouped = lattice_peaks(structure, shape, radiation, two_theta_range)
    phase = np.exp(2j * np.pi * grouped.reflections.hkl @ np.array(structure.frac_coords).T)
    s, ds = (
        phase @ np.stack([columns.get(element, none) for element in elements], axis=1) for columns in (table, slopes)
    )
    peak, n_peaks = grouped.peak, len(grouped.phi)
    n_cells = abs(float(np.linalg.det(shape.supercell)))
    orientation = None
    if march_hkl is not None:
        orientation = (s, ds, peak, grouped.cosine_squared(march_hkl))
    masses = {element: float(_mass(element)) for element in elements}
    found = PhasePeaks(
        name=name,
        metric=shape,
        elements=elements,
        hkl=grouped.hkl,
        phi=grouped.phi,
        products=_gather(s, ds, peak, np.ones(len(peak)), n_peaks) / n_cells,
        mass=sum(masses[e] * float(table[e].sum()) for e in elements if e in table) / n_cells,
        volume=abs(float(np.linalg.det(shape.lattice))),
        sites=_joined_elements(elements, _on_sites(table) if sharing is None else sharing),
        orientation=orientation,
    )
    return _present(found)


@dataclass(frozen=True, eq=False)
class LatticePeaks:
    """Reflections of a lattice by peak.

    Attributes
    ----------
    metric : Metric
    reflections : Reflections
        One of each Friedel pair; indices of the supercell.
    parent_hkl : (n_reflections, 3) float64 ndarray
        Indices of the parent.
    peak : (n_reflections,) int64 ndarray
    hkl : (n_peaks, 3) float64 ndarray
        One reflection of each peak; indices of the parent.
    phi : (n_peaks, k) float64 ndarray
        1/angstrom^2.
    """

    metric: Metric
    reflections: Reflections
    parent_hkl: Floats
    peak: NDArray[np.int64]
    hkl: Floats
    phi: Floats

    def cosine_squared(self, planes: Sequence[float]) -> Floats:
        """(n_reflections,) of the angle between each reflection's planes and some others, indices of the parent."""
        g, h, n = self.metric.basis[0], self.parent_hkl, np.asarray(planes, dtype=np.float64)
        cosine: Floats = (h @ g @ n) ** 2 / (np.einsum("ni,ij,nj->n", h, g, h) * (n @ g @ n))
        return cosine


def march(cosine_squared: Floats, r: float) -> Floats:
    """Weights by March's distribution with the parameter r (`matganip.MarchDollase`)."""
    weight: Floats = (r**2 * cosine_squared + (1 - cosine_squared) / r) ** -1.5
    return weight


def lattice_peaks(
    structure: Structure, metric: Metric, radiation: Radiation, two_theta_range: tuple[float, float]
) -> LatticePeaks:
    """Sort the reflections of a crystal's lattice into peaks that no strain splits.

    Parameters
    ----------
    structure : Structure
        The supercell.
    metric : Metric
        Of its parent.
    radiation : Radiation
    two_theta_range : (float, float)
        Degrees: reflections of any spectral line within it, and a little beyond.

    Returns
    -------
    LatticePeaks

    Raises
    ------
    InputError
        If no reflection lies in the range.
    """
    reflections = reflections_in_range(structure.lattice, radiation.wavelength, wider(two_theta_range, radiation))
    parent_hkl, phi = metric.of_reflections(reflections.hkl)
    rounded = np.rint(phi / (EQUAL * np.abs(phi).max())).astype(np.int64)
    _, first, peak = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    peak = _joined(rounded[first], peak.reshape(-1))
    first = np.unique(peak, return_index=True)[1]
    return LatticePeaks(metric, reflections, parent_hkl, peak, parent_hkl[first], phi[first])


def average_occupancy(space: ConfigurationSpace) -> dict[str, Floats]:
    """Mean occupancy (n_atoms,) of the supercell's sites by element, over all arrangements.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> float(average_occupancy(space)["Br"].max())
    0.25
    """
    table = _occupancy(space.supercell_structure)
    for sublattice, (species, counts) in enumerate(zip(space.species, space.counts, strict=True)):
        atoms = space.site_indices[space.sublattices == sublattice]
        for column in table.values():
            column[atoms] = 0.0
        for name, count in zip(species, counts, strict=True):
            table.setdefault(symbol_of(name), np.zeros(len(space.supercell_structure)))[atoms] += count / len(atoms)
    table.pop(VACANCY, None)
    return table


def occupancy_of(space: ConfigurationSpace, occupation: NDArray[np.uint8]) -> dict[str, Floats]:
    """Occupancy (n_atoms,), 0 or 1, of the supercell's sites by element, of one arrangement (n_sites,)."""
    table = average_occupancy(space)
    for sublattice, species in enumerate(space.species):
        columns = np.flatnonzero(space.sublattices == sublattice)
        for name in {symbol_of(one) for one in species} - {VACANCY}:
            codes = [code for code, one in enumerate(species) if symbol_of(one) == name]
            table[name][space.site_indices[columns]] = np.isin(occupation[columns], codes)
    return table


def _occupancy(structure: Structure) -> dict[str, Floats]:
    table: dict[str, Floats] = {}
    for i, site in enumerate(structure):
        for species, amount in site.species.items():
            symbol = symbol_of(str(species))
            table.setdefault(symbol, np.zeros(len(structure)))[i] += amount
    return table


def wider(two_theta_range: tuple[float, float], radiation: Radiation) -> tuple[float, float]:
    """The range in angles of the first line in which every line's reflections lie, and three degrees more."""
    lengths = [length for length, _ in radiation.lines]
    low, high = (np.sin(np.radians(angle / 2)) for angle in two_theta_range)
    low, high = low * lengths[0] / max(lengths), high * lengths[0] / min(lengths)
    first, last = (np.degrees(2 * np.arcsin(min(sine, 1.0))) for sine in (low, high))
    return max(first - 3.0, 0.0), min(last + 3.0, 179.0)


def _joined(kinds: NDArray[np.int64], peak: NDArray[np.int64]) -> NDArray[np.int64]:
    """Peak numbers with kinds that rounding told apart, one unit in some coordinates, taken together."""
    order = np.lexsort(kinds.T[::-1])
    names = np.arange(len(kinds))
    for one, other in pairwise(order.tolist()):
        if np.abs(kinds[one] - kinds[other]).max() <= 1:
            names[other] = names[one]
    return np.unique(names[peak], return_inverse=True)[1].reshape(-1)


def _gather(
    s: NDArray[np.complex128], slope: NDArray[np.complex128], peak: NDArray[np.int64], weight: Floats, n: int
) -> Floats:
    """T_0, T_1, T_2 (n, 3, n_elements, n_elements): twice, for the Friedel pair."""
    n_elements = s.shape[1]
    found = np.zeros((n, 3, n_elements, n_elements))
    for a in range(n_elements):
        for b in range(n_elements):
            terms = (
                s[:, a] * s[:, b].conj(),
                s[:, a] * slope[:, b].conj() + slope[:, a] * s[:, b].conj(),
                slope[:, a] * slope[:, b].conj(),
            )
            for power, term in enumerate(terms):
                found[:, power, a, b] = np.bincount(peak, 2 * weight * term.real, n)
    return found


def _present(peaks: PhasePeaks) -> PhasePeaks:
    """Without those that symmetry extinguishes."""
    strength = np.abs(peaks.products).max(axis=(1, 2, 3))
    kept = np.flatnonzero(strength > ABSENT_PEAK * strength.max())
    if not len(kept):
        raise InputError(f"{peaks.name}: no atom scatters in this range")
    number = np.full(len(strength), -1)
    number[kept] = np.arange(len(kept))
    orientation = peaks.orientation
    if orientation is not None:
        rows = np.flatnonzero(number[orientation[2]] >= 0)
        s, slope, peak, cosine = orientation
        orientation = (s[rows], slope[rows], number[peak[rows]], cosine[rows])
    return PhasePeaks(
        peaks.name, peaks.metric, peaks.elements, peaks.hkl[kept], peaks.phi[kept], peaks.products[kept],
        peaks.mass, peaks.volume, peaks.sites, orientation,
    )  # fmt: skip


def _on_sites(table: Mapping[str, Floats]) -> list[set[str]]:
    """The elements on each site."""
    n_sites = len(next(iter(table.values())))
    return [{name for name, column in table.items() if column[i] > 0} for i in range(n_sites)]


def _joined_elements(elements: Sequence[str], sharing: Sequence[Collection[str]]) -> tuple[tuple[str, ...], ...]:
    """Elements that share sites, directly or through others."""
    groups = [{element} for element in elements]
    for here in sharing:
        touching = [one for one in groups if not one.isdisjoint(here)]
        if len(touching) > 1:
            groups = [one for one in groups if one not in touching] + [set().union(*touching)]
    return tuple(sorted(tuple(sorted(one)) for one in groups))


def _mass(element: str) -> float:
    from pymatgen.core.periodic_table import Element

    return float(Element(element).atomic_mass)
