"""Derivative structures counted by volume, and written to files."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pymatgen.core.structure import Structure

from matganip.configurations.derivatives import (
    Choices,
    DerivativeBatch,
    derivative_structures,
    shapes_of_derivatives,
)
from matganip.configurations.io.writers import BatchWriter, Values, open_writer
from matganip.crystal.structures import read_structure
from matganip.errors import InputError
from matganip.progress import ProgressOption, reporting
from matganip.results.derivatives import Derivatives, VolumeCount, hermite_text

if TYPE_CHECKING:
    from ase import Atoms


def derivatives(
    parent: Structure | Atoms | str | os.PathLike[str],
    species: Choices,
    max_volume: int,
    min_volume: int = 1,
    *,
    exchange_labels: bool = False,
    superperiodic: bool = False,
    all_species: bool = False,
    output: str | os.PathLike[str] | None = None,
    fmt: str | None = None,
    symprec: float = 0.01,
    name: str = "",
    progress: ProgressOption = None,
) -> Derivatives:
    """Count the derivative structures of a crystal by volume, on all shapes of supercells, and write them.

    Parameters
    ----------
    parent, species, max_volume, min_volume, exchange_labels, superperiodic, symprec
        As for `matganip.derivative_structures`.
    all_species : bool
        Write those alone in which every allowed species occurs; both numbers are counted in any case.
    output : path-like, optional
        Where to write them: extended XYZ, or CIF or POSCAR files in a folder or an archive
        (`matganip.configurations.io.writers.open_writer`), with the volume and the superlattice of each.
    fmt : {"extxyz", "cif", "poscar"}, optional
        By default that of the output's suffix.
    name : str
        What the parent is called in tables; its formula by default.
    progress : bool or callable, optional
        True draws a bar on a terminal; a function is called with the step, what is done, the total, and a remark.

    Returns
    -------
    Derivatives

    Raises
    ------
    InputError
        If an argument is invalid; the message names it.

    Examples
    --------
    >>> from pymatgen.core import Lattice
    >>> fcc = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.52), ["Ni"], [[0, 0, 0]])
    >>> counted = derivatives(fcc, {"Ni": ["Ni", "Al"]}, 4, exchange_labels=True)
    >>> [(one.volume, one.n_shapes, one.all_species, one.any_species) for one in counted.volumes]
    [(1, 1, 0, 1), (2, 2, 2, 2), (3, 3, 3, 3), (4, 7, 12, 12)]
    """
    structure = read_structure(parent)
    if output is not None and (fmt == "parquet" or Path(output).suffix == ".parquet"):
        raise InputError(f"{output}: a Parquet file holds one supercell; write extxyz, or cif or poscar files")
    options = {"superperiodic": superperiodic, "exchange_labels": exchange_labels}
    every = derivative_structures(structure, species, max_volume, min_volume, symprec=symprec, **options)
    shapes = Counter(one.volume for one in shapes_of_derivatives(structure, species, max_volume, min_volume, symprec))
    counts: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
    with ExitStack() as stack:
        report = stack.enter_context(reporting(progress))
        writer: BatchWriter | None = None
        for batch in every:
            volume, whole = batch.superlattice.volume, batch.has_all_species
            counts[whole][volume] += len(batch)
            if progress:
                report(
                    "primitive cells", volume, max_volume, f"{sum(map(Counter.total, counts.values())):,} structures"
                )
            if output is None or (all_species and not whole):
                continue
            if writer is None:
                opened = open_writer(output, batch.space, fmt, values=("volume", "superlattice"))
                writer = stack.enter_context(opened)
            of_shape: Values = {"volume": [volume] * len(batch), "superlattice": [_words(batch)] * len(batch)}
            writer.write(batch, values=of_shape)
    if output is not None and writer is None:
        raise InputError("there is no derivative structure to write")
    volumes = tuple(
        VolumeCount(volume, shapes[volume], counts[True][volume], counts[True][volume] + counts[False][volume])
        for volume in range(min_volume, max_volume + 1)
    )
    remarks = (
        "Labels count as interchangeable, as in the tables of Hart and Forcade."
        if exchange_labels
        else "Species are told apart; Hart and Forcade take them for interchangeable labels (exchange_labels).",
        "Structures that repeat on a smaller superlattice are "
        + ("counted on each (superperiodic)." if superperiodic else "counted there only."),
    )
    return Derivatives(
        name or structure.composition.reduced_formula,
        volumes,
        remarks,
        None if output is None else Path(output),
        0 if writer is None else writer.n_written,
    )


def _words(batch: DerivativeBatch) -> str:
    return hermite_text(batch.superlattice).replace(",", " ")
