"""Searches: the true best of enumerated spaces, the canonical ensemble, checkpoints, counts, and the public call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import matganip as mg
from matganip.errors import InputError
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.sampling.chains import Search, SearchSettings, swapped
from matganip.sampling.scored_orbits import ScoredOrbits
from matganip.sampling.search_checkpoint import read_checkpoint, write_checkpoint


@pytest.fixture(scope="module")
def diffraction() -> LatticeDiffraction:
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    return LatticeDiffraction(space, domain="patterson", cutoff=9.0, order=3)


def crooked(diffraction: LatticeDiffraction):
    """A model that no linear function of the columns is: their products, and a bend; and how often it was asked."""
    asked: list[int] = []
    random = np.random.default_rng(7)
    pairs, bend = random.standard_normal((2, diffraction.n_peaks))
    triplets = random.standard_normal(diffraction.n_triplets)

    def score(occupations: np.ndarray) -> np.ndarray:
        asked.append(len(occupations))
        peaks = diffraction.peaks(occupations)
        linear = peaks.intensity @ pairs / 100 + peaks.triplets @ triplets / 100
        return 0.05 * linear + 0.02 * np.tanh(30 * (peaks.intensity @ bend / 100 - 0.3 * linear))

    return score, asked


def lowest_of(space, score) -> float:
    return min(float(np.round(score(batch.occupations), 7).min()) for batch in space.orbits())


@pytest.mark.parametrize(
    ("changes", "n_steps"),
    [
        ({}, 25),
        ({"method": "annealing", "cycle": 20}, 40),
        ({"guided": False, "n_chains": 16}, 120),
        ({"n_chains": 5}, 60),
    ],
    ids=["tempering", "annealing", "unguided", "few"],
)
def test_the_true_best_of_603(diffraction, changes, n_steps) -> None:
    score, asked = crooked(diffraction)
    wanted = lowest_of(diffraction.space, score)
    asked.clear()
    search = Search(diffraction, score, SearchSettings(seed=1, **changes))
    steps = list(search.run(n_steps, max_scored=450))
    assert search.scored.best[0].energy == wanted
    assert sum(asked) == search.scored.n_scored  # no orbit was sent twice
    assert len({one.occupation for one in search.scored.best}) == len(search.scored.best) == 20
    energies = [one.energy for one in search.scored.best]
    assert energies == sorted(energies)
    assert 0 < steps[-1].step_rate <= 1
    canonical = diffraction.space.canonical(
        np.array([np.frombuffer(one.occupation, np.uint8) for one in search.scored.best])
    ).occupations
    assert [row.tobytes() for row in canonical] == [one.occupation for one in search.scored.best]


def test_a_large_space_in_few_scores_from_every_seed() -> None:
    """9 Br on 36 sites, 539,988 orbits; the best by a model that is linear is known by solving pairs apart."""
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 3), {"I": {"Br": 9}})
    diffraction = LatticeDiffraction(space, domain="patterson", cutoff=7.0)
    weights = np.random.default_rng(4).standard_normal(diffraction.n_peaks)

    def score(occupations: np.ndarray) -> np.ndarray:
        return diffraction.peaks(occupations).intensity @ weights / 100

    best = set()
    for seed in range(3):
        search = Search(diffraction, score, SearchSettings(seed=seed, n_chains=16))
        for progress in search.run(25):
            assert progress.n_scored < 0.02 * 539_988
        best.add(search.scored.best[0].energy)
    assert len(best) == 1


def test_the_model_decides_whatever_the_guide_says(diffraction) -> None:
    """Chains at one temperature meet orbits as exp(-E / kT) has it, though the guide knows but half of E."""
    score, _ = crooked(diffraction)
    batch = next(diffraction.space.orbits())
    energy = np.round(score(batch.occupations), 7)
    kelvin = 600.0
    weight = batch.multiplicity * np.exp(-(energy - energy.min()) / (8.617333e-5 * kelvin))
    wanted = float(weight @ energy / weight.sum())
    settings = SearchSettings(n_chains=64, n_swaps=5, temperatures=(kelvin, kelvin), seed=3)
    search = Search(diffraction, score, settings)
    means = []
    while search.step < 60:  # not `run`, which ends when all orbits are known
        if search.step == 0:
            search._start(603)
        search._advance(10**6)
        means.append(search._energy.mean())
    spread = np.sqrt(weight @ (energy - wanted) ** 2 / weight.sum())
    assert np.mean(means[15:]) == pytest.approx(wanted, abs=4 * spread / np.sqrt(64 * 45 / 5))


def test_resuming_is_the_same_as_never_stopping(diffraction, tmp_path: Path) -> None:
    score, _ = crooked(diffraction)

    def state_of(search: Search) -> dict[str, bytes]:
        return {name: array.tobytes() for name, array in search.arrays().items()}

    for method in ("tempering", "annealing"):
        settings = SearchSettings(seed=5, n_chains=16, method=method, cycle=6)
        whole = Search(diffraction, score, settings)
        list(whole.run(14))
        half = Search(diffraction, score, settings)
        list(half.run(5))
        write_checkpoint(tmp_path / "half.npz", half, "model")
        rest = Search(diffraction, score, settings)
        read_checkpoint(tmp_path / "half.npz", rest, "model")
        list(rest.run(14))
        assert state_of(whole) == state_of(rest)


def test_a_checkpoint_of_something_else_is_refused(diffraction, tmp_path: Path) -> None:
    score, _ = crooked(diffraction)
    path = tmp_path / "search.npz"
    search = Search(diffraction, score, SearchSettings(n_chains=4))
    list(search.run(2))
    write_checkpoint(path, search, "model")
    for settings, model, message in (
        (SearchSettings(n_chains=4), "other", "another model"),
        (SearchSettings(n_chains=4, seed=1), "model", "seed = 0, not 1"),
        (SearchSettings(n_chains=8), "model", "n_chains = 4, not 8"),
    ):
        with pytest.raises(InputError, match=message):
            read_checkpoint(path, Search(diffraction, score, settings), model)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="damaged"):
        read_checkpoint(path, search, "model")
    with pytest.raises(InputError, match="cannot be read"):
        read_checkpoint(tmp_path / "none.npz", search, "model")


def test_memory_is_bounded(diffraction) -> None:
    score, asked = crooked(diffraction)
    scored = ScoredOrbits(diffraction.space, score, SearchSettings().key, top=5, size=100)
    rows = next(diffraction.space.orbits()).occupations
    for k in range(0, 600, 50):
        scored.energies(rows[k : k + 50], np.zeros(50, dtype=np.int64), step=k)
    assert len(scored.arrays()["known"]) == 100
    assert len(scored.best) == 5
    energy, new = scored.energies(rows[[0, 1, 0]], np.zeros(3, dtype=np.int64), step=9)
    assert new.tolist() == [True, True, False]  # forgotten, and scored again
    assert energy[0] == energy[2]
    assert sum(asked) == scored.n_scored == 602


def test_swaps_of_two_sublattices_stay_within_them() -> None:
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 1, 1), {"I": {"Br": 2}, "Pb": {"Sn": 1}})
    row = space.sample_configurations(1).occupations[0]
    rows = swapped(row, space.sublattices)
    assert len(rows) == 2 * 4 + 1 * 1
    space.canonical(rows)  # all of the space's composition


def test_refusals() -> None:
    for changes, message in (
        ({"method": "genetic"}, "'tempering' or 'annealing'"),
        ({"n_chains": 0}, "n_chains"),
        ({"temperatures": (300.0, 10.0)}, "lower one first"),
        ({"select": "best"}, "'lowest', 'highest' or 'nearest'"),
        ({"select": "nearest"}, "target, in eV per supercell"),
        ({"target": 1.0}, "belongs to select = nearest"),
    ):
        with pytest.raises(InputError, match=message):
            SearchSettings(**changes)


@pytest.mark.parametrize(("n_br", "n_orbits"), [(0, 1), (1, 1), (2, 7)])
def test_tiny_spaces_end_when_all_is_scored(n_br, n_orbits) -> None:
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": n_br}})
    diffraction = LatticeDiffraction(space, resolution="resolved")
    search = Search(diffraction, lambda rows: diffraction.peaks(rows).intensity.sum(axis=1))
    for _ in search.run(50):
        pass
    assert search.scored.n_scored == n_orbits == len(search.scored.best)


@pytest.fixture(scope="module")
def trained(space_3of24) -> mg.Model:
    return mg.train(space_3of24, "cspbi3_br/chgnet_X3of24", network={"epochs": 5}, train_size=1.0)


@pytest.mark.parametrize("select", ["lowest", "highest", "nearest"])
def test_a_search_ranks_by_what_is_asked_for(trained, space_6of24, select) -> None:
    scorer = trained.scorer(space_6of24)
    batch = next(space_6of24.orbits())
    energy = scorer.predict(scorer.features(batch.occupations)).energy
    target = float(np.round(np.median(energy), 3)) if select == "nearest" else None
    key = {"lowest": energy, "highest": -energy}.get(select, np.abs(energy - (target or 0)))
    found = mg.search(trained, space_6of24, select=select, target=target, n_steps=100, top=5, seed=1)
    assert found.energy == pytest.approx(energy[np.argsort(key, kind="stable")[:5]], abs=1e-9)
    assert select in found.tables()[0].title
    assert found.history[-1, 1] == found.energy[0]
    assert (found.space, len(found.to_frame())) == (space_6of24, 5)


def test_a_search_in_memory_is_that_of_the_folder_and_resumes(trained, space_6of24, tmp_path: Path) -> None:
    trained.save(tmp_path / "model")
    seen = []
    whole = mg.search(trained, space_6of24, n_steps=8, n_chains=8, progress=lambda *now: seen.append(now[:3]))
    checkpoint = tmp_path / "search.npz"
    half = mg.search(tmp_path / "model", space_6of24, n_steps=3, n_chains=8, checkpoint=checkpoint)
    rest = mg.search(trained, space_6of24, n_steps=8, n_chains=8, checkpoint=checkpoint, resume=True)
    assert (half.n_steps, whole.n_steps) == (3, 8)
    assert rest.to_dict() == whole.to_dict()
    assert rest.history.tolist() == whole.history.tolist()
    for found, name in ((whole, "whole"), (rest, "rest")):
        found.write(tmp_path / f"{name}.parquet")
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "rest.parquet").read_bytes()
    assert seen == [("search", step, 8) for step in range(1, 9)]
    assert whole.plot().get_xlabel() == "orbits scored"
    with pytest.raises(InputError, match="unknown key 'steps'"):
        mg.search(trained, steps=8)
    with pytest.raises(InputError, match="resume needs the checkpoint"):
        mg.search(trained, resume=True)


def test_energies_per_atom_leave_vacancies_out(cspbi3) -> None:
    space = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"O": {"vac": 2}})
    labels = mg.label(space, "toy_calculators:Pairs").labels
    model = mg.train(space, labels, diffraction={"cutoff": 6.0, "n_peaks": 12}, network={"epochs": 2}, train_size=1.0)
    found = mg.search(model, n_steps=10, top=len(labels.energy))
    assert found.n_scored == len(labels.energy)
    assert found.energy == pytest.approx(np.sort(labels.energy), abs=0.02)
    shown = [float(row[2]) for row in found.tables()[0].rows]
    assert shown == pytest.approx(found.energy / 38, abs=1e-6)
    assert found.relative == pytest.approx((found.energy - found.energy[0]) * 1000 / 38)


def test_results_show_themselves_in_a_notebook(trained, space_6of24) -> None:
    page = mg.search(trained, space_6of24, n_steps=5, top=3)._repr_html_()
    assert page.count("<tr>") == 4
    assert "A search proves nothing" in page
    assert "data:image/png;base64," in page
