"""Labelled tables: computed properties of arrangements, and their join with a configuration space."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet
from pymatgen.core.structure import Structure

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.codec import occupation_from_sites, occupations_from_digits
from matganip.configurations.composition import element_of
from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.structures import read_structure
from matganip.errors import InputError, first_line
from matganip.labels.calculation import is_energy
from matganip.labels.database import LabelDatabase
from matganip.labels.labelled import Labelled
from matganip.markup import facts_html

REFERENCE = "supercell.vasp"
"""Name of the undoped supercell beside a table whose rows are given as substitutions."""

SAME_ENERGY = 1e-6
"""eV within which two energies of one orbit agree."""

_SHIPPED = files("matganip.labels") / "data"


@dataclass(frozen=True)
class LabelTable:
    """Rows of a labelled table as they stand in the file.

    Attributes
    ----------
    name : str
        The shipped name or the path.
    calculator : str
        What computed the labels: one calculator and its settings for the whole table.
    energy : (n,) float64
        Total energies of the supercell in eV.
    arrangements : sequence of str
        For each row either the codes of the sites (column ``occupation``: one digit for each column of the space) or
        the replaced atoms of `reference` (column ``substitutions``: ``"Br:16 17;Sn:8"``).
    multiplicity : (n,) int64 or None
        Sizes of the orbits, where the table gives them: then the join checks them.
    reference : Structure or None
        The undoped supercell that substitutions refer to.
    path : Path or None
        The file that was read.
    """

    name: str
    calculator: str
    energy: NDArray[np.float64]
    arrangements: Sequence[str]
    multiplicity: NDArray[np.int64] | None = None
    reference: Structure | None = field(default=None, repr=False)
    path: Path | None = None

    def __len__(self) -> int:
        return len(self.energy)

    def _repr_html_(self) -> str:
        facts = {"calculator": self.calculator, "arrangements": len(self)}
        if len(self):
            facts["energies, eV"] = f"{self.energy.min():.4f} to {self.energy.max():.4f}"
        return facts_html(f"Labels {self.name}", facts)

    def join(self, space: ConfigurationSpace) -> Labelled:
        """Find the orbit of each row in a space.

        Rows of another composition are left out and counted. Two rows on one orbit must agree.

        Parameters
        ----------
        space : ConfigurationSpace
            The space whose orbits are labelled.

        Returns
        -------
        Labelled
            In ascending order of the representatives, each orbit once.

        Raises
        ------
        InputError
            Names the row that does not fit, or two rows that contradict each other.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
        >>> labelled = mg.read_labels("cspbi3_br/gpaw_mp2").join(space)
        >>> len(labelled), int(labelled.multiplicity.sum()), labelled.n_elsewhere
        (19, 2024, 9)
        """
        rows, orbits = self.orbits_of(space)
        if not len(rows):
            raise InputError(f"{self.name}: none of its {len(self)} rows has the composition of {space!r}")
        _, first, inverse = np.unique(orbits.occupations, axis=0, return_index=True, return_inverse=True)
        difference = np.abs(self.energy[rows] - self.energy[rows[first[inverse]]])
        if difference.max() > SAME_ENERGY:
            i = int(difference.argmax())
            raise InputError(
                f"{self.name}: rows {rows[first[inverse[i]]]} and {rows[i]} are the same orbit, their energies "
                f"differ by {difference[i]:.3g} eV"
            )
        return Labelled(
            occupations=np.ascontiguousarray(orbits.occupations[first]),
            multiplicity=orbits.multiplicity[first],
            energy=self.energy[rows[first]],
            calculator=self.calculator,
            n_atoms=space.n_atoms,
            n_elsewhere=len(self) - len(rows),
        )

    def orbits_of(self, space: ConfigurationSpace) -> tuple[NDArray[np.int64], ConfigurationBatch]:
        """Find the rows that have a space's composition, and their orbits.

        Raises
        ------
        InputError
            Names the row that fits no supercell of the space, or whose multiplicity is not its orbit's.
        """
        rows, codes = self.rows_of(space)
        orbits = space.canonical(codes)
        if self.multiplicity is not None:
            wrong = np.flatnonzero(self.multiplicity[rows] != orbits.multiplicity)
            if len(wrong):
                row = rows[wrong[0]]
                raise InputError(
                    f"{self.name}: row {row} says multiplicity {self.multiplicity[row]}, its orbit has "
                    f"{orbits.multiplicity[wrong[0]]}; is the parent or the supercell another one?"
                )
        return rows, orbits

    def rows_of(self, space: ConfigurationSpace) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Find the rows that have a space's composition.

        Parameters
        ----------
        space : ConfigurationSpace
            The space.

        Returns
        -------
        rows : (n,) int64
            Their numbers.
        occupations : (n, n_sites) uint8
            Their codes as they stand, not the representatives'.

        Raises
        ------
        InputError
            Names the row that fits no supercell of the space.
        """
        columns = None if self.reference is None else _columns_of_atoms(space, self.reference, self.name)
        if columns is None:
            codes = occupations_from_digits(self.arrangements, space.n_sites, f"{self.name}: row {{}}")
        else:
            codes = np.stack(
                [
                    occupation_from_sites(
                        space, text, f"{self.name}: row {row}", columns=columns, others=space.host_codes
                    )
                    for row, text in enumerate(self.arrangements)
                ]
            )
        fits = np.ones(len(codes), dtype=bool)
        for sublattice, counts in enumerate(space.counts):
            of_sublattice = codes[:, space.sublattices == sublattice]
            for code, count in enumerate(counts):
                fits &= (of_sublattice == code).sum(axis=1) == count
        return np.flatnonzero(fits), np.ascontiguousarray(codes[fits])


