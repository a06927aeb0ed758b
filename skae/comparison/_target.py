"""What the codes are to tell: the target, and the estimator that reads it from them."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import column_or_1d

from ._reducers import seeded

# A target of whole numbers with fewer rows a value is taken for a quantity.
_ROWS_PER_CLASS = 10

# By name, what reads class labels and what reads a quantity.
_ESTIMATORS = {
    "linear": (LogisticRegression(max_iter=1000), Ridge()),
    "neighbors": (KNeighborsClassifier(), KNeighborsRegressor()),
    "forest": (RandomForestClassifier(), RandomForestRegressor()),
}


class Target(NamedTuple):
    """Class labels or a quantity, and what predicts it."""

    y: np.ndarray
    is_label: bool
    estimator: BaseEstimator

    def scores(self, codes, split, seed):
        """Return how well held-out targets are predicted from codes.

        `codes` are those of the training rows and of the held-out rows of `split`.
        """
        train, test = split
        model = make_pipeline(StandardScaler(), seeded(self.estimator, seed))
        predicted = model.fit(codes[0], self.y[train]).predict(codes[1])
        if self.is_label:
            return {"accuracy": accuracy_score(self.y[test], predicted)}
        return {"target_r2": r2_score(self.y[test], predicted)}


def read_target(y, X, estimator):
    """Return the target of X, or None where there is none."""
    if y is None:
        if estimator is not None:
            raise ValueError("estimator is to predict y, and there is no y.")
        return None
    y = _checked(y, X)
    is_label = _is_label(y, estimator)
    chosen = "linear" if estimator is None else estimator
    if isinstance(chosen, str):
        if chosen not in _ESTIMATORS:
            raise ValueError(
                f"estimator is {chosen!r}: known are {', '.join(_ESTIMATORS)}, and any "
                "classifier or regressor is accepted."
            )
        chosen = _ESTIMATORS[chosen][0 if is_label else 1]
    y = _as_labels(y) if is_label else _as_quantity(y)
    return Target(y, is_label, chosen)


def _checked(y, X):
    y = column_or_1d(y, dtype=None)
    check_consistent_length(X, y)
    n_missing = np.count_nonzero(pd.isna(y))
    if n_missing:
        raise ValueError(f"y is missing in {n_missing} of {len(y)} rows.")
    return y


def _is_label(y, estimator):
    """Tell class labels from a quantity, by the estimator that was chosen for them."""
    if estimator is not None and not isinstance(estimator, str):
        if is_classifier(estimator) == is_regressor(estimator):
            raise TypeError(
                f"estimator is {estimator!r}: a classifier or a regressor is needed."
            )
        return is_classifier(estimator)
    if y.dtype.kind not in "iuf":
        return True
    is_whole = np.all(np.mod(y, 1) == 0)
    return bool(is_whole and len(np.unique(y)) * _ROWS_PER_CLASS <= len(y))


def _as_labels(y):
    return y if y.dtype.kind in "iuf" else y.astype(str)


def _as_quantity(y):
    try:
        y = y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y is no quantity for a regressor: {error}.") from error
    if not np.isfinite(y).all():
        raise ValueError("y has infinite values.")
    if not np.ptp(y):
        raise ValueError(f"y is {y[0]:g} in every row: there is nothing to predict.")
    return y
