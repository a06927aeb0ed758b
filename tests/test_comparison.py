"""compare_reducers: what it scores, what it says, and what it refuses."""

import re
import subprocess
import sys
import time
from html import unescape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from scipy import stats
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.decomposition import NMF, PCA, FactorAnalysis, KernelPCA
from sklearn.linear_model import Ridge
from sklearn.manifold import TSNE, Isomap, trustworthiness
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler

from skae import AutoencoderTransformer
from skae.comparison import ComparisonInterrupt, ReducerComparison, compare_reducers
from skae.metrics import neg_reconstruction_error, reconstruction_r2

SCORES = ["r2", "reconstruction_error"]


class FailsOnSecondFit(TransformerMixin, BaseEstimator):
    """Fits unless the first row is not what it was at the first fit."""

    def __init__(self, n_components=2, first=None):
        self.n_components = n_components
        self.first = first

    def fit(self, X, y=None):
        """Fail on unexpected rows."""
        if X[0, 0] != self.first:
            raise FloatingPointError("diverged")
        return self

    def transform(self, X):
        """Return the first columns."""
        return X[:, : self.n_components]

    def inverse_transform(self, Z):
        """Return zeros for the other columns."""
        return np.pad(Z, ((0, 0), (0, 4 - self.n_components)))


class Slow(PCA):
    """PCA that takes its time."""

    def fit(self, X, y=None):
        """Wait."""
        time.sleep(0.05)
        return super().fit(X)


class Interrupted(PCA):
    """PCA during whose third fit somebody presses Ctrl-C."""

    n_fits = 0

    def fit(self, X, y=None):
        """Count."""
        Interrupted.n_fits += 1
        if Interrupted.n_fits == 3:
            raise KeyboardInterrupt
        return super().fit(X)


@pytest.fixture
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def wine_comparison():
    X, y = load_wine(return_X_y=True)
    return compare_reducers(
        X,
        y,
        reducers=["kernel_pca", "pca"],
        n_components=[4, 2],
        cv=3,
        random_state=0,
    )


def _made(reference="PCA", n_folds=3, noise=0.0, seed=0, **r2):
    """Return a comparison of given mean R^2 by size, on folds of equal difficulty."""
    rng = np.random.default_rng(seed)
    rows = [
        {"reducer": name, "n_components": size, "fold": fold, "r2": mean}
        for name, means in r2.items()
        for size, mean in zip((2, 4, 8), means, strict=False)
        for fold in range(n_folds)
    ]
    results = pd.DataFrame(rows).assign(
        n_train=100 * (n_folds - 1), n_test=100, reconstruction_error=0.0, fit_time=0.0
    )
    # A fold is as hard for one reducer as for another.
    hardness = rng.normal(scale=0.01, size=n_folds)
    results["r2"] += (hardness - hardness.mean())[results["fold"]]
    results["r2"] += rng.normal(scale=noise, size=len(results))
    return ReducerComparison(results, reference=reference)


# -- what is scored


def test_results_have_a_row_for_each_reducer_size_and_fold(wine_comparison):
    """The rows come in the order in which reducers and sizes were given."""
    results = wine_comparison.results
    assert results.columns.tolist() == [
        "reducer",
        "n_components",
        "fold",
        "n_train",
        "n_test",
        "fit_time",
        "trustworthiness",
        "neighbor_overlap",
        "accuracy",
        "r2",
        "reconstruction_error",
    ]
    assert results["reducer"].tolist() == ["KernelPCA"] * 6 + ["PCA"] * 6
    assert results["n_components"].tolist() == [4, 4, 4, 2, 2, 2] * 2
    assert results["fold"].tolist() == [0, 1, 2] * 4
    assert (results["n_train"] + results["n_test"] == 178).all()
    assert results["n_test"].isin([59, 60]).all()


def test_default_compares_the_autoencoder_with_pca(iris):
    """With no reducers given, the autoencoder never does clearly worse than PCA."""
    comparison = compare_reducers(iris[0], n_components=2, cv=2, random_state=0)
    r2 = comparison.summary()["r2"]
    assert r2.index.tolist() == [("PCA", 2), ("AutoencoderTransformer", 2)]
    assert r2["AutoencoderTransformer", 2] > r2["PCA", 2] - 0.05


def test_scaler_sees_the_training_rows_only(iris):
    """A fold's score is that of a Pipeline fitted on its training rows."""
    X = iris[0] * [1, 100, 0.01, 1]
    splits = list(ShuffleSplit(2, random_state=0).split(X))
    results = compare_reducers(X, reducers=["pca"], n_components=1, cv=splits).results
    in_units = X / X.std(axis=0)
    for row, (train, test) in zip(results.itertuples(), splits, strict=True):
        pipeline = make_pipeline(StandardScaler(), PCA(1)).fit(X[train])
        rescaled = make_pipeline(StandardScaler(), PCA(1)).fit(in_units[train])
        assert row.r2 == pytest.approx(reconstruction_r2(rescaled, in_units[test]))
        codes = rescaled.transform(in_units[test])
        np.testing.assert_allclose(codes, pipeline.transform(X[test]), atol=1e-8)
        assert row.reconstruction_error == pytest.approx(
            -neg_reconstruction_error(rescaled, in_units[test])
        )


def test_scaled_scores_do_not_depend_on_units(iris):
    """Centimetres or metres: the comparison is the same."""
    X = iris[0]
    kwargs = {"reducers": ["pca"], "n_components": 2, "cv": 2, "random_state": 0}
    plain = compare_reducers(X, **kwargs).results[SCORES]
    rescaled = compare_reducers(X * [1e6, 1, 1e-6, 7] + 5, **kwargs).results[SCORES]
    np.testing.assert_allclose(plain, rescaled, rtol=1e-6)


def test_column_constant_in_the_training_rows_does_not_decide_the_score():
    """A value that only the held-out rows have weighs by its deviation in the table."""
    X = load_wine().data
    rare = np.zeros(len(X))
    rare[1] = 10.0
    even, odd = np.arange(0, 178, 2), np.arange(1, 178, 2)
    splits = [(even, odd), (odd, even)]
    results = compare_reducers(
        np.c_[X, rare], reducers=["pca"], n_components=8, cv=splits
    ).results
    assert results["r2"].min() > 0.7


