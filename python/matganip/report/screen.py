"""The report of a screen: what was covered, what won, what the ensemble does, what it cost, what it does not show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.errors import InputError
from matganip.report.page import write_page
from matganip.results.content import Picture, Report, Scene, Section, Table
from matganip.screening.merge import read_result
from matganip.screening.shard import STAGES
from matganip.screening.winners import read_winners

if TYPE_CHECKING:
    import pyarrow as pa

    from matganip.configurations.space import ConfigurationSpace
    from matganip.screening.manifest import ScreenFolder

PAGE, FIGURE = "report.html", "density_of_states.png"
N_SCENES, N_ROWS = 6, 20


def write_screen_report(path: Path) -> Path:
    """Write ``report.html`` into the folder of a complete screen.

    Parameters
    ----------
    path : pathlib.Path
        The folder.

    Returns
    -------
    pathlib.Path
        The page: one file, to be read and turned without a network.

    Raises
    ------
    InputError
        If there is no screen, it is not complete or only a part of one, or a file is damaged.
    MissingExtraError
        If matplotlib, jinja2 or plotly is not installed.
    """
    from matganip.screening.folder import FolderSource
    from matganip.screening.manifest import ScreenFolder

    folder = ScreenFolder.read(path)
    if folder.part != (0, 1):
        k, n = folder.part
        raise InputError(f"{path}: is part {k} of {n} of a screen; merge the parts, then report the whole")
    result, winners = read_result(path), read_winners(path)
    space = FolderSource(path.absolute(), folder.fingerprint).open().space
    write_page(_report(folder, space, result, winners), path / PAGE)
    return path / PAGE


def _report(folder: ScreenFolder, space: ConfigurationSpace, result: dict[str, Any], winners: pa.Table) -> Report:
    header = folder.header
    first = winners.slice(0, 1).to_pylist()[0]
    cpu = sum(sum(record.stages.values()) for record in folder.shards.values())
    kind = header["settings"]["selection"]["kind"]
    calculator = header["models"][0]["calculator"]
    return Report(
        title=f"{header['space']['composition']}, every arrangement",
        subtitle=f"Screened by {_models(header)} trained on energies of {calculator}, for the {kind}.",
        headline=(
            (f"{int(result['configurations']):,}", "arrangements"),
            (f"{result['orbits']:,}", "distinct by symmetry, all screened"),
            (
                f"{first['prediction_eV']:.4f} eV",
                f"the first, {first['point_group']}, {first['multiplicity']:,} copies",
            ),
            (f"{result['orbits'] / max(cpu, 1e-9):,.0f}", "orbits a second and core"),
        ),
        sections=(
            Section("What was covered", coverage(folder, result)),
            Section("The winners", (WINNERS,), (winners_table(folder, winners),), scenes=_scenes(space, winners)),
            Section(
                "The ensemble", (ENSEMBLE,), (thermo_table(result, space),), pictures=_pictures(folder, result, space)
            ),
            Section("What it cost", (COST,), (stage_table(folder),)),
            Section("What this does not show", LIMITS),
        ),
        provenance=(
            ("command", " ".join(header.get("command", [])) or "a Python call"),
            ("folder", folder.path.name),
            ("fingerprint", folder.fingerprint),
            ("space", header["space"]["key"]),
            *(
                (f"model {number}", f"{one['table']}, {one['calculator']}")
                for number, one in enumerate(header["models"])
            ),
            *((name, str(version)) for name, version in header["versions"].items()),
        ),
    )


def coverage(folder: ScreenFolder, result: dict[str, Any]) -> tuple[str, ...]:
    """What was looked at, exactly."""
    shards = len(folder.shards)
    told = (
        f"The space has {int(result['configurations']):,} arrangements in {result['orbits']:,} orbits by Burnside's "
        f"lemma, and so many were enumerated, in {shards} shards; multiplicities sum to the number of arrangements. "
        f"The network has seen {result['graphs_predicted']:,} graphs: arrangements with the same graph are predicted "
        "once.",
    )
    return (*told, cascade_sentence(result["cascade"])) if result["cascade"] else told


def cascade_sentence(cascade: dict[str, Any]) -> str:
    """What the two stages of a cascade did."""
    return (
        f"The model re-scored {cascade['rescored']:,} of {cascade['of']:,} orbits, all that could win within the bound "
        f"of {cascade['bound_eV']:.6f} eV; on these the surrogate was at most {cascade['widest_eV_of_rescored']:.6f} eV "
        "off. Histogram and canonical sums are of the surrogate's energies."
    )


def stage_table(folder: ScreenFolder) -> Table:
    """CPU time by stage of all shards of a folder."""
    records = list(folder.shards.values())
    orbits = sum(record.n_orbits for record in records)
    seconds = {stage: sum(record.stages[stage] for record in records) for stage in STAGES}
    total = sum(seconds.values()) or 1.0
    rows = [
        (stage, f"{spent:.2f}", f"{spent / total:.1%}", f"{spent / max(orbits, 1) * 1e6:.3f}")
        for stage, spent in seconds.items()
    ]
    rows.append(("all", f"{sum(seconds.values()):.2f}", "", f"{sum(seconds.values()) / max(orbits, 1) * 1e6:.3f}"))
    return Table("", ("stage", "CPU, s", "share", "µs an orbit"), tuple(rows), "lrrr", "")


def winners_table(folder: ScreenFolder, winners: pa.Table, number: int = N_ROWS) -> Table:
    """The first winners."""
    header = folder.header
    shown = winners.slice(0, number).to_pylist()
    likely = [name for name in winners.column_names if name.startswith("probability_")]
    rows = tuple(
        (
            f"{row['rank']}",
            f"{row['prediction_eV']:.4f}",
            f"{row['relative_meV_per_atom']:.4f}",
            f"{row['multiplicity']:,}",
            row["point_group"],
            *(f"{row[name]:.2e}" for name in likely),
        )
        for row in shown
    )
    return Table(
        f"{header['space']['composition']}: the first {len(rows)} of {winners.num_rows} "
        f"({header['settings']['selection']['kind']})",
        (
            "rank",
            "eV",
            "above first",
            "multiplicity",
            "point group",
            *(name.replace("probability_", "at ") for name in likely),
        ),
        rows,
        "rrrrl" + "r" * len(likely),
        f"Energies of the supercell as {header['models'][0]['calculator']} would give them; above first in meV/atom"
        + ("; at a temperature, the probability of the orbit." if likely else "."),
    )


def thermo_table(result: dict[str, Any], space: ConfigurationSpace) -> Table:
    """F, U, S and C_v at the temperatures of the screen."""
    found, atoms = result["thermodynamics"], space.n_atoms
    columns = [found[key] for key in ("F_eV", "U_eV", "S_eV_per_K", "C_eV_per_K")]
    rows = tuple(
        (
            "infinite" if temperature is None else f"{temperature:g}",
            *("\u2013" if value is None else f"{value:.5f}" for value in (f, u)),
            *("\u2013" if value is None else f"{value * 1000 / atoms:.5f}" for value in (s, c)),
        )
        for temperature, f, u, s, c in zip(found["temperature_K"], *columns, strict=True)
    )
    return Table("", ("T, K", "F, eV", "U, eV", "S, meV/K/atom", "C_v, meV/K/atom"), rows, "rrrrr", "")


def _models(header: dict[str, Any]) -> str:
    number = len(header["models"])
    return "a model" if number == 1 else f"{number} models"


def _scenes(space: ConfigurationSpace, winners: pa.Table) -> tuple[Scene, ...]:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.report.viewer import configuration_scene
    from matganip.screening.shard_files import codes

    shown = winners.slice(0, N_SCENES)
    batch = ConfigurationBatch(
        space, codes(shown["occupation"].to_pylist(), space.n_sites), shown["multiplicity"].to_numpy()
    )
    return tuple(
        configuration_scene(
            space, occupation, f"{row['rank']}: {row['point_group']}, {row['relative_meV_per_atom']:.3f} meV/atom"
        )
        for occupation, row in zip(batch.occupations, shown.to_pylist(), strict=True)
    )


def _pictures(folder: ScreenFolder, result: dict[str, Any], space: ConfigurationSpace) -> tuple[Picture, ...]:
    """Density of states, drawn anew from the folder."""
    from matganip.plots.style import figure
    from matganip.plots.thermodynamics import density_of_states
    from matganip.thermo.histogram import EnergyHistogram

    path = folder.path / FIGURE
    histogram = EnergyHistogram.from_dict(result["histogram"])
    with figure(path, 8.0, 3.4) as ax:
        density_of_states(histogram, space.n_atoms, ax=ax).set_title("Density of states")
    return (
        Picture(
            path, f"All arrangements by their energy, in bins of {1000 * histogram.bin_width:g} meV of the supercell."
        ),
    )


WINNERS = "Dopants in colour, the host pale. Drag to turn, scroll to come nearer."
ENSEMBLE = (
    "Canonical sums over all arrangements with their multiplicities: configurational only, on ideal positions, without "
    "vibrations. They are exact for the energies that were predicted."
)
COST = "CPU time of the stages, summed over all workers; one worker is one core."
LIMITS = (
    "A prediction is as good as the model: `matganip evaluate` tells its error on arrangements that it has not seen, "
    "beside that of the constant. Winners that are closer together than that error are not told apart.",
    "Energies of the model stand for those of the calculator that it learned from, at ideal positions. Relaxation "
    "changes energies by more than what separates these arrangements.",
)
