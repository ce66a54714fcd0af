"""`matganip thermo`: what the ensemble does at a temperature."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import print_json, say, show, stdout, tidy
from matganip.cli.evaluate import Device, checked_device
from matganip.cli.spaces import Json, Substitute, SupercellOption, parse_composition, parse_supercell
from matganip.configurations.notation import parse_numbers, parse_substitution
from matganip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matganip.thermo.mixing import Mixing
    from matganip.thermo.run import Ensemble
    from matganip.workflows.predict import Predictor


@tidy
def thermo(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="A folder of `matganip screen`, ranking.parquet of `matganip run`, a .parquet of `matganip predict`, "
            "or a model folder.",
        ),
    ],
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    temperatures: Annotated[
        str | None,
        typer.Option("--temperatures", "-t", metavar="T[,...]", help="Kelvin: 100,300 or 100-1000:100, or inf."),
    ] = None,
    number: Annotated[
        int | None, typer.Option("--number", "-N", min=100, help="With a model: a uniform sample instead of all orbits.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of that sample.")] = 0,
    sample: Annotated[
        str | None,
        typer.Option("--sample", help="With a table: its rows are a uniform sample of orbits, or of configurations."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="PNG for F, U, S, C_v and the density of states.")
    ] = None,
    pattern: Annotated[
        Path | None, typer.Option("--pattern", help="With a model: .csv for the powder pattern of the ensemble.")
    ] = None,
    device: Device = "cpu",
    json: Json = False,
) -> None:
    """Free energy, energy, entropy and heat capacity of the arrangements at given temperatures.

    From what another command left, or directly from a model:

        matganip thermo runs/cspbi3_br/ranking.parquet --temperatures 100-1000:100 --figure thermo.png

        matganip thermo runs/model -s 2,2,2 -x I:Br=6

    A space that is too large to enumerate, from a uniform sample, with error bars:

        matganip thermo runs/model -s 3,3,3 -x I:Br=20 -N 20000

    Mixing energies and their hull, over a range of compositions:

        matganip thermo runs/model -s 2,2,2 -x I:Br=0-24:4 --figure mixing.png
    """
    from matganip.thermo.run import document

    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    asked = parse_kelvin(temperatures)
    if figure is not None and figure.suffix != ".png":
        raise InputError(f"{figure}: figures are written as .png")
    if pattern is not None and (pattern.suffix != ".csv" or not _is_model(source)):
        raise InputError(f"{pattern}: the ensemble's pattern is written as .csv, and needs a model")
    series = _is_model(source) and _series(substitute)
    if series:
        _mix(source, supercell, series, asked, number, seed, checked_device(device), figure, json)
        return
    found, remark = _ensemble(
        source, supercell, substitute, asked, number, seed, sample, checked_device(device), pattern
    )
    if figure is not None:
        from matganip.results.thermo import ThermoResult

        ThermoResult(
            found.source, found.n_configurations, found.n_orbits, found.result, found.histogram, sampled=found.sampled
        ).save_figure(figure)
    if json:
        print_json({**document(found), "remark": remark, "figure": None if figure is None else str(figure)})
        return
    _tell(found, remark, figure)


def parse_kelvin(text: str | None) -> list[float] | None:
    """``100,300``, ``100-1000:100`` or ``inf`` as temperatures.

    >>> parse_kelvin("100-300:100,1000")
    [100.0, 200.0, 300.0, 1000.0]
    """
    if text is None:
        return None
    found: list[float] = []
    for part in text.split(","):
        try:
            found += map(float, parse_numbers(part) if "-" in part else [part])
        except ValueError:
            raise InputError(
                f"--temperatures {text}: {part!r} is no temperature, as in 100,300 or 100-1000:100"
            ) from None
    if not found or not all(t >= 0 for t in found):
        raise InputError(f"--temperatures {text}: must be 0 or more, in kelvin")
    return found


def _is_model(source: Path) -> bool:
    return any((folder / "card.json").is_file() for folder in (source, source / "model"))


def _series(substitute: list[str] | None) -> list[dict[str, dict[str, int]]]:
    """The compositions that ranges in --substitute ask for; none where each number is one."""
    from itertools import product

    choices = [
        (str(host) if isinstance(host, str) else ",".join(map(str, host)), name, numbers)
        for host, species in map(parse_substitution, substitute or [])
        for name, numbers in species.items()
    ]
    if all(len(numbers) == 1 for *_, numbers in choices):
        return []
    made = []
    for chosen in product(*(numbers for *_, numbers in choices)):
        one: dict[str, dict[str, int]] = {}
        for (host, name, _), number in zip(choices, chosen, strict=True):
            one.setdefault(host, {})[name] = number
        made.append(one)
    return made


def _ensemble(
    source: Path,
    supercell: str | None,
    substitute: list[str] | None,
    temperatures: Sequence[float] | None,
    number: int | None,
    seed: int,
    sample: str | None,
    device: str,
    pattern: Path | None,
) -> tuple[Ensemble, str]:
    from matganip.thermo.run import MANIFEST, TEMPERATURES, mean_pattern, of_model, of_screen, of_table
    from matganip.workflows.predict import Predictor

    if _is_model(source):
        if sample is not None:
            raise InputError("--sample is for tables; of a model's space --number draws a sample")
        cells = parse_supercell(supercell) if supercell else None
        asked = Predictor.load(source, supercell=cells, substitutions=parse_composition(substitute), device=device)
        if pattern is not None:
            mean_pattern(asked, temperatures or TEMPERATURES, number, seed, pattern)
        return of_model(asked, temperatures or TEMPERATURES, number, seed), asked.remark
    if supercell or substitute or number is not None:
        raise InputError(f"{source}: says itself of what it is; --supercell, --substitute and --number are for a model")
    if (source / MANIFEST).is_file():
        return of_screen(source, temperatures), ""
    if source.suffix != ".parquet":
        raise InputError(f"{source}: neither a .parquet file, nor a folder of `matganip screen` or `matganip train`")
    if sample not in (None, "orbits", "configurations"):
        raise InputError(f"--sample {sample}: a sample is of orbits or of configurations")
    return of_table(source, temperatures or TEMPERATURES, sample), ""  # type: ignore[arg-type]


def _tell(found: Ensemble, remark: str, figure: Path | None) -> None:
    from matganip.results.content import Table
    from matganip.thermo.sums import BOLTZMANN

    console, n = stdout(), found.result.n_atoms
    last = found.sampled[-1] if found.sampled else None
    rows = []
    for k, t in enumerate(found.result.temperature.tolist()):

        def cell(name: str, unit: float, digits: int, k: int = k, zero: float = 0.0) -> str:
            value = f"{(getattr(found.result, name)[k] - zero) / unit:.{digits}f}"
            return value if last is None else f"{value} ± {getattr(last.error, name)[k] / unit:.{digits}f}"

        rows.append(
            (
                f"{t:g}" + ("" if last is None or last.reliable[k] else " *"),
                cell("free_energy", n / 1000, 4, zero=found.result.ground),
                cell("energy", n / 1000, 4, zero=found.result.ground),
                cell("entropy", BOLTZMANN * n, 4),
                cell("heat_capacity", BOLTZMANN * n, 4),
                *(() if last is None else (f"{last.effective[k]:,.0f}",)),
            )
        )
    kind = "orbits" if last is None else "arrangements drawn"
    columns = ("T, K", "F, meV/atom", "U, meV/atom", "S, k_B/atom", "C_v, k_B/atom")
    show(
        console,
        Table(
            f"{found.source}: {found.n_orbits:,} {kind}, for {found.n_configurations:,} arrangements",
            columns + (() if last is None else ("effective",)),
            tuple(rows),
            "r" * len(rows[0]),
            f"F and U above the lowest energy {'of the space' if last is None else 'drawn'}, "
            f"{found.result.ground / n:.6f} eV/atom. Configurational, at ideal positions.",
        ),
    )
    if last is not None and not last.reliable.all():
        say(console, UNRELIABLE)
    for energy, multiplicity, share in found.winners[:3]:
        say(
            console,
            f"An orbit of {multiplicity:,} at {(energy - found.result.ground) * 1000 / n:.4f} meV/atom: "
            + ", ".join(
                f"{100 * part:.3g} % at {t:g} K"
                for t, part in zip(found.result.temperature.tolist(), share.tolist(), strict=True)
                if t in (0, 100, 300, 1000)
            ),
        )
    if remark:
        say(console, remark)
    if figure is not None:
        say(console, f"The figure is {figure}")


UNRELIABLE = (
    "* The weights rest on too few of the rows drawn (effective): the sample has not met the arrangements that count "
    "at this temperature. F is too high there, and the error bars are too small. Draw more, or take the lowest from "
    "`matganip search`."
)


def _mix(
    source: Path,
    supercell: str | None,
    series: list[dict[str, dict[str, int]]],
    temperatures: Sequence[float] | None,
    number: int | None,
    seed: int,
    device: str,
    figure: Path | None,
    json: bool,
) -> None:
    from matganip.results.content import Table
    from matganip.thermo.mixing import fractions, mixing
    from matganip.thermo.run import of_model
    from matganip.workflows.predict import Predictor

    cells = parse_supercell(supercell) if supercell else None
    asked: list[Predictor] = [
        Predictor.load(source, supercell=cells, substitutions=one, device=device) for one in series
    ]
    name, fraction = fractions([one.space for one in asked])
    kelvin = [t for t in temperatures or (300.0,) if t > 0]
    ensembles = [
        of_model(one, kelvin, None if number is None or one.space.count_orbits() <= number else number, seed)
        for one in asked
    ]
    atoms = len(asked[0].space.supercell_structure)
    lowest = mixing(fraction, [one.result.ground / atoms for one in ensembles])
    at: list[tuple[float, Mixing]] = [
        (t, mixing(fraction, [one.result.free_energy[k] / atoms for one in ensembles])) for k, t in enumerate(kelvin)
    ]
    remark = next((text for one in asked if (text := one.remark)), "")
    if figure is not None:
        from matganip.results.thermo import MixingResult

        MixingResult(name, lowest, tuple(at), (), "").save_figure(figure)
    if json:
        print_json(_mixing_document(name, lowest, at, ensembles, fraction.tolist(), remark, figure))
        return
    rows = tuple(
        (f"{x:.4f}", f"{1000 * e:.4f}", "yes" if stable else f"{1000 * above:.4f}",
         *(f"{1000 * of_f.mixing[k]:.4f}" for _, of_f in at))
        for k, (x, e, stable, above) in enumerate(
            zip(lowest.fraction, lowest.mixing, lowest.on_hull, lowest.above_hull, strict=True)
        )
    )  # fmt: skip
    columns = (name, "lowest", "on the hull", *(f"F, {t:g} K" for t in kelvin))
    console = stdout()
    note = "Mixing energies of the lowest arrangement and mixing free energies, meV per atom of the parent."
    show(console, Table(f"{asked[0].card.calculator}: mixing, {name}", columns, rows, "r" * len(columns), note))
    if any(one.sampled for one in ensembles):
        say(console, "Compositions of more orbits than --number were sampled: their lowest is that of the sample.")
    if remark:
        say(console, remark)
    if figure is not None:
        say(console, f"The figure is {figure}")


def _mixing_document(
    name: str,
    lowest: Mixing,
    at: list[tuple[float, Mixing]],
    ensembles: list[Ensemble],
    fraction: list[float],
    remark: str,
    figure: Path | None,
) -> dict[str, Any]:
    from matganip.thermo.run import document

    return {
        "species": name,
        "fraction": lowest.fraction.tolist(),
        "lowest_mixing_eV_per_atom": lowest.mixing.tolist(),
        "above_hull_eV_per_atom": lowest.above_hull.tolist(),
        "on_hull": lowest.on_hull.tolist(),
        "free_energies": [{"temperature_K": t, "mixing_eV_per_atom": of_f.mixing.tolist()} for t, of_f in at],
        "ensembles": [{"fraction": x, **document(one)} for x, one in zip(fraction, ensembles, strict=True)],
        "remark": remark,
        "figure": None if figure is None else str(figure),
    }
