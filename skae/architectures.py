"""Architectures: parameter objects that build an encoder and a decoder.

An architecture is any object with ``get_params``, ``set_params`` and a method
``build(n_features, n_components, generator)`` that returns two torch modules: one maps
(n_samples, n_features) to (n_samples, n_components), the other back. Both end in a
linear layer: the estimator adds the code's and the output's activation itself.

Two more things are read where an architecture has them:

- ``code_size(n_features)`` returns the number of components if it follows from the
  architecture, or None if it is the estimator's ``n_components``;
- ``uses_generator = True`` says that all random numbers of ``build`` come from
  `generator`. Otherwise the global generators are seeded while it runs, and afterwards
  have the state that they had before.

:class:`Custom` is the shortest way to networks of your own; a subclass of
:class:`sklearn.base.BaseEstimator` with a ``build`` is the one whose parameters can be
searched.
"""

import math
from collections.abc import Iterable
from numbers import Integral

from sklearn.base import BaseEstimator

from . import networks

DOWNSAMPLING = ("max_pool", "avg_pool", "stride")
UPSAMPLING = ("nearest", "transposed")
CODES = ("vector", "map")
COMMON_CHANNELS = (1, 3, 4)  # of a picture: grey, colour, colour and opacity


class Dense(BaseEstimator):
    """Fully connected layers; the decoder mirrors the encoder.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=()
        Widths of the encoder's hidden layers, input side first.

    activation : str or callable, default="silu"
        Name in torch.nn.functional, or a function of a tensor.

    dropout : float, default=0.0
        Share of hidden units set to zero at each training step.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.architectures import Dense
    >>> X = load_iris().data
    >>> autoencoder = AutoencoderTransformer(architecture=Dense((16, 8)), max_iter=5)
    >>> autoencoder.fit(X).transform(X).shape
    (150, 2)
    """

    uses_generator = True

    def __init__(self, hidden_layer_sizes=(), *, activation="silu", dropout=0.0):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout

    def build(self, n_features, n_components, generator):
        """Return the encoder and the decoder.

        Parameters
        ----------
        n_features, n_components : int

        generator : torch.Generator
            Source of the initial weights.

        Returns
        -------
        encoder, decoder : torch.nn.Module
        """
        widths = [n_features, *self.hidden_layer_sizes, n_components]
        options = {
            "activation": self.activation,
            "dropout": self.dropout,
            "generator": generator,
        }
        return networks.mlp(widths, **options), networks.mlp(widths[::-1], **options)


class _Convolutional(BaseEstimator):
    """What images and series share. A subclass fills `_image_shape`."""

    uses_generator = True
    _step = (2, 2)
    channels_last = False

    def code_size(self, n_features):
        """Return the number of components, or None if the estimator chooses it.

        Parameters
        ----------
        n_features : int

        Returns
        -------
        n_components : int or None
            With ``code="map"``, the number of cells of the last feature map.
        """
        self._check()
        _, *size = self._image_shape(n_features)
        if self.code == "vector":
            return None
        channels = _positive_ints("channels", self.channels)
        return channels[-1] * math.prod(
            networks.map_sizes(size, len(channels), self._step)[-1]
        )

    def build(self, n_features, n_components, generator):
        """Return the encoder and the decoder.

        Parameters
        ----------
        n_features, n_components : int

        generator : torch.Generator
            Source of the initial weights.

        Returns
        -------
        encoder, decoder : torch.nn.Module
        """
        self._check()
        network = networks.ConvNetwork(
            self._image_shape(n_features),
            _positive_ints("channels", self.channels),
            kernel_size=self._kernel_shape(),
            step=self._step,
            downsampling=self.downsampling,
            upsampling=self.upsampling,
            activation=self.activation,
            generator=generator,
            pixelwise=bool(self.channels_last),
        )
        width = None if self.code == "map" else n_components
        return network.encoder(width), network.decoder(width)

    def _kernel_shape(self):
        size = self.kernel_size
        if isinstance(size, Integral) and size > 0 and size % 2:
            return tuple(size if step == 2 else 1 for step in self._step)
        raise ValueError(
            f"kernel_size={size!r} should be an odd positive integer: the image then "
            "keeps its size."
        )

    def _check(self):
        choices = {
            "downsampling": DOWNSAMPLING,
            "upsampling": UPSAMPLING,
            "code": CODES,
        }
        for name, accepted in choices.items():
            value = getattr(self, name)
            if value not in accepted:
                raise ValueError(
                    f"{name}={value!r} of {type(self).__name__} should be one of "
                    f"{accepted}."
                )


