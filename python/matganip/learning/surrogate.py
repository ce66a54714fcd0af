"""Distilled surrogates: a quadratic function of the peaks, fitted to a trained model's own predictions.

Within one space a network's prediction is a smooth function of few variables: intensities are linear in pair (or
triplet) sums. A quadratic function of them is a thousand times cheaper than the network and has a small, measured
error, so that it can decide which arrangements the network does not have to see.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip import _core
from matganip.errors import InputError, damaged
from matganip.files import atomic_path, read_json
from matganip.learning.ridge import solve_ridge
from matganip.learning.scoring import ask

if TYPE_CHECKING:
    from matganip.learning.ensemble import Ensemble
    from matganip.learning.gan import Matganip
    from matganip.learning.representation import GraphRepresentation

Floats = NDArray[np.float64]

RECORD, OLD_RECORD = "surrogate.json", "student.json"
FORMAT, VERSION = "matganip-surrogate", 2
QUANTILES = (0.5, 0.9, 0.99, 0.999)

_LEAST_ROWS = 12
_SAME = 9  # decimals, of 100, to which equal peaks agree
_RANK_TOLERANCE = 1e-9


@dataclass(frozen=True)
class SurrogateErrors:
    """Errors of a surrogate against its model, on arrangements that it was not fitted to.

    Attributes
    ----------
    n : int
        Number of distinct rows of peaks.
    largest, mean : float
        Of the absolute difference, in the model's unit.
    quantiles : dict of str to float
        Absolute difference at each quantile, ``"0.99"`` for instance.
    deviation : float
        Standard deviation of the model's predictions on these rows, the scale of an error.
    """

    n: int
    largest: float
    mean: float
    quantiles: dict[str, float]
    deviation: float

    @property
    def exceeding(self) -> float:
        """Upper bound, at 95 % confidence, on the share of arrangements whose error exceeds `largest`.

        If that share were larger, the probability (1 - share)^n that none of n independent draws exceeds the limit
        would be below 5 %.
        """
        return float(1.0 - 0.05 ** (1.0 / self.n))

    @classmethod
    def of(cls, found: Floats, wanted: Floats) -> SurrogateErrors:
        """Measure predictions (n,) against those of the model (n,)."""
        apart = np.abs(found - wanted)
        return cls(
            n=len(apart),
            largest=float(apart.max()),
            mean=float(apart.mean()),
            quantiles={str(q): float(np.quantile(apart, q)) for q in QUANTILES},
            deviation=float(wanted.std()),
        )


@dataclass(frozen=True, eq=False)
class DistilledSurrogate:
    r"""A sum of squares of linear functions of the peaks, in place of a network.

    .. math:: y = c + \sum_k u_k (\beta_k + \lambda_k u_k), \qquad u_k = \sum_i (I_i - o_i) w_{ik}

    Any quadratic function has this form in the eigenvectors of its matrix; a linear one has a single u.

    Attributes
    ----------
    origin : (p,) float64 ndarray
        Mean intensities o of the rows fitted to.
    directions : (p, r) float64 ndarray
        w, the axes.
    linear, squares : (r,) float64 ndarrays
        beta and lambda.
    constant : float
        c.
    unit : str
        The model's.
    model : str
        Fingerprint of the model that it stands for.
    baseline : float
        The model's mean baseline, in `unit`.
    errors : SurrogateErrors
        On rows held out of the fit.

    Examples
    --------
    >>> import matganip as mg
    >>> from matganip.learning.dataset import Dataset
    >>> from matganip.learning.representation import GraphRepresentation
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> represent = GraphRepresentation(mg.LatticeDiffraction(space, resolution="resolved"), n_peaks=28)
    >>> rows = mg.read_labels("cspbi3_br/chgnet_X6of24").join(space)
    >>> data = Dataset(represent(rows.occupations), rows.energy, rows.multiplicity, unit="eV")
    >>> model = mg.Matganip(mg.MatganipConfig(epochs=5, objective="supervised"))
    >>> history = model.fit(data.subset(range(50)))
    >>> surrogate = DistilledSurrogate.fit(model, represent, rows.occupations, seed=0)
    >>> surrogate.predict(represent.peaks(rows.occupations).intensity[:, :28]).shape
    (603,)
    >>> surrogate.bound < 0.1 * surrogate.errors.deviation
    True
    """

    origin: Floats
    directions: Floats
    linear: Floats
    squares: Floats
    constant: float
    unit: str
    model: str
    baseline: float
    errors: SurrogateErrors

    reads_features = True
    per_site = False

    @classmethod
    def fit(
        cls,
        model: Matganip | Ensemble,
        represent: GraphRepresentation,
        occupations: NDArray[np.uint8],
        seed: int = 0,
        *,
        degree: int = 2,
        held_out: float = 0.2,
    ) -> DistilledSurrogate:
        """Distil a model on a sample of the arrangements that are to be screened.

        Parameters
        ----------
        model : Matganip or Ensemble
            The model to stand for; of an ensemble, its mean.
        represent : GraphRepresentation
            Of the space of the arrangements, as the model was trained on, of one channel.
        occupations : (n, n_sites) uint8 ndarray
            Orbits of the space to be screened. The errors hold for arrangements drawn as these were.
        seed : int
            Of the draw of the rows held out.
        degree : {1, 2}
            A linear or a quadratic function.
        held_out : float
            The share of the distinct rows on which errors are measured.

        Returns
        -------
        DistilledSurrogate

        Raises
        ------
        InputError
            If `degree` or `held_out` is out of its range, the model has several channels, or fewer than 12 rows of
            peaks are distinct.

        Notes
        -----
        Arrangements with equal peaks count once, so that no row is tested on a copy of a fitted one. The coefficients
        are those of a ridge regression on standardised principal components, whose penalty is chosen by
        leave-one-out errors.
        """
        if degree not in (1, 2):
            raise InputError(f"degree must be 1 or 2, not {degree!r}")
        if not 0 < held_out < 1:
            raise InputError(f"held_out must be between 0 and 1, not {held_out!r}")
        first = _member(model)
        if first.config.channels != 1:
            raise InputError(f"a surrogate reads one list of peaks, the model has {first.config.channels} channels")
        intensity, wanted = _lesson(model, represent, occupations)
        if len(intensity) < _LEAST_ROWS:
            raise InputError(
                f"a surrogate needs at least {_LEAST_ROWS} arrangements with distinct peaks, these {len(occupations)} "
                f"have {len(intensity)}"
            )
        order = np.random.default_rng(seed).permutation(len(intensity))
        n_out = max(1, round(held_out * len(order)))
        out, rest = order[:n_out], order[n_out:]
        made = cls(
            *_quadratic(intensity[rest], wanted[rest], degree),
            unit=first.unit,
            model=_fingerprint(model),
            baseline=float(model.baseline),
            errors=SurrogateErrors(0, 0.0, 0.0, {}, 0.0),
        )
        return replace(made, errors=SurrogateErrors.of(made.predict(intensity[out]), wanted[out]))

    @property
    def bound(self) -> float:
        """The largest error on the rows held out, in `unit`; see `errors` for their number and what may exceed it."""
        return self.errors.largest

    @property
    def fingerprint(self) -> str:
        """Names it, with the model that it stands for."""
        return f"surrogate of {self.model}"

    @property
    def n_peaks(self) -> int:
        """Number of peaks that it reads."""
        return len(self.origin)

    def predict(self, intensity: ArrayLike, *, num_threads: int = 1) -> Floats:
        """Predict the property from peaks.

        Parameters
        ----------
        intensity : (n, p) array
            Intensities of the vertices of the graph, in its order.
        num_threads : int
            0 is all cores. The result is the same bytes for any number.

        Returns
        -------
        (n,) float64 ndarray
            In `unit`. A row's prediction does not depend on the other rows, to the last bit.

        Raises
        ------
        InputError
            If there are fewer or more peaks than the surrogate reads, or one is not a finite number.
        """
        rows = np.asarray(intensity, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.n_peaks:
            raise InputError(f"intensity must have shape (n, {self.n_peaks}), not {rows.shape}")
        y: Floats = self._function.predict(np.ascontiguousarray(rows), num_threads=num_threads)
        bad = np.flatnonzero(~np.isfinite(y))
        if len(bad):
            raise InputError(f"row {bad[0]}: an intensity is not a finite number ({len(bad)} such rows)")
        return y

    @property
    def _function(self) -> _core.SumOfSquares:
        """Each row is summed in one order: in a matrix product the rounding of a row would depend on its place."""
        return _core.SumOfSquares(
            directions=np.ascontiguousarray(self.directions),
            shift=-(self.origin @ self.directions),
            linear=np.ascontiguousarray(self.linear),
            squares=np.ascontiguousarray(self.squares),
            constant=self.constant,
        )

    def measure(
        self, model: Matganip | Ensemble, represent: GraphRepresentation, occupations: NDArray[np.uint8]
    ) -> SurrogateErrors:
        """Compare with the model on other arrangements.

        Parameters
        ----------
        model, represent, occupations
            As for `fit`.

        Returns
        -------
        SurrogateErrors
            On the distinct rows. With all orbits of a space, `largest` is a bound and not an estimate.
        """
        intensity, wanted = _lesson(model, represent, occupations)
        return SurrogateErrors.of(self.predict(intensity), wanted)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``surrogate.json`` into a folder, that of the model for instance."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        record = {"format": FORMAT, "version": VERSION, **asdict(self)}
        with atomic_path(path / RECORD) as temporary:
            temporary.write_text(json.dumps(record, indent=1, default=np.ndarray.tolist) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | os.PathLike[str], model: Matganip | Ensemble | None = None) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : path-like
        model : Matganip or Ensemble, optional
            The model that it must stand for.

        Returns
        -------
        DistilledSurrogate
            Its predictions equal those of the saved one to the last bit.

        Raises
        ------
        InputError
            If the file is missing, damaged, of another version, or belongs to another model.
        """
        path = Path(folder) / RECORD
        record = _record(path)
        with damaged(path):
            made = cls(
                **{name: _numbers(record[name]) for name in ("origin", "directions", "linear", "squares")},
                constant=float(record["constant"]),
                unit=str(record["unit"]),
                model=str(record["model"]),
                baseline=float(record["baseline"]),
                errors=SurrogateErrors(**record["errors"]),
            )
            p, r = made.directions.shape
            if made.origin.shape != (p,) or made.linear.shape != (r,) or made.squares.shape != (r,):
                raise ValueError("its arrays do not fit together")
        if model is not None and made.model != _fingerprint(model):
            raise InputError(f"{path}: the surrogate of another model; distil this one again")
        return made


