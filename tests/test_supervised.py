"""Supervised fine-tuning: AutoencoderClassifier and AutoencoderRegressor."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from skae import (
    AutoencoderClassifier,
    AutoencoderRegressor,
    AutoencoderTransformer,
)

SMALL = AutoencoderTransformer(8, hidden_layer_sizes=(8,), max_iter=2)
CONFIGURATIONS = [
    AutoencoderClassifier(SMALL, max_iter=3, consistency_weight=0),
    AutoencoderClassifier(
        SMALL, max_iter=3, consistency_weight=1, early_stopping=False
    ),
    AutoencoderRegressor(SMALL, max_iter=3, consistency_weight=0),
    AutoencoderRegressor(SMALL, max_iter=3, consistency_weight=1, early_stopping=False),
]
# Every step of the autoencoder sees every row and nothing else is random.
FULL_BATCH = AutoencoderTransformer(
    hidden_layer_sizes=(16,),
    solver="sgd",
    learning_rate_init=0.1,
    batch_size=1000,
    max_iter=5,
    early_stopping=False,
    precision="float64",
)
EXACT = [
    AutoencoderClassifier(FULL_BATCH, fine_tune=False, alpha=0.1),
    AutoencoderRegressor(FULL_BATCH, fine_tune=False, alpha=0.1),
]
REASON = "a mini-batch or a held-out row is one row, whatever its weight"
WEIGHT_CHECKS = {
    "check_sample_weight_equivalence_on_dense_data": REASON,
    "check_sample_weight_equivalence_on_sparse_data": REASON,
}


def expected_failures(estimator):
    """Weights as repeated rows, where rows are held out or drawn for a step."""
    return WEIGHT_CHECKS if estimator.fine_tune else {}


@parametrize_with_checks(
    [*CONFIGURATIONS, *EXACT], expected_failed_checks=expected_failures
)
def test_scikit_learn_checks(estimator, check):
    """Every check of check_estimator passes."""
    check(estimator)
