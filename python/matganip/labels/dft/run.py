"""The result of a DFT run, whichever program computed it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure


class OutputError(Exception):
    """An output from which no result can be read; the message says why, in one line."""


@dataclass
class Run:
    """The result of one run, as its output has it.

    Attributes
    ----------
    source : Path
        The file that was read.
    code : str
        "vasp", "gpaw", "espresso", another calculator of ASE's, or "" where the file does not say.
    program : str
        With its version, "vasp 6.3.2"; "" where the file does not say.
    structure : Structure
        The last geometry.
    energy : float
        Of that, in eV; extrapolated to no smearing (VASP, GPAW), or the free energy (Quantum ESPRESSO).
    forces : (n, 3) float64 or None
        In eV/angstrom.
    electronic : bool
        Whether the electronic loop of the last step converged.
    ionic : bool or None
        Whether a relaxation converged; None where the file does not say.
    why : str
        What did not.
    n_steps : int
        Ionic steps; 0 for a single point.
    wall_s : float
        Wall time in seconds, 0 where the file does not say.
    found : dict
        Settings that the file names, by the names of `DftSettings.asked`; VASP's INCAR keys under "incar".
    notes : list of str
        What a reader should know, "vasprun.xml is cut off, read from OUTCAR".
    """

    source: Path
    code: str
    program: str
    structure: Structure = field(repr=False)
    energy: float
    forces: NDArray[np.float64] | None = field(repr=False)
    electronic: bool
    ionic: bool | None
    why: str = ""
    n_steps: int = 0
    wall_s: float = 0.0
    found: dict[str, Any] = field(default_factory=dict, repr=False)
    notes: list[str] = field(default_factory=list)

    @property
    def converged(self) -> bool:
        """Whether the output reports no failure to converge."""
        return self.electronic and self.ionic is not False
