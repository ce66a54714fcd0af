"""Peaks of crystals that have nothing in common, brought to vertices that mean the same for each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pymatgen.core.structure import Structure

from matganip.crystal.structures import read_structure
from matganip.errors import InputError
from matganip.features.peaks import Pattern
from matganip.features.powder.diffraction import PowderDiffraction
from matganip.features.radiation import Radiation
from matganip.features.site_properties import PROPERTIES, coordinations, radiation_of_ions
from matganip.settings import Settings

if TYPE_CHECKING:
    from ase import Atoms

Floats = NDArray[np.float64]

INPUTS: dict[str, str] = {"absolute": "absolute per formula unit", "scaled": "scaled to 100"}
"""What a result says about the intensities that it was made from."""


class CrystalInput(Settings):
    """How a crystal becomes the vertices of a graph: the section [input] of a study of crystals.

    Examples
    --------
    >>> CrystalInput(intensities="scaled").name
    'scaled to 100'
    """

    n_peaks: int = Field(default=16, ge=4, description="Vertices.")
    vertices: Literal["families", "angle"] = Field(
        default="families",
        description='"families": the first families hkl of the ideal cubic cell of one formula unit, by angle; each '
        "peak goes to the family whose h2 + k2 + l2 is nearest to (a / d)2, a being the edge of the cube of one "
        'formula unit, and the peaks of a family are added. "angle": the first peaks by angle, whatever their indices.',
    )
    intensities: Literal["absolute", "scaled"] = Field(
        default="absolute",
        description='"absolute": electrons squared per formula unit. "scaled": the strongest peak of each crystal is '
        "100, as diffractometers print them, so that only ratios tell the elements.",
    )
    radiation: str | float = Field(
        default="CuKa",
        description="Name of a laboratory line as pymatgen has it, or a wavelength in angstrom; or a property of the "
        'ions in place of form factors, "ionic_radius", "charge", "electronegativity", of structures with oxidation '
        "states.",
    )
    two_theta_range: tuple[float, float] = Field(
        default=(0.0, 178.0), description="First and last angle 2theta, in degrees."
    )
    atoms_per_unit: int = Field(default=5, ge=1, description="Atoms of a formula unit: 5 of ABX3.")

    @property
    def name(self) -> str:
        """Which input it is, in words: "absolute per formula unit", "scaled to 100", of which property."""
        of = f"{self.radiation}, " if self.radiation in PROPERTIES else ""
        return of + INPUTS[self.intensities]


@dataclass(frozen=True, eq=False)
class CrystalPeaks:
    """Vertices of n crystals.

    Attributes
    ----------
    two_theta : (n, p) float64 ndarray
        Degrees; 180 for a family that the wavelength does not reach, and for a peak that is not there.
    amplitude : (n, p) float64 ndarray
        Square root of the intensity, less the Lorentz-polarization factor and the multiplicity: for the absolute
        input the size of the structure factor in electrons. 0 where nothing scatters.
    made : CrystalInput
    """

    two_theta: Floats
    amplitude: Floats
    made: CrystalInput

    def __len__(self) -> int:
        return len(self.two_theta)


def crystal_peaks(
    structures: Iterable[Structure | Atoms | str | os.PathLike[str]],
    made: CrystalInput | None = None,
    *,
    num_threads: int | None = None,
) -> CrystalPeaks:
    """Diffract crystals, and bring their peaks to common vertices.

    Parameters
    ----------
    structures : iterable of Structure, ase.Atoms or path
    made : CrystalInput, optional
        How; 16 families with absolute intensities by default.
    num_threads : int, optional
        None or 0 is all cores. The result is the same for any number.

    Returns
    -------
    CrystalPeaks

    Raises
    ------
    InputError
        As `PowderDiffraction.patterns`, which names the structure by its index; or if there is none.

    Examples
    --------
    >>> import matganip as mg
    >>> cell = mg.perovskite("CsPbI3", a=6.289)
    >>> one, eight = crystal_peaks([cell, cell * (2, 2, 2)]).amplitude.round(6)
    >>> bool((one == eight).all()), one[:3].round(1).tolist()
    (True, [77.6, 78.2, 113.2])
    """
    how = made or CrystalInput()
    crystals = [one if isinstance(one, Structure) else read_structure(one) for one in structures]
    if not crystals:
        raise InputError("there is no crystal to diffract")
    patterns, radiation = _patterns(crystals, how, num_threads)
    units = np.array([len(crystal) / how.atoms_per_unit for crystal in crystals])
    edge = np.cbrt([crystal.volume for crystal in crystals] / units)
    strength = 1.0 / units**2 if how.intensities == "absolute" else np.ones(len(units))
    if how.vertices == "angle":
        rows = [_by_angle(one, factor, how.n_peaks, radiation) for one, factor in zip(patterns, strength, strict=True)]
    else:
        indices, multiplicity = cubic_families(how.n_peaks)
        rows = [
            _by_family(one, factor, a, indices, multiplicity, radiation)
            for one, factor, a in zip(patterns, strength, edge, strict=True)
        ]
    return CrystalPeaks(np.array([row[0] for row in rows]), np.array([row[1] for row in rows]), how)


class _Options(TypedDict):
    scaled: bool
    num_threads: int | None


def _patterns(
    crystals: Sequence[Structure], how: CrystalInput, num_threads: int | None
) -> tuple[Sequence[Pattern], Radiation]:
    """Patterns of the radiation, or of the property of the ions, that is asked for."""
    span, options = how.two_theta_range, _Options(scaled=how.intensities == "scaled", num_threads=num_threads)
    # At rest: some files have displacements and others have none, which is no difference of the crystals.
    if how.radiation not in PROPERTIES:
        radiation = Radiation.of(how.radiation)
        return PowderDiffraction(radiation, displacements=False).patterns(
            crystals, how.two_theta_range, **options
        ), radiation
    found: list[Pattern] = []
    for crystal in crystals:  # one by one: the radius of an ion depends on what is around it
        around = coordinations(crystal) if how.radiation == "ionic_radius" else {}
        radiation = radiation_of_ions(str(how.radiation), {str(one) for one in crystal.composition}, around)
        found += PowderDiffraction(radiation, displacements=False).patterns([crystal], span, **options)
    return found, radiation


def cubic_families(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first n families of a primitive cubic cell: h2 + k2 + l2, (n,), and how many hkl have it, (n,).

    Examples
    --------
    >>> [column.tolist() for column in cubic_families(8)]
    [[1, 2, 3, 4, 5, 6, 8, 9], [6, 12, 8, 6, 24, 24, 12, 30]]
    """
    reach = 2 + int(np.sqrt(2 * n))
    index = np.arange(-reach, reach + 1)
    squares = (index[:, None, None] ** 2 + index[:, None] ** 2 + index**2).ravel()
    values, counts = np.unique(squares[(squares > 0) & (squares <= reach**2)], return_counts=True)
    return values[:n].astype(np.int64), counts[:n].astype(np.int64)


