"""`matganip`: the subcommands put together. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import gc
import os
from typing import Annotated

import typer

from matganip.cli.certify import certify
from matganip.cli.console import DEBUG, INTERRUPTED, fail
from matganip.cli.count import count
from matganip.cli.derivatives import derivatives
from matganip.cli.dft import dft
from matganip.cli.distinguish import distinguish
from matganip.cli.enumerate import enumerate_orbits
from matganip.cli.evaluate import evaluate
from matganip.cli.examples import examples
from matganip.cli.ground_states import ground_states
from matganip.cli.keys import keys
from matganip.cli.label import label
from matganip.cli.labels import app as labels
from matganip.cli.match import match
from matganip.cli.monte_carlo import monte_carlo
from matganip.cli.pattern import pattern
from matganip.cli.phase_diagram import phase_diagram
from matganip.cli.predict import predict
from matganip.cli.report import report
from matganip.cli.reproduce import reproduce
from matganip.cli.run import run
from matganip.cli.sample import sample
from matganip.cli.screen import screen
from matganip.cli.search import search
from matganip.cli.sqs import sqs
from matganip.cli.suggest import suggest
from matganip.cli.thermo import thermo
from matganip.cli.tolerance import tolerance
from matganip.cli.train import train
from matganip.cli.verify import verify
from matganip.cli.view import view

app = typer.Typer(
    name="matganip",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 done, 2 something in the input is wrong, 130 interrupted.",
)
app.command("run")(run)
app.command("train")(train)
app.command("evaluate")(evaluate)
app.command("predict")(predict)
app.command("search")(search)
app.command("thermo")(thermo)
app.command("monte-carlo")(monte_carlo)
app.command("phase-diagram")(phase_diagram)
app.command("ground-states")(ground_states)
app.command("screen")(screen)
app.command("certify")(certify)
app.command("verify")(verify)
app.command("report")(report)
app.command("view")(view)
app.command("count")(count)
app.command("enumerate")(enumerate_orbits)
app.command("derivatives")(derivatives)
app.command("sample")(sample)
app.command("sqs")(sqs)
app.command("distinguish")(distinguish)
app.command("match")(match)
app.command("pattern")(pattern)
app.command("label")(label)
app.add_typer(labels, name="labels")
app.command("tolerance")(tolerance)
app.command("suggest")(suggest)
app.add_typer(dft)
app.command("reproduce")(reproduce)
app.command("keys")(keys)
app.command("examples")(examples)


def _version(asked: bool) -> None:
    if asked:
        from matganip import __version__, vector_target

        typer.echo(f"matganip {__version__} ({vector_target()} vectors)")
        raise typer.Exit


@app.callback()
def matganip(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help=f"Show tracebacks, also with {DEBUG}=1 in the environment.")
    ] = False,
) -> None:
    """Screen the arrangements of dopants in a crystal: symmetry, diffraction and the MATGANIP network.

    How many arrangements are there, and which?

    \b
    matganip count CsPbI3.cif -s 2,2,2 -x I:Br=3
    matganip enumerate CsPbI3.cif -s 2,2,2 -x I:Br=3 -o orbits.parquet
    matganip enumerate LiFeO2.cif -s 2,2,1 --rank ewald --lowest 50
    matganip derivatives Ni.cif --max-volume 8 -x Ni:Ni,Al

    Too many of them? A uniform sample:

    \b
    matganip sample CsPbI3.cif -s 3,3,3 -x I:Br=27,Cl=27 -N 10000 -o s.parquet

    What can a diffractometer tell apart?

    \b
    matganip distinguish CsPbI3.cif -s 2,2,2 -x I:Br=6 --triplets

    Which of them is in the bottle? A measured powder pattern:

    \b
    matganip match scan.xrdml CsPbI3.cif -s 2,2,2 -x I:Br=6

    A powder pattern? Of any crystal, X-rays or neutrons:

    \b
    matganip pattern CsPbI3.cif -r CuKa12 -o CsPbI3.xy -o CsPbI3.png

    Energies for them? One database; rerun the command to resume:

    \b
    matganip label CsPbI3.cif -s 2,2,2 -x I:Br=3 --calculator chgnet
    matganip labels export labels.db labels.csv

    Which of them to label?

    \b
    matganip suggest CsPbI3.cif -s 2,2,2 -x I:Br=6 --calculator chgnet --budget 40

    Which win? Describe parent, labels and screen in a study file, and run it:

    \b
    matganip run examples/cspbi3_br/study.toml --output results/

    A model to keep? Train it, and ask it as often as you like:

    \b
    matganip train examples/cspbi3_br/train.toml --output runs/model
    matganip predict runs/model --output predictions.parquet
    matganip screen runs/model --output runs/screen

    Too many to screen them all? And at a temperature?

    \b
    matganip certify runs/model --top 100 --output winners.parquet
    matganip search runs/model -s 3,3,3 -x I:Br=20 --output best.parquet
    matganip thermo runs/model --temperatures 100-1000:100

    What does a cell of any size do at a temperature? With a model of structures:

    \b
    matganip ground-states runs/model --cells 8
    matganip monte-carlo runs/model -s 8,8,8 -x Cu:Au=128 -t 300-1000:50
    matganip phase-diagram runs/model -s 6,6,6 -t 300-900:50

    Do the ions of a perovskite fit?

    \b
    matganip tolerance CsPbI3 Cs2AgBiBr6 FAPbI3

    matganip examples copies the files that these commands name. matganip keys lists
    every key that a study file may have.
    """
    del version  # its callback has done all
    if debug:
        os.environ[DEBUG] = "1"


def main() -> None:
    """Run the command line; also an interruption outside of any command is one line."""
    # What is loaded at the start stays; looking for garbage among it takes a fifth of the time of a short command.
    gc.set_threshold(200_000, 20, 20)
    # An idle thread that spins takes the core from one that works, wherever the machine is shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        app()
    except KeyboardInterrupt:
        fail("interrupted")
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
