"""What is minimised: a frozen value each, with its network and its criterion.

An objective says which network it needs, what it minimises, what of the network
depends on the training rows, and what it reports of a fitted network. For one of your
own, subclass :class:`Reconstruction` and let an estimator's ``_objective`` return it.
"""

from .._lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "Contractive": "._contractive",
        "Criterion": "._criterion",
        "Denoising": "._denoising",
        "FineTuning": "._supervised",
        "NOISE_LEVELS": "._supervised",
        "Reconstruction": "._reconstruction",
        "ReconstructionLoss": "._reconstruction",
        "Sparse": "._sparse",
        "Variational": "._variational",
    },
)
