"""One process of the harness: runs inputs, a line of JSON for each."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from tests.fuzz.harness import Target
from tests.fuzz.targets import CHECKS, TARGETS, recorded_calls

_MEMORY = 12 << 30


def outcome(target: Target, number: int, originals: Path, expected: str | None) -> tuple[str, str]:
    """What comes of one input, and why."""
    seed = np.random.default_rng([number, *target.name.encode()])
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        signal.setitimer(signal.ITIMER_PROF, target.seconds)
        try:
            result = target.run(originals, seed, Path(scratch))
        except target.clean as error:
            message = str(error)
            return ("refused", message[:200]) if message else ("traceback", f"{type(error).__name__} without a message")
        except Exception as error:
            return "traceback", f"{type(error).__name__}: {str(error)[:300]}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    if expected is not None and result != expected:
        return "changed", f"{result[:150]} instead of {expected[:150]}"
    return "ok", ""


def main(inputs: list[tuple[str, int]], originals: Path) -> None:
    """Run inputs, each a target and a number."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    warnings.simplefilter("ignore")
    output, sys.stdout = os.fdopen(os.dup(1), "w", buffering=1), sys.stderr
    expected: dict[str, str | None] = {}
    recorded_calls()  # which takes longer than an input may
    for name, number in inputs:
        target = (TARGETS | CHECKS)[name]
        if name not in expected:
            expected[name] = _of_original(target, originals) if target.sealed else None
        found, detail = outcome(target, number, originals, expected[name])
        print(json.dumps({"outcome": found, "detail": detail}), file=output, flush=True)


def _of_original(target: Target, originals: Path) -> str:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        return target.run(originals, None, Path(scratch))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
