"""Thermodynamics from what other commands leave, or from a model and a space."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matganip.configurations.tables import space_from_metadata
from matganip.errors import InputError
from matganip.features.averages import MeanPattern
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.files import atomic_path
from matganip.thermo.estimates import SampledThermodynamics, Uniform, convergence
from matganip.thermo.histogram import EnergyHistogram
from matganip.thermo.sums import CanonicalSums, Thermodynamics

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace
    from matganip.workflows.predict import Predictor

Floats = NDArray[np.float64]
Block = tuple[Floats, NDArray[np.int64]]

# Kelvin: where nothing else is asked for.
TEMPERATURES = (0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 500.0, 600.0, 800.0, 1000.0)
# Bins of the density of states, eV per atom; orbits whose probabilities are told.
BIN_WIDTH, N_WINNERS = 5e-5, 10
MANIFEST, RESULT, WINNERS = "manifest.jsonl", "result.json", "winners.parquet"


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The canonical ensemble of one composition.

    Parameters
    ----------
    source : str
        Where the energies come from.
    n_configurations : int
        Of the whole space, exact.
    n_orbits : int
        That were summed, or drawn.
    result : Thermodynamics
        Per supercell; of a sample the estimate.
    histogram : EnergyHistogram
        Of a sample, of the sample.
    winners : tuple of (float, int, (t,) ndarray)
        Energy, multiplicity and probability of each of the lowest orbits at each temperature; none of a sample.
    sampled : tuple of SampledThermodynamics
        From more and more of a sample; empty where the space was enumerated.
    """

    source: str
    n_configurations: int
    n_orbits: int
    result: Thermodynamics
    histogram: EnergyHistogram
    winners: tuple[tuple[float, int, Floats], ...]
    sampled: tuple[SampledThermodynamics, ...]


def of_model(asked: Predictor, temperatures: Sequence[float], number: int | None, seed: int) -> Ensemble:
    """Sum over the orbits of a space as a model predicts them, or estimate from a uniform sample of configurations.

    Parameters
    ----------
    asked : Predictor
    temperatures : sequence of float
        Kelvin.
    number : int, optional
        Size of the sample; None enumerates.
    seed : int
        Of the sample.

    Returns
    -------
    Ensemble
    """
    space, atoms = asked.space, asked.space.n_atoms
    source = f"{asked.card.calculator}, as the model predicts it"
    if number is None:
        blocks = ((found.per_atom * atoms, found.batch.multiplicity) for found in asked.stream(space.orbits(4096)))
        return _summed(source, blocks, temperatures, space.n_configurations, atoms)
    drawn = space.sample_configurations(number, seed=seed)
    energy = np.concatenate(
        [asked.predict(drawn.occupations[k : k + 4096]) for k in range(0, number, 4096)] or [np.zeros(0)]
    )
    return _estimated(
        source, energy * atoms, drawn.multiplicity, temperatures, space.n_configurations, atoms, "configurations"
    )


def mean_pattern(asked: Predictor, temperatures: Sequence[float], number: int | None, seed: int, path: Path) -> None:
    """Write the powder pattern of the ensemble at each temperature, as CSV.

    Parameters
    ----------
    asked, temperatures, number, seed
        As for `of_model`; 0 K is left out.
    path : pathlib.Path
        A line for each reflection: two_theta, d_spacing, and for each temperature the intensity, of which the largest
        is 100, and its standard deviation over the ensemble on the same scale.

    Raises
    ------
    InputError
        If no temperature is above 0, or the file cannot be written.
    """
    space, atoms = asked.space, asked.space.n_atoms
    mean = MeanPattern([t for t in temperatures if t > 0])
    diffraction = LatticeDiffraction(space, scaled=False)
    if number is None:
        batches: Iterable[ConfigurationBatch] = space.orbits(4096)
    else:
        batches = [space.sample_configurations(number, seed=seed)]
    for batch in batches:
        weight = batch.multiplicity if number is None else np.ones(len(batch), dtype=np.int64)
        mean.add(diffraction.peaks(batch.occupations), weight, asked.predict(batch.occupations) * atoms)
    scale = 100 / mean.intensity.max(axis=1, keepdims=True)
    columns = [diffraction.two_theta, diffraction.d_spacings]
    names = ["two_theta", "d_spacing"]
    for t, intensity, spread in zip(
        mean.temperatures.tolist(), scale * mean.intensity, scale * mean.standard_deviation, strict=True
    ):
        columns += [intensity, spread]
        names += [f"intensity_{t:g}K", f"deviation_{t:g}K"]
    with atomic_path(path) as temporary:
        np.savetxt(temporary, np.stack(columns, axis=1), fmt="%.6f", delimiter=",", header=",".join(names), comments="")


