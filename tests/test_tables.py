"""TableEncoder: what comes back, what is left out, what is said of unknown cells."""

import datetime
import os
import pickle
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.decomposition import NMF, PCA
from sklearn.pipeline import make_pipeline

from skae import AutoencoderTransformer
from skae.tables import TableEncoder

OPTIONS = [
    {},
    {"numeric": "quantile", "category_scaling": "standard", "clip": True},
    {"numeric": "arcsinh", "category_scaling": None, "missing_values": "nan"},
]
DATES = pd.to_datetime(["2024-01-01", "2024-02-29", "1969-05-05", "2050-12-31"])
TIMES = DATES + pd.to_timedelta([1, 3601, 7.5, 0.001], unit="s")
NUMBERS = [
    "int8",
    "uint64",
    "float16",
    "float32",
    "float64",
    "Int64",
    "UInt8",
    "Float32",
]
ARROW = ["int64[pyarrow]", "uint8[pyarrow]", "double[pyarrow]", "float[pyarrow]"]


def objects(*values):
    return pd.Series(list(values), dtype=object)


def with_hole(column):
    column = column.copy()
    column.iloc[1] = None
    return column


def pandas_columns():
    numbers = pd.Series([3, 7, 1, 7])
    columns = {dtype: numbers.astype(dtype) for dtype in [*NUMBERS, *ARROW]}
    holes = [d for d in columns if d not in ("int8", "uint64")]
    columns |= {f"{dtype}, hole": with_hole(columns[dtype]) for dtype in holes}
    columns |= {
        "no decimals": pd.Series([np.pi, 0, -np.e, 1e3]),
        "decimals": pd.Series([0.1, 0.25, 3.3, 1e6]),
        "constant": pd.Series([5, 5, 5, 5]),
        "sparse": pd.Series([0, 0, 1.5, 0], dtype=pd.SparseDtype(float, 0)),
        "truth": pd.Series([True, False, True, True]),
        "one truth": pd.Series([True, True, True, True]),
        "boolean": with_hole(pd.Series([True, False, True, True], dtype="boolean")),
        "ordered": pd.Series(
            pd.Categorical(["lo", "hi", "lo", None], ["lo", "mid", "hi"], ordered=True)
        ),
        "category of numbers": pd.Series(pd.Categorical([3.5, 1, None, 3])),
        "category of dates": pd.Series(pd.Categorical(DATES)),
        "intervals": pd.cut(pd.Series([1, 2, 3, 4]), 2),
        "months": with_hole(pd.Series(pd.period_range("2020-01", periods=4, freq="M"))),
    }
    for dtype in ("object", "str", "string", "category", "string[pyarrow]"):
        column = pd.Series(["b", "a", "c", "a"]).astype(dtype)
        columns |= {dtype: column, f"{dtype}, hole": with_hole(column)}
    for unit in ("s", "ms", "us", "ns"):
        times = pd.Series(TIMES).dt.as_unit(unit)
        zoned = times.dt.tz_localize("Europe/Paris")
        columns |= {
            f"days {unit}": pd.Series(DATES).dt.as_unit(unit),
            f"times {unit}": with_hole(times),
            f"zoned {unit}": with_hole(zoned),
            f"durations {unit}": with_hole(times - times[0]),
        }
    columns |= {
        "arrow times": columns["times us"].astype("timestamp[us][pyarrow]"),
        "arrow zoned": columns["zoned us"].astype(
            "timestamp[us, tz=Europe/Paris][pyarrow]"
        ),
        "arrow days": with_hole(pd.Series(DATES.date).astype("date32[pyarrow]")),
        "arrow durations": columns["durations us"].astype("duration[us][pyarrow]"),
        "whole objects": objects(1, 2, None, 3),
        "float objects": objects(1.5, 2.0, np.nan, 3.0),
        "decimal objects": objects(Decimal("1.5"), Decimal("2"), None, Decimal("3")),
        "date objects": objects(*DATES.date[:3], None),
        "time objects": objects(datetime.time(1), None, *[datetime.time(2)] * 2),
        "duration objects": objects(
            datetime.timedelta(1), None, *[TIMES[0] - DATES[0]] * 2
        ),
        "truth objects": objects(True, None, False, True),
        "mixed objects": objects("a", 1, None, (2, 3)),
        "nothing, objects": objects(None, None, None, None),
        "nothing, float": pd.Series([np.nan] * 4),
        "nothing, dates": pd.Series([pd.NaT] * 4),
        "nothing, whole": pd.Series([pd.NA] * 4, dtype="Int64"),
    }
    return columns


