"""Search a space that is too large to enumerate for the arrangements that a model puts lowest."""

from __future__ import annotations

import hashlib
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.files import sha256
from matganip.learning.model import Model
from matganip.progress import ProgressOption, reporting
from matganip.results.search import SearchResult
from matganip.sampling.chains import Search, SearchProgress, SearchSettings
from matganip.sampling.search_checkpoint import read_checkpoint, write_checkpoint

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

Follow = Callable[[SearchProgress], object]
# Seconds between two checkpoints.
CHECKPOINT_EVERY = 30.0


def search(
    model: Model | str | os.PathLike[str],
    space: ConfigurationSpace | None = None,
    *,
    n_steps: int = 200,
    max_scored: int | None = None,
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    device: str = "cpu",
    progress: ProgressOption = None,
    follow: Follow | None = None,
    **settings: Any,
) -> SearchResult:
    """Search for the best arrangements of a space, without enumerating it.

    Parameters
    ----------
    model : Model or path
        A model or its folder.
    space : ConfigurationSpace, optional
        The space to search; by default the one that the model was trained on.
    n_steps : int
        Steps of the chains to have done in the end, those before a checkpoint included.
    max_scored : int, optional
        Stop once the model has scored so many orbits.
    patience : int, optional
        Stop once the best has not changed for so many steps.
    checkpoint : path, optional
        File for the state of the search, written twice a minute and at the end.
    resume : bool
        Resume from the checkpoint; it must be of the same model, space and settings.
    device : {"cpu", "cuda", "mps", "auto"}
        Where a model that is given by its folder computes.
    progress : bool or callable, optional
        See `matganip.progress`.
    follow : callable, optional
        Called with a `SearchProgress` after each step.
    **settings
        Keys of `matganip.sampling.chains.SearchSettings`: ``top``, ``seed``, ``method``, ``n_chains``, ``n_swaps``,
        ``guided``, ``temperatures``, ``select``, ``target`` ...

    Returns
    -------
    SearchResult
        The same bytes for the same model, space, settings and number of steps. Ctrl-C ends the search after the
        current step; the result, `finished` being False, then has what was found so far. A second Ctrl-C raises
        KeyboardInterrupt.

    Raises
    ------
    InputError
        If a setting is unknown or out of range, the model cannot describe the space, or the checkpoint cannot be read
        or belongs to another search.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> model = mg.train(space, "cspbi3_br/gpaw_mp2", network={"epochs": 5})
    >>> found = search(model, top=3, n_chains=8, n_steps=20)
    >>> len(found), found.n_scored, found.finished
    (3, 19, True)
    """
    chosen = SearchSettings(**settings)
    if resume and checkpoint is None:
        raise InputError("resume needs the checkpoint of the search")
    asked = Model.of(model, device)
    space = asked.own_space if space is None else space
    scorer, weights = asked.scorer(space), weights_sha256(asked)

    def score(occupations: NDArray[np.uint8]) -> NDArray[np.float64]:
        return scorer.predict(scorer.features(occupations)).energy

    chains = Search(scorer.represent.diffraction, score, chosen)
    file = None if checkpoint is None else Path(checkpoint)
    if resume and file is not None:
        read_checkpoint(file, chains, weights)
    with reporting(progress) as report:

        def told(now: SearchProgress) -> None:
            report("search", now.step, n_steps, _detail(now))
            if follow is not None:
                follow(now)

        finished = _run(chains, n_steps, max_scored, patience, told, file, weights)
    return _result(chains, finished, asked, weights)


def weights_sha256(model: Model) -> str:
    """Checksum of a model's weights: that of its safetensors file, or of the checksums of an ensemble's several."""
    with tempfile.TemporaryDirectory() as folder:
        model.predictor.save(folder)
        digests = [sha256(path) for path in sorted(Path(folder).rglob("*.safetensors"))]
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _run(
    chains: Search,
    n_steps: int,
    max_scored: int | None,
    patience: int | None,
    told: Follow,
    checkpoint: Path | None,
    weights: str,
) -> bool:
    """Search until it is done, or until Ctrl-C; say whether it came to its end."""
    written = time.monotonic()
    with deferred_interrupt() as interrupted:
        for now in chains.run(n_steps, max_scored=max_scored, patience=patience):
            told(now)
            if interrupted():
                break
            if checkpoint is not None and time.monotonic() - written > CHECKPOINT_EVERY:
                write_checkpoint(checkpoint, chains, weights)
                written = time.monotonic()
        if checkpoint is not None:
            write_checkpoint(checkpoint, chains, weights)
    return not interrupted()


def _result(chains: Search, finished: bool, model: Model, weights: str) -> SearchResult:
    best, now, space = chains.scored.best, chains.progress(), chains.space
    occupations = np.frombuffer(b"".join(one.occupation for one in best), dtype=np.uint8).reshape(-1, space.n_sites)
    return SearchResult(
        batch=space.canonical(occupations),
        energy=np.array([one.energy for one in best]),
        found_at_step=np.array([one.step for one in best], dtype=np.int64),
        found_by_groups=np.array([len(one.groups) for one in best], dtype=np.int64),
        finished=finished,
        n_steps=chains.step,
        n_scored=chains.scored.n_scored,
        n_groups=chains.n_groups,
        groups_at_best=now.groups_at_best,
        temperatures=chains.range or (),
        accepted={"swaps": now.swap_rate, "steps": now.step_rate, "exchanges": now.exchange_rate},
        guide_error=now.guide_error,
        history=np.array(chains.history, dtype=np.float64).reshape(-1, 3),
        settings=chains.settings.model_dump(mode="json"),
        calculator=model.calculator,
        model_sha256=weights,
        remark=model.remark(space),
    )


def _detail(now: SearchProgress) -> str:
    return (
        f"best {now.best.energy:.6f} eV, by {now.groups_at_best} of {now.n_groups}; {now.n_scored:,} scored; "
        f"exchanged {now.exchange_rate:.0%}"
    )


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Note Ctrl-C instead of raising KeyboardInterrupt, so that a step is never cut in two; a second one is raised.

    Yields
    ------
    callable
        Says whether Ctrl-C was pressed.
    """
    asked = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            signal.default_int_handler(number, frame)
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
