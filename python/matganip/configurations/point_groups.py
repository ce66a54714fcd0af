"""The point group of each arrangement, from the parent's operations that map it onto itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.symmetry import factor_permutations
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

_TYPES = ("1", "2", "3", "4", "6", "-1", "m", "-3", "-4", "-6")
_TYPE_OF_DET_TRACE = {
    **{(1, trace): name for trace, name in [(3, "1"), (-1, "2"), (0, "3"), (1, "4"), (2, "6")]},
    **{(-1, trace): name for trace, name in [(-3, "-1"), (1, "m"), (0, "-3"), (-1, "-4"), (-2, "-6")]},
}

# How many rotations of each type a crystallographic point group has; no two of the 32 have the same numbers
# (International Tables for Crystallography A, 6th ed. (2016), table 3.2.1.5).
#   Hermann-Mauguin Schoenflies   1  2  3  4  6 -1  m -3 -4 -6
_TABLE = """
    1               C1            1  0  0  0  0  0  0  0  0  0
    -1              Ci            1  0  0  0  0  1  0  0  0  0
    2               C2            1  1  0  0  0  0  0  0  0  0
    m               Cs            1  0  0  0  0  0  1  0  0  0
    2/m             C2h           1  1  0  0  0  1  1  0  0  0
    222             D2            1  3  0  0  0  0  0  0  0  0
    mm2             C2v           1  1  0  0  0  0  2  0  0  0
    mmm             D2h           1  3  0  0  0  1  3  0  0  0
    4               C4            1  1  0  2  0  0  0  0  0  0
    -4              S4            1  1  0  0  0  0  0  0  2  0
    4/m             C4h           1  1  0  2  0  1  1  0  2  0
    422             D4            1  5  0  2  0  0  0  0  0  0
    4mm             C4v           1  1  0  2  0  0  4  0  0  0
    -42m            D2d           1  3  0  0  0  0  2  0  2  0
    4/mmm           D4h           1  5  0  2  0  1  5  0  2  0
    3               C3            1  0  2  0  0  0  0  0  0  0
    -3              C3i           1  0  2  0  0  1  0  2  0  0
    32              D3            1  3  2  0  0  0  0  0  0  0
    3m              C3v           1  0  2  0  0  0  3  0  0  0
    -3m             D3d           1  3  2  0  0  1  3  2  0  0
    6               C6            1  1  2  0  2  0  0  0  0  0
    -6              C3h           1  0  2  0  0  0  1  0  0  2
    6/m             C6h           1  1  2  0  2  1  1  2  0  2
    622             D6            1  7  2  0  2  0  0  0  0  0
    6mm             C6v           1  1  2  0  2  0  6  0  0  0
    -6m2            D3h           1  3  2  0  0  0  4  0  0  2
    6/mmm           D6h           1  7  2  0  2  1  7  2  0  2
    23              T             1  3  8  0  0  0  0  0  0  0
    m-3             Th            1  3  8  0  0  1  3  8  0  0
    432             O             1  9  8  6  0  0  0  0  0  0
    -43m            Td            1  3  8  0  0  0  6  0  6  0
    m-3m            Oh            1  9  8  6  0  1  9  8  6  0
"""
_SYMBOLS = {
    tuple(int(number) for number in numbers): (hermann_mauguin, schoenflies)
    for hermann_mauguin, schoenflies, *numbers in map(str.split, _TABLE.strip().splitlines())
}


@dataclass(frozen=True)
class PointGroups:
    """Point groups of arrangements, one for each row.

    Attributes
    ----------
    schoenflies : (n,) str
        ``"D2h"``.
    hermann_mauguin : (n,) str
        ``"mmm"``.
    order : (n,) int64
        Number of rotations, proper and improper, in the group.
    translations : (n,) int64
        Number of translations of the parent, modulo the supercell's, that map the arrangement onto itself. More than
        one: the arrangement is that of a smaller cell (it is *superperiodic*).
    """

    schoenflies: NDArray[np.str_]
    hermann_mauguin: NDArray[np.str_]
    order: NDArray[np.int64]
    translations: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.order)

    @property
    def labels(self) -> list[str]:
        """Both symbols: ``"D2h (mmm)"``."""
        return [f"{s} ({hm})" for s, hm in zip(self.schoenflies, self.hermann_mauguin, strict=True)]


def point_group_symbols(rotations: NDArray[np.int64]) -> tuple[str, str]:
    """Name a crystallographic point group.

    Parameters
    ----------
    rotations : (n, 3, 3) int64
        All its rotations, in any lattice basis: their type depends on determinant and trace alone, which no basis
        changes.

    Returns
    -------
    (str, str)
        Hermann-Mauguin and Schoenflies symbols.

    Raises
    ------
    ValueError
        If the matrices are not a crystallographic point group.

    Examples
    --------
    >>> point_group_symbols(np.array([np.eye(3), -np.eye(3)], dtype=int))
    ('-1', 'Ci')
    """
    determinants = np.rint(np.linalg.det(rotations)).astype(int)
    traces = np.trace(rotations, axis1=1, axis2=2)
    try:
        types = [_TYPE_OF_DET_TRACE[int(d), int(t)] for d, t in zip(determinants, traces, strict=True)]
        return _SYMBOLS[tuple(types.count(name) for name in _TYPES)]
    except KeyError as error:
        raise ValueError("the rotations are not a crystallographic point group") from error


def point_groups(space: ConfigurationSpace, occupations: NDArray[np.uint8]) -> PointGroups:
    """Point group of each arrangement in its supercell; see `ConfigurationBatch.point_groups`."""
    translations, rotations = factor_permutations(space.symmetry, *_substituted_sites(space), space.symprec)
    # An operation x -> W x + w + p is (W|w) followed by the translation p.
    permutations = translations[:, rotations].transpose(1, 0, 2)
    return _name_groups(space.symmetry.rotations, permutations, occupations)


def cluster_point_groups(space: ConfigurationSpace, occupations: NDArray[np.uint8]) -> PointGroups:
    """Point group of each arrangement's finite figure; see `ConfigurationBatch.cluster_point_groups`."""
    rotations, permutations = _figure(space)
    of_figure = {permutation.tobytes() for permutation in permutations}
    if not all(operation.tobytes() in of_figure for operation in space.group):
        raise InputError(
            f"the {space.n_sites} substituted sites of one cell are not a figure whose rotations give all "
            f"{len(space.group)} site permutations of the crystal, so equivalent arrangements would get different "
            "names; 2x2x2 cells of a cubic crystal with one such site per cell are; use point_groups() instead"
        )
    return _name_groups(rotations, permutations[:, np.newaxis, :], occupations)


