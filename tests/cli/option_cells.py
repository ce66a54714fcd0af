"""Every option of the commands that read a crystal, on every kind of crystal: what it does there.

PYTHONPATH=python python tests/cli/option_cells.py > docs/options.md
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from typer.main import get_command

from matganip.cli.main import app

COMMAND = get_command(app)
"""The command line, put together once."""

CELL = "".join(f"_cell_length_{one} 4.1\n" for one in "abc") + "".join(
    f"_cell_angle_{one} 90\n" for one in ("alpha", "beta", "gamma")
)
STATES = "loop_\n_atom_type_symbol\n_atom_type_oxidation_number\nCu1+ 1\nCu2+ 2\nO2- -2\nF- -1\n"
COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv")
AMMONIUM = "N1 N 0 0 0 1\n" + "".join(
    f"H{k} H {x} {y} {z} 1\n"
    for k, (x, y, z) in enumerate(
        ((0.145, 0.145, 0.145), (-0.145, -0.145, 0.145), (-0.145, 0.145, -0.145), (0.145, -0.145, -0.145)), 1
    )
)
ATOMS = {
    "ordered": "Ca1 Ca 0 0 0 1\nCl1 Cl {x} 0.5 0.5 1\nF1 F {x} 0.5 0.86 1\n",
    "disordered": "Cs1 Cs 0 0 0 1\nCl1 Cl {x} 0.5 0.5 0.498\nF1 F {x} 0.5 0.86 0.5\n",
    "charged": "Cu1 Cu1+ 0 0 0 0.5\nCu2 Cu2+ 0 0 0 0.5\nO1 O2- {x} 0.5 0.5 0.498\nF1 F- {x} 0.5 0.86 0.5\n",
    "split": "Cs1 Cs 0 0 0 1\nI1 I {x} 0.5 0.46 0.25\nBr1 Br {x} 0.5 0.54 0.248\nF1 F {x} 0.5 0.9 0.5\n",
    "molecular": AMMONIUM + "K1 K 0 0 0.5 1\nCl1 Cl {x} 0.5 0.5 1\nF1 F {x} 0.5 0.86 1\n",
}
"""Five kinds of crystal, each a data block that is not quite as symmetric as the next one in its file."""
KINDS = tuple(ATOMS)

TUBE = ("--radiation", "CuKa", "--two-theta", "10,40")
"""Of a measurement that is planned quickly."""

SPACES: dict[str, dict[str, str]] = {
    "ordered": {"Cl": "vac=2", "F": "vac=2"},
    "molecular": {"Cl": "vac=2", "F": "vac=2", "NH4": "Cs=1"},
}
"""What is substituted in an ordered crystal; the others have partial occupancies."""


def crystal(kind: str) -> str:
    """The CIF of a kind of crystal."""
    displaced = kind in ("disordered", "charged")
    loop = "loop_\n" + "".join(f"_atom_site_{name}\n" for name in COLUMNS[: None if displaced else -1])
    states = STATES if kind == "charged" else ""
    group = "_symmetry_space_group_name_H-M 'P 1'\n"
    found = ""
    for name, x in (("one", 0.505), ("two", 0.5)):
        atoms = ATOMS[kind].format(x=x)
        atoms = atoms.replace("\n", " 0.01\n") if displaced else atoms
        found += f"data_{name}\n{CELL}{group}{states}{loop}{atoms}\n"
    return found


@dataclass(frozen=True)
class Row:
    """An option, with what it is given, in a context that needs it.

    Attributes
    ----------
    command : str
    option : str
    arguments : tuple of str
        The option with its value; OUT is a path in an empty folder.
    context : tuple of str
        Other options that both runs have.
    """

    command: str
    option: str
    arguments: tuple[str, ...]
    context: tuple[str, ...] = ()


READING = (
    ("--supercell", ("-s", "2,1,1")),
    ("--supercell smallest", ("-s", "smallest")),
    ("--substitute", ("-x", "F:vac=1")),
    ("--block", ("--block", "two")),
    ("--occupancy-tolerance", ("--occupancy-tolerance", "0.001")),
    ("--symprec", ("--symprec", "0.1")),
    ("--site-tolerance", ("--site-tolerance", "1.55")),
    ("--min-distance", ("--min-distance", "F-F=5")),
)
CHARGES = (
    ("--charge-neutral", ("--charge-neutral",), ()),
    ("--oxidation", ("--oxidation", "F=-2"), ("--charge-neutral",)),
    ("--oxidation, alone", ("--oxidation", "F=-2"), ()),
)
RANKS = (
    ("--rank", ("--rank", "ewald"), ()),
    ("--oxidation with --rank", ("--oxidation", "F=-2"), ("--rank", "ewald")),
    ("--lowest", ("--lowest", "1"), ("--rank", "ewald")),
    ("--highest", ("--highest", "1"), ("--rank", "ewald")),
    ("--lowest, alone", ("--lowest", "1"), ()),
    ("--highest, alone", ("--highest", "1"), ()),
)
FILES = (
    ("--output", ("-o", "OUT.parquet"), ()),
    ("--format", ("-f", "cif"), ("-o", "OUT")),
    ("--format, alone", ("-f", "cif"), ()),
)
OWN = {
    "count": (("--all-compositions", ("-a",), ()), *CHARGES),
    "enumerate": (
        *FILES,
        *RANKS,
        ("--shard", ("--shard", "1/2"), ()),
        ("--dry-run", ("--dry-run",), ()),
        *CHARGES,
        ("--limit", ("-n", "1"), ()),
    ),
    "sample": (
        ("--number", ("-N", "3"), ()),
        ("--seed", ("--seed", "5"), ()),
        ("--configurations", ("--configurations",), ()),
        *FILES,
        *RANKS,
        *CHARGES,
        ("--limit", ("-n", "1"), ()),
    ),
    "sqs": (
        ("--pairs", ("--pairs", "4.2"), ()),
        ("--triplets", ("--triplets", "4.2"), ()),
        ("--any-shape", ("--any-shape",), ()),
        ("--objective", ("--objective", "short-range-order"), ()),
        ("--enumerate-up-to", ("--enumerate-up-to", "0"), ("--swaps", "20")),
        ("--chains", ("--chains", "2"), ("--enumerate-up-to", "0", "--swaps", "20")),
        ("--chains, where all are scored", ("--chains", "2"), ()),
        ("--swaps", ("--swaps", "9"), ("--enumerate-up-to", "0", "--chains", "1")),
        ("--swaps, where all are scored", ("--swaps", "9"), ()),
        ("--seed", ("--seed", "9"), ("--enumerate-up-to", "0", "--swaps", "1", "--chains", "1")),
        ("--seed, where all are scored", ("--seed", "9"), ()),
        ("--shapes", ("--shapes", "1"), ("--any-shape",)),
        ("--shapes, alone", ("--shapes", "1"), ()),
        *FILES,
    ),
    "distinguish": (
        ("--n-peaks", ("--n-peaks", "2"), ()),
        ("--radiation", ("--radiation", "2.2"), ()),
        ("--two-theta", ("--two-theta", "0,30"), ()),
        ("--triplets", ("--triplets",), ()),
        ("--cutoff", ("--cutoff", "4.5"), ()),
        ("--sample", ("-N", "3"), ()),
        ("--seed", ("--seed", "9"), ("-N", "3", "--json")),
        ("--labels", ("--labels", "cspbi3_br/gpaw_mp2"), ()),
        ("--seed, alone", ("--seed", "9"), ()),
        ("--design", ("--design", *TUBE), ()),
        ("--counts", ("--counts", "10"), ("--design", *TUBE)),
        ("--counts, alone", ("--counts", "10"), ()),
        ("--between", ("--between", "", "--between", ""), ("--design", *TUBE)),
        ("--between, alone", ("--between", "", "--between", ""), ()),
    ),
}
DERIVATIVES = (
    ("--max-volume", ("-m", "3"), ()),
    ("--substitute", ("-x", "F1:F,vac"), ()),
    ("--min-volume", ("--min-volume", "2"), ()),
    ("--exchange-labels", ("--exchange-labels",), ("-x", "F1:F,vac")),
    ("--exchange-labels, alone", ("--exchange-labels",), ()),
    ("--superperiodic", ("--superperiodic",), ("-x", "F1:F,vac")),
    ("--superperiodic, alone", ("--superperiodic",), ()),
    ("--all-species", ("--all-species",), ("-x", "F1:F,vac", "-o", "OUT", "-f", "cif")),
    ("--all-species, alone", ("--all-species",), ("-x", "F1:F,vac")),
    ("--output", ("-o", "OUT.xyz"), ("-x", "F1:F,vac")),
    ("--output, alone", ("-o", "OUT.xyz"), ()),
    ("--format", ("-f", "cif"), ("-x", "F1:F,vac", "-o", "OUT")),
    ("--format, alone", ("-f", "cif"), ("-x", "F1:F,vac")),
    ("--block", ("--block", "two"), ()),
    ("--symprec", ("--symprec", "0.1"), ("-x", "F1:F,vac")),
    ("--json", ("--json",), ()),
)
PATTERN = (
    ("--output", ("-o", "OUT.csv"), ()),
    ("--instrument", ("-i", "INSTRUMENT"), ()),
    ("--radiation", ("-r", "CuKa12"), ()),
    ("--two-theta", ("--two-theta", "5,40"), ()),
    ("--step", ("--step", "0.1"), ("-o", "OUT.xy")),
    ("--step, alone", ("--step", "0.1"), ()),
    ("--axis", ("--axis", "q"), ()),
    ("--fwhm", ("--fwhm", "0.5"), ("-o", "OUT.xy")),
    ("--fwhm, alone", ("--fwhm", "0.5"), ()),
    ("--monochromator", ("--monochromator", "26.6"), ()),
    ("--form-factors", ("--form-factors", "waasmaier-kirfel"), ()),
    ("--ions", ("--ions",), ()),
    ("--anomalous", ("--anomalous",), ()),
    ("--b", ("--b", "F=3"), ()),
    ("--b of what is not there", ("--b", "Xe=3"), ()),
    ("--no-displacements", ("--no-displacements",), ()),
    ("--block", ("--block", "two"), ()),
    ("--occupancy-tolerance", ("--occupancy-tolerance", "0.001"), ()),
    ("--json", ("--json",), ()),
)
SHARED = {
    "suggest": ("--calculator", "ase.calculators.lj:LennardJones", "-d", "OUT.db", "-N", "2"),
    "dft write": ("--code", "vasp", "-o", "OUT", "-N", "2"),
}
"""Commands that are gone through only for how they read a crystal; label, labels and match do as these."""


def rows() -> Iterator[Row]:
    """All rows of the table."""
    for command, own in OWN.items():
        for option, arguments in READING:
            yield Row(command, option, arguments)
        for option, arguments, context in own:
            yield Row(command, option, arguments, context)
        yield Row(command, "--json", ("--json",))
    for option, arguments, context in DERIVATIVES:
        yield Row("derivatives", option, arguments, context)
    for option, arguments, context in PATTERN:
        yield Row("pattern", option, arguments, context)
    for command, context in SHARED.items():
        for option, arguments in READING:
            yield Row(command, option, arguments, context)


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    code: int
    told: str
    error: str
    files: tuple[tuple[str, bytes], ...]

    @property
    def seen(self) -> tuple[object, ...]:
        """What a user sees of it but for warnings."""
        said = [line for line in self.error.splitlines() if not line.startswith("matganip: warning")]
        return self.code, self.told, self.files, tuple(said)


@cache
def ran(command: str, arguments: tuple[str, ...]) -> Ran:
    """Run a command in a new folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / "out"
        out.mkdir()
        for kind in KINDS:
            (folder / f"{kind}.cif").write_text(crystal(kind))
        (folder / "lab.toml").write_text('radiation = "MoKa"\n')
        given = [
            one.replace("OUT", str(out / "x"))
            .replace("INSTRUMENT", str(folder / "lab.toml"))
            .replace("KIND:", f"{folder}/")
            for one in arguments
        ]
        told, error, code = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(told), redirect_stderr(error):
            try:
                COMMAND.main([*command.split(), *given], prog_name="matganip")
            except SystemExit as stop:
                code = int(stop.code or 0)
        files = tuple((str(one.relative_to(out)), one.read_bytes()) for one in sorted(out.rglob("*")) if one.is_file())
        return Ran(code, told.getvalue().replace(name, ""), error.getvalue().replace(name, ""), files)


