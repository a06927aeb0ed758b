"""Warnings and errors of skae's own, to tell by their class."""


class PCAFallbackWarning(UserWarning):
    """PCA came back from a fit that trained a non-linear network.

    The rows that judge found the network no better than PCA, or not by enough to be
    sure of it. The estimator is then a PCA. The attribute `is_pca_` always says so;
    `fit` warns of it as well where it may come as a surprise. It does not warn

    - for a linear network, whose optimum PCA is;
    - where PCA leaves less than a millionth of the variance: nothing is left to learn;
    - below 100 rows, where PCA is what to expect;
    - where Ctrl-C ended the training, which has a warning of its own.

    Every such fit warns, those of a grid search too. To silence it there::

        warnings.filterwarnings("ignore", category=PCAFallbackWarning)

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


class FileError(ValueError):
    """A file that :func:`skae.load` does not read: damaged, foreign or made to harm.

    Nothing of it has been run, and it has had no more memory than in proportion to its
    size.

    Examples
    --------
    >>> import tempfile
    >>> import skae
    >>> from skae.exceptions import FileError
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     try:
    ...         skae.load(file.name)
    ...     except FileError as error:
    ...         print(type(error).__name__)
    FileError
    """


class InconsistentVersionWarning(UserWarning):
    """A pickle comes from other versions of skae, torch or scikit-learn.

    What it holds may not fit the code that is here now, and results may differ in the
    last digits or altogether. Files of :func:`skae.load` do not depend on versions.

    Examples
    --------
    >>> import warnings
    >>> from skae.exceptions import InconsistentVersionWarning
    >>> warnings.simplefilter("error", InconsistentVersionWarning)  # be strict
    >>> warnings.resetwarnings()
    """