class Conv2d(_Convolutional):
    """Convolutions of images; the decoder mirrors the encoder.

    The encoder makes one feature map after the other, each half as high and wide as the
    one before (sizes that do not divide are rounded up)::

        convolution, downsampling, activation        (for each of `channels`)

    and a linear layer turns the last map into the code. The decoder goes back: a linear
    layer, then ``convolution, activation, upsampling`` for each of `channels` in
    reverse, each to the very size that the encoder had, and a last convolution to the
    channels of the image. Rows stay flat vectors outside.

    Prefer it to dense layers for images of more than about ten pixels a side: it has
    far fewer weights, and what it learns in one place it knows everywhere.

    Parameters
    ----------
    image_shape : tuple (n_channels, height, width) or (height, width)
        What a row is when it is not flat, in C order as ``ndarray.reshape`` has it. The
        product is the number of columns. With ``channels_last=True`` it is (height,
        width, n_channels).

    channels : tuple of int, default=(16, 32)
        Channels of the feature maps, input side first. Each more makes the last map
        smaller.

    kernel_size : int, default=3
        Height and width of the convolutions, an odd number.

    downsampling : {"max_pool", "avg_pool", "stride"}, default="max_pool"
        How maps are halved: by the largest or the mean of every 2 x 2 pixels, or by
        convolutions that skip every other pixel (the fastest).

    upsampling : {"nearest", "transposed"}, default="nearest"
        How maps are doubled: "nearest" repeats pixels after a convolution,
        "transposed" is one transposed convolution with a stride of 2.

    code : {"vector", "map"}, default="vector"
        "map" leaves out both linear layers: the code is the last feature map itself,
        flattened, with the estimator's `code_activation`. The number of components
        then follows from the architecture and the estimator's ``n_components`` does
        not matter; ``init="random"`` is needed.

    activation : str or callable, default="relu"
        Name in torch.nn.functional, or an elementwise function of a tensor.

    channels_last : bool or None, default=None
        Whether the channels of a pixel stand side by side in a row, as matplotlib,
        Pillow and ``images.reshape(len(images), -1)`` of colour pictures have them.
        None is False, as in PyTorch, but an error for an `image_shape` that looks
        otherwise: it ends in 1, 3 or 4, and both other numbers are larger.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.architectures import Conv2d
    >>> X = load_digits().data[:200]
    >>> architecture = Conv2d((1, 8, 8), channels=(8,))
    >>> autoencoder = AutoencoderTransformer(
    ...     4, architecture=architecture, max_iter=2, random_state=0
    ... )
    >>> autoencoder.fit_transform(X).shape
    (200, 4)
    """

    def __init__(
        self,
        image_shape,
        channels=(16, 32),
        *,
        kernel_size=3,
        downsampling="max_pool",
        upsampling="nearest",
        code="vector",
        activation="relu",
        channels_last=None,
    ):
        self.image_shape = image_shape
        self.channels = channels
        self.kernel_size = kernel_size
        self.downsampling = downsampling
        self.upsampling = upsampling
        self.code = code
        self.activation = activation
        self.channels_last = channels_last

    def _image_shape(self, n_features):
        shape = _positive_ints("image_shape", self.image_shape)
        if len(shape) not in (2, 3):
            raise ValueError(
                f"image_shape={self.image_shape!r} should be (n_channels, height, "
                "width) or (height, width)."
            )
        if self.channels_last is None:
            _check_channels_first(shape)
        if math.prod(shape) != n_features:
            raise ValueError(
                f"image_shape={self.image_shape!r} stands for {math.prod(shape)} "
                f"columns, but X has {n_features}."
            )
        if len(shape) == 2:
            return 1, *shape
        return (shape[2], *shape[:2]) if self.channels_last else shape


