"""The table of docs/matganip-f.md: MATGANIP.f beside trees and boosting, over five splits by formula."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from matganip.benchmarks.tolerance import MethodResult, compare, results_frame


def markdown(rows: Iterable[MethodResult]) -> str:
    """Mean and standard deviation over the seeds."""
    lines = ["| method | input | MAE | MAE / mean baseline's | R² | CPU s |", "|---|---|---|---|---|---|"]
    for (method, read), runs in results_frame(rows).groupby(["method", "input"], sort=False):
        mean, spread = runs.mean(numeric_only=True), runs.std(numeric_only=True).fillna(0.0)
        fit = "" if method == "mean baseline" else f"{mean.r2:.3f}"
        lines.append(
            f"| {method} | {read} | {mean.mae:.4f} ± {spread.mae:.4f} | {mean.ratio:.2f} ± {spread.ratio:.2f} | "
            f"{fit} | {mean.cpu_s:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    seeds = [int(text) for text in sys.argv[1:]] or range(5)
    print(markdown(compare(seeds, progress=True)))
