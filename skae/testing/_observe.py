"""Callbacks: they hear of every epoch, and listening has no influence."""

from functools import partial

from ._assert import assert_same
from ._callbacks import has_run_epochs, with_callback
from ._prepare import make_rows

HOOKS = (
    "on_train_begin",
    "on_epoch_begin",
    "on_batch_begin",
    "on_grad_computed",
    "on_batch_end",
    "on_epoch_end",
    "on_train_end",
)


def check_callbacks_are_called(estimator):
    """A callback hears when training begins and ends, and of every epoch between."""
    if "callbacks" not in estimator.get_params():
        return
    observed, calls = _observed(estimator)
    n_iter = observed.fit(make_rows()).n_iter_
    if not calls and not has_run_epochs(observed):
        return
    n_heard = calls.count("on_epoch_end")
    assert n_heard == n_iter or not (n_heard or has_run_epochs(observed)), (
        f"on_epoch_end of a callback is called {n_heard} times; expected a call for "
        f"each of the {n_iter} epochs that n_iter_ counts"
    )
    first, last = (calls[0], calls[-1]) if calls else (None, None)
    assert (first, last) == ("on_train_begin", "on_train_end"), (
        f"the first call of a callback is {first}, the last {last}; expected "
        "on_train_begin and on_train_end"
    )


def check_callbacks_only_observe(estimator):
    """A callback that does nothing leaves the fit what it is without it."""
    if "callbacks" not in estimator.get_params():
        return
    X = make_rows()
    observed, _ = _observed(estimator)
    Z = estimator.fit(X).transform(X)
    message = "a callback that only observes changes {}; expected no influence on fit"
    assert_same(observed.fit(X).transform(X), Z, message.format("the codes"))
    assert_same(
        observed.inverse_transform(Z),
        estimator.inverse_transform(Z),
        message.format("the rows of codes"),
    )


def _observed(estimator):
    """Return a clone with a callback, and the list of its hooks as they are called."""
    calls = []
    hooks = {name: partial(calls.append, name) for name in HOOKS}
    return with_callback(estimator, **hooks), calls
