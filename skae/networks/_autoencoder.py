"""The autoencoder: a standardised encoder and decoder, and its PCA-anchored form."""

from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional as F

from ._layers import Activation
from ._network import Network, one_row_or_many
from ._shares import Shares


class Anchored(nn.Module):
    """A linear map plus a network that corrects it: linear(x) + network(x)."""

    def __init__(self, linear, network):
        super().__init__()
        self.linear = linear
        self.network = network

    def forward(self, X):
        return self.linear(X) + self.network(X)


class _Clamp(torch.autograd.Function):
    """Clamps values but not gradients: what lies outside can still be drawn in."""

    @staticmethod
    def forward(ctx, X, lower, upper):
        return X.clamp(lower, upper)

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None, None


class Autoencoder(Network):
    """An encoder and a decoder with all that lies between them and the user's units.

    `propagate` takes standardised columns and returns the decoder's output before the
    output activation. `encode`, `decode` and `forward` work in the units of X.

    Parameters
    ----------
    encoder, decoder : nn.Module
        Map (n_samples, n_features) to (n_samples, n_components) and back.

    code_activation, output_activation : str or callable
        See `skae.networks._layers.Activation`.

    mean, scale : Tensor of shape (n_features,) or None
        The columns are standardised by these before the encoder and brought back
        after the decoder. A column of scale 0 is constant: it encodes to 0 and decodes
        to its mean. None leaves the columns alone.

    code_scale : Tensor of shape (n_components,) or None
        Units of the encoder's outputs in the units of X, where they have any.

    scale_output : bool
        False if the output activation already ends in the units of X.

    corruption : nn.Module or None
        Changes standardised rows while training; the identity in evaluation mode.

    prefix : Prefix or None
        Leaves codes out while training, where these are ordered.
    """

    def __init__(
        self,
        encoder,
        decoder,
        *,
        code_activation="identity",
        output_activation="identity",
        mean=None,
        scale=None,
        code_scale=None,
        scale_output=True,
        corruption=None,
        prefix=None,
    ):
        super().__init__()
        self.corruption = nn.Identity() if corruption is None else corruption
        self.encoder = encoder
        self.decoder = decoder
        self.prefix = prefix
        self.code_activation = Activation(code_activation)
        self.output_activation = Activation(output_activation)
        self.scale_input = scale is not None
        self.scale_output = scale_output and scale is not None
        self.standardise_by(mean, scale)
        self.register_buffer("code_scale", code_scale)
        self.shares = None
        self.register_buffer("row_mean", None)
        self.set_rotation(None, None)
        self.set_limits(None)

    def standardise_by(self, mean, scale):
        """Standardise columns by these from now on, and bring them back."""
        self.register_buffer("mean", mean)
        inverse_scale = None if scale is None else _inverse_or_zero(scale)
        self.register_buffer("scale", scale)
        self.register_buffer("inverse_scale", inverse_scale)

    def set_limits(self, limits):
        """Clamp reconstructions from now on.

        `limits` has shape (2, n_features): the lowest and the highest value of each
        column, in the units of X and finite; None for none, and for no softmax.
        """
        self.register_buffer("limits", limits)
        standardised = None
        if limits is not None:
            dtype = next(self.parameters()).dtype
            largest = torch.finfo(dtype).max
            if self.scale is not None:
                limits = (limits - self.mean) * self.inverse_scale
            standardised = limits.clamp(-largest, largest).to(dtype)
        self.register_buffer("standardised_limits", standardised)
        if self.shares is not None:
            self.shares.is_linked = limits is not None

    def set_blocks(self, blocks, mean=None):
        """Take outputs for shares of categories from now on, as `Shares` has them.

        `blocks` are the columns of a mixed table. `mean` is that of encoded rows, where
        these are not standardised. Without limits nothing changes.
        """
        if self.mean is None and mean is not None:
            self.register_buffer("row_mean", mean)
        mean = self.row_mean if self.mean is None else self.mean
        self.shares = Shares(blocks, mean, self.scale)
        self.shares.is_linked = self.limits is not None

    @contextmanager
    def without_limits(self):
        """Leave outputs as they are within the block, as PCA itself does."""
        limits, self.limits = self.limits, None
        if self.shares is not None:
            self.shares.is_linked = False
        try:
            yield
        finally:
            self.limits = limits
            if self.shares is not None:
                self.shares.is_linked = limits is not None

    def set_rotation(self, rotation, offset):
        """Report codes as (Z - offset) rotation^T from now on; decode inverts it.

        `rotation` is any invertible (n_components, n_components) matrix. It is kept
        beside the network, not folded into its weights: these stay well conditioned
        for further training.
        """
        inverse = None if rotation is None else torch.linalg.inv(rotation)
        self.register_buffer("rotation", rotation)
        self.register_buffer("inverse_rotation", inverse)
        self.register_buffer("code_offset", offset)
        shift = None if rotation is None else -rotation @ offset
        self.register_buffer("rotation_bias", shift)

    def propagate(self, U):
        """Return the decoder's raw output for standardised rows."""
        Z = self.encode_standardised(self.corruption(U))
        if self.prefix is not None:
            Z = self.prefix(Z)
        return self.decode_standardised(Z)

    def encode_standardised(self, U):
        """Return the codes of standardised rows, before any rotation."""
        return self.code_activation(self.encoder(U))

    def decode_standardised(self, Z):
        """Return the decoder's raw output within its limits."""
        output = self.decoder(Z)
        if self.limits is None:
            return output
        lower, upper = self.standardised_limits
        return _Clamp.apply(output.to(lower.dtype), lower, upper)

    def standardise(self, X):
        """Return X as the encoder takes it."""
        if not self.scale_input:
            return X
        return ((X - self.mean) * self.inverse_scale).to(X.dtype)

    def restore_units(self, output):
        """Return the decoder's raw output in the units of X."""
        X = self.output_activation(output)
        if self.scale_output:
            X = (X * self.scale + self.mean).to(X.dtype)
        if self.limits is None:
            return X
        lower, upper = self.limits.to(X.dtype)
        X = X.clamp(lower, upper)
        return X if self.shares is None else self.shares(X)

    def rotate(self, Z):
        """Return the encoder's codes as they are reported."""
        if self.rotation is None:
            return Z
        dtype = Z.dtype
        return F.linear(Z, self.rotation.to(dtype), self.rotation_bias.to(dtype))

    def unrotate(self, Z):
        """Return reported codes as the decoder takes them."""
        if self.rotation is None:
            return Z
        dtype = Z.dtype
        return F.linear(Z, self.inverse_rotation.to(dtype), self.code_offset.to(dtype))

    @one_row_or_many
    def encode(self, X):
        """Return codes of shape (n_samples, n_components)."""
        return self.rotate(self.encode_standardised(self.standardise(X)))

    @one_row_or_many
    def decode(self, Z):
        """Return rows of shape (n_samples, n_features) in the units of X."""
        return self.restore_units(self.decoder(self.unrotate(Z)))

    @one_row_or_many
    def forward(self, X):
        """Return the reconstruction of rows in the units of X."""
        return self.restore_units(
            self.decoder(self.encode_standardised(self.standardise(X)))
        )


def _inverse_or_zero(scale):
    return torch.where(scale > 0, 1 / scale, torch.zeros_like(scale))
