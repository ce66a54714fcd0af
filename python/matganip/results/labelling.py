"""Results about labels: what a labelling computed, what it would cost, what a database holds, what was exchanged."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.configurations.codec import occupation_texts
from matganip.errors import InputError
from matganip.results.base import Result
from matganip.results.content import Table
from matganip.results.durations import duration

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.labels.labelled import Labelled
    from matganip.plots.style import Place


@dataclass
class Tally:
    """What came of the orbits of one composition.

    Attributes
    ----------
    n_orbits : int
        Orbits asked for.
    n_there : int
        Of these, labelled before.
    n_stored, n_unconverged, n_failed : int
        Computed now and stored, of these not converged, and of these without a result.
    n_elsewhere : int
        Labelled meanwhile by another process.
    seconds : float
        Wall time from the first of them to the last.
    errors : dict of str to int
        What the failures say, and how often.
    """

    n_orbits: int
    n_there: int
    n_stored: int = 0
    n_unconverged: int = 0
    n_failed: int = 0
    n_elsewhere: int = 0
    seconds: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def n_missing(self) -> int:
        """How many were to be computed."""
        return self.n_orbits - self.n_there

    @property
    def n_done(self) -> int:
        """How many of these are settled."""
        return self.n_stored + self.n_elsewhere

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {
            "orbits": self.n_orbits,
            "labelled_before": self.n_there,
            "labelled_now": self.n_stored - self.n_failed,
            "labelled_elsewhere": self.n_elsewhere,
            "not_converged": self.n_unconverged,
            "failed": self.n_failed,
            "seconds": self.seconds,
            "errors": self.errors,
        }


@dataclass(frozen=True, eq=False)
class LabelledComposition:
    """One composition of a labelling.

    Attributes
    ----------
    composition : str
        Of the supercell, ``"Cs8 Pb8 Br3 I21"``.
    tally : Tally
        What came of its orbits.
    labelled : Labelled or None
        All converged labels of it; None if there are none.
    """

    composition: str
    tally: Tally
    labelled: Labelled | None

    def to_dict(self) -> dict[str, Any]:
        """Composition and numbers as JSON values."""
        return {"composition": self.composition, **self.tally.to_dict()}


@dataclass(frozen=True, eq=False)
class LabellingResult(Result):
    """What `matganip.label` computed, and all labels of its orbits.

    Attributes
    ----------
    calculator : str
        What computed, with its version and what matters of its settings.
    relaxation : {"static", "positions", "cell"}
        What was allowed to move.
    settings_hash : str
        Name of settings and relaxation: labels of one calculator and one hash compare.
    compositions : tuple of LabelledComposition
        One for each composition, in the order asked for.
    database : Path or None
        Where the labels are; None if they were kept in memory.
    """

    calculator: str
    relaxation: str
    settings_hash: str
    compositions: tuple[LabelledComposition, ...]
    database: Path | None = None

    @property
    def labels(self) -> Labelled:
        """The converged labels, where one composition was labelled.

        Raises
        ------
        InputError
            If several were, or no label is converged.
        """
        if len(self.compositions) > 1:
            raise InputError("labels: of several compositions; take those of one from `compositions`")
        if self.compositions[0].labelled is None:
            raise InputError(f"labels: none of {self.compositions[0].composition} is converged")
        return self.compositions[0].labelled

    @property
    def errors(self) -> dict[str, int]:
        """What the failures say, and how often."""
        found: dict[str, int] = {}
        for one in self.compositions:
            for error, times in one.tally.errors.items():
                found[error] = found.get(error, 0) + times
        return found

    def plot(self, ax: Place = None) -> Axes | None:
        """Draw the distribution of the converged labels of the first composition that has two or more."""
        from matganip.plots.energies import energy_histogram

        for one in self.compositions:
            if one.labelled is not None and len(one.labelled) > 1:
                above = (one.labelled.per_atom - one.labelled.per_atom.min()) * 1000.0
                title = f"{one.composition}, {len(above):,} labels"
                return energy_histogram(above, one.labelled.multiplicity, title=title, ax=ax)
        return None

    def to_dict(self) -> dict[str, Any]:
        """The numbers of the composition; of several, a list of them."""
        documents = [one.to_dict() for one in self.compositions]
        return documents[0] if len(documents) == 1 else {"compositions": documents}

    def to_frame(self) -> pd.DataFrame:
        """One row for each converged label: composition, occupation, multiplicity, energies."""
        import pandas as pd

        parts = [
            pd.DataFrame(
                {
                    "composition": one.composition,
                    "occupation": occupation_texts(one.labelled.occupations),
                    "multiplicity": one.labelled.multiplicity,
                    "energy_eV": one.labelled.energy,
                    "energy_eV_per_atom": one.labelled.per_atom,
                }
            )
            for one in self.compositions
            if one.labelled is not None
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def tables(self) -> tuple[Table, ...]:
        """Numbers of labels by composition."""
        documents = [one.to_dict() for one in self.compositions]
        columns = {
            "orbits": "orbits",
            "there": "labelled_before",
            "now": "labelled_now",
            "elsewhere": "labelled_elsewhere",
            "unconverged": "not_converged",
            "failed": "failed",
        }
        if not any(one["labelled_elsewhere"] for one in documents):
            del columns["elsewhere"]
        rows = tuple(
            (one["composition"], *(f"{one[key]:,}" for key in columns.values()), duration(one["seconds"]))
            for one in documents
        )
        title = f"{self.calculator}, {self.relaxation}"
        return (Table(title, ("composition", *columns, "time"), rows, "w" + "r" * (len(columns) + 1)),)

    def sentences(self) -> tuple[str, ...]:
        """Where the labels are."""
        return () if self.database is None else (f"Labels are in {self.database}",)


@dataclass(frozen=True, eq=False)
class LabellingEstimate(Result):
    """What a labelling has still to compute, and how long that takes by the first orbit of each composition.

    Attributes
    ----------
    compositions : tuple of dict
        ``composition``, ``orbits``, ``missing``, ``seconds_an_orbit`` on one core, and ``seconds`` in all.
    n_workers : int
        Processes that `seconds` is for.
    """

    compositions: tuple[dict[str, Any], ...]
    n_workers: int

    def to_dict(self) -> dict[str, Any]:
        """The numbers of the composition; of several, a list of them."""
        return self.compositions[0] if len(self.compositions) == 1 else {"compositions": list(self.compositions)}

    def to_frame(self) -> pd.DataFrame:
        """One row for each composition."""
        import pandas as pd

        return pd.DataFrame(self.compositions)

    def tables(self) -> tuple[Table, ...]:
        """None: sentences say it all."""
        return ()

    def sentences(self) -> tuple[str, ...]:
        """How many orbits are missing, and what they cost."""
        lines = []
        for one in self.compositions:
            cost = f", {duration(one['seconds_an_orbit'])} each, about {duration(one['seconds'])} in all"
            missing = f"{one['missing']:,} of {one['orbits']:,} orbits are missing"
            lines.append(f"{one['composition']}: {missing}{cost if one['missing'] else ''}")
        if len(lines) > 1:
            n_missing = sum(one["missing"] for one in self.compositions)
            seconds = sum(one["seconds"] for one in self.compositions)
            lines.append(f"Together: {n_missing:,} orbits are missing, about {duration(seconds)}")
        return (*lines, f"Timed on the first of them, for {max(1, self.n_workers)} processes; nothing was stored.")


@dataclass(frozen=True, eq=False)
class DatabaseContents(Result):
    """What a labelled database holds.

    Attributes
    ----------
    database : Path
        The file.
    sets : tuple of dict
        For each composition, calculator and settings: the numbers of rows, as `LabelSet` has them.
    failures : tuple of dict
        Rows without a result: ``space``, ``orbit``, ``calculator``, ``error``.
    """

    database: Path
    sets: tuple[dict[str, Any], ...]
    failures: tuple[dict[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """Sets and failures as JSON values."""
        return {"sets": list(self.sets), "failures": list(self.failures)}

    def to_frame(self) -> pd.DataFrame:
        """One row for each set of labels."""
        import pandas as pd

        return pd.DataFrame(self.sets)

    def tables(self) -> tuple[Table, ...]:
        """Numbers of rows by composition, calculator and settings."""
        rows = tuple(
            (
                *(str(one[key]) for key in ("composition", "calculator", "settings_hash", "relaxation")),
                f"{one['n_rows']:,}",
                f"{one['n_rows'] - one['n_converged'] - one['n_failed']:,}",
                f"{one['n_failed']:,}",
            )
            for one in self.sets
        )
        columns = ("composition", "calculator", "settings", "relaxation", "rows", "unconverged", "failed")
        return (Table(str(self.database), columns, rows, "wwllrrr"),)


class _Counted(Result):
    """A result that is a few numbers and a sentence."""

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}  # type: ignore[call-overload]

    def to_frame(self) -> pd.DataFrame:
        """The numbers as one row."""
        import pandas as pd

        return pd.DataFrame([self.to_dict()])

    def tables(self) -> tuple[Table, ...]:
        """None: a sentence says it all."""
        return ()


@dataclass(frozen=True)
class TableExport(_Counted):
    """A table that was written: where, and how many labels are in it."""

    table: Path
    n_rows: int

    def sentences(self) -> tuple[str, ...]:
        """Where how many labels are."""
        return (f"{self.n_rows:,} labels are in {self.table}",)


@dataclass(frozen=True)
class TableImport(_Counted):
    """A table that was read into a database.

    Attributes
    ----------
    table : str
        Its path, or the name of a shipped one.
    database : Path
        Where the labels went.
    n_rows, n_fitting, n_added : int
        Rows of the table, those of a composition that was asked for, and those of them that are new.
    """

    table: str
    database: Path
    n_rows: int
    n_fitting: int
    n_added: int

    def sentences(self) -> tuple[str, ...]:
        """How many were added, and what came of the others."""
        return (
            f"{self.n_added:,} of the {self.n_rows:,} rows of {self.table} were added to {self.database}; "
            f"{self.n_fitting - self.n_added:,} were there, {self.n_rows - self.n_fitting:,} are of other compositions",
        )


@dataclass(frozen=True)
class Rescue(_Counted):
    """A damaged database that was copied: the new file, labels copied, and rows that could not be read."""

    target: Path
    n_rescued: int
    n_lost: int

    def sentences(self) -> tuple[str, ...]:
        """How many labels are in the new database."""
        return (f"{self.n_rescued:,} labels are in {self.target}, {self.n_lost:,} could not be read",)


@dataclass(frozen=True, eq=False)
class JoinedStructures(Result):
    """The orbits of structures from elsewhere.

    Attributes
    ----------
    joined : tuple of dict
        ``file``, ``composition``, ``occupation``, ``multiplicity``, ``displacement``, the distance in angstrom of the
        atom farthest from its site, and ``energy``, the total energy in eV that came with it, or None.
    refused : tuple of str
        Why the others belong to no orbit; each names its file.
    """

    joined: tuple[dict[str, Any], ...]
    refused: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Both lists as JSON values."""
        return {"joined": list(self.joined), "refused": list(self.refused)}

    def to_frame(self) -> pd.DataFrame:
        """One row for each structure that was joined."""
        import pandas as pd

        return pd.DataFrame(self.joined)

    def tables(self) -> tuple[Table, ...]:
        """The orbit of each structure."""
        rows: tuple[tuple[str, ...], ...] = tuple(
            (
                *(str(one[key]) for key in ("file", "composition", "occupation")),
                f"{one['multiplicity']:,}",
                f"{one['displacement']:.3f}",
                "" if one["energy"] is None else f"{one['energy']:.4f}",
            )
            for one in self.joined
        )
        columns: tuple[str, ...] = (
            "file", "composition", "orbit", "multiplicity", "farthest atom, Å", "energy, eV"
        )  # fmt: skip
        if all(one["energy"] is None for one in self.joined):
            columns, rows = columns[:-1], tuple(row[:-1] for row in rows)
        return (Table("", columns, rows, "wwlrrr"[: len(columns)]),) if rows else ()
