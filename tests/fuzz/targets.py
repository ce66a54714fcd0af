"""What is fuzzed: every function of the compiled boundary, and every file that the package reads."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from pathlib import Path

import numpy as np
from tests.fuzz import mutations
from tests.fuzz.core_calls import CLEAN, LIMITS, Call, exercise
from tests.fuzz.harness import OUTCOMES, ROOT, Target

import matganip as mg
from matganip.errors import InputError
from matganip.features.powder.instrument import read_instrument
from matganip.files import CHECKSUMS
from matganip.labels.database import LabelDatabase
from matganip.labels.dft.outputs import read_run
from matganip.labels.dft.run import OutputError
from matganip.labels.exchange import export_labels, import_labels
from matganip.workflows.cluster import read_cluster_file
from matganip.workflows.crystals import read_crystal_study
from matganip.workflows.labelling import read_label_study
from matganip.workflows.reading import read_study

Random = np.random.Generator
EXAMPLES = ROOT / "examples"
LABELS = "cspbi3_br/chgnet_X3of24"
FORMULAS = EXAMPLES / "double_perovskites" / "chgnet_sample.csv"
LABELLING = ROOT / "python" / "matganip" / "labels" / "data" / "cspbi3_br" / "gpaw_mp2.toml"
NOT_CALLS = {".use_vector_target", ".vector_target", ".vector_targets"}
"""They take no data; tests/features/test_vector_targets.py has them."""
CLUSTER = 'kind = "slurm"\nworkers = 4\n[job]\ncores = 4\nmemory = "8GB"\nwalltime = "01:00:00"\n'


@cache
def space() -> mg.ConfigurationSpace:
    """Where the originals are from: 19 orbits."""
    return mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})


# -- originals -------------------------------------------------------------------------------------------------


def make_originals(folder: Path) -> None:
    """Write one of everything that is read, each in a folder of its own."""
    for name in ("structures", "table", "database", "checkpoint", "certify", "studies", "cursor", "frames", "vasprun"):
        (folder / name).mkdir(parents=True)
    for name in ("outcar", "patterns", "instruments", "listed", "foreign", "formulas"):
        (folder / name).mkdir()
    _patterns(folder)
    rows = next(space().orbits())
    _structures(folder, rows)
    import_labels(folder / "database" / "labels.db", space(), LABELS)
    for suffix in ("csv", "parquet"):
        export_labels(folder / "database" / "labels.db", [space()], folder / "table" / f"labels.{suffix}")
    model = mg.train(space(), LABELS)
    network = {"network": {"epochs": 2}, "diffraction": {"resolution": "resolved", "n_peaks": 8}}
    model.save(folder / "solved")
    mg.train(space(), LABELS, **network).save(folder / "network")
    mg.train(space(), LABELS, members=2, **network).save(folder / "ensemble")
    mg.load(folder / "network").distil(n=100).save(folder / "surrogate")
    powder = {"diffraction": {"resolution": "powder"}}
    quick = {"steps": 5, "members": 2, "hidden": (8,), "batch_size": 64, "fill_in": 0}
    mg.train(space(), LABELS, train_size=16, distribution=quick, **powder).save(folder / "distribution")
    _formulas(folder)
    mg.screen(model, space(), folder=folder / "screen", top=3, workers=1)
    mg.search(model, space(), checkpoint=folder / "checkpoint" / "best.search", n_steps=1, n_swaps=10)
    mg.certify(model, space(), top=2, checkpoint=folder / "certify" / "proof.npz")
    mg.thermo(folder / "screen")
    stream = space().orbits(batch_size=2)
    next(stream)
    (folder / "cursor" / "cursor.json").write_text(json.dumps(stream.cursor))


def _patterns(folder: Path) -> None:
    """A measured pattern in each form of text, and two descriptions of instruments."""
    angle = 10 + 0.05 * np.arange(400)
    counts = np.round(200 + 9e3 * np.exp(-(((angle - 20) / 0.2) ** 2))).astype(int)
    rows = [f"{one:.2f} {count} {count**0.5:.3f}" for one, count in zip(angle, counts, strict=True)]
    patterns = folder / "patterns"
    (patterns / "scan.xy").write_text("# 2theta counts\n" + "\n".join(row.rpartition(" ")[0] for row in rows))
    (patterns / "scan.xye").write_text("\n".join(rows))
    (patterns / "scan.csv").write_text("angle,counts\n" + "\n".join(",".join(row.split()[:2]) for row in rows))
    records = ["".join(f"{count:8d}" for count in counts[i : i + 10]) for i in range(0, 400, 10)]
    (patterns / "scan.gsas").write_text("title\nBANK 1 400 40 CONST 1000 5 0 0 STD\n" + "\n".join(records))
    block = ["data_scan", "_diffrn_radiation_wavelength 1.5406", "loop_", "_pd_meas_2theta_scan"]
    text = [" ".join(row.split()[:2]) for row in rows]
    (patterns / "scan.cif").write_text("\n".join([*block, "_pd_meas_counts_total", *text]) + "\n")
    (folder / "instruments" / "own.toml").write_text('radiation = "CuKa12"\nstep = 0.02\nu = 0.01\nw = 0.005\n')
    lines = ("#GSAS-II", "Type:PXC", "Lam:1.5406", "Zero:0.01", "Polariz.:0.5", "U:2.0", "V:-2.0", "W:5.0", "X:0.1")
    (folder / "instruments" / "own.instprm").write_text("\n".join(lines) + "\n")


def _formulas(folder: Path) -> None:
    rows = FORMULAS.read_text().splitlines()
    (folder / "formulas" / "formulas.csv").write_text("\n".join(rows[:40]) + "\n")
    mg.train_on_formulas(folder / "formulas" / "formulas.csv", steps=2).save(folder / "chemistry")


def _structures(folder: Path, rows: mg.ConfigurationBatch) -> None:
    parent = mg.perovskite("CsPbI3", a=6.289)
    parent.to(str(folder / "structures" / "parent.cif"))
    parent.to(str(folder / "structures" / "POSCAR"), fmt="poscar")
    mixed = parent.copy()
    mixed.replace_species({"I": {"I": 2 / 3, "Br": 1 / 3}})
    mixed.to(str(folder / "structures" / "mixed.cif"))
    frames = []
    for number, atoms in enumerate(rows.atoms()):
        atoms.info["energy"] = float(-10 - number)
        frames.append(atoms)
    from ase.db import connect
    from ase.io import write

    write(folder / "frames" / "frames.extxyz", frames)
    listed = ["file,energy_eV", *(f"{number}.cif,{atoms.info['energy']}" for number, atoms in enumerate(frames[:3]))]
    (folder / "listed" / "list.csv").write_text("\n".join(listed) + "\n")
    with connect(folder / "foreign" / "foreign.db", append=False) as database:
        for number, atoms in enumerate(frames):
            database.write(atoms, formation=atoms.info["energy"])
            atoms.info.clear()
            if number < 3:
                write(folder / "listed" / f"{number}.cif", atoms)
    outputs = Path(str(files("ase.test") / "testdata" / "vasp"))
    shutil.copy(outputs / "vasprun_pstress.xml", folder / "vasprun" / "vasprun.xml")
    shutil.copy(outputs / "OUTCAR_example_1", folder / "outcar" / "OUTCAR")
    for study in ("cspbi3_br/study", "cspbi3_br/train", "matganip_f/tolerance"):
        shutil.copy(EXAMPLES / f"{study}.toml", folder / "studies")
    shutil.copy(EXAMPLES / "cspbi3_br" / "CsPbI3.cif", folder / "studies")
    shutil.copy(LABELLING, folder / "studies")
    (folder / "studies" / "cluster.toml").write_text(CLUSTER)


# -- readers: a folder in, the result as text ------------------------------------------------------------------


def _structure(name: str, folder: Path) -> str:
    found = mg.read_structure(folder / name)
    host = str(found[0].species.elements[0].symbol)
    return str(mg.ConfigurationSpace(found, (1, 1, 1), {host: {"Au": 1}} if found.is_ordered else None).count_orbits())


def _table(name: str, folder: Path) -> str:
    return str(len(mg.read_labels(folder / name).join(space())))


def _import(name: str, folder: Path) -> str:
    return str(import_labels(folder / "new.db", space(), folder / name).n_added)


def _database(folder: Path) -> str:
    database = LabelDatabase(folder / "labels.db")
    database.spaces()
    export_labels(database, [space()], folder / "again.csv")
    return str(len(database.labelled(space())))


def _model(folder: Path) -> str:
    return str(np.round(mg.load(folder).predict(space()).energy, 9).tolist())


def _unsealed(folder: Path) -> str:
    (folder / CHECKSUMS).unlink(missing_ok=True)  # as for a model of version 0.1, or one edited on purpose
    return _model(folder)


def _screen(folder: Path) -> str:
    found = mg.read_screen(folder)
    return str(found.energy.tolist()) + str(found.sums.to_dict())


def _checkpoint(originals: Path, folder: Path) -> str:
    file = folder / "best.search"
    return repr(mg.search(originals / "solved", space(), checkpoint=file, resume=True, n_steps=2, n_swaps=10).n_scored)


def _proof(originals: Path, folder: Path) -> str:
    return str(mg.certify(originals / "solved", space(), top=2, checkpoint=folder / "proof.npz", resume=True).energy)


def _sums(folder: Path) -> str:
    found = mg.thermo(folder).to_dict()
    return str({name: value for name, value in found.items() if name != "source"})  # a folder of this run


def _pattern(name: str, folder: Path) -> str:
    return str(len(mg.read_pattern(folder / name, radiation="CuKa12")))


def _instrument(name: str, folder: Path) -> str:
    found = read_instrument(folder / name)
    return str((found.beam.wavelength, len(found.grid)))


def _cursor(folder: Path) -> str:
    try:
        cursor = json.loads((folder / "cursor.json").read_text())
    except ValueError as error:  # whoever stores a cursor reads it
        raise InputError("no JSON") from error
    return str(len(next(space().orbits(batch_size=2, cursor=cursor))))


def _frames(folder: Path) -> str:
    return str(len(mg.read_structures(folder / "frames.extxyz")))


def _labelled(name: str, energy: str | None, folder: Path) -> str:
    return str(mg.read_structures(folder / name, energy=energy).energy.sum())


def _formula_table(folder: Path) -> str:
    return str(len(mg.read_formulas(folder / "formulas.csv")))


def _chemistry(folder: Path) -> str:
    return str(np.round(mg.load(folder).predict(["Cs2AgBiBr6", "Rb2NaInCl6"]).energy, 9).tolist())


def _chemistry_unsealed(folder: Path) -> str:
    (folder / CHECKSUMS).unlink(missing_ok=True)
    return _chemistry(folder)


def _output(name: str, folder: Path) -> str:
    return str(read_run(folder, [name]).energy)


def _study(read: Callable[[Path], object], name: str, folder: Path) -> str:
    return type(read(folder / name)).__name__


# -- targets ---------------------------------------------------------------------------------------------------


@cache
def recorded_calls() -> list[Call]:
    """Of the compiled boundary, as the package makes them."""
    return exercise()


def _call(name: str, originals: Path, random: Random | None, scratch: Path) -> str:
    """A call of the boundary with one argument, or a part of it, replaced."""
    del originals, scratch
    own = [call for call in recorded_calls() if f"{call.made}.{call.name}" == name]
    assert random is not None
    call = own[int(random.integers(len(own)))]
    return call.run(mutations.of_arguments(call.arguments, random, LIMITS))


def _file(source: str, only: str, read: Callable[[Path], str], originals: Path, random: Random | None, to: Path) -> str:
    """A folder of files, one of them damaged."""
    folder = Path(shutil.copytree(originals / source, to / source))
    found = sorted(path for path in folder.rglob(only or "*") if path.is_file() and path.name != ".lock")
    if random is not None:
        path = found[int(random.integers(len(found)))]
        data = path.read_bytes()
        if path.suffix in (".json", ".jsonl") and random.random() < 0.7:
            lines = data.decode().splitlines() if path.suffix == ".jsonl" else [data.decode()]
            at = int(random.integers(len(lines)))
            lines[at] = mutations.of_json(lines[at], random)
            path.write_text("\n".join(lines))
        else:
            path.write_bytes(mutations.of_bytes(data, random))
    return read(folder)


def _core_targets() -> dict[str, Target]:
    from matganip import _core

    names = []
    for name, value in vars(_core).items():
        if name.startswith("_"):
            continue
        if not isinstance(value, type):
            names.append(f".{name}")
            continue
        own = [one for one, method in vars(value).items() if not one.startswith("_") and callable(method)]
        names += [f"{name}.{one}" for one in (name, *own)]
    return {name: Target(name, partial(_call, name), False, CLEAN) for name in sorted(names) if name not in NOT_CALLS}


def _of(name: str, source: str, only: str, read: Callable[[Path], str], *, sealed: bool = False) -> Target:
    return Target(name, partial(_file, source, only, read), sealed, (InputError, OutputError))


def _resumed(originals: Path, random: Random | None, scratch: Path) -> str:
    return _file("checkpoint", "*.search", partial(_checkpoint, originals), originals, random, scratch)


def _proved(originals: Path, random: Random | None, scratch: Path) -> str:
    return _file("certify", "*.npz", partial(_proof, originals), originals, random, scratch)


FILES: tuple[Target, ...] = (
    *(_of(f"structure {name}", "structures", name, partial(_structure, name))
      for name in ("parent.cif", "mixed.cif", "POSCAR")),
    *(_of(f"table {name}", "table", name, partial(_table, name)) for name in ("labels.csv", "labels.parquet")),
    *(_of(f"import {name}", "table", name, partial(_import, name)) for name in ("labels.csv", "labels.parquet")),
    _of("database", "database", "labels.db", _database),
    _of("model solved", "solved", "", _model, sealed=True),
    _of("model network", "network", "", _model, sealed=True),
    _of("model ensemble", "ensemble", "", _model, sealed=True),
    _of("model distribution", "distribution", "", _model, sealed=True),
    _of("model surrogate", "surrogate", "", _model, sealed=True),
    _of("model of formulas", "chemistry", "", _chemistry, sealed=True),
    *(_of(f"{name} without a seal", name.split()[0], name.split()[1], _unsealed)
      for name in ("solved card.json", "solved solved.json", "solved solved.safetensors", "network model.json",
                   "network card.json", "ensemble ensemble.json", "distribution distribution.json",
                   "surrogate surrogate.json")),
    _of("model of formulas without a seal", "chemistry", "formulas.json", _chemistry_unsealed),
    _of("table of formulas", "formulas", "", _formula_table),
    _of("screen", "screen", "", _screen, sealed=True),
    Target("search checkpoint", _resumed, False, (InputError,)),
    Target("certificate", _proved, False, (InputError,)),
    _of("sums of a screen", "screen", "result.json", _sums, sealed=True),
    *(_of(f"pattern {name}", "patterns", name, partial(_pattern, name))
      for name in ("scan.xy", "scan.xye", "scan.csv", "scan.gsas", "scan.cif")),
    *(_of(f"instrument {name}", "instruments", name, partial(_instrument, name))
      for name in ("own.toml", "own.instprm")),
    _of("cursor", "cursor", "", _cursor),
    _of("frames", "frames", "", _frames),
    _of("list of structures", "listed", "", partial(_labelled, "list.csv", None)),
    _of("database of structures", "foreign", "", partial(_labelled, "foreign.db", "formation")),
    _of("vasprun.xml", "vasprun", "", partial(_output, "vasprun.xml")),
    _of("OUTCAR", "outcar", "", partial(_output, "OUTCAR")),
    _of("study run", "studies", "study.toml", partial(_study, read_study, "study.toml")),
    _of("study train", "studies", "train.toml", partial(_study, read_study, "train.toml")),
    _of("study labels", "studies", "gpaw_mp2.toml", partial(_study, read_label_study, "gpaw_mp2.toml")),
    _of("study crystals", "studies", "tolerance.toml", partial(_study, read_crystal_study, "tolerance.toml")),
    _of("cluster file", "studies", "cluster.toml", partial(_study, read_cluster_file, "cluster.toml")),
)  # fmt: skip


def _harmful(kind: str, originals: Path, random: Random | None, scratch: Path) -> str:
    """What the harness must notice."""
    del originals, scratch
    if kind == "signal":
        os.kill(os.getpid(), signal.SIGSEGV)
    while kind == "hang":
        pass
    if kind in ("traceback", "refused"):
        raise RuntimeError("so") if kind == "traceback" else InputError("so")
    return "wrong" if kind == "changed" and random is not None else "right"


CHECKS = {
    kind: Target(kind, partial(_harmful, kind), kind == "changed", (InputError,), seconds=0.5) for kind in OUTCOMES
}
TARGETS: dict[str, Target] = _core_targets() | {one.name: one for one in FILES}
