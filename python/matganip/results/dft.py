"""Results of batches of DFT runs: what was written, and what came of the runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["done", "unconverged", "failed", "missing"]
SHOWN = 30
"""Rows of the list of what is not done, unless all are asked for."""


@dataclass(eq=False)
class WrittenInputs(Result):
    """The inputs of a batch of DFT runs.

    Attributes
    ----------
    folder : Path
        Where they are.
    code, relaxation : str
        Program, and what may move.
    kpoints : (int, int, int)
        The mesh.
    ediff_per_atom : float
        Change of the energy at which the electronic loop ends, in eV per atom.
    n_orbits : int
        Asked for.
    n_labelled : int
        Of these, in the database already.
    n_there : int
        Of the others, those whose folder was there.
    folders : list of Path
        Written now.
    scripts : list of Path
        Likewise.
    """

    folder: Path
    code: str
    relaxation: str
    kpoints: tuple[int, int, int]
    ediff_per_atom: float
    n_orbits: int = 0
    n_labelled: int = 0
    n_there: int = 0
    folders: list[Path] = field(default_factory=list)
    scripts: list[Path] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Numbers and names of what was written, as JSON values."""
        return {
            "folder": str(self.folder),
            "orbits": self.n_orbits,
            "labelled": self.n_labelled,
            "there": self.n_there,
            "written": [str(one) for one in self.folders],
            "scripts": [str(one) for one in self.scripts],
            "kpoints": list(self.kpoints),
        }

    def to_frame(self) -> pd.DataFrame:
        """One row for each folder that was written."""
        import pandas as pd

        return pd.DataFrame({"folder": [str(one) for one in self.folders]})

    def tables(self) -> tuple[Table, ...]:
        """Numbers of orbits."""
        title = f"{self.code}, {self.relaxation}, k-points {'x'.join(map(str, self.kpoints))}"
        numbers = (self.n_orbits, self.n_labelled, self.n_there, len(self.folders))
        columns = ("orbits", "labelled before", "folder was there", "written")
        return (Table(title, columns, (tuple(f"{n:,}" for n in numbers),), "rrrr"),)

    def sentences(self) -> tuple[str, ...]:
        """What comes next, and what the settings are too coarse for."""
        lines = [
            f"In {self.folder}: sbatch job_array.sh, or bash run_all.sh; then matganip dft collect {self.folder}",
        ]
        if self.code == "vasp":
            lines.append(
                "POTCARs are licensed and not written: where PMG_VASP_PSP_DIR is set, the scripts assemble them from "
                "POTCAR.spec."
            )
        if self.ediff_per_atom >= 1e-5:
            lines.append(
                f"The electronic loop ends at {1000 * self.ediff_per_atom:g} meV/atom. Arrangements often differ by as "
                "little; to rank them, set ediff_per_atom to 1e-7 in a study file."
            )
        return tuple(lines)


@dataclass
class Outcome:
    """What came of one run.

    Attributes
    ----------
    folder : str
        Relative to where was looked.
    status : {"done", "unconverged", "failed", "missing"}
        "done" is converged, of the orbit and with the settings asked for; "unconverged" is stored as such; "failed" is
        not stored; "missing" has no output.
    why : str
        Why it is not done; of what is done what a reader should know.
    space, orbit : str
        Keys; "" where nothing tells which orbit it was to be.
    multiplicity : int
        Of the orbit, 0 likewise.
    energy : float or None
        In eV.
    source : str
        Name of the file that was read.
    stored : bool
        Whether the database has it from now on; False also where it had it before.
    """

    folder: str
    status: Status
    why: str = ""
    space: str = ""
    orbit: str = ""
    multiplicity: int = 0
    energy: float | None = None
    source: str = ""
    stored: bool = False


@dataclass(eq=False)
class Collected(Result):
    """What came of the runs below a folder.

    Attributes
    ----------
    database : Path
        Where the labels are.
    outcomes : list of Outcome
        One for each folder with an output, and for each orbit without.
    n_labelled : int
        Orbits asked for whose label the database has though no run of them is here.
    show_all : bool
        Whether `sentences` lists every run.
    """

    database: Path
    outcomes: list[Outcome] = field(default_factory=list)
    n_labelled: int = 0
    show_all: bool = False

    def count(self, status: Status) -> int:
        """How many have that status."""
        return sum(one.status == status for one in self.outcomes)

    @property
    def n_stored(self) -> int:
        """How many are new in the database."""
        return sum(one.stored for one in self.outcomes)

    def reasons(self) -> Counter[tuple[Status, str]]:
        """How often each reason is given for what is not done."""
        return Counter((one.status, one.why) for one in self.outcomes if one.status != "done")

    def to_dict(self) -> dict[str, Any]:
        """Numbers and runs as JSON values."""
        statuses: tuple[Status, ...] = ("done", "unconverged", "failed", "missing")
        counts: dict[str, Any] = {status: self.count(status) for status in statuses}
        runs = [asdict(outcome) for outcome in self.outcomes]
        return {**counts, "labelled_before": self.n_labelled, "stored_now": self.n_stored, "runs": runs}

    def to_frame(self) -> pd.DataFrame:
        """One row for each run."""
        import pandas as pd

        return pd.DataFrame([asdict(outcome) for outcome in self.outcomes])

    def tables(self) -> tuple[Table, ...]:
        """Numbers of runs."""
        document = self.to_dict()
        keys = ("done", "unconverged", "failed", "missing", "labelled_before", "stored_now")
        columns = ("done", "not converged", "failed", "missing", "labelled before", "stored now")
        row = tuple(f"{document[key]:,}" for key in keys)
        return (Table(f"Labels in {self.database}", columns, (row,), "r" * 6),)

    def sentences(self) -> tuple[str, ...]:
        """What is not done and why, a line each; the first `SHOWN` unless all are asked for."""
        order = {"failed": 0, "unconverged": 1, "missing": 2, "done": 3}
        lines = [
            f"{one.folder}: {'not converged' if one.status == 'unconverged' else one.status}"
            + (f": {one.why}" if one.why else "")
            for one in sorted(self.outcomes, key=lambda one: order[one.status])
            if self.show_all or one.status != "done" or one.why
        ]
        more = len(lines) - SHOWN
        if self.show_all or more <= 0:
            return tuple(lines)
        return (*lines[:SHOWN], f"and {more:,} more; --all lists every run, --json is for programs")
