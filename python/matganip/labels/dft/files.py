"""The input files of one orbit: VASP's by pymatgen, Quantum ESPRESSO's by ASE, a script for GPAW."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from pymatgen.core.structure import Structure

from matganip.errors import InputError
from matganip.labels.dft.folders import OrbitNote
from matganip.labels.dft.settings import DftSettings


def input_files(note: OrbitNote, settings: DftSettings) -> dict[str, str]:
    """The files of one orbit, by name; atoms grouped by element, in the parent's origin and orientation.

    Parameters
    ----------
    note : OrbitNote
        The orbit.
    settings : DftSettings
        What is asked for.

    Returns
    -------
    dict of str to str
        Content by name.

    Raises
    ------
    InputError
        If the settings lack what the code needs for these elements.
    """
    writers: dict[str, Callable[[Structure, OrbitNote, DftSettings], dict[str, str]]] = {
        "vasp": _vasp,
        "gpaw": _gpaw,
        "espresso": _espresso,
    }
    return writers[settings.code](note.space.structure(note.occupation), note, settings)


def _vasp(structure: Structure, note: OrbitNote, settings: DftSettings) -> dict[str, str]:
    """INCAR, KPOINTS, POSCAR, and POTCAR.spec in place of the licensed POTCAR."""
    from pymatgen.io.vasp.inputs import Kpoints
    from pymatgen.io.vasp.sets import MPScanRelaxSet, VaspInputSet

    config = {
        "INCAR": settings.full_incar,
        "KPOINTS": {},
        # Its symbols are those of the families 52 and 54.
        "POTCAR": {**MPScanRelaxSet.CONFIG["POTCAR"], **settings.potcar},
        "POTCAR_FUNCTIONAL": settings.potcar_functional,
    }
    mesh: Any = Kpoints.gamma_automatic(tuple(note.settings["kpoints"]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice on keys that the user chose, repeated for every orbit
            made = VaspInputSet(structure, config_dict=config, user_kpoints_settings=mesh)
            content = {name: str(one) for name, one in made.get_input_set(potcar_spec=True).items()}
    except Exception as error:  # pymatgen may raise anything on a user's INCAR
        raise InputError(f"incar: pymatgen cannot write it: {type(error).__name__}: {error}") from error
    return {name: text.rstrip("\n") + "\n" for name, text in content.items() if text}


def _grouped(structure: Structure) -> Any:
    """ASE atoms, one element after the other."""
    from pymatgen.io.ase import AseAtomsAdaptor

    return AseAtomsAdaptor.get_atoms(structure.get_sorted_structure(), msonable=False)


def _gpaw(structure: Structure, note: OrbitNote, settings: DftSettings) -> dict[str, str]:
    """The structure, and a script that needs only ASE and GPAW."""
    del note, settings
    atoms = io.StringIO()
    _ase_write(atoms, _grouped(structure), format="vasp", direct=True)
    script = (files("matganip.labels.dft") / "scripts" / "gpaw_run.py.in").read_text(encoding="utf-8")
    return {"POSCAR": atoms.getvalue(), "run.py": script}


def _espresso(structure: Structure, note: OrbitNote, settings: DftSettings) -> dict[str, str]:
    """pw.x's input."""
    from ase.units import Bohr, Ry

    atoms = _grouped(structure)
    lacking = sorted(set(atoms.get_chemical_symbols()) - set(settings.pseudopotentials))
    if lacking:
        raise InputError(f"pseudopotentials: the file of {', '.join(lacking)} is needed")
    calculation = {"static": "scf", "positions": "relax", "cell": "vc-relax"}[settings.relaxation]
    keys: dict[str, Any] = {
        "calculation": calculation,
        "prefix": "orbit",
        "outdir": "./tmp",
        "disk_io": "none",
        "tprnfor": True,
        "ecutwfc": settings.encut / Ry,
        "conv_thr": settings.ediff_per_atom * len(atoms) / Ry,
        "occupations": "smearing",
        "smearing": "gaussian",
        "degauss": 0.05 / Ry,
    }
    if settings.relaxation != "static":
        keys |= {"nstep": settings.max_steps, "forc_conv_thr": settings.fmax * Bohr / Ry}
    for name, value in settings.input_data.items():
        keys |= value if isinstance(value, dict) else {name: value}
    text = io.StringIO()
    mesh = tuple(note.settings["kpoints"])
    try:
        pseudopotentials = {name: settings.pseudopotentials[name] for name in sorted(set(atoms.get_chemical_symbols()))}
        _ase_write(
            text,
            atoms,
            format="espresso-in",
            input_data=keys,
            pseudopotentials=pseudopotentials,
            kpts=mesh,
            crystal_coordinates=True,
        )
    except Exception as error:  # ASE may raise anything on a user's keys
        raise InputError(f"input_data: ASE cannot write it: {type(error).__name__}: {error}") from error
    return {"espresso.pwi": text.getvalue()}


def _ase_write(stream: io.StringIO, atoms: Any, **options: Any) -> None:
    import ase.io

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ase.io.write(stream, atoms, **options)
