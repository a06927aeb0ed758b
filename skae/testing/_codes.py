"""The codes that transform returns."""

import numpy as np

from ._assert import assert_close, assert_finite
from ._prepare import LONG, N_FEATURES, N_SAMPLES, make_rows


def check_codes_are_finite(estimator):
    """Codes are finite, for rows far outside of the training data as well."""
    X = make_rows()
    estimator.fit(X)
    assert_finite(estimator.transform(X), "the codes of the training rows have")
    assert_finite(estimator.transform(1e3 * (X - 0.5)), "the codes of far rows have")


def check_codes_vary(estimator):
    """Codes are not the same for all rows."""
    X = make_rows()
    spread = np.ptp(estimator.fit(X).transform(X), axis=0)
    assert spread.max() > 0, (
        "transform returns the same code for every row; expected codes that vary"
    )


def check_codes_depend_on_every_column(estimator):
    """A change in any column of X changes the codes."""
    X = make_rows()
    codes = estimator.fit(X).transform(X)
    ignored = []
    for column in range(N_FEATURES):
        changed = X.copy()
        changed[:, column] = X[::-1, column]
        if np.array_equal(estimator.transform(changed), codes):
            ignored.append(column)
    assert not ignored, (
        f"the codes do not depend on the columns {ignored} of X; expected them to "
        "depend on all"
    )


def check_codes_belong_to_their_rows(estimator):
    """A row's code does not depend on the rows around it."""
    X = make_rows()
    codes = estimator.fit(X).transform(X)
    message = "the code of a row {} is not its code among the training rows"
    alone = np.vstack([estimator.transform(X[[i]]) for i in range(5)])
    assert_close(alone, codes[:5], message.format("alone"))
    few = estimator.transform(X[40:57])
    assert_close(few, codes[40:57], message.format("in a smaller table"))
    reversed_codes = estimator.transform(X[::-1].copy())[::-1]
    assert_close(reversed_codes, codes, message.format("in another order"))


def check_long_table(estimator):
    """Rows keep their codes in a table that is too long to be encoded at once."""
    X = make_rows()
    codes = estimator.fit(X).transform(X)
    n_repeats = LONG // N_SAMPLES
    long_codes = estimator.transform(np.tile(X, (n_repeats, 1)))
    message = f"the codes of {LONG} rows are not the codes of the same rows in parts"
    assert_close(long_codes, np.tile(codes, (n_repeats, 1)), message)
