"""Every objective with every architecture."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from skae import (
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.architectures import Conv1d, Conv2d, Dense

COMMON = {"max_iter": 2, "random_state": 0}
OBJECTIVES = {
    "plain": AutoencoderTransformer(4, **COMMON),
    "denoising": DenoisingAutoencoder(4, noise="masking", **COMMON),
    "sparse": SparseAutoencoder(4, **COMMON),
    "top_k": SparseAutoencoder(6, sparsity="top_k", k=2, **COMMON),
    "contractive": ContractiveAutoencoder(4, tied_weights=False, **COMMON),
    "variational": VariationalAutoencoder(4, kl_warmup=1, **COMMON),
}
ARCHITECTURES = {
    "dense": Dense((16,)),
    "images": Conv2d((1, 8, 8), channels=(4, 4)),
    "series": Conv1d(channels=(4,)),
}


@pytest.fixture(scope="module")
def images():
    return load_digits().data[:120] / 16


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_takes_every_architecture(objective, architecture, images):
    """They fit, encode, decode, pickle and clone together."""
    estimator = clone(OBJECTIVES[objective])
    estimator.set_params(architecture=ARCHITECTURES[architecture]).fit(images)
    Z = estimator.transform(images)
    assert Z.shape == (120, estimator.n_components)
    X_hat = estimator.inverse_transform(Z)
    np.testing.assert_allclose(X_hat, estimator.reconstruct(images), atol=1e-9)
    assert np.isfinite(X_hat).all()
    loaded = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(loaded.transform(images), Z)
    again = clone(estimator).fit(images)
    np.testing.assert_array_equal(again.transform(images), Z)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_takes_a_code_map(objective, images):
    """The last feature map is the code: its size follows from the architecture."""
    k = 2 if objective == "top_k" else "auto"
    estimator = clone(OBJECTIVES[objective]).set_params(
        architecture=Conv2d((1, 8, 8), channels=(4, 3), code="map"), init="random"
    )
    if "k" in estimator.get_params():
        estimator.set_params(k=k)
    Z = estimator.fit_transform(images)
    assert Z.shape == (120, 12)
    assert len(estimator.get_feature_names_out()) == 12
    assert estimator.inverse_transform(Z).shape == images.shape
