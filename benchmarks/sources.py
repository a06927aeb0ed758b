"""Seconds, memory and error of a table as array, memmap, HDF5, zarr, Parquet, dask.

    OMP_NUM_THREADS=1 python -m benchmarks.sources [--megabytes 300] [--sorted]

Made data as in benchmarks.scaling, float32, 100 columns, default parameters. Every fit
has a process of its own, and transforms all rows afterwards, in blocks. "extra MB" is
the most memory that process had until the fit was done, less that of one that opens
the same table and fits ten rows; of the array and the memmap, less that of one that
reads it as well. "with codes" is the same after transform, whose result is in memory,
but for dask.
"error" is the mean squared error per cell of 20000 rows that were not fitted to.
--sorted has the rows in the order of their first column, which is the worst for
shuffling by blocks.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._data import fill, machine, parsed
from benchmarks.scaling import MB, in_new_process, open_memmap, peak_memory
from skae import AutoencoderTransformer

N_COLUMNS = 100
TEST_ROWS = 20_000
CHUNK_ROWS = 10_000
FILE_ROWS = 100_000
KINDS = (
    "array", "memmap", "h5py", "zarr", "parquet", "dask_array", "dask_dataframe",
)  # fmt: skip
CALL = "import benchmarks.sources as s; s."


def make(folder, n_rows, in_order):
    """Write the same rows as every kind of file."""
    import h5py
    import pyarrow as pa
    import pyarrow.parquet as pq
    import zarr

    X = fill(np.empty((n_rows + TEST_ROWS, N_COLUMNS), np.float32))
    X, X_test = X[:n_rows], X[n_rows:]
    if in_order:
        X = X[np.argsort(X[:, 0])]
    np.save(folder / "test.npy", X_test)
    np.save(folder / "X.npy", X)
    chunks = (CHUNK_ROWS, N_COLUMNS)
    with h5py.File(folder / "X.h5", "w") as file:
        file.create_dataset("X", data=X, chunks=chunks)
    array = zarr.create_array(
        folder / "X.zarr", shape=X.shape, chunks=chunks, dtype="f4"
    )
    array[:] = X
    (folder / "parquet").mkdir()
    names = [f"x{i}" for i in range(N_COLUMNS)]
    for start in range(0, n_rows, FILE_ROWS):
        table = pa.table(list(X[start : start + FILE_ROWS].T), names=names)
        file = folder / "parquet" / f"{start:09}.parquet"
        pq.write_table(table, file, row_group_size=CHUNK_ROWS)
    print(json.dumps({}))


def open_source(kind, folder):
    """Return the table as what a user would pass."""
    folder = Path(folder)
    if kind == "array":
        return np.load(folder / "X.npy")
    if kind == "memmap":
        return open_memmap(folder / "X.npy")
    if kind == "h5py":
        import h5py

        return h5py.File(folder / "X.h5")["X"]
    if kind == "zarr":
        import zarr

        return zarr.open_array(folder / "X.zarr", mode="r")
    if kind == "parquet":
        import pyarrow.dataset as ds

        return ds.dataset(folder / "parquet")
    if kind == "dask_array":
        import dask.array as da

        return da.from_zarr(folder / "X.zarr")
    import dask.dataframe as dd

    return dd.read_parquet(folder / "parquet", split_row_groups=True)


def hold(kind, folder):
    """Print the peak memory of a process that has all libraries and opens a table."""
    AutoencoderTransformer(max_iter=1).fit(np.eye(10))
    X = open_source(kind, folder)
    print(json.dumps({"peak": peak_memory(), "of": type(X).__name__}))


def fit(kind, folder):
    """Print seconds of fit and transform, peak memory and error."""
    X = open_source(kind, folder)
    start = time.perf_counter()
    fitted = AutoencoderTransformer(8, random_state=0).fit(X)
    middle = time.perf_counter()
    fit_peak = peak_memory()
    Z = fitted.transform(X)
    if hasattr(Z, "to_delayed"):  # lazy
        blocks = Z.to_delayed()
        for block in blocks if isinstance(blocks, list) else blocks.ravel():
            block.compute()
    end = time.perf_counter()
    peaks = {"fit_peak": fit_peak, "peak": peak_memory()}
    vars(fitted).pop("feature_names_in_", None)  # the test rows have none
    error = fitted.reconstruction_error(np.load(Path(folder) / "test.npy"))
    seconds = {"fit": middle - start, "transform": end - middle}
    print(json.dumps({**seconds, **peaks, "error": error}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=float, default=300)
    parser.add_argument("--sorted", action="store_true")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    arguments = parsed(parser)
    n_rows = int(arguments.megabytes * MB / (4 * N_COLUMNS))
    order = ", in the order of the first column" if arguments.sorted else ""
    print(f"{n_rows} rows, {N_COLUMNS} columns, float32{order}")
    print(
        f"{'':14} {'fit s':>7} {'transform s':>11} "
        f"{'extra MB':>8} {'with codes':>10} {'error':>8}"
    )
    with tempfile.TemporaryDirectory() as folder:
        make_call = f"{CALL}make(Path('{folder}'), {n_rows}, {arguments.sorted})"
        in_new_process(make_call)
        for kind in arguments.kinds:
            result = in_new_process(f"{CALL}fit('{kind}', '{folder}')")
            held = in_new_process(f"{CALL}hold('{kind}', '{folder}')")["peak"]
            print(
                f"{kind:14} {result['fit']:7.1f} {result['transform']:11.2f} "
                f"{(result['fit_peak'] - held) / MB:8.1f} "
                f"{(result['peak'] - held) / MB:10.1f} {result['error']:8.5f}",
                flush=True,
            )
    print(machine())


if __name__ == "__main__":
    main()
