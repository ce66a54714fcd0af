"""Errors of models of structures in many cells, beside cluster expansions of icet's clusters and the means.

    python bench/many_cells_table.py reference_data.db --energy mixing_energy --per-atom
    python bench/many_cells_table.py examples/cu_au/emt.extxyz --largest 6
    python bench/many_cells_table.py examples/srcuo3/chgnet.extxyz --parent SrCuO3.cif --vacancies O

Five random splits by arrangement, 80:20, or with --largest n those of up to n parent cells against all larger ones.
Ours is the default call. Of icet's clusters the same cutoffs are tried, each with ridge regression and automatic
relevance determination, and those with the least error in five folds of the training set are taken.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from ase import Atoms
from icet import ClusterSpace
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from sklearn.linear_model import ARDRegression, RidgeCV
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import matganip as mg
from matganip.configurations.mapping import MappedStructure, ParentLattice
from matganip.learning.many_cells import PAIRS, TRIPLETS, MappedLabels, shortest_distance

warnings.simplefilter("ignore")
SETTINGS = [(pair, triplet) for pair in PAIRS for triplet in (None, *TRIPLETS)]


def readouts():
    """The regressions of the comparison."""
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-8, 2, 21)))
    return {"ridge": ridge, "ARDR": make_pipeline(StandardScaler(), ARDRegression())}


def ideal(lattice: ParentLattice, mapped: MappedStructure) -> Atoms:
    """A mapped structure on its ideal sites; a vacancy is X."""
    points = lattice.positions[mapped.basis] + mapped.cell
    symbols = ["X" if name == "vac" else name for name in mapped.species]
    return Atoms(symbols, positions=points @ lattice.vectors, cell=mapped.vectors @ lattice.vectors, pbc=True)


def vectors_of(lattice: ParentLattice, data: MappedLabels) -> dict[tuple[float, float | None], np.ndarray]:
    """Cluster vectors by icet for each setting."""
    reach = shortest_distance(lattice.space)
    names = [sorted("X" if name == "vac" else name for name in one) for one in lattice.allowed]
    primitive = Atoms(
        [next(name for name in one if name != "X") for one in names], positions=lattice.positions @ lattice.vectors,
        cell=lattice.vectors, pbc=True,
    )  # fmt: skip
    atoms = [ideal(lattice, one) for one in data.mapped]
    found = {}
    for pair, triplet in SETTINGS:
        cutoffs = [pair * reach] + ([triplet * reach] if triplet else [])
        clusters = ClusterSpace(primitive, cutoffs=cutoffs, chemical_symbols=names)
        if len(clusters) < 600:
            found[pair, triplet] = np.array([clusters.get_cluster_vector(one) for one in atoms])
    return found


def of_clusters(vectors, per_site, train, test, kind):
    """Predictions for the test set by the setting that is best in folds of the training set; its number of columns."""
    folds, best = KFold(5, shuffle=True, random_state=0), (np.inf, None)
    for setting, table in vectors.items():
        scores = cross_val_score(
            readouts()[kind], table[train], 1000 * per_site[train], cv=folds, scoring="neg_mean_absolute_error"
        )
        best = min(best, (-scores.mean(), setting), key=lambda one: one[0])
    table = vectors[best[1]]
    # In meV: automatic relevance determination takes columns out by the size of their coefficients.
    found = readouts()[kind].fit(table[train], 1000 * per_site[train]).predict(table[test]) / 1000
    return found, table.shape[1]


def composition_means(data: MappedLabels, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The mean of the test structure's composition in the training set; that of all where it is new. eV/atom."""
    overall = data.per_atom[train].mean()
    found = []
    for row in test:
        same = train[data.composition[train] == data.composition[row]]
        found.append(data.per_atom[same].mean() if len(same) else overall)
    return np.array(found)


