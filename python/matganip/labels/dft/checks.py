"""Check that a run is what was asked for: its settings, and the orbit of its last geometry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.labels.calculation import Relaxation
from matganip.labels.dft.run import Run
from matganip.labels.joining import match_structure
from matganip.labels.rows import orbit_names

TOLERANCE: Mapping[Relaxation, float] = {"static": 0.1, "positions": 1.0, "cell": 1.0}
"""How far in angstrom an atom may be from its ideal site at the end; half-way to the next site is about 2 angstrom."""

STRAIN: Mapping[Relaxation, float] = {"static": 0.01, "positions": 0.01, "cell": 0.1}
"""How far, as a fraction, the cell's vectors may be off."""

ABSENT: Mapping[str, Any] = {
    "METAGGA": None,
    "LHFCALC": False,
    "LDAU": False,
    "IVDW": 0,
    "LUSE_VDW": False,
    "LSORBIT": False,
}
"""Keys that a run must not have set unless they were asked for: they change the functional."""


def differences(asked: Mapping[str, Any], run: Run, relaxation: Relaxation, supercell_atoms: int) -> list[str]:
    """The settings of a run that differ from those asked for; what its output does not state is not checked.

    Parameters
    ----------
    asked : mapping
        Of `DftSettings.asked`.
    run : Run
        The run.
    relaxation : {"static", "positions", "cell"}
        What was to move.
    supercell_atoms : int
        Atoms of the run, for EDIFF.

    Returns
    -------
    list of str
        ``"ENCUT 400, asked 550"``; empty where all is as it was asked for.
    """
    found = run.found
    wrong = []
    if "kpoints" in found and list(found["kpoints"]) != list(asked["kpoints"]):
        wrong.append(f"k-points {_mesh(found['kpoints'])}, asked {_mesh(asked['kpoints'])}")
    elif not found.get("gamma", True):
        wrong.append("k-points away from Gamma, asked with their centre there")
    if "incar" in asked and "incar" in found:
        wrong += _incar(asked["incar"], found["incar"], relaxation, supercell_atoms)
        wrong += _potcars(asked.get("potcar", {}), found.get("potcar", []))
    if "gpaw" in asked and "gpaw" in found:
        wrong += _gpaw(asked, found["gpaw"])
    if "encut" in found and "encut" in asked and abs(found["encut"] - asked["encut"]) > 0.5:
        wrong.append(f"cut-off {found['encut']:.1f} eV, asked {asked['encut']:.1f}")
    if found.get("relaxed", relaxation != "static") != (relaxation != "static"):
        wrong.append(_moved(found["relaxed"]))
    for element, name in found.get("pseudopotentials", {}).items():
        wanted = asked.get("pseudopotentials", {}).get(element, name)
        if wanted != name:
            wrong.append(f"pseudopotential {name} of {element}, asked {wanted}")
    return wrong


def _mesh(mesh: list[int]) -> str:
    return "x".join(str(n) for n in mesh)


def _incar(asked: Mapping[str, Any], found: Mapping[str, Any], relaxation: Relaxation, n_atoms: int) -> list[str]:
    wrong = []
    decisive = "ENCUT GGA METAGGA LHFCALC HFSCREEN AEXX LDAU IVDW LUSE_VDW LSORBIT ISPIN ISMEAR SIGMA LREAL LASPH PREC"
    for key in decisive.split():
        if found.get(key) is None and key != "METAGGA":
            continue
        wanted = asked.get(key, ABSENT.get(key, found[key]))
        if _plain(key, wanted) != _plain(key, found[key]):
            wrong.append(f"{key} {found[key]}, asked {'none' if wanted is None else wanted}")
    limit = asked["EDIFF_PER_ATOM"] * n_atoms
    if found.get("EDIFF") is not None and found["EDIFF"] > 1.01 * limit:
        wrong.append(f"EDIFF {found['EDIFF']:g}, asked {limit:g}")
    moved = (found.get("NSW") or 0) > 1
    if moved != (relaxation != "static"):
        wrong.append(_moved(moved))
    elif moved and found.get("ISIF") is not None and found["ISIF"] != asked.get("ISIF", found["ISIF"]):
        wrong.append(f"ISIF {found['ISIF']}, asked {asked['ISIF']}")
    elif moved and found.get("EDIFFG") is not None and _looser(found["EDIFFG"], asked["EDIFFG"]):
        wrong.append(f"EDIFFG {found['EDIFFG']:g}, asked {asked['EDIFFG']:g}")
    return wrong


