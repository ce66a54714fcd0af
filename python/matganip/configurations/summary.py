"""Spaces and arrangements in a few characters, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matganip.configurations.codec import composition_text, sites_text

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace


def space_summary(space: ConfigurationSpace, n_orbits: int) -> dict[str, Any]:
    """A space as JSON values; counts are exact integers of any size."""
    return {
        "composition": composition_text(space),
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
