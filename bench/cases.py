"""What is enumerated, and how many orbits there are."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Case:
    """Arrangements on CsPbI3 (Pm-3m), or binary derivative structures of fcc where `max_volume` is given.

    `x` and `b` say how many sites of the X (I, three in a cell) and B (Pb, one in a cell) sublattice each species
    takes; the counts come from Burnside's lemma and from published tables (tests/configurations/orbit_counts.json).
    """

    name: str
    orbits: int
    supercell: tuple[int, int, int] = (1, 1, 1)
    x: tuple[int, ...] = ()
    b: tuple[int, ...] = ()
    max_volume: int = 0

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


CASES = (
    Case("2x2x2, X 3/24", 19, (2, 2, 2), x=(3, 21)),
    Case("2x2x2, X 6/24", 603, (2, 2, 2), x=(6, 18)),
    Case("2x2x2, X 12/24", 8_798, (2, 2, 2), x=(12, 12)),
    Case("2x2x2, B 4/8 with X 6/24", 34_968, (2, 2, 2), x=(6, 18), b=(4, 4)),
    Case("2x2x3, X 9/36", 539_988, (2, 2, 3), x=(9, 27)),
    Case("2x2x2, X 8/8/8", 25_361_766, (2, 2, 2), x=(8, 8, 8)),
    Case("2x2x3, X 18/36", 48_644_496, (2, 2, 3), x=(18, 18)),
    Case("fcc binary, all cells to 10 atoms", 2_346, max_volume=10),
)
