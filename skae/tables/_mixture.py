"""A mixture of normal distributions, of codes."""

from dataclasses import dataclass

import numpy as np
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
        """Return the mixture that the Bayesian information criterion prefers.

        And the log-likelihood of other codes, in the mean, that this criterion expects.
        """
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
        roots = np.linalg.cholesky(best.covariances_)
        expected = -best.bic(codes) / (2 * len(codes))
        return cls(best.weights_, best.means_, roots), expected

    def draw(self, n_rows, rng):
        """Return new codes."""
        part = rng.choice(len(self.shares), n_rows, p=self.shares)
        noise = rng.standard_normal((n_rows, self.means.shape[1], 1))
        return self.means[part] + (self.roots[part] @ noise)[..., 0]
