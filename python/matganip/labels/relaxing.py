"""One calculation: a single point, or a relaxation by one of ASE's optimisers."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from matganip.errors import InputError
from matganip.labels.calculation import Calculation, Relaxation, settings_hash
from matganip.labels.calculators import CalculatorChoice, one_line

OPTIMIZERS = ("BFGS", "LBFGS", "FIRE", "FIRE2", "BFGSLineSearch", "LBFGSLineSearch", "GPMin", "MDMin")


@dataclass(frozen=True)
class Protocol:
    """How a geometry is treated before its energy is taken.

    Attributes
    ----------
    relaxation : {"static", "positions", "cell"}
        What may move: nothing, the atoms, or the atoms and the cell.
    fmax : float
        Largest force in eV/angstrom at which a relaxation is converged; of the cell too, as ASE's filter scales it.
    energy_change : float, optional
        Largest change of the energy in the last step, in eV per atom, that is also needed.
    max_steps : int
        Steps after which an optimiser gives up; the result is then stored as not converged.
    optimizer : str
        One of ASE's.

    Raises
    ------
    InputError
        If a threshold is not positive or a name unknown.

    Examples
    --------
    >>> Protocol("positions", fmax=0.01).recorded
    {'fmax': 0.01, 'energy_change': None, 'max_steps': 500, 'optimizer': 'BFGS'}
    """

    relaxation: Relaxation = "static"
    fmax: float = 0.02
    energy_change: float | None = None
    max_steps: int = 500
    optimizer: str = "BFGS"

    def __post_init__(self) -> None:
        settings_hash({}, self.relaxation)
        for name, value in (("fmax", self.fmax), ("energy_change", self.energy_change), ("max_steps", self.max_steps)):
            if value is not None and not value > 0:
                raise InputError(f"relaxation: {name} must be positive, got {value}")
        if self.optimizer not in OPTIMIZERS:
            raise InputError(f"relaxation: optimizer {self.optimizer!r} is none of {', '.join(OPTIMIZERS)}")

    @property
    def recorded(self) -> dict[str, Any]:
        """What is stored among the settings: nothing for a single point."""
        if self.relaxation == "static":
            return {}
        return {
            "fmax": self.fmax,
            "energy_change": self.energy_change,
            "max_steps": self.max_steps,
            "optimizer": self.optimizer,
        }


class Calculating:
    """Calculates one structure after the other with one calculator and protocol.

    Parameters
    ----------
    choice : CalculatorChoice
        The calculator.
    protocol : Protocol
        The treatment of the geometry.
    folder : str
        Where the calculator may write files of its own.
    """

    def __init__(self, choice: CalculatorChoice, protocol: Protocol, folder: str) -> None:
        self.choice = choice
        self.protocol = protocol
        self.folder = folder
        self._calculator: Any = None  # ASE carries few types

    def prepare(self) -> None:
        """Make the calculator, so that a mistake in its settings is found before anything is computed."""
        self._calculator = self.choice.build(self.folder)

    def __call__(self, structure: Structure) -> Calculation:
        """Calculate one structure; an exception of the calculator becomes the calculation's error."""
        if self._calculator is None:
            self.prepare()
        started = time.perf_counter()
        atoms: Any = AseAtomsAdaptor.get_atoms(structure, msonable=False)
        atoms.calc = self._calculator
        energy, forces, error = None, None, None
        n_steps, converged = 0, False
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about the inside of foreign code, and for every structure again
                n_steps, converged = _relax(atoms, self.protocol)
                energy = float(atoms.get_potential_energy())
                forces = _forces(atoms)
            if not np.isfinite(energy):
                energy, error = None, f"the energy is {energy}"
        except Exception as exception:  # foreign code: its failure is a result, not ours
            reason = self.choice.reason(self.folder)
            energy, error = None, one_line(exception) + (f" {reason}" if reason else "")
        if error is not None or not self.choice.reusable:
            self._calculator = None  # the state of one that failed is not to be trusted
        atoms.calc = None
        return Calculation(
            structure=structure if error is not None else AseAtomsAdaptor.get_structure(atoms),
            energy=energy,
            forces=None if error is not None else forces,
            converged=converged and error is None,
            relaxation=self.protocol.relaxation,
            calculator=self.choice.name,
            settings={**self.choice.recorded, **self.protocol.recorded},
            n_steps=n_steps,
            wall_s=time.perf_counter() - started,
            error=error,
        )


def _forces(atoms: Any) -> NDArray[np.float64] | None:
    from ase.calculators.calculator import PropertyNotImplementedError

    try:
        return np.array(atoms.get_forces(), dtype=np.float64)
    except PropertyNotImplementedError:  # a label is an energy; a calculator need not know forces
        return None


def _relax(atoms: Any, protocol: Protocol) -> tuple[int, bool]:
    """Move the atoms until the thresholds are met; steps taken, and whether they are."""
    if protocol.relaxation == "static":
        return 0, True
    import ase.optimize
    from ase.filters import FrechetCellFilter

    filtered: Any = FrechetCellFilter
    moving = filtered(atoms) if protocol.relaxation == "cell" else atoms
    optimizer = getattr(ase.optimize, protocol.optimizer)(moving, logfile=None)
    before = np.inf
    # The optimiser's own threshold is out of reach: it stops when both of ours are met.
    for _ in optimizer.irun(fmax=1e-12, steps=protocol.max_steps):
        energy = float(atoms.get_potential_energy())
        change, before = abs(energy - before) / len(atoms), energy
        largest = float(np.linalg.norm(moving.get_forces(), axis=1).max())
        if largest <= protocol.fmax and (protocol.energy_change is None or change <= protocol.energy_change):
            return int(optimizer.nsteps), True
    return int(optimizer.nsteps), False
