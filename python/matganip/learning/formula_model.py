"""A model across chemistry: ordering energies of formulas that nobody labelled, and a prior for those with a few."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.perovskite_spaces import perovskite_space
from matganip.configurations.point_groups import cluster_point_groups
from matganip.errors import InputError, damaged
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.files import check_seal, read_json, seal, write_json
from matganip.labels.formulas import (
    ARRANGEMENTS,
    DoublePerovskite,
    LabelledFormulas,
    is_table_of_formulas,
    read_formulas,
)
from matganip.learning._torch import torch
from matganip.learning.formula_fitting import STEPS, Process, as_lists, fitted, from_lists
from matganip.learning.formula_kernel import Hosts, HostScales
from matganip.progress import ProgressOption, reporting
from matganip.results.formulas import FormulaEvaluation, FormulaPrediction

Floats = NDArray[np.float64]
Formulas = "str | os.PathLike[str] | DoublePerovskite | LabelledFormulas | Iterable[str | DoublePerovskite]"

RECORD, FORMAT, VERSION = "formulas.json", "matganip-formulas", 1
FEWEST, LARGEST = 5, 8000
"""Complete formulas that a model can be trained on; of more, the covariance takes over half a gigabyte."""

WEIGHT = np.array(list(ARRANGEMENTS.values())) / sum(ARRANGEMENTS.values())
OUTLYING = 6.0
"""Median deviations beyond which a formula no longer widens the scale of its component."""
LABEL_NOISE = 1e-6
"""eV/atom: deviation of a label of the formula itself."""


@dataclass(frozen=True, eq=False)
class FormulaModel:
    r"""Ordering energies as a function of the host and the arrangement's star intensities.

    The energies of the six arrangements of a formula less their mean are written in five components: two that are
    linear in the intensities of the arrangement, summed over each star of wave vectors (three, with a sum rule), whose
    coefficients are the learned form factors of the host, and three for what pairs do not say. Each component is a
    Gaussian process over hosts (`matganip.learning.formula_kernel`). `train_on_formulas` makes it.

    Attributes
    ----------
    table : LabelledFormulas
        What it was trained on.
    processes : (Process, Process)
        Of the first component, and of the others.
    training : FormulaEvaluation, optional
        What it reaches on formulas held out; not saved.
    """

    table: LabelledFormulas
    processes: tuple[Process, Process]
    training: FormulaEvaluation | None = field(default=None, repr=False)

    @property
    def calculator(self) -> str:
        """Whose energies it learned."""
        return self.table.calculator

    @property
    def elements(self) -> frozenset[str]:
        """Elements that it has met."""
        return frozenset(ion[0] for h in self.table.hosts for ion in (h.a, h.b1, h.b2, h.x))

    def predict(
        self,
        formulas: Formulas,  # type: ignore[valid-type]
        *,
        known: Mapping[str, float] | Sequence[Mapping[str, float]] | None = None,
        charges: Mapping[str, int] | None = None,
    ) -> FormulaPrediction:
        """Predict the energies of all arrangements of formulas.

        Parameters
        ----------
        formulas : str, path, DoublePerovskite, LabelledFormulas, or several of the first and third
            Formulas, ``"Cs2AgBiBr6"``; or a table as `read_formulas` reads, whose energies are not looked at.
        known : mapping of arrangement to energy, optional
            Labels of the formula itself, eV/atom, by the calculator of the training set: ``{"Td": -3.92}``; for
            several formulas one mapping each. The prediction is conditioned on them.
        charges : mapping of str to int, optional
            Charges of elements, where the likeliest ones are not meant.

        Returns
        -------
        FormulaPrediction

        Raises
        ------
        InputError
            If a formula is no double perovskite, an ion has no radius, or an arrangement has no such name.
        """
        hosts = _hosts(formulas, charges)
        mean, variance = self._components(hosts)
        own = _own(known, len(hosts))
        energy, deviation, total = np.empty((len(hosts), 6)), np.empty((len(hosts), 6)), np.full(len(hosts), np.nan)
        for k, given in enumerate(own):
            centre = self._profile + self._basis @ mean[k]
            spread = (self._basis * variance[k]) @ self._basis.T
            energy[k], spread, total[k] = _conditioned(centre, spread, given)
            deviation[k] = np.sqrt(np.clip(np.diag(spread), 0.0, None))
        met = self.elements
        new = tuple(tuple(sorted({ion[0] for ion in (h.a, h.b1, h.b2, h.x)} - met)) for h in hosts)
        return FormulaPrediction(
            tuple(host.formula for host in hosts), tuple(ARRANGEMENTS), np.array(list(ARRANGEMENTS.values())),
            energy, deviation, total, self.calculator, new,
        )  # fmt: skip

    def evaluate(
        self, table: LabelledFormulas | str | os.PathLike[str], part: str = "formulas unseen"
    ) -> FormulaEvaluation:
        """Compare predictions with a table; formulas without all six energies are left out.

        Raises
        ------
        InputError
            If the table does not read, or no formula of it is complete.
        """
        table = table if isinstance(table, LabelledFormulas) else read_formulas(table)
        table = _complete(table, 1)
        return FormulaEvaluation(part, self.predict(table), _from_mean(table.energy), len(self.table))

    def to_dict(self) -> dict[str, Any]:
        """What the model is, as JSON values."""
        return {
            "calculator": self.calculator,
            "labels": self.table.name,
            "trained_on": len(self.table),
            "elements": sorted(self.elements),
            "training": None if self.training is None else self.training.to_dict(),
        }

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``formulas.json``, which has the training set and the parameters, and ``checksums.json``.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        hosts = [[h.formula, *h.a, *h.b1, *h.b2, *h.x, h.edge] for h in self.table.hosts]
        record = {
            "format": FORMAT,
            "version": VERSION,
            "property": "energies of arrangements, eV/atom",
            "calculator": self.calculator,
            "labels": self.table.name,
            "arrangements": ARRANGEMENTS,
            "processes": [as_lists(one) for one in self.processes],
            "hosts": hosts,
            "energy": self.table.energy.tolist(),
        }
        write_json(path / RECORD, record)
        seal(path, {RECORD})

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If a file is missing, damaged, was changed, or is of another version.
        """
        path = Path(folder)
        check_seal(path)
        record = read_json(path / RECORD)
        if not isinstance(record, dict) or (record.get("format"), record.get("version")) != (FORMAT, VERSION):
            raise InputError(f"{path / RECORD}: not a model of formulas of version {VERSION}; train again")
        with damaged(path / RECORD):
            hosts = tuple(
                DoublePerovskite(
                    str(f), (str(a), int(qa)), (str(b), int(qb)), (str(c), int(qc)), (str(x), int(qx)), float(edge)
                )
                for f, a, qa, b, qb, c, qc, x, qx, edge in record["hosts"]
            )
            energy = np.array(record["energy"], dtype=np.float64).reshape(-1, len(ARRANGEMENTS))
            if (
                record["arrangements"] != ARRANGEMENTS
                or not np.isfinite(energy).all()
                or not FEWEST <= len(hosts) <= LARGEST
            ):
                raise ValueError("arrangements or energies are not those that this program writes")
            table = LabelledFormulas(str(record["labels"]), str(record["calculator"]), hosts, energy)
            first, others = (from_lists(one) for one in record["processes"])
        return cls(table, (first, others))

    # -- the components --------------------------------------------------------------------------------------------

    def __post_init__(self) -> None:
        found = _Targets.of(self.table.energy)
        object.__setattr__(self, "_targets", found)
        object.__setattr__(self, "_scales", HostScales.of(self.table.hosts))

    @property
    def _basis(self) -> Floats:
        return self._targets.basis  # type: ignore[attr-defined,no-any-return]

    @property
    def _profile(self) -> Floats:
        return self._targets.profile  # type: ignore[attr-defined,no-any-return]

    def _components(self, hosts: Sequence[DoublePerovskite]) -> tuple[Floats, Floats]:
        """Means and variances (n, 5) of the components of hosts, in eV/atom and its square; noise included."""
        targets: _Targets = self._targets  # type: ignore[attr-defined]
        every = Hosts([*self.table.hosts, *hosts], self._scales)  # type: ignore[attr-defined]
        known, asked = torch.arange(len(self.table)), torch.arange(len(self.table), len(every))
        charge, charge_asked = _charge_difference(self.table.hosts), _charge_difference(hosts)
        mean, variance = np.empty((len(hosts), 5)), np.empty((len(hosts), 5))
        for process, kept in zip(self.processes, (slice(0, 1), slice(1, 5)), strict=True):
            misfit = targets.misfit(kept.start)
            y = torch.tensor(targets.scaled[:, kept])
            mean[:, kept], posterior = process.predict(every, known, y, (charge, misfit), asked)
            noise = process.noise_variance(charge_asked, misfit.square().mean().sqrt()).numpy()
            variance[:, kept] = (posterior + noise)[:, None]
        return mean * targets.size, variance * targets.size**2


