"""Layers trained one by one, each on the codes of the one below."""

from dataclasses import replace
from functools import partial

import numpy as np

from .. import engine
from ..data._table import Table
from ..inference import encode
from ..networks._layers import Activation
from ..networks._mlp import load_layers


def pretrain(table, task, seed):
    """Return what loads pretrained layers into an encoder and a decoder, and reports.

    Layer after layer, the encoder of an autoencoder is trained on the codes of the one
    below; the lowest takes the rows as the network does.
    """
    rows = Table(_inputs(table, task), table.weight, table.groups)
    fits = []
    for level, layer in enumerate(task.layers):
        fits.append(engine.fit(rows, layer, seed=seed.child(level)))
        network = fits[-1].net.module_  # the stacked network's layers neither turn
        network.set_rotation(None, None)  # codes nor keep the largest of them alone
        network.code_activation = Activation(layer.blueprint.code_activation)
        rows = replace(rows, X=encode(network, rows))
    reports = {
        "pretraining_loss_curves": [fit.loss_curve for fit in fits],
        "pretraining_validation_loss_curves": [
            fit.validation_loss_curve for fit in fits
        ],
    }
    networks = [fit.net.network_ for fit in fits]
    return partial(load_layers, autoencoders=networks), reports


def _inputs(table, task):
    """Return the rows as they are, or standardised, dense and in the task's dtype."""
    scales = task.blueprint.init == "pca"
    U = np.empty(table.shape, str(task.dtype).removeprefix("torch."))
    start = 0
    for block in table.blocks():
        if scales:
            block = (block - table.moments.mean) * table.moments.inverse_scale
        U[start : start + len(block)] = block
        start += len(block)
    return U
