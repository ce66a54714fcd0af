"""GSAS powder data files: banks of fixed-width records.

The format is that of the GSAS manual (A. C. Larson, R. B. Von Dreele, LAUR 86-748): a title, then
``BANK number n_points n_records type parameters form``; angles in hundredths of a degree.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError

Floats = NDArray[np.float64]

# Of each form: numbers of a point, and the width of a field; 0 where fields stand apart.
FORMS = {"STD": (2, 8), "ESD": (2, 8), "FXYE": (3, 0), "FXY": (2, 0)}


def gsas_columns(lines: list[str], source: str) -> tuple[Floats, Floats, Floats | None, NDArray[np.int64] | None]:
    """Read the first bank of a file.

    Parameters
    ----------
    lines : list of str
        One of them begins with BANK.
    source : str
        Name of the file, for messages.

    Returns
    -------
    two_theta, intensity : (n,) float64 ndarray
        Degrees, counts.
    sigma : (n,) float64 ndarray or None
    places : (n,) int64 ndarray
        The line of each point.

    Raises
    ------
    InputError
        If the bank cannot be read; the message names the line.

    Examples
    --------
    >>> lines = ["title", "BANK 1 4 1 CONST 1000 2.5 0 0 STD", "     179     147     165     172"]
    >>> gsas_columns(lines, "a.raw")[0].tolist()
    [10.0, 10.025, 10.05, 10.075]
    """
    start = next(number for number, line in enumerate(lines) if line.startswith("BANK"))
    place = f"{source}, line {start + 1}"
    words = lines[start].split()
    try:
        n_points, binning = int(words[2]), words[4].upper()
        first, step = float(words[5]), float(words[6])
    except (IndexError, ValueError):
        raise InputError(f"{place}: not BANK number n_points n_records CONST start step 0 0 form") from None
    form = words[-1].upper() if words[-1].upper() in FORMS else "STD"
    if binning not in ("CONST", "CONS") and not form.startswith("FX"):
        raise InputError(f"{place}: bins of type {binning} are not constant steps of 2theta, which are read")
    per_point, width = FORMS[form]
    numbers: list[float] = []
    places: list[int] = []
    for number, line in enumerate(lines[start + 1 :], start + 2):
        if line.startswith("BANK") or len(numbers) >= per_point * n_points:
            break
        if line.startswith("#") or not line.strip():
            continue
        values = _fields(line.rstrip("\n"), width, form, f"{source}, line {number}")
        numbers += values
        places += [number] * (len(values) // per_point)
    if len(numbers) < per_point * n_points:
        raise InputError(f"{source}: ends after {len(numbers) // per_point} of {n_points} points that {place} says")
    table = np.array(numbers[: per_point * n_points]).reshape(n_points, per_point)
    if form.startswith("FX"):
        return table[:, 0] / 100, table[:, 1], table[:, 2] if per_point == 3 else None, np.array(places[:n_points])
    angles = (first + step * np.arange(n_points)) / 100
    return angles, table[:, 0], table[:, 1], np.array(places[:n_points])


def _fields(line: str, width: int, form: str, place: str) -> list[float]:
    """Numbers of a record. A field of STD is how many detectors counted, n, and their mean, of variance mean / n."""
    parts = [line[i : i + width] for i in range(0, len(line), width)] if width else line.split()
    try:
        if form == "STD":
            pairs = [(max(int(part[:2].strip() or 1), 1), float(part[2:])) for part in parts if part.strip()]
            return [number for n, mean in pairs for number in (mean, (max(mean, 1.0) / n) ** 0.5)]
        return [float(part) for part in parts if part.strip()]
    except ValueError:
        raise InputError(f"{place}: {line[:40].strip()!r} is not a record of {form}") from None
