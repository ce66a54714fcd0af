"""Electrostatic energies as a linear function of charge-weighted intensities, beside pymatgen's Ewald sum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip.configurations.space import ConfigurationSpace
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.features.lattice.ewald import EwaldSum
from matganip.features.radiation import Radiation

CELLS = ((2, 2, 1), (3, 1, 1), ((1, 1, 0), (-1, 1, 0), (0, 0, 2)), (2, 2, 2), (3, 2, 1))
ARRANGEMENTS = 150
RANK = 1e-9
"""Of the largest singular value: directions below it are rounding."""


@dataclass(frozen=True)
class MadelungCheck:
    """One crystal.

    Attributes
    ----------
    name : str
        Its composition.
    n_arrangements, rank : int
        Arrangements the coefficients were solved from, and how many independent numbers their intensities are.
    energy, error : float
        Of an arrangement that was left out, by pymatgen, and by how much the linear function differs, eV.
    """

    name: str
    n_arrangements: int
    rank: int
    energy: float
    error: float


def madelung_checks(number: int = 50, seed: int = 0) -> list[MadelungCheck]:
    """Solve the coefficients from our own Ewald sum, and ask for another arrangement that pymatgen sums up.

    Parameters
    ----------
    number : int
        Crystals: lattices, edges, sublattices, species, supercells and charges drawn at random.
    seed : int

    Returns
    -------
    list of MadelungCheck
    """
    found: list[MadelungCheck] = []
    for space, states in _crystals(seed):
        radiation = Radiation.weighted(states)
        rows = np.unique(space.sample_orbits(ARRANGEMENTS, seed=seed).occupations, axis=0)
        rows = np.ascontiguousarray(rows[np.random.default_rng(seed).permutation(len(rows))])
        diffraction = LatticeDiffraction(space, radiation, (0, 75), "resolved", scaled=False)
        intensity = diffraction.peaks(rows).intensity
        scaled = (intensity - intensity.mean(axis=0)) / np.maximum(np.abs(intensity).max(axis=0), 1e-9)
        left, strength, _ = np.linalg.svd(scaled, full_matrices=False)
        columns = np.column_stack([np.ones(len(rows)), left[:, strength > RANK * max(strength[0], 1e-30)]])
        if len(rows) < columns.shape[1] + 3:
            continue  # too few arrangements to leave one out
        coefficients = np.linalg.lstsq(columns[1:], EwaldSum(space, states).energies(rows[1:]), rcond=None)[0]
        truth = _summed(space.structure(rows[0]), states)
        error = float(columns[0] @ coefficients - truth)
        formula = space.structure(rows[0]).composition.formula
        found.append(MadelungCheck(formula, len(rows) - 1, columns.shape[1] - 1, truth, error))
        if len(found) == number:
            return found
    return found


def _summed(structure: Structure, states: dict[str, float]) -> float:
    charged = structure.copy()
    charged.add_oxidation_state_by_element({str(one): states[str(one)] for one in structure.composition.elements})
    summed: Any = EwaldSummation
    return float(summed(charged, acc_factor=14.0).total_energy)


def _crystals(seed: int) -> Iterator[tuple[ConfigurationSpace, dict[str, float]]]:
    generator = np.random.default_rng(seed)
    while True:
        a, ratio = generator.uniform(3.6, 6.5), generator.choice([1.0, 1.0, 1.12])
        perovskite = generator.random() < 0.6
        parent = _perovskite(a, ratio) if perovskite else _rock_salt(a)
        states = {"Sr": 2.0, "Ti": 4.0, "O": -2.0} if perovskite else {"Mg": 2.0, "O": -2.0}
        other = {"Ti": ("Nb", 5.0), "O": ("F", -1.0)} if perovskite else {"Mg": ("Li", 1.0), "O": ("F", -1.0)}
        cell = CELLS[generator.integers(len(CELLS))]
        volume = round(abs(np.linalg.det(np.diag(cell) if np.ndim(cell) == 1 else np.array(cell))))
        both = generator.random() < 0.4
        hosts = list(other) if both else [list(other)[generator.integers(2)]]
        substitutions: dict[str, dict[str, int]] = {}
        for host in hosts:
            sites = volume * sum(site.specie.symbol == host for site in parent)
            name, charge = other[host]
            substitutions[host] = {name: max(1, min(sites // 2, 4))}
            states[name] = charge + generator.choice([0.0, 0.25])
        yield ConfigurationSpace(parent, cell, substitutions), states


def _perovskite(a: float, ratio: float) -> Structure:
    places = np.array([[0, 0, 0], [1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]]) / 2
    return Structure(Lattice.tetragonal(a, ratio * a), ["Sr", "Ti", "O", "O", "O"], places)


def _rock_salt(a: float) -> Structure:
    primitive = Lattice(a / 2 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]))
    return Structure(primitive, ["Mg", "O"], np.array([[0, 0, 0], [1, 1, 1]]) / 2)


def worst(checks: list[MadelungCheck]) -> NDArray[np.float64]:
    """The largest of the errors, eV, and the standard deviation of the energies they are of."""
    return np.array([max(abs(one.error) for one in checks), np.std([one.energy for one in checks])])