def _moved(moved: bool) -> str:
    return "it was relaxed, asked for a single point" if moved else "it was not relaxed, as was asked for"


def _looser(found: float, asked: float) -> bool:
    """Whether a threshold of the relaxation is another kind, or weaker."""
    return (found < 0) != (asked < 0) or abs(found) > 1.01 * abs(asked)


def _plain(key: str, value: object) -> object:
    """A value of an INCAR key such that equal meanings are equal.

    >>> _plain("PREC", "Accurate") == _plain("PREC", "accura"), _plain("LREAL", "Auto"), _plain("METAGGA", "--")
    (True, True, None)
    """
    if key == "METAGGA":
        return None if str(value).upper() in ("NONE", "--", "F", "FALSE") else str(value).upper()
    if key == "LREAL":
        return str(value).upper()[:1] in ("T", "A", "O")
    if key in ("PREC", "GGA"):
        return str(value).strip().upper()[: 1 if key == "PREC" else 2]
    if isinstance(value, bool) or value is None:
        return bool(value)
    return round(float(value), 4) if isinstance(value, int | float) else str(value).upper()


def _potcars(asked: Mapping[str, str], found: list[str]) -> list[str]:
    """POTCARs with other symbols than asked for; those not named are pymatgen's choice."""
    from pymatgen.io.vasp.sets import MPScanRelaxSet

    chosen = {**MPScanRelaxSet.CONFIG["POTCAR"], **asked}
    elements = {symbol.partition("_")[0]: symbol for symbol in found}
    return [
        f"POTCAR {symbol}, asked {chosen[element]}"
        for element, symbol in elements.items()
        if chosen.get(element, symbol) != symbol
    ]


def _gpaw(asked: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Parameters in a .gpw file: mode, k-points and functional."""
    wanted = {
        "mode": {"name": "pw", "ecut": asked["encut"]},
        "kpts": {"size": asked["kpoints"], "gamma": True},
    } | asked["gpaw"]
    wrong = []
    for key in ("mode", "kpts", "xc"):
        if key not in found:
            continue
        there, want = ({"name": one} if isinstance(one, str) else one for one in (found[key], wanted[key]))
        if isinstance(want, dict) and isinstance(there, dict):
            same = all(there.get(name) == value for name, value in want.items())
        else:
            same = there == want
        if not same:
            wrong.append(f"{key} {found[key]}, asked {wanted[key]}")
    return wrong


def orbit_of(
    space: ConfigurationSpace,
    run: Run,
    relaxation: Relaxation,
    tolerance: float | None = None,
    strain: float | None = None,
) -> str:
    """The orbit of a run's last geometry.

    Parameters
    ----------
    space : ConfigurationSpace
        The space.
    run : Run
        The run.
    relaxation : {"static", "positions", "cell"}
        Says how far atoms and cell may have moved.
    tolerance, strain : float, optional
        The same in angstrom and as a fraction; by default `TOLERANCE` and `STRAIN`.

    Returns
    -------
    str
        As a label database names it.

    Raises
    ------
    InputError
        If it is no arrangement of the space; the message names the site that does not fit.
    """
    tolerance = TOLERANCE[relaxation] if tolerance is None else tolerance
    found = match_structure(space, run.structure, tolerance, STRAIN[relaxation] if strain is None else strain)
    batch = space.canonical(space.checked_occupations(found.occupation[np.newaxis]))
    return orbit_names(batch.occupations)[0]


def geometry_complaint(
    space: ConfigurationSpace,
    orbit: str,
    run: Run,
    relaxation: Relaxation,
    tolerance: float | None = None,
    strain: float | None = None,
) -> str:
    """Why a run's last geometry is not the orbit's; empty if it is."""
    try:
        found = orbit_of(space, run, relaxation, tolerance, strain)
    except InputError as error:
        return f"its geometry is not the orbit's: {error}"
    return "" if found == orbit else f"its geometry is another orbit's: {found}"
