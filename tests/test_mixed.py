"""Estimators that take mixed tables as they are, and give them back."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderOutlierDetector,
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
from skae.plotting import (
    CodesDisplay,
    ErrorDisplay,
    ReconstructionDisplay,
    TraversalDisplay,
)
from skae.tables import RowModel, TableEncoder

FAMILY = [
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
]


def make_mixed(n_samples=120, seed=0):
    """Columns of each kind that follow one variable, and some holes."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-1, 1, n_samples)
    table = pd.DataFrame(
        {
            "size": 3 * t + 0.05 * rng.standard_normal(n_samples),
            "bend": t**2 + 0.02 * rng.standard_normal(n_samples),
            "count": np.round(10 + 5 * t).astype(int),
            "kind": pd.Categorical(
                np.where(t < -0.3, "low", np.where(t < 0.4, "mid", "up"))
            ),
            "is_up": t > 0,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.round(50 * t), "D"),
        },
        index=np.arange(n_samples) * 2 + 7,
    )
    table.loc[table.index[::9], "size"] = np.nan
    table.loc[table.index[4::11], "kind"] = None
    return table


def fit(cls=AutoencoderTransformer, table=None, n_components=2, **parameters):
    parameters = {"max_iter": 3, "random_state": 0, **parameters}
    return cls(n_components, **parameters).fit(make_mixed() if table is None else table)


@pytest.mark.parametrize("cls", FAMILY)
def test_tables_come_back_as_they_were(cls):
    """From rows and from codes: columns, dtypes, categories and index."""
    table = make_mixed()
    fitted = fit(cls)
    assert fitted.n_features_in_ == 6
    assert list(fitted.feature_names_in_) == list(table.columns)
    Z = fitted.transform(table)
    assert Z.shape == (120, 2)
    for back in (fitted.reconstruct(table), fitted.inverse_transform(Z)):
        pd.testing.assert_series_equal(back.dtypes, table.dtypes)
    pd.testing.assert_index_equal(fitted.reconstruct(table).index, table.index)
    framed = clone(fitted).set_output(transform="pandas").fit(table)
    codes = framed.transform(table)
    pd.testing.assert_index_equal(framed.inverse_transform(codes).index, table.index)
    assert np.isfinite(fitted.score_samples(table)).all()
    assert fitted.reconstruction_error(table, per_feature=True).shape == (6,)


def test_a_closed_form_takes_mixed_tables():
    table = make_mixed()
    fitted = MarginalizedDenoisingAutoencoder().fit(table)
    pd.testing.assert_series_equal(fitted.reconstruct(table).dtypes, table.dtypes)


@pytest.mark.parametrize("init", ["pca", "random"])
def test_without_limits_it_is_a_table_encoder_in_front(init):
    """Fit, codes and score are those of a pipeline: errors are squared, too."""
    table = make_mixed()
    options = {"output_activation": "identity", "init": init, "max_iter": 3}
    inside = fit(**options)
    reducer = AutoencoderTransformer(2, random_state=0, **options)
    pipeline = make_pipeline(TableEncoder(missing_values="pca"), reducer).fit(table)
    np.testing.assert_array_equal(inside.transform(table), pipeline.transform(table))
    expected = explained_deviance(pipeline, table)
    assert inside.score(table) == pytest.approx(expected)
    assert explained_deviance(inside, table) == pytest.approx(expected)


def test_squared_errors_of_categories_are_refused():
    with pytest.raises(TypeError, match="use skae.metrics.explained_deviance"):
        reconstruction_r2(fit(), make_mixed())


def test_polars_in_polars_out():
    table = pl.from_pandas(make_mixed())
    fitted = fit(table=table)
    back = fitted.reconstruct(table)
    assert back.schema == table.schema
    assert fitted.impute(table).null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize("numbers", [["bend", "count"], ["bend", "is_up"]])
def test_numbers_are_taken_as_they_are(numbers):
    """Truth values among them, too; what an earlier fit made is gone."""
    fitted = fit()
    table = make_mixed()[numbers]
    fitted.set_params(n_components=1).fit(table)
    assert not hasattr(fitted, "encoder_")
    assert isinstance(fitted.reconstruct(table), np.ndarray)
    assert fitted.n_features_in_ == 2


