from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from matganip.learning.config import DISCRIMINATORS, MatganipConfig
from matganip.learning.networks import Discriminator, Generator, Graphs
from matganip.learning.objectives import OPTIMUM, Minimax


def random_graphs(n, config, seed=0):
    draw = torch.Generator().manual_seed(seed)
    p, c = config.n_peaks, config.channels
    return Graphs(torch.randn(n, c, p, p, generator=draw), torch.randn(n, c, p, generator=draw))


@pytest.mark.parametrize("n_peaks", [4, 9, 28])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("linear_readout", [False, True])
def test_g_gives_one_property_for_any_number_of_peaks_and_channels(n_peaks, channels, linear_readout):
    config = MatganipConfig(n_peaks=n_peaks, channels=channels, linear_readout=linear_readout)
    assert Generator(config)(random_graphs(5, config)).shape == (5, 1)


def test_g_is_the_papers_layers_in_the_papers_order():
    config = MatganipConfig.published()
    torch.manual_seed(0)
    g, graphs = Generator(config), random_graphs(6, config)
    layers = nn.Sequential(g.conv1, nn.ReLU(), nn.MaxPool2d(2), g.conv2, nn.ReLU(), nn.MaxPool2d(2))
    features = layers(graphs.matrices)  # (n, channels, p/4, p/4)
    torch.testing.assert_close(g(graphs), g.linear(features.permute(0, 2, 3, 1).flatten(1)))


def test_an_untrained_g_with_linear_readout_predicts_the_constant():
    config = MatganipConfig()
    assert torch.equal(Generator(config)(random_graphs(4, config)), torch.zeros(4, 1))


@pytest.mark.parametrize("reads", DISCRIMINATORS)
def test_d_gives_a_probability_for_each_property_of_each_structure(reads):
    config = MatganipConfig(discriminator=reads, n_peaks=8)
    d, graphs, x = Discriminator(config), random_graphs(5, config), torch.randn(2, 5, 1)
    verdict = d(x, graphs)
    assert verdict.shape == (2, 5, 1)
    assert ((verdict > 0) & (verdict < 1)).all()
    torch.testing.assert_close(verdict, torch.sigmoid(d.logit(x, graphs)))
    torch.testing.assert_close(d(x[1:], graphs)[0], verdict[1])


def test_what_each_d_reads():
    config = MatganipConfig(n_peaks=8)
    graphs, others, x = random_graphs(5, config), random_graphs(5, config, seed=1), torch.randn(1, 5, 1)
    changed = x.clone()
    changed[0, 0] += 1.0
    for reads in DISCRIMINATORS:
        torch.manual_seed(0)
        d = Discriminator(MatganipConfig(n_peaks=8, discriminator=reads))
        assert torch.equal(d(x, graphs), d(x, others)) == (reads != "conditional")
        touched = (d(x, graphs) != d(changed, graphs)).flatten()
        assert touched[0]
        assert bool(touched[1:].any()) == (reads == "sequence")  # a sequence remembers what came before


@pytest.mark.parametrize("reads", DISCRIMINATORS)
def test_d_at_its_optimum_on_equal_distributions(reads):
    """Trained to tell a set of properties from itself, D ends at 0.5 and its loss at 2 log 2."""
    config = MatganipConfig(n_peaks=8, discriminator=reads)
    torch.manual_seed(0)
    d, graphs, x = Discriminator(config), random_graphs(16, config), torch.randn(1, 16, 1)
    adam, weight = torch.optim.Adam(d.parameters(), lr=0.01), torch.ones(16, 1)
    for _ in range(60):
        on_real, on_fake = d.logit(torch.cat([x, x]), graphs)
        loss = Minimax().discriminator_loss(on_real, on_fake, weight)
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert loss.item() == pytest.approx(OPTIMUM, abs=1e-3)
    assert d(x, graphs).mean().item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("changes", [{}, {"readout_fit": "ridge"}, {"linear_readout": False}])
def test_gradients_of_g_are_those_of_its_values(changes):
    generator = Generator(MatganipConfig(n_peaks=4, conv_channels=(2, 3), **changes)).double()
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=torch.Generator().manual_seed(3)).requires_grad_()
    matrices = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 1, 4, 4))).requires_grad_()
    names, values = zip(*generator.named_parameters(), strict=True)

    def predict(matrices, *values):
        graphs = Graphs(matrices, matrices.sum(dim=-1))
        return torch.func.functional_call(generator, dict(zip(names, values, strict=True)), (graphs,))

    assert torch.autograd.gradcheck(predict, (matrices, *values))


@pytest.mark.parametrize("reads", DISCRIMINATORS)
def test_gradients_of_d_are_those_of_its_values(reads):
    sizes = {"n_peaks": 4, "embedding_size": 3, "lstm_size": 2, "hidden_size": 3}
    discriminator = Discriminator(MatganipConfig(discriminator=reads, **sizes)).double()
    rng = np.random.default_rng(1)
    graphs = Graphs(torch.zeros(3, 1, 4, 4).double(), torch.from_numpy(rng.normal(size=(3, 1, 4))))
    x = torch.from_numpy(rng.normal(size=(1, 3, 1))).requires_grad_()
    names, values = zip(*discriminator.named_parameters(), strict=True)

    def judge(x, *values):
        return torch.func.functional_call(discriminator, dict(zip(names, values, strict=True)), (x, graphs))

    assert torch.autograd.gradcheck(judge, (x, *values))
