"""Scripts that run a batch of folders: one run, a plain loop, a SLURM job array, custodian."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from matganip.errors import InputError
from matganip.files import atomic_path
from matganip.labels.dft.folders import write_if_new
from matganip.labels.dft.settings import Code, DftSettings

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


@dataclass(frozen=True)
class Job:
    """What the job scripts say.

    Attributes
    ----------
    name : str
        Of the job.
    command : str, optional
        What runs the code in a job's folder; by default ``srun`` and `COMMANDS`. The plain loop leaves ``srun`` out.
    time : str
        Limit of a task, as SLURM writes it.
    nodes, ntasks, cpus_per_task : int
        Of each task of the array.
    partition, account : str, optional
        Of the queue.
    directives : sequence of str
        More options for ``#SBATCH``, ``"--mem=64G"``.
    setup : sequence of str
        Lines of shell before the runs, ``"module load vasp"``.
    max_tasks : int
        Tasks of an array at most (SLURM's MaxArraySize is 1001 unless it was set); with more folders each does several.
    at_once : int, optional
        How many tasks run at once at most.
    custodian : bool
        Run VASP under custodian's error handlers.

    Raises
    ------
    InputError
        If a number is not positive, or a text has line breaks.
    """

    name: str = "matganip"
    command: str | None = None
    time: str = "24:00:00"
    nodes: int = 1
    ntasks: int = 16
    cpus_per_task: int = 1
    partition: str | None = None
    account: str | None = None
    directives: Sequence[str] = ()
    setup: Sequence[str] = ()
    max_tasks: int = 1000
    at_once: int | None = None
    custodian: bool = False

    def __post_init__(self) -> None:
        for name in ("nodes", "ntasks", "cpus_per_task", "max_tasks", "at_once"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"job.{name}: must be at least 1, got {value}")
        lines = {"name": [self.name], "time": [self.time], "directives": self.directives, "setup": self.setup}
        lines |= {"command": [self.command or ""], "partition": [self.partition or ""], "account": [self.account or ""]}
        for name, texts in lines.items():
            if any("\n" in text for text in texts):
                raise InputError(f"job.{name}: must be on one line each")


def write_scripts(
    root: Path, folders: Sequence[str], settings: DftSettings, job: Job, *, overwrite: bool = False
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
    job : Job
        What the job scripts say.
    overwrite : bool
        Write scripts that are there again; without it they stay as somebody may have changed them.

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
        raise InputError(f"potcar_functional: {settings.potcar_functional!r} is none of {', '.join(FAMILIES)}")
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


def _run_one(settings: DftSettings, job: Job) -> str:
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


def _job_array(settings: DftSettings, job: Job, n_folders: int) -> str:
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
    return (files("matganip.labels") / "scripts" / f"{name}.in").read_text(encoding="utf-8")
