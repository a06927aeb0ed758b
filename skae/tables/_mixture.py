"""A mixture of normal distributions, of codes."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.mixture import GaussianMixture

PARTS = (1, 4, 16)
LEAST_VARIANCE = 1e-4


@dataclass(frozen=True)
class Mixture:
    """A distribution of codes.

    Attributes
    ----------
    shares : ndarray of shape (n_parts,)

    means : ndarray of shape (n_parts, n_components)

    roots : ndarray of shape (n_parts, n_components, n_components)
        Lower triangles: roots of the covariances.
    """

    shares: np.ndarray
    means: np.ndarray
    roots: np.ndarray

    @classmethod
    def fit(cls, codes, seed):
        """Return the mixture that the Bayesian information criterion prefers."""
        mixtures = [
            GaussianMixture(
                n_parts,
                reg_covar=LEAST_VARIANCE,
                init_params="k-means++",
                max_iter=1000,
                random_state=seed,
            ).fit(codes)
            for n_parts in PARTS
            if n_parts <= len(codes)
        ]
        best = min(mixtures, key=lambda mixture: mixture.bic(codes))
        return cls(best.weights_, best.means_, np.linalg.cholesky(best.covariances_))

    def draw(self, n_rows, rng):
        """Return new codes."""
        part = rng.choice(len(self.shares), n_rows, p=self.shares)
        noise = rng.standard_normal((n_rows, self.means.shape[1], 1))
        return self.means[part] + (self.roots[part] @ noise)[..., 0]

    def log_likelihood(self, codes):
        """Return the log-likelihood of each code."""
        parts = [
            norm.logpdf(solve_triangular(root, (codes - mean).T, lower=True)).sum(
                axis=0
            )
            - np.log(np.diag(root)).sum()
            for mean, root in zip(self.means, self.roots, strict=True)
        ]
        return logsumexp(np.array(parts).T, b=self.shares, axis=1)
