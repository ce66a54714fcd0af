"""DFT in batches: inputs written, outputs read, checked and collected.

`write_inputs` makes a folder for each orbit and the job scripts, `collect` stores what came of the runs;
`DftSettings` and `JobSettings` are what a file's sections ``[dft]`` and ``[job]`` hold.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matganip.labels.dft.collecting import collect
    from matganip.labels.dft.inputs import write_inputs
    from matganip.labels.dft.jobs import JobSettings
    from matganip.labels.dft.settings import DftSettings

_HOME = {"collect": "collecting", "write_inputs": "inputs", "JobSettings": "jobs", "DftSettings": "settings"}
__all__ = ["DftSettings", "JobSettings", "collect", "write_inputs"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
