"""What a model is asked about or judged by, in whatever form it is given: labels of a space, structures in its cell."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.configurations.batch import ConfigurationBatch
from matganip.crystal.structures import name_of, naming
from matganip.errors import InputError
from matganip.labels.labelled import Labelled
from matganip.labels.tables import LabelTable, read_labels
from matganip.results.labelling import LabellingResult

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace


def joined(
    labels: LabelTable | Labelled | LabellingResult | str | os.PathLike[str], space: ConfigurationSpace
) -> tuple[str, Labelled]:
    """Labels on the orbits of a space, and what to call their table.

    Raises
    ------
    InputError
        If they do not read, or are of arrangements of other sites or species.
    """
    if isinstance(labels, LabellingResult):
        labels = labels.labels
    if isinstance(labels, Labelled):
        wanted = np.array([len(space.species[sublattice]) for sublattice in space.sublattices])
        if labels.occupations.shape[1:] != wanted.shape or (labels.occupations >= wanted).any():
            raise InputError(f"labels: their arrangements are not of {space!r}; give the space that was labelled")
        return "labels", labels
    table = labels if isinstance(labels, LabelTable) else read_labels(labels)
    return table.name, table.join(space)


def listed(structures: Any) -> list[Any]:
    """Structures as a list, also a single one."""
    single = isinstance(structures, str | os.PathLike) or hasattr(structures, "lattice") or hasattr(structures, "cell")
    return [structures] if single else list(structures)


def of_structures(space: ConfigurationSpace, structures: Iterable[Any]) -> tuple[ConfigurationBatch, tuple[str, ...]]:
    """Codes of structures in a space's supercell, of any composition, and what to call them."""
    rows, names = [], []
    for number, structure in enumerate(structures):
        names.append(name_of(structure, number))
        with naming(names[-1]):
            rows.append(space.occupation_of(structure))
    occupations = np.array(rows, dtype=np.uint8).reshape(len(rows), space.n_sites)
    return ConfigurationBatch(space, occupations, np.ones(len(rows), dtype=np.int64)), tuple(names)
