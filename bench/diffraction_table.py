"""Run the benchmarks of the diffraction and write docs/benchmarks-diffraction.md: part of `make bench`."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from measuring import ENVIRONMENTS, ROOT, version_of
from table import markdown

Row = dict[str, Any]
PACKAGES = {"gemmi": "gemmi", "cctbx": "cctbx-base", "xrayutilities": "xrayutilities", "dans": "Dans-Diffraction"}


def main() -> None:
    """Measure, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=ENVIRONMENTS / "diffraction.json")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks-diffraction.md")
    parser.add_argument("--only-write", action="store_true", help="write the page from the results that are there")
    options = parser.parse_args()
    if not options.only_write:
        options.results.parent.mkdir(parents=True, exist_ok=True)
        load = os.getloadavg()[1]
        tests = str(ROOT / "bench" / "test_diffraction.py")
        command = [sys.executable, "-m", "pytest", tests, "--benchmark-only", "-q"]
        subprocess.run([*command, f"--benchmark-json={options.results}"], check=True, cwd=ROOT)
        results = json.loads(options.results.read_text())
        versions = {name: version_of(name) for name in ("matganip", "pymatgen")}
        versions |= {package: version_of(program, package) for program, package in PACKAGES.items()}
        results.update(load=[load, os.getloadavg()[1]], versions=versions)
        options.results.write_text(json.dumps(results))
    options.output.write_text(page(json.loads(options.results.read_text())))


def page(results: Row) -> str:
    """The page as Markdown."""
    rows: dict[str, list[Row]] = {}
    for benchmark in results["benchmarks"]:
        rows.setdefault(benchmark["name"].split("[")[0], []).append(benchmark["extra_info"])
    cpu = results["machine_info"]["cpu"]
    (lattice,) = rows["test_lattice_engine"]
    template = (ROOT / "bench" / "benchmarks-diffraction.md.in").read_text()
    return template.format(
        date=datetime.datetime.fromisoformat(results["datetime"]).date(),
        commit=results["commit_info"]["id"][:10] + (" with changes" if results["commit_info"]["dirty"] else ""),
        versions=", ".join(f"{name} {version}" for name, version in results["versions"].items()),
        machine=f"{cpu['brand_raw']}, {cpu['count']} cores; {platform.system()}, Python {platform.python_version()}",
        load="load average {:.1f} before, {:.1f} after".format(*results["load"]),
        general=general_table(rows["test_general_engine"]),
        factors=factors_table(rows["test_structure_factors"]),
        n_rows=f"{lattice['rows']:,}",
        lattice=lattice_table(lattice),
        growth=growth_table(rows["test_growth"]),
        fits="\n".join(fits(rows["test_growth"])),
    )


def general_table(rows: list[Row]) -> str:
    """Our general engine beside pymatgen's calculator."""
    header = ["40 atoms", "volume, Å³", "lines", "pymatgen, ms", "`patterns`, ms", "ratio", "two threads (wall)"]
    lines = [
        [r["name"], f"{r['volume']:.0f}", f"{r['lines']:,}", f"{1e3 * r['pymatgen']:.1f}", f"{1e3 * r['ours']:.3f}",
         f"{r['pymatgen'] / r['ours']:.0f}x", f"{r['threads']:.2f}x"]
        for r in rows
    ]  # fmt: skip
    return markdown(header, lines)


def factors_table(rows: list[Row]) -> str:
    """Our whole pattern beside what structure factors alone take elsewhere."""
    header = ["program", "crystal", "reflections", "theirs, ms", "our whole pattern, ms", "ratio", "largest difference"]
    lines = [
        [PACKAGES[r["program"]], r["name"], f"{r['reflections']:,}", f"{1e3 * r['theirs']:.1f}",
         f"{1e3 * r['ours']:.3f}", f"{r['theirs'] / r['ours']:.0f}x", f"{r['difference']:.1e}"]
        for r in sorted(rows, key=lambda r: (list(PACKAGES).index(r["program"]), r["name"]))
    ]  # fmt: skip
    return markdown(header, lines)


def lattice_table(found: Row) -> str:
    """What the lattice engine writes, beside memset of as many bytes."""
    header = ["what", "10^6 rows per CPU s", "GB/s", "of memset", "of ndarray.fill", "two threads (wall)"]
    lines = []
    for name, r in found["actions"].items():
        seconds = r["cpu_s"]
        lines.append([
            name, f"{found['rows'] / seconds / 1e6:.2f}", f"{r['bytes'] / seconds / 1e9:.1f}",
            f"{r['memset'] / seconds:.2f}", f"{r['ndarray.fill'] / seconds:.2f}", f"{r['threads']:.2f}x",
        ])  # fmt: skip
    return markdown(header, lines)


def growth_table(rows: list[Row]) -> str:
    """Cost by the size of the cell."""
    header = ["supercell", "species", "sites", "peaks", "sums", "tables made in, s", "µs an arrangement"]
    lines = [
        [r["cells"], str(r["species"]), str(r["sites"]), f"{r['peaks']:,}", str(r["sums"]), f"{r['setup']:.2f}",
         f"{1e6 * r['cpu_s']:.2f}"]
        for r in rows
    ]  # fmt: skip
    return markdown(header, lines)


def fits(rows: list[Row]) -> list[str]:
    """Straight lines of log cost against log sites."""
    sentences = []
    for species in sorted({r["species"] for r in rows}):
        own = [r for r in rows if r["species"] == species]
        slope, _ = np.polyfit(np.log([r["sites"] for r in own]), np.log([r["cpu_s"] for r in own]), 1)
        sentences.append(f"- {species} species: cost grows as sites to the power {slope:.2f}")
    return sentences


if __name__ == "__main__":
    main()