PANDAS = pandas_columns()


def polars_columns():
    numbers, text = pl.Series([3, 7, None, 7]), pl.Series(["a", "b", None, "a"])
    times = pl.Series([*TIMES.to_pydatetime()[:3], None])
    types = (pl.Int8, pl.UInt64, pl.Int64, pl.Float32, pl.Float64, pl.Decimal(10, 2))
    columns = {str(dtype): numbers.cast(dtype) for dtype in types}
    columns |= {
        "no holes": pl.Series([1, 2, 3, 4], dtype=pl.UInt16),
        "nan": pl.Series([1.5, float("nan"), 2, 3]),
        "text": text,
        "category": text.cast(pl.Categorical),
        "enum": text.cast(pl.Enum(["x", "b", "a"])),
        "truth": pl.Series([True, None, False, True]),
        "bytes": pl.Series([b"a", None, b"b", b"a"]),
        "day": times.cast(pl.Date),
        "time of day": pl.Series(
            [datetime.time(1, 2, 3), None, *[datetime.time(0)] * 2]
        ),
        "nothing": pl.Series([None] * 4),
        "nothing, text": pl.Series([None] * 4, dtype=pl.String),
        "nothing, day": pl.Series([None] * 4, dtype=pl.Date),
    }
    for unit in ("ms", "us", "ns"):
        cast = times.cast(pl.Datetime(unit))
        columns |= {
            f"times {unit}": cast,
            f"zoned {unit}": cast.dt.replace_time_zone("Europe/Paris"),
            f"durations {unit}": cast - cast[0],
        }
    return columns


POLARS = polars_columns()


def mixed_table(n_samples=200, seed=0):
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n_samples)
    table = pd.DataFrame(
        {
            "size": size.round(2),
            "count": rng.poisson(np.exp(size)),
            "label": np.where(size > 0, "large", "small"),
            "colour": pd.Categorical(rng.choice(["red", "green", "blue"], n_samples)),
            "is_new": size > 0.5,
            "day": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(rng.integers(0, 900, n_samples), unit="D"),
        },
        index=pd.Index(range(5, n_samples + 5), name="row"),
    )
    table.loc[table.index[::7], "size"] = np.nan
    table.loc[table.index[3::9], "colour"] = np.nan
    return table


def round_trip(encoder, table):
    encoder.set_output(transform="pandas" if isinstance(table, pd.DataFrame) else None)
    return encoder.inverse_transform(encoder.transform(table))


def assert_polars_equal(found, expected):
    """Numbers to 1e-9: how the parameter is called depends on the version."""
    assert_frame_equal(found, expected)
    for column in expected.select(pl.selectors.float()).iter_columns():
        again = found[column.name].to_numpy()
        np.testing.assert_allclose(again, column.to_numpy(), rtol=1e-9)


# -- what comes back ------------------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", PANDAS)
def test_columns_of_pandas_come_back(name, options):
    """Values, missing cells and dtype, also beside another column."""
    table = pd.DataFrame({name: PANDAS[name], "other": [1.5, 2.5, 3.0, 4.0]})
    found = round_trip(TableEncoder(**options).fit(table), table)
    pd.testing.assert_frame_equal(found, table, check_exact=False, rtol=1e-9, atol=0)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", POLARS)
def test_columns_of_polars_come_back(name, options):
    """Values, nulls and dtype, also beside another column."""
    table = pl.DataFrame({name: POLARS[name], "other": [1.5, 2.5, 3.0, 4.0]})
    found = round_trip(TableEncoder(**options).fit(table), table)
    assert_polars_equal(found, table)


def test_table_comes_back_as_a_whole():
    """Index, its name, and the order and names of columns are those of the table."""
    table = mixed_table()
    table.columns.name = "what"
    found = round_trip(TableEncoder().fit(table), table)
    pd.testing.assert_frame_equal(found, table, check_exact=False, rtol=1e-9)


