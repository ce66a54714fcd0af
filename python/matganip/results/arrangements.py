"""The arrangements of a space that were enumerated or drawn, and what writing them would cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.configurations.codec import composition_text, sites_text
from matganip.results.base import Result
from matganip.results.content import Table
from matganip.results.counts import drawn_summary, exclusion_sentences, space_summary
from matganip.results.durations import duration

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.io.estimate import OutputEstimate
    from matganip.plots.style import Place


@dataclass(frozen=True)
class Arrangements(Result):
    """Some orbits of a space.

    Attributes
    ----------
    shown : ConfigurationBatch
        The orbits to show.
    n_orbits : int
        How many these are some of: orbits of the space, of a part of it, or of the file; arrangements of the space
        where these were drawn.
    file : pathlib.Path, optional
        Where all of them are.
    """

    shown: ConfigurationBatch
    n_orbits: int
    file: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """The space, the orbits shown, and the file, as JSON values."""
        found = {**space_summary(self.shown.space, self.n_orbits), "first": self.records()}
        return found if self.file is None else {**found, "file": str(self.file)}

    def records(self) -> list[dict[str, Any]]:
        """The orbits shown as JSON values."""
        rows = zip(self.shown.occupations, self.shown.multiplicity.tolist(), strict=True)
        return [
            {
                "orbit": number,
                "multiplicity": multiplicity,
                "occupation": occupation.tolist(),
                "sites": sites_text(self.shown.space, occupation),
            }
            for number, (occupation, multiplicity) in enumerate(rows)
        ]

    def to_frame(self) -> pd.DataFrame:
        """One row for each orbit shown."""
        import pandas as pd

        return pd.DataFrame(self.records(), columns=("orbit", "multiplicity", "occupation", "sites"))

    @property
    def n_listed(self) -> int:
        """How many orbits those shown are the first of."""
        return self.n_orbits

    def tables(self) -> tuple[Table, ...]:
        """The orbits shown."""
        rows = tuple((str(one["orbit"]), f"{one['multiplicity']:,}", one["sites"]) for one in self.records())
        note = f"{len(rows):,} of {self.n_listed:,} orbits" if len(rows) < self.n_listed else ""
        title = composition_text(self.shown.space)
        return (Table(title, ("orbit", "multiplicity", "sites taken"), rows, "rrl", note),) if rows else ()

    def plot(self, ax: Place = None) -> Axes | None:
        """Draw the first arrangement shown."""
        if not len(self.shown):
            return None
        from matganip.plots.arrangements import configuration

        title = f"orbit 0, multiplicity {int(self.shown.multiplicity[0]):,}"
        return configuration(self.shown.space, self.shown.occupations[0], title=title, ax=ax)

    def sentences(self) -> tuple[str, ...]:
        """Where all orbits are."""
        where = () if self.file is None else (f"{self.n_orbits:,} orbits are in {self.file}",)
        return (*where, *exclusion_sentences(self.shown.space))


@dataclass(frozen=True)
class Sample(Arrangements):
    """A random sample of a space.

    Attributes
    ----------
    n_drawn, seed : int
        How many were drawn, and the seed.
    what : str
        What was drawn uniformly: orbits, of which `n_orbits` is the number, or arrangements.
    as_drawn : bool
        Whether the arrangements are shown as they were drawn, in place of their orbits.
    """

    n_drawn: int = 0
    seed: int = 0
    what: str = "orbits"
    as_drawn: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The space, the draw, and the first orbits drawn, as JSON values; orbits of a space are counted if drawn."""
        space, counted = self.shown.space, self.n_orbits if self.what == "orbits" else None
        summary = drawn_summary(space) if self.as_drawn else space_summary(space, counted)
        found = {**summary, "drawn": self.n_drawn, "seed": self.seed, "what": self.what, "first": self.records()}
        return found if self.file is None else {**found, "file": str(self.file)}

    @property
    def n_listed(self) -> int:
        """How many orbits those shown are the first of."""
        return self.n_drawn

    def tables(self) -> tuple[Table, ...]:
        """The orbits shown; of arrangements as they were drawn, each with thousands of sites, none."""
        return () if self.as_drawn else super().tables()

    def sentences(self) -> tuple[str, ...]:
        """How the sample was drawn, and where it is."""
        where = f"; they are in {self.file}" if self.file else ""
        space = self.shown.space
        if self.as_drawn:
            said = f"{self.n_drawn:,} arrangements drawn with seed {self.seed}, as they are: no orbits were looked for"
        elif space.countable:
            said = f"{self.n_drawn:,} {self.what} drawn from {self.n_orbits:,} {self.what} with seed {self.seed}"
        else:
            said = f"{self.n_drawn:,} {self.what} drawn with seed {self.seed} by Markov chains: nearly uniform"
        return (said + where, *exclusion_sentences(space))


@dataclass(frozen=True)
class DryRun(Result):
    """What writing the orbits of a space would cost.

    Attributes
    ----------
    file : pathlib.Path or None
        Where they would go; None where they would only be enumerated.
    estimate : OutputEstimate
        Number, size and time.
    """

    file: Path | None
    estimate: OutputEstimate

    def to_dict(self) -> dict[str, Any]:
        """File, orbits, bytes and seconds as JSON values."""
        found = self.estimate
        return {
            "file": None if self.file is None else str(self.file),
            "orbits": found.n_orbits,
            "bytes": found.size,
            "seconds": found.seconds,
        }

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import pandas as pd

        return pd.DataFrame([self.to_dict()])

    def tables(self) -> tuple[Table, ...]:
        """None: a sentence says it."""
        return ()

    def sentences(self) -> tuple[str, ...]:
        """Number, size and time."""
        from rich.filesize import decimal

        time = duration(self.estimate.seconds)
        if self.file is None:
            return (f"{self.estimate.n_orbits:,} orbits, enumerated in about {time}; name an --output for its size",)
        size = decimal(round(self.estimate.size))
        return (f"{self.file}: {self.estimate.n_orbits:,} orbits, about {size} in about {time}; nothing was written",)
