"""Powder patterns of any structures: relaxed, distorted, disordered, each on its own lattice."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args, overload

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip import _core
from matganip.crystal.structures import read_structure
from matganip.diffraction.peaks import Pattern
from matganip.diffraction.radiation import Radiation
from matganip.diffraction.reflections import HklFamily, families_of, no_peak, radii
from matganip.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

Merge = Literal["proximity", "pymatgen"]

# By how much the occupancies of a site may pass 1 by rounding, as in pymatgen.
OCCUPANCY_TOL = 1e-8

# Volume over the product of the cell's edges below which a cell is flat.
FLAT = 1e-9


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
        B in angstrom^2 by element; scattering is multiplied by :math:`\exp(-B s^2)`.

    Raises
    ------
    InputError
        If the radiation or the way to merge is unknown, or a B is negative or not a number.

    Notes
    -----
    The formulas are those of `LatticeDiffraction`, listed in ``docs/diffraction.md``.

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

    def patterns(
        self,
        structures: Iterable[Structure | Atoms | str | os.PathLike[str]],
        two_theta_range: tuple[float, float] | None = (0, 90),
        scaled: bool = True,
        num_threads: int | None = None,
    ) -> list[Pattern]:
        """Compute the pattern of each structure.

        Parameters
        ----------
        structures : iterable of Structure, ase.Atoms or path
            Sites may be shared by several species, or be empty in part.
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
            Peaks above a thousandth of a percent of the strongest one. ``hkls`` is a sequence whose families are
            sorted out when they are first asked for.

        Raises
        ------
        InputError
            If no reflection of a structure lies in the range, an element has no form factor, a structure has no
            atoms, no volume, coordinates that are no numbers or a site with an occupancy over 1. The message names
            structure and site by their index.
        """
        inner, outer = radii(self.wavelength, two_theta_range)
        if isinstance(structures, Structure | str | os.PathLike) or hasattr(structures, "get_scaled_positions"):
            raise InputError("structures must be a list of structures, not a single one")
        crystals = [read_structure(structure) for structure in structures]
        if not crystals:
            return []
        found = _core.powder_patterns(
            **_flat_arrays(crystals, self.radiation, self.debye_waller_factors),
            wavelength=self.wavelength,
            inner=inner,
            outer=outer,
            bins=self.merge == "pymatgen",
            scaled=scaled,
            num_threads=_threads(num_threads),
        )
        empty = np.flatnonzero(found["n_reflections"] == 0)
        if len(empty):
            lattice = crystals[empty[0]].lattice
            raise InputError(f"structure {empty[0]}: {no_peak(lattice, self.wavelength, two_theta_range)}")
        return _split(found, crystals)


class Families(Sequence[list[HklFamily]]):
    """Families of each peak of a pattern, sorted out when they are first asked for.

    Parameters
    ----------
    hkl : numpy.ndarray
        (n, 3) int16, one of each Friedel pair, peak after peak.
    n_members : numpy.ndarray
        (n_peaks,) how many of them each peak holds.
    lattice : pymatgen.core.Lattice
        Families of hexagonal axes are written as hkil.
    """

    def __init__(self, hkl: NDArray[np.int16], n_members: NDArray[np.int64], lattice: Lattice) -> None:
        self._hkl = hkl
        self._n_members = n_members
        self._lattice = lattice

    @cached_property
    def _families(self) -> list[list[HklFamily]]:
        ends = np.concatenate([[0], np.cumsum(self._n_members)])
        return families_of(self._hkl, ends, self._lattice.is_hexagonal())

    def __len__(self) -> int:
        return len(self._n_members)

    @overload
    def __getitem__(self, index: int) -> list[HklFamily]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[HklFamily]]: ...
    def __getitem__(self, index: int | slice) -> list[HklFamily] | list[list[HklFamily]]:
        return self._families[index]

    def __repr__(self) -> str:
        return f"<families of {len(self)} peaks>"


def _threads(num_threads: int | None) -> int:
    if num_threads is not None and num_threads < 0:
        raise InputError(f"num_threads must be None, 0 (all cores) or positive, not {num_threads}")
    return num_threads or 0


def _flat_arrays(
    crystals: list[Structure], radiation: Radiation, debye_waller_factors: Mapping[str, float]
) -> dict[str, NDArray[Any]]:
    """What the kernel reads, checked: atoms of all structures in one row, and what each species scatters."""
    lattices = np.array([crystal.lattice.matrix for crystal in crystals], dtype=np.float64)
    _check_lattices(lattices)
    coordinates: list[NDArray[np.float64]] = []
    species: list[int] = []
    occupancy: list[float] = []
    offsets, codes = [0], _Codes(radiation)
    for number, crystal in enumerate(crystals):
        if not len(crystal):
            raise InputError(f"structure {number}: has no atoms")
        codes.structure = number
        for index, site in enumerate(crystal):
            shares = site.species.items()
            for specie, share in shares:
                species.append(codes[specie])
                occupancy.append(share)
                coordinates.append(site.frac_coords)
            if not (len(shares) == 1 and 0 <= share <= 1):
                _check_occupancy([share for _, share in shares], number, index)
        offsets.append(len(species))
    points = np.array(coordinates, dtype=np.float64).reshape(-1, 3)
    if not np.isfinite(points).all():
        raise InputError(_without_place(crystals))
    symbols = codes.symbols
    factors = radiation.form_factors(symbols, radiation.lines[0][0])
    return {
        "lattices": lattices,
        # Rounded as pymatgen rounds them, so that lines at the edge of one of its bins fall on the same side.
        "reciprocals": np.ascontiguousarray(np.linalg.inv(lattices).transpose(0, 2, 1) * 2 * np.pi / (2 * np.pi)),
        "offsets": np.array(offsets, dtype=np.int64),
        "coordinates": points,
        "species": np.array(species, dtype=np.int32),
        "occupancy": np.array(occupancy, dtype=np.float64),
        "electrons": factors.constant,
        "coefficients": factors.coefficients,
        "debye_waller": np.array([debye_waller_factors.get(symbol, 0.0) for symbol in symbols], dtype=np.float64),
    }


class _Codes(dict[Any, int]):
    """Numbers of species, given out as they come: an element has one, whatever its charge."""

    def __init__(self, radiation: Radiation) -> None:
        super().__init__()
        self.radiation = radiation
        self.symbols: list[str] = []
        self.structure = 0

    def __missing__(self, specie: Any) -> int:
        symbol = str(specie.symbol)
        if symbol not in self.symbols:
            try:
                self.radiation.form_factors([symbol], self.radiation.lines[0][0])
            except InputError as error:
                raise InputError(f"structure {self.structure}: {error}") from error
            self.symbols.append(symbol)
        self[specie] = self.symbols.index(symbol)
        return self[specie]


def _check_lattices(lattices: NDArray[np.float64]) -> None:
    with np.errstate(invalid="ignore"):
        volume = np.abs(np.linalg.det(lattices))
        flat = ~(volume > FLAT * np.linalg.norm(lattices, axis=2).prod(axis=1))
    if flat.any():
        number = int(np.argmax(flat))
        raise InputError(f"structure {number}: its cell {lattices[number].tolist()} has no volume")


def _check_occupancy(shares: list[float], structure: int, site: int) -> None:
    if not (min(shares, default=0.0) >= 0 and sum(shares) <= 1 + OCCUPANCY_TOL):
        raise InputError(
            f"structure {structure}, site {site}: occupancies {shares} must be 0 or more and add up to 1 or less"
        )


def _without_place(crystals: list[Structure]) -> str:
    for number, crystal in enumerate(crystals):
        for index, place in enumerate(crystal.frac_coords.tolist()):
            if not all(map(math.isfinite, place)):
                return f"structure {number}, site {index} ({crystal[index].species_string}): coordinates are {place}"
    raise AssertionError("all coordinates are finite")


def _split(found: dict[str, NDArray[Any]], crystals: list[Structure]) -> list[Pattern]:
    """The pattern of each structure, as views of the arrays that hold all."""
    ends = np.concatenate([[0], np.cumsum(found["n_peaks"])])
    members = np.concatenate([[0], np.cumsum(found["n_members"])])[ends]
    hkl = found["hkl"].reshape(-1, 3)
    patterns = []
    for i, crystal in enumerate(crystals):
        peaks = slice(ends[i], ends[i + 1])
        families = Families(hkl[members[i] : members[i + 1]], found["n_members"][peaks], crystal.lattice)
        patterns.append(
            Pattern(found["two_theta"][peaks], found["intensity"][peaks], families, found["d_spacings"][peaks])
        )
    return patterns