def _quadratic(intensity: Floats, wanted: Floats, degree: int) -> tuple[Floats, Floats, Floats, Floats, float]:
    """Origin (p,), directions (p, r), linear and squares (r,) and constant of the fitted function."""
    origin = intensity.mean(axis=0)
    _, s, vt = np.linalg.svd(intensity - origin, full_matrices=False)
    rank = int((s > _RANK_TOLERANCE * max(s[0], 1e-300)).sum())
    scale = s[:rank] / np.sqrt(len(intensity))
    axes = vt[:rank].T / scale  # (p, rank)
    z = (intensity - origin) @ axes  # (n, rank), standardised
    i, j = np.triu_indices(rank)
    products = z[:, i] * z[:, j] if degree == 2 else np.zeros((len(z), 0))  # (n, rank (rank + 1) / 2)
    centre = products.mean(axis=0)
    features = np.concatenate([z, products - centre], axis=1)
    mean = float(wanted.mean())
    solved = solve_ridge(features, wanted - mean, np.ones(len(wanted))).coefficients
    slope, bend = solved[:rank], solved[rank:]
    if degree == 1:
        return origin, axes @ slope[:, None], np.ones(1), np.zeros(1), mean
    form = np.zeros((rank, rank))
    form[i, j] += bend / 2
    form[j, i] += bend / 2
    squares, turn = np.linalg.eigh(form)  # z form z = sum_k squares_k (turn_k z)^2
    return origin, axes @ turn, turn.T @ slope, squares, mean - float(centre @ bend)


