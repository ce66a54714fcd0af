r"""Networks that answer with a distribution of a standardised property y, (n, k), given columns x, (n, r).

A generator G(x, z) turns noise into samples; a mixture density (Bishop 1994, NCRG/94/004) and a quantile network
(Koenker and Bassett, Econometrica 46, 33 (1978)) say the distribution itself. Each begins as one Gaussian for all rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matganip.learning._torch import functional, nn, torch
from matganip.learning.distribution_settings import WITH_NOISE, DistributionSettings

N_QUANTILES = 39
"""Of a quantile network: 2.5 %, 5 % ... 97.5 %."""


class Inputs(nn.Module):
    """What the networks read of a row: its columns, and with convolutions also its graph matrix.

    The matrix is made here, from the row's positions t and intensities I: a_ij = t_i t_j + I_i I_j.

    Parameters
    ----------
    n_columns : int
        r, of the standardised columns.
    position : (p,) tensor or None
        t, for a network with convolutions.
    """

    SEEN = 16

    position: torch.Tensor

    def __init__(self, n_columns: int, position: torch.Tensor | None) -> None:
        super().__init__()
        self.width = n_columns
        if position is None:
            return
        self.register_buffer("position", position)
        side = len(position) // 2 // 2
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.linear = nn.Linear(16 * side * side, self.SEEN)
        self.width += self.SEEN

    def forward(self, x: torch.Tensor, intensity: torch.Tensor) -> torch.Tensor:
        """Give (n, width) of columns (n, r) and standardised intensities (n, p)."""
        if self.width == x.shape[1]:
            return x
        t = self.position
        a = (t[:, None] * t + intensity[:, :, None] * intensity[:, None, :])[:, None]  # (n, 1, p, p)
        for convolve in (self.conv1, self.conv2):
            a = torch.relu(functional.max_pool2d(convolve(a), 2))
        return torch.cat([x, torch.tanh(self.linear(a.flatten(1)))], dim=1)


def layers(n_in: int, hidden: tuple[int, ...], n_out: int) -> nn.Sequential:
    """Linear layers with SiLU between them; the last one is zero at first."""
    made: list[nn.Module] = []
    for width in hidden:
        made += [nn.Linear(n_in, width), nn.SiLU()]
        n_in = width
    last = nn.Linear(n_in, n_out)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*made, last)


class NoiseGenerator(nn.Module):
    """G(x, z): noise in, a sample out; without anything learned y = z, the Gaussian of all rows."""

    def __init__(self, width: int, k: int, settings: DistributionSettings) -> None:
        super().__init__()
        self.k, self.noise, self.draws = k, max(settings.noise, k), settings.draws
        self.net = layers(width + self.noise, settings.hidden, k)

    def forward(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Samples (m, n, k) of rows (n, width) and noise (m, n, noise)."""
        read = torch.cat([x.expand(len(z), *x.shape), z], dim=2)  # (m, n, width + noise)
        made: torch.Tensor = z[..., : self.k] + self.net(read)
        return made

    def generate(self, x: torch.Tensor, z: torch.Generator) -> torch.Tensor:
        """Samples (m, n, k), noise of its own for each row, for training."""
        made: torch.Tensor = self(x, torch.randn((self.draws, len(x), self.noise), generator=z, dtype=x.dtype))
        return made

    def loss(self, x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, z: torch.Generator) -> torch.Tensor:
        """The energy score."""
        return energy_score_loss(self.generate(x, z), y, weight)

    def draw(self, x: torch.Tensor, n: int, z: torch.Generator) -> torch.Tensor:
        """Samples (n, rows, k), made of the same noise for each row."""
        noise = torch.randn((n, 1, self.noise), generator=z, dtype=x.dtype)
        made: torch.Tensor = self(x, noise.expand(n, len(x), -1))
        return made


