"""A small picture of one arrangement: the supercell seen from a corner, the substituted atoms in colour."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.report.style import BEST, GRID, LABEL, MUTED, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pymatgen.core.structure import Structure

Floats = NDArray[np.float64]

_QUIET = "#cfd5dd"
_LOUD = (BEST, LABEL, "#4338ca", "#0369a1")


def arrangement(structure: Structure, dopants: tuple[str, ...], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a structure in parallel projection, its dopants large and in colour, the host pale.

    Parameters
    ----------
    structure : pymatgen Structure
        The substituted supercell.
    dopants : tuple of str
        Elements to draw in colour, in order; all else is pale.
    title : str
        Heading.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax)
    view = _view()
    species, fractional = _with_boundary_images(structure)
    position = fractional @ np.asarray(structure.lattice.matrix)
    centre = np.asarray(structure.lattice.matrix).sum(axis=0) / 2.0
    screen = (position - centre) @ view.T  # (n, 3): right, up, towards the eye
    corners = np.array(list(itertools.product((0, 1), repeat=3))) @ np.asarray(structure.lattice.matrix)
    _draw_edges(ax, (corners - centre) @ view.T)
    _draw_bonds(ax, position, screen)
    near = (screen[:, 2] - screen[:, 2].min()) / max(float(np.ptp(screen[:, 2])), 1e-9)
    for atom in np.argsort(screen[:, 2]):
        loud = species[atom] in dopants
        color = _LOUD[dopants.index(species[atom]) % len(_LOUD)] if loud else _QUIET
        ax.scatter(
            screen[atom, 0],
            screen[atom, 1],
            s=(95 if loud else 26) * (0.75 + 0.5 * near[atom]),
            color=color,
            alpha=0.55 + 0.45 * near[atom] if loud else 0.35 + 0.5 * near[atom],
            edgecolors="white",
            linewidths=0.7,
            zorder=3 + near[atom],
        )
    ax.set_aspect("equal")
    ax.axis("off")
    ax.set_title(title, loc="center", fontsize=9)
    return ax


def _view() -> Floats:
    """Rows: right, up and towards the eye, for an eye above the front-right edge of the cell."""
    eye = np.array([2.6, 1.1, 0.85])
    eye /= np.linalg.norm(eye)
    right = np.cross([0.0, 0.0, 1.0], eye)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(eye, right), eye])


def _with_boundary_images(structure: Structure) -> tuple[list[str], Floats]:
    """Atoms on a face, edge or corner of the cell once more on the opposite ones, as crystals are drawn."""
    species: list[str] = []
    places: list[Floats] = []
    for site in structure:
        base = np.mod(site.frac_coords, 1.0)
        base[np.isclose(base, 1.0, atol=1e-4)] = 0.0
        shifts = [(0, 1) if abs(x) < 1e-4 else (0,) for x in base]
        for shift in itertools.product(*shifts):
            species.append(site.specie.symbol)
            places.append(base + shift)
    return species, np.array(places)


def _draw_bonds(ax: Axes, position: Floats, screen: Floats) -> None:
    """The shortest contacts (B-X in a perovskite) as faint sticks: they show the octahedra's network."""
    distance = np.linalg.norm(position[:, None] - position[None], axis=-1)
    bonded = np.triu(distance < 1.1 * np.min(distance[distance > 0.1]), k=1)
    for first, second in np.argwhere(bonded):
        ends = screen[[first, second]]
        ax.plot(ends[:, 0], ends[:, 1], color=GRID, lw=1.6, zorder=1, solid_capstyle="round")


def _draw_edges(ax: Axes, corners: Floats) -> None:
    """The twelve edges of the cell: pairs of corners that differ in one index."""
    for first, second in itertools.combinations(range(8), 2):
        if (first ^ second).bit_count() == 1:
            near = (corners[first, 2] + corners[second, 2]) / 2.0 > 0
            ends = corners[[first, second]]
            ax.plot(ends[:, 0], ends[:, 1], color=MUTED if near else _QUIET, lw=1.0, zorder=2)
