"""For pymatgen users: all orderings of a disordered structure, without an external program."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
from pymatgen.transformations.transformation_abc import AbstractTransformation

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.orderings import DisorderedCrystal, OrderedCell
from matganip.errors import InputError

logger = logging.getLogger(__name__)

SortCriterion = Callable[[Structure], tuple[Structure, float]]


class EnumerateOrbitsTransformation(AbstractTransformation):
    """Order a disordered structure in every symmetry-distinct way.

    A drop-in for pymatgen's ``EnumerateStructureTransformation``: the same arguments mean the same, the ranked list has
    the same entries, and it can be used wherever a one-to-many transformation can (``TransformedStructure``,
    ``StandardTransmuter``). No external program is called.

    Parameters
    ----------
    min_cell_size, max_cell_size : int
        Smallest and largest supercell, in units of the given cell. All shapes of each size are taken, each once up
        to symmetry. Sizes on which the occupancies give no whole numbers of atoms are passed over.
    symm_prec : float
        Tolerance of the search for the structure's symmetry, in angstrom.
    refine_structure : bool
        Whether to replace the structure by its refined conventional cell first.
    max_disordered_sites : int, optional
        Instead of `max_cell_size`, which must be None then: take the smallest size that gives an ordering, while the
        supercell has at most this many disordered sites.
    sort_criteria : {"ewald", "nsites"} or callable
        What to rank by: the electrostatic energy per site, if every species has an oxidation state; the number of
        sites, to which ``"ewald"`` falls back otherwise; or the energy per site that a function finds: it takes an
        ordered structure and returns a structure (the relaxed one, say) and its energy in eV.
    occu_tol : float
        Largest difference between an occupancy and a whole number of atoms divided by the number of sites.
    timeout : float, optional
        Minutes after which to give up with a TimeoutError; looked at every few thousand orderings.

    Notes
    -----
    Differences:

    - Equivalent sites keep their occupancies. EnumerateStructureTransformation fixes the amount of a species in the
      whole cell and moves it between sites that are not equivalent.
    - The symmetry of the ordered sites always counts (its ``check_ordered_symmetry=True``), occupancies are met within
      `occu_tol` or refused (instead of ``enum_precision_parameter``), and there is no ``n_jobs``. ``"m3gnet"`` is
      any other potential: pass a function.
    - Each dictionary of a ranked list also has the ``multiplicity``: the number of arrangements of the crystal that
      its symmetry makes of this one.

    An ordering that repeats in a smaller supercell is listed with that size and no other. Between sizes and shapes no
    ordering comes twice if the given cell is primitive.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> alloy = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.7), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]])
    >>> primitive = alloy.get_primitive_structure()
    >>> ranked = EnumerateOrbitsTransformation(1, 4).apply_transformation(primitive, return_ranked_list=100)
    >>> [(entry["num_sites"], entry["multiplicity"]) for entry in ranked][:3]
    [(2, 8), (2, 6), (4, 16)]
    """

    def __init__(
        self,
        min_cell_size: int = 1,
        max_cell_size: int | None = 1,
        symm_prec: float = 0.1,
        refine_structure: bool = False,
        *,
        max_disordered_sites: int | None = None,
        sort_criteria: str | SortCriterion = "ewald",
        occu_tol: float = 0.005,
        timeout: float | None = None,
    ) -> None:
        self.min_cell_size = min_cell_size
        self.max_cell_size = max_cell_size
        self.symm_prec = symm_prec
        self.refine_structure = refine_structure
        self.max_disordered_sites = max_disordered_sites
        self.sort_criteria = sort_criteria
        self.occu_tol = occu_tol
        self.timeout = timeout
        if (max_cell_size is None) == (max_disordered_sites is None):
            raise InputError("give one of max_cell_size and max_disordered_sites, and None for the other")
        if min_cell_size < 1 or (max_cell_size is not None and max_cell_size < min_cell_size):
            raise InputError(f"cell sizes: 1 <= min <= max is needed, got {min_cell_size} and {max_cell_size}")
        if not callable(sort_criteria) and sort_criteria not in ("ewald", "nsites"):
            raise InputError(f"sort_criteria: 'ewald', 'nsites' or a function is needed, got {sort_criteria!r}")

    def apply_transformation(
        self, structure: Structure, return_ranked_list: bool | int = False
    ) -> Structure | list[dict[str, Any]]:
        """Order a structure.

        Parameters
        ----------
        structure : Structure
            With partial occupancies; those that do not add up to one leave vacancies.
        return_ranked_list : bool or int
            How many orderings to return, True being 1; a larger number than there are returns all. Only this many are
            held in memory.

        Returns
        -------
        Structure or list of dict
            If False, the structure that ranks first. Otherwise a list, best first, of dictionaries with
            ``structure``, ``num_sites``, ``multiplicity`` and, where it was ranked by one, ``energy`` in eV (of the
            cell).

        Raises
        ------
        InputError
            If no size gives whole numbers of atoms or an ordering; names sizes that do.
        TimeoutError
            After `timeout` minutes.
        """
        if self.refine_structure:
            structure = SpacegroupAnalyzer(structure, self.symm_prec).get_refined_structure()
        if structure.is_ordered:
            warnings.warn(f"{structure.composition}: is ordered already, nothing is enumerated", stacklevel=2)
            ranked: list[dict[str, Any]] = [
                {"structure": structure.copy(), "num_sites": len(structure), "multiplicity": 1}
            ]
        else:
            ranked = [ordering.entry() for ordering in self._best(structure, max(int(return_ranked_list), 1))]
        first: Structure = ranked[0]["structure"]
        return ranked if return_ranked_list else first

    @property
    def is_one_to_many(self) -> bool:
        """True: one structure becomes many."""
        return True

    def __repr__(self) -> str:
        return "EnumerateOrbitsTransformation"

    def _best(self, structure: Structure, number: int) -> list[_Ordering]:
        """The first orderings in the ranking; equal ones in the order of enumeration."""
        deadline = float("inf") if self.timeout is None else time.monotonic() + 60 * self.timeout
        criterion = self._criterion(structure)
        best: list[_Ordering] = []
        for cell, batch in self._batches(structure):
            best = sorted([*best, *_first(cell, batch, criterion, number)], key=lambda o: o.score)[:number]
            if len(best) == number and criterion == "nsites":
                break  # sizes come in ascending order
            if time.monotonic() > deadline:
                raise TimeoutError(f"the enumeration takes longer than {self.timeout:g} minutes")
        if not best:
            raise InputError(
                f"{structure.composition}: every ordering repeats in a cell that is smaller than min_cell_size="
                f"{self.min_cell_size}"
            )
        return best

    def _criterion(self, structure: Structure) -> str | SortCriterion:
        if self.sort_criteria == "ewald" and any(getattr(s, "oxi_state", None) is None for s in structure.elements):
            return "nsites"
        return self.sort_criteria

    def _batches(self, structure: Structure) -> Iterator[tuple[OrderedCell, ConfigurationBatch]]:
        """All orderings, size by size and shape by shape."""
        crystal = DisorderedCrystal(structure, self.symm_prec, self.occu_tol)
        largest = self.max_cell_size or self._largest_size(structure)
        fits, reason = False, None
        for size in range(self.min_cell_size, largest + 1):
            try:
                cells = crystal.cells(size)
            except InputError as error:
                reason = error
                continue
            fits, found = True, 0
            for cell in cells:
                for batch in cell.batches():
                    found += len(batch)
                    yield cell, batch
            logger.info("%s: %d orderings on %d cells", structure.composition, found, size)
            if found and self.max_disordered_sites is not None:
                return
        if not fits:
            raise InputError(f"no supercell of {self.min_cell_size} to {largest} cells can be ordered: {reason}")

    def _largest_size(self, structure: Structure) -> int:
        disordered = sum(not site.is_ordered for site in structure)
        largest = (self.max_disordered_sites or 0) // disordered
        if largest < self.min_cell_size:
            raise InputError(
                f"max_disordered_sites={self.max_disordered_sites}: {self.min_cell_size} cells have "
                f"{disordered * self.min_cell_size} disordered sites"
            )
        return largest


@dataclass(frozen=True)
class _Ordering:
    """One way to order a structure, with its score."""

    score: float
    cell: OrderedCell
    occupation: NDArray[np.uint8]
    multiplicity: int
    energy: float | None
    changed: Structure | None  # what a function made of the structure

    def entry(self) -> dict[str, Any]:
        """The entry of a ranked list."""
        structure = self.cell.structure(self.occupation) if self.changed is None else self.changed
        entry = {"structure": structure, "num_sites": len(structure), "multiplicity": self.multiplicity}
        return entry if self.energy is None else {**entry, "energy": self.energy}


def _first(
    cell: OrderedCell, batch: ConfigurationBatch, criterion: str | SortCriterion, number: int
) -> list[_Ordering]:
    """The orderings of a batch that rank first, at most ``number``."""
    changed: list[Structure | None] = [None] * len(batch)
    n_atoms = np.full(len(batch), cell.n_atoms)
    energies = None
    if callable(criterion):
        results = [criterion(cell.structure(row)) for row in batch.occupations]
        changed = [structure for structure, _ in results]
        n_atoms = np.array([len(structure) for structure, _ in results])
        energies = np.array([energy for _, energy in results], dtype=np.float64)
    elif criterion == "ewald":
        energies = cell.electrostatic_energies(batch.occupations)
    # Rounded, so that orderings that differ in the last digits only keep their order.
    scores = n_atoms.astype(np.float64) if energies is None else np.round(energies / n_atoms, 8)
    return [
        _Ordering(
            float(scores[i]),
            cell,
            batch.occupations[i],
            int(batch.multiplicity[i]) * cell.n_shapes,
            None if energies is None else float(energies[i]),
            changed[i],
        )
        for i in np.argsort(scores, kind="stable")[:number]
    ]