@dataclass(frozen=True)
class DatabaseTable(LabelTable):
    """The labels of one calculator and one choice of settings in a database, of whatever spaces.

    Attributes
    ----------
    settings_hash : str
        Of settings and relaxation.
    """

    settings_hash: str = ""

    def join(self, space: ConfigurationSpace) -> Labelled:
        """Take the labels of a space out of the database, see `LabelDatabase.labelled`."""
        return LabelDatabase(self.name).labelled(space, settings=self.settings_hash)


def read_labels(source: str | os.PathLike[str], *, calculator: str | None = None) -> LabelTable:
    """Read a labelled table: a shipped one by name, or a CSV or Parquet file.

    A table has the columns ``calculator``, ``energy_eV`` (total energy of the supercell) and one of ``occupation``
    (the codes of the sites, as ``orbits.parquet`` writes them) or ``substitutions`` (``"Br:16 17;Sn:8"``: which atoms,
    numbered from 0, of the undoped supercell in the file ``supercell.vasp`` beside the table are replaced).
    ``multiplicity`` is optional and checked. A database of `matganip label`, ``.db``, is read too if it holds labels of
    one calculator and one choice of settings; what is not converged is left out.

    Parameters
    ----------
    source : str or path
        ``"cspbi3_br/gpaw_mp2"``, see `shipped_tables`, or a path.
    calculator : str, optional
        What computed the labels, of a table without that column.

    Returns
    -------
    LabelTable

    Raises
    ------
    InputError
        Names the file, and the column or row that is wrong.

    Examples
    --------
    >>> read_labels("cspbi3_br/chgnet_X6of24").calculator
    'CHGNet 0.3.0 (chgnet 0.4.2)'
    """
    if not isinstance(source, str | os.PathLike):
        raise InputError(f"labels: a file, the name of a shipped table or a LabelTable, not {type(source).__name__}")
    name = os.fspath(source)
    if name in shipped_tables():
        path = Path(str(_SHIPPED / f"{name}.csv"))
    else:
        path = Path(source)
        if not path.is_file():
            raise InputError(
                f"{name}: no such labels file, and no shipped table; those are {', '.join(shipped_tables())}"
            )
    if path.suffix == ".db":
        return _from_database(path)
    table = raw_table(path, calculator)
    return LabelTable(
        name=name,
        calculator=_one_calculator(table, path),
        energy=_energies(table, path),
        arrangements=_arrangements(table, path),
        multiplicity=_multiplicities(table, path),
        reference=None if "occupation" in table.column_names else _reference(path),
        path=path,
    )


def shipped_tables() -> list[str]:
    """Names of the labelled tables that come with the package; a README beside them says how each was made.

    Returns
    -------
    list of str

    Examples
    --------
    >>> "cspbi3_br/gpaw_mp2" in shipped_tables()
    True
    """
    return sorted(
        f"{folder.name}/{entry.name.removesuffix('.csv')}"
        for folder in _SHIPPED.iterdir()
        for entry in folder.iterdir()
        if entry.name.endswith(".csv")
    )


def _from_database(path: Path) -> DatabaseTable:
    database = LabelDatabase(path)
    kinds = sorted({(one.calculator, one.settings_hash) for one in database.sets()})
    if len(kinds) != 1:
        there = " and ".join(" ".join(kind) for kind in kinds) or "none"
        raise InputError(f"{path}: labels of one calculator and one choice of settings are needed, it has {there}")
    rows = database.energies(*kinds[0])
    return DatabaseTable(
        name=str(path),
        calculator=" ".join(kinds[0]),
        energy=np.array([energy for _, energy in rows], dtype=np.float64),
        arrangements=[orbit[1:] for orbit, _ in rows],
        path=path,
        settings_hash=kinds[0][1],
    )


