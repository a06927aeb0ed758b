"""Autoencoders as scikit-learn transformers, on PyTorch through skorch.

The public names are loaded on first use, so that ``import skae`` costs no more
than ``import sklearn``; torch and skorch are imported when an estimator fits.
"""

from . import _forks  # noqa: F401  what it registers counts
from ._lazy import attach
from ._version import __version__ as __version__

_NAMES = {
    "AutoencoderClassifier": ".estimators._classifier",
    "AutoencoderOutlierDetector": ".estimators._outliers",
    "AutoencoderRegressor": ".estimators._regressor",
    "AutoencoderTransformer": ".estimators._autoencoder",
    "ContractiveAutoencoder": ".estimators._contractive",
    "DenoisingAutoencoder": ".estimators._denoising",
    "MarginalizedDenoisingAutoencoder": ".estimators._marginalized",
    "SparseAutoencoder": ".estimators._sparse",
    "StackedAutoencoder": ".estimators._stacked",
    "VariationalAutoencoder": ".estimators._variational",
    "compare_reducers": ".comparison",
    "load": ".files",
    "save": ".files",
}
_SUBMODULES = (
    "architectures",
    "comparison",
    "estimators",
    "exceptions",
    "export",
    "files",
    "metrics",
    "objectives",
    "plotting",
    "tables",
    "testing",
)

__all__ = [*_NAMES, *_SUBMODULES]
__getattr__, __dir__ = attach(__name__, _NAMES, _SUBMODULES)
