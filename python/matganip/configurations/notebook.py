"""Spaces and batches as a notebook shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matganip.configurations.codec import composition_text, sites_text
from matganip.markup import facts_html, rows_html

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.series import CompositionSeries
    from matganip.configurations.space import ConfigurationSpace

SHOWN = 10


def space_html(space: ConfigurationSpace) -> str:
    """What a space is: composition, cell, symmetry, size, what its sites carry; nothing that takes time is counted."""
    facts = {
        "composition": composition_text(space),
        "parent": space.parent.composition.reduced_formula,
        "supercell": f"{space.n_cells} cells, {space.n_atoms} atoms",
        "symmetry": f"{space.symmetry.n_operations:,} operations",
        "arrangements": None if len(space.exclusions) else space.n_configurations,
        "pairs of sites that exclude each other": len(space.exclusions) or None,
    }
    rows = [
        (sublattice.host, str(sum(sublattice.counts)), name, f"{count:,}")
        for sublattice in space.sublattice_table
        for name, count in zip(sublattice.species, sublattice.counts, strict=True)
    ]
    columns = ("sites of", "in all", "species", "atoms")
    return facts_html(type(space).__name__, facts) + rows_html(columns, rows, align="lrlr")


def batch_html(batch: ConfigurationBatch) -> str:
    """The first rows of a batch: how many copies each has, and which sites the rarer species take."""
    rows = [
        (str(k), f"{int(batch.multiplicity[k]):,}", sites_text(batch.space, batch.occupations[k]))
        for k in range(min(SHOWN, len(batch)))
    ]
    title = f"{len(batch):,} arrangements of {composition_text(batch.space)}"
    note = f"The first {SHOWN}." if len(batch) > SHOWN else ""
    return rows_html(("", "multiplicity", "sites of the rarer species"), rows, align="rrl", title=title, note=note)


def series_html(series: CompositionSeries) -> str:
    """The compositions of a series, and how many arrangements each has."""
    rows = [
        (composition_text(space), str(space.n_atoms), "" if len(space.exclusions) else f"{space.n_configurations:,}")
        for space in series.spaces[:SHOWN]
    ]
    note = f"The first {SHOWN}." if len(series) > SHOWN else ""
    title = f"{len(series):,} compositions"
    return rows_html(("composition", "atoms", "arrangements"), rows, align="lrr", title=title, note=note)
