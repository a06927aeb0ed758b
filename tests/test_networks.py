"""Layers, networks and their folded forms, against torch's own layers."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from skae.architectures import Conv2d, Dense
from skae.networks._autoencoder import Anchored, Autoencoder
from skae.networks._build import (
    anchored_autoencoder,
    centre,
    is_linear,
    plain_autoencoder,
)
from skae.networks._fold import as_functions, can_fold, fold
from skae.networks._layers import Activation, Dropout, TiedLinear, linear
from skae.networks._mlp import mlp, tie


def make_generator(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=1):
    return torch.randn(shape, generator=make_generator(seed), dtype=torch.float64)


def make_mlp(*widths, activation="tanh", seed=0):
    stack = mlp(
        widths, activation=activation, dropout=0.0, generator=make_generator(seed)
    )
    with torch.no_grad():  # zero biases would hide a mistake in them
        for layer in stack:
            if isinstance(layer, nn.Linear):
                layer.bias.uniform_(-1, 1, generator=make_generator(seed + 1))
    return stack.double()


# -- layers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["relu", "silu", "gelu", "tanh", "sigmoid", "softplus"]
)
def test_activation_by_name_is_that_of_torch(name):
    """A name means the function in torch.nn.functional."""
    X = randn(4, 3)
    expected = getattr(nn.functional, name)(X)
    torch.testing.assert_close(Activation(name)(X), expected)
    assert Activation("identity")(X) is X
    torch.testing.assert_close(Activation(torch.sin)(X), X.sin())


def test_dropout_drops_its_share_and_keeps_the_mean():
    """A share p is zero, the rest is larger by 1 / (1 - p)."""
    layer = Dropout(0.3).train()
    layer.generator = make_generator()
    out = layer(torch.ones(200, 200))
    np.testing.assert_allclose(out.unique(), [0, 1 / 0.7], rtol=1e-6)
    assert float((out == 0).double().mean()) == pytest.approx(0.3, abs=0.01)


def test_dropout_is_the_identity_in_evaluation():
    """Nothing is dropped once the network is trained."""
    X = randn(4, 3)
    assert Dropout(0.5).eval()(X) is X


def test_dropout_draws_from_its_own_generator():
    """Masks repeat with the generator, and the global one does not move."""
    layer, before = Dropout(0.5).train(), torch.get_rng_state()
    masks = []
    for _ in range(2):
        layer.generator = make_generator(3)
        masks.append(layer(torch.ones(20, 20)))
    assert torch.equal(*masks)
    assert not torch.equal(masks[0], layer(torch.ones(20, 20)))
    assert torch.equal(torch.get_rng_state(), before)


def test_linear_has_glorot_weights():
    """Weights are uniform within Glorot's bound, biases zero."""
    layer = linear(300, 200, make_generator())
    weight, bound = layer.weight.detach().numpy(), np.sqrt(6 / 500)
    assert np.abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)
    assert not layer.bias.any()


def test_tied_layer_uses_the_other_weight():
    """It multiplies by the transpose, follows its changes and owns the bias alone."""
    base = nn.Linear(5, 3).double()
    layer, Z = TiedLinear(base).double(), randn(4, 3)
    torch.testing.assert_close(layer(Z), Z @ base.weight)
    with torch.no_grad():
        base.weight.mul_(2)
    torch.testing.assert_close(layer(Z), Z @ base.weight)
    assert [name for name, _ in layer.named_parameters()] == ["bias"]


def test_mlp_is_linear_maps_with_activations_between():
    """The activation follows every layer but the last."""
    stack, X = make_mlp(6, 5, 4, 2), randn(7, 6)
    expected = X
    layers = [layer for layer in stack if isinstance(layer, nn.Linear)]
    for i, layer in enumerate(layers):
        expected = expected @ layer.weight.T + layer.bias
        if i < 2:
            expected = expected.tanh()
    torch.testing.assert_close(stack(X), expected)
    assert [tuple(layer.weight.shape) for layer in layers] == [(5, 6), (4, 5), (2, 4)]


def test_tie_mirrors_the_encoder():
    """The decoder's weights are the encoder's, last layer first."""
    encoder, decoder = make_mlp(6, 4, 2), make_mlp(2, 4, 6)
    tied = tie(encoder, decoder)
    ends = [layer for layer in tied if isinstance(layer, TiedLinear)]
    assert torch.equal(ends[0].weight, encoder[2].weight.T)
    assert torch.equal(ends[1].weight, encoder[0].weight.T)


