from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from matganip.errors import InputError
from matganip.learning.config import MatganipConfig


def test_a_round_trip_through_json_gives_the_same_config():
    config = MatganipConfig(n_peaks=12, conv_channels=(3, 5), betas=(0.0, 0.9), seed=7)
    assert MatganipConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_it_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        MatganipConfig().epochs = 3


def test_the_published_form_is_the_papers():
    paper = MatganipConfig.published(epochs=12)
    assert (paper.objective, paper.discriminator, paper.learning_rate) == ("minimax", "sequence", 0.01)
    assert (paper.supervised_weight, paper.linear_readout, paper.ema, paper.epochs) == (0.0, False, 0.0, 12)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_peaks", 3),
        ("n_peaks", 28.0),
        ("epochs", 0),
        ("epochs", True),
        ("batch_size", -1),
        ("conv_channels", (8,)),
        ("conv_channels", (8, 0)),
        ("kernel_size", 4),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("betas", (0.5, 1.0)),
        ("ema", 1.0),
        ("supervised_weight", -1.0),
        ("objective", "wishful"),
        ("discriminator", "blind"),
        ("device", "tpu"),
        ("linear_readout", "yes"),
        ("seed", -1),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(field, value):
    with pytest.raises(InputError, match=f"model: {field} = "):
        MatganipConfig(**{field: value})


def test_an_unknown_key_is_refused_with_the_nearest_known_one():
    with pytest.raises(InputError, match="unknown key 'epoch'; did you mean 'epochs'"):
        MatganipConfig.from_dict({"epoch": 3})
