"""The report of a screen: what was covered, what won, what the ensemble does, what it cost, what it does not show."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from matganip.errors import InputError
from matganip.plots.style import off_screen, save_figure
from matganip.report.page import covered, limits, provenance, write_page
from matganip.results.content import Picture, Report, Scene, Section, Table
from matganip.results.screen import ScreenResult
from matganip.screening.reading import read_screen

PAGE, FIGURE, WINNERS_FIGURE = "report.html", "density_of_states.png", "winners.png"
N_SCENES, N_ROWS = 6, 20


def write_screen_report(
    screen: ScreenResult | str | os.PathLike[str], path: str | os.PathLike[str] | None = None
) -> Path:
    """Write the report of a finished screen as one HTML page, to be read and turned without a network.

    Parameters
    ----------
    screen : ScreenResult or path-like
        The screen, or its folder.
    path : path-like, optional
        The page; ``report.html`` in the folder of the screen by default, beside the figure of the density of states.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    InputError
        If there is no screen, it is not complete or only a part of one, a file is damaged, or a screen that was
        computed in memory is given without `path`.
    MissingExtraError
        If matplotlib, jinja2 or plotly is not installed.
    """
    found = screen if isinstance(screen, ScreenResult) else read_screen(screen)
    if path is None and found.folder is None:
        raise InputError("the screen was computed in memory; name the page of its report")
    if path is None:
        path = Path(str(found.folder)) / PAGE
        write_page(_report(found, path.parent / FIGURE), path)
        return path
    with TemporaryDirectory(prefix="matganip-") as name:
        write_page(_report(found, Path(name) / FIGURE), Path(path))
    return Path(path)


def _report(found: ScreenResult, figure: Path) -> Report:
    header, space = found.header, found.space
    cpu = sum(found.stages.values())
    n_models = len(header["models"])
    models = "a model" if n_models == 1 else f"{n_models} models"
    return Report(
        title=f"{header['space']['composition']}, every arrangement",
        subtitle=f"Screened by {models} trained on energies of {found.calculator}, for the {found.selection}.",
        headline=(
            *covered(found.n_configurations, found.n_orbits),
            (
                f"{found.energy[0, 0]:.4f} eV",
                f"the first, {found.point_groups[0]}, {int(found.winners.multiplicity[0]):,} copies",
            ),
            (f"{found.n_orbits / max(cpu, 1e-9):,.0f}", "orbits per second and core"),
        ),
        sections=(
            Section("What was covered", _coverage(found)),
            Section("The winners", (WINNERS,), (found.winners_table(N_ROWS),), _winners(found, figure), _scenes(found)),
            Section("The ensemble", (ENSEMBLE,), (_ensemble_table(found),), pictures=(_density(found, figure),)),
            Section("What it cost", (COST,), (found.stage_table(),)),
            limits(),
        ),
        provenance=provenance(
            header.get("command", []),
            header["versions"],
            {
                "folder": "in memory" if found.folder is None else found.folder.name,
                "fingerprint": found.fingerprint,
                "space": space.key,
                **{f"model {k}": f"{one['table']}, {one['calculator']}" for k, one in enumerate(header["models"])},
            },
        ),
    )


def _coverage(found: ScreenResult) -> tuple[str, ...]:
    """What was screened, exactly."""
    covered = (
        f"The space has {found.n_configurations:,} arrangements in {found.n_orbits:,} orbits by Burnside's lemma. All "
        f"of them were enumerated, in {found.header['settings']['n_shards']} shards; their multiplicities sum to the "
        f"number of arrangements. The network has seen {found.graphs_predicted:,} graphs: arrangements with the same "
        "graph are predicted once."
    )
    return (covered, found.cascade_sentence()) if found.cascade else (covered,)


def _ensemble_table(found: ScreenResult) -> Table:
    """F, U, S and C_v at the temperatures of the screen."""
    functions, atoms = found.sums.result(), found.space.n_atoms
    columns = (functions.free_energy, functions.energy, functions.entropy, functions.heat_capacity)
    units = (1.0, 1.0, 1000 / atoms, 1000 / atoms)
    rows = tuple(
        (
            "infinite" if t == float("inf") else f"{t:g}",
            *(
                "\u2013" if abs(value) == float("inf") else f"{value * unit:.5f}"
                for value, unit in zip(values, units, strict=True)
            ),
        )
        for t, *values in zip(functions.temperature.tolist(), *(column.tolist() for column in columns), strict=True)
    )
    return Table("", ("T, K", "F, eV", "U, eV", "S, meV/K/atom", "C_v, meV/K/atom"), rows, "rrrrr", "")


def _scenes(found: ScreenResult) -> tuple[Scene, ...]:
    from matganip.report.viewer import configuration_scene

    return tuple(
        configuration_scene(found.space, occupation, f"{k + 1}: {group}, {above:.3f} meV/atom")
        for k, (occupation, group, above) in enumerate(
            zip(found.winners.occupations[:N_SCENES], found.point_groups, found.relative.tolist(), strict=False)
        )
    )


def _winners(found: ScreenResult, beside: Path) -> tuple[Picture, ...]:
    """Predictions by rank with the model's own error bars, drawn anew; a single winner needs no figure."""
    if len(found) < 2:
        return ()
    path = beside.with_name(WINNERS_FIGURE)
    save_figure(found.plot_winners(off_screen()), path)
    return (Picture(path, "Winners by rank; bars are the standard deviation of the model, where it has one."),)


def _density(found: ScreenResult, figure: Path) -> Picture:
    """The density of states, drawn anew."""
    found.save_figure(figure)
    width = 1000 * found.histogram.bin_width
    return Picture(figure, f"All arrangements by their energy, in bins of {width:g} meV of the supercell.")


WINNERS = (
    "Substituted atoms in colour, vacancies as rings, the host in grey. Drag or press arrow keys to rotate, scroll or "
    "press + and - to zoom."
)
ENSEMBLE = (
    "Canonical sums over all arrangements with their multiplicities: configurational only, at ideal positions, without "
    "vibrations. They are exact for the energies that were predicted."
)
COST = "CPU time of the stages, summed over all workers; one worker is one core."
