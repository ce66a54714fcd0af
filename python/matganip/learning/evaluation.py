"""How wrong a model is on labelled arrangements: numbers, and the table that shows them beside the constant's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.learning.card import Card, model_folder
from matganip.learning.judgement import Judgement, judge
from matganip.learning.remarks import remark_on
from matganip.results.content import Table

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.tables import Labelled, LabelTable
    from matganip.learning.gan import Matganip
    from matganip.learning.metrics import Metrics
    from matganip.screening.ranking import GraphRepresentation

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Assessed:
    """Predictions of labelled arrangements beside the labels and the constant.

    Parameters
    ----------
    name : str
        Which arrangements these are: "test", "train" ...
    occupations : (n, n_sites) uint8 ndarray
        Representatives of the orbits.
    multiplicity : (n,) int64 ndarray
        Their sizes.
    calculated, predicted : (n,) float64 ndarray
        Total energies in meV/atom.
    constant : float
        What the constant predicts, the mean of what the model was trained on, in meV/atom.
    judgement : Judgement
        In meV/atom.
    """

    name: str
    occupations: NDArray[np.uint8]
    multiplicity: NDArray[np.int64]
    calculated: Floats
    predicted: Floats
    constant: float
    judgement: Judgement

    @property
    def metrics(self) -> Metrics:
        """In meV/atom, weighted by multiplicity."""
        return self.judgement.weighted

    @property
    def error(self) -> Floats:
        """(n,): absolute errors, in meV/atom."""
        error: Floats = np.abs(self.predicted - self.calculated)
        return error

    @property
    def error_rate(self) -> Floats:
        """(n,): absolute errors as percent of the total energy's size; nan where that is zero."""
        size = np.abs(self.calculated)
        rate: Floats = np.divide(100.0 * self.error, size, out=np.full(len(size), np.nan), where=size > 0)
        return rate

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON values; those of "plain" count every orbit once."""
        found = self.metrics
        return {
            "unit": found.unit,
            "orbits": found.n_rows,
            "arrangements": int(found.weight),
            **self.judgement.as_dict(),
        }

    def sentence(self) -> str:
        """What the ranking finds, and what no model on these features can pass."""
        top, floor = self.judgement.top, self.judgement.floor
        return (
            f"{self.name}: {top.found} of the {top.k} lowest orbits are among the {top.k} predicted lowest "
            f"({top.by_chance:.2g} by chance). The peaks tell {floor.n_classes:,} of {len(self.calculated):,} orbits "
            f"apart: no model that reads them has an MAE below {floor.mae:.4f} meV/atom here."
        )


def assess(
    name: str,
    model: Matganip,
    represent: GraphRepresentation,
    labelled: Labelled,
    rows: NDArray[np.integer[Any]] | NDArray[np.bool_] | slice = slice(None),
) -> Assessed:
    """Ask a model for labelled arrangements.

    Parameters
    ----------
    name : str
        What to call them.
    model : Matganip
        It predicts eV/atom.
    represent : GraphRepresentation
        Of their space.
    labelled : Labelled
        Total energies of supercells in eV.
    rows : array or slice
        Which of them.

    Returns
    -------
    Assessed
    """
    occupations, multiplicity = labelled.occupations[rows], labelled.multiplicity[rows]
    calculated = labelled.energy[rows] * (1000.0 / labelled.n_atoms)
    predicted = model.predict(represent(occupations)) * 1000.0
    constant = model.constant * 1000.0
    features = represent.peaks(occupations).intensity[:, : represent.n_peaks]
    found = judge(predicted, calculated, constant=constant, features=features, weight=multiplicity, unit="meV/atom")
    return Assessed(name, occupations, multiplicity, calculated, predicted, constant, found)


@dataclass(frozen=True)
class Evaluation:
    """A trained model on a labelled table.

    Parameters
    ----------
    model : Matganip
    card : Card
    space : ConfigurationSpace
        Of the labels.
    represent : GraphRepresentation
    table : LabelTable
    n_elsewhere : int
        Rows of the table that belong to another composition and were left out.
    parts : tuple of Assessed
        "unseen" and "trained on", those of the two that there are.
    """

    model: Matganip
    card: Card
    space: ConfigurationSpace
    represent: GraphRepresentation
    table: LabelTable
    n_elsewhere: int
    parts: tuple[Assessed, ...]

    @property
    def remark(self) -> str:
        """What the model cannot know of this space, in sentences; nothing where it can."""
        return remark_on(self.card, self.space)


def evaluate_model(
    path: Path,
    labels: str | Path,
    *,
    supercell: Any = None,
    substitutions: dict[str, dict[str, int]] | None = None,
    device: str = "cpu",
) -> Evaluation:
    """Judge a trained model by a labelled table: arrangements that it was trained on apart from those it was not.

    Parameters
    ----------
    path : pathlib.Path
        The model folder, or the output of `matganip train`.
    labels : str or pathlib.Path
        A shipped table or a file.
    supercell, substitutions
        Of the labels, as in a study; those of the model by default.
    device : str
        Where to compute.

    Returns
    -------
    Evaluation

    Raises
    ------
    InputError
        If the model or the table does not read, or the model cannot speak of that space.
    """
    from matganip.labels.tables import read_labels
    from matganip.learning.gan import Matganip

    folder = model_folder(path)
    card, model = Card.read(folder), Matganip.load(folder, device=device)
    space = card.space(supercell, substitutions)
    check_species(card, space)
    represent = card.represent(space)
    table = read_labels(labels)
    labelled = table.join(space)
    seen = card.seen(space, labelled.occupations)
    parts = tuple(
        assess(name, model, represent, labelled, rows)
        for name, rows in (("unseen", ~seen), ("trained on", seen))
        if rows.any()
    )
    return Evaluation(model, card, space, represent, table, labelled.n_elsewhere, parts)


def check_species(card: Card, space: ConfigurationSpace) -> None:
    """Refuse a space with a species that the model never met."""
    met = {name for names in card.species for name in names}
    new = sorted({name for names in space.species for name in names} - met)
    if new:
        raise InputError(
            f"the model was trained on {', '.join(sorted(met))} and has never met {', '.join(new)}; train one that has"
        )


def metrics_table(parts: Sequence[Assessed], title: str = "") -> Table:
    """Errors beside the constant's."""
    rows = tuple(
        (
            name,
            f"{found.n_rows:,}",
            f"{found.mae:.4f}",
            f"{found.constant_mae:.4f}",
            _text(found.skill),
            f"{found.rmse:.4f}",
            _text(found.r2),
            _text(found.spearman),
            f"{found.maer:.2g}",
            f"{found.constant_maer:.2g}",
        )
        for one in parts
        for name, found in ((one.name, one.judgement.weighted), ("  plain", one.judgement.plain))
    )
    columns = ("", "orbits", "MAE", "constant's", "skill", "RMSE", "R²", "Spearman", "MAER, %", "(const.)")
    note = (
        "MAE, the constant's (it predicts the mean of what was trained on) and RMSE in meV/atom, weighted by "
        "multiplicity, and plain: every orbit once; skill = 1 - MAE/constant's; MAER is relative to the total energy, "
        "of which all arrangements have nearly the same: it is small for a constant too. "
        + " ".join(one.sentence() for one in parts)
    )
    return Table(title, columns, rows, "l" + "r" * 9, note)


def or_null(value: float) -> float | None:
    """JSON has no nan."""
    return value if math.isfinite(value) else None


def _text(value: float) -> str:
    if not math.isfinite(value):
        return "\u2013"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.3g}"