def test_new_rows_beyond_the_range_come_back():
    """Nothing is cut off, unless clip says so; then what is beyond is the end."""
    table = mixed_table()
    new = table.iloc[:3].assign(count=[1000, 0, -5])
    new["day"] = new["day"] - pd.Timedelta(20 * 365, unit="D")
    encoder = TableEncoder().fit(table)
    pd.testing.assert_frame_equal(
        round_trip(encoder, new), new, check_exact=False, rtol=1e-9
    )
    clipped = round_trip(TableEncoder(clip=True).fit(table), new)
    count = table["count"]
    assert clipped["count"].tolist() == [count.max(), count.min(), count.min()]
    assert (clipped["day"] == table["day"].min()).all()


@pytest.mark.parametrize("numeric", ["standard", "arcsinh", "quantile", "minmax"])
def test_numbers_of_any_size_come_back(numeric):
    """Small and large units, heavy tails, many zeros; microseconds over ten years."""
    rng = np.random.default_rng(0)
    tail = np.exp(2 * rng.normal(size=500))
    table = pd.DataFrame({str(unit): unit * tail for unit in (1e-12, 1.0, 1e12)})
    table["zeros"] = np.where(tail < 1, 0, tail)
    ten_years = 10 * 365 * 86400 * 10**6
    table["time"] = np.datetime64("1990-01-01", "us") + rng.integers(
        0, ten_years, 500
    ).astype("m8[us]")
    encoder = TableEncoder(numeric=numeric).fit(table)
    pd.testing.assert_frame_equal(
        round_trip(encoder, table), table, check_exact=False, rtol=1e-9, atol=0
    )


def test_another_library_than_in_fit_is_read():
    """The table comes back in the library of fit."""
    table = mixed_table().reset_index(drop=True)
    other = pl.from_pandas(table)
    for first, second in ((table, other), (other, table)):
        encoder = TableEncoder().fit(first)
        X = encoder.transform(second)
        np.testing.assert_array_equal(X, encoder.transform(first))
        assert type(encoder.inverse_transform(X)) is type(first)


def test_tables_of_pandas_need_no_polars():
    """It is not imported on the way there and back."""
    code = (
        "import sys, pandas as pd; from skae.tables import TableEncoder\n"
        "table = pd.DataFrame({'x': [1.5, None], 'y': ['a', 'b']})\n"
        "encoder = TableEncoder().fit(table)\n"
        "encoder.inverse_transform(encoder.transform(table))\n"
        "print('polars' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False"]


def test_arrays_come_back_as_arrays():
    """An array of objects is a table without names."""
    X = np.array(
        [["a", 1.5, True], [None, None, False], ["a", 2.5, True]], dtype=object
    )
    encoder = TableEncoder().fit(X)
    assert encoder.inverse_transform(encoder.transform(X)).tolist() == X.tolist()
    assert [block.kind for block in encoder.blocks_] == [
        "category",
        "number",
        "category",
    ]


@pytest.mark.parametrize(
    "reducer",
    [
        PCA(3),
        NMF(3, max_iter=2000, tol=1e-3),
        AutoencoderTransformer(3, init="pca", max_iter=2),
    ],
    ids=lambda reducer: type(reducer).__name__,
)
def test_reducers_have_a_way_back(reducer):
    """Codes become a table with the dtypes and values that there were."""
    table = mixed_table()
    encoder = TableEncoder(numeric="minmax", category_scaling=None)
    pipeline = make_pipeline(encoder, clone(reducer)).fit(table)
    found = pipeline.inverse_transform(pipeline.transform(table))
    assert found.dtypes.equals(table.dtypes)
    assert set(found["colour"].dropna()) <= set(table["colour"].dropna())
    assert (found["label"].to_numpy() == table["label"].to_numpy()).mean() > 0.6


def test_reconstructed_numbers_have_the_decimals_of_the_column():
    """Whole numbers stay whole, and two decimals are two."""
    table = mixed_table()
    pipeline = make_pipeline(TableEncoder(), PCA(2)).fit(table)
    found = pipeline.inverse_transform(pipeline.transform(table))
    assert found["count"].dtype == table["count"].dtype
    size = found["size"].dropna()
    assert len(size)
    assert (size == size.round(2)).all()