@dataclass(frozen=True, eq=False)
class _Targets:
    """Energies of a training set in components."""

    profile: Floats  # (6,) the median over formulas, whose mean is 0
    basis: Floats  # (6, 5) orthonormal, each column of mean 0; the first two are linear in star intensities
    size: Floats  # (5,) eV/atom
    scaled: Floats  # (n, 5) components, in units of their size

    @classmethod
    def of(cls, energy: Floats) -> _Targets:
        relative = energy - energy.mean(axis=1, keepdims=True)
        profile = np.median(relative, axis=0)
        profile -= profile.mean()
        by_stars = star_basis()
        rest = np.linalg.svd(np.eye(6) - 1 / 6 - by_stars @ by_stars.T)[0][:, :3]
        basis = np.hstack([_principal(relative - profile, part) for part in (by_stars, rest)])
        components = (relative - profile) @ basis
        kept = _without_outliers(components)
        size = np.maximum(np.sqrt((kept**2).mean(axis=0)), 1e-9)
        return cls(profile, basis, size, components / size)

    def misfit(self, component: int) -> torch.Tensor:
        """(n,): what the two star components leave of each formula, in units of the size of a component."""
        left: Floats = np.sqrt(((self.scaled[:, 2:] * self.size[2:]) ** 2).mean(axis=1)) / self.size[component]
        return torch.tensor(left)


