"""A trained model as a user meets it: weights, representation and card, with one way to save and to load."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.files import check_seal, seal
from matganip.labels.labelled import Labelled
from matganip.labels.structures import LabelledStructures, holds_structures, read_structures
from matganip.labels.tables import LabelTable
from matganip.learning import checkpoints, distribution, ensemble, solved, surrogate
from matganip.learning.asked import joined, listed, of_structures
from matganip.learning.card import CARD, Card
from matganip.learning.distribution import Distribution
from matganip.learning.distribution_training import scored
from matganip.learning.ensemble import Ensemble
from matganip.learning.evaluation import assess
from matganip.learning.gan import Matganip
from matganip.learning.many_cells import evaluate_structures
from matganip.learning.prediction import Writing, checked_levels, predict_batches, predict_rows
from matganip.learning.remarks import remark_on
from matganip.learning.scoring import GraphScorer
from matganip.learning.shared_columns import predict_structures
from matganip.learning.solved import Solved
from matganip.learning.surrogate import DistilledSurrogate
from matganip.markup import facts_html
from matganip.results.evaluation import Evaluation
from matganip.results.labelling import LabellingResult
from matganip.results.prediction import NO_DISTRIBUTION

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core.structure import Structure

    from matganip.configurations.composition import Substitutions
    from matganip.learning.history import TrainingHistory
    from matganip.learning.representation import GraphRepresentation
    from matganip.progress import ProgressOption
    from matganip.results.distribution import DistributionScores
    from matganip.results.prediction import Prediction
    from matganip.results.structures import StructurePrediction
    from matganip.results.training import Training


FILES = frozenset(
    {
        CARD,
        checkpoints.RECORD,
        checkpoints.WEIGHTS,
        distribution.RECORD,
        distribution.ARRAYS,
        ensemble.RECORD,
        solved.RECORD,
        solved.ARRAYS,
        surrogate.RECORD,
    }
)
"""Names of the files of a model, which its checksums cover; others in its folder are no part of it."""


@dataclass(frozen=True, eq=False)
class Model:
    """A model that knows which graphs it reads, of which crystal, and what it was trained on.

    `matganip.train` makes it, `matganip.load` reads it.

    Parameters
    ----------
    predictor : Solved, Distribution, Matganip, Ensemble or DistilledSurrogate
        The weights; it predicts eV/atom from the columns of the representation or, a network, from graph matrices.
    card : Card
        How graphs are made, the parent crystal and the training set.
    training : Training, optional
        How it was trained and what it reaches on its test set; not part of what is saved.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> model = mg.train(space, "cspbi3_br/gpaw_mp2")
    >>> prediction = model.predict(space)
    >>> len(prediction), prediction.energy.shape
    (19, (19,))
    """

    predictor: Solved | Distribution | Matganip | Ensemble | DistilledSurrogate
    card: Card
    training: Training | None = field(default=None, repr=False)

    @classmethod
    def of(cls, model: Model | str | os.PathLike[str], device: str = "cpu") -> Model:
        """Give a model as it is, or read it from its folder.

        Parameters
        ----------
        model : Model or path-like
            A folder of `save`, or one that has it as ``model``, as the output of `matganip train` and `matganip run`.
        device : {"cpu", "cuda", "mps", "auto"}
            Where a model that is read computes.

        Returns
        -------
        Model

        Raises
        ------
        InputError
            If the folder holds no model, or a file of it is damaged or was changed after it was saved.
        """
        if isinstance(model, Model):
            return model
        folder = model_folder(Path(model))
        check_seal(folder)
        card = Card.read(folder)
        if (folder / surrogate.RECORD).is_file() and not (folder / checkpoints.RECORD).is_file():
            return cls(DistilledSurrogate.load(folder), card)
        if (folder / distribution.RECORD).is_file():
            return cls(Distribution.load(folder), card)
        if (folder / solved.RECORD).is_file():
            return cls(Solved.load(folder), card)
        kind: type[Matganip] | type[Ensemble] = Ensemble if (folder / ensemble.RECORD).is_file() else Matganip
        return cls(kind.load(folder, device=device), card)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the model into a folder: weights, their record, ``card.json`` and ``checksums.json``.

        Parameters
        ----------
        folder : path-like
            Made where it is missing.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        self.predictor.save(folder)
        self.card.write(Path(folder))
        seal(Path(folder), FILES)

    # -- what it speaks of -------------------------------------------------------------------------------------

    @property
    def calculator(self) -> str:
        """Whose energies it learned."""
        return self.card.calculator

    @property
    def history(self) -> TrainingHistory:
        """Of the training behind the weights; of the first member of an ensemble."""
        if isinstance(self.predictor, DistilledSurrogate | Solved | Distribution):
            raise InputError("only a network has a history of training; this model was fitted in closed form")
        one = self.predictor.members[0] if isinstance(self.predictor, Ensemble) else self.predictor
        return one.history

    @property
    def own_space(self) -> ConfigurationSpace:
        """The space that it was trained on."""
        return self.card.own_space

    def space(
        self, supercell: ArrayLike | None = None, substitutions: Substitutions | None = None
    ) -> ConfigurationSpace:
        """The space that it was trained on, or another one of the same parent that it may be asked about.

        Parameters
        ----------
        supercell, substitutions
            As for `ConfigurationSpace`; those of the training set where they are left out.

        Raises
        ------
        InputError
            If the parent has no such sublattice or too few sites, or a species was never met in training.
        """
        if supercell is None and substitutions is None:
            return self.own_space
        space = self.card.space(supercell, substitutions)
        self.check(space)
        return space

    def to_dict(self) -> dict[str, Any]:
        """What the model is, as JSON values: of which crystal, on which columns, what they span, what it reached."""
        card = self.card
        return {
            "calculator": card.calculator,
            "labels": card.table,
            "parent": card.parent.composition.reduced_formula,
            "supercell": card.supercell,
            "substitutions": card.substitutions,
            "columns": len(card.positions),
            "readout": card.readout,
            "diffraction": card.diffraction.model_dump(mode="json"),
            "trained_on": len(card.trained_on),
            "span": None if card.span is None else card.span.as_dict(),
            "training": None if self.training is None else self.training.to_dict(),
        }

    def _repr_html_(self) -> str:
        known = self.to_dict()
        told = ("labels", "calculator", "supercell", "substitutions", "columns")
        return facts_html(f"Model of {known['parent']}", {name: known[name] for name in told})

    def check(self, space: ConfigurationSpace) -> None:
        """Refuse a space with a species that the model never met."""
        self.card.check(space)

    def remark(self, space: ConfigurationSpace) -> str:
        """What it cannot know of a space, in sentences; empty where it can."""
        return remark_on(self.card, space)

    def represent(self, space: ConfigurationSpace) -> GraphRepresentation:
        """Make the graphs of a space; refuse one whose vertices are others than those trained on."""
        return self.card.represent(space)

    def scorer(self, space: ConfigurationSpace) -> GraphScorer:
        """Make what computes energies of a space's arrangements block by block, equal graphs once."""
        self.check(space)
        return GraphScorer(self.represent(space), self.predictor)

    def distil(self, space: ConfigurationSpace | None = None, *, n: int = 20_000, seed: int = 0) -> Model:
        """Fit a quadratic function of the peaks to the model's own predictions: a thousand times as fast.

        Parameters
        ----------
        space : ConfigurationSpace, optional
            Whose arrangements it is for; by default the space trained on.
        n : int
            Orbits of a uniform sample of it to fit to and to measure errors on.
        seed : int
            Of the sample and of what is held out.

        Returns
        -------
        Model
            Its ``predictor`` is a `DistilledSurrogate`, whose ``errors`` say how far it is from the model.

        Raises
        ------
        InputError
            If it is a surrogate already, reads several channels, or too few arrangements differ.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
        >>> model = mg.train(space, "cspbi3_br/chgnet_X6of24", network={"epochs": 5})
        >>> fast = model.distil()
        >>> bool(abs(fast.predict(space).energy - model.predict(space).energy).max() < 0.1)
        True
        """
        if isinstance(self.predictor, DistilledSurrogate | Solved | Distribution):
            raise InputError("this model reads the columns itself already: a surrogate would be no faster")
        space = self.own_space if space is None else space
        self.check(space)
        sample = np.unique(space.sample_orbits(n, seed=seed).occupations, axis=0)
        fitted = DistilledSurrogate.fit(self.predictor, self.represent(space), sample, seed=seed)
        return Model(fitted, self.card)

    # -- asking it ---------------------------------------------------------------------------------------------

    def predict(
        self,
        what: ConfigurationSpace
        | ConfigurationBatch
        | NDArray[np.uint8]
        | Iterable[Structure | Atoms | str | os.PathLike[str]]
        | None = None,
        *,
        space: ConfigurationSpace | None = None,
        n: int | None = None,
        seed: int = 0,
        keep: int | None = None,
        output: str | os.PathLike[str] | None = None,
        quantiles: Sequence[float] = (),
        progress: ProgressOption = None,
    ) -> Prediction:
        """Predict total energies.

        Parameters
        ----------
        what : ConfigurationSpace, ConfigurationBatch, (n, n_sites) uint8 ndarray or iterable of structures, optional
            Every orbit of a space; the rows of a batch; codes; or structures (objects or files) on the ideal supercell,
            of any composition of its species. By default every orbit of `space`.
        space : ConfigurationSpace, optional
            What codes and structures belong to; by default the space that the model was trained on.
        n : int, optional
            Of a space: a uniform sample of so many orbits instead of all.
        seed : int
            Of that sample.
        keep : int, optional
            Of a space: return only the so many lowest, which bounds the memory; all by default.
        output : path-like, optional
            A ``.parquet`` or ``.csv`` file for all predictions, written as they come.
        quantiles : sequence of float
            Probabilities below which energies are told beside each prediction, of a model that answers with
            distributions.
        progress : bool or callable, optional
            See `matganip.progress`.

        Returns
        -------
        Prediction

        Raises
        ------
        InputError
            If the model cannot speak of the space, a structure does not fit it, the file cannot be written, or
            quantiles are asked of a model without distributions.
        """
        if isinstance(what, ConfigurationSpace | ConfigurationBatch):
            space = what.space if isinstance(what, ConfigurationBatch) else what
        space = self.own_space if space is None else space
        self.check(space)
        writing = Writing(self, self.represent(space), output, checked_levels(self, quantiles))
        if what is None or isinstance(what, ConfigurationSpace):
            return predict_batches(writing, number=n, seed=seed, keep=keep, progress=progress)
        if n is not None or keep is not None:
            raise InputError("n and keep are for a space; structures and batches are predicted whole")
        names: tuple[str, ...] = ()
        if isinstance(what, ConfigurationBatch):
            rows = what
        elif isinstance(what, np.ndarray):
            rows = ConfigurationBatch(space, what, np.ones(len(what), dtype=np.int64))
        else:
            rows, names = of_structures(space, listed(what))
        return predict_rows(writing, rows, names, structures=not isinstance(what, ConfigurationBatch))

    def predict_structures(
        self, structures: Iterable[Structure | Atoms | str | os.PathLike[str]]
    ) -> StructurePrediction:
        """Predict structures in any supercells of the parent, in any setting, relaxed or not.

        Parameters
        ----------
        structures : iterable of Structure, ase.Atoms or path
            They are mapped onto the parent's sites (`matganip.configurations.mapping`).

        Returns
        -------
        StructurePrediction
            Total energies and their standard deviations, eV; what lies beyond the training set is named.

        Raises
        ------
        InputError
            If the model's columns belong to one supercell (one trained on `matganip.read_structures` has others), or a
            structure does not fit the parent's sites.
        """
        return predict_structures(self._of_any_cell(), self.card, self.own_space, listed(structures))

    def _of_any_cell(self) -> Solved:
        if self.card.diffraction.classes != "parent" or not isinstance(self.predictor, Solved):
            raise InputError("this model knows one supercell: give predict() structures on it, or train on structures")
        return self.predictor

    def evaluate(
        self,
        labels: LabelTable | Labelled | LabellingResult | LabelledStructures | str | os.PathLike[str],
        space: ConfigurationSpace | None = None,
    ) -> Evaluation:
        """Judge the model by labels; arrangements that it was trained on stand apart from unseen ones.

        Parameters
        ----------
        labels : LabelTable, Labelled, LabellingResult, LabelledStructures, or name or path of a table or of structures
            Total energies; of the same calculator, or only ranks compare.
        space : ConfigurationSpace, optional
            Of the labels; the one trained on by default.

        Returns
        -------
        Evaluation

        Raises
        ------
        InputError
            If the table does not read or has no row in the space, or the model cannot speak of that space.
        """
        space = self.own_space if space is None else space
        self.check(space)
        if holds_structures(labels):
            labels = read_structures(labels)  # type: ignore[arg-type]
        if isinstance(labels, LabelledStructures):
            found, refused = evaluate_structures(self._of_any_cell(), self.card.diffraction, space, labels)
            told = tuple(f"Left out, for it does not fit the parent: {one}" for one in refused)
            return Evaluation(space, labels.name, labels.calculator, self.calculator, (found,), told)
        represent = self.represent(space)
        name, labelled = joined(labels, space)
        seen = self.card.seen(space, labelled.occupations)
        parts = tuple(
            assess(part, self.predictor, represent, labelled[rows], labelled)
            for part, rows in (("unseen", ~seen), ("trained on", seen))
            if rows.any()
        )
        return Evaluation(
            space,
            name,
            labelled.calculator,
            self.calculator,
            parts,
            self._remarks(space, labelled, bool(seen.all())),
            self.card.span,
        )

    def evaluate_distributions(
        self,
        labels: LabelTable | Labelled | LabellingResult | str | os.PathLike[str],
        space: ConfigurationSpace | None = None,
    ) -> DistributionScores:
        """Judge predicted distributions by labels: CRPS beside that of one distribution for all, PIT, coverage.

        Parameters
        ----------
        labels, space
            As for `evaluate`; the marginal is that of these labels.

        Raises
        ------
        InputError
            If the model answers with values, or as for `evaluate`.
        """
        if not isinstance(self.predictor, Distribution):
            raise InputError(NO_DISTRIBUTION)
        space = self.own_space if space is None else space
        self.check(space)
        name, labelled = joined(labels, space)
        return scored(name, self.predictor, self.represent(space), labelled, labelled)

    def _remarks(self, space: ConfigurationSpace, labelled: Labelled, all_seen: bool) -> tuple[str, ...]:
        remarks = []
        if labelled.calculator != self.calculator:
            remarks.append(
                f"The model learned energies of {self.calculator}; these labels are of {labelled.calculator}. Energies "
                "of two calculators have no common origin and do not compare; only the rank correlation says something."
            )
        remarks += [remark] if (remark := self.remark(space)) else []
        if labelled.n_elsewhere:
            remarks.append(f"{labelled.n_elsewhere} rows of the table are of another composition and were left out.")
        if all_seen:
            remarks.append(
                "The model was trained on every one of these arrangements: the errors show memory, not prediction."
            )
        return tuple(remarks)


def load(folder: str | os.PathLike[str], device: str = "cpu") -> Model:
    """Read a model that `Model.save`, `matganip train` or `matganip run` wrote.

    Parameters
    ----------
    folder : path-like
        The model's folder, or one that has it as ``model``.
    device : {"cpu", "cuda", "mps", "auto"}
        Where to compute.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        If the folder holds no model, or a file of it is damaged or of another version.
    """
    return Model.of(folder, device)


def model_folder(path: Path) -> Path:
    """The folder of a model: the one given, or ``model`` in it.

    Raises
    ------
    InputError
        If neither holds a card.
    """
    for folder in (path, path / "model"):
        if (folder / CARD).is_file():
            return folder
    if (path / checkpoints.RECORD).is_file():
        raise InputError(
            f"{path}: holds the weights of a network without a {CARD}, which says how its graphs are made; save a "
            "matganip.Model, or train again"
        )
    raise InputError(
        f"{path}: no model of `matganip train`: neither it nor {path / 'model'} holds a {CARD}, which says how its "
        "graphs are made"
    )
