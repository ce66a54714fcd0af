"""Displacements of atoms from their sites, as structures carry them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.errors import InputError

# Site properties, angstrom^2: the six of U_cif as pymatgen names and orders them, U_iso and B_iso = 8 pi^2 U_iso.
U_CIF = tuple(f"U{index}_cif" for index in (11, 22, 33, 23, 13, 12))
ISOTROPIC = {"B_iso": 1.0, "U_iso": 8 * np.pi**2}

# How far below 0, by the largest, a mean square displacement may lie through rounding.
ROUNDING = 1e-8


def has_displacements(properties: dict[str, Any]) -> bool:
    """Whether a site's properties speak of displacements.

    Parameters
    ----------
    properties : dict
        Of a pymatgen site.

    Returns
    -------
    bool

    Examples
    --------
    >>> has_displacements({"U_iso": 0.01}), has_displacements({"magmom": 5})
    (True, False)
    """
    return not properties.keys().isdisjoint((*ISOTROPIC, *U_CIF))


def displacements(structure: Structure, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Read the displacements of a structure's sites.

    A site's six of U_cif come first, then its B_iso, then its U_iso. With a\*, b\*, c\* the lengths of the reciprocal
    vectors, U\*_ij = a\*_i a\*_j U_ij (Trueblood et al., Acta Cryst. A52, 770-781 (1996)).

    Parameters
    ----------
    structure : Structure
        With at least one site that `has_displacements`.
    number : int
        Of the structure, for messages.

    Returns
    -------
    isotropic : numpy.ndarray
        (n_sites,) float64, B in angstrom^2: scattering is multiplied by exp(-B s^2). 0 where U\* is given.
    anisotropic : numpy.ndarray
        (n_sites, 6) float64, U\* (11, 22, 33, 23, 13, 12), no dimension: exp(-2 pi^2 h U\* h).

    Raises
    ------
    InputError
        If a site has none where others have, or one that is no number, negative, or no displacement in every
        direction.
    """
    isotropic = np.zeros(len(structure))
    anisotropic = np.zeros((len(structure), 6))
    lengths = np.array(structure.lattice.reciprocal_lattice_crystallographic.abc)
    rows, columns = [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]
    for index, site in enumerate(structure):
        place = f"structure {number}, site {index} ({site.species_string})"
        if any(site.properties.get(name) is not None for name in U_CIF):
            u = _numbers([site.properties.get(name) for name in U_CIF], place, "U11_cif ... U12_cif")
            _require_real(u, place)
            anisotropic[index] = u * lengths[rows] * lengths[columns]
            continue
        name = next((name for name in ISOTROPIC if site.properties.get(name) is not None), None)
        if name is None:
            raise InputError(f"{place}: has no displacement (U11_cif ... U12_cif, B_iso or U_iso), though others do")
        (value,) = _numbers([site.properties[name]], place, name)
        if value < 0:
            raise InputError(f"{place}: {name} must not be negative, got {value}")
        isotropic[index] = ISOTROPIC[name] * value
    return isotropic, anisotropic


def _numbers(values: list[Any], place: str, name: str) -> NDArray[np.float64]:
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        raise InputError(f"{place}: {name} must be numbers, got {values}")
    return numbers


def _require_real(u: NDArray[np.float64], place: str) -> None:
    """Refuse a tensor that is no mean square in some direction."""
    least, *_, largest = np.linalg.eigvalsh(u[[[0, 5, 4], [5, 1, 3], [4, 3, 2]]])
    if least < -ROUNDING * max(abs(largest), 1e-12):
        raise InputError(f"{place}: U_cif {u.tolist()} has the negative mean square displacement {least:.4g}")
