"""Powder patterns of any structures: relaxed, distorted, disordered, each on its own lattice."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip import _core
from matganip.crystal.structures import read_structure
from matganip.errors import InputError, ReadingWarning
from matganip.features.families import Families
from matganip.features.form_factors import scatterer
from matganip.features.orientation import MarchDollase
from matganip.features.peaks import Pattern
from matganip.features.powder.crystals import AtomRows, CrystalArrays, rows_of
from matganip.features.radiation import Radiation
from matganip.features.reflections import no_peak, radii

if TYPE_CHECKING:
    from ase import Atoms

Merge = Literal["proximity", "pymatgen"]

# Angstrom. Atoms closer than this stand in one place.
OVERLAP = 0.01


class PowderDiffraction:
    r"""Powder patterns of structures that have nothing in common.

    Parameters
    ----------
    radiation : str, float or Radiation
        Name of an X-ray line, ``"CuKa"``, a wavelength in angstrom, or a `Radiation`.
    merge : {"proximity", "pymatgen"}
        "proximity" merges lines within 1e-5 degrees of the first of a peak. "pymatgen" merges those whose angles
        round to one multiple of 1e-5 degrees, as pymatgen does; it can split lines that are exactly degenerate.
    debye_waller_factors : mapping of str to float, optional
        B in angstrom^2 by element; scattering is multiplied by :math:`\exp(-B s^2)`. Displacements of single sites are
        read from the structures' site properties.
    preferred_orientation : MarchDollase, optional
        How the crystallites lie; by default in all directions alike.
    displacements : bool
        Whether the displacements that structures carry are read; False leaves them out, as if atoms were at rest.

    Raises
    ------
    InputError
        If the radiation or the way to merge is unknown, or a B is negative or not a number.

    Notes
    -----
    Conventions, formulas and their sources are listed in ``docs/powder.md``.

    Examples
    --------
    >>> import matganip as mg
    >>> powder = mg.PowderDiffraction("CuKa")
    >>> one, other = powder.patterns([mg.perovskite("CsPbI3", a=a) for a in (6.289, 6.3)])
    >>> one.two_theta[:2].round(3).tolist(), other.two_theta[:2].round(3).tolist()
    ([14.082, 19.966], [14.058, 19.931])
    >>> one.hkls[1]
    [{'hkl': (1, 1, 0), 'multiplicity': 12}]
    """

    def __init__(
        self,
        radiation: str | float | Radiation = "CuKa",
        merge: Merge = "proximity",
        debye_waller_factors: Mapping[str, float] | None = None,
        preferred_orientation: MarchDollase | None = None,
        displacements: bool = True,
    ) -> None:
        if merge not in get_args(Merge):
            raise InputError(f"merge must be 'proximity' or 'pymatgen', not {merge!r}")
        self.radiation = Radiation.of(radiation)
        self.wavelength = self.radiation.lines[0][0]
        self.merge = merge
        self.debye_waller_factors = dict(debye_waller_factors or {})
        for symbol, factor in self.debye_waller_factors.items():
            if isinstance(factor, bool) or not isinstance(factor, int | float | np.number):
                raise InputError(f"debye_waller_factors.{symbol}: must be a number, got {factor!r}")
            if not (math.isfinite(factor) and factor >= 0):
                raise InputError(f"debye_waller_factors.{symbol}: must be finite and not negative, got {factor}")
        if not isinstance(preferred_orientation, MarchDollase | None):
            raise InputError(f"preferred_orientation must be a MarchDollase, not {preferred_orientation!r}")
        self.preferred_orientation = preferred_orientation
        self.displacements = bool(displacements)

    def patterns(
        self,
        structures: Iterable[Structure | Atoms | str | os.PathLike[str]] | CrystalArrays,
        two_theta_range: tuple[float, float] | None = (0, 90),
        scaled: bool = True,
        num_threads: int | None = None,
    ) -> list[Pattern]:
        """Compute the pattern of each structure.

        Parameters
        ----------
        structures : iterable of Structure, ase.Atoms or path, or CrystalArrays
            Sites may be shared by several species, or be empty in part. Their displacements are taken from the site
            properties U11_cif ... U12_cif, B_iso or U_iso, in angstrom^2.
        two_theta_range : (float, float) or None
            Degrees, both ends included; None takes all reflections that the wavelength admits.
        scaled : bool
            Whether the strongest peak of each pattern is 100. Unscaled intensities are in electrons squared, times
            the Lorentz-polarization factor, per cell.
        num_threads : int, optional
            Threads to use, one to a structure; None or 0 is all cores. The result is the same bytes for any number.

        Returns
        -------
        list of Pattern
            Peaks above a thousandth of a percent of the strongest one; those of all spectral lines in one list, by
            angle. ``hkls`` is a sequence whose families are sorted out when they are first asked for.

        Raises
        ------
        InputError
            If no reflection of a structure lies in the range, an element has no form factor, a structure has no
            atoms, no volume, coordinates that are no numbers, a site with an occupancy over 1, atoms within 0.01
            angstrom that fill more than one site, or displacements beside `debye_waller_factors`. The message names
            structure and site by their index.
        """
        if isinstance(structures, Structure | str | os.PathLike) or hasattr(structures, "get_scaled_positions"):
            raise InputError("structures must be a list of structures, not a single one")
        threads = _threads(num_threads)
        shells = [radii(wavelength, two_theta_range) for wavelength, _ in self.radiation.lines]
        rows = structures.rows() if isinstance(structures, CrystalArrays) else self._rows(list(structures))
        if not len(rows):
            return []
        rows.check()
        if rows.displaced and self.debye_waller_factors:
            raise InputError(
                "debye_waller_factors cannot be used with structures whose sites have displacements "
                "(displacements=False leaves those out)"
            )
        arrays = rows.arrays()
        _refuse_overlaps(rows, arrays, threads)
        orientation = self.preferred_orientation or MarchDollase((0, 0, 1), 1.0)
        found = _core.powder_patterns(
            arrays=arrays,
            spectrum=[
                self._spectral_line(rows, line, shell) for line, shell in zip(self.radiation.lines, shells, strict=True)
            ],
            bins=self.merge == "pymatgen",
            scaled=scaled,
            polarization=self.radiation.polarization,
            march_r=float(orientation.r),
            march_hkl=[float(index) for index in orientation.hkl],
            num_threads=threads,
        )
        empty = np.flatnonzero(found["n_reflections"] == 0)
        if len(empty):
            shortest = min(wavelength for wavelength, _ in self.radiation.lines)
            reason = no_peak(Lattice(rows.lattices[empty[0]]), shortest, two_theta_range)
            raise InputError(f"structure {empty[0]}: {reason}")
        return _split(found, rows.lattices)

    def _rows(self, structures: list[Structure | Atoms | str | os.PathLike[str]]) -> AtomRows:
        """Read the structures, and say where magnetic moments are left out."""
        crystals = [read_structure(structure) for structure in structures]
        rows = rows_of(list(crystals), charged=self.radiation.ions == "as read", displaced=self.displacements)
        if not self.radiation.polarized:
            magnetic = [i for i, one in enumerate(crystals) if _is_magnetic(one)]
            if magnetic:
                warnings.warn(
                    f"structure {magnetic[0]} has magnetic moments; patterns have the nuclear lines only",
                    ReadingWarning,
                    stacklevel=3,
                )
        return rows

    def _b_of(self, symbol: str) -> float:
        """B of a species: its own, or that of its element."""
        element = scatterer(symbol)[0]
        return self.debye_waller_factors.get(symbol, self.debye_waller_factors.get(element, 0.0))

    def _spectral_line(self, rows: AtomRows, line: tuple[float, float], shell: tuple[float, float]) -> dict[str, Any]:
        """What the kernel wants to know of one line of the spectrum."""
        wavelength, weight = line
        try:
            factors = self.radiation.form_factors(rows.symbols, wavelength)
        except InputError:
            _name_first(rows, self.radiation, wavelength)
            raise
        damping = [self._b_of(symbol) for symbol in rows.symbols]
        return {
            "wavelength": wavelength,
            "weight": weight,
            "inner": shell[0],
            "outer": shell[1],
            "constant": np.ascontiguousarray(factors.constant, dtype=np.float64),
            "coefficients": np.ascontiguousarray(factors.coefficients, dtype=np.float64),
            "imaginary": np.ascontiguousarray(factors.imaginary, dtype=np.float64),
            "mott_bethe": factors.mott_bethe,
            "debye_waller": np.array(damping, dtype=np.float64),
        }


def _is_magnetic(structure: Structure) -> bool:
    """Whether sites have moments: those of a magCIF, of ASE Atoms, or spins of species."""
    moments = [site.properties.get("magmom") for site in structure]
    spins = [getattr(specie, "spin", None) for specie in structure.composition]
    return any(np.any(getattr(one, "moment", one)) for one in [*moments, *spins] if one is not None)


def _threads(num_threads: int | None) -> int:
    if num_threads is not None and num_threads < 0:
        raise InputError(f"num_threads must be None, 0 (all cores) or positive, not {num_threads}")
    return num_threads or 0


def _name_first(rows: AtomRows, radiation: Radiation, wavelength: float) -> None:
    """Say which structure it is that has an element without form factor."""
    for code, symbol in enumerate(rows.symbols):
        try:
            radiation.form_factors([symbol], wavelength)
        except InputError as error:
            atom = int(np.argmax(rows.species == code))
            raise InputError(f"{rows.place(atom).split(',')[0]}: {error}") from error


def _refuse_overlaps(rows: AtomRows, arrays: dict[str, NDArray[Any]], threads: int) -> None:
    overlap = _core.find_overlap(arrays=arrays, distance=OVERLAP, num_threads=threads)
    if overlap is None:
        return
    structure, atom, other = overlap
    site = rows.place(other).removeprefix(f"structure {structure}, ")
    raise InputError(
        f"{rows.place(atom)}: lies within {OVERLAP} angstrom of {site}, and their occupancies add up to more than 1"
    )


def _split(found: dict[str, NDArray[Any]], lattices: NDArray[np.float64]) -> list[Pattern]:
    """The pattern of each structure, as views of the arrays that hold all."""
    ends = np.concatenate([[0], np.cumsum(found["n_peaks"])])
    members = np.concatenate([[0], np.cumsum(found["n_listed"])]).tolist()
    ends = ends.tolist()
    two_theta, intensity, d_spacings = found["two_theta"], found["intensity"], found["d_spacings"]
    hkl, n_members = found["hkl"].reshape(-1, 3), found["n_members"]
    patterns = []
    for i, lattice in enumerate(lattices):
        peaks = slice(ends[i], ends[i + 1])
        families = Families(hkl[members[i] : members[i + 1]], n_members[peaks], lattice)
        patterns.append(Pattern(two_theta[peaks], intensity[peaks], families, d_spacings[peaks]))
    return patterns
