"""Which objects of other libraries are rows elsewhere, and how they are read.

No library is imported: an object is known by where its type comes from, and has all
methods that are needed.
"""

import sys
from functools import cache
from itertools import pairwise

import numpy as np

from ._source import Refused, Source

# A piece has about so many cells, so that neither calls nor memory count. A chunk is
# read as a whole, as it has to be decompressed as a whole, unless it is larger still.
PIECE_CELLS = 2**20
LARGEST_PIECE_CELLS = 2**24


def as_source(X):
    """Return the `Source` of what is not an array in memory, and None of all else.

    Raises
    ------
    TypeError
        For files and folders of which it is not clear what is meant.

    ValueError
        For columns that hold no numbers, or a file that is closed.
    """
    if isinstance(X, Source):
        return X
    libraries = {cls.__module__.partition(".")[0] for cls in type(X).__mro__}
    if "pyarrow" in libraries and hasattr(X, "get_fragments"):
        return _of_parquet(X)
    if "dask" in libraries and hasattr(X, "map_partitions"):
        return _of_frame(X) if hasattr(X, "columns") else None
    if libraries & {"h5py", "zarr"} and hasattr(X, "keys"):
        raise TypeError(
            f"X is a {type(X).__name__} with {sorted(X)}: pass one of these, as in "
            "fit(X['name'])."
        )
    if "h5py" in libraries and not X:
        raise ValueError("X is a dataset of a file that is closed.")
    return _of_array(X) if _is_array_elsewhere(X) else None


def _is_array_elsewhere(X):
    if isinstance(X, np.memmap):  # floats are taken as they are
        return X.ndim == 2 and X.dtype not in (np.float32, np.float64)
    is_here = isinstance(X, (np.ndarray, np.generic))
    is_other = any(hasattr(X, name) for name in ("iloc", "columns", "format"))
    has_rows = all(hasattr(X, name) for name in ("shape", "dtype", "__getitem__"))
    # tensors of other libraries have a dtype of their own
    is_rows = has_rows and isinstance(X.dtype, np.dtype)
    return is_rows and not is_here and not is_other


def _of_array(X):
    """Return the source of what has a shape, a dtype and slices."""
    shape = X.shape
    if len(shape) != 2:
        raise ValueError(
            f"Expected 2D array, got {len(shape)}D array instead: X has the shape "
            f"{shape}."
        )
    _check_numbers("X", X.dtype)
    return Source(
        lambda start, stop: _filled(X[start:stop]),
        lambda: _pieces(shape, _chunk_rows(X)),
        shape[1],
        _float_of([X.dtype]),
        _place(X),
    )


def _filled(rows):
    if isinstance(rows, np.ma.MaskedArray):
        return rows.astype(np.result_type(rows, np.float32)).filled(np.nan)
    return np.asarray(rows)


def _place(X):
    if hasattr(X, "file") and hasattr(X, "name"):
        return f"{X.name} in {X.file.filename!r}"
    return f"X ({str(X).splitlines()[0][:100]})" if hasattr(X, "chunks") else "X"


def _chunk_rows(X):
    """Return the ends of the chunks of rows, or a number if all have as many."""
    chunks = getattr(X, "shards", None) or getattr(X, "chunks", None)
    if not chunks:
        return 1
    return chunks[0] if np.ndim(chunks[0]) == 0 else np.cumsum(chunks[0])


