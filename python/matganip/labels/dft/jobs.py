"""Scripts that run a batch of folders: one run, a plain loop, a SLURM job array, custodian."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from matganip.errors import InputError
from matganip.files import atomic_path
from matganip.labels.dft.folders import write_if_new
from matganip.labels.dft.settings import Code, DftSettings, Positive
from matganip.settings import Settings

LIST = "folders.txt"
"""The folders that the scripts run, one a line, relative to it."""

COMMANDS: dict[Code, str] = {
    "vasp": "vasp_std",
    "gpaw": "python run.py",
    "espresso": "pw.x -in espresso.pwi > espresso.pwo",
}
"""What runs a code in its folder, without what starts it in parallel."""

# As pymatgen's `pmg config -p` lays them out.
FAMILIES = {
    "PBE": "POT_GGA_PAW_PBE",
    "PBE_52": "POT_GGA_PAW_PBE_52",
    "PBE_54": "POT_GGA_PAW_PBE_54",
    "PBE_64": "POT_PAW_PBE_64",
    "LDA": "POT_LDA_PAW",
    "LDA_52": "POT_LDA_PAW_52",
    "LDA_54": "POT_LDA_PAW_54",
    "LDA_64": "POT_LDA_PAW_64",
}
"""Folders below PMG_VASP_PSP_DIR by the name of the functional."""


def _one_line(text: str) -> str:
    if "\n" in text:
        raise ValueError("must be on one line each")
    return text


Line = Annotated[str, AfterValidator(_one_line)]


class JobSettings(Settings):
    """What the job scripts say: the section ``[job]`` of a file.

    Raises
    ------
    InputError
        If a number is not positive, or a text has line breaks.
    """

    name: Line = Field(default="matganip", description="Of the job; in a file, the study's name without it.")
    command: Line | None = Field(
        default=None,
        description="What runs the code in its folder; srun and `COMMANDS` without it. The plain loop leaves srun out.",
    )
    time: Line = Field(default="24:00:00", description="Limit of a task, as SLURM writes it.")
    nodes: Positive = Field(default=1, description="Of each task of the array.")
    ntasks: Positive = Field(default=16, description="Of each task of the array.")
    cpus_per_task: Positive = Field(default=1, description="Of each task of the array.")
    partition: Line | None = Field(default=None, description="Of the queue.")
    account: Line | None = Field(default=None, description="Of the queue.")
    directives: tuple[Line, ...] = Field(default=(), description='More options for #SBATCH, "--mem=64G".')
    setup: tuple[Line, ...] = Field(default=(), description='Lines of shell before the runs, "module load vasp".')
    max_tasks: Positive = Field(
        default=1000,
        description="Tasks of an array at most (SLURM's MaxArraySize is 1001 unless it was set); with more folders "
        "each does several.",
    )
    at_once: Positive | None = Field(default=None, description="How many tasks run at once at most.")
    custodian: bool = Field(default=False, description="Run VASP under custodian's error handlers.")


def write_scripts(
    root: Path, folders: Sequence[str], settings: DftSettings, job: JobSettings, *, overwrite: bool = False
) -> list[Path]:
    """Write `LIST` and the scripts beside it.

    Parameters
    ----------
    root : Path
        Where.
    folders : sequence of str
        Relative to it; the list is brought up to date in any case.
    settings : DftSettings
        Says which code.
    job : JobSettings
        What the job scripts say.
    overwrite : bool
        Overwrite scripts that exist; without it they stay, as they may have been edited.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputError
        If custodian is asked for with another code than VASP, or a file cannot be written.
    """
    if job.custodian and settings.code != "vasp":
        raise InputError(f"job.custodian: custodian's handlers are VASP's; leave it out with {settings.code}")
    if settings.code == "vasp" and settings.potcar_functional not in FAMILIES:
        raise InputError(f"potcar_functional: {settings.potcar_functional!r} must be one of {', '.join(FAMILIES)}")
    scripts = {
        "run_one.sh": _run_one(settings, job),
        "run_all.sh": _template("run_all.sh"),
        "job_array.sh": _job_array(settings, job, len(folders)),
    }
    if job.custodian:
        scripts["custodian_run.py"] = _template("custodian_run.py")
    written = []
    for name, text in scripts.items():
        path = root / name
        if overwrite or not path.exists():
            with atomic_path(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
            path.chmod(path.stat().st_mode | 0o111)
            written.append(path)
    if write_if_new(root / LIST, "".join(f"{folder}\n" for folder in folders)):
        written.append(root / LIST)
    return written


def _run_one(settings: DftSettings, job: JobSettings) -> str:
    code = _template(f"{settings.code}.sh").replace("@FAMILY@", FAMILIES.get(settings.potcar_functional, ""))
    plain = (job.command or COMMANDS[settings.code]).removeprefix("srun ")
    here = 'HERE=$(cd -- "$(dirname -- "$0")" && pwd)\n' if job.custodian else ""
    run = 'python \\"$HERE/custodian_run.py\\" $COMMAND' if job.custodian else "$COMMAND"
    return (
        _template("run_one.sh")
        .replace("@CODE@\n", code + "\n")
        .replace("@HERE@", here)
        .replace("@RUN@", run)
        .replace("@COMMAND@", shlex.quote(plain))
    )


def _job_array(settings: DftSettings, job: JobSettings, n_folders: int) -> str:
    n_tasks = min(job.max_tasks, n_folders) or 1
    options = [f"--time={job.time}", f"--nodes={job.nodes}", f"--ntasks={job.ntasks}"]
    options.append(f"--cpus-per-task={job.cpus_per_task}")
    options += [f"--{name}={value}" for name in ("partition", "account") if (value := getattr(job, name))]
    options += [one.removeprefix("#SBATCH").strip() for one in job.directives]
    per_task = math.ceil(n_folders / n_tasks)
    told = f"# {n_folders} folders in {n_tasks} tasks" + (f", {per_task} each at most" if per_task > 1 else "")
    return (
        _template("job_array.sh")
        .replace("@NAME@", job.name.replace(" ", "_"))
        .replace("@LAST@", str(n_tasks - 1))
        .replace("@AT_ONCE@", f"%{job.at_once}" if job.at_once else "")
        .replace("@DIRECTIVES@", "\n".join(f"#SBATCH {option}" for option in options) + f"\n{told}")
        .replace("@SETUP@", "\n".join(job.setup) or "# modules are loaded here")
        .replace("@COMMAND@", shlex.quote(job.command or f"srun {COMMANDS[settings.code]}"))
    )


def _template(name: str) -> str:
    return (files("matganip.labels.dft") / "scripts" / f"{name}.in").read_text(encoding="utf-8")
