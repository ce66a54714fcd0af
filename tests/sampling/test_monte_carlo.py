"""Monte Carlo against full enumeration, Onsager's solution and a series, and as a user calls it."""

import itertools

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from scipy.special import ellipk, logsumexp

import matganip as mg
from matganip.errors import InputError
from matganip.features.lattice.lattice_gas import Interactions, LatticeGas
from matganip.features.lattice.shared_clusters import SharedClusters
from matganip.learning.interactions import lattice_gas
from matganip.sampling.flat_composition import flat_composition
from matganip.sampling.ladder import run_ladder
from matganip.thermodynamics.coexistence import coexisting
from matganip.thermodynamics.reweighting import Reweighting

FCC = Structure(Lattice([[0, 2, 2], [2, 0, 2], [2, 2, 0]]), ["Ag"], [[0, 0, 0]])


def quiet(*_):
    pass


def ising(cell, dimension):
    """The ferromagnet with J = 1 and no field: Ag is down, Pd up."""
    lattice = Lattice.tetragonal(3.0, 3.0 if dimension == 3 else 9.0)
    space = mg.ConfigurationSpace(Structure(lattice, ["Ag"], [[0, 0, 0]]), cell, {"Ag": {"Pd": 0}})
    clusters = SharedClusters.of(space, 3.1, None)
    assert clusters.size.tolist() == [1, dimension]
    return LatticeGas(space, Interactions(clusters, np.array([4.0 * dimension, -4.0]), -float(dimension)))


def all_rows(space):
    return np.array(list(itertools.product(*(range(len(space.species[k])) for k in space.sublattices))), dtype=np.uint8)


def random_gas(cell, substitutions, seed=0, scale=0.03):
    space = mg.ConfigurationSpace(FCC, cell, substitutions)
    clusters = SharedClusters.of(space, 4.1, 2.9)
    return LatticeGas(
        space, Interactions(clusters, np.random.default_rng(seed).normal(0, scale, len(clusters.size)), -1.0)
    )


def onsager(k):
    """Energy per site of the infinite square lattice (Phys. Rev. 65, 117 (1944))."""
    modulus = 2.0 * np.sinh(2 * k) / np.cosh(2 * k) ** 2
    return -(1 + 2 / np.pi * (2 * np.tanh(2 * k) ** 2 - 1) * ellipk(modulus**2)) / np.tanh(2 * k)


def series(k):
    """The same of the simple cubic lattice, from ln Z = ln 2 + 3 ln cosh K + 3 v^4 + 22 v^6 + 187.5 v^8 + 1980 v^10."""
    v = np.tanh(k)
    return -(3 * v + (12 * v**3 + 132 * v**5 + 1500 * v**7 + 19800 * v**9) * (1 - v**2))


@pytest.mark.parametrize(
    ("cell", "dimension", "beta", "exact"),
    [((24, 24, 1), 2, 0.35, onsager(0.35)), ((10, 10, 10), 3, 0.12, series(0.12))],
)
def test_ising_ferromagnets_have_the_known_energy(cell, dimension, beta, exact):
    gas = ising(cell, dimension)
    start = np.random.default_rng(0).integers(0, 2, (2, gas.space.n_sites), dtype=np.uint8)
    from matganip.features.lattice.swaps import seeded_generators

    walked = gas.walk(
        start, seeded_generators(3, 2), np.full(2, beta), n_records=1200, n_trials=gas.space.n_sites, changes=1.0
    )
    energy = walked.energy[:, 200:] / gas.space.n_sites
    blocks = energy.reshape(2 * 20, -1).mean(axis=1)
    error = blocks.std(ddof=1) / np.sqrt(len(blocks))
    assert abs(blocks.mean() - exact) < max(4 * error, 1e-3)
    assert error < 0.006


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("substitutions", [{"Ag": {"Pd": 4}}, {"Ag": {"Pd": 3, "Au": 2}}])
def test_averages_and_free_energies_are_those_of_all_arrangements(free, substitutions):
    gas = random_gas((2, 2, 2), substitutions)
    space = gas.space
    field = gas.field({"Pd": 0.04} if free else {})
    rows = all_rows(space)
    if not free:
        counts = np.stack([(rows == code).sum(axis=1) for code in range(len(space.species[0]))], axis=1)
        rows = rows[(counts == np.array(space.counts[0])).all(axis=1)]
    enthalpy = gas.energy(rows) + field[0][rows].sum(axis=1)
    start = rows[np.random.default_rng(1).integers(len(rows), size=4)]
    ladder = run_ladder(
        gas, start, 25.0, field=field, changes=0.5 if free else 0.0, n_sweeps=800, n_equilibrate=100, seed=1,
        num_threads=1, told=quiet,
    )  # fmt: skip
    solved = Reweighting.of(ladder.beta, ladder.enthalpy.reshape(len(ladder.beta), -1), np.log(len(rows)))
    for beta in (3.0, 12.0, 25.0):
        logs, found = solved.log_weights(beta)
        weight = np.exp(-beta * (enthalpy - enthalpy.min()))
        assert np.exp(logs) @ solved.samples == pytest.approx(weight @ enthalpy / weight.sum(), abs=0.006)
        assert found == pytest.approx(-logsumexp(-beta * enthalpy), abs=0.12)
    assert ladder.lowest_enthalpy == pytest.approx(enthalpy.min())


