"""Counts of disordered crystals that two programs published, by `matganip count` alone.

    python bench/published_counts.py

K. Okhotnikov et al., J. Cheminform. 8, 17 (2016) and the tutorial of supercell; G. I. Prayogo et al., J. Chem. Inf.
Model. 62, 2909 (2022) (SHRY). The files of `examples/disordered` are written down from the refinements that they cite.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

COMMANDS = {
    "FeSbO4.cif -s 2,2,1": (70, 7),
    "FeSbO4.cif -s 2,2,2 --charge-neutral": (12_870, 180),
    "Ca2Al2SiO7.cif --charge-neutral": (6, 2),
    "gamma-Fe2O3.cif -s 1,2,3": (735_471, 30_834),
    "MgAlFeO4.cif -x MgA:Mg=8 -x MgB:Mg=0,Al=8": (12_870, 97),
    "SrSiAlO.cif -s 1,2,1 -x Al1:Al=10 -x Sr2:Sr=1": (32_032, None),
    "PZT.cif -s 2,2,2": (None, 10),
    "Rb-PST-1.cif": (549_120, None),
}
"""Options, and the published numbers of arrangements and orbits where they are."""


def main() -> None:
    """Print a row for each command."""
    print("| `matganip count examples/disordered/...` | arrangements | orbits | published |\n|---|---|---|---|")
    for options, published in COMMANDS.items():
        name, *rest = options.split()
        command = ["matganip", "count", str(Path("examples/disordered") / name), *rest, "--json"]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        here = found["arrangements"], found["orbits"]
        met = all(theirs in (None, ours) for theirs, ours in zip(published, here, strict=True))
        told = " : ".join(f"{n:,}" for n in published if n is not None)
        print(f"| `{options}` | {here[0]:,} | {here[1]:,} | {told}{'' if met else ' NOT MET'} |", flush=True)


if __name__ == "__main__":
    main()
