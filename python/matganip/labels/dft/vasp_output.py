"""VASP's output: `vasprun.xml` by pymatgen; `OUTCAR` by ASE where that is missing or cut off."""

from __future__ import annotations

import gzip
import re
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core.structure import Structure

from matganip.errors import first_line
from matganip.labels.dft.run import OutputError, Run

XML = ("vasprun.xml", "vasprun.xml.gz")
TEXT = ("OUTCAR", "OUTCAR.gz")
LARGEST = 1 << 30
"""Bytes of an output, decompressed, that are read."""

KEYS = (
    *("AEXX", "EDIFF", "EDIFFG", "ENCUT", "GGA", "HFSCREEN", "IBRION", "ISIF", "ISMEAR", "ISPIN", "IVDW", "LASPH"),
    *("LDAU", "LHFCALC", "LREAL", "LSORBIT", "LUSE_VDW", "METAGGA", "NELM", "NSW", "PREC", "SIGMA"),
)
"""INCAR keys that an energy depends on, or its convergence."""


def read_vasp(folder: Path) -> Run:
    """The run of a folder.

    Parameters
    ----------
    folder : Path
        With a `vasprun.xml` or an `OUTCAR`, also compressed by gzip.

    Returns
    -------
    Run

    Raises
    ------
    OutputError
        If neither file holds a run that has ended.
    """
    xml = next((folder / name for name in XML if (folder / name).is_file()), None)
    text = next((folder / name for name in TEXT if (folder / name).is_file()), None)
    if xml is None and text is None:
        raise OutputError("neither vasprun.xml nor OUTCAR is there")
    reason = "vasprun.xml is missing"
    if xml is not None:
        try:
            return _from_xml(xml)
        except OutputError as error:
            reason = str(error)
    if text is None:
        raise OutputError(f"{reason}, and there is no OUTCAR")
    try:
        run = _from_text(text)
    except OutputError as error:
        raise OutputError(f"{reason}; {error}") from error
    run.notes.append(f"{reason}; read from {text.name}")
    return run


# -- vasprun.xml ---------------------------------------------------------------------------------------------------