def of_table(path: Path, temperatures: Sequence[float], uniform: Uniform | None = None) -> Ensemble:
    """Sum over the rows of a table of predictions.

    Parameters
    ----------
    path : pathlib.Path
        ``ranking.parquet`` of `matganip run`, or what `matganip predict` wrote as .parquet.
    temperatures : sequence of float
        Kelvin.
    uniform : {"configurations", "orbits"}, optional
        That the rows are a uniform sample, and over what; otherwise they must be the whole space.

    Returns
    -------
    Ensemble

    Raises
    ------
    InputError
        If the file is no such table, or its rows are not the whole space.
    """
    space = _space_of(path)
    n_configurations, atoms = space.n_configurations, space.n_atoms
    blocks = _rows(path)
    if uniform is not None:
        energy, multiplicity = (np.concatenate(part) for part in zip(*blocks, strict=True))
        return _estimated(str(path), energy, multiplicity, temperatures, n_configurations, atoms, uniform)
    return _summed(str(path), blocks, temperatures, n_configurations, atoms)


def of_screen(folder: Path, temperatures: Sequence[float] | None) -> Ensemble:
    """Sum over a screen: its rows where all were kept, or else what it summed at its own temperatures.

    Parameters
    ----------
    folder : pathlib.Path
        Of `matganip screen`, finished.
    temperatures : sequence of float, optional
        Kelvin; None takes those of the screen where it kept no rows.

    Returns
    -------
    Ensemble

    Raises
    ------
    InputError
        If the screen is not finished, its files are not whole, or other temperatures are asked for than it has.
    """
    try:
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        sums, histogram = CanonicalSums.from_dict(result["sums"]), EnergyHistogram.from_dict(result["histogram"])
    except FileNotFoundError:
        raise InputError(f"{folder}: the screen is not finished: go on with `matganip screen --resume`") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / RESULT}: not the result of a screen: {error}") from error
    space = _space_of(folder / WINNERS)
    n_configurations, atoms = space.n_configurations, space.n_atoms
    source = str(folder) + (", energies of the surrogate" if result.get("energies_of_sums") == "surrogate" else "")
    every = sorted(folder.glob("all-*.parquet"))
    if every:
        blocks = (block for path in every for block in _rows(path))
        return _summed(source, blocks, temperatures or TEMPERATURES, n_configurations, atoms)
    if temperatures is not None and not np.array_equal(np.asarray(temperatures), sums.temperatures):
        there = ", ".join("infinity" if isinf(t) else f"{t:g}" for t in sums.temperatures.tolist())
        raise InputError(
            f"{folder}: kept its best rows and sums at {there} K; for other temperatures screen with `--keep all`"
        )
    lowest = next(iter(_rows(folder / WINNERS)), (np.zeros(0), np.zeros(0, dtype=np.int64)))
    return Ensemble(source, n_configurations, sums.n_orbits, sums.result(atoms), histogram, _winners(sums, *lowest), ())


