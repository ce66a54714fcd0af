"""Properties of species in the place of form factors: what diffraction would see if it saw charges, radii, bonding.

With a property p of each site, F(h) = sum over sites of p exp(2 pi i h x). The electrostatic energy of an arrangement
is linear in the intensities of its charges (Ewald's reciprocal sum), the elastic energy of misfit in those of radii
(A. G. Khachaturyan, *Theory of Structural Transformations in Solids*, 1983, chapter 8).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element

from matganip.configurations.charges import NEUTRAL, oxidation_states
from matganip.configurations.charges import charge as charge_of
from matganip.configurations.composition import element_of
from matganip.crystal.radii import ionic_radius
from matganip.errors import InputError
from matganip.features.form_factors import scatterer, scattering_lengths
from matganip.features.radiation import Radiation

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from matganip.configurations.space import ConfigurationSpace

PROPERTIES = ("electrons", "charge", "ionic_radius", "electronegativity", "neutron_length")
"""Electrons of the ion; formal charge, e; Shannon's effective radius at VI, angstrom; Pauling's electronegativity;
coherent scattering length, fm. A vacancy has 0 of each."""

NEXT, MOST_NEIGHBOURS = 1.2, 14
"""Of the nearest anion's distance, up to which others count as neighbours; and how many at most have a radius."""

NEED_CHARGE = ("electrons", "charge", "ionic_radius")


def site_properties(
    space: ConfigurationSpace, name: str, states: Mapping[str, float] | None = None
) -> dict[str, float]:
    """A property of each species of a space.

    Parameters
    ----------
    space : ConfigurationSpace
    name : str
        One of `PROPERTIES`.
    states : mapping, optional
        Known oxidation states, ``{"Fe": 3}``; others are those of the parent's file, or guessed.

    Returns
    -------
    dict of str to float

    Raises
    ------
    InputError
        If the property is unknown, or there is no such number of a species; the message says to give a table.

    Examples
    --------
    >>> import matganip as mg
    >>> site_properties(mg.perovskite_space("Cs2AgBiBr6"), "charge")
    {'Ag': 1.0, 'Bi': 3.0, 'Br': -1.0, 'Cs': 1.0}
    """
    if name not in PROPERTIES:
        raise InputError(f"property {name!r}: must be one of {', '.join(PROPERTIES)}, or a table {{species: value}}")
    structure = space.supercell_structure
    fixed = {element_of(structure, i) for i in np.setdiff1d(np.arange(len(structure)), space.site_indices)}
    species = sorted(fixed | set(chain(*space.species)))
    charges: dict[str, float] = {}
    if name in NEED_CHARGE:
        charges = _charges(space, states)
    return {one: 0.0 if one == "vac" else _value(one, name, charges) for one in species}


def _charges(space: ConfigurationSpace, given: Mapping[str, float] | None) -> dict[str, float]:
    """Oxidation states; where guesses for the undoped parent leave a charge, whole ones for the crystal as it is.

    The parent of Cs2AgBiBr6 is CsAgBr3, in which Ag would be 2+.
    """
    found = oxidation_states(space, given)
    atoms = dict(space.composition)
    if abs(charge_of(space, found)) < NEUTRAL or not all(map(Element.is_valid_symbol, atoms)):
        return found
    known = {name: [state] for name, state in (given or {}).items() if name in atoms}
    guesses = Composition(atoms).oxi_state_guesses(oxi_states_override=known or None)
    whole = (one for one in guesses if all(state == round(state) for state in one.values()))
    return {**found, **{name: float(state) for name, state in next(whole, {}).items()}}


def _value(species: str, name: str, charges: Mapping[str, float], coordination: int = 6) -> float:
    element, _, own = scatterer(species)
    charge = charges.get(species, charges.get(element, own))
    if name == "charge":
        return float(charge)
    if name == "neutron_length":
        return float(scattering_lengths([species]).constant[0])
    if not Element.is_valid_symbol(element):
        raise InputError(f"{name} of {species}: no element; give a table {{species: value}}")
    if name == "electrons":
        return float(Element(element).Z - charge)
    if name == "electronegativity":
        value = Element(element).data.get("X")  # the attribute warns where there is none
        if not value:
            raise InputError(f"electronegativity of {species}: Pauling's scale has none; give a table")
        return float(value)
    if charge != round(charge):
        raise InputError(f"ionic_radius of {species}: its charge, {charge:g}, is no whole number; give a table")
    return ionic_radius(element, round(charge), coordination).value


def coordinations(structure: Structure) -> dict[str, int]:
    """How many anions each cation species of a crystal has around it: those up to a fifth beyond the nearest.

    Parameters
    ----------
    structure : Structure
        With oxidation states.

    Returns
    -------
    dict of str to int
        The mean over the sites of the species, as the nearest whole number up to 14.

    Examples
    --------
    >>> import matganip as mg
    >>> cell = mg.perovskite("SrTiO3", a=3.905).add_oxidation_state_by_element({"Sr": 2, "Ti": 4, "O": -2})
    >>> coordinations(cell)
    {'Sr2+': 12, 'Ti4+': 6}
    """
    names = [str(site.specie) for site in structure]
    charge = np.array([float(getattr(site.specie, "oxi_state", 0.0) or 0.0) for site in structure])
    reach = 1.3 * np.cbrt(structure.volume / len(structure) * 5.0)
    centre, other, _, distance = structure.get_neighbor_list(reach)
    kept = (charge[centre] > 0) & (charge[other] < 0)
    centre, distance = centre[kept], distance[kept]
    counts: dict[str, list[int]] = {}
    for atom in np.unique(centre):
        around = distance[centre == atom]
        counts.setdefault(names[atom], []).append(int((around < NEXT * around.min()).sum()))
    return {name: min(round(float(np.mean(found))), MOST_NEIGHBOURS) for name, found in counts.items()}


def radiation_of_ions(name: str, ions: Iterable[str], coordination: Mapping[str, int] | None = None) -> Radiation:
    """A property of ions, ``"Fe3+"``, for structures that carry oxidation states.

    Parameters
    ----------
    name : str
        One of `PROPERTIES`.
    ions : iterable of str
        Those that there are.
    coordination : mapping of str to int, optional
        Of ions, for their radii; VI for the others.

    Returns
    -------
    Radiation
        Which reads the charges of the structures' sites.

    Raises
    ------
    InputError
        As `site_properties`; a species without a charge has none of the properties that need one.

    Examples
    --------
    >>> radiation_of_ions("ionic_radius", ["Fe3+", "O2-"]).weights
    (('Fe3+', 0.645), ('O2-', 1.4))
    """
    if name not in PROPERTIES:
        raise InputError(f"property {name!r}: must be one of {', '.join(PROPERTIES)}")
    found = {}
    for ion in sorted(set(ions)):
        charge = scatterer(ion)[2]
        if not charge and name in NEED_CHARGE:
            raise InputError(f"{name} of {ion}: the structures must carry oxidation states")
        found[ion] = _value(ion, name, {}, (coordination or {}).get(ion, 6))
    return replace(Radiation.weighted(found), ions="as read")


def radiation_of(space: ConfigurationSpace, radiation: str | float | Radiation | Mapping[str, float]) -> Radiation:
    """What an argument `radiation` of a space may be: also the name of a property, or a table of one."""
    if isinstance(radiation, str) and radiation in PROPERTIES:
        return Radiation.weighted(site_properties(space, radiation))
    return Radiation.of(radiation)
