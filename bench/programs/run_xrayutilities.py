"""xrayutilities: one reflection after the other, with anomalous dispersion, which it always adds."""

from powder_job import measure
from xrayutilities.materials import Crystal, SGLattice

HC = 12398.419843


def prepare(crystal):
    places = [("1a", tuple(place)) for place in crystal.coordinates]
    material = Crystal("crystal", SGLattice(1, *crystal.cell, atoms=crystal.symbols, pos=places))
    energy = HC / crystal.wavelength
    return lambda: [abs(material.StructureFactor(material.Q(*hkl), energy)) ** 2 for hkl in crystal.hkl]


measure(prepare)