def test_unscaled_scores_are_in_the_units_of_x(iris):
    """With scale=False the reducer gets the rows as they are."""
    X = iris[0]
    splits = list(ShuffleSplit(2, random_state=0).split(X))
    results = compare_reducers(
        X, reducers=["pca"], n_components=1, cv=splits, scale=False
    ).results
    expected = [
        reconstruction_r2(PCA(1).fit(X[train]), X[test]) for train, test in splits
    ]
    np.testing.assert_allclose(results["r2"], expected)


def test_constant_columns_are_no_obstacle(iris):
    """A column that never varies has nothing to explain."""
    X = np.c_[iris[0], np.full(150, 1e6 + 0.1)]
    kwargs = {"reducers": ["pca"], "n_components": 2, "cv": 3, "random_state": 0}
    with_constant = compare_reducers(X, **kwargs).results["r2"]
    without = compare_reducers(iris[0], **kwargs).results["r2"]
    np.testing.assert_allclose(with_constant, without)


@pytest.mark.parametrize(
    "convert",
    [
        pd.DataFrame,
        pl.DataFrame,
        scipy.sparse.csr_array,
        lambda X: X.tolist(),
    ],
    ids=["pandas", "polars", "sparse", "list"],
)
def test_kinds_of_table_score_alike(convert, iris):
    """DataFrames, sparse matrices and lists are compared as arrays are."""
    kwargs = {"reducers": ["pca"], "n_components": 2, "cv": 2, "random_state": 0}
    expected = compare_reducers(*iris, **kwargs).results[[*SCORES, "accuracy"]]
    got = compare_reducers(convert(iris[0]), iris[1], **kwargs).results
    np.testing.assert_allclose(got[expected.columns], expected)


@pytest.mark.parametrize("hole", [None, np.nan], ids=["null", "NaN"])
def test_holes_of_polars_score_as_those_of_pandas(hole, iris):
    """In a table of numbers, whole ones among them."""
    frame = pd.DataFrame(iris[0], columns=list("abcd"))
    frame.loc[::7, "b"] = np.nan
    columns = {name: column.to_list() for name, column in frame.items()}
    columns["b"] = [hole if value != value else value for value in columns["b"]]
    columns["e"] = frame["e"] = [i % 13 for i in range(150)]
    kwargs = {"reducers": ["pca"], "n_components": 2, "cv": 2, "random_state": 0}
    expected = compare_reducers(frame, **kwargs).results[SCORES]
    table = pl.DataFrame(columns, strict=False)
    np.testing.assert_allclose(
        compare_reducers(table, **kwargs).results[SCORES], expected
    )


def test_random_state_determines_everything(iris):
    """Two runs with one random_state give the same scores, to the last digit."""
    X = iris[0]
    kwargs = {
        "reducers": {"ae": AutoencoderTransformer(max_iter=3)},
        "n_components": [1, 2],
        "cv": 2,
    }
    first = compare_reducers(X, random_state=3, **kwargs).results[SCORES]
    again = compare_reducers(X, random_state=3, **kwargs).results[SCORES]
    other = compare_reducers(X, random_state=4, **kwargs).results[SCORES]
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert not first.equals(other)


def test_random_state_instance_is_accepted(iris):
    """A RandomState gives what it gives again after the same seed."""
    kwargs = {"reducers": ["pca"], "n_components": 1, "cv": 2}
    runs = [
        compare_reducers(
            iris[0], random_state=np.random.RandomState(0), **kwargs
        ).results[SCORES]
        for _ in range(2)
    ]
    pd.testing.assert_frame_equal(*runs)


def test_parallel_fits_give_the_same_scores(iris):
    """The number of processes changes nothing but the time."""
    kwargs = {"reducers": ["pca"], "n_components": [1, 2], "cv": 3, "random_state": 0}
    serial = compare_reducers(*iris, n_jobs=1, **kwargs).results
    parallel = compare_reducers(*iris, n_jobs=2, **kwargs).results
    pd.testing.assert_frame_equal(
        serial.drop(columns="fit_time"), parallel.drop(columns="fit_time")
    )


def test_reducers_are_cloned(iris):
    """What the caller passes in stays unfitted and of its own size."""
    pca = PCA(3)
    compare_reducers(iris[0], reducers=[pca], n_components=2, cv=2)
    assert pca.n_components == 3
    assert not hasattr(pca, "components_")


def test_own_random_state_of_a_reducer_is_kept(iris):
    """A reducer whose random_state is set does not follow the comparison's."""
    kwargs = {"n_components": 1, "cv": 2, "scale": False, "random_state": 0}
    nmf = NMF(init="random", max_iter=20, tol=1e-1)
    runs = [
        compare_reducers(
            iris[0], reducers=[nmf.set_params(random_state=seed)], **kwargs
        ).results["r2"]
        for seed in (1, 2)
    ]
    assert not runs[0].equals(runs[1])


def test_pipeline_is_sized_through_its_one_step(iris):
    """A Pipeline of preprocessing and a reducer is compared as one."""
    reducers = {"power": make_pipeline(PowerTransformer(), PCA())}
    results = compare_reducers(
        iris[0], reducers=reducers, n_components=[1, 4], cv=2
    ).results
    assert results["r2"].iloc[-1] == pytest.approx(1.0)


def test_results_of_sized_reducers_differ_by_size(wine_comparison):
    """More components of PCA explain more of every fold."""
    r2 = wine_comparison.results.query("reducer == 'PCA'").pivot(
        index="fold", columns="n_components", values="r2"
    )
    assert (r2[4] > r2[2]).all()


def test_lines_say_what_runs_and_how_long_is_left(iris, capsys, monkeypatch):
    """Without a terminal there is a line now and then, on standard error."""
    monkeypatch.setattr("skae.comparison._progress._FIRST_LINE", 0.01)
    compare_reducers(
        iris[0],
        reducers={"slow": Slow(), "PCA": PCA()},
        n_components=[1, 2],
        cv=2,
        verbose=1,
    )
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[0] == "slow 1, fold 1; 0/8 fits"
    assert any(re.fullmatch(r"\w+ \d, fold 2; \d/8 fits, 0 s left", x) for x in lines)


