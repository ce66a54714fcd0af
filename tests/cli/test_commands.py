"""The small commands: count, enumerate, keys, help, version."""

from __future__ import annotations

import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from pymatgen.core.structure import Structure
from small_study import EXAMPLE, matganip
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app
from matganip.workflows.reference import reference

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


def test_a_left_handed_supercell_counts_as_the_lattice_that_it_spans():
    matrix = "1,1,0,1,-1,0,0,0,2"
    left = invoke("count", CIF, "-s", matrix, "-x", "I:Br=3", "--json")
    assert left == invoke("count", CIF, "-s", "-1,-1,0,-1,1,0,0,0,-2", "-x", "I:Br=3", "--json")


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


def test_distinguish_counts_what_a_diffractometer_tells_apart():
    printed = invoke("distinguish", CIF, "-s", "2,2,2", "-x", "I:Br=3")
    assert "Cs8 Pb8 Br3 I21: all 19 orbits" in printed
    rows = {line.split("  ")[1].strip(): line.split() for line in printed.splitlines() if line.startswith("  ")}
    assert rows["powder"][2:4] == ["14", "2"]
    assert rows["resolved"][2:4] == ["19", "1"]


def test_distinguish_bounds_the_errors_of_any_model():
    found = json.loads(
        invoke(
            "distinguish", CIF, "-s", "2,2,2", "-x", "I:Br=3", "--triplets", "--cutoff", 9,
            "--radiation", "neutron 1.54", "--labels", "cspbi3_br/gpaw_mp2", "--json",
        )
    )  # fmt: skip
    rows = {row["features"]: row for row in found["rows"]}
    assert found["constant_mae"] > rows["powder"]["floor_mae"] > 0
    assert rows["resolved with triplets"]["floor_mae"] == 0
    assert rows["Patterson pairs and triplets"]["n_classes"] == 19
    assert found["calculator"].startswith("GPAW")
    printed = invoke("distinguish", CIF, "-s", "2,2,2", "-x", "I:Br=3", "--labels", "cspbi3_br/gpaw_mp2")
    assert "(mean baseline)" in printed
    assert f"{found['constant_mae']:.4f}" in printed


def test_distinguish_takes_a_sample_a_range_and_several_compositions():
    space = ("distinguish", CIF, "-s", "2,2,2", "-x", "I:Br=6")
    found = json.loads(invoke(*space, "--sample", 50, "--seed", 2, "--two-theta", "0,30", "--json"))
    assert found["orbits_of_space"] == 603
    assert (found["drawn"], found["seed"]) == (50, 2)
    assert 30 < found["n_orbits"] <= 50  # those that were drawn twice count once
    rows = {row["features"]: row for row in found["rows"]}
    assert rows["powder"]["n_features"] < 28
    printed = invoke("distinguish", CIF, "-s", "2,2,2", "-x", "I:Br=2/3")
    assert "Br2 I22: all 7 orbits" in printed
    assert "Br3 I21: all 19 orbits" in printed
    huge = ("distinguish", CIF, "-s", "3,3,3", "-x", "I:Br=27", "--sample", 20)
    assert "20 different orbits in a sample of 20 from" in invoke(*huge)


def test_keys_lists_every_key():
    printed = invoke("keys")
    assert all(key.key in printed for key in reference())
    assert [entry["key"] for entry in json.loads(invoke("keys", "--json"))] == [key.key for key in reference()]


def test_the_version_is_the_packages():
    assert invoke("--version").strip() == f"matganip {mg.__version__} ({mg.vector_target()} vectors)"


def test_help_teaches_with_examples():
    printed = invoke("--help")
    assert "matganip count CsPbI3.cif -s 2,2,2 -x I:Br=3" in printed
    assert "matganip run examples/cspbi3_br/study.toml" in printed
    for command in ("count", "enumerate", "run", "keys"):
        assert "Usage" in invoke(command, "--help")


def test_examples_in_help_fit_on_lines_of_their_own():
    long = [
        (command.name, line.strip())
        for command in app.registered_commands
        for line in (command.callback.__doc__ or "").splitlines()
        if line.strip().startswith("matganip ") and len(line.strip()) > 78
    ]
    assert long == []


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


def test_count_takes_ranges_of_compositions():
    counted = json.loads(invoke("count", CIF, "-s", "2,2,2", "-x", "I:Br=0-6", "--json"))
    assert [one["orbits"] for one in counted] == [1, 1, 7, 19, 80, 207, 603]
    printed = invoke("count", CIF, "-s", "2,2,2", "-x", "I:Br=2/3")
    assert "2 compositions, 26 orbits in all" in printed
    stepped = json.loads(invoke("count", CIF, "-s", "2,2,2", "-x", "I:Br=0-6:3", "--json"))
    assert [one["orbits"] for one in stepped] == [1, 19, 603]


def test_count_shows_every_composition():
    document = json.loads(invoke("count", CIF, "-s", "2,2,2", "-x", "Pb:Sn=4", "--all-compositions", "--json"))
    assert [one["orbits"] for one in document["all_compositions"]] == [1, 1, 3, 3, 6, 3, 3, 1, 1]
    assert "Every composition" in invoke("count", CIF, "-s", "2,2,2", "-x", "Pb:Sn=4", "-a")


