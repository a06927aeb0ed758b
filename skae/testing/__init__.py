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
    reconstruction, sample weights, dtypes, random numbers, interrupts and copies.

    Parameters
    ----------
    estimator : estimator instance
        Fitted or not: every check works on a clone. Its parameters have to suit 120
        rows of 12 columns with values in [0, 1]; an architecture for images can take
        them as images of shape (1, 4, 3).

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

    Some checks depend on what the estimator has:

    - with a parameter ``max_iter`` it counts as trained by gradient descent and needs
      the attributes ``net_``, ``n_iter_``, ``loss_curve_`` and ``device_``;
    - with a parameter ``callbacks`` it takes callbacks of skorch's;
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
        for name, check in vars(topic).items():
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
