"""Ctrl-C: it reaches the caller, and nothing is left half fitted."""

from ._assert import Snapshot, is_fitted
from ._callbacks import make_callback, with_callback
from ._prepare import make_rows


class Interrupt(KeyboardInterrupt):
    """A Ctrl-C that the checks can tell from a real one."""


def _interrupt():
    raise Interrupt


def check_interrupt_reaches_the_caller(estimator):
    """An interrupt during an epoch is raised by fit."""
    if "callbacks" not in estimator.get_params():
        return
    epochs = []

    def interrupt():
        epochs.append("interrupted")
        raise Interrupt

    try:
        with_callback(estimator, on_epoch_end=interrupt).fit(make_rows())
    except Interrupt:
        return
    assert not epochs, (
        "fit returns although a KeyboardInterrupt was raised during an epoch; expected "
        "it to reach the caller"
    )


def check_interrupted_fit_leaves_unfitted(estimator):
    """An estimator whose first fit is interrupted is not fitted."""
    if "callbacks" not in estimator.get_params():
        return
    estimator = with_callback(estimator, on_epoch_end=_interrupt)
    try:
        estimator.fit(make_rows())
    except Interrupt:
        assert not is_fitted(estimator), (
            "an interrupted fit leaves a fitted estimator; expected it to stay unfitted"
        )


def check_interrupted_refit_changes_nothing(estimator):
    """A fitted estimator whose next fit is interrupted stays as it was."""
    if "callbacks" not in estimator.get_params():
        return
    X = make_rows()
    before = Snapshot(estimator.fit(X), X)
    callbacks = [*(estimator.callbacks or []), make_callback(on_epoch_end=_interrupt)]
    estimator.set_params(callbacks=callbacks)
    try:
        estimator.fit(make_rows(seed=1))
    except Interrupt:
        before.assert_unchanged("an interrupted fit")
