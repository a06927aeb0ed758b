"""What mixed tables are trained by: squares, and cross-entropies of categories."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

import skae
from skae import (
    AutoencoderTransformer,
    DenoisingAutoencoder,
    VariationalAutoencoder,
    inference,
)
from skae.inference._bounds import _log_likelihood
from skae.metrics import explained_deviance
from skae.networks._shares import DOUBT, Shares
from skae.objectives._cells import FILLED, CellLoss
from skae.tables import TableEncoder

# A number, a category of three, a number with an indicator, a category with one.
BLOCKS = ((0, 1, ()), (1, 4, (2.0, 1.5, 3.0)), (4, 6, ()), (6, 9, (1.0, 2.0)))
SLOW = pytest.mark.slow
CATEGORIES = (slice(1, 4), (2.0, 1.5, 3.0), None), (slice(6, 8), (1.0, 2.0), 8)
NUMBERS = (0, None), (4, 5), (5, None), (8, None)


def make_encoded(seed=0, n_rows=50):
    """Encoded rows; what fills the cells that are missing is no one-hot."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 9))
    X[:, 1:4] = np.eye(3)[rng.integers(3, size=n_rows)] * [2.0, 1.5, 3.0]
    X[:, [5, 8]] = rng.random((n_rows, 2)) < 0.3
    there = np.eye(2)[rng.integers(2, size=n_rows)] * [1.0, 2.0]
    X[:, 6:8] = np.where(X[:, [8]] > 0, X[:, 6:8], there)
    return torch.tensor(X)


def make_shares(X):
    return Shares(BLOCKS, X.mean(dim=0), X.std(dim=0, correction=0))


def make_loss(X):
    """Return the standardised rows, their shares and the loss."""
    shares = make_shares(X)
    scale = X.std(dim=0, correction=0)
    return (X - shares.mean) / scale, shares, CellLoss(shares, scale, X.dtype)


def expected_loss(X, X_hat, shares):
    """The definition, column by column."""
    weight = {told: 1 - (1 - FILLED) * X[:, told] for told in (5, 8)}
    weight = {told: w / w.mean() for told, w in weight.items()} | {None: 1}
    total = 0
    for column, told in NUMBERS:
        total = total + weight[told] * (X_hat[:, column] - X[:, column]) ** 2
    for members, scales, told in CATEGORIES:
        scales = torch.tensor(scales, dtype=X.dtype)
        p = (1 - DOUBT) * X_hat[:, members] / scales + DOUBT / len(scales)
        share = shares.expected[members]
        entropy = -(share * share.log()).sum()
        loss = -(X[:, members] / scales * p.log()).sum(dim=1) / entropy
        total = total + weight[told] * loss
    return total / len(BLOCKS)


def test_losses_are_squares_and_cross_entropies_of_cells():
    X = make_encoded()
    U, shares, loss = make_loss(X)
    output = torch.randn(U.shape, generator=torch.Generator().manual_seed(0)).double()
    linear = output * X.std(dim=0, correction=0) + X.mean(dim=0)
    expected = expected_loss(X, shares(linear), shares)
    torch.testing.assert_close(loss(output, U), expected)
    few = [output[:6].detach().requires_grad_()]
    assert torch.autograd.gradcheck(lambda output: loss(output, U[:6]), few)


def test_pca_is_read_as_clipped_shares():
    """Without the softmax: outputs are left as they are, losses are those of D^2."""
    X = make_encoded()
    U, shares, loss = make_loss(X)
    shares.is_linked = False
    output = torch.randn(U.shape, generator=torch.Generator().manual_seed(0)).double()
    linear = output * X.std(dim=0, correction=0) + X.mean(dim=0)
    assert shares(linear) is linear
    read = linear.clone()
    for members, scales, _ in CATEGORIES:
        scales = torch.tensor(scales, dtype=X.dtype)
        values = (linear[:, members] / scales).clamp(min=0)
        total = values.sum(dim=1, keepdim=True)
        values = torch.where(total > 0, values / total, 1 / len(scales))
        read[:, members] = values * scales
    torch.testing.assert_close(loss(output, U), expected_loss(X, read, shares))


