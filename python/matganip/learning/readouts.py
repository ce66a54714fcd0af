"""Readouts that are solved instead of trained: what G's convolutions then correct.

Each gives, with its solution, what it predicts of every training row when that row is left out. The convolutions learn
what *that* leaves: the rest of a row that helped to solve the readout is smaller than what new rows will show.

Shapes: n structures, c channels, p peaks, k properties; all standardised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.learning import kernel
from matganip.learning._torch import nn, torch
from matganip.learning.ridge import PENALTIES, solve_ridge

if TYPE_CHECKING:
    from matganip.learning.networks import Graphs


_PENALTIES = tuple(penalty for penalty in PENALTIES if penalty >= kernel.ROUNDING)


def by_row(linear: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    """Apply a linear layer with few outputs, (n, f) -> (n, k), to each row by itself.

    A matrix product rounds a row according to how many stand beside it; this does not, so that equal graphs get
    equal predictions in any batch.
    """
    y = torch.cat([(x * row).sum(dim=1, keepdim=True) for row in linear.weight], dim=1)  # (n, k)
    return y if linear.bias is None else y + linear.bias


def each_row(linear: Any, x: torch.Tensor) -> torch.Tensor:
    """Apply a wide linear layer, (n, f) -> (n, width): row by row where it predicts, as a product where it trains."""
    product: bool = torch.is_grad_enabled()
    y: torch.Tensor = linear(x) if product else (x.unsqueeze(1) * linear.weight).sum(dim=2) + linear.bias
    return y  # (n, width)


class LinearReadout(nn.Module):
    """Ridge regression on the vertex strengths, or on vertices and edges.

    Edges a_ij hold the products of intensities: with them it is quadratic in the intensities.

    Parameters
    ----------
    n_vertices, n_edges : int
        c * p, and c * p * p or 0.
    n_properties : int
        k.
    """

    def __init__(self, n_vertices: int, n_edges: int, n_properties: int = 1) -> None:
        super().__init__()
        self.reads_edges = n_edges > 0
        self.linear = nn.Linear(n_vertices + n_edges, n_properties, bias=False)
        nn.init.zeros_(self.linear.weight)
        self.requires_grad_(False)

    @property
    def weight(self) -> torch.Tensor:
        """(k, f): the solved coefficients."""
        return self.linear.weight

    def solve(
        self, graphs: Graphs, target: torch.Tensor, weight: torch.Tensor, rounding: NDArray[np.float64]
    ) -> torch.Tensor:
        """Fit targets (n, k) with weights (n, 1); give the predictions of rows left out, (n, k).

        Over one cell and composition some vertices follow from others, in other cells they do not: a direction that is
        no wider than the rounding of the strengths, (c, p), gets no coefficient. Edges hold real second-order terms
        down there.
        """
        features, y, w = (x.double().cpu().numpy() for x in (self._features(graphs), target, weight))
        least = 0.0 if self.reads_edges else float(np.sqrt(len(features) * np.sum(rounding**2)))
        solved = [solve_ridge(features, column, w[:, 0], _PENALTIES, rounding=least) for column in y.T]
        self.linear.weight.copy_(torch.from_numpy(np.array([one.coefficients for one in solved])))
        return torch.from_numpy(np.array([one.left_out for one in solved]).T).to(target)

    def forward(self, graphs: Graphs) -> torch.Tensor:
        """Predict, (n, k)."""
        return by_row(self.linear, self._features(graphs))

    def _features(self, graphs: Graphs) -> torch.Tensor:
        vertices = graphs.strengths.flatten(1)  # (n, c * p)
        return torch.cat([vertices, graphs.matrices.flatten(1)], dim=1) if self.reads_edges else vertices


class KernelReadout(nn.Module):
    """Kernel ridge regression on the vertex strengths with a scale for each vertex; see `matganip.learning.kernel`.

    It stays on the CPU and in float64, whatever the device: large coefficients cancel.

    Parameters
    ----------
    n_vertices : int
        c * p.
    n_properties : int
        k.
    """

    centres: torch.Tensor  # (m, c * p), scaled
    scale: torch.Tensor  # (c * p,)
    linear: torch.Tensor  # (2,): factors of the linear and of the curved part
    coefficients: torch.Tensor  # (m, k)

    def __init__(self, n_vertices: int, n_properties: int = 1) -> None:
        super().__init__()
        self.n_properties = n_properties
        self.register_buffer("scale", torch.ones(n_vertices, dtype=torch.float64))
        self.register_buffer("linear", torch.zeros(2, dtype=torch.float64))
        self.make_room(0)

    def make_room(self, n_centres: int) -> None:
        """Get ready for so many centres, as a checkpoint has them."""
        self.register_buffer("centres", torch.zeros((n_centres, len(self.scale)), dtype=torch.float64))
        self.register_buffer("coefficients", torch.zeros((n_centres, self.n_properties), dtype=torch.float64))

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> KernelReadout:  # noqa: ARG002
        return self

    def solve(
        self, graphs: Graphs, target: torch.Tensor, weight: torch.Tensor, rounding: NDArray[np.float64]
    ) -> torch.Tensor:
        """Fit targets (n, k) with weights (n, 1); give the predictions of rows left out, (n, k)."""
        del rounding  # a function for one cell: what its vertices never do in it is not asked for
        s, y, w = (x.detach().double().cpu() for x in (graphs.strengths.flatten(1), target, weight[:, 0]))
        drawn = np.sort(np.random.default_rng(len(s)).permutation(len(s))[: kernel.MAX_CENTRES])
        with torch.enable_grad():
            found = kernel.fit_kernel(s[drawn], y[drawn], w[drawn])
        self.make_room(len(drawn))
        self.scale, self.linear = found.scale, torch.tensor([found.linear, found.near], dtype=torch.float64)
        self.centres, self.coefficients = found.scale * s[drawn], found.coefficients
        left_out = found.left_out if len(drawn) == len(s) else self._predict(s)  # the others took no part in it
        if len(drawn) < len(s):
            left_out[drawn] = found.left_out
        return left_out.to(target)

    def forward(self, graphs: Graphs) -> torch.Tensor:
        """Predict, (n, k)."""
        strengths = graphs.strengths.flatten(1)  # (n, c * p)
        return self._predict(strengths.double().cpu()).to(strengths)

    def _predict(self, s: torch.Tensor) -> torch.Tensor:
        return kernel.predict(self.scale * s, self.centres, self.linear, self.coefficients)


def solved_readout(fit: str, n_vertices: int, n_edges: int, n_properties: int) -> LinearReadout | KernelReadout | None:
    """Make the readout that ``readout_fit`` names; None for the one that Adam trains."""
    if fit == "kernel":
        return KernelReadout(n_vertices, n_properties)
    if fit in ("linear", "ridge"):
        return LinearReadout(n_vertices, n_edges if fit == "ridge" else 0, n_properties)
    return None
