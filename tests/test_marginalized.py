"""MarginalizedDenoisingAutoencoder: the closed form is what it claims to be."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits

from skae import MarginalizedDenoisingAutoencoder
from skae.estimators._marginalized import marginalized_layer


def make_columns(n_samples=400, seed=0):
    """Return correlated columns of unequal size, away from zero."""
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((n_samples, 3)) @ rng.standard_normal((3, 6))
    noise = 0.3 * rng.standard_normal(mixed.shape)
    return (mixed + noise) * np.linspace(0.1, 10, 6) + 5


@pytest.mark.parametrize("noise_level", [0.0, 0.3, 0.8])
def test_layer_is_the_average_over_all_noise(noise_level):
    """Ridge regression on very many corrupted copies gives the same layer."""
    rng = np.random.default_rng(0)
    U = make_columns(50)
    U = (U - U.mean(axis=0)) / U.std(axis=0) + 2
    mean, covariance = U.mean(axis=0), np.cov(U.T, bias=True)
    weight, bias = marginalized_layer(mean, covariance, noise_level, 1e-6)
    squares, products = 0.0, 0.0
    clean = np.tile(U, (4000, 1))
    for _ in range(20):
        corrupted = np.where(rng.random(clean.shape) < noise_level, mean, clean)
        design = np.column_stack([corrupted, np.ones(len(corrupted))])
        squares = squares + design.T @ design
        products = products + design.T @ clean
    expected = np.linalg.solve(squares, products).T
    np.testing.assert_allclose(weight, expected[:, :-1], atol=0.01)
    np.testing.assert_allclose(bias, expected[:, -1], atol=0.01)


def test_layers_are_stacked():
    """Each layer denoises the outputs of the one before, through tanh."""
    X = make_columns()
    U = (X - X.mean(axis=0)) / X.std(axis=0)
    for _ in range(3):
        covariance = np.cov(U.T, bias=True)
        weight, bias = marginalized_layer(U.mean(axis=0), covariance, 0.4, 1e-5)
        U = np.tanh(U @ weight.T + bias)
    marginalized = MarginalizedDenoisingAutoencoder(3, noise_level=0.4)
    np.testing.assert_allclose(marginalized.fit_transform(X), U, atol=1e-9)


def test_concatenation_has_every_representation():
    """The scaled columns, then each layer's outputs."""
    X = make_columns()
    codes = MarginalizedDenoisingAutoencoder(2, concatenate=True).fit_transform(X)
    assert codes.shape == (400, 18)
    np.testing.assert_allclose(codes[:, :6], (X - X.mean(axis=0)) / X.std(axis=0))
    for n_layers, part in [(1, codes[:, 6:12]), (2, codes[:, 12:])]:
        last = MarginalizedDenoisingAutoencoder(n_layers).fit_transform(X)
        np.testing.assert_allclose(part, last, atol=1e-9)


@pytest.mark.parametrize("concatenate", [False, True])
def test_rows_come_back(concatenate):
    """The ridge decoder restores what tanh bends."""
    X = make_columns()
    marginalized = MarginalizedDenoisingAutoencoder(1, concatenate=concatenate).fit(X)
    assert marginalized.score(X) > 0.85
    ratio = marginalized.explained_variance_ratio_
    assert ratio.sum() == pytest.approx(marginalized.score(X), abs=1e-9)
    error = marginalized.reconstruction_error(X)
    assert marginalized.reconstruction_error_ == pytest.approx(error)
    Z = marginalized.transform(X)
    np.testing.assert_allclose(
        marginalized.inverse_transform(Z) - marginalized.inverse_transform(0 * Z),
        Z @ marginalized.components_,
        atol=1e-8,
    )


def test_lost_cells_are_restored():
    """The first layer tells a lost column from the others."""
    X = make_columns(2000)
    U = (X - X.mean(axis=0)) / X.std(axis=0)
    marginalized = MarginalizedDenoisingAutoencoder(1, noise_level=0.3).fit(X)
    lost = np.random.default_rng(1).random(U.shape) < 0.3
    restored = np.arctanh(marginalized.transform(np.where(lost, X.mean(axis=0), X)))
    assert (restored[lost] - U[lost]).std() < 0.75 * U[lost].std()


def test_origin_and_unit_do_not_matter():
    """Shifted and scaled columns have the same codes."""
    X = make_columns()
    marginalized = MarginalizedDenoisingAutoencoder()
    expected = marginalized.fit_transform(X)
    moved = X * np.logspace(-3, 6, 6) + 100
    np.testing.assert_allclose(marginalized.fit_transform(moved), expected, atol=1e-6)


@pytest.mark.parametrize("concatenate", [False, True])
def test_integer_weights_are_repetitions(concatenate):
    """A row of weight three is three rows."""
    X = make_columns(60)
    weight = np.random.default_rng(0).integers(0, 4, 60)
    weighted = MarginalizedDenoisingAutoencoder(concatenate=concatenate)
    repeated = MarginalizedDenoisingAutoencoder(concatenate=concatenate)
    weighted.fit(X, sample_weight=weight)
    repeated.fit(X.repeat(weight, axis=0))
    np.testing.assert_allclose(
        weighted.transform(X), repeated.transform(X), rtol=1e-7, atol=1e-9
    )
    np.testing.assert_allclose(weighted.components_, repeated.components_, rtol=1e-6)


def test_sparse_rows_are_as_good_as_dense():
    """CSR, a block at a time, gives the same."""
    X = load_digits().data
    marginalized = MarginalizedDenoisingAutoencoder(2)
    expected = marginalized.fit_transform(X)
    found = marginalized.fit_transform(sparse.csr_array(X))
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_blocks_do_not_matter(monkeypatch):
    """Many small blocks of rows give what one gives."""
    X = make_columns()
    expected = MarginalizedDenoisingAutoencoder().fit_transform(X)
    monkeypatch.setattr("skae.data._table.BLOCK_CELLS", 60)
    found = MarginalizedDenoisingAutoencoder().fit_transform(X)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_degenerate_tables():
    """Constant and repeated columns, few rows and no ridge are no obstacle."""
    X = np.column_stack([np.ones(5), np.arange(5.0), np.arange(5.0), [1, 1, 1, 2, 1]])
    for alpha in (0.0, 1e-5):
        for rows in (X, X[:1], np.ones((3, 4))):
            marginalized = MarginalizedDenoisingAutoencoder(alpha=alpha, noise_level=0)
            assert np.isfinite(marginalized.fit(rows).reconstruct(rows)).all()
            np.testing.assert_allclose(marginalized.reconstruct(rows)[:, 0], 1)


def test_huge_columns_are_a_clear_error():
    """A column whose variance overflows is named."""
    with pytest.raises(ValueError, match="Column 1 has a standard deviation"):
        MarginalizedDenoisingAutoencoder().fit([[0.0, 1e200], [1.0, -1e200]])
