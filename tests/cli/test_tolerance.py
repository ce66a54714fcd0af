"""`matganip tolerance`."""

from __future__ import annotations

import json

import pytest
from small_study import EXAMPLE
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app


def invoke(*arguments, status=0):
    result = CliRunner().invoke(app, ["tolerance", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result


def test_a_table_of_factors_and_of_radii():
    printed = invoke("CsPbI3", "Cs2AgBiBr6", "FAPbI3", "CsSnI3").stdout
    lines = {line.split()[0]: line.split() for line in printed.splitlines() if line.strip()}
    assert lines["CsPbI3"] == ["CsPbI3", "Cs+", "Pb2+", "3", "I-", "0.851", "0.807", "0.541", "4.30", "0.47"]
    assert lines["FAPbI3"][-5:-3] == ["0.987", "0.987"]
    assert lines["Ag+"] == ["Ag+", "B", "1.15", "VI", "1.29", "VI", "Shannon", "1976"]
    assert lines["FA+"][1:] == ["A", "2.53", "molecule", "2.67", "molecule", "Kieslich", "2014"]
    assert "not in Shannon; Bartel 2019" in printed
    assert "Shannon 1976: Shannon, Acta Cryst. A32, 751 (1976)." in printed
    assert printed.count("  Cs+ ") >= 1
    assert sum(line.split()[:2] == ["Cs+", "A"] for line in printed.splitlines()) == 1  # once, for three formulas


def test_json_has_every_number():
    (document,) = json.loads(invoke("Cs0.5FA0.5Pb(I0.75Br0.25)3", "--json").stdout)
    formula = document["material"]
    assert document["tolerance_effective"] == mg.tolerance_factor(formula)
    assert document["tolerance_crystal"] == mg.tolerance_factor(formula, "crystal")
    assert document["octahedral"] == mg.octahedral_factor(formula)
    assert document["tau"] == mg.bartel_tau(formula)
    assert document["probability"] == mg.bartel_probability(document["tau"])
    ions = {ion["species"]: ion for site in "abx" for ion in document[site]}
    assert ions["Br"]["amount"] == 0.75
    assert ions["Cs"]["effective"] == {
        "value": 1.88, "coordination": "XII", "spin": "", "source": "Shannon, Acta Cryst. A32, 751 (1976)"
    }  # fmt: skip
    assert ions["Cs"]["crystal"]["value"] == 1.81


def test_files_charges_and_extrapolation():
    (from_file,) = json.loads(invoke(EXAMPLE / "CsPbI3.cif", "--json").stdout)
    assert from_file["tolerance_effective"] == mg.tolerance_factor("CsPbI3")
    both = json.loads(invoke("EuTiO3", "BiFeO3", "-q", "Eu=3", "--extrapolate", "--json").stdout)
    assert both[0]["a"][0]["charge"] == 3
    assert both[1]["tolerance_effective"] == mg.tolerance_factor("BiFeO3", fallback="extrapolated")
    assert "extrapolated to XII" in both[1]["a"][0]["effective"]["source"]
    (infinite,) = json.loads(invoke("NbTaO3", "--json").stdout)
    assert (infinite["tau"], infinite["probability"]) == (None, 0.0)
    assert "half of the B sites are empty" in invoke("Cs2SnI6").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("CsPbI3", "CsPbI2"), "'CsPbI2': is not an ABX3 (nor A2BX6): it has 3 cations to 3 I, not 2"),
        (("CsBiI3",), "'CsBiI3': no charges with known radii make it neutral; nearest: Cs+ Bi3+ 3 I-, in all +1"),
        (("CsPbX3",), "'CsPbX3': no element or known molecular cation at 'X3'"),
        (("missing.cif",), "missing.cif: cannot be read: No such file or directory"),
        (("CsSnI3", "-q", "Pb=4"), "charge Pb=4: Pb is in none of CsSnI3"),
        (("CsSnI3", "-q", "Sn"), "--charge Sn: give an ion and its charge, such as Sn=2"),
        (("CsSnI3", "-q", "Sn=two"), "--charge Sn=two: give an ion and its charge, such as Sn=2"),
    ],
)
def test_what_is_wrong_is_one_line(arguments, message):
    assert invoke(*arguments, status=2).stderr == f"matganip: error: {message}\n"


def test_one_bad_formula_does_not_hide_the_good_ones():
    shown = invoke("CsPbI3", "Foo", "SrTiO3", status=2)
    assert [line.split()[0] for line in shown.stdout.splitlines() if "2-" in line or "I-" in line][:2] == [
        "CsPbI3",
        "SrTiO3",
    ]
    assert "'Foo': no element or known molecular cation" in shown.stderr
    assert json.loads(invoke("Foo", "--json", status=2).stdout) == []


def test_a_tau_that_no_perovskite_has_is_told():
    assert "UAlN3: tau is below that of every perovskite fitted" in " ".join(invoke("UAlN3", "LaCoO3").stdout.split())
    assert "every perovskite" not in invoke("LaCoO3").stdout
