"""A student of a trained model: a quadratic function of the peaks that says nearly what the model says, at once.

What a network makes of the arrangements of one space is smooth in few variables: intensities are linear in pair (or
triplet) sums. A quadratic function of them, fitted to the network's own predictions, is a thousand times cheaper and
off by a small, measured error: enough to tell which arrangements the network need not be asked about.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.files import atomic_path
from matganip.learning.ridge import solve_ridge

if TYPE_CHECKING:
    from matganip.features.peaks import Peaks
    from matganip.learning.ensemble import Ensemble
    from matganip.learning.gan import Matganip

Floats = NDArray[np.float64]

RECORD = "student.json"
FORMAT, VERSION = "matganip-student", 1
QUANTILES = (0.5, 0.9, 0.99, 0.999)

_LEAST_ROWS = 12
_ROWS_PER_BLOCK = 1024  # so many that a block and its products stay within the second-level cache
_SAME = 9  # decimals, of 100, to which equal peaks agree
_RANK_TOLERANCE = 1e-9


class Represents(Protocol):
    """From occupations to the peaks and to the matrices of a model: `GraphRepresentation` is one."""

    def peaks(self, occupations: NDArray[np.uint8]) -> Peaks:
        """The vertices of the graphs, and what follows them."""

    def __call__(self, occupations: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The matrices that the model reads."""


@dataclass(frozen=True)
class StudentErrors:
    """How far a student is from its teacher on arrangements that it was not fitted to.

    Attributes
    ----------
    n : int
        How many distinct rows of peaks it was asked about.
    largest, mean : float
        Of the absolute difference, in the model's unit.
    quantiles : dict of str to float
        The same, by the share of rows that are no further off.
    deviation : float
        Standard deviation of the teacher's predictions on these rows: what an error is to be compared with.
    """

    n: int
    largest: float
    mean: float
    quantiles: dict[str, float]
    deviation: float

    @property
    def exceeding(self) -> float:
        """The share of arrangements, drawn as these were, that are further off than `largest`: at most, by 95 %.

        Of n independent draws none passes a limit with the probability (1 - share)^n, which is 5 % at this share.
        """
        return float(1.0 - 0.05 ** (1.0 / self.n))

    @classmethod
    def of(cls, found: Floats, wanted: Floats) -> StudentErrors:
        """Measure predictions (n,) beside those of the teacher (n,)."""
        apart = np.abs(found - wanted)
        return cls(
            n=len(apart),
            largest=float(apart.max()),
            mean=float(apart.mean()),
            quantiles={str(q): float(np.quantile(apart, q)) for q in QUANTILES},
            deviation=float(wanted.std()),
        )


