"""GPAW's and Quantum ESPRESSO's output, and trajectories, all read by ASE; neither program is needed."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.labels.dft.run import OutputError, Run


def read_gpaw(folder: Path, names: list[str]) -> Run:
    """GPAW's run: energy and geometry from its .gpw, else a .traj, else its text, which also says if it converged."""
    texts = [name for name in names if is_gpaw_text(folder / name)]
    gpw = next((name for name in names if name.endswith(".gpw")), None)
    text = (folder / texts[0]).read_text(encoding="utf-8", errors="replace") if texts else ""
    electronic = _scf_converged(text) if text else True
    if gpw is None and not electronic:
        n_iterations = len(re.findall(r"^\|?\s*iter:", text.rpartition("SCF iterations")[2] or text, re.MULTILINE))
        raise OutputError(
            f"{texts[0]}: the last electronic loop did not converge, or was killed ({n_iterations} iterations)"
        )
    trajectory = next((name for name in names if name.endswith(".traj")), None)
    source = gpw or trajectory or next(iter(texts), None)
    if source is None:
        raise OutputError("neither a .gpw file nor GPAW's text is there")
    try:
        atoms = _read(folder / source, "gpaw-out" if source in texts else None)
    except OutputError as error:
        if source in texts:
            raise OutputError(f"{error}; ASE reads the text of GPAW before 25, keep the .gpw of newer ones") from error
        raise
    found, program = _gpaw_settings(folder / source) if gpw else ({}, "")
    version = re.search(r"\|_____\|\s+(\d\S*)|\|\|/\\\|\s+-\s+(\d\S*)", text, re.MULTILINE)
    end = _end(folder) if "end.json" in names else {}
    if "gpaw" in end or version:
        program = f"gpaw {end.get('gpaw') or (version and (version[1] or version[2]))}"
    ionic = bool(end["converged"]) if "converged" in end else None
    why = [] if electronic else ["the electronic loop did not converge"]
    why += [f"the relaxation used up its {end.get('steps')} steps"] if ionic is False else []
    run = _run(folder / source, "gpaw", program, atoms, electronic, ionic, "; ".join(why))
    run.n_steps, run.found = int(end.get("steps", 0)), found
    printed = re.findall(r"Extrapolated:\s+(-?[\d.]+)", text)
    if source in texts and printed:
        run.energy = float(printed[-1])  # ASE takes the one of the last iteration, with fewer digits
    return run


def is_gpaw_text(path: Path) -> bool:
    """Whether a file begins as GPAW's text output does."""
    if path.suffix not in (".txt", ".out", ".log", ""):
        return False
    head = _head(path)
    return "___ ___ ___ _ _ _" in head or ("__  _  _" in head and r"|__||  | ||/\|" in head)


def _scf_converged(text: str) -> bool:
    """Whether the last electronic loop of GPAW's text ended well."""
    last = max(text.rfind("SCF iterations"), text.rfind("iterations:"), 0)
    return bool(re.search(r"Converged (in|after) \d+", text[last:])) and "Did not converge" not in text[last:]


def _gpaw_settings(path: Path) -> tuple[dict[str, Any], str]:
    """Parameters that a .gpw file holds."""
    from ase.io.ulm import open as open_ulm

    open_it: Any = open_ulm
    with open_it(str(path)) as reader:
        raw = reader.parameters.asdict() if "parameters" in reader else {}
        program = f"gpaw {reader.gpaw_version}" if "gpaw_version" in reader else ""
    return {"gpaw": json.loads(json.dumps(raw, default=str))}, program


def _end(folder: Path) -> dict[str, Any]:
    """What our script writes at its end."""
    try:
        data = json.loads((folder / "end.json").read_text())
    except ValueError as error:
        raise OutputError(f"end.json is damaged: {error}") from error
    return data if isinstance(data, dict) else {}


