"""Classification with few labels: pretraining, then fine-tuning."""

import warnings

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y

from .. import engine
from ._base_supervised import BaseSupervised


def is_labelled(y):
    """Return which rows have a label: those without -1.

    With -1 and one other number, both are classes: nothing can be learnt from one.
    """
    if y.dtype.kind in "US":
        if (y == np.asarray("-1", dtype=y.dtype)).any():
            raise ValueError(
                "y is an array of strings, and some are '-1'. To leave rows unlabelled "
                "among strings, make y an array of objects, "
                "np.array(labels, dtype=object), with the number -1 in it."
            )
        return np.ones(len(y), dtype=bool)
    labelled = np.asarray(y != -1, dtype=bool)
    others = list(set(y[labelled].tolist()))
    if labelled.all() or len(others) != 1 or isinstance(others[0], str):
        return labelled
    warnings.warn(
        f"-1 and {others[0]!r} are all the labels in y: both are taken for classes, "
        "and no row for unlabelled.",
        stacklevel=6,
    )
    return np.ones(len(y), dtype=bool)


class AutoencoderClassifier(ClassifierMixin, BaseSupervised):
    """Classifier on the codes of an autoencoder, which learns from unlabelled rows too.

    First an autoencoder is trained on all rows, labelled or not. A logistic regression
    on its codes z(x) of the labelled rows is the start of a linear head. Then encoder
    and head are trained together: with classes y_i of the n labelled rows and the rows
    x_j of the whole table, N of them::

        1 / n * sum_i -log p(y_i | z(x_i)) + alpha / 2 |W|^2
        + r / N * sum_j reconstruction loss of x_j
        + c / N * sum_j sum_k -p(k | z(x_j)) log p(k | z(x_j + noise))

    is minimised over the weights of the encoder, the decoder and the head W, where the
    first p of the last line is held fixed. r is `reconstruction_weight`, c
    `consistency_weight`. Fine-tuning is judged by the Brier score of labelled rows that
    were held out: if it does not lower it, the head on the frozen codes is the result.

    Prefer it to a classifier on the codes of :class:`~sklearn.decomposition.PCA` where
    labels are few and rows many, and where the classes are more than linear
    combinations of columns. With labels for all of a few hundred rows it is a small
    network among others. Columns in very different units belong behind a
    :class:`~sklearn.preprocessing.StandardScaler`, as for PCA.

    A row with the label -1 is unlabelled, as in
    :class:`~sklearn.semi_supervised.SelfTrainingClassifier`. Where labels are strings,
    y has to be an array of objects to hold it; the string "-1" is an error. Where -1
    and one other number are all there is, both are classes, and a warning says so.

    Read more in the :ref:`User Guide <supervised>`.

    Parameters
    ----------
    autoencoder : estimator or None, default=None
        Which autoencoder to pretrain, one of skae's. It is cloned, and gets a seed from
        `random_state` if it has none. None is
        :class:`~skae.DenoisingAutoencoder` with one component per column, but no fewer
        than 32 and no more than 128: a head does better on many codes than a
        reconstruction needs, and noise makes them useful. With
        ``missing_values="mask"`` rows may have missing cells.

    fine_tune : bool, default=True
        Whether to train the encoder on the labels. False leaves the head on the
        pretrained codes, which takes no further time.

    reconstruction_weight : float, default=1.0
        Weight r of the autoencoder's own loss, on all rows. Raising it keeps the
        encoder closer to one that reconstructs all rows well; 0 lets labels alone
        decide. It counts in the units of the autoencoder's training: with
        ``init="pca"`` squared errors are divided by the mean variance of the columns,
        with ``init="random"`` they are not.

    consistency_weight : float or "auto", default="auto"
        Weight c of the consistency of predictions under noise, on all rows. Raising it
        moves the boundaries between predictions to where there are few rows. "auto"
        tries 0 and 1 on held-out labels where most rows are unlabelled, else is 0.

    noise : {"gaussian", "adversarial"}, default="gaussian"
        What predictions are to stay the same under. "gaussian" moves rows at random,
        "adversarial" each to where its prediction changes most (Miyato et al., 2019, in
        one step), which takes longer.

    noise_level : float or "auto", default="auto"
        Standard deviation of that noise, as a share of each column's. "adversarial"
        moves a row as far as gaussian noise of that level would. "auto" is 0.5 for
        "gaussian" and 0.1 for "adversarial".

    alpha : float or "auto", default="auto"
        Strength of the squared penalty on the weights of the head, for codes of unit
        variance. Larger values predict more cautiously. "auto" is the one of 1e-4,
        1e-3, ..., 10 that does best on held-out labels.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss on labelled rows, as in
        :class:`~sklearn.linear_model.LogisticRegression`.

    learning_rate_init : float, default=1e-3
        Learning rate of fine-tuning at its highest. It rises over a twentieth of the
        steps and then falls to zero.

    batch_size : int or "auto", default="auto"
        Rows a step, and at most so many labelled rows beside them. "auto" is 128.

    max_iter : int or "auto", default="auto"
        Epochs of fine-tuning at most. An epoch is one pass over all rows; the labelled
        ones come round as often as it takes. "auto" makes about 400 steps, in 20 to 60
        epochs.

    early_stopping : bool, default=True
        Whether held-out labels decide if fine-tuning helps, and, where there are enough
        of them, when to stop. False fine-tunes for max_iter epochs, and pretrains on
        all rows.

    validation_fraction : float, default=0.1
        Share of the labelled rows held out, if that makes 100 rows or more; the best
        weights seen are kept. If not, every labelled row is held out once, in one of
        five folds, where at least half of the rows are unlabelled; else a fifth of the
        labelled ones. The network is then trained on all of them.

    n_iter_no_change : int, default=10
        Epochs without progress on the held-out rows after which training stops, where
        these are 100 rows or more. They count from a third of `max_iter` on: what a
        falling learning rate gains, it gains late.

    tol : float, default=1e-4
        Share of the loss by which it has to fall to count as progress.

    checkpoint : path-like or None, default=None
        A file such as ``"run.safetensors"``, where `fit` keeps its state while it
        trains. The same fit to the same data then goes on where a process was killed,
        and ends with the same bits on a CPU. A file of another fit is an error. It is
        deleted when `fit` is done. In a folder that exists each fit has a file of its
        own, as in a grid search. See :ref:`checkpoints`.

    interruptible : bool, default=False
        Whether Ctrl-C ends the training but not the fit: the best so far is the result,
        with a ConvergenceWarning. Where folds were judging, that is PCA or a closed
        form. A second Ctrl-C is raised, as the first is if this is False; the estimator
        is then as it was before. Heard in the main thread alone.

    random_state : int, RandomState instance or None, default=None
        Seed of the split, the order of rows, the noise and, where it has none, the
        autoencoder. Each of these draws from a stream of its own, spawned from the
        seed. The global generators are never used.

    verbose : int, default=0
        1 shows progress bars with the losses.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted, without -1.

    autoencoder_ : estimator
        The autoencoder as it was pretrained: on all rows, or without those that judge
        where these are 100 or more.

    net_ : skorch.NeuralNet
        The fine-tuned net. ``net_.module_`` is the torch module, whose ``encode`` and
        ``forward`` take tensors in the units of X. `transform` computes with a copy of
        it, so forward hooks on it need not fire there. Once ``net_.module_`` was taken,
        single rows are transformed more slowly: you may change its weights, so they are
        compared at every call.

    n_components_ : int
        Size of the code.

    alpha_, consistency_weight_, noise_level_, batch_size_, max_iter_ : object
        What "auto" stood for.

    n_iter_ : int
        Epochs that fine-tuning ran for in a fold. 1 without fine-tuning.

    best_n_iter_ : int
        Epochs that the network was trained for. 0 is the head on the pretrained codes.

    loss_curve_ : list of float
        Training loss of every epoch of fine-tuning.

    validation_loss_curve_ : list of float or None
        Brier score on the held-out rows before fine-tuning and after every epoch, their
        mean over the folds.

    device_ : str
        Where the network is.

    encoder_ : object
        How columns became those of the network, where they did not stay as they are: a
        :class:`~skae.tables.TableEncoder` of a DataFrame with columns that are no
        numbers.

    n_features_in_ : int
        Number of columns.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X has string names.

    Notes
    -----
    The codes that the head takes are centred and divided either by one number or each
    by its own deviation, whichever does better on held-out labels. This, "auto" of
    `alpha` and the start of fine-tuning are settled by 10000 of the labelled rows where
    there are more.

    Rows that judge fine-tuning, and all rows of their `groups`, are left out of the
    pretraining of the encoder that they judge. Head, penalty and units are chosen
    without them too.

    To hold out a row is to hold it out whatever its weight, and a step takes so many
    rows whatever they weigh: integer sample weights act exactly as repeated rows only
    with ``fine_tune=False``, a number for `alpha` and an autoencoder for which they do.

    References
    ----------
    Hinton, G. E., and Salakhutdinov, R. R. (2006). Reducing the dimensionality of data
    with neural networks. Science, 313(5786), 504-507.

    Vincent, P., Larochelle, H., Lajoie, I., Bengio, Y., and Manzagol, P.-A. (2010).
    Stacked denoising autoencoders: learning useful representations in a deep network
    with a local denoising criterion. JMLR, 11, 3371-3408.

    Rasmus, A., Valpola, H., Honkala, M., Berglund, M., and Raiko, T. (2015).
    Semi-supervised learning with ladder networks. NeurIPS, 28.

    Miyato, T., Maeda, S., Koyama, M., and Ishii, S. (2019). Virtual adversarial
    training: a regularization method for supervised and semi-supervised learning. IEEE
    Transactions on Pattern Analysis and Machine Intelligence, 41(8), 1979-1993.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderClassifier, AutoencoderTransformer
    >>> X, y = load_iris(return_X_y=True)
    >>> y[::2] = -1
    >>> autoencoder = AutoencoderTransformer(3, max_iter=5)
    >>> classifier = AutoencoderClassifier(autoencoder, max_iter=5, random_state=0)
    >>> classifier.fit(X, y).predict_proba(X).shape
    (150, 3)
    """

    _parameter_constraints: dict = {
        **BaseSupervised._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        autoencoder=None,
        *,
        fine_tune=True,
        reconstruction_weight=1.0,
        consistency_weight="auto",
        noise="gaussian",
        noise_level="auto",
        alpha="auto",
        class_weight=None,
        learning_rate_init=1e-3,
        batch_size="auto",
        max_iter="auto",
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        checkpoint=None,
        interruptible=False,
        random_state=None,
        verbose=0,
    ):
        self.autoencoder = autoencoder
        self.fine_tune = fine_tune
        self.reconstruction_weight = reconstruction_weight
        self.consistency_weight = consistency_weight
        self.noise = noise
        self.noise_level = noise_level
        self.alpha = alpha
        self.class_weight = class_weight
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.checkpoint = checkpoint
        self.interruptible = interruptible
        self.random_state = random_state
        self.verbose = verbose

    def predict(self, X):
        """Predict classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        probability = self.predict_proba(X)
        return self.classes_[probability.argmax(axis=1)]

    def predict_proba(self, X):
        """Predict the probability of every class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return engine.class_probabilities(self._outputs(X))

    def decision_function(self, X):
        """Return the head's outputs, whose softmax the probabilities are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes) or (n_samples,)
            With two classes the log-odds of the second.
        """
        scores = self._outputs(X)
        return scores.ravel() if scores.shape[1] == 1 else scores

    def _read_targets(self, y):
        return _check_y(y, estimator=self)

    def _labelled(self, y, weight):
        """Return where the labelled rows are, their classes as integers and weights."""
        rows = np.flatnonzero(is_labelled(y))
        if len(rows) == 0:
            raise ValueError(
                "y is -1 in every row: at least two classes have to have labels."
            )
        check_classification_targets(y[rows])
        self.classes_, targets = np.unique(y[rows], return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"The labelled rows hold one class, {self.classes_[0]!r}; at least two "
                "classes are needed."
            )
        weight = None if weight is None else weight[rows]
        if self.class_weight is not None:
            by_class = compute_sample_weight(self.class_weight, y[rows])
            weight = by_class if weight is None else weight * by_class
        return rows, targets, None if weight is None else weight / weight.mean()
