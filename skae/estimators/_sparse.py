"""The sparse autoencoder."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from .. import objectives
from ._base import ACTIVATIONS, BaseAutoencoder, constraints_without
from ._resolve import is_auto

CODE_ACTIVATIONS = {"l1": "relu", "kl": "sigmoid", "top_k": "identity"}


class SparseAutoencoder(BaseAutoencoder):
    """Autoencoder whose codes are mostly zero.

    A code with many units, more than X has columns if need be, in which each row makes
    do with a few. Minimised is the mean squared error, in the units of X, plus what it
    costs to be active::

        1 / (n_samples n_features) * sum_ij (X_ij - decode(z_i)_j)^2
            + sparsity_weight * P

    with z_i = encode(x_i) and, for the three kinds of `sparsity`::

        l1      P = 1 / n_samples * sum_ij |z_ij|
        kl      P = sum_j [rho log(rho / r_j) + (1 - rho) log((1 - rho) / (1 - r_j))]
                with r_j the mean of z_ij over the rows i of a batch
        top_k   P = 0, but of each row's code only the k largest values are kept

    Prefer it to :class:`~sklearn.decomposition.PCA` where rows are made of parts from a
    large stock, a few at a time, or where a linear model is to work on the codes. The
    decoder's axes (`components_`) are then the parts. For the lowest error with few
    components take :class:`AutoencoderTransformer`.

    Parameters
    ----------
    n_components : int, default=2
        Size of the code. More components reconstruct better.

    sparsity : {"l1", "kl", "top_k"}, default="l1"
        What keeps codes sparse:

        - "l1" shrinks activations. A code that gets smaller while the decoder's weights
          grow evades it; ``alpha`` > 0 or ``tied_weights=True`` prevents that;
        - "kl" holds the mean activation of every unit at `rho`;
        - "top_k" lets `k` units be active, exactly. Units that have not been for long
          are woken: with a small weight, training also asks them to reconstruct what
          the active ones leave over.

    sparsity_weight : float, default=1e-3
        Weight of the penalty P of "l1" and "kl" (in units of the mean variance of the
        columns with ``init="pca"``). Larger values make sparser codes and larger
        errors.

    rho : float, default=0.05
        Target of "kl" for the mean activation of a unit, between 0 and 1.

    k : int or "auto", default="auto"
        Active units of "top_k". "auto" is a tenth of n_components, at least 1. More
        units reconstruct better.

    hidden_layer_sizes : array-like of int or "auto", default=()
        Widths of the encoder's hidden layers, input side first; the decoder mirrors
        them. ``()`` has none: rows are sums of the decoder's axes. "auto" is two equal
        layers of four times as many units as columns, between 64 and 128 (256 beyond
        256 columns), and at least twice n_components.

    activation : str or callable, default="silu"
        Activation of the hidden layers: a name in ``torch.nn.functional`` or a function
        of a tensor.

    code_activation : str or callable, default="auto"
        Activation of the code. "auto" is "relu" for "l1", which makes exact zeros (the
        identity with ``init="pca"``), "sigmoid" for "kl", and "identity" for "top_k".
        "kl" takes only "sigmoid" or a callable with values between 0 and 1: mean
        activations have to be rates. "top_k" comes after the activation.

    output_activation : str or callable, default="auto"
        Activation of the output. "clamp" is the identity within the limits of each
        column: an end of its range is a limit where many training rows share it, such
        as the zero of a count or the black of a pixel. "auto" is "sigmoid" for binary
        cross-entropy; "clamp" with ``init="pca"``, unless the network is linear or
        `partial_fit` comes first, and for mixed tables with categories; else
        "identity". ``init="pca"`` takes these three.

    architecture : object or None, default=None
        What builds encoder and decoder, see :mod:`skae.architectures`. None is
        :class:`~skae.architectures.Dense` with the parameters above. Any other leaves
        no use for `hidden_layer_sizes`, `activation` and `dropout`: they have to stay
        at their defaults.

    loss : {"squared_error", "absolute_error", "huber", "binary_cross_entropy"} or \
            callable, default="squared_error"
        What is minimised, averaged over rows and columns. Binary cross-entropy needs X
        within [0, 1]. A callable takes the reconstruction and X, two tensors of shape
        (n_samples, n_features) in the units of X, and returns one loss per cell or row.
        With "squared_error" categories of mixed tables have a softmax and its
        cross-entropy, see :ref:`mixed_tables`.

    init : {"pca", "random"}, default="random"
        "random" is the plain textbook network with Glorot weights: nothing is added,
        scaled or weighted. Its biases and its small last weights make the output
        start at the columns' means. "pca" starts from principal components, which suits
        ``sparsity="l1"`` with a linear code alone; it shrinks codes, but none to zero.

    tied_weights : bool, default=False
        Whether the decoder uses the encoder's weights, transposed.

    alpha : float, default=0.0
        Strength of the penalty on the weights, added to the loss. Larger values make
        smaller weights. (With ``init="pca"`` it is in units of the mean variance of the
        columns and leaves the linear parts alone.)

    l1_ratio : float, default=0.0
        Share of the L1 norm in the penalty ``alpha * (l1_ratio * |w|_1 +
        (1 - l1_ratio) / 2 * |w|^2)``.

    dropout : float, default=0.0
        Share of hidden units set to zero at each training step.

    solver : str or torch.optim.Optimizer class, default="auto"
        "muon", "adamw", "adam", "nadam", "radam", "sgd", "rmsprop" or "adagrad". "auto"
        is Muon for at least 500 rows that are five times as many as the columns, unless
        the device multiplies bfloat16 very slowly, and AdamW otherwise.

    learning_rate_init : float or "auto", default="auto"
        Learning rate at its highest. "auto" depends on the solver and batch_size.

    learning_rate : {"auto", "one_cycle", "cosine", "constant"}, default="auto"
        Schedule of the learning rate over all steps. "auto" is "one_cycle", which rises
        over a twentieth of the steps and then falls to zero.

    batch_size : int or "auto", default="auto"
        Rows a step. "auto" is a fifteenth of the rows as a power of two in [32, 512],
        and 1024 of half a million rows and more.

    max_iter : int or "auto", default="auto"
        Epochs at most. "auto" makes about 450 steps below 500 rows, 900 for 1000 rows
        and up to 2300 for more, in 12 to 150 epochs; in fewer, at least 2, of
        400000 rows and more.

    early_stopping : bool, default=True
        Whether rows that are not trained on decide when to stop and how much of the
        training to keep. False trains on all rows, and the training loss decides
        instead.

    validation_fraction : float, default=0.1
        Share of the rows held out to judge, 50000 rows at most. Where that makes fewer
        than 50 rows, five folds hold out each row once instead, if the networks of the
        folds can be trained side by side (dense layers and squared error; the user
        guide has the whole list). If they cannot, the few rows judge a network that is
        trained on the others. Either way, unless ``init="random"``, the network that is
        returned is then trained on all rows, for as many epochs as was best.

    n_iter_no_change : int, default=30
        Epochs without progress after which training stops. With a learning rate that
        falls ("one_cycle", "cosine") they count from a third of `max_iter` on: what it
        gains, it gains late.

    tol : float, default=1e-4
        Share of the loss by which it has to fall to count as progress.

    precision : {"auto", "float32", "float64", "bfloat16"}, default="auto"
        Precision of the training. "bfloat16" computes matrix products in it and keeps
        the weights in float32. "auto" is "bfloat16" for more than 256 columns and at
        least 20000 rows where the device is faster in it, and "float32" otherwise.

    device : str, default="auto"
        A torch device; "auto" is a GPU where torch has one, else the CPU.

    categorical_features : {"from_dtype"}, array-like or None, default="from_dtype"
        What becomes of a DataFrame with columns that are neither numbers nor truth
        values, such as text, categories or dates: "from_dtype" fits a
        :class:`~skae.tables.TableEncoder` first, so that every column counts alike, and
        `inverse_transform` gives a DataFrame back. None refuses them. Other tables are
        taken as they are. Names, positions or a mask of columns make categories of
        these, whatever their dtype, and have every table encoded, arrays and holes
        included; [] does so without any. See :ref:`mixed_tables`.

    missing_values : {"auto", "mask"}, default="auto"
        What NaN stands for in tables of numbers: "auto" is an error, and "mask" a
        missing cell. Training starts at the PCA of the incomplete table, the loss
        counts a missing cell a tenth, rows to encode may have some, and `impute` fills
        them. `inverse_transform` restores all cells. Mixed tables may have missing
        cells either way. See :ref:`missing_cells`.

    column_weight : dict of label to float, "variance" or None, default=None
        How much columns count beside each other. None is alike in mixed tables, and by
        variance, as PCA has it, in tables of numbers. A dict of names, or positions for
        arrays, multiplies that: ``{"price": 4.0}`` counts the squared error of the
        price four times. "variance" has the numbers of mixed tables count by their
        variance, too.

    callbacks : list of skorch callbacks or None, default=None
        Called during training, see :mod:`skorch.callbacks`. They watch the training of
        the network that is returned; networks that only judge are trained without them.

    checkpoint : path-like or None, default=None
        A file such as ``"run.safetensors"``, where `fit` keeps its state while it
        trains. The same fit to the same data then goes on where a process was killed,
        and ends with the same bits on a CPU. A file of another fit is an error. It is
        deleted when `fit` is done. In a folder that exists each fit has a file of its
        own, as in a grid search. See :ref:`checkpoints`.

    warm_start : bool, default=False
        Whether `fit` goes on from the previous fit's network. Rows are then held out by
        what is in them, without folds, so that later fits hold out the same rows again.
        A fit holds out none if the network may have been trained on any row: after a
        fit with ``warm_start=False`` or ``early_stopping=False``, after one with
        `X_val`, or after `partial_fit`. Parameters that the network depends on (its
        sizes, activations, `init` and the like) have to stay as they were: another
        value is an error.

    interruptible : bool, default=False
        Whether Ctrl-C ends the training but not the fit: the best so far is the result,
        with a ConvergenceWarning. Where folds were judging, that is PCA or a closed
        form. A second Ctrl-C is raised, as the first is if this is False; the estimator
        is then as it was before. Heard in the main thread alone.

    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the split, the order of rows and dropout. Each of
        these draws from a stream of its own, spawned from the seed. The global
        generators are never used.

    verbose : int, default=0
        1 shows progress bars with the losses and PCA's, and last what came of it.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net. ``net_.module_`` is the torch module, whose ``encode``,
        ``decode`` and ``forward`` take tensors in the units of X. `transform` computes
        with a copy of it, so forward hooks on it need not fire there. Once
        ``net_.module_`` was taken, single rows are transformed more slowly: you may
        change its weights, so they are compared at every call.

    n_components_ : int
        Size of the code.

    k_ : int or None
        Active units of "top_k"; None for the others.

    active_share_ : float
        Share of units that are not zero, as a weighted mean over the training rows (at
        most 10000 of them), or over the last chunk of `partial_fit`. For "kl" the mean
        activation.

    dead_units_ : ndarray of int
        Units whose activation hardly varies over these rows: its weighted standard
        deviation is below a thousandth of the largest. They carry no information.

    components_ : ndarray of shape (n_components, n_features)
        The decoder's linear axes, in the units of X: one part of the stock each. Only
        where it has any.

    mean_ : ndarray of shape (n_features,)
        Mean of the training rows.

    explained_variance_ratio_ : ndarray of shape (n_components,)
        R^2 that each further component adds to the reconstruction of the training rows,
        in order. Exact for linear networks. Of others it is the R^2 of the whole times
        the share of the reconstruction that the component adds to what those before it
        predict, on 300 rows; with ``ordered=True``, what the reconstruction from the
        first components gains by one more.

    explained_variance_ : ndarray of shape (n_components,)
        The same in squared units of X, as PCA's: a share of the columns' total
        variance, with n_samples - 1 degrees of freedom.

    singular_values_ : ndarray of shape (n_components,)
        Square roots of n_samples - 1 times these: PCA's where the result is PCA.

    n_samples_ : int
        Number of training rows.

    reconstruction_error_ : float
        Mean squared error per cell on rows not trained on: see `judge_`. Where the
        network was trained on all rows in the end, it is the error of those that were
        judged in its place. With "clamp" as `output_activation_` it may lie a little
        below `pca_reconstruction_error_` though nothing was learnt: PCA's
        reconstructions keep to no limits. Where categories of a mixed table have a
        softmax it is 1 - D^2, in the mean over the columns.

    pca_reconstruction_error_ : float
        What PCA with as many components has on the same rows, fitted to the rows that
        the judged network was trained on (in `partial_fit`, to those that the stream
        started from).

    judge_ : {"folds", "held_out", "none"}
        Which rows the errors are from. "folds": all rows, each by a network that was
        trained without it. "held_out": rows that were held out, those of `X_val`, or a
        chunk before `partial_fit` learnt from it. "none": the training rows themselves.

    init_ : {"pca", "random", "manifold", "kernel_ridge"}
        Where the training of the result started, or the closed form that it is; see
        `init`. "pca" also where the result is PCA.

    is_pca_ : bool
        Whether the result is PCA: because the network is linear, or because the rows
        that judge prefer it. Of the latter `fit` warns from 100 rows on, with
        :class:`~skae.exceptions.PCAFallbackWarning`. After `partial_fit`, whether
        nothing has been trained yet.

    n_iter_ : int
        Epochs run. 1 where the result is PCA by the verdict of folds or of fewer than
        50 rows, or because the network is linear. After `partial_fit`, the number of
        chunks.

    loss_curve_ : list of float
        Training loss of every epoch; after `partial_fit`, the loss of every chunk
        before it was learnt from.

    validation_loss_curve_ : list of float or None
        Loss on the rows that judge, after every epoch. Where the network was trained on
        all rows in the end, it is that of the networks that were judged. None where
        `judge_` is "none". `partial_fit` does not record it.

    device_ : str
        Where the network is.

    hidden_layer_sizes_, code_activation_, output_activation_, solver_, \
    learning_rate_init_, learning_rate_, batch_size_, max_iter_, precision_ : object
        What "auto" stood for.

    n_features_in_ : int
        Number of columns.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X has string names.

    encoder_ : object
        How columns became those of the network, where they did not stay as they are: a
        :class:`~skae.tables.TableEncoder` of a DataFrame with columns that are no
        numbers.

    n_samples_seen_ : int
        Rows seen by `partial_fit`.

    Notes
    -----
    Integer sample weights act exactly as repeated rows when every step sees all rows
    and none is held out: ``batch_size`` at least the number of rows,
    ``early_stopping=False``, ``precision="float64"``. A mini-batch or a held-out row is
    one row whatever its weight, so otherwise the two agree in expectation only.

    Codes stay as they are trained: they are neither centred nor rotated, nor sorted.
    With ``init="random"``, the default, nothing starts as PCA and nothing is taken back
    to it: the result may have a larger error than PCA.

    References
    ----------
    Lee, H., Ekanadham, C., and Ng, A. Y. (2008). Sparse deep belief net model for
    visual area V2. NeurIPS 20.

    Ng, A. (2011). Sparse autoencoder. CS294A lecture notes, Stanford University.

    Makhzani, A., and Frey, B. (2014). k-sparse autoencoders. ICLR.

    Gao, L., et al. (2024). Scaling and evaluating sparse autoencoders.
    arXiv:2406.04093.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import SparseAutoencoder
    >>> X = load_digits().data[:500] / 16
    >>> autoencoder = SparseAutoencoder(
    ...     100, sparsity="top_k", k=8, max_iter=5, random_state=0
    ... )
    >>> Z = autoencoder.fit_transform(X)
    >>> Z.shape, int((Z != 0).sum(axis=1).max())
    ((500, 100), 8)
    """

    _parameter_constraints: dict = {
        **constraints_without("whiten"),
        "init": [StrOptions({"pca", "random"})],
        "sparsity": [StrOptions({"l1", "kl", "top_k"})],
        "sparsity_weight": [Interval(Real, 0, None, closed="left")],
        "rho": [Interval(Real, 0, 1, closed="neither")],
        "k": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "code_activation": [StrOptions(ACTIVATIONS | {"auto"}), callable],
    }

    def __init__(
        self,
        n_components=2,
        *,
        sparsity="l1",
        sparsity_weight=1e-3,
        rho=0.05,
        k="auto",
        hidden_layer_sizes=(),
        activation="silu",
        code_activation="auto",
        output_activation="auto",
        architecture=None,
        loss="squared_error",
        init="random",
        tied_weights=False,
        alpha=0.0,
        l1_ratio=0.0,
        dropout=0.0,
        solver="auto",
        learning_rate_init="auto",
        learning_rate="auto",
        batch_size="auto",
        max_iter="auto",
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=30,
        tol=1e-4,
        precision="auto",
        device="auto",
        categorical_features="from_dtype",
        missing_values="auto",
        column_weight=None,
        callbacks=None,
        checkpoint=None,
        warm_start=False,
        interruptible=False,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.sparsity = sparsity
        self.sparsity_weight = sparsity_weight
        self.rho = rho
        self.k = k
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.code_activation = code_activation
        self.output_activation = output_activation
        self.architecture = architecture
        self.loss = loss
        self.init = init
        self.tied_weights = tied_weights
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.dropout = dropout
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.precision = precision
        self.device = device
        self.categorical_features = categorical_features
        self.missing_values = missing_values
        self.column_weight = column_weight
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.warm_start = warm_start
        self.interruptible = interruptible
        self.random_state = random_state
        self.verbose = verbose

    def _parameters(self):
        parameters = super()._parameters()
        if is_auto(self.code_activation) and self.init == "random":
            parameters["code_activation"] = CODE_ACTIVATIONS[self.sparsity]
        return parameters

    def _objective(self, blueprint):
        self._check_code(blueprint.code_activation)
        self.k_ = self._active_units(blueprint.n_components)
        return objectives.Sparse(
            self.loss,
            sparsity=self.sparsity,
            weight=self.sparsity_weight,
            rho=self.rho,
            k=self.k_ or 1,
            n_components=blueprint.n_components,
        )

    def _check_code(self, code_activation):
        if self.init == "pca" and self.sparsity != "l1":
            raise ValueError(
                f"init='pca' needs sparsity='l1', got {self.sparsity!r}: principal "
                "components are neither rates nor of use a few at a time. Use "
                "init='random'."
            )
        is_rate = code_activation == "sigmoid" or callable(code_activation)
        if self.sparsity == "kl" and not is_rate:
            raise ValueError(
                "sparsity='kl' needs code_activation='auto', 'sigmoid' or a callable "
                f"with values between 0 and 1, got {code_activation!r}: the "
                "divergence is between rates."
            )

    def _active_units(self, n_components):
        if self.sparsity != "top_k":
            return None
        if is_auto(self.k):
            return max(1, n_components // 10)
        if self.k > n_components:
            raise ValueError(
                f"k={self.k} units cannot be active of n_components={n_components}; k "
                "should be at most that."
            )
        return self.k
