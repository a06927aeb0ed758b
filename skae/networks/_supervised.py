"""An autoencoder with a linear head on its code."""

from typing import NamedTuple

import torch
from torch import nn


class LabelledAndAll(NamedTuple):
    """Standardised rows of one step: labelled ones, and some of all rows."""

    labelled: torch.Tensor
    rows: torch.Tensor

    def __len__(self):
        """Return the number of labelled rows: the loss of a step is their mean."""
        return len(self.labelled)


class Outputs(NamedTuple):
    """What a `SupervisedNetwork` makes of `LabelledAndAll`; the last three of rows."""

    labelled: torch.Tensor
    clean: torch.Tensor | None
    noisy: torch.Tensor | None
    reconstruction: object


class SupervisedNetwork(nn.Module):
    """Encodes rows and puts a linear map on the codes.

    Training sees `propagate`; `encode` and `forward` work in the units of X and y.

    Parameters
    ----------
    autoencoder : Autoencoder

    head : nn.Linear
        Takes centred codes in units of `code_scale`.

    code_mean, code_scale : Tensor of shape (n_components,)

    target_mean, target_scale : Tensor of shape (n_outputs,) or None
        What the head's outputs are brought to the units of y by.

    noise : nn.Module or None
        Noise to answer alike under; None leaves the two outputs that tell out.

    reconstructs : bool
        Whether training reconstructs.
    """

    def __init__(
        self,
        autoencoder,
        head,
        *,
        code_mean,
        code_scale,
        target_mean=None,
        target_scale=None,
        noise=None,
        reconstructs=True,
    ):
        super().__init__()
        self.autoencoder = autoencoder
        self.head = head
        self.noise = noise
        self.reconstructs = reconstructs
        self.register_buffer("code_mean", code_mean)
        self.register_buffer("code_scale", code_scale)
        self.register_buffer("target_mean", target_mean)
        self.register_buffer("target_scale", target_scale)

    def propagate(self, batch):
        """Return `Outputs` for `LabelledAndAll`, else the head's for rows."""
        if not isinstance(batch, LabelledAndAll):
            return self.predict_standardised(batch)
        labelled, rows = batch
        clean = noisy = reconstruction = None
        if self.noise is not None:
            with torch.no_grad():
                clean = self.predict_standardised(rows)
            noisy = self.predict_standardised(self.noise(rows))
        if self.reconstructs:
            reconstruction = self.autoencoder.propagate(rows)
        return Outputs(
            self.predict_standardised(labelled), clean, noisy, reconstruction
        )

    def predict_standardised(self, U):
        """Return the head's outputs for standardised rows."""
        autoencoder = self.autoencoder
        return self.predict(autoencoder.rotate(autoencoder.encode_standardised(U)))

    def predict(self, Z):
        """Return the head's outputs for codes."""
        return self.head((Z - self.code_mean.to(Z)) / self.code_scale.to(Z))

    def encode(self, X):
        """Return codes of shape (n_samples, n_components)."""
        return self.autoencoder.encode(X)

    def forward(self, X):
        """Return outputs of shape (n_samples, n_outputs), in the units of y."""
        outputs = self.predict(self.encode(X))
        if self.target_scale is None:
            return outputs
        return outputs * self.target_scale.to(outputs) + self.target_mean.to(outputs)
