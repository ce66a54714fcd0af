from __future__ import annotations

import re

import numpy as np
import pytest
from ase.calculators.fd import calculate_numerical_forces
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure
from toy_calculators import Pairs

import matganip as mg
from matganip.errors import InputError
from matganip.labels import calculators
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.database import LabelDatabase
from matganip.labels.joining import join_structures
from matganip.labels.labelling import Labeller, estimate_labelling, label
from matganip.labels.relaxing import Calculating, RelaxationSettings
from matganip.processes import WorkerPool

PAIRS = CalculatorChoice("toy_calculators:Pairs", {"decay": 1.5})


@pytest.fixture
def database(tmp_path):
    return LabelDatabase(tmp_path / "labels.db")


@pytest.fixture(scope="module")
def batch(space_3of24):
    return next(space_3of24.orbits())


def tally_of(batch, calculator, database, **options):
    """Label, and give what came of the one composition."""
    (one,) = label(batch, calculator, database, **options).compositions
    return one.tally


def energies(batch):
    """What the toy calculator says of each orbit, without any of our code between."""
    found = []
    for atoms in batch.atoms():
        atoms.calc = Pairs()
        found.append(atoms.get_potential_energy())
    return found


@pytest.mark.parametrize("n_workers", [0, 2])
def test_all_orbits_are_labelled_once(database, batch, n_workers):
    heard = []
    tally = tally_of(batch, PAIRS, database, workers=n_workers, progress=lambda *now: heard.append(now[1]))
    assert (tally.n_orbits, tally.n_there, tally.n_stored, tally.n_failed) == (19, 0, 19, 0)
    assert heard == list(range(1, 20))
    assert database.labelled(batch.space).energy == pytest.approx(energies(batch), abs=1e-9)
    again = tally_of(batch, PAIRS, database, workers=n_workers)
    assert (again.n_there, again.n_missing, again.n_stored) == (19, 0, 0)


def test_a_second_start_does_the_rest(database, batch):
    half = mg.ConfigurationBatch(batch.space, batch.occupations[::2], batch.multiplicity[::2])
    assert tally_of(half, PAIRS, database).n_stored == 10
    tally = tally_of(batch, PAIRS, database)
    assert (tally.n_there, tally.n_stored) == (10, 9)
    assert database.labelled(batch.space).energy == pytest.approx(energies(batch), abs=1e-9)


def test_what_another_process_does_meanwhile_is_not_done_again(database, batch):
    def meddle(step, done, total, detail):
        if done == 5:
            label(batch, PAIRS, database)

    tally = tally_of(batch, PAIRS, database, progress=meddle)
    assert (tally.n_stored, tally.n_elsewhere) == (5, 14)


@pytest.mark.parametrize("n_workers", [0, 2])
def test_a_calculator_that_raises_on_some_is_told_of_and_the_rest_is_stored(database, batch, n_workers):
    choice = CalculatorChoice("toy_calculators:OneInTen")
    expected = [round(energy * 1e6) % 10 == 0 for energy in energies(batch)]
    assert 0 < sum(expected) < 8
    tally = tally_of(batch, choice, database, workers=n_workers)
    assert (tally.n_stored, tally.n_failed) == (19, sum(expected))
    assert tally.errors == {"RuntimeError: SCF did not find its way": sum(expected)}
    assert len(database.labelled(batch.space)) == 19 - sum(expected)
    again = tally_of(batch, choice, database, workers=n_workers)  # they are tried once more, and fail once more
    assert (again.n_there, again.n_failed, again.n_elsewhere) == (19 - sum(expected), sum(expected), 0)


def test_a_calculator_that_ends_its_process_costs_that_structure_only(database, batch):
    expected = [round(energy * 1e6) % 10 == 0 for energy in energies(batch)]
    tally = tally_of(batch, CalculatorChoice("toy_calculators:Crashing"), database, workers=2)
    assert (tally.n_stored, tally.n_failed) == (19, sum(expected))
    assert list(tally.errors) == ["the calculator ended its process: exit status 3"]


