"""Tables, read from files, for the command line."""

import warnings
from collections import Counter
from functools import partial
from operator import getitem
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..tables import TableEncoder
from ._text import COMPRESSED, read_text

# Text classes with fewer rows each than this are hardly classes.
_ROWS_PER_CLASS = 10

# A number with a sign, a unit or a currency around it.
_LIKE_A_NUMBER = r"\D{0,5}\d[\d.,' ]*\D{0,5}"


class FileContent(NamedTuple):
    """Rows to compress, and what there is to know about them."""

    X: np.ndarray  # or a DataFrame that is mixed, or has missing cells
    columns: list[str]
    y: np.ndarray | None
    notes: list[str]  # what was left out, one sentence each


def read_table(path, target=None, **options):
    """Read the columns of a file, and its target.

    Text that is no number in most of its cells is a category, unless it hardly repeats.

    Parameters
    ----------
    path : str
        File whose extension is .csv, .tsv or .txt, of which each may be compressed
        (.csv.gz, .csv.bz2, .csv.xz), .parquet, .npy or .npz.
    target : str, default=None
        Column to set aside as y. The columns of an array are named by their number.
    **options : str
        The encoding, separator and decimal mark of a text file.

    Returns
    -------
    content : FileContent
        Its numbers are finite, or missing.

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
        return _table(*_reader(path, options)(path), target)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _reader(path, options):
    kind = path.suffix.lower()
    if kind in COMPRESSED:
        kind = Path(path.stem).suffix.lower()
        known = _TEXT
    else:
        known = (*_TEXT, *_READERS)
    if kind not in known:
        raise ValueError(
            f"the extension is none of {', '.join((*_TEXT, *_READERS))}, or of the "
            f"first three with {', '.join(COMPRESSED)} behind"
        )
    given = {name: value for name, value in options.items() if value is not None}
    if kind in _TEXT:
        return partial(_read_text, **given)
    if given:
        raise ValueError(f"--{[*given][0]} is for text files, and this is none")
    return _READERS[kind]


def _read_text(path, **options):
    frame, notes = read_text(path, **options)
    return frame, None, notes


def _table(frame, y, notes, target):
    frame.columns = [str(name) for name in frame.columns]
    if target is not None:
        frame, y = _without_target(frame, y, target)
    if y is not None:
        notes = [*notes, *_notes_on_target(y, target)]
    frame.columns = _told_apart(frame.columns)
    is_number = np.array([_kind(dtype) in "biuf" for dtype in frame.dtypes], dtype=bool)
    others = frame.loc[:, ~is_number]
    obstacles = {name: _obstacle(column) for name, column in others.items()}
    kept = _categories(others[[name for name in others if not obstacles[name]]])
    listed = _listed(
        [f"{name!r}{obstacles[name]}" for name in others.columns.drop(kept)]
    )
    is_kept = is_number | frame.columns.isin(kept)
    frame = frame.loc[:, is_kept]
    if min(frame.shape) < 2:
        reason = f"; neither numbers nor categories: {listed}" if listed else ""
        raise ValueError(
            f"found {_counted(frame.shape[0], 'row')} and "
            f"{_counted(frame.shape[1], 'column')} to compress: two columns "
            f"and some rows are needed{reason}"
        )
    if listed:
        notes = [*notes, f"left out, as neither numbers nor categories: {listed}"]
    numbers = frame.drop(columns=kept).astype(np.float64)
    _check_finite(numbers)
    is_plain = not kept and numbers.notna().all(axis=None)
    X = numbers.to_numpy() if is_plain else frame
    return FileContent(X, list(frame.columns), y, notes)


def _categories(frame):
    """Return the names of the columns that a TableEncoder takes."""
    kept = []
    for name, column in frame.items():
        try:
            with warnings.catch_warnings(action="ignore"):  # it says what it leaves out
                encoder = TableEncoder().fit(column.to_frame())
        except (TypeError, ValueError):  # lists, nothing but identifiers
            continue
        if name not in encoder.left_out_:
            kept.append(name)
    return kept


def _told_apart(names):
    """Return names of which none occurs twice: a second one has a number."""
    counts = Counter()
    unique = []
    for name in names:
        counts[name] += 1
        unique.append(f"{name} ({counts[name]})" if counts[name] > 1 else name)
    return unique


def _kind(dtype):
    return getattr(dtype, "kind", "O")


def _counted(n, noun):
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _obstacle(column):
    """Return, in brackets, the cell that keeps a column from being numbers."""
    text = column.dropna().astype(str).str.strip()
    is_number = pd.to_numeric(text, errors="coerce").notna()
    if is_number.mean() >= 0.5:
        i, n = np.argmin(is_number), np.count_nonzero(~is_number)
        return (
            f" (row {text.index[i] + 1} has {text.iloc[i]!r}; "
            f"{_counted(n, 'cell')} of {len(text)} no number)"
        )
    if len(text) and text.str.fullmatch(_LIKE_A_NUMBER).mean() >= 0.5:
        cell = text.iloc[0]
        comma = cell.rfind(",") > max(cell.rfind("."), 0)
        advice = "; --decimal , may help" if comma else ""
        return f" (row {text.index[0] + 1} has {cell!r}{advice})"
    return ""


def _without_target(frame, y, target):
    if y is not None:
        raise ValueError("the file has a target of its own, the array y")
    matches = np.flatnonzero(frame.columns == target)
    if len(matches) != 1:
        raise ValueError(
            f"{len(matches) or 'no'} columns have the name {target!r} of the target: "
            f"the columns are {_quoted(frame.columns)}"
        )
    return frame.drop(columns=target), frame[target].to_numpy()


def _notes_on_target(y, name):
    """Yield a warning of text that hardly tells classes."""
    n_missing = np.count_nonzero(pd.isna(y))
    if n_missing:
        raise ValueError(f"the target is missing in {n_missing} of {len(y)} rows")
    if np.asarray(y).dtype.kind in "biuf":
        return
    column = pd.Series(y).astype(str)
    n_classes = column.nunique()
    if n_classes * _ROWS_PER_CLASS > len(column):
        obstacle = _obstacle(column)
        advice = "; a quantity has numbers alone in its cells" if obstacle else ""
        yield (
            f"the target{'' if name is None else f' {name!r}'} is text, so it is taken "
            f"for class labels, of which there are {n_classes} in {len(column)} rows"
            f"{obstacle}{advice}"
        )


def _check_finite(numbers):
    is_bad = np.isinf(numbers)
    if is_bad.any(axis=None):
        raise ValueError(
            f"values are infinite in {is_bad.any(axis=1).sum()} of {len(is_bad)} rows, "
            f"in {_quoted(is_bad.columns[is_bad.any()])}: leave their cells empty, and "
            "they count as missing"
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
            f"the file has the arrays {_quoted(loaded.files)}: an array X, and y where "
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


_TEXT = (".csv", ".tsv", ".txt")
_READERS = {
    ".parquet": _read_parquet,
    ".npy": _read_arrays,
    ".npz": _read_arrays,
}


def _quoted(names):
    return _listed([repr(name) for name in names])


def _listed(words, limit=20):
    """Return words in a row, the first of them where there are many."""
    shown = ", ".join(words[:limit])
    rest = len(words) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown
