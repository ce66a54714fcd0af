"""The study file: what one may ask for, key by key.

A study is a TOML file. Its keys are the fields below and nothing else: an unknown key is an error, never
ignored, because a misspelt option that is silently dropped is a wrong result. `matganip.workflows.reading` turns
pydantic's complaints into one line each; the table in `docs/study.md` is made from the descriptions here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, model_validator

from matganip.errors import InputError
from matganip.learning.config import MatganipConfig

Supercell = tuple[int, int, int] | tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
Protocol = Literal["random-80-20", "leave-one-orbit-out"]
Count = Annotated[int, Field(ge=0)]


def checked_supercell(value: Any) -> Supercell:
    """Three positive integers, or a 3x3 integer matrix of positive determinant; one message for all else."""
    wanted = "three positive integers, [2, 2, 2], or a 3x3 integer matrix of positive determinant"
    rows: list[Any] = list(value) if isinstance(value, list | tuple) and len(value) == 3 else []
    if rows and all(type(n) is int for n in rows):
        if min(rows) < 1:
            raise ValueError(f"{min(rows)} is not a positive number of cells; give {wanted}")
        return (rows[0], rows[1], rows[2])
    square = rows and all(isinstance(row, list | tuple) and len(row) == 3 for row in rows)
    if not square or not all(type(n) is int for row in rows for n in row):
        raise ValueError(f"not a supercell: give {wanted}")
    (a, b, c), (d, e, f), (g, h, i) = rows
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    if determinant < 1:
        raise ValueError(f"the matrix has determinant {determinant}, not a positive one; give {wanted}")
    return ((a, b, c), (d, e, f), (g, h, i))


class Section(BaseModel):
    """What all sections share: no unknown keys, nothing coerced, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def by_sublattice(substitutions: dict[str, dict[str, int]]) -> dict[str | tuple[int, ...], dict[str, int]]:
    """Substitutions as `ConfigurationSpace` takes them: a sublattice named by site indices becomes a tuple.

    >>> by_sublattice({"I": {"Br": 3}, "0, 1": {"vac": 1}})
    {'I': {'Br': 3}, (0, 1): {'vac': 1}}
    """
    return {sublattice_key(name): dict(species) for name, species in substitutions.items()}


def sublattice_key(name: str) -> str | tuple[int, ...]:
    """``I`` as it is, ``2,3`` as the tuple (2, 3)."""
    if re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", name):
        return tuple(int(index) for index in name.split(","))
    return name


