"""The distribution of properties given columns, learned from pairs of the two: `ConditionalDistribution`."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.learning._torch import nn, torch
from matganip.learning.distribution_networks import Member, NoiseGenerator, PairJudge, energy_score_loss
from matganip.learning.distribution_settings import DistributionSettings
from matganip.learning.objectives import Game, NonSaturating, Wasserstein, weighted_mean
from matganip.results.proper_scores import crps, energy_score

Floats = NDArray[np.float64]

MOST_DIRECTIONS = 16
"""Principal directions of the columns that the networks read."""
FOLDS = 5
"""Each member keeps one in so many rows from its training to choose the step by."""
CHECKED_WITH = 120
"""Samples by which a step is judged, and of which the width of a prediction is."""
EVERY = 50
"""Steps between two looks at the rows kept."""


class Moment(NamedTuple):
    """Where a training stands: the losses and verdicts of a game (nan without one), and the score on the rows kept."""

    step: int
    loss_d: float
    loss_g: float
    d_real: float
    d_fake: float
    score: float


Follow = Callable[[int, Moment], object]
"""Called with the number of a member and where its training stands."""


class _Pairs(NamedTuple):
    """Standardised rows: what is read and what is told."""

    x: torch.Tensor  # (n, r)
    intensity: torch.Tensor  # (n, p)
    y: torch.Tensor  # (n, k)
    weight: torch.Tensor  # (n, 1), mean 1

    def take(self, rows: Any) -> _Pairs:
        return _Pairs(*(each[rows] for each in self))


@dataclass(frozen=True, eq=False)
class ConditionalDistribution:
    """What is left open of properties (n, k) by columns (n, p).

    `fit` makes it.

    Attributes
    ----------
    settings : DistributionSettings
    centre : (p,) float64 ndarray
    directions : (p, r) float64 ndarray
        The networks read (columns - centre) @ directions: principal components of variance 1.
    position : (p,) float64 ndarray
        Of the vertices, for networks with convolutions; largest 1.
    unit : float
        The largest deviation of a column from `centre`, which their graphs have for 1.
    origin, scale : (k,) float64 ndarray
        Weighted mean and standard deviation of what was learned.
    members : tuple of Member
    scores : tuple of float
        CRPS (of several properties the energy score) of each member on the rows that it kept, in standard deviations.
    moments : tuple of Moment
        Of the training of the first member.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1, 1, (200, 1))
    >>> y = np.where(rng.random((200, 1)) < 0.5, x, -x) + 0.05 * rng.normal(size=(200, 1))
    >>> found = ConditionalDistribution.fit(x, y, settings=DistributionSettings(steps=50, members=1))
    >>> found.draw(x[:3], 10, seed=0).shape
    (3, 10, 1)
    """

    settings: DistributionSettings
    centre: Floats
    directions: Floats
    position: Floats
    unit: float
    origin: Floats
    scale: Floats
    members: tuple[Member, ...]
    scores: tuple[float, ...] = ()
    moments: tuple[Moment, ...] = field(default=(), repr=False)

    @classmethod
    def fit(
        cls,
        columns: Floats,
        properties: Floats,
        weight: Floats | None = None,
        *,
        settings: DistributionSettings | None = None,
        seed: int = 0,
        whole: bool = False,
        position: Floats | None = None,
        follow: Follow | None = None,
    ) -> Self:
        """Learn it from pairs.

        Parameters
        ----------
        columns : (n, p) float64 ndarray
        properties : (n, k) float64 ndarray
        weight : (n,) float64 ndarray, optional
            Of the rows; equal by default.
        settings : DistributionSettings, optional
        seed : int
            Of weights, batches, noise and the rows kept; the same seed gives the same bytes.
        whole : bool
            Whether the rows are all that there is, so that none need be kept to see how it does on others.
        position : (p,) float64 ndarray, optional
            Of the columns as vertices of a graph, for convolutions.
        follow : callable, optional
            Called with the number of a member and a `Moment`.

        Raises
        ------
        InputError
            If there are fewer than ten rows, the properties do not vary, a family knows one property only and there are
            several, or the training diverges.
        """
        settings = settings or DistributionSettings()
        n, k = properties.shape
        if settings.convolutions and position is not None and len(position) != columns.shape[1]:
            raise InputError("convolutions read one graph; of several channels leave distribution.convolutions out")
        if n < 2 * FOLDS:
            raise InputError(f"a distribution needs {2 * FOLDS} rows or more to learn from; there are {n}")
        if settings.family == "quantiles" and k > 1:
            raise InputError("quantiles belong to one property; of several, take a mixture, the energy score or a game")
        weight = np.ones(n) if weight is None else weight.astype(np.float64)
        origin = np.average(properties, axis=0, weights=weight)
        scale = np.sqrt(np.average((properties - origin) ** 2, axis=0, weights=weight))
        if not (scale > 0).all():
            raise InputError("the properties leave nothing open: all rows are the same")
        centre, directions = _principal(columns, weight)
        place = np.linspace(0.0, 1.0, columns.shape[1]) if position is None else position / max(1e-9, position.max())
        unit = max(float(np.abs(columns - centre).max()), 1e-12)
        known = (settings, centre, directions, place, unit, origin, scale)
        x, intensity = (one.float() for one in cls(*known, ())._read(columns))
        y = torch.tensor((properties - origin) / scale, dtype=torch.float32)
        pairs = _Pairs(x, intensity, y, torch.tensor(weight / weight.mean(), dtype=torch.float32)[:, None])
        dealt = np.random.default_rng(seed).permutation(n)
        members: list[Member] = []
        scores: list[float] = []
        first: tuple[Moment, ...] = ()
        for number in range(settings.members):
            kept = np.sort(dealt[number % FOLDS :: FOLDS])
            trained = np.arange(n) if whole else np.setdiff1d(np.arange(n), kept)
            own = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(own)
                member = Member(x.shape[1], k, settings, place)
                training = _Training(member, pairs.take(trained), pairs.take(kept), settings, own, keeps_last=whole)
                moments = training.run(lambda now, number=number: follow and follow(number, now))  # type: ignore[misc]
            members.append(training.best.double())
            scores.append(training.score)
            first = first or tuple(moments)
        return cls(*known, tuple(members), tuple(scores), first)

    def draw(self, columns: Floats, n: int, seed: int = 0) -> Floats:
        """Samples of each row's distribution.

        Parameters
        ----------
        columns : (rows, p) float64 ndarray
        n : int
        seed : int
            Sample i of every row is made of the same noise.

        Returns
        -------
        (rows, n, k) float64 ndarray
        """
        if n < 1:
            raise InputError(f"samples: {n} are none; 1 or more")
        parts = []
        size = max(1, 400_000 // (n * max(self.settings.hidden)))
        for start in range(0, max(1, len(columns)), size):
            x, intensity = self._read(columns[start : start + size])
            drawn = [
                member.draw(x, intensity, share, seed * len(self.members) + number)
                for number, (member, share) in enumerate(zip(self.members, self._shares(n), strict=True))
                if share
            ]
            parts.append(torch.cat(drawn).numpy())  # (n, rows, k)
        made: Floats = np.concatenate(parts, axis=1).transpose(1, 0, 2) * self.scale + self.origin
        return made

    def _shares(self, n: int) -> list[int]:
        """How many of the samples each member draws."""
        return [n // len(self.members) + (number < n % len(self.members)) for number in range(len(self.members))]

    def _read(self, columns: Floats) -> tuple[torch.Tensor, torch.Tensor]:
        from_centre = columns - self.centre
        x = np.einsum("np,pr->nr", from_centre, self.directions)  # row by row
        return torch.tensor(x), torch.tensor(from_centre / self.unit)


def _principal(columns: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted mean, and the directions of largest variance, scaled to variance 1."""
    centre = np.average(columns, axis=0, weights=weight)
    _, size, right = np.linalg.svd((columns - centre) * np.sqrt(weight / weight.sum())[:, None], full_matrices=False)
    r = min(MOST_DIRECTIONS, max(1, int((size > 1e-6 * max(size[0], 1e-30)).sum())))
    signs = np.sign(right[np.arange(r), np.abs(right[:r]).argmax(axis=1)])
    return centre, (right[:r] * signs[:, None]).T / np.maximum(size[:r], 1e-30)


