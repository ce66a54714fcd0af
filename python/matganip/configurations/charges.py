"""Oxidation states of the species of a space: given, from the file, or guessed; and the charge of an arrangement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element, Species

from matganip.configurations.species import (
    VACANCY,
    Occupant,
    distinct_names,
    guessed_state,
    occupant_of,
)
from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.supercell import SubstitutedSupercell

NEUTRAL = 1e-6
"""Charge in units of e below which a supercell counts as neutral."""
MEAN_DIGITS, LARGEST_REST = 1e-4, 0.1
"""What the digits of mean states may leave of the total charge of the cations, and at most, in units of e."""
ROUNDED = 0.02
"""What the digits of occupancies may take from neutrality, of the total charge of the cations and anions."""
MEAN_STATE = -100.0
"""Weight of a mean of two states: less likely than any combination of whole ones."""


def oxidation_states(space: SubstitutedSupercell, given: Mapping[str, float] | None = None) -> dict[str, float]:
    """Assign an oxidation state to each species of a space.

    States that are neither given nor in the parent's file are guessed: for the parent's elements by pymatgen's ranking
    of charge-neutral combinations, for a substituent its host's state if the element is known to have it, otherwise
    its most common state of the same sign. A vacancy has none. The elements of a parent with partial occupancies are
    guessed together, from its composition.

    Parameters
    ----------
    space : ConfigurationSpace
        Which species there are.
    given : mapping, optional
        Known states: ``{"Sn": 2}``, of an element or of an ion that the space tells apart.

    Returns
    -------
    dict
        Species -> oxidation state; an element that the crystal has in several states by each of its ions.

    Raises
    ------
    InputError
        If a state is neither given nor can be guessed, or is given for a species that there is not.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Bi": 2, "vac": 1}})
    >>> oxidation_states(space)
    {'Cs': 1.0, 'Pb': 2.0, 'I': -1.0, 'vac': 0.0, 'Bi': 3.0}
    """
    names = _names(space)
    known = _given(names, given or {})
    states = {name: known.get(name, _written(one)) for one, name in names.items()}
    parents = dict.fromkeys(names[one] for one in _unsubstituted(space))
    if any(states[name] is None for name in parents):
        _guess_parent(space, names, states)
    for sublattice in space.sublattice_table:
        host = states[names[_host(space, sublattice.parent_sites[0])]]
        for one in sublattice.occupants:
            if states[names[one]] is None and host is not None:
                states[names[one]] = 0.0 if one.symbol == VACANCY else guessed_state(one.symbol, host)
            if states[names[one]] is None:
                raise InputError(
                    f"oxidation_states: give that of {one.symbol} ({one.symbol}=...); it cannot be guessed from its "
                    f"host's {host:+g}"
                )
    return {name: float(state) for name, state in states.items() if state is not None}


def charges_of_codes(
    space: SubstitutedSupercell, states: Mapping[str, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Charges of the ions of a space.

    Parameters
    ----------
    space : ConfigurationSpace
        The space.
    states : mapping
        As `oxidation_states` gives them.

    Returns
    -------
    frame : (n_atoms,) float64
        Of each atom of ``space.supercell_structure``, in units of e.
    codes : (n_sites, n_codes) float64
        Of each code in each column; 0 for codes that a sublattice has not.
    """
    names = _names(space)
    hosts = [_host(space, i) for i in range(len(space.parent))]
    frame = np.repeat([states[names[one]] if one in names else 0.0 for one in hosts], space.n_cells)
    codes = np.zeros((space.n_sites, max(map(len, space.species))))
    for number, sublattice in enumerate(space.sublattice_table):
        columns = np.flatnonzero(space.sublattices == number)
        for code, name in enumerate(sublattice.species):
            if name == sublattice.host:
                codes[columns, code] = frame[space.site_indices[columns]]
            else:
                codes[columns, code] = states[names[sublattice.occupants[code]]]
    return frame, codes


