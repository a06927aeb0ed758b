"""Reconstruction losses, in the units of X, and the penalty on the weights."""

import math

import torch
from torch import nn
from torch.nn import functional as F

ELEMENTWISE = {
    "squared_error": lambda X_hat, X: (X_hat - X).square(),
    "absolute_error": lambda X_hat, X: (X_hat - X).abs(),
    "huber": lambda X_hat, X: F.huber_loss(X_hat, X, reduction="none"),
    "binary_cross_entropy": lambda X_hat, X: F.binary_cross_entropy(
        X_hat, X, reduction="none"
    ),
}

# What the second output of a `TopKNetwork` counts (Gao et al., 2024, use 1/32).
WAKING_WEIGHT = 1 / 32


class _WeightedSquares(torch.autograd.Function):
    """Rows' sums of weighted squared differences, in fewer passes than autograd's."""

    @staticmethod
    def forward(ctx, output, U, column_weight):
        residual = output - U
        weighted = residual * column_weight
        ctx.save_for_backward(weighted)
        return torch.linalg.vecdot(residual, weighted)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        (weighted,) = ctx.saved_tensors
        return weighted * (2 * gradient)[:, None], None, None


class _CrossEntropy(torch.autograd.Function):
    """Rows' sums of cross-entropies between targets and logits, in fewer passes."""

    @staticmethod
    def forward(ctx, logits, X):
        share = logits.sigmoid()
        # -log(1 - share) = max(logit, 0) - log(larger), with fewer logarithms: each of
        # a product of four.
        larger = (share - 0.5).abs_().add_(0.5)
        for _ in range(2):
            larger, other = larger.tensor_split(2, dim=1)
            larger = larger.contiguous()
            larger[:, : other.shape[1]].mul_(other)
        losses = logits.relu().sum(dim=1) - larger.log().sum(dim=1)
        losses -= torch.linalg.vecdot(logits, X)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(share.sub_(X))
        return losses

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        (slope,) = ctx.saved_tensors
        return slope * gradient[:, None], None


class ReconstructionLoss(nn.Module):
    """Mean over rows and columns of a loss between the output and the input.

    Parameters
    ----------
    loss : str or callable
        A key of `ELEMENTWISE`, or a function of (X_hat, X), both of shape
        (n_samples, n_features) and in the units of the data, that returns one loss
        per cell (n_samples, n_features) or per row (n_samples,).

    autoencoder : Autoencoder
        Whose outputs are judged. Only its mean, scale and output activation are read.

    `unit` is the factor between what training minimises and the loss in the units of
    the data: squared errors are divided by the mean variance of the columns, so that
    float32 holds them whatever the units.
    """

    def __init__(self, loss, autoencoder):
        super().__init__()
        self.loss = loss
        self.output_activation = autoencoder.output_activation
        self.unit = 1.0
        column_weight, mean, scale = None, autoencoder.mean, autoencoder.scale
        self.scale_output = autoencoder.scale_output
        self._squared = (
            loss == "squared_error" and self.output_activation.function == "identity"
        )
        self._logits = (
            loss == "binary_cross_entropy"
            and self.output_activation.function == "sigmoid"
        )
        if self._squared and scale is not None:
            largest = scale.max().clamp(min=torch.finfo(scale.dtype).tiny)
            variance = (scale / largest).square()
            self.unit = float(variance.mean() * largest.square()) or 1.0
            dtype = next(autoencoder.parameters()).dtype
            column_weight = (variance / variance.sum().clamp(min=1e-300)).to(dtype)
        self.register_buffer("column_weight", column_weight)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def per_row(self, output, U):
        """Return one loss per row for raw outputs and standardised inputs.

        A network may return a tuple whose first item is the output.
        """
        if isinstance(output, tuple):
            output = output[0]
        output = output.to(U.dtype)
        if self._squared:
            if self.column_weight is None:
                return (output - U).square().mean(dim=1)
            return _WeightedSquares.apply(output, U, self.column_weight)
        X = self._restore_units(U)
        if self._logits:
            return _CrossEntropy.apply(output, X) / X.shape[1]
        X_hat = self.output_activation(output)
        if self.scale_output:
            X_hat = (X_hat * self.scale + self.mean).to(U.dtype)
        loss = self.loss if callable(self.loss) else ELEMENTWISE[self.loss]
        cells = loss(X_hat, X)
        _check_shape(cells, X, self.loss)
        return cells.mean(dim=1) if cells.ndim == 2 else cells

    def _restore_units(self, U):
        if self.mean is None:
            return U
        if self._logits:  # nothing to lose between 0 and 1
            return torch.addcmul(self.mean.to(U), U, self.scale.to(U))
        return (U * self.scale + self.mean).to(U.dtype)

    def forward(self, output, U, sample_weight=None):
        """Return the mean loss of a batch, a scalar."""
        rows = self.per_row(output, U)
        if sample_weight is None:
            return rows.mean()
        return (rows * sample_weight).mean()


