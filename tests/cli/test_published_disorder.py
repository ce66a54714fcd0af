"""Disordered crystals of two programs' papers and examples, from the command line alone.

Cells and counts: K. Okhotnikov, T. Charpentier, S. Cadars, J. Cheminform. 8, 17 (2016) and the tutorial of supercell;
G. I. Prayogo et al., J. Chem. Inf. Model. 62, 2909 (2022) (SHRY). The files are written
down from the refinements that they cite.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_commands import invoke

CRYSTALS = Path(__file__).parents[2] / "examples" / "disordered"


@pytest.mark.parametrize(
    ("name", "options", "arrangements", "orbits"),
    [
        ("FeSbO4", ["-s", "2,2,1"], 70, 7),
        ("FeSbO4", ["-s", "2,2,2", "--charge-neutral"], 12_870, 180),
        ("Ca2Al2SiO7", ["--charge-neutral"], 6, 2),
        ("gamma-Fe2O3", ["-s", "1,2,3"], 735_471, 30_834),
        ("MgAlFeO4", ["-x", "MgA:Mg=8", "-x", "MgB:Mg=0,Al=8"], 12_870, 97),
        ("SrSiAlO", ["-s", "1,2,1", "-x", "Al1:Al=10", "-x", "Sr2:Sr=1"], 32_032, None),
        ("PZT", ["-s", "2,2,2"], 70, 10),
        ("Rb-PST-1", [], 549_120, None),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_counts_are_the_published_ones(name, options, arrangements, orbits):
    found = json.loads(invoke("count", CRYSTALS / f"{name}.cif", *options, "--json"))
    assert found["arrangements"] == arrangements
    assert orbits in (None, found["orbits"])


@pytest.mark.filterwarnings("ignore")
def test_the_neutral_composition_of_srsialo_is_found():
    options = ("-s", "1,2,1", "-x", "Al1:Al=8-12", "-x", "Sr2:Sr=0-2", "--charge-neutral")
    found = json.loads(invoke("count", CRYSTALS / "SrSiAlO.cif", *options, "--json"))
    told = {one["composition"]: one["arrangements"] for one in found}
    assert told == {
        "vac4 Sr4 Si8 Al8 O32": 12_870, "vac3 Sr5 Si6 Al10 O32": 32_032, "vac2 Sr6 Si4 Al12 O32": 10_920,
    }  # fmt: skip
