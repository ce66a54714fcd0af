"""Run the benchmarks of the prediction and write docs/benchmarks-prediction.md: part of `make bench`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from measuring import ENVIRONMENTS, ROOT, version_of
from table import markdown

Row = dict[str, Any]


def main() -> None:
    """Measure, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=ENVIRONMENTS / "prediction.json")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks-prediction.md")
    parser.add_argument("--only-write", action="store_true", help="write the page from the results that are there")
    options = parser.parse_args()
    if not options.only_write:
        options.results.parent.mkdir(parents=True, exist_ok=True)
        load = os.getloadavg()[1]
        tests = str(ROOT / "bench" / "test_prediction.py")
        command = [sys.executable, "-m", "pytest", tests, "--benchmark-only", "-q"]
        pinned = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([*command, f"--benchmark-json={options.results}"], check=True, cwd=ROOT, env=pinned)
        results = json.loads(options.results.read_text())
        results.update(load=[load, os.getloadavg()[1]], versions=versions())
        options.results.write_text(json.dumps(results))
    options.output.write_text(page(json.loads(options.results.read_text())))


def versions() -> dict[str, str]:
    """Of what is compared; torch is in our own environment."""
    return {"matganip": version_of("matganip"), "torch": version_of("matganip", "torch")}


def page(results: Row) -> str:
    """The page as Markdown."""
    rows = [benchmark["extra_info"] for benchmark in results["benchmarks"]]
    cpu = results["machine_info"]["cpu"]
    template = (ROOT / "bench" / "benchmarks-prediction.md.in").read_text()
    return template.format(
        versions=", ".join(f"{name} {version}" for name, version in results["versions"].items()),
        machine=f"{cpu['brand_raw']}; {platform.system()}, Python {platform.python_version()}",
        load="load average {:.1f} before, {:.1f} after".format(*results["load"]),
        rows=f"{rows[0]['rows']:,}",
        predictions=predictions_table(rows),
        stages=stages_table(rows[0]),
        surrogates=surrogates_table(rows),
    )


def predictions_table(rows: list[Row]) -> str:
    """The kernel beside the plain forward, at its best batch size."""
    header = ["G", "plain torch, 10^3/s", "batch", "`predict`, 10^3/s", "ratio", "10^9 multiply-adds/s",
              "error of torch", "error of `predict`"]  # fmt: skip
    lines = []
    for r in rows:
        batch, best = min(r["plain"].items(), key=lambda item: item[1])
        rate = r["rows"] / r["ours"]
        lines.append([
            r["name"], f"{r['rows'] / best / 1e3:.1f}", str(batch), f"{rate / 1e3:.0f}", f"{best / r['ours']:.1f}x",
            f"{rate * r['multiplications'] / 1e9:.0f}", f"{r['errors']['plain']:.0e}", f"{r['errors']['ours']:.0e}",
        ])  # fmt: skip
    return markdown(header, lines)


def stages_table(r: Row) -> str:
    """What each stage takes of an arrangement."""
    seconds = {
        "peaks": r["stages"]["peaks"],
        "peaks and matrices": r["stages"]["matrices"],
        "`predict` (from matrices)": r["ours"],
        "surrogate (from peaks)": r["stages"]["surrogate"],
    }
    lines = [[n, f"{1e6 * s / r['rows']:.2f}", f"{r['rows'] / s / 1e3:,.0f}"] for n, s in seconds.items()]
    return markdown(["stage", "µs an arrangement", "10^3/s"], lines)


def surrogates_table(rows: list[Row]) -> str:
    """How far surrogates are from their teachers."""
    header = ["teacher", "held out", "median", "99 %", "largest", "largest on all", "deviation of predictions"]
    lines = [
        [r["name"], str(r["surrogate"]["n"]), *(f"{r['surrogate']['quantiles'][q]:.4f}" for q in ("0.5", "0.99")),
         f"{r['surrogate']['largest']:.4f}", f"{r['gap']:.4f}", f"{r['spread']:.2f}"]
        for r in rows
    ]  # fmt: skip
    return markdown(header, lines)


if __name__ == "__main__":
    main()
