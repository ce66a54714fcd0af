"""How much of the pairs and triplets of a space the columns of a model know: `Span`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Group:
    """Clusters of one set of species on sublattices.

    Attributes
    ----------
    name : str
        Species and, where it is not the only one, the host of their sublattice: ``"Co-Mn"``, ``"Co-vac(Li)"``.
    order, classes, rank : int
        Sites of a cluster, classes under the symmetry of the supercell, and how many of them are independent.
    """

    name: str
    order: int
    classes: int
    rank: int


@dataclass(frozen=True)
class Span:
    """Dimensions of the functions of an arrangement that are sums over pairs, and over triplets beside these.

    Attributes
    ----------
    n_columns : int
        Columns (vertices of a graph) of the model.
    pairs, pair_rank : int
        Dimensions of pairs that they span, and all that the space has.
    triplets, triplet_rank : int
        The same of triplets, beyond those of pairs.
    pair_reach, triplet_reach : float or None
        Angstrom: where there are too many clusters, up to which distance they are counted.
    groups : tuple of Group
        By species and sublattice.
    """

    n_columns: int
    pairs: int
    pair_rank: int
    triplets: int
    triplet_rank: int
    pair_reach: float | None = None
    triplet_reach: float | None = None
    groups: tuple[Group, ...] = ()

    @property
    def text(self) -> str:
        """In short: ``"12 of 16 pairs, 30 of 44 triplets"``."""
        return f"{self.pairs} of {self.pair_rank} pairs, {self.triplets} of {self.triplet_rank} triplets"

    def sentence(self, what: str = "columns") -> str:
        """What the columns span, and what pairs and triplets there are.

        Examples
        --------
        >>> Span(28, 12, 16, 30, 44, None, 7.2, (Group("Br-Br", 2, 17, 16),)).sentence("vertices")
        '28 vertices span 12 of 16 pair and 30 of 44 triplet dimensions (triplets up to 7.20 Å). Pairs: Br-Br 16.'
        """
        reach = [
            f"{name} up to {far:.2f} Å"
            for name, far in (("pairs", self.pair_reach), ("triplets", self.triplet_reach))
            if far is not None
        ]
        told = (
            f"{self.n_columns} {what} span {self.pairs} of {self.pair_rank} pair and {self.triplets} of "
            f"{self.triplet_rank} triplet dimensions" + (f" ({', '.join(reach)})." if reach else ".")
        )
        for order, name in ((2, "Pairs"), (3, "Triplets")):
            own = [f"{one.name} {one.rank}" for one in self.groups if one.order == order]
            told += f" {name}: {', '.join(own)}." if own else ""
        return told

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Span:
        """What `as_dict` gave."""
        return cls(**{**values, "groups": tuple(Group(**one) for one in values["groups"])})
