"""A small picture of one arrangement: the supercell seen from a corner, the substituted atoms in colour."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import require
from matganip.plots.style import BEST, GRID, LABEL, MUTED, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pymatgen.core.structure import Structure

Floats = NDArray[np.float64]

QUIET = "#cfd5dd"
LOUD = (BEST, LABEL, "#4338ca", "#0369a1")


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
    species, fractional = with_boundary_images(structure)
    position = fractional @ np.asarray(structure.lattice.matrix)
    centre = np.asarray(structure.lattice.matrix).sum(axis=0) / 2.0
    screen = (position - centre) @ view.T  # (n, 3): right, up, towards the eye
    _draw_edges(ax, (cell_edges() @ np.asarray(structure.lattice.matrix) - centre) @ view.T)
    _draw_bonds(ax, position, screen)
    _draw_atoms(ax, species, screen, dopants)
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


def with_boundary_images(structure: Structure) -> tuple[list[str], Floats]:
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


def _draw_atoms(ax: Axes, species: list[str], screen: Floats, dopants: tuple[str, ...]) -> None:
    """Far atoms first; near ones are larger and less transparent."""
    back_to_front = np.argsort(screen[:, 2], kind="stable")
    depth = screen[back_to_front, 2]
    near = (depth - depth[0]) / max(float(depth[-1] - depth[0]), 1e-9)
    loud = np.array([species[atom] in dopants for atom in back_to_front])
    colors = [
        LOUD[dopants.index(species[atom]) % len(LOUD)] if species[atom] in dopants else QUIET for atom in back_to_front
    ]
    ax.scatter(
        screen[back_to_front, 0],
        screen[back_to_front, 1],
        s=np.where(loud, 95.0, 26.0) * (0.75 + 0.5 * near),
        c=colors,
        alpha=np.where(loud, 0.55 + 0.45 * near, 0.35 + 0.5 * near),
        edgecolors="white",
        linewidths=0.7,
        zorder=3,
    )


def _draw_bonds(ax: Axes, position: Floats, screen: Floats) -> None:
    """The shortest contacts (B-X in a perovskite) as faint sticks: they show the octahedra's network."""
    _draw_lines(ax, screen[bonds_between(position)], [GRID], width=1.6, zorder=1)


def bonds_between(position: Floats) -> NDArray[np.int64]:
    """Pairs of atoms, (m, 2), that are hardly farther apart than the nearest two of positions (n, 3)."""
    distance = np.linalg.norm(position[:, None] - position[None], axis=-1)
    bonded = np.triu(distance < 1.1 * np.min(distance[distance > 0.1]), k=1)
    pairs: NDArray[np.int64] = np.argwhere(bonded)
    return pairs


def cell_edges() -> Floats:
    """The twelve edges of the unit cube, (12, 2, 3): pairs of corners that differ in one index."""
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
    pairs = [pair for pair in itertools.combinations(range(8), 2) if (pair[0] ^ pair[1]).bit_count() == 1]
    ends: Floats = corners[np.array(pairs)]
    return ends


def _draw_edges(ax: Axes, ends: Floats) -> None:
    colors = [MUTED if depth > 0 else QUIET for depth in ends[:, :, 2].mean(axis=1)]
    _draw_lines(ax, ends, colors, width=1.0, zorder=2)


def _draw_lines(ax: Axes, ends: Floats, colors: list[str], *, width: float, zorder: int) -> None:
    """Straight lines (m, 2, 3) on the screen, in one stroke."""
    collections = require("matplotlib.collections", "report")
    ax.add_collection(collections.LineCollection(ends[:, :, :2], colors=colors, linewidths=width, zorder=zorder))
