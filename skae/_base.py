"""What all gradient-trained autoencoders share: scikit-learn's side of them."""

import copy
from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
from sklearn import get_config
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_array, check_is_fitted

from . import _defaults
from ._sklearn_callbacks import CallbackSupportMixin, FitTask
from ._validation import (
    as_table,
    check_hidden_layer_sizes,
    check_unit_interval,
    detach,
    used_rows,
)

ACTIVATIONS = {
    "identity", "relu", "silu", "gelu", "tanh", "sigmoid", "elu", "selu",
    "leaky_relu", "softplus", "mish", "softsign", "hardtanh", "relu6", "celu",
}  # fmt: skip
SOLVERS = {
    "auto", "muon", "adamw", "adam", "nadam", "radam", "sgd", "rmsprop", "adagrad",
}  # fmt: skip
LOSSES = {"squared_error", "absolute_error", "huber", "binary_cross_entropy"}


class BaseAutoencoder(
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Fits an autoencoder by gradient descent and uses it as a transformer.

    The algorithm is here. A subclass fills the hooks `_make_module` and
    `_make_criterion`.
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", StrOptions({"auto"})],
        "activation": [StrOptions(ACTIVATIONS), callable],
        "code_activation": [StrOptions(ACTIVATIONS), callable],
        "output_activation": [StrOptions(ACTIVATIONS | {"auto"}), callable],
        "architecture": [HasMethods(["build", "get_params", "set_params"]), None],
        "loss": [StrOptions(LOSSES), callable],
        "init": [StrOptions({"pca", "random"})],
        "tied_weights": ["boolean"],
        "whiten": ["boolean"],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "solver": [StrOptions(SOLVERS), type],
        "learning_rate_init": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
        "learning_rate": [StrOptions({"auto", "one_cycle", "cosine", "constant"})],
        "batch_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "precision": [StrOptions({"auto", "float32", "float64", "bfloat16"})],
        "device": "no_validation",  # torch knows what there is
        "callbacks": [list, tuple, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # -- fitting --------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the autoencoder to X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. CSR and CSC are made dense a batch at a time.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss. Zero is the same as leaving the row out.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If X or a parameter cannot be used, or if training diverges.
        """
        with unchanged_on_error(self):
            X_used = as_table(self, X, reset=True)
            X_used, weight = used_rows(X_used, sample_weight)
            self._fit(X_used, weight, (X, y, sample_weight))
        return self

    def _fit(self, X, weight, given):
        from ._training._devices import resolve_device
        from ._training._fit import fit
        from ._training._random import make_seed

        self._resolve(X)
        self._check_loss(X)
        task, plan = self._task(), self._plan()
        device = resolve_device(self.device)
        epochs = FitTask(self, *given, max_subtasks=plan.max_iter)
        fitted = fit(
            X,
            weight,
            task,
            plan,
            seed=make_seed(self.random_state),
            device=device,
            warm_module=self._warm_module(X),
            hook=self._epoch_hook(epochs),
        )
        self._take(fitted, device)
        epochs.end(lambda: {"net_": self.net_})

    def _epoch_hook(self, epochs):
        if not epochs.active:
            return None
        from ._training._callbacks import EpochHook

        def attributes(net):
            return {
                "net_": copy.deepcopy(net).release(),
                "n_components_": self.n_components_,
                "n_iter_": len(net.history),
            }

        return EpochHook(
            lambda net: epochs.begin_epoch(),
            lambda net: epochs.end_epoch(lambda: attributes(net)),
        )

    def _resolve(self, X):
        """Set the attributes that hold what each "auto" stands for."""
        n_samples, n_features = X.shape
        auto = {
            "hidden_layer_sizes": lambda: _defaults.hidden_layer_sizes(
                n_samples, n_features, self.n_components
            ),
            "output_activation": lambda: (
                "sigmoid" if self.loss == "binary_cross_entropy" else "identity"
            ),
            "solver": lambda: _defaults.solver(n_samples),
            "learning_rate": lambda: "one_cycle",
            "precision": lambda: "float32",
            "batch_size": lambda: _defaults.batch_size(n_samples),
            "max_iter": lambda: _defaults.max_iter(n_samples, self.batch_size_),
        }
        for name, rule in auto.items():
            value = getattr(self, name)
            is_auto = isinstance(value, str) and value == "auto"
            setattr(self, f"{name}_", rule() if is_auto else value)
        self.hidden_layer_sizes_ = check_hidden_layer_sizes(self.hidden_layer_sizes_)
        self.batch_size_ = min(self.batch_size_, n_samples)
        self.n_components_ = self.n_components
        self._n_features_out = self.n_components_
        self._check_combinations()

    def _check_combinations(self):
        if self.init == "pca" and self.code_activation != "identity":
            raise ValueError(
                f"init='pca' needs code_activation='identity', got "
                f"{self.code_activation!r}: principal components take both signs. Use "
                "init='random' for a network with this code activation."
            )
        if self.init == "pca" and self.output_activation_ not in (
            "identity",
            "sigmoid",
        ):
            raise ValueError(
                "init='pca' needs output_activation='identity' or 'sigmoid', got "
                f"{self.output_activation_!r}. Use init='random' for a network with "
                "this output activation."
            )
        if self.tied_weights and self.output_activation_ != "identity":
            if self.init == "pca":
                raise ValueError(
                    "tied_weights=True with init='pca' needs "
                    f"output_activation='identity', got {self.output_activation_!r}: "
                    "through a link the decoder's axes are not the encoder's. Use "
                    "init='random' or tied_weights=False."
                )
        if self.tied_weights and self.architecture is not None:
            raise ValueError(
                "tied_weights=True needs architecture=None: only the dense network "
                "of hidden_layer_sizes is its own mirror image."
            )

    def _check_loss(self, X):
        if self.loss == "binary_cross_entropy" or self._sigmoid_link:
            check_unit_interval(self, X, self.loss)

    @property
    def _sigmoid_link(self):
        return self.init == "pca" and self.output_activation_ == "sigmoid"

    def _plan(self):
        from ._training._solvers import default_learning_rate
        from ._training._train import Plan

        rate = self.learning_rate_init
        if isinstance(rate, str):
            rate = default_learning_rate(self.solver_)
        self.learning_rate_init_ = rate
        return Plan(
            solver=self.solver_,
            learning_rate_init=rate,
            learning_rate=self.learning_rate_,
            batch_size=self.batch_size_,
            max_iter=self.max_iter_,
            n_iter_no_change=self.n_iter_no_change,
            tol=self.tol,
            alpha=self.alpha,
            l1_ratio=self.l1_ratio,
            precision=self.precision_,
            verbose=int(self.verbose),
            description=type(self).__name__,
            callbacks=list(self.callbacks or []),
        )

    def _task(self):
        from ._training._fit import Task

        return Task(
            n_components=self.n_components_,
            make_module=self._make_module,
            make_criterion=self._make_criterion,
            init=self.init,
            tied_weights=self.tied_weights,
            sigmoid_link=self._sigmoid_link,
            whiten=self.whiten,
            validation_fraction=(
                self.validation_fraction if self.early_stopping else None
            ),
        )

    def _make_module(self, start, generator):
        """Return the network; `start` is None for a random one."""
        from .architectures import Dense
        from .networks._build import anchored_autoencoder, plain_autoencoder

        architecture = self.architecture or Dense(
            self.hidden_layer_sizes_, activation=self.activation, dropout=self.dropout
        )
        encoder, decoder = architecture.build(
            self.n_features_in_, self.n_components_, generator
        )
        options = {
            "tied_weights": self.tied_weights,
            "code_activation": self.code_activation,
            "output_activation": self.output_activation_,
        }
        if self.precision_ == "float64":
            encoder, decoder = encoder.double(), decoder.double()
        if start is None:
            return plain_autoencoder(encoder, decoder, **options)
        return anchored_autoencoder(
            encoder, decoder, start, scale_output=not self._sigmoid_link, **options
        )

    def _make_criterion(self, module):
        """Return the criterion that training minimises."""
        from .losses import ReconstructionLoss

        return ReconstructionLoss(self.loss, module)

    def _warm_module(self, X):
        if not self.warm_start or not self.__sklearn_is_fitted__():
            return None
        module = self.net_.module_
        Z_shape = (self.components_shape_, X.shape[1])
        return copy.deepcopy(module) if Z_shape else None

    def _take(self, fitted, device):
        self.net_ = fitted.net
        self.device_ = str(device)
        self.mean_ = fitted.mean
        self.n_iter_ = fitted.n_iter
        self.loss_curve_ = fitted.loss_curve
        self.validation_loss_curve_ = fitted.validation_loss_curve
        self.reconstruction_error_ = fitted.reconstruction_error
        self.pca_reconstruction_error_ = fitted.pca_reconstruction_error
        self.explained_variance_ratio_ = fitted.explained_variance_ratio
        self.__dict__.pop("components_", None)
        if fitted.components is not None:
            self.components_ = fitted.components

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    # -- using ----------------------------------------------------------------------

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components_)
            Codes, float32 for float32 X and float64 otherwise.
        """
        from . import _inference

        check_is_fitted(self)
        X = as_table(self, X, reset=False)
        return _inference.encode(self.net_.module_, X)

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Codes, as `transform` returns them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features_in_)
            Rows in the units of the training data; a DataFrame where `set_output`
            asks for one.
        """
        from . import _inference

        check_is_fitted(self)
        Z = check_array(
            detach(X), dtype=(np.float64, np.float32), input_name="codes"
        )
        if Z.shape[1] != self.n_components_:
            raise ValueError(
                f"The codes have {Z.shape[1]} columns, but {type(self).__name__} was "
                f"fitted with n_components_={self.n_components_}."
            )
        return self._in_container(_inference.decode(self.net_.module_, Z), X)

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

        check_is_fitted(self)
        X_table = as_table(self, X, reset=False)
        return self._in_container(
            _inference.reconstruct(self.net_.module_, X_table), X
        )

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

        check_is_fitted(self)
        X = as_table(self, X, reset=False)
        return -_inference.squared_errors(self.net_.module_, X)

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

        check_is_fitted(self)
        X = as_table(self, X, reset=False)
        X_hat = _inference.reconstruct(self.net_.module_, X)
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

        check_is_fitted(self)
        X = as_table(self, X, reset=False)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                detach(sample_weight), X, ensure_non_negative=True
            )
        errors = _inference.column_errors(self.net_.module_, X, sample_weight)
        return errors if per_feature else float(errors.mean())

    # -- scikit-learn ---------------------------------------------------------------

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@contextmanager
def unchanged_on_error(estimator):
    """Give the estimator its attributes back if the block fails or is interrupted."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
