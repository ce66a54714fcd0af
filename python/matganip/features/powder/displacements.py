"""Displacements of atoms from their sites, as structures carry them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.crystal.displacements import ISOTROPIC, PROPERTIES, U_CIF, dimensionless, matrix_of
from matganip.crystal.species import name_of
from matganip.errors import InputError
from matganip.features.form_factors import scatterer

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
    >>> has_displacements({"U_iso": 0.01}), has_displacements({"magmom": 5, "B_iso": None})
    (True, False)
    """
    return any(properties.get(name) is not None for name in PROPERTIES)


def displacements(structure: Structure, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Read the displacements of a structure's sites.

    A site's six of U_cif come first, then its B_iso, then its U_iso. Where the species of a shared site differ, a
    property is a mapping by their names, ``{"Li+": 1.2, "Fe3+": 0.4}``.

    Parameters
    ----------
    structure : Structure
        With at least one site that `has_displacements`.
    number : int
        Of the structure, for messages.

    Returns
    -------
    isotropic : numpy.ndarray
        (n_atoms,) float64, B in angstrom^2: scattering is multiplied by exp(-B s^2). 0 where U\* is given. Atoms are
        the species of the sites, one after the other.
    anisotropic : numpy.ndarray
        (n_atoms, 6) float64, U\* (11, 22, 33, 23, 13, 12), no dimension: exp(-2 pi^2 h U\* h).

    Raises
    ------
    InputError
        If a site has none where others have, or one that is no number, negative, or no displacement in every
        direction.
    """
    isotropic, anisotropic = [], []
    for index, site in enumerate(structure):
        place = f"structure {number}, site {index} ({site.species_string})"
        for specie in site.species:
            own = {name: _of_species(site.properties.get(name), name_of(specie)) for name in PROPERTIES}
            b, u = _displacement(own, place)
            isotropic.append(b)
            anisotropic.append(np.zeros(6) if u is None else dimensionless(u, structure.lattice))
    return np.array(isotropic), np.array(anisotropic).reshape(-1, 6)


def _of_species(value: Any, name: str) -> Any:
    """A property of one species of a site: by its name, or by its element where charges were lost."""
    if not isinstance(value, Mapping):
        return value
    element = scatterer(name)[0]
    return value.get(name, next((one for key, one in value.items() if scatterer(key)[0] == element), None))


def _displacement(own: dict[str, Any], place: str) -> tuple[float, NDArray[np.float64] | None]:
    """B, or the six of U_cif, of one atom."""
    if any(own[name] is not None for name in U_CIF):
        u = _numbers([own[name] for name in U_CIF], place, "U11_cif ... U12_cif")
        _require_real(u, place)
        return 0.0, u
    name = next((name for name in ISOTROPIC if own[name] is not None), None)
    if name is None:
        raise InputError(f"{place}: has no displacement (U11_cif ... U12_cif, B_iso or U_iso), though others do")
    (value,) = _numbers([own[name]], place, name)
    if value < 0:
        raise InputError(f"{place}: {name} must not be negative, got {value}")
    return ISOTROPIC[name] * float(value), None


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
    least, *_, largest = np.linalg.eigvalsh(matrix_of(u))
    if least < -ROUNDING * max(abs(largest), 1e-12):
        raise InputError(f"{place}: U_cif {u.tolist()} has the negative mean square displacement {least:.4g}")
