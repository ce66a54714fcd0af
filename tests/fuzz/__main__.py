"""`make fuzz`: many inputs over all targets, and a table of what came of them.

python -m tests.fuzz --inputs 100000 --workers 2 --store runs/fuzz.jsonl    # again: resumes
python -m tests.fuzz --only "model solved:17"
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.harness import Tally, fuzz
from tests.fuzz.targets import TARGETS, make_originals

_PER_PROCESS = 5_000


def main() -> int:
    """Run, print the table, and list the failures; 1 where there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=2_000, help="in all; the targets share them equally")
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each target")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--only", default="", help="a target, or one input of it: target:number")
    parser.add_argument("--store", type=Path, help="JSON lines of what was run, which is not run again")
    options = parser.parse_args()
    name, _, number = options.only.partition(":")
    if name and name not in TARGETS:
        parser.error(f"no target {name!r}; there are: {', '.join(TARGETS)}")
    targets = [name] if name else list(TARGETS)
    each = 1 if number else max(1, options.inputs // len(targets))
    first = int(number) if number else options.first
    tally = Tally(store=options.store)
    done = tally.resume()
    wanted = [(target, at) for at in range(first, first + each) for target in targets]
    inputs = [one for one in wanted if one not in done]
    shares = [inputs[at : at + _PER_PROCESS] for at in range(0, len(inputs), _PER_PROCESS)]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        originals = Path(folder) / "originals"
        make_originals(originals)
        with ThreadPoolExecutor(options.workers) as pool:
            for n, _ in enumerate(pool.map(lambda share: fuzz(share, originals, tally), shares), 1):
                print(f"{n} of {len(shares)} shares, {len(tally.failures)} failures", file=sys.stderr)
    print(tally.table())
    print("\n".join(sorted(tally.failures)))
    return int(bool(tally.failures))


if __name__ == "__main__":
    sys.exit(main())
