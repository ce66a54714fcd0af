r"""The pattern of a fixed lattice as a few sums of products, and what each peak takes of them.

With :math:`F = \sum_i c_i T_i` over the parts i of a reflection, the constant ones (T = 1, at q = 0 only) and
the modes (T = the lattice Fourier transform of one species on one basis site), a peak is

.. math:: I_p = \sum_{h \in p} w_h \Big[ \sum_i |c_i|^2 |T_i|^2
          + 2 \sum_{i<j} \mathrm{Re}(c_i c_j^*)\, \mathrm{Re}(T_i T_j^*)
          - \mathrm{Im}(c_i c_j^*)\, \mathrm{Im}(T_i T_j^*) \Big],

linear in the products of transforms. Products whose columns of coefficients, over all peaks, are proportional
enter every peak in one fixed ratio: they are summed once. That leaves about as many sums as the arrangement
has symmetry-distinct pair counts, whatever the number of sites and reflections.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from matganip.diffraction.translations import Waves
from matganip.errors import InputError

# Relative to the largest coefficient: what symmetry cancels exactly is left by rounding at some 1e-16.
ABSENT = 1e-13
# Relative: rows of coefficients that agree this well are proportional.
PROPORTIONAL = 1e-11
# Bytes: the table of sums by peaks of a crystal without symmetry grows as the square of its basis sites.
LARGEST_TABLE = 2**31


@dataclass(frozen=True, eq=False)
class Scattering:
    r"""Amplitudes of a list of reflections, part by part, and the peaks that they add to.

    Attributes
    ----------
    weight : numpy.ndarray
        (n_reflections,) factor of \|F\|^2: multiplicity (2 for a Friedel pair) times Lorentz-polarization.
    constants : numpy.ndarray
        (n_scatterers, n_reflections) complex128, electrons: what each scatterer (a basis site, or the whole
        crystal) adds where q = 0 when it carries its reference species throughout. Not read where q is not 0.
    modes : numpy.ndarray
        (n_modes, n_reflections) complex128, coefficient of each mode's lattice Fourier transform.
    scatterer : numpy.ndarray
        (n_modes,) int64, the scatterer of each mode.
    peaks_of : callable
        ``peaks_of(a, b)``: the peaks, each as (n_reflections,) int64, that the product of a part of scatterer
        a and one of scatterer b adds to.
    n_peaks : int
    """

    weight: NDArray[np.float64]
    constants: NDArray[np.complex128]
    modes: NDArray[np.complex128]
    scatterer: NDArray[np.int64]
    peaks_of: Callable[[int, int], list[NDArray[np.int64]]]
    n_peaks: int


@dataclass(frozen=True, eq=False)
class QuadraticForm:
    """The tables of `matganip._core.LatticePattern`; ``lattice_diffraction.hpp`` says how they are read."""

    base: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    term_offsets: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    weight: NDArray[np.float64]

    def times(self, factor: float) -> QuadraticForm:
        """The same form with all intensities multiplied by a number."""
        return replace(self, base=factor * self.base, coefficients=factor * self.coefficients)


class _Products:
    """Products of two amplitudes, with the row of coefficients, one for each peak, that each has."""

    def __init__(self, scattering: Scattering, waves: Waves) -> None:
        self.scattering, self.waves = scattering, waves
        self.n_waves = waves.table.shape[1]
        self.base = np.zeros(scattering.n_peaks)
        self.linear = np.zeros((len(scattering.modes), scattering.n_peaks))
        self.rows: list[sparse.csr_array] = []
        # A product is the sum of two terms (left, right, weight); the second may have the weight 0.
        self.terms: list[NDArray[np.float64]] = []

    def slot(self, mode: int, wave: NDArray[np.int64]) -> NDArray[np.int64]:
        """Amplitude number of a mode's wave: amplitude 0 is the constant 1."""
        number: NDArray[np.int64] = 1 + mode * self.n_waves + wave
        return number

    def term(
        self, i: int, wave_i: NDArray[np.int64], j: int, wave_j: NDArray[np.int64], weight: ArrayLike
    ) -> NDArray[np.float64]:
        """Left, right, weight (n_q, 3): the product of a wave of mode i and one of mode j, for each q."""
        left, right = self.slot(i, wave_i), self.slot(j, wave_j)
        return np.stack([left, right, np.broadcast_to(weight, left.shape)], axis=1).astype(np.float64)

    def add_constants(self) -> None:
        """Host times host, and host times a mode's number of sites, T(0): where q = 0."""
        parts = self.scattering
        at_zero = np.flatnonzero(self.waves.q == self.waves.zero)
        constants, weight = parts.constants[:, at_zero], parts.weight[at_zero]
        for a, b in combinations_with_replacement(range(len(constants)), 2):
            value = (1 if a == b else 2) * weight * (constants[a] * constants[b].conj()).real
            for peaks in parts.peaks_of(a, b):
                self.base += np.bincount(peaks[at_zero], value, parts.n_peaks)
        for a in range(len(constants)):
            for mode, b in enumerate(parts.scatterer):
                value = 2 * weight * (constants[a] * parts.modes[mode, at_zero].conj()).real
                for peaks in parts.peaks_of(a, int(b)):
                    self.linear[mode] += np.bincount(peaks[at_zero], value, parts.n_peaks)

    def add_pairs(self) -> None:
        """Mode times mode, for each q: the real and the imaginary part of T T'*."""
        parts, waves = self.scattering, self.waves
        cosine, sine, two_sided = waves.cosine, waves.sine, waves.sine >= 0
        for i, j in combinations_with_replacement(range(len(parts.modes)), 2):
            product = (1 if i == j else 2) * parts.weight * parts.modes[i] * parts.modes[j].conj()
            peaks = parts.peaks_of(int(parts.scatterer[i]), int(parts.scatterer[j]))
            real = [self.term(i, cosine, j, cosine, 1), self.term(i, sine, j, sine, two_sided)]
            self._append(self._table(product.real, peaks), np.stack(real, axis=1))
            if i == j:
                continue
            # Im(T T'*) = sin cos' - cos sin', and changes sign with q.
            imaginary = [self.term(i, sine, j, cosine, 1), self.term(i, cosine, j, sine, -1)]
            table = self._table(-waves.sign * product.imag, peaks)
            self._append(table[two_sided], np.stack(imaginary, axis=1)[two_sided])

    def finished(self) -> tuple[sparse.csr_array, NDArray[np.float64]]:
        """All rows (n_products, n_peaks), and their terms (n_products, 2, 3)."""
        if self.waves.zero >= 0:
            for mode, row in enumerate(self.linear):
                count = self.slot(mode, self.waves.cosine[[self.waves.zero]])[0]
                self._append(sparse.csr_array(row[None]), np.array([[[0, count, 1], [0, 0, 0]]], dtype=float))
        if not self.rows:  # one species on each sublattice
            return sparse.csr_array((0, self.scattering.n_peaks)), np.zeros((0, 2, 3))
        return sparse.vstack(self.rows, format="csr"), np.concatenate(self.terms)

    def _table(self, value: NDArray[np.float64], peaks: list[NDArray[np.int64]]) -> sparse.csr_array:
        shape = (len(self.waves.cosine), self.scattering.n_peaks)
        places = np.tile(self.waves.q, len(peaks)), np.concatenate(peaks)
        return sparse.coo_array((np.tile(value, len(peaks)), places), shape=shape).tocsr()

    def _append(self, rows: sparse.csr_array, terms: NDArray[np.float64]) -> None:
        self.rows.append(rows)
        self.terms.append(terms)