def test_silent_by_default(iris, capsys):
    """Without verbose nothing is printed."""
    compare_reducers(iris[0], reducers=["pca"], n_components=1, cv=2)
    assert capsys.readouterr() == ("", "")


# -- any reducer


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "name",
    ["kernel_pca", "nmf", "factor_analysis", "fast_ica", "truncated_svd"],
)
def test_reducers_with_a_way_back_have_an_r2(name, iris):
    """Each restores a good part of four correlated columns."""
    results = compare_reducers(
        iris[0], reducers=[name], n_components=2, cv=2, random_state=0
    ).results
    assert results["r2"].between(0.5, 1).all()


def test_factor_analysis_restores_its_models_mean(iris):
    """Codes times loadings, plus the mean."""
    X = iris[0]
    train, test = np.arange(0, 150, 2), np.arange(1, 150, 2)
    found = compare_reducers(
        X,
        reducers=["factor_analysis"],
        n_components=2,
        cv=[(train, test), (test, train)],
        scale=False,
        random_state=0,
    )
    fitted = FactorAnalysis(2, random_state=0).fit(X[train])
    X_hat = fitted.transform(X[test]) @ fitted.components_ + fitted.mean_
    expected = r2_score(X[test], X_hat, multioutput="variance_weighted")
    assert found.results["r2"][0] == pytest.approx(expected, abs=1e-6)


def test_reducers_without_a_way_back_are_scored_by_the_rest(iris):
    """They have structure and usefulness, and the conclusion is on who restores."""
    comparison = compare_reducers(
        *iris,
        reducers={"PCA": PCA(), "near": Isomap(n_neighbors=40)},
        n_components=2,
        cv=2,
        random_state=0,
    )
    row = comparison.summary().loc[("near", 2)]
    assert np.isnan(row["r2"])
    assert row["accuracy"] > 0.8
    assert row["trustworthiness"] > 0.8
    assert comparison.differences().empty
    assert len(comparison.differences(score="accuracy")) == 1
    conclusion = comparison.conclusion()
    assert "nothing else" not in conclusion
    assert "near has no way back from codes to columns." in conclusion
    figures = comparison.summary()["accuracy"].unstack(0).loc[2]
    figures = f"{figures['near']:.3f} against {figures['PCA']:.3f}"
    assert "The accuracy of LogisticRegression from near's codes is " in conclusion
    assert figures in conclusion


def test_without_any_way_back_there_is_no_reconstruction(iris):
    """No column of missing values, and the neighbours decide."""
    reducers = {"far": Isomap(n_neighbors=60), "near": Isomap(n_neighbors=40)}
    comparison = compare_reducers(iris[0], reducers=reducers, n_components=2, cv=2)
    assert not {"r2", "r2_std"} & set(comparison.summary())
    assert comparison.column_r2 is None
    start = "The share of nearest rows that stay nearest from "
    assert comparison.conclusion().startswith(start)


def test_class_is_named_in_full(iris):
    """Any class that can be imported will do."""
    reducers = ["sklearn.decomposition.IncrementalPCA"]
    comparison = compare_reducers(iris[0], reducers=reducers, n_components=4, cv=2)
    assert comparison.results["reducer"].tolist() == ["IncrementalPCA"] * 2
    assert comparison.results["r2"].min() > 0.999


def test_perfect_codes_keep_the_structure(iris):
    """All components of PCA are a rotation: neighbours stay, rows that tie aside."""
    results = compare_reducers(
        iris[0], reducers=["pca"], n_components=4, cv=2, scale=False
    ).results
    assert results["trustworthiness"].min() > 0.999
    assert results["neighbor_overlap"].min() > 0.98


def test_structure_is_that_of_held_out_rows(iris):
    """Trustworthiness is scikit-learn's, of the rows that were not fitted to."""
    X = iris[0]
    splits = list(ShuffleSplit(2, random_state=0).split(X))
    results = compare_reducers(
        X, reducers=["pca"], n_components=1, cv=splits, scale=False
    ).results
    expected = [
        trustworthiness(X[test], PCA(1).fit(X[train]).transform(X[test]), n_neighbors=7)
        for train, test in splits
    ]
    np.testing.assert_allclose(results["trustworthiness"], expected)


def test_columns_are_scored_one_by_one(iris):
    """R^2 of each column by its name, missing where it does not vary."""
    X = pd.DataFrame(iris[0], columns=list("abcd")).assign(e=1.0)
    train, test = np.arange(0, 150, 2), np.arange(1, 150, 2)
    comparison = compare_reducers(
        X, reducers=["pca"], n_components=2, cv=[(train, test), (test, train)]
    )
    fitted = make_pipeline(StandardScaler(), PCA(2)).fit(iris[0][train])
    X_hat = fitted.inverse_transform(fitted.transform(iris[0][test]))
    expected = r2_score(iris[0][test], X_hat, multioutput="raw_values")
    row = comparison.column_r2.loc[("PCA", 2, 0)]
    np.testing.assert_allclose(row["a":"d"], expected, atol=1e-6)
    assert np.isnan(row["e"])


# -- interrupts


def test_interrupt_keeps_what_is_finished(iris):
    """The exception has the scores, and is a KeyboardInterrupt."""
    Interrupted.n_fits = 0
    with pytest.raises(ComparisonInterrupt) as caught:
        compare_reducers(
            iris[0],
            reducers={"PCA": PCA(), "stopped": Interrupted()},
            n_components=2,
            cv=5,
        )
    assert isinstance(caught.value, KeyboardInterrupt)
    comparison = caught.value.comparison
    assert comparison.results["reducer"].tolist() == ["PCA"] * 3 + ["stopped"] * 2
    assert "5 of 10 fits" in str(caught.value)
    assert "and 5 fits are not in it" in comparison.conclusion()
    assert comparison.differences()["p_value"].notna().all()


