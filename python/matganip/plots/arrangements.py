"""Small pictures of arrangements: the supercell seen from a corner, substituted atoms in colour, vacancies as rings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.configurations.composition import VACANCY
from matganip.crystal.structures import read_structure
from matganip.errors import InputError, require
from matganip.plots.style import BEST, GRID, INK, LABEL, MUTED, axes_or_new, house_style, panels_or_new, root_figure

if TYPE_CHECKING:
    import os

    from ase import Atoms
    from matplotlib.axes import Axes
    from pymatgen.core.structure import Structure

    from matganip.configurations.space import ConfigurationSpace
    from matganip.plots.style import Place

Floats = NDArray[np.float64]

QUIET = "#a3aebc"
LOUD = (BEST, LABEL, "#4338ca", "#0369a1")


@dataclass(frozen=True, eq=False)
class Drawing:
    """The atoms of a cell as they are drawn: those on a face, edge or corner once more on the opposite ones.

    Attributes
    ----------
    species : (n,) array of str
        Elements; ``"vac"`` is an empty site.
    position : (n, 3) float64 ndarray
        Cartesian, in angstrom.
    bonds : (m, 2, 3) float64 ndarray
        Ends of the shortest contacts between atoms (B-X in a perovskite).
    edges : (12, 2, 3) float64 ndarray
        Ends of the edges of the cell.
    dopants : tuple of str
        What is drawn in colour, in the order of the colours.
    """

    species: NDArray[np.str_]
    position: Floats
    bonds: Floats
    edges: Floats
    dopants: tuple[str, ...]

    @classmethod
    def of(cls, what: Structure | Atoms | str | os.PathLike[str], dopants: Sequence[str]) -> Self:
        """Take a structure, or a file of one; it has no vacancies to draw."""
        structure = read_structure(what)
        species = [site.specie.symbol for site in structure]
        return cls._of(species, structure.frac_coords, np.asarray(structure.lattice.matrix), tuple(dopants))

    @classmethod
    def of_configuration(cls, space: ConfigurationSpace, occupation: ArrayLike) -> Self:
        """Take an arrangement of a space, its vacant sites included."""
        row = np.asarray(occupation, dtype=np.uint8)
        if row.shape != (space.n_sites,):
            raise InputError(f"an occupation of this space has shape ({space.n_sites},), not {row.shape}")
        frame = space.supercell_structure
        species = [site.specie.symbol for site in frame]
        for site, sublattice, code in zip(space.site_indices, space.sublattices, row, strict=True):
            species[site] = space.species[sublattice][code]
        return cls._of(species, frame.frac_coords, np.asarray(frame.lattice.matrix), dopants_of(space))

    @classmethod
    def _of(cls, species: list[str], fractional: Floats, matrix: Floats, dopants: tuple[str, ...]) -> Self:
        inside = np.mod(fractional, 1.0)
        inside[np.isclose(inside, 1.0, atol=1e-4)] = 0.0
        names, places = [], []
        for name, base in zip(species, inside, strict=True):
            for shift in itertools.product(*((0, 1) if abs(x) < 1e-4 else (0,) for x in base)):
                names.append(name)
                places.append(base + shift)
        all_names, position = np.array(names), np.array(places) @ matrix
        atoms = position[all_names != VACANCY]
        return cls(all_names, position, atoms[_bonded(atoms)], _EDGES @ matrix, dopants)

    def color(self, name: str) -> str:
        """Return the colour of a species: grey for the host, dark for the ring of a vacancy."""
        if name == VACANCY:
            return INK
        return LOUD[self.dopants.index(name) % len(LOUD)] if name in self.dopants else QUIET


def size_of(element: str) -> float:
    """Diameter of an atom of the host in points, by its covalent radius; light elements stay visible.

    >>> size_of("Cs") > size_of("O") >= 4.0
    True
    """
    from ase.data import atomic_numbers, covalent_radii

    return max(4.0, 3.2 * float(covalent_radii[atomic_numbers.get(element, 0)]))


def dopants_of(space: ConfigurationSpace) -> tuple[str, ...]:
    """Return the elements to draw in colour: all of a sublattice but its host."""
    names = (
        name
        for sublattice, species in zip(space.sublattice_table, space.species, strict=True)
        for name in species
        if name not in (sublattice.host, VACANCY)
    )
    return tuple(dict.fromkeys(names))


def arrangement(
    structure: Structure | Atoms | str | os.PathLike[str],
    dopants: Sequence[str],
    *,
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw a structure in parallel projection, its dopants large and in colour, the host in grey.

    Parameters
    ----------
    structure : pymatgen Structure, ASE Atoms or path
        The substituted supercell.
    dopants : sequence of str
        Elements to draw in colour, in order; all else is grey.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
    """
    return _draw(Drawing.of(structure, dopants), title, ax)


def configuration(space: ConfigurationSpace, occupation: ArrayLike, *, title: str = "", ax: Place = None) -> Axes:
    """Draw one arrangement of a space: substituted atoms large and in colour, vacancies as dashed rings.

    Parameters
    ----------
    space : ConfigurationSpace
    occupation : (n_sites,) uint8 array
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the occupation has another length than the space has sites.
    """
    return _draw(Drawing.of_configuration(space, occupation), title, ax)


