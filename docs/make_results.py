"""Write docs/results.md and its figures anew from docs/results.json: `python docs/make_results.py`, without a training.

`matganip reproduce --output runs/reproduce --page docs/results.md` measures, and writes all of it.
"""

import json
from pathlib import Path

from matganip.benchmarks.reproduce.page import Reproduction
from matganip.benchmarks.reproduce.registry import chosen

PAGE = Path(__file__).parent / "results.md"

document = json.loads(PAGE.with_suffix(".json").read_text(encoding="utf-8"))
Reproduction(chosen(",".join(document["tasks"])), document, 0).write(PAGE)
