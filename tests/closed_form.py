"""An autoencoder without epochs, net or callbacks: PCA behind skae's methods."""

import numpy as np
import pandas as pd
import polars as pl
from sklearn import get_config
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.metrics import r2_score
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_is_fitted,
    validate_data,
)

DTYPES = (np.float64, np.float32)


class PrincipalCodes(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    def __init__(self, n_components=2):
        self.n_components = n_components

    def fit(self, X, y=None, sample_weight=None):
        weight = _check_sample_weight(sample_weight, check_array(X, dtype=DTYPES))
        X = validate_data(self, X, dtype=DTYPES).astype(np.float64)
        self.mean_ = np.average(X, axis=0, weights=weight)
        centred = (X - self.mean_) * np.sqrt(weight)[:, None]
        _, spread, axes = np.linalg.svd(centred, full_matrices=False)
        self.components_ = axes[: self.n_components]
        self.n_components_ = self._n_features_out = len(self.components_)
        ratio = spread**2 / (spread**2).sum()
        self.explained_variance_ratio_ = ratio[: self.n_components]
        left_over = (spread[self.n_components :] ** 2).sum()
        self.reconstruction_error_ = float(left_over / weight.sum() / X.shape[1])
        self.pca_reconstruction_error_ = self.reconstruction_error_
        self.judge_ = "none"
        return self

    def _rows(self, X):
        check_is_fitted(self)
        return validate_data(self, X, reset=False, dtype=DTYPES)

    def transform(self, X):
        X = self._rows(X)
        return ((X - self.mean_) @ self.components_.T).astype(X.dtype)

    def inverse_transform(self, X):
        check_is_fitted(self)
        Z = check_array(X, dtype=DTYPES)
        if Z.shape[1] != self.n_components_:
            raise ValueError(
                f"{Z.shape[1]} columns of codes, expected {self.n_components_}"
            )
        X_hat = (Z @ self.components_ + self.mean_).astype(Z.dtype)
        return self._in_container(X_hat, getattr(X, "index", None))

    def _in_container(self, X_hat, index):
        config = getattr(self, "_sklearn_output_config", {})
        container = config.get("transform", get_config()["transform_output"])
        if container == "default":
            return X_hat
        if container == "polars":
            return pl.DataFrame(X_hat, schema=list(self.feature_names_in_))
        return pd.DataFrame(X_hat, index=index, columns=self.feature_names_in_)

    def reconstruct(self, X):
        return self.inverse_transform(self.transform(X))

    def _plain(self, X):
        """Return rows and their reconstructions as arrays."""
        X = self._rows(X)
        return X, (X - self.mean_) @ self.components_.T @ self.components_ + self.mean_

    def score(self, X, y=None):
        return r2_score(*self._plain(X), multioutput="variance_weighted")

    def score_samples(self, X):
        X, X_hat = self._plain(X)
        return -((X - X_hat) ** 2).sum(axis=1)

    def reconstruction_error(self, X, *, per_feature=False, sample_weight=None):
        X, X_hat = self._plain(X)
        errors = np.average((X - X_hat) ** 2, axis=0, weights=sample_weight)
        return errors if per_feature else float(errors.mean())
