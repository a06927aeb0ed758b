"""Components in order: the first few are an autoencoder too, and rows say how many."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae.architectures import Conv2d
from skae.data._table import Table
from skae.engine._ordered import BySize, components_needed, pca_errors_by_size
from skae.networks._prefix import Prefix, octaves

from .tables import make_binary, make_curve, make_digits, mean_squared_error

CONFIGURATIONS = {
    "default": {},
    "whitened": {"whiten": True},
    "random": {"init": "random", "learning_rate_init": 0.01},
    "tied": {"tied_weights": True},
    "all rows": {"early_stopping": False},
    "muon": {"solver": "muon"},
    "codes behind an activation": {"init": "random", "code_activation": "tanh"},
    "absolute error": {"loss": "absolute_error"},
    "images": {"architecture": Conv2d((2, 3), (4,))},
}


def fit(X, **parameters):
    given = {"n_components": 4, "max_iter": 8, "ordered": True, "random_state": 0}
    return AutoencoderTransformer(**(given | parameters)).fit(X)


def pca_error(X, n_components):
    pca = PCA(n_components).fit(X)
    return mean_squared_error(X, pca.inverse_transform(pca.transform(X)))


# -- truncate -------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_first_components_are_an_estimator(parameters):
    """Its codes are the first ones, and it explains what these do."""
    X = make_curve()
    autoencoder = fit(X, **parameters)
    Z, ratio = autoencoder.transform(X), autoencoder.explained_variance_ratio_
    for size in (1, 3, 4):
        first = autoencoder.truncate(size)
        np.testing.assert_allclose(first.transform(X), Z[:, :size], rtol=1e-9)
        X_hat = first.inverse_transform(Z[:, :size])
        np.testing.assert_allclose(X_hat, first.reconstruct(X), rtol=1e-9, atol=1e-12)
        assert first.score(X) == pytest.approx(ratio[:size].sum(), abs=1e-6)
        assert len(first.get_feature_names_out()) == first.n_components_ == size
    np.testing.assert_array_equal(autoencoder.transform(X), Z)


def test_truncated_estimator_is_fitted_like_any_other():
    """It can be pickled, cloned, cut again and trained on."""
    X = make_curve()
    autoencoder = fit(X)
    first = pickle.loads(pickle.dumps(autoencoder.truncate(3)))
    again = first.truncate(2)
    np.testing.assert_allclose(
        again.reconstruct(X), autoencoder.truncate(2).reconstruct(X)
    )
    assert again.components_.shape == (2, 6)
    assert again.singular_values_.shape == (2,)
    assert clone(again).get_params()["n_components"] == 2
    assert first.partial_fit(X).transform(X).shape == (200, 3)
    assert autoencoder.n_components_ == 4


def test_reported_errors_are_those_of_the_size():
    """Without rows that are held out they can be measured again, for every size."""
    X = make_curve()
    autoencoder = fit(X, early_stopping=False)
    for size in (1, 2, 4):
        first = autoencoder.truncate(size)
        error = mean_squared_error(X, first.reconstruct(X))
        assert first.reconstruction_error_ == pytest.approx(error, rel=1e-5)
        expected = pca_error(X, size)
        assert first.pca_reconstruction_error_ == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("size", [0, 5, 1.0, "1"])
def test_truncate_says_which_sizes_there_are(size):
    """Only whole numbers of components that were fitted."""
    with pytest.raises(ValueError, match=r"between 1 and 4"):
        fit(make_curve(), max_iter=1).truncate(size)


def test_truncate_needs_an_order():
    """The first of other codes are not worth more than the last."""
    with pytest.raises(ValueError, match="fit with ordered=True"):
        fit(make_curve(), max_iter=1, ordered=False).truncate(1)


# -- the order ------------------------------------------------------------------------


def test_ordered_pca_is_pca():
    """A linear network has nothing to learn: its components are in order already."""
    X = make_digits(200)
    autoencoder = fit(X, hidden_layer_sizes=())
    for size in (1, 2, 4):
        pca = PCA(size).fit(X)
        np.testing.assert_allclose(
            autoencoder.truncate(size).reconstruct(X),
            pca.inverse_transform(pca.transform(X)),
            atol=1e-4,
        )


def test_first_components_do_without_the_others():
    """A surface of two dimensions: with two of four codes it can be followed."""
    X = make_curve(600)
    autoencoder = fit(X, max_iter=40)
    for size, share in ((1, 0.95), (2, 0.5), (3, 0.5)):
        error = mean_squared_error(X, autoencoder.truncate(size).reconstruct(X))
        assert error < share * pca_error(X, size)


@pytest.mark.parametrize("n_samples", [150, 600], ids=["folds", "held out"])
@pytest.mark.parametrize("make", [make_curve, make_digits])
def test_no_size_is_worse_than_pca(n_samples, make):
    """On the rows that judge, with as few or as many components as were looked at."""
    autoencoder = fit(make(n_samples), max_iter=20)
    for size in (1, 2, 3, 4):
        first = autoencoder.truncate(size)
        assert first.reconstruction_error_ <= first.pca_reconstruction_error_


def test_noise_stays_pca():
    """Nothing can be learnt with any number of components."""
    X = np.random.default_rng(0).standard_normal((300, 8))
    autoencoder = fit(X)
    np.testing.assert_allclose(
        autoencoder.truncate(2).transform(X), PCA(2).fit_transform(X), atol=1e-5
    )


def test_cross_entropy_codes_may_be_ordered():
    """The order does not depend on the loss."""
    X = make_binary()
    autoencoder = fit(X, loss="binary_cross_entropy")
    scores = [autoencoder.truncate(size).score(X) for size in (1, 2, 3, 4)]
    assert (np.diff(scores) > 0).all()


def test_partial_fit_keeps_the_order():
    """A stream is trained on with some of the codes left out, too."""
    X = make_curve(600)
    autoencoder = AutoencoderTransformer(4, ordered=True, random_state=0)
    for _ in range(6):
        autoencoder.partial_fit(X)
    error = mean_squared_error(X, autoencoder.truncate(2).reconstruct(X))
    assert error < pca_error(X, 2)


# -- how many -------------------------------------------------------------------------


def test_share_keeps_the_fewest_components_that_reach_it():
    """On rows held out; a curved surface needs fewer than PCA."""
    X = make_curve(600)
    autoencoder = fit(X, n_components=0.97, max_iter=40, ordered=False)
    needed = PCA(0.97).fit(X).n_components_
    assert autoencoder.n_components_ == autoencoder.transform(X).shape[1] < needed
    assert autoencoder.score(X) > 0.96
    assert autoencoder.truncate(1).score(X) < 0.97


def test_share_never_takes_more_components_than_pca():
    """Where nothing can be learnt it takes PCA's number, whatever the judges say."""
    X = np.random.default_rng(0).standard_normal((200, 12))
    autoencoder = fit(X, n_components=0.6, max_iter=2)
    assert autoencoder.n_components_ <= PCA(0.6, svd_solver="full").fit(X).n_components_


