"""What to know of predictions for other compositions or cells than those that a model was trained on."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from matganip.configurations.codec import composition_text
from matganip.learning.shared_columns import beyond, measures_of_space

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.card import Card

Shares = dict[tuple[str, str], Fraction]


def remark_on(card: Card, space: ConfigurationSpace) -> str:
    """Say in sentences what a model cannot know of a space; nothing where it can.

    From one composition nobody learns what a dopant atom costs by itself; from several, what it costs between them. A
    function that bends in the sums over one small cell is no property of the crystal.
    """
    own = card.own_space
    if card.ranges:  # learned on many cells and compositions of the parent
        outside = beyond(card.ranges, measures_of_space(space))
        if not outside:
            return ""
        return f"Beyond the training set, where nothing vouches for predictions: {'; '.join(outside)}."
    return " ".join(filter(None, (_of_composition(card, own, space), _of_cell(card, own, space))))


def _of_composition(card: Card, own: ConfigurationSpace, space: ConfigurationSpace) -> str:
    asked, trained = _shares(space), [_shares(own), *_trained(card, own)]
    if asked in trained:
        return ""
    if all(one == trained[0] for one in trained):
        return (
            f"The model was trained on {composition_text(own)} alone and is asked about {composition_text(space)}: "
            "what another composition costs as such it cannot know. Compare these predictions among themselves only."
        )
    outside = []
    for (host, name), share in asked.items():
        known = [one.get((host, name), Fraction(0)) for one in trained]
        if not min(known) <= share <= max(known):
            outside.append(
                f"{float(share):.1%} {name} on the sites of {host} (trained on {float(min(known)):.1%} to "
                f"{float(max(known)):.1%})"
            )
    if not outside:
        return ""
    return (
        f"The model is asked about {' and '.join(outside)}: beyond its training set nothing vouches for what it says."
    )


def _of_cell(card: Card, own: ConfigurationSpace, space: ConfigurationSpace) -> str:
    same = np.array_equal(own.supercell_matrix, space.supercell_matrix)
    if same or card.readout not in ("kernel", "ridge"):
        return ""
    return (
        f"The model was trained on cells of {len(own.supercell_structure)} atoms with a readout that may bend to fit "
        f"them, and is asked about {len(space.supercell_structure)} atoms: expect large errors. To ask about other "
        'cells, train with readout_fit = "linear".'
    )


def _shares(space: ConfigurationSpace) -> Shares:
    """The part of each sublattice's sites that each species has."""
    return {
        (sublattice.host, name): Fraction(count, sum(counts))
        for sublattice, names, counts in zip(space.sublattice_table, space.species, space.counts, strict=True)
        for name, count in zip(names, counts, strict=True)
    }


def _trained(card: Card, own: ConfigurationSpace) -> list[Shares]:
    """The same for each composition in the training set."""
    if not card.trained_on:
        return []
    rows = card.digits()  # (n, n_sites)
    kinds = [(k, code) for k, names in enumerate(card.species) for code in range(len(names))]
    counts = np.array([(rows[:, own.sublattices == k] == code).sum(axis=1) for k, code in kinds]).T  # (n, kinds)
    return [
        {
            (own.sublattice_table[k].host, card.species[k][code]): Fraction(count, int((own.sublattices == k).sum()))
            for (k, code), count in zip(kinds, row, strict=True)
        }
        for row in np.unique(counts, axis=0).tolist()
    ]