def test_count_keeps_neutral_compositions_and_shows_the_states():
    arguments = ("count", CIF, "-s", "2,2,2", "-x", "Pb:Bi=0-8,vac=0-8", "--charge-neutral")
    counted = json.loads(invoke(*arguments, "--json"))
    assert [one["counts"] for one in counted] == [[[0, 0, 8]], [[1, 2, 5]], [[2, 2, 4]]]
    assert counted[0]["oxidation_states"]["Bi"] == 3
    assert "Cs +1, Pb +2, I -1, Bi +3, vac +0" in invoke(*arguments)
    given = json.loads(invoke(*arguments, "--oxidation", "Bi=2", "--json"))
    assert len(given) == 9


def test_a_disordered_structure_says_itself_what_is_substituted(tmp_path):
    ideal = mg.read_structure(CIF)
    mixed = {"I": 0.75, "Br": 0.25}
    parent = Structure(ideal.lattice, ["Cs", "Pb", mixed, mixed, mixed], ideal.frac_coords)
    parent.to(filename=str(tmp_path / "mixed.cif"))
    counted = json.loads(invoke("count", tmp_path / "mixed.cif", "-s", "2,2,2", "--json"))
    assert counted["orbits"] == 603


def test_enumerate_writes_structures_and_shards(tmp_path):
    invoke("enumerate", CIF, "-s", "2,2,2", "-x", "I:Br=3", "-o", tmp_path / "cifs", "-f", "cif")
    assert len(list((tmp_path / "cifs").glob("*.cif"))) == 19
    for part in range(2):
        target = tmp_path / f"{part}.parquet"
        invoke("enumerate", CIF, "-s", "2,2,2", "-x", "I:Br=6", "-o", target, "--shard", f"{part}/2")
    parts = [pq.read_table(tmp_path / f"{part}.parquet") for part in range(2)]
    assert sum(table.num_rows for table in parts) == 603
    assert sum(sum(table["multiplicity"].to_pylist()) for table in parts) == 134_596


def test_enumerate_writes_a_file_for_each_composition(tmp_path):
    invoke("enumerate", CIF, "-s", "2,2,2", "-x", "I:Br=2-3", "-o", tmp_path / "orbits.parquet")
    sizes = {path.name: pq.read_table(path).num_rows for path in tmp_path.iterdir()}
    assert sizes == {"orbits_Br2_I22.parquet": 7, "orbits_Br3_I21.parquet": 19}


def test_a_dry_run_foresees_what_a_run_writes(tmp_path):
    arguments = ("enumerate", CIF, "-s", "2,2,2", "-x", "Pb:Sn=4", "-x", "I:Br=6", "-o", tmp_path / "orbits.parquet")
    expected = json.loads(invoke(*arguments, "--dry-run", "--json"))
    assert list(tmp_path.iterdir()) == []
    assert expected["orbits"] == 34_968
    invoke(*arguments)
    assert (tmp_path / "orbits.parquet").stat().st_size == pytest.approx(expected["bytes"], rel=0.6)
    told = " ".join(invoke(*arguments, "--dry-run").split())  # a long path moves where lines end
    assert "34,968 orbits, about" in told


def test_sample_draws_from_an_astronomical_space(tmp_path):
    target = tmp_path / "sample.parquet"
    arguments = ("sample", CIF, "-s", "3,3,3", "-x", "I:Br=27,Cl=27", "-N", 50, "--seed", 4)
    document = json.loads(invoke(*arguments, "-o", target, "--json"))
    assert document["orbits"] == 3464649986810534376568350785049204
    table = pq.read_table(target)
    assert table.num_rows == 50
    again = json.loads(invoke(*arguments, "--json"))
    assert again["first"] == document["first"]
    assert "50 arrangements drawn from" in invoke(*arguments, "--configurations")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("enumerate", CIF, "-x", "I:Br=1", "--shard", "2/2"), "--shard 2/2: not of the form k/n"),
        (("enumerate", CIF, "-x", "I:Br=1", "--dry-run", "--rank", "ewald"), "--dry-run does not estimate a ranking"),
        (("enumerate", CIF, "-x", "I:Br=1", "--lowest", "3"), "--lowest and --highest act with --rank only"),
        (("sample", CIF, "-x", "I:Br=1", "-f", "cif"), "--format cif: nothing is written without --output"),
        (("count", CIF, "-x", "I:Br=1", "--oxidation", "I=-1"), "--oxidation acts together with --charge-neutral"),
        (("count", CIF, "-x", "I:Br=0-x"), "--substitute I:Br=0-x: not of the form"),
        (("count", CIF, "-x", "I"), "--substitute I: not of the form"),
        (("count", CIF), "--substitute is needed with an ordered structure"),
        (("count", CIF, "-x", "Pb:Bi=1", "--charge-neutral"), "fits the sites and is neutral"),
        (("count", CIF, "-x", "Pb:Bi=0-1", "--charge-neutral", "--oxidation", "Bi"), "--oxidation Bi: not of the form"),
        (("sample", CIF, "-x", "I:Br=1", "-o", "x.unknown"), "the format does not follow from the name"),
    ],
)
def test_bad_options_are_named_in_one_line(arguments, message):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_examples_are_copied_once(tmp_path):
    made = json.loads(invoke("examples", str(tmp_path / "examples"), "--json"))
    assert str(tmp_path / "examples" / "cspbi3_br") in made
    assert (tmp_path / "examples" / "cspbi3_br" / "study.toml").is_file()
    assert "exists already" in matganip("examples", str(tmp_path / "examples")).stderr
