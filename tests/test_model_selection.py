"""Pipelines, searches and cross-validation: where people will use it."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    ParameterGrid,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import neg_reconstruction_error, reconstruction_r2

from .tables import make_curve, mean_squared_error

FEW = {"max_iter": 4, "random_state": 0}


@pytest.fixture(scope="module")
def flowers():
    """Measurements of iris flowers, and their species as strings."""
    bunch = load_iris()
    return bunch.data, bunch.target_names[bunch.target]


# -- searches -------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [pytest.param(None, marks=pytest.mark.slow), 2])
def test_grid_search_over_reducers(n_jobs):
    """PCA and the autoencoder compete in one grid, as in any grid of scikit-learn's."""
    X = make_curve(240)
    grid = GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("reduce", PCA())]),
        {
            "reduce": [PCA(), AutoencoderTransformer(max_iter=40, random_state=0)],
            "reduce__n_components": [2, 4],
        },
        scoring=reconstruction_r2,
        cv=2,
        n_jobs=n_jobs,
    ).fit(X)
    scores = grid.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    pca_scores = cross_validate(
        make_pipeline(StandardScaler(), PCA(2)), X, scoring=reconstruction_r2, cv=2
    )["test_score"]
    assert scores[0] == pytest.approx(pca_scores.mean())
    assert scores[2] > scores[0]
    assert scores[3] > scores[1]
    best = grid.best_estimator_
    assert type(best[-1]) is AutoencoderTransformer
    assert grid.score(X) == pytest.approx(reconstruction_r2(best, X))


def test_parallel_search_finds_what_a_serial_one_finds():
    """Workers train the same models: scores agree, and candidates do not."""
    X = make_curve(60)
    grid = {"n_components": [1, 3], "init": ["pca", "random"]}
    scores = [
        GridSearchCV(AutoencoderTransformer(**FEW), grid, cv=2, n_jobs=n_jobs)
        .fit(X)
        .cv_results_["mean_test_score"]
        for n_jobs in (None, 2)
    ]
    np.testing.assert_allclose(*scores, rtol=1e-6)
    assert len(np.unique(scores[0].round(4))) == 4
    for score, candidate in zip(scores[0], ParameterGrid(grid), strict=True):
        alone = AutoencoderTransformer(**FEW, **candidate)
        assert score == pytest.approx(cross_val_score(alone, X, cv=2).mean())


def test_halving_search_over_epochs():
    """More and more epochs for fewer and fewer candidates."""
    search = HalvingGridSearchCV(
        AutoencoderTransformer(random_state=0),
        {"n_components": [1, 2, 3, 4]},
        resource="max_iter",
        min_resources=2,
        max_resources=8,
        factor=2,
        cv=2,
        random_state=0,
    ).fit(make_curve(80))
    assert search.n_resources_ == [2, 4, 8]
    assert search.best_params_ == {"n_components": 4, "max_iter": 8}


def test_randomised_search_over_a_network():
    """Any parameter can be searched, the sizes of layers as well."""
    search = RandomizedSearchCV(
        AutoencoderTransformer(**FEW),
        {
            "hidden_layer_sizes": [(), (8,), [8, 4]],
            "solver": ["adamw", "muon"],
            "alpha": [0.0, 0.1],
        },
        n_iter=4,
        cv=2,
        random_state=0,
        scoring=neg_reconstruction_error,
    ).fit(make_curve(60))
    assert (search.cv_results_["mean_test_score"] < 0).all()


def test_error_in_a_candidate_is_scored_as_asked():
    """A combination that cannot be is one failed candidate, not a failed search."""
    grid = GridSearchCV(
        AutoencoderTransformer(**FEW),
        {"code_activation": ["identity", "relu"]},
        cv=2,
        error_score=-1.0,
    )
    with pytest.warns(FitFailedWarning, match="init='pca' needs code_activation"):
        grid.fit(make_curve(60))
    assert grid.cv_results_["mean_test_score"][1] == -1
    assert grid.best_params_ == {"code_activation": "identity"}


# -- pipelines ------------------------------------------------------------------------


def test_reduction_before_a_classifier(flowers):
    """Codes classify flowers about as well as the measurements do."""
    X, y = flowers
    pipeline = make_pipeline(
        StandardScaler(),
        AutoencoderTransformer(2, max_iter=15, random_state=0),
        LogisticRegression(),
    )
    folds = KFold(3, shuffle=True, random_state=0)
    assert cross_val_score(pipeline, X, y, cv=folds).mean() > 0.85
    predicted = pipeline.fit(X, y).predict(X[:5])
    assert set(predicted) <= set(y)


def test_search_tunes_the_reducer_by_the_classifier(flowers):
    """n_components is chosen by accuracy where a classifier comes last."""
    X, y = flowers
    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("reduce", AutoencoderTransformer(**FEW)),
            ("classify", LogisticRegression()),
        ]
    )
    grid = GridSearchCV(pipeline, {"reduce__n_components": [1, 3]}, cv=2).fit(X, y)
    assert grid.best_score_ > 0.8
    assert list(grid.classes_) == sorted(set(y))


