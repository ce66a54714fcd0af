"""Settings of a batch of DFT runs: the code, what may move, cut-offs, k-points, and keys of each code."""

from __future__ import annotations

import difflib
import functools
import json
import math
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Any, Literal, Self, cast

import numpy as np
from pydantic import AfterValidator, Field, field_validator, model_validator
from pymatgen.core.structure import Structure

from matganip.labels.calculation import Relaxation, canonical_json
from matganip.settings import Settings

Code = Literal["vasp", "gpaw", "espresso"]

INCAR: Mapping[str, Any] = {
    "ALGO": "Normal",
    "GGA": "PE",
    "ISMEAR": 0,
    "SIGMA": 0.05,
    "ISPIN": 1,
    "LASPH": True,
    "LCHARG": False,
    # Projectors in real space err by about as much as arrangements differ.
    "LREAL": False,
    "LWAVE": False,
    "NELM": 100,
    "PREC": "Accurate",
}
"""What every INCAR has unless it is overridden."""

OWNED = {
    "ENCUT": "encut",
    "EDIFF": "ediff_per_atom",
    "EDIFFG": "fmax",
    "NSW": "max_steps",
    "KSPACING": "kpoint_density",
}
"""INCAR keys that have a setting of their own, which the other codes read too."""

MOVING: Mapping[Relaxation, Mapping[str, int]] = {
    "static": {"IBRION": -1, "NSW": 0},
    "positions": {"IBRION": 2, "ISIF": 2},
    "cell": {"IBRION": 2, "ISIF": 3},
}
"""The INCAR keys that say what may move."""


@functools.cache
def incar_keys() -> frozenset[str]:
    """The INCAR keys that pymatgen knows."""
    text = (files("pymatgen.io.vasp") / "incar_parameters.json").read_text()
    return frozenset(json.loads(text))


def _incar_key(given: str) -> str:
    """An INCAR key in capitals, if there is such a key."""
    key = given.upper()
    if key in OWNED:
        raise ValueError(f"give it as {OWNED[key]}, so that it is checked and recorded by that name")
    if key not in incar_keys():
        (nearest,) = difflib.get_close_matches(key, incar_keys(), n=1, cutoff=0.0)
        raise ValueError(f"VASP has no such key; the nearest known key is {nearest}")
    return key


IncarKey = Annotated[str, AfterValidator(_incar_key)]
Positive = Annotated[int, Field(ge=1)]


