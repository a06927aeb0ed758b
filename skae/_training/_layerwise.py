"""What the layers of a stack are trained on: the outputs of the layers below."""

import numpy as np

from .. import _inference
from ..networks._layers import Activation
from ._rows import dense_chunks


def layer_inputs(X, moments, dtype):
    """Return the rows that the lowest layer takes: as they are, or standardised."""
    if moments is None:
        return X.astype(dtype, copy=False)
    Z = np.empty(X.shape, dtype)
    start = 0
    for block, _ in dense_chunks(X)():
        stop = start + len(block)
        Z[start:stop] = (block - moments.mean) * moments.inverse_scale
        start = stop
    return Z


def layer_outputs(module, X, activation):
    """Return what a layer's encoder makes of its inputs, without any rotation."""
    module.set_rotation(None, None)
    module.code_activation = Activation(activation)
    return _inference.encode(module, X)
