"""ContractiveAutoencoder: the Jacobian, exact and estimated, and what it does."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer, ContractiveAutoencoder
from skae.networks._noise import fixed_noise
from skae.objectives._contractive import (
    EXACT_COMPONENTS,
    ContractiveNetwork,
    JacobianNorm,
)

ENCODERS = {
    "shallow": lambda k: torch.nn.Linear(12, k),
    "deep": lambda k: torch.nn.Sequential(
        torch.nn.Linear(12, 9), torch.nn.SiLU(), torch.nn.Linear(9, k)
    ),
    "convolutional": lambda k: torch.nn.Sequential(
        torch.nn.Unflatten(1, (1, 12)),
        torch.nn.Conv1d(1, 3, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool1d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(18, k),
    ),
}


@pytest.fixture(scope="module")
def digits():
    X = load_digits().data / 16
    return train_test_split(X, test_size=0.25, random_state=0)


def make_network(encoder, n_components, activation):
    torch.manual_seed(0)
    network = ContractiveNetwork(
        ENCODERS[encoder](n_components),
        torch.nn.Linear(n_components, 12),
        code_activation=activation,
    )
    return network.double().eval(), torch.randn(40, 12, dtype=torch.float64)


def expected_norms(network, U):
    """Return the squared norms by torch.func's Jacobian of one row at a time."""

    def encode(u):
        return network.encode_standardised(u[None])[0]

    jacobian = torch.func.vmap(torch.func.jacrev(encode))(U)
    return jacobian.square().sum(dim=(1, 2)).detach()


@pytest.fixture
def restored_generator():
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


@pytest.mark.usefixtures("restored_generator")
@pytest.mark.parametrize("activation", ["identity", "sigmoid", "tanh"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_small_codes_have_the_exact_jacobian(encoder, activation):
    """For any encoder the norm is that of torch.func's Jacobian."""
    network, U = make_network(encoder, EXACT_COMPONENTS, activation)
    _, norms = network.propagate(U)
    np.testing.assert_allclose(norms.detach(), expected_norms(network, U), rtol=1e-10)


@pytest.mark.usefixtures("restored_generator")
@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_estimate_is_unbiased(encoder):
    """For larger codes the mean of many estimates is the norm."""
    network, U = make_network(encoder, 10, "tanh")
    network.train()
    network.jacobian_norm.generator = torch.Generator().manual_seed(0)
    draws = torch.stack([network.propagate(U)[1].detach() for _ in range(600)])
    expected = expected_norms(network, U)
    deviation = draws.std(dim=0) / 600**0.5
    assert ((draws.mean(dim=0) - expected).abs() < 5 * deviation).all()
    assert (draws[0] != draws[1]).any()


@pytest.mark.usefixtures("restored_generator")
def test_gradients_are_those_of_the_jacobian():
    """The penalty trains the encoder by the gradient of the true norm."""
    network, U = make_network("deep", 3, "tanh")
    network.train()
    network.propagate(U)[1].sum().backward()
    found = [weight.grad.clone() for weight in network.encoder.parameters()]
    network.zero_grad()

    def encode(u):
        return network.encode_standardised(u[None])[0]

    torch.func.vmap(torch.func.jacrev(encode))(U).square().sum().backward()
    for gradient, weight in zip(found, network.encoder.parameters(), strict=True):
        expected = 0 if weight.grad is None else weight.grad
        np.testing.assert_allclose(gradient, expected, atol=1e-10)


def test_a_sigmoid_layer_in_closed_form():
    """For z = sigmoid(Wx + b): sum_j (z_j (1 - z_j))^2 |W_j|^2 (Rifai et al.)."""
    X = np.random.default_rng(0).random((60, 5))
    model = ContractiveAutoencoder(
        3,
        init="random",
        code_activation="sigmoid",
        hidden_layer_sizes=(),
        max_iter=2,
        random_state=0,
    ).fit(X)
    Z = model.transform(X)
    W = model.net_.module_.encoder[-1].weight.detach().double().numpy()
    expected = ((Z * (1 - Z)) ** 2) @ (W**2).sum(axis=1)
    module = model.net_.module_.double()
    _, norms = module.propagate(torch.tensor(X))
    np.testing.assert_allclose(norms.detach(), expected, rtol=1e-6)


@pytest.mark.usefixtures("restored_generator")
def test_judging_works_without_gradients():
    """Held-out rows are judged in inference mode, along the same directions."""
    network, U = make_network("deep", 10, "tanh")
    passes = []
    with torch.inference_mode():
        rows = U[torch.arange(20)]  # an inference tensor
        for _ in range(2):
            with fixed_noise(network):
                passes.append(network.propagate(rows)[1])
    assert torch.equal(*passes)
    assert not passes[0].requires_grad


def test_the_norm_is_in_the_units_of_x(digits):
    """With tied weights the norm is that of the Jacobian of `encode`."""
    X = digits[0][:200]
    X = X[:, X.std(axis=0) > 0]  # of a constant column, `encode` ignores any change
    model = ContractiveAutoencoder(3, max_iter=5, random_state=0).fit(X)
    module = model.net_.module_.double()
    U = module.standardise(torch.tensor(X))
    _, norms = module.propagate(U)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda x: module.encode(x[None])[0]))
    expected = jacobian(torch.tensor(X)).square().sum(dim=(1, 2))
    np.testing.assert_allclose(norms.detach(), expected.detach(), rtol=1e-6)


