"""Calculators of ASE's kind that tests can afford, and ones that fail as foreign code does."""

from __future__ import annotations

import os
import time

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.lj import LennardJones


class Pairs(Calculator):
    """Pairs of atoms that attract by the product of their atomic numbers, screened: every orbit has its own energy."""

    implemented_properties = ("energy", "forces")

    def __init__(self, decay: float = 1.5, nap: float = 0.0) -> None:
        super().__init__()
        self.decay, self.nap = decay, nap

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if self.nap:
            time.sleep(self.nap)
        way = atoms.get_all_distances(mic=True, vector=True)
        far = np.linalg.norm(way, axis=2) + 1e9 * np.eye(len(atoms))
        charge = np.outer(atoms.numbers, atoms.numbers) / 1000.0
        pair = -charge * np.exp(-far / self.decay)
        self.results = {
            "energy": float(pair.sum() / 2),
            "forces": np.einsum("ij,ijk->ik", -pair / (self.decay * far), way),
        }


class Slow(Pairs):
    """Takes a while."""

    def __init__(self) -> None:
        super().__init__(nap=0.15)


class OneInTen(Pairs):
    """Raises on about one structure in ten, always the same ones."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if round(self.results["energy"] * 1e6) % 10 == 0:
            raise RuntimeError("SCF did not\nfind its way")


class Broken(Calculator):
    """Raises always."""

    implemented_properties = ("energy",)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        raise RuntimeError("no licence")


class Crashing(Pairs):
    """Takes its process along on about one structure in ten."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if round(self.results["energy"] * 1e6) % 10 == 0:
            os._exit(3)


class NotANumber(LennardJones):
    """An energy that is no number."""

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["energy"] = float("nan")