def _pieces(shape, chunk):
    """Return bounds of pieces: whole chunks, as many as make one large enough."""
    n_rows, n_columns = shape
    if np.isnan(n_rows):
        raise Refused(
            "X is a dask array of chunks of unknown sizes. Call "
            "X.compute_chunk_sizes() first."
        )
    most = max(1, LARGEST_PIECE_CELLS // max(1, n_columns))
    if np.ndim(chunk) == 0:
        wanted = max(1, PIECE_CELLS // max(1, n_columns))
        step = min(max(chunk, wanted // chunk * chunk), most)
        return np.r_[np.arange(0, n_rows, step), n_rows]
    ends = [0]
    for end in _joined(chunk, n_columns):
        ends.extend(range(ends[-1] + most, end, most))
        ends.append(end)
    return np.array(ends)


def _joined(ends, n_columns):
    """Return the ends of units, but of those that are small together as one."""
    kept, start = [], 0
    for end, following in pairwise([*ends, np.inf]):
        if (following - start) * n_columns > PIECE_CELLS:
            kept.append(int(end))
            start = end
    return kept


def _of_units(lengths, read_unit, names, dtype, place):
    """Return the source of units with columns, such as partitions, read as a whole."""
    n_columns = len(names)

    @cache
    def ends():
        return np.cumsum(lengths())

    def read(start, stop):
        first, last = np.searchsorted(ends(), [start, stop - 1], "right")
        units = [read_unit(unit) for unit in range(first, last + 1)]
        return units[0] if len(units) == 1 else np.concatenate(units)

    return Source(
        read, lambda: [0, *_joined(ends(), n_columns)], n_columns, dtype, place, names
    )


def _of_frame(X):
    """Return the source of a dask DataFrame."""
    names = list(X.columns)
    dtypes = [getattr(dtype, "numpy_dtype", dtype) for dtype in X.dtypes]
    for name, dtype in zip(names, dtypes, strict=True):
        _check_numbers(f"Column {name!r} of X", dtype)
    dtype = _float_of(dtypes)
    parts = X.to_delayed()

    def read_part(number):
        frame = _computed(parts[number])
        if list(frame.columns) != names:
            raise Refused(
                f"Partition {number} of X has the columns {list(frame.columns)}, but X "
                f"is said to have {names}."
            )
        try:  # a column at a time takes ten times as long
            values = frame.to_numpy(dtype, na_value=np.nan)
        except (TypeError, ValueError):
            return _beside(
                lambda i: frame.iloc[:, i].to_numpy(dtype, na_value=np.nan),
                names,
                len(frame),
                dtype,
            )
        return _beside(lambda i: values[:, i], names, len(frame), dtype)

    def lengths():
        # of the very parts that are read: dask may join partitions when it optimises
        return [len(_computed(part)) for part in parts]

    return _of_units(lengths, read_part, names, dtype, "X (a dask DataFrame)")


def _computed(part):
    """Return a partition of a dask DataFrame, and let go of what reading it took.

    Where nobody has said who computes, this thread does: what others allocate stays
    theirs, and to ask dask for a client takes memory as well.
    """
    is_told = "distributed" in sys.modules or sys.modules["dask"].config.get(
        "scheduler", None
    )
    frame = part.compute(scheduler=None if is_told else "synchronous")
    if "pyarrow" in sys.modules:  # else Arrow keeps it, more with every partition
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    return frame


def _of_parquet(X):
    """Return the source of a pyarrow dataset of Parquet files."""
    if not str(getattr(X, "format", "")).startswith("<ParquetFileFormat"):
        raise TypeError(
            f"X is a {type(X).__name__} of other files than Parquet: make it by "
            "pyarrow.dataset.dataset(folder, format='parquet')."
        )
    schema, names = X.schema, list(X.schema.names)
    dtypes = [
        _numpy_dtype(f"Column {field.name!r} of X", field.type) for field in schema
    ]
    dtype = _float_of(dtypes)

    def anew(file, row_groups=None):
        # What is asked for its metadata keeps them: 1 kB a column of a row group.
        return file.format.make_fragment(
            file.path, file.filesystem, file.partition_expression, row_groups
        )

    @cache
    def groups():
        return [
            (file, group.id, group.num_rows)
            for file in X.get_fragments()
            for group in anew(file).row_groups
        ]

    def lengths():
        return [n_rows for _, _, n_rows in groups()]

    def read_group(number):
        file, group, _ = groups()[number]
        table = anew(file, [group]).to_table(schema=schema, columns=names)
        return _beside(
            lambda i: table.column(i).to_numpy(), names, table.num_rows, dtype
        )

    return _of_units(lengths, read_group, names, dtype, "X (Parquet files)")


def _beside(column, names, n_rows, dtype):
    """Return columns, of which a function returns each by its number, as one array."""
    rows = np.empty((n_rows, len(names)), dtype)
    for i, name in enumerate(names):
        try:
            rows[:, i] = column(i)
        except (TypeError, ValueError) as error:
            raise Refused(
                f"Column {name!r} of X holds something that is no number: {error}."
            ) from error
    return rows


def _numpy_dtype(what, kind):
    """Return the numpy dtype of an Arrow type of numbers."""
    try:
        dtype = np.dtype(kind.to_pandas_dtype())
    except (NotImplementedError, TypeError):
        dtype = np.dtype(object)
    if str(kind).startswith(("dictionary", "decimal")):
        dtype = np.dtype(object)
    _check_numbers(what, dtype, kind)
    return dtype


def _check_numbers(what, dtype, named=None):
    if getattr(dtype, "kind", "O") not in "biuf":
        raise ValueError(
            f"{what} holds no numbers ({named or dtype}). Encode it as numbers or "
            "leave it out."
        )


def _float_of(dtypes):
    """Return what `check_array` would make of such columns, float32 or float64."""
    is_single = np.float32 in dtypes and np.result_type(*dtypes) == np.float32
    return np.dtype(np.float32 if is_single else np.float64)
