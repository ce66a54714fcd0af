"""GSAS-II: one Rietveld refinement, described by a file that `bench/match_gsas.py` writes.

``python run_gsas.py FOLDER job.json result.json``, where FOLDER holds GSASIIscriptable.py and, under bin, its extension
modules. Needs a Python of its own with numpy below 2, scipy and matplotlib.
"""

import builtins
import json
import sys
from pathlib import Path

folder, job_file, result_file = sys.argv[1:]
plain_open = open
# A mode of Python before 3.11.
builtins.open = lambda name, mode="r", *rest, **more: plain_open(name, mode.replace("U", ""), *rest, **more)
sys.path[:0] = [folder, str(Path(folder, "bin"))]
import GSASIIpath  # noqa: E402

GSASIIpath.SetBinaryPath(True)
import GSASIIscriptable as gsas  # noqa: E402, N813
import numpy as np  # noqa: E402

job = json.loads(Path(job_file).read_text())
work = Path(job_file).resolve().parent

first, second, ratio = job["wavelengths"]
# Widths start as those of the other program do, in hundredths of a degree; SH/L at the least, without asymmetry.
instrument = work / "instrument.instprm"
instrument.write_text(
    "#GSAS-II instrument parameter file\nType:PXC\nBank:1\n"
    f"Lam1:{first}\nLam2:{second}\nI(L2)/I(L1):{ratio}\nZero:0.0\nPolariz.:{job['polarization']}\n"
    "U:2.0\nV:0.0\nW:20.0\nX:1.0\nY:3.0\nZ:0.0\nSH/L:0.0005\nAzimuth:0.0\n"
)

project = gsas.G2Project(newgpx=str(work / "fit.gpx"))
scan = project.add_powder_histogram(job["data"], str(instrument), fmthint="xye")
phases = [
    project.add_phase(file, phasename=name, histograms=[scan], fmthint="CIF") for name, file in job["phases"].items()
]
project.data["Controls"]["data"]["max cyc"] = 20
for phase in phases:
    for atom in phase.atoms():
        atom.uiso = 0.5 / (8 * np.pi**2)

fixed = {"type": "chebyschev", "no. coeffs": job["n_background"], "refine": True}


def refine(sample, widths, cells, displacements):
    for name in sample:
        scan.SampleParameters[name][1] = True
    scan.set_refinements({"Background": fixed, "Instrument Parameters": widths})
    if cells:
        for phase in phases:
            phase.set_refinements({"Cell": True})
    if displacements:
        for phase in phases:
            for atom in phase.atoms():
                atom.refinement_flags = "U"
            groups = {}
            for number, atom in enumerate(phase.atoms()):
                groups.setdefault(atom.type if job["displacements"] == "element" else "", []).append(number)
            for numbers in groups.values():
                if len(numbers) > 1:
                    names = [f"{phase.id}::AUiso:{k}" for k in numbers]
                    equal = [[1.0, gsas.G2obj.G2VarObj(name)] for name in names] + [None, None, "e"]
                    project.add_constraint_raw("Phase", equal)
    project.refine()


if len(phases) > 1:  # one scale would do the other's work
    scan.SampleParameters["Scale"][1] = False
    for phase in phases:
        phase.set_HAP_refinements({"Scale": True})
refine([], [], False, False)
shift = {"zero": ([], ["Zero"]), "displacement": (["Shift"], [])}[job["shift"]]
refine(shift[0], shift[1], True, False)
refine([], ["W", "Y"], True, False)
refine([], ["U", "W", "X", "Y"] + ["V"] * job["refine_v"], True, False)
if job["displacements"] != "none":
    refine([], [], True, True)
    refine([], [], True, False)

covariance = project.data["Covariance"]["data"]
found = {
    "r_wp": scan.get_wR(),
    "chi2": float(covariance["Rvals"]["chisq"]),
    "n_parameters": len(covariance["varyList"]),
    "n_points": int(covariance["Rvals"]["Nobs"]),
    "cells": {
        phase.name: {
            key: [float(one[f"{key2}"]) for one in phase.get_cell_and_esd()]
            for key, key2 in (("a", "length_a"), ("b", "length_b"), ("c", "length_c"))
        }
        for phase in phases
    },
    "uiso": {phase.name: {atom.label: float(atom.uiso) for atom in phase.atoms()} for phase in phases},
}
Path(result_file).write_text(json.dumps(found))
