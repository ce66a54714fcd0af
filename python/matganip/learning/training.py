"""The training loop, to be read from top to bottom."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.learning._torch import nn, torch
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset
from matganip.learning.history import Progress, ProgressCallback, TrainingHistory
from matganip.learning.kernel import CLEARLY
from matganip.learning.networks import Discriminator, Generator, Graphs
from matganip.learning.objectives import SupervisedTerm, game, weighted_mean
from matganip.learning.resume import LoopState, StateFile
from matganip.learning.scaling import GraphScaler, TargetScaler

logger = logging.getLogger(__name__)

LEAST_TO_CHECK, CHECKED = 50, 5
"""Of so many rows or more, one in so many does not train the correction to a solved readout but chooses its epoch; of
fewer, nothing would judge a correction, and none is made."""


class DivergedError(InputError):
    """A training whose losses are no longer numbers."""


@dataclass(frozen=True)
class TrainingRows:
    """A standardised dataset on the device that trains."""

    graphs: Graphs  # n of them
    target: torch.Tensor  # (n, k) float32, mean 0 and standard deviation 1 over the training set
    weight: torch.Tensor  # (n, 1) float32, mean 1
    rounding: NDArray[np.float64]  # (c, p): of the graphs' strengths

    @classmethod
    def of(cls, data: Dataset, inputs: GraphScaler, outputs: TargetScaler, device: torch.device) -> TrainingRows:
        """Standardise a dataset and move it to a device."""
        target = torch.from_numpy(outputs.transform(data.target)).to(torch.float32)
        weight = torch.from_numpy(data.weight / data.weight.mean()).to(torch.float32)
        graphs = Graphs.of(data.matrices, inputs, device)
        rounding = inputs.strengths.rounding
        return cls(graphs, target.reshape(len(data), -1).to(device), weight.unsqueeze(1).to(device), rounding)

    def __len__(self) -> int:
        return len(self.target)

    def batch(self, rows: torch.Tensor) -> tuple[Graphs, torch.Tensor, torch.Tensor]:
        """Graphs (b of them), properties (b, k) and weights (b, 1) of some rows."""
        rows = rows.to(self.target.device)
        return self.graphs.batch(rows), self.target[rows], self.weight[rows]

    def take(self, rows: torch.Tensor) -> TrainingRows:
        """Some of the rows."""
        return TrainingRows(*self.batch(rows), self.rounding)

    def mae(self, generator: Generator | Callable[[Graphs], torch.Tensor], batch_size: int) -> float:
        """Weighted mean absolute error, in standard deviations of the training target; a mean over properties."""
        with torch.inference_mode():
            every = torch.split(torch.arange(len(self), device=self.target.device), batch_size)
            parts = [generator(self.graphs.batch(rows)) for rows in every]
        return float((self.weight * (torch.cat(parts) - self.target).abs()).mean())

    def baseline_mae(self) -> float:
        """The same for the mean baseline, which is 0 after standardisation."""
        return float((self.weight * self.target.abs()).mean())


def train(
    generator: Generator,
    discriminator: Discriminator | None,
    training: TrainingRows,
    validation: TrainingRows | None,
    config: MatganipConfig,
    callback: ProgressCallback,
    unit: str,
    scale: float,
    state_file: StateFile | None = None,
) -> tuple[Generator, TrainingHistory]:
    """Train G and D.

    Steps come in pairs, as in the paper: an odd one trains D, an even one D and G. Both steps of a pair
    read the same batch, so that an epoch shows G the whole training set once.

    Parameters
    ----------
    generator : Generator
        Freshly made; changed in place.
    discriminator : Discriminator, optional
        Likewise; None where no game is played (``objective="supervised"``).
    training : TrainingRows
    validation : TrainingRows, optional
        Without it the last weights are kept, with it the best. Beside a solved readout a fifth of the training rows
        takes its place, and the best may be no correction at all.
    config : MatganipConfig
    callback : callable
        Called with a `Progress` every ``evaluate_every`` epochs.
    unit : str
        Of the property.
    scale : float
        One standard deviation of the training target, in that unit.
    state_file : StateFile, optional
        Kept up to date at every record; where it holds a state, the training goes on from there.

    Returns
    -------
    Generator
        The one that predicts: the moving average of the trained one where ``ema`` says so.
    TrainingHistory

    Raises
    ------
    DivergedError
        If a loss or an error is no longer finite.
    InputError
        If the state is damaged or of another training.
    """
    with torch.no_grad():
        left = generator.solve_readout(training.graphs, training.target, training.weight, training.rounding)
    # Beside a solved readout the game is about what that leaves of a row which it has not seen.
    lesson, check = (training, None) if left is None else _lesson(replace(training, target=left), config.seed)
    generate = generator if left is None else generator.correct
    playing = game(config.objective)
    supervised = SupervisedTerm(config.supervised_loss)
    supervised_weight = config.supervised_weight or (1.0 if playing is None else 0.0)
    adam_g = _Adam(generator, config, config.weight_decay)
    adam_d = None if discriminator is None else _Adam(discriminator, config)
    order = torch.Generator().manual_seed(config.seed)
    watch = _Watch(generator, training, validation, check, config, unit, scale)
    state: tuple[torch.Tensor, ...] = ()  # of the game: F(D), F(G), D(x_r), D(x_f)
    loop = _loop_state(generator, discriminator, adam_g, adam_d, watch, order)
    done = watch.restore(loop, state_file)

    for epoch in range(done + 1, config.epochs + 1):
        if watch.impatient:
            break
        rate = _learning_rate(config, epoch)
        for batch in torch.split(torch.randperm(len(lesson), generator=order), config.batch_size):
            graphs, real, weight = lesson.batch(batch)  # b graphs, (b, k), (b, 1)
            with _precision(config, real.device):
                fake = generate(graphs).float()  # (b, k)
            loss = supervised_weight * supervised(fake, real, weight)  # ()

            if playing is not None and discriminator is not None and adam_d is not None:
                critic = partial(_logits_of_one, discriminator, graphs)
                for _step in ("odd", "even"):
                    on_real, on_fake = discriminator.logit(torch.stack([real, fake.detach()]), graphs)  # (b, 1)
                    loss_d = playing.discriminator_loss(on_real, on_fake, weight)  # ()
                    loss_d = loss_d + playing.penalty(critic, real, fake.detach(), order)  # ()
                    adam_d.step(loss_d, rate)
                loss_g = playing.generator_loss(discriminator.logit(fake[None], graphs)[0], weight)  # ()
                loss = loss + loss_g
                d_real = weighted_mean(playing.verdict(on_real), weight)  # ()
                d_fake = weighted_mean(playing.verdict(on_fake), weight)  # ()
                state = (loss_d, loss_g, d_real, d_fake)

            adam_g.step(loss, rate)
            watch.after_step(*state)

        if epoch % config.evaluate_every == 0 or epoch == config.epochs:
            progress = watch.record(epoch)
            watch.keep(loop, state_file)
            callback(progress)
    return watch.finish()


def _lesson(rows: TrainingRows, seed: int) -> tuple[TrainingRows, TrainingRows | None]:
    """Keep some rows back, on which a correction must prove itself; the readout has left each row out in turn."""
    if len(rows) < LEAST_TO_CHECK:
        return rows, None
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    kept = len(rows) // CHECKED
    return rows.take(order[kept:].sort().values), rows.take(order[:kept].sort().values)


def _loop_state(
    generator: Generator,
    discriminator: Discriminator | None,
    adam_g: _Adam,
    adam_d: _Adam | None,
    watch: _Watch,
    draws: torch.Generator,
) -> LoopState:
    networks: dict[str, nn.Module] = {"generator": generator, "average": watch.average}
    optimisers: dict[str, torch.optim.Optimizer] = {"adam_g": adam_g.adam}
    if discriminator is not None and adam_d is not None:
        networks["discriminator"] = discriminator
        optimisers["adam_d"] = adam_d.adam
    return LoopState(networks, optimisers, draws)


def _precision(config: MatganipConfig, device: torch.device) -> AbstractContextManager[object]:
    """Let torch choose where bfloat16 serves, if the config allows it."""
    return torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16")


def _logits_of_one(discriminator: Discriminator, graphs: Graphs, x: torch.Tensor) -> torch.Tensor:
    """D's logits, (b, 1), of one property, (b, k), for each graph."""
    return discriminator.logit(x[None], graphs)[0]


