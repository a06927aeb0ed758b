"""What all gradient-trained autoencoders share: scikit-learn's side of them."""

import copy
import math
import warnings
from contextlib import contextmanager, nullcontext
from numbers import Integral, Real

from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from . import _defaults
from ._sklearn_callbacks import CallbackSupportMixin, FitTask
from ._transformer import ReconstructingTransformer
from ._validation import (
    as_table,
    check_hidden_layer_sizes,
    check_unit_interval,
    used_rows,
)

ACTIVATIONS = {
    "identity", "relu", "silu", "gelu", "tanh", "sigmoid", "elu", "selu",
    "leaky_relu", "softplus", "mish", "softsign", "hardtanh", "relu6", "celu",
}  # fmt: skip
SOLVERS = {
    "auto", "muon", "adamw", "adam", "nadam", "radam", "sgd", "rmsprop", "adagrad",
}  # fmt: skip
OUTPUT_ACTIVATIONS = ACTIVATIONS | {"clamp"}
LOSSES = {"squared_error", "absolute_error", "huber", "binary_cross_entropy"}


class BaseAutoencoder(CallbackSupportMixin, ReconstructingTransformer):
    """Fits an autoencoder by gradient descent and uses it as a transformer.

    The algorithm is here. A subclass fills the hooks `_make_module` and
    `_make_criterion`.
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "activation": [StrOptions(ACTIVATIONS), callable],
        "code_activation": [StrOptions(ACTIVATIONS), callable],
        "output_activation": [StrOptions(OUTPUT_ACTIVATIONS | {"auto"}), callable],
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
            table = as_table(self, X, reset=True)
            table, weight = used_rows(table, sample_weight)
            self._fit(table, weight, FitTask(self, X, y, sample_weight))
        return self

    def _fit(self, X, weight, epochs):
        from ._training._devices import resolve_device
        from ._training._fit import fit
        from ._training._random import make_seed

        self._resolve(X.shape[0])
        self._check_loss(X)
        task, plan = self._task(), self._plan()
        epochs.begin(plan.max_iter)
        fitted = fit(
            X,
            weight,
            task,
            plan,
            seed=make_seed(self.random_state),
            device=str(resolve_device(self.device)),
            warm_module=self._warm_module(),
            hook=self._epoch_hook(epochs),
        )
        self._take(fitted)
        for name in ("_stream", "n_samples_seen_"):
            vars(self).pop(name, None)
        epochs.end(lambda: {"net_": self.net_})
        if not math.isfinite(self.loss_curve_[-1]):
            warnings.warn(
                f"The loss was not finite in epoch {self.n_iter_}: training stopped, "
                "and the best weights before it are kept. Lower learning_rate_init "
                f"(now {self.learning_rate_init_:g}) to train on.",
                ConvergenceWarning,
                stacklevel=4,
            )

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Go on training with a chunk of rows, each used once and in order.

        The model does not depend on how a stream is cut into chunks: rows wait until
        they fill a batch. With ``init="pca"`` the model is the PCA of all rows seen
        until there are enough of them (a few hundred) to start from. The learning
        rate is constant, no rows are held out, and the codes keep the axes that the
        start or an earlier `fit` gave them. With ``init="random"`` the model starts
        with the first row, and with biases of zero.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Any number of rows.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss.

        Returns
        -------
        self : object
            The estimator.
        """
        with unchanged_on_error(self):
            first = not self.__sklearn_is_fitted__()
            X = as_table(self, X, reset=first)
            X, weight = used_rows(X, sample_weight, normalise=False)
            self._partial_fit(X, weight, first)
        return self

    def _partial_fit(self, X, weight, first):
        from ._training import _stream
        from ._training._devices import resolve_device
        from ._training._fit import Fitted
        from ._training._random import make_seed

        stream = getattr(self, "_stream", None)
        if stream is None:
            self._resolve(_defaults.STREAM_ROWS, streaming=True)
        device = str(resolve_device(self.device)) if first else self.device_
        self._check_loss(X)
        task, plan = self._task(), self._plan()
        if stream is None:
            earlier = None
            if not first:
                self._check_widths("partial_fit")
                values = (getattr(self, f"{name}_", None) for name in Fitted.FIELDS)
                earlier = Fitted(*values)
            seed = make_seed(self.random_state)
            stream = _stream.begin(task, plan, seed, earlier, device)
        self._stream = _stream.extend(stream, X, weight, task, plan, device)
        self.n_samples_seen_ = self._stream.n_samples_seen
        self._take(self._stream.fitted)

    @property
    def device_(self):
        """Where the network is; pickling moves it to the CPU."""
        return self.net_.device

    def _take(self, fitted):
        for name in fitted.FIELDS:
            setattr(self, f"{name}_", getattr(fitted, name))
        if self.components_ is None:
            del self.components_

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

    def _resolve(self, n_samples, *, streaming=False):
        """Set the attributes that hold what each "auto" stands for."""
        rules = {
            "hidden_layer_sizes": lambda: _defaults.hidden_layer_sizes(
                self.n_features_in_, self.n_components
            ),
            "code_activation": self._auto_code_activation,
            "output_activation": lambda: self._auto_output_activation(streaming),
            "solver": lambda: (
                "adamw"
                if streaming
                else _defaults.solver(n_samples, self._multiplies_bfloat16)
            ),
            "learning_rate": lambda: "constant" if streaming else "one_cycle",
            "precision": lambda: (
                "float32"
                if streaming
                else _defaults.precision(
                    n_samples, self.n_features_in_, self._accelerates_bfloat16
                )
            ),
            "batch_size": lambda: (
                _defaults.STREAM_BATCH_SIZE
                if streaming
                else _defaults.batch_size(n_samples)
            ),
            "learning_rate_init": lambda: _defaults.learning_rate_init(
                self.solver_, self.batch_size_, streaming=streaming
            ),
            "max_iter": lambda: _defaults.max_iter(n_samples, self.batch_size_),
        }
        for name, rule in rules.items():
            value = getattr(self, name)
            is_auto = isinstance(value, str) and value == "auto"
            value = rule() if is_auto else value
            if name == "hidden_layer_sizes":
                value = check_hidden_layer_sizes(value)
            setattr(self, f"{name}_", value)
        if streaming:  # one pass over each chunk, whatever the schedule of a fit
            self.learning_rate_ = "constant"
        else:
            self.batch_size_ = min(self.batch_size_, n_samples)
        self.n_components_ = self._own_code_size or self.n_components
        self._n_features_out = self.n_components_
        self._check_combinations()

    def _multiplies_bfloat16(self):
        return self._bfloat16_ratio() < 10

    def _accelerates_bfloat16(self):
        return self._bfloat16_ratio() < 0.7

    def _bfloat16_ratio(self):
        from ._training._devices import bfloat16_ratio, resolve_device

        return bfloat16_ratio(str(resolve_device(self.device)))

    def _check_combinations(self):
        if self.init == "pca" and self.code_activation_ != "identity":
            raise ValueError(
                f"init='pca' needs code_activation='identity', got "
                f"{self.code_activation_!r}: principal components take both signs. Use "
                "init='random' for a network with this code activation."
            )
        if self.init == "pca" and self.output_activation_ not in (
            "identity",
            "clamp",
            "sigmoid",
        ):
            raise ValueError(
                "init='pca' needs output_activation='identity', 'clamp' or 'sigmoid', "
                f"got {self.output_activation_!r}. Use init='random' for a network "
                "with this output activation."
            )
        if self.loss == "binary_cross_entropy" and self.output_activation_ in (
            OUTPUT_ACTIVATIONS - {"sigmoid"}
        ):
            raise ValueError(
                "loss='binary_cross_entropy' needs outputs within [0, 1], got "
                f"output_activation={self.output_activation_!r}. Use 'sigmoid', or "
                "'auto'."
            )
        if self.tied_weights and self._sigmoid_link:
            raise ValueError(
                "tied_weights=True with init='pca' needs output_activation='identity' "
                f"or 'clamp', got {self.output_activation_!r}: through a link the "
                "decoder's axes are not the encoder's. Use init='random' or "
                "tied_weights=False."
            )
        if self.tied_weights and self.architecture is not None:
            raise ValueError(
                "tied_weights=True needs architecture=None: only the dense network "
                "of hidden_layer_sizes is its own mirror image."
            )

        if self._own_code_size is not None:
            self._check_own_code()

    def _check_own_code(self):
        for name, found, accepted in (
            ("init", self.init, "random"),
            ("whiten", self.whiten, False),
        ):
            if found != accepted:
                raise ValueError(
                    f"{name}={found!r} needs a code that the estimator chooses: "
                    f"{self.architecture!r} makes codes of {self.n_components_} "
                    f"components of its own. Use {name}={accepted!r}, or code='vector' "
                    "if the architecture has it."
                )

    @property
    def _own_code_size(self):
        """The number of components if it follows from the architecture, or None."""
        code_size = getattr(self.architecture, "code_size", None)
        return None if code_size is None else code_size(self.n_features_in_)

    def _check_loss(self, X):
        if self.loss == "binary_cross_entropy" or self._sigmoid_link:
            check_unit_interval(self, X, self.loss)

    @property
    def _sigmoid_link(self):
        return self.init == "pca" and self.output_activation_ == "sigmoid"

    def _plan(self):
        from ._training._train import Plan

        return Plan(
            solver=self.solver_,
            learning_rate_init=self.learning_rate_init_,
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
            clamp=self.output_activation_ == "clamp",
            rotate=self._own_code_size is None,
            validation_fraction=(
                self.validation_fraction if self.early_stopping else None
            ),
        )

    def _make_module(self, start, generator):
        """Return the network; `start` is None for a random one."""
        from .networks._build import anchored_autoencoder, plain_autoencoder

        encoder, decoder = self._build_networks(generator)
        clamped = self.output_activation_ == "clamp"  # the network's limits do that
        options = {
            "tied_weights": self.tied_weights,
            "code_activation": self.code_activation_,
            "output_activation": "identity" if clamped else self.output_activation_,
            **self._network_options(),
        }
        if self.precision_ == "float64":
            encoder, decoder = encoder.double(), decoder.double()
        if start is None:
            return plain_autoencoder(encoder, decoder, **options)
        return anchored_autoencoder(
            encoder, decoder, start, scale_output=not self._sigmoid_link, **options
        )

    def _build_networks(self, generator, n_components=None):
        """Return the encoder and the decoder of the architecture, for a code size."""
        from ._training._random import seeded_globally
        from .architectures import Dense
        from .networks._build import check_shapes

        architecture = self.architecture or Dense(
            self.hidden_layer_sizes_, activation=self.activation, dropout=self.dropout
        )
        widths = self.n_features_in_, n_components or self.n_components_
        own = getattr(architecture, "uses_generator", False)
        with nullcontext() if own else seeded_globally(generator):
            encoder, decoder = architecture.build(*widths, generator)
            check_shapes(encoder, decoder, *widths)
        return encoder, decoder

    def _auto_output_activation(self, streaming):
        if self.loss == "binary_cross_entropy":
            return "sigmoid"
        if streaming:  # a chunk does not know the limits: those of a fit, if any
            return getattr(self, "output_activation_", "identity")
        if self.init == "random" or self._is_linear:
            return "identity"
        return "clamp"

    @property
    def _is_linear(self):
        """Whether PCA is all that the network can be."""
        has_curves = self.hidden_layer_sizes_ and self.activation != "identity"
        return self.architecture is None and not has_curves

    def _auto_code_activation(self):
        """Return what code_activation="auto" stands for, where it may be given."""
        return "identity"

    def _network_options(self):
        """Return what the network of the objective takes beside the common options."""
        return {}

    def _make_criterion(self, module):
        """Return the criterion that training minimises."""
        from .losses import ReconstructionLoss

        return ReconstructionLoss(self.loss, module)

    def _warm_module(self):
        """Return a copy of the last fit's network to go on from, or None."""
        if not self.warm_start or not self.__sklearn_is_fitted__():
            return None
        self._check_widths("warm_start=True")
        return copy.deepcopy(self.net_.module_)

    def _check_widths(self, what):
        """Raise a ValueError if the network to go on from is for other shapes."""
        fitted = (self.mean_.shape[0], self.explained_variance_ratio_.shape[0])
        asked = (self.n_features_in_, self.n_components_)
        if fitted != asked:
            raise ValueError(
                f"{what} goes on from a network with (n_features, n_components)="
                f"{fitted}, but this fit is for {asked}. Fit a clone instead."
            )


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
