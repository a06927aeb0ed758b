"""The evidence lower bound of a variational autoencoder."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from ..inference import encode
from ..networks._autoencoder import Autoencoder
from ..networks._network import one_row_or_many
from ..networks._noise import NoisePart
from ._cells import CellLikelihood
from ._reconstruction import Reconstruction, ReconstructionLoss

SUMMARY_ROWS = 10_000
ACTIVE = 0.01  # variance of the posterior mean over the rows (Burda et al., 2016)
SMALLEST = 1e-6  # noise, as a share of the columns' mean variance
LARGEST_LOG_VAR = 15.0  # exp of it is finite in every precision


@dataclass(frozen=True)
class Variational(Reconstruction):
    """The negative evidence lower bound with a weighted divergence, in nats per row.

    Attributes
    ----------
    beta : float
        Weight of the divergence.

    kl_warmup : int
        Epochs over which it rises from zero while training.

    free_bits : float
        Nats of divergence that cost nothing, of each component's mean over a batch.

    noise_variance : float or None
        Of the normal likelihood; None learns it.

    n_features : int
        How many columns the likelihood is of.

    has_softmax : bool
        Whether categories of mixed tables have a likelihood of their own, and missing
        cells none. In files of the first versions they have not.
    """

    beta: float = 1.0
    kl_warmup: int = 0
    free_bits: float = 0.0
    noise_variance: float | None = None
    n_features: int = 1
    has_softmax: bool = False

    network_fields: ClassVar[tuple] = ("loss", "noise_variance")
    rotates: ClassVar[bool] = False
    needs_rows: ClassVar[bool] = True

    @property
    def counts_cells(self):
        return self.is_normal and self.has_softmax

    @property
    def stands_side_by_side(self):
        return self.is_normal

    @property
    def is_normal(self):
        """Whether the likelihood is normal; else it is Bernoulli's."""
        return self.loss == "squared_error"

    def build(self, parts, blueprint):
        """Return an encoder to means and log-variances, and the decoder."""
        encoder, decoder = parts(blueprint.n_components)
        if blueprint.own_code_size is None:
            return parts(2 * blueprint.n_components)[0], decoder
        log_var, _ = parts(blueprint.n_components)
        return GaussianEncoder(encoder, log_var), decoder

    def adjust_start(self, start):
        if self.is_normal and self.noise_variance is not None:
            start = replace(start, noise_variance=self.noise_variance)
        elif self.counts_cells:  # columns that are read alone have no noise
            n_axes, n_columns = start.axes_in.shape
            ratio = max(1, n_columns - n_axes) / max(1, self.n_features - n_axes)
            start = replace(start, noise_variance=start.noise_variance * ratio)
        return probabilistic_start(start)

    def network(self, encoder, decoder, *, start, table, **options):
        learns_noise = self.is_normal and self.noise_variance is None
        network = VariationalNetwork(
            encoder,
            decoder,
            is_normal=self.is_normal,
            learns_noise=learns_noise,
            **options,
        )
        if self.is_normal:
            variance = self.noise_variance
            if start is not None:
                variance = start.noise_variance
            elif learns_noise:
                variance = float(np.mean(table.moments.scale**2))
            network.set_noise_variance(variance)
        return network

    def criterion(self, network):
        return VariationalLoss(self, network)

    def report(self, network, table):
        """Return the active units of up to 10000 rows and the likelihood's variance."""
        rows = table.spread(SUMMARY_ROWS)
        Z = encode(network, rows)
        variance = rows.mean((Z - rows.mean(Z)) ** 2)
        return {
            "kl_warmup": self.kl_warmup,
            "active_units": np.flatnonzero(variance > ACTIVE),
            "noise_variance": network.noise_variance,
        }