def _substituted_sites(space: ConfigurationSpace) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    frame = space.supercell_structure
    return np.array(frame.lattice.matrix), np.array(frame.frac_coords[space.site_indices])


def _figure(space: ConfigurationSpace) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Rotations about the centroid that map the substituted sites of the cell, a finite set of points, onto itself.

    Returns
    -------
    rotations : (n_rotations, 3, 3) int64
    permutations : (n_rotations, n_sites) uint16
    """
    lattice, positions = _substituted_sites(space)
    margin = space.symprec / np.array(space.supercell_structure.lattice.abc)
    points = (positions + margin) % 1.0 - margin  # a site just below 0 is one at 0, not at 1
    points -= points.mean(axis=0)
    kept, permutations = [], []
    for rotation in space.symmetry.rotations:
        separations = ((points @ rotation.T)[:, np.newaxis, :] - points) @ lattice
        distances = np.linalg.norm(separations, axis=2)
        if distances.min(axis=1).max() < 3 * space.symprec:  # the centroid and both positions may be off by symprec
            kept.append(rotation)
            permutations.append(distances.argmin(axis=1))
    return np.array(kept), np.array(permutations, dtype=np.uint16)


def _name_groups(
    rotations: NDArray[np.int64], permutations: NDArray[np.uint16], occupations: NDArray[np.uint8]
) -> PointGroups:
    """Find which rotations occur in the stabilizer of each row, and name the groups that they form.

    Parameters
    ----------
    rotations : (n_rotations, 3, 3) int64
        At most 48.
    permutations : (n_rotations, n_translations, n_sites) uint16
        The operations that have each rotation.
    occupations : (n, n_sites) uint8
        Arrangements.
    """
    planes = _bit_planes(occupations)
    subsets = np.zeros(len(occupations), dtype=np.uint64)  # bit r is set if rotation r occurs
    translations = np.zeros(len(occupations), dtype=np.int64)
    for number, (rotation, operations) in enumerate(zip(rotations, permutations, strict=True)):
        kept = np.stack([_kept_by(planes, operation, len(occupations)) for operation in operations])
        subsets |= kept.any(axis=0).astype(np.uint64) << np.uint64(number)
        if np.array_equal(rotation, np.eye(3)):
            translations = kept.sum(axis=0)
    distinct, which = np.unique(subsets, return_inverse=True)
    members = [rotations[[bool(int(subset) >> r & 1) for r in range(len(rotations))]] for subset in distinct]
    symbols = np.array([point_group_symbols(group) for group in members]).reshape(-1, 2)
    orders = np.array([len(group) for group in members], dtype=np.int64)
    return PointGroups(symbols[which, 1], symbols[which, 0], orders[which], translations)


def _bit_planes(occupations: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The bits of the codes as (n_bits, n_sites, n/8): one logical instruction compares a site of many arrangements."""
    n_bits = max(int(occupations.max(initial=0)).bit_length(), 1)
    columns = np.ascontiguousarray(occupations.T)
    return np.stack([np.packbits(columns >> bit & 1, axis=1) for bit in range(n_bits)])


def _kept_by(planes: NDArray[np.uint8], permutation: NDArray[np.uint16], n: int) -> NDArray[np.bool_]:
    """Which of the n arrangements a permutation of the sites leaves unchanged."""
    differs = np.bitwise_or.reduce(planes[:, permutation] ^ planes, axis=(0, 1))
    same: NDArray[np.bool_] = np.unpackbits(differs, count=n) == 0
    return same
