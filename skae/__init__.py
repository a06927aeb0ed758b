"""Autoencoders as scikit-learn transformers, on PyTorch through skorch.

The public names are loaded on first use, so that ``import skae`` costs no more
than ``import sklearn``; torch and skorch are imported when an estimator fits.
"""

import importlib

__version__ = "0.1.0"

_PUBLIC = {
    "AutoencoderClassifier": "._supervised",
    "AutoencoderRegressor": "._supervised",
    "AutoencoderTransformer": "._autoencoder",
    "ContractiveAutoencoder": "._contractive",
    "DenoisingAutoencoder": "._denoising",
    "MarginalizedDenoisingAutoencoder": "._marginalized",
    "SparseAutoencoder": "._sparse",
    "StackedAutoencoder": "._stacked",
    "VariationalAutoencoder": "._variational",
    "compare_reducers": ".comparison",
}
_SUBMODULES = ("architectures", "comparison", "metrics", "testing")

__all__ = [*_PUBLIC, *_SUBMODULES]


def __getattr__(name):
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name], __name__), name)
    elif name in _SUBMODULES:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *__all__])