def _from_xml(path: Path) -> Run:
    from pymatgen.io.vasp.outputs import Vasprun

    try:
        _bytes(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what is checked below
            read: Any = Vasprun(str(path), parse_dos=False, parse_eigen=False, parse_potcar_file=False)
            energy = float(read.final_energy)
            electronic, ionic = bool(read.converged_electronic), bool(read.converged_ionic)
    except OutputError:
        raise
    # A SyntaxError is what XML parsers raise, whichever pymatgen uses.
    except (SyntaxError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise OutputError(
            f"{path.name} is cut off or damaged (still running, or killed?): {first_line(error)}"
        ) from error
    except Exception as error:  # pymatgen may raise anything on a foreign file
        raise OutputError(f"{path.name} does not parse: {type(error).__name__}: {first_line(error)}") from error
    if not read.ionic_steps or not np.isfinite(energy):
        raise OutputError(f"{path.name} holds no energy")
    incar = {key: read.parameters.get(key, read.incar.get(key)) for key in KEYS}
    # These stand only in what was given.
    incar |= {key: read.incar[key] for key in ("IVDW", "LREAL", "METAGGA") if key in read.incar}
    incar["ENCUT"] = read.parameters.get("ENMAX", read.incar.get("ENCUT"))
    titles = list(read.potcar_symbols)
    incar["GGA"] = _functional(incar["GGA"], titles)
    last = read.ionic_steps[-1]
    steps = len(read.ionic_steps)
    return Run(
        source=path,
        code="vasp",
        program=_program(str(read.vasp_version)),
        structure=read.final_structure,
        energy=energy,
        forces=np.array(last["forces"], dtype=np.float64) if "forces" in last else None,
        electronic=electronic,
        ionic=ionic,
        why=_why(electronic, ionic, incar, steps),
        n_steps=steps if int(incar["NSW"] or 0) > 1 else 0,
        wall_s=_wall_time(path.parent),
        found={"incar": incar, "potcar": [_symbol(title) for title in titles], **_mesh(read.kpoints)},
    )


def _mesh(kpoints: Any) -> dict[str, Any]:
    """Mesh and centre of pymatgen's Kpoints, where they are a mesh."""
    style = getattr(kpoints.style, "name", "")
    if style not in ("Gamma", "Monkhorst"):
        return {}
    mesh = [int(n) for n in kpoints.kpts[0]]
    shifted = any(abs(float(shift)) > 1e-6 for shift in kpoints.kpts_shift or ())
    # With odd numbers both kinds are the same mesh.
    gamma = not shifted and (style == "Gamma" or all(n % 2 for n in mesh))
    return {"kpoints": mesh, "gamma": gamma}


def _program(text: str) -> str:
    """Name and version without date and build, which differ between the two files.

    >>> _program(" vasp.5.4.4.18Apr17-6-g9f103f2a35 (build Apr  9 2020 10:35:27) complex")
    'vasp 5.4.4'
    """
    version = re.search(r"\d+\.\d+\.\d+", text)
    return f"vasp {version[0]}" if version else "vasp"


def _functional(given: object, titles: list[str]) -> str | None:
    """The two letters of GGA; "--" stands for the POTCARs' own."""
    letters = str(given or "--").strip().upper()[:2]
    if letters != "--" or not titles:
        return letters if letters != "--" else None
    return "PE" if all(title.startswith("PAW_PBE") for title in titles) else "CA"


def _symbol(title: str) -> str:
    """``Pb_d`` of ``PAW_PBE Pb_d 06Sep2000``."""
    words = title.split()
    return words[1] if len(words) > 1 else title


def _why(electronic: bool, ionic: bool, incar: dict[str, Any], steps: int) -> str:
    reasons = []
    if not electronic:
        reasons.append(f"the electronic loop of the last step used up its {incar['NELM']} iterations (NELM)")
    if not ionic:
        reasons.append(f"the relaxation ended after {steps} steps without reaching EDIFFG (NSW {incar['NSW']})")
    return "; ".join(reasons)


def _wall_time(folder: Path) -> float:
    """Seconds, from an OUTCAR beside."""
    path = next((folder / name for name in TEXT if (folder / name).is_file()), None)
    return _elapsed(_text(path)) if path else 0.0


# -- OUTCAR --------------------------------------------------------------------------------------------------------


def _from_text(path: Path) -> Run:
    text = _text(path)
    if "General timing and accounting" not in text:
        raise OutputError(f"{path.name} does not come to its end (still running, or killed?)")
    import ase.io

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            atoms: Any = ase.io.read(path, format="vasp-out", index=-1)
            energy, forces = float(atoms.get_potential_energy()), np.array(atoms.get_forces())
    except Exception as error:  # ASE may raise anything on a foreign file
        raise OutputError(f"{path.name} does not parse: {type(error).__name__}: {first_line(error)}") from error
    titles = list(dict.fromkeys(re.findall(r"^\s*TITEL\s*=\s*(.+?)\s*$", text, re.MULTILINE)))
    incar = _keys(text)
    if not all(isinstance(incar.get(key), int) for key in ("NELM", "NSW")):
        raise OutputError(f"{path.name} does not parse: it does not say NELM and NSW")
    incar["GGA"] = _functional(incar["GGA"], titles)
    steps, iterations = ([*map(int, one)] for one in zip(*_ITERATION.findall(text), strict=True))
    # Some versions say "EDIFF is reached" also where the loop ends because of NELM: the number of iterations decides.
    electronic = iterations[-1] < int(incar["NELM"]) and "EDIFF was not reached" not in text.rpartition("Iteration")[2]
    ionic = int(incar["NSW"]) <= 1 or "reached required accuracy - stopping structural" in text
    return Run(
        source=path,
        code="vasp",
        program=_program(text[:200]),
        structure=Structure(atoms.cell.array, atoms.get_chemical_symbols(), atoms.get_scaled_positions()),
        energy=energy,
        forces=forces,
        electronic=electronic,
        ionic=ionic,
        why=_why(electronic, ionic, incar, steps[-1]),
        n_steps=steps[-1] if int(incar["NSW"]) > 1 else 0,
        wall_s=_elapsed(text),
        found={"incar": incar, "potcar": [_symbol(title) for title in titles], **_mesh_beside(path.parent)},
    )


_ITERATION = re.compile(r"-+ Iteration\s+(\d+)\(\s*(\d+)\)")


def _keys(text: str) -> dict[str, Any]:
    """The INCAR keys as OUTCAR prints them all; None where it does not."""
    found: dict[str, Any] = {}
    printed = text.partition("Startparameter for this run")[2].partition("Iteration")[0] or text
    for key in KEYS:
        match = re.search(rf"(?:^|[\s;]){key}\s*=\s*([^\s;]+)", printed)
        found[key] = _value(match[1]) if match else None
    found["LDAU"] = "LDA+U is selected" in text
    return found


def _value(word: str) -> object:
    """A word that OUTCAR prints, as what it stands for.

    >>> _value("0.5E-01"), _value("60"), _value("F"), _value("accura")
    (0.05, 60, False, 'accura')
    """
    if word in ("T", "F"):
        return word == "T"
    try:
        return float(word) if re.search(r"[.eE]", word) else int(word)
    except ValueError:
        return word


def _mesh_beside(folder: Path) -> dict[str, Any]:
    """OUTCAR does not name the mesh; the KPOINTS beside it does."""
    from pymatgen.io.vasp.inputs import Kpoints

    path = folder / "KPOINTS"
    if not path.is_file():
        return {}
    try:
        return _mesh(Kpoints.from_file(str(path)))
    except Exception as error:  # pymatgen may raise anything on a foreign file
        raise OutputError(f"KPOINTS does not parse: {type(error).__name__}: {first_line(error)}") from error


def _elapsed(text: str) -> float:
    match = re.search(r"Elapsed time \(sec\):\s*(\d+(?:\.\d*)?)", text)
    return float(match[1]) if match else 0.0


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode("utf-8", errors="replace")
    except (OSError, EOFError, zlib.error) as error:
        raise OutputError(f"{path.name} cannot be read: {first_line(error)}") from error


def _bytes(path: Path) -> bytes:
    """What is in the file, decompressed; no more than `LARGEST` of it, so that a bad file does not fill the memory."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise OutputError(f"{path.name} holds more than {LARGEST >> 20:,} MiB: no output of a single run is so long")
    return raw
