"""A readout with hidden layers: what reads crystals of many elements."""

from __future__ import annotations

import numpy as np
import pytest
from learning_graphs import make_graphs

from matganip.errors import InputError
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset
from matganip.learning.gan import Matganip

DEEP = MatganipConfig(
    n_peaks=8, readout_fit="adam", readout_sizes=(16, 16), readout_gain=1.0, objective="supervised", epochs=300
)


def test_it_learns_what_is_not_linear_in_the_vertices():
    graphs = make_graphs(60)
    bent = np.abs(graphs.target - np.median(graphs.target))
    data = Dataset(graphs.matrices, bent)
    deep, flat = (
        Matganip(MatganipConfig(**{**DEEP.to_dict(), "readout_sizes": sizes, "correction_gain": 0.0}))
        for sizes in ((16, 16), ())
    )
    for model in (deep, flat):
        model.fit(data)
    assert deep.evaluate(data).mae < 0.5 * flat.evaluate(data).mae


def test_a_prediction_does_not_depend_on_the_batch_and_survives_a_round_trip(tmp_path):
    graphs = make_graphs(40)
    model = Matganip(MatganipConfig(**{**DEEP.to_dict(), "epochs": 3}))
    model.fit(graphs)
    whole = model.predict(graphs.matrices)
    np.testing.assert_array_equal(model.predict(graphs.matrices, batch_size=7), whole)
    np.testing.assert_array_equal(model.predict(graphs.matrices[::-1])[::-1], whole)
    model.save(tmp_path)
    np.testing.assert_array_equal(Matganip.load(tmp_path).predict(graphs.matrices), whole)


@pytest.mark.parametrize(
    "changes", [{"readout_fit": "ridge"}, {"linear_readout": False}, {"readout_sizes": (0,)}, {"readout_sizes": 3}]
)
def test_sizes_that_cannot_be_are_refused(changes):
    with pytest.raises(InputError, match="readout_sizes = .*(must be integers, 1 or more|should be a valid tuple)"):
        MatganipConfig(**{"readout_fit": "adam", "readout_sizes": (4,)} | changes)
