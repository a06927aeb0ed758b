"""Tables of numbers, read from files, for the command line."""

import csv
import re
from itertools import islice
from operator import getitem
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

_SEPARATORS = ",;\t|"


class FileContent(NamedTuple):
    """Numbers to compress, and what there is to know about them."""

    X: np.ndarray
    y: np.ndarray | None
    notes: list[str]  # what was left out, one sentence each


def read_table(path, target=None):
    """Read the numeric columns of a file, and its target.

    Parameters
    ----------
    path : str
        File whose extension is .csv, .tsv, .parquet, .npy or .npz.
    target : str, default=None
        Column to set aside as y. The columns of an array are named by their number.

    Returns
    -------
    content : FileContent
        Its numbers are finite.

    Raises
    ------
    ValueError
        If the file does not hold such a table; one line that names the file.
    OSError
        If the file cannot be opened.
    ImportError
        If a library that reads the format is not installed.
    """
    path = Path(path)
    with path.open("rb") as file:
        is_empty = not file.read(1)
    try:
        if is_empty:
            raise ValueError("the file is empty")
        if path.suffix.lower() not in _READERS:
            raise ValueError(f"the extension is none of {', '.join(_READERS)}")
        return _table(*_READERS[path.suffix.lower()](path), target)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _table(frame, y, notes, target):
    frame.columns = [str(name) for name in frame.columns]
    if target is not None:
        frame, y = _without_target(frame, y, target)
    if y is not None:
        _check_target(y)
    is_number = [getattr(dtype, "kind", "O") in "biuf" for dtype in frame.dtypes]
    if not all(is_number):
        names = _listed(frame.columns[~np.array(is_number)])
        notes = [*notes, f"left out, as not numeric: {names}"]
    frame = frame.loc[:, is_number]
    if min(frame.shape) < 2:
        raise ValueError(
            f"found {frame.shape[0]} rows and {frame.shape[1]} numeric columns to "
            "compress: two of each are the least"
        )
    X = frame.to_numpy(np.float64, na_value=np.nan)
    _check_finite(X, frame.columns)
    return FileContent(X, y, notes)


def _without_target(frame, y, target):
    if y is not None:
        raise ValueError("the file has a target of its own, the array y")
    matches = np.flatnonzero(frame.columns == target)
    if len(matches) != 1:
        raise ValueError(
            f"{len(matches) or 'no'} columns have the name {target!r} of the target: "
            f"the columns are {_listed(frame.columns)}"
        )
    return frame.drop(columns=target), frame[target].to_numpy()


def _check_target(y):
    n_missing = np.count_nonzero(pd.isna(y))
    if n_missing:
        raise ValueError(f"the target is missing in {n_missing} of {len(y)} rows")


def _check_finite(X, names):
    is_bad = ~np.isfinite(X)
    if is_bad.any():
        raise ValueError(
            f"values are missing or infinite in {is_bad.any(axis=1).sum()} of {len(X)} "
            f"rows, in {_listed(names[is_bad.any(axis=0)])}: fill them first, for "
            "instance with sklearn.impute.SimpleImputer"
        )


def _read_text(path):
    """Read a text file, whose separator its first line shows."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = list(islice(filter(str.strip, file), 20))
        if not lines:
            raise ValueError("the file has blank lines only")
        separator = "\t" if path.suffix.lower() == ".tsv" else _separator(lines[0])
        names = next(csv.reader(lines, delimiter=separator, skipinitialspace=True))
        has_header = not _are_data(names)
        frame = pd.read_csv(
            path,
            sep=separator,
            decimal=_decimal(separator, "".join(lines[1:])),
            header=0 if has_header else None,
            encoding="utf-8-sig",
            skipinitialspace=True,
            low_memory=False,
        )
    except UnicodeDecodeError as error:
        raise ValueError("the file is not text in UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"the first line holds no column names: {error}") from error
    if not has_header:
        return frame, None, ["no line of column names: columns are numbered from 0"]
    return _named(frame, names)


def _separator(line):
    unquoted = re.sub('"[^"]*"', "", line)
    return max(_SEPARATORS, key=unquoted.count)


def _decimal(separator, text):
    """Return the decimal mark: a comma only where it can be nothing else."""
    has_comma = separator != "," and re.search(r"\d,\d", text)
    return "," if has_comma and not re.search(r"\d\.\d", text) else "."


def _are_data(names):
    """Tell whether a first line is a row: numbers with fractions or repetitions."""
    try:
        numbers = [float(name.replace(",", ".")) for name in names]
    except ValueError:
        return False
    return len(set(names)) < len(names) or any(number % 1 for number in numbers)


def _named(frame, names):
    """Give the columns their names as written, and leave row numbers out."""
    note = "left out, as it numbers or names the rows: the first column"
    if not isinstance(frame.index, pd.RangeIndex):
        return frame.reset_index(drop=True).set_axis(names, axis=1), None, [note]
    if not names[0] and _counts_rows(frame.iloc[:, 0]):
        return frame.iloc[:, 1:].set_axis(names[1:], axis=1), None, [note]
    return frame.set_axis(names, axis=1), None, []


def _counts_rows(column):
    return any(
        np.array_equal(column, np.arange(start, start + len(column)))
        for start in (0, 1)
    )


def _read_parquet(path):
    try:
        return pd.read_parquet(path), None, []
    except ImportError as error:
        raise ImportError(
            'reading .parquet needs pyarrow: pip install "skae[cli]"'
        ) from error
    except Exception as error:  # a damaged file raises anything
        raise ValueError(f"the file is no intact parquet file: {error}") from error


def _read_arrays(path):
    """Read an array, or X and perhaps y among several."""
    with path.open("rb") as file:
        loaded = _intact(np.load, file, allow_pickle=False)
        is_single = isinstance(loaded, np.ndarray)
        arrays = {"X": loaded} if is_single else _X_and_y(loaded)
    X = np.asarray(arrays["X"])
    if X.ndim != 2 or X.dtype.kind not in "biuf":
        raise ValueError(
            f"X has shape {X.shape} and type {X.dtype}: numbers in rows and columns "
            "are expected"
        )
    return pd.DataFrame(X), arrays.get("y"), []


def _X_and_y(loaded):
    if "X" in loaded.files:
        sources = {name: name for name in ("X", "y") if name in loaded.files}
    elif len(loaded.files) == 1:
        sources = {"X": loaded.files[0]}
    else:
        raise ValueError(
            f"the file has the arrays {_listed(loaded.files)}: an array X, and y where "
            "there is a target, are expected, or one array alone"
        )
    return {name: _intact(getitem, loaded, source) for name, source in sources.items()}


def _intact(read, *args, **kwargs):
    try:
        return read(*args, **kwargs)
    except Exception as error:  # a damaged file raises anything, even SyntaxError
        raise ValueError(
            "the file is no intact set of plain arrays (pickled objects are not loaded)"
        ) from error


_READERS = {
    ".csv": _read_text,
    ".tsv": _read_text,
    ".parquet": _read_parquet,
    ".npy": _read_arrays,
    ".npz": _read_arrays,
}


def _listed(names, limit=20):
    """Return names in words, the first of them where there are many."""
    shown = ", ".join(repr(name) for name in names[:limit])
    rest = len(names) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown
