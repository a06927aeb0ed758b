"""SparseAutoencoder: few active units, and none of them dead."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer, SparseAutoencoder
from skae.objectives._reconstruction import ReconstructionLoss
from skae.objectives._sparse import Sparse, SparseLoss, TopK, kl_penalty
from skae.testing import check_autoencoder


@pytest.fixture(scope="module")
def digits():
    X = load_digits().data / 16
    return train_test_split(X, test_size=0.25, random_state=0)


@pytest.mark.slow
def test_kl_sparsity_is_sound():
    """What skae promises of every autoencoder holds too; test_common.py has others."""
    check_autoencoder(SparseAutoencoder(8, sparsity="kl"))


def fitted_loss(model, X, sample_weight=None):
    """Return what training minimises, and the reconstruction part of it."""
    module = model.net_.module_.double()
    criterion = model.net_.criterion_
    U = torch.tensor(X)
    output = module.propagate(U)
    plain = ReconstructionLoss(model.loss, module)
    if sample_weight is not None:
        sample_weight = torch.tensor(sample_weight)
    with torch.no_grad():
        return (
            float(criterion(output, U, sample_weight)),
            float(plain(output[0], U, sample_weight)),
        )


def test_l1_is_the_sum_of_absolute_codes(digits):
    """The penalty is the mean over rows of the code's L1 norm."""
    X = digits[0][:100]
    model = SparseAutoencoder(9, sparsity_weight=0.3, max_iter=2, random_state=0).fit(X)
    loss, error = fitted_loss(model, X)
    expected = 0.3 * np.abs(model.transform(X)).sum(axis=1).mean()
    np.testing.assert_allclose(loss - error, expected, rtol=1e-9)
    np.testing.assert_allclose(error, ((model.reconstruct(X) - X) ** 2).mean())


def test_kl_is_between_rates(digits):
    """The penalty sums KL(rho || mean activation) over the units."""
    X = digits[0][:100]
    model = SparseAutoencoder(
        9, sparsity="kl", rho=0.1, sparsity_weight=0.3, max_iter=2, random_state=0
    ).fit(X)
    for weight in (None, np.linspace(0.5, 1.5, 100)):
        loss, error = fitted_loss(model, X, weight)
        rate = np.average(model.transform(X), axis=0, weights=weight)
        divergence = 0.1 * np.log(0.1 / rate) + 0.9 * np.log(0.9 / (1 - rate))
        np.testing.assert_allclose(loss - error, 0.3 * divergence.sum(), rtol=1e-7)


def test_kl_by_hand():
    """Two units at rates 1/2 and rho: log 2 - entropy(rho), and nothing."""
    Z = torch.tensor([[0.25, 0.25], [0.75, 0.25]], dtype=torch.float64)
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    found = float(kl_penalty(Z, 0.25))
    np.testing.assert_allclose(found, np.log(2) - entropy, rtol=1e-12)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_kl_is_finite_at_the_ends(rate):
    """Saturated units cost much, and have a gradient."""
    Z = torch.full((3, 2), rate, requires_grad=True)
    penalty = kl_penalty(Z, 0.05)
    penalty.backward()
    assert torch.isfinite(penalty)
    assert torch.isfinite(Z.grad).all()


def test_top_k_keeps_the_largest():
    """Exactly k values stay, the largest, as they are."""
    Z = torch.randn(50, 20, generator=torch.Generator().manual_seed(0))
    kept = TopK(3)(Z)
    assert ((kept != 0).sum(dim=1) == 3).all()
    np.testing.assert_array_equal(kept.max(dim=1).values, Z.max(dim=1).values)
    assert torch.equal(kept[kept != 0], Z[kept != 0])


