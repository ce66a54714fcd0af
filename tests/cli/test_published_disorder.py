"""Disordered crystals of two programs' papers and examples, from the command line alone.

Cells and counts: K. Okhotnikov, T. Charpentier, S. Cadars, J. Cheminform. 8, 17 (2016) and the tutorial of supercell;
G. I. Prayogo et al., J. Chem. Inf. Model. 62, 2909 (2022) (SHRY). Written down from the cited refinements.
"""

from __future__ import annotations

import json

import pytest
from test_commands import invoke

ATOMS = (
    "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
    "_atom_site_occupancy\n"
)


def cif(name: str, cell: tuple[float, ...], group: str, atoms: str) -> str:
    keys = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = [f"data_{name}", *(f"_cell_{key} {value}" for key, value in zip(keys, cell, strict=True))]
    return "\n".join([*lines, f"_symmetry_space_group_name_H-M '{group}'", ATOMS + atoms.strip(), ""])


CRYSTALS = {
    # Basso et al., N. Jahrb. Mineral. Monatsh. 2003, 407
    "FeSbO4": cif(
        "FeSbO4", (4.6334, 4.6334, 3.0728, 90, 90, 90), "P 42/m n m",
        "Fe1 Fe3+ 0 0 0 0.5\nSb1 Sb5+ 0 0 0 0.5\nO1 O2- 0.302 0.302 0 1",
    ),
    # gehlenite, Louisnathan, Can. Mineral. 10, 822 (1971)
    "Ca2Al2SiO7": cif(
        "Ca2Al2SiO7", (7.716, 7.716, 5.089, 90, 90, 90), "P -4 21 m",
        "Ca1 Ca2+ 0.338 0.162 0.511 1\nAlT1 Al3+ 0 0 0 1\nAlT2 Al3+ 0.1431 0.3569 0.9528 0.5\n"
        "SiT2 Si4+ 0.1431 0.3569 0.9528 0.5\nO1 O2- 0.5 0 0.1884 1\nO2 O2- 0.1418 0.3582 0.2832 1\n"
        "O3 O2- 0.0872 0.1706 0.8033 1",
    ),
    # Nakatsuka et al., Phys. Chem. Miner. 31, 278 (2004), x = 1.53
    "MgAlFeO4": cif(
        "MgAlFeO4", (8.3252, 8.3252, 8.3252, 90, 90, 90), "F d -3 m :2",
        "MgA Mg 0.125 0.125 0.125 0.28\nAlA Al 0.125 0.125 0.125 0.05\nFeA Fe 0.125 0.125 0.125 0.66\n"
        "MgB Mg 0.5 0.5 0.5 0.36\nAlB Al 0.5 0.5 0.5 0.21\nFeB Fe 0.5 0.5 0.5 0.43\nO O 0.2578 0.2578 0.2578 1",
    ),
    # maghemite, Shmakov et al., J. Appl. Cryst. 28, 141 (1995)
    "gamma-Fe2O3": cif(
        "Fe2O3", (8.3474, 8.3474, 8.3474, 90, 90, 90), "P 43 3 2",
        "Fe1 Fe3+ 0.9921 0.9921 0.9921 1\nFe2 Fe3+ 0.865 0.615 0.875 1\nFe3 Fe3+ 0.375 0.125 0.875 0.335\n"
        "O1 O2- 0.861 0.861 0.861 1\nO2 O2- 0.372 0.377 0.876 1",
    ),
    # Al Saghir et al., Chem. Mater. 27, 508 (2015)
    "SrSiAlO": cif(
        "SrSiAlO", (5.202893, 5.202893, 15.29364, 90, 90, 120), "P 63/m c m",
        "Sr1 Sr 0 0 0 1\nSi1 Si 0.333333 0.666667 0.141566 0.413\nAl1 Al 0.333333 0.666667 0.141566 0.587\n"
        "O1 O 0.333333 0.666667 0.25 1\nO2 O 0.39728 0 0.10219 1\nSr2 Sr 0 0 0.25 0.1741",
    ),
    # Frantti et al., Jpn. J. Appl. Phys. 39, 5697 (2000), the four positions of lead merged into one
    "PZT": cif(
        "PZT", (4.03034, 4.03034, 4.1449, 90, 90, 90), "P 4 m m",
        "Zr1 Zr 0.5 0.5 0.5649 0.5\nTi1 Ti 0.5 0.5 0.5649 0.5\nPb1 Pb 0 0 0 1\nO1 O 0.5 0.5 0.0921 1\n"
        "O2 O 0.5 0 0.611 1",
    ),
    # Rb-PST-1, dehydrated: Si1 and Ga1 are two positions of one site
    "Rb-PST-1": cif(
        "RbPST1", (12.68109, 12.68109, 6.616533, 90, 90, 90), "I -4 2 d",
        "Si1 Si 0.08913 0.63183 0.63362 0.567\nGa1 Ga 0.05988 0.63009 0.62574 0.433\nSi2 Si 0 0 0 0.526\n"
        "Ga2 Ga 0 0 0 0.474\nO1 O 0.95775 0.64666 0.74289 1\nO2 O 0.05983 0.58478 0.39869 1\n"
        "O3 O 0.12977 0.75 0.625 1\nRb1 Rb 0.86482 0.25 0.125 1\nRb2 Rb 0.11124 0.25 0.125 0.103",
    ),
}  # fmt: skip


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
def test_counts_are_the_published_ones(name, options, arrangements, orbits, tmp_path):
    path = tmp_path / f"{name}.cif"
    path.write_text(CRYSTALS[name])
    found = json.loads(invoke("count", path, *options, "--json"))
    assert found["arrangements"] == arrangements
    assert orbits in (None, found["orbits"])


@pytest.mark.filterwarnings("ignore")
def test_the_neutral_composition_of_srsialo_is_found(tmp_path):
    path = tmp_path / "SrSiAlO.cif"
    path.write_text(CRYSTALS["SrSiAlO"])
    options = ("-s", "1,2,1", "-x", "Al1:Al=8-12", "-x", "Sr2:Sr=0-2", "--charge-neutral")
    found = json.loads(invoke("count", path, *options, "--json"))
    told = {one["composition"]: one["arrangements"] for one in found}
    assert told == {
        "vac4 Sr4 Si8 Al8 O32": 12_870, "vac3 Sr5 Si6 Al10 O32": 32_032, "vac2 Sr6 Si4 Al12 O32": 10_920,
    }  # fmt: skip