def split(groups: np.ndarray, cells: np.ndarray, largest: int | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and to test on; copies of one arrangement stay together."""
    if largest is not None:
        train = np.flatnonzero(cells <= largest)
        return train, np.flatnonzero((cells > largest) & ~np.isin(groups, groups[train]))
    every = np.unique(groups)
    kept = np.random.default_rng(seed).permutation(every)[: round(0.8 * len(every))]
    inside = np.isin(groups, kept)
    return np.flatnonzero(inside), np.flatnonzero(~inside)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels")
    parser.add_argument("--energy")
    parser.add_argument("--per-atom", action="store_true")
    parser.add_argument("--parent")
    parser.add_argument("--vacancies")
    parser.add_argument("--largest", type=int)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    labels = mg.read_structures(asked.labels, energy=asked.energy, per_atom=asked.per_atom)
    species = sorted({symbol for atoms in labels.structures for symbol in symbols_of(atoms)})
    if asked.parent:
        space = mg.ConfigurationSpace(mg.read_structure(asked.parent), (1, 1, 1), {asked.vacancies: {"vac": 0}})
    else:
        host, other = species
        pure = next(one for one in labels.structures if set(symbols_of(one)) == {host})
        parent = pure if isinstance(pure, Structure) else AseAtomsAdaptor.get_structure(pure)
        space = mg.ConfigurationSpace(parent.get_primitive_structure(), (1, 1, 1), {host: {other: 0}})
    lattice = ParentLattice(space)
    data = MappedLabels.of(lattice, labels)
    print(f"{len(data.mapped)} of {len(labels)} structures map; {len(set(data.composition))} compositions")
    vectors = vectors_of(lattice, data)
    fullest = max(vectors.values(), key=lambda one: one.shape[1])
    groups = np.unique(np.round(fullest, 6), axis=0, return_inverse=True)[1].reshape(-1)
    rows = {name: row for row, name in enumerate(labels.names)}
    given = np.array([rows[name] for name in data.names])
    cells = np.array([one.n_cells for one in data.mapped])
    errors: dict[str, list[float]] = {}
    columns: dict[str, list[int]] = {}
    for seed in range(1 if asked.largest else asked.seeds):
        train, test = split(groups, cells, asked.largest, seed)
        calculated, scale = data.per_atom[test], data.sites_per_atom[test]
        subset = mg.LabelledStructures.of(
            [labels.structures[row] for row in given[train]], labels.energy[given[train]], labels.calculator
        )
        model = mg.train(space, subset)
        energy = model.predict_structures([labels.structures[row] for row in given[test]]).energy
        predicted = {"matganip, default": energy / np.array([data.mapped[row].n_atoms for row in test])}
        columns.setdefault("matganip, default", []).append(len(model.predictor.mean))
        for kind in readouts():
            mean, n = of_clusters(vectors, data.per_site, train, test, kind)
            predicted[f"icet's clusters, {kind}"] = mean * scale
            columns.setdefault(f"icet's clusters, {kind}", []).append(n)
        predicted["mean of each composition"] = composition_means(data, train, test)
        predicted["mean baseline"] = np.full(len(test), data.per_atom[train].mean())
        for name, values in predicted.items():
            errors.setdefault(name, []).append(1000 * float(np.abs(values - calculated).mean()))
    print(f"{len(train)} structures to train on, {len(test)} to test on, {len(next(iter(errors.values())))} splits")
    print("| | MAE, meV/atom | ± between splits | columns |\n|---|---|---|---|")
    for name, values in errors.items():
        spread = f"{np.std(values, ddof=1):.3f}" if len(values) > 1 else "-"
        print(
            f"| {name} | {np.mean(values):.3f} | {spread} | {', '.join(map(str, sorted(set(columns.get(name, [])))))} |"
        )


def symbols_of(structure: Atoms | Structure) -> list[str]:
    """Element symbols, of either kind of structure."""
    return [site.specie.symbol for site in structure] if isinstance(structure, Structure) else list(structure.symbols)


if __name__ == "__main__":
    main()
