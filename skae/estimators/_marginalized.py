"""The marginalised denoising autoencoder: layers in closed form."""

from numbers import Integral, Real

import numpy as np
from scipy import linalg
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from .. import engine, networks
from ..data._moments import check_squares
from ._base import unchanged_on_error
from ._reconstructing import ReconstructingTransformer
from ._shards import refuse_ranks
from ._validation import read_table


def marginalized_layer(mean, covariance, noise_level, alpha):
    """Return weight W and bias b of the best linear denoiser W u + b.

    Every cell of u is replaced by its column's mean with probability `noise_level`. The
    covariance of what comes in is then known without drawing anything: it shrinks by
    the share of cells that are left, once for the variances and twice for the others.
    """
    kept = 1 - noise_level
    noisy = kept * covariance + noise_level * np.diag(np.diag(covariance))
    weight = _solve(noisy, covariance, alpha).T
    return weight, mean - weight @ mean


def ridge_decoder(mean, covariance, cross_covariance, alpha):
    """Return weight D and bias b of the ridge regression of centred rows on codes.

    It is D z + b; the penalty is on codes of unit variance. `cross_covariance` is that
    of codes and rows, of shape (n_components, n_features).
    """
    spread = np.sqrt(np.diag(covariance))
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    correlation = covariance * inverse * inverse[:, None]
    solution = _solve(correlation, cross_covariance * inverse[:, None], alpha)
    weight = (solution * inverse[:, None]).T
    return weight, -weight @ mean


def _solve(matrix, right, alpha):
    """Return (matrix + alpha I)^-1 right for a matrix that is a covariance."""
    rounding = 10 * np.finfo(np.float64).eps * len(matrix)
    matrix = matrix + (alpha + rounding) * np.eye(len(matrix))
    return linalg.cho_solve(linalg.cho_factor(matrix), right)


def layer_outputs(U, layers):
    """Return standardised rows and what every layer makes of the one before."""
    outputs = [U]
    for weight, bias in layers:
        outputs.append(np.tanh(outputs[-1] @ weight.T + bias))
    return outputs


class MarginalizedDenoisingAutoencoder(ReconstructingTransformer):
    """Stack of linear denoisers in closed form, with tanh between them.

    Each layer is the linear map that best restores rows of which each cell has been
    lost (replaced by its column's mean) with probability p = `noise_level`. No noise is
    drawn: the expectation of the squared error over all of it::

        E |u - W u~ - b|^2 + alpha (1 - p) |W|^2,

    is minimised exactly. With the covariance C of the layer's inputs u::

        W = C ((1 - p) C + p diag(C) + alpha I)^-1,        b = mean(u) - W mean(u).

    The layer's output is tanh(W u + b), and the next layer's input. The first one's
    inputs are the columns, scaled to mean zero and unit variance. `inverse_transform`
    is the ridge regression of the rows on the codes, in closed form as well. No
    gradients, no epochs, no random numbers: the cost is one covariance matrix and one
    linear system a layer.

    There are as many codes as columns, or more: this is no
    :class:`~sklearn.decomposition.PCA`, but a representation in which columns that go
    together speak for each other. Prefer it in front of a linear model, above all for
    counts of words, where a rare word then counts where its companions are.

    Parameters
    ----------
    n_layers : int, default=3
        Number of layers. More of them carry a cell's evidence further.

    noise_level : float, default=0.5
        Probability p, in [0, 1), that a cell is lost. 0 leaves the columns alone; the
        higher, the more a column is told from the others instead of itself.

    alpha : float, default=1e-5
        Strength of the ridge penalties, for columns of unit variance. Larger values
        need less of the rows and shrink what is uncertain.

    concatenate : bool, default=False
        Whether codes are the scaled columns and the outputs of all layers side by side,
        ``n_features * (n_layers + 1)`` of them, as the paper feeds them to a
        classifier. Otherwise they are the last layer's ``n_features`` outputs.

    Attributes
    ----------
    module_ : torch.nn.Module
        The network, in float64. Its ``encode``, ``decode`` and ``forward`` take tensors
        in the units of X.

    n_components_ : int
        Number of codes.

    components_ : ndarray of shape (n_components, n_features)
        The decoder's linear axes, in the units of X.

    mean_ : ndarray of shape (n_features,)
        Mean of the training rows.

    explained_variance_ratio_ : ndarray of shape (n_components,)
        R^2 that each further code adds to the reconstruction of the training rows, in
        the order of the columns.

    reconstruction_error_ : float
        Mean squared error per cell on the training rows.

    pca_reconstruction_error_ : float
        What PCA with as many components has: zero, as there is one for each column.

    judge_ : {"none"}
        No rows are held out: the errors are those of the training rows.

    n_features_in_ : int
        Number of columns.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X has string names.

    Notes
    -----
    The paper loses cells to zero, in counts of words: as they are mostly zero, that is
    close to their mean. The mean makes the result the same for any origin and unit of
    the columns.

    Memory is that of a few matrices of shape (n_components, n_components).

    References
    ----------
    Chen, M., Xu, Z., Weinberger, K., and Sha, F. (2012). Marginalized denoising
    autoencoders for domain adaptation. ICML, 1627-1634.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import MarginalizedDenoisingAutoencoder
    >>> X = load_digits().data
    >>> MarginalizedDenoisingAutoencoder(n_layers=2).fit_transform(X).shape
    (1797, 64)
    """

    _parameter_constraints: dict = {
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "noise_level": [Interval(Real, 0, 1, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "concatenate": ["boolean"],
    }

    def __init__(self, n_layers=3, *, noise_level=0.5, alpha=1e-5, concatenate=False):
        self.n_layers = n_layers
        self.noise_level = noise_level
        self.alpha = alpha
        self.concatenate = concatenate

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the layers to X, one pass over the rows each.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. CSR and CSC are made dense a block at a time.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. An integer weight is the same as a row repeated.

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
            self._fit(read_table(self, X, sample_weight, reset=True))
        return self

    def _fit(self, table):
        moments = table.moments
        check_squares(moments)
        layers = []

        def blocks(*, with_rows):
            for block, weight in table.chunks():
                U = (block - moments.mean) * moments.inverse_scale
                outputs = layer_outputs(U, layers)
                if with_rows:
                    yield self._codes(outputs), U, weight
                else:
                    yield outputs[-1], U[:, :0], weight

        for _ in range(self.n_layers):
            mean, covariance, _ = engine.joint_moments(blocks(with_rows=False))
            layer = marginalized_layer(mean, covariance, self.noise_level, self.alpha)
            layers.append(layer)
        mean, covariance, cross = engine.joint_moments(blocks(with_rows=True))
        decoder = ridge_decoder(mean, covariance, cross, self.alpha)
        self.module_ = networks.marginalized_autoencoder(
            layers,
            decoder,
            mean=moments.mean,
            scale=moments.scale,
            concatenate=self.concatenate,
        )
        self.n_components_ = self._n_features_out = len(mean)
        self.mean_ = moments.mean
        self.components_ = decoder[0].T * moments.scale
        self.explained_variance_ratio_ = engine.linear_ratio(
            self.components_, covariance, cross * moments.scale, moments.scale
        )
        left = max(0.0, 1 - self.explained_variance_ratio_.sum())
        self.reconstruction_error_ = float(np.mean(moments.scale**2) * left)
        self.pca_reconstruction_error_ = 0.0
        self.judge_ = "none"

    def _codes(self, outputs):
        return np.hstack(outputs) if self.concatenate else outputs[-1]

    @property
    def _network(self):
        return self.module_

    def __sklearn_is_fitted__(self):
        return hasattr(self, "module_")
