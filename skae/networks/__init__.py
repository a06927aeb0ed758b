"""Pure torch: what an autoencoder is made of, without numpy, scikit-learn or skorch."""

from .._lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "ConvNetwork": "._conv",
        "map_sizes": "._conv",
        "marginalized_autoencoder": "._marginalized",
        "mlp": "._mlp",
        "with_own_dropout": "._layers",
    },
)
