"""Ordering energies across chemistry: the model of formulas beside others, on formulas, elements and pairs never seen.

``python -m matganip.benchmarks.chemistry TABLE [--oxides TABLE] -o FOLDER`` remakes the tables of docs/chemistry.md.
Nothing is chosen on rows that are tested: the model's parameters maximise the marginal likelihood of its training set,
and the two numbers of kernel ridge, a width and a regularisation, minimise the error of five folds within it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from matganip.crystal.ion_descriptors import DESCRIPTORS, ion_descriptors
from matganip.labels.formulas import ARRANGEMENTS, LabelledFormulas
from matganip.learning.formula_model import FormulaModel, star_basis, train_on_formulas

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Predict = Callable[[LabelledFormulas, LabelledFormulas, int], Floats]

FOLDS = 5
TOGETHER = 4
"""Elements that are left out of the parameters' training set at a time; each is then predicted from all others."""


def relative(energy: Floats) -> Floats:
    """Energies (n, 6) less the mean of each row."""
    found: Floats = energy - energy.mean(axis=1, keepdims=True)
    return found


def host_descriptors(table: LabelledFormulas) -> Floats:
    """(n, p): sums and absolute differences of B's and B''s descriptors, those of A and X, and the edge."""
    rows = []
    for host in table.hosts:
        one, other, a, x = (ion_descriptors(*ion) for ion in (host.b1, host.b2, host.a, host.x))
        rows.append(np.concatenate([one + other, np.abs(one - other), a[:4], x[:4], [host.edge]]))
    found: Floats = np.nan_to_num(np.array(rows))
    return found


# -- the methods ---------------------------------------------------------------------------------------------------


def profile(train: LabelledFormulas, test: LabelledFormulas, seed: int) -> Floats:
    """The mean profile of the training set."""
    del seed
    return np.repeat(relative(train.energy).mean(axis=0)[None], len(test), axis=0)


def linear_in(names: Sequence[str]) -> Predict:
    """Squares of differences between B and B', each times the star intensities: fitted strengths, no host."""

    def predict(train: LabelledFormulas, test: LabelledFormulas, seed: int) -> Floats:
        del seed
        stars = star_basis()

        def columns(table: LabelledFormulas) -> Floats:
            pairs = [
                (_properties(host.b1, names) - _properties(host.b2, names)) ** 2 / host.edge for host in table.hosts
            ]
            return np.column_stack([np.ones(len(table)), np.array(pairs)])

        known = columns(train)
        coefficients = np.linalg.lstsq(known, relative(train.energy) @ stars, rcond=None)[0]
        found: Floats = columns(test) @ coefficients @ stars.T
        return found

    return predict


def _properties(ion: tuple[str, int], names: Sequence[str]) -> Floats:
    """Descriptors of an ion by name; "electrons" is how many it has."""
    known = dict(zip(DESCRIPTORS, ion_descriptors(*ion).tolist(), strict=True))
    return np.array([Element(ion[0]).Z - ion[1] if name == "electrons" else known[name] for name in names], dtype=float)


def extra_trees(train: LabelledFormulas, test: LabelledFormulas, seed: int) -> Floats:
    """Extremely randomised trees on descriptors."""
    from sklearn.ensemble import ExtraTreesRegressor

    model = ExtraTreesRegressor(200, random_state=seed).fit(host_descriptors(train), relative(train.energy))
    found: Floats = model.predict(host_descriptors(test))
    return found


def kernel_ridge(train: LabelledFormulas, test: LabelledFormulas, seed: int) -> Floats:
    """Gaussian kernel ridge on descriptors of one width; width and regularisation by folds of the training set."""
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.model_selection import GridSearchCV, KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    grid = {"kernelridge__gamma": [0.001, 0.003, 0.01, 0.03], "kernelridge__alpha": [1e-4, 1e-3, 1e-2, 0.1]}
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    model = GridSearchCV(
        make_pipeline(StandardScaler(), KernelRidge(kernel="rbf")), grid, cv=folds, scoring="neg_mean_absolute_error"
    )
    scale = relative(train.energy).std()
    model.fit(host_descriptors(train), relative(train.energy) / scale)
    found: Floats = model.predict(host_descriptors(test))
    found *= scale
    return found


