"""What X may be: dtypes, containers, memory layouts, shapes, scales, and what not."""

import numpy as np
import pytest
import torch
from scipy import sparse
from skorch.callbacks import Callback

from skae import AutoencoderTransformer
from skae.data._table import Table
from skae.engine._rows import Rows
from skae.inference._tensors import as_tensor

from .tables import best_linear_error, make_binary, make_curve, mean_squared_error

FEW = {"max_iter": 4, "random_state": 0}
START = {
    "init": "pca",
    "max_iter": 1,
    "learning_rate_init": 1e-12,
    "random_state": 0,
}


def fit(X, **parameters):
    return AutoencoderTransformer(**(FEW | parameters)).fit(X)


def make_counts(n_samples=80):
    """Return rows of small integers, which every dtype holds exactly."""
    return np.clip(np.round(4 * make_curve(n_samples) + 20), 0, 100)


@pytest.fixture(scope="module")
def reference():
    """A model of counts in float64."""
    return fit(make_counts())


# -- dtypes ---------------------------------------------------------------------------

DTYPES = [
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float64", ">f8", ">i4", ">f4", ">f2", "object"),
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_gives_the_model_of_float64(dtype, reference):
    """Numbers mean the same in whatever they are stored; results are float64."""
    X = make_counts()
    autoencoder = fit(X.astype(dtype))
    Z = autoencoder.transform(X.astype(dtype))
    np.testing.assert_array_equal(Z, reference.transform(X))
    assert Z.dtype == autoencoder.reconstruct(X.astype(dtype)).dtype == np.float64


def test_float32_stays_float32(reference):
    """Rows in single precision give nearly the same model, in single precision."""
    X = make_counts().astype(np.float32)
    autoencoder = fit(X)
    Z = autoencoder.transform(X)
    assert Z.dtype == autoencoder.inverse_transform(Z).dtype == np.float32
    np.testing.assert_allclose(Z, reference.transform(X), atol=1e-2)


def test_booleans_are_zeros_and_ones():
    """A table of truth values is the table of its ones."""
    X = make_binary(60)
    as_bool, as_float = fit(X.astype(bool)), fit(X)
    np.testing.assert_array_equal(
        as_bool.transform(X.astype(bool)), as_float.transform(X)
    )


@pytest.mark.parametrize("X", [[["a", "b"], ["c", "d"]], 1j * np.eye(4)])
def test_what_is_no_number_is_refused(X):
    """Text and complex numbers are a ValueError."""
    with pytest.raises(ValueError, match=r"convert string to float|Complex data"):
        fit(X)


# -- containers -----------------------------------------------------------------------


def as_pandas(X):
    return pytest.importorskip("pandas").DataFrame(
        X, columns=[f"c{i}" for i in range(X.shape[1])]
    )


def as_polars(X):
    return pytest.importorskip("polars").DataFrame(
        X, schema=[f"c{i}" for i in range(X.shape[1])], orient="row"
    )


def as_mixed_frame(X):
    """Return a pandas frame whose columns have three dtypes."""
    return as_pandas(X).astype({"c0": "int16", "c1": "float32", "c2": "Int64"})


CONTAINERS = {
    "list": lambda X: X.tolist(),
    "tuple of tuples": lambda X: tuple(map(tuple, X.tolist())),
    "pandas": as_pandas,
    "mixed pandas": as_mixed_frame,
    "polars": as_polars,
    "csr array": sparse.csr_array,
    "csr matrix": sparse.csr_matrix,
    "csc array": sparse.csc_array,
    "csc matrix": sparse.csc_matrix,
    "coo array": sparse.coo_array,
    "lil array": sparse.lil_array,
    "torch": torch.tensor,
    "torch with gradient": lambda X: torch.tensor(X, requires_grad=True),
    "fortran": np.asfortranarray,
    "negative strides": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "every other row": lambda X: X.repeat(2, axis=0)[::2],
    "every other column": lambda X: X.repeat(2, axis=1)[:, ::2],
    "transposed": lambda X: X.T.copy().T,
    "unaligned": lambda X: unaligned(X),
    "read-only": lambda X: read_only(X),
}


def unaligned(X):
    """Return the table at an address that is no multiple of its item size."""
    memory = np.zeros(X.nbytes + 1, dtype=np.uint8)
    table = memory[1:].view(X.dtype).reshape(X.shape)
    table[:] = X
    assert not table.flags.aligned
    return table


def read_only(X):
    X = X.copy()
    X.setflags(write=False)
    return X


@pytest.mark.parametrize("as_container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("init", ["pca", "random"])
def test_every_container_gives_the_model_of_the_array(as_container, init):
    """Fitted and applied in any container, the results are those of a plain array."""
    X = make_counts()
    expected = fit(X, init=init)
    autoencoder = fit(as_container(X), init=init)
    for method in ("transform", "reconstruct", "score_samples"):
        found = getattr(autoencoder, method)(as_container(X))
        reference = getattr(expected, method)(X)
        assert type(found) is np.ndarray
        np.testing.assert_allclose(found, reference, rtol=1e-9, atol=1e-9)
    assert autoencoder.score(as_container(X)) == pytest.approx(expected.score(X))


@pytest.mark.parametrize("as_container", [list, tuple])
@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_lists_after_set_output(container, as_container):
    """A list has methods called index and columns, and no frame's index."""
    pytest.importorskip(container)
    X = make_counts()
    autoencoder = fit(X)
    expected = autoencoder.reconstruct(X)
    Z = autoencoder.transform(X)
    autoencoder.set_output(transform=container)
    for found in (
        autoencoder.inverse_transform(as_container(Z.tolist())),
        autoencoder.reconstruct(as_container(X.tolist())),
    ):
        assert type(found).__module__.startswith(container)
        assert list(found.columns) == [f"x{i}" for i in range(6)]
        np.testing.assert_allclose(found.to_numpy(), expected, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int32])
def test_torch_dtypes(dtype, reference):
    """Tensors of dtypes that numpy has or has not are taken for their values."""
    X = torch.tensor(make_counts())
    Z = fit(X.to(dtype)).transform(X.to(dtype))
    np.testing.assert_allclose(Z, reference.transform(X), atol=1e-2)


def test_codes_may_be_a_tensor_too(reference):
    """inverse_transform takes what transform would."""
    Z = reference.transform(make_counts())
    found = reference.inverse_transform(torch.tensor(Z, requires_grad=True))
    np.testing.assert_array_equal(found, reference.inverse_transform(Z))


def test_sample_weight_may_be_a_list_or_a_tensor():
    """Weights mean the same in any container."""
    X = make_counts()
    weight = np.arange(1.0, 81.0)
    models = [
        AutoencoderTransformer(**FEW).fit(X, sample_weight=w)
        for w in (weight, weight.tolist(), torch.tensor(weight))
    ]
    expected = models[0].transform(X)
    for model in models[1:]:
        np.testing.assert_array_equal(model.transform(X), expected)
        assert model.score(X, sample_weight=torch.tensor(weight)) == pytest.approx(
            models[0].score(X, sample_weight=weight)
        )


def test_sparse_rows_stay_sparse(monkeypatch):
    """A sparse table too large for a dense copy is never dense as a whole."""
    rng = np.random.default_rng(0)
    X = sparse.csr_array((rng.random((12000, 100)) < 0.01) * 1.0)
    monkeypatch.setattr("skae.engine._rows.STANDARDISED_COPY_LIMIT", 2**20)
    dense, sizes = type(X).toarray, []

    def watched(self, *args, **kwargs):
        sizes.append(self.shape[0])
        return dense(self, *args, **kwargs)

    monkeypatch.setattr(type(X), "toarray", watched)
    autoencoder = fit(X, max_iter=1, batch_size=1000)
    scores = autoencoder.score_samples(X)
    assert 0 < max(sizes) < 12000
    monkeypatch.undo()
    np.testing.assert_allclose(
        scores, autoencoder.score_samples(X.toarray()), rtol=1e-9
    )


# -- memory ---------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path):
    """A read-only memory-mapped table in float32, and its contents."""
    X = make_curve(300).astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r"), X


class TakeRows(Callback):
    """Keeps what training reads its rows from."""

    def __init__(self, found):
        self.found = found

    def on_train_begin(self, net, X=None, **kwargs):
        self.found.append(X)


def test_mapped_rows_are_trained_on_where_they_are(stored):
    """A plain network reads the file's own memory, batch by batch."""
    mapped, X = stored
    found = []
    autoencoder = fit(mapped, init="random", callbacks=[TakeRows(found)])
    assert np.shares_memory(found[0].prepared.numpy(), mapped)
    np.testing.assert_array_equal(autoencoder.transform(mapped), fit_plain(X))
    np.testing.assert_array_equal(mapped, X)


def fit_plain(X):
    return fit(X, init="random").transform(X)


@pytest.mark.parametrize("init", ["pca", "random"])
def test_rows_are_left_as_they_were(init):
    """No method writes to the caller's table, writable or not."""
    X = make_curve(100)
    before = X.copy()
    autoencoder = fit(X, init=init, whiten=True)
    for method in ("transform", "reconstruct", "score", "score_samples"):
        getattr(autoencoder, method)(X)
    Z = autoencoder.transform(X)
    codes = Z.copy()
    autoencoder.inverse_transform(Z)
    autoencoder.partial_fit(X)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(Z, codes)


def test_codes_do_not_share_the_memory_of_the_rows():
    """Results are the caller's own: writing to one changes nothing else."""
    X = np.ascontiguousarray(make_curve(50))
    autoencoder = fit(X, hidden_layer_sizes=(), init="random")
    Z, X_hat = autoencoder.transform(X), autoencoder.reconstruct(X)
    Z[:], X_hat[:] = 0, 0
    assert autoencoder.transform(X).any()
    assert not np.shares_memory(X_hat, X)


@pytest.mark.parametrize(
    "X",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6.0, dtype=np.float32).reshape(2, 3),
        read_only(np.arange(6.0).reshape(2, 3)),
    ],
)
def test_tensor_shares_the_memory_of_its_array(X):
    """Also where the array may not be written to; torch does not warn."""
    tensor = as_tensor(X)
    assert np.shares_memory(tensor.numpy(), X)
    np.testing.assert_array_equal(tensor.numpy(), X)


