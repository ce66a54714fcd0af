"""The cubic lattice constant of a perovskite from ionic radii, by a published relation."""

from __future__ import annotations

from collections.abc import Mapping

from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.crystal.perovskites import Perovskite, identify_perovskite
from matganip.errors import InputError

# R. Ubic, J. Am. Ceram. Soc. 90, 3326 (2007): a = offset + per_ax (r_A + r_X) + per_bx (r_B + r_X), Shannon's
# effective radii, all at coordination VI.
UBIC_OFFSET, UBIC_PER_AX, UBIC_PER_BX = 0.06741, 0.49052, 1.29212


def lattice_constant(material: str | Perovskite, *, charges: Mapping[str, int] | None = None) -> float:
    """Lattice constant of the cubic, or pseudocubic, cell of one formula unit ABX3.

    a = 0.06741 + 0.49052 (r_A + r_X) + 1.29212 (r_B + r_X), R. Ubic, J. Am. Ceram. Soc. 90, 3326 (2007), with Shannon's
    effective radii at coordination VI; the author gives a mean error of 0.6 % for oxides and halides. Known exceptions,
    with measured values, are in ``docs/perovskites.md``.

    Parameters
    ----------
    material : str or Perovskite
        A formula, or what `identify_perovskite` made of it.
    charges : mapping, optional
        Known charges.

    Returns
    -------
    float
        In angstrom. Of a double perovskite, half its cell edge.

    Raises
    ------
    InputError
        If the formula is not that of a perovskite, or a molecule is on A, for which the relation was not fitted.

    Examples
    --------
    >>> round(lattice_constant("SrTiO3"), 3), round(lattice_constant("CsPbI3"), 3)  # measured: 3.905, 6.289
    (3.924, 6.346)
    """
    found = material if isinstance(material, Perovskite) else identify_perovskite(material, charges)
    molecules = [ion.species for ion in found.a if ion.species in MOLECULAR_CATIONS]
    if molecules:
        raise InputError(
            f"{found.formula!r}: no relation gives the lattice constant of a perovskite with {molecules[0]}; give a="
        )
    a, b, x = (found.mean_radius(site, 6) for site in "abx")
    return UBIC_OFFSET + UBIC_PER_AX * (a + x) + UBIC_PER_BX * (b + x)
