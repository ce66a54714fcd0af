r"""How alike two hosts are: a kernel over formulas, symmetric in the two species on B.

Energies of ordering are sums over stars of wave vectors of a strength times the intensity of the arrangement, and the
strength is a function of the host alone: a form factor to be learned. Its kernel is a sum of products

.. math:: s^2\, k_{BB'}\; k_A\; k_X\; \exp(-(\ln a - \ln a')^2 / 2 l^2),

with :math:`k_{BB'} = [k(b, c) - k(b, c') - k(b', c) + k(b', c')]^2`, that of squares of differences between b and b',
which vanish where both are one species as the contrast of an arrangement does, or
:math:`k(b, c) k(b', c') + k(b, c') k(b', c)`, that of any symmetric function. Between ions k is Gaussian in their
descriptors, each with a length scale of its own, mixed with 1 for the same element and 0 for others (Rasmussen and
Williams, *Gaussian Processes for Machine Learning*, 2006, sections 4.2 and 5.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matganip.crystal.ion_descriptors import DESCRIPTORS, ion_descriptors
from matganip.labels.formulas import DoublePerovskite
from matganip.learning._torch import torch

Floats = NDArray[np.float64]
Tensor = torch.Tensor

COMPONENTS = ("difference", "difference", "any")
"""The terms of the sum."""

ON_B = tuple(range(len(DESCRIPTORS)))
ON_A = tuple(map(DESCRIPTORS.index, ("radius", "electronegativity", "row", "p_block", "charge")))
ON_X = tuple(map(DESCRIPTORS.index, ("radius", "electronegativity", "row")))
"""Which descriptors tell the ions on A and X apart; on B all do."""

Parameters = dict[str, Tensor]


def initial_parameters(seed: int) -> list[Parameters]:
    """Logarithms of length scales and sizes to begin with, for each of `COMPONENTS`; B's scales are shaken a little."""
    shaken = torch.Generator().manual_seed(seed)
    found = []
    for number in range(len(COMPONENTS)):
        main = number < len(COMPONENTS) - 1
        noise = torch.randn(len(DESCRIPTORS), generator=shaken, dtype=torch.float64)
        found.append(
            {
                "b": 1.2 + 0.1 * noise,
                "a": torch.full((len(ON_A),), 1.5, dtype=torch.float64),
                "x": torch.full((len(ON_X),), 1.0, dtype=torch.float64),
                "edge": torch.tensor(0.5 if main else 0.0, dtype=torch.float64),
                "own_b": torch.tensor(-1.0 if main else 0.0, dtype=torch.float64),
                "own_a": torch.tensor(-3.0, dtype=torch.float64),
                "own_x": torch.tensor(-3.0, dtype=torch.float64),
                "size": torch.tensor(0.0 if main else -1.0, dtype=torch.float64),
            }
        )
    return found


@dataclass(frozen=True, eq=False)
class HostScales:
    """Means and deviations by which descriptors and edges of a training set are made comparable.

    Attributes
    ----------
    b, a, x : (2, p) float64 ndarray
        Mean and deviation of the ions on each site.
    edge : (2,) float64 ndarray
        Of the logarithm of the edge.
    """

    b: Floats
    a: Floats
    x: Floats
    edge: Floats

    @classmethod
    def of(cls, hosts: Sequence[DoublePerovskite]) -> HostScales:
        """Measure the hosts of a training set, each ion once."""
        sites = (
            {ion for host in hosts for ion in (host.b1, host.b2)},
            {host.a for host in hosts},
            {host.x for host in hosts},
        )
        every = [np.array([ion_descriptors(*ion) for ion in sorted(ions)]) for ions in sites]
        edges = np.log([host.edge for host in hosts])
        b, a, x = (_scale(table[:, kept]) for table, kept in zip(every, (ON_B, ON_A, ON_X), strict=True))
        return cls(b, a, x, np.array([edges.mean(), max(float(edges.std()), 1e-3)]))


def _scale(table: Floats) -> Floats:
    """Mean and deviation of columns; a column without any variation, or that no table has, tells nothing."""
    known = np.isfinite(table).any(axis=0)
    mean, deviation = np.zeros(table.shape[1]), np.zeros(table.shape[1])
    mean[known] = np.nanmean(table[:, known], axis=0)
    deviation[known] = np.nanstd(table[:, known], axis=0)
    return np.stack([mean, np.where(deviation > 1e-9, deviation, 1.0)])


