"""From occupations to the diffraction graphs that a network reads, and what to call their vertices."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.features.graph.matrix import graph_matrix
from matganip.features.lattice.diffraction import LatticeDiffraction

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.peaks import Peaks
    from matganip.features.settings import DiffractionSettings

logger = logging.getLogger(__name__)

PADDED = 28
"""Vertices, the paper's, up to which a graph of fewer peaks is padded with zeros."""


@dataclass(frozen=True)
class GraphRepresentation:
    """Graphs of the arrangements of a space: peaks, then the matrix of the first ones.

    Parameters
    ----------
    diffraction : LatticeDiffraction
        The diffractometer of one space.
    n_peaks : int
        Vertices of the graph.
    scaling : {"unit", "paper"}
        Of the graph matrix.

    Notes
    -----
    Triplets, where the diffractometer makes them, are vertices after the peaks.
    """

    diffraction: LatticeDiffraction
    n_peaks: int
    scaling: Any = "unit"

    @property
    def space(self) -> ConfigurationSpace:
        """The space of the arrangements."""
        return self.diffraction.space

    @cached_property
    def vertices(self) -> Peaks:
        """The vertices of the graph, of no arrangement: where they stand and what they are called."""
        found = self.columns
        return found.select(min(self.n_peaks, found.intensity.shape[1]))

    @property
    def columns(self) -> Peaks:
        """The peaks of one arrangement, for what all have in common: where they stand."""
        return self.peaks(self._nothing)

    @property
    def _nothing(self) -> NDArray[np.uint8]:
        return np.zeros((1, self.space.n_sites), dtype=np.uint8)

    @property
    def positions(self) -> tuple[float, ...]:
        """Position t_i of each vertex as the matrices hold it, 0 where there is none."""
        from matganip.learning.saliency import Vertices

        return tuple(Vertices.of(self.columns, self.n_peaks, self.scaling).position.tolist())

    @property
    def vertex_positions(self) -> tuple[float, ...]:
        """Where the vertices stand, in degrees or (Patterson) angstrom; fewer than `n_peaks` where padded."""
        return tuple(np.round(self.columns.position[: self.n_peaks], 6).tolist())

    def peaks(self, occupations: NDArray[np.uint8]) -> Peaks:
        """The vertices, and the peaks beyond them, of occupations (n, n_sites) uint8."""
        found = self.diffraction.peaks(occupations)
        return found if found.triplets is None else found.triplets_as_vertices()

    def features(self, occupations: NDArray[np.uint8], num_threads: int | None = None) -> NDArray[np.float64]:
        """Intensities (n, p) float64 of the vertices, triplets behind peaks; p may be less than `n_peaks`."""
        if self.diffraction.n_triplets:
            found = self.diffraction.peaks(occupations, num_threads).triplets_as_vertices().intensity
            return np.ascontiguousarray(found[:, : self.n_peaks])
        intensity: NDArray[np.float64] = self.diffraction.peaks(
            occupations, num_threads, n_peaks=min(self.n_peaks, self.diffraction.n_peaks)
        ).intensity
        return intensity

    def matrices(self, features: NDArray[np.float64], num_threads: int | None = None) -> NDArray[np.float32]:
        """Graph matrices (n, n_peaks, n_peaks) float32, from `features`."""
        peaks = replace(self.vertices, intensity=features)
        return graph_matrix(peaks, self.n_peaks, scaling=self.scaling, num_threads=num_threads)

    def __call__(self, occupations: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Matrices (n, n_peaks, n_peaks) float32 of occupations (n, n_sites) uint8."""
        return graph_matrix(self.peaks(occupations), n_peaks=self.n_peaks, scaling=self.scaling)

    @property
    def vertex_names(self) -> list[str]:
        """What to call the vertices: hkl and angle, or distances; ``empty`` beyond the last peak.

        A resolved peak is followed by the columns of the basis sites that it speaks of; a triplet has three distances,
        or the numbers of three peaks.
        """
        names = _all_names(self.diffraction.peaks(self._nothing))[: self.n_peaks]
        return names + ["empty"] * (self.n_peaks - len(names))


def representation(settings: DiffractionSettings, space: ConfigurationSpace) -> GraphRepresentation:
    """Make the representation of a space's arrangements that settings ask for.

    Parameters
    ----------
    settings : DiffractionSettings
        Radiation, range, resolution, cutoff, triplets, number of vertices and scaling.
    space : ConfigurationSpace
        The arrangements.

    Returns
    -------
    GraphRepresentation

    Raises
    ------
    InputError
        If the radiation is unknown, no peak lies in the range, or peaks and triplets are more than the vertices.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> represent = representation(mg.DiffractionSettings(cutoff=9.0, triplets=True, n_peaks=30), space)
    >>> represent(space.sample_orbits(4).occupations).shape, represent.vertex_names[:2], represent.vertex_names[8]
    ((4, 30, 30), ['0.00 Å', '4.45 Å'], '0.00 4.45 4.45 Å')
    """
    order = 3 if settings.triplets else 2
    if settings.classes == "parent":
        diffraction = LatticeDiffraction(
            space, domain="clusters", cutoff=settings.cutoff, shared=(settings.longest_triplet,)
        )
        return GraphRepresentation(diffraction, max(4, diffraction.n_peaks), settings.scaling)
    if settings.resolution == "clusters":
        diffraction = LatticeDiffraction(space, domain="clusters", cutoff=settings.cutoff, order=order)  # type: ignore[arg-type]
        return GraphRepresentation(diffraction, max(4, diffraction.n_peaks), settings.scaling)
    if settings.cutoff is None:
        diffraction = LatticeDiffraction(
            space, settings.radiation, settings.two_theta_range, resolution=settings.resolution
        )
    else:
        diffraction = LatticeDiffraction(
            space,
            settings.radiation,
            domain="patterson",
            cutoff=settings.cutoff,
            order=order,  # type: ignore[arg-type]
        )
    n_vertices = diffraction.n_peaks + diffraction.n_triplets
    if diffraction.n_triplets and n_vertices > settings.n_peaks:
        raise InputError(
            f"n_peaks: a cutoff of {settings.cutoff:g} angstrom gives {diffraction.n_peaks} pairs and "
            f"{diffraction.n_triplets} triplets; set n_peaks = {n_vertices}, or take a shorter cutoff"
        )
    return GraphRepresentation(diffraction, settings.n_peaks, settings.scaling)


def representation_to_train(
    settings: DiffractionSettings, space: ConfigurationSpace
) -> tuple[GraphRepresentation, DiffractionSettings]:
    """The representation of a space's arrangements with no more vertices than there are, and settings that say so.

    A graph of 999 vertices of which 52 are peaks is no better than one of 52, and takes hundreds of times its memory.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> representation_to_train(mg.DiffractionSettings(n_peaks=999), space)[1].n_peaks
    112
    """
    represent = representation(settings, space)
    there = max(PADDED, represent.diffraction.n_peaks + represent.diffraction.n_triplets)
    if represent.n_peaks > there:
        logger.warning("n_peaks = %d: there are %d vertices, which are all taken", represent.n_peaks, there)
        represent = replace(represent, n_peaks=there)
        settings = settings.model_copy(update={"n_peaks": there})
    return represent, settings


def _all_names(peaks: Peaks) -> list[str]:
    """Names of all peaks, then of all triplets."""
    if peaks.labels is not None:
        return list(peaks.labels)
    corners = [] if peaks.triplet_vertices is None else peaks.triplet_vertices.tolist()
    if peaks.distance is not None:
        triples = (" ".join(f"{peaks.distance[k]:.2f}" for k in three) for three in corners)
        return [f"{distance:.2f} Å" for distance in peaks.distance] + [f"{text} Å" for text in triples]
    names = []
    for number, families in enumerate(peaks.hkls):
        hkl = "".join(map(str, families[0]["hkl"])) if families else "?"
        pair = "" if peaks.site_pairs is None else " " + "-".join(map(str, dict.fromkeys(peaks.site_pairs[number])))
        names.append(f"{hkl}{pair} {peaks.two_theta[number]:.1f}°")
    return names + ["peaks " + " ".join(map(str, three)) for three in corners]
