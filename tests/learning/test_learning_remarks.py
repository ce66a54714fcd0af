"""What a model's card says it cannot know."""

from __future__ import annotations

from dataclasses import replace

import pytest

import matganip as mg
from matganip.features.settings import DiffractionSettings
from matganip.learning.card import Card
from matganip.learning.remarks import remark_on

SUPERCELL = (2, 2, 2)


@pytest.fixture(scope="module")
def card() -> Card:
    """Trained on 6 Br of 24 with a linear readout."""
    parent = mg.perovskite("CsPbI3", a=6.289)
    made = Card(
        diffraction=DiffractionSettings(cutoff=9.0),
        parent=parent,
        symprec=0.01,
        supercell=SUPERCELL,
        substitutions={"I": {"Br": 6}},
        positions=(),
        readout="linear",
        calculator="toy",
        table="toy",
        species=(),
        trained_on=(),
    )
    return made.with_training_set(made.space(), next(made.space().orbits()).occupations[:5])


def several(card: Card) -> Card:
    """The same with rows of 3 Br beside those of 6."""
    rows = next(card.space(SUPERCELL, {"I": {"Br": 3}}).orbits()).occupations[:2]
    return replace(card, trained_on=(*card.trained_on, *("".join(map(str, row)) for row in rows.tolist())))


@pytest.mark.parametrize("supercell", [SUPERCELL, (2, 2, 3)])
def test_of_what_it_was_trained_on_there_is_nothing_to_say(card, supercell):
    n_br = 6 if supercell == SUPERCELL else 9
    assert remark_on(card, card.space(supercell, {"I": {"Br": n_br}})) == ""


def test_one_composition_does_not_tell_of_another(card):
    said = remark_on(card, card.space(SUPERCELL, {"I": {"Br": 3}}))
    assert "trained on Cs8 Pb8 Br6 I18 alone and is asked about Cs8 Pb8 Br3 I21" in said


@pytest.mark.parametrize(
    ("n_br", "said"),
    [(3, ""), (4, ""), (6, ""), (2, "8.3% Br on the sites of I (trained on 12.5% to 25.0%)"), (7, "asked about 29.2%")],
)
def test_several_compositions_tell_of_those_between(card, n_br, said):
    found = remark_on(several(card), card.space(SUPERCELL, {"I": {"Br": n_br}}))
    assert said in found
    assert bool(found) == bool(said)


@pytest.mark.parametrize("readout", ["kernel", "ridge"])
def test_a_readout_that_bends_is_for_its_own_cell(card, readout):
    bent = replace(card, readout=readout)
    assert remark_on(bent, bent.space()) == ""
    said = remark_on(bent, bent.space((2, 2, 3), {"I": {"Br": 9}}))
    assert "cells of 40 atoms" in said
    assert (
        'asked about 60 atoms: expect large errors. To ask about other cells, train with readout_fit = "linear"' in said
    )
