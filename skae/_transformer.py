"""A fitted torch module as a transformer with an inverse: numpy in and out."""

import numpy as np
from sklearn import get_config
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.metrics import r2_score
from sklearn.utils.validation import _check_sample_weight

from ._validation import check_fitted, codes_to_decode, detach, rows_to_encode


class ReconstructingTransformer(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Everything that needs no more than a fitted torch module.

    It is `_module`; its `encode`, `decode` and `forward` work in the units of X.
    """

    @property
    def _module(self):
        return self.net_.module_

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Codes, float32 for float32 X and float64 otherwise.
        """
        from . import _inference

        check_fitted(self)
        X = rows_to_encode(self, X)
        return _inference.encode(self._module, X)

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes, as `transform` returns them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Rows in the units of the training data; a DataFrame where `set_output`
            asks for one.
        """
        from . import _inference

        check_fitted(self)
        Z = codes_to_decode(self, X)
        return self._in_container(_inference.decode(self._module, Z), X)

    def _in_container(self, X_hat, like):
        """Return rows as the container that set_output names, as transform would."""
        config = getattr(self, "_sklearn_output_config", {})
        container = config.get("transform", get_config()["transform_output"])
        if container == "default":
            return X_hat
        names = getattr(
            self,
            "feature_names_in_",
            np.array([f"x{i}" for i in range(self.n_features_in_)], dtype=object),
        )
        if container == "polars":
            import polars

            return polars.DataFrame(X_hat, schema=list(names), orient="row")
        import pandas

        return pandas.DataFrame(
            X_hat, columns=names, index=getattr(like, "index", None)
        )

    def reconstruct(self, X):
        """Encode and decode rows, as inverse_transform(transform(X)) does.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        X_hat : ndarray of shape (n_samples, n_features)
        """
        from . import _inference

        check_fitted(self)
        X_table = rows_to_encode(self, X)
        return self._in_container(_inference.reconstruct(self._module, X_table), X)

    def score_samples(self, X):
        """Score rows by how well they are reconstructed: low for outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Negative squared error of each row, summed over its columns.
        """
        from . import _inference

        check_fitted(self)
        X = rows_to_encode(self, X)
        return -_inference.squared_errors(self._module, X)

    def score(self, X, y=None, sample_weight=None):
        """Return the variance-weighted R^2 of the reconstruction.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
            1 is perfect, 0 is as good as the mean of X. Comparable with
            :func:`skae.metrics.reconstruction_r2` of any other reducer.
        """
        from . import _inference

        check_fitted(self)
        X = rows_to_encode(self, X)
        X_hat = _inference.reconstruct(self._module, X)
        dense = X.toarray() if hasattr(X, "toarray") else X
        return r2_score(
            np.asarray(dense, dtype=np.float64),
            X_hat.astype(np.float64),
            sample_weight=detach(sample_weight),
            multioutput="variance_weighted",
        )

    def reconstruction_error(self, X, *, per_feature=False, sample_weight=None):
        """Return the mean squared error of the reconstruction.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        per_feature : bool, default=False
            Whether to return one error per column instead of their mean.

        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        error : float or ndarray of shape (n_features,)
            In squared units of X.
        """
        from . import _inference

        check_fitted(self)
        X = rows_to_encode(self, X)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                detach(sample_weight), X, ensure_non_negative=True
            )
        errors = _inference.column_errors(self._module, X, sample_weight)
        return errors if per_feature else float(errors.mean())

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