def slope(model, X):
    """Return the mean squared Jacobian over the variance of the codes."""
    module = model.net_.module_.double()
    jacobian = torch.func.vmap(torch.func.jacrev(lambda x: module.encode(x[None])[0]))
    norms = jacobian(torch.tensor(X)).square().sum(dim=(1, 2))
    return float(norms.detach().mean()) / model.transform(X).var(axis=0).sum()


def test_more_contraction_makes_codes_steadier(digits):
    """Relative to their spread, codes change less with the rows, at a price."""
    X_train, X_test = digits
    slopes, errors = [], []
    for contraction in (0, 1e-2, 1e-1):
        model = ContractiveAutoencoder(
            8, contraction=contraction, max_iter=25, random_state=0
        ).fit(X_train)
        errors.append(model.reconstruction_error_)
        slopes.append(slope(model, X_test[:100]))
    assert slopes[0] > slopes[1] > slopes[2]
    assert errors[2] > errors[0]


def test_no_contraction_is_the_plain_autoencoder(digits):
    """Weight zero leaves AutoencoderTransformer."""
    X = digits[0][:300]
    options = {"tied_weights": True, "max_iter": 5, "random_state": 0}
    contractive = ContractiveAutoencoder(6, contraction=0, **options).fit(X)
    plain = AutoencoderTransformer(6, **options).fit(X)
    np.testing.assert_allclose(contractive.transform(X), plain.transform(X), atol=1e-4)


def test_a_linear_network_is_trained(digits):
    """Without hidden layers PCA is not the solution once slopes cost."""
    model = ContractiveAutoencoder(
        4, hidden_layer_sizes=(), contraction=0.1, max_iter=10, random_state=0
    ).fit(digits[0])
    pca = clone(model).set_params(contraction=0).fit(digits[0])
    spread, pca_spread = (m.transform(digits[0]).var(axis=0) for m in (model, pca))
    assert (spread < 0.9 * pca_spread).all()


def test_fit_depends_on_random_state_alone(digits):
    """One seed gives one model, directions included."""
    X = digits[0][:200]
    model = ContractiveAutoencoder(8, init="random", max_iter=3, random_state=0)
    Z = model.fit_transform(X)
    np.testing.assert_array_equal(clone(model).fit_transform(X), Z)
    assert not np.allclose(clone(model).set_params(random_state=1).fit_transform(X), Z)


def test_trained_networks_draw_nothing():
    """No direction is drawn outside of training and judging."""
    assert not JacobianNorm().eval().is_active


@pytest.mark.parametrize(
    "options",
    [
        {"tied_weights": False},
        {"alpha": 0.01, "dropout": 0.2, "hidden_layer_sizes": (8,)},
        {"loss": "binary_cross_entropy", "tied_weights": False},
        {"loss": "absolute_error", "init": "random", "code_activation": "tanh"},
        {"precision": "float64", "whiten": True},
        {"precision": "bfloat16"},
    ],
)
@pytest.mark.parametrize("n_components", [2, 6])
def test_works_with_shared_parameters(digits, n_components, options):
    """Penalties, untied weights, other losses and precisions train as well."""
    X = digits[0][:200]
    model = ContractiveAutoencoder(n_components, max_iter=2, random_state=0, **options)
    assert np.isfinite(model.fit(X).reconstruct(X)).all()
    if options.get("init") != "random":
        assert model.score(X) > 0.1 * n_components / 2


def test_errors_name_the_parameter(digits):
    """A negative weight is named."""
    with pytest.raises(ValueError, match="contraction"):
        ContractiveAutoencoder(contraction=-1).fit(digits[0])
