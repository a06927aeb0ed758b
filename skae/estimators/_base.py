"""What all gradient-trained autoencoders share: scikit-learn's side of them."""

import copy
import inspect
import os
import warnings
from contextlib import contextmanager
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import assert_all_finite
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from .. import engine, inference, objectives, tables
from ..exceptions import PCAFallbackWarning
from ._callbacks import CallbackSupportMixin, FitTask
from ._checkpoint import checkpointed
from ._reconstructing import ReconstructingTransformer
from ._resolve import RESOLVED, check_combination, resolve
from ._shards import check_ranks, find_group, in_ranks, refuse_ranks
from ._summary import outcome
from ._validation import check_unit_interval, read_table
from ._workers import client_for, fit_on_workers

ACTIVATIONS = {
    "identity", "relu", "silu", "gelu", "tanh", "sigmoid", "elu", "selu",
    "leaky_relu", "softplus", "mish", "softsign", "hardtanh", "relu6", "celu",
}  # fmt: skip
SOLVERS = {
    "auto", "muon", "adamw", "adam", "nadam", "radam", "sgd", "rmsprop", "adagrad",
}  # fmt: skip
LOSSES = {"squared_error", "absolute_error", "huber", "binary_cross_entropy"}

# PCA is what to expect of fewer rows, or where it leaves no more of the variance.
SURPRISED_FROM_ROWS = 100
NOTHING_LEFT = 1e-6

# Fitted attributes in the units of X.
PER_COLUMN = ("mean_", "components_", "noise_level_")

# What `architecture` says instead.
OF_THE_ARCHITECTURE = ("hidden_layer_sizes", "activation", "dropout")


