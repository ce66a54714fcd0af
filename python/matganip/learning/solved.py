r"""A model that is solved instead of trained: a Gaussian process on the columns of a representation.

.. math:: y(x) = c + \sum_k \alpha_k \left[ b\, z \cdot z_k + \frac{a}{1 + \ell |z - z_k|^2} \right], \qquad
          z_j = p_j (x_j - \bar x_j)

(Rasmussen and Williams, *Gaussian Processes for Machine Learning*, 2006, chapters 2 and 5). With a = 0 it is ridge
regression with a prior standard deviation p_j for each column: pairs before triplets, near before far, as cluster
expansions are regularised (Mueller and Ceder, Phys. Rev. B 80, 024103 (2009)). The priors, the penalty, b and l are
those with the least mean absolute error over rows left out one by one, which one decomposition gives in closed form.
Where rows are many beside the columns, each column then gets a scale of its own (`matganip.learning.column_scales`).
Everything is float64.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.files import atomic_path, read_json, write_json
from matganip.learning.column_scales import ROWS_PER_COLUMN, Scales, of_folds, own_scales, products_and_distances

Floats = NDArray[np.float64]

RECORD, ARRAYS = "solved.json", "solved.safetensors"
FORMAT, VERSION = "matganip-solved", 1
PENALTIES = tuple(10.0 ** (power / 2) for power in range(-28, 5))
TRIPLETS = (1.0, 0.3, 0.1, 0.03)
"""Tried prior standard deviations of triplets, in units of that of pairs."""
DECAYS = (np.inf, 1.0, 0.5, 0.25)
"""Tried lengths over which priors fall by 1/e, in units of the longest distance among the columns."""
CURVATURES = (0.03, 0.1, 0.3, 1.0, 3.0)
LINEAR_PARTS = (1.0, 10.0, 100.0, 1000.0, 10000.0)
CLEARLY = 0.98
"""Part of the straight function's error that the curved one's must be below to be taken."""
MOST_CENTRES = 1000
LEAST_CURVED = 40
"""Rows from which on a curved function is tried."""
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
    """

    order: NDArray[np.int64]
    distance: Floats


