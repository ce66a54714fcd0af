"""The tasks of the comparison, in the order of the page: one line adds one."""

from __future__ import annotations

from matganip.benchmarks.reproduce.arrangements import HeldOut, PaperSplit
from matganip.benchmarks.reproduce.task import Task
from matganip.benchmarks.reproduce.tolerance import Tolerance
from matganip.benchmarks.reproduce.transfer import Transfer
from matganip.errors import InputError

TASKS: tuple[Task, ...] = (
    HeldOut("powder"),
    HeldOut("resolved"),
    HeldOut("triplets"),
    Transfer(),
    PaperSplit("paper", "cspbi3_br/chgnet_X3of24", "CHGNet 0.3.0"),
    PaperSplit("paper-dft", "cspbi3_br/gpaw_mp2", "GPAW, PBE, k-mesh 2x2x2"),
    Tolerance(),
)


def chosen(names: str = "") -> tuple[Task, ...]:
    """Tasks of these names, a comma between them; all without any.

    Raises
    ------
    InputError
        If a name is unknown.

    Examples
    --------
    >>> [task.name for task in chosen("transfer,powder")]
    ['powder', 'transfer']
    """
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    known = [task.name for task in TASKS]
    for name in sorted(wanted):
        if name not in known:
            raise InputError(f"tasks: {name!r} is unknown; there are: {', '.join(known)}")
    return tuple(task for task in TASKS if not wanted or task.name in wanted)