def test_interrupt_before_the_first_fit_is_a_plain_one(iris):
    """There is nothing to keep."""
    Interrupted.n_fits = 2
    with pytest.raises(KeyboardInterrupt) as caught:
        compare_reducers(iris[0], reducers=[Interrupted()], n_components=2, cv=2)
    assert not isinstance(caught.value, ComparisonInterrupt)


def test_conclusion_has_the_figures_of_the_folds_that_it_tests():
    """A fold that one reducer has and the other does not counts for neither."""
    comparison = _with_accuracy(_made(PCA=[0.5], AE=[0.6]), PCA=[0.8], AE=[0.8])
    results = comparison.results
    results.loc[results.eval("reducer == 'PCA' and fold == 2"), "accuracy"] = 0.95
    comparison.results = results.query("reducer == 'PCA' or fold < 2")
    assert "(0.800 against 0.800)" in comparison.conclusion()


def test_conclusion_without_a_whole_fold_compares_nothing():
    """Each of two reducers finished another fold."""
    comparison = _made(PCA=[0.5], AE=[0.6], n_folds=2)
    comparison.results = comparison.results.query("(reducer == 'PCA') == (fold == 0)")
    comparison.n_unfinished = 1
    assert comparison.conclusion() == (
        "No fold has a score of all reducers, so they cannot be compared. "
        "This was interrupted, and 1 fit is not in it."
    )


def test_one_whole_fold_has_no_p_value():
    """What had finished by an interrupt may be too little to tell."""
    comparison = _made(PCA=[0.5], A=[0.6])
    comparison.results = comparison.results.query("fold == 0 or reducer == 'PCA'")
    table = comparison.differences()
    assert table["difference"].item() == pytest.approx(0.1)
    assert np.isnan(table["p_value"].item())
    assert "cannot be told apart" in comparison.conclusion()


# -- targets


@pytest.mark.parametrize(
    "convert",
    [
        lambda y: y,
        lambda y: y.astype(float),
        lambda y: np.array(["setosa", "versicolor", "été"])[y],
        lambda y: pd.Series(y).map(str),
        lambda y: pd.Categorical(y),
        lambda y: pl.Series(y.astype(str)),
        lambda y: np.array(["a", 1, 2], dtype=object)[y],
        lambda y: y[:, None],
        lambda y: y == 0,
    ],
    ids=[
        "integers",
        "whole floats",
        "strings",
        "Series",
        "Categorical",
        "polars",
        "mixed",
        "column",
        "booleans",
    ],
)
def test_class_labels_give_an_accuracy(convert, iris):
    """Labels of any kind are classified from the codes."""
    X, y = iris
    results = compare_reducers(
        X, convert(y), reducers=["pca"], n_components=4, cv=2, random_state=0
    ).results
    assert (results["accuracy"] > 0.9).all()


@pytest.mark.parametrize("convert", [np.asarray, np.sqrt], ids=["counts", "floats"])
def test_quantities_give_an_r2(convert):
    """A target with many values is no class label, whole numbers included."""
    X, y = load_diabetes(return_X_y=True)
    comparison = compare_reducers(
        X, convert(y), reducers=["pca"], n_components=[2, 10], cv=2, random_state=0
    )
    assert "accuracy" not in comparison.results
    r2 = comparison.summary()["target_r2"]["PCA"]
    assert 0.2 < r2[2] < r2[10]
    # All components are all columns, for ridge in other coordinates.
    assert r2[10] == pytest.approx(comparison.all_columns["target_r2"].mean(), abs=0.05)
    assert "The R^2 of Ridge from PCA's codes is" in comparison.conclusion()


def test_target_scores_are_those_of_the_estimator_on_the_same_folds(iris):
    """A fold's score is that of a Pipeline fitted on its training rows."""
    X, y = iris
    splits = list(StratifiedKFold(3, shuffle=True, random_state=1).split(X, y))
    comparison = compare_reducers(
        X, y, reducers=["pca"], n_components=2, cv=splits, estimator=GaussianNB()
    )
    for row, whole, (train, test) in zip(
        comparison.results.itertuples(),
        comparison.all_columns.itertuples(),
        splits,
        strict=True,
    ):
        model = make_pipeline(StandardScaler(), PCA(2), StandardScaler(), GaussianNB())
        assert row.accuracy == model.fit(X[train], y[train]).score(X[test], y[test])
        naive = GaussianNB().fit(X[train], y[train])
        assert whole.accuracy == naive.score(X[test], y[test])


def test_estimator_decides_what_the_target_is(iris):
    """Labels for a classifier, a quantity for a regressor, whatever they look like."""
    X, y = iris
    kwargs = {"reducers": ["pca"], "n_components": 2, "cv": 2, "random_state": 0}
    few = compare_reducers(X[::5], y[::5] + 0.5, estimator="neighbors", **kwargs)
    assert "target_r2" in few.results
    labels = y[::5] * 7
    as_class = compare_reducers(X[::5], labels, estimator=GaussianNB(), **kwargs)
    assert "accuracy" in as_class.results
    as_number = compare_reducers(X, y, estimator=Ridge(), **kwargs)
    assert "target_r2" in as_number.results


@pytest.mark.parametrize(
    ("y", "estimator", "error", "message"),
    [
        (None, "linear", ValueError, "there is no y"),
        ("labels", "svm", ValueError, "estimator is 'svm': known are linear, neigh"),
        ("labels", PCA(), TypeError, "a classifier or a regressor is needed"),
        ("words", Ridge(), ValueError, "y is no quantity"),
        ("constant", None, ValueError, "y is 0.5 in every row"),
        ("infinite", Ridge(), ValueError, "y has infinite values"),
    ],
)
def test_unusable_estimator_is_an_error(y, estimator, error, message, iris):
    """The error says what does not go together."""
    targets = {
        None: None,
        "labels": iris[1],
        "words": ["a", "b", "c"] * 50,
        "constant": np.full(150, 0.5),
        "infinite": np.r_[np.inf, np.arange(149.0)],
    }
    with pytest.raises(error, match=message):
        compare_reducers(
            iris[0],
            targets[y],
            reducers=["pca"],
            n_components=2,
            estimator=estimator,
        )


