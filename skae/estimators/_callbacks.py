"""scikit-learn's own callback API (1.9 and later), or nothing where it is missing."""

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:
        """Stands in for scikit-learn's mixin: no callbacks can be set."""


class FitTask:
    """One fit as scikit-learn's callbacks see it: a task with a subtask per epoch."""

    def __init__(self, estimator, X, y, **metadata):
        self._estimator = estimator
        self._context = None
        self._epoch = None
        self._data = {"X": X, "y": y}
        metadata = {k: value for k, value in metadata.items() if value is not None}
        if metadata:
            self._data["metadata"] = metadata

    def begin(self, max_iter):
        """Announce the fit and how many epochs it has at most."""
        if hasattr(self._estimator, "_init_callback_context"):
            self._context = self._estimator._init_callback_context(
                max_subtasks=max_iter
            )
            self._context.call_on_fit_task_begin(
                estimator=self._estimator, **self._data
            )

    @property
    def active(self):
        """Whether anybody listens."""
        return self._context is not None and hasattr(self._estimator, "_skl_callbacks")

    def begin_epoch(self):
        """Announce an epoch."""
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def end_epoch(self, attributes):
        """Report an epoch; `attributes` is a function that returns the fitted ones.

        Returns whether a callback asks to stop.
        """
        return self._epoch.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=attributes,
            **self._data,
        )

    def end(self, attributes):
        """Report the end of the fit."""
        if self._context is not None:
            self._context.call_on_fit_task_end(
                estimator=self._estimator,
                reconstruction_attributes=attributes,
                **self._data,
            )
