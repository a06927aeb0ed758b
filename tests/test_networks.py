"""Layers, networks and their folded forms, against torch's own layers."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from skae import AutoencoderTransformer
from skae.architectures import Conv2d, Custom, Dense
from skae.engine._start import Start
from skae.networks._autoencoder import Anchored, Autoencoder
from skae.networks._build import (
    acts_linearly,
    anchored_autoencoder,
    centre,
    is_linear,
    plain_autoencoder,
    protected,
)
from skae.networks._fold import as_functions, can_fold, fold
from skae.networks._layers import Activation, Dropout, TiedLinear, linear
from skae.networks._mlp import mlp, tie
from skae.networks._network import set_generators
from skae.networks._side_by_side import can_stand_side_by_side, side_by_side
from skae.networks._work import measure_work


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
        make_mlp(6, 5, 2), make_mlp(2, 5, 6), Autoencoder, start, tied_weights=tied
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
    network = anchored_autoencoder(
        make_mlp(6, 2), make_mlp(2, 6), Autoencoder, make_start()
    )
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
        make_mlp(*widths), make_mlp(*widths[::-1]), Autoencoder, make_start(), **options
    )
    assert not is_linear(network)


def test_plain_network_is_its_parts():
    """Nothing is added between encoder, activations and decoder."""
    encoder, decoder, X = make_mlp(6, 4, 2), make_mlp(2, 4, 6), randn(5, 6)
    network = plain_autoencoder(
        encoder,
        decoder,
        Autoencoder,
        code_activation="relu",
        output_activation="sigmoid",
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
        Autoencoder,
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
        Autoencoder,
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
    network = plain_autoencoder(
        encoder, decoder, Autoencoder, output_activation="sigmoid"
    )
    centre(network, mean)
    torch.testing.assert_close(network.decode(torch.zeros(1, 2))[0], mean.float())


def test_layers_that_others_repeat_are_left_alone():
    """Biases for a part of the columns cannot be the mean of all."""
    last = linear(2, 3, make_generator())
    decoder = nn.Sequential(last, nn.Unflatten(1, (1, 3)), nn.Upsample(5), nn.Flatten())
    network = plain_autoencoder(nn.Linear(5, 2), decoder, Autoencoder)
    before = copy.deepcopy(decoder.state_dict())
    centre(network, torch.ones(5, dtype=torch.float64))
    assert torch.equal(last.weight, before["0.weight"])
    assert not last.bias.any()


def test_biases_that_are_set_are_left_alone():
    """They are somebody's choice, and so is a network that standardises."""
    network = plain_autoencoder(make_mlp(4, 3, 2), make_mlp(2, 3, 4), Autoencoder)
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


# -- linear in what it does -----------------------------------------------------------


@pytest.mark.parametrize("tied", [False, True], ids=["free", "tied"])
def test_a_correction_of_zero_acts_linearly(tied):
    """Until a weight of the correction is not zero, or limits bend the output."""
    network = anchored_autoencoder(
        make_mlp(6, 5, 2),
        make_mlp(2, 5, 6),
        Autoencoder,
        make_start(tied=tied),
        tied_weights=tied,
    )
    assert acts_linearly(network)
    assert not is_linear(network)
    network.set_limits(LIMITS)
    assert not acts_linearly(network)
    network.set_limits(None)
    with torch.no_grad():
        network.encoder.network[-1].weight[0, 0] = 1e-3
    assert not acts_linearly(network)


# -- work -----------------------------------------------------------------------------


def measured(encoder, decoder, n_features):
    network = Autoencoder(encoder, decoder)
    measure_work(network, torch.zeros(2, n_features))
    return network


def test_work_of_a_dense_network_is_its_weights():
    """A row meets each of them once."""
    network = measured(
        *(part.float() for part in (make_mlp(6, 5, 2), make_mlp(2, 5, 6))), 6
    )
    weights = [weight.numel() for weight in network.parameters()]
    assert network.work == sum(weights)
    assert network.widest == 6


def own_convolutions():
    """Return a user's encoder: convolutions of torch's, in a module of its own."""

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(1, 4, 3, padding=1)
            self.second = nn.Conv2d(4, 2, 3, stride=2, padding=1)
            self.last = nn.Linear(2 * 4 * 4, 3)

        def forward(self, X):
            X = self.first(X.reshape(-1, 1, 8, 8)).relu()
            return self.last(self.second(X).flatten(1))

    return Own()


