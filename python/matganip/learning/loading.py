"""One way to read a model of any kind from its folder."""

from __future__ import annotations

import os
from pathlib import Path

from matganip.learning import formula_model
from matganip.learning.formula_model import FormulaModel
from matganip.learning.model import Model


def load(folder: str | os.PathLike[str], device: str = "cpu") -> Model | FormulaModel:
    """Read a model that its ``save``, `matganip train` or `matganip run` wrote.

    Parameters
    ----------
    folder : path-like
        The model's folder, or one that has it as ``model``.
    device : {"cpu", "cuda", "mps", "auto"}
        Where to compute; a model of formulas computes on the CPU.

    Returns
    -------
    Model or FormulaModel
        As it was trained: on the arrangements of one crystal, or on formulas (`matganip.train_on_formulas`).

    Raises
    ------
    InputError
        If the folder holds no model, or a file of it is damaged, was changed or is of another version.
    """
    found = folder_of_formulas(folder)
    return Model.of(folder, device) if found is None else FormulaModel.load(found)


def folder_of_formulas(folder: str | os.PathLike[str]) -> Path | None:
    """The folder of a model of formulas: the one given, or ``model`` in it; None where neither holds one."""
    path = Path(folder)
    return next((one for one in (path, path / "model") if (one / formula_model.RECORD).is_file()), None)
