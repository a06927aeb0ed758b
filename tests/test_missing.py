"""Tables of numbers with missing cells, and columns that count more than others."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderRegressor,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    MarginalizedDenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
)
from skae.exceptions import FileError
from skae.metrics import explained_deviance, reconstruction_r2
from skae.tables import TableEncoder

from .hostile import Parts

FAMILY = [
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
]
HEADS = [AutoencoderClassifier, AutoencoderRegressor]
NAMES = list("abcdef")
LINEAR = {"hidden_layer_sizes": (), "init": "pca"}


def make_numbers(n_samples=150, seed=0):
    """Six columns on a plane, in units that differ by a thousand."""
    rng = np.random.default_rng(seed)
    plane = np.random.default_rng(7).standard_normal((2, 6))
    X = rng.standard_normal((n_samples, 2)) @ plane
    X += 0.05 * rng.standard_normal(X.shape)
    return X * [1000, 1, 10, 1, 100, 1] + [0, 5, 0, -3, 0, 0]


def with_holes(X, share=0.15, seed=0):
    return np.where(np.random.default_rng(seed).random(X.shape) < share, np.nan, X)


def fit(X, cls=AutoencoderTransformer, n_components=2, **parameters):
    parameters = {
        "missing_values": "mask",
        "hidden_layer_sizes": (8,),
        "init": "pca",
        "max_iter": 2,
        "random_state": 0,
        **parameters,
    }
    if cls is StackedAutoencoder:
        parameters["pretraining_max_iter"] = 1
    return cls(n_components, **parameters).fit(X)


AS_TABLE = {
    "array": np.asarray,
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES, index=range(3, 3 + len(X))),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
}


@pytest.mark.parametrize("cls", FAMILY)
def test_holes_are_filled_and_nothing_else(cls, tmp_path):
    """By each estimator, as by its copy in a file; results are as wide as X."""
    X = with_holes(make_numbers())
    fitted = fit(X, cls)
    Z, filled = fitted.transform(X), fitted.impute(X)
    is_there = ~np.isnan(X)
    assert np.isfinite(Z).all()
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[is_there], X[is_there])
    assert fitted.inverse_transform(Z).shape == X.shape
    assert np.isfinite(fitted.reconstruct(X)).all()
    assert fitted.mean_.shape == (6,)
    assert fitted.components_.shape == (2, 6)
    skae.save(fitted, tmp_path / "model.safetensors")
    again = skae.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.impute(X), filled)
    assert again.score(X) == fitted.score(X)
    np.testing.assert_array_equal(again.score_samples(X), fitted.score_samples(X))


def test_missing_cells_are_masked_after_masking_noise(tmp_path):
    """Numbers enter as the zeros that training made of cells."""
    X = with_holes(StandardScaler().fit_transform(make_numbers()))
    autoencoder = fit(X, DenoisingAutoencoder, noise="masking")
    known = np.nan_to_num(X)
    expected = np.where(np.isnan(X), autoencoder.reconstruct(known), X)
    np.testing.assert_array_equal(autoencoder.impute(X), expected)
    autoencoder.set_params(noise="gaussian")  # for another fit
    np.testing.assert_array_equal(autoencoder.impute(X), expected)
    autoencoder.save(tmp_path / "masking")
    again = skae.load(tmp_path / "masking")
    np.testing.assert_array_equal(again.impute(X), expected)


def test_masking_fills_categories_better():
    """A network that has lost known cells knows what to put into others."""
    rng = np.random.default_rng(0)
    kind = rng.integers(4, size=400)
    table = pd.DataFrame({name: kind.astype(str) for name in "abcd"})
    table["x"] = kind + 0.1 * rng.standard_normal(400)
    holed = table.mask(rng.random(table.shape) < 0.3)
    options = {"n_components": 5, "max_iter": 20, "random_state": 0}
    right = [
        (autoencoder.fit(holed).impute(holed)[list("abcd")] == table[list("abcd")])
        for autoencoder in (
            AutoencoderTransformer(**options),
            DenoisingAutoencoder(noise="masking", **options),
        )
    ]
    plain, masking = (cells.to_numpy().mean() for cells in right)
    assert masking > 0.97
    assert masking > plain


@pytest.mark.parametrize("kind", AS_TABLE)
def test_tables_of_every_kind_have_holes(kind):
    X = with_holes(make_numbers())
    table = AS_TABLE[kind](X)
    fitted = fit(table, **LINEAR)
    filled = fitted.impute(table)
    assert type(filled) is type(table)
    np.testing.assert_allclose(filled, fit(X, **LINEAR).impute(X), rtol=1e-6)
    if kind == "pandas":
        pd.testing.assert_index_equal(filled.index, table.index)
        assert fitted.transform(table.astype(np.float32)).dtype == np.float32
        fitted.set_output(transform="pandas")
        assert list(fitted.inverse_transform(fitted.transform(table))) == NAMES


def test_whole_numbers_of_pandas_are_filled_with_fractions():
    X = make_numbers().round()
    table = pd.DataFrame(X, columns=NAMES).astype("Int64")
    table.loc[::5, "b"] = None
    filled = fit(table, **LINEAR).impute(table)
    assert not filled.isna().any(axis=None)
    assert filled.dtypes["b"] == "Float64"
    assert filled.dtypes["a"] == "Int64"


@pytest.mark.parametrize("cls", [AutoencoderTransformer, VariationalAutoencoder])
def test_without_holes_it_is_the_same_model(cls):
    """To the last bit; rows to encode may have some all the same."""
    X = make_numbers()
    masked, plain = fit(X, cls), fit(X, cls, missing_values="auto")
    np.testing.assert_array_equal(masked.transform(X), plain.transform(X))
    assert masked.score(X) == pytest.approx(plain.score(X), rel=1e-12)
    assert masked.reconstruction_error_ == plain.reconstruction_error_
    assert np.isfinite(masked.transform(with_holes(X))).all()


def test_columns_count_by_their_variance():
    """As in PCA: one component restores the column of large numbers."""
    X = make_numbers()
    fitted = fit(with_holes(X), n_components=1, **LINEAR)
    pca = PCA(1).fit(X)
    cosine = fitted.components_[0] @ pca.components_[0]
    cosine /= np.linalg.norm(fitted.components_[0])
    assert abs(cosine) > 0.999
    r2 = reconstruction_r2(pca, X)
    assert fitted.score(X) == pytest.approx(r2, abs=0.01)
    assert reconstruction_r2(fitted, X) == pytest.approx(fitted.score(X))


def test_errors_are_those_of_cells_that_are_there():
    X = with_holes(make_numbers())
    weight = np.random.default_rng(1).integers(0, 3, len(X))
    fitted = fit(X, **LINEAR)
    squares = (fitted.reconstruct(X) - X) ** 2
    expected = -np.nansum(squares, axis=1)
    np.testing.assert_allclose(fitted.score_samples(X), expected, rtol=1e-5)
    errors = [np.average(s[s == s], weights=weight[s == s]) for s in squares.T]
    found = fitted.reconstruction_error(X, per_feature=True, sample_weight=weight)
    np.testing.assert_allclose(found, errors, rtol=1e-5)
    errors, variance = np.nanmean(squares, axis=0), np.nanvar(X, axis=0)
    assert fitted.score(X) == pytest.approx(1 - errors.sum() / variance.sum())
    assert fitted.reconstruction_error(X) == pytest.approx(errors.mean())


SLOW = [
    {"loss": "absolute_error"},
    {"loss": "binary_cross_entropy", "max_iter": 40},
    {"init": "random", "max_iter": 300},
    {"cls": VariationalAutoencoder},
    {"cls": DenoisingAutoencoder, "noise": "masking"},
]


@pytest.mark.parametrize(
    "options", [{}, *(pytest.param(o, marks=pytest.mark.slow) for o in SLOW)], ids=str
)
def test_a_curve_is_seen_through_holes(options):
    """Far better than PCA, on rows and in units that were not trained on."""
    t = np.random.default_rng(0).uniform(0, 1, 300)
    X = np.column_stack([t, (2 * t - 1) ** 2, np.abs(2 * t - 1), 1 - t])
    Y = with_holes(X)
    options = {"max_iter": 25, "hidden_layer_sizes": (16,), "init": "auto", **options}
    fitted = fit(Y, n_components=1, **options)
    assert fitted.reconstruction_error_ < 0.5 * fitted.pca_reconstruction_error_
    missing = np.isnan(Y)
    error = np.sqrt(np.mean((fitted.impute(Y) - X)[missing] ** 2))
    assert error < 0.55 * X.std()


def test_a_row_is_encoded_as_it_would_be_alone():
    """Of tables of numbers and mixed ones, whatever is missing beside it."""
    for table in (with_holes(make_numbers(), 0.4), make_mixed()):
        rows = pd.DataFrame(table)
        rows = rows.mask(np.random.default_rng(1).random(rows.shape) < 0.3)
        fitted = fit(rows, **LINEAR)
        alone = [fitted.transform(rows.iloc[[i]])[0] for i in range(20)]
        np.testing.assert_allclose(alone, fitted.transform(rows)[:20], rtol=1e-9)


def test_likelihoods_are_those_of_cells_that_are_there():
    """A row without cells is as likely as any: what is left is the divergence."""
    X = with_holes(make_numbers())
    fitted = fit(X, VariationalAutoencoder, max_iter=5)
    assert fitted.noise_variance_ == pytest.approx(0.05**2 * 1e6 / 6, rel=2)
    nothing = np.full((1, 6), np.nan)
    mean, std = fitted.posterior(nothing)
    divergence = 0.5 * (mean**2 + std**2 - 1 - 2 * np.log(std)).sum()
    assert fitted.score_samples(nothing)[0] == pytest.approx(-divergence, rel=1e-6)
    assert fitted.sample(4, random_state=0).shape == (4, 6)


def test_what_is_missing_is_an_error_without_mask():
    X = with_holes(make_numbers())
    with pytest.raises(ValueError, match="NaN.*Fit with missing_values='mask'"):
        fit(X, missing_values="auto")
    whole = fit(make_numbers(), missing_values="auto", **LINEAR)
    with pytest.raises(ValueError, match="NaN.*Fit with missing_values='mask'"):
        whole.transform(X)
    with pytest.raises(TypeError, match="Fit with missing_values='mask'"):
        whole.impute(X)
    with pytest.raises(ValueError, match="NaN.*autoencoder with missing_values='mask'"):
        AutoencoderClassifier().fit(X, np.arange(150) % 2)
    classifier = AutoencoderClassifier(whole).fit(make_numbers(), np.arange(150) % 2)
    with pytest.raises(ValueError, match="NaN.*autoencoder with missing_values='mask'"):
        classifier.predict(X)
    with pytest.raises(ValueError, match="NaN.*TableEncoder"):
        MarginalizedDenoisingAutoencoder().fit(X)


def test_what_mask_does_not_take_is_an_error(tmp_path):
    X = with_holes(make_numbers())
    with pytest.raises(ValueError, match="Column 'c' of X has no cell"):
        fit(pd.DataFrame(X, columns=NAMES).assign(c=np.nan))
    with pytest.raises(ValueError, match="infinity"):
        fit(np.where(np.isnan(X), np.inf, X))
    with pytest.raises(ValueError, match="NaN"):
        AutoencoderTransformer(2, missing_values="mask").partial_fit(X)
    with pytest.raises(ValueError, match="partial_fit takes numbers as they are"):
        fit(X, **LINEAR).partial_fit(make_numbers())
    with pytest.raises(TypeError, match="explained_deviance"):
        explained_deviance(fit(X, **LINEAR), X)
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["X"] = X
        with pytest.raises(ValueError, match="Read X into memory first"):
            fit(file["X"])


def test_tags_say_so():
    for wrapped in (lambda model: model, *HEADS):
        tags = [AutoencoderTransformer(missing_values=v) for v in ("mask", "auto")]
        tags = [
            wrapped(model).__sklearn_tags__().input_tags.allow_nan for model in tags
        ]
        assert tags == [True, False]


def test_first_codes_alone_are_in_the_units_of_the_columns():
    X = with_holes(make_numbers())
    first = fit(X, ordered=True, early_stopping=False).truncate(1)
    assert first.components_.shape == (1, 6)
    assert not np.isnan(first.impute(X)).any()
    error = first.reconstruction_error(X)
    assert first.reconstruction_error_ == pytest.approx(error, rel=0.1)


def test_another_fit_and_a_copy(tmp_path):
    """What an earlier fit made is gone; going on from it keeps what it has."""
    X = with_holes(make_numbers())
    fitted = fit(X, max_iter=1)
    pickled = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(pickled.impute(X), fitted.impute(X))
    encoder = fitted.encoder_
    fitted.set_params(warm_start=True).fit(np.where(np.isnan(X), 0, X))
    assert fitted.encoder_ is encoder
    fitted.set_params(warm_start=False, missing_values="auto").fit(make_numbers())
    assert not hasattr(fitted, "encoder_")


# -- targets --------------------------------------------------------------------------


def make_targets(cls, n_samples=300):
    """Rows, and what a variable behind them says: whether it is large, or itself."""
    X = make_numbers(n_samples) / [1000, 1, 10, 1, 100, 1]
    y = X[:, 1] - X[:, 3]
    return X, (y > 8).astype(int) if cls is AutoencoderClassifier else y


def fit_head(X, y, cls, *, missing_values="mask", autoencoder=None, **parameters):
    inner = {**LINEAR, "missing_values": missing_values, "max_iter": 2}
    inner = AutoencoderTransformer(2, **inner, **(autoencoder or {}))
    parameters = {"max_iter": 5, "alpha": 0.01, "random_state": 0, **parameters}
    return cls(inner, **parameters).fit(X, y)


@pytest.mark.parametrize("cls", HEADS)
@pytest.mark.parametrize("options", [{}, {"early_stopping": False}], ids=str)
def test_targets_are_predicted_through_holes(cls, options, tmp_path):
    """Of new rows, at least as well as from cells that a mean fills."""
    X, y = make_targets(cls)
    known, new = with_holes(X[:200]), with_holes(X[200:], seed=1)
    fitted = fit_head(known, y[:200], cls, **options)
    linear = Ridge() if cls is AutoencoderRegressor else LogisticRegression()
    linear = make_pipeline(SimpleImputer(), StandardScaler(), linear)
    assert fitted.score(new, y[200:]) > linear.fit(known, y[:200]).score(new, y[200:])
    assert np.isfinite(fitted.transform(new)).all()
    again = pickle.loads(pickle.dumps(fitted))
    fitted.save(tmp_path / "model.safetensors")
    for copied in (again, skae.load(tmp_path / "model.safetensors")):
        np.testing.assert_array_equal(copied.predict(new), fitted.predict(new))
    whole = fit_head(X, y, cls, missing_values="auto")
    assert not hasattr(whole, "encoder_")


@pytest.mark.parametrize("cls", HEADS)
def test_targets_without_holes_have_the_same_model(cls):
    """To the last bit, and a fit after one with holes forgets them."""
    X, y = make_targets(cls)
    plain = fit_head(X, y, cls, missing_values="auto")
    masked = fit_head(with_holes(X), y, cls)
    masked.fit(X, y)
    np.testing.assert_array_equal(masked._outputs(X), plain._outputs(X))
    assert masked.loss_curve_ == plain.loss_curve_


def test_rows_that_judge_a_head_do_not_fill_cells():
    """With a hole in one of them, the autoencoder that they judge has seen none."""
    X, y = make_targets(AutoencoderRegressor, 100)
    seen = []

    class Watched(AutoencoderTransformer):
        def fit(self, X, y=None, **parameters):
            seen.append(X.copy())
            return super().fit(X, y, **parameters)

    inner = Watched(2, **LINEAR, missing_values="mask", max_iter=1)
    head = AutoencoderRegressor(inner, max_iter=1, alpha=0.01, random_state=0)
    head.fit(X, y)
    judging = np.flatnonzero(~np.isin(X[:, 0], seen[0][:, 0]))
    X[judging[0], 1] = np.nan
    assert np.isfinite(head.fit(X, y).predict(X)).all()
    assert [np.isnan(rows).any() for rows in seen] == [False, False, False, True]


def test_columns_count_for_a_head_as_for_its_autoencoder():
    X, y = make_targets(AutoencoderRegressor)
    weight = {"column_weight": {3: 1e7}}
    for missing_values in ("auto", "mask"):
        options = {"missing_values": missing_values, "autoencoder": weight}
        fitted = fit_head(X, y, AutoencoderRegressor, **options, fine_tune=False)
        codes = fitted.autoencoder_.transform(X)
        np.testing.assert_allclose(fitted.transform(X), codes)
        assert fitted.score(X, y) > 0.9


# -- columns that count ---------------------------------------------------------------


@pytest.mark.parametrize("missing_values", ["auto", "mask"])
def test_a_weight_is_that_of_the_squared_error(missing_values):
    """PCA of columns times the roots of their weights, back in their units."""
    X = make_numbers()
    weight = {3: 1e7, 0: 0.5}
    root = np.array([0.5, 1, 1, 1e7, 1, 1]) ** 0.5
    options = {"missing_values": missing_values, "n_components": 1, **LINEAR}
    fitted = fit(X, column_weight=weight, **options)
    pca = PCA(1).fit(X * root)
    expected = pca.inverse_transform(pca.transform(X * root)) / root
    np.testing.assert_allclose(fitted.reconstruct(X), expected, rtol=1e-4)
    named = pd.DataFrame(X, columns=NAMES)
    weight = {"d": 1e7, "a": 0.5}
    named = fit(named, column_weight=weight, **options).reconstruct(named)
    np.testing.assert_allclose(named, expected, rtol=1e-4)
    assert fitted.score(X) < fit(X, **options).score(X)


def make_mixed(n_samples=200, seed=0):
    rng = np.random.default_rng(seed)
    t, s = rng.standard_normal((2, n_samples))
    return pd.DataFrame(
        {
            "large": 1000 * s,
            "small": t + 0.1 * rng.standard_normal(n_samples),
            "kind": np.where(t > 0, "up", "down"),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.round(9 * t), "D"),
        }
    )


def restored(column_weight, **parameters):
    """Return what one component keeps of each column."""
    table = make_mixed()
    fitted = fit(
        table, n_components=1, column_weight=column_weight, max_iter=9, **parameters
    )
    return explained_deviance(fitted, table, multioutput="raw_values")


def test_columns_of_mixed_tables_count_as_asked():
    """Alike they agree on what most follow; a weight or the variance changes that."""
    assert restored(None)["large"] < 0.2
    assert restored({"large": 100.0})["large"] > 0.9
    found = restored("variance")
    assert found["large"] > 0.99
    assert found["small"] < 0.2


def test_a_category_that_counts_is_kept():
    """Its cross-entropy is weighted, too."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({f"n{i}": rng.standard_normal(200) for i in range(2)})
    table["copy"] = table["n0"] + 0.1 * rng.standard_normal(200)
    table["kind"] = rng.choice(["x", "y"], 200)
    kept = []
    for weight in (None, {"kind": 50.0}):
        fitted = fit(table, n_components=1, column_weight=weight, max_iter=9)
        scores = explained_deviance(fitted, table, multioutput="raw_values")
        kept.append(scores["kind"])
    assert kept[0] < 0.2
    assert kept[1] > 0.9


