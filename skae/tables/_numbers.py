"""Tables of numbers with missing cells, or columns that count more, in their units."""

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions

from ._blocks import Block
from ._columns import check_weights
from ._filling import Filling, fit_filling

# What says where cells are missing, in root mean squares of the columns' deviations:
# next to nothing, so that what is behind does not spend components on it.
INDICATOR = 1e-3


class NumberEncoder(BaseEstimator):
    """Checked arrays of numbers as an autoencoder takes them, and back.

    Missing cells are filled by a PCA of the standardised columns. After a column that
    had some in `fit` comes one that is `unit_` where they are, else zero. Columns are
    multiplied by the roots of their weights.

    Parameters
    ----------
    column_weight : dict of label to float, default=None
        As :class:`TableEncoder` has it.

    missing_values : {"auto", "mask"}, default="auto"
        Whether there may be missing cells.

    Attributes
    ----------
    n_features_in_ : int

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where all are strings.

    root_ : ndarray of shape (n_features,)
        Roots of the weights.

    has_holes_ : ndarray of shape (n_features,), bool
        Which columns had missing cells in `fit`.

    unit_ : float

    centre_, scale_ : ndarray of shape (n_features,)
        What columns are standardised by to fill missing cells. The mean and the
        standard deviation of those that are there.

    lowest_, highest_ : ndarray of shape (n_features,)
        The range of each column, which cells that are filled keep to.

    filling_mean_, filling_axes_, filling_ratio_ : ndarray
        The fields of the `Filling`.
    """

    _parameter_constraints = {
        "column_weight": [dict, None],
        "missing_values": [StrOptions({"auto", "mask"})],
    }

    def __init__(self, column_weight=None, missing_values="auto"):
        self.column_weight = column_weight
        self.missing_values = missing_values

    def fit(self, X, labels):
        """Learn where cells are missing, and how to fill them.

        `labels` are those of the columns, as errors and `column_weight` have them.
        """
        missing = _is_missing(X)
        if missing.all(axis=0).any():
            label = labels[missing.all(axis=0).argmax()]
            raise ValueError(
                f"Column {label!r} of X has no cell that is not NaN: drop it."
            )
        self.n_features_in_ = X.shape[1]
        if all(isinstance(label, str) for label in labels):
            self.feature_names_in_ = np.array(labels, dtype=object)
        self.root_ = np.sqrt(check_weights(list(labels), self.column_weight))
        self.has_holes_ = missing.any(axis=0)
        if self.missing_values == "auto" or sparse.issparse(X):
            return self
        self.centre_ = np.nanmean(X, axis=0, dtype=np.float64)
        self.scale_ = np.nanstd(X, axis=0, dtype=np.float64)
        self.lowest_ = np.nanmin(X, axis=0).astype(np.float64)
        self.highest_ = np.nanmax(X, axis=0).astype(np.float64)
        deviation = self.scale_ * self.root_
        largest = deviation.max() or 1.0
        spread = largest * np.sqrt(np.mean((deviation / largest) ** 2))
        self.unit_ = float(INDICATOR * spread) or 1.0
        U = self._standardised(X)
        filling = fit_filling(U, missing, max(2, X.shape[1] // 4))
        self.filling_mean_ = filling.mean
        self.filling_axes_ = filling.axes
        self.filling_ratio_ = filling.ratio
        return self

    @property
    def fills(self):
        """Whether missing cells can be filled."""
        return hasattr(self, "filling_mean_")

    @property
    def changes(self):
        """Whether rows without missing cells become other ones."""
        return self.has_holes_.any() or np.any(self.root_ != 1)

    @property
    def blocks_(self):
        """One `Block` for each column."""
        labels = getattr(self, "feature_names_in_", range(self.n_features_in_))
        width = 1 + self.has_holes_
        starts = np.cumsum(width) - width
        return [
            Block(
                *(labels[i], i, "number", int(start), int(start + width[i])),
                scale=np.array([self.root_[i], 1.0])[: width[i]],
                has_indicator=bool(self.has_holes_[i]),
            )
            for i, start in enumerate(starts)
        ]

    @property
    def spans(self):
        """The same for the engine, see `Span`: a column counts by its variance."""
        variance = (self.scale_ * self.root_) ** 2
        return tuple(
            (block.start, block.stop, (), float(variance[i]), self.unit_, False)
            for i, block in enumerate(self.blocks_)
        )

    @property
    def numbers(self):
        """Where the columns are among the encoded ones."""
        return np.arange(len(self.root_)) + np.cumsum(self.has_holes_) - self.has_holes_

    def transform(self, X):
        """Encode rows."""
        missing = _is_missing(X)
        if missing.any():
            X = self._filled(X, missing)
        if np.any(self.root_ != 1):
            root = self.root_.astype(X.dtype)
            X = X.multiply(root).tocsr() if sparse.issparse(X) else X * root
        if not self.has_holes_.any():
            return X
        X = X.toarray() if sparse.issparse(X) else X
        encoded = np.empty((len(X), len(self.root_) + self.has_holes_.sum()), X.dtype)
        encoded[:, self.numbers] = X
        encoded[:, self.numbers[self.has_holes_] + 1] = (
            missing[:, self.has_holes_] * self.unit_
        )
        return encoded

    def inverse_transform(self, X):
        """Return the numbers that encoded rows stand for, or rows of a matrix."""
        return X[..., self.numbers] / self.root_.astype(X.dtype)

    def _filled(self, X, missing):
        filling = Filling(self.filling_mean_, self.filling_axes_, self.filling_ratio_)
        U = self._standardised(X)
        filled = filling.fill(U, missing) * self.scale_ + self.centre_
        filled = filled.clip(self.lowest_, self.highest_)
        return np.where(missing, filled, X).astype(X.dtype)

    def _standardised(self, X):
        scale = np.where(self.scale_ > 0, self.scale_, 1)
        return (X.astype(np.float64) - self.centre_) / scale


def _is_missing(X):
    if sparse.issparse(X):
        return np.zeros((1, X.shape[1]), dtype=bool)
    return np.isnan(X)


def column_errors(X, X_hat, weight=None):
    """Return mean squared errors and variances of columns, of cells that are there.

    Of a column without any both are zero.
    """
    there = ~np.isnan(X) * (1.0 if weight is None else np.asarray(weight)[:, None])
    total = there.sum(axis=0)
    there /= np.where(total > 0, total, 1)
    X = np.where(np.isnan(X), 0, X).astype(np.float64)
    deviation = X - (there * X).sum(axis=0)
    return (there * (X_hat - X) ** 2).sum(axis=0), (there * deviation**2).sum(axis=0)
