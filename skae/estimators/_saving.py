"""Estimators in files and in pickles."""

import warnings

from .. import files
from .._version import versions
from ..exceptions import InconsistentVersionWarning


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

    def __getstate__(self):
        """Return what is pickled: the attributes, and the versions that made them."""
        return {**super().__getstate__(), "_versions": versions()}

    def __setstate__(self, state):
        """Take attributes, and warn if they are of other versions."""
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
