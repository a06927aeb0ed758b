"""Estimators in files and in pickles."""

import warnings
from contextvars import ContextVar

from .. import files
from .._version import versions
from ..exceptions import InconsistentVersionWarning

# Whether it is pickle that asks for the state, or somebody who cannot store a network.
_is_pickled = ContextVar("_is_pickled", default=False)


class SavingMixin:
    """Files without pickle, and pickles that know their versions."""

    def save(self, path):
        """Save the fitted estimator to a file that is safe to load.

        Parameters
        ----------
        path : path-like
            Such as ``"model.safetensors"``. A file that is there is replaced, by a
            whole one or not at all. See :func:`skae.save` for what is stored, and
            :func:`skae.load` for the way back.

        Raises
        ------
        TypeError
            If a parameter or a layer cannot be stored without pickle; it is named.

        ValueError
            If weights are not finite.

        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        files.save(self, path)

    def __reduce_ex__(self, protocol):
        """Return what pickle and copy make an equal estimator of."""
        token = _is_pickled.set(True)
        try:
            return super().__reduce_ex__(protocol)
        finally:
            _is_pickled.reset(token)

    def __getstate__(self):
        """Return what is pickled: the attributes, and the versions that made them.

        Who asks without pickle, such as skops, gets a file of the fitted estimator.
        """
        if _is_pickled.get() or not files.is_fitted(self):
            return {**super().__getstate__(), "_versions": versions()}
        file, objects = files.to_bytes(self)
        return {"file": file, "objects": objects}

    def __setstate__(self, state):
        """Take attributes, and warn if they are of other versions."""
        if state.keys() == {"file", "objects"}:
            vars(self).update(vars(files.from_bytes(**state)))
            return
        state = dict(state)
        found, now = state.pop("_versions", {}), versions()
        changes = [
            f"{name} {found.get(name, 'unknown')}, now {now[name]}"
            for name in now
            if found.get(name) != now[name]
        ]
        if changes:
            warnings.warn(
                f"{type(self).__name__} was pickled with {'; '.join(changes)}. It may "
                "not work or give other results: fit it again, or keep models in files "
                "(save and skae.load), which do not depend on versions.",
                InconsistentVersionWarning,
                stacklevel=2,
            )
        super().__setstate__(state)