def space_of(row: Row, kind: str) -> tuple[list[str], list[str]]:
    """How a command is told its space: without the option, and with it."""
    if row.command == "pattern":
        return [], []
    if row.command == "derivatives":
        return ["-m", "2"], [] if row.option == "--max-volume" else ["-m", "2"]
    hosts = SPACES.get(kind, {})
    if "--charge-neutral" in (*row.context, *row.arguments):
        hosts = {**({**hosts, "Cl": "vac=0"} if hosts else {}), "F": "vac=0-4"}
    given = ["-s", "2,2,1", *(word for host, rest in hosts.items() for word in ("-x", f"{host}:{rest}"))]
    if row.option.startswith("--supercell"):
        return (["-s", "4,2,1"] if kind == "split" and row.option == "--supercell" else given[:2]) + given[2:], given[
            2:
        ]
    if row.option == "--substitute":
        return given, [
            word for host, rest in hosts.items() if host != "F" for word in ("-x", f"{host}:{rest}")
        ] + given[:2]
    return given, given


def outcome(row: Row, kind: str) -> str:
    """What the option does.

    Returns
    -------
    str
        ``acts``: with it the command says or writes something else; ``refused``: by its name; ``said``: that it did not
        act; ``command refused``: as it is without the option; ``SILENT``: the same as without it.
    """
    plain, given = space_of(row, kind)
    without = ran(row.command, (f"KIND:{kind}.cif", *plain, *row.context))
    found = ran(row.command, (f"KIND:{kind}.cif", *given, *row.context, *row.arguments))
    name = row.option.split(",")[0].split(" ")[0]
    if without.code == 2 and found.code == 2:
        return "command refused"
    if found.code == 2 and name in found.error and any(word in found.error for word in REFUSALS):
        return "refused"
    if "did not act" in found.error:
        return "said"
    return "acts" if found.seen != without.seen else "SILENT"


