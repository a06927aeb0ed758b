"""Checks that an autoencoder is one: what scikit-learn's own checks do not see."""

from functools import partial

from . import (
    _arrays,
    _attributes,
    _codes,
    _containers,
    _copies,
    _fit,
    _interrupt,
    _inverse,
    _observe,
    _partial,
    _random,
    _scores,
    _truth,
    _weights,
)
from ._prepare import prepared

__all__ = ["autoencoder_checks", "check_autoencoder"]

# What later checks build on is checked first.
_TOPICS = (
    _fit,
    _attributes,
    _random,
    _codes,
    _inverse,
    _arrays,
    _scores,
    _truth,
    _weights,
    _partial,
    _containers,
    _copies,
    _observe,
    _interrupt,
)


def check_autoencoder(estimator):
    """Check that an estimator keeps what skae promises of every autoencoder.

    Best run after :func:`sklearn.utils.estimator_checks.check_estimator`, which
    hardly looks at ``inverse_transform``. Here are the way back, the scores of the
    reconstruction, whether the fitted figures are true, sample weights, dtypes, random
    numbers, callbacks, interrupts and copies.

    Parameters
    ----------
    estimator : estimator instance
        Fitted or not: every check works on a clone. Its parameters have to suit 120 to
        600 rows of 12 columns with values in [0, 1]; an architecture for images can
        take them as images of shape (1, 4, 3).

    Raises
    ------
    AssertionError
        At the first check that fails. The message starts with the check's name and
        says what is wrong and what is expected.

    See Also
    --------
    autoencoder_checks : The same checks one by one.

    Notes
    -----
    Two parameters are set where an estimator has them: ``random_state`` to 0 unless
    it is an integer, and ``max_iter`` to at most 5 epochs, except where the quality
    of the reconstruction is judged. All others stay as they are.

    Fitted figures are compared with what the methods return:

    - ``judge_`` tells how ``reconstruction_error_`` and ``pca_reconstruction_error_``
      were measured: "folds" or "held_out" on rows that training did not see, "none" on
      the training rows, where no row was held out. With "none" the two have to be the
      errors of the training rows, else near the errors of new rows: by a factor of 1.75
      after a fit on 600;
    - ``explained_variance_ratio_`` has to sum to the score of the training rows;
    - ``components_``, where there are any, have to point to where the rows move, on
      average, when a code grows. Exactly so if the decoder is linear; a cosine above
      0.5 is enough;
    - ``loss_curve_`` must not be zero while there is an error, nor the same in all
      epochs.

    A callback has to be told of all ``n_iter_`` epochs and when training begins and
    ends, and leaves the result what it is without it, bit for bit. Only where
    ``n_iter_`` is 1 may there be no call: no epoch need run where the start is the
    optimum, as PCA is for a linear network.

    Some checks depend on what the estimator has:

    - with a parameter ``max_iter`` it counts as trained by gradient descent and needs
      the attributes ``net_``, ``n_iter_``, ``loss_curve_`` and ``device_``;
    - with a parameter ``callbacks`` it takes callbacks of skorch's, and needs
      ``n_iter_``;
    - with a method ``sample`` it counts as a probabilistic model: its
      ``score_samples`` need not be the negative squared error;
    - with a method ``partial_fit`` it goes on from a stream of rows;
    - with ``sparse`` set in its input tags it takes sparse tables;
    - with ``warm_start=True`` it may remember the fit before;
    - with parameters that cannot be pickled, such as a lambda, it need not be either.

    Codes may outnumber the columns, and need not be linear in them.

    Examples
    --------
    >>> from skae import AutoencoderTransformer
    >>> from skae.testing import check_autoencoder
    >>> check_autoencoder(AutoencoderTransformer(3))  # doctest: +SKIP
    """
    for _, check in autoencoder_checks(estimator):
        check()


def autoencoder_checks(estimator):
    """Yield the checks of :func:`check_autoencoder` one by one.

    Parameters
    ----------
    estimator : estimator instance
        See :func:`check_autoencoder`.

    Yields
    ------
    name : str
        The check's name.

    check : callable
        Takes nothing; raises AssertionError if the check fails.

    See Also
    --------
    check_autoencoder : Runs all of them.

    Examples
    --------
    Under pytest every check becomes a test of its own with ::

        @pytest.mark.parametrize(("name", "check"), autoencoder_checks(MyAutoencoder()))
        def test_conformance(name, check):
            check()

    >>> from skae import AutoencoderTransformer
    >>> from skae.testing import autoencoder_checks
    >>> checks = dict(autoencoder_checks(AutoencoderTransformer(3)))
    >>> checks["check_fit_returns_self"]()
    """
    for topic in _TOPICS:
        for name, check in dict(vars(topic)).items():  # a warning adds to them
            if name.startswith("check_") and check.__module__ == topic.__name__:
                yield name, partial(_run, check, estimator)


def _run(check, estimator):
    """Run one check on a clone; whatever it raises comes out under its name."""
    try:
        check(prepared(estimator, check))
    except Exception as error:
        what = str(error)
        if not isinstance(error, AssertionError):
            what = f"an unexpected {type(error).__name__}: {error}"
        raise AssertionError(f"{check.__name__}: {what}") from error
