"""explained_deviance: what it is of numbers, categories, missing and unknown cells."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA, KernelPCA
from sklearn.metrics import d2_log_loss_score, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import explained_deviance, reconstruction_r2
from skae.tables import TableEncoder
from skae.tables._deviance import DOUBT


class Mean(TransformerMixin, BaseEstimator):
    """A reducer that keeps nothing."""

    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return np.zeros((len(X), 1))

    def inverse_transform(self, Z):
        return np.tile(self.mean_, (len(Z), 1))


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    size = rng.normal(size=300)
    return pd.DataFrame(
        {
            "size": size,
            "weight": 100 * size + rng.normal(size=300),
            "class": np.where(size + 0.3 * rng.normal(size=300) > 0, "large", "small"),
            "colour": rng.choice(["red", "green", "blue"], 300),
        }
    )


@pytest.fixture(scope="module")
def pipeline(table):
    return make_pipeline(TableEncoder(), PCA(2)).fit(table)


def of_columns(estimator, table, **options):
    return explained_deviance(estimator, table, multioutput="raw_values", **options)


def test_what_is_kept_whole_scores_one(table):
    """Of the encoder alone; a category lacks what doubt costs."""
    found = of_columns(TableEncoder().fit(table), table)
    assert list(found.index) == list(table.columns)
    np.testing.assert_allclose(found[["size", "weight"]], 1)
    np.testing.assert_allclose(found[["class", "colour"]], 1, atol=2 * DOUBT)


def test_means_and_shares_score_zero(table):
    """As for R^2, of numbers and of categories."""
    pipeline = make_pipeline(TableEncoder(), Mean()).fit(table)
    np.testing.assert_allclose(of_columns(pipeline, table), 0, atol=DOUBT)


def test_of_numbers_it_is_their_r2(table, pipeline):
    """In the units of the column, not rounded."""
    decoded = pipeline[1].inverse_transform(pipeline.transform(table))
    sizes = pipeline[0].decode(decoded)["size"]
    found = of_columns(pipeline, table)
    assert found["size"] == pytest.approx(r2_score(table["size"], sizes))
    numbers = table[["size", "weight"]]
    alone = make_pipeline(TableEncoder(), PCA(1)).fit(numbers)
    scaled = make_pipeline(StandardScaler(), PCA(1)).fit(numbers)
    codes = scaled[0].transform(numbers)
    assert explained_deviance(alone, numbers) == pytest.approx(
        reconstruction_r2(scaled[1:], codes)
    )


def test_of_categories_it_is_scikit_learns_d2_of_the_log_loss(table, pipeline):
    """With the shares that the round trip gives, a little doubt in them."""
    decoded = pipeline[1].inverse_transform(pipeline.transform(table))
    shares = pipeline[0].decode(decoded)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(table))
    found = of_columns(pipeline, table, sample_weight=weight)
    for name in ("class", "colour"):
        n_values = shares[name].shape[1]
        expected = d2_log_loss_score(
            table[name],
            (1 - DOUBT) * shares[name] + DOUBT / n_values,
            sample_weight=weight,
            labels=sorted(set(table[name])),
        )
        assert found[name] == pytest.approx(expected)
    assert found["class"] > 0.4


def test_it_is_the_mean_over_columns(table, pipeline):
    """Every column counts alike, whatever its units and its number of values."""
    mean = of_columns(pipeline, table).mean()
    assert explained_deviance(pipeline, table) == pytest.approx(mean)


def test_weights_are_repetitions(table, pipeline):
    weight = np.random.default_rng(0).integers(0, 3, len(table))
    repeated = table.loc[table.index.repeat(weight)]
    assert explained_deviance(pipeline, table, sample_weight=weight) == pytest.approx(
        explained_deviance(pipeline, repeated)
    )


@pytest.mark.parametrize("missing_values", ["indicator", "nan"])
def test_missing_cells_do_not_count(table, missing_values):
    """Each column is scored by the rows that have it."""
    holed = table.copy()
    holed.loc[::3, "size"] = np.nan
    holed.loc[1::3, "class"] = None
    encoder = TableEncoder(missing_values=missing_values).fit(holed)
    found = of_columns(encoder, holed)
    np.testing.assert_allclose(found, 1, atol=3 * DOUBT)
    if missing_values == "indicator":
        pipeline = make_pipeline(encoder, PCA(2)).fit(holed)
        rest = holed.iloc[0::3]
        assert rest["size"].isna().all()
        found, whole = of_columns(pipeline, rest), of_columns(pipeline, holed)
        assert np.isnan(found["size"])
        assert explained_deviance(pipeline, rest) == found.drop("size").mean()
        assert whole["size"] > 0.5


def test_unknown_categories_do_not_count(table, pipeline):
    """Nor does a column that is all alike in X."""
    new = table.iloc[:20].assign(colour=["mauve"] * 5 + ["red", "blue", "green"] * 5)
    with pytest.warns(UserWarning, match="mauve"):
        found = of_columns(pipeline, new)
    known = of_columns(pipeline, new.iloc[5:])
    assert found["colour"] == pytest.approx(known["colour"])
    alike = of_columns(pipeline, new.iloc[5:].assign(colour="red", size=1.0))
    assert alike.isna().tolist() == [True, False, False, True]


def test_it_scores_a_grid_search(table):
    """More components keep more of the table."""
    search = GridSearchCV(
        make_pipeline(TableEncoder(), PCA()),
        {"pca__n_components": [1, 2, 4]},
        scoring=explained_deviance,
    ).fit(table)
    assert search.best_params_ == {"pca__n_components": 4}


def test_what_cannot_be_asked_is_refused(table, pipeline):
    with pytest.raises(ValueError, match="multioutput='median'"):
        explained_deviance(pipeline, table, multioutput="median")
    with pytest.raises(ValueError, match="sample_weight"):
        explained_deviance(pipeline, table, sample_weight=np.ones(3))
    with pytest.raises(ValueError, match="[Nn]egative"):
        explained_deviance(pipeline, table, sample_weight=-np.ones(len(table)))


@pytest.mark.parametrize(
    ("estimator", "match"),
    [
        (PCA(1), "PCA is no fitted TableEncoder"),
        (make_pipeline(StandardScaler(), PCA(1)), "StandardScaler is no fitted"),
        (make_pipeline(TableEncoder(), KernelPCA(1)), "fit_inverse_transform"),
    ],
)
def test_what_has_no_way_back_to_a_table_is_refused(table, estimator, match):
    numbers = table[["size", "weight"]]
    with pytest.raises(TypeError, match=match):
        explained_deviance(estimator.fit(numbers), numbers)


def test_categories_that_are_filled_do_not_count(table):
    """Missing where none was in fit, an encoder inside fills them."""
    fitted = AutoencoderTransformer(2, max_iter=1, random_state=0).fit(table)
    holes = table.copy()
    holes.loc[:9, "class"] = None
    found = of_columns(fitted, holes)
    expected = of_columns(fitted, table.iloc[10:])
    assert found["class"] == pytest.approx(expected["class"], abs=0.05)
