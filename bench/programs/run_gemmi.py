"""gemmi: direct summation, one reflection after the other, International Tables form factors."""

import gemmi
from powder_job import measure


def prepare(crystal):
    small = gemmi.SmallStructure()
    small.cell = gemmi.UnitCell(*crystal.cell)
    for symbol, place in zip(crystal.symbols, crystal.coordinates, strict=True):
        site = gemmi.SmallStructure.Site()
        site.label = site.type_symbol = symbol
        site.element, site.fract, site.occ = gemmi.Element(symbol), gemmi.Fractional(*place), 1
        small.add_site(site)
    factor = gemmi.StructureFactorCalculatorX(small.cell).calculate_sf_from_small_structure
    return lambda: [abs(factor(small, hkl)) ** 2 for hkl in crystal.hkl]


measure(prepare)