def test_codes_of_extremes_stay_within_the_dtype():
    """What no int8 and no date can be becomes the nearest that can."""
    days = pd.to_datetime(["1700-01-01", "2000-01-01", "2200-01-01"]).as_unit("ns")
    table = pd.DataFrame({"small": np.array([1, 2, 3], dtype="int8"), "day": days})
    encoder = TableEncoder().fit(table)
    found = encoder.inverse_transform([[1e9, 1e9], [-1e9, -1e9]])
    assert found["small"].tolist() == [127, -128]
    assert found["day"].dt.year.tolist() == [2262, 1677]
    pd.testing.assert_frame_equal(round_trip(encoder, table), table)


# -- what is encoded ------------------------------------------------------------------


def test_blocks_say_which_columns_are_whose():
    """Every encoded column belongs to one block, in the order of the table."""
    table = mixed_table()
    encoder = TableEncoder().fit(table)
    names = encoder.get_feature_names_out()
    blocks = {block.column: block for block in encoder.blocks_}
    assert list(blocks) == list(table.columns)
    assert sum([[*names[b.columns]] for b in encoder.blocks_], []) == names.tolist()
    assert names[blocks["size"].columns].tolist() == ["size", "size_missing"]
    assert names[blocks["size"].indicator] == "size_missing"
    assert blocks["colour"].categories == ["blue", "green", "red"]
    assert names[blocks["colour"].members].tolist() == [
        *("colour_blue", "colour_green", "colour_red")
    ]
    assert blocks["is_new"].categories == [False, True]
    assert [b.kind for b in encoder.blocks_] == [
        *("number", "number", "category", "category", "category", "date")
    ]


def test_names_are_distinct():
    """Column and value together may spell the name of another column."""
    table = pd.DataFrame({"a_b": [1.0, 2.0], "a": ["b", "c"]})
    names = TableEncoder().fit(table).get_feature_names_out()
    assert names.tolist() == ["a_b", "a_b_", "a_c"]


@pytest.mark.parametrize(
    ("scaling", "total"), [("famd", 2), ("balanced", 1), ("standard", 3)]
)
def test_scaling_gives_a_category_its_variance(scaling, total):
    """Of three values: k - 1, 1, and k."""
    table = mixed_table()[["label", "colour"]].dropna()
    encoder = TableEncoder(category_scaling=scaling).fit(table)
    variance = encoder.transform(table).var(axis=0)
    assert variance[encoder.blocks_[1].columns].sum() == pytest.approx(total)


def test_weights_multiply_the_variance_of_columns():
    """Indicators stay, and nothing is lost on the way back."""
    table = NUMBERS.assign(kind=list("aabb") * 10)
    table.loc[3, "size"] = np.nan
    plain = TableEncoder().fit(table)
    weighted = TableEncoder(column_weight={"size": 4, "kind": 0.25}).fit(table)
    X, found = plain.transform(table), weighted.transform(table)
    for block, factor in zip(plain.blocks_, (1, 2, 0.5), strict=True):
        expected = factor * X[:, block.members]
        np.testing.assert_allclose(found[:, block.members], expected)
    indicator = plain.blocks_[1].indicator
    np.testing.assert_array_equal(found[:, indicator], X[:, indicator])
    assert weighted.inverse_transform(found).equals(table)


@pytest.mark.parametrize(
    ("weight", "match"),
    [({"sise": 1}, "'sise', which is"), ({"size": 0}, "above")],
)
def test_weights_of_nothing_are_refused(weight, match):
    with pytest.raises(ValueError, match=match):
        TableEncoder(column_weight=weight).fit(NUMBERS)


def test_famd_is_correspondence_analysis_of_categories():
    """The largest eigenvalue of two categories is one plus their correlation ratio.

    Of factor analysis of mixed data with categories alone, which is multiple
    correspondence analysis: of two columns of two values each, 1 + |phi|.
    """
    rng = np.random.default_rng(0)
    first = rng.integers(0, 2, 300)
    second = np.where(rng.random(300) < 0.8, first, 1 - first)
    table = pd.DataFrame({"a": first.astype(bool), "b": second.astype(bool)})
    X = TableEncoder(category_scaling="famd").fit_transform(table)
    largest = np.linalg.eigvalsh(np.cov(X.T, bias=True))[-1]
    assert largest == pytest.approx(1 + np.corrcoef(first, second)[0, 1])


