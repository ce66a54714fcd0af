"""Oxidation states of a parent and its substituents, given or guessed, and the charge of an arrangement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element

from matganip.configurations.composition import VACANCY, Sublattice
from matganip.errors import InputError


def oxidation_states(
    parent: Composition, sublattices: Iterable[Sublattice], given: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Assign an oxidation state to each species.

    States that are not given are guessed: for the parent's elements by pymatgen's ranking of charge-neutral
    combinations, for a substituent its host's state if the element is known to have it, otherwise its most common
    state of the same sign. A vacancy has none.

    Parameters
    ----------
    parent : Composition
        Of the undoped crystal.
    sublattices : iterable of Sublattice
        Which species replace which host.
    given : mapping, optional
        Known states: ``{"Sn": 2}``.

    Returns
    -------
    dict
        Species -> oxidation state.

    Raises
    ------
    InputError
        If a state is neither given nor can be guessed.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Bi": 2, "vac": 1}})
    >>> oxidation_states(space.parent.composition, space.sublattice_table)
    {'Cs': 1.0, 'Pb': 2.0, 'I': -1.0, 'vac': 0.0, 'Bi': 3.0}
    """
    states = {name: float(state) for name, state in (given or {}).items()}
    amounts = Composition(parent.get_el_amt_dict())
    missing = [str(element) for element in amounts.get_el_amt_dict() if element not in states]
    if missing:
        overrides = {element: [state] for element, state in states.items() if element in amounts.get_el_amt_dict()}
        guesses = amounts.oxi_state_guesses(oxi_states_override=overrides or None)
        if not guesses:
            raise InputError(
                f"oxidation_states: none make {amounts.reduced_formula} neutral by guessing; give those of "
                f"{', '.join(missing)}"
            )
        states.update({element: float(guesses[0][element]) for element in missing})
    for sublattice in sublattices:
        for species in sublattice.species:
            if species not in states:
                states[species] = 0.0 if species == VACANCY else _guess(species, states[sublattice.host])
    order = [str(element) for element in amounts.get_el_amt_dict()]
    return {name: states[name] for name in sorted(states, key=lambda n: order.index(n) if n in order else len(order))}


def _guess(element: str, host_state: float) -> float:
    known = Element(element)
    if host_state in known.oxidation_states:
        return host_state
    same_sign = [state for state in known.common_oxidation_states if state * host_state > 0]
    if not same_sign:
        raise InputError(
            f"oxidation_states: give that of {element}; it cannot be guessed from its host's {host_state:+g}"
        )
    return float(same_sign[0])


def charge(parent: Composition, n_cells: int, sublattices: Iterable[Sublattice], states: Mapping[str, float]) -> float:
    """Total charge of a supercell: zero where the arrangement is neutral."""
    total = n_cells * sum(states[str(element)] * amount for element, amount in parent.get_el_amt_dict().items())
    for sublattice in sublattices:
        for species, count in zip(sublattice.species, sublattice.counts, strict=True):
            total += count * (states[species] - states[sublattice.host])
    return float(total)