def test_folds_are_stratified_by_the_labels():
    """A class of few rows is in every fold."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = np.repeat(["rare", "common"], [4, 36])
    X[:4] += 20
    results = compare_reducers(
        X, y, reducers=["pca"], n_components=1, cv=4, random_state=0
    ).results
    assert (results["accuracy"] == 1).all()


def test_class_of_one_row_is_no_obstacle(iris):
    """A label that occurs once lowers the accuracy and stops nothing."""
    X, y = iris
    y = np.where(np.arange(150) == 7, "typo", y.astype(str))
    results = compare_reducers(
        X, y, reducers=["pca"], n_components=4, cv=2, random_state=0
    ).results
    assert (results["accuracy"] > 0.8).all()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a"] * 150, "y has a single class, a"),
        ([f"row {i}" for i in range(150)], "150 classes in 150 rows"),
        ([0, 1], "inconsistent numbers of samples"),
        (np.zeros((150, 2)), "1d array"),
        ([np.nan, *range(149)], "y is missing in 1 of 150 rows"),
        ([None, *"ab" * 74, "a"], "y is missing in 1 of 150 rows"),
    ],
)
def test_unusable_target_is_an_error(y, message, iris):
    """The error says what is wrong with y."""
    with pytest.raises(ValueError, match=message):
        compare_reducers(iris[0], y, reducers=["pca"], n_components=2)


# -- what is refused


def test_sizes_above_the_columns_are_named_with_the_limit(iris):
    """The error lists the sizes that do not fit, and the largest that does."""
    with pytest.raises(ValueError, match=r"n_components=8, 16 .* allows 4 at most"):
        compare_reducers(iris[0], reducers=["pca"])


def test_sizes_above_the_training_rows_are_named_with_the_limit():
    """A wide table is limited by the rows of the smallest training part."""
    X = np.random.default_rng(0).normal(size=(11, 30))
    with pytest.raises(ValueError, match=r"n_components=8 .* allows 7 at most"):
        compare_reducers(X, reducers=["pca"], n_components=[2, 8], cv=3)


@pytest.mark.parametrize("n_components", [0, -1, 2.0, 0.5, True, "2", [], [2, None]])
def test_sizes_that_are_no_counts_are_refused(n_components, iris):
    """Only whole numbers from 1 are sizes."""
    with pytest.raises(ValueError, match="n_components is"):
        compare_reducers(iris[0], reducers=["pca"], n_components=n_components)


@pytest.mark.parametrize("n_components", [2, np.int64(2), [2, 2], np.array([2]), (2,)])
def test_sizes_may_be_one_number_or_a_sequence(n_components, iris):
    """A size given twice is compared once."""
    comparison = compare_reducers(
        iris[0], reducers=["pca"], n_components=n_components, cv=2
    )
    assert comparison.results["n_components"].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("reducers", "message"),
    [
        (["ica"], "unknown reducer 'ica': known are pca, kernel_pca, nmf"),
        (["sklearn.decomposition.ICA"], "no attribute 'ICA'"),
        ([PCA(), PCA(whiten=True)], "give a dict of names"),
        ({"scaler": StandardScaler()}, "'scaler' has 0 parameters n_components"),
        (
            {"two": make_pipeline(PCA(), KernelPCA(fit_inverse_transform=True))},
            "'two' has 2 parameters n_components",
        ),
        ([], "reducers is empty"),
        ({}, "reducers is empty"),
    ],
)
def test_unusable_reducers_are_refused(reducers, message, iris):
    """The error says what is wrong with the reducers."""
    with pytest.raises(ValueError, match=message):
        compare_reducers(iris[0], reducers=reducers, n_components=2)


@pytest.mark.parametrize("reducers", ["pca", PCA()])
def test_a_single_reducer_has_to_be_in_a_list(reducers, iris):
    """A name is not taken for a sequence of letters."""
    with pytest.raises(TypeError, match="reducers is .*: a dict or a list"):
        compare_reducers(iris[0], reducers=reducers)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_failing_reducer_is_named_with_size_and_fold(n_jobs, iris):
    """The error of the reducer is kept as the cause."""
    X = iris[0]
    splits = list(StratifiedKFold(3).split(*iris))
    reducer = FailsOnSecondFit(first=X[splits[0][0][0], 0])
    with pytest.raises(
        RuntimeError, match=r"flaky failed at n_components=3 in fold 1: diverged"
    ) as caught:
        compare_reducers(
            X,
            reducers={"flaky": reducer},
            n_components=[3],
            cv=splits[:1] + [(np.arange(50, 150), np.arange(50))],
            scale=False,
            n_jobs=n_jobs,
        )
    assert caught.value.__cause__ is not None


def test_kernel_pca_without_its_inverse_is_told_the_parameter(iris):
    """It has a way back that was not asked for."""
    with pytest.raises(RuntimeError, match="fit_inverse_transform parameter"):
        compare_reducers(iris[0], reducers=[KernelPCA()], n_components=2)


def test_reducer_without_transform_is_refused(iris):
    """It has no codes for held-out rows."""
    with pytest.raises(TypeError, match="'TSNE' has no transform, and rows that"):
        compare_reducers(iris[0], reducers=[TSNE()], n_components=2)


def test_reducer_that_is_not_installed_names_what_to_install(iris, monkeypatch):
    """The name of the package is not that of the module."""
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="pip install umap-learn"):
        compare_reducers(iris[0], reducers=["umap"], n_components=2)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.full((20, 3), 2.0), "no column that varies"),
        (np.array([[1.0, np.nan], [2.0, 3.0]] * 10), "contains NaN"),
        (np.arange(20.0), "2D array"),
        (np.empty((0, 3)), "0 sample"),
        ([["a", "b"], ["c", "d"]], "could not convert string"),
    ],
    ids=["constant", "NaN", "1d", "no rows", "strings"],
)
def test_unusable_table_is_an_error(X, message):
    """The error says what is wrong with X."""
    with pytest.raises(ValueError, match=message):
        compare_reducers(X, reducers=["pca"], n_components=1)


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (1, "n_splits=2 or more"),
        (7, "8 rows in 7 folds leave 1 to score.* 14 rows are the least"),
        (9, "greater than the number of samples"),
        ([(np.arange(4), np.arange(4, 8))], "8 rows in 1 folds"),
    ],
)
def test_too_few_rows_for_the_folds_are_an_error(cv, message):
    """A fold has to have two rows for there to be a variance."""
    X = np.random.default_rng(0).normal(size=(8, 3))
    with pytest.raises(ValueError, match=message):
        compare_reducers(X, reducers=["pca"], n_components=1, cv=cv)


# -- what is reported


def test_summary_aggregates_the_folds(wine_comparison):
    """Means and standard deviations are those of the folds, the time the median."""
    summary = wine_comparison.summary()
    assert summary.index.names == ["reducer", "n_components"]
    assert summary.index[0] == ("KernelPCA", 4)
    folds = wine_comparison.results.query("reducer == 'PCA' and n_components == 2")
    row = summary.loc[("PCA", 2)]
    assert row["r2"] == pytest.approx(folds["r2"].mean())
    assert row["r2_std"] == pytest.approx(folds["r2"].std())
    assert row["accuracy"] == pytest.approx(folds["accuracy"].mean())
    assert row["fit_time"] == pytest.approx(folds["fit_time"].median())


def test_summary_without_labels_has_no_accuracy():
    """There is no column of missing values."""
    assert list(_made(PCA=[0.5]).summary()) == ["r2", "r2_std", "fit_time"]


# -- what is a difference


@pytest.fixture
def noisy():
    """Three reducers at three sizes in four folds, some apart and some not."""
    return _made(
        n_folds=4,
        noise=0.01,
        PCA=[0.5, 0.6, 0.7],
        A=[0.6, 0.6, 0.7],
        B=[0.55, 0.61, 0.68],
    )


def _raw_p_values(table, freedom):
    """Return the p-values before the correction, read from the intervals."""
    error = (table["upper"] - table["difference"]) / stats.t.ppf(0.975, freedom)
    return 2 * stats.t.sf(table["difference"].abs() / error, freedom)


def test_differences_have_a_row_for_each_pair_and_size(noisy):
    """The pair of which the conclusion speaks comes first."""
    table = noisy.differences()
    assert table.columns.tolist() == [
        "reducer",
        "reference",
        "n_components",
        "difference",
        "lower",
        "upper",
        "p_value",
    ]
    assert table["reducer"].tolist() == ["A"] * 3 + ["B"] * 3
    assert (table["reference"] == "PCA").all()
    assert table["n_components"].tolist() == [2, 4, 8] * 2
    r2 = noisy.summary()["r2"]
    np.testing.assert_allclose(table["difference"][:3], r2["A"] - r2["PCA"])


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_without_shared_rows_the_test_is_the_paired_t_test(noisy, level):
    """A test part that is next to nothing beside the training rows needs no mending."""
    noisy.results["n_train"] = 10**9
    table = noisy.differences(level)
    folds = noisy.results.set_index(["reducer", "n_components"])["r2"].sort_index()
    for row in table.itertuples():
        expected = stats.ttest_rel(
            folds[row.reducer, row.n_components], folds["PCA", row.n_components]
        )
        interval = expected.confidence_interval(1 - level)
        np.testing.assert_allclose([row.lower, row.upper], interval, atol=1e-8)


def test_shared_training_rows_widen_the_intervals(noisy):
    """Nadeau and Bengio's variance has n_test / n_train beside one over the folds."""
    rows = noisy.results.query("n_components == 4").pivot(
        index="fold", columns="reducer", values="r2"
    )
    gains = rows["B"] - rows["PCA"]
    half = stats.t.ppf(0.975, 3) * np.sqrt((1 / 4 + 100 / 300) * gains.var())
    row = noisy.differences().query("reducer == 'B' and n_components == 4")
    assert row["lower"].item() == pytest.approx(gains.mean() - half)
    assert row["upper"].item() == pytest.approx(gains.mean() + half)


