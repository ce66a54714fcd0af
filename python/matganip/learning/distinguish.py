"""What any model could learn from diffraction: orbits that look alike get one prediction."""

from __future__ import annotations

import os

from matganip.configurations.batch import ConfigurationBatch, concatenate
from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.features.lattice.distinct import distinguishability
from matganip.features.radiation import Radiation
from matganip.labels.tables import LabelTable, read_labels
from matganip.progress import ProgressOption, reporting
from matganip.results.distinguishability import Distinguished

MOST_ORBITS = 1_000_000
"""More orbits than these are not compared each with each."""


def distinguish(
    space: ConfigurationSpace,
    labels: LabelTable | str | os.PathLike[str] | None = None,
    *,
    sample: int | None = None,
    seed: int = 0,
    radiation: str | float | Radiation = "CuKa",
    two_theta_range: tuple[float, float] = (0, 90),
    n_peaks: int = 28,
    triplets: bool = False,
    cutoff: float | None = None,
    progress: ProgressOption = None,
) -> Distinguished:
    """Count how many orbits of a space diffraction tells apart, and bound what any model can learn from it.

    Parameters
    ----------
    space : ConfigurationSpace
        The space.
    labels : LabelTable, str or path, optional
        Energies, as `read_labels` takes them: the labelled orbits are looked at, and the errors of any model bounded.
    sample : int, optional
        Draw this many orbits uniformly instead of taking all; an orbit that is drawn twice counts once.
    seed : int
        Of the draw.
    radiation, two_theta_range, n_peaks, triplets, cutoff
        As for `matganip.features.lattice.distinct.distinguishability`.
    progress : bool or callable, optional
        True draws a bar on a terminal; a function is called with the step, what is done, the total, and a remark.

    Returns
    -------
    Distinguished

    Raises
    ------
    InputError
        If both labels and a sample are asked for, the space has too many orbits to take all, or the labels do not fit.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> found = distinguish(space, "cspbi3_br/gpaw_mp2").found
    >>> found["powder"].n_classes, found["powder"].floor_mae < found.baseline_mae
    (14, True)
    """
    if sample is not None and labels is not None:
        raise InputError("sample and labels: with labels the labelled orbits are taken; leave one out")
    energy = calculator = None
    if labels is not None:
        table = labels if isinstance(labels, LabelTable) else read_labels(labels)
        joined = table.join(space)
        batch = ConfigurationBatch(space, joined.occupations, joined.multiplicity)
        energy, calculator = joined.energy * (1000 / space.n_atoms), joined.calculator
    elif sample is not None:
        batch = space.sample_orbits(sample, seed=seed).distinct()
    else:
        batch = _all_orbits(space, progress)
    found = distinguishability(
        batch,
        radiation=radiation,
        two_theta_range=two_theta_range,
        n_peaks=n_peaks,
        triplets=triplets,
        cutoff=cutoff,
        labels=energy,
        unit="" if energy is None else "meV/atom",
    )
    return Distinguished(space, found, calculator, sample, seed)


def _all_orbits(space: ConfigurationSpace, progress: ProgressOption) -> ConfigurationBatch:
    n_orbits = space.count_orbits()
    if n_orbits > MOST_ORBITS:
        raise InputError(
            f"{n_orbits:,} orbits are too many to compare each with each: draw a sample of 10000, say, or take a "
            "smaller supercell"
        )
    batches = []
    with reporting(progress) as report:
        for batch in space.orbits():
            batches.append(batch)
            report("orbits", sum(map(len, batches)), n_orbits, "")
    return concatenate(batches)
