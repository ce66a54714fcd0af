"""The powder pattern of a crystal in one call: read it, scatter, and hand back what can be drawn and written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymatgen.core.structure import Structure

from matganip.crystal.species import symbol_of
from matganip.crystal.structures import OCCUPANCY_TOLERANCE, read_structure
from matganip.features.orientation import MarchDollase
from matganip.features.powder.diffraction import PowderDiffraction
from matganip.features.powder.instrument import Axis, Instrument, read_instrument
from matganip.results.powder_pattern import PowderPattern

if TYPE_CHECKING:
    from ase import Atoms


def pattern(
    source: Structure | Atoms | str | os.PathLike[str],
    instrument: Instrument | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    *,
    axis: Axis = "2theta",
    debye_waller_factors: Mapping[str, float] | None = None,
    preferred_orientation: MarchDollase | None = None,
    displacements: bool = True,
    block: str | None = None,
    occupancy_tolerance: float = OCCUPANCY_TOLERANCE,
    name: str | None = None,
) -> PowderPattern:
    """Calculate the powder pattern of a crystal.

    Parameters
    ----------
    source : Structure, ase.Atoms or path
        Shared and partly empty sites, displacements and isotopes are read as docs/powder.md says.
    instrument : Instrument, mapping or path, optional
        Radiation, range, resolution: its fields, or a file that `read_instrument` reads.
    axis : {"2theta", "q", "d"}
        What tables, figures and files have as their first column.
    debye_waller_factors : mapping of str to float, optional
        B in angstrom^2 by element, in place of displacements in the structure.
    preferred_orientation : MarchDollase, optional
    displacements : bool
        Whether displacements in the structure count.
    block : str, optional
        Which data block of a CIF.
    occupancy_tolerance : float
        By how much the occupancies of a site may pass 1.
    name : str, optional
        What to call it; the name of the file, or the formula.

    Returns
    -------
    PowderPattern

    Raises
    ------
    InputError
        If the crystal or the instrument cannot be read, or there is no line in the range.

    Examples
    --------
    >>> import matganip as mg
    >>> found = mg.pattern(mg.perovskite("CsPbI3", a=6.289), {"two_theta": (10, 30)})
    >>> found.to_frame()["hkl"].tolist()
    ['(1 0 0)', '(1 1 0)', '(1 1 1)', '(2 0 0)']
    """
    if isinstance(instrument, str | os.PathLike):
        instrument = read_instrument(instrument)
    settings = Instrument.of(instrument)
    structure = read_structure(source, block=block, occupancy_tolerance=occupancy_tolerance)
    powder = PowderDiffraction(
        settings.beam,
        debye_waller_factors=debye_waller_factors,
        preferred_orientation=preferred_orientation,
        displacements=displacements and not debye_waller_factors,
    )
    (found,) = powder.patterns([structure], settings.two_theta)
    own = Path(source).name if isinstance(source, str | os.PathLike) else structure.composition.reduced_formula
    return PowderPattern(name or own, _formula(structure), found, settings, axis)


def _formula(structure: Structure) -> str:
    amounts: dict[str, float] = {}
    for specie, amount in structure.composition.items():
        amounts[symbol_of(specie)] = amounts.get(symbol_of(specie), 0.0) + amount
    return " ".join(f"{symbol}{amount:.6g}" for symbol, amount in amounts.items())
