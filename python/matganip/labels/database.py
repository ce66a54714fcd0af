"""The labelled database: one row for an orbit, a calculator and its settings, in ASE's SQLite database."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.configurations.codec import composition_text
from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError, damaged
from matganip.labels.calculation import Calculation, Relaxation, canonical_json, is_energy, settings_hash
from matganip.labels.labelled import Labelled
from matganip.labels.rows import ase_row, codes_of, orbit_names, row_name, space_name
from matganip.labels.sqlite import has_labels, n_rows, reading, writing
from matganip.labels.upgrade import upgrade
from matganip.results.labelling import DatabaseContents


@dataclass(frozen=True)
class LabelSet:
    """The labels of one space by one calculator with one choice of settings: what may be compared.

    Attributes
    ----------
    space : str
        The space's key, as the database has it.
    calculator : str
        Its name.
    settings_hash : str
        Of settings and relaxation.
    settings : dict
        The settings.
    relaxation : str
        What was allowed to move.
    n_rows, n_converged, n_failed : int
        All rows, those with a converged result, those without any.
    """

    space: str
    calculator: str
    settings_hash: str
    settings: dict[str, Any]
    relaxation: Relaxation
    n_rows: int
    n_converged: int
    n_failed: int


class LabelDatabase:
    """Labels in one file that ``ase db`` and plain SQL read, and that several processes may write at once.

    Parameters
    ----------
    path : path-like
        The database, ``labels.db``; made by the first `add`.
    durable : bool
        Flush each label to disk, so that a power cut loses none; not for a file that is removed anyway.

    Notes
    -----
    A row is an ``ase.db`` row. Its ``unique_id``, which that schema keeps unique, is a hash of space, orbit,
    calculator, settings and relaxation: so there is one row for each of these, whoever writes. Every `add` is a
    transaction of its own; a killed process loses what it has not yet added, nothing else.

    Examples
    --------
    >>> import tempfile
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 1}})
    >>> row = next(space.orbits()).occupations[0]
    >>> database = LabelDatabase(Path(tempfile.mkdtemp()) / "labels.db")
    >>> done = Calculation(space.structure(row), energy=-123.1, calculator="chgnet")
    >>> database.add(space, row, done), database.add(space, row, done)
    (True, False)
    >>> database.missing(space, [row], "chgnet").tolist()
    [False]
    >>> database.labelled(space).energy.tolist()
    [-123.1]
    """

    def __init__(self, path: str | os.PathLike[str], *, durable: bool = True) -> None:
        self.path, self.durable = Path(path), durable
        upgrade(self.path)

    def __repr__(self) -> str:
        return f"LabelDatabase({str(self.path)!r})"

    # -- writing -----------------------------------------------------------------------------------------------

    def add(self, space: ConfigurationSpace, occupation: ArrayLike, calculation: Calculation) -> bool:
        """Store a calculation, unless one as good is there already for this orbit, calculator and settings.

        Parameters
        ----------
        space : ConfigurationSpace
            Whose arrangement it is.
        occupation : (n_sites,) array_like of int
            Codes into ``space.species``, any member of the orbit.
        calculation : Calculation
            The result, or why there is none.

        Returns
        -------
        bool
            False if a row as good was there. A result replaces an error, and a converged result one that is not: then
            True.

        Raises
        ------
        InputError
            If the row does not fit the space, or the file cannot be written; the message says why.
        """
        batch = space.canonical(np.asarray(occupation)[np.newaxis])
        orbit = orbit_names(batch.occupations)[0]
        row = ase_row(space, orbit, int(batch.multiplicity[0]), calculation)
        with writing(self.path, self.durable) as database:
            connection = cast("sqlite3.Connection", database.connection)
            query = "SELECT id, quality FROM labels WHERE unique_id = ?"
            found = connection.execute(query, (row["unique_id"],)).fetchone()
            if found is not None and found[1] >= calculation.quality:
                return False
            connection.execute(
                "INSERT OR IGNORE INTO spaces VALUES (?, ?)", (space_name(space), json.dumps(space.metadata()))
            )
            database.write(row, row.key_value_pairs, id=found and found[0])
        return True

    # -- reading -----------------------------------------------------------------------------------------------

    def missing(
        self,
        space: ConfigurationSpace,
        occupations: ArrayLike,
        calculator: str,
        settings: Mapping[str, Any] | None = None,
        relaxation: Relaxation = "static",
        *,
        retry: bool = False,
    ) -> NDArray[np.bool_]:
        """Which arrangements have no label yet.

        Parameters
        ----------
        space : ConfigurationSpace
            Their space.
        occupations : (n, n_sites) array_like of int
            Codes, any members of the orbits.
        calculator, settings, relaxation
            Whose labels; as in `Calculation`.
        retry : bool
            Count a result that is not converged as missing too. One that failed with an error always is.

        Returns
        -------
        (n,) bool

        Raises
        ------
        InputError
            If a row does not fit the space, or the file cannot be read.
        """
        rows = space.canonical(occupations).occupations
        tag = settings_hash(settings or {}, relaxation)
        names = [row_name(space_name(space), orbit, calculator, tag) for orbit in orbit_names(rows)]
        if not self.path.exists():
            return np.ones(len(names), dtype=bool)
        query = "SELECT unique_id, quality FROM labels WHERE unique_id IN (SELECT value FROM json_each(?))"
        with reading(self.path) as connection:
            quality = dict(connection.execute(query, (json.dumps(names),))) if has_labels(connection) else {}
        return np.array([quality.get(name, -1) < (2 if retry else 1) for name in names], dtype=bool)

    def sets(self, space: ConfigurationSpace | None = None) -> list[LabelSet]:
        """What the database holds: for each space, calculator and settings the number of rows.

        Parameters
        ----------
        space : ConfigurationSpace, optional
            Only its labels.

        Returns
        -------
        list of LabelSet

        Raises
        ------
        InputError
            If there is no such file, or, where no space is asked for, it holds structures that other programs wrote
            and no label.
        """
        if not self.path.exists():
            raise InputError(f"{self.path}: no such database")
        query = """SELECT space, calculator, settings_hash, settings, relaxation, COUNT(*), SUM(quality = 2),
            SUM(quality = 0) FROM labels WHERE ?1 IS NULL OR space = ?1
            GROUP BY space, calculator, settings_hash ORDER BY MIN(id)"""
        key = None if space is None else space_name(space)
        distinct = "SELECT DISTINCT settings, settings_hash, relaxation FROM labels"
        with reading(self.path) as connection:
            rows = connection.execute(query, (key,)).fetchall() if has_labels(connection) else []
            stored = connection.execute(distinct).fetchall() if rows else []
            foreign = 0 if rows or space is not None else n_rows(connection)
        if foreign:
            raise InputError(
                f"{self.path}: holds {foreign} structures, but no label of an orbit; matganip labels import FILE "
                "PARENT -s ... -x ... -d labels.db finds their orbits, and matganip train PARENT --labels FILE learns "
                "from them as they are"
            )
        _check_texts(self.path, "space, calculator or hash", (text for row in rows for text in row[:3]))
        for settings, tag, relaxation in stored:
            self._check(settings, tag, relaxation)
        return [
            LabelSet(space, calculator, tag, json.loads(settings or "{}"), *rest)
            for space, calculator, tag, settings, *rest in rows
        ]

    def _check(self, settings: str | None, tag: str, relaxation: Relaxation) -> None:
        """Stored settings must be those that their hash is of: labels with edited ones compare with nothing."""
        with damaged(f"{self.path}: the settings {tag}"):
            found = settings_hash(json.loads(settings or "{}"), relaxation)
            if found != tag:
                raise InputError(
                    f"{self.path}: the settings stored as {tag} were edited, their hash is {found}; restore the file, "
                    "or import its labels into another one with these settings"
                )

    def spaces(self) -> dict[str, ConfigurationSpace]:
        """The spaces whose arrangements have labels, by their keys as the database has them, the oldest first.

        Returns
        -------
        dict of str to ConfigurationSpace

        Raises
        ------
        InputError
            If there is no such file, or it cannot be read.
        """
        keys = list(dict.fromkeys(one.space for one in self.sets()))
        with reading(self.path) as connection:
            definitions = dict(connection.execute("SELECT space, definition FROM spaces")) if keys else {}
        found = {}
        for key in keys:
            with damaged(f"{self.path}: the definition of the space {key}"):
                found[key] = ConfigurationSpace.from_metadata(json.loads(definitions[key]))
        return found

    def labelled(
        self,
        space: ConfigurationSpace,
        calculator: str | None = None,
        settings: Mapping[str, Any] | str | None = None,
        relaxation: Relaxation | None = None,
        *,
        unconverged: bool = False,
    ) -> Labelled:
        """The labels of a space: what a model is trained on.

        Parameters
        ----------
        space : ConfigurationSpace
            Whose orbits.
        calculator, settings, relaxation
            Whose labels; settings also by their hash. May be left out where the database leaves no choice.
        unconverged : bool
            Take results that are not converged too.

        Returns
        -------
        Labelled
            In ascending order of the representatives, each orbit once.

        Raises
        ------
        InputError
            If there are no such labels, or labels of several calculators or settings to choose from: only one's are
            comparable. The message lists them.
        """
        chosen = self._one_set(space, calculator, settings, relaxation)
        query = """SELECT orbit, multiplicity, energy FROM labels
            WHERE space = ? AND calculator = ? AND settings_hash = ? AND quality >= ? ORDER BY orbit"""
        key = (space_name(space), chosen.calculator, chosen.settings_hash)
        with reading(self.path) as connection:
            rows = connection.execute(query, (*key, 1 if unconverged else 2)).fetchall()
        if not rows:
            raise InputError(
                f"{self.path}: none of the {chosen.n_rows} labels of {space!r} by {chosen.calculator} is converged"
            )
        orbits, multiplicity, energy = zip(*rows, strict=True)
        energies = self._energies(orbits, energy)
        with damaged(f"{self.path}: the labels of {space!r}"):
            batch = space.canonical(np.array([codes_of(orbit) for orbit in orbits]))
            if list(multiplicity) != batch.multiplicity.tolist():
                raise ValueError("a multiplicity is not that of its orbit")
        order = np.lexsort(batch.occupations.T[::-1])
        return Labelled(
            occupations=np.ascontiguousarray(batch.occupations[order]),
            multiplicity=batch.multiplicity[order],
            energy=energies[order],
            calculator=f"{chosen.calculator} {chosen.settings_hash}",
            n_atoms=space.n_atoms,
            n_elsewhere=sum(one.n_rows for one in self.sets() if one.space != key[0]),
        )

    def contents(self) -> DatabaseContents:
        """A table of what the database holds, and the orbits that failed."""
        spaces = self.spaces()
        return DatabaseContents(
            self.path,
            tuple({**asdict(one), "composition": composition_text(spaces[one.space])} for one in self.sets()),
            tuple(
                {"space": key, "orbit": orbit, "calculator": calculator, "error": error}
                for key, space in spaces.items()
                for orbit, calculator, error in self.failures(space)
            ),
        )

    def energies(
        self, calculator: str, settings_hash: str, space: ConfigurationSpace | None = None
    ) -> list[tuple[str, float]]:
        """Orbit and energy of each converged row of one kind, of one space or of whatever space."""
        query = """SELECT orbit, energy FROM labels WHERE calculator = ?1 AND settings_hash = ?2 AND quality = 2
            AND (?3 IS NULL OR space = ?3) ORDER BY id"""
        key = None if space is None else space_name(space)
        with reading(self.path) as connection:
            rows = connection.execute(query, (calculator, settings_hash, key)).fetchall()
        orbits, energy = zip(*rows, strict=True) if rows else ((), ())
        return list(zip(orbits, self._energies(orbits, energy).tolist(), strict=True))

    def _energies(self, orbits: Sequence[str], energy: Sequence[Any]) -> NDArray[np.float64]:
        """Stored energies (n,); whoever edited them may have left none."""
        _check_texts(self.path, "orbit", orbits)
        with damaged(f"{self.path}: an energy"):
            found = np.array(energy, dtype=np.float64)
        if len(bad := np.flatnonzero(~is_energy(found))):
            raise InputError(
                f"{self.path}: {orbits[bad[0]]} has no finite energy of at most 1e12 eV: {energy[bad[0]]!r}"
            )
        return found

    def failures(self, space: ConfigurationSpace) -> Iterator[tuple[str, str, str]]:
        """Rows without a result: orbit, calculator and the error."""
        query = "SELECT orbit, calculator, error FROM labels WHERE space = ? AND error IS NOT NULL ORDER BY id"
        with reading(self.path) as connection:
            yield from connection.execute(query, (space_name(space),)).fetchall()

    def _one_set(
        self,
        space: ConfigurationSpace,
        calculator: str | None,
        settings: Mapping[str, Any] | str | None,
        relaxation: Relaxation | None,
    ) -> LabelSet:
        """The one set of labels that is meant."""
        of_space = self.sets(space)

        def fits(one: LabelSet) -> bool:
            given = one.settings_hash if isinstance(settings, str) else canonical_json(one.settings)
            wanted = settings if settings is None or isinstance(settings, str) else canonical_json(settings)
            return (
                (calculator is None or one.calculator == calculator)
                and (wanted is None or given == wanted)
                and (relaxation is None or one.relaxation == relaxation)
            )

        found = [one for one in of_space if fits(one)]
        if len(found) == 1:
            return found[0]
        listed = "; ".join(
            f"{one.calculator} {one.settings_hash} ({one.relaxation}, {one.n_rows} rows)" for one in found or of_space
        )
        if found:
            raise InputError(f"{self.path}: several labels of {space!r} to choose from, name one: {listed}")
        if not of_space:
            self.sets()  # names a file that holds none at all
        there = f"it has {listed}" if listed else "it has none of this space"
        raise InputError(f"{self.path}: no such labels of {space!r}; {there}")


def _check_texts(path: Path, what: str, values: Iterable[Any]) -> None:
    """Whoever edits a database may leave nothing, or a number, where a text was."""
    if any(not isinstance(value, str) for value in values):
        raise InputError(f"{path}: damaged: a label's {what} is no text")