def test_variance_is_of_no_effect_in_tables_of_numbers():
    X = make_numbers()
    plain = fit(X, missing_values="auto")
    weighted = fit(X, missing_values="auto", column_weight="variance")
    np.testing.assert_array_equal(weighted.transform(X), plain.transform(X))


def test_the_encoder_weighs_numbers_by_their_variance():
    table = make_mixed()
    table.loc[::7, "large"] = np.nan
    encoder = TableEncoder(column_weight="variance", missing_values="pca").fit(table)
    variance = encoder.transform(table).var(axis=0)
    names = list(encoder.get_feature_names_out())
    assert variance[names.index("large")] == pytest.approx(1e6, rel=0.3)
    assert variance[names.index("day")] == pytest.approx(1)
    pd.testing.assert_frame_equal(
        encoder.inverse_transform(encoder.transform(table)), table
    )


@pytest.mark.parametrize(
    "table", [make_numbers(), make_mixed()], ids=["array", "mixed"]
)
@pytest.mark.parametrize("weight", [{"none": 2.0}, {"small": -1.0}, {0: np.inf}])
def test_errors_of_weights_name_the_column(table, weight):
    (label,) = weight
    with pytest.raises(ValueError, match=f"column_weight has .* {label!r}"):
        fit(table, column_weight=weight, missing_values="auto")


# -- files ----------------------------------------------------------------------------


def test_files_from_before_the_parameters_are_read(tmp_path):
    X = make_numbers()
    fitted = fit(X, VariationalAutoencoder, missing_values="auto")
    path = tmp_path / "model.safetensors"
    skae.save(fitted, path)
    parts = Parts(path)
    record = parts.content["estimator"]
    for name in ("missing_values", "column_weight"):
        del record["parameters"][name]
    del record["inner"]["objective"][1]["has_softmax"]
    path.write_bytes(parts.signed())
    again = skae.load(path)
    assert again.missing_values == "auto"
    np.testing.assert_array_equal(again.score_samples(X), fitted.score_samples(X))


def test_an_encoder_that_cannot_be_is_refused(tmp_path):
    X = with_holes(make_numbers())
    path = tmp_path / "model.safetensors"
    skae.save(fit(X, **LINEAR), path)
    parts = Parts(path)
    del parts.content["estimator"]["inner"]["encoder"]["attributes"]["unit_"]
    path.write_bytes(parts.signed())
    with pytest.raises(FileError, match="how to fill"):
        skae.load(path)