def energy_score_loss(samples: torch.Tensor, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """E|s - y| - E|s - s'| / 2 without bias, of samples (m, n, k) (Gneiting and Raftery 2007, equation 21)."""
    m = len(samples)
    far = (samples - y).norm(dim=2).mean(dim=0)  # (n,)
    pairs = [(samples[a] - samples[b]).norm(dim=1) for a in range(m) for b in range(a)]
    wide = torch.stack(pairs).mean(dim=0) / 2  # (n,)
    score: torch.Tensor = (weight[:, 0] * (far - wide)).mean()
    return score


class MixtureDensity(nn.Module):
    """Gaussians with full covariances: log weights, means, and factors L of the inverse covariances L L^T."""

    def __init__(self, width: int, k: int, components: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.k, self.components = k, components
        self.lower = torch.tril_indices(k, k, -1)
        self.net = layers(width, hidden, components * (1 + 2 * k + self.lower.shape[1]))
        if components > 1:  # apart at first, together about as wide as the one Gaussian
            start = next(reversed(list(self.net.parameters()))).detach().reshape(components, -1)  # the last bias
            places = torch.special.ndtri((torch.arange(components) + 0.5) / components)
            start[:, 1 : 1 + k] = places[:, None] * torch.tensor([(-1.0) ** c for c in range(k)])
            start[:, 1 + k : 1 + 2 * k] = 0.7

    def parameters_of(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Log weights (n, c), means (n, c, k) and L (n, c, k, k), lower triangular."""
        k = self.k
        out = self.net(x).reshape(len(x), self.components, -1)
        factor = torch.diag_embed(out[..., 1 + k : 1 + 2 * k].clamp(-3.0, 5.0).exp())
        if k > 1:
            factor = factor.clone()
            factor[..., self.lower[0], self.lower[1]] = out[..., 1 + 2 * k :]
        return torch.log_softmax(out[..., 0], dim=1), out[..., 1 : 1 + k], factor

    def loss(self, x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, z: torch.Generator) -> torch.Tensor:  # noqa: ARG002
        """The negative log likelihood, but for a constant."""
        share, mean, factor = self.parameters_of(x)
        whitened = torch.einsum("ncij,nci->ncj", factor, y[:, None] - mean)  # L^T (y - mean)
        log_det = factor.diagonal(dim1=2, dim2=3).log().sum(dim=2)
        fit = torch.logsumexp(share + log_det - whitened.square().sum(dim=2) / 2, dim=1)
        loss: torch.Tensor = -(weight[:, 0] * fit).mean()
        return loss

    def draw(self, x: torch.Tensor, n: int, z: torch.Generator) -> torch.Tensor:
        """Samples (n, rows, k), made of the same noise for each row."""
        share, mean, factor = self.parameters_of(x)
        # Equal steps through the weights, turned by chance: fewer draws for the same accuracy than independent ones.
        u = ((torch.randperm(n, generator=z) + torch.rand(n, generator=z, dtype=x.dtype)) / n).to(x).expand(len(x), n)
        reached = torch.searchsorted(share.exp().cumsum(dim=1), u.contiguous())  # (rows, n)
        taken = reached.clamp(max=self.components - 1)
        normal = torch.randn((n, self.k), generator=z, dtype=x.dtype).expand(len(x), n, self.k)
        rows = torch.arange(len(x))[:, None]
        spread = torch.linalg.solve_triangular(factor[rows, taken].mT, normal[..., None], upper=True)[..., 0]
        drawn: torch.Tensor = (mean[rows, taken] + spread).transpose(0, 1)
        return drawn


class Quantiles(nn.Module):
    """Values of y below which given shares lie, of one property."""

    def __init__(self, width: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.share = torch.arange(1, N_QUANTILES + 1, device="cpu") / (N_QUANTILES + 1)
        self.start = torch.special.ndtri(self.share)
        self.net = layers(width, hidden, N_QUANTILES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Values (n, q) of rows (n, width)."""
        values: torch.Tensor = self.start.to(x) + self.net(x)  # (n, q)
        return values

    def loss(self, x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, z: torch.Generator) -> torch.Tensor:  # noqa: ARG002
        """The pinball loss."""
        above = y - self(x)  # (n, q)
        loss: torch.Tensor = (weight * torch.maximum(self.share * above, (self.share - 1) * above)).mean()
        return loss

    def draw(self, x: torch.Tensor, n: int, z: torch.Generator) -> torch.Tensor:
        """Between two quantiles all values are as likely; beyond the last one as far as between the last two."""
        values = self(x).sort(dim=1).values  # (rows, q)
        ends = (2 * values[:, :1] - values[:, 1:2], 2 * values[:, -1:] - values[:, -2:-1])
        values = torch.cat([ends[0], values, ends[1]], dim=1)
        u = (torch.randperm(n, generator=z) + torch.rand(n, generator=z, dtype=x.dtype)) / n * (N_QUANTILES + 1)
        below = u.floor().long().clamp(max=N_QUANTILES)
        found = values[:, below] + (u - below) * (values[:, below + 1] - values[:, below])
        return found.T[..., None]


class PairJudge(nn.Module):
    """D(x, y): an LSTM reads the structure's word and then the property's; Linear, ReLU, Linear.

    What `matganip.learning.networks.Discriminator` does, with a second layer for the structure's word; the LSTM goes
    step by step: the state after the structure is worked out once for all samples of it, in a third of the time.
    """

    def __init__(self, width: int, k: int, size: int = 32) -> None:
        super().__init__()
        self.structure = nn.Sequential(nn.Linear(width, 2 * size), nn.SiLU(), nn.Linear(2 * size, size))
        self.property = nn.Linear(k, size)
        self.lstm = nn.LSTM(size, size, batch_first=True)
        self.hidden, self.verdict = nn.Linear(size, size), nn.Linear(size, 1)

    def forward(self, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """The logit of D, (m, n, 1), of samples (m, n, k) for rows (n, width)."""
        first = self._remember(self.structure(x), None)
        state, _ = self._remember(self.property(y), first)
        logit: torch.Tensor = self.verdict(torch.relu(self.hidden(state)))
        return logit

    def _remember(
        self, word: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One step of the LSTM: state and memory after a word, (..., size)."""
        lstm = self.lstm
        own, past, bias, more = lstm.all_weights[0]
        gates = functional.linear(word, own, bias + more)
        if state is not None:
            gates = gates + functional.linear(state[0], past)
        take, keep, new, give = gates.chunk(4, dim=-1)
        memory = take.sigmoid() * new.tanh()
        if state is not None:
            memory = memory + keep.sigmoid() * state[1]
        return give.sigmoid() * memory.tanh(), memory


class Member(nn.Module):
    """One network of a distribution: what it reads, and what it makes of it."""

    def __init__(
        self, n_columns: int, k: int, settings: DistributionSettings, position: NDArray[np.float64] | None
    ) -> None:
        super().__init__()
        t = None if position is None else torch.tensor(position, dtype=torch.float32)
        self.inputs = Inputs(n_columns, t if settings.convolutions else None)
        width, hidden = self.inputs.width, settings.hidden
        self.head: NoiseGenerator | MixtureDensity | Quantiles
        if settings.family in WITH_NOISE:
            self.head = NoiseGenerator(width, k, settings)
        elif settings.family == "quantiles":
            self.head = Quantiles(width, hidden)
        else:
            self.head = MixtureDensity(width, k, settings.components if settings.family == "mixture" else 1, hidden)

    def draw(self, x: torch.Tensor, intensity: torch.Tensor, n: int, seed: int) -> torch.Tensor:
        """Samples (n, rows, k), the same noise for each row."""
        with torch.no_grad():
            made: torch.Tensor = self.head.draw(self.inputs(x, intensity), n, torch.Generator().manual_seed(seed))
        return made
