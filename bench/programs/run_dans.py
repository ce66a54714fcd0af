"""Dans-Diffraction: all reflections in one NumPy call, International Tables form factors."""

import contextlib
import io

import numpy as np

with contextlib.redirect_stdout(io.StringIO()):
    import Dans_Diffraction
from powder_job import measure

HC_KEV = 12.398419843


def prepare(crystal):
    with contextlib.redirect_stdout(io.StringIO()):
        xtl = Dans_Diffraction.Crystal()
        xtl.Cell.latt(crystal.cell)
        u, v, w = np.array(crystal.coordinates).T.tolist()
        n = len(u)
        xtl.new_atoms(u=u, v=v, w=w, type=crystal.symbols, label=[f"{s}{i}" for i, s in enumerate(crystal.symbols)],
                      occupancy=[1.0] * n, uiso=[0.0] * n, mxmymz=None)  # fmt: skip
        xtl.generate_structure()
        xtl.Scatter.setup_scatter(scattering_type="xray", energy_kev=HC_KEV / crystal.wavelength)
    hkl = np.array(crystal.hkl)

    def job():
        with contextlib.redirect_stdout(io.StringIO()):
            return xtl.Scatter.intensity(hkl)

    return job


measure(prepare)