class BaseAutoencoder(CallbackSupportMixin, ReconstructingTransformer):
    """Fits an autoencoder by gradient descent and uses it as a transformer.

    The algorithm is here. A subclass says what is minimised: `_objective` returns a
    value from :mod:`skae.objectives`. It may leave out parameters; these are then as
    below.
    """

    n_components = 2
    hidden_layer_sizes = "auto"
    activation = "silu"
    code_activation = "identity"
    output_activation = "auto"
    architecture = None
    loss = "squared_error"
    init = "auto"
    tied_weights = False
    whiten = False
    ordered = False
    alpha = 0.0
    l1_ratio = 0.0
    dropout = 0.0
    solver = "auto"
    learning_rate_init = "auto"
    learning_rate = "auto"
    batch_size = "auto"
    max_iter = "auto"
    early_stopping = True
    validation_fraction = 0.1
    n_iter_no_change = 30
    tol = 1e-4
    precision = "auto"
    device = "auto"
    callbacks = None
    checkpoint = None
    warm_start = False
    interruptible = False
    random_state = None
    verbose = 0

    _fits_in_ranks = True  # several processes, one estimator

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "activation": [StrOptions(ACTIVATIONS), callable],
        "code_activation": [StrOptions(ACTIVATIONS), callable],
        "output_activation": [StrOptions(ACTIVATIONS | {"auto", "clamp"}), callable],
        "architecture": [HasMethods(["build", "get_params", "set_params"]), None],
        "loss": [StrOptions(LOSSES), callable],
        "init": [StrOptions({"auto", "pca", "random"})],
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
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "missing_values": [StrOptions({"auto", "mask"})],
        "column_weight": [dict, StrOptions({"variance"}), None],
        "callbacks": [list, tuple, None],
        "checkpoint": [str, os.PathLike, None],
        "warm_start": ["boolean"],
        "interruptible": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # -- fitting --------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        groups=None,
        X_val=None,
        sample_weight_val=None,
    ):
        """Fit the autoencoder to X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. CSR and CSC are made dense a batch at a time. Tables in
            files (memory maps, HDF5, zarr, Parquet) and dask collections are read in
            blocks, and shuffled by blocks: see :ref:`larger_than_memory`. Under
            torchrun they are the rows of this rank: see :ref:`several_processes`.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss. Zero is the same as leaving the row out.

        groups : array-like of shape (n_samples,), default=None
            Rows with the same label belong together, as those of one patient: they are
            held out together.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows that judge what is learnt, instead of rows of X that are held out.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of these rows.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If X or a parameter cannot be used.

        FloatingPointError
            If training from random weights diverges, at lower learning rates too.

        OSError
            If the checkpoint cannot be read or written, and as its subclass
            ConnectionError if another rank has ended.
        """
        others = [sample_weight, groups, X_val, sample_weight_val]
        client = client_for(self, X, others)
        if client is not None:
            with unchanged_on_error(self):
                fit_on_workers(client, self, X)
            return self
        with unchanged_on_error(self):
            ranks, validation = find_group(), None
            has_unit = ranks.size > 1  # of all ranks' weights
            with ranks.together():
                check_ranks(self, groups)
                table = read_table(
                    self, X, sample_weight, groups, reset=True, has_unit=has_unit
                )
                if X_val is not None:
                    validation = read_table(
                        self,
                        X_val,
                        sample_weight_val,
                        reset=False,
                        name="_val",
                        has_unit=has_unit,
                    )
            table, validation = in_ranks(self, ranks, table, validation)
            epochs = FitTask(self, X, y, sample_weight=sample_weight)
            with checkpointed(self, X=table, X_val=validation) as checkpoint:
                is_interrupted = self._fit(table, validation, epochs, checkpoint.seed)
                if self.verbose and ranks.rank == 0:
                    engine.write_line(f"{type(self).__name__}: {self._outcome()}")
                self._warn(table, is_interrupted=is_interrupted)
                if not is_interrupted:
                    checkpoint.remove()
        return self

    def _fit(self, table, validation, epochs, seed):
        """Fit in place, and return whether Ctrl-C ended the training."""
        device = str(engine.resolve_device(self.device))
        task = self._task(table.total_shape, device)
        if table.ranks.rank > 0:
            task = replace(task, plan=replace(task.plan, verbose=0))
        with table.ranks.together():
            for rows in filter(None, (table, validation)):
                self._check_range(rows.X, task)
        warm, split = self._warm_network(task), None
        if self.warm_start:
            split = getattr(self, "_split", None)
            if warm is None:
                split = engine.ContentSplit(seed.integer("rows"))
            if split is not None:
                split = split.begun(table, self.validation_fraction)
        epochs.begin(task.plan.max_iter)
        with engine.stop_on_interrupt(self.interruptible) as request:
            fitted = engine.fit(
                table,
                task,
                seed=seed,
                validation=validation,
                split=split,
                warm=warm,
                last=self._epoch_hooks(epochs, task),
            )
        for name in ("_stream", "_split", "n_samples_seen_"):
            vars(self).pop(name, None)
        if split is not None and validation is None and fitted.judge == "held_out":
            self._split = split
        self._take(fitted, task)
        epochs.end(lambda: {"net_": self.net_})
        return request.is_made

    def _outcome(self):
        """Return what the fit was worth, in a few words."""
        return outcome(
            self.reconstruction_error_,
            self.pca_reconstruction_error_,
            self.judge_,
            is_pca=self.is_pca_,
            is_linear=self._fitted_task.blueprint.is_linear,
        )

    def _warn(self, table, *, is_interrupted):
        """Warn the caller of `fit` of what may come as a surprise."""
        message, category = None, ConvergenceWarning
        if is_interrupted:
            message = (
                f"Interrupted: training stopped in epoch {self.n_iter_} of at most "
                f"{self.max_iter_}, and the best so far is kept: {self._outcome()}."
            )
        elif self.net_.n_setbacks:
            message = (
                "Training diverged, and went on from the best weights before at a "
                f"tenth of the learning rate, {self.net_.n_setbacks} time(s). The "
                f"result: {self._outcome()}. Lower learning_rate_init (now "
                f"{self.learning_rate_init_:g})."
            )
        elif self._is_surprising(table):
            message, category = (
                f"The result of {type(self).__name__} is PCA (is_pca_=True): the rows "
                "that judge did not show its network to be better. More rows may help, "
                "or another n_components, loss or architecture.",
                PCAFallbackWarning,
            )
        if message is not None:
            warnings.warn(message, category, stacklevel=4)

    def _is_surprising(self, table):
        """Whether the result is PCA where nobody would expect it."""
        if not self.is_pca_ or self._fitted_task.blueprint.is_linear:
            return False
        variance = np.mean(table.moments.scale**2)
        is_exact = self.pca_reconstruction_error_ <= NOTHING_LEFT * variance
        return table.total_rows >= SURPRISED_FROM_ROWS and not is_exact

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Go on training with a chunk of rows, each used once and in order.

        The model does not depend on how a stream is cut into chunks: rows wait until
        they fill a batch (a pickle holds those that wait; a file of `save` does not).
        With ``init="pca"`` the model is the PCA of all rows seen until there are enough
        of them (a few hundred, not all alike) to start from. A column that is constant
        in these is learnt as soon as it varies. The learning rate is constant, and the
        codes keep the axes that the start or an earlier `fit` gave them. With
        ``init="random"`` the model starts with the first row, and with biases of zero.
        Every chunk judges the model before it is learnt from; what is reported of the
        first one is PCA's error by cross-validation.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Any number of rows. Of tables in files, see :ref:`larger_than_memory`, parts
            of 64 MB are a chunk each.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss, in units of the mean of all so far.

        Returns
        -------
        self : object
            The estimator.
        """
        refuse_ranks("partial_fit", "Use fit.")
        with unchanged_on_error(self), _shortened_on_error(self):
            first = not self.__sklearn_is_fitted__()
            self._check_stream(X)
            table = read_table(
                self, X, sample_weight, reset=first, has_unit=True, encode=False
            )
            if isinstance(table.X, np.ndarray):
                assert_all_finite(table.X, input_name="X")  # no missing cells
            for part in table.parts():
                self._partial_fit(part, not self.__sklearn_is_fitted__())
        return self

    def _check_stream(self, X):
        if tables.is_encoded(self, X) or tables.mixed_encoder(self) is not None:
            raise ValueError(
                "partial_fit takes numbers, as a chunk does not know all values of a "
                "category: encode chunks by a TableEncoder that has seen them all."
            )
        encoder = getattr(self, "encoder_", None)
        if isinstance(self.column_weight, dict) or (encoder and encoder.changes):
            raise ValueError(
                "partial_fit takes numbers as they are, without missing cells and "
                "column_weight, before which it cannot go on from a fit with some."
            )

    def _partial_fit(self, table, first):
        stream = getattr(self, "_stream", None)
        device = str(engine.resolve_device(self.device)) if first else self.device_
        task = self._task(table.shape, device, streaming=True)
        self._check_range(table.X, task)
        if not first:
            self._check_unchanged(task, "partial_fit")
        if stream is None:
            seed = engine.Seed(engine.make_seed(self.random_state))
            earlier = None if first else engine.Fitted.from_attributes(vars(self))
            stream = engine.begin_stream(task, seed, earlier)
        vars(self).pop("_split", None)
        self._stream = engine.extend_stream(stream, table, task)
        self.n_samples_seen_ = self._stream.n_samples_seen
        self._take(self._stream.fitted, task)

    @property
    def device_(self):
        """Where the network is; pickling moves it to the CPU."""
        return self.net_.device

    def _objective(self, blueprint):
        """Return what is minimised by a network of a `Blueprint`."""
        return objectives.Reconstruction(self.loss)

    def _parameters(self):
        """Return what `resolve` takes, by name."""
        names = [*BaseAutoencoder._parameter_constraints, "ordered"]
        parameters = {name: getattr(self, name) for name in names}
        return parameters | {"has_categories": tables.has_categories(self)}

    def _task(self, shape, device, *, streaming=False):
        """Return what to fit, as values."""
        self._check_architecture()
        parameters = self._parameters()
        if streaming and parameters["output_activation"] == "auto":
            known = getattr(self, "output_activation_", "auto")
            parameters["output_activation"] = known
        blueprint, plan = resolve(parameters, shape, device, streaming=streaming)
        ranks = find_group()
        if ranks.size > 1:  # which may be machines that compute otherwise
            chosen = {"solver": plan.solver, "precision": plan.precision}
            parameters |= ranks.broadcast(chosen)
            blueprint, plan = resolve(parameters, shape, device, streaming=streaming)
        plan = replace(plan, description=type(self).__name__)
        check_combination(blueprint, self.loss)
        objective = self._objective(blueprint)
        return engine.Task(blueprint, objective, plan, device, blocks=self._blocks)

    @property
    def _blocks(self):
        """The columns of a mixed table as the engine takes them, else None."""
        encoder = vars(self).get("encoder_")
        return None if encoder is None else tables.spans(encoder)

    def _take(self, fitted, task):
        """Set the fitted attributes."""
        vars(self).pop("components_", None)
        for source in (task.blueprint, task.plan):
            for name in set(RESOLVED) & set(vars(source)):
                setattr(self, f"{name}_", getattr(source, name))
        for name, value in fitted.attributes().items():
            is_wide = name in PER_COLUMN and np.ndim(value) > 0
            setattr(self, name, self._in_units(value) if is_wide else value)
        self._by_size = fitted.by_size
        self._n_features_out = self.n_components_
        self._fitted_task = replace(task, plan=None, layers=())

    def _in_units(self, value):
        """Return what has an entry for each encoded number for each column of X."""
        return self.encoder_.inverse_transform(value) if self._has_own_units else value

    def _epoch_hooks(self, epochs, task):
        if not epochs.active:
            return []

        def attributes(net):
            return {
                "net_": net.snapshot(),
                "n_components_": task.blueprint.n_components,
                "n_iter_": len(net.history),
            }

        return [
            engine.EpochHook(
                lambda net: epochs.begin_epoch(),
                lambda net: epochs.end_epoch(lambda: attributes(net)),
            )
        ]

    def _check_architecture(self):
        """Raise a ValueError for parameters that an architecture would leave unused."""
        if self.architecture is None:
            return
        defaults = inspect.signature(type(self).__init__).parameters
        for name in OF_THE_ARCHITECTURE:
            value = getattr(self, name)
            if name in defaults and not np.array_equal(value, defaults[name].default):
                raise ValueError(
                    f"{name}={value!r} does not matter to architecture="
                    f"{self.architecture!r}, which has its own. Leave {name} at "
                    f"{defaults[name].default!r}, or set it in the architecture."
                )

    def _check_range(self, X, task):
        if self._has_own_units:
            X = X[:, self.encoder_.numbers]
        if self.loss == "binary_cross_entropy":
            remedy = "loss='squared_error'"
            check_unit_interval(self, X, f"loss={self.loss!r}", remedy)
        elif task.blueprint.has_sigmoid_link:
            remedy = "output_activation='auto' or init='random'"
            check_unit_interval(self, X, "output_activation='sigmoid'", remedy)

    def _warm_network(self, task):
        """Return a copy of the last fit's network to go on from, or None."""
        if not self.warm_start or not self.__sklearn_is_fitted__():
            return None
        self._check_unchanged(task, "warm_start=True")
        return copy.deepcopy(self._network).unseal()

    def _check_unchanged(self, task, what):
        """Raise a ValueError if the network to go on from is another one."""
        changed = engine.changed_parameter(self._fitted_task, task)
        if changed is not None:
            name, before, now = changed
            raise ValueError(
                f"{what} goes on from a network with {name}={before!r}, but this fit "
                f"is for {name}={now!r}. Fit a clone instead."
            )


def constraints_without(*names):
    """Return BaseAutoencoder's parameter constraints but for some."""
    constraints = BaseAutoencoder._parameter_constraints
    return {name: constraints[name] for name in constraints if name not in names}


@contextmanager
def _shortened_on_error(estimator):
    """Take back what a block that fails adds to the list of losses."""
    losses = getattr(estimator, "loss_curve_", [])
    n_losses = len(losses)
    try:
        yield
    except BaseException:
        del losses[n_losses:]
        raise


@contextmanager
def unchanged_on_error(estimator):
    """Give the estimator its attributes back if the block fails or is interrupted.

    Too little memory is a MemoryError. Threads that use a fitted estimator meanwhile
    find it fitted at any time.
    """
    attributes = vars(estimator)
    before = attributes.copy()
    try:
        with inference.undisturbed():
            yield
    except BaseException:
        attributes.update(before)
        for name in attributes.keys() - before.keys():
            del attributes[name]
        raise
