"""Fits of the pattern model beside GSAS-II's of the same points with the same model.

``python bench/match_table.py --part gsas --data FOLDER --gsas FOLDER --gsas-python PYTHON``: the folder of the scans,
that of GSASIIscriptable.py, and an interpreter that runs it (numpy below 2, scipy, matplotlib). The package
gsas-ii-wonder-linux 1.0.1 holds GSAS-II of 2020; its extension modules were built for CPython 3.7 and run under 3.11
when their names end in ``.so`` alone and a libgfortran.so.4 is there (two functions of it are called).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import gemmi
import numpy as np
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter

import matganip as mg
from matganip.features.measured.phases import phase_peaks
from matganip.features.measured.refinement import RefinementSettings, fit_phases

PROGRAM = Path(__file__).parent / "programs" / "run_gsas.py"


def cases(data, crystals):
    """Name, pattern, phases and settings of each fit: scans of others."""
    ferrite, chromite, titanate, zincite, rutile, anglesite = crystals
    iron = titanate.copy()
    iron.replace_species({"Fe": {"Fe": 2 / 3, "Ti": 1 / 3}})
    lead = mg.read_pattern(data / "PBSO4.XRA", radiation="CuKa12").within(16, 160)
    spinels = {"displacements": "overall", "n_background": 12, "shift": "displacement"}
    graphite = {"displacements": "element", "n_background": 6, "shift": "zero", "monochromator": 26.6}
    manganous = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.445), ["Mn", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    return {
        "PbSO4": (lead, {"PbSO4": anglesite}, graphite),
        "ZnCr2O4 + ZnO": (_scan(data, "Cr2O3-2ZnO_1100C"), {"spinel": chromite, "zincite": zincite}, spinels),
        "ZnFe2O4 + ZnO": (_scan(data, "Fe3O4-3ZnO_1000C"), {"spinel": ferrite, "zincite": zincite}, spinels),
        "Fe2TiO5 + TiO2": (_scan(data, "Fe2O3-2TiO2_1000C"), {"titanate": iron, "rutile": rutile}, spinels),
        "MnO": (
            mg.read_pattern(data / "MnO.xy", radiation="CuKa12"), {"MnO": manganous},
            {"displacements": "overall", "n_background": 12, "shift": "zero"},
        ),
    }  # fmt: skip


def _scan(data, name):
    return mg.read_pattern(data / f"{name}.xrdml")


def _cif(structure):
    """A file with the space group and its sites, in the setting that GSAS-II takes a symbol for."""
    block = CifWriter(structure, symprec=0.01)
    document = gemmi.cif.read_string(str(block))
    if document[0].find_value("_symmetry_Int_Tables_number") == "227":  # spglib's origin is choice 1
        for row in document[0].find("_atom_site_fract_", ["x", "y", "z"]):
            for k in range(3):
                row[k] = f"{(float(row[k]) - 0.125) % 1:.6f}"
    return document.as_string()


def fit_both(name, pattern, phases, settings, folder, gsas, python):
    """Both programs' Rwp and cells of one pattern."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / "data.xye", np.column_stack([pattern.two_theta, pattern.intensity, pattern.sigma]), fmt="%.6f")
    radiation, how = pattern.radiation, RefinementSettings(**settings)
    own = fit_phases(pattern, [phase_peaks(key, one, radiation, pattern.range) for key, one in phases.items()], how)
    files = {}
    for phase in own.model.phases:  # GSAS-II does not look for a cell: it begins with this one
        files[phase.name] = str(folder / f"{phase.name}.cif")
        begun = phases[phase.name].copy()
        begun.lattice = Lattice.from_parameters(*own.cell(phase)[0])
        Path(files[phase.name]).write_text(_cif(begun))
    (first, strong), (second, weak) = pattern.radiation.lines
    angle = settings.get("monochromator")
    k = 1.0 if angle is None else float(np.cos(np.radians(angle)) ** 2)
    job = {
        "data": str(folder / "data.xye"), "phases": files, "wavelengths": [first, second, weak / strong],
        # GSAS-II's polarization is the share in the plane of diffraction: (1 - p) + p cos^2.
        "polarization": 1 / (1 + k), "refine_v": False, **settings,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job))
    out = folder / "result.json"
    if not out.exists():
        run = subprocess.run(
            [python, "-W", "ignore", str(PROGRAM), str(gsas), "job.json", "result.json"], cwd=folder,
            env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True,
        )  # fmt: skip
        (folder / "log.txt").write_text(run.stdout + run.stderr)
    row = {
        "name": name, "r_wp": own.r_wp, "r_exp": own.r_exp, "parameters": len(own.refined), "points": len(pattern),
        "a": {one.name: [float(values[0]) for values in own.cell(one)] for one in own.model.phases},
    }  # fmt: skip
    if out.exists():
        theirs = json.loads(out.read_text())
        row.update(
            gsas=theirs["r_wp"],
            gsas_parameters=theirs["n_parameters"],
            gsas_points=theirs["n_points"],
            gsas_a={key: one["a"] for key, one in theirs["cells"].items()},
        )
    return row


def kept_rows(work):
    """The fits that were made."""
    file = work / "gsas.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def gsas_rows(work, data, gsas, python, crystals):
    """All fits, kept in a file."""
    file = work / "gsas.jsonl"
    rows = kept_rows(work)
    done = {row["name"] for row in rows}
    for number, (name, case) in enumerate(cases(data, crystals).items()):
        if name not in done:
            row = fit_both(name, *case, work / f"gsas{number}", gsas, python)
            rows.append(row)
            with file.open("a") as out:
                out.write(json.dumps(row) + "\n")
    return rows
