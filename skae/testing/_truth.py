"""Fitted attributes that are figures: they agree with what the methods return."""

import numpy as np
from sklearn.decomposition import PCA

from ._assert import assert_close
from ._attributes import is_gradient_trained
from ._prepare import N_FEATURES, make_further_rows, make_rows

# How far an error may be off. A tenth of the rows, held out, misses the error of new
# rows by a seventh on average; the training rows have one error and no other.
OFF_ON_NEW_ROWS = 1.75
OFF_ON_TRAINING_ROWS = 1.001
NO_VARIANCE = 1e-3  # of the variance of X: below that an error counts as zero
STRONG = 0.2  # of what the strongest code does to the rows
LENGTHS = (1 / 3, 30)  # of axes, in those of the slopes, which a sigmoid flattens


def check_reconstruction_error_is_true(estimator):
    """`reconstruction_error_` is near the error of new rows.

    If `judge_` is "none" it is the error of the training rows.
    """
    X = make_further_rows(seed=1)
    rows, kind, off = _judged_rows(estimator.fit(X), X)
    expected = estimator.reconstruction_error(rows)
    what = f"reconstruction_error of {kind}"
    _assert_near("reconstruction_error_", estimator, expected, what, off)


def check_judge_is_true(estimator):
    """The error of the training rows is not passed off as that of rows held out."""
    X = make_rows()
    if _is_nobody_the_judge(estimator.fit(X)):
        return
    found, training = estimator.reconstruction_error_, estimator.reconstruction_error(X)
    assert abs(found - training) > 1e-6 * training or _is_zero(training), (
        f"reconstruction_error_ is {found:.6g}, which is reconstruction_error of the "
        "training rows; expected judge_ to be 'none', or the error of rows held out"
    )


def check_pca_reconstruction_error_is_true(estimator):
    """`pca_reconstruction_error_` is near the error of PCA with as many components.

    That is the error of new rows, or of the training rows if `judge_` is "none".
    """
    X = make_further_rows(seed=1)
    rows, kind, off = _judged_rows(estimator.fit(X), X)
    n_components = min(estimator.n_components_, N_FEATURES)
    pca = PCA(n_components, svd_solver="full").fit(X)
    expected = np.mean((rows - pca.inverse_transform(pca.transform(rows))) ** 2)
    what = f"the error of PCA with {n_components} components on {kind}"
    _assert_near("pca_reconstruction_error_", estimator, expected, what, off)


def _judged_rows(estimator, X):
    """Return rows with the errors that the estimator claims, their name and a factor.

    The factor is by how much the errors may be off.
    """
    if _is_nobody_the_judge(estimator):
        return X, "the training rows", OFF_ON_TRAINING_ROWS
    return make_further_rows(seed=2), "new rows", OFF_ON_NEW_ROWS


def _is_nobody_the_judge(estimator):
    return getattr(estimator, "judge_", None) == "none"


def _is_zero(error):
    return error <= NO_VARIANCE * make_rows().var(axis=0).mean()


def _assert_near(name, estimator, expected, what, off):
    found = getattr(estimator, name)
    slack = NO_VARIANCE * make_rows().var(axis=0).mean() * (off - 1)
    low, high = expected / off - slack, expected * off + slack
    assert low <= found <= high, (
        f"{name} is {found:.3g}, {what} {expected:.3g}; expected a number between "
        f"{max(low, 0):.3g} and {high:.3g}"
    )


def check_explained_variance_ratio_adds_up(estimator):
    """`explained_variance_ratio_` sums to the score of the training rows."""
    X = make_rows()
    total = np.sum(estimator.fit(X).explained_variance_ratio_)
    message = "explained_variance_ratio_ does not sum to the score of the training rows"
    assert_close(total, estimator.score(X), message, tol=1e-3)


def check_components_are_the_axes(estimator):
    """`components_`, where there are any, are how the rows move with each code.

    A linear decoder moves them along just these axes. Another need do so roughly and on
    average over the training rows, for the codes that have much of an influence.
    """
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    if not hasattr(estimator, "components_"):
        return
    slopes, spread = _slopes(estimator, Z), Z.std(axis=0)
    influence = spread * np.linalg.norm(slopes, axis=1)
    for i in np.flatnonzero(influence > STRONG * influence.max()):
        _assert_axis(i, np.asarray(estimator.components_[i]), slopes[i])


def _slopes(estimator, Z):
    """Return the mean derivative of the rows along each code, like `components_`."""
    slopes, spread = [], Z.std(axis=0)
    for step in np.diag(np.where(spread > 0, spread, 1.0)):
        ahead = estimator.inverse_transform(Z + step)
        behind = estimator.inverse_transform(Z - step)
        slopes.append((ahead - behind).mean(axis=0) / (2 * step.max()))
    return np.array(slopes)


def _assert_axis(i, axis, slope):
    length, expected = np.linalg.norm(axis), np.linalg.norm(slope)
    where = f"along code {i}, inverse_transform of the training codes"
    low, high = expected * LENGTHS[0], expected * LENGTHS[1]
    assert low <= length <= high, (
        f"components_[{i}] has length {length:.3g}; expected {low:.3g} to {high:.3g}: "
        f"{where} moves by {expected:.3g} on average"
    )
    cosine = axis @ slope / (length * expected)
    assert cosine > 0.5, (
        f"components_[{i}] has a cosine of {cosine:.2f} with how, {where} moves on "
        "average; expected more than 0.5"
    )


def check_losses_are_measured(estimator):
    """`loss_curve_` is not zero while there is an error, and changes over epochs."""
    if not is_gradient_trained(estimator):
        return
    X = make_rows()
    losses = np.asarray(estimator.fit(X).loss_curve_)
    if _is_zero(estimator.reconstruction_error(X)):
        return
    assert losses.any(), (
        "loss_curve_ is zero in every epoch, and reconstruction_error of the training "
        "rows is not; expected the losses of training"
    )
    assert len(losses) == 1 or np.ptp(losses) > 0, (
        f"loss_curve_ is {losses[0]:.3g} in each of {len(losses)} epochs; expected "
        "losses that change"
    )