class Conv1d(_Convolutional):
    """Convolutions of series; the decoder mirrors the encoder.

    As :class:`Conv2d`, along one axis: each feature map is half as long as the one
    before. The length of a series follows from the number of columns.

    Prefer it to dense layers where columns are points in time (or along a spectrum)
    and what happens may happen at any of them.

    Parameters
    ----------
    n_channels : int, default=1
        Number of series in a row. A row holds them one after the other: reshaped to
        (n_channels, length) in C order.

    channels : tuple of int, default=(16, 32)
        Channels of the feature maps, input side first.

    kernel_size : int, default=5
        Length of the convolutions, an odd number.

    downsampling : {"max_pool", "avg_pool", "stride"}, default="max_pool"
        How maps are halved, see :class:`Conv2d`.

    upsampling : {"nearest", "transposed"}, default="nearest"
        How maps are doubled, see :class:`Conv2d`.

    code : {"vector", "map"}, default="vector"
        What the code is, see :class:`Conv2d`.

    activation : str or callable, default="relu"
        Name in torch.nn.functional, or an elementwise function of a tensor.

    Examples
    --------
    >>> import numpy as np
    >>> from skae import AutoencoderTransformer
    >>> from skae.architectures import Conv1d
    >>> start = np.random.default_rng(0).uniform(0, 6, (100, 1))
    >>> X = np.sin(start + np.linspace(0, 9, 30))
    >>> autoencoder = AutoencoderTransformer(
    ...     2, architecture=Conv1d(), max_iter=2, random_state=0
    ... )
    >>> autoencoder.fit_transform(X).shape
    (100, 2)
    """

    _step = (1, 2)

    def __init__(
        self,
        n_channels=1,
        channels=(16, 32),
        *,
        kernel_size=5,
        downsampling="max_pool",
        upsampling="nearest",
        code="vector",
        activation="relu",
    ):
        self.n_channels = n_channels
        self.channels = channels
        self.kernel_size = kernel_size
        self.downsampling = downsampling
        self.upsampling = upsampling
        self.code = code
        self.activation = activation

    def _image_shape(self, n_features):
        (n_channels,) = _positive_ints("n_channels", (self.n_channels,))
        if n_features % n_channels:
            raise ValueError(
                f"n_channels={n_channels} does not divide the {n_features} columns of "
                "X: a row holds series of equal length, one after the other."
            )
        return n_channels, 1, n_features // n_channels


class Custom(BaseEstimator):
    """Networks of your own.

    Parameters
    ----------
    encoder : callable
        A class or function, not a module: called with (n_features, n_components), it
        returns a new torch module that maps (n_samples, n_features) to (n_samples,
        n_components). ``torch.nn.Linear`` is the simplest;
        :func:`functools.partial` gives more arguments.

    decoder : callable
        The same for the way back: called with (n_components, n_features).

    Notes
    -----
    The modules should end in a linear layer; the estimator adds `code_activation` and
    `output_activation`. With ``init="pca"`` they correct PCA and their output starts at
    zero: a linear or convolutional layer at the end of a ``torch.nn.Sequential`` is set
    to zero, and the outputs of any other module are multiplied by weights that start
    at zero.

    Initial weights are drawn from torch's global generator, as modules do. It is seeded
    from the estimator's `random_state` before and has its old state afterwards.
    ``torch.nn.Dropout`` is replaced by a layer that draws from the estimator's own
    generator; other layers that draw random numbers in training are the caller's
    business.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from torch import nn
    >>> from skae import AutoencoderTransformer
    >>> from skae.architectures import Custom
    >>> def network(n_in, n_out):
    ...     return nn.Sequential(nn.Linear(n_in, 16), nn.Tanh(), nn.Linear(16, n_out))
    >>> X = load_iris().data
    >>> autoencoder = AutoencoderTransformer(
    ...     2, architecture=Custom(network, network), max_iter=5, random_state=0
    ... )
    >>> autoencoder.fit_transform(X).shape
    (150, 2)
    """

    def __init__(self, encoder, decoder):
        self.encoder = encoder
        self.decoder = decoder

    def build(self, n_features, n_components, generator):
        """Return the encoder and the decoder.

        Parameters
        ----------
        n_features, n_components : int

        generator : torch.Generator
            Not used: the modules draw from torch's global generator.

        Returns
        -------
        encoder, decoder : torch.nn.Module
        """
        return (
            _made("encoder", self.encoder, n_features, n_components),
            _made("decoder", self.decoder, n_components, n_features),
        )


def _made(name, factory, n_in, n_out):
    from torch import nn

    if isinstance(factory, nn.Module) or not callable(factory):
        raise ValueError(
            f"{name}={factory!r} of Custom should be a class or a function that takes "
            f"(n_in, n_out) and returns a torch module; got {type(factory).__name__}."
        )
    module = factory(n_in, n_out)
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"{name}={factory!r} of Custom returned {type(module).__name__}; it should "
            "return a torch.nn.Module."
        )
    return networks.with_own_dropout(module)


def _check_channels_first(shape):
    """Raise a ValueError for a shape that seems to have its channels last."""
    *others, last = shape
    if len(others) == 2 and last in COMMON_CHANNELS and min(others) > last:
        height, width = others
        raise ValueError(
            f"image_shape={shape!r} would be {height} channels of {width} x {last} "
            f"pixels. For {last} channels of {height} x {width} pixels, the channels "
            "of each pixel side by side, add channels_last=True; where each channel "
            f"comes as a whole, use image_shape={(last, height, width)!r}. If the "
            "shape is meant as it is, add channels_last=False."
        )


def _positive_ints(name, values):
    """Return a parameter as a tuple of positive ints."""
    items = tuple(values) if isinstance(values, Iterable) else ()
    if items and all(isinstance(item, Integral) and item > 0 for item in items):
        return tuple(int(item) for item in items)
    raise ValueError(f"{name}={values!r} should hold positive integers.")
