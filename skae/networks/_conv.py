"""Convolutional encoders and decoders of flat rows.

A series is an image of height 1: with ``step=(1, 2)`` only its length is halved.
Tensors are kept in the channels-last format, which halves the time of a step on a CPU.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from ._layers import Activation, linear

CHANNELS_LAST = torch.channels_last


class ToImage(nn.Module):
    """Turns flat rows into images of shape (n_channels, height, width).

    `pixelwise` says that the channels of a pixel stand side by side in a row.
    """

    def __init__(self, shape, pixelwise=False):
        super().__init__()
        self.shape = tuple(shape)
        self.pixelwise = pixelwise

    def forward(self, X):
        n_channels, *size = self.shape
        if self.pixelwise:
            return X.reshape(-1, *size, n_channels).movedim(-1, 1)
        # channels last, in a way that torch.func can follow
        images = X.reshape(-1, *self.shape).movedim(1, -1).contiguous()
        return images.movedim(-1, 1)

    def extra_repr(self):
        return f"shape={self.shape}, pixelwise={self.pixelwise}"


class ToRow(nn.Module):
    """Turns images into flat rows in which the channels of a pixel are side by side."""

    def forward(self, X):
        return X.movedim(1, -1).flatten(1)


class Upsample(nn.Module):
    """Repeats pixels and crops, to an image of some (height, width)."""

    def __init__(self, size):
        super().__init__()
        self.size = tuple(size)

    def forward(self, X):
        return F.interpolate(X, size=self.size, mode="nearest")

    def extra_repr(self):
        return f"size={self.size}"


class ConvNetwork:
    """The layers of a convolutional encoder and of the decoder that mirrors it.

    Parameters
    ----------
    shape : tuple (n_channels, height, width)
        Of an image.

    channels : tuple of int
        Channels of the feature maps, input side first. After each map the image is
        smaller by `step`, sizes that do not divide are rounded up.

    kernel_size : tuple (height, width)
        Odd numbers.

    step : tuple (height, width)
        (2, 2), or (1, 2) for series.

    downsampling : {"max_pool", "avg_pool", "stride"}

    upsampling : {"nearest", "transposed"}

    activation : str or callable

    generator : torch.Generator
        Source of the initial weights.

    pixelwise : bool
        Whether the channels of a pixel stand side by side in a row.
    """

    def __init__(
        self,
        shape,
        channels,
        *,
        kernel_size,
        step,
        downsampling,
        upsampling,
        activation,
        generator,
        pixelwise=False,
    ):
        self.shape = tuple(shape)
        self.channels = tuple(channels)
        self.kernel_size = kernel_size
        self.step = step
        self.downsampling = downsampling
        self.upsampling = upsampling
        self.activation = activation
        self.generator = generator
        self.pixelwise = pixelwise
        self.sizes = map_sizes(self.shape[1:], len(self.channels), step)
        self.code_shape = (self.channels[-1], *self.sizes[-1])

    def encoder(self, n_components=None):
        """Return the encoder: to the last feature map, or on to `n_components`."""
        layers = [ToImage(self.shape, self.pixelwise)]
        n_in = self.shape[0]
        for n_out in self.channels:
            layers += [*self._down(n_in, n_out), Activation(self.activation)]
            n_in = n_out
        if n_components is None:
            return nn.Sequential(*layers[:-1], nn.Flatten())
        width = math.prod(self.code_shape)
        code = linear(width, n_components, self.generator)
        return nn.Sequential(*layers, nn.Flatten(), code)

    def decoder(self, n_components=None):
        """Return the decoder, from the last feature map or from `n_components`."""
        layers = []
        if n_components is not None:
            width = math.prod(self.code_shape)
            layers.append(linear(n_components, width, self.generator))
            layers.append(Activation(self.activation))
        layers.append(ToImage(self.code_shape))
        n_in = self.channels[-1]
        sizes = self.sizes[::-1]
        for n_out, small, large in zip(
            self.channels[::-1], sizes[:-1], sizes[1:], strict=True
        ):
            layers += self._up(n_in, n_out, small, large)
            n_in = n_out
        to_row = ToRow() if self.pixelwise else nn.Flatten()
        layers += [self._convolution(n_in, self.shape[0]), to_row]
        return nn.Sequential(*layers)

    def _down(self, n_in, n_out):
        if self.downsampling == "stride":
            return [self._convolution(n_in, n_out, stride=self.step)]
        pool = nn.MaxPool2d if self.downsampling == "max_pool" else nn.AvgPool2d
        layer = self._convolution(n_in, n_out)
        return [layer, pool(self.step, ceil_mode=True)]

    def _up(self, n_in, n_out, small, large):
        activation = Activation(self.activation)
        if self.upsampling == "nearest":
            # The same as after upsampling, on a quarter of the cells.
            layer = self._convolution(n_in, n_out)
            return [layer, activation, Upsample(large)]
        shortfall = tuple(
            n - (step * (m - 1) + 1)
            for m, n, step in zip(small, large, self.step, strict=True)
        )
        layer = self._convolution(
            n_in,
            n_out,
            kind=nn.ConvTranspose2d,
            stride=self.step,
            output_padding=shortfall,
        )
        return [layer, activation]

    def _convolution(self, n_in, n_out, *, kind=nn.Conv2d, **options):
        """Return a layer with Glorot-uniform weights and zero biases."""
        padding = tuple(k // 2 for k in self.kernel_size)
        layer = nn.utils.skip_init(
            kind,
            n_in,
            n_out,
            self.kernel_size,
            padding=padding,
            dtype=torch.float32,
            **options,
        )
        nn.init.xavier_uniform_(layer.weight, generator=self.generator)
        nn.init.zeros_(layer.bias)
        return layer.to(memory_format=CHANNELS_LAST)


def map_sizes(size, n_maps, step):
    """Return the (height, width) of an image and of each feature map made of it."""
    sizes = [tuple(size)]
    for _ in range(n_maps):
        sizes.append(tuple(-(-n // s) for n, s in zip(sizes[-1], step, strict=True)))
    return sizes
