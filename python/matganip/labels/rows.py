"""A label as a row of ASE's database: its names, its key-value pairs."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.codec import occupation_texts, occupations_from_digits
from matganip.labels.calculation import Calculation, canonical_json

if TYPE_CHECKING:
    from ase.db.row import AtomsRow

    from matganip.configurations.space import ConfigurationSpace


def space_name(space: ConfigurationSpace) -> str:
    """The space's key behind a letter: ASE stores no text that looks like a number.

    Examples
    --------
    >>> import matganip as mg
    >>> space_name(mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}}))[0]
    's'
    """
    return f"s{space.key}"


def orbit_names(occupations: NDArray[np.uint8]) -> list[str]:
    """Canonical occupations (n, n_sites) as text, one digit a site as in the column ``occupation``, behind a letter.

    Examples
    --------
    >>> orbit_names(np.array([[0, 0, 1]], dtype=np.uint8))
    ['o001']
    """
    return [f"o{text}" for text in occupation_texts(occupations)]


def codes_of(orbit: str) -> NDArray[np.uint8]:
    """Codes (n_sites,) of an orbit's name.

    Examples
    --------
    >>> codes_of("o02b").tolist()
    [0, 2, 11]
    """
    codes: NDArray[np.uint8] = occupations_from_digits([orbit[1:]], len(orbit) - 1)[0]
    return codes


def row_name(space: str, orbit: str, calculator: str, settings: str) -> str:
    """The ``unique_id`` of a row: 32 hexadecimal digits of a SHA-256, as long as ASE's own."""
    return hashlib.sha256("\n".join((space, orbit, calculator, settings)).encode()).hexdigest()[:32]


def ase_row(space: ConfigurationSpace, orbit: str, multiplicity: int, calculation: Calculation) -> AtomsRow:
    """A calculation as a row of ASE's database.

    Parameters
    ----------
    space : ConfigurationSpace
        Whose arrangement it is.
    orbit : str
        See `orbit_names`.
    multiplicity : int
        Size of the orbit.
    calculation : Calculation
        The result.

    Returns
    -------
    ase.db.row.AtomsRow
    """
    from ase.db.core import now
    from ase.db.row import AtomsRow
    from pymatgen.io.ase import AseAtomsAdaptor

    atoms = AseAtomsAdaptor.get_atoms(calculation.structure, msonable=False)
    pairs: dict[str, Any] = {
        "space": space_name(space),
        "orbit": orbit,
        "multiplicity": multiplicity,
        "settings_hash": calculation.settings_hash,
        "relaxation": calculation.relaxation,
        "relaxed": calculation.relaxation != "static",
        "converged": calculation.converged,
        "n_steps": calculation.n_steps,
        "wall_s": float(calculation.wall_s),
    }
    row: dict[str, Any] = {
        "unique_id": row_name(space_name(space), orbit, calculation.calculator, calculation.settings_hash),
        "ctime": now(),  # type: ignore[no-untyped-call]
        "user": os.getenv("USER"),
        "numbers": atoms.numbers,
        "positions": atoms.positions,
        "cell": np.array(atoms.cell),
        "pbc": atoms.pbc,
        "calculator": calculation.calculator,
        "calculator_parameters": json.loads(canonical_json(calculation.settings)),
    }
    if calculation.energy is not None:
        row["energy"] = float(calculation.energy)
    if calculation.forces is not None:
        row["forces"] = np.asarray(calculation.forces, dtype=np.float64)
    if calculation.error is not None:
        pairs["error"] = f"error: {' '.join(calculation.error.split())}"
    return AtomsRow({**row, "key_value_pairs": pairs})  # type: ignore[no-untyped-call]
