"""Ewald energies of the arrangements of a space: a quadratic form of the charges, worked out once for the lattice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.lattice import Lattice
from scipy.constants import e, epsilon_0
from scipy.special import erfc

from matganip.configurations.charges import charge, charges_of_codes, oxidation_states
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

Floats = NDArray[np.float64]

COULOMB = 1e10 * e / (4 * math.pi * epsilon_0)
"""e^2 / (4 pi epsilon_0) in eV angstrom."""

REACH = 6.2
"""Where both sums stop, in units of their widths: erfc(6.2) = 2e-18."""

LARGEST = 8000
"""Substituted sites beyond which the matrix of their interactions takes more than half a gigabyte."""

BLOCK = 4096


class EwaldSum:
    """Electrostatic energies of point charges on the lattice of a space.

    By Ewald's sum (P. P. Ewald, Ann. Phys. 369, 253, 1921), with a uniform background where a supercell is charged. The
    potential between two sites depends on their difference alone, so it is worked out for the pairs of the parent's
    sites and the translations of the supercell, and the energy of an arrangement,

        E = 1/2 sum_ij q_i q_j psi(r_i - r_j),

    is linear in the sums of q_i q_j over each class of equivalent pairs.

    Parameters
    ----------
    space : ConfigurationSpace
        The space.
    states : mapping, optional
        Known oxidation states, ``{"Fe": 3}``; the others are those of the parent's file, or guessed
        (`matganip.configurations.charges.oxidation_states`).

    Attributes
    ----------
    oxidation_states : dict of str to float
        The charge of each species, in units of e.
    charge : float
        Of the supercell.

    Raises
    ------
    InputError
        If a state can neither be found nor guessed, or the space is too large.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"Ti": {"Al": 4, "Nb": 4}})
    >>> ewald = EwaldSum(space, {"Nb": 5})
    >>> ewald.charge, ewald.oxidation_states
    (0.0, {'Sr': 2.0, 'Ti': 4.0, 'O': -2.0, 'Al': 3.0, 'Nb': 5.0})
    >>> batch = next(space.orbits())
    >>> energies = ewald.energies(batch.occupations)
    >>> str(batch.cluster_point_groups().schoenflies[energies.argmin()])  # rock salt
    'Td'
    """

    def __init__(self, space: ConfigurationSpace, states: Mapping[str, float] | None = None) -> None:
        if space.n_sites > LARGEST:
            raise InputError(
                f"{space.n_sites} substituted sites; Ewald energies are worked out for {LARGEST} at most: take a "
                "smaller supercell"
            )
        self.space = space
        self.oxidation_states: dict[str, float] = oxidation_states(space, states)
        self.charge: float = charge(space, self.oxidation_states)
        self._frame, self._codes = charges_of_codes(space, self.oxidation_states)

    def energies(self, occupations: ArrayLike) -> Floats:
        """Energies of arrangements.

        Parameters
        ----------
        occupations : (n, n_sites) uint8
            Codes of the space, of any composition of its species.

        Returns
        -------
        (n,) float64
            eV for the supercell, to 1e-9: the digits behind depend on how many are summed at once.
        """
        rows = np.asarray(occupations)
        energies = np.empty(len(rows))
        columns = np.arange(self.space.n_sites)
        for start in range(0, len(rows), BLOCK):
            charges = self._codes[columns, rows[start : start + BLOCK]]
            field = charges @ self._pairs + self._field
            energies[start : start + BLOCK] = self._constant + np.einsum("ni,ni->n", charges, field)
        return np.round(energies, 9)

    @cached_property
    def _potentials(self) -> Floats:
        """(n_parent, n_atoms): psi times half the Coulomb constant, from the first copy of each parent's site."""
        structure, n_cells = self.space.supercell_structure, self.space.n_cells
        positions = np.array(structure.frac_coords)
        first = positions[::n_cells]
        differences = positions[np.newaxis] - first[:, np.newaxis]
        lattice = np.array(structure.lattice.matrix)
        table = pair_potentials(lattice, differences.reshape(-1, 3))
        scaled: Floats = 0.5 * COULOMB * table.reshape(len(first), len(positions))
        return scaled

    @cached_property
    def _translations(self) -> NDArray[np.int64]:
        """(n_cells, n_cells): entry [j, k] is the cell at the difference of cells k and j."""
        points = self.space.supercell_structure.frac_coords[: self.space.n_cells]
        points = points - points[0]
        whole = np.rint(points @ self.space.supercell_matrix).astype(np.int64)
        inverse = np.linalg.inv(self.space.supercell_matrix)
        number = {_folded(point, inverse): k for k, point in enumerate(whole)}
        return np.array([[number[_folded(there - here, inverse)] for there in whole] for here in whole])

    def _between(self, atoms: NDArray[np.int64], others: NDArray[np.int64]) -> Floats:
        """Interactions of unit charges on atoms with those on others."""
        n_cells = self.space.n_cells
        cell = self._translations[atoms % n_cells][:, others % n_cells]
        found: Floats = self._potentials[(atoms // n_cells)[:, np.newaxis], others // n_cells * n_cells + cell]
        return found

    @cached_property
    def _fixed(self) -> NDArray[np.int64]:
        return np.setdiff1d(np.arange(len(self._frame)), self.space.site_indices)

    @cached_property
    def _pairs(self) -> Floats:
        """Interactions of the substituted sites."""
        return self._between(self.space.site_indices, self.space.site_indices)

    @cached_property
    def _field(self) -> Floats:
        """Twice the interaction of a unit charge on each substituted site with all that stays."""
        field: Floats = 2 * (self._between(self.space.site_indices, self._fixed) @ self._frame[self._fixed])
        return field

    @cached_property
    def _constant(self) -> float:
        """Energy of what stays."""
        charges = self._frame[self._fixed]
        return float(charges @ (self._between(self._fixed, self._fixed) @ charges))


def _folded(point: NDArray[np.int64], inverse: Floats) -> tuple[int, ...]:
    """A cell of the parent, reduced into the supercell, in units of its determinant."""
    fraction = point @ inverse
    whole = np.rint((fraction - np.floor(fraction + 1e-9)) / abs(np.linalg.det(inverse))).astype(int)
    return tuple(whole.tolist())


def pair_potentials(lattice: ArrayLike, differences: ArrayLike) -> Floats:
    """Potential of a periodic unit charge in a uniform background of the opposite charge.

    Parameters
    ----------
    lattice : (3, 3) array_like
        Rows are the vectors, in angstrom.
    differences : (n, 3) array_like
        Where, from the charge, in units of the vectors. At the charge itself its own potential is left out.

    Returns
    -------
    (n,) float64
        In 1/angstrom, with mean zero over the cell.

    Notes
    -----
    psi(r) = sum_R erfc(a |r + R|) / |r + R| + 4 pi / V sum_G exp(-G^2 / 4 a^2) cos(G r) / G^2 - pi / (a^2 V), less
    2 a / sqrt(pi) at r = 0.

    Examples
    --------
    >>> madelung = pair_potentials(np.eye(3), [[0, 0, 0]])[0]  # of a simple cubic lattice in a background
    >>> round(float(madelung), 6)
    -2.837297
    """
    reduced = Lattice(lattice).get_lll_reduced_lattice()
    cartesian = Lattice(lattice).get_cartesian_coords(np.asarray(differences, dtype=np.float64))
    fractions = reduced.get_fractional_coords(cartesian)
    near = reduced.get_cartesian_coords(fractions - np.rint(fractions))
    volume = reduced.volume
    width = math.sqrt(math.pi) / volume ** (1 / 3)

    images = _points(np.array(reduced.matrix), REACH / width + float(np.linalg.norm(near, axis=1).max()))
    waves = _points(np.array(reduced.reciprocal_lattice.matrix), 2 * REACH * width)
    waves = waves[np.einsum("gi,gi->g", waves, waves) > 1e-12]
    squares = np.einsum("gi,gi->g", waves, waves)
    weights = 4 * math.pi / volume * np.exp(-squares / (4 * width**2)) / squares

    potential = np.empty(len(near))
    for start in range(0, len(near), BLOCK):
        points = near[start : start + BLOCK]
        distances = np.linalg.norm(points[:, np.newaxis] + images, axis=2)
        here = distances < 1e-8
        distances[here] = np.inf
        direct = (erfc(width * distances) / distances).sum(axis=1)
        direct -= here.any(axis=1) * 2 * width / math.sqrt(math.pi)
        potential[start : start + BLOCK] = direct + np.cos(points @ waves.T) @ weights
    potential -= math.pi / (width**2 * volume)
    return potential


def _points(vectors: Floats, radius: float) -> Floats:
    """Points of a lattice within a radius of the origin."""
    heights = 1 / np.linalg.norm(np.linalg.inv(vectors), axis=0)
    ranges = [range(-int(radius / height) - 1, int(radius / height) + 2) for height in heights]
    points: Floats = np.array(list(product(*ranges)), dtype=np.float64) @ vectors
    within: Floats = points[np.einsum("ni,ni->n", points, points) <= radius**2]
    return within
