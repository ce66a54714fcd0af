"""Make what docs/ shows of the demo: `make docs`, or `python docs/make_figures.py runs/cspbi3_br`.

Reads the output folder of `examples/cspbi3_br/study.toml`, writes `docs/demo.md` and the pictures it shows.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from matganip.results.study import CAVEATS

DOCS = Path(__file__).parent
PICTURES = {
    "winners": "The four lowest predictions of the screen; Br in colour.",
    "patterns": "Powder patterns of four orbits; only the red lines tell arrangements apart.",
    "graph": "A graph matrix, and all that distinguishes another arrangement's from it.",
    "parity": "Predicted against calculated energies, with what the mean baseline predicts.",
    "training": "The training of the model that ranks; where D cannot tell real from generated, its loss is 2 log 2.",
    "ranking": "Every arrangement in the order of its prediction, with the labels.",
}


def main(results: Path) -> None:
    """Write docs/demo.md from the results of a run."""
    record = json.loads((results / "provenance.json").read_text(encoding="utf-8"))
    folder = DOCS / "figures" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        shutil.copyfile(results / "figures" / f"{name}.png", folder / f"{name}.png")
    parts = [HEAD, errors(record), READING, ranking(results), *pictures(), provenance(record)]
    (DOCS / "demo.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


HEAD = """# What the demo shows

`make demo` runs [`examples/cspbi3_br/study.toml`](../examples/cspbi3_br/study.toml): CsPbI3 in a 2x2x2 supercell,
Br on some of its 24 I sites. This page is made from its output by `make docs`.

| | arrangements | orbits | labels |
|---|---:|---:|---|
| 3 Br: learned and evaluated | 2,024 | 19 | DFT (GPAW) |
| 6 Br: screened and ranked | 134,596 | 603 | CHGNet, 150 orbits to train on, 453 to check |

## Errors, each beside that of the mean baseline"""

READING = f"""MAE in meV/atom, weighted by multiplicity. The mean baseline predicts the mean of the training set;
skill is 1 - MAE / the MAE of the mean baseline. *Seen*: the share of tested arrangements that are symmetry copies of
trained ones. The random split is the paper's; it asks for structures that were trained on.

CHGNet: {CAVEATS["CHGNet"]} The labels matter:
with `table = "cspbi3_br/gpaw_mp2"`, whose mesh is 2x2x2 and which carries an error of the calculation's grid that no
pattern shows, the same model has 0.0444 where the mean baseline has 0.0888, leaving one orbit out.

## The ten lowest of the screen"""


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = [columns, ["---:"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def errors(record: dict[str, Any]) -> str:
    """The errors of all splits."""
    rows = [
        [
            one["split"],
            one["calculator"],
            f"{one['tested_arrangements_whose_orbit_was_trained_on'] / one['arrangements_tested']:.0%}",
            f"{one['mae']:.4f}",
            f"{one['constant_mae']:.4f}",
            f"{1 - one['mae'] / one['constant_mae']:.3f}",
            f"{one['r2']:.3f}",
            f"{one['spearman']:.3f}",
        ]
        for one in record["numbers"]
    ]
    return table(["split", "calculator", "seen", "MAE", "mean baseline", "skill", "R²", "Spearman"], rows)


def ranking(results: Path) -> str:
    """The first rows of ranking.parquet."""
    first = pq.read_table(results / "ranking.parquet").slice(0, 10).to_pylist()
    rows = [
        [
            str(row["rank"]),
            " ".join(map(str, row["Br_on_I"])),
            str(row["multiplicity"]),
            f"{row['prediction_eV']:.4f}",
            f"{row['relative_meV_per_atom']:.3f}",
            "yes" if row["trained_on"] else "no",
        ]
        for row in first
    ]
    return table(["rank", "sites of Br", "multiplicity", "predicted, eV", "above first, meV/atom", "trained on"], rows)


def pictures() -> list[str]:
    """Every picture with its words."""
    return [f"![{words}](figures/demo/{name}.png)\n\n{words}" for name, words in PICTURES.items()]


def provenance(record: dict[str, Any]) -> str:
    """The seed and the versions behind the page."""
    names = ("matganip", "python", "torch", "numpy", "pymatgen", "spglib")
    versions = ", ".join(f"{name} {record['versions'][name]}" for name in names)
    seconds, cores = sum(record["seconds"].values()), record["machine"]["cores"]
    return f"Seed {record['seed']}; {versions}; {seconds:.0f} s on {cores} cores."


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python docs/make_figures.py FOLDER")
    main(Path(sys.argv[1]))