def _lesson(
    model: Matganip | Ensemble, represent: GraphRepresentation, occupations: NDArray[np.uint8]
) -> tuple[Floats, Floats]:
    """Distinct rows of peaks (m, p) and the model's predictions for them (m,)."""
    intensity = represent.features(occupations, 1)
    _, first = np.unique(np.round(intensity, _SAME), axis=0, return_index=True)
    first.sort()
    intensity = np.ascontiguousarray(intensity[first])
    return intensity, ask(model, represent, intensity)[0]


def _member(model: Matganip | Ensemble) -> Matganip:
    return _members(model)[0]


def _members(model: Matganip | Ensemble) -> tuple[Matganip, ...]:
    members: Any = getattr(model, "members", [model])
    return tuple(members)


def _fingerprint(model: Matganip | Ensemble) -> str:
    return " ".join(member.fingerprint for member in _members(model))


def _numbers(values: Any) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError("a coefficient is not a finite number")
    return array


def _record(path: Path) -> dict[str, Any]:
    if not path.exists() and (path.parent / OLD_RECORD).exists():
        raise InputError(
            f"{path.parent / OLD_RECORD}: version 1, this program reads version {VERSION} ({RECORD}); distil again"
        )
    record = read_json(path)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(f"{path}: not a distilled surrogate of matganip")
    if record.get("version") != VERSION:
        raise InputError(f"{path}: version {record.get('version')}, this program reads version {VERSION}; distil again")
    return record
