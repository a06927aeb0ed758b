"""The way back from codes to rows."""

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from ._assert import assert_close, assert_finite, assert_raises
from ._prepare import LONG, N_FEATURES, N_SAMPLES, in_full, make_rows


def check_inverse_shape(estimator):
    """As many rows as codes, and as many columns as in training."""
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    for n_samples in (1, 7, N_SAMPLES):
        found = estimator.inverse_transform(Z[:n_samples]).shape
        expected = (n_samples, N_FEATURES)
        assert found == expected, (
            f"inverse_transform of {n_samples} codes has shape {found}; expected "
            f"{expected}"
        )


def check_inverse_is_finite(estimator):
    """Rows are finite, for codes far outside of the training codes as well."""
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    assert_finite(estimator.inverse_transform(Z), "inverse_transform returns")
    far = estimator.inverse_transform(1e3 * Z)
    assert_finite(far, "inverse_transform of far codes returns")


def check_inverse_belongs_to_its_code(estimator):
    """A code's row does not depend on the codes around it, nor on what came before."""
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    rows = estimator.inverse_transform(Z)
    message = "a code {} is not decoded as among all codes"
    alone = np.vstack([estimator.inverse_transform(Z[[i]]) for i in range(5)])
    assert_close(alone, rows[:5], message.format("alone"))
    few = estimator.inverse_transform(Z[40:57])
    assert_close(few, rows[40:57], message.format("among fewer"))
    backwards = estimator.inverse_transform(Z[::-1].copy())[::-1]
    assert_close(backwards, rows, message.format("in another order"))


def check_long_inverse(estimator):
    """Codes are decoded alike in a table that is too long to be decoded at once."""
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    n_repeats = LONG // N_SAMPLES
    rows = estimator.inverse_transform(np.tile(Z, (n_repeats, 1)))
    expected = np.tile(estimator.inverse_transform(Z), (n_repeats, 1))
    message = f"{LONG} codes are not decoded to the same rows as in parts"
    assert_close(rows, expected, message)


def check_inverse_width_error(estimator):
    """Codes of a wrong width raise a ValueError that names both widths."""
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    width = Z.shape[1]
    for wrong in (np.hstack([Z, Z]), np.hstack([Z, Z[:, :1]])):
        given = wrong.shape[1]
        numbers = rf"(?s)(?=.*\b{given}\b).*\b{width}\b"
        act = f"inverse_transform of codes with {given} columns instead of {width}"
        with assert_raises(ValueError, act, numbers):
            estimator.inverse_transform(wrong)
    with assert_raises(ValueError, "inverse_transform of a code of one dimension"):
        estimator.inverse_transform(Z[0])


def check_inverse_rejects_missing_values(estimator):
    """NaN and infinity among the codes raise a ValueError."""
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    for value in (np.nan, np.inf):
        wrong = Z.copy()
        wrong[3, 0] = value
        with assert_raises(ValueError, f"inverse_transform of codes with {value}"):
            estimator.inverse_transform(wrong)


def check_inverse_uses_every_code(estimator):
    """A change in any component changes the rows.

    Where codes outnumber the columns, as many as there are columns have to.
    """
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    rows = estimator.inverse_transform(Z)
    step = max(1.0, np.abs(Z).max())
    ignored = []
    for component in range(Z.shape[1]):
        moved = Z.copy()
        moved[:, component] += step
        if np.array_equal(estimator.inverse_transform(moved), rows):
            ignored.append(component)
    n_used = Z.shape[1] - len(ignored)
    expected = min(Z.shape[1], N_FEATURES)
    assert n_used >= expected, (
        f"inverse_transform ignores the components {ignored}; expected at least "
        f"{expected} of {Z.shape[1]} to have an influence on the rows"
    )


def check_reconstruct(estimator):
    """`reconstruct` is `inverse_transform` of `transform`, for new rows as well."""
    estimator.fit(make_rows())
    for X in (make_rows(), make_rows(seed=1)):
        expected = estimator.inverse_transform(estimator.transform(X))
        message = "reconstruct(X) differs from inverse_transform(transform(X))"
        assert_close(estimator.reconstruct(X), expected, message, tol=1e-8)


@in_full
def check_round_trip_beats_the_mean(estimator):
    """Reconstructions of the training rows are nearer to them than their mean is."""
    X = make_rows()
    X_hat = estimator.fit(X).inverse_transform(estimator.transform(X))
    r2 = 1 - ((X - X_hat) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum()
    assert r2 > 0, (
        f"inverse_transform(transform(X)) explains {r2:.3g} of the variance of the "
        "training rows; expected more than 0, which is what their mean explains"
    )


def check_pipeline(estimator):
    """As a step of a Pipeline it is fitted, and rows go through all steps and back."""
    X = 5 + 3 * make_rows()
    before, after = MinMaxScaler(clip=True), StandardScaler()
    pipeline = make_pipeline(before, estimator, after)
    Z = pipeline.fit_transform(X)
    expected = after.transform(estimator.transform(before.transform(X)))
    message = "{} of a Pipeline differs from its steps' one after the other"
    assert_close(Z, expected, message.format("fit_transform"), tol=1e-8)
    codes = after.inverse_transform(Z)
    expected = before.inverse_transform(estimator.inverse_transform(codes))
    found = pipeline.inverse_transform(Z)
    assert_close(found, expected, message.format("inverse_transform"), tol=1e-8)