def test_arcsinh_tames_a_heavy_tail():
    """One huge number does not squeeze all others, and comes back."""
    table = pd.DataFrame({"x": [*np.linspace(-1, 1, 99), 1e9]})
    encoder = TableEncoder(numeric="arcsinh").fit(table)
    X = encoder.transform(table)
    assert X[:99].std() > 100 * TableEncoder().fit_transform(table)[:99].std()
    np.testing.assert_allclose(
        encoder.inverse_transform(X), table, rtol=1e-6, atol=1e-9
    )


def test_missing_cells_are_marked_or_stay():
    """An indicator says where the mean was filled in; "nan" fills nothing in."""
    table = mixed_table()
    gone = table["size"].isna().to_numpy()
    encoder = TableEncoder().fit(table)
    X, block = encoder.transform(table), encoder.blocks_[0]
    np.testing.assert_array_equal(X[:, block.indicator], gone)
    np.testing.assert_allclose(X[gone, block.start], 0, atol=1e-12)
    encoder = TableEncoder(missing_values="nan").fit(table)
    X = encoder.transform(table)
    for block in encoder.blocks_:
        assert block.indicator is None
        found = np.isnan(X[:, block.columns])
        expected = table[block.column].isna().to_numpy()
        np.testing.assert_array_equal(
            found, np.repeat(expected[:, None], found.shape[1], 1)
        )


def test_decode_gives_numbers_and_shares():
    """Of encoded rows, the truth; of others, shares that are shares."""
    table = mixed_table()
    encoder = TableEncoder().fit(table)
    X = encoder.transform(table)
    expected = encoder.decode(X)
    np.testing.assert_allclose(expected["count"], table["count"], atol=1e-9)
    there = table["colour"].notna().to_numpy()
    np.testing.assert_allclose(
        expected["colour"][there], pd.get_dummies(table["colour"])[there]
    )
    assert np.isnan(expected["colour"][~there]).all()
    shares = encoder.decode(X + np.random.default_rng(0).normal(size=X.shape))["colour"]
    shares = shares[~np.isnan(shares).any(axis=1)]
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(axis=1), 1)


# -- rare, unknown, left out ----------------------------------------------------------


def test_rare_values_share_a_column_and_come_back_as_the_most_frequent():
    """With max_categories and with min_frequency."""
    table = pd.DataFrame({"x": ["a"] * 10 + ["b"] * 9 + ["c"] * 3 + ["d"] * 2 + ["e"]})
    for options in (
        {"max_categories": 3},
        {"min_frequency": 5},
        {"min_frequency": 0.2},
    ):
        encoder = TableEncoder(**options).fit(table)
        assert encoder.blocks_[0].categories == ["a", "b", ["c", "d", "e"]]
        assert encoder.get_feature_names_out()[-1] == "x_infrequent"
        found = encoder.inverse_transform(encoder.transform(table))
        assert found["x"].tolist() == ["a"] * 10 + ["b"] * 9 + ["c"] * 6


def test_unknown_cells_are_reported():
    """Values and holes that fit had none of are named; they come back as missing."""
    table = mixed_table()
    new = table.iloc[1:3].assign(label=["huge", "small"], count=[np.nan, 1])
    encoder = TableEncoder().fit(table)
    with pytest.warns(UserWarning, match="'count': missing cells; 'label': 'huge'"):
        X = encoder.transform(new)
    assert np.isfinite(X).all()
    label = encoder.inverse_transform(X)["label"]
    assert label.isna().tolist() == [True, False]
    encoder.set_params(handle_unknown="error")
    with pytest.raises(ValueError, match="'label': 'huge'"):
        encoder.transform(new)
    encoder.set_params(handle_unknown="ignore")
    np.testing.assert_array_equal(encoder.transform(new), X)