@pytest.mark.parametrize("k", [1, 5, 30])
def test_exactly_k_units_are_active(digits, k):
    """On new rows as well, k units are active, and `active_share_` says so."""
    X_train, X_test = digits
    model = SparseAutoencoder(30, sparsity="top_k", k=k, max_iter=2, random_state=0)
    Z = model.fit(X_train).transform(X_test)
    assert ((Z != 0).sum(axis=1) == k).all()
    assert model.k_ == k
    np.testing.assert_allclose(model.active_share_, k / 30)


def test_k_auto_is_a_tenth():
    """`k="auto"` is a tenth of the units, at least one."""
    X = np.random.default_rng(0).random((30, 5))
    for n_components, k in ((5, 1), (40, 4)):
        model = SparseAutoencoder(n_components, sparsity="top_k", max_iter=1).fit(X)
        assert model.k_ == k
    assert SparseAutoencoder(max_iter=1).fit(X).k_ is None


def test_dead_units_are_woken(digits, monkeypatch):
    """With few active units most would never be used; waking brings them back."""
    X = digits[0]
    model = SparseAutoencoder(
        100, sparsity="top_k", k=8, code_activation="relu", random_state=0
    )
    model.set_params(max_iter=40)
    woken = model.fit(X)
    n_woken, error = len(woken.dead_units_), woken.reconstruction_error_
    monkeypatch.setattr("skae.objectives._sparse.PATIENCE", 10**9)
    left = clone(model).fit(X)
    assert n_woken < 0.8 * len(left.dead_units_)
    assert error < 1.02 * left.reconstruction_error_


def test_larger_weights_make_sparser_codes(digits):
    """L1 sets more units to zero the more it weighs, at the price of error."""
    X = digits[0]
    shares, errors = [], []
    for weight in (0, 1e-3, 1e-2):
        model = SparseAutoencoder(
            80, sparsity_weight=weight, max_iter=20, random_state=0
        ).fit(X)
        assert (model.transform(X) == 0).any() or weight == 0
        shares.append(model.active_share_)
        errors.append(model.reconstruction_error_)
    assert shares[0] > shares[1] > shares[2]
    assert errors[0] < errors[1] < errors[2]


def test_kl_reaches_its_target(digits):
    """A heavy enough penalty brings the mean activation to rho."""
    model = SparseAutoencoder(
        80, sparsity="kl", rho=0.1, sparsity_weight=0.1, random_state=0
    ).fit(digits[0])
    np.testing.assert_allclose(model.active_share_, 0.1, atol=0.01)
    rates = model.transform(digits[0]).mean(axis=0)
    np.testing.assert_allclose(rates, 0.1, atol=0.06)


def test_overcomplete_code_beats_pca_of_as_many_numbers(digits):
    """16 active of 128 units reconstruct held-out digits better than 16 components."""
    X_train, X_test = digits
    model = SparseAutoencoder(128, sparsity="top_k", k=16, random_state=0)
    pca = PCA(16).fit(X_train)
    projected = pca.inverse_transform(pca.transform(X_test))
    error = ((model.fit(X_train).reconstruct(X_test) - X_test) ** 2).mean()
    assert error < 0.8 * ((projected - X_test) ** 2).mean()
    assert model.components_.shape == (128, 64)


def test_dead_units_are_named():
    """A unit that is the same for all rows is dead."""
    X = np.random.default_rng(0).random((100, 4))
    model = SparseAutoencoder(6, max_iter=1, random_state=0, warm_start=True).fit(X)
    with torch.no_grad():
        model.net_.module_.encoder[-1].weight[2] = 0
        model.net_.module_.encoder[-1].bias[2] = -5
    model.set_params(learning_rate_init=1e-9).fit(X)
    assert 2 in model.dead_units_


def test_codes_are_not_rotated(digits):
    """Codes are what the encoder computes: zeros stay zeros."""
    X = digits[0][:100]
    model = SparseAutoencoder(20, max_iter=2, random_state=0).fit(X)
    assert model.net_.module_.rotation is None
    assert model.transform(X).min() == 0