def test_dense_drops_hidden_units_only():
    """Dropout follows hidden layers, not the code and not the output."""
    ends = Dense((8, 4), dropout=0.2).build(6, 2, make_generator())
    for end in ends:
        kinds = [type(layer) for layer in end]
        assert kinds.count(Dropout) == 2
        assert kinds[-1] is nn.Linear


# -- autoencoders -------------------------------------------------------------------


def make_start(n_features=6, n_components=2, *, tied=False):
    """Return any linear autoencoder, with a constant column."""
    from skae.engine._start import Start

    axes_in = randn(n_components, n_features, seed=5)
    scale = torch.linspace(0.5, 3, n_features, dtype=torch.float64)
    scale[-1] = 0
    return Start(
        mean=randn(n_features, seed=6),
        scale=scale,
        axes_in=axes_in,
        axes_out=axes_in.T if tied else randn(n_features, n_components, seed=7),
        offset=randn(n_features, seed=8) * (not tied),
        code_scale=torch.ones(n_components, dtype=torch.float64),
        code_offset=torch.zeros(n_components),
        noise_variance=1.0,
    )


@pytest.mark.parametrize("tied", [False, True], ids=["free", "tied"])
def test_anchored_network_starts_as_its_start(tied):
    """Before the first step it is the linear autoencoder that it was given."""
    start, X = make_start(tied=tied), randn(9, 6)
    network = anchored_autoencoder(
        make_mlp(6, 5, 2), make_mlp(2, 5, 6), start, tied_weights=tied
    ).eval()
    inverse = torch.where(start.scale > 0, 1 / start.scale, 0)
    Z = (X - start.mean) * inverse @ start.axes_in.T
    X_hat = (Z @ start.axes_out.T + start.offset) * start.scale + start.mean
    with torch.no_grad():
        torch.testing.assert_close(network.encode(X), Z)
        torch.testing.assert_close(network.decode(Z), X_hat)
        torch.testing.assert_close(network(X), X_hat)


def test_anchored_network_without_hidden_layers_is_its_anchor():
    """A linear map needs no linear correction."""
    network = anchored_autoencoder(make_mlp(6, 2), make_mlp(2, 6), make_start())
    assert is_linear(network)
    assert not any(isinstance(part, Anchored) for part in network.modules())


@pytest.mark.parametrize(
    ("widths", "options"),
    [
        ((6, 4, 2), {}),
        ((6, 2), {"code_activation": "relu"}),
        ((6, 2), {"output_activation": "sigmoid"}),
    ],
)
def test_networks_with_a_bend_are_not_linear(widths, options):
    """A hidden layer or an activation at either end makes it non-linear."""
    network = anchored_autoencoder(
        make_mlp(*widths), make_mlp(*widths[::-1]), make_start(), **options
    )
    assert not is_linear(network)


def test_plain_network_is_its_parts():
    """Nothing is added between encoder, activations and decoder."""
    encoder, decoder, X = make_mlp(6, 4, 2), make_mlp(2, 4, 6), randn(5, 6)
    network = plain_autoencoder(
        encoder, decoder, code_activation="relu", output_activation="sigmoid"
    )
    torch.testing.assert_close(network(X), decoder(encoder(X).relu()).sigmoid())
    assert network.mean is None
    assert network.scale is None


LIMITS = torch.tensor([[-0.5] * 6, [0.4] * 3 + [1e300] * 3], dtype=torch.float64)


def make_rotated(*, output_activation="identity", code_activation="identity"):
    """Return a network with a rotation and, for "clamp", limits."""
    clamp = output_activation == "clamp"
    network = anchored_autoencoder(
        make_mlp(6, 5, 2),
        make_mlp(2, 5, 6),
        make_start(),
        code_activation=code_activation,
        output_activation="identity" if clamp else output_activation,
    ).eval()
    if clamp:
        network.set_limits(LIMITS)
    with torch.no_grad():  # corrections that matter
        for parameter in network.parameters():
            parameter.add_(0.1 * randn(*parameter.shape, seed=9))
    network.set_rotation(randn(2, 2, seed=10), randn(2, seed=11))
    return network


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("output_activation", ["identity", "sigmoid"])
def test_random_network_starts_at_the_mean(output_activation, tied):
    """The mean is what it makes of the mean, and about what it makes of other rows."""
    mean = torch.linspace(0.1, 0.9, 6, dtype=torch.float64)
    encoder, decoder = Dense((5,)).build(6, 2, make_generator())
    network = plain_autoencoder(
        encoder.double(),
        decoder.double(),
        tied_weights=tied,
        output_activation=output_activation,
    ).double()
    centre(network, mean)
    torch.testing.assert_close(network(mean[None])[0], mean)
    assert (network.encode(mean[None]) == 0).all()


