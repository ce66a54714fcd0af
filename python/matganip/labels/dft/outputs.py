"""Finding and reading the output of a run in a folder, whichever program's it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from matganip.labels.dft.ase_output import is_espresso_text, is_gpaw_text, read_espresso, read_gpaw, read_trajectory
from matganip.labels.dft.folders import BATCH_FILE, ORBIT_FILE
from matganip.labels.dft.run import OutputError, Run
from matganip.labels.dft.vasp_output import TEXT, XML, read_vasp

TRAJECTORIES = (".traj", ".json")
OURS = {BATCH_FILE, ORBIT_FILE, "end.json", "custodian.json"}
"""JSON files that are no results."""


def has_output(names: Iterable[str]) -> bool:
    """Whether the names of a folder's files look like a run's output.

    Examples
    --------
    >>> has_output(["INCAR", "POSCAR", "orbit.json"]), has_output(["vasprun.xml.gz"]), has_output(["relax.traj"])
    (False, True, True)
    """
    return any(
        name in {*XML, *TEXT} or name.endswith((".gpw", ".pwo")) or (name.endswith(TRAJECTORIES) and name not in OURS)
        for name in names
    )


def output_of(folder: Path, names: list[str]) -> str:
    """Whose output lies in a folder: "vasp", "gpaw", "espresso", "ase", or "" if none does."""
    if any(name in {*XML, *TEXT} for name in names):
        return "vasp"
    if any(name.endswith(".gpw") or is_gpaw_text(folder / name) for name in names):
        return "gpaw"
    if any(is_espresso_text(folder / name) for name in names):
        return "espresso"
    return "ase" if has_output(names) else ""


def read_run(folder: Path, names: list[str]) -> Run:
    """Read the output of a folder.

    Parameters
    ----------
    folder : Path
        The folder.
    names : list of str
        Of its files.

    Returns
    -------
    Run

    Raises
    ------
    OutputError
        If no result can be read from it; says why.
    """
    code = output_of(folder, names)
    if code == "vasp":
        return read_vasp(folder)
    if code == "gpaw":
        return read_gpaw(folder, names)
    if code == "espresso":
        return read_espresso(folder, names)
    files = [name for name in names if name.endswith(TRAJECTORIES) and name not in OURS]
    if not files:
        raise OutputError("no output is there")
    return read_trajectory(folder / min(files, key=lambda name: (name.endswith(".json"), name)))
