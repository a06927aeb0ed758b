"""Rows that stay in files or task graphs: HDF5, zarr, dask, Parquet, and the like."""

import dask
import dask.array as da
import dask.dataframe as dd
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import torch
import zarr

from skae import (
    AutoencoderClassifier,
    AutoencoderTransformer,
    MarginalizedDenoisingAutoencoder,
)
from skae.data._source import Source
from skae.data._sources import as_source
from skae.data._table import Table
from skae.engine._rows import Batches, Rows
from skae.estimators._checkpoint import _contents

from .tables import make_curve

# Rows with names and without meet here; what becomes of names has a test of its own.
pytestmark = pytest.mark.filterwarnings("ignore:X .* feature names")

NAMES = list("abcdef")
N_ROWS = 240
PIECE = 30  # rows that are read at once in `in_pieces`


def make_rows(n_rows=N_ROWS):
    return make_curve(n_rows).astype(np.float32)


def in_h5py(X, folder, **options):
    file = h5py.File(folder / "X.h5", "w")
    return file.create_dataset("X", data=X, **options)


def in_zarr(X, folder):
    array = zarr.create_array(
        folder / "X.zarr", shape=X.shape, chunks=(PIECE, 4), dtype=X.dtype
    )
    array[:] = X
    return array


def in_dask_array(X, folder):
    return da.from_array(X, chunks=(PIECE, 4))


