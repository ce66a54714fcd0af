"""Molecular cations of hybrid perovskites: how they are written, their charge and their effective radius."""

from __future__ import annotations

from dataclasses import dataclass

from pymatgen.core.periodic_table import Element

KIESLICH = "Kieslich, Sun & Cheetham, Chem. Sci. 5, 4712 (2014) and 6, 3430 (2015)"


@dataclass(frozen=True)
class MolecularCation:
    """A molecule that can occupy the A site.

    Attributes
    ----------
    symbol : str
        The abbreviation that formulas are printed with.
    name : str
    spellings : tuple of str
        Other ways of writing it in a formula.
    radius : float
        Effective radius in angstrom: from the centre of mass to the farthest atom other than hydrogen, plus that
        atom's ionic radius (Kieslich et al., equation 2).
    source : str
    charge : int
        Of the molecule; all here are +1.
    """

    symbol: str
    name: str
    spellings: tuple[str, ...]
    radius: float
    source: str = KIESLICH
    charge: int = 1


MOLECULAR_CATIONS = {
    cation.symbol: cation
    for cation in (
        MolecularCation("NH4", "ammonium", ("AM",), 1.46),
        MolecularCation("HA", "hydroxylammonium", ("NH3OH", "H3NOH"), 2.16),
        MolecularCation("MA", "methylammonium", ("CH3NH3", "CH6N", "CNH6", "NH3CH3"), 2.17),
        MolecularCation("HZ", "hydrazinium", ("N2H5", "NH2NH3", "H3NNH2"), 2.17),
        MolecularCation("AZ", "azetidinium", ("AZE", "(CH2)3NH2", "C3H8N"), 2.50),
        MolecularCation("FA", "formamidinium", ("HC(NH2)2", "CH(NH2)2", "NH2CHNH2", "CH5N2", "CN2H5"), 2.53),
        MolecularCation("IM", "imidazolium", ("C3N2H5", "C3H5N2"), 2.58),
        MolecularCation("DMA", "dimethylammonium", ("(CH3)2NH2", "C2H8N", "NH2(CH3)2"), 2.72),
        MolecularCation("EA", "ethylammonium", ("CH3CH2NH3", "C2H5NH3", "(CH3CH2)NH3"), 2.74),
        MolecularCation("AA", "acetamidinium", ("NH2C(CH3)NH2", "CH3C(NH2)2", "C2N2H7", "C2H7N2"), 2.77),
        MolecularCation("GUA", "guanidinium", ("GA", "C(NH2)3", "CN3H6", "CH6N3"), 2.78),
        MolecularCation("TMA", "tetramethylammonium", ("(CH3)4N", "N(CH3)4", "C4H12N"), 2.92),
    )
}
"""By symbol. In a formula, letters of a symbol count before elements: GA is guanidinium, Ga is gallium."""


def molecular_cation(text: str) -> MolecularCation | None:
    """The molecule that a symbol or a formula stands for, where no element is written so.

    Examples
    --------
    >>> molecular_cation("FA").name, molecular_cation("CH3NH3+").symbol, molecular_cation("Ga")
    ('formamidinium', 'MA', None)
    """
    bare = text.strip().rstrip("0123456789+-") if text.strip().endswith(("+", "-")) else text.strip()
    for written in (text.strip(), text.strip().removesuffix("+"), bare):
        for cation in MOLECULAR_CATIONS.values():
            if written in (cation.symbol, *cation.spellings) and not Element.is_valid_symbol(written.title()):
                return cation
    return None
