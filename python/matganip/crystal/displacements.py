"""Displacements of atoms from their sites as properties of a structure's sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

U_CIF = tuple(f"U{index}_cif" for index in (11, 22, 33, 23, 13, 12))
"""The six of U_cif as pymatgen names and orders them, angstrom^2, on unit vectors along a*, b*, c*."""

ISOTROPIC = {"B_iso": 1.0, "U_iso": 8 * np.pi**2}
"""What makes B of a property, both in angstrom^2: B = 8 pi^2 U."""

PROPERTIES = (*U_CIF, *ISOTROPIC)

_ROWS, _COLUMNS = [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]


def dimensionless(u_cif: NDArray[np.float64], lattice: Lattice) -> NDArray[np.float64]:
    r"""U\* of U_cif: the tensor of fractional displacements, U\*_ij = a\*_i a\*_j U_ij.

    (Trueblood et al., Acta Cryst. A52, 770-781 (1996).)

    Parameters
    ----------
    u_cif : numpy.ndarray
        (..., 6) in the order of `U_CIF`.
    lattice : Lattice

    Returns
    -------
    numpy.ndarray
        (..., 6), no dimension.
    """
    lengths = np.array(lattice.reciprocal_lattice_crystallographic.abc)
    star: NDArray[np.float64] = u_cif * lengths[_ROWS] * lengths[_COLUMNS]
    return star


def with_dimension(star: NDArray[np.float64], lattice: Lattice) -> NDArray[np.float64]:
    """U_cif of U*, the inverse of `dimensionless`; shapes as there."""
    lengths = np.array(lattice.reciprocal_lattice_crystallographic.abc)
    u_cif: NDArray[np.float64] = star / (lengths[_ROWS] * lengths[_COLUMNS])
    return u_cif


def matrix_of(six: NDArray[np.float64]) -> NDArray[np.float64]:
    """The symmetric (..., 3, 3) of six in the order of `U_CIF`.

    >>> matrix_of(np.arange(6.0)).tolist()
    [[0.0, 5.0, 4.0], [5.0, 1.0, 3.0], [4.0, 3.0, 2.0]]
    """
    full: NDArray[np.float64] = six[..., [[0, 5, 4], [5, 1, 3], [4, 3, 2]]]
    return full


def six_of(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of `matrix_of`."""
    six: NDArray[np.float64] = matrix[..., _ROWS, _COLUMNS]
    return six


def carry_displacements(structure: Structure, before: Lattice) -> None:
    """Refer anisotropic displacements to the axes of a structure's lattice, in place.

    A supercell with other directions than its parent's keeps the numbers of U_cif, which then mean something else.

    Parameters
    ----------
    structure : Structure
        In the new lattice, with the properties of the old one.
    before : Lattice
        That they refer to; of the same orientation in space.
    """
    turn = np.linalg.inv(structure.lattice.matrix).T @ before.matrix.T  # fractional coordinates, old to new
    scale = np.diag(np.diag(turn))
    if np.allclose(turn, scale, atol=1e-9):
        return  # the same directions: U_cif is on unit vectors
    for site in structure:
        values: list[Any] = [site.properties.get(name) for name in U_CIF]
        if any(value is None for value in values):
            continue
        if isinstance(values[0], Mapping):
            by_species = {name: [value[name] for value in values] for name in values[0]}
            turned = {name: _turned(six, before, structure.lattice, turn) for name, six in by_species.items()}
            site.properties.update({u: {n: turned[n][i] for n in turned} for i, u in enumerate(U_CIF)})
        else:
            site.properties.update(zip(U_CIF, _turned(values, before, structure.lattice, turn), strict=True))


def _turned(six: list[Any], before: Lattice, after: Lattice, turn: NDArray[np.float64]) -> list[float]:
    star = turn @ matrix_of(dimensionless(np.array(six, dtype=np.float64), before)) @ turn.T
    turned: list[float] = with_dimension(six_of(star), after).tolist()
    return turned