def _summed(
    source: str, blocks: Iterable[Block], temperatures: Sequence[float], n_configurations: int, atoms: int
) -> Ensemble:
    sums, histogram = CanonicalSums(temperatures), EnergyHistogram(BIN_WIDTH * atoms)
    best: Block = (np.zeros(0), np.zeros(0, dtype=np.int64))
    for energy, multiplicity in blocks:
        sums.add(energy, multiplicity)
        histogram.add(energy, multiplicity)
        both = [np.concatenate(two) for two in zip(best, (energy, multiplicity), strict=True)]
        first = np.argsort(both[0], kind="stable")[:N_WINNERS]
        best = both[0][first], both[1][first]
    if sums.n_configurations != n_configurations:
        raise InputError(
            f"{source}: its rows stand for {sums.n_configurations:,} of the space's {n_configurations:,} arrangements; "
            "if they are a uniform sample, say of what with --sample"
        )
    return Ensemble(source, n_configurations, sums.n_orbits, sums.result(atoms), histogram, _winners(sums, *best), ())


def _estimated(
    source: str,
    energy: Floats,
    multiplicity: NDArray[np.int64],
    temperatures: Sequence[float],
    n_configurations: int,
    atoms: int,
    uniform: Uniform,
) -> Ensemble:
    above_zero = [t for t in temperatures if t > 0]
    if not above_zero:
        raise InputError(
            "at 0 K a sample says nothing, it has not met the ground state: ask for a temperature above it"
        )
    found = convergence(
        energy, multiplicity, above_zero, n_configurations=n_configurations, uniform=uniform, n_atoms=atoms
    )
    histogram = EnergyHistogram(BIN_WIDTH * atoms)
    histogram.add(energy, np.ones_like(multiplicity) if uniform == "configurations" else multiplicity)
    return Ensemble(source, n_configurations, len(energy), found[-1].estimate, histogram, (), tuple(found))


def _winners(
    sums: CanonicalSums, energy: Floats, multiplicity: NDArray[np.int64]
) -> tuple[tuple[float, int, Floats], ...]:
    energy, multiplicity = energy[:N_WINNERS], multiplicity[:N_WINNERS]
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


def _metadata(path: Path) -> dict[str, str]:
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: no Parquet file: {str(error).splitlines()[0]}") from error
    missing = {"prediction_eV", "multiplicity"} - set(schema.names)
    if missing:
        raise InputError(f"{path}: has no column {sorted(missing)[0]}; take ranking.parquet or predictions.parquet")
    return {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}


def _space_of(path: Path) -> ConfigurationSpace:
    """The space that a table's metadata describe."""
    try:
        return space_from_metadata(_metadata(path))
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: does not say of which space it is: {error}") from error


def document(found: Ensemble) -> dict[str, Any]:
    """An ensemble as JSON values; what is infinite or unknown is null."""
    exact, sample = found.result, found.sampled[-1] if found.sampled else None
    kelvin = [None if isinf(t) else t for t in exact.temperature.tolist()]
    return {
        "source": found.source,
        "arrangements": found.n_configurations,
        "orbits" if sample is None else "drawn": found.n_orbits,
        "atoms": exact.n_atoms,
        "lowest_eV": exact.ground,
        "temperature_K": kelvin,
        **_functions(exact, ""),
        **({} if sample is None else _functions(sample.error, "_error")),
        **(
            {}
            if sample is None
            else {"effective_sample": sample.effective.tolist(), "reliable": sample.reliable.tolist()}
        ),
        "convergence": [
            {"drawn": one.n, "F_eV": _numbers(one.estimate.free_energy), "F_error_eV": _numbers(one.error.free_energy)}
            for one in found.sampled
        ],
        "winners": [
            {"prediction_eV": energy, "multiplicity": multiplicity, "probability": share.tolist()}
            for energy, multiplicity, share in found.winners
        ],
        "density_of_states": found.histogram.to_dict(),
    }


def _functions(found: Thermodynamics, suffix: str) -> dict[str, list[float | None]]:
    return {
        f"F{suffix}_eV": _numbers(found.free_energy),
        f"U{suffix}_eV": _numbers(found.energy),
        f"S{suffix}_eV_per_K": _numbers(found.entropy),
        f"C{suffix}_eV_per_K": _numbers(found.heat_capacity),
    }


def _numbers(values: Floats) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]
