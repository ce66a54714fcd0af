"""Energies of the arrangements of one composition: held-out orbits, and the paper's random split."""

from __future__ import annotations

from dataclasses import dataclass

from matganip.benchmarks.reproduce import methods
from matganip.benchmarks.reproduce.inputs import Kind, inputs
from matganip.benchmarks.reproduce.task import ERRORS, Column
from matganip.learning.splits import by_orbit, random_rows

_READS = {
    "powder": "the first 28 powder peaks, the paper's input",
    "resolved": "the first 28 resolved peaks: pair information",
    "triplets": "the Patterson function up to 9 Å with triplets, 30 vertices",
}


@dataclass(frozen=True)
class HeldOut:
    """6 Br on 24 sites, 80:20 by orbit."""

    kind: Kind

    @property
    def name(self) -> str:
        """For ``--tasks``."""
        return self.kind

    @property
    def title(self) -> str:
        """Heading."""
        return f"6 Br of 24, {self.kind}, held-out orbits"

    @property
    def about(self) -> str:
        """Input, split, what was seen."""
        return (
            f"Input: {_READS[self.kind]}. Labels: CHGNet 0.3.0, 603 orbits. Split: 80:20 by orbit, 482 trained on, 121 "
            "tested; orbits of the test that were seen in training: none."
        )

    @property
    def methods(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(methods.METHODS)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Errors beside the constant's."""
        return ERRORS

    def settings(self, method: str) -> str:
        """The method's own."""
        return methods.METHODS[method].settings()

    def measure(self, method: str, seed: int) -> dict[str, float]:
        """One split, one training."""
        found = inputs("cspbi3_br/chgnet_X6of24", 6, self.kind)
        split = by_orbit(found.data, 0.8, seed=seed)
        return methods.test(methods.METHODS[method], found, split, seed)


@dataclass(frozen=True)
class PaperSplit:
    """3 Br on 24 sites, the 2,024 arrangements dealt at random."""

    name: str
    table: str
    calculator: str

    @property
    def title(self) -> str:
        """Heading."""
        return f"3 Br of 24, the paper's protocol, {self.calculator}"

    @property
    def about(self) -> str:
        """Input, split, what was seen."""
        return (
            f"Input: {_READS['resolved']}. Labels: {self.calculator}. Split: the 2,024 arrangements 80:20 at random, "
            "as in the paper. They are 19 orbits: nearly every tested arrangement is a symmetry copy of one that was "
            "trained on, so that this measures memory."
        )

    @property
    def methods(self) -> tuple[str, ...]:
        """All but the two that read other inputs."""
        return tuple(name for name in methods.METHODS if name not in (methods.CLUSTERS, "ridge on pair counts"))

    @property
    def columns(self) -> tuple[Column, ...]:
        """Errors beside the constant's, and what leaked."""
        return (*ERRORS[:-1], Column("seen_percent", "orbits seen, %", 1), ERRORS[-1])

    def settings(self, method: str) -> str:
        """The method's own."""
        return methods.METHODS[method].settings()

    def measure(self, method: str, seed: int) -> dict[str, float]:
        """One split, one training."""
        found = inputs(self.table, 3, "resolved")
        split = random_rows(found.data, 0.8, seed=seed)
        numbers = methods.test(methods.METHODS[method], found, split, seed)
        return {**numbers, "seen_percent": 100 * split.leaked_fraction}