@pytest.mark.parametrize("n_workers", [0, 1])
def test_a_calculator_that_never_works_is_given_up(database, batch, n_workers):
    with pytest.raises(mg.InputError, match="the first 5 structures all failed, the last one with Runtime"):
        label(batch, CalculatorChoice("toy_calculators:Broken"), database, workers=n_workers)


def test_an_energy_that_is_no_number_is_a_failure(batch):
    choice = CalculatorChoice("toy_calculators:NotANumber")
    found = Calculating(choice, RelaxationSettings(), ".")(batch.space.structure(batch.occupations[0]))
    assert (found.energy, found.converged, found.error) == (None, False, "the energy is nan")


@pytest.mark.parametrize("n_workers", [0, 2])
@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("toy_calculators:Nobody", {}, "cannot be made: AttributeError: .*no attribute 'Nobody'"),
        ("no_such_module:Pairs", {}, "cannot be made: ModuleNotFoundError: No module named 'no_such_module'"),
        ("toy_calculators:Pairs", {"colour": 1}, "cannot be made: TypeError: .*colour"),
    ],
)
def test_a_calculator_that_cannot_be_made_is_named(database, batch, n_workers, name, settings, message):
    with pytest.raises(mg.InputError, match=f"calculator {name}: {message}"):
        label(batch, CalculatorChoice(name, settings), database, workers=n_workers)


def test_bad_names_and_settings_are_refused(database, batch):
    with pytest.raises(
        mg.InputError, match="'chgnut' is no calculator: neither one of chgnet, sevennet, gpaw, espresso nor an import"
    ):
        CalculatorChoice("chgnut")
    with pytest.raises(mg.InputError, match="program is recorded automatically"):
        CalculatorChoice("toy_calculators:Pairs", {"program": "x"})
    with pytest.raises(mg.MissingExtraError, match="sevenn is not installed: pip install sevenn"):
        label(batch, CalculatorChoice("sevennet"), database)
    for given, message in [
        ({"kind": "all"}, "kind = 'all': input should be 'static', 'positions' or 'cell'"),
        ({"fmax": 0.0}, "fmax = 0.0: input should be greater than 0"),
        ({"optimizer": "Newton"}, "optimizer = 'Newton': input should be 'BFGS', "),
    ]:
        with pytest.raises(mg.InputError, match=message):
            RelaxationSettings(**given)


def test_where_gpaw_computes_is_not_what_it_computes(monkeypatch):
    """A database that was begun on a CPU goes on on a GPU: the energies are the same (docs/labels.md)."""
    monkeypatch.setattr(calculators, "version", lambda package: "26.7.0")
    there = CalculatorChoice("gpaw", {"kpts": [4, 4, 4], "parallel": {"gpu": True}, "txt": "-"})
    assert there.recorded == {"xc": "PBE", "kpts": [4, 4, 4], "program": "gpaw 26.7.0"}
    assert there.settings["parallel"] == {"gpu": True}  # it is still told


# -- relaxations -----------------------------------------------------------------------------------------------


def test_the_toy_calculators_forces_are_those_of_its_energy(batch):
    atoms = next(batch.atoms())
    atoms.rattle(0.05, seed=1)
    atoms.calc = Pairs()
    numeric = calculate_numerical_forces(atoms, eps=1e-4, iatoms=[0, 17])
    assert atoms.get_forces()[[0, 17]] == pytest.approx(numeric, abs=1e-6)


EMT = CalculatorChoice("ase.calculators.emt:EMT")


@pytest.fixture(scope="module")
def alloy():
    """2 Au of 8 Cu: effective medium theory knows them, and what it relaxes is near where it began."""
    copper = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.7), ["Cu"], [[0, 0, 0]])
    return next(mg.ConfigurationSpace(copper, (2, 1, 1), {"Cu": {"Au": 2}}).orbits())


