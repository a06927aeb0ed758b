"""The reconstruction of rows, by a loss in the units of X; others add to it."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from ..networks._autoencoder import Autoencoder
from ._cells import CellLoss, ObservedCells, WeightedSquares
from ._criterion import Criterion

ELEMENTWISE = {
    "squared_error": lambda X_hat, X: (X_hat - X).square(),
    "absolute_error": lambda X_hat, X: (X_hat - X).abs(),
    "huber": lambda X_hat, X: F.huber_loss(X_hat, X, reduction="none"),
    "binary_cross_entropy": lambda X_hat, X: F.binary_cross_entropy(
        X_hat, X, reduction="none"
    ),
}


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


@dataclass(frozen=True)
class Reconstruction:
    """The mean reconstruction loss.

    Attributes
    ----------
    loss : str or callable
        See `ReconstructionLoss`.

    network_fields : tuple of str
        Fields that the network depends on: it cannot go on with others.

    rotates : bool
        Whether a rotation of the codes leaves the loss what it is.

    has_noise : bool
        Whether rows are corrupted: the loss without that is then recorded as well.

    needs_rows : bool
        Whether a new network depends on the rows that it is to be trained on.

    counts_cells : bool
        Whether cells of mixed tables are counted as `CellLoss` does.
    """

    loss: object = "squared_error"

    network_fields: ClassVar[tuple] = ()
    rotates: ClassVar[bool] = True
    has_noise: ClassVar[bool] = False
    needs_rows: ClassVar[bool] = False

    @property
    def counts_cells(self):
        return self.loss == "squared_error"

    @property
    def is_plain(self):
        """Whether nothing but the squared error of the reconstruction is minimised."""
        return type(self) is Reconstruction and self.loss == "squared_error"

    @property
    def stands_side_by_side(self):
        """Whether networks of several folds can be trained as one."""
        return type(self) is Reconstruction

    def build(self, parts, blueprint):
        """Return the encoder and the decoder of a `Blueprint`.

        `parts` takes the number of the encoder's outputs and returns new ones.
        """
        return parts(blueprint.n_components)

    def adjust_start(self, start):
        """Return PCA, a `Start`, as it is for this objective."""
        return start

    def network(self, encoder, decoder, *, start, table, **options):
        """Return the `Autoencoder` of an encoder and a decoder.

        `start` is what it starts as, or None, and `table` what it is trained on.
        """
        return Autoencoder(encoder, decoder, **options)

    def adapt(self, network, table, blocks=None):
        """Change in a network, in place, what depends on the rows of each fit.

        `blocks` are the columns of a mixed table that they encode, see `Shares`.
        """

    def criterion(self, network):
        """Return the `Criterion` for a network."""
        return ReconstructionLoss(self.loss, network)

    def report(self, network, table):
        """Return the attributes that a fitted estimator has beside the usual ones."""
        return {}


class ReconstructionLoss(Criterion):
    """Mean over rows and columns of a loss between the output and the input.

    Parameters
    ----------
    loss : str or callable
        A key of `ELEMENTWISE`, or a function of (X_hat, X), both of shape
        (n_samples, n_features) and in the units of the data, that returns one loss
        per cell (n_samples, n_features) or per row (n_samples,).

    autoencoder : Autoencoder
        Whose outputs are judged. Only its mean, scale, output activation, prefix and
        shares are read.

    `unit` is the factor between what training minimises and the loss in the units of
    the data: squared errors are divided by the mean variance of the columns, so that
    float32 holds them whatever the units. Of several networks side by side it is a
    tensor of shape (n_networks, 1). A mixed table's loss is a `CellLoss`, with its own.
    """

    def __init__(self, loss, autoencoder):
        super().__init__()
        self.loss = loss
        self.output_activation = autoencoder.output_activation
        column_weight, mean, scale = None, autoencoder.mean, autoencoder.scale
        self.scale_output = autoencoder.scale_output
        activation = self.output_activation.function
        self._squared = loss == "squared_error" and activation == "identity"
        self._logits = loss == "binary_cross_entropy" and activation == "sigmoid"
        self.cells = self.observed = None
        dtype = next(autoencoder.parameters()).dtype
        if autoencoder.shares is not None and self._squared:
            self.cells = CellLoss(autoencoder.shares, scale, dtype)
            self.unit = self.cells.unit
        elif autoencoder.shares is not None:
            self.observed = ObservedCells(autoencoder.shares, scale, dtype)
        elif self._squared and scale is not None:
            tiny = torch.finfo(scale.dtype).tiny
            largest = scale.amax(dim=-1, keepdim=True).clamp(min=tiny)
            variance = (scale / largest).square()
            unit = (variance.mean(dim=-1, keepdim=True) * largest.square()).squeeze(-1)
            unit = torch.where(unit > 0, unit, 1.0)
            self.unit = unit if unit.ndim else float(unit)
            total = variance.sum(dim=-1, keepdim=True).clamp(min=tiny)
            column_weight = (variance / total).to(dtype)
        self.register_buffer("column_weight", column_weight)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        prefix = autoencoder.prefix
        self.register_buffer("size_weight", None if prefix is None else prefix.weight)

    def per_row(self, output, U, sample_weight=None):
        """Return one loss per row for raw outputs and standardised inputs.

        Where outputs come several times, with some of the codes, it is a mean.
        """
        if self.size_weight is None or output.shape == U.shape:
            return self._per_output(output, U)
        n_passes = output.shape[-2] // U.shape[-2]
        U = U.repeat(*[1] * (U.ndim - 2), n_passes, 1)
        losses = self._per_output(output, U).unflatten(-1, (n_passes, -1))
        weight = self.size_weight
        weight = weight if weight.ndim == 1 else weight.squeeze(-2)
        return (losses * weight.unsqueeze(-1)).sum(dim=-2)

    def _per_output(self, output, U):
        output = output.to(U.dtype)
        if self.cells is not None:
            return self.cells(output, U)
        if self._squared:
            if self.column_weight is None:
                return (output - U).square().mean(dim=1)
            return WeightedSquares.apply(output, U, self.column_weight)
        X = self._restore_units(U)
        if self._logits:
            if self.observed is None:
                return _CrossEntropy.apply(output, X) / X.shape[1]
            logits, X = self.observed.of(output), self.observed.of(X)
            cells = F.binary_cross_entropy_with_logits(logits, X, reduction="none")
            return self.observed.weighted(cells, U).mean(dim=1)
        X_hat = self.output_activation(output)
        if self.scale_output:
            X_hat = (X_hat * self.scale + self.mean).to(U.dtype)
        loss = self.loss if callable(self.loss) else ELEMENTWISE[self.loss]
        if self.observed is not None:
            X_hat, X = self.observed.of(X_hat), self.observed.of(X)
        cells = loss(X_hat, X)
        _check_shape(cells, X, self.loss)
        if self.observed is not None and cells.ndim == 2:
            cells = self.observed.weighted(cells, U)
        return cells.mean(dim=1) if cells.ndim == 2 else cells

    def _restore_units(self, U):
        if self.mean is None:
            return U
        if self._logits:  # nothing to lose between 0 and 1
            return torch.addcmul(self.mean.to(U), U, self.scale.to(U))
        return (U * self.scale + self.mean).to(U.dtype)


def _check_shape(cells, X, loss):
    if not isinstance(cells, torch.Tensor):
        raise TypeError(
            f"loss={loss!r} returned {type(cells).__name__}: it should compute with "
            "torch and return a tensor, one loss per cell or one per row."
        )
    found = tuple(getattr(cells, "shape", ()))
    if found not in (tuple(X.shape), (len(X),)):
        raise ValueError(
            f"loss={loss!r} returned shape {found} for rows of shape {tuple(X.shape)}: "
            "it should return one loss per cell or one per row."
        )