def test_large_tables_are_standardised_a_batch_at_a_time(monkeypatch):
    """Beyond a limit there is no standardised copy, and the batches are the same."""
    X = make_curve(50)
    network = fit(X)._network
    options = {"dtype": torch.float64, "device": "cpu"}
    at_once = Rows(Table(X), network, **options)
    monkeypatch.setattr("skae.engine._rows.STANDARDISED_COPY_LIMIT", 100)
    some = Table(sparse.csr_array(X)).take(np.arange(10, 40))
    by_batch = Rows(some, network, **options)
    assert at_once.prepared is not None
    assert by_batch.prepared is None
    positions = torch.tensor([0, 7, 3])
    U, _ = by_batch[positions]
    torch.testing.assert_close(U, at_once[positions + 10][0])
    mean, inverse = network.mean.numpy(), network.inverse_scale.numpy()
    np.testing.assert_allclose(U, ((X - mean) * inverse)[[10, 17, 13]], rtol=1e-12)


# -- shapes ---------------------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_a_handful_of_rows(n_samples, init):
    """There is a model of any number of rows, however few."""
    X = make_curve(n_samples)
    autoencoder = fit(X, n_components=3, init=init)
    assert autoencoder.transform(X).shape == (n_samples, 3)
    assert np.isfinite(autoencoder.reconstruct(X)).all()
    assert np.isfinite(autoencoder.reconstruction_error_)