class Hosts:
    """Hosts as the kernel reads them: which ions they have, and what these are.

    Parameters
    ----------
    hosts : sequence of n DoublePerovskite
    scales : HostScales
        Of the training set; what no table has of an ion is taken for the mean.
    """

    def __init__(self, hosts: Sequence[DoublePerovskite], scales: HostScales) -> None:
        b = sorted({ion for host in hosts for ion in (host.b1, host.b2)})
        a, x = sorted({host.a for host in hosts}), sorted({host.x for host in hosts})
        number = {ion: k for k, ion in enumerate(b)}
        self.ions = {
            "b": _standard(b, scales.b, ON_B),
            "a": _standard(a, scales.a, ON_A),
            "x": _standard(x, scales.x, ON_X),
        }
        self.same = {name: _same(ions) for name, ions in (("b", b), ("a", a), ("x", x))}
        pairs = [tuple(sorted((number[host.b1], number[host.b2]))) for host in hosts]
        distinct = sorted(set(pairs))
        self.pairs = torch.tensor(distinct)
        self.pair = torch.tensor([distinct.index(pair) for pair in pairs])
        self.a = torch.tensor([a.index(host.a) for host in hosts])
        self.x = torch.tensor([x.index(host.x) for host in hosts])
        edges = np.log([host.edge for host in hosts])
        self.edge = torch.tensor((edges - scales.edge[0]) / scales.edge[1])

    def __len__(self) -> int:
        return len(self.pair)


def _standard(ions: Sequence[tuple[str, int]], scale: Floats, kept: tuple[int, ...]) -> Tensor:
    table = np.array([ion_descriptors(*ion)[list(kept)] for ion in ions])
    return torch.tensor(np.nan_to_num((table - scale[0]) / scale[1], nan=0.0))


def _same(ions: Sequence[tuple[str, int]]) -> Tensor:
    names = np.array([name for name, _ in ions])
    return torch.tensor(names[:, None] == names, dtype=torch.float64)


def covariance(hosts: Hosts, parameters: Sequence[Parameters], rows: Tensor, columns: Tensor) -> Tensor:
    """The kernel between hosts.

    Parameters
    ----------
    hosts : Hosts
    parameters : sequence of dict
        As of `initial_parameters`.
    rows, columns : (n,) and (m,) int64 tensors
        Which of the hosts.

    Returns
    -------
    (n, m) float64 tensor
    """
    apart = (hosts.edge[rows][:, None] - hosts.edge[columns]) ** 2
    total = torch.zeros_like(apart)
    for kind, values in zip(COMPONENTS, parameters, strict=True):
        between = {name: _between_ions(hosts, values, name) for name in "bax"}
        pairs = _between_pairs(kind, between["b"], hosts.pairs)
        host = _spread(between["a"], hosts.a[rows], hosts.a[columns]) * _spread(
            between["x"], hosts.x[rows], hosts.x[columns]
        )
        near = torch.exp(2 * values["size"] - 0.5 * apart * torch.exp(-2 * values["edge"]))
        total = total + _spread(pairs, hosts.pair[rows], hosts.pair[columns]) * host * near
    return total


def _spread(table: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Entries of a table for rows and columns that repeat; its gradient is a sum by index, which plain indices sort."""
    return table.index_select(0, rows).index_select(1, columns)


def variance(hosts: Hosts, parameters: Sequence[Parameters], rows: Tensor) -> Tensor:
    """The diagonal of `covariance`, (n,)."""
    total = torch.zeros(len(rows), dtype=torch.float64)
    for kind, values in zip(COMPONENTS, parameters, strict=True):
        pairs = _between_pairs(kind, _between_ions(hosts, values, "b"), hosts.pairs)
        total = total + torch.exp(2 * values["size"]) * torch.diagonal(pairs)[hosts.pair[rows]]
    return total


def _between_ions(hosts: Hosts, values: Parameters, site: str) -> Tensor:
    scaled = hosts.ions[site] * torch.exp(-values[site])
    near = torch.exp(-0.5 * ((scaled[:, None] - scaled) ** 2).sum(dim=-1))
    own = torch.sigmoid(values["own_" + site])
    return (1 - own) * near + own * hosts.same[site]


def _between_pairs(kind: str, ions: Tensor, pairs: Tensor) -> Tensor:
    first, second = pairs[:, 0], pairs[:, 1]
    straight = ions[first][:, first], ions[second][:, second]
    crossed = ions[first][:, second], ions[second][:, first]
    if kind == "difference":
        return (straight[0] + straight[1] - crossed[0] - crossed[1]) ** 2
    return straight[0] * straight[1] + crossed[0] * crossed[1]
