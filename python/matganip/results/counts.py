"""How many arrangements spaces have, and how many up to symmetry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.configurations.charges import is_neutral
from matganip.configurations.codec import composition_text
from matganip.configurations.disorder_groups import group_exclusions
from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd

    from matganip.configurations.space import ConfigurationSpace

COLUMNS = ("", "composition", "sites", "arrangements", "orbits", "site permutations")


def drawn_summary(space: ConfigurationSpace) -> dict[str, Any]:
    """What is known of a space without its symmetry, in a few JSON values."""
    return {
        "composition": composition_text(space),
        "supercell": space.supercell_matrix.tolist(),
        "sites": space.n_sites,
        "species": [list(species) for species in space.species],
        "counts": [list(counts) for counts in space.counts],
    }


def space_summary(space: ConfigurationSpace, n_orbits: int | None) -> dict[str, Any]:
    """A space in a few JSON values; counts are exact integers of any size, null where they were not asked for."""
    return {
        **drawn_summary(space),
        "arrangements": space.n_configurations,
        "orbits": n_orbits,
        "site_permutations": len(space.site_permutations),
        "key": space.key,
    }


def exclusion_sentences(space: ConfigurationSpace) -> tuple[str, ...]:
    """What may not stand together in a space, if anything; a sentence that says by which distances."""
    if not len(space.exclusions):
        return ()
    said = "; ".join(_kept_apart(space))
    if not space.countable:
        said += "; they tie too many sites together to count orbits without listing them all"
    return (said,)


def _kept_apart(space: ConfigurationSpace) -> Iterator[str]:
    by_groups = len(np.unique(group_exclusions(space), axis=0))
    by_distance = len(space.exclusions) - by_groups
    if by_groups:
        yield f"Kept apart by the disorder groups of the file: {by_groups:,} pairs of species on two sites"
    if by_distance > 0:
        kept = "".join(f", {one}-{two} {d:g}" for (one, two), d in space.min_distance.items())
        more = "more " if by_groups else ""
        yield f"Too close to stand together: {by_distance:,} {more}pairs, below {space.site_tolerance:g} angstrom{kept}"


@dataclass(frozen=True)
class SpaceCount(Result):
    """The size of one space.

    Attributes
    ----------
    name : str
        What it is called in the table.
    space : ConfigurationSpace
        The space.
    oxidation_states : dict, optional
        By species, where charge neutrality was asked for.
    all_compositions : bool
        Count every composition of the same species as well, or with oxidation states every neutral one.
    own_composition : bool
        Whether the space's own composition is asked for; without, there are only its species.
    """

    name: str
    space: ConfigurationSpace
    oxidation_states: Mapping[str, float] | None = None
    all_compositions: bool = False
    own_composition: bool = True

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON values; counts are exact integers of any size, null where no composition is asked for."""
        summary = space_summary(self.space, self.space.count_orbits())
        if not self.own_composition:
            summary.update(dict.fromkeys(("composition", "counts", "arrangements", "orbits", "key")))
        if self.oxidation_states:
            summary["oxidation_states"] = dict(self.oxidation_states)
        if self.space.file_sublattices and self.own_composition:
            summary["occupancies"] = [
                {
                    "labels": list(mixed.labels),
                    "sites": list(mixed.sites),
                    "species": [
                        {"species": one.text, "file": mixed.shares.get(one, 0.0), "atoms": number}
                        for one, number in counts.items()
                    ],
                }
                for mixed, counts in self.space.occupancies
            ]
        if self.all_compositions:
            summary["all_compositions"] = [
                {"counts": [list(c) for c in counts], "orbits": orbits}
                for counts, orbits in self.every_composition().items()
            ]
        return summary

    def every_composition(self) -> dict[tuple[tuple[int, ...], ...], int]:
        """Orbits of every composition of the space's species; with oxidation states of the neutral ones."""
        every = self.space.count_orbits(all_compositions=True)
        if self.oxidation_states is None:
            return every
        states = self.oxidation_states
        return {c: orbits for c, orbits in every.items() if is_neutral(self.space, states, c)}

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        return Counts((self,)).to_frame()

    def tables(self) -> tuple[Table, ...]:
        """The size of the space, and that of every composition if asked for."""
        return Counts((self,)).tables()

    def row(self) -> tuple[str, ...]:
        """The cells of the table."""
        space = self.space
        numbers = (space.n_sites, space.n_configurations, space.count_orbits(), len(space.site_permutations))
        return (self.name, composition_text(space), *(f"{number:,}" for number in numbers))

    def composition_table(self) -> Table:
        """How many orbits every composition of the space's species has."""
        names = tuple(name for species in self.space.species for name in species)
        rows = tuple(
            (*(str(n) for of_sublattice in counts for n in of_sublattice), f"{orbits:,}")
            for counts, orbits in self.every_composition().items()
        )
        title = "Every composition" if self.oxidation_states is None else "Every neutral composition"
        return Table(title, (*names, "orbits"), rows, "r" * (len(names) + 1))

    def occupancy_table(self) -> Table:
        """The partial occupancies of the file beside the composition of the space."""
        rows = []
        for mixed, counts in self.space.occupancies:
            n_sites = sum(counts.values())
            name = "/".join(mixed.labels) or f"site {mixed.sites[0]}"
            for one, number in counts.items():
                rows.append(
                    (name, one.text, f"{mixed.shares.get(one, 0.0):g}", f"{number / n_sites:.4g}", f"{number:,}")
                )
                name = ""
        return Table("Occupancies", ("", "species", "in the file", "here", "atoms"), tuple(rows), "llrrr")


