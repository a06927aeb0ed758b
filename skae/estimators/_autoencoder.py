"""The deterministic autoencoder."""

from ._ordered import OrderedAutoencoder


class AutoencoderTransformer(OrderedAutoencoder):
    """Autoencoder that keeps PCA unless it finds something better.

    An encoder maps rows to codes, a decoder maps codes back, and both are trained to
    minimise the mean squared error of the round trip, in the units of X::

        1 / (n_samples n_features) * sum_ij (X_ij - decode(encode(X_i))_j)^2

    With ``init="pca"`` the network corrects PCA: with mean mu and principal axes V::

        encode(x) = V^T (x - mu) + f(x)
        decode(z) = mu + V z + g(z)

    where the last layers of the networks f and g start at zero. By default
    (``init="auto"``) that is one of several starts, and held-out rows decide which of
    them to go on from. Columns are centred and scaled to unit variance before they
    enter f, and their errors are weighted by their variances: the objective stays PCA's
    own. Held-out rows then decide whether the result is better than PCA, and if it
    started there how much of the correction to keep. Last, an exact rotation leaves the
    codes centred, uncorrelated and sorted by variance, as PCA's are.

    Prefer it to :class:`~sklearn.decomposition.PCA` where the columns are related in
    ways that are not linear and there are some hundred rows or more; on a few dozen
    rows the result is mostly PCA. With ``hidden_layer_sizes=()`` and the other defaults
    it always is.

    Read more in the :ref:`User Guide <autoencoder>`.

    Parameters
    ----------
    n_components : int, float, "auto" or None, default=2
        Size of the code. More components reconstruct better. A number between 0 and 1
        is the share of variance to explain: the fit is ordered, with as many components
        as PCA needs for that share, and keeps the fewest that reach it on the rows that
        judge. "auto" begins with as many as PCA needs for 0.99 and keeps the fewest
        whose error on these rows is within a standard error of the least. None is as
        many as there are columns, or rows if these are fewer.

    hidden_layer_sizes : array-like of int or "auto", default="auto"
        Widths of the encoder's hidden layers, input side first; the decoder mirrors
        them. ``()`` has none: encoder and decoder are one layer each. "auto" is two
        equal layers of four times as many units as columns, between 64 and 128 (256
        beyond 256 columns), and at least twice n_components.

    activation : str or callable, default="silu"
        Activation of the hidden layers: a name in ``torch.nn.functional`` or a function
        of a tensor.

    code_activation : str or callable, default="identity"
        Activation of the code. Others than the identity need ``init="random"``.

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

    init : {"auto", "pca", "random"}, default="auto"
        Where training starts. "pca" starts at PCA, which the network corrects. "random"
        is the plain textbook network with Glorot weights: nothing is added, scaled or
        weighted. Its biases and its small last weights make the output start at the
        columns' means. "auto" tries several starts for some hundred steps each and
        begins at the one that the judging rows prefer: PCA, the surface that the rows
        lie on (codes from distances along it), and random weights. Where folds judge,
        kernel ridge regression on PCA's codes is a candidate as well. `init_` says
        which won.
        With tied weights "auto" is "pca".

    tied_weights : bool, default=False
        Whether the decoder uses the encoder's weights, transposed.

    whiten : bool, default=False
        Whether to scale the codes to unit variance.

    ordered : bool, default=False
        Whether the first components are to be worth most: the decoder is trained to
        restore rows from the first alone, from the first two and so on, each about as
        well as it can. `truncate` returns an estimator with the first ones. Training
        takes longer, and with all components the error is higher than without the
        order. The loss is a mean over numbers of components, each weighted by one over
        the variance that PCA leaves. The result is PCA if with 1, 2, 4, 8 and so on or
        with all components it would be worse on the rows that judge.

    alpha : float, default=0.0
        Strength of the penalty on the weights. It is added to the loss (in units of the
        mean variance of the columns with ``init="pca"``, where it acts on f and g
        alone). Larger values keep the model closer to PCA.

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

    components_ : ndarray of shape (n_components, n_features)
        The decoder's linear axes, in the units of X. Only where it has any. Where
        `init_` is "manifold", or "random" by the choice of "auto", how rows move with
        each code on average.

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

    hidden_layer_sizes_, output_activation_, solver_, learning_rate_init_, \
    learning_rate_, batch_size_, max_iter_, precision_ : object
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
    ``early_stopping=False``, ``precision="float64"``, and one start, ``init="pca"`` or
    "random". A mini-batch or a held-out row is one row whatever its weight, so
    otherwise the two agree in expectation only.

    References
    ----------
    Hinton, G. E., and Salakhutdinov, R. R. (2006). Reducing the dimensionality of data
    with neural networks. Science, 313(5786), 504-507.

    Jordan, K., et al. (2024). Muon: an optimizer for hidden layers in neural networks.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> X = load_iris().data
    >>> autoencoder = AutoencoderTransformer(2, max_iter=5, random_state=0).fit(X)
    >>> autoencoder.transform(X).shape
    (150, 2)
    """

    def __init__(
        self,
        n_components=2,
        *,
        hidden_layer_sizes="auto",
        activation="silu",
        code_activation="identity",
        output_activation="auto",
        architecture=None,
        loss="squared_error",
        init="auto",
        tied_weights=False,
        whiten=False,
        ordered=False,
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.code_activation = code_activation
        self.output_activation = output_activation
        self.architecture = architecture
        self.loss = loss
        self.init = init
        self.tied_weights = tied_weights
        self.whiten = whiten
        self.ordered = ordered
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