def test_pipeline_inverts():
    """The way back goes through scalers too."""
    X = make_curve()
    pipeline = make_pipeline(
        MinMaxScaler(), AutoencoderTransformer(3, max_iter=20, random_state=0)
    ).fit(X)
    X_hat = pipeline.inverse_transform(pipeline.transform(X))
    assert mean_squared_error(X, X_hat) < 0.2 * X.var(axis=0).mean()
    names = pipeline.get_feature_names_out()
    assert list(names) == [f"autoencodertransformer{i}" for i in range(3)]


def test_pipeline_of_frames():
    """With set_output every step hands on frames, names and index included."""
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(
        make_curve(30), columns=list("abcdef"), index=[f"row {i}" for i in range(30)]
    )
    pipeline = make_pipeline(StandardScaler(), AutoencoderTransformer(2, **FEW))
    pipeline.set_output(transform="pandas")
    Z = pipeline.fit_transform(X)
    assert list(Z.index) == list(X.index)
    assert list(Z.columns) == ["autoencodertransformer0", "autoencodertransformer1"]
    X_hat = pipeline[-1].inverse_transform(Z)
    assert list(X_hat.columns) == list(X.columns)
    assert list(X_hat.index) == list(X.index)


def test_union_of_reducers():
    """Codes of two reducers stand side by side."""
    X = make_curve(60)
    union = FeatureUnion(
        [("linear", PCA(2)), ("bent", AutoencoderTransformer(3, **FEW))]
    ).fit(X)
    assert union.transform(X).shape == (60, 5)
    np.testing.assert_array_equal(
        union.transform(X)[:, 2:],
        AutoencoderTransformer(3, **FEW).fit_transform(X),
    )


# -- cross-validation -----------------------------------------------------------------


def test_cross_validate_scores_what_is_held_out():
    """The scores of folds are R^2 of rows that the fold did not train on."""
    X = make_curve(90)
    autoencoder = AutoencoderTransformer(2, max_iter=6, random_state=0)
    result = cross_validate(
        autoencoder,
        X,
        cv=KFold(3),
        scoring={"r2": reconstruction_r2, "error": neg_reconstruction_error},
        return_estimator=True,
        return_train_score=True,
    )
    for i, (_, test) in enumerate(KFold(3).split(X)):
        fitted = result["estimator"][i]
        assert result["test_r2"][i] == pytest.approx(fitted.score(X[test]))
        assert -result["test_error"][i] == pytest.approx(
            mean_squared_error(X[test], fitted.reconstruct(X[test]))
        )


def test_default_score_is_the_r2_of_the_reconstruction():
    """Without scoring= it is comparable with PCA under reconstruction_r2."""
    X = make_curve(90)
    linear = AutoencoderTransformer(3, hidden_layer_sizes=(), random_state=0)
    np.testing.assert_allclose(
        cross_val_score(linear, X, cv=3),
        cross_val_score(PCA(3), X, cv=3, scoring=reconstruction_r2),
        rtol=1e-6,
    )


# -- weights through meta-estimators --------------------------------------------------


def test_weights_reach_the_reducer_in_a_pipeline():
    """By the step's name, and by metadata routing."""
    X = make_curve(60)
    weight = np.linspace(0.1, 5, 60)
    expected = AutoencoderTransformer(2, **FEW).fit(X, sample_weight=weight)
    unweighted = AutoencoderTransformer(2, **FEW).fit(X)
    named = Pipeline([("reduce", AutoencoderTransformer(2, **FEW))])
    named.fit(X, reduce__sample_weight=weight)
    with config_context(enable_metadata_routing=True):
        routed = make_pipeline(
            AutoencoderTransformer(2, **FEW).set_fit_request(sample_weight=True)
        ).fit(X, sample_weight=weight)
    for pipeline in (named, routed):
        np.testing.assert_array_equal(pipeline.transform(X), expected.transform(X))
    assert not np.allclose(expected.transform(X), unweighted.transform(X))


def test_weights_reach_fit_and_score_in_cross_validation():
    """Routing splits the weights as it splits the rows."""
    X = make_curve(60)
    weight = np.linspace(0.1, 5, 60)
    with config_context(enable_metadata_routing=True):
        autoencoder = (
            AutoencoderTransformer(2, **FEW)
            .set_fit_request(sample_weight=True)
            .set_score_request(sample_weight=True)
        )
        found = cross_val_score(
            autoencoder, X, cv=KFold(2), params={"sample_weight": weight}
        )
    expected = [
        AutoencoderTransformer(2, **FEW)
        .fit(X[train], sample_weight=weight[train])
        .score(X[test], sample_weight=weight[test])
        for train, test in KFold(2).split(X)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
