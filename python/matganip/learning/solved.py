r"""A model that was solved instead of trained: a function of the columns of a representation.

.. math:: y(x) = c + \sum_k \alpha_k \left[ b\, z \cdot z_k + \frac{a}{1 + \ell |z - z_k|^2} \right], \qquad
          z_j = p_j (x_j - \bar x_j)

(Rasmussen and Williams, *Gaussian Processes for Machine Learning*, 2006, chapters 2 and 5); with a = 0 it is linear.
`matganip.learning.solving` finds it. Everything is float64.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError, damaged, first_line
from matganip.files import atomic_path, read_json, write_json
from matganip.learning.calibration import shape_of

Floats = NDArray[np.float64]

RECORD, ARRAYS = "solved.json", "solved.safetensors"
FORMAT, VERSION = "matganip-solved", 2
INTERCEPT = 10.0
"""Variance of the constant beside a curved function, in units of the mean variance of the linear part."""


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
    width, sharpness, typical, reach : float
        The deviation of a row whose posterior variance is `typical` (the geometric mean of rows left out) is `width`,
        eV/site; others follow the posterior's deviation to the power `sharpness` (0: all rows alike), and beyond the
        largest variance of rows left out, `reach`, in proportion to it (`matganip.learning.calibration`).
    constant : float
        The one width for all rows that suits the same errors best, eV/site.
    inner, outer : float
        How many deviations hold 68 and 95 % of errors.
    left_out : (n,) float64 ndarray
        Errors of the training rows, each left out (a fifth at a time where columns have scales of their own, or where
        that shows much larger errors), eV/site; nan for those that a curved function was not fitted to.
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
    typical: float
    reach: float
    constant: float
    inner: float
    outer: float
    left_out: Floats
    reads_features = True
    per_site = True

    @property
    def kind(self) -> str:
        """What kind of function it is: "linear" or "kernel"."""
        return "kernel" if len(self.centres) else "linear"

    def predict(self, features: Floats, *, deviations: bool = True, calibrated: bool = True) -> tuple[Floats, Floats]:
        """Predict.

        Parameters
        ----------
        features : (n, p) float64 ndarray
        deviations : bool
            Whether to work out the spread.
        calibrated : bool
            Whether it is that of errors, or the posterior's, in units of its own.

        Returns
        -------
        mean, deviation : (n,) float64 ndarrays
            eV/site; standard deviations, nan where they were not asked for. A row's numbers do not depend, to the last
            bit, on the rows beside it.
        """
        z = self.prior * (features - self.mean)
        mean, deviation = np.empty(len(z)), np.full(len(z), np.nan)
        width = self._deviation if calibrated else np.sqrt
        rows = max(1, 4_000_000 // max(1, len(self.spread)))
        for start in range(0, len(z), rows):
            part = slice(start, start + rows)
            block = z[part]
            # einsum and sums by row, no matrix products: these would round a row by the rows beside it.
            mean[part] = self.offset + (block * self.slope).sum(axis=1)
            if self.kind == "linear":
                if deviations:
                    seen = np.einsum("np,pr->nr", block, self.spread)
                    deviation[part] = width(self.noise + (seen**2).sum(axis=1))
                continue
            own = (block**2).sum(axis=1)
            inner = np.einsum("np,mp->nm", block, self.centres)
            square = np.maximum(own[:, None] + (self.centres**2).sum(axis=1) - 2.0 * inner, 0.0)
            near = 1.0 / (1.0 + self.curvature * square)
            mean[part] += (near * self.alpha).sum(axis=1)
            if deviations:
                seen = np.einsum("nm,mr->nr", self.linear * inner + near + INTERCEPT, self.spread)
                alone = self.linear * own + 1.0 + INTERCEPT
                unseen = np.maximum(alone - (seen**2).sum(axis=1), 0.0)
                deviation[part] = width(self.noise + unseen)
        return mean, deviation

    def _deviation(self, variance: Floats) -> Floats:
        """The calibrated width; beyond what rows left out have shown it grows as the posterior does."""
        known = np.minimum(variance, self.reach)
        shape = shape_of(known, self.typical, self.sharpness)
        deviation: Floats = self.width * shape * np.sqrt(variance / known)
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
        from safetensors import SafetensorError
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
        with damaged(path / RECORD):
            try:
                stored = load(data)
            except SafetensorError as error:
                raise ValueError(first_line(error)) from error
            arrays = {name: np.asarray(stored[name], dtype=np.float64) for name in _ARRAYS}
            values: dict[str, Any] = {**arrays, **{name: float(record[name]) for name in _NUMBERS}}
            found = cls(**values)
        p, m = len(found.mean), len(found.centres)
        shapes = (found.prior.shape, found.slope.shape, found.alpha.shape, found.centres.shape[1:], len(found.spread))
        if shapes != ((p,), (p,), (m,), (p,), m or p):
            raise InputError(f"{path / ARRAYS}: damaged: its arrays do not fit together")
        return found


_ARRAYS = ("mean", "prior", "slope", "centres", "alpha", "spread", "left_out")
_NUMBERS = (
    "linear", "curvature", "offset", "baseline", "noise", "width", "sharpness", "typical", "reach", "constant", "inner",
    "outer",
)  # fmt: skip
