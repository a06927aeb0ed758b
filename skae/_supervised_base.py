"""What the supervised estimators share: pretrain on all rows, fine-tune on labels."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
    clone,
)
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from ._base import unchanged_on_error
from ._denoising import DenoisingAutoencoder
from ._heads import (
    ALPHAS,
    CAUTIOUS_ALPHA,
    choose_head,
    code_scales,
    fit_to_a_few,
    make_folds,
)
from ._transformer import ReconstructingTransformer
from ._validation import as_table, detach, rows_to_encode, used_rows

BATCH_SIZE = 128
# Fine-tuning changes little after a few hundred steps (benchmarks/few_labels.py).
STEPS = 400


def default_code_size(n_features):
    """Return one code per column, within [32, 128]."""
    return int(min(128, max(32, n_features)))


def default_max_iter(n_samples, batch_size):
    """Return the epochs that make about 400 steps, within [20, 60]."""
    return int(min(60, max(20, round(STEPS * batch_size / n_samples))))


class BaseSupervised(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Pretrains an autoencoder on all rows and fine-tunes it with a linear head.

    The algorithm is here. A subclass says what a target is (`_read_targets`,
    `_labelled_targets`, `_target_units`, `_strata`) and how a head is fitted and judged
    (`_fit_map`, `_map_losses`).
    """

    _parameter_constraints: dict = {
        "autoencoder": [HasMethods(["fit", "transform"]), None],
        "fine_tune": ["boolean"],
        "reconstruction_weight": [Interval(Real, 0, None, closed="left")],
        "consistency_weight": [
            Interval(Real, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "noise_level": [Interval(Real, 0, None, closed="neither")],
        "alpha": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 0.5, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Pretrain on all rows, then fine-tune on the labelled ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, labelled or not.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; see the class for what stands for an unlabelled row.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in every loss. Zero is the same as leaving the row out.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter cannot be used, or if training diverges.
        """
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        with unchanged_on_error(self):
            X = as_table(self, X, reset=True)
            y = self._read_targets(detach(y))
            check_consistent_length(X, y)
            rows, weight = used_rows(np.arange(X.shape[0]), sample_weight)
            if len(rows) < X.shape[0]:
                X, y = X[rows], y[rows]
            self._fit(X, y, weight)
        return self

    def _fit(self, X, y, weight):
        from ._training._random import make_seed
        from ._training._supervised import Labelled, fine_tune

        labelled, targets = self._labelled_targets(y)
        seed = make_seed(self.random_state)
        self._resolve(X.shape[0])
        self.autoencoder_ = self._pretrain(X, weight, seed)
        self.n_components_ = self.autoencoder_.n_components_
        self._n_features_out = self.n_components_
        self.device_ = getattr(self.autoencoder_, "device_", "cpu")
        w = self._labelled_weight(weight, labelled, targets)
        mean, scale = self._target_units(targets, w)
        if scale is not None:
            targets = (targets - mean) / scale
        labelled = Labelled(labelled, targets, w)
        rng = np.random.default_rng(seed)
        folds = make_folds(self._strata(targets), self.validation_fraction, rng)
        fit_head = self._make_head_fitter(X, weight, labelled, folds, mean, scale)
        tuned = fine_tune(
            X,
            weight,
            labelled,
            folds if self.early_stopping else [],
            fit_head,
            self._tasks(len(targets), X.shape[0]),
            self._plan(),
            seed=seed,
            device=self.device_,
        )
        for name in ("net", "n_iter", "best_n_iter"):
            setattr(self, f"{name}_", getattr(tuned, name))
        self.loss_curve_ = tuned.loss_curve
        self.validation_loss_curve_ = tuned.validation_loss_curve
        self.consistency_weight_ = tuned.task.consistency_weight

    def _resolve(self, n_samples):
        """Set the attributes that hold what each "auto" stands for."""
        batch_size, max_iter = self.batch_size, self.max_iter
        self.batch_size_ = BATCH_SIZE if batch_size == "auto" else batch_size
        self.batch_size_ = min(self.batch_size_, n_samples)
        if max_iter == "auto":
            max_iter = default_max_iter(n_samples, self.batch_size_)
        self.max_iter_ = max_iter

    def _pretrain(self, X, weight, seed):
        if self.autoencoder is None:
            autoencoder = DenoisingAutoencoder(default_code_size(X.shape[1]))
        else:
            autoencoder = clone(self.autoencoder)
        if not isinstance(autoencoder, ReconstructingTransformer):
            raise ValueError(
                f"autoencoder={self.autoencoder!r} should be one of skae's "
                "autoencoders, such as AutoencoderTransformer(32), or None."
            )
        if autoencoder.get_params(deep=False).get("random_state", 0) is None:
            autoencoder.set_params(random_state=seed % 2**31)
        return autoencoder.fit(X, sample_weight=weight)

    def _labelled_weight(self, weight, labelled, targets):
        """Return weights of mean one for the labelled rows, or None."""
        if weight is None:
            return None
        return weight[labelled] / weight[labelled].mean()

    def _target_units(self, targets, weight):
        """Return mean and scale of the targets, None for classes."""
        return None, None

    def _make_head_fitter(self, X, weight, labelled, folds, target_mean, target_scale):
        """Return the function that fits a head to some of the labelled rows."""
        from . import _inference
        from ._training._supervised import Head

        Z = _inference.encode(self._pretrained_module, X).astype(np.float64)
        mean, scales = code_scales(Z, weight)
        Z, y, w = Z[labelled.rows] - mean, labelled.y, labelled.weight
        alphas = ALPHAS if self.alpha == "auto" else [self.alpha]
        if not folds and self.alpha == "auto":
            alphas = [CAUTIOUS_ALPHA]
        scale, self.alpha_ = choose_head(
            self._fit_map, self._map_losses, Z, y, w, folds, scales, alphas
        )
        Z = Z / scale

        def fit_head(positions=None):
            if positions is None:
                fitted = self._fit_map(Z, y, w, self.alpha_)
            else:
                fitted = fit_to_a_few(self._fit_map, Z, y, w, positions, self.alpha_)
            return Head(
                fitted.coef, fitted.intercept, mean, scale, target_mean, target_scale
            )

        return fit_head

    @property
    def _pretrained_module(self):
        return self.autoencoder_._module

    def _tasks(self, n_labelled, n_samples):
        """Return what to choose from on held-out rows."""
        from ._training._supervised import FineTuning

        task = FineTuning(
            autoencoder=self._pretrained_module,
            criterion=getattr(
                getattr(self.autoencoder_, "net_", None), "criterion_", None
            ),
            reconstruction_weight=self.reconstruction_weight,
            consistency_weight=0.0,
            noise_level=self.noise_level,
            alpha=self.alpha_,
            trains_encoder=self.fine_tune,
        )
        if self.consistency_weight != "auto":
            return [replace(task, consistency_weight=float(self.consistency_weight))]
        if not self.early_stopping or n_samples < 2 * n_labelled:
            return [task]
        return [task, replace(task, consistency_weight=1.0)]

    def _plan(self):
        from ._training._train import Plan

        return Plan(
            solver="adamw",
            learning_rate_init=self.learning_rate_init,
            learning_rate="one_cycle",
            batch_size=self.batch_size_,
            max_iter=self.max_iter_,
            n_iter_no_change=self.n_iter_no_change,
            tol=self.tol,
            verbose=int(self.verbose),
            description=type(self).__name__,
        )

    # -- use ------------------------------------------------------------------------

    def transform(self, X):
        """Encode rows with the fine-tuned encoder.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Codes, float32 for float32 X and float64 otherwise.
        """
        from . import _inference

        check_is_fitted(self)
        X = rows_to_encode(self, X)
        return _inference.encode(self.net_.module_, X)

    def _outputs(self, X):
        """Return the head's outputs, shape (n_samples, n_outputs)."""
        from . import _inference

        check_is_fitted(self)
        X = rows_to_encode(self, X)
        return _inference.outputs(self.net_.module_, X)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