def configurations(
    space: ConfigurationSpace, occupations: ArrayLike, titles: Sequence[str], *, axes: Any = None
) -> NDArray[Any]:
    """Draw several arrangements beside each other, as `configuration` does.

    Parameters
    ----------
    space : ConfigurationSpace
    occupations : (n, n_sites) uint8 array
    titles : sequence of n str
        Headings.
    axes : (n,) array of Axes, or Figure, optional
        Where to draw; a new figure by default.

    Returns
    -------
    (n,) ndarray of Axes
    """
    rows = np.asarray(occupations)
    panels = panels_or_new(axes, len(rows), 2.6 * len(rows), 3.0)
    for row, title, ax in zip(rows, titles, panels, strict=True):
        configuration(space, row, title=title, ax=ax)
    if len(rows) and (axes is None or hasattr(axes, "subplots")):  # a figure of its own has room for a legend
        _name_species(panels[0], Drawing.of_configuration(space, rows[0]))
    return panels


@house_style()
def _name_species(ax: Axes, drawing: Drawing) -> None:
    """Say below the panels what the colours stand for, the dopants first."""
    lines = require("matplotlib.lines", "report")
    present = list(dict.fromkeys(drawing.species.tolist()))
    names = [name for name in (*drawing.dopants, VACANCY) if name in present]
    host = [name for name in present if name not in names]
    marks = [
        lines.Line2D([], [], ls="", marker="o", ms=8, color=drawing.color(name), label=name)
        if name != VACANCY
        else lines.Line2D([], [], ls="", marker="o", ms=8, mfc="none", mec=INK, label="vacancy")
        for name in names
    ]
    marks += [lines.Line2D([], [], ls="", marker="o", ms=5, color=QUIET, label=", ".join(host))] if host else []
    root_figure(ax).legend(handles=marks, loc="outside lower center", ncols=len(marks))


@house_style()
def _draw(drawing: Drawing, title: str, ax: Place) -> Axes:
    ax = axes_or_new(ax, 3.2, 3.4)
    view, centre = _view(), drawing.edges.mean(axis=(0, 1))
    on_screen = (drawing.position - centre) @ view.T  # (n, 3): right, up, towards the eye
    edges, bonds = ((ends - centre) @ view.T for ends in (drawing.edges, drawing.bonds))
    _draw_lines(ax, edges, [MUTED if depth > 0 else QUIET for depth in edges[:, :, 2].mean(axis=1)], 1.0, zorder=2)
    _draw_lines(ax, bonds, [GRID], 1.6, zorder=1)
    back_to_front = np.argsort(on_screen[:, 2], kind="stable")
    depth = on_screen[back_to_front, 2]
    near = (depth - depth[0]) / max(float(depth[-1] - depth[0]), 1e-9)
    empty = drawing.species[back_to_front] == VACANCY
    _draw_atoms(ax, drawing, back_to_front[~empty], on_screen, near[~empty])
    _draw_vacancies(ax, on_screen[back_to_front[empty]], near[empty])
    ax.set_aspect("equal")
    ax.axis("off")
    ax.set_title(title, loc="center", fontsize=9)
    return ax


def _draw_atoms(ax: Axes, drawing: Drawing, rows: NDArray[np.intp], on_screen: Floats, near: Floats) -> None:
    """Far atoms first; near ones are larger and less transparent."""
    names = drawing.species[rows]
    loud = np.isin(names, drawing.dopants)
    ax.scatter(
        on_screen[rows, 0],
        on_screen[rows, 1],
        s=np.where(loud, 95.0, np.square([size_of(name) for name in names])) * (0.75 + 0.5 * near),
        c=[drawing.color(name) for name in names],
        alpha=np.where(loud, 0.55 + 0.45 * near, 0.35 + 0.5 * near),  # type: ignore[arg-type]
        edgecolors="white",
        linewidths=0.7,
        zorder=3,
    )


def _draw_vacancies(ax: Axes, on_screen: Floats, near: Floats) -> None:
    if len(on_screen):
        ax.scatter(
            on_screen[:, 0], on_screen[:, 1], s=80.0 * (0.75 + 0.5 * near), facecolors="none", edgecolors=INK,
            linewidths=1.1, linestyles=[(0, (2, 1.4))], zorder=4, label="vacancy",
        )  # fmt: skip


def _draw_lines(ax: Axes, ends: Floats, colors: list[str], width: float, *, zorder: int) -> None:
    """Straight lines (m, 2, 3) on the screen, in one stroke."""
    collections = require("matplotlib.collections", "report")
    ax.add_collection(collections.LineCollection(ends[:, :, :2], colors=colors, linewidths=width, zorder=zorder))


def _view() -> Floats:
    """Rows: right, up and towards the eye, for an eye above the front-right edge of the cell."""
    eye = np.array([2.6, 1.1, 0.85])
    eye /= np.linalg.norm(eye)
    right = np.cross([0.0, 0.0, 1.0], eye)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(eye, right), eye])


def _bonded(position: Floats) -> NDArray[np.int64]:
    """Pairs of atoms, (m, 2), that are hardly farther apart than the nearest two of positions (n, 3)."""
    distance = np.linalg.norm(position[:, None] - position[None], axis=-1)
    apart = distance[distance > 0.1]
    bonded = np.triu(distance < 1.1 * np.min(apart, initial=np.inf), k=1) & bool(len(apart))
    pairs: NDArray[np.int64] = np.argwhere(bonded)
    return pairs


def _edges() -> Floats:
    """The twelve edges of the unit cube, (12, 2, 3): pairs of corners that differ in one index."""
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
    pairs = [pair for pair in itertools.combinations(range(8), 2) if (pair[0] ^ pair[1]).bit_count() == 1]
    ends: Floats = corners[np.array(pairs)]
    return ends


_EDGES = _edges()
