"""The outlier detector: its threshold is honest, and it says what is strange."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import skae
from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    MarginalizedDenoisingAutoencoder,
    VariationalAutoencoder,
)
from skae.estimators._outliers import default_n_components
from skae.exceptions import FileError

from .hostile import Parts
from .tables import make_curve

FAST = {"init": "pca", "hidden_layer_sizes": (8,), "max_iter": 2}


def detect(X, autoencoder=None, contamination=0.1, fit_parameters=None, **parameters):
    autoencoder = PCA(2) if autoencoder is None else autoencoder
    detector = AutoencoderOutlierDetector(
        autoencoder, contamination, **{"random_state": 0} | parameters
    )
    return detector.fit(X, **(fit_parameters or {}))


class ByHeart(BaseEstimator):
    """Restores the rows that it was fitted to, and zeros for any other."""

    def fit(self, X, y=None):
        self.rows_ = {row.tobytes() for row in X}
        return self

    def transform(self, X):
        known = np.array([row.tobytes() in self.rows_ for row in X])
        return X * known[:, None]

    def inverse_transform(self, X):
        return X


# -- the threshold --------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_samples", [50, 301])
@pytest.mark.parametrize("contamination", [0.05, 0.3])
def test_the_share_that_is_asked_for_is_flagged(contamination, n_samples, seed):
    """Of n training rows, the integer part of (n + 1) times the share."""
    X = make_curve(n_samples, seed)
    y = detect(X, contamination=contamination, random_state=seed).predict(X)
    assert (y == -1).sum() == int((n_samples + 1) * contamination)


@pytest.mark.parametrize(
    ("autoencoder", "standardize"),
    [
        (PCA(2), True),
        (MarginalizedDenoisingAutoencoder(1), True),
        (ByHeart(), False),  # its scores are of the scales alone
    ],
)
def test_false_alarms_come_as_often_as_asked(autoencoder, standardize):
    """Over 20 tables, 4 to 6 % of the new rows are flagged where 5 % are asked for."""
    rates = []
    for seed in range(20):
        X = make_curve(1200, seed)
        detector = detect(
            X[:600], autoencoder, 0.05, standardize=standardize, random_state=seed
        )
        rates.append(np.mean(detector.predict(X[600:]) == -1))
    assert 0.04 < np.mean(rates) < 0.06


def test_a_training_row_is_scored_by_the_autoencoder_without_it():
    """What is learnt by heart is not what is scored."""
    X = make_curve(60)
    detector = detect(X, ByHeart(), standardize=False)
    assert_allclose(detector.score_samples(X), -np.square(X).sum(axis=1))
    for k, autoencoder in enumerate(detector.autoencoders_):
        own = np.array([row.tobytes() in autoencoder.rows_ for row in X])
        assert_array_equal(own, detector._fold_of(X) != k)


def test_a_new_row_is_scored_by_all_autoencoders():
    """Its score is the mean of theirs."""
    X = make_curve(80)
    new = X[:5] + 0.1
    detector = detect(X, standardize=False)
    scores = [
        np.square(new - pca.inverse_transform(pca.transform(new))).sum(axis=1)
        for pca in detector.autoencoders_
    ]
    assert_allclose(detector.score_samples(new), -np.mean(scores, axis=0))


def test_rows_that_come_twice_are_held_out_together():
    """A copy among the training rows does not give a row away."""
    X = np.repeat(make_curve(40), 3, axis=0)
    detector = detect(X, ByHeart(), standardize=False)
    assert_allclose(detector.score_samples(X), -np.square(X).sum(axis=1))


def test_a_row_has_one_score_alone_and_in_company():
    """Blocks, order and dtype of equal numbers do not matter."""
    X = make_curve(60).astype(np.float32)
    detector = detect(X)
    scores = detector.score_samples(X)
    assert_allclose(detector.score_samples(X[::-1]), scores[::-1])
    assert_allclose(detector.score_samples(X[7:8]), scores[7:8])
    assert_allclose(detector.score_samples(X.astype(float)), scores, rtol=1e-4)


def test_automatic_threshold_of_normal_rows():
    """Two standard deviations above the mean of the cube roots: about 2.3 %."""
    X = np.random.default_rng(0).standard_normal((4000, 8))
    detector = detect(X[:2000], contamination="auto")
    assert 0.015 < np.mean(detector.predict(X[2000:]) == -1) < 0.035


def test_automatic_threshold_hardly_moves_with_outliers():
    """A fifth of the training rows far away changes it less than it changes a share."""
    rng = np.random.default_rng(0)
    X = make_curve(400)
    strange = X[:100] + rng.standard_normal((100, 6)) * 20
    both = np.concatenate([X[100:], strange])
    detector = detect(both, contamination="auto")
    y = detector.predict(both)
    assert (y[-100:] == -1).mean() > 0.9
    assert (y[:300] == -1).mean() < 0.1


# -- explanations ---------------------------------------------------------------------


def test_contributions_sum_to_the_score():
    """Every cell of every row is there, the most unusual first."""
    X = make_curve(60)
    detector = detect(X)
    for rows in (X, X + 0.1):
        cells = detector.explain(rows)
        assert list(cells.columns) == [
            "row", "column", "value", "reconstruction", "contribution",
        ]  # fmt: skip
        assert len(cells) == rows.size
        assert cells["contribution"].is_monotonic_decreasing
        sums = cells.groupby("row")["contribution"].sum()
        assert_allclose(sums, -detector.score_samples(rows))
        assert_allclose(cells["value"], rows[cells["row"], cells["column"]])


def test_a_strange_cell_comes_first():
    """Labels of rows and columns are those of the DataFrame, values in its units."""
    X = pd.DataFrame(make_curve(100), columns=list("abcdef"))
    X.index = [f"row {i}" for i in range(100)]
    detector = detect(X)
    X.loc["row 9", "c"] += 50
    first = detector.explain(X).iloc[0]
    assert (first["row"], first["column"]) == ("row 9", "c")
    assert first["value"] == X.loc["row 9", "c"]


def test_a_polars_frame_has_names_and_positions():
    X = pl.DataFrame(make_curve(50), schema=list("abcdef"))
    detector = detect(X)
    assert list(detector.feature_names_in_) == list("abcdef")
    cells = detector.explain(X[:3])
    assert set(cells["row"]) == {0, 1, 2}
    assert set(cells["column"]) == set("abcdef")


# -- columns --------------------------------------------------------------------------


def test_standardised_columns_have_no_units():
    """Other units change no score."""
    X = make_curve(80)
    units = np.array([1, 1000, 0.01, 3, 1e6, 1])
    scores = detect(X).score_samples(X)
    assert_allclose(detect(X * units).score_samples(X * units), scores, rtol=1e-6)


def test_reconstructions_are_in_the_units_of_the_rows():
    X = make_curve(200) * [1, 1000, 0.01, 3, 1e6, 1]
    cells = detect(X, PCA(5)).explain(X)
    table = cells.pivot(index="row", columns="column", values="reconstruction")
    assert_allclose(table.to_numpy(), X, atol=0.2 * X.std(axis=0).max())
    assert ((table - X).std(axis=0) < 0.5 * X.std(axis=0)).all()


def test_without_standardising_rows_reach_the_autoencoder_as_they_are():
    """So pixels in [0, 1] may have a binary cross-entropy."""
    X = MinMaxScaler(clip=True).fit_transform(make_curve(60))
    autoencoder = AutoencoderTransformer(2, loss="binary_cross_entropy", **FAST)
    detector = detect(X, autoencoder, standardize=False, n_folds=2)
    assert_array_equal(detector.scales_, np.ones((2, 6)))
    with pytest.raises(ValueError, match="needs X within"):
        detect(X, autoencoder, n_folds=2)


# -- autoencoders ---------------------------------------------------------------------


def test_default_autoencoder_finds_what_leaves_a_surface():
    """Rows whose cells come from different rows are strange, each cell alone is not."""
    X = make_curve(300)
    strange = np.random.default_rng(0).permuted(X, axis=0)
    detector = AutoencoderOutlierDetector(n_folds=2, random_state=0).fit(X[:100])
    scores = detector.score_samples(np.concatenate([X[100:], strange]))
    assert detector.autoencoders_[0].n_components_ == 2
    assert roc_auc_score(np.arange(500) < 200, scores) > 0.9


@pytest.mark.parametrize(
    ("n_features", "expected"), [(2, 1), (4, 2), (30, 5), (784, 16)]
)
def test_default_code_is_smaller_than_the_row(n_features, expected):
    assert default_n_components(n_features) == expected


@pytest.mark.parametrize(
    "autoencoder",
    [
        VariationalAutoencoder(2, **FAST),
        make_pipeline(MinMaxScaler(), AutoencoderTransformer(2, **FAST)),
    ],
)
def test_any_autoencoder_will_do(autoencoder):
    """The same seed gives the same scores, in a copy too, in threads too."""
    X = make_curve(60)
    detector = detect(X, autoencoder, n_folds=2)
    scores = detector.score_samples(X)
    again = detect(X, autoencoder, n_folds=2, n_jobs=1)
    assert_array_equal(again.score_samples(X), scores)
    loaded = pickle.loads(pickle.dumps(detector))
    assert_array_equal(loaded.score_samples(X), scores)
    seeds = [model.get_params() for model in detector.autoencoders_]
    seeds = {
        value for found in seeds for name, value in found.items() if "_state" in name
    }
    assert len(seeds) == 2
    assert None not in seeds


def test_rows_of_weight_zero_are_left_out():
    X = make_curve(80)
    weight = np.repeat([2.0, 0.0], 40)
    autoencoder = AutoencoderTransformer(2, **FAST)
    weighted = {"sample_weight": weight}
    detector = detect(X, autoencoder, n_folds=2, fit_parameters=weighted)
    expected = detect(X[:40], autoencoder, n_folds=2)
    assert detector.offset_ == pytest.approx(expected.offset_, rel=1e-3)
    assert_allclose(detector.scales_, expected.scales_)


# -- errors ---------------------------------------------------------------------------


def test_one_column_is_refused():
    """A code restores it, whatever it is."""
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        detect(make_curve(50)[:, :1])


def test_equal_rows_are_refused():
    with pytest.raises(ValueError, match="1 different row"):
        detect(np.ones((20, 3)))


def test_an_autoencoder_has_to_restore():
    with pytest.raises(ValueError, match="'autoencoder' parameter"):
        detect(make_curve(50), IsolationForest())


def test_a_failed_fit_leaves_the_detector_as_it_was():
    X = make_curve(50)
    detector = detect(X)
    offset = detector.offset_
    with pytest.raises(ValueError, match="n_components"):
        detector.set_params(autoencoder=PCA(7)).fit(X)
    assert detector.offset_ == offset


def test_pca_in_place_of_an_autoencoder_is_no_cause_for_a_warning():
    noise = np.random.default_rng(0).standard_normal((130, 5))
    autoencoder = AutoencoderTransformer(2, init="pca", max_iter=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detector = AutoencoderOutlierDetector(autoencoder, random_state=0).fit(noise)
    assert any(model.is_pca_ for model in detector.autoencoders_)


# -- missing cells --------------------------------------------------------------------

MASKED = AutoencoderTransformer(
    2, hidden_layer_sizes=(), init="pca", missing_values="mask"
)


def with_holes(X, share, seed):
    missing = np.random.default_rng([seed, 1]).random(X.shape) < share
    return X.mask(missing) if hasattr(X, "iloc") else np.where(missing, np.nan, X)


def make_plane(n_samples, seed):
    """Two columns of noise, restored badly, and eight that follow two variables."""
    rng = np.random.default_rng(seed)
    plane = rng.standard_normal((n_samples, 2)) @ np.random.default_rng(1).normal(
        size=(2, 8)
    )
    plane += 0.2 * rng.standard_normal(plane.shape)
    return np.column_stack([plane, rng.standard_normal((n_samples, 2))])


@pytest.mark.parametrize(
    ("make_table", "share_known"),
    [
        (make_plane, 0.0),
        (make_curve, 0.2),
        pytest.param(make_plane, 0.2, marks=pytest.mark.slow),
        pytest.param(make_curve, 0.0, marks=pytest.mark.slow),
    ],
)
def test_holes_in_new_rows_are_no_alarm(make_table, share_known):
    """Over 6 tables about 5 % are flagged, whatever is missing, there and in fit."""
    rates = {share: [] for share in (0.0, 0.2, 0.6)}
    for seed in range(6):
        X = make_table(1200, seed)
        known = with_holes(X[:600], share_known, seed)
        detector = detect(known, MASKED, 0.05, n_folds=2, random_state=seed)
        for share, found in rates.items():
            y = detector.predict(with_holes(X[600:], share, seed))
            found.append(np.mean(y == -1))
    for share, found in rates.items():
        assert 0.035 < np.mean(found) < 0.065, share


def make_people(n_samples, seed):
    """A mixed table, in which numbers and a category follow one variable."""
    rng = np.random.default_rng(seed)
    t = rng.standard_normal(n_samples)
    table = pd.DataFrame({f"x{i}": t + 0.3 * rng.normal(size=t.size) for i in range(5)})
    table["noise"] = rng.standard_normal(n_samples)
    return table.assign(kind=np.where(t + 0.2 * rng.normal(size=t.size) > 0, "a", "b"))


@pytest.mark.parametrize(
    "share_known", [0.2, pytest.param(0.0, marks=pytest.mark.slow)]
)
def test_holes_in_mixed_rows_are_no_alarm(share_known):
    rates = []
    autoencoder = AutoencoderTransformer(1, **FAST)
    for seed in range(3):
        table = make_people(1000, seed)
        known = with_holes(table[:500], share_known, seed)
        detector = detect(known, autoencoder, 0.05, n_folds=2, random_state=seed)
        y = detector.predict(with_holes(table[500:], 0.2, seed))
        rates.append(np.mean(y == -1))
    assert 0.03 < np.mean(rates) < 0.07


def test_a_row_with_many_holes_is_judged_as_one_with_few():
    """Rows that lack half of their cells or more are flagged as often as the others."""
    known, new = make_plane(1000, 0), make_plane(4000, 1)
    detector = detect(known, MASKED, 0.1, n_folds=2)
    new = with_holes(new, np.linspace(0, 0.9, 4000)[:, None], 2)
    flagged = detector.predict(new) == -1
    has_many = np.isnan(new).mean(axis=1) >= 0.5
    assert flagged[has_many].mean() == pytest.approx(0.1, abs=0.025)
    assert flagged[~has_many].mean() == pytest.approx(0.1, abs=0.025)
    nothing = detector.score_samples(np.full((1, 10), np.nan))
    assert nothing == pytest.approx(np.median(detector.score_samples(known)), rel=0.1)


@pytest.mark.parametrize("make_table", [make_plane, make_people])
def test_a_strange_cell_is_seen_beside_holes(make_table):
    known = with_holes(make_table(400, 0), 0.2, 0)
    autoencoder = AutoencoderTransformer(2, **FAST, missing_values="mask")
    detector = detect(known, autoencoder, 0.05, n_folds=2)
    table = pd.DataFrame(make_table(100, 1))
    strange, column = table.copy(), table.columns[1]
    strange[column] += 9
    strange.loc[:, table.columns[2:4]] = np.nan
    rows = strange if make_table is make_people else strange.to_numpy()
    assert np.mean(detector.predict(rows) == -1) > 0.95
    cells = detector.explain(rows)
    assert set(cells["column"][:50]) == {column}
    is_hole = cells["contribution"].isna()
    assert set(cells["column"][is_hole]) == set(table.columns[2:4])
    assert is_hole[-200:].all()
    assert not is_hole[:-200].any()


def test_without_holes_scores_are_the_same():
    """To the last bit, of an autoencoder that takes some and one that does not."""
    X, new = make_plane(200, 0), make_plane(50, 1)
    plain = AutoencoderTransformer(2, hidden_layer_sizes=(), init="pca")
    masked, plain = detect(X, MASKED), detect(X, plain)
    assert masked.offset_ == plain.offset_
    assert_array_equal(masked.score_samples(new), plain.score_samples(new))
    cells = plain.explain(new)
    assert_array_equal(masked.explain(new)["contribution"], cells["contribution"])


def test_scores_beside_holes_are_those_alone_and_in_a_copy(tmp_path):
    X = with_holes(make_plane(200, 0), 0.2, 0)
    detector = detect(X, MASKED)
    scores = detector.score_samples(X)
    assert np.isfinite(scores).all()
    assert_allclose(detector.score_samples(X[7:8]), scores[7:8])
    assert_allclose(detector.score_samples(-np.negative(X)), scores)  # other NaN
    detector.save(tmp_path / "model.safetensors")
    again = skae.load(tmp_path / "model.safetensors")
    assert_array_equal(again.score_samples(X), scores)


def test_holes_are_for_autoencoders_that_take_them():
    X = make_plane(100, 0)
    holes = with_holes(X, 0.2, 0)
    with pytest.raises(ValueError, match="NaN.*autoencoder with missing_values='mask'"):
        AutoencoderOutlierDetector().fit(holes)
    with pytest.raises(ValueError, match="NaN.*autoencoder with missing_values='mask'"):
        detect(X).predict(holes)
    detectors = [AutoencoderOutlierDetector(model) for model in (MASKED, PCA(2), None)]
    tags = [detector.__sklearn_tags__().input_tags for detector in detectors]
    assert [tag.allow_nan for tag in tags] == [True, False, False]


def test_a_file_without_what_holes_cost_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    detect(make_plane(100, 0), MASKED, n_folds=2).save(path)
    parts = Parts(path)
    parts.content["estimator"]["inner"]["holes"]["expected"] = 1.0
    path.write_bytes(parts.signed())
    with pytest.raises(FileError, match="what missing cells contribute"):
        skae.load(path)