@dataclass(frozen=True, eq=False)
class Solved:
    r"""A solved model, made by `solve`, of features as `GraphRepresentation.features` has them.

    It predicts energies per *site* of the supercell, vacant ones included: these are linear in the columns where the
    number of vacancies varies, energies per atom are not.

    Attributes
    ----------
    mean, prior : (p,) float64 ndarray
        Of the columns: z = prior (x - mean).
    slope : (p,) float64 ndarray
        Of the linear part, on z.
    centres : (m, p) float64 ndarray
        z of the rows that the curved part compares with; m = 0 for a linear function.
    alpha : (m,) float64 ndarray
        Their coefficients.
    spread : (p, r) or (m, m) float64 ndarray
        The posterior variance of a row is ``noise`` + \|z spread\|^2 for a linear function, and that of the prior less
        \|k spread\|^2 for a curved one, with k the kernel between the row and the centres.
    linear, curvature : float
        b and l.
    offset : float
        c.
    baseline : float
        The weighted mean of the training set, eV/atom.
    noise : float
        Variance of a new row beside that of the function, in the units of the kernel.
    width, sharpness, reach : float
        A deviation is width times the posterior's to the power `sharpness`, what suits the errors of rows left out (0
        is one width for all rows), up to the largest posterior variance of these, `reach`.
    left_out : (n,) float64 ndarray
        Errors of the training rows, each left out (a fifth at a time where columns have scales of their own), eV/site;
        nan for those that a curved function was not fitted to.
    """

    mean: Floats
    prior: Floats
    slope: Floats
    centres: Floats
    alpha: Floats
    spread: Floats
    linear: float
    curvature: float
    offset: float
    baseline: float
    noise: float
    width: float
    sharpness: float
    reach: float
    left_out: Floats
    reads_features = True
    per_site = True

    @property
    def kind(self) -> str:
        """What kind of function it is: "linear" or "kernel"."""
        return "kernel" if len(self.centres) else "linear"

    def predict(self, features: Floats, *, deviations: bool = True) -> tuple[Floats, Floats]:
        """Predict.

        Parameters
        ----------
        features : (n, p) float64 ndarray
        deviations : bool
            Whether to work out the spread.

        Returns
        -------
        mean, deviation : (n,) float64 ndarrays
            eV/site; standard deviations, nan where they were not asked for. A row's numbers do not depend, to the last
            bit, on the rows beside it.
        """
        z = self.prior * (features - self.mean)
        mean, deviation = np.empty(len(z)), np.full(len(z), np.nan)
        rows = max(1, 4_000_000 // max(1, len(self.spread)))
        for start in range(0, len(z), rows):
            part = slice(start, start + rows)
            block = z[part]
            # einsum and sums by row, no matrix products: these would round a row by the rows beside it.
            mean[part] = self.offset + (block * self.slope).sum(axis=1)
            if self.kind == "linear":
                if deviations:
                    seen = np.einsum("np,pr->nr", block, self.spread)
                    deviation[part] = self._deviation(self.noise + (seen**2).sum(axis=1))
                continue
            own = (block**2).sum(axis=1)
            inner = np.einsum("np,mp->nm", block, self.centres)
            square = np.maximum(own[:, None] + (self.centres**2).sum(axis=1) - 2.0 * inner, 0.0)
            near = 1.0 / (1.0 + self.curvature * square)
            mean[part] += (near * self.alpha).sum(axis=1)
            if deviations:
                seen = np.einsum("nm,mr->nr", self.linear * inner + near + _INTERCEPT, self.spread)
                alone = self.linear * own + 1.0 + _INTERCEPT
                unseen = np.maximum(alone - (seen**2).sum(axis=1), 0.0)
                deviation[part] = self._deviation(self.noise + unseen)
        return mean, deviation

    def _deviation(self, variance: Floats) -> Floats:
        """The calibrated width; beyond what rows left out have shown it grows as the posterior does."""
        known = np.minimum(variance, self.reach)
        deviation: Floats = self.width * known ** (0.5 * self.sharpness) * np.sqrt(variance / known)
        return deviation

    def contributions(self, features: Floats) -> Floats:
        """What each column adds to the linear part of the predictions, (n, p) eV/site."""
        added: Floats = self.prior * (features - self.mean) * self.slope
        return added

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``solved.safetensors`` and ``solved.json``."""
        from safetensors.numpy import save

        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS}
        data = save(arrays)
        with atomic_path(path / ARRAYS) as temporary:
            temporary.write_bytes(data)
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        write_json(
            path / RECORD,
            {"format": FORMAT, "version": VERSION, "arrays_sha256": hashlib.sha256(data).hexdigest(), **numbers},
        )

    @classmethod
    def load(cls, folder: str | os.PathLike[str], device: str = "cpu") -> Self:
        """Read what `save` wrote; it computes on the CPU, whatever the device.

        Raises
        ------
        InputError
            If a file is missing, damaged or of another version.
        """
        from safetensors.numpy import load

        del device
        path = Path(folder)
        record = read_json(path / RECORD)
        try:
            data = (path / ARRAYS).read_bytes()
        except OSError as error:
            raise InputError(f"{path / ARRAYS}: cannot be read: {error.strerror}") from error
        if not isinstance(record, dict) or (record.get("format"), record.get("version")) != (FORMAT, VERSION):
            raise InputError(f"{path / RECORD}: not the record of a solved model of version {VERSION}; train again")
        if hashlib.sha256(data).hexdigest() != record.get("arrays_sha256"):
            raise InputError(f"{path / ARRAYS}: damaged: its checksum is not that of {RECORD}")
        try:
            arrays = {name: np.asarray(load(data)[name], dtype=np.float64) for name in _ARRAYS}
            values: dict[str, Any] = {**arrays, **{name: float(record[name]) for name in _NUMBERS}}
            found = cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path / RECORD}: damaged: {error}") from error
        p, m = len(found.mean), len(found.centres)
        shapes = (found.prior.shape, found.slope.shape, found.alpha.shape, found.centres.shape[1:], len(found.spread))
        if shapes != ((p,), (p,), (m,), (p,), m or p):
            raise InputError(f"{path / ARRAYS}: damaged: its arrays do not fit together")
        return found


_ARRAYS = ("mean", "prior", "slope", "centres", "alpha", "spread", "left_out")
_NUMBERS = ("linear", "curvature", "offset", "baseline", "noise", "width", "sharpness", "reach")
_INTERCEPT = 10.0
"""Variance of the constant beside a curved function, in units of the mean variance of the linear part."""
SHARPNESSES = (0.0, 0.25, 0.5, 0.75, 1.0)


def solve(
    features: Floats,
    target: Floats,
    weight: Floats,
    columns: Columns,
    *,
    baseline: float | None = None,
    curved: bool = True,
) -> Solved:
    """Fit a model in closed form.

    Parameters
    ----------
    features : (n, p) float64 ndarray
    target : (n,) float64 ndarray
        eV/site.
    weight : (n,) float64 ndarray
        Multiplicities, positive.
    columns : Columns
        Of the features.
    baseline : float, optional
        Mean of the training set in eV/atom; that of the targets by default.
    curved : bool
        Whether a curved function may be taken where it is clearly better than the linear one.

    Returns
    -------
    Solved

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
    if len(target) < 2:
        raise InputError(f"{len(target)} labels: at least 2 are needed to learn from")
    if np.ptp(target) == 0:
        raise InputError("all labels are equal: there is nothing to learn")
    y, w = target, weight / weight.mean()
    mean = np.average(features, axis=0, weights=w)
    best: _Fit | None = None
    for prior in _priors(features - mean, columns):
        best = _best_of(best, _linear(prior * (features - mean), y, w, prior))
    assert best is not None  # noqa: S101 - there is at least one prior
    rows = np.arange(len(y))
    if curved and len(y) >= LEAST_CURVED:
        drawn = np.sort(np.random.default_rng(len(y)).permutation(len(y))[:MOST_CENTRES])
        bent = _curved(best.prior * (features[drawn] - mean), y[drawn], w[drawn], best.prior)
        scaled = _with_scales(bent, features[drawn] - mean, y[drawn], w[drawn])
        for found in (bent, scaled):
            if found is not None and found.error < CLEARLY * best.error:
                best, rows = found, drawn
    own = float(np.average(y, weights=w)) if baseline is None else baseline
    return _finished(best, features, y, w, rows, mean, own)


@dataclass(frozen=True, eq=False)
class _Fit:
    """Settings that were tried, and the mean absolute error over rows left out.

    ``unseen`` are errors and variances of rows that had no part in the settings, where these are too many to be judged
    by rows left out one by one.
    """

    error: float
    prior: Floats
    linear: float
    curved: float
    curvature: float
    penalty: float
    unseen: tuple[Floats, Floats] | None = None


def _best_of(best: _Fit | None, found: _Fit) -> _Fit:
    return found if best is None or found.error < best.error else best


def _priors(centred: Floats, columns: Columns) -> list[Floats]:
    """Prior standard deviations to try, scaled so that the rows have a mean square of 1; constant columns have 0."""
    width = centred.std(axis=0)
    varies = width > _LEAST_WIDTH
    inverse = np.divide(1.0, width, out=np.zeros_like(width), where=varies)
    reach = float(columns.distance.max(initial=0.0)) or 1.0
    has_triplets = bool((columns.order[varies] == 3).any())
    found = []
    for alike, triplet, decay in product((inverse, varies.astype(float)), TRIPLETS if has_triplets else (1.0,), DECAYS):
        prior = alike * np.where(columns.order == 3, triplet, 1.0) * np.exp(-columns.distance / (decay * reach))
        size = float(np.sqrt(((prior * centred) ** 2).sum(axis=1).mean()))
        found.append(prior / (size or 1.0))
    return found


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


def _linear(z: Floats, y: Floats, w: Floats, prior: Floats) -> _Fit:
    """The penalty that is best over rows left out."""
    line, root, best = _Line.of(z, y, w), np.sqrt(w), None
    for penalty in PENALTIES:
        error = np.abs(line.left_out(penalty * len(y))[0]) / root
        best = _best_of(best, _Fit(float(np.average(error, weights=w)), prior, 1.0, 0.0, 0.0, penalty))
    assert best is not None  # noqa: S101 - PENALTIES is not empty
    return best


def _curved(z: Floats, y: Floats, w: Floats, prior: Floats) -> _Fit:
    """Curvature, linear part and penalty that are best over rows left out: on a coarse grid, then beside."""
    inner, square = products_and_distances(z, z)
    root, tried = np.sqrt(w), {}

    def best_of(i: int, j: int) -> _Fit:
        if (i, j) not in tried:
            kernel = LINEAR_PARTS[j] * inner + 1.0 / (1.0 + CURVATURES[i] * square) + _INTERCEPT
            values, vectors = np.linalg.eigh(root[:, None] * kernel * root)
            along, fit = vectors.T @ (root * (y - np.average(y, weights=w))), None
            for penalty in PENALTIES:
                inverse = 1.0 / (np.maximum(values, 0.0) + penalty)
                error = np.abs(vectors @ (inverse * along)) / ((vectors**2) @ inverse) / root
                mean = float(np.average(error, weights=w))
                fit = _best_of(fit, _Fit(mean, prior, LINEAR_PARTS[j], 1.0, CURVATURES[i], penalty))
            assert fit is not None  # noqa: S101 - PENALTIES is not empty
            tried[i, j] = fit
        return tried[i, j]

    coarse = [(i, j) for i in range(0, len(CURVATURES), 2) for j in range(0, len(LINEAR_PARTS), 2)]
    i, j = min(coarse, key=lambda at: best_of(*at).error)
    beside = [(i + di, j + dj) for di, dj in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    inside = [at for at in beside if 0 <= at[0] < len(CURVATURES) and 0 <= at[1] < len(LINEAR_PARTS)]
    return min((best_of(*at) for at in [(i, j), *inside]), key=lambda fit: fit.error)


def _with_scales(fit: _Fit, x: Floats, y: Floats, w: Floats) -> _Fit | None:
    """The curved function with a scale for each column; None where rows are too few for so many."""
    prior = np.where(x.std(axis=0) > _LEAST_WIDTH, fit.prior, 0.0)
    if len(y) < ROWS_PER_COLUMN * np.count_nonzero(prior):
        return None
    start = Scales(np.sqrt(fit.curvature) * prior, fit.linear / fit.curvature, fit.penalty)
    unseen = of_folds(x, y, w, start, _INTERCEPT)
    found = own_scales(x, y - np.average(y, weights=w), w, start, _INTERCEPT)
    error = float(np.average(np.abs(unseen[0]), weights=w))
    return _Fit(error, found.scale, found.linear, 1.0, 1.0, found.penalty, unseen)


def _finished(
    fit: _Fit, x: Floats, y: Floats, w: Floats, rows: NDArray[np.int64], mean: Floats, baseline: float
) -> Solved:
    """Solve with the chosen settings, and suit the spread to the errors of rows left out."""
    make = _solved_curve if fit.curved else _solved_line
    parts = make(fit, fit.prior * (x[rows] - mean), y[rows], w[rows])
    error, variance = parts.pop("left_out"), parts.pop("variance")
    if fit.unseen is not None:
        error, variance = fit.unseen
    width, sharpness = _calibrated(error, variance)
    left_out = np.full(len(y), np.nan)
    left_out[rows] = error
    return Solved(
        mean=mean,
        prior=fit.prior,
        linear=fit.linear,
        curvature=fit.curvature,
        baseline=baseline,
        width=width,
        sharpness=sharpness,
        reach=float(variance.max()),
        left_out=left_out,
        **parts,
    )


def _solved_line(fit: _Fit, z: Floats, y: Floats, w: Floats) -> dict[str, Any]:
    """Ridge regression with a free constant, its posterior, and the rows left out."""
    line, n = _Line.of(z, y, w), len(y)
    penalty = fit.penalty * n
    error, left = line.left_out(penalty)
    slope = line.vt.T @ (np.sqrt(line.square) / (line.square + penalty) * line.along)
    # Directions that no training row has keep the variance of the prior.
    unseen = np.eye(z.shape[1]) - line.vt.T @ line.vt if len(line.square) < z.shape[1] else np.empty((z.shape[1], 0))
    return {
        "slope": slope,
        "centres": np.empty((0, z.shape[1])),
        "alpha": np.empty(0),
        "spread": np.hstack([line.vt.T / np.sqrt(line.square + penalty), unseen / np.sqrt(penalty)]),
        "offset": float(np.average(y, weights=w) - np.average(z, axis=0, weights=w) @ slope),
        "noise": 1.0 + 1.0 / n,
        "left_out": error / np.sqrt(w),
        "variance": 1.0 / left,  # of a row left out: 1 + h / (1 - h)
    }


def _solved_curve(fit: _Fit, z: Floats, y: Floats, w: Floats) -> dict[str, Any]:
    """The Gaussian process of the chosen kernel, its posterior, and the rows left out."""
    inner, square = products_and_distances(z, z)
    kernel = fit.linear * inner + 1.0 / (1.0 + fit.curvature * square) + _INTERCEPT
    middle = float(np.average(y, weights=w))
    values, vectors = np.linalg.eigh(kernel + np.diag(fit.penalty / w))
    spread = vectors / np.sqrt(np.maximum(values, fit.penalty / w.max()))
    alpha = spread @ (spread.T @ (y - middle))
    diagonal = (spread**2).sum(axis=1)  # of the inverse
    return {
        "slope": fit.linear * (alpha @ z),
        "centres": z,
        "alpha": alpha,
        "spread": spread,
        "offset": middle + _INTERCEPT * float(alpha.sum()),
        "noise": fit.penalty,
        "left_out": alpha / diagonal,
        "variance": 1.0 / diagonal,
    }


def _calibrated(error: Floats, variance: Floats) -> tuple[float, float]:
    """Width and sharpness of the least negative log likelihood of errors of rows left out."""
    best = (np.inf, 1.0, 0.0)
    for sharpness in SHARPNESSES:
        width = float(np.sqrt(np.mean(error**2 / variance**sharpness))) or 1e-15
        surprise = np.log(width) + 0.5 * sharpness * float(np.mean(np.log(variance)))
        best = min(best, (surprise, width, sharpness))
    return best[1], best[2]
