"""Use of a trained network on numpy tables: knows no training."""

from .._lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "column_errors": "._passes",
        "corrupt": "._passes",
        "decode": "._passes",
        "elbo": "._bounds",
        "encode": "._passes",
        "importance_weighted_bounds": "._bounds",
        "layers_of": "._layers",
        "observed": "._bounds",
        "outputs": "._passes",
        "posterior": "._passes",
        "r2": "._passes",
        "r2_of": "._passes",
        "reconstruct": "._passes",
        "squared_errors": "._passes",
        "squared_residual": "._passes",
        "undisturbed": "._undisturbed",
    },
)
