"""Outliers: rows that an autoencoder which was not trained on them restores badly."""

import warnings
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OutlierMixin, _fit_context, clone
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
)

from .. import engine, tables
from ..exceptions import PCAFallbackWarning
from ._autoencoder import AutoencoderTransformer
from ._base import unchanged_on_error
from ._documented import DocumentedMixin
from ._resolve import is_auto
from ._saving import SavingMixin
from ._shards import refuse_ranks
from ._validation import IN_FRONT, check_lists_none, detach, read_rows

MOST_COMPONENTS = 16
# 2.3 % of a normal distribution lies as far above its mean.
AUTO_DEVIATIONS = 2
MAD_OF_NORMAL = 0.6745
BLOCK_ROWS = 10_000
# Of these, copies with more holes say what errors are to be expected.
HOLE_ROWS = 10_000


def default_n_components(n_features):
    """Return the square root of the number of columns, at most 16."""
    return min(MOST_COMPONENTS, round(n_features**0.5))


def lowest_normal_score(scores, contamination):
    """Return the score below which a row is an outlier."""
    if not is_auto(contamination):
        return float(np.quantile(scores, contamination, method="weibull"))
    roots = np.cbrt(-scores)
    middle = np.median(roots)
    deviation = np.median(np.abs(roots - middle)) / MAD_OF_NORMAL
    return -float((middle + AUTO_DEVIATIONS * deviation) ** 3)


