"""Module names of version 0.1 import what took their place, with a warning."""

import importlib
import sys
from importlib.util import find_spec

import pytest

from matganip._renamed import MODULES, PACKAGES, PREFIX


def test_every_old_name_has_a_module_that_exists():
    missing = [now for now in (*MODULES.values(), *PACKAGES.values()) if find_spec(PREFIX + now) is None]
    assert missing == []


@pytest.mark.parametrize("old", ["diffraction.lattice", "study.card", "datasets", "screening.mixing"])
def test_an_old_name_imports_with_a_warning(old):
    now = MODULES.get(old) or PACKAGES[old]
    sys.modules.pop(PREFIX + old, None)
    with pytest.warns(DeprecationWarning, match="is called") as told:  # its package may have another name too
        found = importlib.import_module(PREFIX + old)
    assert found is importlib.import_module(PREFIX + now)
    assert f"matganip.{old} is called matganip.{now} now" in [str(one.message) for one in told]
