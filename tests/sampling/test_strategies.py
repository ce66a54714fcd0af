"""What to label next: each strategy against its definition, written out slowly, and against random choice."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

import matganip as mg
from matganip.errors import InputError
from matganip.sampling.committee import RidgeCommittee
from matganip.sampling.replay import learning_curves, replay
from matganip.sampling.strategies import STRATEGIES, Candidates, choose, coordinates, expected_improvement

RNG = np.random.default_rng(4)
RAW = RNG.normal(size=(40, 5)) @ RNG.normal(size=(5, 9))  # nine columns, five of them independent
SPREAD = coordinates(RAW)
TARGET = RAW[:, 0] - 2 * RAW[:, 3] + 0.1 * RNG.normal(size=40)


def known(labelled=(), members=None, lowest=None):
    mask = np.zeros(len(SPREAD), dtype=bool)
    mask[list(labelled)] = True
    return Candidates(SPREAD, mask, members, lowest)


def learned(labelled):
    committee = RidgeCommittee(seed=1)
    committee.fit(RAW[labelled], TARGET[labelled])
    return known(labelled, committee.members(RAW), float(TARGET[labelled].min()))


def test_coordinates_are_uncorrelated_and_as_many_as_vary():
    assert SPREAD.shape == (40, 5)
    assert pytest.approx(np.eye(5), abs=1e-12) == SPREAD.T @ SPREAD / 40
    with pytest.raises(InputError, match="features of all 3 candidates are equal"):
        coordinates(np.ones((3, 4)))


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(n_labels=st.integers(3, 38), n=st.integers(1, 45))
def test_suggestions_are_new_distinct_and_as_many_as_asked_for(strategy, n_labels, n):
    labelled = list(range(n_labels))
    rows = choose(strategy, learned(labelled), n, seed=2)
    assert len(rows) == len(set(rows.tolist())) == min(n, 40 - n_labels)
    assert rows.min(initial=99) >= n_labels
    assert choose(strategy, learned(labelled), n, seed=2).tolist() == rows.tolist()


def test_d_optimal_rows_make_the_determinant_grow_most():
    labelled = [3, 17]
    design = np.c_[np.ones(40), SPREAD]

    def determinant(rows):
        return np.linalg.det(design[rows].T @ design[rows] + 1e-3 * np.eye(6))

    chosen = list(labelled)
    for row in choose("d-optimal", known(labelled), 6).tolist():
        best = max((determinant([*chosen, other]), -other) for other in range(40) if other not in chosen)
        assert determinant([*chosen, row]) == pytest.approx(best[0], rel=1e-9)
        chosen.append(row)


def test_farthest_rows_are_farthest_from_all_before():
    chosen = [5]
    for row in choose("farthest", known(chosen), 7).tolist():
        nearest = [min(np.linalg.norm(SPREAD[other] - SPREAD[one]) for one in chosen) for other in range(40)]
        assert nearest[row] == pytest.approx(max(nearest))
        chosen.append(row)
    first, second = choose("farthest", known(), 2).tolist()  # without labels from the middle outwards
    assert first == np.linalg.norm(SPREAD, axis=1).argmin()
    assert second == np.linalg.norm(SPREAD - SPREAD[first], axis=1).argmax()


def test_uncertain_rows_are_those_on_which_members_disagree_given_the_ones_before():
    now = learned(list(range(12)))
    rows = choose("uncertainty", now, 5).tolist()
    apart = now.members - now.members.mean(axis=0)
    assert rows[0] == 12 + apart[:, 12:].std(axis=0).argmax()
    for k in range(1, 5):
        basis = np.linalg.qr(apart[:, rows[:k]])[0]
        rest = np.linalg.norm(apart - basis @ (basis.T @ apart), axis=0)
        rest[[*range(12), *rows[:k]]] = -1
        assert rows[k] == rest.argmax()


@given(st.floats(-3, 3), st.floats(0.01, 3), st.floats(-3, 3))
def test_expected_improvement_is_its_integral(mean, deviation, lowest):
    whole, _ = quad(lambda y: (lowest - y) * norm.pdf(y, mean, deviation), mean - 12 * deviation, lowest, limit=200)
    found = expected_improvement(np.array([mean]), np.array([deviation]), lowest)[0]
    assert found == pytest.approx(max(whole, 0.0), abs=1e-6)


def test_improvement_is_sought_where_it_is_expected():
    now = learned(list(range(12)))
    mean, deviation = now.members.mean(axis=0), now.members.std(axis=0, ddof=1)
    gain = expected_improvement(mean, deviation, now.lowest)
    gain[:12] = -1
    assert choose("improvement", now, 4).tolist() == np.argsort(-gain, kind="stable")[:4].tolist()


def test_mixed_takes_turns():
    now = learned(list(range(12)))
    rows = choose("mixed", now, 6).tolist()
    assert rows[0] == choose("d-optimal", now, 1)[0]
    assert rows[1] in choose("uncertainty", now, 2).tolist()
    assert rows[2] in choose("improvement", now, 3).tolist()


def test_rows_that_no_model_tells_apart_come_last():
    twice = np.concatenate([SPREAD, SPREAD])
    labelled = np.zeros(80, dtype=bool)
    labelled[:5] = True
    for strategy in ("d-optimal", "farthest"):
        rows = choose(strategy, Candidates(twice, labelled), 75)
        assert sorted(np.unique(rows[:35] % 40).tolist()) == list(range(5, 40))
        assert len(rows) == 75


def test_without_labels_models_say_nothing():
    wanted = choose("d-optimal", known(), 5).tolist()
    assert all(choose(name, known(), 5).tolist() == wanted for name in ("mixed", "uncertainty", "improvement"))


def test_a_committee_agrees_where_labels_decide():
    committee = RidgeCommittee(seed=3)
    committee.fit(RAW[:30], TARGET[:30])
    members = committee.members(RAW)
    assert members.shape == (16, 40)
    assert np.abs(committee.predict(RAW) - members.mean(axis=0)).max() < 0.3
    far = committee.members(20 * RAW).std(axis=0)
    assert members.std(axis=0).mean() < 0.1 * far.mean()
    left_out = []
    for row in range(30):
        rest = np.delete(np.arange(30), row)
        one = RidgeCommittee(n_members=2)
        one.fit(RAW[rest], TARGET[rest])
        left_out.append(abs(one.predict(RAW[row : row + 1])[0] - TARGET[row]))
    assert committee.left_out_mae == pytest.approx(np.mean(left_out), rel=0.3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: choose("guess", known(), 3), "strategy 'guess': not one of mixed, uncertainty"),
        (lambda: choose("random", known(), 0), "at least 1 arrangement is to be suggested, not 0"),
        (lambda: RidgeCommittee(n_members=1), "1 members have no spread"),
        (lambda: learning_curves(RAW[:3], TARGET[:3], np.ones(3), ["random"]), "3 labelled orbits are too few"),
        (lambda: learning_curves(RAW, TARGET, np.ones(40), ["random"], n=9, budget=8), "rounds of 9 labels do not fit"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.fixture(scope="module")
def curves():
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    return replay(space, "cspbi3_br/chgnet_X6of24", ["uncertainty", "random"], n=4, budget=48, seeds=(0, 1, 2))


def test_suggestions_beat_random_choice(curves):
    needed, by_chance = curves.needed("uncertainty"), curves.needed("random")
    assert (needed <= by_chance).all()
    assert needed.mean() < by_chance.mean()
    early = slice(1, 6)  # 8 to 24 labels
    assert curves.error["uncertainty"][:, early].mean() < 0.7 * curves.error["random"][:, early].mean()


def test_a_replay_holds_its_test_orbits_out(curves):
    assert (curves.n_pool, curves.n_test, curves.n_labels.tolist()) == (482, 121, list(range(4, 49, 4)))
    assert curves.error["random"].shape == (3, 12)
    assert (curves.final < 0.02 * curves.baseline).all()


def test_labels_needed_are_those_from_which_on_the_error_stays_low(curves):
    for row, final, needed in zip(curves.error["random"], curves.final, curves.needed("random"), strict=True):
        good = list(itertools.takewhile(bool, row[::-1] <= 2 * final))
        assert needed == curves.n_labels[-len(good)]
    assert np.isnan(curves.needed("random", factor=1e-6)).all()


def test_learning_curves_are_a_table_a_frame_and_a_figure(curves):
    (table,) = curves.tables()
    assert [row[0] for row in table.rows] == ["uncertainty", "random"]
    assert table.rows[1][3] == "1.00 ± 0.00"
    never = replace(curves, final=0 * curves.final)
    assert never.tables()[0].rows[0][1:4] == ("- - -", "-", "-")
    assert curves.to_dict()["needed"]["random"] == curves.needed("random").tolist()
    frame = curves.to_frame()
    assert len(frame) == 2 * 3 * 12
    assert frame[(frame.strategy == "random") & (frame.labels == 48)]["mae_meV_per_atom"].tolist() == pytest.approx(
        curves.error["random"][:, -1]
    )
    assert "482 orbits" in curves.plot().get_xlabel()


def test_names_of_version_0_1_still_import():
    with pytest.warns(DeprecationWarning, match="sampling.strategies"):
        from matganip.learning.suggest import Known, suggest
    assert (Known, suggest) == (Candidates, choose)