def test_auto_begins_with_what_pca_needs():
    """And keeps as many of these as the rows that judge ask for."""
    X = make_digits(300)
    autoencoder = fit(X, n_components="auto", max_iter=2)
    needed = PCA(0.99, svd_solver="full").fit(X).n_components_
    assert 2 < autoencoder.n_components_ == autoencoder.transform(X).shape[1] <= needed


def test_none_is_all_components():
    """As many as PCA has."""
    assert fit(make_curve(), n_components=None, max_iter=1).n_components_ == 6
    assert fit(make_digits(20), n_components=None, max_iter=1).n_components_ == 20


@pytest.mark.parametrize("n_components", [0.9, "auto", None])
def test_rules_need_all_rows_at_once(n_components):
    """Neither a stream nor a network to go on from can follow them."""
    autoencoder = AutoencoderTransformer(n_components)
    with pytest.raises(ValueError, match="needs all rows"):
        autoencoder.partial_fit(make_curve())
    with pytest.raises(ValueError, match="warm_start=False"):
        autoencoder.set_params(warm_start=True).fit(make_curve())


def test_map_codes_have_no_order():
    """A code that is an image is not cut to its first pixels."""
    with pytest.raises(ValueError, match="ordered=True needs a code"):
        fit(make_curve(), architecture=Conv2d((2, 3), (4,), code="map"), init="random")


@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
def test_components_needed_are_those_of_scikit_learn(share):
    """As PCA counts them."""
    X = make_digits(300)
    expected = PCA(share, svd_solver="full").fit(X).n_components_
    assert components_needed(Table(X), share) == expected


def test_fewest_components_by_rule():
    """A share of the variance, or within a standard error of the least error."""
    rows = Table(np.array([[-1.0], [1.0]]))  # of variance one
    errors = np.array([[0.6, 0.3, 0.22, 0.2], [0.4, 0.3, 0.24, 0.28]])
    by_size = BySize.of(errors, errors, rows, rows.n_columns)
    assert by_size.fewest(0.5) == 1
    assert by_size.fewest(0.7) == 2
    assert by_size.fewest(0.9) == 4  # nothing reaches it
    assert by_size.fewest("auto") == 3
    assert by_size.first(2).fewest("auto") == 2


def test_pca_errors_by_size_are_those_of_every_pca():
    """Of a table without variance, and of one with fewer axes, too."""
    X = make_curve(50)
    for rows in (X, X[:3], np.ones((5, 6))):
        table = Table(rows)
        errors = pca_errors_by_size(table.axes(4), 4, table)
        for size in (1, 2, 3, 4):
            expected = table.axes(size).errors(table)
            np.testing.assert_allclose(errors[:, size - 1], expected, atol=1e-9)


# -- passes ---------------------------------------------------------------------------


@pytest.mark.parametrize("n_components", [1, 2, 3, 5, 8, 9, 32])
def test_octaves_have_every_size_once(n_components):
    """And all codes are a group of their own."""
    groups = octaves(n_components)
    sizes = [size for first, last in groups for size in range(first, last + 1)]
    assert sizes == list(range(1, n_components + 1))
    assert groups[-1] == (n_components, n_components)


def test_training_leaves_codes_out():
    """Rows come once for each group of sizes, the last time with all codes."""
    prefix = Prefix(torch.ones(6, dtype=torch.float64), torch.float32)
    prefix.generator = torch.Generator().manual_seed(0)
    Z = torch.ones(40, 6)
    kept = prefix.train()(Z).sum(dim=1).reshape(-1, 40)
    for sizes, (first, last) in zip(kept, prefix.groups, strict=True):
        assert set(sizes.tolist()) == set(range(first, last + 1))
    assert prefix.eval()(Z) is Z