def test_objects_that_are_numbers_stay_numbers():
    table = make_mixed()[["bend", "count"]].astype(object)
    assert not hasattr(fit(table=table, n_components=1), "encoder_")


def test_none_refuses_mixed_tables():
    with pytest.raises((TypeError, ValueError), match=r"dates|could not convert"):
        fit(categorical_features=None)


@pytest.mark.parametrize("as_listed", [list, np.array, tuple])
def test_listed_columns_are_categories(as_listed, tmp_path):
    """Of a table of numbers, by name, in fits and files."""
    table = make_mixed()[["bend", "count"]]
    fitted = fit(table=table, categorical_features=as_listed(["count"]))
    assert [block.kind for block in fitted.encoder_.blocks_] == ["number", "category"]
    back = fitted.reconstruct(table)
    pd.testing.assert_series_equal(back.dtypes, table.dtypes)
    assert set(back["count"]) <= set(table["count"])
    again = copy_by_file(fitted, tmp_path)
    assert again.score(table) == fitted.score(table)


def test_arrays_are_encoded_where_categories_are_listed():
    """Holes are filled, rows come back as an array, and a stream is refused."""
    X = make_mixed()[["size", "count"]].to_numpy()
    fitted = fit(table=X, categorical_features=[1])
    back = fitted.reconstruct(X)
    assert isinstance(back, np.ndarray)
    assert set(back[:, 1]) <= set(X[:, 1])
    assert np.isfinite(fitted.transform(X)).all()
    assert fit(table=X, categorical_features=[]).transform(X).shape == (120, 2)
    with pytest.raises(ValueError, match="partial_fit takes numbers"):
        AutoencoderTransformer(2, categorical_features=[1]).partial_fit(X)


@pytest.mark.parametrize("as_table", [np.asarray, pd.DataFrame, pl.DataFrame])
def test_numbers_with_holes_are_refused_with_what_takes_them(as_table):
    X = as_table(make_mixed()[["size", "count"]].to_numpy())
    with pytest.raises(ValueError, match="NaN.*Fit with missing_values='mask'"):
        fit(table=X)


