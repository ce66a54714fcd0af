"""The text of a CIF: every atom by what it is, under a label of its own."""

from __future__ import annotations

from pymatgen.core.periodic_table import Species
from pymatgen.core.structure import Structure
from pymatgen.io.cif import CifWriter

from matganip.crystal.species import name_of, symbol_of


def cif_text(structure: Structure) -> str:
    """Write an ordered structure, in P 1.

    Labels of the structure stay where they are labels of one atom; the others are the symbol and a number. Deuterium is
    written as such, which pymatgen's writer does not.

    Parameters
    ----------
    structure : Structure

    Returns
    -------
    str

    Examples
    --------
    >>> from pymatgen.core import Lattice
    >>> "D  D1  1" in cif_text(Structure(Lattice.cubic(4), ["Li", "D"], [[0, 0, 0], [0.5, 0.5, 0.5]]))
    True
    """
    structure = _fully_stated(structure)
    writer = CifWriter(structure)
    (block,) = writer.cif_file.data.values()
    block.data["_atom_site_type_symbol"] = [name_of(site.specie) for site in structure]
    block.data["_atom_site_label"] = _labels(structure)
    if any(symbol_of(site.specie) == "D" for site in structure):
        block.data["_chemical_formula_sum"] = " ".join(f"{name}{n}" for name, n in _amounts(structure).items())
        block.data.pop("_chemical_formula_structural", None)
    return str(writer)


def _fully_stated(structure: Structure) -> Structure:
    """Where some species have an oxidation state all get one, 0 where none is known: a CIF has a column of them."""
    species = structure.species
    stated = [getattr(one, "oxi_state", None) is not None for one in species]
    if all(stated) or not any(stated):
        return structure
    completed = structure.copy()
    for site, (one, known) in enumerate(zip(species, stated, strict=True)):
        if not known:
            completed[site] = Species(one.symbol, 0)
    return completed


def _labels(structure: Structure) -> list[str]:
    own = [site.label if site.label != site.species_string and "," not in site.label else None for site in structure]
    taken = {label for label in own if label is not None and own.count(label) == 1}
    labels, number = [], dict.fromkeys((symbol_of(site.specie) for site in structure), 0)
    for site, label in zip(structure, own, strict=True):
        if label in taken:
            labels.append(label)
            continue
        symbol = symbol_of(site.specie)
        number[symbol] += 1
        while f"{symbol}{number[symbol]}" in taken:
            number[symbol] += 1
        labels.append(f"{symbol}{number[symbol]}")
    return labels


def _amounts(structure: Structure) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for site in structure:
        amounts[symbol_of(site.specie)] = amounts.get(symbol_of(site.specie), 0) + 1
    return amounts
