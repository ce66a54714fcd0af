r"""Fit functions of columns in closed form: linear, curved, and curved with a scale for each column.

The linear one is ridge regression with a prior standard deviation for each column: pairs before triplets, near before
far, as cluster expansions are regularised (Mueller and Ceder, Phys. Rev. B 80, 024103 (2009)); the curved one is a
Gaussian process (Rasmussen and Williams, *Gaussian Processes for Machine Learning*, 2006, chapters 2 and 5). Priors,
penalty, b and l are those with the least mean absolute error over rows left out one by one, which one decomposition
gives. Where rows are many beside the columns, each column may get a scale of its own
(`matganip.learning.column_scales`), which is judged by folds that had no part in the scales.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.learning.calibration import Calibration, Residuals, calibrate
from matganip.learning.column_scales import ROWS_PER_COLUMN, Scales, least_penalty, own_scales, products_and_distances
from matganip.learning.solved import INTERCEPT, Floats, Solved

PENALTIES = tuple(10.0 ** (power / 2) for power in range(-28, 5))
TRIPLETS = (1.0, 0.3, 0.1, 0.03)
"""Tried prior standard deviations of triplets, in units of that of pairs."""
DECAYS = (np.inf, 1.0, 0.5, 0.25)
"""Tried lengths over which priors fall by 1/e, in units of the longest distance among the columns."""
CURVATURES = (0.03, 0.1, 0.3, 1.0, 3.0)
LINEAR_PARTS = (1.0, 10.0, 100.0, 1000.0, 10000.0)
CLEARLY = 0.98
"""Part of a simpler function's error that another's must be below to be taken."""
MOST_CENTRES = 1000
LEAST_CURVED = 40
"""Rows from which on a curved function is tried."""
FOLDS, LEAST_FOLDED = 5, 20
"""Parts of the rows that are held out in turn, of so many rows or more."""
BROKEN = 3.0
"""How many times the errors of rows left out those of folds may be: beyond, what chose the settings is no judge."""
LARGE = 100_000
"""Numbers in a table from which on the priors are searched one setting after the other."""
_LEAST_WIDTH = 1e-9
"""Standard deviation, of 100, up to which a column counts as constant."""


@dataclass(frozen=True, eq=False)
class Columns:
    """What is known of columns before any label is seen.

    Attributes
    ----------
    order : (p,) int64 ndarray
        Sites that a column speaks of: 1, 2 or 3.
    distance : (p,) float64 ndarray
        The longest distance between them, angstrom; 0 where there is none.
    known : (p,) bool ndarray, optional
        Whether a column may have a coefficient; all may by default.
    """

    order: NDArray[np.int64]
    distance: Floats
    known: NDArray[np.bool_] | None = None

    def select(self, kept: NDArray[np.int64]) -> Columns:
        """Some of the columns."""
        return Columns(self.order[kept], self.distance[kept], None if self.known is None else self.known[kept])


@dataclass(frozen=True, eq=False)
class Fit:
    """Settings of a function, and how wrong it is about rows left out.

    Attributes
    ----------
    kind : {"linear", "curved", "scaled"}
    error : float
        The weighted mean absolute error over rows left out, eV/site.
    prior : (p,) float64 ndarray
        Standard deviation of each column's coefficient.
    linear, curvature, penalty : float
        b, l, and what is added to the diagonal.
    """

    kind: str
    error: float
    prior: Floats
    penalty: float
    linear: float = 1.0
    curvature: float = 0.0


class Solver:
    """Functions of one table of columns, fitted to one set of labels.

    Parameters
    ----------
    features : (n, p) float64 ndarray
    target : (n,) float64 ndarray
        eV/site.
    weight : (n,) float64 ndarray
        Multiplicities, positive.
    columns : Columns
        Of the features.

    Raises
    ------
    InputError
        If there are fewer than two rows, or all targets are equal.
    """

    def __init__(self, features: Floats, target: Floats, weight: Floats, columns: Columns) -> None:
        if len(target) < 2:
            raise InputError(f"{len(target)} labels: at least 2 are needed to learn from")
        if np.ptp(target) == 0:
            raise InputError("all labels are equal: there is nothing to learn")
        self.features, self.y, self.w, self.columns = features, target, weight / weight.mean(), columns
        self.mean = np.average(features, axis=0, weights=self.w)
        self.folds: dict[str, list[tuple[NDArray[np.int64], Residuals, Residuals]]] = {}

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The rows that a curved function is fitted to: all, or so many drawn."""
        return np.sort(np.random.default_rng(len(self.y)).permutation(len(self.y))[:MOST_CENTRES])

    @cached_property
    def linear(self) -> Fit:
        """The best linear function."""
        x = self.features - self.mean
        return _least(_linear(prior * x, self.y, self.w, prior) for prior in _priors(x, self.y, self.w, self.columns))

    @cached_property
    def curved(self) -> Fit:
        """The best curved function with the prior of the linear one."""
        prior = self.linear.prior
        drawn = self.rows
        return _curved(prior * (self.features[drawn] - self.mean), self.y[drawn], self.w[drawn], prior)

    @cached_property
    def scaled(self) -> Fit | None:
        """The curved function with a scale for each column, judged by folds; None where rows are too few."""
        prior = np.where(self.features.std(axis=0) > _LEAST_WIDTH, self.curved.prior, 0.0)
        if len(self.rows) < ROWS_PER_COLUMN * np.count_nonzero(prior) or len(self.rows) < LEAST_FOLDED:
            return None
        found = self._scaled()
        rows, _, unseen = (list(one) for one in zip(*self.held_out("scaled"), strict=True))
        errors = np.concatenate([one.error for one in unseen])
        error = float(np.average(np.abs(errors), weights=self.w[np.concatenate(rows)]))
        return Fit("scaled", error, found.prior, found.penalty, found.linear, found.curvature)

    def best(self, *, curved: bool = True, scaled: bool = True) -> Fit:
        """The linear function, or a curved one where that is clearly better over rows left out."""
        best = self.linear
        if curved and len(self.y) >= LEAST_CURVED:
            bent = self.curved
            if bent.error < CLEARLY * best.error:
                best = bent
            if scaled and (found := self.scaled) is not None and found.error < CLEARLY * best.error:
                best = found
        return best

    def solved(self, fit: Fit, baseline: float | None = None) -> Solved:
        """The function of some settings, its deviations calibrated by folds.

        Parameters
        ----------
        fit : Fit
            One of this solver's.
        baseline : float, optional
            Mean of the training set in eV/atom; that of the targets by default.
        """
        parts, own = self._parts(fit)
        folds = self.held_out(fit.kind) if len(self.rows) >= LEAST_FOLDED else []
        left_out, in_folds = np.full((2, len(self.y)), np.nan)
        left_out[self._rows_of(fit)] = own.error
        for rows, _, unseen in folds:
            in_folds[rows] = unseen.error
        # Of nearly as many columns as rows, one setting of many can be right about every row that chose it.
        if fit.kind == "scaled" or (folds and self._error(in_folds) > BROKEN * self._error(left_out)):
            left_out = in_folds
        found = calibrate(own, [(past, unseen) for _, past, unseen in folds])
        mean = float(np.average(self.y, weights=self.w)) if baseline is None else baseline
        return self._made(fit, parts, mean, left_out, found)

    def held_out(self, kind: str) -> list[tuple[NDArray[np.int64], Residuals, Residuals]]:
        """For each fold its rows, the residuals of the others, and its own, by a function of the others alone."""
        if kind not in self.folds:
            fold = np.random.default_rng(len(self.rows)).permutation(len(self.rows)) % FOLDS
            self.folds[kind] = [self._one_fold(kind, self.rows[fold == k], self.rows[fold != k]) for k in range(FOLDS)]
        return self.folds[kind]

    def _one_fold(
        self, kind: str, out: NDArray[np.int64], rest: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Residuals, Residuals]:
        part = Solver(self.features[rest], self.y[rest], self.w[rest], self.columns)
        fit = part._scaled() if kind == "scaled" else part.curved if kind == "curved" else part.linear
        parts, own = part._parts(fit)
        plain = part._made(fit, parts, 0.0, own.error, Calibration(1.0, 1.0, 1.0, np.inf, 1.0, 1.0, 1.0))
        mean, deviation = plain.predict(self.features[out], calibrated=False)
        return out, own, Residuals(self.y[out] - mean, deviation**2)

    def _scaled(self) -> Fit:
        """Scales that the rows themselves like best; whoever asks has to judge them."""
        start, x = self.curved, self.features[self.rows] - self.mean
        prior = np.where(x.std(axis=0) > _LEAST_WIDTH, start.prior, 0.0)
        scales = Scales(np.sqrt(start.curvature) * prior, start.linear / start.curvature, start.penalty)
        y, w = self.y[self.rows], self.w[self.rows]
        found = own_scales(x, y - np.average(y, weights=w), w, scales, INTERCEPT)
        return Fit("scaled", np.nan, found.scale, found.penalty, found.linear, 1.0)

    def _error(self, errors: Floats) -> float:
        return float(np.average(np.abs(errors[self.rows]), weights=self.w[self.rows]))

    def _rows_of(self, fit: Fit) -> NDArray[np.int64]:
        return np.arange(len(self.y)) if fit.kind == "linear" else self.rows

    def _parts(self, fit: Fit) -> tuple[dict[str, Any], Residuals]:
        rows = self._rows_of(fit)
        make = _solved_line if fit.kind == "linear" else _solved_curve
        return make(fit, fit.prior * (self.features[rows] - self.mean), self.y[rows], self.w[rows])

    def _made(
        self, fit: Fit, parts: dict[str, Any], baseline: float, left_out: Floats, calibration: Calibration
    ) -> Solved:
        return Solved(
            mean=self.mean, prior=fit.prior, linear=fit.linear, curvature=fit.curvature, baseline=baseline,
            left_out=left_out, **vars(calibration), **parts,
        )  # fmt: skip


