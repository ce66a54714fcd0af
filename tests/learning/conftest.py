from __future__ import annotations

import pytest
from learning_graphs import make_graphs


@pytest.fixture(scope="session")
def graphs():
    """Ten labelled graphs."""
    return make_graphs(10)
