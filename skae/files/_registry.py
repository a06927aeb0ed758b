"""What a file may name: classes and functions from fixed lists."""

import importlib

from ..exceptions import FileError

ESTIMATORS = {
    "AutoencoderClassifier": "skae.estimators._classifier",
    "AutoencoderOutlierDetector": "skae.estimators._outliers",
    "AutoencoderRegressor": "skae.estimators._regressor",
    "AutoencoderTransformer": "skae.estimators._autoencoder",
    "ContractiveAutoencoder": "skae.estimators._contractive",
    "DenoisingAutoencoder": "skae.estimators._denoising",
    "MarginalizedDenoisingAutoencoder": "skae.estimators._marginalized",
    "SparseAutoencoder": "skae.estimators._sparse",
    "StackedAutoencoder": "skae.estimators._stacked",
    "VariationalAutoencoder": "skae.estimators._variational",
}
TABLES = {"TableEncoder": "skae.tables._encoder"}
NUMBERS = {"NumberEncoder": "skae.tables._numbers"}
STEPS = {
    "LogisticRegression": "sklearn.linear_model",
    "MaxAbsScaler": "sklearn.preprocessing",
    "MinMaxScaler": "sklearn.preprocessing",
    "PCA": "sklearn.decomposition",
    "Pipeline": "sklearn.pipeline",
    "QuantileTransformer": "sklearn.preprocessing",
    "Ridge": "sklearn.linear_model",
    "RobustScaler": "sklearn.preprocessing",
    "SimpleImputer": "sklearn.impute",
    "StandardScaler": "sklearn.preprocessing",
    "TruncatedSVD": "sklearn.decomposition",
}
ARCHITECTURES = dict.fromkeys(
    ("Conv1d", "Conv2d", "Custom", "Dense"), "skae.architectures"
)
OBJECTIVES = {
    "Contractive": "skae.objectives._contractive",
    "Denoising": "skae.objectives._denoising",
    "Reconstruction": "skae.objectives._reconstruction",
    "Sparse": "skae.objectives._sparse",
    "Variational": "skae.objectives._variational",
}
SOLVERS = dict.fromkeys(
    (
        *("ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS"),
        *("NAdam", "RAdam", "RMSprop", "Rprop", "SGD"),
    ),
    "torch.optim",
)
FUNCTIONS = {
    **dict.fromkeys(("relu", "sigmoid", "tanh"), "torch"),
    **dict.fromkeys(
        (
            *("celu", "elu", "gelu", "hardtanh", "leaky_relu", "mish", "relu6"),
            *("selu", "silu", "softplus", "softsign"),
        ),
        "torch.nn.functional",
    ),
}


def look_up(table, name):
    """Return what a name of a table stands for."""
    if not isinstance(name, str) or name not in table:
        raise FileError(f"{name!r} is none of what a file may name: {sorted(table)}.")
    return getattr(importlib.import_module(table[name]), name)


def name_in(table, value):
    """Return the name of a class or function in a table, or None."""
    name = getattr(value, "__name__", None)
    known = isinstance(name, str) and name in table and look_up(table, name) is value
    return name if known else None
