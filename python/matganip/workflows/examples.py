"""The examples that the documentation speaks of, for whoever installed a wheel and has no checkout."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import matganip
from matganip.errors import InputError
from matganip.files import atomic_folder


def copy_examples(folder: str | os.PathLike[str] = "examples") -> list[Path]:
    """Copy crystals, labels, study files and scripts into a folder, as the checkout has them under ``examples/``.

    Parameters
    ----------
    folder : path-like
        A new or an empty folder. Commands of the documentation name their files from the folder above ``examples``.

    Returns
    -------
    list of Path
        The folders of the examples, in alphabetical order.

    Raises
    ------
    InputError
        If the folder holds files, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> made = copy_examples(Path(tempfile.mkdtemp()) / "examples")
    >>> [folder.name for folder in made][:2]
    ['cspbi3_br', 'cu_au']
    """
    package = Path(matganip.__file__).parent
    # An installed package has them inside; a checkout beside python/.
    found = next((one for one in (package / "examples", package.parents[1] / "examples") if one.is_dir()), None)
    if found is None:
        raise InputError("this installation came without examples; they are in the source distribution")
    with atomic_folder(folder) as temporary:
        shutil.copytree(found, temporary, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return sorted(path for path in Path(folder).iterdir() if path.is_dir())
