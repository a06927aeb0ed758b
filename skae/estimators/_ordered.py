"""Codes in order, of which the first alone are an autoencoder too."""

from dataclasses import replace
from numbers import Integral

from sklearn.base import clone
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions

from .. import engine
from ._base import BaseAutoencoder
from ._validation import check_fitted

# Fitted attributes with a value for each component.
BY_COMPONENT = (
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
)


class OrderedAutoencoder(BaseAutoencoder):
    """A `BaseAutoencoder` whose codes may be ordered, and their number be found."""

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            StrOptions({"auto"}),
            None,
        ],
        "ordered": ["boolean"],
    }

    def truncate(self, n_components):
        """Return an estimator with the first components alone, fitted as this one is.

        Parameters
        ----------
        n_components : int
            How many to keep, at least one.

        Returns
        -------
        truncated : object
            A new estimator. Its codes are the first columns of this one's, and its
            errors are those of the same rows. This one stays as it is.

        Raises
        ------
        ValueError
            If the components are not ordered, or fewer than `n_components`.
        """
        check_fitted(self)
        if not self._fitted_task.blueprint.ordered:
            raise ValueError(
                "truncate needs components in order of what they are worth: fit with "
                f"ordered=True, got ordered={self.ordered}."
            )
        is_size = isinstance(n_components, Integral)
        if not is_size or not 1 <= n_components <= self.n_components_:
            raise ValueError(
                f"n_components={n_components!r} should be an integer between 1 and "
                f"{self.n_components_}, the components that there are."
            )
        other = clone(self).set_params(n_components=int(n_components), ordered=True)
        fitted = vars(self).items()
        vars(other).update({k: v for k, v in fitted if k not in vars(other)})
        vars(other).pop("_stream", None)
        other._keep(int(n_components))
        return other

    def _keep(self, n_components):
        """Leave out all components but the first, in place."""
        self.net_ = engine.truncated_net(self.net_, n_components)
        self.n_components_ = self._n_features_out = n_components
        for name in set(BY_COMPONENT) & set(vars(self)):
            setattr(self, name, getattr(self, name)[:n_components])
        task = self._fitted_task
        blueprint = replace(task.blueprint, n_components=n_components)
        self._fitted_task = replace(task, blueprint=blueprint)
        if self._by_size is not None:
            self._by_size = self._by_size.first(n_components)
            self.reconstruction_error_ = float(self._by_size.errors[-1])
            self.pca_reconstruction_error_ = float(self._by_size.pca_errors[-1])

    @property
    def _rule(self):
        """What `n_components` says of the components to keep, or None for all."""
        n_components = self.n_components
        return (
            None if isinstance(n_components, (Integral, type(None))) else n_components
        )

    def _fit(self, table, validation, epochs, seed):
        if self.warm_start and not isinstance(self.n_components, Integral):
            raise ValueError(
                f"n_components={self.n_components!r} may be another number in each "
                "fit, and warm_start=True goes on from a network with as many as "
                "before. Give a number, or use warm_start=False."
            )
        self._n_largest = min(table.total_shape)
        if self._rule is not None:
            self._n_largest = engine.components_needed(table, self._rule)
        is_interrupted = super()._fit(table, validation, epochs, seed)
        if self._rule is not None:
            self._keep(self._by_size.fewest(self._rule))
        return is_interrupted

    def _partial_fit(self, table, first):
        if not isinstance(self.n_components, Integral):
            raise ValueError(
                f"n_components={self.n_components!r} needs all rows: give partial_fit "
                "a number, or use fit."
            )
        super()._partial_fit(table, first)

    def _parameters(self):
        parameters = super()._parameters()
        if not isinstance(self.n_components, Integral):
            parameters["n_components"] = self._n_largest
        parameters["ordered"] |= self._rule is not None
        return parameters