def _by_family(
    pattern: Pattern,
    factor: float,
    edge: float,
    indices: NDArray[np.int64],
    multiplicity: NDArray[np.int64],
    radiation: Radiation,
) -> tuple[Floats, Floats]:
    nearest = np.rint((edge / pattern.d_spacings) ** 2).astype(np.int64)
    place = np.minimum(np.searchsorted(indices, nearest), len(indices) - 1)
    there = indices[place] == nearest
    power = factor * pattern.intensity / _lorentz_polarization(pattern.two_theta, radiation)
    total = np.bincount(place[there], weights=power[there], minlength=len(indices))
    sine = radiation.lines[0][0] * np.sqrt(indices) / (2 * edge)
    return np.degrees(2 * np.arcsin(np.minimum(sine, 1.0))), np.sqrt(total / multiplicity)


def _by_angle(pattern: Pattern, factor: float, n: int, radiation: Radiation) -> tuple[Floats, Floats]:
    shown = min(n, len(pattern.two_theta))
    two_theta, amplitude = np.full(n, 180.0), np.zeros(n)
    two_theta[:shown] = pattern.two_theta[:shown]
    of_peak = [sum(family["multiplicity"] for family in families) for families in pattern.hkls[:shown]]
    power = factor * pattern.intensity[:shown] / _lorentz_polarization(two_theta[:shown], radiation)
    amplitude[:shown] = np.sqrt(power / np.array(of_peak))
    return two_theta, amplitude


def _lorentz_polarization(two_theta: Floats, radiation: Radiation) -> Floats:
    """Of a powder (docs/powder.md): (1 + A cos2 2theta) / (sin2 theta cos theta), A = 0 for neutrons."""
    angle = np.radians(two_theta)
    lorentz: Floats = 1.0 / (np.sin(angle / 2) ** 2 * np.cos(angle / 2))
    return lorentz * (1 + radiation.polarization * np.cos(angle) ** 2)


def graphs(two_theta: Floats, strength: Floats) -> NDArray[np.float32]:
    """Graph matrices a_ij = t_i t_j + I_i I_j, (n, p, p), of crystals that each have their own angles.

    Parameters
    ----------
    two_theta : (n, p) float64 ndarray
        Degrees; taken in units of 180.
    strength : (n, p) float64 ndarray
        What stands for the intensity.

    Examples
    --------
    >>> graphs(np.array([[90.0, 180.0]]), np.array([[1.0, 0.0]])).tolist()
    [[[1.25, 0.5], [0.5, 1.0]]]
    """
    t = two_theta / 180.0
    matrices: NDArray[np.float32] = (
        t[:, :, np.newaxis] * t[:, np.newaxis] + strength[:, :, np.newaxis] * strength[:, np.newaxis]
    ).astype(np.float32)
    return matrices


def without_form_factor(elements: Sequence[str], radiation: str | float = "CuKa") -> list[str]:
    """Those of some elements that the radiation has no form factor of: crystals with them cannot be diffracted.

    Examples
    --------
    >>> without_form_factor(["Cs", "No"])
    ['No']
    """
    made, missing = Radiation.of(radiation), []
    for element in elements:
        try:
            made.form_factors([element], made.lines[0][0])
        except InputError:
            missing.append(element)
    return missing