def test_unknown_values_count_among_the_rare_ones():
    """Where there are some and handle_unknown says so."""
    table = pd.DataFrame({"x": ["a"] * 10 + ["b"] * 3 + ["c"]})
    encoder = TableEncoder(max_categories=2, handle_unknown="infrequent_if_exist").fit(
        table
    )
    found = encoder.inverse_transform(encoder.transform(pd.DataFrame({"x": ["z"]})))
    assert found["x"].tolist() == ["b"]


def test_identifiers_and_free_text_are_left_out_by_name():
    """The warning says which, why, and what would keep them."""
    table = mixed_table()
    n_samples = len(table)
    key = np.random.default_rng(0).permutation(2 * n_samples)[:n_samples]
    table.insert(1, "key", key)
    table["remark"] = [f"row {i} is fine" for i in range(n_samples)]
    with pytest.warns(UserWarning, match=r"'key' .*'remark' .*skrub.*category"):
        encoder = TableEncoder().fit(table)
    assert list(encoder.left_out_) == ["key", "remark"]
    assert list(round_trip(encoder, table)) == [
        column for column in table if column not in ("key", "remark")
    ]
    kept = table.astype({"key": float, "remark": "category"})
    assert TableEncoder().fit(kept).left_out_ == {}


NUMBERS = pd.DataFrame({"code": [3, 1, 2, 1] * 10, "size": np.arange(40) / 8})


@pytest.mark.parametrize(
    "listed", [["code"], [0], [True, False], np.array(["code"]), pd.Index(["code"])]
)
@pytest.mark.parametrize("as_table", [lambda table: table, pl.from_pandas])
def test_listed_columns_are_categories(listed, as_table):
    """By names, positions or a mask; they come back as they were."""
    table = as_table(NUMBERS)
    encoder = TableEncoder(categorical_features=listed).fit(table)
    assert [block.kind for block in encoder.blocks_] == ["category", "number"]
    assert encoder.inverse_transform(encoder.transform(table)).equals(table)


def test_listed_columns_are_never_left_out():
    """Whoever lists text or numbers that do not repeat wants them."""
    table = pd.DataFrame({"name": [f"n{i}" for i in range(40)], "number": range(40)})
    encoder = TableEncoder(categorical_features=["name", "number"]).fit(table)
    assert [len(block.categories) for block in encoder.blocks_] == [40, 40]


def test_a_new_number_that_is_a_category_comes_back_as_missing():
    encoder = TableEncoder(categorical_features=["code"], handle_unknown="ignore")
    encoder.fit(NUMBERS)
    back = encoder.inverse_transform(encoder.transform(NUMBERS.assign(code=7)))
    assert back["code"].isna().all()


@pytest.mark.parametrize(
    ("listed", "match"),
    [
        ([2], "positions from 0 to 1"),
        (["sise"], "there is no 'sise'"),
        ([True], "a mask of 2 columns"),
        ([0.5], "names, positions or a mask"),
        ([["code"]], "names, positions or a mask"),
    ],
)
def test_columns_that_are_not_there_cannot_be_listed(listed, match):
    with pytest.raises(ValueError, match=f"categorical_features=.*{match}"):
        TableEncoder(categorical_features=listed).fit(NUMBERS)


def test_text_of_very_many_values_needs_a_limit():
    """A thousand columns are too many, unless the rare values share one."""
    values = [f"place {i}" for i in range(1001)]
    table = pd.DataFrame({"place": values * 3, "x": np.arange(3003.0)})
    with pytest.warns(UserWarning, match="'place' .1001 distinct values"):
        encoder = TableEncoder().fit(table)
    assert list(encoder.left_out_) == ["place"]
    encoder = TableEncoder(max_categories=10).fit(table)
    assert len(encoder.blocks_[0].categories) == 10


def test_distinct_numbers_far_apart_are_kept():
    """Whole numbers that are distinct by chance are a quantity."""
    numbers = np.random.default_rng(0).integers(0, 10**6, 100)
    assert len(set(numbers)) == 100
    assert TableEncoder().fit(pd.DataFrame({"x": numbers})).left_out_ == {}


