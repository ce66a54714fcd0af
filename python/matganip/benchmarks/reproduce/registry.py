"""The benchmarks of the comparison, in the order of the page: one line adds one."""

from __future__ import annotations

from matganip.benchmarks.reproduce.arrangements import held_out, paper_split
from matganip.benchmarks.reproduce.benchmark import Benchmark
from matganip.benchmarks.reproduce.tolerance import TOLERANCE
from matganip.benchmarks.reproduce.transfer import TRANSFER
from matganip.errors import InputError

BENCHMARKS: tuple[Benchmark, ...] = (
    held_out("powder"),
    held_out("resolved"),
    held_out("triplets"),
    TRANSFER,
    paper_split("paper", "cspbi3_br/chgnet_X3of24", "CHGNet 0.3.0"),
    paper_split("paper-dft", "cspbi3_br/gpaw_mp2", "GPAW, PBE, k-mesh 2x2x2"),
    TOLERANCE,
)


def chosen(names: str = "") -> tuple[Benchmark, ...]:
    """Benchmarks by their names, separated by commas; all if there are none.

    Raises
    ------
    InputError
        If a name is unknown.

    Examples
    --------
    >>> [one.name for one in chosen("transfer,powder")]
    ['powder', 'transfer']
    """
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    known = [one.name for one in BENCHMARKS]
    for name in sorted(wanted):
        if name not in known:
            raise InputError(f"tasks: {name!r} is unknown; there are: {', '.join(known)}")
    return tuple(one for one in BENCHMARKS if not wanted or one.name in wanted)
