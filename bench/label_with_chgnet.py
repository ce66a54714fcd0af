"""Label arrangements of CsPbI3:Br with CHGNet: the tables of the transfer task, as they are shipped.

    pip install chgnet==0.4.2 && OMP_NUM_THREADS=1 python bench/label_with_chgnet.py

Single points of the ideal, unrelaxed arrangements (a = 6.289 angstrom): all orbits of 1, 2, 4 and 5 Br of 24 in the
2x2x2 cell, and 25 orbits, drawn from uniformly distributed arrangements, of each of four compositions in the 2x2x3
and in the 3x3x3 cell. Takes about a minute and 100 MB.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core.structure import Structure

import matganip as mg
from matganip.files import atomic_path
from matganip.labels.tables import REFERENCE

TABLES = Path(mg.__file__).parent / "labels" / "data"
WHOLE = {(2, 2, 2): (1, 2, 4, 5)}
SAMPLED = {(2, 2, 3): (3, 5, 7, 9), (3, 3, 3): (4, 9, 14, 20)}
N_SAMPLED = 25


def whole(space: mg.ConfigurationSpace) -> mg.ConfigurationBatch:
    """All orbits."""
    (batch,) = space.orbits()
    return batch


def sampled(space: mg.ConfigurationSpace, n: int, seed: int = 0) -> mg.ConfigurationBatch:
    """The first n distinct orbits of a fair sample of arrangements, in their order."""
    drawn = space.sample_configurations(20 * n, seed=seed)
    first = np.sort(np.unique(drawn.occupations, axis=0, return_index=True)[1])[:n]
    if len(first) < n:
        raise SystemExit(f"{space!r}: {len(first)} distinct orbits in {20 * n} draws, {n} are wanted")
    return mg.ConfigurationBatch(space, drawn.occupations[first], drawn.multiplicity[first])


def rows(model: Any, batch: mg.ConfigurationBatch, reference: Structure) -> Iterator[tuple[str, str, int, float]]:
    """The lines of a table, atoms numbered as in the reference."""
    frame = batch.space.supercell_structure
    atom_of_site = frame.lattice.get_all_distances(frame.frac_coords, reference.frac_coords).argmin(axis=1)
    label = f"CHGNet {model.version} (chgnet {version('chgnet')})"
    br = batch.space.species[0].index("Br")
    for codes, multiplicity, structure in zip(batch.occupations, batch.multiplicity, batch.structures(), strict=True):
        atoms = atom_of_site[batch.space.site_indices[codes == br]]
        energy = float(model.predict_structure(structure, task="e")["e"]) * len(structure)
        yield label, "Br:" + " ".join(map(str, sorted(atoms.tolist()))), int(multiplicity), energy


def main() -> None:
    """Write the tables."""
    from chgnet.model import CHGNet

    model = CHGNet.load(use_device="cpu")
    for cell, compositions in {**WHOLE, **SAMPLED}.items():
        name = "cspbi3_br" if cell in WHOLE else "cspbi3_br_" + "x".join(map(str, cell))
        (TABLES / name).mkdir(exist_ok=True)
        supercell = TABLES / name / REFERENCE
        if not supercell.exists():
            frame = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), cell, {"I": {"Br": 1}}).supercell_structure
            with atomic_path(supercell) as path:
                path.write_text(frame.to(fmt="poscar"))
        reference = mg.read_structure(supercell)
        found = []
        for n_br in compositions:
            space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), cell, {"I": {"Br": n_br}})
            found += rows(model, whole(space) if cell in WHOLE else sampled(space, N_SAMPLED), reference)
        numbers = "_".join(map(str, compositions))
        with atomic_path(TABLES / name / f"chgnet_X{numbers}of{space.n_sites}.csv") as path, path.open("w") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["calculator", "substitutions", "multiplicity", "energy_eV"])
            writer.writerows(found)


if __name__ == "__main__":
    main()