def in_dask_frame(X, folder):
    frame = pd.DataFrame(X, columns=NAMES)
    frame.index += 1000
    return dd.from_pandas(frame, npartitions=-(-len(X) // PIECE))


def in_parquet(X, folder):
    for start in range(0, len(X), 4 * PIECE):
        frame = pd.DataFrame(X[start : start + 4 * PIECE], columns=NAMES)
        frame.to_parquet(folder / f"{start:04}.parquet", row_group_size=PIECE)
    return ds.dataset(folder)


KINDS = {
    "h5py": in_h5py,
    "zarr": in_zarr,
    "dask_array": in_dask_array,
    "dask_frame": in_dask_frame,
    "parquet": in_parquet,
}


@pytest.fixture(params=KINDS)
def elsewhere(request, tmp_path):
    """Return a function that puts rows into each kind of place."""
    folder = tmp_path / "rows"
    folder.mkdir()
    return lambda X: KINDS[request.param](X, folder)


@pytest.fixture
def in_pieces(monkeypatch):
    """Let little be small, and return a list of the numbers of rows read at once."""
    monkeypatch.setattr("skae.data._source.HELD_BYTES", 4000)
    monkeypatch.setattr("skae.data._table.BLOCK_CELLS", 6 * 50)
    monkeypatch.setattr("skae.data._sources.PIECE_CELLS", 6 * PIECE)
    for module in ("_rows", "_folds"):
        monkeypatch.setattr(f"skae.engine.{module}.STANDARDISED_COPY_LIMIT", 3000)
    sizes, init = [], Source.__init__

    def watched(self, read, *args):
        def counted(start, stop):
            sizes.append(stop - start)
            return read(start, stop)

        init(self, counted, *args)

    monkeypatch.setattr(Source, "__init__", watched)
    return sizes


def quick(**parameters):
    defaults = {"init": "pca", "hidden_layer_sizes": (8,), "max_iter": 2}
    return AutoencoderTransformer(2, random_state=0, **{**defaults, **parameters})


def as_array(found):
    return np.asarray(found.compute() if hasattr(found, "compute") else found)


# -- the same as of the array ----------------------------------------------------------


def test_small_tables_elsewhere_are_those_in_memory(elsewhere):
    """All that is fitted and computed is the same to the last bit."""
    X = make_rows()
    there = elsewhere(X)
    here, fitted = quick().fit(X), quick().fit(there)
    assert fitted.reconstruction_error_ == here.reconstruction_error_
    assert fitted.loss_curve_ == here.loss_curve_
    for method in ("transform", "reconstruct", "score_samples", "score"):
        found = as_array(getattr(fitted, method)(there))
        np.testing.assert_array_equal(found, getattr(here, method)(X), method)
        assert method == "score" or found.dtype == np.float32 or found.ndim == 1


def test_rows_are_read_in_pieces(elsewhere, in_pieces):
    """A fitted model says the same of them, and closed forms are sums over blocks."""
    X = make_rows()
    there = elsewhere(X)
    here = MarginalizedDenoisingAutoencoder().fit(X)
    fitted = MarginalizedDenoisingAutoencoder().fit(there)
    for method in ("transform", "reconstruct", "score_samples", "score"):
        found = as_array(getattr(fitted, method)(there))
        expected = getattr(here, method)(X)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert sum(in_pieces) >= 3 * N_ROWS
    assert max(in_pieces) <= PIECE


def test_training_reads_in_pieces(elsewhere, in_pieces):
    """The same pieces give the same network, whatever they are read from."""
    X = make_rows()
    settings = {"batch_size": 16, "max_iter": 3}
    fitted = quick(**settings).fit(elsewhere(X))
    assert max(in_pieces) <= PIECE
    other = quick(**settings).fit(Elsewhere(X))
    assert fitted.loss_curve_ == other.loss_curve_
    np.testing.assert_array_equal(fitted.transform(X), other.transform(X))
    here = quick(**settings).fit(X)
    assert fitted.loss_curve_ != here.loss_curve_
    np.testing.assert_allclose(fitted.loss_curve_, here.loss_curve_, rtol=0.2)


def test_a_fit_reads_a_file_for_each_epoch_and_five_times_more(
    in_pieces, monkeypatch, tmp_path
):
    """For rows that judge, moments, axes, starts, and what the codes tell."""
    monkeypatch.setattr("skae.engine._judges.SPRINT_ROWS", 40)
    monkeypatch.setattr("skae.engine._explained.PREDICTED_ROWS", 20)
    fitted = quick(init="auto", max_iter=3, validation_fraction=0.4).fit(
        in_h5py(make_rows(), tmp_path)
    )
    assert fitted.judge_ == "held_out"
    assert sum(in_pieces) <= (fitted.n_iter_ + 5) * N_ROWS


def test_shuffling_by_pieces_errs_no_more(in_pieces):
    """Nor where each piece holds rows of one kind, as in a table in order."""
    X, X_new = make_rows(1500), make_rows(1000)
    X = X[np.argsort(X[:, 0])]
    settings = {"max_iter": 12, "batch_size": 32}
    here, fitted = quick(**settings).fit(X), quick(**settings).fit(Elsewhere(X))
    assert max(in_pieces) <= PIECE
    assert not fitted.is_pca_
    error = fitted.reconstruction_error(X_new)
    assert error < 1.2 * here.reconstruction_error(X_new)
    assert error < 0.5 * fitted.pca_reconstruction_error_


def test_names_of_columns_are_kept_and_compared(tmp_path):
    X = make_rows()
    for there in (in_dask_frame(X, None), in_parquet(X, tmp_path)):
        fitted = quick().fit(there)
        assert list(fitted.feature_names_in_) == NAMES
        frame = pd.DataFrame(X, columns=NAMES)
        np.testing.assert_array_equal(
            as_array(fitted.transform(there)), fitted.transform(frame)
        )
        with pytest.raises(ValueError, match="feature names should match"):
            fitted.transform(dd.from_pandas(frame[NAMES[::-1]], npartitions=1))


@pytest.mark.parametrize("dtype", ["int16", "uint8", "bool", "float16", ">f4", "f8"])
def test_numbers_become_those_of_arrays(dtype, tmp_path, in_pieces):
    """Float32 stays, all else is float64, a piece at a time."""
    X = (10 * make_rows()).astype(dtype)
    np.save(tmp_path / "X.npy", X)
    memmap = np.load(tmp_path / "X.npy", mmap_mode="r")
    here = MarginalizedDenoisingAutoencoder().fit(X)
    sources = [in_h5py(X, tmp_path), *([] if dtype == "f8" else [memmap])]
    for there in sources:
        in_pieces.clear()
        Z = MarginalizedDenoisingAutoencoder().fit(there).transform(there)
        np.testing.assert_allclose(Z, here.transform(X), rtol=1e-5, atol=1e-5)
        assert Z.dtype == here.transform(X).dtype
        assert 0 < max(in_pieces) <= PIECE


def test_partitions_that_dask_joins_are_counted_as_they_are_read(tmp_path, in_pieces):
    """A few columns of many files are read several files at a time."""
    X = make_rows()
    for i in range(8):
        frame = pd.DataFrame(X[i * PIECE : (i + 1) * PIECE], columns=NAMES)
        wide = pd.DataFrame(np.zeros((PIECE, 60)), columns=[f"z{j}" for j in range(60)])
        pd.concat([frame, wide], axis=1).to_parquet(tmp_path / f"{i}.parquet")
    there = dd.read_parquet(tmp_path)[["a", "b"]]
    fitted = MarginalizedDenoisingAutoencoder().fit(there)
    here = MarginalizedDenoisingAutoencoder().fit(X[:, :2])
    np.testing.assert_allclose(fitted.mean_, here.mean_, rtol=1e-6)


def test_weights_and_held_out_rows_go_with_their_rows(elsewhere, in_pieces):
    """Rows without weight are never used, wherever they are."""
    X = make_rows()
    weight = np.r_[np.zeros(40), np.linspace(1, 2, N_ROWS - 40)]
    X[:40] = 1e6
    settings = {"early_stopping": False, "batch_size": N_ROWS}
    there = elsewhere(X)
    here = quick(**settings).fit(X, sample_weight=weight)
    fitted = quick(**settings).fit(there, sample_weight=weight)
    np.testing.assert_allclose(fitted.mean_, here.mean_, rtol=1e-6)
    np.testing.assert_allclose(fitted.loss_curve_, here.loss_curve_, rtol=1e-4)
    validated = quick(**settings, tol=0).fit(X, X_val=there)
    assert validated.judge_ == "held_out"


def test_partial_fit_takes_pieces_as_arrays(elsewhere, in_pieces):
    """The model is that of the same rows at once."""
    X = make_rows(600)
    here = quick(batch_size=32).partial_fit(X)
    fitted = quick(batch_size=32).partial_fit(elsewhere(X))
    assert fitted.n_samples_seen_ == 600
    assert fitted.n_iter_ > 1
    assert max(in_pieces) <= PIECE
    np.testing.assert_allclose(fitted.transform(X), here.transform(X), rtol=1e-4)


def test_partial_fit_that_meets_a_hole_takes_all_back(tmp_path, in_pieces):
    X = make_rows(600)
    fitted = quick(batch_size=32).partial_fit(X)
    losses, Z = list(fitted.loss_curve_), fitted.transform(X)
    X[-1, 2] = np.nan
    with pytest.raises(ValueError, match="column 2, row 599"):
        fitted.partial_fit(in_h5py(X, tmp_path))
    assert fitted.loss_curve_ == losses
    np.testing.assert_array_equal(fitted.transform(make_rows(600)), Z)


def test_estimators_that_cannot_read_pieces_read_all(tmp_path):
    """As before, so that they take such tables as well."""
    X = make_rows()
    y = X[:, 0] > 0
    classifier = AutoencoderClassifier(
        MarginalizedDenoisingAutoencoder(), max_iter=2, random_state=0
    )
    there = in_h5py(X, tmp_path)
    here = classifier.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(classifier.fit(there, y).predict_proba(there), here)


def test_checkpoints_know_rows_wherever_they_are(tmp_path):
    X = make_rows()
    there = Table(as_source(in_h5py(X, tmp_path)))
    assert _contents("X", there) == _contents("X", Table(X))


# -- how rows are read -----------------------------------------------------------------


class Elsewhere:
    """The least that is taken for rows elsewhere; it must not be read whole."""

    def __init__(self, X, chunks=None):
        self.X, self.shape, self.dtype, self.chunks = X, X.shape, X.dtype, chunks
        self.read = []

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.read.append((rows.start, rows.stop))
        return self.X[rows]

    def __array__(self, *args, **kwargs):
        raise AssertionError("loaded whole")


def test_whatever_has_shape_dtype_and_slices_is_read_in_pieces(in_pieces):
    X = make_rows()
    there = Elsewhere(X)
    fitted = MarginalizedDenoisingAutoencoder().fit(there)
    assert fitted.score(there) == pytest.approx(fitted.score(X))
    assert {stop - start for start, stop in there.read} == {PIECE}


@pytest.mark.parametrize(
    ("chunks", "bounds"),
    [
        (None, [0, 30, 60, 90, 100]),
        ((8, 2), [0, 24, 48, 72, 96, 100]),
        ((45, 6), [0, 45, 90, 100]),
        (((20, 5, 5, 50, 20), (6,)), [0, 30, 80, 100]),
    ],
    ids=["none", "small", "large", "uneven"],
)
def test_pieces_are_whole_chunks(chunks, bounds, in_pieces):
    """Several small ones at once; a large one is not read twice."""
    source = as_source(Elsewhere(make_rows(100), chunks))
    assert source.bounds.tolist() == bounds


def test_pieces_of_huge_chunks_are_parts(in_pieces, monkeypatch):
    monkeypatch.setattr("skae.data._sources.LARGEST_PIECE_CELLS", 6 * 40)
    for chunks in ((90, 6), ((90, 10), (6,))):
        bounds = as_source(Elsewhere(make_rows(100), chunks)).bounds
        assert np.diff(bounds).max() == 40


@pytest.mark.parametrize(
    "rows", [slice(3, 70), slice(0, 100, 7), [5, 99, 5, 0, 64], np.arange(99, -1, -1)]
)
def test_any_rows_can_be_taken(rows, in_pieces):
    """In the order asked for; each piece is read once."""
    X = make_rows(100)
    there = Elsewhere(X)
    source = as_source(there)
    np.testing.assert_array_equal(
        source[np.asarray(rows) if isinstance(rows, list) else rows], X[rows]
    )
    assert len(set(there.read)) == len(there.read)


@pytest.mark.parametrize("n_rows", [7, 30, 50, 1000])
def test_blocks_of_any_size_read_each_piece_once(n_rows, in_pieces):
    there = Elsewhere(make_rows(100))
    found = np.concatenate(list(Table(as_source(there)).blocks(n_rows)))
    np.testing.assert_array_equal(found, there.X)
    assert there.read == [(0, 30), (30, 60), (60, 90), (90, 100)]


def test_few_rows_of_many_are_read_once(in_pieces):
    """Held-out rows, and rows spread over the table."""
    there = Elsewhere(make_rows(2400))
    table = Table(as_source(there))
    for few in (table.spread(50), table.take(np.arange(0, 2400, 40)).held()):
        there.read.clear()
        assert few.moments.n_rows in (50, 60)
        assert there.read == []


def batches_of(X, batch_size, seed=None):
    """Return the batches of an epoch, and the rows as they are read."""
    there = Elsewhere(X)
    table = Table(as_source(there), np.arange(1.0, len(X) + 1))
    table = table.take(np.flatnonzero(np.arange(len(X)) % 7))
    network = torch.nn.Module()
    network.mean = network.inverse_scale = None
    rows = Rows(table, network, dtype=torch.float32, device="cpu", normalise=False)
    generator = seed if seed is None else torch.Generator().manual_seed(seed)
    return list(Batches(rows, batch_size, generator)), there.read


def test_an_epoch_has_every_row_once_and_reads_each_piece_once(in_pieces):
    """With its weight, and shuffled: by runs, and then among some of these."""
    X = np.arange(2400, dtype=np.float32)[:, None] + np.zeros(6, np.float32)
    batches, read = batches_of(X, 32, seed=0)
    first = np.concatenate([U[:, 0].numpy() for U, _ in batches]).astype(int)
    weight = np.concatenate([weight.numpy() for _, weight in batches])
    expected = np.flatnonzero(np.arange(2400) % 7)
    np.testing.assert_array_equal(np.sort(first), expected)
    np.testing.assert_array_equal(weight, first + 1)
    assert len(set(read)) == len(read) == 80
    assert read != sorted(read)
    pieces_of_batch = [len(set(U[:, 0].int().tolist())) for U, _ in batches]
    assert min(pieces_of_batch) >= 20  # of 32 rows: not a run of neighbours
    kinds = [len({int(x) // PIECE for x in U[:, 0]}) for U, _ in batches]
    assert min(kinds) >= 3
    again = torch.cat([U[:, 0] for U, _ in batches_of(X, 32, seed=0)[0]])
    other = torch.cat([U[:, 0] for U, _ in batches_of(X, 32, seed=1)[0]])
    np.testing.assert_array_equal(again, first)
    assert not np.array_equal(other, first)


def test_without_a_generator_rows_come_in_order(in_pieces):
    X = np.arange(2400, dtype=np.float32)[:, None] + np.zeros(6, np.float32)
    batches, read = batches_of(X, 100)
    found = torch.cat([U[:, 0] for U, _ in batches]).int()
    np.testing.assert_array_equal(found, np.flatnonzero(np.arange(2400) % 7))
    assert read == sorted(set(read))


# -- lazy results ----------------------------------------------------------------------


@pytest.fixture
def fitted():
    return quick().fit(make_rows())


@pytest.mark.parametrize("method", ["transform", "reconstruct"])
def test_results_for_dask_arrays_are_lazy(fitted, method):
    """With chunks, dtype and meta as they will be."""
    computed = []

    def watched(block):
        computed.append(len(block))
        return block

    X = make_rows()
    there = da.from_array(X, chunks=(100, 4)).map_blocks(watched, dtype=X.dtype)
    computed.clear()
    Z = getattr(fitted, method)(there)
    assert computed == []
    expected = getattr(fitted, method)(X)
    assert Z.shape == expected.shape
    assert Z.chunks == ((100, 100, 40), (expected.shape[1],))
    assert Z.dtype == Z._meta.dtype == np.float32
    np.testing.assert_allclose(Z.compute(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", ["transform", "reconstruct"])
def test_results_for_dask_frames_are_lazy_frames(method):
    """With the index of the rows; empty partitions stay empty."""
    X = make_rows()
    frame = in_dask_frame(X, None)
    fitted = quick().fit(frame)
    some = frame[frame["a"] > 1.5]
    Z = getattr(fitted, method)(some)
    assert isinstance(Z, dd.DataFrame)
    assert (Z.dtypes == np.float32).all()
    kept = some.compute()
    assert len(kept) < N_ROWS
    found = Z.compute()
    pd.testing.assert_index_equal(found.index, kept.index)
    names = {"transform": fitted.get_feature_names_out(), "reconstruct": NAMES}
    assert list(found.columns) == list(Z.columns) == list(names[method])
    expected = getattr(fitted, method)(kept)
    np.testing.assert_allclose(found.to_numpy(), expected, rtol=1e-5, atol=1e-6)


def test_codes_go_back_lazily(fitted):
    X = make_rows()
    Z = fitted.transform(da.from_array(X, chunks=100))
    X_hat = fitted.inverse_transform(Z)
    assert X_hat.chunks == ((100, 100, 40), (6,))
    expected = fitted.reconstruct(X)
    np.testing.assert_allclose(X_hat.compute(), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="have 6 columns"):
        fitted.inverse_transform(da.from_array(X))


def test_lazy_results_are_those_of_the_model_that_was_asked(fitted):
    """Another fit before they are computed changes nothing."""
    X = make_rows()
    Z, expected = fitted.transform(da.from_array(X)), fitted.transform(X)
    fitted.fit(-X)
    np.testing.assert_allclose(Z.compute(), expected, rtol=1e-5, atol=1e-6)


def test_mixed_tables_are_transformed_a_partition_at_a_time():
    frame = pd.DataFrame(make_rows(), columns=NAMES).assign(kind=["x", "y"] * 120)
    fitted = quick().fit(frame)
    Z = fitted.transform(dd.from_pandas(frame, npartitions=3))
    assert (Z.dtypes == np.float64).all()
    np.testing.assert_allclose(Z.compute(), fitted.transform(frame), rtol=1e-10)


def test_set_output_asks_for_what_is_in_memory(fitted):
    fitted.set_output(transform="pandas")
    found = fitted.transform(da.from_array(make_rows(), chunks=100))
    assert isinstance(found, pd.DataFrame)


def test_lazy_errors_come_at_once_where_nothing_has_to_be_computed(fitted):
    with pytest.raises(ValueError, match="expecting 6 features"):
        fitted.transform(da.zeros((10, 5)))
    with pytest.raises(ValueError, match="Expected 2D array"):
        fitted.transform(da.zeros(10))


# -- what a bad table gets -------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "found"), [(np.nan, "NaN"), (-np.inf, "infinity")], ids=["nan", "inf"]
)
def test_cells_that_are_no_numbers_are_named(elsewhere, in_pieces, value, found):
    """By column and row, whichever method reads them."""
    X = make_rows()
    fitted = quick().fit(X)
    X[131, 4] = value
    there = elsewhere(X)
    message = f"Input X contains {found}: column ('e'|4), row 131 of .*1 such cell"
    for method in (quick().fit, quick().partial_fit, fitted.score):
        with pytest.raises(ValueError, match=message):
            method(there)
    with pytest.raises(ValueError, match=f"contains {found}"):
        as_array(fitted.transform(there))


@pytest.mark.parametrize(
    ("column", "named"),
    [
        (["x", "y"] * 120, "str|object|string"),
        (pd.Categorical(["x", "y"] * 120), "category"),
        (pd.date_range("2020", periods=240), "datetime64"),
    ],
    ids=["text", "category", "date"],
)
def test_columns_that_are_no_numbers_are_named(column, named, tmp_path):
    frame = pd.DataFrame(make_rows(), columns=NAMES).assign(when=column)
    frame.to_parquet(tmp_path / "X.parquet")
    with pytest.raises(ValueError, match=f"'when' of X holds.*({named})"):
        quick().fit(dd.from_pandas(frame, npartitions=2))
    with pytest.raises(ValueError, match="'when' of X holds"):
        quick().fit(ds.dataset(tmp_path))


@pytest.mark.parametrize("dtype", ["S3", [("a", "f4")], "complex64"])
def test_arrays_of_no_numbers_are_refused(dtype, tmp_path):
    there = in_h5py(np.zeros((20, 3), dtype), tmp_path)
    with pytest.raises(ValueError, match="X holds no numbers"):
        quick().fit(there)


def test_missing_cells_of_columns_are_named(tmp_path):
    """Nulls of integers, in Parquet and in pandas, are NaN."""
    frame = pd.DataFrame(
        {"a": pd.array([1, 2, None] * 10, "Int64"), "b": np.arange(30.0)}
    )
    frame.to_parquet(tmp_path / "X.parquet")
    for there in (ds.dataset(tmp_path), dd.from_pandas(frame, npartitions=2)):
        with pytest.raises(ValueError, match="NaN: column 'a', row 2 "):
            quick().fit(there)


def test_masked_cells_are_named():
    X = np.ma.masked_greater(make_rows(), 10.5)
    assert X.mask.any()
    with pytest.raises(ValueError, match="Input X contains NaN: column 4"):
        quick().fit(Elsewhere(X))


def test_text_that_a_partition_brings_is_named():
    frames = [pd.DataFrame({"a": [1.0, 2], "b": 1.0})] * 3
    frames.append(pd.DataFrame({"a": [1.0, 2], "b": ["x", "y"]}))
    there = dd.from_map(lambda i: frames[i], range(4), meta=frames[0])
    with pytest.raises(ValueError, match="Column 'b' of X holds.*'x'"):
        quick().fit(there)


def test_a_partition_with_other_columns_is_named():
    frames = [pd.DataFrame({"a": [1.0, 2], "b": 1.0}), pd.DataFrame({"a": [1.0]})]
    there = dd.from_map(lambda i: frames[i], range(2), meta=frames[0])
    with pytest.raises(ValueError, match=r"Partition 1 .*\['a'\].*\['a', 'b'\]"):
        quick().fit(there)


def test_a_chunk_of_another_size_than_told_is_named():
    blocks = [
        da.from_delayed(dask.delayed(np.zeros)((n, 6)), (50, 6), "f8") for n in (50, 49)
    ]
    with pytest.raises(ValueError, match=r"Rows 0 to 99 .*\(100, 6\).*\(99, 6\)"):
        quick().fit(da.concatenate(blocks))


def test_broken_chunks_are_named(tmp_path):
    """An OSError says where, whatever the library makes of them."""
    there = in_h5py(make_rows(), tmp_path, chunks=(100, 6), compression="gzip")
    chunk = there.id.get_chunk_info(1)
    there.file.close()
    with open(tmp_path / "X.h5", "r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(bytes(chunk.size))
    with (
        h5py.File(tmp_path / "X.h5") as file,
        pytest.raises(
            OSError, match=r"Rows 0 to 239 of /X in '.*X\.h5' cannot be read"
        ),
    ):
        quick().fit(file["X"])
    there = in_zarr(make_rows(), tmp_path)
    chunks = sorted(path for path in (tmp_path / "X.zarr" / "c").rglob("*"))
    broken = [path for path in chunks if path.is_file()][3]
    broken.write_bytes(broken.read_bytes()[:20])
    with pytest.raises(OSError, match="Rows 0 to 239 of .*X.zarr.* cannot be read"):
        quick().fit(there)


def test_a_parquet_file_that_ends_early_is_named(tmp_path):
    there = in_parquet(make_rows(), tmp_path)
    broken = tmp_path / "0120.parquet"
    broken.write_bytes(broken.read_bytes()[:500])
    with pytest.raises(OSError, match=r"Parquet.*cannot be counted.*0120\.parquet"):
        quick().fit(there)


def test_a_task_that_fails_is_named():
    there = da.zeros((20, 3)).map_blocks(lambda block: 1 / 0, dtype=float)
    with pytest.raises(OSError, match="Rows 0 to 19 .*ZeroDivisionError"):
        quick().fit(there)


def test_what_holds_several_tables_says_which(tmp_path):
    file = in_h5py(make_rows(), tmp_path).file
    with pytest.raises(TypeError, match=r"X is a File with \['X'\]: pass one"):
        quick().fit(file)
    group = zarr.create_group(tmp_path / "groups.zarr")
    with pytest.raises(TypeError, match=r"X is a Group with \[\]"):
        quick().fit(group)


def test_a_closed_file_is_an_error(tmp_path):
    there = in_h5py(make_rows(), tmp_path)
    there.file.close()
    with pytest.raises(ValueError, match="closed"):
        quick().fit(there)


def test_files_other_than_parquet_are_an_error(tmp_path):
    pd.DataFrame(make_rows()).to_csv(tmp_path / "X.csv")
    for there in (
        ds.dataset(tmp_path, format="csv"),
        ds.dataset(pa.table({"a": [1.0]})),
    ):
        with pytest.raises(TypeError, match="other files than Parquet"):
            quick().fit(there)


def test_shapes_are_checked(tmp_path):
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        quick().fit(in_h5py(make_rows()[:, 0], tmp_path))
    with pytest.raises(ValueError, match="0 sample"):
        quick().fit(da.zeros((0, 4)))
    unknown = in_dask_frame(make_rows(), None).to_dask_array()
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        quick().fit(unknown)


def test_limits_of_the_loss_are_checked_in_pieces(tmp_path, in_pieces):
    X = np.random.default_rng(0).random((N_ROWS, 6))
    X[200, 3] = 1.5
    with pytest.raises(ValueError, match="column 3 ranges from .* to 1.5"):
        quick(loss="binary_cross_entropy").fit(in_h5py(X, tmp_path))


def test_partition_columns_of_a_folder_are_columns(tmp_path):
    table = pa.table({"a": [1.0, 2.0] * 10, "part": [1, 2] * 10})
    pq.write_to_dataset(table, tmp_path, partition_cols=["part"])
    fitted = quick().fit(ds.dataset(tmp_path, partitioning="hive"))
    assert list(fitted.feature_names_in_) == ["a", "part"]
    np.testing.assert_allclose(fitted.mean_, [1.5, 1.5])
