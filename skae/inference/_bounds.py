"""What the likelihood of a variational autoencoder says of rows, and draws from it."""

import numpy as np
from scipy import linalg

from ..data._table import Table
from ..networks._shares import DOUBT
from ._passes import decode, posterior

N_PAIRS = 16
SMALLEST_PROBABILITY = 1e-7


def elbo(network, X, noise_variance):
    """Return the evidence lower bound of every row, in nats, float64.

    `noise_variance` is the normal likelihood's; None stands for Bernoulli.
    """
    bounds = []
    for block, mean, std in _posteriors(network, X):
        draws = standard_draws(mean.shape[1])
        likelihood = sum(
            _log_likelihood(network, block, mean + std * draw, noise_variance)
            for draw in draws
        )
        divergence = 0.5 * (mean**2 + std**2 - 1) - np.log(std)
        bounds.append(likelihood / len(draws) - divergence.sum(axis=1))
    return np.concatenate(bounds)


def importance_weighted_bounds(network, X, noise_variance, n_samples, rng):
    """Return log 1/n sum_z p(x | z) p(z) / q(z | x) of every row for n draws of z."""
    bounds = []
    for block, mean, std in _posteriors(network, X):
        total = np.full(len(block), -np.inf)
        for _ in range(n_samples):
            noise = rng.standard_normal(mean.shape)
            Z = mean + std * noise
            ratio = 0.5 * (noise**2 - Z**2) + np.log(std)
            weight = _log_likelihood(network, block, Z, noise_variance)
            total = np.logaddexp(total, weight + ratio.sum(axis=1))
        bounds.append(total - np.log(n_samples))
    return np.concatenate(bounds)


def observed(network, X_hat, noise_variance, rng):
    """Return rows drawn from the likelihoods around some reconstructions."""
    if noise_variance is None:
        return (rng.random(X_hat.shape) < X_hat).astype(X_hat.dtype)
    X = X_hat + np.sqrt(noise_variance) * rng.standard_normal(X_hat.shape)
    if network.limits is not None:
        X = X.clip(*network.limits.cpu().numpy())
    return X


def standard_draws(n_components):
    """Return fixed draws (n_draws, n_components) with mean 0 and covariance I, exactly.

    So means over them are exact for polynomials of the second degree, such as the
    squared error of a linear decoder. The same for every row: its bound is the same
    alone.
    """
    rng = np.random.default_rng(0)
    half = rng.standard_normal((max(N_PAIRS, n_components), n_components))
    root = linalg.cholesky(half.T @ half / len(half), lower=True)
    half = linalg.solve_triangular(root, half.T, lower=True).T
    return np.concatenate([half, -half])


def _posteriors(network, X):
    for block in Table(X).blocks():
        mean, std = posterior(network, block)
        yield block, mean.astype(np.float64), std.astype(np.float64)


def _log_likelihood(network, X, Z, noise_variance):
    """Return log p(x | z) of rows and their codes."""
    X_hat = decode(network, Z.astype(X.dtype)).astype(np.float64)
    if network.shares is not None:
        return _log_likelihood_of_cells(network.shares.blocks, X, X_hat, noise_variance)
    return _log_densities(X, X_hat, noise_variance).sum(axis=1)


def _log_densities(X, X_hat, variance):
    """Return those of a normal distribution, or Bernoulli's if there is no variance."""
    if variance is None:
        X_hat = X_hat.clip(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        return X * np.log(X_hat) + (1 - X) * np.log1p(-X_hat)
    return -0.5 * ((X_hat - X) ** 2 / variance + np.log(2 * np.pi * variance))


def _log_likelihood_of_cells(blocks, X, X_hat, noise_variance):
    """Return the same of rows of a mixed table, of the cells that are there."""
    total = np.zeros(len(X))
    for span in blocks:
        members = slice(span.start, span.start + span.n_members)
        if span.scales:
            likelihood = _log_shares(X[:, members], X_hat[:, members], span.scales)
        else:
            cells = X[:, span.start], X_hat[:, span.start]
            likelihood = _log_densities(*cells, noise_variance)
        if span.has_indicator:
            missing, restored = X[:, span.stop - 1], X_hat[:, span.stop - 1]
            likelihood = np.where(missing > span.unit / 2, 0, likelihood)
            if span.is_restored:
                total += _log_densities(missing, restored, noise_variance)
        total += likelihood
    return total


def _log_shares(X, X_hat, scales):
    """Return the logarithm of the share of the value that is there.

    It is 0 where none is, or where several fill a missing cell.
    """
    shares = (X_hat / scales).clip(0)
    total = shares.sum(axis=1, keepdims=True)
    n_values = len(scales)
    shares = np.divide(
        shares, total, out=np.full_like(shares, 1 / n_values), where=total > 0
    )
    shares = (1 - DOUBT) * shares + DOUBT / n_values
    is_there = (X > 0) & (np.count_nonzero(X, axis=1, keepdims=True) == 1)
    return np.where(is_there, np.log(shares), 0).sum(axis=1)