def test_random_images_start_at_the_mean_of_their_channel():
    """A convolution has a bias for each channel."""
    mean = torch.cat([torch.full((16,), 0.2), torch.full((16,), 0.7)]).double()
    images = Conv2d((2, 4, 4), channels=(3,))
    encoder, decoder = images.build(32, 2, make_generator())
    network = plain_autoencoder(encoder, decoder, output_activation="sigmoid")
    centre(network, mean)
    torch.testing.assert_close(network.decode(torch.zeros(1, 2))[0], mean.float())


def test_layers_that_others_repeat_are_left_alone():
    """Biases for a part of the columns cannot be the mean of all."""
    last = linear(2, 3, make_generator())
    decoder = nn.Sequential(last, nn.Unflatten(1, (1, 3)), nn.Upsample(5), nn.Flatten())
    network = plain_autoencoder(nn.Linear(5, 2), decoder)
    before = copy.deepcopy(decoder.state_dict())
    centre(network, torch.ones(5, dtype=torch.float64))
    assert torch.equal(last.weight, before["0.weight"])
    assert not last.bias.any()


def test_biases_that_are_set_are_left_alone():
    """They are somebody's choice, and so is a network that standardises."""
    network = plain_autoencoder(make_mlp(4, 3, 2), make_mlp(2, 3, 4))
    before = copy.deepcopy(network.state_dict())
    centre(network, torch.ones(4, dtype=torch.float64))
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("code_activation", ["identity", "tanh"])
@pytest.mark.parametrize("output_activation", ["identity", "sigmoid", "clamp"])
def test_rotation_leaves_the_reconstruction_alone(code_activation, output_activation):
    """decode(encode(x)) is the network without any rotation."""
    network = make_rotated(
        code_activation=code_activation, output_activation=output_activation
    )
    X = randn(9, 6)
    with torch.no_grad():
        before = network(X)
        torch.testing.assert_close(network.decode(network.encode(X)), before)
        network.set_rotation(None, None)
        torch.testing.assert_close(network.decode(network.encode(X)), before)


def test_reconstructions_keep_to_their_limits():
    """What is outside ends exactly at the limit, what is within stays as it is."""
    network, X = make_rotated(output_activation="clamp"), 3 * randn(50, 6)
    with torch.no_grad():
        clamped = network(X)
        network.set_limits(None)
        torch.testing.assert_close(clamped, network(X).clamp(*LIMITS.float()))
    assert (clamped == -0.5).any()


def test_gradients_pass_the_limits():
    """A cell outside is drawn back in where the row is not at the limit."""
    network = make_rotated(output_activation="clamp").train()
    bias = network.decoder.linear.bias
    with torch.no_grad():
        bias[0] = -100.0  # far below its limit
    U = network.standardise(0.1 * randn(8, 6))
    (network.propagate(U) - U).square().sum().backward()
    assert bias.grad[0] < 0


@pytest.mark.parametrize("code_activation", ["identity", "tanh"])
@pytest.mark.parametrize("output_activation", ["identity", "sigmoid", "clamp"])
def test_folded_network_computes_the_same(code_activation, output_activation):
    """Folding constants into layers, and modules into functions, changes nothing."""
    network = make_rotated(
        code_activation=code_activation, output_activation=output_activation
    )
    X = randn(9, 6)
    with torch.no_grad():
        expected = [network.encode(X), network(X)]
        Z = expected[0]
        expected.append(network.decode(Z))
        functions = as_functions(network)
        folded = as_functions(fold(network))
        assert not network.scale_input  # it did fold
        for made in (functions, folded):
            torch.testing.assert_close(made["encode"](X), expected[0])
            torch.testing.assert_close(made["forward"](X), expected[1])
            torch.testing.assert_close(made["decode"](Z), expected[2])


def test_folding_is_refused_where_rounding_would_show():
    """Means many deviations away from zero, and tied weights, are left alone."""
    network = make_rotated()
    assert can_fold(network, 1e3)
    network.mean[0] = 1e6
    assert not can_fold(network, 1e3)
    tied = Autoencoder(make_mlp(6, 2), tie(make_mlp(6, 2), make_mlp(2, 6)))
    assert not can_fold(tied, 1e3)
