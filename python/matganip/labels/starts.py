"""Relaxations from several starts: the lowest energy of each orbit, and how far its starts are apart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.labels.calculation import canonical_json
from matganip.labels.database import LabelDatabase, LabelSet
from matganip.labels.labelled import Labelled
from matganip.labels.tables import read_labels


@dataclass(frozen=True, eq=False)
class Starts:
    """Orbits that were relaxed from several random displacements.

    Attributes
    ----------
    lowest : Labelled
        The lowest energy of each orbit that all starts have: what a model is trained on.
    energy : (n, k) float64 ndarray
        Of each start, eV per supercell.
    """

    lowest: Labelled
    energy: NDArray[np.float64]

    @property
    def spread(self) -> NDArray[np.float64]:
        """(n,): how far the highest start of an orbit is above the lowest, eV/atom."""
        apart: NDArray[np.float64] = np.ptp(self.energy, axis=1) / self.lowest.n_atoms
        return apart

    @property
    def scatter(self) -> float:
        """Mean distance of a start's energy from the mean of its orbit, eV/atom.

        It is the mean absolute error that a model of one start can at best have, were the mean of its orbit known: the
        start that a relaxation is given is no property of the arrangement.
        """
        off = np.abs(self.energy - self.energy.mean(axis=1, keepdims=True)).mean(axis=1) / self.lowest.n_atoms
        return float(np.average(off, weights=self.lowest.multiplicity))


def of_several_starts(
    labels: LabelDatabase | str | os.PathLike[str] | Sequence[str | os.PathLike[str]], space: ConfigurationSpace
) -> Starts:
    """Take the relaxed labels of a space that differ in nothing but their start (``matganip label --start``).

    Parameters
    ----------
    labels : LabelDatabase or path of one; or sequence of tables
        A database with several starts, or a table for each: shipped ones by their names, or files.
    space : ConfigurationSpace

    Returns
    -------
    Starts

    Raises
    ------
    InputError
        If there are not at least two starts, more than one calculator or choice of settings has several, or no orbit
        has all of them.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> tables = [f"cspbi3_br/chgnet_relaxed_X6of24_start{start}" for start in (0, 1)]
    >>> starts = of_several_starts(tables, space)
    >>> starts.energy.shape
    (300, 2)
    """
    if isinstance(labels, Sequence) and not isinstance(labels, str):
        if len(labels) < 2:
            raise InputError(f"{len(labels)} tables: at least two starts are needed, a table for each")
        return _joined([read_labels(one).join(space) for one in labels], ", ".join(map(str, labels)), space)
    database = labels if isinstance(labels, LabelDatabase) else LabelDatabase(labels)
    groups: dict[str, list[LabelSet]] = {}
    for one in database.sets(space):
        if "start" in one.settings and one.n_converged:
            alike = {name: value for name, value in one.settings.items() if name != "start"}
            groups.setdefault(canonical_json({**alike, "by": one.calculator, "moved": one.relaxation}), []).append(one)
    several = [group for group in groups.values() if len(group) > 1]
    if len(several) != 1:
        there = "none has" if not several else f"{len(several)} kinds of labels have"
        raise InputError(f"{database.path}: {there} several starts of {space!r}; matganip label --rattle 0.1 --start 1")
    found = [
        database.labelled(space, one.calculator, one.settings_hash)
        for one in sorted(several[0], key=lambda one: int(one.settings["start"]))
    ]
    return _joined(found, str(database.path), space)


def _joined(found: list[Labelled], name: str, space: ConfigurationSpace) -> Starts:
    """The orbits that all starts have."""
    rows = [{row.tobytes(): k for k, row in enumerate(one.occupations)} for one in found]
    shared = [key for key in rows[0] if all(key in others for others in rows[1:])]
    if not shared:
        raise InputError(f"{name}: no orbit of {space!r} has all {len(found)} starts")
    energy = np.array(
        [[one.energy[at[key]] for one, at in zip(found, rows, strict=True)] for key in shared], dtype=np.float64
    )
    lowest = found[0][np.array([rows[0][key] for key in shared])]
    return Starts(replace(lowest, energy=energy.min(axis=1)), energy)
