"""`matganip derivatives` against the published tables."""

from __future__ import annotations

import csv
import json

import pytest
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure
from test_commands import invoke
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app


@pytest.fixture(scope="module")
def nickel(tmp_path_factory):
    path = tmp_path_factory.mktemp("parents") / "Ni.cif"
    Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.52), ["Ni"], [[0, 0, 0]]).to(filename=str(path))
    return path


@pytest.mark.parametrize(
    ("species", "largest", "every", "with_any"),
    [
        # G. L. W. Hart, R. W. Forcade, Phys. Rev. B 77, 224115 (2008), fcc: as another program (dsenum) has them in its
        # tests, and as two counts in tests/configurations/oracle_derivatives.py.
        ("Ni,Al", 10, [0, 2, 3, 12, 14, 50, 52, 229, 252, 685], [1, 2, 3, 12, 14, 50, 52, 229, 252, 685]),
        ("Ni,Al,Fe", 7, [0, 0, 3, 13, 23, 130, 197], [1, 2, 6, 25, 37, 180, 249]),
    ],
)
def test_both_counts_are_named_and_those_of_the_tables(nickel, species, largest, every, with_any):
    found = json.loads(
        invoke("derivatives", nickel, "--max-volume", largest, "-x", f"Ni:{species}", "--exchange-labels", "--json")
    )
    assert [one["all_species"] for one in found["volumes"]] == every
    assert [one["any_species"] for one in found["volumes"]] == with_any
    assert [one["n_shapes"] for one in found["volumes"]] == [1, 2, 3, 7, 5, 10, 7, 20, 14, 18][:largest]
    printed = invoke("derivatives", nickel, "-m", 3, "-x", f"Ni:{species}")
    assert "with every species" in printed
    assert "with any" in printed


def test_what_is_written_holds_every_species_or_any(nickel, tmp_path):
    for flag, name in (("--all-species", "all"), ("--any-species", "any")):
        invoke("derivatives", nickel, "-m", 4, "-x", "Ni:Ni,Al", flag, "-o", tmp_path / name, "-f", "cif")
    rows = {
        name: list(csv.DictReader((tmp_path / name / "index.csv").read_text().splitlines())) for name in ("all", "any")
    }
    assert (len(rows["all"]), len(rows["any"])) == (27, 29)
    for row in rows["any"]:
        structure = mg.read_structure(tmp_path / "any" / row["file"])
        assert structure.composition.formula.replace(" ", "") == row["composition"]
        assert len(structure) == int(row["volume"])
        matrix = [int(n) for n in row["superlattice"].split()]
        assert structure.volume == pytest.approx(matrix[0] * matrix[4] * matrix[8] * 3.52**3 / 4)


def test_a_ratio_and_the_shapes(nickel):
    found = json.loads(invoke("derivatives", nickel, "-m", 4, "-x", "Ni:Ni=3,Al=1", "--json"))
    assert [one["all_species"] for one in found["volumes"]] == [0, 0, 0, 7]
    shapes = json.loads(invoke("derivatives", nickel, "-m", 4, "--min-volume", 2, "--json"))["superlattices"]
    assert [one["volume"] for one in shapes] == [2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4]
    assert sum(one["multiplicity"] for one in shapes) == 7 + 13 + 35  # all sublattices of index 2, 3, 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-x", "Ni:Ni,Al", "--all-species"], "--all-species and --any-species say what --output holds"),
        (["--exchange-labels"], "--exchange-labels acts together with --substitute only"),
        (["-x", "Ni:Ni,Al", "-f", "cif"], "--format cif: nothing is written without --output"),
        (["-x", "Ni:Ni,Al=1"], "give the species alone, as in Ni:Ni,Al, or one ratio"),
        (["-x", "Ni:Al"], "two species or more are needed"),
        (["--min-volume", "9"], "--min-volume 9 is larger than --max-volume 3"),
        (["-x", "Ni:Ni,Al", "-o", "x.parquet"], "a Parquet file holds one supercell"),
    ],
)
def test_options_act_or_are_refused(nickel, arguments, message):
    result = CliRunner().invoke(app, ["derivatives", str(nickel), "-m", "3", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
