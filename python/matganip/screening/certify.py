"""`certify`: the lowest arrangements of a space with a proof, without visiting all of them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.configurations.batch import ConfigurationBatch
from matganip.errors import InputError
from matganip.learning.lowest import SLACK, LowestOrbits
from matganip.learning.model import Model
from matganip.learning.pair_surrogate import PairSurrogate
from matganip.learning.site_interactions import SiteInteractions
from matganip.progress import ProgressOption, reporting
from matganip.results.certificate import Certificate
from matganip.sampling.search import deferred_interrupt
from matganip.sampling.search import search as walk
from matganip.screening.certify_checkpoint import read_certify_checkpoint, write_certify_checkpoint
from matganip.screening.selection import Best, Rows, Selection

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.screening.request import ModelOrFolder, PathLike

CHECKPOINT_EVERY = 20.0
"""Seconds between two checkpoints."""
MOST_WINNERS = 1_000_000
LONG = 3_000_000
"""Nodes after which a walk looks for low arrangements: shorter proofs take less than the walk would."""
MOST_MET, PATIENCE = 1000, 60
"""Orbits that the walk lists at most, and its steps without a better one."""


def certify(
    model: ModelOrFolder,
    space: ConfigurationSpace | None = None,
    *,
    top: int = 100,
    window: float | None = None,
    time_limit: float | None = None,
    checkpoint: PathLike | None = None,
    resume: bool = False,
    seed: int = 0,
    num_threads: int | None = None,
    progress: ProgressOption = None,
) -> Certificate:
    r"""Find the lowest orbits of a space by a model and prove that there are no lower ones.

    A model that is linear in its columns is a sum over pairs and triplets of sites
    (`matganip.learning.site_interactions`). Branch and bound decides site after site, leaves out what symmetry repeats
    and what a lower bound puts above the last winner (``docs/adr/0019-proved-winners.md``), and so proves what a screen
    finds by visiting every orbit: the winners are the same rows, in the same order.

    Parameters
    ----------
    model : Model or path-like
        A model or its folder. One with a bent (kernel) function or a network is searched through a sum over pairs and
        triplets that is fitted to it, with the largest error measured on a sample, and re-scored by itself: the proof
        is then as good as that error, and says so.
    space : ConfigurationSpace, optional
        Of the model's parent; by default the space that it was trained on.
    top : int
        How many orbits; all of them where there are fewer.
    window : float, optional
        meV/atom: instead of `top`, all orbits up to so far above the lowest.
    time_limit : float, optional
        Seconds, after which the best known are returned with the lower bound and the gap that are reached. A walk then
        looks for low arrangements, which takes seconds more.
    checkpoint : path-like, optional
        An ``.npz`` file for the state of the search.
    resume : bool
        Go on from that file where it exists; the end is the same as without the interruption.
    seed : int
        Of the sample that a surrogate is fitted to.
    num_threads : int, optional
        All cores by default. What is returned does not depend on it.
    progress : bool or callable, optional
        Draw a bar, or call back with the nodes searched and the gap.

    Returns
    -------
    Certificate

    Raises
    ------
    InputError
        If the model cannot speak of the space or is no function of pairs and triplets of sites (powder peaks, which are
        scaled by the largest), a number is out of its range, or the checkpoint is of another search.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> model = mg.train(space, "cspbi3_br/gpaw_mp4_fixed", diffraction={"resolution": "resolved"})
    >>> found = mg.certify(model, space, top=5)
    >>> found.proved, len(found.winners), found.gap
    (True, 5, 0.0)
    >>> bool((found.winners.occupations == mg.screen(model, space, top=5).winners.occupations).all())
    True
    """
    asked = Model.of(model)
    space = asked.own_space if space is None else space
    asked.check(space)
    _check(top, window, time_limit, checkpoint, resume)
    energy, bound, sentence = _explicit(asked, space, seed)
    clock, cpu = time.monotonic(), time.process_time()
    within = None if window is None else window * space.n_atoms / 1000.0
    search = LowestOrbits(energy, top=top, window=within, slack=SLACK + 2.0 * bound)
    file = None if checkpoint is None else Path(checkpoint)
    if file is not None and resume and file.exists():
        read_certify_checkpoint(file, search)
    met = _Met(asked, space, search, top, seed)
    _drive(search, met, time_limit, file, num_threads, progress, clock)
    winners = _rescored(asked, search, met, top, within, bound)
    done = search.n_open == 0
    return Certificate(
        winners=ConfigurationBatch(space, winners.occupations, winners.multiplicity),
        energy=winners.energy,
        deviation=winners.deviation,
        point_groups=_point_groups(space, winners),
        proved=done,
        open_bound=np.inf if done else search.lower_bound - bound,
        n_visited=search.n_visited,
        n_open=search.n_open,
        cpu_s=time.process_time() - cpu,
        top=None if window is not None else top,
        window=window,
        surrogate_bound=bound,
        surrogate_sentence=sentence,
        calculator=asked.calculator,
        remark=asked.remark(space),
    )


def _check(top: int, window: float | None, time_limit: float | None, checkpoint: PathLike | None, resume: bool) -> None:
    if not 1 <= top <= MOST_WINNERS:
        raise InputError(f"top: must be from 1 to {MOST_WINNERS:,}, not {top}")
    if window is not None and not (np.isfinite(window) and window >= 0):
        raise InputError(f"window: a number of meV/atom is needed, not {window}")
    if time_limit is not None and not time_limit > 0:
        raise InputError(f"time_limit: a positive number of seconds is needed, not {time_limit}")
    if checkpoint is not None and not os.fspath(checkpoint).endswith(".npz"):
        raise InputError(f"{os.fspath(checkpoint)}: the state of a search is stored as .npz")
    if resume and checkpoint is None:
        raise InputError("resume needs checkpoint: the file where the search was stored")


def _explicit(model: Model, space: ConfigurationSpace, seed: int) -> tuple[SiteInteractions, float, str]:
    """The model as a sum over pairs and triplets, by how much it may be off, and how that was measured."""
    if SiteInteractions.linear(model):
        return SiteInteractions.of(model, space), 0.0, ""
    fitted = PairSurrogate.fit(model, space, seed=seed)
    return fitted.energy, fitted.bound, fitted.sentence


class _Met:
    """Low arrangements by a walk (`matganip.sampling.search`), once a proof turns out to be long.

    Nothing above them is searched, and where time ends first they are the best known.
    """

    def __init__(self, model: Model, space: ConfigurationSpace, search: LowestOrbits, top: int, seed: int) -> None:
        self.model, self.space, self.search, self.top, self.seed = model, space, search, top, seed
        self.occupations = np.empty((0, space.n_sites), dtype=np.uint8)

    def help(self, *, last: bool = False) -> None:
        """Walk, unless that was done, or few nodes have been searched and more will be."""
        if len(self.occupations) or not (last or self.search.n_visited > LONG):
            return
        found = walk(self.model, self.space, top=min(self.top, MOST_MET), seed=self.seed, patience=PATIENCE)
        self.occupations = found.batch.occupations
        if not last:  # a search that is resumed goes on as if it had not been stopped
            self.search.know(self.occupations)


def _drive(
    search: LowestOrbits,
    met: _Met,
    time_limit: float | None,
    file: Path | None,
    num_threads: int | None,
    progress: ProgressOption,
    clock: float,
) -> None:
    """Search until nothing is open, the time is over, or Ctrl-C."""
    written = time.monotonic()
    with reporting(progress) as report, deferred_interrupt() as interrupted:
        while search.advance(num_threads):
            report("certify", search.n_visited, search.n_visited + search.n_open, _detail(search))
            met.help()
            now = time.monotonic()
            if interrupted():
                break
            if time_limit is not None and now - clock > time_limit:
                met.help(last=True)
                break
            if file is not None and now - written > CHECKPOINT_EVERY:
                write_certify_checkpoint(file, search)
                written = time.monotonic()
    if file is not None:
        write_certify_checkpoint(file, search)


def _detail(search: LowestOrbits) -> str:
    per_atom = 1000.0 / search.energy.space.n_atoms
    gap = (search.threshold - search.lower_bound) * per_atom
    return f"gap {gap:.4f} meV/atom" if np.isfinite(gap) else "no gap yet"


def _rescored(model: Model, search: LowestOrbits, met: _Met, top: int, within: float | None, bound: float) -> Rows:
    """What was found, and met where the proof is not complete, by the model itself, in the order of a screen."""
    found, space = search.found(), met.space
    batch = space.canonical(found.occupations)
    if not np.array_equal(batch.multiplicity, found.multiplicity):
        raise RuntimeError("the search and the space differ in the size of an orbit")
    energy = found.energy
    if search.n_open and len(met.occupations):
        rows, first = np.unique(np.vstack([batch.occupations, met.occupations]), axis=0, return_index=True)
        batch = space.canonical(rows)
        energy = np.concatenate([energy, search.energy(met.occupations)])[first]
    if not len(batch):
        return Rows.none(space.n_sites, 1)
    scorer = model.scorer(space)
    best = Best(Selection("lowest", top if within is None else len(batch)), space.n_sites, 1)
    for start in range(0, len(batch), 4096):
        part = slice(start, start + 4096)
        rows = batch.occupations[part]
        scores = scorer.predict(scorer.features(rows))
        apart = float(np.abs(scores.energy - energy[part]).max())
        if apart > bound + SLACK:
            raise InputError(
                f"the sum that stands for the model is {apart:.2g} eV off on an "
                f"arrangement that could win, more than the {bound:.2g} eV measured; try another seed"
            )
        number = np.arange(start, start + len(rows))
        best.add(Rows(number, batch.multiplicity[part], rows, scores.energy[:, None], scores.deviation[:, None]))
    if within is None:
        return best.rows
    return best.rows.take(best.rows.energy[:, 0] <= best.rows.energy[0, 0] + within)


def _point_groups(space: ConfigurationSpace, rows: Rows) -> tuple[str, ...]:
    if not len(rows):
        return ()
    return tuple(ConfigurationBatch(space, rows.occupations, rows.multiplicity).point_groups().labels)