def test_many_folds_have_four_degrees_of_freedom():
    """Folds that share nearly all training rows are no independent trials."""
    row = _made(n_folds=20, noise=0.01, PCA=[0.5], A=[0.51]).differences().iloc[0]
    error = (row["upper"] - row["difference"]) / stats.t.ppf(0.975, 4)
    expected = 2 * stats.t.sf(abs(row["difference"]) / error, 4)
    assert row["p_value"] == pytest.approx(expected)


def test_folds_of_unequal_size_count_on_average(noisy):
    """Splits of the caller's own may have any number of rows."""
    equal = noisy.differences()
    noisy.results["n_train"] = [[150, 450, 300, 300][i] for i in noisy.results["fold"]]
    noisy.results["n_test"] = [[100, 50, 25, 137][i] for i in noisy.results["fold"]]
    shares = np.mean([100 / 150, 50 / 450, 25 / 300, 137 / 300])
    ratio = np.sqrt((1 / 4 + shares) / (1 / 4 + 1 / 3))
    widths = [table["upper"] - table["lower"] for table in (noisy.differences(), equal)]
    np.testing.assert_allclose(widths[0], ratio * widths[1])


@pytest.mark.parametrize(("reference", "n_tests"), [("PCA", 6), (None, 9)])
def test_p_values_are_holms_over_all_pairs_and_sizes(noisy, reference, n_tests):
    """The best pair is not tested as if it had been the only one."""
    noisy.reference = reference
    table = noisy.differences()
    raw = np.asarray(_raw_p_values(table, freedom=3))
    order = np.argsort(raw)
    expected = [
        max(min(1, (n_tests - j) * raw[order[j]]) for j in range(rank + 1))
        for rank in range(n_tests)
    ]
    np.testing.assert_allclose(table["p_value"].iloc[order], expected)
    assert len(table) == n_tests


