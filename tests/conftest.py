from __future__ import annotations

import os
import sys
from pathlib import Path

# Before numpy is imported. Matrices here are small: one thread is faster than two that wait for each other, and
# pytest -n fills the cores. Tests of "any number of threads" ask for the number themselves.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

import matganip as mg

# Oracles stand beside the tests that use them.
sys.path += [str(room) for room in Path(__file__).parent.iterdir() if room.is_dir()]

# Time on a shared machine says nothing; what is generated is the same in every run.
settings.register_profile("matganip", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("matganip")

# Files and functions that take more than a quarter of a second of CPU: `make check` leaves them out.
SLOW = frozenset((Path(__file__).parent / "slow.txt").read_text(encoding="utf-8").split())


def pytest_configure():
    """Say whose tests these are: `make wheel` tests an installed package, and no other one."""
    wanted = os.environ.get("MATGANIP_INSTALLED")
    if wanted and not Path(mg.__file__).is_relative_to(wanted):
        raise pytest.UsageError(f"the package that is tested is not in {wanted} but at {mg.__file__}")


def pytest_collection_modifyitems(items):
    for item in items:
        name = item.nodeid.partition("[")[0]
        if name in SLOW or name.partition("::")[0] in SLOW:
            item.add_marker("slow")


@pytest.fixture(scope="session")
def cspbi3():
    return mg.perovskite("CsPbI3", a=6.289)


@pytest.fixture(scope="session")
def space_3of24(cspbi3):
    """3 Br on the 24 iodine sites: 2,024 configurations, 19 orbits."""
    return mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 3}})


@pytest.fixture(scope="session")
def space_6of24(cspbi3):
    """6 Br on the 24 iodine sites: 134,596 configurations, 603 orbits."""
    return mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 6}})