def test_no_weight_is_the_textbook_autoencoder(digits):
    """Without a penalty it is the plain network from the same start."""
    X = digits[0][:300]
    shared = {"code_activation": "relu", "init": "random", "hidden_layer_sizes": ()}
    options = {"max_iter": 3, "random_state": 0, **shared}
    sparse = SparseAutoencoder(9, sparsity_weight=0, **options).fit(X)
    plain = AutoencoderTransformer(9, **options).fit(X)
    np.testing.assert_allclose(sparse.transform(X), plain.transform(X), atol=1e-6)


def test_pca_start_with_a_linear_code(digits):
    """L1 may start from PCA: the result is at least as good in its own objective."""
    X = digits[0]
    model = SparseAutoencoder(
        10, init="pca", sparsity_weight=0.05, max_iter=10, random_state=0
    ).fit(X)
    assert model.code_activation_ == "identity"
    start = clone(model).set_params(max_iter=1, learning_rate_init=1e-12).fit(X)
    norms = [np.abs(m.transform(X)).sum() for m in (model, start)]
    assert norms[0] < norms[1]
    assert min(model.validation_loss_curve_) < start.validation_loss_curve_[0]


def test_warm_start_takes_the_new_k(digits):
    """A fit that goes on uses the k of now, but cannot change the network."""
    X = digits[0][:100]
    model = SparseAutoencoder(10, sparsity="top_k", k=5, max_iter=1, warm_start=True)
    model.fit(X).set_params(k=2).fit(X)
    assert ((model.transform(X) != 0).sum(axis=1) == 2).all()
    with pytest.raises(ValueError, match="sparsity='top_k', but this fit is for s"):
        model.set_params(sparsity="l1").fit(X)


@pytest.mark.parametrize("sparsity", ["l1", "kl", "top_k"])
@pytest.mark.parametrize(
    "options",
    [
        {"tied_weights": True, "alpha": 1e-3},
        {"hidden_layer_sizes": (16,), "dropout": 0.2},
        {"loss": "binary_cross_entropy", "precision": "float64"},
        {"precision": "bfloat16", "hidden_layer_sizes": "auto"},
    ],
)
def test_works_with_shared_parameters(digits, sparsity, options):
    """Penalties, tied weights, depth, other losses and precisions train as well."""
    X = digits[0][:200]
    model = SparseAutoencoder(
        70, sparsity=sparsity, max_iter=3, random_state=0, **options
    ).fit(X)
    assert np.isfinite(model.reconstruct(X)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sparsity": "top_k", "k": 3}, "k=3 units"),
        ({"sparsity": "kl", "code_activation": "relu"}, "code_activation='auto'"),
        ({"sparsity": "kl", "init": "pca"}, "init='pca' needs sparsity='l1'"),
        ({"sparsity": "top_k", "init": "pca"}, "init='pca' needs sparsity='l1'"),
        ({"init": "pca", "code_activation": "relu"}, "code_activation='identity'"),
        ({"rho": 1.0}, "rho"),
    ],
)
def test_errors_name_the_parameter(digits, options, message):
    """Combinations that make no sense are named with what would do."""
    with pytest.raises(ValueError, match=message):
        SparseAutoencoder(**options).fit(digits[0])


def test_second_output_counts_a_little():
    """The output of woken units adds its own loss, with a small weight."""
    X = np.random.default_rng(0).random((20, 4))
    model = SparseAutoencoder(3, sparsity="top_k", max_iter=1, random_state=0).fit(X)
    module = model.net_.module_
    U = torch.tensor(X, dtype=torch.float32)
    loss = SparseLoss(Sparse("squared_error", sparsity="top_k"), module)
    output, Z = module.propagate(U)
    alone, both = loss((output, Z), U), loss((output, Z, output), U)
    np.testing.assert_allclose(both.item(), alone.item() * (1 + 1 / 32), rtol=1e-5)
