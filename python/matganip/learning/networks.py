"""The two networks of MATGANIP: the generator G and the discriminator D.

Shapes: n structures, c channels, p peaks. k components of the property, mostly 1.
All that goes in and out is standardised; properties are (n, k).
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matganip.learning._torch import nn, torch
from matganip.learning.config import MatganipConfig
from matganip.learning.readouts import KernelReadout, LinearReadout, by_row, each_row, solved_readout
from matganip.learning.scaling import GraphScaler, vertex_strengths


class Graphs(NamedTuple):
    """A batch of standardised graphs."""

    matrices: torch.Tensor  # (n, c, p, p) float32
    strengths: torch.Tensor  # (n, c, p) float32: sum_j a_ij of each vertex

    @classmethod
    def of(cls, matrices: NDArray[np.float32], scaler: GraphScaler, device: torch.device) -> Graphs:
        """Standardise raw graph matrices, (n, c, p, p), and move them to a device."""
        scaled = scaler.matrices.transform(matrices)
        strengths = scaler.strengths.transform(vertex_strengths(matrices, scaler.positions))
        return cls(torch.from_numpy(scaled).to(device), torch.from_numpy(strengths).to(device))

    def batch(self, rows: torch.Tensor) -> Graphs:
        """Take some rows."""
        return Graphs(self.matrices[rows], self.strengths[rows])


class Generator(nn.Module):
    """G, from a graph matrix to the property: Conv1, Conv2 (each Conv2d -> ReLU -> MaxPool2d), Linear.

    With ``config.linear_readout`` that is only a correction to a readout of the vertex strengths: energies of
    arrangements are close to linear in pair counts, and so are resolved intensities. Where Adam trains the readout
    (``readout_fit = "adam"``) it is linear and scaled up, the correction scaled down, so that the linear part learns
    first. Otherwise it is solved by `solve_readout`, and the correction is in units of what it leaves.

    Parameters
    ----------
    config : MatganipConfig
        Uses n_peaks, channels, n_properties, conv_channels, kernel_size, linear_readout,
        readout_fit, readout_sizes and the gains.
    """

    remainder: torch.Tensor  # (k,)

    def __init__(self, config: MatganipConfig) -> None:
        super().__init__()
        first, second = config.conv_channels
        size, same = config.kernel_size, config.kernel_size // 2
        side = config.n_peaks // 2 // 2
        self.conv1 = nn.Conv2d(config.channels, first, size, padding=same)
        self.conv2 = nn.Conv2d(first, second, size, padding=same)
        self.pool = nn.MaxPool2d(2)
        self.linear = nn.Linear(second * side * side, config.n_properties)
        self.readout_gain, self.correction_gain = config.readout_gain, config.correction_gain
        self.readout: nn.Linear | None = None
        self.hidden = nn.ModuleList()
        self.solved: LinearReadout | KernelReadout | None = None
        vertices = config.channels * config.n_peaks
        if config.linear_readout:
            self.solved = solved_readout(config.readout_fit, vertices, vertices * config.n_peaks, config.n_properties)
        self.register_buffer("remainder", torch.ones(config.n_properties), persistent=self.solved is not None)
        if not config.linear_readout:
            return
        heads = [self.linear]
        if self.solved is None:
            sizes = (vertices, *config.readout_sizes)
            self.hidden.extend(nn.Linear(*pair) for pair in pairwise(sizes))
            self.readout = nn.Linear(sizes[-1], config.n_properties, bias=False)
            heads.append(self.readout)
        for head in heads:  # the first prediction is the constant, or the solved readout's
            for parameter in head.parameters():
                nn.init.zeros_(parameter)

    def solve_readout(
        self, graphs: Graphs, target: torch.Tensor, weight: torch.Tensor, rounding: NDArray[np.float64]
    ) -> torch.Tensor | None:
        """Solve the readout for targets (n, k) with weights (n, 1), of mean 1, and strengths rounded by (c, p).

        Returns
        -------
        (n, k) tensor or None
            What it leaves of each row if it is solved without that row, in units of ``remainder``, its root mean
            square: what `correct` is to learn. None where there is nothing to solve.
        """
        if self.solved is None:
            return None
        left = target - self.solved.solve(graphs, target, weight, rounding)  # (n, k)
        self.remainder = (weight * left.square()).mean(dim=0).sqrt().clamp(min=1e-6)  # (k,)
        return left / self.remainder

    def correct(self, graphs: Graphs) -> torch.Tensor:
        """What the convolutions add to a readout, (n, k), in units of ``remainder``."""
        return self.correction_gain * self._convolved(graphs)

    def read(self, graphs: Graphs) -> torch.Tensor:
        """What the readout says, (n, k); it looks at the strengths, and the matrices only if it reads edges."""
        if self.solved is not None:
            solved: torch.Tensor = self.solved(graphs)  # (n, k)
            return solved
        h = graphs.strengths.flatten(1)  # (n, c * p)
        if self.readout is None:
            return h.new_zeros((len(h), len(self.remainder)))
        for layer in self.hidden:
            h = torch.relu(each_row(layer, h))  # (n, width)
        return self.readout_gain * by_row(self.readout, h)  # (n, k)

    def forward(self, graphs: Graphs) -> torch.Tensor:
        """Predict the property, (n, k)."""
        if self.solved is None and self.readout is None:
            return self._convolved(graphs)
        return self.read(graphs) + self.remainder * self.correct(graphs)

    def _convolved(self, graphs: Graphs) -> torch.Tensor:
        """The paper's G, (n, k)."""
        # Channels last halves the time on a CPU; so does pooling before ReLU, which commutes with it.
        x = graphs.matrices.to(memory_format=torch.channels_last)  # (n, c, p, p)
        x = torch.relu(self.pool(self.conv1(x)))  # (n, first, p/2, p/2)
        x = torch.relu(self.pool(self.conv2(x)))  # (n, second, p/4, p/4)
        x = x.permute(0, 2, 3, 1).flatten(1)  # (n, p/4 * p/4 * second), without a copy
        return by_row(self.linear, x)  # (n, k)