def formula_model(train: LabelledFormulas, test: LabelledFormulas, seed: int) -> Floats:
    """The model of formulas."""
    return relative(train_on_formulas(train, seed=seed).predict(test).energy)


METHODS: dict[str, Predict] = {
    "mean profile": profile,
    "charges, linear": linear_in(("charge",)),
    "X-ray electrons, linear": linear_in(("electrons",)),
    "charges, radii, electronegativities, linear": linear_in(("charge", "radius", "electronegativity")),
    "extra trees on descriptors": extra_trees,
    "kernel ridge on descriptors": kernel_ridge,
    "model of formulas": formula_model,
}
"""What is compared, by name; "all arrangements equal" is the baseline of every ratio."""


# -- the protocols -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Predictions of a method on rows that it has not seen.

    Attributes
    ----------
    method, protocol : str
    seed : int
    predicted, truth : (n, 6) float64 ndarray
        eV/atom, each row of mean 0.
    rows : (n,) int64 ndarray
        Of the table.
    """

    method: str
    protocol: str
    seed: int
    predicted: Floats
    truth: Floats
    rows: Indices

    @property
    def mae(self) -> float:
        """eV/atom."""
        return float(np.abs(self.predicted - self.truth).mean())

    @property
    def ratio(self) -> float:
        """MAE over that of "all arrangements equal"."""
        return self.mae / float(np.abs(self.truth).mean())

    @property
    def weighted_ratio(self) -> float:
        """The same with energies from the mean over the 70 arrangements, each arrangement counted as often as it is."""
        weight = np.array(list(ARRANGEMENTS.values())) / sum(ARRANGEMENTS.values())
        predicted = self.predicted - (self.predicted @ weight)[:, None]
        truth = self.truth - (self.truth @ weight)[:, None]
        return float((np.abs(predicted - truth) @ weight).mean() / (np.abs(truth) @ weight).mean())

    @property
    def lowest(self) -> float:
        """Share of lowest arrangements found, of those more than 1 meV/atom below the next."""
        order = np.sort(self.truth, axis=1)
        apart = order[:, 1] - order[:, 0] > 1e-3
        return float((self.predicted.argmin(axis=1) == self.truth.argmin(axis=1))[apart].mean())

    @property
    def spearman(self) -> float:
        """Median over formulas; a method that predicts no order counts 0."""
        from scipy.stats import rankdata

        one, other = (rankdata(part, axis=1) - 3.5 for part in (self.predicted, self.truth))
        size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
        return float(np.median((one * other).sum(axis=1) / np.where(size > 0, size, np.inf)))

    @property
    def pearson(self) -> float:
        """Over all energies of all rows."""
        return float(np.corrcoef(self.predicted.ravel(), self.truth.ravel())[0, 1])


def by_folds(groups: Sequence[str], seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Five folds (train, test) of rows, no group in both."""
    names = sorted(set(groups))
    number = dict(
        zip([names[k] for k in np.random.default_rng(seed).permutation(len(names))], range(len(names)), strict=True)
    )
    fold = np.array([number[one] % FOLDS for one in groups])
    for k in range(FOLDS):
        yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def folds(table: LabelledFormulas, method: str, seed: int, groups: Sequence[str] | None = None) -> HeldOut:
    """Predict every row of a table by five models, none of which has seen its group (by default its formula)."""
    truth, predicted = relative(table.energy), np.full(table.energy.shape, np.nan)
    for train, test in by_folds(table.formulas if groups is None else groups, seed):
        predicted[test] = METHODS[method](table.select(train), table.select(test), seed)
    protocol = "formulas unseen" if groups is None else "pairs unseen"
    return HeldOut(method, protocol, seed, relative(predicted), truth, np.arange(len(table)))


def elements_unseen(table: LabelledFormulas, method: str, seed: int = 0, fewest: int = 5) -> HeldOut:
    """Predict the formulas of each element of the B sites by models that never met it.

    The model of formulas fits its parameters to formulas without any of four elements at a time, and predicts each of
    the four from all formulas without it.
    """
    on_b = [(host.b1[0], host.b2[0]) for host in table.hosts]
    elements = sorted({name for pair in on_b for name in pair})
    elements = [name for name in elements if sum(name in pair for pair in on_b) >= fewest]
    order = [elements[k] for k in np.random.default_rng(seed).permutation(len(elements))]
    rows, predicted = [], []
    for start in range(0, len(order), TOGETHER):
        group = order[start : start + TOGETHER]
        without = table.select(~table.holding(group)) if method == "model of formulas" else None
        fitted = None if without is None else train_on_formulas(without, seed=seed)
        for name in group:
            left_out = table.holding([name])
            test = np.flatnonzero([name in pair for pair in on_b])
            known, asked = table.select(~left_out), table.select(test)
            if fitted is not None:
                found = FormulaModel(known, fitted.processes).predict(asked).energy
            else:
                found = METHODS[method](known, asked, seed)
            rows.append(test)
            predicted.append(relative(found))
    every = np.concatenate(rows)
    return HeldOut(method, "an element unseen", seed, np.concatenate(predicted), relative(table.energy)[every], every)


def with_labels(table: LabelledFormulas, seed: int, numbers: Sequence[int] = (0, 1, 2, 4)) -> list[HeldOut]:
    """A new material with a few labels of its own, of arrangements drawn at random: errors of all six energies.

    The prior is the model of formulas. "Labels alone" is ridge regression on the two numbers of an arrangement, its
    regularisation the ratio of noise to signal over the training set; "labels and the others' covariance" a Gaussian
    with the mean and covariance of the training set's energies, which knows how energies vary but not with what.
    """
    train, test = next(by_folds(table.formulas, seed))
    known, asked = table.select(train), table.select(test)
    model = train_on_formulas(known, seed=seed)
    stars, truth, names = star_basis(), relative(asked.energy), list(ARRANGEMENTS)
    spread = relative(known.energy)
    average, covariance = spread.mean(axis=0), np.cov(spread.T)
    parts = spread @ stars
    signal, noise = (parts**2).mean(), ((spread - parts @ stars.T) ** 2).sum() / (4 * len(spread))
    generator = np.random.default_rng(seed)
    drawn = [generator.permutation(6) for _ in range(len(asked))]
    found = []
    for n in numbers:
        own = [{names[k]: float(asked.energy[row, k]) for k in order[:n]} for row, order in enumerate(drawn)]
        prior = relative(model.predict(asked, known=own).energy)
        alone, gaussian = np.zeros_like(prior), np.zeros_like(prior)
        for row, order in enumerate(drawn):
            kept = order[:n]
            label = asked.energy[row, kept]
            alone[row] = _conditional(np.zeros(6), signal * stars @ stars.T + noise * np.eye(6), kept, label)
            gaussian[row] = _conditional(average, covariance, kept, label)
        protocol = f"{n} labels"
        for method, predicted in (("prior", prior), ("labels alone", alone), ("labels, others' covariance", gaussian)):
            found.append(HeldOut(method, protocol, seed, relative(predicted), truth, test))
    return found


def _conditional(centre: Floats, spread: Floats, kept: Indices, label: Floats) -> Floats:
    """Mean of a Gaussian with an unknown constant, given some of its components."""
    if not len(kept):
        return centre
    inverse = np.linalg.inv(spread[np.ix_(kept, kept)] + 1e-14 * np.eye(len(kept)))
    weight = inverse.sum(axis=1) / inverse.sum()
    left = label - centre[kept]
    constant = weight @ left
    found: Floats = centre + constant + spread[:, kept] @ inverse @ (left - constant)
    return found
