"""From the [diffraction] of a study to the graphs that a network reads, and what to call their vertices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from matganip.errors import InputError
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.screening.ranking import GraphRepresentation

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.settings import DiffractionSettings


def representation(section: DiffractionSettings, space: ConfigurationSpace) -> GraphRepresentation:
    """Make the representation of a space's arrangements that a study asks for.

    Parameters
    ----------
    section : DiffractionSettings
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
    >>> from matganip.features.settings import DiffractionSettings
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> section = DiffractionSettings(cutoff=9.0, triplets=True, n_peaks=30)
    >>> represent = representation(section, space)
    >>> represent(space.sample_orbits(4).occupations).shape, vertex_names(represent)[:2], vertex_names(represent)[8]
    ((4, 30, 30), ['0.00 Å', '4.45 Å'], '0.00 4.45 4.45 Å')
    """
    if section.cutoff is None:
        diffraction = LatticeDiffraction(
            space, section.radiation, section.two_theta_range, resolution=section.resolution
        )
    else:
        diffraction = LatticeDiffraction(
            space, section.radiation, domain="patterson", cutoff=section.cutoff, order=3 if section.triplets else 2
        )
    n_vertices = diffraction.n_peaks + diffraction.n_triplets
    if diffraction.n_triplets and n_vertices > section.n_peaks:
        raise InputError(
            f"n_peaks: a cutoff of {section.cutoff:g} angstrom gives {diffraction.n_peaks} pairs and "
            f"{diffraction.n_triplets} triplets; set n_peaks = {n_vertices}, or take a shorter cutoff"
        )
    return GraphRepresentation(diffraction, section.n_peaks, section.scaling)


def vertex_names(represent: GraphRepresentation) -> list[str]:
    """What to call the vertices of the graph: hkl and angle, or distances; ``empty`` beyond the last peak.

    A resolved peak is followed by the columns of the basis sites that it speaks of; a triplet has three distances, or
    the numbers of three peaks.
    """
    names = _all_names(represent)[: represent.n_peaks]
    return names + ["empty"] * (represent.n_peaks - len(names))


def _all_names(represent: GraphRepresentation) -> list[str]:
    """Names of all peaks, then of all triplets."""
    peaks = represent.diffraction.peaks(np.zeros((1, represent.diffraction.space.n_sites), dtype=np.uint8))
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
