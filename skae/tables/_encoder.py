"""An invertible encoder of tables with mixed columns."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_array,
    check_is_fitted,
)

from ._codec import Codec
from ._columns import declared_features, remember_columns, weights_of
from ._filling import fit_filling
from ._frames import read_cells, read_columns
from ._names import encoded_names


class TableEncoder(TransformerMixin, BaseEstimator):
    """Mixed DataFrames as numbers, and back.

    Numbers, dates and durations become one column each, standardised. A category
    becomes a column of zeros and ones for each of its values. A column with missing
    cells gets one more, which says where they are. ``inverse_transform`` returns a
    DataFrame as it was: columns, order, dtypes, categories, time zones; whole numbers
    are whole, and decimals are as many as they were.

    Alone it loses nothing. In front of a reducer, such as in ``make_pipeline(
    TableEncoder(), PCA(4))``, it gives that a way back from codes to a table, which
    ColumnTransformer has not.

    A column is what its dtype says: category, string, object and boolean columns are
    categories, also if they are written in digits. Text that hardly repeats and whole
    numbers that never do, though they could, are free text or identifiers: they are
    left out, with a warning that names them.

    Parameters
    ----------
    numeric : {"standard", "arcsinh", "quantile", "minmax"}, default="standard"
        How numbers, dates and durations are scaled:

        - "standard" subtracts the mean and divides by the deviation;
        - "arcsinh" does so with the inverse hyperbolic sine of the number, taken from
          the median in quartile ranges: the middle stays linear, and a heavy tail
          becomes its logarithm;
        - "quantile" takes the quantile of a normal variable, so that all columns have
          its shape. What is beyond the training rows comes back as their least or
          largest number;
        - "minmax" maps the training rows to [0, 1], as NMF needs it.

    category_scaling : {"balanced", "famd", "standard"} or None, default="balanced"
        What zeros and ones of a category are divided by: how much it weighs beside a
        number of variance 1.

        - "famd" is the root of the share of rows that have the value. A PCA is then
          factor analysis of mixed data [1]_: a category of k values has variance k - 1;
        - "balanced" also divides by the root of k - 1: all columns have variance 1;
        - "standard" is the deviation, as StandardScaler has it: variance k;
        - None leaves zeros and ones, as NMF needs them.

        Indicators of missing cells stay zeros and ones: where a number is missing tells
        less than the number.

    column_weight : dict of label to float, "variance" or None, default=None
        How much columns count, where that is not 1: the variance of their encoded
        columns is so many times what it is otherwise. ``{"price": 4.0}`` lets a reducer
        keep more of the price. "variance" weighs numbers by their variance, as PCA
        does; dates, durations and categories, which have no unit, count as a number of
        variance 1.

    max_categories : int, default=None
        At most so many encoded columns for each category. The rarest values share one,
        and come back as the most frequent of them. None keeps all apart, and leaves
        text of more than a thousand values out.

    min_frequency : int or float, default=None
        Values that fewer rows have, or a smaller share of them, are rare, too.

    handle_unknown : {"warn", "ignore", "infrequent_if_exist", "error"}, default="warn"
        What `transform` does with a category that was not there in `fit`, and with a
        cell that is missing where none was: "ignore" encodes zeros, and the mean of a
        number; "infrequent_if_exist" counts categories among the rare ones, if there
        are some; "warn" does that and warns; "error" raises. Zeros come back as a
        missing cell.

    missing_values : {"indicator", "pca", "nan"}, default="indicator"
        "indicator" fills a missing number with its mean, and has a column of zeros and
        ones, the last of the encoded column's, for each column with missing cells.
        "pca" has these columns, too, and fills missing cells with what a PCA of the
        table says of them [2]_, those of columns that had none in `fit` as well.
        "nan" has no such columns and leaves NaN for estimators that take it.

    categorical_features : {"from_dtype"} or array-like, default="from_dtype"
        Columns that are categories whatever their dtype, such as numbers that are
        codes: their names, their positions, or a mask of all columns. Of the others the
        dtype decides, and with "from_dtype" of all.

    clip : bool, default=False
        Whether `inverse_transform` keeps numbers, dates and durations within the range
        of the training rows. New rows beyond it are then cut off, too.

    Attributes
    ----------
    blocks_ : list of Block
        One for each column that is encoded: its `column` and `kind`, which encoded
        `columns` are its own, and their `categories` and `scale`.

    left_out_ : dict of label to str
        Columns that are left out, and why.

    n_features_in_ : int
        Number of columns of the table.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where all are strings.

    See Also
    --------
    skae.metrics.explained_deviance : How much of each column a reducer behind keeps.

    Notes
    -----
    Numbers that are whole are those of an integer dtype, and floats that all are. Dates
    are counted in the largest unit, from days down, that all of them are whole in. Both
    are exact as far as floats are: microseconds over some ten years.

    References
    ----------
    .. [1] J. Pagès, "Analyse factorielle de données mixtes", Revue de statistique
       appliquée 52(4), 2004.
    .. [2] J. Josse and F. Husson, "Handling missing values in exploratory multivariate
       data analysis methods", Journal de la SFdS 153(2), 2012.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.pipeline import make_pipeline
    >>> from skae.tables import TableEncoder
    >>> table = pd.DataFrame({
    ...     "age": [31, 45, 22, 58],
    ...     "income": [2100.5, None, 1800.0, 3000.0],
    ...     "job": pd.Categorical(["clerk", "smith", "clerk", "baker"]),
    ... })
    >>> encoder = TableEncoder().fit(table)
    >>> encoder.get_feature_names_out().tolist()
    ['age', 'income', 'income_missing', 'job_baker', 'job_clerk', 'job_smith']
    >>> encoder.inverse_transform(encoder.transform(table)).equals(table)
    True
    >>> mixed = make_pipeline(TableEncoder(), PCA(2)).fit(table)
    >>> mixed.inverse_transform(mixed.transform(table)).dtypes.equals(table.dtypes)
    True
    """

    _parameter_constraints = {
        "numeric": [StrOptions({"standard", "arcsinh", "quantile", "minmax"})],
        "category_scaling": [StrOptions({"balanced", "famd", "standard"}), None],
        "column_weight": [dict, StrOptions({"variance"}), None],
        "max_categories": [Interval(Integral, 1, None, closed="left"), None],
        "min_frequency": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            None,
        ],
        "handle_unknown": [
            StrOptions({"warn", "ignore", "infrequent_if_exist", "error"})
        ],
        "missing_values": [StrOptions({"indicator", "pca", "nan"})],
        "categorical_features": ["array-like", StrOptions({"from_dtype"})],
        "clip": ["boolean"],
    }

    def __init__(
        self,
        *,
        numeric="standard",
        category_scaling="balanced",
        column_weight=None,
        max_categories=None,
        min_frequency=None,
        handle_unknown="warn",
        missing_values="indicator",
        categorical_features="from_dtype",
        clip=False,
    ):
        self.numeric = numeric
        self.category_scaling = category_scaling
        self.column_weight = column_weight
        self.max_categories = max_categories
        self.min_frequency = min_frequency
        self.handle_unknown = handle_unknown
        self.missing_values = missing_values
        self.categorical_features = categorical_features
        self.clip = clip

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn what the columns of a table are.

        Parameters
        ----------
        X : {dataframe, array-like} of shape (n_samples, n_features)
            Rows of a pandas or polars DataFrame; an array is one without names.
        y : None
            Ignored, exists for compatibility with scikit-learn's pipelines.

        Returns
        -------
        self : TableEncoder
            Fitted.

        Raises
        ------
        TypeError
            If a column holds what is none of the kinds above, such as lists.
        ValueError
            If a number is infinite, no column is left, or `categorical_features` or
            `column_weight` name others.
        """
        series, self._layout = read_columns(self, X, reset=True)
        columns, cells, self.left_out_ = remember_columns(
            series,
            self._layout.labels,
            self.max_categories,
            declared_features(self.categorical_features, self._layout.labels),
        )
        _check_left(columns, self.left_out_)
        self._codec = Codec(
            columns, numeric=self.numeric, missing_values=self.missing_values
        ).fit(
            cells,
            self.category_scaling,
            weights_of(columns, cells, self.column_weight),
            unknown_are_rare=self.handle_unknown != "ignore",
            max_categories=self.max_categories,
            min_frequency=self.min_frequency,
        )
        self.blocks_ = self._codec.blocks
        self._filling = None
        if self.missing_values == "pca":
            encoded, is_missing = self._encoded(cells, self._codec.codes(cells))
            n_axes = max(2, len(self.blocks_) // 4)
            self._filling = fit_filling(
                encoded / self._units, self._spread(is_missing), n_axes
            )
        return self

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : {dataframe, array-like} of shape (n_samples, n_features)
            Rows with the columns of `fit`.

        Returns
        -------
        X_encoded : ndarray of shape (n_samples, n_encoded)
            Finite, unless `missing_values="nan"`.

        Raises
        ------
        ValueError
            If a number is infinite, a column cannot be read as what it was in `fit`,
            or `handle_unknown="error"` and there is something unknown.
        """
        check_is_fitted(self)
        return self._encode(X)[0]

    def inverse_transform(self, X):
        """Return the table that encoded rows stand for.

        Of a category the value with the largest share comes back, and a cell is missing
        if its indicator says so.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_encoded)
            Encoded rows, or what a reducer made of them. The index of a pandas
            DataFrame is kept.

        Returns
        -------
        table : dataframe or ndarray of shape (n_samples, n_columns)
            As in `fit`, without the columns that are left out.
        """
        check_is_fitted(self)
        index = X.index if hasattr(X, "iloc") else None
        return self._build(
            self._codec.decode(self._check_encoded(X), clip=self.clip), index
        )

    def decode(self, X):
        """Return what encoded rows say of each column, before anything is chosen.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_encoded)
            Encoded rows, or what a reducer made of them.

        Returns
        -------
        expected : dict of label to ndarray
            Of a number its value, not rounded, of shape (n_samples,). Dates and
            durations are whole steps since the first one of `fit`. Of a category the
            shares of its values, of shape (n_samples, n_values), the indicator left
            aside: none below zero, and their sum one, or NaN where all are zero.
            Columns that were all missing are not there.
        """
        check_is_fitted(self)
        return self._codec.expected(self._check_encoded(X))

    def get_feature_names_out(self, input_features=None):
        """Return the names of the encoded columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of the table, where they had none in `fit`.

        Returns
        -------
        names : ndarray of str
            A number has the name of its column, a category that and the value after an
            underscore, an indicator ends in "_missing".
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        return encoded_names(self.blocks_, names)

    def _build(self, series, index=None):
        """Return the table of the columns that are encoded."""
        kept = [column.feature for column in self._codec.columns]
        return self._layout.build(series, kept, index)

    def _encode(self, X):
        """Return encoded rows, and which cells of the table are missing."""
        cells = self._cells(X)
        codes = self._codec.codes(cells)
        self._report_unknown(cells, codes)
        return self._encoded(cells, codes)

    def _cells(self, X):
        series, _ = read_columns(self, X, reset=False)
        return [
            read_cells(column.source, series[column.feature], column.label)
            for column in self._codec.columns
        ]

    def _encoded(self, cells, codes):
        encoded = self._codec.encode(cells, codes)
        is_missing = np.column_stack([missing for _, missing in cells])
        if self._filling is not None:
            unknown = self._spread(is_missing)
            encoded = self._filling.fill(encoded / self._units, unknown) * self._units
        return encoded, is_missing

    @property
    def _units(self):
        """What encoded columns are divided by where missing cells are filled."""
        units = np.ones(self._codec.n_encoded)
        if self.column_weight == "variance":
            for block in self.blocks_:
                if block.categories is None:
                    units[block.members] = block.scale[:1]
        return units

    def _spread(self, is_missing):
        """Return which encoded cells are those of missing cells, indicators aside."""
        unknown = np.zeros((len(is_missing), self._codec.n_encoded), dtype=bool)
        for block, missing in zip(self.blocks_, is_missing.T, strict=True):
            unknown[:, block.members] = missing[:, None]
        return unknown

    def _report_unknown(self, cells, codes):
        if self.handle_unknown in ("ignore", "infrequent_if_exist"):
            return
        found = self._codec.unknown(cells, codes)
        if not found:
            return
        text = "; ".join(f"{label!r}: {what}" for label, what in found.items())
        if self.handle_unknown == "error":
            raise ValueError(
                f"There are cells that fit had none of: {text}. Any other value of "
                "handle_unknown encodes them."
            )
        warnings.warn(
            f"There are cells that fit had none of: {text}. See handle_unknown.",
            stacklevel=4,
        )

    def _check_encoded(self, X):
        finite = "allow-nan" if self.missing_values == "nan" else True
        X = check_array(X, dtype=np.float64, ensure_all_finite=finite)
        if X.shape[1] != self._codec.n_encoded:
            raise ValueError(
                f"X has {X.shape[1]} columns, and the table is encoded as "
                f"{self._codec.n_encoded}: inverse_transform takes what transform "
                "returns."
            )
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _check_left(columns, left_out):
    """Warn of columns that are left out; raise an error if none is left."""
    reasons = ", ".join(f"{label!r} ({why})" for label, why in left_out.items())
    if all(column.content is None for column in columns):
        raise ValueError(
            "No column is left to encode: all cells are missing, or columns are left "
            f"out as identifiers or free text: {reasons or 'none'}."
        )
    if left_out:
        warnings.warn(
            f"Left out as identifiers or free text: {reasons}. Drop them, or put an "
            "encoder of text in front, such as skrub's StringEncoder. To keep one, "
            "make it a category (text) or a float (numbers).",
            stacklevel=4,
        )