def test_the_mean_row_has_the_shares_of_the_training_rows():
    X = make_encoded()
    shares = make_shares(X)
    found = shares(X.mean(dim=0, keepdim=True))[0, 1:4]
    expected = shares.expected[1:4] * torch.tensor([2.0, 1.5, 3.0])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(shares.expected[1:4].sum(), X.new_tensor(1.0))


def test_side_by_side_each_has_its_own_losses():
    tables = [make_encoded(seed) for seed in (0, 1)]
    alone = [make_loss(X) for X in tables]
    scale = torch.stack([X.std(dim=0, correction=0) for X in tables]).unsqueeze(1)
    first, second = (copy.deepcopy(shares) for _, shares, _ in alone)
    loss = CellLoss(first.beside([second]), scale, scale.dtype)
    U = torch.stack([U for U, *_ in alone])
    expected = torch.stack([each(-U_own, U_own) for U_own, _, each in alone])
    torch.testing.assert_close(loss(-U, U), expected)


# -- estimators -----------------------------------------------------------------------


def make_table(n_rows=200, seed=0):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n_rows)
    return pd.DataFrame(
        {
            "x": np.cos(angle),
            "y": np.sin(angle),
            "sector": pd.cut(angle, 4, labels=list("abcd")),
            "is_up": np.sin(angle + 0.2) > 0,
            "noise": rng.choice(list("uv"), n_rows, p=[0.7, 0.3]),
        }
    )


@pytest.mark.parametrize("cls", [AutoencoderTransformer, DenoisingAutoencoder])
def test_errors_that_judge_are_those_of_the_deviance(cls):
    """1 - D^2 of the fit, and of PCA, on the rows that judge."""
    table = make_table()
    options = {"max_iter": 10, "init": "pca", "early_stopping": False}
    fitted = cls(2, random_state=0, **options).fit(table)
    assert not fitted.is_pca_
    expected = 1 - explained_deviance(fitted, table)
    assert fitted.reconstruction_error_ == pytest.approx(expected, abs=0.01)
    pca = make_pipeline(TableEncoder(), PCA(2)).fit(table)
    expected = 1 - explained_deviance(pca, table)
    assert fitted.pca_reconstruction_error_ == pytest.approx(expected, abs=0.01)
    assert fitted.reconstruction_error_ < fitted.pca_reconstruction_error_


@pytest.mark.parametrize("n_rows", [60, 600])
def test_pca_itself_is_never_lost_to(n_rows, tmp_path):
    """By folds and by held-out rows: where it is exact it stays, and is no softmax."""
    codes = np.random.default_rng(0).integers(2, size=n_rows)
    table = pd.DataFrame({"code": codes, "kind": np.where(codes, "x", "y")})
    fitted = AutoencoderTransformer(1, max_iter=1, random_state=0).fit(table)
    assert fitted.is_pca_
    assert fitted.reconstruction_error_ == fitted.pca_reconstruction_error_
    found = fitted.reconstruct_encoded(table)
    np.testing.assert_allclose(found, fitted.encoder_.transform(table), atol=1e-6)
    fitted.save(tmp_path / "model.safetensors")
    again = skae.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.reconstruct_encoded(table), found)


def test_reconstructed_categories_have_shares():
    """None below zero, their sum one; copies by float32 rows, too."""
    table = make_table()
    fitted = AutoencoderTransformer(2, max_iter=5, random_state=0).fit(table)
    X_hat, encoder = fitted.reconstruct_encoded(table), fitted.encoder_
    for block in encoder.blocks_[2:]:
        shares = X_hat[:, block.members] / block.scale
        assert (shares > 0).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1)
    rows = encoder.transform(table).astype(np.float32)
    found = inference.reconstruct(fitted._network, rows)
    np.testing.assert_allclose(found, X_hat, atol=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_layer_sizes": (), "init": "pca"},
        {"hidden_layer_sizes": (), "init": "random", "learning_rate_init": 0.02},
        pytest.param({"hidden_layer_sizes": (8,), "init": "random"}, marks=SLOW),
        pytest.param({"cls": VariationalAutoencoder, "init": "pca"}, marks=SLOW),
    ],
    ids=str,
)
def test_every_network_has_a_softmax(options, tmp_path):
    """Linear ones and random weights, too, as in files: better than PCA's squares."""
    table = make_table(300)
    options = {"cls": AutoencoderTransformer, "max_iter": 25, **options}
    fitted = options.pop("cls")(2, random_state=0, **options).fit(table)
    assert fitted.output_activation_ == "clamp"
    assert not fitted.is_pca_
    assert fitted.reconstruction_error_ < fitted.pca_reconstruction_error_
    X_hat, encoder = fitted.reconstruct_encoded(table), fitted.encoder_
    for block in encoder.blocks_[2:]:
        shares = X_hat[:, block.members] / block.scale
        assert (shares > 0).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1)
    fitted.save(tmp_path / "model.safetensors")
    again = skae.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.reconstruct_encoded(table), X_hat)


