"""`matganip monte-carlo`, `phase-diagram` and `ground-states`, from a model on disk."""

import json

import pytest
from pymatgen.core import Lattice, Structure
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    fcc = Structure(Lattice([[0, 2, 2], [2, 0, 2], [2, 2, 0]]), ["Ag"], [[0, 0, 0]])
    structures = [
        structure
        for batch in mg.derivative_structures(fcc, {"Ag": ["Ag", "Pd"]}, max_volume=3)
        for structure in batch.structures()
    ]
    energies = [
        -0.01 * sum(one[i].specie != one[j].specie for i, j in zip(*one.get_neighbor_list(2.9)[:2], strict=True))
        for one in structures
    ]
    space = mg.ConfigurationSpace(fcc, (1, 1, 1), {"Ag": {"Pd": 0}})
    path = tmp_path_factory.mktemp("model")
    mg.train(space, mg.LabelledStructures.of(structures, energies)).save(path)
    return str(path)


def run(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_the_commands_print_what_the_calls_return(folder, tmp_path):
    figure, structure = tmp_path / "c.png", tmp_path / "lowest.cif"
    done = run("monte-carlo", folder, "-s", "2,2,2", "-x", "Ag:Pd=4", "-t", "500,900", "--sweeps", 100, "--groups", 2,
               "--figure", figure, "--structure", structure, "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert [row["T_K"] for row in json.loads(done.stdout)["points"][0]["averages"]] == [500.0, 900.0]
    assert figure.read_bytes()[1:4] == b"PNG"
    assert mg.read_structure(structure).composition["Pd"] == 4
    done = run("monte-carlo", folder, "-s", "2,2,2", "--mu", "Pd=0,0.1", "-t", "900", "--sweeps", 60, "--groups", 1)
    assert done.exit_code == 0
    assert "x(Pd)" in done.stdout
    table = tmp_path / "f.csv"
    done = run("phase-diagram", folder, "-s", "2,2,2", "-t", "600,900", "--sweeps", 100, "--groups", 2, "--table",
               table, "--figure", figure)  # fmt: skip
    assert done.exit_code == 0
    assert "one phase at every composition" in done.stdout
    assert len(table.read_text().splitlines()) == 1 + 2 * 9
    done = run("ground-states", folder, "-n", 2, "-o", tmp_path / "hull")
    assert done.exit_code == 0
    assert "P4/mmm" in done.stdout
    assert len(list((tmp_path / "hull").glob("*.cif"))) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["monte-carlo", "-s", "2,2,2"], "--substitute is needed"),
        (["monte-carlo", "-x", "Ag:Pd=1", "--mu", "Pd=0"], "give one of the two"),
        (["monte-carlo", "--mu", "Pd"], "--mu Pd: not of the form"),
        (["monte-carlo", "--figure", "c.bmp"], "figures are written as"),
        (["phase-diagram", "--table", "f.txt"], "written as .csv"),
    ],
)
def test_what_is_wrong_is_named(folder, arguments, message):
    done = run(arguments[0], folder, *arguments[1:])
    assert done.exit_code == 2
    assert message in done.stderr
