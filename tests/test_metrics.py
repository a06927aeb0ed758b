"""The reconstruction scorers, on estimators of every origin."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, load_wine
from sklearn.decomposition import NMF, PCA, KernelPCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from skae.metrics import neg_reconstruction_error, reconstruction_r2

SCORERS = [reconstruction_r2, neg_reconstruction_error]


class RoundTrip(TransformerMixin, BaseEstimator):
    """Whose inverse_transform applies a given function to X."""

    def __init__(self, inverse=None):
        self.inverse = inverse

    def fit(self, X, y=None, sample_weight=None):
        """Learn nothing."""
        self.n_features_in_ = np.shape(X)[1]
        return self

    def transform(self, X):
        """Return X as it is."""
        return X

    def inverse_transform(self, X):
        """Return what the function makes of X."""
        return self.inverse(X) if self.inverse else X


@pytest.fixture
def X():
    return load_iris(return_X_y=True)[0]


def test_r2_equals_the_variance_that_pca_explains(X):
    """On the training rows the score is PCA's own explained_variance_ratio_."""
    pca = PCA(2).fit(X)
    assert reconstruction_r2(pca, X) == pytest.approx(
        pca.explained_variance_ratio_.sum()
    )


def test_error_is_the_mean_over_the_cells(X):
    """The error is the squared difference averaged over all cells."""
    pca = PCA(1).fit(X)
    X_hat = pca.inverse_transform(pca.transform(X))
    expected = -np.mean((X - X_hat) ** 2)
    assert neg_reconstruction_error(pca, X) == pytest.approx(expected)


def test_column_means_score_zero(X):
    """A round trip that returns the column means explains nothing."""
    means = RoundTrip(lambda X: np.tile(X.mean(axis=0), (len(X), 1))).fit(X)
    assert reconstruction_r2(means, X) == pytest.approx(0.0)


