"""Arrangements as files: Parquet, extended XYZ, CIF and POSCAR, in folders and archives, batch by batch."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from matganip.configurations.io.parquet import parquet_writer
from matganip.errors import InputError
from matganip.files import atomic_folder, atomic_path
from matganip.progress import ProgressOption, reporting

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace

Put = Callable[["ConfigurationBatch", int], None]
"""Writes a batch whose first orbit has this number."""
AddFile = Callable[[str, str], None]
"""Adds a file of this name and text to a folder or an archive."""

FORMATS = ("parquet", "extxyz", "cif", "poscar")
INDEX = "index.csv"
"""Name of the file beside CIF and POSCAR files that lists them with their multiplicities."""

_FORMAT_OF_SUFFIX = {".parquet": "parquet", ".xyz": "extxyz", ".extxyz": "extxyz"}


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

    def write(self, batch: ConfigurationBatch) -> None:
        """Write a batch; the numbering of the orbits continues.

        Parameters
        ----------
        batch : ConfigurationBatch
            Orbits.
        """
        self._put(batch, self._first + self.n_written)
        self.n_written += len(batch)


@contextmanager
def open_writer(
    path: str | os.PathLike[str], space: ConfigurationSpace, fmt: str | None = None, *, first: int = 0
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
        A file for each arrangement, ``000012_Cs8Sn4Pb4I24.cif`` or ``POSCAR_000012_Cs8Sn4Pb4I24.vasp`` (its atoms
        sorted by element), and ``index.csv`` with the three for each file. In an archive if the path ends in ``.zip``,
        ``.tar.gz`` or ``.tgz``, otherwise in a folder, which must not exist yet or be empty.

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
    (['000000_Cs8Sn4Pb4I24.cif', '000001_Cs8Sn4Pb4I24.cif'], 6)
    """
    final = Path(path)
    with _opener(final, _format_of(final, fmt), space) as put:
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
    suffix = "".join(output.suffixes[-2:]) if output.name.endswith(".tar.gz") else output.suffix
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
    if found in ("cif", "poscar") and path.suffix.lower() in (".cif", ".vasp", ".poscar"):
        raise InputError(f"{path}: many arrangements are a folder or an archive (.zip, .tar.gz) of {found} files")
    if found in ("parquet", "extxyz") and _is_archive(path):
        raise InputError(f"{path}: {found} is one file, not an archive; an archive holds cif or poscar files")
    return found


def _opener(path: Path, fmt: str, space: ConfigurationSpace) -> AbstractContextManager[Put]:
    if fmt == "parquet":
        return parquet_writer(path, space)
    if fmt == "extxyz":
        return _extxyz_writer(path)
    return _structure_files_writer(path, fmt)


def _is_archive(path: Path) -> bool:
    return path.name.lower().endswith((".zip", ".tar.gz", ".tgz"))


@contextmanager
def _extxyz_writer(path: Path) -> Iterator[Put]:
    from ase.io.extxyz import write_extxyz

    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:

        def put(batch: ConfigurationBatch, first: int) -> None:
            rows = zip(batch.atoms(), batch.multiplicity.tolist(), batch.orbit_keys(), strict=True)
            for number, (atoms, multiplicity, key) in enumerate(rows, first):
                atoms.info.update(orbit=number, multiplicity=multiplicity, orbit_key=key)
                write_extxyz(file, [atoms])

        yield put


@contextmanager
def _structure_files_writer(path: Path, fmt: str) -> Iterator[Put]:
    """A file for each arrangement, then their index."""
    index = io.StringIO()
    index.write("file,orbit,multiplicity,orbit_key\n")
    with _container(path) as add:

        def put(batch: ConfigurationBatch, first: int) -> None:
            rows = zip(batch.structures(), batch.multiplicity.tolist(), batch.orbit_keys(), strict=True)
            for number, (structure, multiplicity, key) in enumerate(rows, first):
                stem = f"{number:06d}_{structure.composition.formula.replace(' ', '')}"
                name, text = _file_of(structure, fmt, stem, f"orbit {number} multiplicity {multiplicity} key {key}")
                add(name, text)
                index.write(f"{name},{number},{multiplicity},{key}\n")

        yield put
        add(INDEX, index.getvalue())


def _file_of(structure: Structure, fmt: str, stem: str, comment: str) -> tuple[str, str]:
    """Name and text of one file."""
    if fmt == "cif":
        from matganip.configurations.io.cif_text import cif_text

        return f"{stem}.cif", f"# {comment}\n{cif_text(structure)}"
    from pymatgen.io.vasp.inputs import Poscar

    return f"POSCAR_{stem}.vasp", Poscar(structure, comment=comment, sort_structure=True).get_str()


def _container(path: Path) -> AbstractContextManager[AddFile]:
    if not _is_archive(path):
        return _folder(path)
    return _zip(path) if path.suffix.lower() == ".zip" else _tar(path)


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
def _tar(path: Path) -> Iterator[AddFile]:
    with (
        atomic_path(path) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as archive,
    ):

        def add(name: str, text: str) -> None:
            content = text.encode()
            info = tarfile.TarInfo(f"{_stem(path)}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))

        yield add


def _stem(path: Path) -> str:
    """The folder inside an archive: its name without the suffix."""
    return path.name.removesuffix(path.suffix).removesuffix(".tar")
