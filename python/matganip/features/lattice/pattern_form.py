r"""Patterns as polynomials in an arrangement's amplitudes, with what is proportional summed once.

A peak is a sum of products of amplitudes (`matganip/lattice_diffraction.hpp` says what those are), each with a
coefficient. Products whose columns of coefficients, over all peaks, are proportional enter every peak in one fixed
ratio: they are summed once. That leaves about as many sums as the arrangement has symmetry-distinct pair (or
triplet) counts, whatever the number of sites and reflections.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from matganip import _core
from matganip.errors import InputError

# Relative to the largest coefficient: what symmetry cancels exactly is left by rounding at some 1e-16.
ABSENT = 1e-13
# Relative: rows of coefficients that agree this well are proportional.
PROPORTIONAL = 1e-11
# Bytes: the table of sums by peaks of a crystal without symmetry grows as the square of its basis sites.
LARGEST_TABLE = 2**31


@dataclass(frozen=True, eq=False)
class Terms:
    """Products of amplitudes, several of which may belong to one row of coefficients.

    Attributes
    ----------
    row : numpy.ndarray
        (n_terms,) int64, the row of coefficients of each.
    factors : numpy.ndarray
        (n_terms, 2 or 3) int32, the amplitudes that are multiplied; amplitude 0 is the constant 1.
    weight : numpy.ndarray
        (n_terms,) float64; terms of weight 0 are dropped.
    """

    row: NDArray[np.int64]
    factors: NDArray[np.int32]
    weight: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PatternForm:
    """The tables of `matganip._core.LatticePattern`; ``lattice_diffraction.hpp`` says how they are read."""

    base: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    term_offsets: NDArray[np.int64]
    factors: NDArray[np.int32]
    weight: NDArray[np.float64]

    def times(self, factor: float) -> PatternForm:
        """The same form with all peaks multiplied by a number."""
        return replace(self, base=factor * self.base, coefficients=factor * self.coefficients)

    def times_each(self, factors: NDArray[np.float64]) -> PatternForm:
        """The same form with each peak multiplied by its own number, (n_peaks,)."""
        return replace(self, base=factors * self.base, coefficients=factors * self.coefficients)

    def columns(self, kept: NDArray[np.int64]) -> PatternForm:
        """The form of some of the peaks."""
        return replace(self, base=self.base[kept], coefficients=np.ascontiguousarray(self.coefficients[:, kept]))

    def compile(
        self, mode_of_code: NDArray[np.int32], waves: NDArray[np.float64], non_negative: bool = True
    ) -> _core.LatticePattern:
        """The kernel that evaluates the form.

        Parameters
        ----------
        mode_of_code : numpy.ndarray
            (n_sites, n_codes) int32.
        waves : numpy.ndarray
            (n_sites, n_waves) float64.
        non_negative : bool
            Whether the peaks are intensities, of which rounding leaves none below zero.

        Returns
        -------
        matganip._core.LatticePattern
        """
        return _core.LatticePattern(
            modes=mode_of_code,
            waves=waves,
            term_offsets=self.term_offsets,
            factors=self.factors,
            weight=self.weight,
            base=self.base,
            coefficients=self.coefficients,
            non_negative=non_negative,
        )


def pattern_form(base: NDArray[np.float64], rows: sparse.csr_array, terms: Terms) -> PatternForm:
    """Gather the products that enter all peaks in one ratio.

    Parameters
    ----------
    base : numpy.ndarray
        (n_peaks,) what does not depend on the arrangement.
    rows : scipy.sparse.csr_array
        (n_rows, n_peaks) coefficients.
    terms : Terms
        The products that each row stands for the sum of.

    Returns
    -------
    PatternForm

    Raises
    ------
    InputError
        If the table of sums by peaks would not fit into two gigabytes.
    """
    size = abs(rows).max(axis=1).toarray().ravel() if rows.shape[0] else np.zeros(0)
    present = size > ABSENT * max(size.max(initial=0.0), np.abs(base).max(initial=0.0))
    rows = rows[np.flatnonzero(present)]
    group, ratio, leaders = _proportional_rows(rows)
    if 8 * len(leaders) * len(base) > LARGEST_TABLE:
        raise InputError(
            f"this space has {len(leaders)} sums and {len(base)} peaks, a table of over two gigabytes: narrow "
            "two_theta_range, or take fewer vertices"
        )
    kept = np.flatnonzero(present[terms.row] & (terms.weight != 0))
    row = (np.cumsum(present) - 1)[terms.row[kept]]
    order = np.argsort(group[row], kind="stable")
    kept, row = kept[order], row[order]
    return PatternForm(
        base=base,
        coefficients=np.ascontiguousarray(rows[leaders].toarray()),
        term_offsets=np.concatenate([[0], np.cumsum(np.bincount(group[row], minlength=len(leaders)))]),
        factors=np.ascontiguousarray(terms.factors[kept]),
        weight=ratio[row] * terms.weight[kept],
    )


def polynomial_form(
    factors: NDArray[np.int64], peaks: NDArray[np.int64], values: NDArray[np.float64], n_peaks: int
) -> PatternForm:
    """Bring a list of products, each with its coefficient in one peak, into the form that the kernel reads.

    Parameters
    ----------
    factors : numpy.ndarray
        (n, 2 or 3) int64, the amplitudes of each product in rising order; 0 is the constant 1.
    peaks : numpy.ndarray
        (n,) int64, the peak to which it adds.
    values : numpy.ndarray
        (n,) float64, its coefficient there. Products that occur several times are added up.
    n_peaks : int

    Returns
    -------
    PatternForm

    Raises
    ------
    InputError
        If the table of sums by peaks would not fit into two gigabytes.
    """
    constant = (factors == 0).all(axis=1)
    base = np.zeros(n_peaks)
    np.add.at(base, peaks[constant], values[constant])
    factors, peaks, values = factors[~constant], peaks[~constant], values[~constant]
    distinct, row = np.unique(factors, axis=0, return_inverse=True)
    rows = sparse.coo_array((values, (row.reshape(-1), peaks)), shape=(len(distinct), n_peaks)).tocsr()
    return pattern_form(base, rows, Terms(np.arange(len(distinct)), distinct.astype(np.int32), np.ones(len(distinct))))


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
