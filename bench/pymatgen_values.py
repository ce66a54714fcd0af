"""The stand-ins of pymatgen's two calculators of powder patterns beside pymatgen's own, on the crystals of its tests.

    python bench/pymatgen_values.py

The values that pymatgen's tests assert are in `tests/features/test_as_the_file_says.py`; here all peaks are compared.
"""

from __future__ import annotations

import warnings
from importlib.resources import files

import numpy as np
from pymatgen.analysis.diffraction import neutron, xrd
from pymatgen.core import Structure

from matganip.features import NDCalculator, XRDCalculator

CALCULATORS = {
    "XRDCalculator()": (xrd.XRDCalculator, XRDCalculator, {}),
    'XRDCalculator("AgKa", symprec=0.01)': (xrd.XRDCalculator, XRDCalculator, {"wavelength": "AgKa", "symprec": 0.01}),
    "NDCalculator(1.54184)": (neutron.NDCalculator, NDCalculator, {"wavelength": 1.54184}),
}


def main() -> None:
    """Print a row for each calculator."""
    folder = files("pymatgen.util") / "structures"
    names = sorted(path.name for path in folder.iterdir() if path.name.endswith(".json"))
    crystals = [Structure.from_file(str(folder / name)) for name in names]
    print(
        "| calculator | crystals | peaks | 2theta, degrees | intensity of 100 | families |\n|---|---|---|---|---|---|"
    )
    warnings.simplefilter("ignore")
    for name, (theirs, ours, arguments) in CALCULATORS.items():
        angles, intensities, families, n_peaks, n_crystals = [0.0], [0.0], 0, 0, 0
        for crystal in crystals:
            try:
                one = theirs(**arguments).get_pattern(crystal)
            except ValueError:  # an element without a scattering length
                continue
            other = ours(**arguments).get_pattern(crystal)
            assert len(one.x) == len(other.x), crystal.composition
            angles.append(np.abs(one.x - other.x).max())
            intensities.append(np.abs(one.y - other.y).max())
            families += sum(
                sorted(f["multiplicity"] for f in a) != sorted(f["multiplicity"] for f in b)
                for a, b in zip(one.hkls, other.hkls, strict=True)
            )
            n_peaks, n_crystals = n_peaks + len(one.x), n_crystals + 1
        print(
            f"| `{name}` | {n_crystals} | {n_peaks:,} | {max(angles):.1e} | {max(intensities):.1e} | "
            f"{families} differ |",
            flush=True,
        )


if __name__ == "__main__":
    main()
