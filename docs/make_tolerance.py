"""The table of docs/matganip-f.md: MATGANIP.f beside trees and boosting, over five splits by formula."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from matganip.benchmarks.tolerance import MethodResult, compare, summarise


def markdown(rows: Sequence[MethodResult]) -> str:
    """Mean and standard deviation over the seeds."""
    lines = ["| method | input | MAE | MAE / mean baseline's | R² | CPU s |", "|---|---|---|---|---|---|"]
    for one in summarise(rows):
        fit = "" if one.method == "mean baseline" else f"{one.r2:.3f}"
        lines.append(
            f"| {one.method} | {one.input} | {one.mae[0]:.4f} ± {one.mae[1]:.4f} | {one.ratio[0]:.2f} ± "
            f"{one.ratio[1]:.2f} | {fit} | {one.seconds:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    seeds = [int(text) for text in sys.argv[1:]] or range(5)
    print(markdown(compare(seeds, progress=True)))
