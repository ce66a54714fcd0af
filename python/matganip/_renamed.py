"""Module names of version 0.1, which import what took their place, with a warning, for one release."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

PREFIX = "matganip."
PACKAGES = {"datasets": "crystal.datasets", "diffraction": "features", "study": "workflows"}
"""Whole packages that have another name now; modules of the same name in them are found there."""
MODULES = {
    "configurations.formats": "configurations.io.writers",
    "configurations.sampling": "configurations.uniform_samples",
    "configurations.tables": "configurations.io.parquet",
    "crystal.tolerance": "crystal.tolerance_factors",
    "datasets.amcsd": "crystal.datasets.amcsd",
    "datasets.folder": "crystal.datasets.folder",
    "datasets.generated": "crystal.datasets.generated",
    "datasets.materials_project": "crystal.datasets.materials_project",
    "datasets.reading": "crystal.datasets.reading",
    "datasets.table": "crystal.datasets.table",
    "diffraction.amplitudes": "features.lattice.amplitudes",
    "diffraction.averages": "features.averages",
    "diffraction.bragg": "features.lattice.bragg",
    "diffraction.crystal_peaks": "features.powder.crystal_peaks",
    "diffraction.crystals": "features.powder.crystals",
    "diffraction.cubic_form": "features.lattice.cubic_form",
    "diffraction.displacements": "features.powder.displacements",
    "diffraction.distinct": "features.lattice.distinct",
    "diffraction.families": "features.families",
    "diffraction.feature_tables": "features.lattice.feature_tables",
    "diffraction.form_factors": "features.form_factors",
    "diffraction.graph": "features.graph.matrix",
    "diffraction.graph_network": "features.graph.network",
    "diffraction.lattice": "features.lattice.diffraction",
    "diffraction.lattice_patterns": "features.lattice.patterns",
    "diffraction.lattice_swaps": "features.lattice.swaps",
    "diffraction.orientation": "features.orientation",
    "diffraction.pattern_form": "features.lattice.pattern_form",
    "diffraction.patterson": "features.lattice.patterson",
    "diffraction.peaks": "features.peaks",
    "diffraction.powder": "features.powder.diffraction",
    "diffraction.profiles": "features.profiles",
    "diffraction.pymatgen_calculator": "features.powder.pymatgen_calculator",
    "diffraction.quadratic_form": "features.lattice.quadratic_form",
    "diffraction.radiation": "features.radiation",
    "diffraction.reflections": "features.reflections",
    "diffraction.resolved": "features.lattice.resolved",
    "diffraction.row_space": "features.lattice.row_space",
    "diffraction.site_clusters": "features.lattice.site_clusters",
    "diffraction.translations": "features.lattice.translations",
    "diffraction.triplets": "features.lattice.triplets",
    "diffraction.vertices": "features.graph.vertices",
    "labels.dft_ase_output": "labels.dft.ase_output",
    "labels.dft_checks": "labels.dft.checks",
    "labels.dft_collecting": "labels.dft.collecting",
    "labels.dft_files": "labels.dft.files",
    "labels.dft_folders": "labels.dft.folders",
    "labels.dft_inputs": "labels.dft.inputs",
    "labels.dft_jobflow": "labels.dft.jobflow",
    "labels.dft_jobs": "labels.dft.jobs",
    "labels.dft_outputs": "labels.dft.outputs",
    "labels.dft_run": "labels.dft.run",
    "labels.dft_settings": "labels.dft.settings",
    "labels.dft_vasp_output": "labels.dft.vasp_output",
    "labels.results": "labels.calculation",
    "learning.replay": "sampling.replay",
    "learning.student": "learning.surrogate",
    "learning.suggest": "sampling.strategies",
    "report.arrangement": "plots.arrangements",
    "report.content": "results.content",
    "report.diffraction": "plots.diffraction",
    "report.energies": "plots.energies",
    "report.errors": "plots.errors",
    "report.graph": "plots.graph",
    "report.heat_map": "plots.heat_map",
    "report.interpretation": "plots.interpretation",
    "report.learning_curve": "plots.learning_curves",
    "report.style": "plots.style",
    "report.thermodynamics": "plots.thermodynamics",
    "report.training_curves": "plots.training_curves",
    "screening.crew": "screening.pool",
    "screening.dask_crew": "screening.dask_pool",
    "screening.energy_histogram": "thermodynamics.histogram",
    "screening.guide": "sampling.linear_guide",
    "screening.mixing": "thermodynamics.mixing",
    "screening.sampled": "thermodynamics.estimates",
    "screening.scored": "sampling.scored_orbits",
    "screening.search": "sampling.chains",
    "screening.search_checkpoint": "sampling.search_checkpoint",
    "screening.thermodynamics": "thermodynamics.sums",
    "study.active": "sampling.label_rounds",
    "study.assess": "learning.evaluation",
    "study.card": "learning.card",
    "study.cluster": "workflows.cluster",
    "study.crystal_job": "benchmarks.crystals",
    "study.crystal_study": "workflows.crystals",
    "study.dft": "workflows.dft",
    "study.double_perovskites": "benchmarks.double_perovskites",
    "study.folder": "files",
    "study.label_study": "workflows.labelling",
    "study.parts": "learning.parts",
    "study.reading": "workflows.reading",
    "study.reference": "workflows.reference",
    "study.remarks": "learning.remarks",
    "study.representation": "learning.representation",
    "study.reproduce.arrangements": "benchmarks.reproduce.arrangements",
    "study.reproduce.inputs": "benchmarks.reproduce.labelled_orbits",
    "study.reproduce.methods": "benchmarks.reproduce.methods",
    "study.reproduce.page": "benchmarks.reproduce.page",
    "study.reproduce.registry": "benchmarks.reproduce.registry",
    "study.reproduce.runner": "benchmarks.reproduce.runner",
    "study.reproduce.task": "benchmarks.reproduce.benchmark",
    "study.reproduce.tolerance": "benchmarks.reproduce.tolerance",
    "study.reproduce.transfer": "benchmarks.reproduce.transfer",
    "study.schema": "workflows.schema",
    "study.screen": "screening.run",
    "study.screen_folder": "screening.folder",
    "study.screen_plan": "screening.plan",
    "study.screen_report": "report.screen",
    "study.screen_student": "screening.distilled",
    "study.search": "sampling.search",
    "study.summary": "results.counts",
    "study.thermo": "thermodynamics.run",
    "study.tolerance": "benchmarks.tolerance",
    "study.train": "workflows.train",
}
"""Modules that moved, both names relative to the package."""


# Neither class derives from importlib.abc, which takes longer to import than the rest of what `--help` needs of the
# package.


class _Alias:
    """Hands out a module that is there under another name."""

    def __init__(self, target: str) -> None:
        self.target = target

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        del spec
        module = importlib.import_module(self.target)
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own  # the import system has set that of the old name


class RenamedModules:
    """Finds the old names; asked first, since a package that has a new name would look for modules by the old one."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the module that took the place of an old one."""
        del path, target
        now = new_name(fullname)
        if now is None:
            return None
        warnings.warn(f"{fullname} is called {now} now", DeprecationWarning, stacklevel=2)
        return ModuleSpec(fullname, _Alias(now))  # type: ignore[arg-type]


def new_name(old: str) -> str | None:
    """What a module of version 0.1 is called now; None for every other name.

    >>> new_name("matganip.diffraction.lattice"), new_name("matganip.errors")
    ('matganip.features.lattice.diffraction', None)
    """
    name = old.removeprefix(PREFIX)
    if not old.startswith(PREFIX):
        return None
    now = MODULES.get(name) or PACKAGES.get(name)
    return None if now is None else PREFIX + now


def install() -> None:
    """Let imports of the old names succeed."""
    if not any(isinstance(finder, RenamedModules) for finder in sys.meta_path):
        sys.meta_path.insert(0, RenamedModules())
