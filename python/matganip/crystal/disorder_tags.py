"""Disorder groups that a CIF states, kept with the sites of a structure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from pymatgen.core.structure import Structure

DISORDER = "disorder"
"""Site property of the disorder groups of a site's species: JSON of `DisorderTag`; empty where there is none."""


class DisorderTag(NamedTuple):
    """A species of a site in a group of an assembly (``_atom_site_disorder_group``, ``_atom_site_disorder_assembly``).

    The atoms of a group stand together, and those of another group of the same assembly instead of them. A group below
    0 is disordered about a special position: its images exclude each other. An assembly may have no name.
    """

    species: str
    label: str
    assembly: str
    group: str
    occupancy: float


def tags_text(tags: Iterable[DisorderTag]) -> str:
    """Write the groups of a site.

    >>> tags_text([])
    ''
    """
    values = [list(tag) for tag in tags]
    return json.dumps(values) if values else ""


def site_tags(structure: Structure, site: int) -> list[DisorderTag]:
    """Read the groups of a site; none where the structure has none.

    >>> from pymatgen.core import Lattice
    >>> site_tags(Structure(Lattice.cubic(4), ["Na"], [[0, 0, 0]]), 0)
    []
    """
    text = structure[site].properties.get(DISORDER)
    return [
        DisorderTag(str(one[0]), str(one[1]), str(one[2]), str(one[3]), float(one[4]))
        for one in (json.loads(text) if text else [])
    ]


def tag_colour(structure: Structure, site: int) -> str:
    """What symmetry-equivalent sites have in common of their groups: all but the labels."""
    return repr(sorted((tag.species, tag.assembly, tag.group) for tag in site_tags(structure, site)))