def shaken(alloy):
    structure = alloy.space.structure(alloy.occupations[1])
    for atom, way in enumerate(np.random.default_rng(4).normal(scale=0.05, size=(8, 3))):
        structure.translate_sites([atom], way, frac_coords=False)
    return structure


@pytest.mark.parametrize("relaxation", ["positions", "cell"])
def test_a_relaxation_ends_below_its_threshold_with_what_was_to_move(alloy, relaxation):
    start = shaken(alloy)
    before = Calculating(EMT, RelaxationSettings(), ".")(start)
    found = Calculating(EMT, RelaxationSettings(relaxation, fmax=0.01, optimizer="FIRE2"), ".")(start)
    assert found.converged
    assert found.n_steps > 0
    assert found.energy < before.energy - 1e-3
    assert np.linalg.norm(found.forces, axis=1).max() <= 0.01
    assert np.allclose(found.structure.lattice.matrix, start.lattice.matrix) == (relaxation == "positions")
    assert found.settings["optimizer"] == "FIRE2"
    assert found.settings_hash != before.settings_hash


def test_the_energy_may_be_asked_to_settle_too(alloy):
    forces_alone = Calculating(EMT, RelaxationSettings("positions", fmax=0.1), ".")(shaken(alloy))
    both = Calculating(EMT, RelaxationSettings("positions", fmax=0.1, energy_change=1e-8), ".")(shaken(alloy))
    assert forces_alone.converged
    assert both.converged
    assert both.n_steps > forces_alone.n_steps


def test_what_does_not_converge_is_stored_as_such_and_not_trained_on(database, alloy):
    hasty = RelaxationSettings("cell", fmax=1e-6, max_steps=1)
    n = len(alloy)
    tally = tally_of(alloy, EMT, database, relax=hasty)
    assert (tally.n_stored, tally.n_unconverged, tally.n_failed) == (n, n, 0)
    with pytest.raises(mg.InputError, match=f"none of the {n} labels of .* is converged"):
        database.labelled(alloy.space)
    assert len(database.labelled(alloy.space, unconverged=True)) == n
    assert tally_of(alloy, EMT, database, relax=hasty).n_there == n
    assert tally_of(alloy, EMT, database, relax=hasty, retry=True).n_missing == n


def test_a_timed_first_one_stores_nothing(database, batch):
    choice = CalculatorChoice("toy_calculators:Pairs", {"nap": 0.05})
    estimate = estimate_labelling(batch, choice, database, workers=3)
    (one,) = estimate.compositions
    assert (one["orbits"], one["missing"]) == (19, 19)
    assert 0.05 < one["seconds_an_orbit"] < 1.0
    assert one["seconds"] == pytest.approx(one["seconds_an_orbit"] * 19 / 3)
    assert not database.path.exists()


# -- the public call ---------------------------------------------------------------------------------------------


def test_labels_in_memory_are_those_of_a_database(database, batch):
    in_memory = label(batch.space, "toy_calculators:Pairs", settings={"decay": 1.5})
    assert in_memory.database is None
    assert in_memory.labels.energy == pytest.approx(energies(batch), abs=1e-9)
    assert label(batch.space, PAIRS, database).labels.energy.tolist() == in_memory.labels.energy.tolist()
    assert in_memory.to_dict()["labelled_now"] == 19
    frame = in_memory.to_frame()
    assert frame["energy_eV_per_atom"].tolist() == pytest.approx((in_memory.labels.energy / 40).tolist())
    assert "Pairs" in str(in_memory)
    assert "<table>" in in_memory._repr_html_()
    assert in_memory.plot().patches


def test_a_random_sample_of_several_compositions_is_labelled_by_workers_that_start_once(database, cspbi3, monkeypatch):
    started = []
    start = WorkerPool.start
    monkeypatch.setattr(WorkerPool, "start", lambda pool: (started.append(pool), start(pool)))
    series = mg.CompositionSeries(cspbi3, (2, 2, 2), {"I": {"Br": [1, 2, 3, 4]}})
    done = label(series, PAIRS, database, n=5, workers=2)
    assert [one.tally.n_stored for one in done.compositions] == [1, 5, 5, 5]
    assert len(started) == 2
    assert [len(one.labelled) for one in done.compositions] == [1, 5, 5, 5]
    with pytest.raises(mg.InputError, match="of several compositions"):
        _ = done.labels