def test_one_row_is_its_own_mean():
    """Of a single row everything is known."""
    X = make_curve(1)
    np.testing.assert_allclose(fit(X).reconstruct(X), X, rtol=1e-12)


@pytest.mark.parametrize("n_components", [1, 3])
def test_one_column_is_its_own_code(n_components):
    """A single column is kept whole, and further codes are nothing."""
    X = make_curve(60)[:, :1]
    autoencoder = fit(X, n_components=n_components)
    assert autoencoder.transform(X).shape == (60, n_components)
    np.testing.assert_allclose(autoencoder.reconstruct(X), X, atol=1e-5)


def test_more_codes_than_rows():
    """Codes beyond the table's rank are zero; the rows come back whole."""
    X = make_curve(4)
    autoencoder = AutoencoderTransformer(5, **START).fit(X)
    Z = autoencoder.transform(X)
    assert np.abs(Z[:, 3:]).max() < 1e-6
    np.testing.assert_allclose(autoencoder.reconstruct(X), X, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0, -1e30, 1e-30])
@pytest.mark.parametrize("parameters", [{}, {"tied_weights": True, "whiten": True}])
def test_constant_table_is_restored(value, parameters):
    """Without any variance the mean is the model, and the codes are zero."""
    X = np.full((20, 3), value)
    autoencoder = fit(X, **parameters)
    np.testing.assert_array_equal(autoencoder.transform(X), np.zeros((20, 2)))
    np.testing.assert_allclose(autoencoder.reconstruct(X), X, rtol=1e-12)
    assert autoencoder.reconstruction_error_ <= (1e-12 * value) ** 2


