r"""The pattern of a fixed lattice as a few sums of products, and what each peak takes of them.

With :math:`F = \sum_i c_i T_i` over the parts i of a reflection, the constant ones (T = 1, at q = 0 only) and
the modes (T = the lattice Fourier transform of one species on one basis site), a peak is

.. math:: I_p = \sum_{h \in p} w_h \Big[ \sum_i |c_i|^2 |T_i|^2
          + 2 \sum_{i<j} \mathrm{Re}(c_i c_j^*)\, \mathrm{Re}(T_i T_j^*)
          - \mathrm{Im}(c_i c_j^*)\, \mathrm{Im}(T_i T_j^*) \Big],

linear in the products of transforms. With anomalous dispersion F(h) and F(-h) differ, and the mean of their squares
is the sum of this expression over two components: the amplitudes with the real parts of the form factors, and those
with the imaginary ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from matganip.features.lattice.pattern_form import PatternForm, Terms, pattern_form
from matganip.features.lattice.translations import Waves


@dataclass(frozen=True, eq=False)
class Scattering:
    r"""Amplitudes of a list of reflections, part by part, and the peaks that they add to.

    Attributes
    ----------
    weight : numpy.ndarray
        (n_reflections,) factor of \|F\|^2: multiplicity (2 for a Friedel pair), Lorentz-polarization, and the share
        of the spectral line.
    constants : numpy.ndarray
        (n_components, n_scatterers, n_reflections) complex128, electrons: what each scatterer (a basis site, or
        the whole crystal) adds where q = 0 when it carries its reference species throughout. Not read elsewhere.
    modes : numpy.ndarray
        (n_components, n_modes, n_reflections) complex128, coefficient of each mode's lattice Fourier transform.
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


class _Products:
    """Products of two amplitudes, with the row of coefficients, one for each peak, that each has."""

    def __init__(self, scattering: Scattering, waves: Waves) -> None:
        self.scattering, self.waves = scattering, waves
        self.n_waves = waves.table.shape[1]
        self.base = np.zeros(scattering.n_peaks)
        self.linear = np.zeros((scattering.modes.shape[1], scattering.n_peaks))
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
        constants, weight = parts.constants[:, :, at_zero], parts.weight[at_zero]
        for a, b in combinations_with_replacement(range(constants.shape[1]), 2):
            value = (1 if a == b else 2) * weight * _product(constants[:, a], constants[:, b]).real
            for peaks in parts.peaks_of(a, b):
                self.base += np.bincount(peaks[at_zero], value, parts.n_peaks)
        for a in range(constants.shape[1]):
            for mode, b in enumerate(parts.scatterer):
                value = 2 * weight * _product(constants[:, a], parts.modes[:, mode, at_zero]).real
                for peaks in parts.peaks_of(a, int(b)):
                    self.linear[mode] += np.bincount(peaks[at_zero], value, parts.n_peaks)

    def add_pairs(self) -> None:
        """Mode times mode, for each q: the real and the imaginary part of T T'*."""
        parts, waves = self.scattering, self.waves
        cosine, sine, two_sided = waves.cosine, waves.sine, waves.sine >= 0
        for i, j in combinations_with_replacement(range(parts.modes.shape[1]), 2):
            product = (1 if i == j else 2) * parts.weight * _product(parts.modes[:, i], parts.modes[:, j])
            peaks = parts.peaks_of(int(parts.scatterer[i]), int(parts.scatterer[j]))
            real = [self.term(i, cosine, j, cosine, 1), self.term(i, sine, j, sine, two_sided)]
            self._append(self._table(product.real, peaks), np.stack(real, axis=1))
            if i == j:
                continue
            # Im(T T'*) = sin cos' - cos sin', and changes sign with q.
            imaginary = [self.term(i, sine, j, cosine, 1), self.term(i, cosine, j, sine, -1)]
            table = self._table(-waves.sign * product.imag, peaks)
            self._append(table[two_sided], np.stack(imaginary, axis=1)[two_sided])

    def finished(self) -> tuple[sparse.csr_array, Terms]:
        """All rows (n_products, n_peaks), and their terms."""
        if self.waves.zero >= 0:
            for mode, row in enumerate(self.linear):
                count = self.slot(mode, self.waves.cosine[[self.waves.zero]])[0]
                self._append(sparse.csr_array(row[None]), np.array([[[0, count, 1], [0, 0, 0]]], dtype=float))
        if not self.rows:  # one species on each sublattice
            self._append(sparse.csr_array((0, self.scattering.n_peaks)), np.zeros((0, 2, 3)))
        terms = np.concatenate(self.terms)
        return sparse.vstack(self.rows, format="csr"), Terms(
            row=np.repeat(np.arange(len(terms)), 2),
            factors=terms[:, :, :2].reshape(-1, 2).astype(np.int32),
            weight=terms[:, :, 2].ravel(),
        )

    def _table(self, value: NDArray[np.float64], peaks: list[NDArray[np.int64]]) -> sparse.csr_array:
        shape = (len(self.waves.cosine), self.scattering.n_peaks)
        places = np.tile(self.waves.q, len(peaks)), np.concatenate(peaks)
        return sparse.coo_array((np.tile(value, len(peaks)), places), shape=shape).tocsr()

    def _append(self, rows: sparse.csr_array, terms: NDArray[np.float64]) -> None:
        self.rows.append(rows)
        self.terms.append(terms)


def _product(a: NDArray[np.complex128], b: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """A b*, summed over the components, which stand first."""
    summed: NDArray[np.complex128] = (a * b.conj()).sum(axis=0)
    return summed


def quadratic_form(scattering: Scattering, waves: Waves) -> PatternForm:
    r"""Expand \|F\|^2 of all reflections into peaks.

    Parameters
    ----------
    scattering : Scattering
        Amplitudes of the reflections and the peaks that they add to.
    waves : Waves
        The q of the same reflections.

    Returns
    -------
    PatternForm

    Raises
    ------
    InputError
        If the table of sums by peaks would not fit into two gigabytes.
    """
    products = _Products(scattering, waves)
    products.add_constants()
    products.add_pairs()
    return pattern_form(products.base, *products.finished())
