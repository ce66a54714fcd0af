"""Files of powder patterns: columns of text, GSAS, CIF, and those of PANalytical, Bruker and Rigaku."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError, first_line, require
from matganip.features.measured.gsas import gsas_columns
from matganip.features.measured.pattern import Floats, MeasuredPattern, radiation_of, two_theta_of
from matganip.features.radiation import Radiation

SEPARATORS = str.maketrans(",;\t", "   ")
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
COMMENTS = ("#", "!", "'", '"', "*", "//")

# Columns of a file: positions, intensities, standard deviations or None, line numbers or None.
Columns = tuple[Floats, Floats, Floats | None, NDArray[np.int64] | None]

ANGLES = ("_pd_meas_2theta_scan", "_pd_proc_2theta_corrected", "_pd_meas_2theta_corrected")
"""Tags of CIF for 2theta, the measured one first."""
INTENSITIES = (
    "_pd_meas_counts_total",
    "_pd_meas_intensity_total",
    "_pd_proc_intensity_total",
    "_pd_proc_intensity_net",
)


def read_pattern(
    path: str | os.PathLike[str],
    *,
    radiation: Radiation | str | float | None = None,
    unit: str = "2theta",
) -> MeasuredPattern:
    r"""Read a measured powder pattern.

    Parameters
    ----------
    path : path-like
        ``.xy``, ``.dat``, ``.txt``, ``.csv`` (two columns, or a third of standard deviations; decimal points or
        commas), ``.xye``; GSAS
        ``.gsas``, ``.gsa``, ``.gda``, ``.raw`` or ``.xra`` (CONST, RALF; STD, ESD, FXYE) and ``.fxye``; ``.cif`` with
        powder data; PANalytical ``.xrdml``, Bruker ``.brml`` and ``.raw`` (version 4), Rigaku ``.rasx``, which
        ``matganip[instruments]`` reads.
    radiation : Radiation, str or float, optional
        As `matganip.features.measured.pattern.radiation_of` takes it; goes before what the file says.
    unit : {"2theta", "q", "d"}
        Of the first column of a text file: degrees, 1/angstrom or angstrom.

    Returns
    -------
    MeasuredPattern

    Raises
    ------
    InputError
        If the file cannot be read, or holds no pattern; the message names the line.
    MissingExtraError
        If the file is an instrument's and ``matganip[instruments]`` is not installed.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "scan.xy"
    >>> _ = path.write_text("# 2theta counts\n" + "".join(f"{10 + 0.02 * i:.2f} {100 + i}\n" for i in range(50)))
    >>> pattern = read_pattern(path, radiation="CuKa12")
    >>> len(pattern), pattern.range
    (50, (10.0, 10.98))
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix in _INSTRUMENTS or (suffix == ".raw" and _is_binary(file)):
        columns, found = _instrument(file)
    elif suffix == ".cif":
        columns, found = _cif(file)
    else:
        lines = _lines(file)
        is_gsas = any(line.startswith("BANK") for line in lines[:200])
        columns, found = (gsas_columns if is_gsas else _text_columns)(lines, file.name), None
    known = radiation_of(radiation) if radiation is not None else found
    position, intensity, sigma, places = columns
    angles = two_theta_of(position, unit, None if known is None else known.wavelength, file.name)
    return MeasuredPattern.of(angles, intensity, sigma, radiation=known, source=file.name, places=places)


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
    if not text.strip():
        raise InputError(f"{file.name}: is empty")
    if "\0" in text:
        raise InputError(f"{file.name}: is no text file; instruments' files end in .xrdml, .brml, .raw or .rasx")
    return text.splitlines()