class ParentSection(Section):
    """The undoped crystal: a structure file, or the ideal cubic perovskite of a formula."""

    file: Path | None = Field(
        default=None, description="Structure file (CIF, POSCAR, ...), relative to the study file."
    )
    formula: str | None = Field(
        default=None,
        description='Formula ABX3 of an ideal cubic perovskite, "CsPbI3", in place of a file; needs `a`.',
    )
    a: float | None = Field(default=None, gt=0, description="Lattice constant of that perovskite, in angstrom.")
    symprec: float = Field(
        default=0.01,
        gt=0,
        description="Distance in angstrom within which atoms count as related by symmetry.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> ParentSection:
        if (self.file is None) == (self.formula is None):
            raise ValueError('give either file = "..." or formula = "..." with a = ..., one of the two')
        if (self.formula is None) != (self.a is None):
            raise ValueError("formula and a belong together: an ideal perovskite needs its lattice constant")
        return self


class DiffractionSection(Section):
    """How each arrangement looks to a diffractometer, and the graph made of that."""

    radiation: str | Annotated[float, Field(gt=0)] = Field(
        default="CuKa",
        description="Name of a laboratory line as pymatgen has it, or a wavelength in angstrom.",
    )
    two_theta_range: tuple[Annotated[float, Field(ge=0, le=180)], Annotated[float, Field(ge=0, le=180)]] = Field(
        default=(0.0, 90.0), description="First and last angle 2theta, in degrees."
    )
    resolution: Literal["powder", "resolved"] = Field(
        default="powder",
        description='"powder": reflections merged by d-spacing, as the paper has them; "resolved": merged '
        "only where the parent's symmetry relates them, so that more arrangements are told apart.",
    )
    cutoff: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Take the Patterson function instead of peaks: pairs of sites up to so many angstrom, by the "
        "symmetry of the parent. two_theta_range and resolution then have no part.",
    )
    triplets: bool = Field(
        default=False,
        description="With a cutoff, also triplets of sites, which see how three atoms stand. They are vertices after "
        "the pairs; n_peaks must have room for them.",
    )
    n_peaks: int = Field(
        default=28,
        ge=4,
        description="Vertices of the graph: the first so many peaks by angle (the paper's 28).",
    )
    scaling: Literal["unit", "paper"] = Field(
        default="unit",
        description='Of the graph matrix: "unit" has 2theta/180 and I/100, both 0 to 1; "paper" has '
        "degrees and intensities of 0 to 100.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> DiffractionSection:
        if self.triplets and self.cutoff is None:
            raise ValueError("triplets need a cutoff, in angstrom: they are those of the Patterson function")
        first, last = self.two_theta_range
        if first >= last:
            raise ValueError(f"two_theta_range runs from {first:g} to {last:g}; the first must be the smaller")
        return self


class MoreLabelsSection(Section):
    """Labels of a further composition on the same sites."""

    table: str = Field(description="Named as labels.table; of the same calculator.")
    substitutions: dict[str, dict[str, Count]] = Field(
        min_length=1, description="The composition: the same species on the same sublattices, other numbers."
    )


class LabelsSection(Section):
    """The property to learn, and how the learning is judged."""

    table: str = Field(
        description='A table shipped with matganip ("cspbi3_br/gpaw_mp2"), or a .csv file, relative to the study file.'
    )
    also: tuple[MoreLabelsSection, ...] = Field(
        default=(),
        description="Labels of further compositions for `matganip train`: a list of { table, substitutions }, with the "
        "same species on the same sublattices.",
    )
    protocols: tuple[Protocol, ...] = Field(
        default=("random-80-20", "leave-one-orbit-out"),
        description='How to split: "random-80-20" is the paper\'s (arrangements at random, so that orbits '
        'leak from training to test); "leave-one-orbit-out" asks for each orbit a model that never saw it.',
    )


_NETWORKS = MatganipConfig()


class ModelSection(Section):
    """The networks G and D and how they are trained: the knobs of `matganip.MatganipConfig`."""

    conv_channels: tuple[int, int] = Field(
        default=_NETWORKS.conv_channels, description="Channels after Conv1 and Conv2 of G."
    )
    kernel_size: int = Field(default=_NETWORKS.kernel_size, description="Side of both convolutions' kernels; odd.")
    linear_readout: bool = Field(
        default=_NETWORKS.linear_readout,
        description="Let G read the vertices directly, so that the convolutions learn only what that leaves; "
        "false is the paper's G.",
    )
    readout_fit: Literal["kernel", "linear", "ridge", "adam"] = Field(
        default="kernel",
        description='How that is done: "kernel" ridge regression with a scale for each vertex, or a linear function '
        'where that does as well; a "linear" function, solved, for other cells; "ridge": one of edges too; '
        '"adam": a linear function that is trained.',
    )
    readout_sizes: tuple[int, ...] = Field(
        default=(),
        description="Widths of hidden layers between the vertices and that function, which is then linear no more.",
    )
    readout_gain: float = Field(
        default=_NETWORKS.readout_gain,
        description="Factor on a readout that is trained: the larger, the faster it learns.",
    )
    correction_gain: float = Field(
        default=_NETWORKS.correction_gain, description="Factor on what the convolutions add to the readout."
    )
    discriminator: Literal["conditional", "sequence", "single"] = Field(
        default="conditional",
        description="What D reads: the structure and then its property; the properties of a batch as one "
        "sequence (the paper's); or one property alone.",
    )
    embedding_size: int = Field(
        default=_NETWORKS.embedding_size, description="Width of what the conditional LSTM reads."
    )
    lstm_size: int = Field(default=_NETWORKS.lstm_size, description="Width of the LSTM's state.")
    hidden_size: int = Field(default=_NETWORKS.hidden_size, description="Width of the linear layer behind the LSTM.")
    objective: Literal["minimax", "non_saturating", "least_squares", "wasserstein", "supervised"] = Field(
        default="non_saturating",
        description="The losses: the paper's; the same game with a G that learns where it loses; scores instead of "
        "probabilities; the earth mover's distance; or no game at all.",
    )
    supervised_weight: float = Field(
        default=_NETWORKS.supervised_weight,
        description="Weight of the supervised term beside the adversarial one; 0 leaves it out.",
    )
    supervised_loss: Literal["l1", "l2"] = Field(
        default="l1", description="Absolute or squared error, of the standardised property."
    )
    epochs: int = Field(default=_NETWORKS.epochs, description="Passes over the training set.")
    batch_size: int = Field(
        default=_NETWORKS.batch_size, description="Rows of a step; a set that is not larger is taken whole."
    )
    learning_rate: float = Field(default=_NETWORKS.learning_rate, description="Adam's, of both networks.")
    betas: tuple[float, float] = Field(
        default=_NETWORKS.betas, description="Adam's decay rates of the first and second moment."
    )
    weight_decay: float = Field(default=_NETWORKS.weight_decay, description="Decoupled weight decay (AdamW) of G.")
    gradient_clip: float = Field(
        default=_NETWORKS.gradient_clip, description="Largest norm of a gradient; 0 leaves it as it is."
    )
    schedule: Literal["cosine", "constant"] = Field(
        default="cosine", description="Learning rate over the epochs: a half cosine to zero, or constant."
    )
    ema: float = Field(
        default=_NETWORKS.ema,
        description="Decay of the moving average of G's weights, which is what predicts; 0 is off.",
    )
    evaluate_every: int = Field(
        default=_NETWORKS.evaluate_every, description="Epochs between two entries of the history."
    )
    patience: int = Field(
        default=_NETWORKS.patience,
        description="Entries without a better validation error after which training stops; 0 never stops it early.",
    )
    device: Literal["cpu", "cuda", "mps", "auto"] = Field(default="cpu", description="Where to compute.")
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="Of the networks' arithmetic in training; bfloat16 pays on devices that have it."
    )
    num_threads: int = Field(
        default=_NETWORKS.num_threads, description="Threads that train; one gives the same bits on any number of cores."
    )

    @model_validator(mode="after")
    def _in_range(self) -> ModelSection:
        try:
            MatganipConfig.from_dict(self.model_dump())
        except InputError as error:
            raise ValueError(str(error).removeprefix("model: ")) from None
        return self