@pytest.mark.parametrize("scorer", SCORERS)
def test_score_is_a_python_float(scorer, X):
    """The score can be printed and written to JSON as it is."""
    assert type(scorer(PCA(1).fit(X), X)) is float


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize(
    "estimator",
    [
        PCA(2),
        NMF(2, init="nndsvda", max_iter=500),
        KernelPCA(2, kernel="rbf", fit_inverse_transform=True),
        make_pipeline(StandardScaler(), PCA(2)),
        make_pipeline(MinMaxScaler(), PCA(3), StandardScaler(), PCA(2)),
        GridSearchCV(PCA(), {"n_components": [1, 2]}, scoring=reconstruction_r2, cv=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_anything_with_an_inverse_is_scored(estimator, scorer, X):
    """One estimator's score is comparable with any other's."""
    estimator.fit(X)
    X_hat = estimator.inverse_transform(estimator.transform(X))
    residual = ((X - X_hat) ** 2).sum()
    expected = {
        reconstruction_r2: 1 - residual / ((X - X.mean(axis=0)) ** 2).sum(),
        neg_reconstruction_error: -residual / X.size,
    }
    assert scorer(estimator, X) == pytest.approx(expected[scorer])


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize(
    "convert",
    [
        np.ndarray.tolist,
        lambda X: X.astype(np.float32),
        scipy.sparse.csr_matrix,
        scipy.sparse.csc_array,
    ],
    ids=["list", "float32", "csr_matrix", "csc_array"],
)
def test_kinds_of_array_score_alike(convert, scorer, X):
    """The container of X does not change the score."""
    svd = TruncatedSVD(2, algorithm="arpack", random_state=0).fit(X)
    assert scorer(svd, convert(X)) == pytest.approx(scorer(svd, X), rel=1e-5)


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_dataframes_score_as_arrays(frame, scorer, X):
    """Rows in a DataFrame, pandas or polars, score as they do in an array."""
    table = pd.DataFrame(X, columns=["größe", "b", "c", "d"])
    table = table if frame is pd.DataFrame else pl.from_pandas(table)
    score = scorer(make_pipeline(StandardScaler(), PCA(2)).fit(table), table)
    assert score == pytest.approx(
        scorer(make_pipeline(StandardScaler(), PCA(2)).fit(X), X)
    )


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_codes_may_be_dataframes(output, X):
    """An estimator whose transform returns a DataFrame is scored."""
    scaler = StandardScaler().set_output(transform=output).fit(X)
    assert reconstruction_r2(scaler, X) == pytest.approx(1.0)


def test_integer_and_boolean_columns_are_scored():
    """A DataFrame of mixed numeric columns is compared in float64."""
    table = pd.DataFrame({"n": [1, 2, 3], "b": [True, False, True], "x": [0.5, 0, 1]})
    assert reconstruction_r2(RoundTrip().fit(table), table) == 1.0


@pytest.mark.parametrize(
    "inverse",
    [pd.DataFrame, pl.DataFrame, scipy.sparse.csr_array],
    ids=lambda inverse: inverse.__name__,
)
def test_reconstructions_may_be_dataframes_or_sparse(inverse, X):
    """What inverse_transform returns may be any kind of table."""
    assert reconstruction_r2(RoundTrip(inverse).fit(X), X) == 1.0


def test_sparse_reconstructions_of_sparse_tables_are_scored():
    """A large share of zeros needs no dense detour by the caller."""
    X = scipy.sparse.csr_array(np.eye(30, 6))
    assert reconstruction_r2(RoundTrip().fit(X), X) == 1.0


def test_float32_tables_are_compared_in_float64():
    """A large offset does not drown the differences."""
    X = np.array([[1e6], [1e6 + 1], [1e6 + 2]], dtype=np.float32)
    shifted = RoundTrip(lambda X: X.astype(np.float64) + 0.01).fit(X)
    assert neg_reconstruction_error(shifted, X) == pytest.approx(-1e-4)


@pytest.mark.parametrize("scorer", SCORERS)
def test_integer_weights_count_rows_repeatedly(scorer, X):
    """A row of weight 2 counts as two rows."""
    pca = PCA(1).fit(X)
    weights = np.arange(len(X)) % 3
    repeated = np.repeat(X, weights, axis=0)
    assert scorer(pca, X, sample_weight=weights) == pytest.approx(scorer(pca, repeated))


def test_missing_inverse_is_a_type_error_that_names_the_estimator(X):
    """KMeans encodes but cannot decode."""
    kmeans = KMeans(2, n_init=1).fit(X)
    with pytest.raises(TypeError, match="KMeans has no inverse_transform"):
        reconstruction_r2(kmeans, X)


def test_missing_transform_is_a_type_error_that_names_the_estimator(X):
    """A clusterer without codes has no reconstruction."""
    with pytest.raises(TypeError, match="BaseEstimator has no transform"):
        reconstruction_r2(BaseEstimator(), X)


def test_pipeline_with_a_one_way_step_is_a_type_error(X):
    """Every step of a Pipeline has to lead back."""
    pipeline = make_pipeline(KMeans(2, n_init=1), StandardScaler()).fit(X)
    with pytest.raises(TypeError, match="every step needs both"):
        reconstruction_r2(pipeline, X)


@pytest.mark.parametrize("scale", [False, True])
def test_kernel_pca_without_its_inverse_is_told_the_parameter(scale, X):
    """The error names the parameter to set, in a Pipeline as well."""
    kernel_pca = KernelPCA(2)
    estimator = make_pipeline(StandardScaler(), kernel_pca) if scale else kernel_pca
    with pytest.raises(TypeError, match="fit_inverse_transform=True"):
        reconstruction_r2(estimator.fit(X), X)


def test_unfitted_estimator_is_reported_as_unfitted(X):
    """An estimator that was never fitted gives scikit-learn's usual error."""
    with pytest.raises(NotFittedError):
        reconstruction_r2(StandardScaler(), X)


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize(
    ("inverse", "shape"),
    [(lambda X: X[:, :2], r"\(150, 2\)"), (lambda X: X[1:], r"\(149, 4\)")],
)
def test_wrong_shape_is_an_error_that_names_the_estimator(inverse, shape, scorer, X):
    """A reconstruction of another shape is never broadcast."""
    with pytest.raises(ValueError, match=f"RoundTrip reconstructs shape {shape}"):
        scorer(RoundTrip(inverse).fit(X), X)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("scorer", SCORERS)
def test_non_finite_reconstruction_is_an_error_that_names_the_estimator(
    scorer, value, X
):
    """NaN from inverse_transform does not pass for a score."""
    broken = RoundTrip(lambda X: np.where(X > 7, value, X)).fit(X)
    with pytest.raises(ValueError, match="RoundTrip reconstructs 12 NaN or infinite"):
        scorer(broken, X)


def test_missing_values_in_x_are_an_error(X):
    """A cell that is missing has no reconstruction error."""
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match="X has 1 NaN or infinite"):
        reconstruction_r2(RoundTrip().fit(X), X)


def test_categories_are_an_error():
    """Only numbers have a squared error."""
    X = pd.DataFrame({"colour": ["red", "blue", "red"]})
    with pytest.raises(ValueError, match="could not convert string"):
        reconstruction_r2(OneHotEncoder().fit(X), X)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_maximises_the_score(n_jobs, X):
    """More components reconstruct more, whichever process fits them."""
    search = GridSearchCV(
        make_pipeline(StandardScaler(), PCA()),
        {"pca__n_components": [1, 2, 3]},
        scoring=reconstruction_r2,
        n_jobs=n_jobs,
    ).fit(X)
    assert search.best_params_ == {"pca__n_components": 3}
    assert search.score(X) == reconstruction_r2(search, X)


def test_successive_halving_accepts_the_scorer(X):
    """HalvingGridSearchCV ranks by reconstruction."""
    search = HalvingGridSearchCV(
        PCA(), {"n_components": [1, 2, 3]}, scoring=reconstruction_r2, cv=3
    ).fit(X, np.zeros(len(X)))
    assert search.best_params_ == {"n_components": 3}


def test_several_metrics_in_one_search(X):
    """Both scorers and scikit-learn's own go into one search."""
    search = GridSearchCV(
        PCA(),
        {"n_components": [1, 2]},
        scoring={
            "r2": reconstruction_r2,
            "error": neg_reconstruction_error,
        },
        refit="error",
    ).fit(X)
    assert search.best_params_ == {"n_components": 2}
    assert set(search.cv_results_) >= {"mean_test_r2", "mean_test_error"}


def test_cross_validate_scores_held_out_rows(X):
    """cross_validate calls the scorer on both parts of each split."""
    results = cross_validate(
        PCA(1), X, scoring=reconstruction_r2, cv=3, return_train_score=True
    )
    assert np.all(results["test_score"] < results["train_score"])


@pytest.mark.parametrize("scoring", [reconstruction_r2, {"r2": reconstruction_r2}])
def test_scorers_work_with_metadata_routing(scoring, X):
    """Metadata routing leaves a scorer that asks for nothing as it is."""
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = RoundTrip().set_fit_request(sample_weight=True)
        results = cross_validate(
            estimator, X, scoring=scoring, params={"sample_weight": np.ones(len(X))}
        )
        search = GridSearchCV(PCA(), {"n_components": [1]}, scoring=reconstruction_r2)
        search.fit(X)
    assert [*results.values()][-1] == pytest.approx(1.0)
    assert search.best_score_ < 1.0


@pytest.mark.parametrize("scorer", SCORERS)
def test_get_scorer_returns_the_function(scorer):
    """scikit-learn takes the function for a scorer, not for a metric."""
    assert get_scorer(scorer) is scorer


def test_targets_do_not_change_the_score():
    """Reconstruction has no target."""
    X, y = load_wine(return_X_y=True)
    with_target = cross_val_score(
        PCA(2),
        X,
        y,
        scoring=reconstruction_r2,
        cv=[(np.arange(0, 178, 2), np.arange(1, 178, 2))],
    )
    without = cross_val_score(
        PCA(2),
        X,
        scoring=reconstruction_r2,
        cv=[(np.arange(0, 178, 2), np.arange(1, 178, 2))],
    )
    assert with_target == without