def solve(
    features: Floats,
    target: Floats,
    weight: Floats,
    columns: Columns,
    *,
    baseline: float | None = None,
    curved: bool = True,
) -> Solved:
    """Fit the function that rows left out prefer; the arguments are those of `Solver` and of its `best` and `solved`.

    Raises
    ------
    InputError
        If there are fewer than two rows, or all targets are equal.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((30, 3)) * 100
    >>> fit = solve(x, x @ [1.0, -2.0, 0.0], np.ones(30), Columns(np.full(3, 2), np.arange(3.0)), curved=False)
    >>> mean, deviation = fit.predict(x[:2] + 1.0)
    >>> bool(np.allclose(mean, (x[:2] + 1.0) @ [1.0, -2.0, 0.0], atol=1e-3))
    True
    """
    solver = Solver(features, target, weight, columns)
    return solver.solved(solver.best(curved=curved), baseline)


def _least(fits: Iterator[Fit]) -> Fit:
    return min(fits, key=lambda fit: fit.error)


def _priors(centred: Floats, y: Floats, w: Floats, columns: Columns) -> Iterator[Floats]:
    """Prior standard deviations to try, scaled so that the rows have a mean square of 1; columns not to use have 0."""
    width = centred.std(axis=0)
    varies = width > _LEAST_WIDTH
    if columns.known is not None:
        varies &= columns.known
    inverse = np.divide(1.0, width, out=np.zeros_like(width), where=varies)
    reach = float(columns.distance.max(initial=0.0)) or 1.0
    alikes = (inverse, varies.astype(float))
    triplets = TRIPLETS if bool((columns.order[varies] == 3).any()) else (1.0,)

    def prior_of(alike: int, triplet: float, decay: float) -> Floats:
        falls = np.exp(-columns.distance / (decay * reach))
        prior: Floats = alikes[alike] * np.where(columns.order == 3, triplet, 1.0) * falls
        size = float(np.sqrt(((prior * centred) ** 2).sum(axis=1).mean()))
        return prior / (size or 1.0)

    if centred.size < LARGE:
        yield from (prior_of(*one) for one in product((0, 1), triplets, DECAYS))
        return
    at: list[Any] = [0, triplets[len(triplets) // 3], DECAYS[1]]
    for place, values in ((0, (0, 1)), (1, triplets), (2, DECAYS)):
        tried = [[*at[:place], value, *at[place + 1 :]] for value in values]
        at = min(tried, key=lambda one: _linear((p := prior_of(*one)) * centred, y, w, p).error)
    yield prior_of(*at)


@dataclass(frozen=True, eq=False)
class _Line:
    """Weighted, centred rows in their singular vectors: what every penalty needs.

    ``u`` (n, r), ``square`` (r,) singular values squared, ``vt`` (r, p), ``along`` (r,) and ``outside`` (n,) the parts
    of the targets within and beyond their span, ``free`` (n,) the part of each row that no column reaches.
    """

    u: Floats
    square: Floats
    vt: Floats
    along: Floats
    outside: Floats
    free: Floats

    @classmethod
    def of(cls, z: Floats, y: Floats, w: Floats) -> _Line:
        root = np.sqrt(w)
        u, s, vt = np.linalg.svd(root[:, None] * (z - np.average(z, axis=0, weights=w)), full_matrices=False)
        kept = s > 1e-12 * max(float(s[0]), 1e-300)
        u, s, vt = u[:, kept], s[kept], vt[kept]
        b = root * (y - np.average(y, weights=w))
        along = u.T @ b
        outside, free = b - u @ along, 1.0 - (u**2).sum(axis=1) - w / w.sum()
        if len(s) >= len(y) - 1:  # nothing is beyond their span: rounding is not to be divided by rounding
            outside, free = np.zeros_like(b), np.zeros_like(b)
        return cls(u, s**2, vt, along, outside, np.maximum(free, 0.0))

    def left_out(self, penalty: float) -> tuple[Floats, Floats]:
        """Weighted errors of rows left out, the constant fitted without them too (Allen, 1974), and 1 - h of each."""
        shrunk = penalty / (self.square + penalty)
        left = np.maximum((self.u**2) @ shrunk + self.free, 1e-300)
        return (self.u @ (shrunk * self.along) + self.outside) / left, left


def _linear(z: Floats, y: Floats, w: Floats, prior: Floats) -> Fit:
    """The penalty that is best over rows left out."""
    line, root = _Line.of(z, y, w), np.sqrt(w)

    def fit(penalty: float) -> Fit:
        error = np.abs(line.left_out(penalty * len(y))[0]) / root
        return Fit("linear", float(np.average(error, weights=w)), prior, penalty)

    return _least(map(fit, PENALTIES))


def _curved(z: Floats, y: Floats, w: Floats, prior: Floats) -> Fit:
    """Curvature, linear part and penalty that are best over rows left out: on a coarse grid, then beside."""
    inner, square = products_and_distances(z, z)
    root, tried = np.sqrt(w), {}

    def best_of(i: int, j: int) -> Fit:
        if (i, j) not in tried:
            kernel = LINEAR_PARTS[j] * inner + 1.0 / (1.0 + CURVATURES[i] * square) + INTERCEPT
            penalties = np.maximum(PENALTIES, least_penalty(kernel))
            values, vectors = np.linalg.eigh(root[:, None] * kernel * root)
            along = vectors.T @ (root * (y - np.average(y, weights=w)))
            inverse = 1.0 / (np.maximum(values, 0.0)[:, None] + penalties)
            error = np.abs(vectors @ (inverse * along[:, None])) / ((vectors**2) @ inverse) / root[:, None]
            mean = np.average(error, axis=0, weights=w)
            k = int(mean.argmin())
            tried[i, j] = Fit("curved", float(mean[k]), prior, float(penalties[k]), LINEAR_PARTS[j], CURVATURES[i])
        return tried[i, j]

    coarse = [(i, j) for i in range(0, len(CURVATURES), 2) for j in range(0, len(LINEAR_PARTS), 2)]
    i, j = min(coarse, key=lambda at: best_of(*at).error)
    beside = [(i + di, j + dj) for di, dj in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    inside = [at for at in beside if 0 <= at[0] < len(CURVATURES) and 0 <= at[1] < len(LINEAR_PARTS)]
    return _least(best_of(*at) for at in [(i, j), *inside])


def _solved_line(fit: Fit, z: Floats, y: Floats, w: Floats) -> tuple[dict[str, Any], Residuals]:
    """Ridge regression with a free constant, its posterior, and the rows left out."""
    line, n = _Line.of(z, y, w), len(y)
    penalty = fit.penalty * n
    error, left = line.left_out(penalty)
    slope = line.vt.T @ (np.sqrt(line.square) / (line.square + penalty) * line.along)
    # Directions that no training row has keep the variance of the prior.
    unseen = np.eye(z.shape[1]) - line.vt.T @ line.vt if len(line.square) < z.shape[1] else np.empty((z.shape[1], 0))
    parts = {
        "slope": slope,
        "centres": np.empty((0, z.shape[1])),
        "alpha": np.empty(0),
        "spread": np.hstack([line.vt.T / np.sqrt(line.square + penalty), unseen / np.sqrt(penalty)]),
        "offset": float(np.average(y, weights=w) - np.average(z, axis=0, weights=w) @ slope),
        "noise": 1.0 + 1.0 / n,
    }
    return parts, Residuals(error / np.sqrt(w), 1.0 / left)  # of a row left out: 1 + h / (1 - h)


def _solved_curve(fit: Fit, z: Floats, y: Floats, w: Floats) -> tuple[dict[str, Any], Residuals]:
    """The Gaussian process of the chosen kernel, its posterior, and the rows left out."""
    inner, square = products_and_distances(z, z)
    kernel = fit.linear * inner + 1.0 / (1.0 + fit.curvature * square) + INTERCEPT
    penalty = max(fit.penalty, least_penalty(kernel))
    middle = float(np.average(y, weights=w))
    values, vectors = np.linalg.eigh(kernel + np.diag(penalty / w))
    spread = vectors / np.sqrt(np.maximum(values, penalty / w.max()))
    alpha = spread @ (spread.T @ (y - middle))
    diagonal = (spread**2).sum(axis=1)  # of the inverse
    parts = {
        "slope": fit.linear * (alpha @ z),
        "centres": z,
        "alpha": alpha,
        "spread": spread,
        "offset": middle + INTERCEPT * float(alpha.sum()),
        "noise": penalty,
    }
    return parts, Residuals(alpha / diagonal, 1.0 / diagonal)