def _is_binary(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return b"\0" in opened.read(512)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error


def _text_columns(lines: list[str], source: str) -> Columns:
    """Two or three columns; lines before the first that begins with two numbers are headings."""
    rows: list[list[float]] = []
    places: list[int] = []
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped or stripped.startswith(COMMENTS):
            continue
        try:
            row = [float(word) for word in _words(stripped)[:3]]
        except ValueError:
            row = []
        if len(row) < 2 or (rows and len(row) < len(rows[0])):
            if rows:
                raise InputError(f"{source}, line {number}: {_cut(stripped)!r} is not {len(rows[0])} numbers")
            continue
        rows.append(row[: len(rows[0])] if rows else row)
        places.append(number)
    if not rows:
        raise InputError(f"{source}: no line has two numbers, angle and intensity")
    table = np.array(rows)
    return table[:, 0], table[:, 1], table[:, 2] if table.shape[1] == 3 else None, np.array(places)


def _words(line: str) -> list[str]:
    """The words of a line. A comma inside a number is a decimal point where something else keeps the columns apart."""
    columns = line.replace(";", " ").split()
    if len(columns) > 1 and all(DECIMAL_COMMA.fullmatch(word) for word in columns if "," in word):
        return [word.replace(",", ".") for word in columns]
    return line.translate(SEPARATORS).split()


def _cut(text: str) -> str:
    return text if len(text) < 40 else text[:37] + "..."


def _cif(file: Path) -> tuple[Columns, Radiation | None]:
    """The first block of a CIF that has a powder pattern."""
    import gemmi

    try:
        blocks = list(gemmi.cif.read(str(file)))
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{file.name}: {first_line(error)}") from error
    for block in blocks:
        intensity = _first_column(block, INTENSITIES)
        if intensity is None:
            continue
        angles = _first_column(block, ANGLES)
        if angles is None:
            low, high = (_cif_number(block, f"_pd_meas_2theta_range_{end}") for end in ("min", "max"))
            if low is None or high is None:
                raise InputError(f"{file.name}: intensities without {ANGLES[0]} or _pd_meas_2theta_range_min and _max")
            angles = np.linspace(low, high, len(intensity[0])), None
        values, sigma = intensity
        length = _cif_number(block, "_diffrn_radiation_wavelength")
        return (angles[0], values, sigma, None), None if length is None else radiation_of(length)
    raise InputError(f"{file.name}: no block has one of {', '.join(INTENSITIES)}")


def _first_column(block: Any, tags: tuple[str, ...]) -> tuple[Floats, Floats | None] | None:
    """Values of the first tag that there is, and the standard deviations in brackets behind them."""
    for tag in tags:
        column = list(block.find_values(tag))
        if not column:
            continue
        values = np.array([_number(text) for text in column])
        if all("(" in text for text in column):
            return values, np.array([_deviation(text) for text in column])
        return values, None
    return None


def _number(text: str) -> float:
    try:
        return float(text.partition("(")[0])
    except ValueError:
        return float("nan")


def _deviation(text: str) -> float:
    """``123.4(12)`` has the deviation 1.2."""
    number, _, bracket = text.partition("(")
    decimals = len(number.partition(".")[2])
    return _number(bracket.rstrip(")")) * 10.0**-decimals


def _cif_number(block: Any, tag: str) -> float | None:
    text = block.find_value(tag)
    if text is None:
        found = list(block.find_values(tag))
        text = found[0] if found else None
    value = float("nan") if text is None else _number(text)
    return value if np.isfinite(value) else None


_INSTRUMENTS = (".xrdml", ".brml", ".rasx")


def _instrument(file: Path) -> tuple[Columns, Radiation | None]:
    """An instrument's file, by FAIRmat's readers."""
    readers = require("fairmat_readers_xrd", "instruments")
    read: Callable[[str], dict[str, Any]] = readers.read_file
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    try:
        found = read(str(file))
        angles, counts = (_magnitude(found[name]) for name in ("2Theta", "intensity"))
        if angles is None or counts is None:
            raise ValueError("there is no scan over 2theta")
    except Exception as error:  # a damaged file may fail anywhere in it
        known = isinstance(error, ValueError | OSError | SyntaxError | zipfile.BadZipFile)
        why = first_line(error) if known else "it is damaged, or of a version that the reader does not know"
        raise InputError(f"{file.name}: cannot be read as {file.suffix}: {why}") from error
    source = found.get("metadata", {}).get("source") or {}
    first, second, ratio = (_length(source.get(name)) for name in ("kAlpha1", "kAlpha2", "ratioKAlpha2KAlpha1"))
    return (angles, counts, None, None), _doublet(first, second, ratio)


def _magnitude(quantity: Any) -> Floats | None:
    values = getattr(quantity, "magnitude", quantity)
    return None if values is None else np.asarray(values, dtype=np.float64).ravel()


def _length(quantity: Any) -> float | None:
    values = _magnitude(quantity)
    return None if values is None or not len(values) else float(values[0])


def _doublet(first: float | None, second: float | None, ratio: float | None) -> Radiation | None:
    """K alpha 1 and 2 with the ratio of their intensities, half by default; one line where only one is known."""
    if not first:
        return None
    if not second or ratio == 0:
        return radiation_of(first)
    weak = 0.5 if ratio is None else ratio
    return replace(radiation_of(first), lines=((first, 1 / (1 + weak)), (second, weak / (1 + weak))))