def read_espresso(folder: Path, names: list[str]) -> Run:
    """pw.x's run, from its standard output."""
    outputs = [name for name in names if is_espresso_text(folder / name)]
    if not outputs:
        raise OutputError("no output of pw.x is there")
    path = folder / outputs[0]
    text = path.read_text(encoding="utf-8", errors="replace")
    if "JOB DONE" not in text and "End final coordinates" not in text:
        stop = re.search(r"%+\s+Error in routine (.+?):?\s*\n\s*(.+)", text)
        reason = (
            f"stopped in {stop[1]}: {stop[2].strip()}"
            if stop
            else "does not come to its end (still running, or killed?)"
        )
        raise OutputError(f"{path.name} {reason}")
    version = re.search(r"Program PWSCF v\.?\s*([\w.]+)", text)
    ends = re.findall(r"convergence (has been|NOT) achieved", text)
    electronic = bool(ends) and ends[-1] == "has been"
    relaxing = "BFGS Geometry Optimization" in text or "Damped Dynamics" in text
    ionic = not relaxing or "Begin final coordinates" in text
    steps = len(re.findall(r"number of scf cycles\s*=", text)) if relaxing else 0
    if "The maximum number of steps has been reached" in text:
        ionic = False
    why = [] if electronic else ["the last electronic loop did not converge"]
    why += [] if ionic else [f"the relaxation used up its {steps} steps"]
    try:
        atoms = _read(path, "espresso-out")
    except OutputError as error:
        raise OutputError("; ".join([*why, str(error)])) from error
    program = f"espresso {version[1]}" if version else ""
    run = _run(path, "espresso", program, atoms, electronic, ionic, "; ".join(why))
    run.n_steps, run.found["relaxed"] = steps, relaxing
    cutoff = re.search(r"kinetic-energy cutoff\s*=\s*([\d.]+)\s*Ry", text)
    if cutoff:
        from ase.units import Ry

        run.found["encut"] = float(cutoff[1]) * Ry
    files = re.findall(r"PseudoPot\. #\s*\d+ for\s+(\S+)\s+read from file:\s*\n?\s*(\S+)", text)
    if files:
        run.found["pseudopotentials"] = {symbol: Path(file).name for symbol, file in files}
    wall = re.search(r"PWSCF\s*:.*CPU\s+(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:([\d.]+)s)?\s*WALL", text)
    if wall:
        run.wall_s = 3600 * float(wall[1] or 0) + 60 * float(wall[2] or 0) + float(wall[3] or 0)
    mesh = _mesh_beside(folder, names)
    if mesh:
        run.found["kpoints"] = mesh
    return run


def is_espresso_text(path: Path) -> bool:
    """Whether a file is what pw.x prints."""
    return path.suffix in (".pwo", ".out", ".txt", ".log") and "Program PWSCF" in _head(path)


def _mesh_beside(folder: Path, names: list[str]) -> list[int]:
    """pw.x does not print the mesh; its input does."""
    for name in names:
        if name.endswith((".pwi", ".in")):
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
            match = re.search(r"K_POINTS\s+[({]?automatic[)}]?\s*\n\s*(\d+)\s+(\d+)\s+(\d+)", text, re.IGNORECASE)
            if match:
                return [int(n) for n in match.groups()]
            if re.search(r"K_POINTS\s+[({]?gamma", text, re.IGNORECASE):
                return [1, 1, 1]
    return []


def read_trajectory(path: Path) -> Run:
    """The last image of a trajectory or JSON file of ASE's, which names its calculator."""
    atoms = _read(path, None)
    code = str(getattr(atoms.calc, "name", None) or "unknown")
    run = _run(path, "" if code == "unknown" else code, "", atoms, True, None, "")
    run.notes.append(f"{path.name} names no settings, nor whether anything converged")
    return run


def _read(path: Path, form: str | None) -> Any:
    import ase.io

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ase.io.read(path, index=-1, format=form)
    except Exception as error:  # ASE may raise anything on a foreign file
        reason = next(iter(str(error).strip().splitlines()), "")
        raise OutputError(f"{path.name} does not parse (cut off?): {type(error).__name__}: {reason}") from error


def _run(path: Path, code: str, program: str, atoms: Any, electronic: bool, ionic: bool | None, why: str) -> Run:
    results = atoms.calc.results if atoms.calc is not None else {}
    energy = results.get("energy")
    if energy is None or not np.isfinite(energy):
        raise OutputError(f"{path.name} holds no energy")
    forces: NDArray[np.float64] | None = None
    if results.get("forces") is not None:
        forces = np.array(results["forces"], dtype=np.float64)
    structure = Structure(atoms.cell.array, atoms.get_chemical_symbols(), atoms.get_scaled_positions())
    return Run(path, code, program, structure, float(energy), forces, electronic, ionic, why)


def _head(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(2000)
    except OSError:
        return ""
