"""The result of one calculation of an arrangement: energy, forces, final geometry, and how they were computed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.structure import Structure

from matganip.errors import InputError

Relaxation = Literal["static", "positions", "cell"]
"""What was allowed to move: nothing, the atoms, or the atoms and the cell."""

LARGEST_ENERGY = 1e12
"""eV; beyond this an energy is a damaged number, not that of a crystal, and sums over it lose all others."""


def is_energy(value: ArrayLike) -> NDArray[np.bool_]:
    """Whether numbers can be total energies in eV: finite, and at most 10^12.

    Examples
    --------
    >>> is_energy([-124.6, float("nan"), 1e300]).tolist()
    [True, False, False]
    """
    return np.asarray(np.abs(np.asarray(value, dtype=np.float64)) <= LARGEST_ENERGY)


@dataclass(frozen=True)
class Calculation:
    """One computed property set of one arrangement.

    Attributes
    ----------
    structure : Structure
        The final geometry; the initial one where nothing was relaxed or the calculation failed.
    energy : float or None
        Total energy of the supercell in eV; None only with an `error`.
    forces : (n, 3) float64 or None
        In eV/angstrom, atoms in the order of `structure`.
    converged : bool
        Whether energy and, where relaxed, geometry reached their thresholds.
    relaxation : {"static", "positions", "cell"}
        What was allowed to move.
    calculator : str
        Its name: ``"chgnet"``, ``"vasp"``, ``"ase.calculators.lj:LennardJones"``.
    settings : dict
        All that its energies depend on, as JSON values; together with the calculator and the relaxation it decides
        which labels may be compared.
    n_steps : int
        Steps of the optimiser; 0 where nothing was relaxed.
    wall_s : float
        Wall time in seconds.
    error : str or None
        Why there is no result, in one line.

    Raises
    ------
    InputError
        If the parts contradict each other: no energy and no error, an energy that is not finite, forces of another
        number of atoms, an unknown relaxation, settings that are not JSON values.

    Examples
    --------
    >>> import matganip as mg
    >>> unit = mg.perovskite("CsPbI3", a=6.289)
    >>> one = Calculation(unit, energy=-14.2, calculator="chgnet", settings={"model": "0.3.0"})
    >>> one.relaxation, one.converged, one.settings_hash
    ('static', True, 'h5e99651a43e')
    """

    structure: Structure = field(repr=False)
    energy: float | None
    forces: NDArray[np.float64] | None = field(default=None, repr=False)
    converged: bool = True
    relaxation: Relaxation = "static"
    calculator: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    n_steps: int = 0
    wall_s: float = 0.0
    error: str | None = None

    def __post_init__(self) -> None:
        if not self.calculator:
            raise InputError("a calculation needs the name of its calculator")
        if (self.energy is None) == (self.error is None):
            raise InputError("a calculation has either an energy or an error, one of the two")
        if self.energy is not None and not is_energy(self.energy):
            raise InputError(f"the energy of a calculation must be a finite number of at most 1e12, got {self.energy}")
        if self.error is not None and self.converged:
            raise InputError("a calculation with an error is not converged")
        if self.forces is not None and np.shape(self.forces) != (len(self.structure), 3):
            raise InputError(
                f"forces: ({len(self.structure)}, 3) numbers are needed, got shape {np.shape(self.forces)}"
            )
        settings_hash(self.settings, self.relaxation)

    @property
    def settings_hash(self) -> str:
        """Name of the settings with the relaxation, see `settings_hash`."""
        return settings_hash(self.settings, self.relaxation)

    @property
    def quality(self) -> int:
        """0 for an error, 1 for a result that is not converged, 2 for a converged one."""
        return 0 if self.error is not None else 2 if self.converged else 1


def settings_hash(settings: Mapping[str, Any], relaxation: Relaxation = "static") -> str:
    """A short name for settings: equal ones, in any order of their keys, have the same.

    Parameters
    ----------
    settings : mapping
        JSON values.
    relaxation : {"static", "positions", "cell"}
        It is hashed too: a relaxed label is comparable with relaxed ones only.

    Returns
    -------
    str
        A letter, so that no program takes it for a number, and 11 hexadecimal digits of a SHA-256.

    Raises
    ------
    InputError
        If a value is not JSON, or the relaxation is unknown.

    Examples
    --------
    >>> settings_hash({"cutoff": 200, "kpts": [2, 2, 2]}) == settings_hash({"kpts": (2, 2, 2), "cutoff": 200})
    True
    """
    if relaxation not in get_args(Relaxation):
        raise InputError(f"relaxation: {relaxation!r} must be one of {', '.join(get_args(Relaxation))}")
    return "h" + hashlib.sha256(f"{relaxation} {canonical_json(settings)}".encode()).hexdigest()[:11]


def canonical_json(settings: Mapping[str, Any]) -> str:
    """Settings as JSON text, the same for equal settings.

    Examples
    --------
    >>> canonical_json({"kpts": (2, 2, 2), "cutoff": 200})
    '{"cutoff": 200, "kpts": [2, 2, 2]}'
    """
    try:
        return json.dumps(dict(settings), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"must be JSON values (text, numbers, lists, tables): {error}") from None