def _check_shape(cells, X, loss):
    found = tuple(getattr(cells, "shape", ()))
    if found not in (tuple(X.shape), (len(X),)):
        raise ValueError(
            f"loss={loss!r} returned shape {found} for rows of shape {tuple(X.shape)}: "
            "it should return one loss per cell or one per row."
        )


class SparseLoss(ReconstructionLoss):
    """A reconstruction loss plus what it costs a code to be active.

    Takes the output of a `SparseNetwork`.

    Parameters
    ----------
    sparsity : {"l1", "kl", "top_k"}
        "l1" sums the absolute values of a row's code. "kl" sums over the units the
        divergence KL(rho || rate), in nats, of a unit's mean activation over the batch
        from the target. "top_k" costs nothing.

    weight : float
        Of the penalty.

    rho : float
        Target of "kl".
    """

    def __init__(self, loss, autoencoder, *, sparsity, weight, rho):
        super().__init__(loss, autoencoder)
        self.sparsity = sparsity
        self.weight = weight
        self.rho = rho

    def per_row(self, output, U, sample_weight=None):
        """Return one loss per row; "kl" is the same for all rows of a batch."""
        X_hat, Z, *second = output
        rows = super().per_row(X_hat, U)
        for X_woken in second:
            rows = rows + WAKING_WEIGHT * super().per_row(X_woken, U)
        if self.sparsity == "top_k":
            return rows
        if self.sparsity == "l1":
            return rows + self.weight * Z.abs().sum(dim=1)
        return rows + self.weight * kl_penalty(Z.to(U.dtype), self.rho, sample_weight)

    def forward(self, output, U, sample_weight=None):
        """Return the mean loss of a batch, a scalar."""
        rows = self.per_row(output, U, sample_weight)
        return rows.mean() if sample_weight is None else (rows * sample_weight).mean()


def kl_penalty(Z, rho, sample_weight=None):
    """Return the sum over units of KL(rho || their mean activation), a scalar."""
    if sample_weight is None:
        rate = Z.mean(dim=0)
    else:
        rate = sample_weight @ Z / sample_weight.sum()
    rate = rate.clamp(1e-6, 1 - 1e-6)
    on, off = rho * (rho / rate).log(), (1 - rho) * ((1 - rho) / (1 - rate)).log()
    return (on + off).sum()


class ContractiveLoss(ReconstructionLoss):
    """A reconstruction loss plus `contraction` times the encoder's squared slope.

    Takes the output of a `ContractiveNetwork`.
    """

    def __init__(self, loss, autoencoder, *, contraction):
        super().__init__(loss, autoencoder)
        self.contraction = contraction

    def per_row(self, output, U):
        """Return one loss per row."""
        X_hat, squared_norms = output
        rows = super().per_row(X_hat, U)
        return rows + self.contraction * squared_norms.to(U.dtype)


class VariationalLoss(ReconstructionLoss):
    """The negative evidence lower bound with a weighted divergence, in nats per row.

    Takes the output of a `VariationalNetwork`. While training, the weight `beta` of the
    divergence rises from zero over the first `kl_warmup` epochs, and components whose
    mean divergence over a batch is less than `free_bits` nats are not pressed further.
    """

    def __init__(self, loss, autoencoder, *, n_features, beta, kl_warmup, free_bits):
        super().__init__(loss, autoencoder)
        self.log_variance_unit = math.log(self.unit)
        self.unit = n_features  # minimised is the mean over the cells
        self.beta = beta
        self.kl_warmup = kl_warmup
        self.free_bits = free_bits
        self.warmth = 1.0

    def begin_epoch(self, epoch):
        """Set the weight of the divergence for an epoch, counted from zero."""
        self.warmth = min(1.0, epoch / self.kl_warmup) if self.kl_warmup else 1.0

    def per_row(self, output, U):
        """Return one loss per row."""
        _, mean, log_var, log_noise_variance = output
        cells = super().per_row(output, U)
        if log_noise_variance is not None:
            log_variance = log_noise_variance + self.log_variance_unit
            cells = cells * (-log_noise_variance).exp() + log_variance
            cells = 0.5 * (cells + math.log(2 * math.pi))
        divergence = gaussian_kl(mean.to(U.dtype), log_var.to(U.dtype))
        return cells + self._divergence(divergence) / U.shape[1]

    def _divergence(self, divergence):
        if not self.training:
            return self.beta * divergence.sum(dim=1)
        if self.free_bits > 0:
            divergence = divergence.mean(dim=0, keepdim=True).clamp(min=self.free_bits)
        return self.warmth * self.beta * divergence.sum(dim=1)


def gaussian_kl(mean, log_var):
    """Return KL(N(mean, exp(log_var)) || N(0, 1)) in nats, of each entry."""
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var)


def weight_penalty(weights, alpha, l1_ratio):
    """Return alpha (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|^2), as in ElasticNet."""
    penalty = 0.0
    for weight in weights:
        if l1_ratio > 0:
            penalty = penalty + alpha * l1_ratio * weight.abs().sum()
        if l1_ratio < 1:
            penalty = penalty + alpha * (1 - l1_ratio) / 2 * weight.square().sum()
    return penalty
