"""Architectures: parameter objects that build an encoder and a decoder.

An architecture is any object with ``get_params``, ``set_params`` and a method
``build(n_features, n_components, generator)`` that returns two torch modules: one maps
(n_samples, n_features) to (n_samples, n_components), the other back. Both end in a
linear layer: the estimator adds the code's and the output's activation itself.
"""

from sklearn.base import BaseEstimator


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
    """

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
        from .networks._mlp import mlp

        widths = [n_features, *self.hidden_layer_sizes, n_components]
        options = {
            "activation": self.activation,
            "dropout": self.dropout,
            "generator": generator,
        }
        return mlp(widths, **options), mlp(widths[::-1], **options)
