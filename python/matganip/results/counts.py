"""How many arrangements spaces have, and how many up to symmetry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matganip.configurations.codec import composition_text
from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd

    from matganip.configurations.space import ConfigurationSpace

COLUMNS = ("", "composition", "sites", "arrangements", "orbits", "site permutations")


def space_summary(space: ConfigurationSpace, n_orbits: int) -> dict[str, Any]:
    """A space in a few JSON values; counts are exact integers of any size."""
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
        Count every composition of the same species as well.
    """

    name: str
    space: ConfigurationSpace
    oxidation_states: Mapping[str, float] | None = None
    all_compositions: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON values; counts are exact integers of any size."""
        summary = space_summary(self.space, self.space.count_orbits())
        if self.oxidation_states:
            summary["oxidation_states"] = dict(self.oxidation_states)
        if self.all_compositions:
            summary["all_compositions"] = [
                {"counts": [list(c) for c in counts], "orbits": orbits}
                for counts, orbits in self.space.count_orbits(all_compositions=True).items()
            ]
        return summary

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
            for counts, orbits in self.space.count_orbits(all_compositions=True).items()
        )
        return Table("Every composition", (*names, "orbits"), rows, "r" * (len(names) + 1))


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
    ) -> Counts:
        """Count the arrangements and orbits of spaces, a `CompositionSeries` for instance.

        Parameters
        ----------
        spaces : iterable of ConfigurationSpace
            The spaces.
        name : str
            What they are called in the table.
        oxidation_states, all_compositions
            As in `SpaceCount`.

        Returns
        -------
        Counts
        """
        return cls(tuple(SpaceCount(name, space, oxidation_states, all_compositions) for space in spaces))

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
        """All spaces in one table, and every composition if asked for."""
        table = Table("", COLUMNS, tuple(part.row() for part in self.parts), "llrrrr")
        return (table, *(part.composition_table() for part in self.parts[:1] if part.all_compositions))

    def sentences(self) -> tuple[str, ...]:
        """The sum, and the oxidation states."""
        said = []
        if len(self.parts) > 1:
            said.append(f"{len(self.parts)} compositions, {self.n_orbits:,} orbits in all")
        states = self.parts[0].oxidation_states if self.parts else None
        if states:
            told = ", ".join(f"{name} {state:+g}" for name, state in states.items())
            said.append(f"Oxidation states, given or guessed: {told}")
        return tuple(said)