def star_basis() -> Floats:
    """The two directions of six energies that are linear in the intensities of arrangements, (6, 2), orthonormal.

    Four and four atoms on the eight B sites have no intensity at the parent's own reflections, and at superstructure
    reflections that of three stars of wave vectors, whose sum is fixed: two numbers.
    """
    space = perovskite_space("Cs2AgBiBr6")
    orbits = next(space.orbits())
    names = cluster_point_groups(space, orbits.occupations).schoenflies.tolist()
    rows = orbits.occupations[[names.index(name) for name in ARRANGEMENTS]]
    columns = LatticeDiffraction(space, resolution="resolved").peaks(np.ascontiguousarray(rows)).intensity
    left, strength, _ = np.linalg.svd(columns - columns.mean(axis=0), full_matrices=False)
    basis: Floats = left[:, strength > 1e-9 * strength[0]]
    return basis


def _principal(relative: Floats, basis: Floats) -> Floats:
    """A basis turned to the principal axes of what it spans, the widest first; outliers do not turn it."""
    kept = _without_outliers(relative @ basis)
    turned: Floats = basis @ np.linalg.eigh(kept.T @ kept)[1][:, ::-1]
    return turned


def _without_outliers(components: Floats) -> Floats:
    """Components cut at six median deviations."""
    bound = OUTLYING * np.median(np.abs(components), axis=0)
    cut: Floats = np.where(bound > 0, np.clip(components, -bound, bound), components)
    return cut


def train_on_formulas(
    table: LabelledFormulas | str | os.PathLike[str],
    *,
    train_size: float = 1.0,
    held_out: Iterable[str] = (),
    seed: int = 0,
    steps: int | None = None,
    progress: ProgressOption = None,
) -> FormulaModel:
    """Train a model across chemistry on formulas times arrangements.

    Parameters
    ----------
    table : LabelledFormulas or path
        What `matganip.read_formulas` reads; formulas without all six energies are left out.
    train_size : float
        Share of the formulas to train on; the others are the test set. All by default.
    held_out : iterable of str
        Elements no formula of which is trained on: the test set is of these, instead.
    seed : int
        Of the split, and of the formulas that the parameters are fitted to.
    steps : int, optional
        Of the fit of the parameters, which maximises the marginal likelihood of the training set alone.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    FormulaModel
        Its ``training`` has the errors on the test set beside the mean baseline's; None where all are trained on.

    Raises
    ------
    InputError
        If the table does not read, there are too few formulas or too many, or nothing is left to test on.
    """
    table = table if isinstance(table, LabelledFormulas) else read_formulas(table)
    table = _complete(table, FEWEST)
    elements = tuple(held_out)
    if not 0.0 < train_size <= 1.0 or (elements and train_size < 1.0):
        raise InputError("train_size must be above 0 and at most 1, and 1 where elements are held out")
    steps = STEPS if steps is None else steps
    if steps < 1:
        raise InputError(f"steps must be at least 1, not {steps}")
    tested = table.holding(elements)
    if train_size < 1.0:
        tested[np.random.default_rng(seed).permutation(len(table))[round(train_size * len(table)) :]] = True
    if (elements or train_size < 1.0) and not tested.any():
        raise InputError(
            f"no formula is left to test on: none holds {', '.join(elements)}"
            if elements
            else "train_size leaves no formula to test on"
        )
    known = _complete(table.select(~tested), FEWEST)
    if len(known) > LARGEST:
        raise InputError(f"{len(known):,} formulas; a model is trained on {LARGEST:,} at most")
    targets, hosts, charge = (
        _Targets.of(known.energy),
        Hosts(known.hosts, HostScales.of(known.hosts)),
        _charge_difference(known.hosts),
    )
    processes = []
    with reporting(progress) as report:
        for component in (0, 1):
            y = torch.tensor(targets.scaled[:, component])

            def step(done: int, of: int, component: int = component) -> None:
                report("train", component * of + done, 2 * of, "fitting the kernel")

            noise = (charge, targets.misfit(component))
            processes.append(fitted(hosts, y, noise, seed=seed, steps=steps, step=step))
    model = FormulaModel(known, (processes[0], processes[1]))
    if not tested.any():
        return model
    part = f"formulas with {', '.join(elements)}, never met" if elements else "formulas unseen"
    return FormulaModel(known, model.processes, model.evaluate(table.select(tested), part))