def test_a_table_in_a_file_has_no_categories(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["X"] = np.random.default_rng(0).random((50, 3))
        with pytest.raises(ValueError, match="Read X into memory"):
            fit(table=file["X"], categorical_features=[0])


@pytest.mark.parametrize("cls", [AutoencoderClassifier, AutoencoderOutlierDetector])
def test_an_autoencoder_inside_gets_numbers(cls):
    X = make_mixed()[["bend", "count"]].to_numpy()
    inside = AutoencoderTransformer(1, categorical_features=[1])
    with pytest.raises(ValueError, match="Put TableEncoder"):
        cls(inside).fit(X, np.arange(120) % 2)


def test_a_failed_fit_leaves_the_encoder():
    fitted = fit()
    before = fitted.encoder_
    with pytest.raises(ValueError, match="n_components"):
        fitted.set_params(n_components=-1).fit(make_mixed())
    with pytest.raises(ValueError, match="infinite"):
        fitted.set_params(n_components=2).fit(
            make_mixed().replace({"bend": {0: np.inf}}).assign(bend=np.inf)
        )
    assert fitted.encoder_ is before


def test_going_on_keeps_the_columns():
    """Another table with fewer values is encoded as the first was."""
    table = make_mixed()
    fitted = fit(warm_start=True)
    encoder = fitted.encoder_
    fitted.fit(table[table["kind"] != "up"])
    assert fitted.encoder_ is encoder


def test_a_stream_takes_numbers():
    with pytest.raises(ValueError, match="partial_fit takes numbers"):
        AutoencoderTransformer(2).partial_fit(make_mixed())
    with pytest.raises(ValueError, match="partial_fit takes numbers"):
        fit().partial_fit(make_mixed()[["size"]])


def test_unknown_values_are_warned_of():
    fitted, table = fit(), make_mixed()
    table["kind"] = "new"
    with pytest.warns(UserWarning, match="'kind': 'new'"):
        fitted.transform(table)


def test_search_over_components():
    """The default score compares what is kept of the table."""
    found = []
    for scoring in (None, explained_deviance):
        search = GridSearchCV(
            AutoencoderTransformer(max_iter=3, random_state=0),
            {"n_components": [1, 2]},
            cv=2,
            scoring=scoring,
        ).fit(make_mixed())
        found.append(search.cv_results_["mean_test_score"])
    np.testing.assert_allclose(*found)
    assert (found[0] > 0).all()


# -- holes ----------------------------------------------------------------------------


def test_holes_are_filled_and_nothing_else():
    table = make_mixed()
    filled = fit().impute(table)
    pd.testing.assert_series_equal(filled.dtypes, table.dtypes)
    assert not filled.isna().any(axis=None)
    is_there = table.notna()
    pd.testing.assert_frame_equal(
        filled.astype(object).where(is_there), table.astype(object).where(is_there)
    )


@pytest.mark.parametrize("as_input", [np.asarray, list], ids=["array", "list"])
def test_holes_of_an_array_are_filled(as_input):
    """Numbers, categories, and beside them names that are left out."""
    rng = np.random.default_rng(0)
    X = np.empty((60, 4), dtype=object)
    X[:, 0] = [f"row {i}" for i in range(60)]
    X[:, 1:3] = rng.standard_normal((60, 2))
    X[:, 3] = rng.choice(["a", "b"], 60)
    whole = X.copy()
    X[3, 1], X[7, 3] = np.nan, None
    autoencoder = AutoencoderTransformer(1, categorical_features=[3], max_iter=2)
    with pytest.warns(UserWarning, match="Left out"):
        filled = autoencoder.fit(X).impute(as_input(X))
    assert filled[7, 3] in ("a", "b")
    assert np.isfinite(filled[3, 1])
    filled[3, 1], filled[7, 3] = whole[3, 1], whole[7, 3]
    np.testing.assert_array_equal(filled, whole)


def test_filled_cells_are_near_what_was_there():
    """Better than the mean and the most frequent value, in rows not trained on."""
    fitted = fit(table=make_mixed(400), n_components=1, max_iter=30)
    whole = make_mixed(200, seed=1).dropna()
    holes = whole.copy()
    rng = np.random.default_rng(0)
    missing = {name: rng.random(len(whole)) < 0.2 for name in ("size", "kind")}
    for name, cells in missing.items():
        holes.loc[cells, name] = None
    filled = fitted.impute(holes)
    error = (filled["size"] - whole["size"])[missing["size"]].std()
    assert error < 0.3 * whole["size"].std()
    is_right = (filled["kind"] == whole["kind"])[missing["kind"]]
    assert is_right.mean() > 0.8


def test_numbers_have_no_holes_to_fill():
    fitted = fit(table=make_mixed()[["bend", "count"]], n_components=1)
    with pytest.raises(TypeError, match="fitted to numbers"):
        fitted.impute(make_mixed()[["bend", "count"]])


# -- made-up rows ---------------------------------------------------------------------


def test_samples_are_rows_of_such_a_table():
    """Known values, whole numbers, ranges kept; the same for a seed."""
    table = make_mixed()
    fitted = fit(VariationalAutoencoder)
    rows = fitted.sample(50, random_state=0)
    pd.testing.assert_series_equal(rows.dtypes, table.dtypes)
    assert set(rows["kind"].dropna()) <= set(table["kind"].dropna())
    assert rows["kind"].nunique() > 1
    for name in ("size", "bend", "count", "day"):
        assert rows[name].min() >= table[name].min()
        assert rows[name].max() <= table[name].max()
    pd.testing.assert_frame_equal(rows, fitted.sample(50, random_state=0))


def make_dependent(n_samples=1500, seed=0):
    """Columns that follow one another: a curve, a heavy tail, counts, categories."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-1, 1, n_samples)
    table = pd.DataFrame(
        {
            "bend": 5 * t**2 + 0.3 * rng.standard_normal(n_samples),
            "income": np.exp(2 * t + 0.3 * rng.standard_normal(n_samples)).round(2),
            "visits": np.maximum(0, np.round(rng.normal(4 * t, 1))),
            "town": rng.choice(["a", "b", "c"], n_samples, p=[0.7, 0.25, 0.05]),
        }
    )
    same = rng.random(n_samples) < 0.9
    table["office"] = np.where(same, table["town"], rng.choice(["a", "b"], n_samples))
    table.loc[rng.random(n_samples) < np.where(t > 0, 0.4, 0.1), "visits"] = np.nan
    return table


@pytest.fixture(scope="module")
def dependent():
    table = make_dependent()
    return table, fit(VariationalAutoencoder, table, n_components=2)


def test_samples_have_the_shares_and_shapes_of_the_columns(dependent):
    """Of categories, missing cells, counts, and a tail that no normal noise has."""
    table, fitted = dependent
    rows = fitted.sample(5000, random_state=0)
    for name in ("town", "office"):
        shares = [t[name].value_counts(normalize=True) for t in (rows, table)]
        assert shares[0].sub(shares[1]).abs().max() < 0.03
    for name in ("bend", "income", "visits"):
        assert (
            stats.ks_2samp(rows[name].dropna(), table[name].dropna()).statistic < 0.05
        )
    assert rows["visits"].isna().mean() == pytest.approx(
        table["visits"].isna().mean(), abs=0.03
    )
    visits = rows["visits"].dropna()
    assert np.array_equal(visits, visits.round())
    assert np.array_equal(rows["income"], rows["income"].round(2))


def test_samples_have_the_dependences_of_the_columns(dependent):
    """Between categories, numbers, and where cells are missing."""
    table, fitted = dependent
    rows = fitted.sample(5000, random_state=0)
    agree = [(t["town"] == t["office"]).mean() for t in (rows, table)]
    assert agree[0] == pytest.approx(agree[1], abs=0.03)
    correlation = [t["income"].corr(t["visits"], "spearman") for t in (rows, table)]
    assert correlation[0] == pytest.approx(correlation[1], abs=0.15)
    income = [
        t.groupby(t["visits"].isna())["income"].median().to_numpy()
        for t in (rows, table)
    ]
    np.testing.assert_allclose(income[0], income[1], rtol=0.25)


def test_samples_have_what_only_cells_together_tell():
    """Neither of two columns says anything of a third; both say nearly all."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=1000), "b": rng.normal(size=1000)})
    table["alike"] = np.where((table["a"] > 0) == (table["b"] > 0), "yes", "no")
    rows = fit(VariationalAutoencoder, table).sample(2000, random_state=0)
    alike = (rows["a"] > 0) == (rows["b"] > 0)
    assert np.mean(alike == (rows["alike"] == "yes")) > 0.85


def test_samples_are_no_copies(dependent):
    """As rows that fit has never seen, they are near to others and to those of fit."""
    table, fitted = dependent
    encoder = TableEncoder(handle_unknown="ignore").fit(table)
    judges = [
        NearestNeighbors(n_neighbors=1).fit(encoder.transform(t))
        for t in (table, make_dependent(seed=1))
    ]

    def share_near(rows):
        rows = encoder.transform(rows)
        near = [judge.kneighbors(rows)[0][:, 0] for judge in judges]
        return np.mean(near[0] < near[1])

    expected = share_near(make_dependent(2000, seed=2))
    rows = fitted.sample(2000, random_state=0)
    assert share_near(rows) == pytest.approx(expected, abs=0.05)


def test_codes_are_of_use_where_rows_left_out_say_so():
    """Of columns that are curves in the code, not of such that have nothing of it."""
    rng = np.random.default_rng(0)
    t = rng.standard_normal((500, 1))
    curves = {"a": t**2, "b": np.sin(3 * t), "c": np.abs(t), "d": np.cos(4 * t)}
    table = pd.DataFrame({name: curve[:, 0] for name, curve in curves.items()})
    table += 0.05 * rng.standard_normal(table.shape)
    table["side"] = np.where(t[:, 0] > 0, "up", "down")
    encoder = TableEncoder().fit(table)
    X = encoder.transform(table)

    def decode(codes):
        columns = [codes**2, np.sin(3 * codes), np.abs(codes), np.cos(4 * codes)]
        return np.column_stack([*columns, codes < 0, codes > 0]).astype(float)

    std = np.full_like(t, 0.05)
    model = RowModel.fit(encoder, X, (t, std), decode, 0)
    assert model.mixture is not None
    noise = table.apply(lambda column: rng.permutation(column))
    model = RowModel.fit(encoder, encoder.transform(noise), (t, std), decode, 0)
    assert model.mixture is None


def test_no_training_row_is_kept(dependent):
    """What samples are drawn from has no array with an entry for each row."""
    table, fitted = dependent
    model = fitted._row_model
    chain = model.chain
    parts = [array for forest in chain.forests for array in vars(forest).values()]
    if model.mixture is not None:
        parts += vars(model.mixture).values()
    for array in (*parts, chain.weights, chain.noise, model.scores, model.quantiles):
        assert max(array.shape) < len(table) / 5


GIVEN = {
    "a value": {"town": "c"},
    "values": {"town": "b", "office": "b"},
    "a count": {"visits": 3},
    "a number": {"income": 2.5, "town": "a"},
    "a missing cell": {"visits": None},
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_given_cells_are_there(dependent, given):
    table, fitted = dependent
    rows = fitted.sample(20, random_state=0, given=given)
    assert len(rows) == 20
    pd.testing.assert_series_equal(rows.dtypes, table.dtypes)
    for name, value in given.items():
        assert (rows[name].isna() if value is None else rows[name] == value).all()
    assert rows["bend"].nunique() > 10


def test_given_cells_change_the_others(dependent):
    """As they do among the rows of the table that have them, a number nearly."""
    table, fitted = dependent
    rows = fitted.sample(500, random_state=0, given={"town": "b"})
    expected = (table.loc[table["town"] == "b", "office"] == "b").mean()
    assert (rows["office"] == "b").mean() == pytest.approx(expected, abs=0.06)
    rows = fitted.sample(500, random_state=0, given={"income": 5.0})
    near = table.loc[table["income"].between(4.5, 5.5), "visits"]
    assert rows["visits"].median() == pytest.approx(near.median(), abs=1)
    assert rows["visits"].isna().mean() == pytest.approx(near.isna().mean(), abs=0.15)


def test_a_day_is_given_as_a_date_or_as_text():
    fitted, day = fit(VariationalAutoencoder), pd.Timestamp("2024-01-11")
    for value in (day, "2024-01-11"):
        assert (fitted.sample(5, 0, given={"day": value})["day"] == day).all()


def test_polars_rows_are_given_cells():
    fitted = fit(VariationalAutoencoder, pl.from_pandas(make_mixed()))
    rows = fitted.sample(5, 0, given={"kind": "mid", "count": 12})
    assert rows["kind"].to_list() == ["mid"] * 5
    assert rows["count"].to_list() == [12] * 5


WRONG = {
    "a column": ({"city": "a"}, "'city', which is none of the columns .* 'town'"),
    "a value": ({"town": "z"}, "'town'.*'z'.*'a', 'b', 'c'"),
    "a range": ({"income": -1}, "'income'.*-1 is out of the range of fit, from 0.0"),
    "decimals": ({"visits": 1.5}, "'visits'.*1.5 is finer.* 2"),
    "a hole": ({"town": None}, "'town'.*no cell of this column was missing"),
    "text": ({"income": "much"}, "'income' .* cannot be read as the number"),
    "hardly ever": (
        {"bend": 0.0, "income": 9.0, "town": "c", "office": "b"},
        "are like",
    ),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_given_is_named(dependent, given, message):
    with pytest.raises(ValueError, match=message):
        dependent[1].sample(5, random_state=0, given=given)


def test_given_is_for_mixed_tables_and_drawn_cells(dependent):
    with pytest.raises(ValueError, match="observation_noise=True"):
        dependent[1].sample(given={"town": "a"}, observation_noise=False)
    with pytest.raises(TypeError, match="should be a dict"):
        dependent[1].sample(given="town")
    numbers = fit(VariationalAutoencoder, make_mixed()[["bend", "count"]], 1)
    with pytest.raises(ValueError, match="fit had numbers"):
        numbers.sample(given={"count": 1})


def test_weights_count_in_samples():
    """Rows of weight zero are not there, and others as often as they weigh."""
    table = make_mixed().dropna()
    weight = table["kind"].map({"low": 0, "mid": 1, "up": 9}).astype(float)
    fitted = VariationalAutoencoder(1, max_iter=3, random_state=0).fit(
        table, sample_weight=weight
    )
    expected = weight[table["kind"] == "up"].sum() / weight.sum()
    kind = fitted.sample(1000, 0)["kind"]
    assert (kind == "up").mean() == pytest.approx(expected, abs=0.1)
    assert (kind != "low").all()


# -- outliers, targets ----------------------------------------------------------------


def test_an_outlier_is_explained_by_columns_of_the_table():
    table = make_mixed().dropna()
    detector = AutoencoderOutlierDetector(
        AutoencoderTransformer(1, max_iter=20), random_state=0
    ).fit(table)
    odd = table.head(5).copy()
    odd.loc[odd.index[2], "size"] = -odd.loc[odd.index[2], "size"] + 4
    cells = detector.explain(odd)
    assert cells.loc[0, ["row", "column"]].tolist() == [odd.index[2], "size"]
    assert cells.loc[0, "value"] == odd.loc[odd.index[2], "size"]
    sums = cells.groupby("row")["contribution"].sum().loc[odd.index]
    np.testing.assert_allclose(-sums, detector.score_samples(odd))


def test_a_classifier_takes_mixed_tables():
    table = make_mixed(200)
    y = table.pop("is_up")
    classifier = AutoencoderClassifier(
        AutoencoderTransformer(2, max_iter=3), max_iter=5, random_state=0
    )
    assert classifier.fit(table, y).score(table, y) > 0.9
    assert classifier.n_features_in_ == 5


@pytest.mark.parametrize(
    "display",
    [CodesDisplay, ReconstructionDisplay, TraversalDisplay, ErrorDisplay],
)
def test_pictures_are_of_encoded_columns(display):
    plt = pytest.importorskip("matplotlib.pyplot")
    table = make_mixed()
    drawn = display.from_estimator(fit(), table)
    assert drawn.figure_.axes
    plt.close("all")


# -- copies ---------------------------------------------------------------------------


def copy_by_pickle(fitted, path):
    return pickle.loads(pickle.dumps(fitted))


def copy_by_file(fitted, path):
    fitted.save(path / "model.safetensors")
    return skae.load(path / "model.safetensors")


@pytest.mark.parametrize("copy", [copy_by_pickle, copy_by_file])
@pytest.mark.parametrize("cls", [AutoencoderTransformer, VariationalAutoencoder])
def test_copies_answer_alike(copy, cls, tmp_path):
    table, fitted = make_mixed(), fit(cls)
    again = copy(fitted, tmp_path)
    np.testing.assert_array_equal(again.transform(table), fitted.transform(table))
    pd.testing.assert_frame_equal(again.reconstruct(table), fitted.reconstruct(table))
    assert again.score(table) == fitted.score(table)
    if cls is VariationalAutoencoder:
        rows = [one.sample(9, 0, given={"kind": "up"}) for one in (again, fitted)]
        pd.testing.assert_frame_equal(*rows)


def test_a_file_with_an_encoder_of_other_columns_is_refused(tmp_path):
    fitted = fit()
    fitted.encoder_ = TableEncoder().fit(make_mixed().drop(columns="size"))
    fitted.save(tmp_path / "model.safetensors")
    with pytest.raises(FileError):
        skae.load(tmp_path / "model.safetensors")