def charge(
    space: SubstitutedSupercell, states: Mapping[str, float], counts: Sequence[Sequence[int]] | None = None
) -> float:
    """Total charge of the supercell of a composition, in units of e: zero where it is neutral.

    Where a host has several states on one sublattice, their mean counts.

    Parameters
    ----------
    space : ConfigurationSpace
        The space.
    states : mapping
        As `oxidation_states` gives them.
    counts : sequence of sequence of int, optional
        Numbers of the species of each sublattice; the space's own by default.

    Returns
    -------
    float

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Bi": 2, "vac": 1}})
    >>> charge(space, oxidation_states(space))
    0.0
    """
    frame, codes = charges_of_codes(space, states)
    total = float(np.delete(frame, space.site_indices).sum())
    for number, taken in enumerate(space.counts if counts is None else counts):
        total += float(codes[space.sublattices == number, : len(taken)].mean(axis=0) @ np.array(taken))
    return round(total, 9) + 0.0


def is_neutral(
    space: SubstitutedSupercell, states: Mapping[str, float], counts: Sequence[Sequence[int]] | None = None
) -> bool:
    """Whether a composition is neutral, as `charge` has it.

    A state that is no whole number is a mean that was guessed or given to some digits, which leave a small charge.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (3, 1, 1), {"Pb": {"Bi": 1}})
    >>> [is_neutral(space, {"Cs": 1, "Pb": lead, "Bi": 3, "I": -1}) for lead in (1.50001, 2)]
    [True, False]
    """
    total = abs(charge(space, states, counts))
    if all(float(state).is_integer() for state in states.values()):
        return total < NEUTRAL
    size = float(np.abs(charges_of_codes(space, states)[0]).sum()) / 2
    return total < max(NEUTRAL, min(MEAN_DIGITS * size, LARGEST_REST))


def _names(space: SubstitutedSupercell) -> dict[Occupant, str]:
    """Every species of a space by the name under which its state is given and shown, in the parent's order."""
    found = dict.fromkeys(_unsubstituted(space))
    for sublattice in space.sublattice_table:
        found.update(dict.fromkeys(sublattice.occupants))
    order = [_host(space, i) for i in range(len(space.parent))]
    occupants = sorted(found, key=lambda one: order.index(one) if one in order else len(order))
    return dict(zip(occupants, distinct_names(occupants), strict=True))


def _host(space: SubstitutedSupercell, site: int) -> Occupant:
    return occupant_of(space.parent[site].specie)


def _unsubstituted(space: SubstitutedSupercell) -> list[Occupant]:
    """What the parent has on each of its sites, before any substitution."""
    return list(dict.fromkeys(_host(space, i) for i in range(len(space.parent))))


def _given(names: Mapping[Occupant, str], given: Mapping[str, float]) -> dict[str, float]:
    """Given states by the names that they mean: an element means all its ions."""
    found: dict[str, float] = {}
    for text, state in given.items():
        meant = [name for one, name in names.items() if text in (name, one.symbol)]
        if not meant:
            raise InputError(
                f"oxidation_states.{text}: there is no {text}, only "
                f"{', '.join(name for name in names.values() if name != VACANCY)}"
            )
        found.update(dict.fromkeys(meant, float(state)))
    return found


def _written(one: Occupant) -> float | None:
    """The state that a file gives an ion; that of a molecular cation is known."""
    return float(MOLECULAR_CATIONS[one.symbol].charge) if one.symbol in MOLECULAR_CATIONS else one.state