def _complete(table: LabelledFormulas, fewest: int) -> LabelledFormulas:
    found = table.select(np.isfinite(table.energy).all(axis=1))
    if len(found) < fewest:
        raise InputError(f"{table.name}: {len(found)} formulas have all six energies; {fewest} are needed")
    return found


def _charge_difference(hosts: Sequence[DoublePerovskite]) -> torch.Tensor:
    return torch.tensor([float(abs(host.b1[1] - host.b2[1])) for host in hosts], dtype=torch.float64)


def _from_mean(energy: Floats) -> Floats:
    """Energies from the mean over all 70 arrangements."""
    found: Floats = energy - (energy @ WEIGHT)[:, None]
    return found


def _conditioned(centre: Floats, spread: Floats, given: Mapping[str, float]) -> tuple[Floats, Floats, float]:
    """Energies from the weighted mean, their covariance, and that mean's energy, given labels of some arrangements.

    The mean itself is not known beforehand: without a label nothing is said of it, and the first label fixes it.
    """
    weighted = np.eye(6) - np.outer(np.ones(6), WEIGHT)
    if not given:
        return weighted @ centre, weighted @ spread @ weighted.T, float("nan")
    rows = [list(ARRANGEMENTS).index(name) for name in given]
    label = np.array(list(given.values()))
    # A Gaussian process with an unknown constant (Rasmussen and Williams, section 2.7).
    inverse = np.linalg.inv(spread[np.ix_(rows, rows)] + LABEL_NOISE**2 * np.eye(len(rows)))
    ones = inverse.sum(axis=1)
    constant = float(ones @ (label - centre[rows]) / ones.sum())
    gain = spread[:, rows] @ inverse
    total = centre + constant + gain @ (label - centre[rows] - constant)
    gap = 1.0 - gain.sum(axis=1)
    left = spread - gain @ spread[rows] + np.outer(gap, gap) / ones.sum()
    return weighted @ total, weighted @ left @ weighted.T, float(total @ WEIGHT)


def _hosts(formulas: Any, charges: Mapping[str, int] | None) -> tuple[DoublePerovskite, ...]:
    if isinstance(formulas, LabelledFormulas):
        return formulas.hosts
    if isinstance(formulas, os.PathLike) or (isinstance(formulas, str) and is_table_of_formulas(formulas)):
        if is_table_of_formulas(formulas):
            return read_formulas(formulas).hosts
        formulas = os.fspath(formulas)
    single = isinstance(formulas, str | DoublePerovskite)
    found = []
    for one in [formulas] if single else list(formulas):
        if isinstance(one, DoublePerovskite):
            found.append(one)
            continue
        of_this = {name: charge for name, charge in (charges or {}).items() if name in one}
        found.append(DoublePerovskite.of(one, of_this))
    if not found:
        raise InputError("no formula is given")
    return tuple(found)


def _own(known: Any, n: int) -> list[Mapping[str, float]]:
    """Labels of each formula itself, checked."""
    given = [{}] * n if known is None else [known] if isinstance(known, Mapping) else list(known)
    if len(given) != n:
        raise InputError(f"known: {len(given)} mappings for {n} formulas")
    for one in given:
        wrong = sorted(set(one) - set(ARRANGEMENTS))
        if wrong:
            raise InputError(f"known: {wrong[0]!r} is none of the arrangements {', '.join(ARRANGEMENTS)}")
        if not all(np.isfinite(value) for value in one.values()):
            raise InputError("known: energies must be finite, in eV/atom")
    return given