def raw_table(path: Path, calculator: str | None = None) -> pa.Table:
    """Read a file as it stands; an `InputError` names it if it is no table of labels.

    Where it has no column ``calculator``, it gets one that says what is given.
    """
    text = {name: pa.string() for name in ("calculator", "calculator_name", "occupation", "substitutions", "settings")}
    try:
        if path.suffix == ".parquet":
            table = parquet.read_table(path)
        else:
            table = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=text))
        table.validate(full=True)  # texts that are no UTF-8, lists whose ends lie before their beginnings
        names = table.column_names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: does not read as a table: {first_line(error)}") from error
    if calculator is not None and "calculator" not in names:
        table = table.append_column("calculator", pa.array([calculator] * table.num_rows))
        names = table.column_names
    missing = [name for name in ("calculator", "energy_eV") if name not in names]
    if not {"occupation", "substitutions"} & set(names):
        missing.append("occupation or substitutions")
    if missing:
        hint = "; read_labels(..., calculator=) names what computed them" if missing == ["calculator"] else ""
        raise InputError(
            f"{path}: lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; it has {', '.join(names)}{hint}"
        )
    if table.num_rows == 0:
        raise InputError(f"{path}: has no rows")
    return table


def _one_calculator(table: pa.Table, path: Path) -> str:
    names = sorted({str(name) for name in table["calculator"].to_pylist()})
    if len(names) > 1:
        raise InputError(f"{path}: mixes labels of {' and '.join(names)}; only one calculator's are comparable")
    if "relaxation" not in table.column_names:
        return names[0]
    moved = sorted({str(kind) for kind in table["relaxation"].to_pylist()})
    if len(moved) > 1:
        raise InputError(f"{path}: mixes labels whose relaxation is {' and '.join(moved)}; only one kind is comparable")
    return names[0] if moved == ["static"] else f"{names[0]}, {moved[0]} relaxed"


def _energies(table: pa.Table, path: Path) -> NDArray[np.float64]:
    try:
        energy = np.asarray(table["energy_eV"].cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: column energy_eV: {str(error).splitlines()[0]}") from error
    bad = np.flatnonzero(~is_energy(energy))
    if len(bad):
        raise InputError(f"{path}: row {bad[0]} has no finite energy_eV of at most 1e12")
    return energy


def _arrangements(table: pa.Table, path: Path) -> list[str]:
    column = "occupation" if "occupation" in table.column_names else "substitutions"
    rows = [None if value is None else str(value) for value in table[column].to_pylist()]
    if None in rows:
        raise InputError(f"{path}: row {rows.index(None)} has no {column}")
    return [row for row in rows if row is not None]


def _multiplicities(table: pa.Table, path: Path) -> NDArray[np.int64] | None:
    if "multiplicity" not in table.column_names:
        return None
    try:
        return np.asarray(table["multiplicity"].cast(pa.int64()).to_numpy(), dtype=np.int64)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: column multiplicity: {str(error).splitlines()[0]}") from error


def _reference(path: Path) -> Structure:
    reference = path.parent / REFERENCE
    if not reference.is_file():
        raise InputError(
            f"{path}: its column substitutions refers to the undoped supercell {reference}, which is missing"
        )
    return read_structure(reference)


def _columns_of_atoms(space: ConfigurationSpace, reference: Structure, name: str) -> dict[int, int]:
    """Which column of the space each substitutable atom of the reference is; the host atoms must be in place."""
    frame = space.supercell_structure
    if len(reference) != len(frame) or not np.allclose(reference.lattice.matrix, frame.lattice.matrix, atol=0.1):
        raise InputError(
            f"{name}: its supercell ({len(reference)} atoms, lattice {np.round(reference.lattice.abc, 3).tolist()}) is "
            f"not the space's ({len(frame)} atoms, {np.round(frame.lattice.abc, 3).tolist()})"
        )
    distances = frame.lattice.get_all_distances(reference.frac_coords, frame.frac_coords)
    nearest = distances.argmin(axis=1)
    for atom, site in enumerate(nearest):
        if distances[atom, site] > 0.5 or element_of(reference, atom) != element_of(frame, site):
            raise InputError(
                f"{name}: atom {atom} ({element_of(reference, atom)}) of its supercell sits on no "
                f"{element_of(reference, atom)} site of the space"
            )
    column_of_site = {int(site): column for column, site in enumerate(space.site_indices)}
    return {atom: column_of_site[int(s)] for atom, s in enumerate(nearest) if int(s) in column_of_site}
