"""Radiation: its wavelengths by name, and how atoms scatter it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from matganip.errors import InputError
from matganip.features.form_factors import (
    TABLES,
    FormFactors,
    pymatgen_lengths,
    scatterer,
    scattering_lengths,
    with_dispersion,
    xray_form_factors,
)

# Angstrom: the weighted mean of the doublet (Ka), its two lines (Ka1, Ka2) and Kb1 of each anode, as pymatgen
# has them. Its own table stands in a module that imports matplotlib; a test holds the two equal.
WAVELENGTHS: dict[str, float] = {
    anode + line: wavelength
    for anode, lines in {
        "Cu": {"Ka": 1.54184, "Ka2": 1.54439, "Ka1": 1.54056, "Kb1": 1.39222},
        "Mo": {"Ka": 0.71073, "Ka2": 0.71359, "Ka1": 0.70930, "Kb1": 0.63229},
        "Cr": {"Ka": 2.29100, "Ka2": 2.29361, "Ka1": 2.28970, "Kb1": 2.08487},
        "Fe": {"Ka": 1.93735, "Ka2": 1.93998, "Ka1": 1.93604, "Kb1": 1.75661},
        "Co": {"Ka": 1.79026, "Ka2": 1.79285, "Ka1": 1.78896, "Kb1": 1.63079},
        "Ag": {"Ka": 0.560885, "Ka2": 0.563813, "Ka1": 0.559421, "Kb1": 0.497082},
    }.items()
    for line, wavelength in lines.items()
}


@dataclass(frozen=True)
class Radiation:
    """One kind of radiation, and the table by which atoms scatter it.

    `xray`, `neutron` and `of` make one.

    Attributes
    ----------
    lines : tuple of (float, float)
        Wavelength in angstrom and share of each spectral line; the shares add up to 1.
    polarized : bool
        Whether the polarization factor 1 + cos^2 2theta applies (X-rays), or only Lorentz's (neutrons).
    table : str
        Whose form factors: one of `matganip.features.form_factors.TABLES`, or "neutron", or "neutron-data-booklet",
        which is pymatgen's.
    ions : tuple of (str, int), or "as read"
        Charges of the elements that scatter as ions, or whether species scatter with the charges that they carry.
    anomalous : bool
        Whether f' and f'' are added.
    monochromator : float or None
        Angle 2theta of its reflection in degrees, where a monochromator polarizes the beam.
    isotopes : tuple of (str, int)
        Mass numbers of the elements that are no natural mixture; neutrons alone see them.
    weights : tuple of (str, float)
        Table "weights": what each species scatters, at all angles.

    Examples
    --------
    >>> Radiation.of("CuKa").lines
    ((1.54184, 1.0),)
    >>> Radiation.of("CuKa12").lines == ((1.54056, 2 / 3), (1.54439, 1 / 3))
    True
    >>> Radiation.xray("MoKa", form_factors="waasmaier-kirfel", ions={"I": -1}).ions
    (('I', -1),)
    """

    lines: tuple[tuple[float, float], ...]
    polarized: bool = True
    table: str = "mott-bethe"
    ions: tuple[tuple[str, int], ...] | Literal["as read"] = ()
    anomalous: bool = False
    monochromator: float | None = None
    isotopes: tuple[tuple[str, int], ...] = ()
    weights: tuple[tuple[str, float], ...] = ()

    @classmethod
    def xray(
        cls,
        radiation: str | float = "CuKa",
        *,
        form_factors: str = "mott-bethe",
        ions: Mapping[str, int] | Literal["as read"] | None = None,
        anomalous: bool = False,
        monochromator: float | None = None,
    ) -> Radiation:
        """X-rays.

        Parameters
        ----------
        radiation : str or float
            Name of a line, ``"CuKa"``, of a doublet, ``"CuKa12"`` (Ka1 with 2/3 and Ka2 with 1/3), or a wavelength in
            angstrom.
        form_factors : {"mott-bethe", "waasmaier-kirfel", "international-tables"}
            pymatgen's own, those of Waasmaier and Kirfel (1995), or of the International Tables, volume C (1992).
        ions : mapping of str to int, or "as read", optional
            Charge by element, ``{"Cs": 1, "I": -1}``; "as read" takes the oxidation states of the structures, by
            which Fe2+ and Fe3+ differ. Waasmaier and Kirfel have ions.
        anomalous : bool
            Add f' and f'' by Chantler (1995, 2000).
        monochromator : float, optional
            Angle 2theta of a monochromator's reflection in degrees (graphite (002) and CuKa: 26.6), by which the
            polarization factor is 1 + cos^2 2theta_m cos^2 2theta (Azaroff, Acta Cryst. 8, 701 (1955)).

        Returns
        -------
        Radiation

        Raises
        ------
        InputError
            If the line or the table is unknown, a charge is no integer, or the monochromator's angle is none.
        """
        if form_factors not in TABLES:
            raise InputError(f"form_factors must be one of {', '.join(TABLES)}, not {form_factors!r}")
        given: Mapping[str, int] = {} if ions is None or ions == "as read" else ions
        for symbol, charge in given.items():
            if isinstance(charge, bool) or not isinstance(charge, int | np.integer):
                raise InputError(f"ions.{symbol}: a charge must be an integer, not {charge!r}")
        if monochromator is not None and not 0 <= monochromator < 180:
            raise InputError(f"monochromator: its angle 2theta must be between 0 and 180 degrees, not {monochromator}")
        charges = tuple(sorted((symbol, int(charge)) for symbol, charge in given.items()))
        return cls(
            _lines_of(radiation),
            table=form_factors,
            ions="as read" if ions == "as read" else charges,
            anomalous=bool(anomalous),
            monochromator=monochromator,
        )

    @classmethod
    def neutron(cls, wavelength: float, *, isotopes: Mapping[str, int] | None = None) -> Radiation:
        """Neutrons: coherent scattering lengths of the natural elements or of isotopes, no polarization factor.

        They are scattered by nuclei here; there are no magnetic lines.

        Parameters
        ----------
        wavelength : float
            Angstrom.
        isotopes : mapping of str to int, optional
            Mass number of elements that are no natural mixture, ``{"Li": 7, "B": 11}``. Isotopes of single sites are
            read from structures: the element D, and the site property ``isotope``.

        Returns
        -------
        Radiation

        Raises
        ------
        InputError
            If the wavelength is not positive and finite, or there is no such isotope with a scattering length.
        """
        made = cls(
            ((wavelength_of(wavelength), 1.0),),
            polarized=False,
            table="neutron",
            isotopes=tuple(sorted((isotopes or {}).items())),
        )
        scattering_lengths([symbol for symbol, _ in made.isotopes], made.wavelength, dict(made.isotopes))
        return made

    @classmethod
    def weighted(cls, weights: Mapping[str, float], radiation: str | float = "CuKa") -> Radiation:
        """A property of species in the place of form factors, the same at all angles.

        Intensities have Lorentz's factor, one number for each column, and no polarization factor.

        Parameters
        ----------
        weights : mapping of str to float
            By species: a charge, a radius, whatever; ``"vac"`` is 0 unless it is given.
        radiation : str or float
            Its wavelength bounds the reflections.

        Returns
        -------
        Radiation

        Raises
        ------
        InputError
            If there is no weight, one is not finite, or all are 0.

        Examples
        --------
        >>> Radiation.weighted({"Ag": 1, "Bi": 3}).form_factors(["Bi", "Ag"], 1.54).at(0.3).tolist()
        [3.0, 1.0]
        """
        for name, value in weights.items():
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not number or not math.isfinite(value):
                raise InputError(f"weights.{name}: must be a finite number, not {value!r}")
        if not any(weights.values()):
            raise InputError("weights: all are 0, nothing would scatter")
        table = tuple(sorted((str(name), float(value)) for name, value in weights.items()))
        return cls(_lines_of(radiation), polarized=False, table="weights", weights=table)

    @classmethod
    def of(cls, radiation: str | float | Radiation | Mapping[str, float]) -> Radiation:
        """Take what an argument `radiation` may be: a name, a wavelength in angstrom, a table, or a Radiation.

        Parameters
        ----------
        radiation : str, float, mapping or Radiation
            ``"CuKa"``, ``"CuKa12"``, ``"neutron 1.54"``, 1.54184, weights of species, or what `xray`, `neutron` and
            `weighted` give.

        Returns
        -------
        Radiation

        Raises
        ------
        InputError
            If the name is unknown or the wavelength is not positive and finite.
        """
        if isinstance(radiation, Radiation):
            return radiation
        if isinstance(radiation, Mapping):
            return cls.weighted(radiation)
        if isinstance(radiation, str) and radiation.split()[:1] == ["neutron"]:
            try:
                return cls.neutron(float(radiation.removeprefix("neutron")))
            except ValueError as error:
                raise InputError(f"radiation {radiation!r}: write 'neutron 1.54', a wavelength in angstrom") from error
        return cls(_lines_of(radiation))

    @property
    def wavelength(self) -> float:
        """Wavelength of the first, the strongest, line in angstrom."""
        return self.lines[0][0]

    @property
    def polarization(self) -> float:
        """A of the polarization factor 1 + A cos^2 2theta: 0 for neutrons, 1 for a tube without monochromator."""
        if not self.polarized:
            return 0.0
        return 1.0 if self.monochromator is None else math.cos(math.radians(self.monochromator)) ** 2

    def form_factors(self, species: Sequence[str], wavelength: float) -> FormFactors:
        """What species scatter of one line.

        Parameters
        ----------
        species : sequence of str
            Element symbols, with a charge, ``"Fe3+"``, or a mass number, ``"7Li"``, where there is one; or ``"vac"``.
        wavelength : float
            Angstrom.

        Returns
        -------
        FormFactors
            In electrons; of neutrons, in fm.

        Raises
        ------
        InputError
            If the table has no entry for one of them.
        """
        if self.table == "neutron-data-booklet":
            return pymatgen_lengths(species)
        if self.table == "weights":
            return _weights(dict(self.weights), species)
        if self.table == "neutron":
            return scattering_lengths(species, wavelength, dict(self.isotopes))
        ions: Mapping[str, int] | Literal["as read"] = "as read" if self.ions == "as read" else dict(self.ions)
        factors = xray_form_factors(species, self.table, ions)
        return with_dispersion(factors, wavelength) if self.anomalous else factors


def _weights(table: Mapping[str, float], species: Sequence[str]) -> FormFactors:
    """Weights of species, by their own name or that of their element."""
    values = np.zeros(len(species))
    for row, name in enumerate(species):
        element = scatterer(name)[0]
        if name != "vac" and name not in table and element not in table:
            raise InputError(f"weights have none of {name}; they have {', '.join(table)}")
        values[row] = table.get(name, table.get(element, 0.0))
    return FormFactors(tuple(species), values, np.zeros((len(species), 1, 2)), np.zeros(len(species)))


def _lines_of(radiation: str | float) -> tuple[tuple[float, float], ...]:
    """Spectral lines of a name or of a wavelength."""
    if isinstance(radiation, str) and radiation.endswith("Ka12") and radiation[:-4] + "Ka1" in WAVELENGTHS:
        anode = radiation[:-4]
        # The two electrons of the 2p_{1/2} shell against the four of 2p_{3/2}.
        return (WAVELENGTHS[anode + "Ka1"], 2 / 3), (WAVELENGTHS[anode + "Ka2"], 1 / 3)
    return ((wavelength_of(radiation), 1.0),)


def wavelength_of(radiation: str | float) -> float:
    """Wavelength of a named line, or a number taken as it is.

    Parameters
    ----------
    radiation : str or float
        A key of `WAVELENGTHS`, ``"CuKa"``, or a wavelength in angstrom.

    Returns
    -------
    float
        Wavelength in angstrom.

    Raises
    ------
    InputError
        If the name is unknown (the nearest names are listed) or the number is not positive and finite.

    Examples
    --------
    >>> wavelength_of("CuKa"), wavelength_of(1.2)
    (1.54184, 1.2)
    """
    if isinstance(radiation, str):
        if radiation in WAVELENGTHS:
            return WAVELENGTHS[radiation]
        lower = {name.lower(): name for name in WAVELENGTHS}
        near = difflib.get_close_matches(radiation.lower(), lower, n=3, cutoff=0.4)
        nearest = ", ".join(lower[name] for name in near) or ", ".join(WAVELENGTHS)
        raise InputError(f"radiation {radiation!r} is unknown; nearest: {nearest} (or give a wavelength in angstrom)")
    if isinstance(radiation, bool) or not isinstance(radiation, (int, float, np.number)):
        raise InputError(f"radiation must be a name or a wavelength in angstrom, not {radiation!r}")
    wavelength = float(radiation)
    if not (math.isfinite(wavelength) and wavelength > 0):
        raise InputError(f"radiation: a wavelength must be positive and finite, not {wavelength}")
    return wavelength