@pytest.mark.parametrize(
    ("column", "error", "match"),
    [
        ([1.0, np.inf, 2.0], ValueError, "Column 'x' has .* infinite"),
        ([1j, 2j, 3j], TypeError, "Column 'x' holds complex128"),
        ([[1], [2], "a"], TypeError, "Column 'x' has cells that are no values"),
    ],
)
@pytest.mark.parametrize("times", [1, 10])
def test_columns_that_cannot_be_encoded_are_named(column, error, match, times):
    """However many rows there are."""
    table = pd.DataFrame({"x": column, "y": [1, 2, 3]})
    with pytest.raises(error, match=match):
        TableEncoder().fit(pd.concat([table] * times, ignore_index=True))


@pytest.mark.parametrize(
    ("table", "error", "match"),
    [
        (pd.DataFrame({"x": [None, None]}), ValueError, "No column is left"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), ValueError, "same name, x"),
        (pl.LazyFrame({"x": [1]}), TypeError, "collect"),
        (pl.DataFrame({"x": [[1], [2]]}), TypeError, "Column 'x' holds List"),
    ],
)
def test_tables_that_cannot_be_encoded_are_refused(table, error, match):
    with pytest.raises(error, match=match):
        TableEncoder().fit(table)


def test_columns_of_another_kind_than_in_fit_are_named():
    """Text where there were numbers is an error that says which column."""
    table = mixed_table()
    with pytest.raises(ValueError, match="Column 'size' .* number .*float64"):
        TableEncoder().fit(table).transform(table.assign(size="large"))


def test_encoded_rows_of_another_width_are_refused():
    encoder = TableEncoder().fit(mixed_table())
    with pytest.raises(ValueError, match="X has 2 columns, and .* encoded as 12"):
        encoder.inverse_transform([[1, 2]])


def test_pickled_encoder_answers_alike():
    table = mixed_table()
    encoder = TableEncoder().fit(table)
    loaded = pickle.loads(pickle.dumps(encoder))
    X = encoder.transform(table)
    np.testing.assert_array_equal(loaded.transform(table), X)
    assert loaded.inverse_transform(X).equals(encoder.inverse_transform(X))


# -- tables from outside, where there are some ----------------------------------------


def outside_tables():
    folders = [os.environ.get("SKAE_DATA"), "data", "../shared/data"]
    found = [Path(folder) / "tables" for folder in folders if folder]
    return next((sorted(f.glob("*.parquet")) for f in found if f.is_dir()), [])


OUTSIDE = outside_tables() or [
    pytest.param(None, marks=pytest.mark.skip("no folder of tables: set SKAE_DATA"))
]


@pytest.mark.parametrize("file", OUTSIDE, ids=lambda file: file and file.stem)
def test_real_tables_come_back(file):
    """In pandas and polars: all columns but those left out, observed cells to 1e-9."""
    table = pd.read_parquet(file)
    found = round_trip(TableEncoder().fit(table), table)
    pd.testing.assert_frame_equal(found, table, check_exact=False, rtol=1e-9, atol=0)
    table = pl.read_parquet(file)
    assert_polars_equal(round_trip(TableEncoder().fit(table), table), table)


# -- holes that a PCA fills -----------------------------------------------------------


def test_a_pca_fills_holes():
    """Also those of columns that had none in fit; and holes come back as holes."""
    rng = np.random.default_rng(0)
    t = rng.standard_normal(400)
    whole = pd.DataFrame({name: t + 0.1 * rng.standard_normal(400) for name in "abc"})
    whole["sign"] = np.where(t > 0, "up", "down")
    table = whole.copy()
    table.loc[table.index[:300:3], "a"] = np.nan
    encoder = TableEncoder(missing_values="pca").fit(table[:300])
    back = encoder.inverse_transform(encoder.transform(table[:300]))
    pd.testing.assert_frame_equal(back, table[:300])
    table.loc[300:, "b"] = np.nan
    encoded = encoder.transform(table[300:])
    error = encoder.decode(encoded)["b"] - whole["b"][300:]
    assert np.abs(error).max() < 0.5
    assert np.isfinite(encoded).all()


def test_a_table_of_holes_is_filled_with_means():
    table = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [np.nan, 2.0, np.nan]})
    encoded = TableEncoder(missing_values="pca").fit_transform(table)
    assert np.isfinite(encoded).all()
