from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from matganip.errors import InputError
from matganip.learning.config import MatganipConfig
from matganip.learning.gan import Matganip


@pytest.fixture(scope="module")
def model(graphs):
    fitted = Matganip(MatganipConfig(n_peaks=8, epochs=10, seed=3))
    fitted.fit(graphs)
    return fitted


@pytest.fixture
def saved(model, tmp_path):
    model.save(tmp_path / "model")
    return tmp_path / "model"


def rewrite(folder, **changes):
    record = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(record | changes))


def reweigh(folder, change):
    """Change the weights and make the record agree, as a careful hand would."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    rewrite(folder, sha256=hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest())


def test_a_round_trip_is_exact(model, saved, graphs):
    again = Matganip.load(saved)
    assert again.predict(graphs.matrices).tobytes() == model.predict(graphs.matrices).tobytes()
    assert (again.config, again.unit, again.baseline) == (model.config, model.unit, model.baseline)
    assert again.history.to_dict() == model.history.to_dict()
    for network in ("generator", "discriminator"):
        for name, tensor in getattr(model, network).state_dict().items():
            assert torch.equal(tensor, getattr(again, network).state_dict()[name])


def test_a_supervised_model_has_no_discriminator(graphs, tmp_path):
    model = Matganip(MatganipConfig(n_peaks=8, epochs=2, objective="supervised"))
    model.fit(graphs)
    model.save(tmp_path)
    again = Matganip.load(tmp_path)
    assert again.discriminator is None
    np.testing.assert_array_equal(again.predict(graphs.matrices), model.predict(graphs.matrices))


def test_saving_twice_writes_the_same_bytes_and_nothing_else(model, saved, tmp_path):
    model.save(tmp_path / "second")
    assert sorted(path.name for path in saved.iterdir()) == ["model.json", "model.safetensors"]
    for path in saved.iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_a_loaded_model_can_be_saved_over_itself(saved, graphs):
    model = Matganip.load(saved)
    model.save(saved)
    assert Matganip.load(saved).baseline == model.baseline


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(InputError, match=rf"{name}: cannot be read: No such file"):
        Matganip.load(saved)


@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_damaged_weights_are_recognised(saved, damage):
    path = saved / "model.safetensors"
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    path.write_bytes(data if damage == "flip" else data[:-10])
    with pytest.raises(InputError, match=r"model.safetensors: damaged"):
        Matganip.load(saved)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged: not JSON"),
        ("[]", "not the record of a matganip model"),
        ('{"format": "something else"}', "not the record of a matganip model"),
    ],
)
def test_a_record_that_is_none_is_refused(saved, text, message):
    (saved / "model.json").write_text(text)
    with pytest.raises(InputError, match=rf"model.json: {message}"):
        Matganip.load(saved)


def test_another_format_version_is_refused(saved):
    rewrite(saved, version=3)
    with pytest.raises(InputError, match=r"model.json: format version 3, this program reads up to version 2"):
        Matganip.load(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"n_peaks": 8, "wings": 2}}, "unknown key 'wings'"),
        ({"config": {"n_peaks": "many"}}, "n_peaks = 'many'"),
        ({"target": {"mean": 0.0}}, "damaged: 'scale'"),
        ({"target": {"mean": [0.0], "scale": [1.0], "units": ["eV", ""], "names": ["E", "t"]}}, "not of 1 properties"),
        ({"history": {"records": []}}, "training history does not have the fields"),
    ],
)
def test_a_record_with_other_contents_is_refused(saved, change, message):
    rewrite(saved, **change)
    with pytest.raises(InputError, match=rf"model.json: .*{message}"):
        Matganip.load(saved)


def test_tensors_that_do_not_fit_the_config_are_named(saved):
    record = json.loads((saved / "model.json").read_text())
    rewrite(saved, config=record["config"] | {"n_peaks": 12})
    with pytest.raises(InputError, match=r"matrices.mean has shape \(1, 8, 8\), but .* wants \(1, 12, 12\)"):
        Matganip.load(saved)


@pytest.mark.parametrize("size", [10**9, 2**63 - 1, 2**70])
@pytest.mark.parametrize("name", ["lstm_size", "hidden_size"])
def test_networks_of_sizes_that_the_file_has_not_take_no_memory(saved, name, size):
    record = json.loads((saved / "model.json").read_text())
    assert name in record["config"]
    rewrite(saved, config=record["config"] | {name: size})
    with pytest.raises(InputError, match=r"model.(json: damaged|safetensors: .* but the config)"):
        Matganip.load(saved)


def test_a_missing_tensor_is_named(saved):
    reweigh(saved, lambda tensors: tensors.pop("generator.conv1.weight"))
    with pytest.raises(InputError, match=r"model.safetensors: generator.conv1.weight is missing"):
        Matganip.load(saved)


def test_an_unwritable_folder_is_refused(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: cannot be made a folder"):
        model.save(tmp_path / "file")


def test_a_model_trained_on_another_device_is_read_onto_this_one(model, saved, graphs):
    """Tensors are stored without their device; what the config trained on is no condition for reading."""
    record = json.loads((saved / "model.json").read_text())
    rewrite(saved, config=record["config"] | {"device": "cuda", "precision": "bfloat16"})
    again = Matganip.load(saved)
    assert again.predict(graphs.matrices).tobytes() == model.predict(graphs.matrices).tobytes()
    assert (again.config.device, again.fingerprint) == ("cpu", model.fingerprint)


def test_the_path_of_other_devices_predicts_what_the_kernel_does(model, graphs):
    scaled = model._predict_on_device(graphs.matrices, batch_size=3)
    assert model._outputs.inverse(scaled[:, 0]) == pytest.approx(model.predict(graphs.matrices), abs=1e-6)
