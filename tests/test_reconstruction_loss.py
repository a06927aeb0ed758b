"""Reconstruction losses and the penalty on the weights, against torch.nn.functional."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from skae.networks._autoencoder import Autoencoder
from skae.objectives._criterion import weight_penalty
from skae.objectives._reconstruction import ReconstructionLoss

REFERENCES = {
    "squared_error": F.mse_loss,
    "absolute_error": F.l1_loss,
    "huber": F.huber_loss,
    "binary_cross_entropy": F.binary_cross_entropy,
}
N_FEATURES = 5


def make_autoencoder(**options):
    ends = nn.Linear(N_FEATURES, 2), nn.Linear(2, N_FEATURES)
    return Autoencoder(*ends, **options).double()


def make_rows(seed=0):
    """Return raw outputs and rows in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    shape = 20, N_FEATURES
    options = {"generator": generator, "dtype": torch.float64}
    return torch.randn(shape, **options), torch.rand(shape, **options)


@pytest.mark.parametrize("loss", REFERENCES)
def test_loss_of_a_plain_network_is_that_of_torch(loss):
    """Without standardised columns it is torch's mean over rows and columns."""
    output, X = make_rows()
    activation = "sigmoid" if loss == "binary_cross_entropy" else "identity"
    criterion = ReconstructionLoss(loss, make_autoencoder(output_activation=activation))
    X_hat = output.sigmoid() if activation == "sigmoid" else output
    assert criterion.unit == 1
    assert float(criterion(output, X)) == pytest.approx(
        float(REFERENCES[loss](X_hat, X)), rel=1e-12
    )


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_loss_of_a_standardised_network_is_in_the_units_of_the_rows(loss):
    """`unit` times the loss of standardised rows is torch's loss in the rows' units."""
    output, U = make_rows()
    mean = torch.tensor([0, 1, -3, 1e3, 0], dtype=torch.float64)
    scale = torch.tensor([1, 10, 0.1, 3, 0], dtype=torch.float64)
    criterion = ReconstructionLoss(loss, make_autoencoder(mean=mean, scale=scale))
    found = float(criterion(output, U)) * criterion.unit
    expected = REFERENCES[loss](output * scale + mean, U * scale + mean)
    assert found == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("loss", ["squared_error", "binary_cross_entropy"])
def test_slope_of_a_loss_is_that_of_finite_differences(loss):
    """What training follows is the slope of what it reports."""
    output, X = make_rows()
    activation = "sigmoid" if loss == "binary_cross_entropy" else "identity"
    scale = torch.linspace(1, 2, N_FEATURES, dtype=torch.float64)
    network = make_autoencoder(
        output_activation=activation, mean=torch.zeros_like(scale), scale=scale
    )
    criterion = ReconstructionLoss(loss, network)
    output.requires_grad_()
    assert torch.autograd.gradcheck(criterion, (output, X / scale))


def test_cross_entropy_of_logits_survives_certainty():
    """Logits far out, where a sigmoid rounds to 0 or 1, still have a finite loss."""
    criterion = ReconstructionLoss(
        "binary_cross_entropy", make_autoencoder(output_activation="sigmoid")
    )
    output = torch.full((3, N_FEATURES), -800.0, dtype=torch.float64)
    assert float(criterion(output, torch.ones_like(output))) == pytest.approx(800)


@pytest.mark.parametrize("n_features", [1, 2, 9, 27, 784])
def test_cross_entropy_of_logits_whatever_their_number_and_size(n_features):
    """It agrees with torch's own in float32, from doubt to near certainty."""
    generator = torch.Generator().manual_seed(0)
    output = 10 * torch.randn(50, n_features, generator=generator)
    X = torch.rand(50, n_features, generator=generator).round(decimals=1)
    criterion = ReconstructionLoss(
        "binary_cross_entropy", make_autoencoder(output_activation="sigmoid")
    )
    expected = F.binary_cross_entropy_with_logits(output.double(), X.double())
    assert float(criterion(output, X)) == pytest.approx(float(expected), rel=1e-6)


def test_output_activation_in_the_units_of_the_rows():
    """With scale_output=False the activation's result is the reconstruction."""
    output, U = make_rows()
    mean, scale = torch.full((N_FEATURES,), 0.3), torch.full((N_FEATURES,), 0.1)
    network = make_autoencoder(
        output_activation="sigmoid",
        mean=mean.double(),
        scale=scale.double(),
        scale_output=False,
    )
    found = ReconstructionLoss("squared_error", network)(output, U)
    X = U * scale.double() + mean.double()
    assert float(found) == pytest.approx(float(F.mse_loss(output.sigmoid(), X)))


def per_cell(X_hat, X):
    return (X_hat - X).abs() ** 3


def per_row(X_hat, X):
    return per_cell(X_hat, X).mean(dim=1)


@pytest.mark.parametrize("loss", [per_cell, per_row])
def test_callable_gives_losses_of_cells_or_of_rows(loss):
    """Both mean the same: one number per row, averaged over the columns."""
    output, X = make_rows()
    found = ReconstructionLoss(loss, make_autoencoder()).per_row(output, X)
    expected = ((output - X).abs() ** 3).numpy().mean(axis=1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_weights_of_rows_multiply_their_losses():
    """The batch's loss is the mean of weight times loss."""
    output, X = make_rows()
    weight = torch.linspace(0, 2, len(X), dtype=torch.float64)
    found = ReconstructionLoss("squared_error", make_autoencoder())(output, X, weight)
    expected = ((output - X).numpy() ** 2).mean(axis=1) @ weight.numpy() / len(X)
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_constant_table_has_a_finite_loss():
    """Columns without any spread weigh nothing and divide by nothing."""
    output, U = make_rows()
    zero = torch.zeros(N_FEATURES, dtype=torch.float64)
    criterion = ReconstructionLoss(
        "squared_error", make_autoencoder(mean=zero, scale=zero)
    )
    assert float(criterion(output, U)) == 0
    assert criterion.unit > 0


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
def test_penalty_is_that_of_elastic_net(l1_ratio):
    """It is alpha times the mixture of the absolute values and half the squares."""
    weights = [torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5]])]
    flat = np.array([1.0, -2.0, 0.5])
    expected = l1_ratio * np.abs(flat).sum() + (1 - l1_ratio) / 2 * (flat**2).sum()
    found = weight_penalty(weights, 0.7, l1_ratio)
    assert float(found) == pytest.approx(0.7 * expected, rel=1e-6)
