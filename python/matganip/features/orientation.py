"""Preferred orientation: how the crystallites of a powder lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matganip.errors import InputError


@dataclass(frozen=True)
class MarchDollase:
    r"""March's distribution of orientations about an axis, as Dollase applies it to powders.

    A reflection whose normal makes the angle :math:`\alpha` with the normal of the planes `hkl` counts

    .. math:: W(\alpha) = (r^2 \cos^2 \alpha + \sin^2 \alpha / r)^{-3/2}

    times (W. A. Dollase, J. Appl. Cryst. 19, 267-272 (1986), equation 5). The mean over equivalent reflections comes
    of itself, as a peak is the sum over all hkl. Over all directions W has the mean 1.

    Attributes
    ----------
    hkl : tuple of (float, float, float)
        Planes that lie in the sample's surface, or along its fibre; indices of each structure's own cell.
    r : float
        Below 1 for plates (more of `hkl` is seen in reflection), above 1 for needles; 1 is no preference.

    Raises
    ------
    InputError
        If `r` is not a positive number, or `hkl` not three numbers that are not all 0.

    Examples
    --------
    >>> import matganip as mg
    >>> plates = mg.PowderDiffraction("CuKa", preferred_orientation=MarchDollase((1, 0, 0), 0.5))
    >>> (pattern,) = plates.patterns([mg.perovskite("CsPbI3", a=6.289)], (0, 25))
    >>> pattern.intensity.round(2).tolist()
    [100.0, 23.15, 18.48]
    """

    hkl: tuple[float, float, float]
    r: float

    def __post_init__(self) -> None:
        try:
            hkl = tuple(float(index) for index in self.hkl)
            r = float(self.r)
        except (TypeError, ValueError) as error:
            raise InputError(f"preferred_orientation: hkl and r must be numbers, not {self.hkl}, {self.r}") from error
        if len(hkl) != 3 or not all(map(math.isfinite, hkl)) or not any(hkl):
            raise InputError(f"preferred_orientation.hkl: must be three indices that are not all 0, not {self.hkl}")
        if not (math.isfinite(r) and r > 0):
            raise InputError(f"preferred_orientation.r: must be positive and finite, not {self.r}")
