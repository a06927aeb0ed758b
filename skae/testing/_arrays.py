"""What the methods take and return: dtypes, memory, widths, missing values."""

import numpy as np
from sklearn.exceptions import NotFittedError

from ._assert import assert_close, assert_finite, assert_raises, assert_same
from ._prepare import N_FEATURES, ROW_METHODS, make_rows


def check_unfitted_methods_raise(estimator):
    """Before fit, every method raises NotFittedError."""
    calls = {name: [make_rows()] for name in ROW_METHODS}
    calls |= {"inverse_transform": [np.zeros((2, 2))], "get_feature_names_out": []}
    for name, arguments in calls.items():
        with assert_raises(NotFittedError, f"{name} before fit"):
            getattr(estimator, name)(*arguments)


def check_dtypes(estimator):
    """float32 gives float32 and float64 float64, there and back, of like values."""
    X = make_rows()
    single, double = X.astype(np.float32), X
    Z = estimator.fit(X).transform(X)
    calls = {
        "transform": (single, double),
        "reconstruct": (single, double),
        "inverse_transform": (Z.astype(np.float32), Z.astype(np.float64)),
    }
    for name, tables in calls.items():
        method = getattr(estimator, name)
        for table in tables:
            found = method(table).dtype
            assert found == table.dtype, (
                f"{name} returns {found} for {table.dtype}; expected {table.dtype}"
            )
        message = f"{name} of float32 is not near {name} of float64"
        assert_close(method(tables[0]), method(tables[1]), message, tol=1e-3)


def check_fit_on_float32(estimator):
    """An estimator fitted on float32 keeps the dtypes as well."""
    X = make_rows()
    estimator.fit(X.astype(np.float32))
    for dtype in (np.float32, np.float64):
        Z = estimator.transform(X.astype(dtype))
        found = estimator.inverse_transform(Z).dtype
        assert Z.dtype == found == dtype, (
            f"fitted on float32, transform of {np.dtype(dtype)} returns {Z.dtype} and "
            f"inverse_transform of that {found}; expected {np.dtype(dtype)}"
        )


def check_integers(estimator):
    """Integers count as the float64 numbers that they are."""
    X = make_rows()
    X = np.greater(X, np.median(X, axis=0)).astype(np.int64)
    codes = estimator.fit(X).transform(X)
    assert codes.dtype == np.float64, (
        f"transform of int64 returns {codes.dtype}; expected float64"
    )
    message = "integers and the same numbers as float64 give other {}"
    assert_close(codes, estimator.transform(X.astype(float)), message.format("codes"))
    Z = np.arange(2 * estimator.n_components_).reshape(2, -1)
    rows = estimator.inverse_transform(Z.astype(float))
    assert_close(estimator.inverse_transform(Z), rows, message.format("rows"))


def check_memory_layout(estimator):
    """How an array lies in memory has no influence."""
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    for name, table in {"transform": X, "inverse_transform": Z}.items():
        method = getattr(estimator, name)
        expected = method(table)
        layouts = {
            "Fortran-ordered": np.asfortranarray(table),
            "reversed": table[::-1].copy()[::-1],
            "strided": np.repeat(table, 2, axis=0)[::2],
            "not native in byte order": table.astype(table.dtype.newbyteorder()),
        }
        for layout, view in layouts.items():
            message = f"{name} of an array that is {layout} gives other values"
            assert_close(method(view), expected, message)


def check_output_is_the_callers(estimator):
    """Outputs are writable numpy arrays that nothing else refers to."""
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    calls = {
        "transform": X,
        "inverse_transform": Z,
        "reconstruct": X,
        "score_samples": X,
    }
    for name, table in calls.items():
        given = table.copy()
        first, second = (getattr(estimator, name)(given) for _ in range(2))
        assert type(first) is np.ndarray, (
            f"{name} returns a {type(first).__name__}; expected a numpy.ndarray"
        )
        assert first.flags.writeable, (
            f"{name} returns a read-only array; expected a writable one"
        )
        for what, other in {"its input": given, "its earlier output": first}.items():
            assert not np.shares_memory(second, other), (
                f"the output of {name} shares memory with {what}; expected a new array"
            )
        expected = second.copy()
        first.fill(np.nan)
        message = f"{name} answers differently after its earlier output was written to"
        assert_same(getattr(estimator, name)(table), expected, message)


def check_methods_leave_their_input_alone(estimator):
    """No method writes to the array that it is given."""
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    calls = dict.fromkeys(ROW_METHODS, X) | {"inverse_transform": Z}
    for name, table in calls.items():
        given = table.copy()
        getattr(estimator, name)(given)
        message = f"{name} changes its input in place; expected it to work on a copy"
        assert_same(given, table, message)


def check_methods_keep_attributes(estimator):
    """No method of a fitted estimator sets, replaces or removes an attribute."""
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    before = vars(estimator).copy()
    for name in ROW_METHODS:
        getattr(estimator, name)(X)
    estimator.inverse_transform(Z)
    after = vars(estimator)
    changed = [
        name
        for name in sorted({*before, *after})
        if name not in before or before[name] is not after.get(name)
    ]
    assert not changed, (
        f"calling its methods changes the attributes {changed}; expected only fit to"
    )


def check_other_widths_are_rejected(estimator):
    """Methods that take rows refuse rows with too few or too many columns."""
    X = make_rows()
    estimator.fit(X)
    for table in (X[:, :-1], np.hstack([X, X])):
        for name in ROW_METHODS:
            act = f"{name} of {table.shape[1]} columns after a fit on {N_FEATURES}"
            with assert_raises(ValueError, act):
                getattr(estimator, name)(table)


def check_missing_values_are_rejected(estimator):
    """Methods that take rows refuse NaN and infinity, unless the tags allow NaN."""
    X = make_rows()
    estimator.fit(X)
    allowed = estimator.__sklearn_tags__().input_tags.allow_nan
    for value in (np.inf,) if allowed else (np.nan, np.inf):
        table = X.copy()
        table[3, 4] = value
        for name in ROW_METHODS:
            with assert_raises(ValueError, f"{name} of rows with {value}"):
                getattr(estimator, name)(table)


def check_constant_column(estimator):
    """A column that is constant in training gives finite codes and rows."""
    X = make_rows()
    constant = X.copy()
    constant[:, 3] = 0.25
    estimator.fit(constant)
    for table in (constant, X):
        codes = estimator.transform(table)
        assert_finite(codes, "after a fit with a constant column, the codes have")
        rows = estimator.inverse_transform(codes)
        assert_finite(rows, "after a fit with a constant column, the rows have")