class GaussianEncoder(nn.Module):
    """Two encoders side by side: the mean and the log-variance of the codes."""

    def __init__(self, mean, log_var):
        super().__init__()
        self.mean = mean
        self.log_var = log_var

    def forward(self, X):
        return torch.cat([self.mean(X), self.log_var(X)], dim=-1)


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
        dtype = next(encoder.parameters()).dtype
        log_variance = torch.zeros((), dtype=dtype) if is_normal else None
        if learns_noise:
            self.log_noise_variance = nn.Parameter(log_variance)
        else:
            self.register_buffer("log_noise_variance", log_variance)

    def set_noise_variance(self, variance):
        """Set the variance of the likelihood, in the units of X squared."""
        with torch.no_grad():
            share = max(variance / self._noise_unit, SMALLEST)
            self.log_noise_variance.fill_(math.log(share))

    @property
    def noise_variance(self):
        """The variance of the likelihood, in the units of X squared, or None."""
        if self.log_noise_variance is None:
            return None
        return math.exp(self.bounded_noise.item()) * self._noise_unit

    @property
    def _noise_unit(self):
        is_standardised = self.output_activation.function == "identity"
        if self.scale is None or not is_standardised:
            return 1.0
        return _mean_square(self.scale)

    @property
    def bounded_noise(self):
        """The logarithm of the noise variance, which a perfect fit does not lower."""
        if self.log_noise_variance is None:
            return None
        return self.log_noise_variance.clamp(min=math.log(SMALLEST))

    def propagate(self, U):
        """Return the decoder's raw output and the posterior of standardised rows."""
        mean, log_var = self.gaussian(self.corruption(U))
        Z = self.reparameterisation(mean, log_var)
        return self.decode_standardised(Z), mean, log_var, self.bounded_noise

    def gaussian(self, U):
        """Return the mean and the log-variance of the codes of standardised rows."""
        mean, log_var = self.encoder(U).chunk(2, dim=-1)
        return mean, log_var.clamp(-LARGEST_LOG_VAR, LARGEST_LOG_VAR)

    def encode_standardised(self, U):
        """Return the posterior means of standardised rows."""
        return self.gaussian(U)[0]

    @one_row_or_many
    def posterior(self, X):
        """Return means and standard deviations side by side."""
        mean, log_var = self.gaussian(self.standardise(X))
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


class VariationalLoss(ReconstructionLoss):
    """The negative evidence lower bound of a `Variational` objective, in nats per row.

    Takes the output of a `VariationalNetwork`. While training, the weight of the
    divergence rises over the epochs of the warm-up.
    """

    def __init__(self, objective, autoencoder):
        super().__init__(objective.loss, autoencoder)
        unit, scale, self.likelihood = self.unit, autoencoder.scale, None
        if self.cells is not None:
            dtype = next(autoencoder.parameters()).dtype
            self.likelihood = CellLikelihood(autoencoder.shares, scale, dtype)
            unit = 1.0 if scale is None else scale.square().mean(dim=-1)
            unit = torch.where(torch.as_tensor(unit) > 0, unit, 1.0)
        self.log_variance_unit = torch.as_tensor(unit, dtype=torch.float64).log()
        self.unit = objective.n_features  # minimised is the mean over the cells
        self.n_warm_up = objective.kl_warmup
        self.beta = objective.beta
        self.free_bits = objective.free_bits
        self.warmth = 1.0

    def begin_epoch(self, epoch):
        """Set the weight of the divergence for an epoch, counted from zero."""
        self.warmth = min(1.0, epoch / self.n_warm_up) if self.n_warm_up else 1.0

    def per_row(self, output, U, sample_weight=None):
        """Return one loss per row."""
        X_hat, mean, log_var, log_noise_variance = output
        if self.likelihood is not None:
            squares, nats, n_numbers = self.likelihood(X_hat.to(U.dtype), U)
            log_variance = log_noise_variance + self.log_variance_unit
            n_logs = n_numbers * (log_variance + math.log(2 * math.pi))
            squares = squares * (-log_noise_variance).exp()
            cells = (0.5 * (squares + n_logs) + nats) / self.unit
        else:
            cells = super().per_row(X_hat, U)
            if log_noise_variance is not None:
                log_variance = log_noise_variance + self.log_variance_unit
                cells = cells * (-log_noise_variance).exp() + log_variance
                cells = 0.5 * (cells + math.log(2 * math.pi))
        divergence = gaussian_kl(mean.to(U.dtype), log_var.to(U.dtype))
        if self.free_bits > 0:
            mean = divergence.mean(dim=-2, keepdim=True)
            divergence = mean.clamp(min=self.free_bits)
        warmth = self.warmth if self.training else 1.0
        is_plain = self.likelihood is None and self.observed is None
        n_columns = U.shape[-1] if is_plain else self.unit
        return cells + warmth * self.beta / n_columns * divergence.sum(dim=-1)


def gaussian_kl(mean, log_var):
    """Return KL(N(mean, exp(log_var)) || N(0, 1)) in nats, of each entry."""
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var)


def _mean_square(scale):
    return float(scale.square().mean()) or 1.0
