"""A callback of skorch's that calls a function."""

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
