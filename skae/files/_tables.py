"""What is inside a fitted TableEncoder: its columns, their types and values."""

import numpy as np
import pandas as pd

from ..tables._codec import Codec
from ..tables._filling import Filling
from ..tables._frames import ArrayTable, PandasTable, PolarsTable
from ..tables._one_hot import OneHot
from ..tables._scaling import fitted_steps, make_scaler
from ._columns import (
    describe_column,
    dtype_name,
    expect,
    listed,
    one_of,
    read_column,
    read_dtype,
)

INNER = {
    *("layout", "columns", "numeric", "missing_values", "scaler", "means", "members"),
    *("unknown_are_rare", "scales", "left_out", "filling"),
}


def describe_table(encoder, writer, recorder, label):
    """Return JSON for what a TableEncoder has learnt."""
    codec, one_hot = encoder._codec, encoder._codec.one_hot
    steps = fitted_steps(codec.scaler) if len(codec.means) else []
    scales = [b.scale[: b.members.stop - b.members.start] for b in codec.blocks]
    return {
        "layout": _in_words(label, _layout, encoder._layout),
        "columns": [
            _in_words(
                f"{label}'s column {column.label!r}", describe_column, column, writer
            )
            for column in codec.columns
        ],
        "numeric": codec.numeric,
        "missing_values": codec.missing_values,
        "filling": None
        if encoder._filling is None
        else writer.encode_fields(encoder._filling, label),
        "scaler": [recorder.record(step) for step in steps],
        "means": writer.encode(codec.means),
        "members": one_hot.members,
        "unknown_are_rare": one_hot.unknown_are_rare,
        "scales": writer.encode(np.concatenate([np.empty(0), *scales])),
        "left_out": [[*item] for item in encoder.left_out_.items()],
    }


def _in_words(label, describe, *arguments):
    try:
        return describe(*arguments)
    except TypeError as error:
        raise TypeError(
            f"{label} cannot be stored without pickle: it {error}."
        ) from None


def _layout(layout):
    if isinstance(layout, ArrayTable):
        return ["array", dtype_name(layout.dtype), len(layout.labels)]
    labels = list(layout.labels)
    if not all(type(label) in (str, int) for label in labels):
        raise TypeError("has column labels that are neither text nor whole numbers")
    if isinstance(layout, PolarsTable):
        return ["polars", labels]
    name = layout.labels.name
    if not (name is None or isinstance(name, str)) or layout.labels.nlevels > 1:
        raise TypeError("has column labels on several levels")
    return ["pandas", labels, name]


# -- back -----------------------------------------------------------------------------


def fill_table(encoder, inner, restorer, depth):
    """Give a TableEncoder what it has learnt."""
    expect(isinstance(inner, dict) and set(inner) == INNER, "what a fit leaves behind")
    n_features, values = encoder.n_features_in_, restorer.values
    encoder._layout = _read_layout(inner["layout"], n_features)
    labels = list(encoder._layout.labels)
    columns = [read_column(c, labels, values) for c in listed(inner["columns"])]
    features = [column.feature for column in columns]
    expect(features and features == sorted(set(features)), "columns in their order")
    codec = Codec(
        columns,
        numeric=one_of(inner["numeric"], ("standard", "minmax", "arcsinh", "quantile")),
        missing_values=one_of(inner["missing_values"], ("indicator", "pca", "nan")),
    )
    n_numbers = sum(column.is_number for column in columns)
    means = _floats(inner["means"], n_numbers, values)
    steps = [
        restorer.restore(step, among=SCALERS, depth=depth + 1)
        for step in listed(inner["scaler"])
    ]
    scaler = _read_scaler(codec.numeric, steps, n_numbers)
    categories = [column for column in columns if column.is_category]
    members = _read_members(inner["members"], categories)
    expect(type(inner["unknown_are_rare"]) is bool, "a flag of unknown values")
    groups = iter(members)
    widths = [len(next(groups)) if c.is_category else int(c.is_number) for c in columns]
    scales = _floats(inner["scales"], sum(widths), values)
    expect(bool(np.all(scales > 0)), "scales above zero")
    codec.restore(
        scaler,
        means,
        OneHot(members, inner["unknown_are_rare"]),
        np.split(scales, np.cumsum(widths)[:-1]),
    )
    encoder._codec, encoder.blocks_ = codec, codec.blocks
    encoder.left_out_ = _read_left_out(inner["left_out"], labels)
    encoder._filling = _read_filling(inner["filling"], codec, restorer)


SCALERS = dict.fromkeys(
    ("MinMaxScaler", "QuantileTransformer", "RobustScaler", "StandardScaler"),
    "sklearn.preprocessing",
)


def _read_filling(stored, codec, restorer):
    expect((stored is None) == (codec.missing_values != "pca"), "a way to fill cells")
    if stored is None:
        return None
    filling = restorer.fields(Filling, stored)
    mean, axes, ratio = arrays = filling.mean, filling.axes, filling.ratio
    are_floats = all(isinstance(a, np.ndarray) and a.dtype == float for a in arrays)
    expect(are_floats and ratio.ndim == 1 and mean.shape == (codec.n_encoded,), "a PCA")
    expect(axes.shape == (len(ratio), len(mean)), "axes of its columns")
    expect(all(np.isfinite(a).all() for a in arrays), "finite axes")
    return filling


def _floats(stored, n, values):
    array = values.decode(stored)
    is_right = isinstance(array, np.ndarray) and array.dtype == np.float64
    expect(is_right and array.shape == (n,) and np.isfinite(array).all(), "its numbers")
    return array


def _read_layout(stored, n_features):
    kind, *rest = listed(stored) or [None]
    if kind == "array" and len(rest) == 2:
        expect(rest[1] == n_features and type(rest[1]) is int, "its columns")
        return ArrayTable(read_dtype(rest[0]), range(n_features))
    expect(rest and kind in ("pandas", "polars"), "a table of a known kind")
    labels = listed(rest[0])
    expect(len(labels) == n_features == len(set(map(repr, labels))), "its columns")
    expect(all(type(label) in (str, int) for label in labels), "labels of columns")
    if kind == "polars":
        return PolarsTable(labels)
    name = rest[-1] if len(rest) == 2 else 0
    expect(name is None or type(name) is str, "a name of its columns")
    return PandasTable(pd.Index(labels, name=name))


def _read_scaler(numeric, steps, n_numbers):
    scaler = make_scaler(numeric, 2)
    if not n_numbers:
        expect(not steps, "numbers to scale")
        return scaler
    blank = fitted_steps(scaler)
    expect([*map(type, steps)] == [*map(type, blank)], "its scaler")
    is_right = all(getattr(s, "n_features_in_", None) == n_numbers for s in steps)
    expect(is_right, "a scaler for its numbers")
    for own, step in zip(blank, steps, strict=True):
        vars(own).update(vars(step))
    return scaler


def _read_members(stored, categories):
    members = listed(stored)
    expect(len(members) == len(categories), "columns for its categories")
    for groups, column in zip(members, categories, strict=True):
        codes = [code for group in listed(groups) for code in listed(group)]
        expect(all(type(code) is int for code in codes) and all(groups), "codes")
        expect(sorted(codes) == [*range(len(column.content.values))], "codes")
    return members


def _read_left_out(stored, labels):
    pairs = listed(stored)
    for pair in pairs:
        expect(isinstance(pair, list) and len(pair) == 2, "columns that are left out")
        expect(type(pair[0]) in (str, int) and pair[0] in labels, "such a column")
        expect(type(pair[1]) is str, "a reason to leave out a column")
    return dict(map(tuple, pairs))
