"""Spaces and arrangements in a few characters, and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace


def composition(space: ConfigurationSpace) -> str:
    """The supercell's composition, its species in the parent's order: ``Cs8 Pb8 Br3 I21``."""
    atoms = Counter(site.specie.symbol for site in space.supercell_structure)
    order = list(atoms)
    for number, (species, counts) in enumerate(zip(space.species, space.counts, strict=True)):
        host = host_of(space, number)
        atoms[host] -= sum(counts)
        for name, count in zip(species, counts, strict=True):
            atoms[name] += count
            if name not in order:
                order.insert(order.index(host), name)
    return " ".join(f"{name}{atoms[name]}" for name in order if atoms[name])


def host_of(space: ConfigurationSpace, sublattice: int) -> str:
    """The element that a sublattice has in the parent."""
    first = np.flatnonzero(space.sublattices == sublattice)[0]
    symbol: str = space.supercell_structure[int(space.site_indices[first])].specie.symbol
    return symbol


def sites_text(space: ConfigurationSpace, occupation: NDArray[np.uint8]) -> str:
    """Which sites the substituted species take: ``Br 0 1 6``; the most frequent species takes the others."""
    words = []
    for number, species in enumerate(space.species):
        sites = np.flatnonzero(space.sublattices == number)
        for code, name in enumerate(species[:-1]):
            taken = sites[occupation[sites] == code].tolist()
            words += [name, *map(str, taken)] if taken else []
    return " ".join(words)


def space_summary(space: ConfigurationSpace, n_orbits: int) -> dict[str, Any]:
    """A space as JSON values; counts are exact integers of any size."""
    return {
        "composition": composition(space),
        "sites": space.n_sites,
        "species": [list(species) for species in space.species],
        "counts": [list(counts) for counts in space.counts],
        "arrangements": space.n_configurations,
        "orbits": n_orbits,
        "site_permutations": len(space.site_permutations),
        "key": space.key,
    }


def composition_summaries(space: ConfigurationSpace) -> list[dict[str, Any]]:
    """The orbits of every composition of a space's species, as JSON values."""
    return [
        {"counts": [list(c) for c in counts], "orbits": orbits}
        for counts, orbits in space.count_orbits(all_compositions=True).items()
    ]


def orbit_summaries(batch: ConfigurationBatch) -> list[dict[str, Any]]:
    """Orbits as JSON values."""
    return [
        {
            "orbit": number,
            "multiplicity": multiplicity,
            "occupation": occupation.tolist(),
            "sites": sites_text(batch.space, occupation),
        }
        for number, (occupation, multiplicity) in enumerate(
            zip(batch.occupations, batch.multiplicity.tolist(), strict=True)
        )
    ]
