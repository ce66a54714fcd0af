"""A calculator in the place of pymatgen's: the same calls, the same patterns, the compiled engine."""

from __future__ import annotations

from pymatgen.analysis.diffraction import xrd
from pymatgen.analysis.diffraction.core import DiffractionPattern
from pymatgen.core.structure import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from matganip.errors import InputError
from matganip.features.powder.diffraction import PowderDiffraction


class XRDCalculator(xrd.XRDCalculator):
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
            Displacements are taken from the site properties U11_cif ... U12_cif, in angstrom^2, as pymatgen takes them;
            then neither `symprec` nor `debye_waller_factors` may be set.
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
        displaced = any("U11_cif" in site.properties for site in structure)
        if displaced and (self.symprec or self.debye_waller_factors):
            raise InputError(
                "neither symprec nor debye_waller_factors can be used with the site properties U11_cif ... U12_cif"
            )
        if self.symprec:
            structure = SpacegroupAnalyzer(structure, symprec=self.symprec).get_refined_structure()
        powder = PowderDiffraction(self.wavelength, "pymatgen", self.debye_waller_factors)
        (peaks,) = powder.patterns([structure], two_theta_range, scaled, num_threads=1)
        return DiffractionPattern(  # type: ignore[no-untyped-call]
            peaks.two_theta, peaks.intensity, list(peaks.hkls), peaks.d_spacings.tolist()
        )