class DftSettings(Settings):
    """Settings of a batch of DFT runs, the section ``[dft]`` of a file; the defaults are the paper's.

    Raises
    ------
    InputError
        If a number is not positive, a name unknown, an INCAR key unknown (the nearest known one is named) or one that
        has a setting of its own.

    Examples
    --------
    >>> DftSettings(code="vasp", incar={"ISMAER": 0})
    Traceback (most recent call last):
        ...
    matganip.errors.InputError: incar.ISMAER: VASP has no such key; the nearest known key is ISMEAR
    """

    code: Code = Field(default="vasp", description="vasp, gpaw or espresso.")
    relaxation: Relaxation = Field(default="static", description='"static", "positions" or "cell" (atoms and cell).')
    encut: float = Field(default=550.0, gt=0, description="Cut-off of the plane waves, in eV.")
    ediff_per_atom: float = Field(
        default=5e-5, gt=0, description="Change of the energy, in eV per atom, at which the electronic loop ends."
    )
    fmax: float = Field(
        default=0.01,
        gt=0,
        description="Largest force, in eV/angstrom, at which a relaxation ends; VASP's EDIFFG with the other sign.",
    )
    max_steps: int = Field(default=100, ge=1, description="Steps of a relaxation.")
    kpoint_density: float = Field(
        default=64.0,
        gt=0,
        description="Smallest number of k-points per volume of the reciprocal cell in cubic reciprocal angstrom (2 pi "
        "in it), as pymatgen's input sets count them. The mesh follows from the undoped supercell, so that all its "
        "arrangements have the same, and has its centre at Gamma.",
    )
    kpoints: tuple[Positive, Positive, Positive] | None = Field(default=None, description="The mesh itself, [4, 4, 4].")
    incar: dict[IncarKey, Any] = Field(
        default={}, description="VASP: INCAR keys that override those of `INCAR`; None leaves a key out."
    )
    potcar: dict[str, str] = Field(
        default={}, description='VASP: POTCAR symbols that override pymatgen\'s choice, { Pb = "Pb" }.'
    )
    potcar_functional: str = Field(default="PBE_54", description="VASP: family of the POTCARs, as pymatgen names it.")
    gpaw: dict[str, Any] = Field(default={}, description="GPAW: keyword arguments beside those that follow from these.")
    pseudopotentials: dict[str, str] = Field(default={}, description="Quantum ESPRESSO: file of each element.")
    input_data: dict[str, Any] = Field(
        default={}, description="Quantum ESPRESSO: keys that override, by namelist or flat."
    )

    @field_validator("incar", "gpaw", "input_data")
    @classmethod
    def _json(cls, values: dict[str, Any]) -> dict[str, Any]:
        canonical_json(values)
        return values

    @model_validator(mode="after")
    def _of_the_code(self) -> Self:
        foreign = {
            "vasp": ("gpaw", "pseudopotentials", "input_data"),
            "gpaw": ("incar", "potcar", "pseudopotentials", "input_data"),
            "espresso": ("incar", "potcar", "gpaw"),
        }
        for name in foreign[self.code]:
            if getattr(self, name):
                raise ValueError(f"{name}: is not for {self.code}; leave it out, or choose another code")
        return self

    def mesh(self, supercell: Structure) -> tuple[int, int, int]:
        """The k-point mesh of a supercell.

        Parameters
        ----------
        supercell : Structure
            The undoped one: its arrangements all get the same mesh.

        Returns
        -------
        three int

        Examples
        --------
        >>> import matganip as mg
        >>> DftSettings().mesh(mg.perovskite("CsPbI3", a=6.289))
        (4, 4, 4)
        """
        if self.kpoints is not None:
            return self.kpoints
        # As many as the density asks for, or a few more: a lattice constant that is a little larger loses none.
        along = self.kpoint_density ** (1 / 3) * np.array(supercell.lattice.reciprocal_lattice.abc)
        first, second, third = (max(1, math.ceil(n - 0.01)) for n in along.tolist())
        return first, second, third

    @property
    def full_incar(self) -> dict[str, Any]:
        """All INCAR keys, EDIFF still per atom: the same for every arrangement."""
        keys = {
            **INCAR,
            **MOVING[self.relaxation],
            "ENCUT": self.encut,
            "EDIFF_PER_ATOM": self.ediff_per_atom,
        }
        if self.relaxation != "static":
            keys |= {"EDIFFG": -self.fmax, "NSW": self.max_steps}
        keys |= self.incar
        return {key: value for key, value in sorted(keys.items()) if value is not None}

    def asked(self, supercell: Structure) -> dict[str, Any]:
        """What is recorded in every folder, checked against the outputs and stored with the labels.

        Parameters
        ----------
        supercell : Structure
            The undoped one.

        Returns
        -------
        dict of str to JSON values
            The same for all arrangements and compositions of the supercell: they may be compared.
        """
        # What an energy is: VASP's and GPAW's extrapolation to no smearing, as ASE takes them; pw.x's "!" line.
        common: dict[str, Any] = {
            "kpoints": list(self.mesh(supercell)),
            "energy": "free" if self.code == "espresso" else "sigma->0",
        }
        own: dict[str, Any]
        if self.code == "vasp":
            own = {
                "incar": self.full_incar,
                "potcar": dict(self.potcar),
                "potcar_functional": self.potcar_functional,
            }
        else:
            own = {"encut": self.encut, "ediff_per_atom": self.ediff_per_atom}
            if self.relaxation != "static":
                own |= {"fmax": self.fmax, "max_steps": self.max_steps}
            if self.code == "gpaw":
                own["gpaw"] = {"xc": "PBE", **self.gpaw}
            else:
                own |= {"pseudopotentials": dict(self.pseudopotentials), "input_data": dict(self.input_data)}
        return cast("dict[str, Any]", json.loads(canonical_json({**common, **own})))
