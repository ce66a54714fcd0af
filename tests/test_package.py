from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import matganip as mg
from matganip.errors import MissingExtraError, require
from matganip.files import atomic_path

HEAVY = ("torch", "pandas", "matplotlib", "pymatgen", "ase", "pyarrow")


def _run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_import_is_light():
    done = _run(f"import sys, matganip; print([m for m in {HEAVY} if m in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


def test_import_takes_less_than_half_a_second():
    code = "import time; t = time.process_time(); import matganip; print(time.process_time() - t)"
    assert min(float(_run(code).stdout) for _ in range(3)) < 0.5


# A finder that hides torch stands for an environment without it.
WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NoTorch())
import matganip as mg
"""


def test_enumeration_and_diffraction_work_without_torch():
    done = _run(
        WITHOUT_TORCH + "space = mg.ConfigurationSpace(mg.perovskite('CsPbI3', a=6.289), (2, 2, 2), {'I': {'Br': 3}})\n"
        "batch = next(space.orbits())\n"
        "peaks = mg.LatticeDiffraction(space).peaks(batch.occupations)\n"
        "print(len(batch), mg.graph_matrix(peaks, n_peaks=28).shape)\n"
    )
    assert done.stdout.strip() == "19 (19, 28, 28)", done.stderr


def test_what_needs_torch_says_which_extra_to_install():
    done = _run(WITHOUT_TORCH + "mg.Matganip")
    assert "MissingExtraError: torch is needed" in done.stderr
    assert "pip install 'matganip[learn]'" in done.stderr


@pytest.mark.parametrize("order", ["import torch; import matganip._core", "import matganip._core; import torch"])
def test_two_openmp_runtimes_live_together_in_either_order(order):
    done = _run(
        f"{order}\n"
        "import numpy as np\n"
        "group = np.array([[0, 1, 2, 3], [1, 2, 3, 0], [2, 3, 0, 1], [3, 0, 1, 2]], dtype=np.uint16)\n"
        "rows = np.array([[0, 1, 1, 1]] * 1000, dtype=np.uint8)\n"
        "found = matganip._core.canonical_form(group, [[1, 3]], rows, num_threads=2)\n"
        "product = torch.ones(300, 300) @ torch.ones(300, 300)\n"
        "again = matganip._core.canonical_form(group, [[1, 3]], rows, num_threads=2)\n"
        "print(int(found[1].sum()), int(again[1].sum()), float(product[0, 0]))\n"
    )
    assert done.stdout.strip() == "4000 4000 300.0", done.stderr


def test_public_names_are_listed_and_importable():
    assert mg.__version__ == version("matganip")
    for name in mg.__all__:
        assert getattr(mg, name) is not None
    assert dir(mg) == sorted(mg.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mg.nothing


def test_require_passes_other_import_errors_on(tmp_path, monkeypatch):
    (tmp_path / "broken_dependency.py").write_text("import a_module_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        require("broken_dependency", extra="learn")
    with pytest.raises(MissingExtraError, match="no_such_module is needed"):
        require("no_such_module", extra="learn")


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")

    def write_and_fail():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    message = r"file/result.txt: cannot be written: Not a directory"
    with pytest.raises(mg.InputError, match=message), atomic_path(tmp_path / "file" / "result.txt"):
        pass
