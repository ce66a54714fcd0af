"""For users of jobflow and atomate2: a Maker that runs another Maker on every orbit and stores what comes of it.

Needs ``pip install 'matganip[jobflow]'``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError, require
from matganip.labels.calculation import Calculation, Relaxation
from matganip.labels.database import LabelDatabase
from matganip.labels.dft.checks import geometry_complaint
from matganip.labels.dft.outputs import read_run
from matganip.labels.dft.run import OutputError
from matganip.labels.rows import codes_of, orbit_names

Base: Any = object
try:
    from jobflow import Maker, job

    Base = Maker
except ModuleNotFoundError:  # `OrbitsMaker.make` says which extra brings it

    def job(function: Any) -> Any:
        """Leave a function as it is."""
        return function


@dataclass(kw_only=True)
class OrbitsMaker(Base):  # type: ignore[misc]
    """Run a Maker on each orbit of a batch, and store each result that is good.

    Parameters
    ----------
    maker : jobflow.Maker
        Anything with ``make(structure)`` whose output has ``dir_name``, the folder of its run: atomate2's
        ``StaticMaker``, ``RelaxMaker``, ``DoubleRelaxMaker`` and the like.
    database : str
        Path of the label database, absolute, as the jobs see it.
    relaxation : {"static", "positions", "cell"}
        What the Maker lets move.
    name : str
        Of the flow.

    Notes
    -----
    After each run a job reads its folder as `matganip dft collect` does: the run must have ended and its last geometry
    must be its orbit's, else the job fails and says why; what has not converged is stored as such. The label's settings
    are those that the output names.

    Examples
    --------
    ::

        from atomate2.vasp.jobs.core import StaticMaker
        from jobflow_remote import submit_flow
        from matganip.labels.dft.jobflow import OrbitsMaker

        flow = OrbitsMaker(maker=StaticMaker(), database="/home/me/labels.db").make(next(space.orbits()))
        submit_flow(flow)
    """

    maker: Any
    database: str
    relaxation: Relaxation = "static"
    name: str = "label orbits"

    def make(self, batch: ConfigurationBatch) -> Any:
        """A flow of two jobs for each orbit: its run, and the storing of the result.

        Parameters
        ----------
        batch : ConfigurationBatch
            The orbits.

        Returns
        -------
        jobflow.Flow

        Raises
        ------
        MissingExtraError
            If jobflow is not installed.
        """
        flow = require("jobflow", "jobflow").Flow
        definition = batch.space.to_dict()
        jobs = []
        for orbit, occupation in zip(orbit_names(batch.occupations), batch.occupations, strict=True):
            run = self.maker.make(batch.space.structure(occupation))
            run.append_name(f" {orbit}")
            note = {"definition": definition, "space": batch.space.key, "orbit": orbit, "relaxation": self.relaxation}
            store = store_run(run.output.dir_name, note, self.database, type(self.maker).__name__)
            store.append_name(f" {orbit}")
            jobs += [run, store]
        return flow(jobs, name=self.name)


@job  # type: ignore[untyped-decorator]
def store_run(dir_name: str, note: dict[str, Any], database: str, maker: str) -> dict[str, Any]:
    """Store the run of a folder as the label of an orbit.

    Parameters
    ----------
    dir_name : str
        The folder, with or without the name of a host before a colon.
    note : dict
        ``definition``, ``space``, ``orbit`` and ``relaxation``.
    database : str
        Path of the label database.
    maker : str
        Name of what ran it, stored with the settings.

    Returns
    -------
    dict
        ``orbit``, ``energy`` in eV, ``converged``, and whether it was ``stored``.

    Raises
    ------
    InputError
        If no result can be taken from the folder, or it is not the orbit's.
    """
    folder = Path(dir_name.rpartition(":")[2])
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder on the machine that stores the label")
    space, relaxation = (
        ConfigurationSpace.from_dict(note["definition"], note["space"]),
        cast("Relaxation", note["relaxation"]),
    )
    try:
        run = read_run(folder, sorted(path.name for path in folder.iterdir()))
    except OutputError as error:
        raise InputError(f"{folder}: {error}") from error
    complaint = geometry_complaint(space, note["orbit"], run, relaxation)
    if complaint:
        raise InputError(f"{folder}: {complaint}")
    calculation = Calculation(
        structure=run.structure,
        energy=run.energy,
        forces=run.forces,
        converged=run.converged,
        relaxation=relaxation,
        calculator=run.code or maker,
        settings={**run.found, "maker": maker, "program": run.program},
        n_steps=run.n_steps,
        wall_s=run.wall_s,
    )
    stored = LabelDatabase(database).add(space, codes_of(note["orbit"]), calculation)
    return {"orbit": note["orbit"], "energy": run.energy, "converged": run.converged, "stored": stored}
