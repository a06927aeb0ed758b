"""The columns of a TableEncoder in a file: their types, values and ranges."""

import re

import numpy as np
import pandas as pd

from ..exceptions import FileError
from ..tables._cells import CATEGORY, DATE, DURATION, NUMBER
from ..tables._columns import Column
from ..tables._contents import Category, Number, Ticks
from ..tables._pandas import OBJECTS, PandasColumn
from ..tables._polars import PolarsColumn

NAMES = re.compile(
    r"u?int(8|16|32|64)|float(16|32|64)|bool|object|str|string|boolean"
    r"|U?Int(8|16|32|64)|Float(32|64)|(datetime|timedelta)64\[(s|ms|us|ns)\]"
    r"|datetime64\[(s|ms|us|ns), [\w/+-]{1,64}\]"
)
POLARS = {
    *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
    *("Float32", "Float64", "Boolean", "String", "Categorical", "Date", "Time", "Null"),
}
UNITS = ("s", "ms", "us", "ns")
BLANKS = {"None": None, "nan": np.nan, "NA": pd.NA, "NaT": pd.NaT}
PLAIN = (str, bool, int, float)


def describe_column(column, writer):
    return {
        "feature": column.feature,
        "has_missing": column.has_missing,
        "source": _source(column.source, writer),
        "content": _content(column.content, writer),
    }


def _content(content, writer):
    if content is None:
        return None
    if isinstance(content, Category):
        return {"values": _values(content.values, writer)}
    numbers = {"minimum": content.minimum, "maximum": content.maximum}
    if isinstance(content, Ticks):
        return numbers | {"origin": content.origin, "step": content.step}
    return {name: float(n) for name, n in numbers.items()} | {
        "decimals": content.decimals
    }


def _values(values, writer):
    values = [v.item() if isinstance(v, np.generic) else v for v in values]
    if not all(type(value) in PLAIN for value in values):
        raise TypeError(
            "has categories that are neither text, truth values nor numbers"
        )
    if values and all(type(value) is str for value in values):
        return writer.encode(np.array(values, dtype=object))
    return writer.encode(values)


def _source(source, writer):
    dtype = source.dtype
    if isinstance(source, PolarsColumn):
        return {
            "polars": _polars_dtype(dtype, writer),
            "kind": source.kind,
            "unit": source.unit,
            "has_nan": source.has_nan,
        }
    if isinstance(dtype, pd.CategoricalDtype):
        categories = dtype.categories
        stored = [
            dtype_name(categories.dtype),
            _values(categories, writer),
            bool(dtype.ordered),
        ]
    else:
        stored = dtype_name(dtype)
    blank = next(
        name for name, blank in BLANKS.items() if _are_alike(blank, source.blank)
    )
    return {
        "pandas": stored,
        "kind": source.kind,
        "content": source.content,
        "unit": source.unit,
        "blank": blank,
    }


def _are_alike(blank, other):
    return blank is other or (type(blank) is type(other) is float)


def dtype_name(dtype):
    name = str(dtype)
    if not NAMES.fullmatch(name) or pd.api.types.pandas_dtype(name) != dtype:
        raise TypeError(f"has dtype {name}, which no file holds")
    return name


def _polars_dtype(dtype, writer):
    name = str(dtype.base_type())
    if name in POLARS:
        return name
    if name == "Datetime":
        return [name, dtype.time_unit, dtype.time_zone]
    if name == "Duration":
        return [name, dtype.time_unit]
    if name == "Enum":
        return [name, _values(dtype.categories, writer)]
    raise TypeError(f"has dtype {dtype}, which no file holds")


# -- back -----------------------------------------------------------------------------


def expect(condition, what):
    if not condition:
        raise FileError(f"The TableEncoder does not have {what}.")


def listed(value):
    expect(isinstance(value, list), "a list where one is needed")
    return value


def one_of(value, accepted):
    expect(isinstance(value, str) and value in accepted, f"one of {accepted}")
    return value


def _is_number(value):
    return type(value) in (int, float) and np.isfinite(value)