def test_a_textbook_network_starts_at_the_shares():
    """Its rows are as they are encoded: the mean row has the shares all the same."""
    X = make_encoded()
    mean, scale = X.mean(dim=0), X.std(dim=0, correction=0)
    raw, standard = Shares(BLOCKS, mean, None), Shares(BLOCKS, mean, scale)
    is_category = raw.is_category
    found = [shares(mean[None])[0, is_category] for shares in (raw, standard)]
    torch.testing.assert_close(*found)
    U, output = (X - mean) / scale, torch.ones_like(X)
    logits = output * torch.where(is_category, 1, scale) + mean
    loss = CellLoss(raw, None, X.dtype)(logits, X)
    torch.testing.assert_close(loss, CellLoss(standard, scale, X.dtype)(output, U))


def test_trained_is_the_likelihood_that_is_reported():
    """Normal for numbers and indicators, a softmax for categories; in nats."""
    table = make_table(80)
    options = {"hidden_layer_sizes": (8,), "init": "pca", "max_iter": 3}
    fitted = VariationalAutoencoder(2, random_state=0, **options).fit(table)
    network, noise = fitted._network, fitted.noise_variance_
    criterion = fitted.net_.criterion_.eval()
    X = fitted.encoder_.transform(table)
    U = network.standardise(torch.tensor(X)).float()
    with torch.no_grad():
        output, mean, log_var, log_noise = network.eval().propagate(U)
        loss = criterion.per_row((output, mean, log_var, log_noise), U).double()
    divergence = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(dim=1).double()
    Z = fitted.transform(table)
    expected = _log_likelihood(network, X, Z, noise) - divergence.numpy()
    np.testing.assert_allclose(-loss * criterion.unit, expected, rtol=1e-3, atol=1e-3)


def test_evidence_is_bounded_from_below():
    """More draws come nearer."""
    table = make_table(80)
    options = {"hidden_layer_sizes": (8,), "init": "pca", "max_iter": 3}
    fitted = VariationalAutoencoder(2, random_state=0, **options).fit(table)
    bounds = fitted.score_samples(table).mean()
    tighter = [fitted.log_likelihood(table, n, 0).mean() for n in (1, 100)]
    assert bounds == pytest.approx(tighter[0], abs=0.2)
    assert bounds < tighter[1]


# -- noise ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "noise", ["gaussian", "uniform", "masking", "salt_pepper", "swap"]
)
def test_noise_is_drawn_for_each_cell(noise):
    """A category stays one, or none by masking; some are changed, and not all."""
    table = make_table()
    table.loc[::7, "x"] = np.nan
    fitted = DenoisingAutoencoder(2, noise=noise, noise_level=0.4, max_iter=1)
    encoder = fitted.fit(table).encoder_
    X = encoder.transform(table)
    X_noisy = inference.corrupt(fitted._network, X, torch.Generator().manual_seed(0))
    for block in encoder.blocks_[2:]:
        values = X_noisy[:, block.members] / block.scale
        if noise == "masking":
            values = values[values.any(axis=1)]
        np.testing.assert_allclose(np.sort(values)[:, -1], 1)
        np.testing.assert_allclose(np.sort(values)[:, :-1], 0, atol=1e-12)
        is_changed = np.abs(X_noisy - X)[:, block.columns].max(axis=1) > 1e-9
        assert 0.02 < is_changed.mean() < 0.5
    x, missing = encoder.blocks_[0].members, encoder.blocks_[0].indicator
    assert set(X_noisy[:, missing].round(9)) == {0.0, 1.0}
    if noise == "swap":  # a value never comes without what says whether it is there
        there = X_noisy[:, missing] < 0.5
        known = X[X[:, missing] == 0, x]
        assert np.isclose(X_noisy[there, x], known.T).any(axis=1).all()
