"""The variational autoencoder."""

from dataclasses import replace
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .. import engine, inference, objectives, tables
from ._base import BaseAutoencoder, constraints_without
from ._resolve import is_auto
from ._tensors import beside
from ._validation import rows_to_encode

LIKELIHOODS = {"squared_error", "binary_cross_entropy"}
MOST_ROWS = 10_000  # that rows of samples are modelled after


class VariationalAutoencoder(BaseAutoencoder):
    """Autoencoder that is a probabilistic model: it samples and scores likelihoods.

    Codes have a standard normal prior, rows a likelihood p(x | z) around decode(z), and
    the encoder returns a normal posterior q(z | x) = N(mean(x), diag(std(x))^2).
    Minimised is the negative evidence lower bound of the log-likelihood, in nats::

        1 / n_samples * sum_i [- E_q log p(x_i | z) + beta KL(q(z | x_i) || N(0, I))]

    With ``loss="squared_error"`` the likelihood is normal with one variance
    (`noise_variance_`) for all columns, with ``loss="binary_cross_entropy"`` Bernoulli.
    With ``init="pca"`` training starts from probabilistic PCA, whose bound is tight; by
    default that is one of several starts. Either way the result is never worse than
    probabilistic PCA on the rows that judge.

    Prefer it to :class:`~sklearn.decomposition.PCA` where new rows are to be drawn, or
    where rows are to be scored by how likely they are. For the lowest reconstruction
    error take :class:`AutoencoderTransformer`.

    Parameters
    ----------
    n_components : int, default=2
        Size of the code. Components that are not needed stay at the prior and carry no
        information: see `active_units_`.

    beta : float, default=1.0
        Weight of the divergence from the prior. Larger values make codes that are
        closer to the prior, in fewer components, and coarser reconstructions. Other
        values than 1 do not minimise a bound.

    kl_warmup : int, default=0
        Epochs over which the weight of the divergence rises from zero to `beta`: units
        are learnt before they cost anything. These epochs count neither as progress nor
        as the best. Less than `max_iter`. `partial_fit`, which knows no epochs, does
        without.

    free_bits : float, default=0.0
        Nats of divergence that each component has for free, in training and where rows
        judge. Larger values keep more components active.

    noise_variance : float or "auto", default="auto"
        Variance of the normal likelihood, in the units of X squared. "auto" learns it.
        Larger values make coarser reconstructions and codes closer to the prior.

    hidden_layer_sizes : array-like of int or "auto", default="auto"
        Widths of the encoder's hidden layers, input side first; the decoder mirrors
        them. ``()`` has none: encoder and decoder are one layer each. "auto" is two
        equal layers of four times as many units as columns, between 64 and 128 (256
        beyond 256 columns), and at least twice n_components.

    activation : str or callable, default="silu"
        Activation of the hidden layers: a name in ``torch.nn.functional`` or a function
        of a tensor.

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
        at their defaults. The encoder is built for means and log-variances together, 2
        n_components; one with a code of its own is built twice.

    loss : {"squared_error", "binary_cross_entropy"}, default="squared_error"
        Normal or Bernoulli likelihood. Binary cross-entropy needs X within [0, 1]. Grey
        levels between are taken as probabilities, and the bound is not one of theirs.
        With "squared_error" categories of mixed tables have the likelihood of a
        softmax, see :ref:`mixed_tables`.

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

    alpha : float, default=0.0
        Strength of the penalty on the weights, added to the loss per cell. With
        ``init="pca"`` it acts on what is added to probabilistic PCA alone. Larger
        values keep the model closer to it.

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
        Seed of the initial weights, the split, the order of rows, the draws from the
        posterior, and dropout. Each of these draws from a stream of its own, spawned
        from the seed. The global generators are never used.

    verbose : int, default=0
        1 shows progress bars with the losses and PCA's, and last what came of it.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net. ``net_.module_`` is the torch module, whose ``posterior``,
        ``encode``, ``decode`` and ``forward`` take tensors in the units of X.
        `transform` computes with a copy of it, so forward hooks on it need not fire
        there. Once ``net_.module_`` was taken, single rows are transformed more slowly:
        you may change its weights, so they are compared at every call.

    n_components_ : int
        Size of the code.

    active_units_ : ndarray of int
        Components whose posterior mean has a weighted variance of more than 0.01 over
        the training rows (at most 10000 of them), or over the last chunk of
        `partial_fit`. The others stay at the prior and carry no information.

    kl_warmup_ : int
        Epochs of warm-up; 0 after `partial_fit`.

    noise_variance_ : float or None
        Variance of the normal likelihood, in the units of X squared; None for
        Bernoulli.

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
    ``early_stopping=False``, ``precision="float64"``; but each row then has its own
    noise, so that the two agree in expectation only.

    References
    ----------
    Kingma, D. P., and Welling, M. (2014). Auto-encoding variational Bayes. ICLR.

    Higgins, I., et al. (2017). beta-VAE: learning basic visual concepts with a
    constrained variational framework. ICLR.

    Sonderby, C. K., et al. (2016). Ladder variational autoencoders. NeurIPS 29.

    Kingma, D. P., et al. (2016). Improved variational inference with inverse
    autoregressive flow. NeurIPS 29.

    Burda, Y., Grosse, R., and Salakhutdinov, R. (2016). Importance weighted
    autoencoders. ICLR.

    Tipping, M. E., and Bishop, C. M. (1999). Probabilistic principal component
    analysis. Journal of the Royal Statistical Society B, 61(3), 611-622.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import VariationalAutoencoder
    >>> X = load_iris().data
    >>> autoencoder = VariationalAutoencoder(2, max_iter=5, random_state=0).fit(X)
    >>> autoencoder.transform(X).shape, autoencoder.sample(3, random_state=0).shape
    ((150, 2), (3, 4))
    """

    _parameter_constraints: dict = {
        **constraints_without("code_activation", "tied_weights", "whiten"),
        "beta": [Interval(Real, 0, None, closed="left")],
        "kl_warmup": [Interval(Integral, 0, None, closed="left")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
        "noise_variance": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
        "loss": [StrOptions(LIKELIHOODS)],
    }

    def __init__(
        self,
        n_components=2,
        *,
        beta=1.0,
        kl_warmup=0,
        free_bits=0.0,
        noise_variance="auto",
        hidden_layer_sizes="auto",
        activation="silu",
        output_activation="auto",
        architecture=None,
        loss="squared_error",
        init="auto",
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
        self.beta = beta
        self.kl_warmup = kl_warmup
        self.free_bits = free_bits
        self.noise_variance = noise_variance
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.output_activation = output_activation
        self.architecture = architecture
        self.loss = loss
        self.init = init
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

    # -- what is asked of a fitted model ----------------------------------------------

    def posterior(self, X):
        """Return the posterior of the codes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        mean : ndarray of shape (n_samples, n_components)
            What `transform` returns.

        std : ndarray of shape (n_samples, n_components)
            Standard deviations.
        """
        check_is_fitted(self)
        mean, std = inference.posterior(self._network, rows_to_encode(self, X))
        return mean, std

    def sample(
        self, n_samples=1, random_state=None, *, observation_noise=True, given=None
    ):
        """Draw new rows: codes from the prior, decoded, and noise of the likelihood.

        Rows of a mixed table are distributed as the training rows, of which none is
        kept: codes are drawn from a mixture of normal distributions, fitted to their
        posteriors, and the cells of a row in turn, from regressions on its code and the
        cells before. Where held-out rows are likelier without codes, those do without.

        Parameters
        ----------
        n_samples : int, default=1

        random_state : int, RandomState instance or None, default=None

        observation_noise : bool, default=True
            Whether to draw rows from the likelihood, as those of the data are: with
            normal noise of `noise_variance_`, or zeros and ones for Bernoulli. False
            returns its means, which vary less than the data do and look smoother.

        given : dict of label to object, default=None
            Cells that all rows shall have, by the column of a mixed table: a value of a
            category, a number or date within the range of `fit`, None for a missing
            cell. Rows are drawn until enough of them are like that, so the rarer the
            values are together, the longer it takes.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            A DataFrame where `set_output` asks for one. Columns keep to their limits
            with ``output_activation="clamp"``. If `fit` had a mixed table, it is one
            like that: categories are drawn, and numbers stay within their range.

        Raises
        ------
        ValueError
            If `given` has unknown columns or values, or hardly any row is like that; or
            if `fit` had numbers alone.
        """
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        rng = _generator(random_state)
        decode = partial(inference.decode, self._network)
        is_mixed = tables.mixed_encoder(self) is not None
        if given is not None and not (is_mixed and observation_noise):
            raise ValueError(
                "given is for rows of mixed tables that are drawn with their noise: "
                + ("set observation_noise=True." if is_mixed else "fit had numbers.")
            )
        if is_mixed and observation_noise:
            return self._row_model.sample(self.encoder_, decode, n_samples, rng, given)
        Z = rng.standard_normal((n_samples, self.n_components_))
        X = decode(Z)
        if observation_noise:
            X = inference.observed(self._network, X, self.noise_variance_, rng)
        return self._in_container(X, Z)

    def score_samples(self, X):
        """Return the evidence lower bound of rows: low for outliers.

        The expectation over the posterior is the mean over some fixed draws (32, or
        twice the number of components), exact for linear decoders.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            In nats, with beta at 1, of the cells that are there.
        """
        check_is_fitted(self)
        rows = rows_to_encode(self, X)
        scores = inference.elbo(self._network, rows, self.noise_variance_)
        return beside(self, X, scores)

    def log_likelihood(self, X, n_samples=100, random_state=None):
        """Return the importance-weighted bound on the log-likelihood of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        n_samples : int, default=100
            Draws from the posterior for each row. With more the bound is tighter, in
            proportionally longer time.

        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            In nats.
        """
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        X = rows_to_encode(self, X)
        return inference.importance_weighted_bounds(
            self._network, X, self.noise_variance_, n_samples, _generator(random_state)
        )

    # -- fitting ----------------------------------------------------------------------

    def _fit(self, table, validation, epochs, seed):
        is_interrupted = super()._fit(table, validation, epochs, seed)
        vars(self).pop("_row_model", None)
        if tables.mixed_encoder(self) is not None:
            self._row_model = self._model_of_rows(table, seed)
        return is_interrupted

    def _model_of_rows(self, table, seed):
        """Return what `sample` draws rows of a mixed table from."""
        rng, n_rows = seed.rng("rows of samples"), min(len(table), MOST_ROWS)
        if table.weight is not None:
            chance = table.weight / table.weight.sum()
            table = table.take(rng.choice(len(table), n_rows, p=chance))
        X = table.spread(n_rows).block(slice(None))
        return tables.RowModel.fit(
            self.encoder_,
            X,
            inference.posterior(self._network, X),
            partial(inference.decode, self._network),
            seed.integer("samples"),
        )

    def _objective(self, blueprint):
        is_learnt = is_auto(self.noise_variance)
        if self.loss != "squared_error" and not is_learnt:
            raise ValueError(
                f"noise_variance={self.noise_variance} needs loss='squared_error': "
                "a Bernoulli likelihood has no variance of its own. Use 'auto'."
            )
        return objectives.Variational(
            self.loss,
            beta=self.beta,
            kl_warmup=self.kl_warmup,
            free_bits=self.free_bits,
            noise_variance=None if is_learnt else self.noise_variance,
            n_features=self._n_restored,
            has_softmax=True,
        )

    @property
    def _n_restored(self):
        """How many columns of the network the likelihood is of."""
        return self.n_features_in_ if self._has_own_units else self._n_encoded

    def _task(self, shape, device, *, streaming=False):
        task = super()._task(shape, device, streaming=streaming)
        if streaming:  # a stream knows no epochs
            objective = replace(task.objective, kl_warmup=0)
            return replace(task, objective=objective)
        if self.kl_warmup >= task.plan.max_iter:
            raise ValueError(
                f"kl_warmup={self.kl_warmup} should be less than max_iter, which is "
                f"{task.plan.max_iter}: the full objective would never be trained. "
                "Lower kl_warmup or raise max_iter."
            )
        return task


def _generator(random_state):
    return np.random.default_rng(engine.make_seed(random_state))
