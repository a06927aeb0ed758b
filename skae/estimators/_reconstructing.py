"""A fitted torch module as a transformer with an inverse: numpy in and out."""

from functools import partial

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils._set_output import ADAPTERS_MANAGER, _get_output_config

from .. import inference, tables
from ._dask import lazily, stays_lazy
from ._documented import DocumentedMixin
from ._resolve import is_auto
from ._saving import SavingMixin
from ._summary import FACTS, Summary
from ._tensors import codes_in_place, rows_in_place
from ._validation import (
    check_fitted,
    hint_at_mask,
    read_rows,
    read_table,
    rows_to_encode,
)


class EncodingTransformer(
    DocumentedMixin,
    SavingMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Everything that needs no more than a fitted network that encodes.

    It is that of the skorch net `net_`.
    """

    categorical_features = "from_dtype"
    missing_values = "auto"
    column_weight = None

    @property
    def _network(self):
        return self.net_.network_

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Codes, float32 for float32 X and float64 otherwise. Of a dask array or
            DataFrame it is another one, not yet computed: see
            :ref:`larger_than_memory`. Of a torch tensor it is one on the same device
            if scikit-learn's ``array_api_dispatch`` is on.
        """
        check_fitted(self)
        if stays_lazy(self, "transform", X):
            return lazily(self, "transform", X, self.get_feature_names_out())
        with hint_at_mask(self, X):
            return inference.encode(self._network, rows_in_place(self, X))

    def summary(self):
        """Return what the network consists of and what it is worth.

        Returns
        -------
        summary : Summary
            Printed, it is a table of the layers, with what a row is after each of them
            and the number of weights; what each parameter that is "auto" became; and
            what came of the fit. A notebook shows it as HTML, and below the diagram of
            a fitted estimator.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skae import AutoencoderTransformer
        >>> X = load_iris().data
        >>> pca = AutoencoderTransformer(2, hidden_layer_sizes=()).fit(X)
        >>> pca.summary().outcome
        'PCA itself: no linear network is better'
        """
        check_fitted(self)
        parameters = self.get_params(deep=False)
        resolved = {name for name, value in parameters.items() if is_auto(value)}
        if parameters.get("architecture") is not None:  # it has its own
            resolved.discard("hidden_layer_sizes")
        return Summary(
            f"{type(self).__name__}: {self._n_encoded} columns, "
            f"{self.n_components_} components",
            self._outcome(),
            inference.layers_of(self._network, self._n_encoded),
            {
                name: getattr(self, f"{name}_")
                for name in parameters
                if name in resolved and hasattr(self, f"{name}_")
            },
            {name: getattr(self, name) for name in FACTS if hasattr(self, name)},
        )

    @property
    def _n_encoded(self):
        """How many columns the network takes."""
        if hasattr(self, "encoder_"):
            return self.encoder_.blocks_[-1].stop
        return self.n_features_in_

    def _outcome(self):
        """Return what the fit was worth, in a few words; "" where nobody judged."""
        return ""

    def _repr_html_inner(self):
        """Return the diagram of scikit-learn, and below it what came of the fit."""
        diagram = super()._repr_html_inner()
        if not self.__sklearn_is_fitted__():
            return diagram
        return diagram + self.summary()._repr_html_()

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] = self._repr_html_inner()
        return bundle

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.missing_values == "mask"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class ReconstructingTransformer(EncodingTransformer):
    """Everything that needs no more than a fitted network that decodes as well.

    Its `encode`, `decode` and `forward` work in the units of X. Mixed tables become
    numbers first, unless `categorical_features` is None.
    """

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
            asks for one, or `fit` had a mixed table. Lazy for dask collections, as of
            `transform`.
        """
        check_fitted(self)
        if stays_lazy(self, "inverse_transform", X):
            return lazily(self, "inverse_transform", X, self._column_names())
        Z = codes_in_place(self, X)
        return self._in_container(inference.decode(self._network, Z), X)

    def _in_container(self, X_hat, like):
        """Return rows as a table like that of fit, or as set_output names one."""
        if tables.mixed_encoder(self) is not None:
            return tables.decode(self.encoder_, X_hat, like)
        if hasattr(self, "encoder_"):
            X_hat = self.encoder_.inverse_transform(X_hat)
        container = _get_output_config("transform", self)["dense"]
        if container == "default":
            return X_hat
        adapter = ADAPTERS_MANAGER.adapters[container]
        return adapter.create_container(X_hat, like, columns=self._column_names())

    def _column_names(self):
        names = getattr(self, "feature_names_in_", None)
        return [f"x{i}" for i in range(self.n_features_in_)] if names is None else names

    def reconstruct(self, X):
        """Encode and decode rows, as inverse_transform(transform(X)) does.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        X_hat : ndarray of shape (n_samples, n_features)
            Lazy for dask collections, as of `transform`.
        """
        check_fitted(self)
        if stays_lazy(self, "reconstruct", X):
            return lazily(self, "reconstruct", X, self._column_names())
        with hint_at_mask(self, X):
            X_hat = inference.reconstruct(self._network, rows_in_place(self, X))
        return self._in_container(X_hat, X)

    def reconstruct_encoded(self, X):
        """Encode and decode rows of a mixed table, without choosing categories.

        Parameters
        ----------
        X : dataframe of shape (n_samples, n_features)

        Returns
        -------
        X_hat : ndarray of shape (n_samples, n_encoded)
            For the columns that `encoder_` makes; its `decode` says what share each
            value of a category has. Of other tables it is what `reconstruct` returns.
        """
        check_fitted(self)
        return inference.reconstruct(self._network, rows_to_encode(self, X))

    # Whether training lost cells as `impute` finds them.
    _masks_holes = False

    def impute(self, X):
        """Fill the missing cells of rows with what the others say of them.

        A PCA of the incomplete table fills a missing cell at first, for `fit` and
        `transform`, too. Here its reconstruction then takes its place. After training
        with ``noise="masking"`` such a cell is masked at first, as others were then.

        Parameters
        ----------
        X : {dataframe, array-like} of shape (n_samples, n_features)
            A table as the one of `fit`, which was mixed or had numbers with
            ``missing_values="mask"``.

        Returns
        -------
        X_filled : {dataframe, ndarray} of shape (n_samples, n_features)
            Observed cells, and columns that `fit` left out, are as they were.

        Raises
        ------
        TypeError
            If the estimator was fitted to numbers alone, without missing cells.
        """
        check_fitted(self)
        if tables.mixed_encoder(self) is not None:
            restore = partial(inference.reconstruct, self._network)
            return tables.impute(self.encoder_, X, restore, masks=self._masks_holes)
        if not tables.takes_holes(self, reset=False):
            raise TypeError(
                f"{type(self).__name__} was fitted to numbers, without missing cells: "
                "impute fills those of mixed tables. Fit with missing_values='mask'."
            )
        checked = read_rows(self, X, reset=False, encode=False)
        known = np.nan_to_num(checked, nan=0) if self._masks_holes else checked
        return tables.impute_numbers(X, checked, self._restored(known))

    def _restored(self, X):
        """Return the reconstruction of checked numbers, some maybe missing."""
        X_hat = inference.reconstruct(self._network, self.encoder_.transform(X))
        return self.encoder_.inverse_transform(X_hat)

    def score_samples(self, X):
        """Score rows by how well they are reconstructed: low for outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Negative squared error of each row, summed over its columns; of numbers with
            missing cells over those that are there.
        """
        check_fitted(self)
        if self._has_own_units:
            rows = read_table(self, X, reset=False, encode=False).block(slice(None))
            return -np.nansum(np.square(rows - self._restored(rows)), axis=1)
        X = rows_in_place(self, X)
        return -inference.squared_errors(self._network, X)

    def score(self, X, y=None, sample_weight=None):
        """Return the variance-weighted R^2 of the reconstruction.

        Of a mixed table it is the mean D^2 of its columns, see
        :func:`skae.metrics.explained_deviance`. Missing cells do not count.

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
        check_fitted(self)
        if self._has_own_units:
            errors, variances = self._column_errors(X, sample_weight)
            return inference.r2_of(errors.sum(), variances.sum())
        table = read_table(self, X, sample_weight, reset=False)
        if hasattr(self, "encoder_"):
            rows = table.block(slice(None))
            X_hat = inference.reconstruct(self._network, rows)
            return float(tables.d2(self.encoder_, rows, X_hat, table.weight).mean())
        return inference.r2(self._network, table)

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
            In squared units of X, of cells that are there. Of a mixed table in those of
            its encoded columns, summed over those of each column.
        """
        check_fitted(self)
        if self._has_own_units:
            errors, _ = self._column_errors(X, sample_weight)
            return errors if per_feature else float(errors.mean())
        table = read_table(self, X, sample_weight, reset=False)
        errors = inference.column_errors(self._network, table)
        if hasattr(self, "encoder_"):
            errors = tables.by_column(self.encoder_, errors)
        return errors if per_feature else float(errors.mean())

    @property
    def _has_own_units(self):
        """Whether numbers were encoded by more or fewer columns, or in other units."""
        return hasattr(self, "encoder_") and tables.mixed_encoder(self) is None

    def _column_errors(self, X, sample_weight):
        """Return mean squared errors and variances of columns, in the units of X."""
        table = read_table(self, X, sample_weight, reset=False, encode=False)
        rows = table.block(slice(None))
        return tables.column_errors(rows, self._restored(rows), table.weight)
