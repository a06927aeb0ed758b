"""Encoders of tables in files: the same answers, and what no file holds."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

import skae
from skae.exceptions import FileError
from skae.tables import TableEncoder

from .hostile import Parts

OPTIONS = [
    {},
    {"numeric": "minmax", "category_scaling": None, "clip": True},
    {"numeric": "arcsinh", "missing_values": "nan", "handle_unknown": "ignore"},
    {"numeric": "quantile", "max_categories": 3, "category_scaling": "famd"},
    {"column_weight": {"whole": 3.0}, "categorical_features": ["whole", "truth"]},
]


def pandas_table():
    text = ["a", "b", "c", "d", None] * 6
    days = pd.date_range("2020-01-01", periods=30)
    return pd.DataFrame(
        {
            "number": np.linspace(0, 1, 30).round(2),
            "whole": pd.array([1, None, 3] * 10, dtype="Int16"),
            "text": text,
            "objects": pd.Series(text, dtype=object),
            "category": pd.Categorical([3, 1, 2] * 10, categories=[3, 2, 1, 9]),
            "truth": [True, False] * 15,
            "zoned": days.tz_localize("Europe/Paris"),
            "duration": days - days[3],
            "date": pd.Series(days.date, dtype=object),
            "nothing": [np.nan] * 30,
        }
    )


def polars_table():
    text = pl.Series(["a", "b", "c", "d", None] * 6)
    day = datetime.datetime(2020, 1, 1)
    times = pl.Series([day + datetime.timedelta(hours=i**2) for i in range(30)])
    return pl.DataFrame(
        {
            "number": np.linspace(0, 1, 30).round(2),
            "whole": pl.Series([1, None, 3] * 10, dtype=pl.Int16),
            "text": text,
            "category": text.cast(pl.Categorical),
            "enum": text.cast(pl.Enum(["d", "c", "b", "a", "z"])),
            "truth": [True, None] * 15,
            "zoned": times.dt.replace_time_zone("Asia/Tokyo"),
            "day": times.dt.date(),
            "duration": times - times[0],
            "nothing": [None] * 30,
        }
    )


def through_file(estimator, folder):
    skae.save(estimator, folder / "encoder.safetensors")
    return skae.load(folder / "encoder.safetensors")


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("make", [pandas_table, polars_table])
def test_loaded_encoder_answers_alike(make, options, tmp_path):
    """To the last bit, there and back, with the same names and blocks."""
    table = make()
    encoder = TableEncoder(**options).fit(table)
    loaded = through_file(encoder, tmp_path)
    X = encoder.transform(table)
    np.testing.assert_array_equal(loaded.transform(table), X)
    found, expected = loaded.inverse_transform(X), encoder.inverse_transform(X)
    assert found.equals(expected)
    assert list(found.columns) == list(expected.columns)
    assert list(found.dtypes) == list(expected.dtypes)
    names = encoder.get_feature_names_out()
    assert loaded.get_feature_names_out().tolist() == names.tolist()
    for mine, its in zip(loaded.blocks_, encoder.blocks_, strict=True):
        assert mine.categories == its.categories
        np.testing.assert_array_equal(mine.scale, its.scale)


def test_loaded_pipeline_gives_the_table_back(tmp_path):
    """Columns that are left out are known to the file as well."""
    table = pandas_table().assign(key=range(30))
    with pytest.warns(UserWarning, match="'key'"):
        pipeline = make_pipeline(TableEncoder(), PCA(2)).fit(table)
    loaded = through_file(pipeline, tmp_path)
    Z = pipeline.transform(table)
    assert loaded.inverse_transform(Z).equals(pipeline.inverse_transform(Z))
    assert loaded[0].left_out_ == pipeline[0].left_out_


def test_array_comes_back_as_an_array(tmp_path):
    X = np.arange(12.0).reshape(4, 3) / 7
    encoder = TableEncoder().fit(X)
    loaded = through_file(encoder, tmp_path)
    np.testing.assert_allclose(loaded.inverse_transform(encoder.transform(X)), X)


def test_quantile_transformer_is_a_step_that_files_hold(tmp_path):
    X = np.random.default_rng(0).normal(size=(50, 2))
    scaler = QuantileTransformer(n_quantiles=20, random_state=0).fit(X)
    loaded = through_file(make_pipeline(scaler), tmp_path)
    np.testing.assert_array_equal(loaded.transform(X), scaler.transform(X))


@pytest.mark.parametrize(
    ("column", "match"),
    [
        (pd.period_range("2020-01", periods=3, freq="M"), "'x' .* period"),
        (pd.Series([1, 2, 3], dtype="int64[pyarrow]"), "'x' .* int64.pyarrow"),
        (pd.Series([(1, 2), "a", "b"]), "'x' .* categories that are neither"),
        (pd.Series([1.0, 2.0, 3.0], dtype=pd.SparseDtype(float)), "'x' .* Sparse"),
    ],
)
def test_columns_that_no_file_holds_are_named(column, match, tmp_path):
    encoder = TableEncoder().fit(pd.DataFrame({"x": column}))
    with pytest.raises(TypeError, match=match):
        skae.save(encoder, tmp_path / "encoder.safetensors")


CHANGES = {
    "a column twice": lambda inner: inner["columns"].append(inner["columns"][-1]),
    "a column less": lambda inner: inner["columns"].pop(0),
    "a name less": lambda inner: inner["layout"][1].pop(),
    "a name twice": lambda inner: inner["layout"][1].__setitem__(0, "whole"),
    "a class as dtype": lambda inner: source(inner, 0).update(pandas="os.system"),
    "another kind": lambda inner: source(inner, 0).update(kind="category"),
    "a unit of no time": lambda inner: source(inner, 6).update(unit="year"),
    "a step of zero": lambda inner: inner["columns"][6]["content"].update(step=0),
    "decimals without end": lambda inner: inner["columns"][0]["content"].update(
        decimals=10**6
    ),
    "a code twice": lambda inner: inner["members"][0].append([0]),
    "a code too many": lambda inner: inner["members"][0][0].append(99),
    "no scaler": lambda inner: inner["scaler"].clear(),
    "another scaler": lambda inner: inner.update(numeric="minmax"),
    "another part": lambda inner: inner.update(more=1),
    "a part less": lambda inner: inner.pop("means"),
    "left out, but no column": lambda inner: inner["left_out"].append(["z", "why"]),
}


def source(inner, column):
    return inner["columns"][column]["source"]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_that_says_what_cannot_be_is_refused(change, tmp_path):
    path = tmp_path / "encoder.safetensors"
    skae.save(TableEncoder().fit(pandas_table()), path)
    parts = Parts(path)
    change(parts.content["estimator"]["inner"])
    path.write_bytes(parts.signed())
    with pytest.raises(FileError):
        skae.load(path)
