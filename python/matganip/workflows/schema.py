"""The study file: what one may ask for, key by key.

A study is a TOML file. Its keys are the fields below and nothing else: an unknown key is an error, never
ignored, because a misspelt option that is silently dropped is a wrong result. `matganip.workflows.reading` turns
pydantic's complaints into one line each; the table in `docs/study.md` is made from the descriptions here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from matganip.configurations.notation import SITE_TOLERANCE, Supercell, checked_supercell
from matganip.features.settings import FOR_NETWORKS, DiffractionSettings
from matganip.learning.config import NetworkSettings
from matganip.learning.distribution_settings import DistributionSettings
from matganip.settings import Settings

Protocol = Literal["random-80-20", "leave-one-orbit-out"]
Count = Annotated[int, Field(ge=0)]


Section = Settings


class ParentSection(Section):
    """The undoped crystal: a structure file, or the ideal cubic perovskite of a formula."""

    file: Path | None = Field(
        default=None, description="Structure file (CIF, POSCAR, ...), relative to the study file."
    )
    block: str | None = Field(default=None, description="Which data block of a CIF; without it, the first one.")
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
    site_tolerance: float = Field(
        default=SITE_TOLERANCE,
        ge=0,
        description="Sites closer than this, in angstrom, are positions of one site: an arrangement takes one or none.",
    )
    min_distance: dict[str, float] = Field(
        default={},
        description='Distances in angstrom that atoms of two species keep in every arrangement, `{ "Na-Na" = 2.5 }`.',
    )

    @model_validator(mode="after")
    def _one_source(self) -> ParentSection:
        if (self.file is None) == (self.formula is None):
            raise ValueError('give either file = "..." or formula = "..." with a = ..., one of the two')
        if (self.formula is None) != (self.a is None):
            raise ValueError("formula and a belong together: an ideal perovskite needs its lattice constant")
        if self.block is not None and self.file is None:
            raise ValueError("block belongs to file: only a CIF has data blocks")
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
    substitutions: dict[str, dict[str, Count]] | None = Field(
        default=None,
        min_length=1,
        description="For each sublattice, how many of its sites each species takes. A sublattice is named "
        'by its element or by site indices of the parent ("2,3"); the other sites stay as they are; a '
        'vacancy is "vac". May be left out where the file has partial occupancies: then the nearest whole numbers.',
    )
    diffraction: DiffractionSettings | None = Field(
        default=None, description="Peaks and graph; without it, and without [model], the columns choose themselves."
    )
    labels: LabelsSection = Field(description="Labels and splits.")
    model: NetworkSettings | None = Field(
        default=None, description="Networks and training; without it the model is solved in closed form."
    )
    distribution: DistributionSettings | None = Field(
        default=None, description="With this section the model answers with distributions; it then has no [model]."
    )
    screen: ScreenSection = Field(default=ScreenSection(), description="The space that is ranked.")

    @model_validator(mode="after")
    def _one_kind(self) -> Study:
        if self.model is not None and self.distribution is not None:
            raise ValueError("[model] and [distribution] are two kinds of model; leave one out")
        return self

    @property
    def graphs(self) -> DiffractionSettings | None:
        """How graphs are made: as [diffraction] says, or for networks of resolved peaks; None where columns choose."""
        return self.diffraction or (None if self.model is None else FOR_NETWORKS)
