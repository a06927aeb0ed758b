"""The variational autoencoder's network and what it starts from."""

import math
from dataclasses import replace

import torch
from torch import nn

from ._autoencoder import Autoencoder
from ._noise import NoisePart

SMALLEST = 1e-6  # noise, as a share of the columns' mean variance
LARGEST_LOG_VAR = 15.0  # exp of it is finite in every precision


class Heads(nn.Module):
    """Two encoders side by side: the mean and the log-variance of the codes."""

    def __init__(self, mean, log_var):
        super().__init__()
        self.mean = mean
        self.log_var = log_var

    def forward(self, X):
        return torch.cat([self.mean(X), self.log_var(X)], dim=1)


class Reparameterisation(NoisePart):
    """Draws codes from their posterior; the mean where no noise is wanted."""

    def forward(self, mean, log_var):
        if not self.is_active:
            return mean
        generator = self.noise_source(mean.device)
        noise = torch.empty_like(mean).normal_(generator=generator)
        return mean + noise * (0.5 * log_var).exp()


class VariationalNetwork(Autoencoder):
    """An `Autoencoder` between means and log-variances of codes, and rows.

    Its encoder returns both, (n_samples, 2 n_components). `propagate` returns (output,
    mean, log_var, log_noise_variance) for codes drawn from N(mean, exp(log_var));
    `encode` returns the mean.

    Parameters
    ----------
    is_normal : bool
        Whether the likelihood has a variance: the same for all columns, in units of
        their mean variance where they are standardised.

    learns_noise : bool
        Whether this variance is trained.
    """

    def __init__(self, encoder, decoder, *, is_normal, learns_noise, **options):
        super().__init__(encoder, decoder, **options)
        self.reparameterisation = Reparameterisation()
        log_variance = torch.zeros(()) if is_normal else None
        if learns_noise:
            self.log_noise_variance = nn.Parameter(log_variance)
        else:
            self.register_buffer("log_noise_variance", log_variance)

    def set_noise_variance(self, variance):
        """Set the variance of the likelihood, in the units of X squared."""
        unit = 1.0 if self.scale is None else _mean_square(self.scale)
        with torch.no_grad():
            self.log_noise_variance.fill_(math.log(max(variance / unit, SMALLEST)))

    @property
    def bounded_noise(self):
        """The logarithm of the noise variance, which a perfect fit does not lower."""
        if self.log_noise_variance is None:
            return None
        return self.log_noise_variance.clamp(min=math.log(SMALLEST))

    def propagate(self, U):
        """Return the decoder's raw output and the posterior of standardised rows."""
        mean, log_var = self.heads(self.corruption(U))
        Z = self.reparameterisation(mean, log_var)
        return self.decode_standardised(Z), mean, log_var, self.bounded_noise

    def heads(self, U):
        """Return the mean and the log-variance of the codes of standardised rows."""
        mean, log_var = self.encoder(U).chunk(2, dim=1)
        return mean, log_var.clamp(-LARGEST_LOG_VAR, LARGEST_LOG_VAR)

    def encode_standardised(self, U):
        """Return the posterior means of standardised rows."""
        return self.heads(U)[0]

    def posterior(self, X):
        """Return means and standard deviations side by side."""
        mean, log_var = self.heads(self.standardise(X))
        return torch.cat([mean, (0.5 * log_var).exp()], dim=1)


def probabilistic_start(start):
    """Return PCA's `Start` as probabilistic PCA's (Tipping and Bishop, 1999).

    Of an axis with the share s of noise in its variance, the code has the posterior
    mean (1 - s)^(1/2) times the whitened code, and the variance s.
    """
    noise_variance = max(start.noise_variance, SMALLEST * _mean_square(start.scale))
    share = (noise_variance / start.code_scale.square()).clamp(max=1.0)
    unused = start.axes_in.abs().sum(dim=1) == 0  # beyond the rank: the prior
    share = torch.where(unused, 1.0, share)
    gain = (1 - share).sqrt()
    axes_in = start.axes_in * gain[:, None]
    return replace(
        start,
        axes_in=torch.cat([axes_in, torch.zeros_like(axes_in)]),
        axes_out=start.axes_out * gain,
        code_offset=torch.cat([torch.zeros_like(share), share.log()]),
        noise_variance=noise_variance,
    )


def _mean_square(scale):
    return float(scale.square().mean()) or 1.0
