"""A small screen, computed once."""

from __future__ import annotations

import pytest

import matganip as mg


@pytest.fixture(scope="session")
def model_3of24(space_3of24):
    return mg.train(space_3of24, "cspbi3_br/gpaw_mp4_fixed")


@pytest.fixture(scope="session")
def screened(model_3of24, space_3of24):
    """All 19 orbits of 3 Br on 24 sites."""
    return mg.screen(model_3of24, space_3of24, top=19)


@pytest.fixture(scope="session")
def kept(model_3of24, space_3of24, tmp_path_factory):
    """The folder of a screen that keeps all orbits but only five winners."""
    folder = tmp_path_factory.mktemp("kept") / "screen"
    mg.screen(model_3of24, space_3of24, top=5, keep="all", n_shards=3, folder=folder)
    return folder