def test_free_energies_of_every_composition_are_those_of_all_arrangements():
    gas = random_gas((2, 2, 2), {"Ag": {"Pd": 0}}, seed=3)
    rows, pd = all_rows(gas.space), gas.space.species[0].index("Pd")
    energy, number = gas.energy(rows), (rows == pd).sum(axis=1)
    beta = np.array([5.0, 12.0])
    found = flat_composition(gas, (0, pd), beta, n_sweeps=1500, n_groups=4, seed=0, num_threads=1, told=quiet)
    for k in range(2):
        exact = np.array([logsumexp(-beta[k] * energy[number == n]) for n in range(9)])
        mean = found.log_weight[:, k].mean(axis=0)
        error = found.log_weight[:, k].std(axis=0, ddof=1) / 2
        assert (np.abs(mean - exact) < np.maximum(5 * error, 0.02)).all()
        assert mean[[0, 8]] == pytest.approx(exact[[0, 8]])
        mixed = np.array(
            [np.average(energy[number == n], weights=np.exp(-beta[k] * energy[number == n])) for n in range(9)]
        )
        np.testing.assert_allclose(np.nanmean(found.energy[:, k], axis=0), mixed, atol=0.01)


def test_coexistence_is_found_where_a_valley_is_and_nowhere_else():
    n = np.arange(201)
    one_peak = -((n - 60.0) ** 2) / 300
    assert coexisting(one_peak) == ()
    tilt = 0.3 * n
    (found,) = coexisting(np.logaddexp(one_peak, -((n - 150.0) ** 2) / 300) + tilt)
    assert (found.first, found.second) == (pytest.approx(60, abs=0.1), pytest.approx(150, abs=0.1))
    assert found.potential == pytest.approx(-0.3, abs=1e-6)


@pytest.fixture(scope="module")
def alloy():
    """A model of energies that are a sum over neighbours: unlike atoms attract."""
    structures, energies = [], []
    for batch in mg.derivative_structures(FCC, {"Ag": ["Ag", "Pd"]}, max_volume=4):
        for structure in batch.structures():
            centres, points, _, _ = structure.get_neighbor_list(2.9)
            unlike = sum(structure[i].specie != structure[j].specie for i, j in zip(centres, points, strict=True))
            structures.append(structure)
            energies.append(-0.01 * unlike - 0.5 * sum(site.specie.symbol == "Pd" for site in structure))
    space = mg.ConfigurationSpace(FCC, (1, 1, 1), {"Ag": {"Pd": 0}})
    return mg.train(space, mg.LabelledStructures.of(structures, energies))


def test_monte_carlo_of_a_model(alloy):
    space = alloy.space((2, 2, 2), {"Ag": {"Pd": 4}})
    found = mg.monte_carlo(alloy, space, [200, 400, 900], n_sweeps=400, n_groups=4, num_threads=1)
    exact = mg.thermo(alloy, space, [200, 400, 900])
    frame = found.to_frame()
    functions = exact.functions
    for k in range(3):
        assert abs(frame.U_eV[k] - functions.energy[k]) < 5 * frame.U_eV_error[k] + 1e-6
        assert abs(frame.F_eV[k] - functions.free_energy[k]) < 5 * frame.F_eV_error[k] + 1e-6
    assert found.points[0].lowest_enthalpy == pytest.approx(functions.ground, abs=1e-6)
    grid = np.linspace(200, 900, 701)
    exact_peak = grid[np.argmax(mg.thermo(alloy, space, grid).functions.heat_capacity)]
    peak, error = found.points[0].peak
    assert abs(peak - exact_peak) < 5 * error + 12
    assert "Pd4 Ag4" in str(found)
    assert found.to_dict()["points"][0]["averages"][0]["T_K"] == 200.0
    again = mg.monte_carlo(alloy, space, [200, 400, 900], n_sweeps=400, n_groups=4, num_threads=2)
    assert again.to_dict() == found.to_dict()


