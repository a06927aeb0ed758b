"""Ctrl-C: it reaches the caller, and nothing is left half fitted."""

from ._assert import Snapshot, is_fitted
from ._callbacks import has_run_epochs, make_callback
from ._prepare import make_rows


class Interrupt(KeyboardInterrupt):
    """A Ctrl-C that the checks can tell from a real one."""


def check_interrupt_reaches_the_caller(estimator):
    """An interrupt at the end of an epoch is raised by fit."""
    if "callbacks" in estimator.get_params():
        _is_interrupted(estimator, make_rows())


def check_interrupted_fit_leaves_unfitted(estimator):
    """An estimator whose first fit is interrupted is not fitted."""
    if "callbacks" not in estimator.get_params():
        return
    if _is_interrupted(estimator, make_rows()):
        assert not is_fitted(estimator), (
            "an interrupted fit leaves a fitted estimator; expected it to stay unfitted"
        )


def check_interrupted_refit_changes_nothing(estimator):
    """A fitted estimator whose next fit is interrupted stays as it was."""
    if "callbacks" not in estimator.get_params():
        return
    X = make_rows()
    before = Snapshot(estimator.fit(X), X)
    if _is_interrupted(estimator, make_rows(seed=1)):
        before.assert_unchanged("an interrupted fit")


def _is_interrupted(estimator, X):
    """Return whether a callback came to interrupt the fit: not where no epoch runs.

    Raise if `fit` returns all the same, or if it ran epochs that no callback saw.
    """
    epochs = []

    def interrupt():
        epochs.append("interrupted")
        raise Interrupt

    callbacks = [*(estimator.callbacks or []), make_callback(on_epoch_end=interrupt)]
    estimator.set_params(callbacks=callbacks)
    try:
        estimator.fit(X)
    except Interrupt:
        return True
    assert not epochs, (
        "fit returns although a KeyboardInterrupt was raised during an epoch; expected "
        "it to reach the caller"
    )
    assert not has_run_epochs(estimator), (
        f"fit runs {estimator.n_iter_} epochs and never calls on_epoch_end of a "
        "callback that interrupts it; expected a call after each epoch"
    )
    return False
