"""scikit-learn outside, numpy in and out.

To add an autoencoder of your own, subclass :class:`BaseAutoencoder` and return its
objective from ``_objective``; see :mod:`skae.objectives`.
"""

from .._lazy import attach

__getattr__, __dir__ = attach(__name__, {"BaseAutoencoder": "._base"})