def test_equal_reducers_are_rarely_told_apart():
    """Chance makes a difference in one comparison of twenty, and no more."""
    tables = [
        _made(noise=0.01, seed=seed, PCA=[0.5] * 3, A=[0.5] * 3).differences()
        for seed in range(100)
    ]
    n_claims = sum(table["p_value"].min() < 0.05 for table in tables)
    assert n_claims <= stats.binom.ppf(0.999, 100, 0.05)


def test_clearly_better_reducer_is_told_apart():
    """A tenth of R^2 is found where chance makes a tenth of that, in five folds."""
    comparisons = [
        _made(n_folds=5, noise=0.01, seed=seed, PCA=[0.5] * 3, A=[0.6] * 3)
        for seed in range(10)
    ]
    n_found = sum("A leaves" in comparison.conclusion() for comparison in comparisons)
    assert n_found >= 9


def test_no_spread_over_folds_is_no_proof_of_a_tiny_difference():
    """A difference of 1e-5 in every fold is none, one of 0.1 is one."""
    tiny = _made(PCA=[0.5], A=[0.50001]).differences()
    large = _made(PCA=[0.5], A=[0.6]).differences()
    assert tiny["p_value"].item() > 0.5
    assert large["p_value"].item() < 0.001


def test_reducer_that_equals_the_reference_is_level():
    """No difference at all, without any spread, is no division by zero."""
    table = _made(PCA=[0.5], A=[0.5]).differences()
    assert table["difference"].item() == 0
    assert table["p_value"].item() == 1


def test_single_reducer_has_no_differences():
    """There is nothing to test."""
    assert _made(PCA=[0.5]).differences().empty


@pytest.mark.parametrize("level", [0, 1, -0.1, 5])
def test_level_is_a_share(level):
    """Five is no level of five per cent."""
    with pytest.raises(ValueError, match="level is .*: a number between 0 and 1"):
        _made(PCA=[0.5], A=[0.6]).differences(level)


@pytest.mark.parametrize(
    "splits",
    [
        ShuffleSplit(4, test_size=0.2, random_state=0),
        KFold(19),
        [(np.arange(10), np.arange(10, 38)), (np.arange(10, 38), np.arange(10))],
    ],
    ids=["shuffled", "two rows a fold", "two folds"],
)
def test_any_folds_give_a_conclusion(splits, iris):
    """Few or many, equal or not."""
    comparison = compare_reducers(
        iris[0][::4],
        reducers={"PCA": PCA(), "power": make_pipeline(PowerTransformer(), PCA())},
        n_components=2,
        cv=splits,
    )
    assert comparison.differences()["p_value"].between(0, 1).all()
    assert "On held-out rows power" in comparison.conclusion()


# -- what is said


def test_conclusion_states_the_variance_left_unexplained():
    """0.75 against 0.5 is half of the unexplained variance."""
    assert _made(PCA=[0.5], AE=[0.75], n_folds=4).conclusion() == (
        "On held-out rows AE leaves 50 % less variance unexplained than PCA at 2 "
        "components, a difference that chance alone would show in fewer than 5 % of "
        "such comparisons."
    )


def test_conclusion_states_a_range_over_sizes():
    """Several sizes on the same side share one statement."""
    conclusion = _made(PCA=[0.5, 0.6, 0.8], AE=[0.75, 0.7, 0.9]).conclusion()
    assert "leaves 25 % to 50 % less" in conclusion
    assert "at 2, 4 and 8 components" in conclusion


def test_conclusion_admits_a_loss():
    """A reducer that is worse than PCA is said to be worse."""
    conclusion = _made(PCA=[0.8], AE=[0.7]).conclusion()
    assert "AE leaves 50 % more variance unexplained" in conclusion
    assert "than PCA at 2 components, a difference that chance alone" in conclusion


def test_conclusion_separates_gains_ties_and_losses():
    """Each size is counted on the side on which it fell."""
    conclusion = _made(PCA=[0.5, 0.6, 0.9], AE=[0.75, 0.6, 0.8]).conclusion()
    assert "less variance unexplained than PCA at 2 components" in conclusion
    assert "it cannot be told apart from PCA at 4 components" in conclusion
    assert "more variance unexplained than PCA at 8 components" in conclusion


def test_conclusion_compares_differences_within_folds():
    """Folds that are hard for both reducers do not hide a steady gain."""
    comparison = _made(PCA=[0.5], AE=[0.505])
    assert "less variance unexplained" in comparison.conclusion()


def test_conclusion_calls_a_gain_in_one_fold_chance():
    """A gain in one fold alone is not called a gain."""
    comparison = _made(PCA=[0.5], AE=[0.5])
    comparison.results.loc[
        lambda r: (r["reducer"] == "AE") & (r["fold"] == 0), "r2"
    ] += 0.1
    assert comparison.conclusion() == (
        "On held-out rows AE cannot be told apart from PCA at 2 components, where any "
        "difference may be chance."
    )


def test_conclusion_on_perfect_reconstructions_is_level():
    """Rounding errors of two perfect reducers are no difference."""
    comparison = _made(PCA=[1.0], AE=[1.0])
    comparison.results["r2"] = [1.0, 1.0, 1.0, 1 - 1e-9, 1 - 2e-9, 1 - 1e-9]
    assert "cannot be told apart" in comparison.conclusion()


def test_conclusion_on_an_exact_reference_has_a_finite_percentage():
    """Nothing is divided by no variance at all."""
    comparison = _made(PCA=[1.0], AE=[0.5])
    comparison.results["r2"] = [1.0] * 3 + [0.5] * 3
    assert "over 1000 % more" in comparison.conclusion()


def test_conclusion_takes_the_best_of_several_against_pca():
    """Which of the others is best is decided by the mean over the sizes."""
    conclusion = _made(PCA=[0.5], KernelPCA=[0.6], AE=[0.75]).conclusion()
    assert "AE leaves 50 % less variance unexplained than PCA" in conclusion


def test_conclusion_without_pca_compares_the_best_two():
    """The second best is the reference where there is no PCA."""
    conclusion = _made(reference=None, NMF=[0.4], A=[0.5], B=[0.75]).conclusion()
    assert "B leaves 50 % less variance unexplained than A" in conclusion


