"""Run the benchmarks of the enumeration and write docs/benchmarks.md: `make bench`, or python bench/table.py."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cases import CASES
from measuring import CPU_LIMIT_S, ENVIRONMENTS, MEMORY_LIMIT_GIB, PEERS, ROOT, version_of
from test_configurations import PEER_ROUNDS, ROUNDS

NAMES = {"matganip": "matganip", "dsenum": "dsenum", "shry": "SHRY", "bsym": "bsym", "icet": "icet"}
Row = dict[str, Any]


def main() -> None:
    """Measure, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=ENVIRONMENTS / "results.json", help="pytest-benchmark's JSON")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md")
    parser.add_argument("--only-write", action="store_true", help="write the page from the results that are there")
    options = parser.parse_args()
    if not options.only_write:
        measure(options.results)
    options.output.write_text(page(json.loads(options.results.read_text())))


def measure(path: Path) -> None:
    """Run everything, and keep pytest-benchmark's JSON with what else the page says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    versions = {name: version_of(name) for name in ("matganip", *PEERS)}
    load = [os.getloadavg()[1]]
    tests = str(ROOT / "bench" / "test_configurations.py")
    command = [sys.executable, "-m", "pytest", tests, "--benchmark-only", "-q", f"--benchmark-json={path}"]
    subprocess.run(command, check=True, cwd=ROOT)
    results = json.loads(path.read_text())
    results.update(versions=versions, load=[*load, os.getloadavg()[1]], cpu_limit=CPU_LIMIT_S)
    path.write_text(json.dumps(results))


def page(results: Row) -> str:
    """The page as Markdown."""
    rows: dict[str, list[Row]] = {}
    for benchmark in results["benchmarks"]:
        rows.setdefault(benchmark["name"].split("[")[0], []).append(benchmark["extra_info"])
    cpu, system = results["machine_info"]["cpu"], f"{platform.system()}, Python {platform.python_version()}"
    delivery = {row["threads"]: row for row in rows["test_delivery"]}
    every = rows["test_enumeration"]
    kernel = [{**row, "program": "kernel"} for row in rows["test_kernel"]]
    return (
        (ROOT / "bench" / "benchmarks.md.in")
        .read_text()
        .format(
            date=datetime.datetime.fromisoformat(results["datetime"]).date(),
            commit=results["commit_info"]["id"][:10] + (" with changes" if results["commit_info"]["dirty"] else ""),
            versions=", ".join(f"{NAMES[name]} {version}" for name, version in results["versions"].items()),
            machine=f"{cpu['brand_raw']}, {cpu['count']} cores; {system}",
            load="load average {:.1f} before, {:.1f} after".format(*results["load"]),
            cpu_limit=results["cpu_limit"],
            memory_limit=MEMORY_LIMIT_GIB,
            rounds=ROUNDS,
            peer_rounds=PEER_ROUNDS,
            seconds=by_case(every + kernel, ("matganip", "kernel", *PEERS), lambda row: digits(row["cpu_s"])),
            memory=by_case(
                every, ("matganip", *PEERS), lambda row: f"{row['peak_mib']:.0f} ({row['imports_mib']:.0f})"
            ),
            threads=threads_table(rows["test_threads"]),
            delivered=f"{delivery[1]['orbits']:,}",
            gib=f"{delivery[1]['bytes'] / 2**30:.2f}",
            delivery=delivery_table(delivery),
            bound=bound(delivery[1]),
        )
    )


def digits(seconds: float) -> str:
    """A time to two digits, not in powers of ten."""
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}" if seconds >= 1e-4 else "< 0.0001"


def markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table, the first column to the left and the others to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *lines))


def by_case(rows: Sequence[Row], programs: Sequence[str], cell: Callable[[Row], str]) -> str:
    """Cases downwards, programs across."""
    found = {(row["program"], row["case"]): row.get("gave_up") or cell(row) for row in rows}
    lines = [[c.name, f"{c.orbits:,}", *(found.get((p, c.name), "-") for p in programs)] for c in CASES]
    return markdown(["space", "orbits", *(NAMES.get(p, f"*{p}*") for p in programs)], lines)


def threads_table(rows: Sequence[Row]) -> str:
    """One thread against two."""
    lines = []
    for name in dict.fromkeys(row["case"] for row in rows):
        one, two = (next(r for r in rows if r["case"] == name and r["threads"] == t) for t in (1, 2))
        figures = one["cpu_s"], two["cpu_s"], one["wall_s"], two["wall_s"], one["wall_s"] / two["wall_s"]
        lines.append([name, *(f"{figure:.2f}" for figure in (*figures, two["cores"]))])
    return markdown(["space", "CPU s, 1 thread", "CPU s, 2", "wall s, 1", "wall s, 2", "ratio", "cores used, 2"], lines)


def delivery_table(delivery: dict[int, Row]) -> str:
    """The rows beside bare bytes."""
    lines = []
    for name in (name for name, value in delivery[1].items() if isinstance(value, dict)):
        one, two = delivery[1][name], delivery[2][name]
        rates = [delivery[1]["orbits"] / seconds / 1e6 for seconds in (one["cpu_s"], two["cpu_s"], two["wall_s"])]
        times = (one["cpu_s"], two["cpu_s"], two["wall_s"])
        lines.append([name, *(f"{s:.3f}" for s in times), *(f"{rate:.0f}" for rate in rates)])
    clocks = ["CPU s, 1 thread", "CPU s, 2", "wall s, 2"]
    return markdown(["", *clocks, "10^6 rows per CPU s, 1 thread", "per CPU s, 2", "per wall s, 2"], lines)


def bound(one: Row) -> str:
    """What bounds the delivery on one thread, in words."""
    making, cached, copied = (
        one[name]["cpu_s"] for name in ("into the same arrays", "memcpy within cache", "memcpy through memory")
    )
    search = "the search and the writing of each row, not the bandwidth of the memory"
    what = search if cached < making / 2 else "the writing of the rows"
    return (
        f"An orbit takes {1e9 * making / one['orbits']:.0f} ns. Copying its bytes within the cache is "
        f"{100 * cached / making:.0f} % of that, and a batch is still in the cache when its reader gets it: what "
        f"bounds the delivery is {what}. A reader who keeps all rows pays for the memory as well: copying them takes "
        f"{100 * copied / making:.0f} % of the time of making them."
    )


if __name__ == "__main__":
    main()