def test_constant_columns_are_restored():
    """They come back exactly and change no code."""
    X = make_curve()
    padded = np.insert(X, [0, 3, 6], [7.0, 0.0, -1e6], axis=1)
    autoencoder = fit(padded, max_iter=15)
    constant = [0, 4, 8]
    X_hat = autoencoder.reconstruct(padded)
    np.testing.assert_allclose(
        X_hat[:, constant], padded[:, constant], rtol=1e-12, atol=1e-12
    )
    assert autoencoder.reconstruction_error_ < autoencoder.pca_reconstruction_error_
    odd = padded.copy()
    odd[:, constant] += 5
    np.testing.assert_allclose(
        autoencoder.transform(odd), autoencoder.transform(padded), atol=1e-9
    )


def test_duplicated_rows_get_the_same_code():
    """Rows that are equal are equal as codes."""
    X = make_curve(10).repeat(6, axis=0)
    Z = fit(X).transform(X)
    np.testing.assert_array_equal(Z[::6].repeat(6, axis=0), Z)


@pytest.mark.parametrize("X", [np.empty((0, 3)), np.empty((5, 0)), np.ones(5), [[[1]]]])
def test_no_table_is_refused(X):
    """No rows, no columns, one dimension or three."""
    with pytest.raises(ValueError, match=r"minimum of 1|2D array|dim 3"):
        fit(X)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("as_container", [np.asarray, sparse.csr_array, torch.tensor])
def test_missing_and_infinite_values_are_refused(value, as_container, reference):
    """Neither a fit nor a transform makes something of them."""
    X = make_counts()
    X[3, 2] = value
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        fit(as_container(X))
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        reference.transform(as_container(X))
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        reference.inverse_transform(X[:, 1:3])


@pytest.mark.parametrize("weight", [-np.ones(80), np.zeros(80), np.ones(3)])
def test_impossible_weights_are_refused(weight):
    """Negative weights, none above zero, and the wrong number of them."""
    with pytest.raises(ValueError, match=r"[Nn]egative|zero|shape"):
        AutoencoderTransformer(**FEW).fit(make_counts(), sample_weight=weight)


# -- scales ---------------------------------------------------------------------------


def svd_reconstruction(X, n_components):
    """Return the best linear reconstruction, by an SVD in float64."""
    X = np.asarray(X, dtype=np.float64)
    mean = X.mean(axis=0)
    axes = np.linalg.svd(X - mean, full_matrices=False)[2][:n_components]
    return (X - mean) @ axes.T @ axes + mean


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_columns_of_all_scales_in_one_table(dtype):
    """From 1e-30 to 1e30: the widest columns count, as they do for PCA."""
    scales = np.array([1e-30, 1e-12, 1.0, 1e12, 1e18, 1e30])
    X = (make_curve() * scales / make_curve().std(axis=0)).astype(dtype)
    with np.errstate(over="raise", invalid="raise"):
        autoencoder = fit(X, n_components=1)
        X_hat = autoencoder.reconstruct(X)
    assert X_hat.dtype == dtype
    assert np.isfinite(X_hat).all()
    error = np.mean((X_hat.astype(float) / 1e30 - X.astype(float) / 1e30) ** 2)
    assert error <= best_linear_error(X.astype(float) / 1e30, 1) * (1 + 1e-6) + 1e-12
    assert np.isfinite(autoencoder.transform(X)).all()


@pytest.mark.parametrize("exponent", [-100, -33, 33, 100])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_units_of_the_whole_table_do_not_matter(exponent, dtype):
    """In other units the reconstruction is the same, in those units.

    A power of two changes no digit, so rounding does not tell the two apart.
    """
    X, unit = make_curve().astype(dtype), dtype(2) ** exponent
    expected = fit(X, max_iter=15)
    found = fit(X * unit, max_iter=15)
    assert expected.reconstruction_error_ < 0.7 * expected.pca_reconstruction_error_
    np.testing.assert_allclose(
        found.reconstruct(X * unit) / unit,
        expected.reconstruct(X),
        rtol=1e-5,
        atol=1e-5,
    )