class ScreenSection(Section):
    """The space that is ranked, and the labels that the ranking model learns from."""

    substitutions: dict[str, dict[str, Count]] | None = Field(
        default=None,
        min_length=1,
        description="The space to screen, written as above; without it, the study's own.",
    )
    labels: str | None = Field(
        default=None, description="Labels of that space, named as above; without it, the study's own."
    )
    train: int | None = Field(
        default=None,
        ge=2,
        description="Number of labelled orbits to train on, drawn with the seed; the others check the "
        "ranking. Without it, all of them, and nothing is left to check.",
    )
    top: int = Field(default=20, ge=1, description="How many of the lowest to show, and to look for in the check.")


class Study(Section):
    """A whole study."""

    name: str = Field(min_length=1, description="What the study is called in tables, figures and the report.")
    seed: int = Field(
        default=0, ge=0, lt=2**32, description="Seed of every random choice; --seed on the command line wins."
    )
    output: Path | None = Field(
        default=None,
        description="Folder for the results, relative to where the command is run; --output wins. "
        "Without either: runs/ and the name of the study file.",
    )
    parent: ParentSection = Field(description="The undoped crystal.")
    supercell: Annotated[Supercell, PlainValidator(checked_supercell), PlainSerializer(list)] = Field(
        default=(1, 1, 1),
        description="Three integers, or a 3x3 integer matrix whose rows are the new lattice vectors.",
    )
    substitutions: dict[str, dict[str, Count]] = Field(
        min_length=1,
        description="For each sublattice, how many of its sites each species takes. A sublattice is named "
        'by its element or by site indices of the parent ("2,3"); the other sites stay as they are; a '
        'vacancy is "vac".',
    )
    diffraction: DiffractionSection = Field(default=DiffractionSection(), description="Peaks and graph.")
    labels: LabelsSection = Field(description="Labels and splits.")
    model: ModelSection = Field(default=ModelSection(), description="Networks and training.")
    screen: ScreenSection = Field(default=ScreenSection(), description="The space that is ranked.")
