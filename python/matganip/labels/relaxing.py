"""One calculation: a single point, or a relaxation by one of ASE's optimisers."""

from __future__ import annotations

import time
import warnings
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pymatgen.core.structure import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from matganip.labels.calculation import Calculation, Relaxation
from matganip.labels.calculators import Calculator, one_line
from matganip.settings import Settings

Optimizer = Literal["BFGS", "LBFGS", "FIRE", "FIRE2", "BFGSLineSearch", "LBFGSLineSearch", "GPMin", "MDMin"]


class RelaxationSettings(Settings):
    """What may move before the energy is taken, and when that ends: the section ``[relaxation]`` of a file.

    Raises
    ------
    InputError
        If a threshold is not positive or a name unknown.

    Examples
    --------
    >>> RelaxationSettings(kind="positions", fmax=0.01).recorded
    {'fmax': 0.01, 'energy_change': None, 'max_steps': 500, 'optimizer': 'BFGS'}
    """

    kind: Relaxation = Field(default="static", description='"static", "positions" or "cell" (atoms and cell).')
    fmax: float = Field(
        default=0.02,
        gt=0,
        description="Largest force, in eV/angstrom, at which a relaxation is converged; of the cell too, as ASE's "
        "filter scales it.",
    )
    energy_change: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Also needed: the largest change of energy in the last step, in eV per atom."
    )
    max_steps: int = Field(
        default=500, ge=1, description="Steps after which it gives up; the result is then stored as not converged."
    )
    optimizer: Optimizer = Field(default="BFGS", description="One of ASE's optimisers.")
    rattle: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Standard deviation of the random displacements before a relaxation, in angstrom: by symmetry an "
        "ideal lattice has no forces towards its tilts.",
    )
    start: int = Field(
        default=0, ge=0, description="Which random displacements: another start may end in another basin."
    )
    max_displacement: float = Field(
        default=2.0,
        gt=0,
        description="Longest way of an atom from its ideal site, in angstrom, strain of the cell and drift taken away; "
        "a structure where one moved farther is refused.",
    )

    @model_validator(mode="after")
    def _start_needs_rattle(self) -> RelaxationSettings:
        if self.start and not self.rattle:
            raise ValueError(f"start = {self.start}: without rattle all starts are one")
        return self

    @property
    def recorded(self) -> dict[str, Any]:
        """What is stored among the settings: nothing for a single point."""
        left_out = {"kind", "max_displacement", *(() if self.rattle else ("rattle", "start"))}
        return {} if self.kind == "static" else self.model_dump(exclude=left_out)


class Calculating:
    """Calculates one structure after the other with one calculator and relaxation.

    Parameters
    ----------
    calculator : CalculatorChoice or GivenCalculator
        What calculates.
    relaxation : RelaxationSettings
        What may move before the energy is taken.
    folder : str
        Where the calculator may write files of its own.
    """

    def __init__(self, calculator: Calculator, relaxation: RelaxationSettings, folder: str) -> None:
        self.calculator = calculator
        self.relaxation = relaxation
        self.folder = folder
        self._made: Any = None  # ASE carries few types

    def prepare(self) -> None:
        """Make the calculator, so that a mistake in its settings is found before anything is computed."""
        self._made = self.calculator.build(self.folder)

    def __call__(self, structure: Structure) -> Calculation:
        """Calculate one structure; an exception of the calculator becomes the calculation's error."""
        if self._made is None:
            self.prepare()
        started = time.perf_counter()
        atoms: Any = AseAtomsAdaptor.get_atoms(structure, msonable=False)
        _rattle(atoms, self.relaxation)
        atoms.calc = self._made
        energy, forces, error = None, None, None
        n_steps, converged = 0, False
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # foreign code repeats its own for every structure
                n_steps, converged = _relax(atoms, self.relaxation)
                energy = float(atoms.get_potential_energy())
                forces = _forces(atoms)
            moved = displacements(structure, AseAtomsAdaptor.get_structure(atoms))
            if not np.isfinite(energy):
                energy, error = None, f"the energy is {energy}"
            elif moved.max() > self.relaxation.max_displacement:
                farthest = int(moved.argmax())
                energy, error = (
                    None,
                    (
                        f"atom {farthest} ({structure[farthest].specie}) moved {moved[farthest]:.2f} angstrom from its "
                        f"site, more than max_displacement = {self.relaxation.max_displacement:g}"
                    ),
                )
        except Exception as exception:  # foreign code may raise anything; that is a result of this structure
            reason = self.calculator.reason(self.folder)
            energy, error = None, one_line(exception) + (f" {reason}" if reason else "")
        if error is not None or not self.calculator.reusable:
            self._made = None  # its state cannot be trusted after a failure
        atoms.calc = None
        return Calculation(
            structure=structure if error is not None else AseAtomsAdaptor.get_structure(atoms),
            energy=energy,
            forces=None if error is not None else forces,
            converged=converged and error is None,
            relaxation=self.relaxation.kind,
            calculator=self.calculator.name,
            settings={**self.calculator.recorded, **self.relaxation.recorded},
            n_steps=n_steps,
            wall_s=time.perf_counter() - started,
            error=error,
        )