def _guess_parent(space: SubstitutedSupercell, names: Mapping[Occupant, str], states: dict[str, float | None]) -> None:
    """Fill in the states of the parent's elements by the likeliest neutral combination."""
    amounts = _amounts(space)
    missing = [one for one in names if states[names[one]] is None and one.symbol in amounts]
    known = {one.symbol: state for one, name in names.items() if (state := states[name]) is not None}
    if space.file_sublattices:
        found = _neutral_states(amounts, known)
    else:
        atoms = {symbol: amount for symbol, amount in amounts.items() if symbol not in MOLECULAR_CATIONS}
        rest = sum(known[symbol] * amount for symbol, amount in amounts.items() if symbol not in atoms)
        overrides = {symbol: [state] for symbol, state in known.items() if symbol in atoms}
        guesses = Composition(atoms).oxi_state_guesses(oxi_states_override=overrides or None, target_charge=-rest)
        found = next(iter(guesses), None)
    if not found:
        told = " ".join(f"{symbol}{amount:g}" for symbol, amount in amounts.items())
        raise InputError(
            f"oxidation_states: none make {told} neutral by guessing; give those of "
            f"{', '.join(one.symbol for one in missing)}"
        )
    for one in missing:
        states[names[one]] = float(found[one.symbol])


def _amounts(space: SubstitutedSupercell) -> dict[str, float]:
    """Composition from which the parent's states are guessed: undoped, or as the file has it."""
    mixed = {site: one for one in space.file_sublattices for site in one.sites}
    amounts: dict[str, float] = {}
    for site in range(len(space.parent)):
        shares = mixed[site].shares if site in mixed else {_host(space, site): 1.0}
        for one, share in shares.items():
            if one.symbol != VACANCY:
                amounts[one.symbol] = amounts.get(one.symbol, 0.0) + share
    return amounts


def _neutral_states(amounts: Mapping[str, float], known: Mapping[str, float]) -> dict[str, float] | None:
    """The likeliest states of one charge an element that make any composition neutral within the digits of a file.

    Likelihoods are the shares of the states among the entries of the ICSD, as pymatgen tabulates them. Where no such
    combination is neutral, one element has the mean of two of its states: Mn 3.3 in La0.7Sr0.3MnO3.
    """
    choices = {name: _likely(name) if name not in known else {known[name]: 0.0} for name in amounts}
    best: tuple[float, dict[str, float]] | None = None
    for combination in product(*(table.items() for table in choices.values())):
        states = {name: state for name, (state, _) in zip(choices, combination, strict=True)}
        score = sum(amounts[name] * weight for name, (_, weight) in zip(choices, combination, strict=True))
        total = sum(amounts[name] * state for name, state in states.items())
        size = sum(amounts[name] * abs(state) for name, state in states.items())
        if size and abs(total) > ROUNDED * size:
            mean = _mean_state(amounts, states, choices, total)
            if mean is None:
                continue
            states, score = mean, score + MEAN_STATE
        if size and (best is None or score > best[0]):
            best = (score, states)
    return best and best[1]


def _mean_state(
    amounts: Mapping[str, float],
    states: Mapping[str, float],
    choices: Mapping[str, Mapping[float, float]],
    total: float,
) -> dict[str, float] | None:
    """The same states, but of the element with a mean state that makes up for the total charge; None without one."""
    for name, table in choices.items():
        mean = states[name] - total / amounts[name]
        positive = [state for state in table if state * mean > 0]
        between = len(positive) > 1 and min(positive) < mean < max(positive)
        if between and states[name] == min(positive, key=lambda state: (abs(state - mean), state)):
            return {**states, name: round(mean, 6)}
    return None


def _likely(symbol: str) -> dict[float, float]:
    """The common states of an element and the logarithm of their shares in the ICSD."""
    if symbol in MOLECULAR_CATIONS:
        return {float(MOLECULAR_CATIONS[symbol].charge): 0.0}
    if Composition.oxi_prob is None:
        Composition("NaCl").oxi_state_guesses()  # fills it
    found = Composition.oxi_prob or {}
    element = Element(symbol)
    states = element.common_oxidation_states or element.oxidation_states or (0,)
    numbers = {state: found.get(Species(symbol, state), 0) for state in states}
    total = sum(numbers.values())
    return {float(state): math.log(max(n / total if total else 1.0, 1e-3)) for state, n in numbers.items()}