REFUSALS = ("leave", "act with", "no partial occupancies")


def table(command: str) -> str:
    """The table of a command."""
    lines = [f"| {command} | {' | '.join(KINDS)} |", "|---" * (len(KINDS) + 1) + "|"]
    for row in rows():
        if row.command == command:
            lines.append(f"| {row.option} | {' | '.join(outcome(row, kind) for kind in KINDS)} |")
    return "\n".join(lines) + "\n"


COMMANDS = tuple(dict.fromkeys(row.command for row in rows()))
HEAD = """# Every option on every kind of crystal

What an option does for the commands that read a crystal, on five small crystals: an *ordered* one, one with partial
occupancies (*disordered*), one whose file gives oxidation states and two states of one element on a site (*charged*),
one with two positions of one site (*split*), and one with a molecular cation.

- **acts**: with the option the command says or writes something else, or refuses what the option makes impossible.
- **refused**: exit status 2, and the option's name in the message; *alone* means without the option that it needs.
- **said**: a line says that it did not act.
- **command refused**: the command does not take such a crystal, whatever the options, and says why.

`python tests/cli/option_cells.py > docs/options.md` writes this page; `tests/cli/test_options.py` makes every cell
again and compares. `label`, `labels import`, `labels join` and `match` read a crystal by the same options as `suggest`.
Commands that take a model have their crystal from it.
"""


def page() -> str:
    """The page of the documentation."""
    return "\n".join([HEAD, *map(table, COMMANDS)])


if __name__ == "__main__":
    print(page(), end="")
