"""`thermo`: the canonical ensemble of a model's space, a screen, or a table of predictions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.features.averages import MeanPattern
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.files import unstamped
from matganip.learning.card import CARD
from matganip.learning.evaluation import energies_of
from matganip.progress import ProgressOption, Report, reporting
from matganip.results.screen import ScreenResult
from matganip.results.thermo import PatternResult, ThermoResult
from matganip.thermodynamics.estimates import Uniform, convergence
from matganip.thermodynamics.histogram import EnergyHistogram
from matganip.thermodynamics.sums import CanonicalSums

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.learning.model import Model

Floats = NDArray[np.float64]
Block = tuple[Floats, NDArray[np.int64]]
PathLike = str | os.PathLike[str]

TEMPERATURES = (0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 500.0, 600.0, 800.0, 1000.0)
"""Kelvin, where no others are asked for."""
BIN_WIDTH, N_LOWEST = 5e-5, 10
"""Width of a bin of the density of states, eV/atom; number of orbits whose probabilities are given."""
MANIFEST, RESULT, WINNERS = "manifest.jsonl", "result.json", "winners.parquet"
_ROWS = 4096


def thermo(
    source: Model | ScreenResult | PathLike,
    space: ConfigurationSpace | None = None,
    temperatures: Sequence[float] | None = None,
    *,
    sample: int | None = None,
    seed: int = 0,
    uniform: Uniform | None = None,
    device: str = "cpu",
    progress: ProgressOption = None,
) -> ThermoResult:
    """Sum the canonical ensemble over all arrangements of a space, or estimate it from a uniform sample.

    Parameters
    ----------
    source : Model, ScreenResult or path-like
        A model or its folder; a finished screen or its folder; or a ``.parquet`` file with the columns
        ``prediction_eV`` and ``multiplicity``: ``ranking.parquet`` of `matganip run`, or what `matganip predict` wrote.
    space : ConfigurationSpace, optional
        With a model: whose arrangements. By default those of the space that it was trained on.
    temperatures : sequence of float, optional
        Kelvin; 0 is the limit of the ground state, infinity that of equal weights. By default those of the screen,
        or twelve from 0 to 1000 K.
    sample : int, optional
        With a model: draw so many arrangements uniformly instead of enumerating all orbits.
    seed : int
        Of the sample.
    uniform : {"configurations", "orbits"}, optional
        With a file: its rows are a uniform sample of these. Without it they must be the whole space.
    device : str
        With the folder of a model: where it computes.
    progress : bool or callable, optional
        Draw a bar, or call back with the arrangements done.

    Returns
    -------
    ThermoResult

    Raises
    ------
    InputError
        If the source is none of these, something was given that does not belong to it, or the rows of a file are not
        the whole space.

    Notes
    -----
    A screen that kept its best rows has sums at its own temperatures only; one with ``keep="all"`` in a folder can be
    summed at any.

    Examples
    --------
    ``mg.thermo(model, space, [300, 1000])``; ``mg.thermo("runs/screen").to_frame()``;
    ``mg.thermo(model, large, sample=20_000).plot()``.
    """
    temperatures = None if temperatures is None else [float(t) for t in temperatures]  # an array has no truth value
    with reporting(progress) as report:
        if not isinstance(source, ScreenResult) and (not isinstance(source, str | os.PathLike) or is_model(source)):
            if uniform is not None:
                raise InputError("--sample is for tables; of a model's space --number draws a sample")
            model = _model(source, device)
            space = model.space() if space is None else space
            return _of_model(model, space, temperatures or TEMPERATURES, sample, seed, report)
        if space is not None or sample is not None:
            raise InputError(
                f"{source if not isinstance(source, ScreenResult) else 'a screen'}: already says of which space it is; "
                "--supercell, --substitute and --number are for a model"
            )
        if isinstance(source, ScreenResult):
            return (
                _of_screen(source, temperatures) if source.folder is None else _of_folder(source.folder, temperatures)
            )
        path = Path(source)
        if (path / MANIFEST).is_file():
            return _of_folder(path, temperatures)
        if path.suffix != ".parquet":
            raise InputError(f"{path}: neither a .parquet file, nor a folder of `matganip screen` or `matganip train`")
        return _of_table(path, temperatures or TEMPERATURES, uniform)


def mean_pattern(
    model: Model | PathLike,
    space: ConfigurationSpace | None = None,
    temperatures: Sequence[float] = TEMPERATURES,
    *,
    sample: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: ProgressOption = None,
) -> PatternResult:
    """Average the powder pattern over the canonical ensemble at each temperature.

    Parameters
    ----------
    model, space, sample, seed, device, progress
        As for `thermo`.
    temperatures : sequence of float
        Kelvin; 0 K is left out.

    Returns
    -------
    PatternResult

    Raises
    ------
    InputError
        If no temperature is above 0.
    """
    model = _model(model, device)
    space = model.space() if space is None else space
    mean = MeanPattern([t for t in temperatures if t > 0])
    diffraction = LatticeDiffraction(space, scaled=False)
    with reporting(progress) as report:
        for batch, energy in _predicted(model, space, sample, seed, report):
            weight = batch.multiplicity if sample is None else np.ones(len(batch), dtype=np.int64)
            mean.add(diffraction.peaks(batch.occupations), weight, energy)
    scale = 100 / mean.intensity.max(axis=1, keepdims=True)
    return PatternResult(
        diffraction.two_theta,
        diffraction.d_spacings,
        tuple(mean.temperatures.tolist()),
        scale * mean.intensity,
        scale * mean.standard_deviation,
    )


def is_model(path: PathLike) -> bool:
    """Whether a path is the folder of a model, or one that has it as ``model``."""
    return any((folder / CARD).is_file() for folder in (Path(path), Path(path) / "model"))


def _model(model: Model | PathLike, device: str) -> Model:
    from matganip.learning.model import Model

    return Model.of(model, device)


def _predicted(
    model: Model, space: ConfigurationSpace, sample: int | None, seed: int, report: Report
) -> Iterator[tuple[ConfigurationBatch, Floats]]:
    """All orbits of a space, or the arrangements of a uniform sample, in blocks with energies in eV per supercell."""
    model.check(space)
    represent = model.represent(space)
    total = space.count_orbits() if sample is None else sample
    batches: Iterable[ConfigurationBatch]
    if sample is None:
        batches = space.orbits(_ROWS)
    else:
        drawn = space.sample_configurations(sample, seed=seed)
        batches = (drawn[start : start + _ROWS] for start in range(0, sample, _ROWS))
    done = 0
    for batch in batches:
        per_atom, _ = energies_of(model.predictor, represent, batch.occupations)
        yield batch, per_atom * space.n_atoms
        done += len(batch)
        report("thermodynamics", done, total, "")


def _of_model(
    model: Model,
    space: ConfigurationSpace,
    temperatures: Sequence[float],
    sample: int | None,
    seed: int,
    report: Report,
) -> ThermoResult:
    source, remark = f"{model.card.calculator}, as the model predicts it", model.remark(space)
    blocks = ((energy, batch.multiplicity) for batch, energy in _predicted(model, space, sample, seed, report))
    if sample is None:
        return _summed(source, blocks, temperatures, space, remark)
    return _estimated(source, blocks, temperatures, space, "configurations", remark)


def _of_table(path: Path, temperatures: Sequence[float], uniform: Uniform | None) -> ThermoResult:
    space = _space_of(path)
    if uniform is not None:
        return _estimated(str(path), _rows(path), temperatures, space, uniform)
    return _summed(str(path), _rows(path), temperatures, space)


def _of_screen(screen: ScreenResult, temperatures: Sequence[float] | None) -> ThermoResult:
    source = f"a screen of {screen.calculator}"
    rows = (screen.energy[:, 0], screen.winners.multiplicity)
    return _of_sums(source, screen.space, screen.sums, screen.histogram, rows, screen.cascade is not None, temperatures)


def _of_folder(folder: Path, temperatures: Sequence[float] | None) -> ThermoResult:
    """Sum the rows of a screen where all were kept, or else take its own sums."""
    try:
        result = unstamped(json.loads((folder / RESULT).read_text(encoding="utf-8")), folder / RESULT)
        sums, histogram = CanonicalSums.from_dict(result["sums"]), EnergyHistogram.from_dict(result["histogram"])
    except FileNotFoundError:
        raise InputError(f"{folder}: the screen is not finished: resume it with `matganip screen --resume`") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / RESULT}: not the result of a screen: {error}") from error
    space, distilled = _space_of(folder / WINNERS), result.get("energies_of_sums") == "surrogate"
    if every := sorted(folder.glob("all-*.parquet")):
        source = str(folder) + (BY_SURROGATE if distilled else "")
        blocks = (block for path in every for block in _rows(path))
        return _summed(source, blocks, temperatures or TEMPERATURES, space)
    lowest = next(iter(_rows(folder / WINNERS)), (np.zeros(0), np.zeros(0, dtype=np.int64)))
    return _of_sums(str(folder), space, sums, histogram, lowest, distilled, temperatures)


BY_SURROGATE = ", energies of the distilled surrogate"


def _of_sums(
    source: str,
    space: ConfigurationSpace,
    sums: CanonicalSums,
    histogram: EnergyHistogram,
    lowest: Block,
    distilled: bool,
    temperatures: Sequence[float] | None,
) -> ThermoResult:
    if temperatures is not None and not np.array_equal(np.asarray(temperatures), sums.temperatures):
        there = ", ".join("infinity" if isinf(t) else f"{t:g}" for t in sums.temperatures.tolist())
        raise InputError(
            f"{source}: kept its best rows and sums at {there} K; for other temperatures screen with `--keep all`"
        )
    return ThermoResult(
        source + (BY_SURROGATE if distilled else ""),
        space.n_configurations,
        sums.n_orbits,
        sums.result(space.n_atoms),
        histogram,
        _lowest(sums, *lowest),
    )


def _summed(
    source: str, blocks: Iterable[Block], temperatures: Sequence[float], space: ConfigurationSpace, remark: str = ""
) -> ThermoResult:
    sums, histogram = CanonicalSums(temperatures), EnergyHistogram(BIN_WIDTH * space.n_atoms)
    best: Block = (np.zeros(0), np.zeros(0, dtype=np.int64))
    for energy, multiplicity in blocks:
        sums.add(energy, multiplicity)
        histogram.add(energy, multiplicity)
        both = [np.concatenate(two) for two in zip(best, (energy, multiplicity), strict=True)]
        first = np.argsort(both[0], kind="stable")[:N_LOWEST]
        best = both[0][first], both[1][first]
    if sums.n_configurations != space.n_configurations:
        raise InputError(
            f"{source}: its rows stand for {sums.n_configurations:,} of the space's {space.n_configurations:,} "
            "arrangements; if they are a uniform sample, say of what with --sample"
        )
    return ThermoResult(
        source,
        space.n_configurations,
        sums.n_orbits,
        sums.result(space.n_atoms),
        histogram,
        _lowest(sums, *best),
        remark=remark,
    )


def _estimated(
    source: str,
    blocks: Iterable[Block],
    temperatures: Sequence[float],
    space: ConfigurationSpace,
    uniform: Uniform,
    remark: str = "",
) -> ThermoResult:
    above_zero = [t for t in temperatures if t > 0]
    if not above_zero:
        raise InputError(
            "at 0 K a sample says nothing, it has not met the ground state: ask for a temperature above it"
        )
    energy, multiplicity = (np.concatenate(part) for part in zip(*blocks, strict=True))
    found = convergence(
        energy,
        multiplicity,
        above_zero,
        n_configurations=space.n_configurations,
        uniform=uniform,
        n_atoms=space.n_atoms,
    )
    histogram = EnergyHistogram(BIN_WIDTH * space.n_atoms)
    histogram.add(energy, np.ones_like(multiplicity) if uniform == "configurations" else multiplicity)
    return ThermoResult(
        source,
        space.n_configurations,
        len(energy),
        found[-1].estimate,
        histogram,
        sampled=tuple(found),
        remark=remark,
    )


def _lowest(
    sums: CanonicalSums, energy: Floats, multiplicity: NDArray[np.int64]
) -> tuple[tuple[float, int, Floats], ...]:
    energy, multiplicity = energy[:N_LOWEST], multiplicity[:N_LOWEST]
    shares = sums.probability(energy, multiplicity)  # (t, n)
    return tuple((e, g, share) for e, g, share in zip(energy.tolist(), multiplicity.tolist(), shares.T, strict=True))


def _rows(path: Path) -> Iterator[Block]:
    """Energies and multiplicities of a Parquet file, block by block."""
    try:
        with pq.ParquetFile(path) as file:
            for block in file.iter_batches(columns=["prediction_eV", "multiplicity"]):
                energy, multiplicity = (block.column(k).to_numpy() for k in range(2))
                yield energy, multiplicity
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error


def _space_of(path: Path) -> ConfigurationSpace:
    """The space that the metadata of a table describe."""
    try:
        schema: Any = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: no Parquet file: {str(error).splitlines()[0]}") from error
    missing = {"prediction_eV", "multiplicity"} - set(schema.names)
    if missing:
        raise InputError(f"{path}: has no column {sorted(missing)[0]}; take ranking.parquet or predictions.parquet")
    about = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    try:
        return ConfigurationSpace.from_metadata(about)
    except InputError as error:
        raise InputError(f"{path}: does not say of which space it is: {error}") from error
