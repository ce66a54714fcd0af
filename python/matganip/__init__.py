"""Screen dopant arrangements in crystals: exact orbits, diffraction graphs and the MATGANIP network.

A parent crystal (`read_structure`, `perovskite`) spans a `ConfigurationSpace`. `train` learns the energies of some of
its arrangements (`read_labels`, `label`) and returns a `Model`; `screen`, `search` and `thermo` take the model and a
space. Each of these calls takes and returns objects, and a model's folder stands for the model (`load`). Below them,
`LatticeDiffraction` turns arrangements into peaks, `graph_matrix` into graphs, and `Matganip` is the networks alone.

Names are imported when they are first used, so that ``import matganip`` costs nothing, and enumeration and
diffraction work without torch.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from matganip import _renamed

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.derivatives import derivative_structures
    from matganip.configurations.perovskite_spaces import perovskite_space
    from matganip.configurations.series import CompositionSeries
    from matganip.configurations.space import ConfigurationSpace
    from matganip.configurations.superlattices import superlattices
    from matganip.configurations.transformation import EnumerateOrbitsTransformation
    from matganip.crystal import datasets
    from matganip.crystal.lattice_constants import lattice_constant
    from matganip.crystal.perovskite_sites import perovskite_sites
    from matganip.crystal.perovskites import identify_perovskite
    from matganip.crystal.prototypes import double_perovskite, perovskite
    from matganip.crystal.radii import ionic_radius
    from matganip.crystal.structures import read_structure
    from matganip.crystal.tolerance_factors import (
        bartel_probability,
        bartel_tau,
        octahedral_factor,
        tolerance_factor,
        tolerance_factors,
    )
    from matganip.errors import InputError, MissingExtraError
    from matganip.features.graph.matrix import graph_matrix
    from matganip.features.lattice.diffraction import LatticeDiffraction
    from matganip.features.measured.pattern import MeasuredPattern
    from matganip.features.measured.readers import read_pattern
    from matganip.features.measured.refinement import RefinementSettings
    from matganip.features.orientation import MarchDollase
    from matganip.features.peaks import Peaks
    from matganip.features.powder.crystals import CrystalArrays
    from matganip.features.powder.diffraction import PowderDiffraction
    from matganip.features.powder.instrument import Instrument
    from matganip.features.powder.realistic import Realism, realistic_patterns
    from matganip.features.profiles import PeakShape, profile
    from matganip.features.radiation import Radiation
    from matganip.features.settings import DiffractionSettings
    from matganip.labels.formulas import LabelledFormulas, read_formulas
    from matganip.labels.labelling import label
    from matganip.labels.structures import LabelledStructures, read_structures
    from matganip.labels.tables import LabelTable, read_labels
    from matganip.learning.config import MatganipConfig, NetworkSettings
    from matganip.learning.dataset import Dataset
    from matganip.learning.ensemble import Ensemble
    from matganip.learning.fitting import cross_validate, train
    from matganip.learning.formula_model import FormulaModel, train_on_formulas
    from matganip.learning.gan import Matganip
    from matganip.learning.loading import load
    from matganip.learning.model import Model
    from matganip.learning.surrogate import DistilledSurrogate
    from matganip.matching.run import match
    from matganip.report.explore.server import view
    from matganip.sampling.label_rounds import label_rounds
    from matganip.sampling.monte_carlo import monte_carlo
    from matganip.sampling.phase_diagram import phase_diagram
    from matganip.sampling.replay import replay
    from matganip.sampling.search import search
    from matganip.sampling.sqs import sqs
    from matganip.sampling.suggest import suggest
    from matganip.screening.certify import certify
    from matganip.screening.rank import rank
    from matganip.screening.reading import read_screen
    from matganip.screening.run import screen
    from matganip.thermodynamics.ground_states import ground_states
    from matganip.thermodynamics.mixing import mixing
    from matganip.thermodynamics.run import thermo
    from matganip.versions import vector_target
    from matganip.workflows.pattern import pattern

_renamed.install()

_HOME = {
    "Model": "learning.model",
    "load": "learning.loading",
    "FormulaModel": "learning.formula_model",
    "train_on_formulas": "learning.formula_model",
    "LabelledFormulas": "labels.formulas",
    "read_formulas": "labels.formulas",
    "train": "learning.fitting",
    "cross_validate": "learning.fitting",
    "DiffractionSettings": "features.settings",
    "NetworkSettings": "learning.config",
    "CompositionSeries": "configurations.series",
    "ConfigurationBatch": "configurations.batch",
    "ConfigurationSpace": "configurations.space",
    "derivative_structures": "configurations.derivatives",
    "superlattices": "configurations.superlattices",
    "ground_states": "thermodynamics.ground_states",
    "monte_carlo": "sampling.monte_carlo",
    "phase_diagram": "sampling.phase_diagram",
    "EnumerateOrbitsTransformation": "configurations.transformation",
    "bartel_probability": "crystal.tolerance_factors",
    "bartel_tau": "crystal.tolerance_factors",
    "double_perovskite": "crystal.prototypes",
    "identify_perovskite": "crystal.perovskites",
    "ionic_radius": "crystal.radii",
    "lattice_constant": "crystal.lattice_constants",
    "octahedral_factor": "crystal.tolerance_factors",
    "perovskite": "crystal.prototypes",
    "perovskite_sites": "crystal.perovskite_sites",
    "perovskite_space": "configurations.perovskite_spaces",
    "tolerance_factor": "crystal.tolerance_factors",
    "tolerance_factors": "crystal.tolerance_factors",
    "read_structure": "crystal.structures",
    "CrystalArrays": "features.powder.crystals",
    "graph_matrix": "features.graph.matrix",
    "LatticeDiffraction": "features.lattice.diffraction",
    "MarchDollase": "features.orientation",
    "MeasuredPattern": "features.measured.pattern",
    "read_pattern": "features.measured.readers",
    "RefinementSettings": "features.measured.refinement",
    "match": "matching.run",
    "Peaks": "features.peaks",
    "PeakShape": "features.profiles",
    "PowderDiffraction": "features.powder.diffraction",
    "profile": "features.profiles",
    "Radiation": "features.radiation",
    "Instrument": "features.powder.instrument",
    "pattern": "workflows.pattern",
    "Realism": "features.powder.realistic",
    "realistic_patterns": "features.powder.realistic",
    "InputError": "errors",
    "MissingExtraError": "errors",
    "LabelTable": "labels.tables",
    "label": "labels.labelling",
    "read_labels": "labels.tables",
    "read_structures": "labels.structures",
    "LabelledStructures": "labels.structures",
    "Ensemble": "learning.ensemble",
    "Matganip": "learning.gan",
    "Dataset": "learning.dataset",
    "MatganipConfig": "learning.config",
    "certify": "screening.certify",
    "rank": "screening.rank",
    "screen": "screening.run",
    "read_screen": "screening.reading",
    "thermo": "thermodynamics.run",
    "mixing": "thermodynamics.mixing",
    "search": "sampling.search",
    "sqs": "sampling.sqs",
    "suggest": "sampling.suggest",
    "label_rounds": "sampling.label_rounds",
    "replay": "sampling.replay",
    "DistilledSurrogate": "learning.surrogate",
    "vector_target": "versions",
    "view": "report.explore.server",
}

_RENAMED = {"Student": "DistilledSurrogate"}
"""Names of version 0.1, which work with a warning for one release."""

__all__ = [
    "CompositionSeries",
    "ConfigurationBatch",
    "ConfigurationSpace",
    "CrystalArrays",
    "Dataset",
    "DiffractionSettings",
    "DistilledSurrogate",
    "Ensemble",
    "EnumerateOrbitsTransformation",
    "FormulaModel",
    "InputError",
    "Instrument",
    "LabelTable",
    "LabelledFormulas",
    "LabelledStructures",
    "LatticeDiffraction",
    "MarchDollase",
    "Matganip",
    "MatganipConfig",
    "MeasuredPattern",
    "MissingExtraError",
    "Model",
    "NetworkSettings",
    "PeakShape",
    "Peaks",
    "PowderDiffraction",
    "Radiation",
    "Realism",
    "RefinementSettings",
    "__version__",
    "bartel_probability",
    "bartel_tau",
    "certify",
    "cross_validate",
    "datasets",
    "derivative_structures",
    "double_perovskite",
    "graph_matrix",
    "ground_states",
    "identify_perovskite",
    "ionic_radius",
    "label",
    "label_rounds",
    "lattice_constant",
    "load",
    "match",
    "mixing",
    "monte_carlo",
    "octahedral_factor",
    "pattern",
    "perovskite",
    "perovskite_sites",
    "perovskite_space",
    "phase_diagram",
    "profile",
    "rank",
    "read_formulas",
    "read_labels",
    "read_pattern",
    "read_screen",
    "read_structure",
    "read_structures",
    "realistic_patterns",
    "replay",
    "screen",
    "search",
    "sqs",
    "suggest",
    "superlattices",
    "thermo",
    "tolerance_factor",
    "tolerance_factors",
    "train",
    "train_on_formulas",
    "vector_target",
    "view",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    if name == "datasets":  # a module: importing it makes it an attribute
        return importlib.import_module(f"{__name__}.crystal.datasets")
    if name in _RENAMED:
        warnings.warn(f"matganip.{name} is called {_RENAMED[name]} now", DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(__name__), _RENAMED[name])
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
