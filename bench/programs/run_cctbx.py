"""cctbx: direct summation of a list of reflections, International Tables form factors."""

from cctbx import crystal as cctbx_crystal
from cctbx import miller, xray
from cctbx.array_family import flex
from powder_job import measure


def prepare(crystal):
    symmetry = cctbx_crystal.symmetry(unit_cell=tuple(crystal.cell), space_group_symbol="P1")
    structure = xray.structure(crystal_symmetry=symmetry)
    for number, (symbol, place) in enumerate(zip(crystal.symbols, crystal.coordinates, strict=True)):
        structure.add_scatterer(
            xray.scatterer(label=f"{symbol}{number}", scattering_type=symbol, site=tuple(place), u=0.0)
        )
    structure.scattering_type_registry(table="it1992")
    indices = flex.miller_index([tuple(hkl) for hkl in crystal.hkl])
    wanted = miller.set(symmetry, indices, anomalous_flag=True)
    return lambda: flex.norm(
        wanted.structure_factors_from_scatterers(xray_structure=structure, algorithm="direct").f_calc().data()
    )


measure(prepare)
