"""Graph matrices: the definition, the buffers they go into, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import matganip as mg
from matganip.features.peaks import Peaks


def some_peaks(n: int, p: int, seed: int = 0) -> Peaks:
    rng = np.random.default_rng(seed)
    two_theta = np.sort(rng.uniform(5, 90, p))
    return Peaks(two_theta, rng.uniform(0, 100, (n, p)), 1 / two_theta, [[] for _ in range(p)])


def definition(peaks: Peaks, n_peaks: int, scaling: str) -> np.ndarray:
    """a_ij = t_i t_j + I_i I_j, element by element."""
    t = peaks.two_theta / (180 if scaling == "unit" else 1)
    intensity = peaks.intensity / (100 if scaling == "unit" else 1)
    matrices = np.zeros((len(intensity), n_peaks, n_peaks))
    used = min(n_peaks, len(t))
    for row in range(len(intensity)):
        for i in range(used):
            for j in range(used):
                matrices[row, i, j] = t[i] * t[j] + intensity[row, i] * intensity[row, j]
    return matrices


@given(
    n=st.integers(0, 5),
    p=st.integers(1, 40),
    n_peaks=st.integers(1, 40),
    scaling=st.sampled_from(["unit", "paper"]),
    seed=st.integers(0, 1000),
)
def test_matrices_are_the_definition(n: int, p: int, n_peaks: int, scaling: str, seed: int) -> None:
    peaks = some_peaks(n, p, seed)
    matrices = mg.graph_matrix(peaks, n_peaks, scaling=scaling)
    assert matrices.shape == (n, n_peaks, n_peaks)
    assert matrices.dtype == np.float32
    expected = definition(peaks, n_peaks, scaling)
    np.testing.assert_allclose(matrices, expected, rtol=1e-6, atol=1e-7 * (1 if scaling == "unit" else 1e4))
    assert not matrices[:, p:].any()
    assert not matrices[:, :, p:].any()


def test_padding_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        mg.graph_matrix(some_peaks(2, 31), 37)
        mg.graph_matrix(some_peaks(2, 37), 31)
    assert [record.getMessage() for record in caplog.records] == [
        "37 peaks are asked for and 31 are there: the graph is padded with zeros"
    ]


def test_default_is_28_peaks_scaled_to_one() -> None:
    matrices = mg.graph_matrix(some_peaks(3, 50))
    assert matrices.shape == (3, 28, 28)
    assert 0 < matrices.max() < 2


@pytest.mark.parametrize("n_peaks", [27, 28])
def test_large_calls_give_the_same_bytes_for_any_threads_and_buffer(n_peaks: int) -> None:
    peaks = some_peaks(2500, 30)
    one = mg.graph_matrix(peaks, n_peaks, num_threads=1)
    assert mg.graph_matrix(peaks, n_peaks, num_threads=2).tobytes() == one.tobytes()
    small = np.concatenate(
        [mg.graph_matrix(Peaks(peaks.two_theta, row[None], peaks.d_spacings, peaks.hkls), n_peaks)
         for row in peaks.intensity]
    )  # fmt: skip
    assert small.tobytes() == one.tobytes()
    memory = np.full(one.size + 1, -1, dtype=np.float32)
    out = memory[1:].reshape(one.shape)  # 4 bytes off any larger alignment
    assert mg.graph_matrix(peaks, n_peaks, out=out) is out
    assert out.tobytes() == one.tobytes()
    assert memory[0] == -1


def test_out_may_be_a_torch_tensor() -> None:
    import torch

    peaks = some_peaks(4, 30)
    tensor = torch.zeros((4, 28, 28), dtype=torch.float32)
    matrices = mg.graph_matrix(peaks, out=tensor)
    assert matrices.ctypes.data == tensor.data_ptr()
    assert np.array_equal(tensor.numpy(), mg.graph_matrix(peaks))
    with pytest.raises(mg.InputError, match="out must be of dtype float32"):
        mg.graph_matrix(peaks, out=tensor.double())
    with pytest.raises(mg.InputError, match="by DLPack"):
        mg.graph_matrix(peaks, out=tensor.clone().requires_grad_())


def with_triplets(n: int, p: int, n_triplets: int) -> Peaks:
    rng = np.random.default_rng(1)
    corners = np.unique(np.sort(rng.integers(0, p, (n_triplets, 3)), axis=1), axis=0)
    return replace(some_peaks(n, p), triplets=rng.normal(0, 10, (n, len(corners))), triplet_vertices=corners)


@pytest.mark.parametrize("scaling", ["unit", "paper"])
def test_triplets_stand_in_channels_at_each_of_their_edges(scaling: str) -> None:
    peaks, n_peaks = with_triplets(700, 9, 60), 7
    matrices = mg.graph_matrix(peaks, n_peaks, scaling=scaling)
    np.testing.assert_array_equal(
        matrices[:, 0], mg.graph_matrix(replace(peaks, triplets=None), n_peaks, scaling=scaling)
    )
    expected: dict[tuple[int, int], list[int]] = {}
    for k, (a, b, c) in enumerate(peaks.triplet_vertices.tolist()):
        if c < n_peaks:
            for edge in {(a, b), (a, c), (b, c)}:
                expected.setdefault(edge, []).append(k)
    assert matrices.shape[1] == 1 + max(map(len, expected.values()))
    for i in range(n_peaks):
        for j in range(i, n_peaks):
            here = expected.get((i, j), [])
            values = peaks.triplets[:, here] / (100 if scaling == "unit" else 1)
            np.testing.assert_allclose(matrices[:, 1 : 1 + len(here), i, j], values, rtol=1e-6)
            np.testing.assert_array_equal(matrices[:, 1:, i, j], matrices[:, 1:, j, i])
            assert not matrices[:, 1 + len(here) :, i, j].any()
    fewer = mg.graph_matrix(peaks, n_peaks, scaling=scaling, triplet_channels=2)
    np.testing.assert_array_equal(fewer, matrices[:, :3])
    more = mg.graph_matrix(peaks, n_peaks, scaling=scaling, triplet_channels=40)
    assert more.shape[1] == 41
    assert not more[:, matrices.shape[1] :].any()


def test_several_patterns_are_channels_of_one_matrix() -> None:
    import torch

    powder, resolved = some_peaks(600, 30, seed=1), with_triplets(600, 40, 5)
    matrices = mg.graph_matrix([powder, resolved], 12)
    np.testing.assert_array_equal(matrices[:, 0], mg.graph_matrix(powder, 12))
    np.testing.assert_array_equal(matrices[:, 1:], mg.graph_matrix(resolved, 12))
    tensor = torch.zeros(matrices.shape, dtype=torch.float32)
    written = mg.graph_matrix([powder, resolved], 12, out=tensor, num_threads=2)
    assert written.ctypes.data == tensor.data_ptr()
    np.testing.assert_array_equal(tensor.numpy(), matrices)
    for out, message in [
        (np.zeros((600, 12, 12), dtype=np.float32), "out must be float32 of the shape"),
        (np.zeros(matrices.shape), "not float64 of"),
        (np.zeros(matrices.shape[::-1], dtype=np.float32).T, "out must be C-contiguous and writeable"),
    ]:
        with pytest.raises(mg.InputError, match=message):
            mg.graph_matrix([powder, resolved], 12, out=out)
    with pytest.raises(mg.InputError, match=re.escape("peaks must be of the same arrangements, not of [600, 3]")):
        mg.graph_matrix([powder, some_peaks(3, 5)])
    with pytest.raises(mg.InputError, match=re.escape("peaks must be of the same arrangements, not of []")):
        mg.graph_matrix([])
    with pytest.raises(mg.InputError, match="triplet_channels must not be negative, but is -1"):
        mg.graph_matrix(resolved, triplet_channels=-1)


def test_what_does_not_fit_is_refused() -> None:
    peaks = some_peaks(4, 30)
    locked = np.empty((4, 28, 28), dtype=np.float32)
    locked.flags.writeable = False
    for out, message in [
        (np.empty((4, 28, 27), dtype=np.float32), "out must have the shape (4, 28, 28), got (4, 28, 27)"),
        (np.empty((4, 784), dtype=np.float32), "out must be an array of 3 dimension(s)"),
        (np.empty((4, 28, 28)), "out must be of dtype float32"),
        (np.empty((28, 28, 4), dtype=np.float32).T, "out must be C-contiguous"),
        (locked, "out is read-only"),
        ("matrices", "out must be a NumPy array or give its CPU memory by DLPack"),
    ]:
        with pytest.raises(mg.InputError, match=re.escape(message)):
            mg.graph_matrix(peaks, out=out)
    with pytest.raises(mg.InputError, match="n_peaks must be at least 1, not 0"):
        mg.graph_matrix(peaks, 0)
    with pytest.raises(mg.InputError, match="scaling must be 'unit' or 'paper', not 'raw'"):
        mg.graph_matrix(peaks, scaling="raw")
    with pytest.raises(mg.InputError, match="num_threads"):
        mg.graph_matrix(peaks, num_threads=-2)
    with pytest.raises(mg.InputError, match="intensity has 30 columns for 29 angles"):
        mg.graph_matrix(Peaks(peaks.two_theta[1:], peaks.intensity, peaks.d_spacings, peaks.hkls))
