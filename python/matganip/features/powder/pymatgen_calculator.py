"""Calculators in the place of pymatgen's: the same calls, the same patterns, the compiled engine."""

from __future__ import annotations

from pymatgen.analysis.diffraction import neutron, xrd
from pymatgen.analysis.diffraction.core import AbstractDiffractionPatternCalculator, DiffractionPattern
from pymatgen.core.structure import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from matganip.errors import InputError
from matganip.features.powder.diffraction import PowderDiffraction
from matganip.features.powder.displacements import has_displacements
from matganip.features.radiation import Radiation, wavelength_of


class _CompiledPattern(AbstractDiffractionPatternCalculator):
    """`get_pattern` of both calculators; the constructors and the plots are pymatgen's."""

    wavelength: float
    symprec: float
    debye_waller_factors: dict[str, float]

    def _radiation(self) -> Radiation:
        raise NotImplementedError

    def get_pattern(
        self,
        structure: Structure,
        scaled: bool = True,
        two_theta_range: tuple[float, float] | None = (0, 90),
    ) -> DiffractionPattern:
        """Compute the pattern of a structure.

        Parameters
        ----------
        structure : Structure
            Displacements are taken from the site properties U11_cif ... U12_cif (and B_iso, U_iso), in angstrom^2, as
            pymatgen takes them; then neither `symprec` nor `debye_waller_factors` may be set.
        scaled : bool
            Whether the strongest peak is 100.
        two_theta_range : (float, float) or None
            Degrees; None is the whole limiting sphere.

        Returns
        -------
        pymatgen.analysis.diffraction.core.DiffractionPattern

        Raises
        ------
        InputError
            See `PowderDiffraction.patterns`.
        """
        displaced = any(has_displacements(site.properties) for site in structure)
        if displaced and (self.symprec or self.debye_waller_factors):
            raise InputError(
                "neither symprec nor debye_waller_factors can be used with the site properties U11_cif ... U12_cif"
            )
        if self.symprec:
            structure = SpacegroupAnalyzer(structure, symprec=self.symprec).get_refined_structure()
        powder = PowderDiffraction(self._radiation(), "pymatgen", self.debye_waller_factors)
        (peaks,) = powder.patterns([structure], two_theta_range, scaled, num_threads=1)
        return DiffractionPattern(  # type: ignore[no-untyped-call]
            peaks.two_theta, peaks.intensity, list(peaks.hkls), peaks.d_spacings.tolist()
        )


class XRDCalculator(_CompiledPattern, xrd.XRDCalculator):
    """Powder patterns for those who use pymatgen's `XRDCalculator`, which it stands in for.

    The constructor, the plots and the conventions are inherited; only `get_pattern` is computed otherwise.

    Parameters
    ----------
    wavelength : str or float
        Name of a line, ``"CuKa"``, or a wavelength in angstrom.
    symprec : float
        Where it is not 0, structures are refined by spglib with this tolerance first.
    debye_waller_factors : dict, optional
        B in angstrom^2 by element.

    Examples
    --------
    >>> import matganip as mg
    >>> from matganip.features import XRDCalculator
    >>> pattern = XRDCalculator("CuKa").get_pattern(mg.perovskite("CsPbI3", a=6.289), two_theta_range=(0, 30))
    >>> pattern.x.round(3).tolist(), [families[0]["hkl"] for families in pattern.hkls]
    ([14.082, 19.966, 24.517, 28.383], [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 0, 0)])
    """

    def __init__(
        self,
        wavelength: str | float = "CuKa",
        symprec: float = 0,
        debye_waller_factors: dict[str, float] | None = None,
    ) -> None:
        if isinstance(wavelength, str):
            wavelength_of(wavelength)  # names the nearest where there is none
        super().__init__(wavelength, symprec, debye_waller_factors)

    def _radiation(self) -> Radiation:
        return Radiation.of(self.wavelength)


class NDCalculator(_CompiledPattern, neutron.NDCalculator):
    """Neutron powder patterns for those who use pymatgen's `NDCalculator`, which it stands in for.

    Scattering lengths are pymatgen's, of the Neutron Data Booklet (2003), with those of deuterium and of isotopes
    besides. `PowderDiffraction` has newer ones, and those that depend on the energy.

    Parameters
    ----------
    wavelength : float
        Angstrom.
    symprec : float
        Where it is not 0, structures are refined by spglib with this tolerance first.
    debye_waller_factors : dict, optional
        B in angstrom^2 by element.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> from matganip.features import NDCalculator
    >>> crystal = Structure(Lattice.cubic(4.209), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> NDCalculator(1.54184).get_pattern(crystal, two_theta_range=(0, 40)).y.round(2).tolist()
    [7.55, 100.0, 3.48]
    """

    def __init__(
        self,
        wavelength: float = 1.54184,
        symprec: float = 0,
        debye_waller_factors: dict[str, float] | None = None,
    ) -> None:
        super().__init__(wavelength_of(wavelength), symprec, debye_waller_factors)

    def _radiation(self) -> Radiation:
        return Radiation(((self.wavelength, 1.0),), polarized=False, table="neutron-data-booklet")
