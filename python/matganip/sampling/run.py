"""A search with a trained model, followed to its end or to an interruption, and what it leaves."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matganip.configurations.summary import composition, sites_text
from matganip.configurations.tables import arrangement_columns, space_metadata
from matganip.files import atomic_path
from matganip.learning.card import model_folder
from matganip.sampling.checkpoint import read_checkpoint, write_checkpoint
from matganip.sampling.search import Search, SearchProgress, SearchSettings
from matganip.workflows.folder import sha256
from matganip.workflows.predict import Predictor

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch

Tell = Callable[[SearchProgress], None]
# Seconds between two checkpoints.
CHECKPOINT_EVERY = 30.0


@dataclass(frozen=True)
class SearchJob:
    """A model, the space that it searches, and where the search stands.

    Parameters
    ----------
    asked : Predictor
    search : Search
    model : str
        Checksum of the model's weights.
    """

    asked: Predictor
    search: Search
    model: str

    @classmethod
    def load(
        cls,
        path: Path,
        settings: SearchSettings,
        *,
        supercell: Any = None,
        substitutions: dict[str, dict[str, int]] | None = None,
        device: str = "cpu",
        resume: Path | None = None,
    ) -> SearchJob:
        """Read a model folder and begin a search, or take up a stored one.

        Raises
        ------
        InputError
            If the model cannot speak of that space, or the checkpoint is of another search.
        """
        asked = Predictor.load(path, supercell=supercell, substitutions=substitutions, device=device)
        atoms = asked.space.n_atoms

        def score(occupations: NDArray[np.uint8]) -> NDArray[np.float64]:
            return asked.predict(occupations) * atoms

        search = Search(asked.represent.diffraction, score, settings)
        model = sha256(model_folder(path) / "model.safetensors")
        if resume is not None:
            read_checkpoint(resume, search, model)
        return cls(asked, search, model)

    def run(
        self,
        n_steps: int,
        *,
        max_scored: int | None = None,
        patience: int | None = None,
        checkpoint: Path | None = None,
        tell: Tell | None = None,
    ) -> bool:
        """Search until it is done, or until Ctrl-C.

        Parameters
        ----------
        n_steps, max_scored, patience
            As for `Search.run`.
        checkpoint : pathlib.Path, optional
            Kept up to date twice a minute and at the end.
        tell : callable, optional
            Called after each step.

        Returns
        -------
        bool
            Whether it came to its end.
        """
        written = time.monotonic()
        with deferred_interrupt() as interrupted:
            for progress in self.search.run(n_steps, max_scored=max_scored, patience=patience):
                if tell is not None:
                    tell(progress)
                if interrupted():
                    break
                if checkpoint is not None and time.monotonic() - written > CHECKPOINT_EVERY:
                    write_checkpoint(checkpoint, self.search, self.model)
                    written = time.monotonic()
            if checkpoint is not None:
                write_checkpoint(checkpoint, self.search, self.model)
        return not interrupted()

    def best(self) -> ConfigurationBatch:
        """The best orbits, best first."""
        keys = b"".join(one.key for one in self.search.scored.best)
        space = self.asked.space
        return space.canonical(np.frombuffer(keys, dtype=np.uint8).reshape(-1, space.n_sites))


def write_best(job: SearchJob, path: Path) -> None:
    """Write the best orbits as Parquet, best first; equal searches are equal bytes.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    found, batch = job.search.scored.best, job.best()
    energy = np.array([one.energy for one in found])
    table = pa.table(
        {
            "rank": pa.array(np.arange(1, len(found) + 1)),
            "multiplicity": pa.array(batch.multiplicity),
            "prediction_eV": pa.array(energy),
            "relative_meV_per_atom": pa.array((energy - energy[0]) * (1000 / job.asked.space.n_atoms)),
            "found_at_step": pa.array([one.step for one in found]),
            "found_by_groups": pa.array([len(one.groups) for one in found]),
            **arrangement_columns(job.asked.space, batch.occupations),
        }
    )
    summary = json.dumps({**search_summary(job), "best": None})
    about = {**space_metadata(job.asked.space), "calculator": job.asked.card.calculator, "search": summary}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(about), temporary, compression="zstd")


def search_summary(job: SearchJob) -> dict[str, Any]:
    """The result as JSON values."""
    search, space = job.search, job.asked.space
    found, batch = search.scored.best, job.best()
    progress, n_orbits = search.progress(), space.count_orbits()
    low, high = search.range or (None, None)
    return {
        "composition": composition(space),
        "arrangements": space.n_configurations,
        "orbits": n_orbits,
        "calculator": job.asked.card.calculator,
        "model_sha256": job.model,
        "remark": job.asked.remark,
        **{name: value for name, value in search.identity().items() if name == "settings"},
        "steps": search.step,
        "orbits_scored": search.scored.n_scored,
        "part_scored": search.scored.n_scored / n_orbits,
        "groups": search.n_groups,
        "groups_at_best": progress.groups_at_best,
        "temperatures_K": [low, high],
        "accepted": {
            "swaps": _or_null(progress.swap_rate),
            "steps": _or_null(progress.step_rate),
            "exchanges": _or_null(progress.exchange_rate),
        },
        "guide_error_meV_per_atom": _or_null(1000 * progress.guide_error / space.n_atoms),
        "best": [
            {
                "prediction_eV": one.energy,
                "multiplicity": one.multiplicity,
                "found_at_step": one.step,
                "found_by_groups": len(one.groups),
                "sites": sites_text(space, row),
                "occupation": row.tolist(),
            }
            for one, row in zip(found, batch.occupations, strict=True)
        ],
    }


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C be asked about instead of raised, so that no step is cut in two; a second one is raised.

    Yields
    ------
    callable
        Whether Ctrl-C was pressed.
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


def _or_null(number: float) -> float | None:
    return number if np.isfinite(number) else None