@dataclass(frozen=True)
class Counts(Result):
    """The sizes of several spaces, in one table.

    Attributes
    ----------
    parts : tuple of SpaceCount
        One for each.

    Examples
    --------
    >>> import matganip as mg
    >>> series = mg.CompositionSeries(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": range(4)}})
    >>> print(Counts.of(series, "CsPbI3"))
               composition       sites   arrangements   orbits   site permutations
      ────────────────────────────────────────────────────────────────────────────
      CsPbI3   Cs8 Pb8 I24          24              1        1                 384
      CsPbI3   Cs8 Pb8 Br1 I23      24             24        1                 384
      CsPbI3   Cs8 Pb8 Br2 I22      24            276        7                 384
      CsPbI3   Cs8 Pb8 Br3 I21      24          2,024       19                 384
    <BLANKLINE>
      4 compositions, 28 orbits in all
    """

    parts: tuple[SpaceCount, ...]

    @classmethod
    def of(
        cls,
        spaces: Iterable[ConfigurationSpace],
        name: str = "",
        *,
        oxidation_states: Mapping[str, float] | None = None,
        all_compositions: bool = False,
        own_composition: bool = True,
    ) -> Counts:
        """Count the arrangements and orbits of spaces, a `CompositionSeries` for instance.

        Parameters
        ----------
        spaces : iterable of ConfigurationSpace
            The spaces.
        name : str
            What they are called in the table.
        oxidation_states, all_compositions, own_composition
            As in `SpaceCount`.

        Returns
        -------
        Counts
        """
        return cls(
            tuple(SpaceCount(name, space, oxidation_states, all_compositions, own_composition) for space in spaces)
        )

    def to_dict(self) -> dict[str, Any]:
        """Each space by its counts, and the sum."""
        return {"spaces": [part.to_dict() for part in self.parts], "orbits": self.n_orbits}

    @property
    def n_orbits(self) -> int:
        """Orbits of all spaces together: the exact integer."""
        return sum(part.space.count_orbits() for part in self.parts)

    def to_frame(self) -> pd.DataFrame:
        """One row for each space; counts as Python integers."""
        import pandas as pd

        keys = ("composition", "sites", "arrangements", "orbits", "site_permutations", "key")
        documents = [space_summary(part.space, part.space.count_orbits()) for part in self.parts]
        return pd.DataFrame({key: pd.Series([one[key] for one in documents], dtype=object) for key in keys})

    def tables(self) -> tuple[Table, ...]:
        """All spaces in one table, the occupancies of a file of one, and every composition if asked for."""
        own = tuple(part.row() for part in self.parts if part.own_composition)
        found = [Table("", COLUMNS, own, "llrrrr")] if own else []
        if len(own) == 1 and self.parts[0].space.occupancies:
            found.append(self.parts[0].occupancy_table())
        return (*found, *(part.composition_table() for part in self.parts[:1] if part.all_compositions))

    def sentences(self) -> tuple[str, ...]:
        """The sum, and the oxidation states."""
        said = []
        if len(self.parts) > 1:
            said.append(f"{len(self.parts)} compositions, {self.n_orbits:,} orbits in all")
        states = self.parts[0].oxidation_states if self.parts else None
        if states:
            told = ", ".join(f"{name} {state:+g}" for name, state in states.items())
            said.append(f"Oxidation states, given or guessed: {told}")
        if self.parts:
            said += exclusion_sentences(self.parts[0].space)
        return tuple(said)
