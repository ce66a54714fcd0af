"""The Maker for jobflow and atomate2, where jobflow is installed; without it, what is said."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from pymatgen.core import Structure
from vasp_outputs import from_ase

import matganip as mg
from matganip.labels.database import LabelDatabase
from matganip.labels.dft.jobflow import OrbitsMaker

if find_spec("jobflow"):
    from dataclasses import dataclass
    from pathlib import Path

    from jobflow import Maker, job, run_locally

    @job
    def genuine(structure: Structure, folder: str) -> dict[str, str]:
        """Stands for an atomate2 job: leaves a genuine output, also of a crystal that it is not of."""
        place = Path(folder) / structure.formula.replace(" ", "")
        place.mkdir()
        (place / "vasprun.xml").write_bytes(from_ase("vasprun_dfpt.xml"))
        return {"dir_name": f"node7:{place}"}

    @dataclass(kw_only=True)
    class GenuineMaker(Maker):
        folder: str
        name: str = "static"

        def make(self, structure: Structure):
            return genuine(structure, self.folder)

    @pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
    def test_each_orbit_is_run_and_stored(tmp_path):
        a = 2.72739551
        nacl = Structure([[0, a, a], [a, 0, a], [a, a, 0]], ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
        series = mg.CompositionSeries(nacl, (1, 1, 1), {"Cl": {"Br": [0, 1]}})
        maker = OrbitsMaker(maker=GenuineMaker(folder=str(tmp_path)), database=str(tmp_path / "labels.db"))
        results = [run_locally(maker.make(batch), root_dir=str(tmp_path)) for batch in series.orbits()]
        assert [len(one) for one in results] == [2, 1]  # the second one's label is refused: it is a run of NaCl
        database = LabelDatabase(tmp_path / "labels.db")
        assert database.labelled(series.spaces[0]).energy.tolist() == [pytest.approx(-6.74587304, abs=1e-8)]
        assert database.sets()[0].settings["maker"] == "GenuineMaker"
        assert len(database.sets()) == 1

else:

    def test_what_is_missing_is_named(space_3of24):
        with pytest.raises(mg.MissingExtraError, match=r"pip install 'matganip\[jobflow\]'"):
            OrbitsMaker(maker=None, database="labels.db").make(space_3of24.unrank(0))