@pytest.mark.parametrize(("dtype", "offset"), [(np.float64, 1e8), (np.float32, 1e3)])
def test_large_offset(dtype, offset):
    """Far from the origin the start is that of an SVD of the centred rows."""
    X = (make_curve() + offset).astype(dtype)
    autoencoder = AutoencoderTransformer(3, **START).fit(X)
    expected = svd_reconstruction(X, 3)
    # single precision cannot hold the result better than this
    atol = 1e-5 if dtype == np.float64 else 4 * np.spacing(dtype(offset))
    np.testing.assert_allclose(autoencoder.reconstruct(X), expected, atol=atol, rtol=0)


def test_training_far_from_the_origin_learns_as_well():
    """An offset of 1e8 costs nothing of what is learnt."""
    X = make_curve()
    near, far = fit(X, max_iter=15), fit(X + 1e8, max_iter=15)
    assert far.reconstruction_error(X + 1e8) == pytest.approx(
        near.reconstruction_error(X), rel=0.05
    )
    assert mean_squared_error(X + 1e8, far.reconstruct(X + 1e8)) < best_linear_error(
        X, 2
    )


def test_squares_that_overflow_are_refused():
    """Values whose variance float64 cannot hold are an error that names the column."""
    X = make_curve()
    X[:, 2] *= 1e200
    with pytest.raises(ValueError, match=r"Column 2 .*overflow float64. Scale X"):
        fit(X)


@pytest.mark.parametrize(
    ("dtype", "unit"), [(np.float64, 1e-165), (np.float64, 1e-300), (np.float32, 1e-39)]
)
def test_squares_that_underflow_are_refused(dtype, unit):
    """So are tables that hardly vary; beside wider columns, small ones do no harm."""
    X = make_curve()
    with pytest.raises(ValueError, match="No column has .* underflows. Scale X"):
        fit((X * unit).astype(dtype))
    with pytest.raises(ValueError, match="No column has .* underflows. Scale X"):
        AutoencoderTransformer(**FEW).partial_fit((X * unit).astype(dtype))
    X[:, 2] *= unit
    assert np.isfinite(fit(X.astype(dtype)).transform(X.astype(dtype))).all()


@pytest.mark.parametrize("unit", [1e-150, 1e-100])
def test_small_units_are_units(unit):
    """Squares of squares do not underflow either."""
    X = make_curve()
    assert fit(X * unit).score(X * unit) == pytest.approx(fit(X).score(X), rel=0.01)


def test_results_that_overflow_are_refused(reference):
    """No NaN leaves a network without a word, whatever comes in."""
    X = make_counts()
    far = np.full((2, 6), 3e38, dtype=np.float32)
    with pytest.raises(ValueError, match=r"infinity for 2 row\(s\).*3e\+38.*float32"):
        reference.reconstruct(far)
    with pytest.raises(ValueError, match="overflow float64"):
        reference.score(X * 1e200)
    explodes = fit(X)
    explodes.net_.module_.code_activation.function = lambda Z: Z / 0
    with pytest.raises(ValueError, match="The network returns .*an activation"):
        explodes.transform(X)


# -- what would silently become other numbers -----------------------------------------


def dates(X):
    return np.datetime64("2020-01-01") + X.astype("timedelta64[D]")


def broken(X, index, attribute="indices", container=sparse.csr_array):
    table = container(X)
    values = getattr(table, attribute).copy()
    values[3] = index
    setattr(table, attribute, values)
    return table


