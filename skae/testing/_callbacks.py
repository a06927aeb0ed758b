"""Callbacks of skorch's that call functions, and whether there is a call to expect."""

from sklearn.base import clone


def with_callback(estimator, **hooks):
    """Return a clone with one more callback.

    Parameters
    ----------
    estimator : estimator with a parameter `callbacks`

    **hooks : dict of str to callable
        Names of skorch's hooks, such as on_epoch_end, and functions without arguments.
    """
    estimator = clone(estimator)
    callbacks = list(estimator.callbacks or [])
    return estimator.set_params(callbacks=[*callbacks, make_callback(**hooks)])


def make_callback(**hooks):
    """Return a skorch callback that calls the functions; see `with_callback`."""
    from skorch.callbacks import Callback

    def method(function):
        return lambda self, net, **kwargs: function()

    methods = {name: method(function) for name, function in hooks.items()}
    return type("HookCallback", (Callback,), methods)()


def has_run_epochs(estimator):
    """Return whether a fit has certainly run epochs, which callbacks should have seen.

    An `n_iter_` of 1 may also stand for none: where the start is the optimum, as PCA is
    for a linear network, there is nothing to train.
    """
    return estimator.n_iter_ > 1
