"""How many threads linear algebra takes: small matrices are faster with one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from matganip.errors import require

FEW_ROWS = 1000
"""Rows of a training set up to which a thread waits longer for another than it works."""


@contextmanager
def threads_for(n_rows: int) -> Iterator[None]:
    """One thread for the linear algebra of few rows.

    A closed form is thousands of products of small matrices. Where other programs want the cores too, each waits for
    the slower of two threads, which spins meanwhile: the same training took twenty times the processor time.

    Parameters
    ----------
    n_rows : int
        Of the training set.

    Examples
    --------
    >>> import numpy as np
    >>> with threads_for(150):
    ...     product = np.eye(2) @ np.eye(2)
    """
    if n_rows > FEW_ROWS:
        yield
        return
    with require("threadpoolctl", "learn").threadpool_limits(1, user_api="blas"):
        yield
