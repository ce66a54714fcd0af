"""The ordering of Cu3Au on the model of examples/cu_au: chains of icet's mchammer and of ours, heated and cooled.

    python bench/order_disorder_table.py examples/cu_au/emt.extxyz

Both begin in L1_2 at the lowest temperature and are heated, then begin in a random arrangement at the highest and are
cooled; each temperature begins where the one before ended, and its first third is left out. Order is the share of Au on
that of the four sublattices of L1_2 that has most, in the end: 1 in L1_2, 1/4 and what fluctuates without order. The
transition lies between the temperature at which the ordered chain melts and that at which the random one orders.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from mchammer.calculators import ClusterExpansionCalculator
from mchammer.ensembles import CanonicalEnsemble
from monte_carlo_table import atoms_of, blocks, expansion

import matganip as mg
from matganip.features.averages import BOLTZMANN
from matganip.features.lattice.lattice_gas import LatticeGas
from matganip.features.lattice.swaps import seeded_generators
from matganip.learning.interactions import any_composition, lattice_gas

SECOND = "Au"


def sublattices(gas: LatticeGas) -> np.ndarray:
    """Which of the four simple cubic sublattices of fcc each site is on."""
    frame = gas.space.supercell_structure
    cubic = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) @ gas.space.parent.lattice.matrix
    lengths = np.diag(cubic @ cubic.T)
    if not np.allclose(cubic @ cubic.T, lengths[0] * np.eye(3), atol=1e-3):
        raise SystemExit("the parent's vectors are not those of primitive fcc, 60 degrees from each other")
    halves = np.rint(2 * (frame.cart_coords - frame.cart_coords[0]) @ np.linalg.inv(cubic)).astype(int) % 2
    return (halves[:, 0] + 2 * halves[:, 1])[gas.space.site_indices]  # of the three the sum is even


class Icet:
    """A chain of mchammer."""

    name = "icet"

    def __init__(self, gas: LatticeGas, found, row: np.ndarray) -> None:
        self.gas, self.found, self.atoms = gas, found, atoms_of(gas.space, row)

    def walk(self, kelvin: float, sweeps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Energies of each sweep, meV per site, and where Au is in the end."""
        n = len(self.atoms)
        calculator = ClusterExpansionCalculator(self.atoms, self.found, scaling=n)
        chain = CanonicalEnsemble(
            self.atoms, calculator, temperature=kelvin, random_seed=seed + 1, ensemble_data_write_interval=n
        )
        chain.run(sweeps * n)
        self.atoms = chain.structure
        return 1000 * chain.data_container.data["potential"].to_numpy()[1:] / n, self.atoms.symbols == SECOND


class Ours:
    """A chain of our kernel, on one thread."""

    name = "matganip"

    def __init__(self, gas: LatticeGas, found, row: np.ndarray) -> None:
        del found  # the model is in the lattice gas
        self.gas, self.row = gas, row

    def walk(self, kelvin: float, sweeps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The same."""
        n = self.gas.space.n_sites
        walked = self.gas.walk(
            self.row[None], seeded_generators(seed, 1), np.array([1 / (BOLTZMANN * kelvin)]),
            n_records=sweeps, n_trials=n, num_threads=1,
        )  # fmt: skip
        self.row = walked.occupations[0]
        return 1000 * walked.energy[0] / n, self.row == self.gas.space.species[0].index(SECOND)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels")
    parser.add_argument(
        "--sweeps", type=int, default=400, help="of icet at each temperature; ours are ten times as many"
    )
    parser.add_argument("--kelvin", type=float, nargs="+", default=[260, 290, 310, 325, 340, 355, 380])
    asked = parser.parse_args()
    labels = mg.read_structures(asked.labels)
    pure = next(atoms for atoms in labels.structures if set(atoms.symbols) == {"Cu"})
    fcc = mg.read_structure(pure).get_primitive_structure()
    model = mg.train(mg.ConfigurationSpace(fcc, (1, 1, 1), {"Cu": {SECOND: 0}}), labels)
    gas = lattice_gas(model, any_composition(model, (8, 8, 8)))
    found, off = expansion(model, gas)
    print(f"icet has the same energies within {off:.1e} meV a site")
    of_site, code = sublattices(gas), gas.space.species[0].index(SECOND)
    ordered = np.where(of_site == 0, code, 1 - code).astype(np.uint8)
    drawn = ordered[np.random.default_rng(0).permutation(len(ordered))]
    print(
        "| | K | U icet, meV/site | U matganip | order icet | order matganip |\n|---|---|---|---|---|---|", flush=True
    )
    seconds = {Icet.name: 0.0, Ours.name: 0.0}
    for title, start, kelvins in (("heated", ordered, asked.kelvin), ("cooled", drawn, asked.kelvin[::-1])):
        chains = [Icet(gas, found, start), Ours(gas, found, start)]
        for number, kelvin in enumerate(kelvins):
            energies, orders = [], []
            for chain, sweeps in zip(chains, (asked.sweeps, 10 * asked.sweeps), strict=True):
                started = time.process_time()
                energy, second = chain.walk(kelvin, sweeps, number)
                seconds[chain.name] += time.process_time() - started
                energies.append("{:.3f} ± {:.3f}".format(*blocks(energy[sweeps // 3 :])))
                orders.append(f"{max(second[of_site == k].mean() for k in range(4)):.2f}")
            print(f"| {title} | {kelvin:g} | {' | '.join(energies + orders)} |", flush=True)
    print("; ".join(f"{name}: {taken:.0f} CPU s" for name, taken in seconds.items()))


if __name__ == "__main__":
    main()