def test_structures_from_elsewhere_are_labelled_by_their_orbits(batch):
    moved = [one.translate_sites(range(40), [0.21, 0.4, 0.07]) for one in batch[[3, 5, 3]].structures()]
    done = label(join_structures(batch.space, moved), PAIRS)
    assert (done.compositions[0].tally.n_orbits, done.compositions[0].tally.n_stored) == (2, 2)
    assert sorted(done.labels.energy) == pytest.approx(sorted(np.array(energies(batch))[[3, 5]]), abs=1e-9)


def test_a_calculator_may_be_a_class_or_an_object(database, batch):
    by_class = label(batch, Pairs, database, settings={"decay": 1.4})
    assert database.sets()[0].calculator == "toy_calculators:Pairs"
    by_object = label(batch, Pairs(decay=1.4), settings={"decay": 1.4})
    assert by_object.labels.energy == pytest.approx(by_class.labels.energy, abs=1e-12)
    assert by_object.settings_hash == by_class.settings_hash
    by_closure = label(batch, lambda: Pairs(decay=1.4), settings={"decay": 1.4})
    assert by_closure.labels.energy == pytest.approx(by_class.labels.energy, abs=1e-12)
    with pytest.raises(mg.InputError, match="an object does not say what its energies depend on"):
        label(batch, Pairs(decay=1.4))
    with pytest.raises(mg.InputError, match="cannot be sent to other processes .*; use workers=0"):
        label(batch, lambda: Pairs(), settings={}, workers=1)


def test_workers_stay_from_one_call_to_the_next(database, batch):
    with Labeller(PAIRS, database, n_workers=2) as labeller:
        (first,) = labeller.label([batch[:7]])
        processes = {worker.process.pid for worker in labeller.pool._pool.workers.values()}
        (second,) = labeller.label([batch])
        assert (first.n_stored, second.n_there, second.n_stored) == (7, 7, 12)
        assert {worker.process.pid for worker in labeller.pool._pool.workers.values()} == processes
    assert database.labelled(batch.space).energy == pytest.approx(energies(batch), abs=1e-9)


def test_an_idle_worker_that_is_killed_is_replaced(database, batch):
    with Labeller(PAIRS, database, n_workers=2) as labeller:
        labeller.label([batch[:7]])
        next(iter(labeller.pool._pool.workers.values())).process.kill()
        (rest,) = labeller.label([batch])
        assert rest.n_stored == 12
        assert rest.n_failed <= 1  # it may have been given a structure before its end was noticed


def test_starts_differ_repeat_and_are_labels_of_their_own(alloy):
    start = alloy.space.structure(alloy.occupations[0])

    def relaxed(**settings):
        return Calculating(EMT, RelaxationSettings(kind="positions", fmax=0.5, **settings), ".")(start)

    first, again, other = (relaxed(rattle=0.1, start=k) for k in (0, 0, 1))
    assert first.energy == again.energy != other.energy
    hashes = {relaxed().settings_hash, first.settings_hash, other.settings_hash}
    assert len(hashes) == 3
    assert "rattle" not in relaxed().settings
    with pytest.raises(InputError, match="without rattle"):
        RelaxationSettings(start=1)


def test_an_atom_that_left_its_site_is_named(alloy):
    start = alloy.space.structure(alloy.occupations[0])
    settings = RelaxationSettings(kind="positions", fmax=5.0, rattle=0.2, max_displacement=0.05)
    found = Calculating(EMT, settings, ".")(start)
    assert found.energy is None
    assert re.match(r"atom \d+ \((Cu|Au)\) moved 0\.\d\d angstrom from its site, more than", found.error)