def read_column(stored, labels, values):
    keys = {"feature", "has_missing", "source", "content"}
    expect(isinstance(stored, dict) and set(stored) == keys, "columns")
    feature, has_missing = stored["feature"], stored["has_missing"]
    expect(type(feature) is int and 0 <= feature < len(labels), "its columns")
    expect(type(has_missing) is bool, "a flag of missing cells")
    source = _read_source(stored["source"], values)
    content = _read_content(stored["content"], source, values)
    expect(content is not None or has_missing, "cells in a column without holes")
    return Column(labels[feature], feature, source, content, has_missing)


def _read_content(stored, source, values):
    if stored is None:
        return None
    expect(isinstance(stored, dict), "content of a column")
    if source.kind == CATEGORY:
        expect(set(stored) == {"values"}, "categories")
        return Category(_read_values(stored["values"], values))
    own = {"decimals"} if source.kind == NUMBER else {"origin", "step"}
    expect(set(stored) == {"minimum", "maximum"} | own, "a range")
    expect(all(map(_is_number, (stored["minimum"], stored["maximum"]))), "a range")
    if source.kind != NUMBER:
        ticks = stored["origin"], stored["step"]
        expect(all(type(t) is int and abs(t) < 2**63 for t in ticks), "dates")
        expect(ticks[1] > 0, "steps of dates")
        return Ticks(**stored)
    decimals = stored["decimals"]
    is_right = decimals is None or (type(decimals) is int and 0 <= decimals <= 15)
    expect(is_right, "decimals")
    return Number(**stored, limits=source.limits)


def _read_values(stored, values):
    decoded = values.decode(stored)
    items = decoded.tolist() if isinstance(decoded, np.ndarray) else decoded
    expect(isinstance(items, list) and items, "categories")
    expect(all(type(item) in PLAIN for item in items), "categories")
    expect(len(set(items)) == len(items), "distinct categories")
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _read_source(stored, values):
    expect(isinstance(stored, dict), "the type of a column")
    kind = one_of(stored.get("kind"), (NUMBER, DATE, DURATION, CATEGORY))
    unit = stored.get("unit")
    expect(unit is None or unit in UNITS, "a unit of time")
    if set(stored) == {"polars", "kind", "unit", "has_nan"}:
        expect(type(stored["has_nan"]) is bool, "a flag of NaN")
        dtype = _read_polars(stored["polars"], values)
        return PolarsColumn(dtype, kind, unit, stored["has_nan"])
    keys = {"pandas", "kind", "content", "unit", "blank"}
    expect(set(stored) == keys, "the type of a column")
    content, blank = stored["content"], stored["blank"]
    expect(content is None or type(content) is str, "the content of objects")
    expect(kind == OBJECTS.get(content, kind), "the content of objects")
    dtype = _read_pandas(stored["pandas"], values)
    return PandasColumn(dtype, kind, content, unit, BLANKS[one_of(blank, [*BLANKS])])


def read_dtype(name):
    expect(isinstance(name, str) and NAMES.fullmatch(name), "a dtype that files hold")
    return pd.api.types.pandas_dtype(name)


def _read_pandas(stored, values):
    if not isinstance(stored, list):
        return read_dtype(stored)
    expect(len(stored) == 3 and type(stored[2]) is bool, "categories")
    dtype, categories = read_dtype(stored[0]), _read_values(stored[1], values)
    return pd.CategoricalDtype(pd.Index(categories, dtype=dtype), ordered=stored[2])


def _read_polars(stored, values):
    import polars as pl

    if isinstance(stored, str):
        return getattr(pl, one_of(stored, POLARS))()
    name, *rest = listed(stored) or [None]
    if name == "Enum" and len(rest) == 1:
        return pl.Enum(_read_values(rest[0], values).tolist())
    expect((name, len(rest)) in (("Datetime", 2), ("Duration", 1)), "a known dtype")
    expect(all(part is None or type(part) is str for part in rest), "a known dtype")
    return getattr(pl, name)(*rest)
