"""Arrangements as files: Parquet, extended XYZ, CIF and POSCAR, in folders and archives, batch by batch."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.io.parquet import parquet_writer
from matganip.errors import InputError
from matganip.files import atomic_folder, atomic_path
from matganip.progress import ProgressOption, reporting

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace

Values = Mapping[str, Sequence[float] | Sequence[int] | Sequence[str] | NDArray[np.float64]]
"""Further values of each arrangement of a batch, by the name of their column; a Parquet file takes numbers."""
Put = Callable[["ConfigurationBatch", list[int], Values], None]
"""Writes a batch whose orbits have these numbers."""
AddFile = Callable[[str, str], None]
"""Adds a file of this name and text to a folder or an archive."""

FORMATS = ("parquet", "extxyz", "cif", "poscar")
INDEX = "index.csv"
"""Name of the file beside CIF and POSCAR files that lists them with their multiplicities."""

_FORMAT_OF_SUFFIX = {".parquet": "parquet", ".xyz": "extxyz", ".extxyz": "extxyz"}

ARCHIVES = {
    ".zip": "zip",
    ".tar": "",
    ".tar.gz": "gz",
    ".tgz": "gz",
    ".tar.bz2": "bz2",
    ".tbz2": "bz2",
    ".tar.xz": "xz",
    ".txz": "xz",
}
"""Endings of archives, and how they are compressed."""


class BatchWriter:
    """Writes batch after batch; made by `open_writer`.

    Parameters
    ----------
    put : callable
        Writes one batch.
    first : int
        Number of the first orbit.
    """

    def __init__(self, put: Put, first: int) -> None:
        self._put = put
        self._first = first
        self.n_written = 0
        """Arrangements written so far."""

    def write(
        self, batch: ConfigurationBatch, *, orbits: Sequence[int] | None = None, values: Values | None = None
    ) -> None:
        """Write a batch; the numbering of the orbits continues.

        Parameters
        ----------
        batch : ConfigurationBatch
            Orbits.
        orbits : sequence of int, optional
            Their numbers, where they are not the next ones.
        values : mapping, optional
            Further numbers of each, by the names given to `open_writer`.
        """
        start = self._first + self.n_written
        self._put(batch, list(range(start, start + len(batch)) if orbits is None else orbits), values or {})
        self.n_written += len(batch)


@contextmanager
def open_writer(
    path: str | os.PathLike[str],
    space: ConfigurationSpace,
    fmt: str | None = None,
    *,
    first: int = 0,
    values: Sequence[str] = (),
) -> Iterator[BatchWriter]:
    """Write a stream of batches without holding it in memory.

    The output gets its final name only when the context ends without an error.

    Parameters
    ----------
    path : path-like
        Where to, see Notes.
    space : ConfigurationSpace
        The space of the batches.
    fmt : {"parquet", "extxyz", "cif", "poscar"}, optional
        By default that of the suffix: ``.parquet``, ``.xyz`` or ``.extxyz``.
    first : int
        Number of the first orbit, for a stream that continues another.
    values : sequence of str
        Names of further numbers that each arrangement has: columns of tables, ``info`` of frames.

    Yields
    ------
    BatchWriter

    Raises
    ------
    InputError
        If the path and the format do not go together, or it cannot be written there.

    Notes
    -----
    Each arrangement has its number (``orbit``), its ``multiplicity`` and its ``orbit_key``: the key of the space and
    the codes of the sites, `ConfigurationBatch.orbit_keys`.

    parquet
        One file with the columns ``orbit``, ``multiplicity``, ``occupation`` (the codes as digits) and for each rare
        species its sites; the metadata describe the codes (`ConfigurationSpace.metadata`).
    extxyz
        One file with a frame for each arrangement, for ASE; the three are in ``Atoms.info``.
    cif, poscar
        A file for each arrangement, named by its number, multiplicity and composition, ``000012_w24_Cs8Sn4Pb4I24.cif``
        or ``POSCAR_000012_w24_Cs8Sn4Pb4I24.vasp`` (its atoms sorted by element), and ``index.csv`` with these and the
        orbit key of each file. In an archive if the path ends in one of `ARCHIVES`, otherwise in a folder, which must
        not exist yet or be empty.

    Oxidation states are written where the parent or the substitutions have them: in CIF files (0 for species without
    one beside others with), as the column ``oxi_states`` of extended XYZ where two states of an element share a
    sublattice. A POSCAR file has no place for them but the remarks behind the positions.

    Examples
    --------
    >>> import tempfile
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Sn": 4}})
    >>> folder = Path(tempfile.mkdtemp()) / "arrangements"
    >>> with open_writer(folder, space, "cif") as writer:
    ...     for batch in space.orbits(batch_size=4):
    ...         writer.write(batch)
    >>> sorted(path.name for path in folder.iterdir())[:2], writer.n_written
    (['000000_w6_Cs8Sn4Pb4I24.cif', '000001_w8_Cs8Sn4Pb4I24.cif'], 6)
    """
    final = Path(path)
    with _opener(final, _format_of(final, fmt), space, values) as put:
        yield BatchWriter(put, first)


def write(
    path: str | os.PathLike[str],
    space: ConfigurationSpace,
    batches: Iterable[ConfigurationBatch],
    fmt: str | None = None,
    *,
    total: int | None = None,
    progress: ProgressOption = None,
) -> int:
    """Write all batches of a stream, see `open_writer`, and return the number of arrangements.

    Parameters
    ----------
    path, space, fmt
        As for `open_writer`.
    batches : iterable of ConfigurationBatch
        ``space.orbits()``, or any part of it.
    total : int, optional
        How many arrangements to expect, for the progress; those of the whole space by default.
    progress : bool or callable, optional
        True draws a bar on a terminal; a function is called with the step, what is done, the total, and a remark.

    Returns
    -------
    int
    """
    with reporting(progress) as report, open_writer(path, space, fmt) as writer:
        for batch in batches:
            writer.write(batch)
            if progress:
                report("orbits", writer.n_written, space.count_orbits() if total is None else total, "")
    return writer.n_written


def path_of_composition(path: str | os.PathLike[str], space: ConfigurationSpace) -> Path:
    """Name the file of one of several compositions: the counts of its species before the suffix.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> path_of_composition("orbits.tar.gz", space).name
    'orbits_Br3_I21.tar.gz'
    """
    output = Path(path)
    label = "_".join(
        f"{name}{count}"
        for species, counts in zip(space.species, space.counts, strict=True)
        for name, count in zip(species, counts, strict=True)
    )
    suffix = _archive_suffix(output) or output.suffix
    return output.with_name(f"{output.name.removesuffix(suffix)}_{label}{suffix}")


def _format_of(path: Path, fmt: str | None) -> str:
    by_suffix = _FORMAT_OF_SUFFIX.get(path.suffix)
    found = fmt or by_suffix
    if found is None:
        raise InputError(
            f"{path}: the format does not follow from the name; end it in .parquet or .xyz, or give fmt='cif' or "
            "'poscar' for a folder, or for an archive (.zip, .tar.gz)"
        )
    if found not in FORMATS:
        raise InputError(f"fmt: {fmt!r} is none of {', '.join(FORMATS)}")
    if by_suffix is not None and by_suffix != found:
        raise InputError(f"{path}: the name says {by_suffix}, fmt says {found}")
    archive = _archive_suffix(path)
    if found in ("cif", "poscar") and not archive and path.suffix and not path.is_dir():
        _refuse_suffix(path, found)
    if found in ("parquet", "extxyz") and archive:
        raise InputError(f"{path}: {found} is one file, not an archive; an archive holds cif or poscar files")
    return found


def _refuse_suffix(path: Path, fmt: str) -> None:
    """Refuse a folder whose name says that it is a file: ``x.cif``, ``x.rar``; a version number is no such ending."""
    if re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{0,6}", path.suffix):
        raise InputError(
            f"{path}: many arrangements are a folder, whose name has no ending such as {path.suffix}, or an archive "
            f"({', '.join(ARCHIVES)}) of {fmt} files"
        )


def _opener(path: Path, fmt: str, space: ConfigurationSpace, values: Sequence[str]) -> AbstractContextManager[Put]:
    if fmt == "parquet":
        return parquet_writer(path, space, values)
    if fmt == "extxyz":
        return _extxyz_writer(path)
    return _structure_files_writer(path, fmt, values)


def _archive_suffix(path: Path) -> str:
    """The ending of an archive; empty for anything else."""
    return next((path.name[-len(end) :] for end in ARCHIVES if path.name.lower().endswith(end)), "")


@contextmanager
def _extxyz_writer(path: Path) -> Iterator[Put]:
    from ase.io.extxyz import write_extxyz

    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:

        def put(batch: ConfigurationBatch, orbits: list[int], values: Values) -> None:
            rows = zip(batch.atoms(), orbits, batch.multiplicity.tolist(), batch.orbit_keys(), strict=True)
            for row, (atoms, number, multiplicity, key) in enumerate(rows):
                atoms.info.update(orbit=number, multiplicity=multiplicity, orbit_key=key)
                atoms.info.update({name: _plain(column[row]) for name, column in values.items()})
                write_extxyz(file, [atoms])

        yield put


@contextmanager
def _structure_files_writer(path: Path, fmt: str, values: Sequence[str]) -> Iterator[Put]:
    """A file for each arrangement, then their index."""
    index = io.StringIO()
    index.write(",".join(("file", "orbit", "multiplicity", "composition", *values, "orbit_key")) + "\n")
    with _container(path) as add:

        def put(batch: ConfigurationBatch, orbits: list[int], numbers: Values) -> None:
            rows = zip(batch.structures(), orbits, batch.multiplicity.tolist(), batch.orbit_keys(), strict=True)
            for row, (structure, number, multiplicity, key) in enumerate(rows):
                formula = structure.composition.formula.replace(" ", "")
                stem = f"{number:06d}_w{multiplicity}_{formula}"
                further = [str(_plain(numbers[name][row])) for name in values]
                told = "".join(f" {name} {one}" for name, one in zip(values, further, strict=True))
                comment = f"orbit {number} multiplicity {multiplicity}{told} key {key}"
                name, text = _file_of(structure, fmt, stem, comment)
                add(name, text)
                index.write(",".join((name, str(number), str(multiplicity), formula, *further, key)) + "\n")

        yield put
        add(INDEX, index.getvalue())


def _plain(value: float | int | str | np.float64) -> float | int | str:
    return value.item() if isinstance(value, np.generic) else value


def _file_of(structure: Structure, fmt: str, stem: str, comment: str) -> tuple[str, str]:
    """Name and text of one file."""
    if fmt == "cif":
        from matganip.configurations.io.cif_text import cif_text

        return f"{stem}.cif", f"# {comment}\n{cif_text(structure)}"
    from pymatgen.io.vasp.inputs import Poscar

    return f"POSCAR_{stem}.vasp", Poscar(structure, comment=comment, sort_structure=True).get_str()


def _container(path: Path) -> AbstractContextManager[AddFile]:
    suffix = _archive_suffix(path)
    if not suffix:
        return _folder(path)
    kind = ARCHIVES[suffix.lower()]
    return _zip(path) if kind == "zip" else _tar(path, kind)


@contextmanager
def _folder(path: Path) -> Iterator[AddFile]:
    with atomic_folder(path) as temporary:
        yield lambda name, text: _write_text(temporary / name, text)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


# Archives have no time stamps, so that equal arrangements give equal bytes.


@contextmanager
def _zip(path: Path) -> Iterator[AddFile]:
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, text: str) -> None:
            info = zipfile.ZipInfo(f"{_stem(path)}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            archive.writestr(info, text, zipfile.ZIP_DEFLATED)

        yield add


@contextmanager
def _tar(path: Path, kind: str) -> Iterator[AddFile]:
    with (
        atomic_path(path) as temporary,
        temporary.open("wb") as raw,
        _compressed(raw, kind) as stream,
        tarfile.open(fileobj=stream, mode="w") as archive,
    ):

        def add(name: str, text: str) -> None:
            content = text.encode()
            info = tarfile.TarInfo(f"{_stem(path)}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))

        yield add


def _compressed(raw: IO[bytes], kind: str) -> AbstractContextManager[IO[bytes]]:
    if kind == "gz":
        return gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0)  # type: ignore[return-value]
    if kind == "bz2":
        return bz2.BZ2File(raw, "wb")
    return lzma.LZMAFile(raw, "wb") if kind == "xz" else nullcontext(raw)


def _stem(path: Path) -> str:
    """The folder inside an archive: its name without the suffix."""
    return path.name.removesuffix(_archive_suffix(path))