def test_chemical_potentials_move_the_composition(alloy):
    found = mg.monte_carlo(
        alloy, alloy.space((2, 2, 2), {"Ag": {"Pd": 0}}), [600], chemical_potentials={"Pd": [-0.8, -0.5, -0.2]},
        n_sweeps=100, n_groups=2,
    )  # fmt: skip
    shares = found.to_frame().n_Pd_0 / 8
    assert shares[0] < 0.35 < shares[1] < 0.65 < shares[2]
    assert shares[1] == pytest.approx(0.5, abs=0.05)
    assert found.points[0].lowest.composition["Ag"] > 0


def test_the_phase_diagram_of_an_alloy_that_orders_and_of_one_that_separates(alloy):
    hot = mg.phase_diagram(alloy, (2, 2, 2), [900], n_sweeps=200, n_groups=2)
    assert hot.phases == ()
    assert hot.mean_fraction(np.array([-0.5]))[0, 0] == pytest.approx(0.5, abs=0.03)
    from dataclasses import replace

    solved = alloy.predictor
    parting = mg.Model(replace(solved, slope=-solved.slope, offset=0.0), alloy.card)
    found = mg.phase_diagram(parting, (3, 3, 3), [300, 600], n_sweeps=200, n_groups=2)
    (one,) = [phase for phase in found.phases if phase.temperature == 300.0]
    assert one.fractions[0] < 0.1
    assert one.fractions[1] > 0.9
    assert one.fractions[0] == pytest.approx(1 - one.fractions[1], abs=0.02)
    assert one.potential == pytest.approx(0.5, abs=0.01)
    assert len(found.to_frame()) == 2 * 28
    assert "27 sites for Pd" in str(found)
    short = mg.phase_diagram(parting, (4, 4, 4), [60], n_sweeps=100, n_groups=2)
    assert short.phases == ()
    assert short.unvisited
    assert "no walk has been at all compositions" in str(short)
    assert short.tables()[0].rows[0][1] == "not all compositions were visited"  # not "one phase"


@pytest.mark.parametrize("triplets", [False, True])
def test_a_model_of_the_patterson_function_is_a_sum_over_clusters(triplets):
    cell = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    diffraction = {"cutoff": 6.3, "triplets": triplets, "n_peaks": 60}
    model = mg.train(cell, "cspbi3_br/chgnet_X6of24", diffraction=diffraction)
    assert model.predictor.kind == "linear"
    for cells, number in (((2, 2, 2), 6), ((3, 2, 1), 5)):
        space = model.space(cells, {"I": {"Br": number}})
        drawn = space.sample_orbits(20, seed=0)
        predicted = model.predict(drawn).energy
        np.testing.assert_allclose(lattice_gas(model, space).energy(drawn.occupations), predicted, atol=1e-6)


def test_ground_states_are_those_of_neighbours_that_attract(alloy, tmp_path):
    found = mg.ground_states(alloy, 4)
    assert [round(float(found.fraction[row]), 3) for row in found.hull] == [0.0, 0.25, 0.5, 0.75, 1.0]
    # L1_2 has 6 unlike bonds an atom of the four, L1_0 has 4 of 6: -0.02 eV a bond
    by_x = {round(float(found.fraction[row]), 3): float(found.mixing[row]) for row in found.hull}
    assert by_x[0.25] == pytest.approx(-0.06, abs=1e-4)
    assert by_x[0.5] == pytest.approx(-0.08, abs=1e-4)
    groups = [one.get_space_group_info()[0] for one in found.structures]
    assert groups[1] == "Pm-3m"
    assert "Pm-3m" in str(found)
    found.save_figure(tmp_path / "hull.png")


def test_what_has_no_energy_of_clusters_is_refused(alloy):
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    model = mg.train(space, "cspbi3_br/gpaw_mp2")
    with pytest.raises(InputError, match="read_structures"):
        mg.monte_carlo(model, space)
    with pytest.raises(InputError, match="above 0 kelvin"):
        mg.monte_carlo(alloy, alloy.own_space, [0.0])
    with pytest.raises(InputError, match="chemical potential of Cu"):
        mg.monte_carlo(alloy, alloy.own_space, [300], chemical_potentials={"Cu": 0.1})
    with pytest.raises(InputError, match="n_groups = 1"):
        mg.phase_diagram(alloy, (2, 2, 2), n_groups=1)
    with pytest.raises(InputError, match="species Cu"):
        mg.phase_diagram(alloy, (2, 2, 2), species="Cu")