def displacements(ideal: Structure, relaxed: Structure) -> NDArray[np.float64]:
    """How far atoms are from their sites, (n,) angstrom of the ideal cell, strain of the cell and drift taken away.

    Parameters
    ----------
    ideal, relaxed : Structure
        With the same atoms in the same order.

    Examples
    --------
    >>> import matganip as mg
    >>> unit = mg.perovskite("CsPbI3", a=6.0)
    >>> moved = unit.copy().translate_sites(range(5), [0.1, 0, 0]).translate_sites([0], [0.0, 0.05, 0])
    >>> displacements(unit, moved).round(2).tolist()
    [0.24, 0.06, 0.06, 0.06, 0.06]
    """
    moved = np.array(relaxed.frac_coords) - np.array(ideal.frac_coords)
    moved -= np.rint(moved - moved[0]) + 0.0
    moved -= moved.mean(axis=0)
    way: NDArray[np.float64] = np.linalg.norm(moved @ ideal.lattice.matrix, axis=1)
    return way


def _rattle(atoms: Any, relaxation: RelaxationSettings) -> None:
    """Displace the atoms at random, each arrangement in its own way, the same way whichever process does it."""
    if relaxation.kind == "static" or not relaxation.rattle:
        return
    species = [int(number) for number in atoms.get_atomic_numbers()]
    random = np.random.default_rng(np.random.SeedSequence([relaxation.start, *species]))
    atoms.positions += random.normal(0.0, relaxation.rattle, atoms.positions.shape)


def _forces(atoms: Any) -> NDArray[np.float64] | None:
    from ase.calculators.calculator import PropertyNotImplementedError

    try:
        return np.array(atoms.get_forces(), dtype=np.float64)
    except PropertyNotImplementedError:  # a label is an energy; forces are optional
        return None


def _relax(atoms: Any, relaxation: RelaxationSettings) -> tuple[int, bool]:
    """Move the atoms until the thresholds are met; the number of steps, and whether they were met."""
    if relaxation.kind == "static":
        return 0, True
    import ase.optimize
    from ase.filters import FrechetCellFilter

    filtered: Any = FrechetCellFilter
    moving = filtered(atoms) if relaxation.kind == "cell" else atoms
    optimizer = getattr(ase.optimize, relaxation.optimizer)(moving, logfile=None)
    before = np.inf
    # The optimiser's own threshold is never met: the loop ends when both of ours are.
    for _ in optimizer.irun(fmax=1e-12, steps=relaxation.max_steps):
        energy = float(atoms.get_potential_energy())
        change, before = abs(energy - before) / len(atoms), energy
        largest = float(np.linalg.norm(moving.get_forces(), axis=1).max())
        if largest <= relaxation.fmax and (relaxation.energy_change is None or change <= relaxation.energy_change):
            return int(optimizer.nsteps), True
    return int(optimizer.nsteps), False