def quadratic_form(scattering: Scattering, waves: Waves) -> QuadraticForm:
    r"""Expand \|F\|^2 of all reflections into peaks, and gather what is proportional.

    Parameters
    ----------
    scattering : Scattering
        Amplitudes of the reflections and the peaks that they add to.
    waves : Waves
        The q of the same reflections.

    Returns
    -------
    QuadraticForm

    Raises
    ------
    InputError
        If the table of sums by peaks would not fit into two gigabytes.
    """
    products = _Products(scattering, waves)
    products.add_constants()
    products.add_pairs()
    rows, terms = products.finished()
    size = abs(rows).max(axis=1).toarray().ravel() if len(terms) else np.zeros(0)
    present = np.flatnonzero(size > ABSENT * max(size.max(initial=0.0), np.abs(products.base).max()))
    rows, terms = rows[present], terms[present]

    group, ratio, leaders = _proportional_rows(rows)
    if 8 * len(leaders) * scattering.n_peaks > LARGEST_TABLE:
        raise InputError(
            f"this space has {len(leaders)} pair sums and {scattering.n_peaks} peaks, a table of over two "
            "gigabytes: narrow two_theta_range"
        )
    weight = ratio[:, None] * terms[:, :, 2]
    number = np.broadcast_to(group[:, None], weight.shape)
    kept = weight.ravel() != 0
    order = np.argsort(number.ravel()[kept], kind="stable")
    left, right = (terms[:, :, k].ravel()[kept][order].astype(np.int32) for k in (0, 1))
    return QuadraticForm(
        base=products.base,
        coefficients=np.ascontiguousarray(rows[leaders].toarray()),
        term_offsets=np.concatenate([[0], np.cumsum(np.bincount(number.ravel()[kept], minlength=len(leaders)))]),
        left=left,
        right=right,
        weight=weight.ravel()[kept][order],
    )


def _proportional_rows(
    rows: sparse.csr_array,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Groups of rows that are multiples of one another.

    Rows are brought to length 1 and ordered by their projection on one fixed direction (which also gives them
    a sign): proportional ones then stand together, and are compared in full.

    Returns
    -------
    group : (n,) int64
    ratio : (n,) float64, row = ratio * row of the group's leader
    leaders : (n_groups,) int64, row number of each group's leader
    """
    norm = np.sqrt((rows * rows).sum(axis=1))
    direction = np.random.default_rng(0).standard_normal(rows.shape[1])
    signed = norm * np.where(rows @ direction < 0, -1.0, 1.0)
    unit = sparse.diags_array(1 / signed).tocsr() @ rows
    projection = unit @ direction
    order = np.argsort(projection, kind="stable")
    opens = np.concatenate([[True], np.diff(projection[order]) > PROPORTIONAL])[: len(order)]
    leader = np.empty(len(order), dtype=np.int64)
    leader[order] = order[np.maximum.accumulate(np.where(opens, np.arange(len(order)), 0))]
    misfit = abs(unit - unit[leader]).max(axis=1).toarray().ravel()
    leader = np.where(misfit < PROPORTIONAL, leader, np.arange(len(order)))
    leaders, group = np.unique(leader, return_inverse=True)
    return group.reshape(-1), signed / signed[leader], leaders
