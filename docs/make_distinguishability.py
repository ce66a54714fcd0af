"""Make the tables and the figure of docs/distinguishability.md: `python docs/make_distinguishability.py`.

Rewrites what stands between the two marks of each name; the words of the page are written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import matganip as mg
from matganip.features import distinguishability
from matganip.features.graph.network import graph_network
from matganip.plots.graph import vertex_pattern, vertex_ring
from matganip.plots.style import canvas, save_figure

DOCS = Path(__file__).parent
PARENT = mg.perovskite("CsPbI3", a=6.289)
LABELS = {
    "cspbi3_br/gpaw_mp2": {"I": {"Br": 3}},
    "cspbi3_br/gpaw_mp4": {"I": {"Br": 3}},
    "cspbi3_br/chgnet_X3of24": {"I": {"Br": 3}},
    "cspbi3_br/sevennet_X3of24": {"I": {"Br": 3}},
    "cspbi3_br/chgnet_X6of24": {"I": {"Br": 6}},
    "cspbi3_br/sevennet_X6of24": {"I": {"Br": 6}},
}
FEATURES = ("powder", "powder, first 28", "powder, 28 most intense", "resolved", "resolved with triplets")


def main() -> None:
    """Rewrite the page and its figure."""
    page = DOCS / "distinguishability.md"
    text = page.read_text(encoding="utf-8")
    for name, lines in (("counts", counts()), ("floors", floors())):
        marked = re.compile(f"(<!-- {name} -->\n).*?(<!-- end of {name} -->\n)", re.DOTALL)
        made = "\n".join(lines)
        text = marked.sub(lambda found, made=made: f"{found[1]}\n{made}\n\n{found[2]}", text)
    page.write_text(text, encoding="utf-8")
    draw(DOCS / "figures" / "graph_network.png")


def space_of(substitutions: dict[str, dict[str, int]]) -> mg.ConfigurationSpace:
    """A 2x2x2 supercell of the parent."""
    return mg.ConfigurationSpace(PARENT, (2, 2, 2), substitutions)


def counts() -> Iterator[str]:
    """Distinct patterns of 2, 3, 4 and 6 Br."""
    yield f"| Br of 24 | orbits | {' | '.join(FEATURES)} |"
    yield "|---:" * (2 + len(FEATURES)) + "|"
    for n_br in (2, 3, 4, 6):
        found = distinguishability(space_of({"I": {"Br": n_br}}).orbits(), triplets=True)
        cells = [n_br, found.n_orbits, *(found[name].n_classes for name in FEATURES)]
        yield f"| {' | '.join(map(str, cells))} |"


def floors() -> Iterator[str]:
    """Lowest possible errors on the labels that come with the package."""
    yield f"| labels | orbits | mean baseline | {' | '.join(FEATURES)} |"
    yield "|---|" + "---:|" * (2 + len(FEATURES))
    for table, substitutions in LABELS.items():
        space = space_of(substitutions)
        joined = mg.read_labels(table).join(space)
        found = distinguishability(
            mg.ConfigurationBatch(space, joined.occupations, joined.multiplicity),
            triplets=True,
            labels=joined.energy * (1000 / joined.n_atoms),
            unit="meV/atom",
        )
        errors = [found.baseline_mae, *(found[name].floor_mae for name in FEATURES)]
        cells = [
            f"`{table}`",
            f"{found.n_orbits} of {space.count_orbits()}",
            *(f"{error:.4f}" for error in errors if error is not None),
        ]
        yield f"| {' | '.join(cells)} |"


def draw(path: Path) -> None:
    """The graph of one arrangement beside its pattern."""
    space = space_of({"I": {"Br": 6}})
    (batch,) = space.orbits()
    graph = graph_network(mg.LatticeDiffraction(space).peaks(batch.occupations), row=300)
    panels = canvas(11, 4.7, 2, width_ratios=[1.3, 1])
    vertex_pattern(graph, title="28 peaks of one arrangement of 6 Br", ax=panels[0])
    vertex_ring(graph, title="Its graph", ax=panels[1])
    save_figure(panels, path)


if __name__ == "__main__":
    main()
