"""What the supervised estimators share: pretrain on all rows, fine-tune on labels."""

import os
import warnings
from dataclasses import replace
from numbers import Integral, Real

from sklearn.base import _fit_context, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from .. import engine, inference, objectives
from ..exceptions import PCAFallbackWarning
from ._base import unchanged_on_error
from ._checkpoint import checkpointed
from ._denoising import DenoisingAutoencoder
from ._reconstructing import EncodingTransformer, ReconstructingTransformer
from ._resolve import is_auto
from ._shards import refuse_ranks
from ._validation import (
    IN_FRONT,
    check_lists_none,
    detach,
    hint_at_mask,
    read_table,
    rows_to_encode,
)

BATCH_SIZE = 128
# Fine-tuning changes little after a few hundred steps (benchmarks/few_labels.py).
STEPS = 400


def default_code_size(n_features):
    """Return one code per column, within [32, 128]."""
    return int(min(128, max(32, n_features)))


def default_max_iter(n_samples, batch_size):
    """Return the epochs that make about 400 steps, within [20, 60]."""
    return int(min(60, max(20, round(STEPS * batch_size / n_samples))))


class BaseSupervised(EncodingTransformer):
    """Pretrains an autoencoder on all rows and fine-tunes it with a linear head.

    The algorithm is here. A subclass says what a target is: `_read_targets`,
    `_labelled`.
    """

    _parameter_constraints: dict = {
        "autoencoder": [HasMethods(["fit", "transform"]), None],
        "fine_tune": ["boolean"],
        "reconstruction_weight": [Interval(Real, 0, None, closed="left")],
        "consistency_weight": [
            Interval(Real, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "noise": [StrOptions({"gaussian", "adversarial"})],
        "noise_level": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
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
        "checkpoint": [str, os.PathLike, None],
        "interruptible": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @property
    def missing_values(self):
        """As the autoencoder has it."""
        return getattr(self.autoencoder, "missing_values", "auto")

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, *, groups=None):
        """Pretrain on all rows, then fine-tune on the labelled ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, labelled or not.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; see the class for what stands for an unlabelled row.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in every loss. Zero is the same as leaving the row out.

        groups : array-like of shape (n_samples,), default=None
            Rows with the same label belong together, as those of one patient: they are
            held out together.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter cannot be used, or if training diverges.

        OSError
            If the checkpoint cannot be read or written.
        """
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        remedy = "Fit its autoencoder so, and the rest in one process."
        refuse_ranks(type(self).__name__, remedy)
        with unchanged_on_error(self):
            y = detach(y)
            table = read_table(
                self,
                X,
                sample_weight,
                groups,
                reset=True,
                accept_source=False,
                encode=False,
            )
            y = self._read_targets(y)
            check_consistent_length(table.X, y)
            y = y if table.rows is None else y[table.rows]
            with checkpointed(self, X=table, y=y) as checkpoint:
                with engine.stop_on_interrupt(self.interruptible) as request:
                    self._fit(table, y, checkpoint.seed)
                if request.is_made:
                    warnings.warn(
                        "Interrupted: training stopped early, and the best so far is "
                        f"kept: {self.best_n_iter_} epochs of fine-tuning.",
                        ConvergenceWarning,
                        stacklevel=3,
                    )
                else:
                    checkpoint.remove()
        return self

    def _fit(self, table, y, seed):
        rows, targets, weight = self._labelled(y, table.weight)
        groups = None if table.groups is None else table.groups[rows]
        labelled = engine.Labelled(rows, targets, weight, groups)
        plan = self._plan(table.n_rows)
        self.batch_size_, self.max_iter_ = plan.batch_size, plan.max_iter
        level = self.noise_level
        if is_auto(level):
            level = objectives.NOISE_LEVELS[self.noise]
        self.noise_level_ = float(level)
        n_unlabelled = table.n_rows - len(labelled)
        folds = engine.label_folds(
            labelled, self.validation_fraction, seed, n_unlabelled
        )
        labels = engine.Labels(table, labelled, folds, self.validation_fraction)
        self.autoencoder_, judged = self._pretrain(labels, seed)
        self.device_ = getattr(self.autoencoder_, "device_", "cpu")
        self.n_components_ = self._n_features_out = self.autoencoder_.n_components_
        if hasattr(self.autoencoder_, "encoder_") and not hasattr(self, "encoder_"):
            self.encoder_ = self.autoencoder_.encoder_
        tuned = engine.fine_tune(
            _encoded(labels, self.autoencoder_),
            (judged._network, _encoded(labels, judged)),
            self._objectives(len(labelled), table.n_rows),
            self._alphas(folds),
            plan,
            seed,
            self.device_,
        )
        for name, value in vars(tuned).items():
            setattr(self, f"{name}_", value)

    def _pretrain(self, labels, seed):
        """Return the autoencoder to use, and one that no judging row has reached.

        They are one where that fold's network is the result.
        """
        if not (self.early_stopping and labels.folds):
            autoencoder = self._pretrained(labels.table, seed)
            return autoencoder, autoencoder
        judged = self._pretrained(labels.without(labels.judging), seed)
        if labels.are_enough:
            return judged, judged
        return self._pretrained(labels.table, seed), judged

    def _pretrained(self, table, seed):
        if self.autoencoder is None:
            autoencoder = DenoisingAutoencoder(default_code_size(table.n_columns))
        else:
            autoencoder = clone(self.autoencoder)
        if not isinstance(autoencoder, ReconstructingTransformer):
            raise ValueError(
                f"autoencoder={self.autoencoder!r} should be one of skae's "
                "autoencoders, such as AutoencoderTransformer(32), or None."
            )
        check_lists_none(autoencoder, IN_FRONT)
        if autoencoder.get_params(deep=False).get("random_state", 0) is None:
            autoencoder.set_params(random_state=seed.integer("autoencoder"))
        X = table.X if table.rows is None else table.X[table.rows]
        groups = {} if table.groups is None else {"groups": table.groups}
        # PCA is a start like any other here
        with warnings.catch_warnings(action="ignore", category=PCAFallbackWarning):
            return autoencoder.fit(X, sample_weight=table.weight, **groups)

    def _alphas(self, folds):
        if not is_auto(self.alpha):
            return (float(self.alpha),)
        return engine.ALPHAS if folds else (engine.CAUTIOUS_ALPHA,)

    def _objectives(self, n_labelled, n_rows):
        """Return what to choose from on held-out rows."""
        task = getattr(self.autoencoder_, "_fitted_task", None)
        own = objectives.Reconstruction() if task is None else task.objective
        objective = objectives.FineTuning(
            autoencoder=self.autoencoder_._network,
            reconstruction=own,
            reconstruction_weight=self.reconstruction_weight,
            consistency_weight=0.0,
            noise=self.noise,
            noise_level=self.noise_level_,
            alpha=0.0,
            trains_encoder=self.fine_tune,
        )
        if not is_auto(self.consistency_weight):
            weight = float(self.consistency_weight)
            return [replace(objective, consistency_weight=weight)]
        if not self.early_stopping or n_rows < 2 * n_labelled:
            return [objective]
        return [objective, replace(objective, consistency_weight=1.0)]

    def _plan(self, n_rows):
        size, n_epochs = self.batch_size, self.max_iter
        size = min(BATCH_SIZE if is_auto(size) else size, n_rows)
        return engine.Plan(
            solver="adamw",
            learning_rate_init=self.learning_rate_init,
            learning_rate="one_cycle",
            batch_size=size,
            max_iter=default_max_iter(n_rows, size) if is_auto(n_epochs) else n_epochs,
            n_iter_no_change=self.n_iter_no_change,
            tol=self.tol,
            early_stopping=self.early_stopping,
            verbose=int(self.verbose),
            description=type(self).__name__,
        )

    def _outputs(self, X):
        """Return the head's outputs, shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        with hint_at_mask(self, X):
            return inference.outputs(self._network, rows_to_encode(self, X))


def _encoded(labels, autoencoder):
    """Return labels with numbers as the network of an autoencoder takes them."""
    encoder = vars(autoencoder).get("encoder_")
    if encoder is None:
        return labels
    table = replace(labels.table, X=encoder.transform(labels.table.X))
    return replace(labels, table=table)
