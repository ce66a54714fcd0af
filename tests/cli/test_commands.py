"""The small commands: count, enumerate, keys, help, version."""

from __future__ import annotations

import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from small_study import EXAMPLE, matganip
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app
from matganip.cli.spaces import parse_substitution, parse_supercell
from matganip.study.reference import reference

CIF = EXAMPLE / "CsPbI3.cif"


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_count_prints_arrangements_and_orbits():
    printed = invoke("count", CIF, "--supercell", "2,2,2", "--substitute", "I:Br=3")
    assert "Cs8 Pb8 Br3 I21" in printed
    assert "2,024" in printed
    assert " 19 " in printed


def test_count_takes_several_sublattices_and_vacancies():
    counted = json.loads(invoke("count", CIF, "-s", "2,2,2", "-x", "I:Br=3", "-x", "Pb:Sn=4", "--json"))
    assert counted["arrangements"] == 2024 * 70
    assert counted["orbits"] == 836
    split = json.loads(invoke("count", CIF, "-s", "2,2,2", "-x", "I:Br=2", "-x", "I:vac=1", "--json"))
    vacant = json.loads(invoke("count", CIF, "-s", "2,2,2", "-x", "I:Br=2,vac=1", "--json"))
    assert vacant["arrangements"] == 24 * 23 * 22 // 2
    assert split == vacant
    assert vacant["composition"] == "Cs8 Pb8 vac1 Br2 I21"


def test_counts_beyond_64_bits_are_exact_in_json():
    counted = json.loads(invoke("count", CIF, "-s", "3,3,3", "-x", "I:Br=27,Cl=27", "--json"))
    assert counted["orbits"] == 3464649986810534376568350785049204


def test_count_takes_a_study():
    counted = json.loads(invoke("count", EXAMPLE / "study.toml", "--json"))
    assert (counted["arrangements"], counted["orbits"]) == (2024, 19)


def test_enumerate_prints_some_and_writes_all(tmp_path):
    target = tmp_path / "orbits.parquet"
    printed = invoke("enumerate", CIF, "-s", "2,2,2", "-x", "I:Br=3", "-n", 4, "--output", target)
    assert "4 of 19 orbits" in printed
    assert sum(pq.read_table(target)["multiplicity"].to_pylist()) == 2024


def test_enumerate_as_json_is_one_document():
    document = json.loads(invoke("enumerate", CIF, "-s", "2,2,2", "-x", "I:Br=2", "--json"))
    assert document["orbits"] == 7
    assert sum(orbit["multiplicity"] for orbit in document["first"]) == 276
    assert document["first"][0]["sites"].startswith("Br ")


def test_keys_lists_every_key():
    printed = invoke("keys")
    assert all(key.key in printed for key in reference())
    assert [entry["key"] for entry in json.loads(invoke("keys", "--json"))] == [key.key for key in reference()]


def test_the_version_is_the_packages():
    assert invoke("--version").strip() == f"matganip {mg.__version__}"


def test_help_teaches_with_examples():
    printed = invoke("--help")
    assert "matganip count CsPbI3.cif --supercell 2,2,2 --substitute I:Br=3" in printed
    assert "matganip run examples/cspbi3_br/study.toml" in printed
    for command in ("count", "enumerate", "run", "keys"):
        assert "Usage" in invoke(command, "--help")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["keys"], ["run", "--help"]])
def test_nothing_heavy_is_imported_for_help(arguments: list[str]):
    watch = (
        "import sys\nfrom matganip.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n"
        "    heavy = {'torch', 'pandas', 'matplotlib', 'pymatgen'} & set(sys.modules)\n"
        "    print(sorted(heavy), stop.code, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", watch, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr.strip() in ("[] 0", "[] None")


def test_a_wrong_option_is_a_usage_error():
    done = matganip("count", CIF, "--supercel", "2,2,2")
    assert done.returncode == 2
    assert "--supercel" in done.stderr
    assert done.stdout == ""


def test_what_options_mean():
    assert parse_supercell("1,1,0,-1,1,0,0,0,1") == ((1, 1, 0), (-1, 1, 0), (0, 0, 1))
    assert parse_substitution("2,3:Br=1") == ((2, 3), {"Br": 1})