class Discriminator(nn.Module):
    """D, from a property to the probability that it is real: LSTM -> Linear -> ReLU -> Linear -> Sigmoid.

    Several candidates can be judged for the same n structures, the real and the generated ones: j of them.

    Parameters
    ----------
    config : MatganipConfig
        Uses ``discriminator`` for what the LSTM reads:

        "conditional"
            Two words, the vertex strengths of the structure's peaks and then the property, each embedded
            linearly: is this the property *of this structure*?
        "sequence"
            The properties of the whole batch as one sequence, a verdict at each: the paper's.
        "single"
            One property, alone.

        and n_peaks, channels, n_properties, embedding_size, lstm_size, hidden_size.
    """

    def __init__(self, config: MatganipConfig) -> None:
        super().__init__()
        self.reads = config.discriminator
        word = config.n_properties
        if self.reads == "conditional":
            word = config.embedding_size
            self.structure = nn.Linear(config.channels * config.n_peaks, word)
            self.property = nn.Linear(config.n_properties, word)
        self.lstm = nn.LSTM(word, config.lstm_size, batch_first=True)
        self.hidden = nn.Linear(config.lstm_size, config.hidden_size)
        self.verdict = nn.Linear(config.hidden_size, 1)

    def forward(self, x: torch.Tensor, graphs: Graphs) -> torch.Tensor:
        """Give D(x), (j, n, 1), between 0 and 1, of j candidates x, (j, n, k), for each of n graphs."""
        return torch.sigmoid(self.logit(x, graphs))

    def logit(self, x: torch.Tensor, graphs: Graphs) -> torch.Tensor:
        """Give log(D / (1 - D)), (j, n, 1): what precedes the sigmoid, from which log D is exact."""
        h = self._read(x, graphs)  # (j, n, lstm)
        h = torch.relu(self.hidden(h))  # (j, n, hidden)
        verdict: torch.Tensor = self.verdict(h)  # (j, n, 1)
        return verdict

    def _read(self, x: torch.Tensor, graphs: Graphs) -> torch.Tensor:
        """The LSTM's output, (j, n, lstm)."""
        if self.reads == "sequence":
            return self._remember(x)  # (j, n, lstm): j sequences of n properties
        words = x.unsqueeze(2)  # (j, n, 1, k)
        if self.reads == "conditional":
            structure = self.structure(graphs.strengths.flatten(1)).expand(len(x), -1, -1)  # (j, n, word)
            words = torch.stack([structure, self.property(x)], dim=2)  # (j, n, 2, word)
        states = self._remember(words.flatten(0, 1))  # (j * n, words, lstm)
        return states[:, -1].reshape(*x.shape[:2], -1)  # (j, n, lstm)

    def _remember(self, words: torch.Tensor) -> torch.Tensor:
        """The LSTM's state after each word."""
        # cuDNN's LSTM has no second derivative, which the gradient penalty of a Wasserstein game needs.
        with torch.backends.cudnn.flags(enabled=False):
            states: torch.Tensor = self.lstm(words)[0]
        return states
