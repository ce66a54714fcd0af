"""Perovskites among the structure files of a folder: an export of ICSD or COD, or your own."""

from __future__ import annotations

import os
from pathlib import Path

from matganip.crystal.datasets.reading import Entry, read_table
from matganip.crystal.datasets.table import PerovskiteTable
from matganip.crystal.structures import read_structure
from matganip.errors import InputError


def abx3_from_folder(
    folder: str | os.PathLike[str], *, pattern: str = "*.cif", disordered: bool = False
) -> PerovskiteTable:
    """Read the perovskites among the structure files of a folder and those below it.

    Rules, in this order:

    1. "does not read": what pymatgen cannot parse.
    2. "holds hydrogen": X-rays hardly see it, and hydrides, hydroxides and molecules are not made of spherical ions.
    3. "partial occupancies", unless ``disordered`` is true; then a site counts with the mean radius of what is on it.
    4. "no neutral ABX3": by `identify_perovskite`; a vacancy-ordered A2BX6 counts as one.
    5. "no perovskite framework": by `perovskite_sites`, octahedra that share corners only.
    6. "sites contradict radii": a nonmetal on A, or a smaller mean radius (effective, VI) on A than on B: carbonates,
       nitrates and chlorates of the same topology, and entries whose A and B were exchanged.
    7. "duplicate": of the files with the same formula and space group the first in order of names stays.

    Parameters
    ----------
    folder : path-like
    pattern : str, default ``"*.cif"``
        Which files; a file with several blocks gives its first structure.
    disordered : bool, default False
        Whether partial occupancies are taken.

    Returns
    -------
    PerovskiteTable
        Named by path below the folder, in order of names.

    Raises
    ------
    InputError
        If there is no such folder, or no such file in it.

    Examples
    --------
    >>> import tempfile
    >>> import matganip as mg
    >>> folder = tempfile.mkdtemp()
    >>> _ = mg.perovskite("SrTiO3", a=3.905).to(f"{folder}/strontium titanate.cif")
    >>> table = mg.datasets.abx3_from_folder(folder)
    >>> table.formulas, float(table.lattice_constant[0].round(3))
    (('SrTiO3',), 3.905)
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"{root}: is not a folder")
    files = sorted(path for path in root.rglob(pattern) if path.is_file())
    if not files:
        raise InputError(f"{root}: holds no file {pattern}")
    return read_table(
        (Entry(str(path.relative_to(root)), lambda path=path: read_structure(path)) for path in files),  # type: ignore[misc]
        disordered,
    )
