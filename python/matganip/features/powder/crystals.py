"""Many structures as arrays: atoms of all in one row, from objects or from plain arrays, and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from matganip.crystal.limits import first_beyond
from matganip.crystal.species import name_of, symbol_of
from matganip.crystal.structures import read_structure
from matganip.errors import InputError
from matganip.features.form_factors import scatterer
from matganip.features.powder.displacements import displacements, has_displacements

if TYPE_CHECKING:
    import os

    from ase import Atoms

# By how much the occupancies of a site may pass 1 by rounding, as in pymatgen.
OCCUPANCY_TOL = 1e-8

# Volume over the product of the cell's edges below which a cell is flat.
FLAT = 1e-9


@dataclass(frozen=True, eq=False)
class AtomRows:
    """Atoms of all structures, one after the other; what the kernel reads.

    Attributes
    ----------
    lattices : numpy.ndarray
        (n, 3, 3) float64, rows are the cell vectors in angstrom.
    offsets : numpy.ndarray
        (n + 1,) int64: atoms of structure i are rows ``offsets[i]:offsets[i + 1]``.
    coordinates : numpy.ndarray
        (n_atoms, 3) float64, fractional.
    species : numpy.ndarray
        (n_atoms,) int32, index into `symbols`.
    occupancy : numpy.ndarray
        (n_atoms,) float64.
    symbols : list of str
    isotropic : numpy.ndarray
        (n_atoms,) B in angstrom^2, or empty: none.
    anisotropic : numpy.ndarray
        (n_atoms, 6) U*, or empty: none.
    sites : numpy.ndarray
        (n_atoms,) int64, the site of its structure that an atom stands on, or empty: each atom on its own.
    """

    lattices: NDArray[np.float64]
    offsets: NDArray[np.int64]
    coordinates: NDArray[np.float64]
    species: NDArray[np.int32]
    occupancy: NDArray[np.float64]
    symbols: list[str]
    isotropic: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    anisotropic: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 6)))
    sites: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def displaced(self) -> bool:
        """Whether some atoms have displacements of their own."""
        return bool(self.isotropic.size or self.anisotropic.size)

    def place(self, atom: int) -> str:
        """Name an atom's structure and site in a message."""
        structure = int(np.searchsorted(self.offsets, atom, side="right")) - 1
        site = int(self.sites[atom]) if self.sites.size else atom - int(self.offsets[structure])
        return f"structure {structure}, site {site} ({self.symbols[self.species[atom]]})"

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What the kernel takes."""
        inverses = np.linalg.inv(self.lattices).transpose(0, 2, 1)
        return {
            "lattices": self.lattices,
            # Rounded as pymatgen rounds them, so that lines at the edge of one of its bins fall on the same side.
            "reciprocals": np.ascontiguousarray(inverses * 2 * np.pi / (2 * np.pi)),
            "offsets": self.offsets,
            "coordinates": self.coordinates,
            "species": self.species,
            "occupancy": self.occupancy,
            "isotropic": self.isotropic,
            "anisotropic": self.anisotropic,
        }

    def check(self) -> None:
        """Refuse what is no structure.

        Raises
        ------
        InputError
            If a structure has no atoms, no volume, a coordinate that is no number or an occupancy that is not
            between 0 and 1. Shares of a site are checked where they are read.
        """
        empty = np.flatnonzero(np.diff(self.offsets) == 0)
        if len(empty):
            raise InputError(f"structure {empty[0]}: has no atoms")
        with np.errstate(invalid="ignore", over="ignore"):
            volume = np.abs(np.linalg.det(self.lattices))
            flat = ~(volume > FLAT * np.linalg.norm(self.lattices, axis=2).prod(axis=1))
        if flat.any():
            number = int(np.argmax(flat))
            raise InputError(f"structure {number}: its cell {self.lattices[number].tolist()} has no volume")
        if (atom := first_beyond(self.coordinates)) is not None:
            raise InputError(f"{self.place(atom)}: coordinates are {self.coordinates[atom].tolist()}")
        within = (self.occupancy >= 0) & (self.occupancy <= 1 + OCCUPANCY_TOL)
        if not within.all():
            atom = int(np.argmin(within))
            raise InputError(f"{self.place(atom)}: occupancy {self.occupancy[atom]} must be between 0 and 1")


@dataclass(frozen=True, eq=False)
class CrystalArrays:
    """Structures of as many sites each, as plain arrays: no object for a site, however many there are.

    Attributes
    ----------
    lattices : array_like
        (n, 3, 3) rows are the cell vectors, angstrom.
    coordinates : array_like
        (n, m, 3) fractional.
    species : array_like
        (m,) the same in all structures, or (n, m): element symbols, or atomic numbers (faster to read by far).
    occupancies : array_like, optional
        (m,) or (n, m), 1 where not given.
    isotropic : array_like, optional
        (m,) or (n, m) B in angstrom^2, by which scattering is multiplied by exp(-B s^2).

    Examples
    --------
    >>> import numpy as np
    >>> import matganip as mg
    >>> cells = np.array([np.eye(3) * a for a in (4.1, 4.2)])
    >>> crystals = CrystalArrays(cells, np.tile([[0, 0, 0], [0.5, 0.5, 0.5]], (2, 1, 1)), ["Cs", "Cl"])
    >>> [pattern.two_theta[0].round(3).item() for pattern in mg.PowderDiffraction("CuKa").patterns(crystals)]
    [21.676, 21.153]
    """

    lattices: ArrayLike
    coordinates: ArrayLike
    species: ArrayLike
    occupancies: ArrayLike | None = None
    isotropic: ArrayLike | None = None

    def rows(self) -> AtomRows:
        """Lay out for the kernel.

        Returns
        -------
        AtomRows

        Raises
        ------
        InputError
            If an array does not hold numbers, has another shape, or a number is that of no element.
        """
        lattices = _floats(self.lattices, "lattices")
        coordinates = _floats(self.coordinates, "coordinates")
        if lattices.ndim != 3 or lattices.shape[1:] != (3, 3):
            raise InputError(f"lattices must be (n, 3, 3), got {lattices.shape}")
        if coordinates.ndim != 3 or coordinates.shape[::2] != (len(lattices), 3):
            raise InputError(f"coordinates must be ({len(lattices)}, m, 3), got {coordinates.shape}")
        n, m, _ = coordinates.shape
        species, symbols = _codes(np.asarray(self.species))
        return AtomRows(
            lattices=lattices,
            offsets=np.arange(n + 1, dtype=np.int64) * m,
            coordinates=coordinates.reshape(-1, 3),
            species=_for_each(species, "species", n, m),
            occupancy=_for_each(
                _floats(1.0 if self.occupancies is None else self.occupancies, "occupancies"), "occupancies", n, m
            ),
            symbols=symbols,
            isotropic=np.zeros(0) if self.isotropic is None else self._b(self.isotropic, n, m),
        )

    def _b(self, isotropic: ArrayLike, n: int, m: int) -> NDArray[np.float64]:
        values = _for_each(_floats(isotropic, "isotropic"), "isotropic", n, m)
        if not (np.isfinite(values) & (values >= 0)).all():
            raise InputError("isotropic: B must be finite and not negative")
        return values


def _floats(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        return np.ascontiguousarray(values, dtype=np.float64) if np.ndim(values) else np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: must be an array of numbers ({error})") from error


def _for_each(values: NDArray[Any], name: str, n: int, m: int) -> NDArray[Any]:
    """One value for each atom of each structure, in a row."""
    if values.shape not in ((), (m,), (n, m)):
        raise InputError(f"{name} must be ({m},) or ({n}, {m}), got {values.shape}")
    return np.ascontiguousarray(np.broadcast_to(values, (n, m))).reshape(-1)


def _codes(species: NDArray[Any]) -> tuple[NDArray[np.int32], list[str]]:
    """Indices into the distinct symbols, and these."""
    if species.dtype.kind in "iu":
        if species.size and not (species.min() >= 1 and species.max() <= 118):
            raise InputError("species: atomic numbers must be between 1 and 118")
        present = np.flatnonzero(np.bincount(species.reshape(-1), minlength=119))
        index = np.zeros(119, dtype=np.int32)
        index[present] = np.arange(len(present))
        return index[species], [Element.from_Z(int(z)).symbol for z in present]
    if species.dtype.kind != "U":
        raise InputError(f"species must be element symbols or atomic numbers, got {species.dtype}")
    symbols, inverse = np.unique(species, return_inverse=True)
    return inverse.reshape(species.shape).astype(np.int32), symbols.tolist()


def rows_of(
    structures: list[Structure | Atoms | str | os.PathLike[str]], *, charged: bool = False, displaced: bool = True
) -> AtomRows:
    """Lay out structures for the kernel.

    Parameters
    ----------
    structures : list of Structure, ase.Atoms or path
        Sites may be shared by several species or empty in part. Isotopes are the element D and the site property
        ``isotope``, a mass number; 0 is the natural mixture.
    charged : bool
        Whether species of different charges are told apart.
    displaced : bool
        Whether displacements are read from site properties, see `displacements`.

    Returns
    -------
    AtomRows

    Raises
    ------
    InputError
        If something is no structure, occupancies of a site add up to more than 1, or displacements are no such.
    """
    crystals = [read_structure(structure) for structure in structures]
    coordinates: list[NDArray[np.float64]] = []  # of each site
    n_shares: list[int] = []
    species: list[int] = []  # of each atom: the shares of a site are as many atoms
    occupancy: list[float] = []
    codes, with_displacements, with_isotopes = _Codes(charged), [], []
    for number, crystal in enumerate(crystals):
        sites = crystal.sites
        compositions = [site.species for site in sites]
        shares = [share for composition in compositions for share in composition.items()]
        coordinates += [site.frac_coords for site in sites]
        n_shares += map(len, compositions)
        species += codes.of([specie for specie, _ in shares])
        occupancy += [amount for _, amount in shares]
        properties = [site.properties for site in sites if site.properties]
        if displaced and any(map(has_displacements, properties)):
            with_displacements.append(number)
        if any(one.get("isotope") for one in properties):
            with_isotopes.append(number)
    sizes = np.array([len(crystal) for crystal in crystals], dtype=np.int64)
    first = np.cumsum(sizes) - sizes  # site of each structure
    site = np.repeat(np.arange(sizes.sum()), n_shares)  # of each atom, among those of all structures
    structure = np.repeat(np.arange(len(crystals)), sizes)  # of each site
    rows = AtomRows(
        lattices=np.array([crystal.lattice.matrix for crystal in crystals], dtype=np.float64).reshape(-1, 3, 3),
        offsets=np.searchsorted(site, np.append(first, sizes.sum())).astype(np.int64),
        coordinates=(np.concatenate(coordinates) if coordinates else np.zeros(0)).reshape(-1, 3)[site],
        species=np.array(species, dtype=np.int32),
        occupancy=np.array(occupancy, dtype=np.float64),
        symbols=codes.symbols,
        sites=site - first[structure[site]],
    )
    _check_shares(rows.occupancy, site, structure, first)
    for number in with_isotopes:
        _set_isotopes(rows, crystals[number], number, codes)
    return _with_displacements(rows, crystals, with_displacements) if with_displacements else rows


def _set_isotopes(rows: AtomRows, crystal: Structure, number: int, codes: _Codes) -> None:
    """Give the atoms of sites with the property ``isotope`` a code of their own."""
    row = int(rows.offsets[number])
    for index, site in enumerate(crystal):
        for specie in site.species:
            mass = site.properties.get("isotope")
            if isinstance(mass, Mapping):
                mass = mass.get(name_of(specie))
            if mass:
                name = f"{mass}{name_of(specie) if codes.charged else symbol_of(specie)}"
                if scatterer(name)[1] != mass:
                    raise InputError(
                        f"structure {number}, site {index} ({site.species_string}): isotope {mass} is not one of it"
                    )
                rows.species[row] = codes.code(name)
            row += 1


class _Codes:
    """Numbers of species, given out as they come: an element has one, whatever its charge, unless charges count.

    Species are known by their identity: their own hash costs more than all else in reading a site. What they belong
    to must be kept meanwhile.
    """

    def __init__(self, charged: bool) -> None:
        self.charged = charged
        self.symbols: list[str] = []
        self._known: dict[int, int] = {}

    def of(self, species: list[Any]) -> list[int]:
        try:
            return [self._known[id(specie)] for specie in species]
        except KeyError:
            for specie in species:
                self._known[id(specie)] = self.code(name_of(specie) if self.charged else symbol_of(specie))
            return [self._known[id(specie)] for specie in species]

    def code(self, name: str) -> int:
        if name not in self.symbols:
            self.symbols.append(name)
        return self.symbols.index(name)


def _check_shares(
    occupancy: NDArray[np.float64], site: NDArray[np.int64], structure: NDArray[np.int64], first: NDArray[np.int64]
) -> None:
    """Refuse a site whose occupancies are negative or add up to more than 1."""
    sums = np.bincount(site, weights=occupancy)
    wrong = np.concatenate([site[~(occupancy >= 0)], np.flatnonzero(~(sums <= 1 + OCCUPANCY_TOL))])
    if len(wrong):
        index = int(wrong.min())
        shares = occupancy[site == index].tolist()
        raise InputError(
            f"structure {structure[index]}, site {index - first[structure[index]]}: occupancies {shares} must be 0 or "
            "more and add up to 1 or less"
        )


def _with_displacements(rows: AtomRows, crystals: list[Structure], displaced: list[int]) -> AtomRows:
    isotropic = np.zeros(len(rows.species))
    anisotropic = np.zeros((len(rows.species), 6))
    for number in displaced:
        b, u = displacements(crystals[number], number)
        atoms = slice(rows.offsets[number], rows.offsets[number + 1])
        isotropic[atoms], anisotropic[atoms] = b, u
    return replace(rows, isotropic=isotropic, anisotropic=anisotropic)
