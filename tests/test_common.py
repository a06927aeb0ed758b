"""scikit-learn's own checks, and those that its test suite runs beside them."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

import skae
from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    MarginalizedDenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
)
from skae.tables import TableEncoder
from skae.testing import check_autoencoder

TEXTBOOK = {
    "init": "random",
    "activation": "relu",
    "code_activation": "relu",
    "hidden_layer_sizes": (16,),
    "learning_rate": "constant",
    "solver": "adam",
}
CONFIGURATIONS = [
    AutoencoderTransformer(max_iter=5),
    AutoencoderTransformer(max_iter=5, **TEXTBOOK),
    AutoencoderTransformer(
        max_iter=5, init="pca", hidden_layer_sizes=(16, 8), dropout=0.2
    ),
    AutoencoderTransformer(max_iter=5, tied_weights=True, whiten=True),
    AutoencoderTransformer(max_iter=5, init="pca", ordered=True),
    AutoencoderTransformer(max_iter=5, missing_values="mask"),
    DenoisingAutoencoder(max_iter=5, init="pca"),
    DenoisingAutoencoder(noise="swap", max_iter=5, **TEXTBOOK),
    SparseAutoencoder(max_iter=5),
    SparseAutoencoder(8, sparsity="top_k", max_iter=5),
    ContractiveAutoencoder(max_iter=5),
    ContractiveAutoencoder(
        6, max_iter=5, init="random", code_activation="sigmoid", hidden_layer_sizes=()
    ),
    MarginalizedDenoisingAutoencoder(),
    MarginalizedDenoisingAutoencoder(2, noise_level=0.2, concatenate=True),
    StackedAutoencoder(hidden_layer_sizes=(8, 4), pretraining_max_iter=1, max_iter=2),
    StackedAutoencoder(
        autoencoder="denoising",
        hidden_layer_sizes=(8,),
        pretraining_max_iter=1,
        max_iter=2,
        init="random",
    ),
    VariationalAutoencoder(max_iter=5),
    VariationalAutoencoder(
        max_iter=5, beta=0.5, kl_warmup=2, init="random", hidden_layer_sizes=(16,)
    ),
    VariationalAutoencoder(max_iter=5, init="pca", missing_values="mask"),
]
FIRST = list(
    {type(estimator): estimator for estimator in CONFIGURATIONS[::-1]}.values()
)
SECOND = [estimator for estimator in CONFIGURATIONS if estimator not in FIRST]
# What trains like others takes long to be judged again.
LONG = (ContractiveAutoencoder, DenoisingAutoencoder, StackedAutoencoder)
# A random start has to learn something before its reconstructions can be judged.
LONGER = {"max_iter": 60, "learning_rate_init": 0.01, "batch_size": 16}
# Every step sees every row, and every row is trained on: nothing depends on whether a
# row of weight two comes once or twice. Plain gradient descent, because Adam divides
# by gradients that are zero but for rounding at the start.
FULL_BATCH = AutoencoderTransformer(
    init="pca",
    hidden_layer_sizes=(16,),
    solver="sgd",
    learning_rate_init=0.1,
    batch_size=1000,
    max_iter=30,
    early_stopping=False,
    precision="float64",
)
REASON = "a mini-batch or a held-out row is one row, whatever its weight"
DENSE_CHECK = {"check_sample_weight_equivalence_on_dense_data": REASON}
WEIGHT_CHECKS = {
    **DENSE_CHECK,
    "check_sample_weight_equivalence_on_sparse_data": REASON,
}
# Folds hold out rows, and the threshold counts them, whatever their weights.
DETECTORS = [
    AutoencoderOutlierDetector(
        AutoencoderTransformer(1, init="pca", hidden_layer_sizes=(8,), max_iter=2),
        n_folds=2,
    ),
    AutoencoderOutlierDetector(
        AutoencoderTransformer(1, init="pca", max_iter=2, missing_values="mask"),
        n_folds=2,
    ),
    AutoencoderOutlierDetector(
        MarginalizedDenoisingAutoencoder(1), contamination=0.1, standardize=False
    ),
]
ENCODERS = [
    TableEncoder(),
    TableEncoder(numeric="arcsinh", missing_values="nan"),
    TableEncoder(numeric="minmax", category_scaling=None, clip=True),
    TableEncoder(numeric="quantile", category_scaling="famd", handle_unknown="error"),
]
EXTENDED = [
    "check_dataframe_column_names_consistency",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_get_feature_names_out_error",
    "check_param_validation",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_global_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_set_output_transform_polars",
]


def expected_failures(estimator):
    """Weights as repeated rows, where training changes the model on the checks' tables.

    On these (15 rows of noise) PCA is what the held-out rows choose.
    """
    return WEIGHT_CHECKS if getattr(estimator, "init", "") == "random" else {}


@parametrize_with_checks([*FIRST, FULL_BATCH], expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator, check):
    """Every check of check_estimator passes."""
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(SECOND, expected_failed_checks=expected_failures)
def test_scikit_learn_checks_of_more_configurations(estimator, check):
    """So it does, whatever the parameters."""
    check(estimator)


@parametrize_with_checks(DETECTORS, expected_failed_checks=lambda detector: DENSE_CHECK)
def test_scikit_learn_checks_of_outlier_detectors(estimator, check):
    """Every check of check_estimator passes, those of outliers among them."""
    check(estimator)


@parametrize_with_checks(ENCODERS)
def test_scikit_learn_checks_of_encoders_of_tables(estimator, check):
    """Every check of check_estimator passes."""
    check(estimator)


def name_of(estimator):
    return type(estimator).__name__


def with_slow_ones():
    """Return all configurations; a second one of a class is slow."""
    return [*FIRST, *(pytest.param(each, marks=pytest.mark.slow) for each in SECOND)]


# Some of the checks fit on a DataFrame and transform an array, or the other way round.
@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("check", EXTENDED)
@pytest.mark.parametrize("estimator", [*with_slow_ones(), *ENCODERS], ids=name_of)
def test_extended_scikit_learn_checks(estimator, check):
    """Names in and out, containers and parameter validation are scikit-learn's."""
    getattr(estimator_checks, check)(type(estimator).__name__, clone(estimator))


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(each, marks=pytest.mark.slow) if type(each) in LONG else each
        for each in with_slow_ones()
    ],
    ids=name_of,
)
def test_sound_autoencoder(estimator):
    """What skae promises of every autoencoder holds too."""
    if getattr(estimator, "init", "") == "random":
        estimator = clone(estimator).set_params(**LONGER)
    check_autoencoder(estimator)


@pytest.mark.parametrize("name", [n for n in skae.__all__ if n[0].isupper()])
def test_two_configurations_of_every_transformer_are_checked(name):
    """No transformer is forgotten above."""
    cls = getattr(skae, name)
    if hasattr(cls, "inverse_transform"):
        assert sum(type(estimator) is cls for estimator in CONFIGURATIONS) >= 2


def test_full_batch_weights_are_repetitions():
    """With full batches and no split, integer weights act exactly as repeated rows."""
    rng = np.random.default_rng(0)
    X = rng.random((20, 6))
    weight = rng.integers(0, 4, 20)
    weighted = clone(FULL_BATCH).set_params(random_state=0).fit(X, sample_weight=weight)
    repeated = (
        clone(FULL_BATCH).set_params(random_state=0).fit(X.repeat(weight, axis=0))
    )
    assert weighted.reconstruction_error_ < 0.99 * weighted.pca_reconstruction_error_
    np.testing.assert_allclose(
        weighted.transform(X), repeated.transform(X), rtol=1e-7, atol=1e-9
    )