class _Training:
    """The training of one member, to be read from top to bottom."""

    def __init__(
        self,
        member: Member,
        pairs: _Pairs,
        kept: _Pairs,
        settings: DistributionSettings,
        seed: int,
        *,
        keeps_last: bool,
    ) -> None:
        self.member, self.pairs, self.kept, self.settings, self.seed = member, pairs, kept, settings, seed
        self.keeps_last = keeps_last
        self.average = copy.deepcopy(member)
        self.best, self.score = copy.deepcopy(member), math.inf
        games: dict[str, Game] = {
            "non_saturating": NonSaturating(),
            "wasserstein": Wasserstein(settings.slope_weight),
        }
        self.game = games.get(settings.family)
        self.noise = torch.Generator().manual_seed(seed)
        self.now = [math.nan] * 4

    def run(self, follow: Callable[[Moment], object]) -> list[Moment]:
        """Train; `best` is then the moving average of the weights at the best step, or at the last one."""
        settings, member = self.settings, self.member
        betas = (0.5, 0.99) if self.game else (0.9, 0.99)
        adam = torch.optim.AdamW(member.parameters(), lr=settings.rate, betas=betas, weight_decay=settings.weight_decay)
        if self.game is not None:
            self.judge = PairJudge(member.inputs.width, self.pairs.y.shape[1])
            self.adam_d = torch.optim.Adam(self.judge.parameters(), lr=settings.rate, betas=betas)
        moments = [self._look(0)]
        for step in range(1, (0 if settings.family == "constant" else settings.steps) + 1):
            rate = settings.rate * 0.5 * (1 + math.cos(math.pi * (step - 1) / settings.steps))
            batch = self._batch()
            x = member.inputs(batch.x, batch.intensity)
            if self.game is None:
                loss = member.head.loss(x, batch.y, batch.weight, self.noise)
            else:
                loss = self._play(x, batch, rate)
            _step(adam, member, loss, rate)
            with torch.no_grad():
                decay = min(0.99, step / (step + 10))
                for mean, new in zip(self.average.parameters(), member.parameters(), strict=True):
                    mean.lerp_(new, 1.0 - decay)
            if step % EVERY == 0 or step == settings.steps:
                moments.append(self._look(step))
                follow(moments[-1])
        return moments

    def _batch(self) -> _Pairs:
        size = self.settings.batch_size
        if len(self.pairs.x) <= size:
            return self.pairs
        return self.pairs.take(torch.randperm(len(self.pairs.x), generator=self.noise)[:size])

    def _play(self, x: torch.Tensor, batch: _Pairs, rate: float) -> torch.Tensor:
        """A step of D, and the loss of G after it."""
        game, judge, weight = self.game, self.judge, batch.weight
        generator = self.member.head
        assert game is not None  # noqa: S101
        assert isinstance(generator, NoiseGenerator)  # noqa: S101
        samples = generator.generate(x, self.noise)  # (m, n, k)
        blur = self.settings.blur
        real = batch.y + blur * torch.randn(batch.y.shape, generator=self.noise)
        blurred = samples + blur * torch.randn(samples.shape, generator=self.noise)
        seen = x.detach()
        on_real, on_fake = judge(real[None], seen)[0], judge(blurred.detach(), seen)  # (n, 1), (m, n, 1)
        loss_d = game.discriminator_loss(on_real, on_fake, weight)
        if isinstance(game, Wasserstein):
            steep = game.penalty(lambda y: judge(y[None], seen)[0], real, blurred[0].detach(), self.noise)
        else:
            steep = self.settings.slope_weight * slope(judge, real, seen, weight)
        _step(self.adam_d, judge, loss_d + steep, rate)
        on_fake = judge(blurred, seen)
        loss_g = game.generator_loss(on_fake, weight)
        with torch.no_grad():
            verdicts = (weighted_mean(game.verdict(on_real), weight), weighted_mean(game.verdict(on_fake), weight))
            self.now = [float(loss_d), float(loss_g), *map(float, verdicts)]
        return loss_g + self.settings.score_weight * energy_score_loss(samples, batch.y, weight)

    def _look(self, step: int) -> Moment:
        """Judge the averaged weights on the rows kept, and keep them where they are the best so far."""
        drawn = self.average.draw(self.kept.x, self.kept.intensity, CHECKED_WITH, seed=self.seed)
        samples, truth = drawn.double().numpy().transpose(1, 0, 2), self.kept.y.double().numpy()
        rows = crps(samples[..., 0], truth[:, 0]) if truth.shape[1] == 1 else energy_score(samples, truth)
        score = float(np.average(rows, weights=self.kept.weight[:, 0].numpy()))
        if not math.isfinite(score):
            raise InputError(
                f"the training of the distribution diverged by step {step}: lower distribution.learning_rate "
                f"({self.settings.rate:g})"
            )
        if score < self.score or self.keeps_last:
            self.score, self.best = score, copy.deepcopy(self.average)
        loss_d, loss_g, d_real, d_fake = self.now
        return Moment(step, loss_d, loss_g, d_real, d_fake, score)


def slope(judge: PairJudge, real: torch.Tensor, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """R1: the mean squared slope of D on real data, halved (Mescheder, Geiger and Nowozin, ICML 2018, equation 9)."""
    real = real.detach().requires_grad_()
    (steep,) = torch.autograd.grad(judge(real[None], x).sum(), real, create_graph=True)
    return (weight * steep.square().sum(dim=1, keepdim=True)).mean() / 2


def _step(adam: torch.optim.Optimizer, network: nn.Module, loss: torch.Tensor, rate: float) -> None:
    for group in adam.param_groups:
        group["lr"] = rate
    adam.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    adam.step()
