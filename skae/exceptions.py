"""Warnings of skae's own, to filter by their class."""


class PCAFallbackWarning(UserWarning):
    """PCA came back from a fit that trained a non-linear network.

    Rows that judge saw nothing in the network that PCA does not have, or not enough of
    it to trust. The estimator is then a PCA, as its attribute `is_pca_` says, whatever
    `verbose` is. `fit` warns of it where that may come as a surprise. It does not

    - for a linear network, whose optimum PCA is;
    - where PCA leaves less than a millionth of the variance: nothing is left to learn;
    - below 100 rows, where PCA is what to expect;
    - where Ctrl-C ended the training, which has a warning of its own.

    The text is the same for every fit of a class, so Python shows it once for each line
    that calls `fit`, not for each candidate of a grid search. To silence it, or to make
    it an error::

        warnings.filterwarnings("ignore", category=PCAFallbackWarning)
        python -W error::skae.exceptions.PCAFallbackWarning script.py

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from skae import AutoencoderTransformer
    >>> from skae.exceptions import PCAFallbackWarning
    >>> noise = np.random.default_rng(0).standard_normal((100, 5))
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     autoencoder = AutoencoderTransformer(max_iter=5, random_state=0).fit(noise)
    >>> autoencoder.is_pca_, [warning.category.__name__ for warning in caught]
    (True, ['PCAFallbackWarning'])
    """