MISTAKEN = {
    "masked": (
        lambda X: np.ma.masked_less(X, 10),
        "masked values.*not skipped",
    ),
    "dates": (dates, "holds dates"),
    "list of dates": (lambda X: [list(row) for row in dates(X)], "holds dates"),
    "durations": (lambda X: X.astype("timedelta64[s]"), "holds dates or durations"),
    "pandas dates": (
        lambda X: as_pandas(X).assign(c3=dates(X[:, 3])),
        "Column 'c3' of X holds dates",
    ),
    "pandas dates with zone": (
        lambda X: as_pandas(X).assign(
            c3=as_pandas(dates(X))["c3"].dt.tz_localize("UTC")
        ),
        "Column 'c3' of X holds dates",
    ),
    "polars dates": (lambda X: as_polars(dates(X)), "Column 'c0' of X holds dates"),
    "index too high": (lambda X: broken(X, 10**6), "broken csr.*s must be <"),
    "index below zero": (lambda X: broken(X, -1), "broken csr.*s must be >="),
    "csc": (
        lambda X: broken(X, 10**6, container=sparse.csc_array),
        "broken csc.*s must be <",
    ),
    "pointer": (lambda X: broken(X, 10**6, "indptr"), "broken csr.*non-decreasing"),
    "meta tensor": (lambda X: torch.tensor(X).to("meta"), "meta device"),
}


@pytest.mark.parametrize(("mistake", "message"), MISTAKEN.values(), ids=MISTAKEN)
def test_what_would_become_other_numbers_is_refused(mistake, message, reference):
    """Masks, dates, indices beyond the shape: to fit and to transform."""
    X = mistake(make_counts())
    with pytest.raises(ValueError, match=message):
        fit(X, categorical_features=None)
    with pytest.raises(ValueError, match=message):
        reference.transform(X)


def test_masked_codes_and_weights_are_refused(reference):
    """A mask is dropped nowhere; one without masked cells is none."""
    X = make_counts()
    weight = np.ma.masked_less(np.ones(80), 2)
    with pytest.raises(ValueError, match="codes is a masked array"):
        reference.inverse_transform(np.ma.masked_less(X[:, :2], 25))
    with pytest.raises(ValueError, match="sample_weight is a masked array"):
        AutoencoderTransformer(**FEW).fit(X, sample_weight=weight)
    found = reference.transform(np.ma.masked_less(X, -1))
    np.testing.assert_array_equal(found, reference.transform(X))


@pytest.mark.parametrize("names", [list("abcdef"), range(6)], ids=["tuples", "ints"])
def test_columns_in_another_order_are_refused(names):
    """Also where their names are no strings, which scikit-learn does not compare."""
    pandas = pytest.importorskip("pandas")
    X = as_pandas(make_counts())
    if isinstance(names, list):
        X.columns = pandas.MultiIndex.from_product([["u", "v"], names[:3]])
    else:
        X.columns = names
    autoencoder = fit(X)
    expected = autoencoder.transform(X)
    message = "columns of X should be those of fit, in their order: column 1 was"
    for method in ("transform", "partial_fit", "score", "reconstruct"):
        with pytest.raises(ValueError, match=message):
            getattr(autoencoder, method)(X.iloc[:, [0, 2, 1, 3, 4, 5]])
    np.testing.assert_array_equal(autoencoder.transform(X.to_numpy()), expected)
    fit(make_counts()).transform(X)


def test_arrays_of_other_libraries(reference):
    """What speaks the array API and DLPack is read, whatever its dtypes are."""

    class Other:
        def __init__(self, array):
            self.array = array
            self.dtype, self.shape, self.ndim = "its own", array.shape, array.ndim

        def __array_namespace__(self, api_version=None):
            raise NotImplementedError

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    X = make_counts()
    Z = reference.transform(X)
    np.testing.assert_array_equal(fit(Other(X)).transform(Other(X)), Z)
    expected = reference.inverse_transform(Z)
    np.testing.assert_array_equal(reference.inverse_transform(Other(Z)), expected)


# -- wide tables ----------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("as_container", [np.asarray, sparse.csr_array])
def test_more_than_3000_columns(as_container, weighted):
    """A linear autoencoder of a very wide table has the error of the SVD."""
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((40, 3)) * [9, 5, 3]
    X = codes @ rng.standard_normal((3, 3100)) + rng.standard_normal((40, 3100))
    weight = rng.uniform(0.2, 2, 40) if weighted else None
    autoencoder = AutoencoderTransformer(
        3, hidden_layer_sizes=(), early_stopping=False, random_state=0
    ).fit(as_container(X), sample_weight=weight)
    assert autoencoder.reconstruction_error(X, sample_weight=weight) == pytest.approx(
        best_linear_error(X, 3, weight), rel=1e-6
    )