def test_a_users_convolutions_count_once_for_each_pixel():
    """Wherever they come from: as many multiplications as they make."""
    decoder = nn.Sequential(
        nn.Linear(3, 32),
        nn.Unflatten(1, (2, 4, 4)),
        nn.ConvTranspose2d(2, 1, 2, stride=2),
        nn.Flatten(),
    )
    network = measured(own_convolutions(), decoder, 64)
    convolutions = (4 * 9 + 4) * 64 + (2 * 4 * 9 + 2) * 16 + (2 * 4 + 1) * 16
    dense = 32 * 3 + 3 + 3 * 32 + 32
    assert network.work == pytest.approx(convolutions + dense, rel=0.02)
    assert network.widest == 4 * 64


@pytest.mark.parametrize("kind", [nn.Conv1d, nn.Conv3d])
def test_convolutions_of_every_dimension_count(kind):
    """Series and volumes as well as images."""
    shape = (1, 64) if kind is nn.Conv1d else (1, 4, 4, 4)
    layer = kind(1, 5, 3, padding=1, bias=False)
    encoder = nn.Sequential(nn.Unflatten(1, shape), layer, nn.Flatten())
    network = measured(encoder, nn.Linear(320, 64, bias=False), 64)
    assert network.work == layer.weight.numel() * 64 + 320 * 64


def test_work_is_the_same_in_a_fitted_estimator():
    """A user's network of convolutions gets the threads that skae's own gets."""
    X = torch.rand(60, 64, generator=make_generator()).numpy()
    work = [
        AutoencoderTransformer(3, architecture=architecture, init=init, max_iter=1)
        .fit(X)
        ._network.work
        for init in ("random", "pca")
        for architecture in (Custom(lambda *_: own_convolutions(), nn.Linear), None)
    ]
    assert work[0] > 3000
    assert work[2] > work[0]  # and PCA


# -- random parts ---------------------------------------------------------------------


def test_generators_are_handed_to_random_parts_alone():
    """An attribute of that name in a user's layer is the user's."""
    own, dropout = nn.Linear(2, 2), Dropout(0.5)
    own.generator = "mine"
    generator = make_generator()
    set_generators(nn.Sequential(own, dropout), generator)
    assert own.generator == "mine"
    assert dropout.generator is generator


# -- layers that write in place -------------------------------------------------------


@pytest.mark.parametrize(
    "network",
    [
        nn.ReLU(inplace=True),
        nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 3)),
        nn.Sequential(nn.Identity(), nn.ReLU(inplace=True)),
        nn.Sequential(nn.Sequential(nn.ReLU(inplace=True)), nn.Linear(3, 3)),
    ],
)
def test_protected_network_leaves_its_input_as_it_is(network):
    """And computes what the network does."""
    X = randn(4, 3).float()
    before = X.clone()
    expected = network(X.clone())
    torch.testing.assert_close(protected(network)(X), expected)
    assert torch.equal(X, before)


@pytest.mark.parametrize("network", [nn.Linear(3, 2), make_mlp(3, 4, 2)])
def test_networks_that_begin_with_a_product_need_no_protection(network):
    """They write to what is theirs."""
    assert protected(network) is network


# -- side by side ---------------------------------------------------------------------


@pytest.mark.parametrize("clamp", [False, True], ids=["free", "limits"])
def test_networks_side_by_side_compute_what_each_does(clamp):
    """Each with a standardisation, anchors, corrections and limits of its own."""
    networks = []
    for seed in range(3):
        network = anchored_autoencoder(
            make_mlp(6, 5, 2, seed=seed),
            make_mlp(2, 5, 6, seed=seed + 9),
            Autoencoder,
            make_start(),
        )
        with torch.no_grad():
            for number, weight in enumerate(network.parameters()):
                weight.add_(0.1 * randn(*weight.shape, seed=seed + 10 * number))
        if clamp:
            network.set_limits(LIMITS * (1 + seed))
        networks.append(network)
    together = side_by_side(networks)
    U = randn(3, 9, 6)
    for found, network, rows in zip(together.propagate(U), networks, U, strict=True):
        torch.testing.assert_close(found, network.propagate(rows))


def test_what_cannot_stand_side_by_side_is_told():
    """Parts that nobody knows, and layers that look at the whole batch."""
    assert can_stand_side_by_side(make_mlp(6, 5, 2))
    assert not can_stand_side_by_side(nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5)))
    assert not can_stand_side_by_side(own_convolutions())
    assert not can_stand_side_by_side(nn.Linear(6, 5, bias=False))