@dataclass(frozen=True, eq=False)
class Student:
    r"""A sum of squares of linear functions of the peaks, in place of a network.

    .. math:: y = c + \sum_k u_k (\beta_k + \lambda_k u_k), \qquad u_k = \sum_i (I_i - o_i) w_{ik}

    Any quadratic function is of this form, in the axes of its matrix; a linear one has a single u.

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
    teacher : str
        Fingerprint of the model, so that the student of another one is noticed.
    errors : StudentErrors
        On rows held out of the fit.

    Examples
    --------
    >>> import matganip as mg
    >>> from matganip.learning.dataset import Dataset
    >>> from matganip.screening.ranking import GraphRepresentation
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> represent = GraphRepresentation(mg.LatticeDiffraction(space, resolution="resolved"), n_peaks=28)
    >>> rows = mg.read_labels("cspbi3_br/chgnet_X6of24").join(space)
    >>> data = Dataset(represent(rows.occupations), rows.energy, rows.multiplicity, unit="eV")
    >>> model = mg.Matganip(mg.MatganipConfig(epochs=5, objective="supervised"))
    >>> history = model.fit(data.subset(range(50)))
    >>> student = Student.fit(model, represent, rows.occupations, seed=0)
    >>> student.predict(represent.peaks(rows.occupations).intensity[:, :28]).shape
    (603,)
    >>> student.bound < 0.1 * student.errors.deviation
    True
    """

    origin: Floats
    directions: Floats
    linear: Floats
    squares: Floats
    constant: float
    unit: str
    teacher: str
    errors: StudentErrors

    @classmethod
    def fit(
        cls,
        model: Matganip | Ensemble,
        represent: Represents,
        occupations: NDArray[np.uint8],
        seed: int = 0,
        *,
        degree: int = 2,
        held_out: float = 0.2,
    ) -> Student:
        """Distil a model on a sample of the arrangements that are to be screened.

        Parameters
        ----------
        model : Matganip or Ensemble
            The teacher; of an ensemble, its mean.
        represent : callable with `peaks`
            The representation that the model was trained on, of one channel.
        occupations : (n, n_sites) uint8 ndarray
            Orbits of the space in question: the errors hold for arrangements drawn as these were.
        seed : int
            Of the draw of what is held out.
        degree : {1, 2}
            A linear or a quadratic function.
        held_out : float
            The share of the distinct rows on which errors are measured.

        Returns
        -------
        Student

        Raises
        ------
        InputError
            If `degree` or `held_out` is out of its range, the model has several channels, or fewer than 12 rows of
            peaks are distinct.

        Notes
        -----
        Arrangements with equal peaks count once, so that nothing is tested on a copy of what was fitted. The
        coefficients are those of a ridge regression on standardised principal components, with the penalty that
        leaving rows out prefers.
        """
        if degree not in (1, 2):
            raise InputError(f"degree must be 1 or 2, not {degree!r}")
        if not 0 < held_out < 1:
            raise InputError(f"held_out must be between 0 and 1, not {held_out!r}")
        first = _member(model)
        if first.config.channels != 1:
            raise InputError(f"a student reads one list of peaks, the model has {first.config.channels} channels")
        intensity, wanted = _lesson(model, represent, occupations)
        if len(intensity) < _LEAST_ROWS:
            raise InputError(
                f"a student needs at least {_LEAST_ROWS} arrangements with distinct peaks, these {len(occupations)} "
                f"have {len(intensity)}"
            )
        order = np.random.default_rng(seed).permutation(len(intensity))
        n_out = max(1, round(held_out * len(order)))
        out, rest = order[:n_out], order[n_out:]
        made = cls(
            *_quadratic(intensity[rest], wanted[rest], degree),
            unit=first.unit,
            teacher=_fingerprint(model),
            errors=StudentErrors(0, 0.0, 0.0, {}, 0.0),
        )
        return replace(made, errors=StudentErrors.of(made.predict(intensity[out]), wanted[out]))

    @property
    def bound(self) -> float:
        """The largest error on rows held out, in `unit`; `errors` says on how many, and what may exceed it."""
        return self.errors.largest

    @property
    def n_peaks(self) -> int:
        """Peaks that it reads."""
        return len(self.origin)

    def predict(self, intensity: ArrayLike) -> Floats:
        """Predict the property from peaks.

        Parameters
        ----------
        intensity : (n, p) array
            Intensities of the vertices of the graph, in its order.

        Returns
        -------
        (n,) float64 ndarray
            In `unit`. A row's prediction does not depend, to the last bit, on the other rows or their number.

        Raises
        ------
        InputError
            If there are fewer or more peaks than the student reads, or one is not a finite number.
        """
        rows = np.asarray(intensity, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.n_peaks:
            raise InputError(f"intensity must have shape (n, {self.n_peaks}), not {rows.shape}")
        shift = -(self.origin @ self.directions)  # (r,)
        y = np.empty(len(rows))
        for start in range(0, len(rows), _ROWS_PER_BLOCK):
            part = slice(start, start + _ROWS_PER_BLOCK)
            y[part] = self._block(np.ascontiguousarray(rows[part].T), shift)
        bad = np.flatnonzero(~np.isfinite(y))
        if len(bad):
            raise InputError(f"row {bad[0]}: an intensity is not a finite number ({len(bad)} such rows)")
        return y

    def _block(self, columns: Floats, shift: Floats) -> Floats:
        """Predict (b,) from peaks (p, b).

        Each sum runs over the peaks in their order, element by element of the block: a matrix product would round a row
        by where it stands.
        """
        u = np.repeat(shift[:, None], columns.shape[1], axis=1)  # (r, b)
        product = np.empty_like(u)
        for peak, weight in zip(columns, self.directions, strict=True):
            np.multiply(weight[:, None], peak, out=product)
            u += product
        y = np.full(columns.shape[1], self.constant)
        for along, linear, square in zip(u, self.linear, self.squares, strict=True):
            y += along * (linear + square * along)
        return y

    def measure(
        self, model: Matganip | Ensemble, represent: Represents, occupations: NDArray[np.uint8]
    ) -> StudentErrors:
        """Compare with the teacher on other arrangements; see `StudentErrors`.

        Parameters
        ----------
        model, represent, occupations
            As for `fit`.

        Returns
        -------
        StudentErrors
            Of the distinct rows; on all orbits of a space its `largest` is a bound and no estimate.
        """
        intensity, wanted = _lesson(model, represent, occupations)
        return StudentErrors.of(self.predict(intensity), wanted)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``student.json`` into a folder, that of the model for instance."""
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
            The teacher that it is to have.

        Returns
        -------
        Student
            Predicts bit for bit what the saved one did.

        Raises
        ------
        InputError
            If the file is missing, damaged, of another version, or of another model's student.
        """
        path = Path(folder) / RECORD
        record = _record(path)
        try:
            made = cls(
                **{name: _numbers(record[name]) for name in ("origin", "directions", "linear", "squares")},
                constant=float(record["constant"]),
                unit=str(record["unit"]),
                teacher=str(record["teacher"]),
                errors=StudentErrors(**record["errors"]),
            )
            p, r = made.directions.shape
            if made.origin.shape != (p,) or made.linear.shape != (r,) or made.squares.shape != (r,):
                raise ValueError("its arrays do not fit together")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: damaged: {error}") from error
        if model is not None and made.teacher != _fingerprint(model):
            raise InputError(f"{path}: the student of another model; distil this one again")
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


def _lesson(model: Matganip | Ensemble, represent: Represents, occupations: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Distinct rows of peaks (m, p) and what the model says of them (m,)."""
    intensity = represent.peaks(occupations).intensity[:, : _member(model).config.n_peaks]
    _, first = np.unique(np.round(intensity, _SAME), axis=0, return_index=True)
    first.sort()
    said: Any = model.predict(represent(np.ascontiguousarray(occupations[first])))
    return intensity[first], said[0] if isinstance(said, tuple) else said


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
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: damaged: not JSON ({error})") from error
    if not isinstance(record, dict) or (record.get("format"), record.get("version")) != (FORMAT, VERSION):
        raise InputError(f"{path}: not the record of a matganip student of version {VERSION}")
    return record
