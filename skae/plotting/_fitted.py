"""What displays ask of a fitted estimator, alone, in a Pipeline or in a search."""

from copy import copy

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_array

from ..tables import mixed_encoder


class FittedReducer:
    """A fitted reducer and the transformers in front of it, with arrays in and out.

    Parameters
    ----------
    estimator : estimator instance
        Fitted: a reducer, a Pipeline that ends in one, a search over either, or what is
        built around a reducer and keeps it as `autoencoder_`.

    needs : tuple of str, default=("transform",)
        Methods that the reducer has to have. `autoencoder_` is taken instead of an
        estimator that lacks one of them.

    Raises
    ------
    TypeError
        If there is no such reducer.
    """

    def __init__(self, estimator, needs=("transform",)):
        self._before_last, last = _split(estimator)
        self.last, self.front = last, self._before_last
        if not _has(last, needs) and hasattr(last, "autoencoder_"):
            front, last = _split(last.autoencoder_)
            if not hasattr(self.last.autoencoder_, "feature_names_in_"):
                front = [FunctionTransformer(dense), *front]  # it was given arrays
            self.front = [*self._before_last, *front]
        missing = [name for name in needs if not hasattr(last, name)]
        if missing:
            raise TypeError(
                f"{type(last).__name__} has no {missing[0]}, which this display needs: "
                "pass a fitted autoencoder, another reducer with an inverse, or a "
                "Pipeline that ends in one (pipeline[:-1] leaves its last step out)."
            )
        self.reducer = last

    @property
    def decodes(self):
        """Whether the reducer has a way back."""
        return _has(self.reducer, ("transform", "inverse_transform"))

    def forward(self, X):
        """Return X as the reducer takes it."""
        return _transformed(X, self.front)

    def before(self, X):
        """Return X as the last step of a Pipeline takes it."""
        return _transformed(X, self._before_last)

    def scores(self, X):
        """Return how usual the last step finds rows: low for outliers."""
        return self.last.score_samples(self.before(X))

    def back(self, X):
        """Return what the reducer reconstructs, in the units of the first step."""
        for step in reversed(self.front):
            if not hasattr(step, "inverse_transform"):
                raise TypeError(
                    f"{type(step).__name__}, in front of {type(self.reducer).__name__},"
                    " has no inverse_transform, so that nothing can be drawn in the "
                    "units of X: transform X first and pass the last step alone."
                )
            X = step.inverse_transform(X)
        return dense(X)

    def encode(self, X):
        """Return the codes of rows, shape (n_samples, n_components)."""
        return dense(self.reducer.transform(self.forward(X)))

    def decode(self, Z):
        """Return rows in the units of X, shape (n_samples, n_features)."""
        return self.back(self.reducer.inverse_transform(Z))

    def reconstruct(self, X):
        """Return the reconstruction of rows in the units of X."""
        return self.back(self.reconstruct_inner(self.forward(X)))

    def reconstruct_inner(self, X):
        """Return the reconstruction of rows as the reducer takes them."""
        if hasattr(self.reducer, "reconstruct"):
            return dense(self.reducer.reconstruct(X))
        return dense(self.reducer.inverse_transform(self.reducer.transform(X)))

    def corrupt(self, X, random_state):
        """Return rows with the noise of training, in the units of X; None without."""
        if not hasattr(self.reducer, "corrupt"):
            return None
        return self.back(self.reducer.corrupt(self.forward(X), random_state))


def _split(estimator):
    """Return what stands in front of the last step, and that step."""
    if hasattr(estimator, "best_estimator_"):
        return _split(estimator.best_estimator_)
    if not isinstance(estimator, Pipeline):
        return [], estimator
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    front, last = _split(steps[-1])
    return [*steps[:-1], *front], last


def _transformed(X, steps):
    for step in steps:
        X = step.transform(X)
    return X


def _has(estimator, names):
    return all(hasattr(estimator, name) for name in names)


def as_numbers(estimator, X):
    """Return an estimator and rows; of a mixed table as its encoder has made numbers.

    Pictures then have the columns that the network takes.
    """
    estimator = getattr(estimator, "best_estimator_", estimator)
    encoder = mixed_encoder(estimator)
    if encoder is None:
        return estimator, X
    names = encoder.get_feature_names_out()
    if X is not None:
        X = pd.DataFrame(encoder.transform(X), columns=names)
    view = copy(estimator)
    del view.encoder_
    view.n_features_in_, view.feature_names_in_ = len(names), names
    return view, X


def dense(X):
    """Return a table as a float64 array; cells that are missing stay NaN."""
    X = X.toarray() if scipy.sparse.issparse(X) else X
    return check_array(X, dtype=np.float64, ensure_all_finite="allow-nan")


def evenly_spaced(n_samples, n_rows):
    """Return so many positions, from the first row to the last, all different."""
    if n_rows < 1:
        raise ValueError(f"n_rows={n_rows!r} should be 1 or more.")
    return np.unique(np.linspace(0, n_samples - 1, n_rows).astype(int))


def column_names(X):
    """Return the names of the columns of a dataframe as strings, else None."""
    columns = getattr(X, "columns", None)
    return None if columns is None else [str(name) for name in columns]


def component_names(components):
    """Return what components are called in pictures; they count from 1 there."""
    return [f"component {j + 1}" for j in components]