class _Adam:
    """Adam with the aids of the config, for one network."""

    def __init__(self, network: nn.Module, config: MatganipConfig, weight_decay: float = 0.0) -> None:
        self.parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.clip = config.gradient_clip
        self.adam = torch.optim.AdamW(
            self.parameters,
            lr=config.learning_rate,
            betas=config.betas,
            weight_decay=weight_decay,
            fused=self.parameters[0].device.type != "mps",
        )

    def step(self, loss: torch.Tensor, learning_rate: float) -> None:
        """Go down the loss, moving this network alone."""
        self.adam.zero_grad()
        torch.autograd.backward(loss, inputs=self.parameters)
        if self.clip:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.adam.param_groups[0]["lr"] = learning_rate
        self.adam.step()


def _learning_rate(config: MatganipConfig, epoch: int) -> float:
    if config.schedule == "constant":
        return config.learning_rate
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (epoch - 1) / config.epochs))


class _Watch:
    """Keeps the averaged generator, the record of the training, and the best weights so far."""

    def __init__(
        self,
        generator: Generator,
        training: TrainingRows,
        validation: TrainingRows | None,
        check: TrainingRows | None,
        config: MatganipConfig,
        unit: str,
        scale: float,
    ) -> None:
        self.generator = generator
        self.average = copy.deepcopy(generator)
        self.training, self.validation, self.check = training, validation, check
        self.config = config
        self.unit, self.scale = unit, scale
        self.steps = 0
        self.game: tuple[torch.Tensor, ...] = ()
        self.records: list[Progress] = []
        self.best_error, self.best_epoch = math.inf, 0
        self.best_weights: dict[str, torch.Tensor] = {}
        self.judged = validation is not None or check is not None
        if generator.solved is not None:
            # The readout without a correction, which is what a correction must beat by more than chance would.
            self.best_error = CLEARLY * self._error() if self.judged else 0.0
            self.best_weights = copy.deepcopy(self.average.state_dict())

    def after_step(self, *game: torch.Tensor) -> None:
        """Let the average follow the generator, a young one faster; keep the state of the game as tensors."""
        self.steps += 1
        decay = min(self.config.ema, self.steps / (self.steps + 10))
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(now, 1.0 - decay)
        self.game = game

    def record(self, epoch: int) -> Progress:
        """Measure, and keep the weights if they are the best so far."""
        train_mae = self.training.mae(self.average, self.config.batch_size)
        validation_mae = validation_baseline = math.nan
        if self.validation is not None:
            validation_mae = self.validation.mae(self.average, self.config.batch_size)
            validation_baseline = self.validation.baseline_mae()
        game = [float(value.detach()) for value in self.game] or [math.nan] * 4
        error = self._error()
        if not math.isfinite(error) or (self.game and not all(map(math.isfinite, game))):
            raise DivergedError(
                f"the training diverged by epoch {epoch} of {self.config.epochs}: its losses are not finite; "
                f"lower model.learning_rate ({self.config.learning_rate:g}) or set model.gradient_clip"
            )
        if (self.generator.solved is None and not self.judged) or error < self.best_error:
            self.best_error, self.best_epoch = error, epoch
            self.best_weights = copy.deepcopy(self.average.state_dict())
        errors = (train_mae, self.training.baseline_mae(), validation_mae, validation_baseline)
        mae, baseline, validation_mae, validation_baseline = (error * self.scale for error in errors)
        self.records.append(
            Progress(
                epoch=epoch,
                epochs=self.config.epochs,
                loss_d=game[0],
                loss_g=game[1],
                d_real=game[2],
                d_fake=game[3],
                train_mae=mae,
                baseline_mae=baseline,
                validation_mae=validation_mae,
                validation_baseline_mae=validation_baseline,
                unit=self.unit,
            )
        )
        return self.records[-1]

    def _error(self) -> float:
        """What chooses the epoch: the error on the validation set, on rows kept from the correction, or on the rest."""
        if self.validation is not None:
            return self.validation.mae(self.average, self.config.batch_size)
        if self.check is not None:
            return self.check.mae(self.average.correct, self.config.batch_size)
        return self.training.mae(self.average, self.config.batch_size)

    @property
    def impatient(self) -> bool:
        """Whether the validation error has not fallen for ``patience`` records."""
        waited = sum(record.epoch > self.best_epoch for record in self.records)
        return 0 < self.config.patience <= waited

    def keep(self, loop: LoopState, state_file: StateFile | None) -> None:
        """Write all that the training holds."""
        if state_file is None:
            return
        best = {f"best.{name}": value for name, value in self.best_weights.items()}
        record = {
            "steps": self.steps,
            "best_error": self.best_error,
            "best_epoch": self.best_epoch,
            "history": self._history().to_dict(),
        }
        state_file.write(loop, best, record)

    def restore(self, loop: LoopState, state_file: StateFile | None) -> int:
        """Take up what was kept, and tell how many epochs it has done."""
        found = None if state_file is None else state_file.read()
        if found is None:
            return 0
        tensors, record = found
        loop.restore(tensors)
        device = self.training.target.device
        self.best_weights = {
            name.removeprefix("best."): value.to(device) for name, value in tensors.items() if name.startswith("best.")
        }
        self.steps, self.best_error, self.best_epoch = (record[key] for key in ("steps", "best_error", "best_epoch"))
        self.records = list(TrainingHistory.from_dict(record["history"]).records)
        return self.records[-1].epoch

    def finish(self) -> tuple[Generator, TrainingHistory]:
        """Give the generator that predicts, and the history."""
        self.average.load_state_dict(self.best_weights)
        last = self.records[-1]
        if last.train_mae >= last.baseline_mae:
            logger.warning(
                "the error on the training set after training, %.4g %s, is no better than the mean baseline's %.4g",
                last.train_mae, self.unit, last.baseline_mae,
            )  # fmt: skip
        return self.average, self._history()

    def _history(self) -> TrainingHistory:
        return TrainingHistory(
            records=tuple(self.records),
            best_epoch=self.best_epoch,
            stopped_early=self.records[-1].epoch < self.config.epochs,
            n_rows=len(self.training),
        )