class AutoencoderOutlierDetector(
    DocumentedMixin, SavingMixin, OutlierMixin, BaseEstimator
):
    """Finds rows that an autoencoder restores badly, with an honest threshold.

    The training rows are cut into `n_folds` folds, and for each of them an autoencoder
    is fitted to all other rows. A row is scored by those that were not trained on it: a
    training row by that of its fold, any other row by all of them, on average. With
    X_hat the reconstruction by an autoencoder m and s_j the standard deviation of
    column j among the rows that m was trained on, the score of row i is minus the sum
    of the contributions of its cells::

        score_i = - sum_j c_ij,        c_ij = mean_m ((X_ij - X_hat_ij) / s_j)^2

    A row is an outlier if its score is below `offset_`. As that comes from scores of
    training rows by autoencoders that do not know them, new rows are flagged as often
    as `contamination` says, and a training row cannot hide because it was learnt.

    Prefer it to the reconstruction error of :class:`~sklearn.decomposition.PCA` where
    the columns are related in ways that are not linear. Where rows are strange because
    they lie apart from others and not because their columns disagree, prefer
    :class:`~sklearn.neighbors.LocalOutlierFactor` or
    :class:`~sklearn.ensemble.IsolationForest`.

    Read more in the :ref:`User Guide <outliers>`.

    Parameters
    ----------
    autoencoder : estimator or None, default=None
        What restores the rows: any estimator with `transform` and `inverse_transform`,
        such as one of skae's. With ``missing_values="mask"`` rows may have missing
        cells. It is cloned for each fold, and gets a seed from
        `random_state` if it has none. None is :class:`AutoencoderTransformer` with as
        many components as the square root of the number of columns, rounded, and at
        most 16: one for 2 columns, 5 for 30, 16 for 784. More components restore
        outliers too.

    contamination : "auto" or float, default="auto"
        Share of rows to flag, in (0, 0.5]. Where the training rows hold no outliers, it
        is the rate of false alarms among new rows; where they hold some, their share.
        "auto" flags what lies far from most training rows, however many: see the Notes.

    standardize : bool, default=True
        Whether the columns are divided by their standard deviations first, so that each
        has the same say. False is for columns in one unit, such as pixels, and for
        autoencoders that need X as it is, such as those with
        ``loss="binary_cross_entropy"``.

    n_folds : int, default=5
        Number of folds, at least 2, and of autoencoders to fit. Raising it trains each
        on more rows, and takes longer.

    n_jobs : int or None, default=None
        Number of autoencoders fitted at a time. None is one, -1 is one per core.

    random_state : int, RandomState instance or None, default=None
        Seed of the folds and, where it has none, of the autoencoder.

    Attributes
    ----------
    offset_ : float
        Rows with a lower score are outliers.

    autoencoders_ : list of estimators
        The autoencoder fitted without each fold.

    scales_ : ndarray of shape (n_folds, n_features)
        What each of them divides the columns by: ones without `standardize`, and for
        columns that do not vary.

    n_features_in_ : int
        Number of columns.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X has string names.

    Notes
    -----
    Training rows are told by what is in them: a row with the same numbers is scored by
    the same autoencoder, and rows that come twice are in one fold.

    With a number for `contamination`, `offset_` is that quantile of the n training
    rows' scores, at position ``(n + 1) * contamination``, as in conformal prediction:
    a new row is as likely to fall in any of the n + 1 gaps between them. Below
    ``1 / contamination - 1`` rows it is the lowest score, and the rate higher.

    With "auto", cube roots of the errors are taken, which are nearly normal where
    residuals are normal (Wilson and Hilferty). Flagged is what exceeds their mean by
    two standard deviations: 2.3 % of such rows, and more where residuals have heavy
    tails. Both are told from the median and the median absolute deviation, which a
    minority of outliers among the training rows cannot move far.

    Of a row with missing cells, in a mixed table or by an autoencoder with
    ``missing_values="mask"``, the errors of those that are there are summed, over the
    share that such cells have in the error of a usual row. That alone would flag too
    many or too few: errors of few cells scatter more, and a code can follow them. So
    copies of the training rows from which cells were removed at random are scored, by
    autoencoders that do not know the rows. A row with holes has the score of a whole
    row that is as unusual as it is among copies with as large a share missing. What is
    missing for reasons of its own is not allowed for.

    References
    ----------
    Sakurada, M., and Yairi, T. (2014). Anomaly detection using autoencoders with
    nonlinear dimensionality reduction. MLSDA, 4-11.

    Vovk, V. (2015). Cross-conformal predictors. Annals of Mathematics and Artificial
    Intelligence, 74, 9-28.

    Wilson, E. B., and Hilferty, M. M. (1931). The distribution of chi-square.
    Proceedings of the National Academy of Sciences, 17(12), 684-688.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderOutlierDetector, AutoencoderTransformer
    >>> X = load_iris().data
    >>> autoencoder = AutoencoderTransformer(2, init="pca", max_iter=5)
    >>> detector = AutoencoderOutlierDetector(
    ...     autoencoder, contamination=0.1, random_state=0
    ... )
    >>> int((detector.fit_predict(X) == -1).sum())
    15
    """

    categorical_features = "from_dtype"
    column_weight = None

    _parameter_constraints: dict = {
        "autoencoder": [HasMethods(["fit", "transform", "inverse_transform"]), None],
        "contamination": [
            StrOptions({"auto"}),
            Interval(Real, 0, 0.5, closed="right"),
        ],
        "standardize": ["boolean"],
        "n_folds": [Interval(Integral, 2, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        autoencoder=None,
        contamination="auto",
        *,
        standardize=True,
        n_folds=5,
        n_jobs=None,
        random_state=None,
    ):
        self.autoencoder = autoencoder
        self.contamination = contamination
        self.standardize = standardize
        self.n_folds = n_folds
        self.n_jobs = n_jobs
        self.random_state = random_state

    @property
    def missing_values(self):
        """As the autoencoder has it."""
        return getattr(self.autoencoder, "missing_values", "auto")

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None):
        """Fit an autoencoder without each fold, and find the threshold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, at least two that differ and two columns.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the training of the autoencoders, which have to take
            them. Zero is the same as leaving the row out. The threshold counts all
            other rows alike.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If X or a parameter cannot be used.
        """
        refuse_ranks(type(self).__name__, "Fit it in one process.")
        with unchanged_on_error(self):
            X, missing = self._read(
                X, reset=True, ensure_min_samples=2, ensure_min_features=2
            )
            if sample_weight is not None:
                sample_weight = _check_sample_weight(
                    detach(sample_weight), X, ensure_non_negative=True
                )
                used = sample_weight > 0
                X, missing, sample_weight = X[used], missing[used], sample_weight[used]
            self._fit(X, missing, sample_weight)
        return self

    def _fit(self, X, missing, weight):
        random = check_random_state(self.random_state)
        self._hashes, first, row = np.unique(
            engine.hash_rows(X), return_index=True, return_inverse=True
        )
        if len(self._hashes) < 2:
            raise ValueError(
                f"X has {len(self._hashes)} different row(s): two are the least, one "
                "to train on and one to hold out."
            )
        n_folds = min(self.n_folds, len(self._hashes))
        splitter = GroupKFold(n_folds, shuffle=True, random_state=random)
        parts = list(splitter.split(X, groups=first[row]))
        self._folds = np.empty(len(self._hashes), dtype=int)
        for fold, (_, held_out) in enumerate(parts):
            self._folds[row[held_out]] = fold
        models = [self._seeded_autoencoder(X.shape[1], random) for _ in parts]
        fitted = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_scaled)(
                model,
                X[rows],
                None if weight is None else weight[rows],
                self.standardize and not hasattr(self, "encoder_"),
            )
            for model, (rows, _) in zip(models, parts, strict=True)
        )
        self.autoencoders_ = [model for model, _ in fitted]
        self.scales_ = np.stack([scale for _, scale in fitted])
        vars(self).pop("_hole_scale", None)
        if hasattr(self, "encoder_") or self.missing_values == "mask":
            some = random.permutation(len(X))[:HOLE_ROWS]
            self._hole_scale = self._make_hole_scale(X[some], missing[some], random)
        scores = self._scores(X, missing)
        self.offset_ = lowest_normal_score(scores, self.contamination)

    def _make_hole_scale(self, X, missing, random):
        """Return the `HoleScale` of training rows, by those not trained on them."""
        fold = self._fold_of(X)

        def contribute(missing):
            if hasattr(self, "encoder_"):
                rows = tables.without(self.encoder_, X, missing)
            else:
                rows = np.where(missing, np.nan, X)
            return self._contributions(rows, missing, fold)[1]

        return tables.hole_scale(contribute, missing, random)

    def _seeded_autoencoder(self, n_features, random):
        if self.autoencoder is None:
            model = AutoencoderTransformer(default_n_components(n_features))
        else:
            model = clone(self.autoencoder)
        check_lists_none(model, IN_FRONT)
        seeds = {
            name: random.randint(np.iinfo(np.int32).max)
            for name, value in sorted(model.get_params().items())
            if name.rpartition("__")[2] == "random_state" and value is None
        }
        return model.set_params(**seeds)

    def score_samples(self, X):
        """Score rows by how well they are restored: low for outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Minus the sum of the contributions of the cells. Of rows with missing cells
            see the Notes.
        """
        return self._scores(*self._read(X))

    def decision_function(self, X):
        """Return by how much the scores exceed the threshold: negative for outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            ``score_samples(X) - offset_``.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Tell outliers from other rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        is_inlier : ndarray of shape (n_samples,)
            -1 for outliers, 1 for other rows.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def explain(self, X):
        """Return what each cell contributes to its row's score, most unusual first.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        cells : pandas.DataFrame of shape (n_samples * n_features, 5)
            With the columns "row" (its label in a DataFrame with an index, else its
            position), "column" (its name or position), "value", "reconstruction" (in
            the units of X) and "contribution". The contributions of a row without
            missing cells sum to minus its score; of a missing cell it is NaN, and such
            cells come last.
        """
        labels = X.index if hasattr(X, "iloc") else None
        values, missing = self._read(X)
        X_hat, contributions = self._contributions(values, missing)
        columns = getattr(self, "feature_names_in_", np.arange(values.shape[1]))
        if hasattr(self, "encoder_"):
            columns = [block.column for block in self.encoder_.blocks_]
            X_hat = tables.cells(tables.decode(self.encoder_, X_hat), columns)
            values = tables.cells(X, columns)
        n_rows, n_columns = contributions.shape
        labels = np.arange(n_rows) if labels is None else labels
        cells = pd.DataFrame(
            {
                "row": np.repeat(labels, n_columns),
                "column": np.tile(columns, n_rows),
                "value": values.ravel(),
                "reconstruction": X_hat.ravel(),
                "contribution": contributions.ravel(),
            }
        )
        return cells.sort_values(
            "contribution", ascending=False, ignore_index=True, kind="stable"
        )

    def _read(self, X, *, reset=False, **minimum):
        """Return rows as the autoencoders take them, and which cells are missing."""
        if reset:
            takes_holes = self.missing_values == "mask"
        else:
            check_is_fitted(self)
            takes_holes = hasattr(self, "_hole_scale")
        rows = read_rows(
            self,
            X,
            reset=reset,
            accept_sparse=False,
            encode=False,
            takes_holes=takes_holes,
            **minimum,
        )
        if hasattr(self, "encoder_"):
            return rows, tables.holes(self.encoder_, X)
        missing = np.isnan(rows)
        # of one kind, as rows are told by their bits
        return (np.where(missing, np.nan, rows) if takes_holes else rows), missing

    def _scores(self, X, missing):
        blocks = gen_batches(len(X), BLOCK_ROWS)
        return -np.concatenate([self._errors(X[b], missing[b]) for b in blocks])

    def _errors(self, X, missing):
        contributions = self._contributions(X, missing)[1]
        if hasattr(self, "_hole_scale"):
            return self._hole_scale.errors_of(contributions)
        return contributions.sum(axis=1)

    def _contributions(self, X, missing, fold=None):
        """Return reconstructions, and what cells that are there contribute, else NaN.

        Both by those not trained on the row. `fold` is that of each row, if known.
        """
        fold = self._fold_of(X) if fold is None else fold
        X_hat, contributions = np.zeros(X.shape), np.zeros(X.shape)
        for k, (model, scale) in enumerate(
            zip(self.autoencoders_, self.scales_, strict=True)
        ):
            rows = np.flatnonzero((fold == k) | (fold == -1))
            if len(rows):
                back = _reconstruct(model, X[rows], scale)
                X_hat[rows] += back
                contributions[rows] += np.square((X[rows] - back) / scale)
        n_judges = np.where(fold == -1, len(self.autoencoders_), 1)[:, None]
        X_hat, contributions = X_hat / n_judges, contributions / n_judges
        if hasattr(self, "encoder_"):
            contributions = tables.by_column(self.encoder_, contributions)
        return X_hat, np.where(missing, np.nan, contributions)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing_values == "mask"
        return tags

    def _fold_of(self, X):
        """Return the fold of each training row, and -1 for rows that are new."""
        hashes = engine.hash_rows(X)
        at = np.minimum(self._hashes.searchsorted(hashes), len(self._hashes) - 1)
        return np.where(self._hashes[at] == hashes, self._folds[at], -1)


def _fit_scaled(autoencoder, X, weight, standardize):
    """Return the autoencoder fitted to scaled columns, and what they are divided by."""
    scale = np.ones(X.shape[1])
    if standardize:
        scale = StandardScaler().fit(X, sample_weight=weight).scale_
    weights = {} if weight is None else {"sample_weight": weight}
    # PCA finds outliers too
    with warnings.catch_warnings(action="ignore", category=PCAFallbackWarning):
        return autoencoder.fit(_scaled(X, scale), **weights), scale


def _scaled(X, scale):
    return X / scale.astype(X.dtype)


def _reconstruct(autoencoder, X, scale):
    Z = autoencoder.transform(_scaled(X, scale))
    return np.asarray(autoencoder.inverse_transform(Z)) * scale