def test_conclusion_on_a_single_reducer_says_so():
    """With nothing beside it, a reducer is neither better nor worse."""
    conclusion = _made(PCA=[0.5, 0.6]).conclusion()
    assert "PCA explains 50 % to 60 % of the variance" in conclusion
    assert "nothing else was compared" in conclusion


def test_conclusion_names_reducers_without_a_way_back():
    """Beside the pair that restores, the best of the others meets the reference."""
    comparison = _made(n_folds=5, PCA=[0.5], AE=[0.75], map=[np.nan], chart=[np.nan])
    comparison = _with_accuracy(comparison, PCA=[0.8], AE=[0.9], map=[0.5], chart=[0.6])
    conclusion = comparison.conclusion()
    assert "AE leaves 50 % less variance unexplained than PCA" in conclusion
    assert "map and chart have no way back from codes to columns." in conclusion
    assert "from chart's codes is lower than from PCA's" in conclusion
    assert "map's" not in conclusion


def _with_accuracy(comparison, **means):
    """Add accuracies by reducer and size, alike in every fold."""
    results = comparison.results
    sizes = results["n_components"].map({2: 0, 4: 1, 8: 2})
    results["accuracy"] = [
        means[name][size] for name, size in zip(results["reducer"], sizes, strict=True)
    ]
    return comparison


def test_conclusion_does_not_cheer_while_the_accuracy_falls():
    """A loss after a gain begins with But, and has its figures."""
    comparison = _made(n_folds=5, PCA=[0.5, 0.6], AE=[0.75, 0.8])
    conclusion = _with_accuracy(comparison, PCA=[0.9, 0.91], AE=[0.5, 0.9]).conclusion()
    gain, loss = conclusion.split(". But ")
    assert "AE leaves 50 % less variance" in gain
    assert loss == (
        "the accuracy of a prediction from AE's codes is lower than from PCA's at 2 "
        "components (0.500 against 0.900), a difference that chance alone would show "
        "in fewer than 5 % of such comparisons; it is lower than from PCA's at 4 "
        "components (0.900 against 0.910), which may be chance."
    )


def test_conclusion_has_no_but_where_nothing_is_lost():
    """A gain in accuracy joins a gain in variance."""
    comparison = _made(n_folds=5, PCA=[0.5, 0.6], AE=[0.75, 0.8])
    conclusion = _with_accuracy(comparison, PCA=[0.5, 0.9], AE=[0.9, 0.9]).conclusion()
    assert "But" not in conclusion
    assert "The accuracy of a prediction from AE's codes is that from" in conclusion
    assert "is higher than from PCA's at 2 components (0.900 against" in conclusion


def test_equal_accuracies_are_rarely_told_apart():
    """Few folds of few rows agree by chance, and that is no proof."""
    rng = np.random.default_rng(0)
    n_claims = 0
    for seed in range(100):
        comparison = _made(seed=seed, PCA=[0.5] * 3, A=[0.5] * 3)
        correct = rng.binomial(100, 0.9, len(comparison.results))
        comparison.results["accuracy"] = correct / 100
        p_values = comparison.differences(score="accuracy")["p_value"]
        n_claims += p_values.min() < 0.05
    assert n_claims <= stats.binom.ppf(0.999, 100, 0.05)


def test_one_row_more_in_every_fold_is_no_proof():
    """Three rows of three hundred are a toss of three coins."""
    comparison = _with_accuracy(_made(PCA=[0.5], A=[0.5]), PCA=[0.9], A=[0.91])
    assert comparison.differences(score="accuracy")["p_value"].item() > 0.05


def test_unknown_score_is_an_error():
    """The error names it."""
    with pytest.raises(ValueError, match="score is 'auc'"):
        _made(PCA=[0.5]).differences(score="auc")


def test_pca_is_the_reference_under_any_name(iris):
    """It is recognised by what it is."""
    comparison = compare_reducers(
        iris[0],
        reducers={"kernel": KernelPCA(fit_inverse_transform=True), "linear": PCA()},
        n_components=2,
        cv=2,
        random_state=0,
    )
    assert comparison.reference == "linear"
    assert "linear at 2 components" in comparison.conclusion()


def test_repr_shows_summary_and_conclusion(wine_comparison):
    """What a prompt or a notebook shows is the finding itself."""
    conclusion = wine_comparison.conclusion()
    html = wine_comparison._repr_html_()
    for text in (repr(wine_comparison), unescape(html)):
        assert "r2_std" in text
        assert conclusion in text


def test_html_escapes_names():
    """A reducer's name is text, not markup."""
    html = _made(**{"<b>PCA": [0.5]}, reference=None)._repr_html_()
    assert "<b>" not in html


def test_plot_has_a_line_for_each_reducer(wine_comparison):
    """Sizes rise from left to right, whatever the order given."""
    ax = wine_comparison.plot()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["KernelPCA", "PCA"]
    line = ax.containers[1].lines[0]
    assert line.get_xdata().tolist() == [2, 4]
    assert line.get_ydata()[0] == pytest.approx(
        wine_comparison.summary()["r2"]["PCA", 2]
    )
    plt.close(ax.figure)


def test_plot_draws_into_given_axes(wine_comparison):
    """No figure of its own is made where there is one."""
    figure, ax = plt.subplots()
    before = plt.get_fignums()
    assert wine_comparison.plot(ax) is ax
    assert plt.get_fignums() == before
    plt.close(figure)


def test_plot_without_matplotlib_names_the_extra(wine_comparison, monkeypatch):
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skae\[plot\]"'):
        wine_comparison.plot()


def test_comparing_without_autoencoders_loads_no_torch():
    """PCA alone is compared without the cost of importing torch."""
    code = (
        "import sys\n"
        "from skae.comparison import compare_reducers\n"
        "compare_reducers([[1, 2], [2, 1], [3, 5], [0, 2]], reducers=['pca'],\n"
        "                 n_components=1, cv=2)\n"
        "print(*{'torch', 'skorch', 'matplotlib'} & set(sys.modules))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []
