"""Reducers by name, and copies of them of a given size."""

import importlib

from sklearn.base import clone

_KNOWN = {
    "pca": "sklearn.decomposition.PCA",
    "kernel_pca": "sklearn.decomposition.KernelPCA",
    "nmf": "sklearn.decomposition.NMF",
    "factor_analysis": "sklearn.decomposition.FactorAnalysis",
    "fast_ica": "sklearn.decomposition.FastICA",
    "truncated_svd": "sklearn.decomposition.TruncatedSVD",
    "isomap": "sklearn.manifold.Isomap",
    "umap": "umap.UMAP",
    "ae": "skae.AutoencoderTransformer",
    "denoising_ae": "skae.DenoisingAutoencoder",
    "sparse_ae": "skae.SparseAutoencoder",
    "contractive_ae": "skae.ContractiveAutoencoder",
    "stacked_ae": "skae.StackedAutoencoder",
    "vae": "skae.VariationalAutoencoder",
}
_SETTINGS = {
    # The way back is a ridge regression, whose default penalty of 1 shrinks codes of
    # norm below 1, as those of this kernel are, towards the mean.
    "kernel_pca": {"kernel": "rbf", "fit_inverse_transform": True, "alpha": 1e-3}
}

# Where the name to install is not that to import.
_INSTALLED_AS = {"umap": "umap-learn"}


def named_reducers(reducers):
    """Return a dict of estimators from any of the forms in which they are given."""
    reducers = ["pca", "ae"] if reducers is None else reducers
    if not isinstance(reducers, (dict, list, tuple)):
        raise TypeError(
            f"reducers is {reducers!r}: a dict or a list of reducers is accepted."
        )
    if not reducers:
        raise ValueError("reducers is empty: there is nothing to compare.")
    if not isinstance(reducers, dict):
        reducers = _with_names(reducers)
    for name, reducer in reducers.items():
        if not hasattr(reducer, "transform"):
            raise TypeError(
                f"reducer {name!r} has no transform, and rows that it was not fitted "
                "to have no codes: such a reducer cannot be judged on held-out rows."
            )
    return reducers


def _with_names(reducers):
    estimators = [_made(r) if isinstance(r, str) else r for r in reducers]
    names = [type(estimator).__name__ for estimator in estimators]
    if len(set(names)) < len(names):
        raise ValueError(
            f"reducers has two of one name among {names}: give a dict of names."
        )
    return dict(zip(names, estimators, strict=True))


def _made(name):
    """Return a reducer from its short name, or from where its class is."""
    module, _, cls = _KNOWN.get(name, name).rpartition(".")
    if not module:
        raise ValueError(
            f"unknown reducer {name!r}: known are {', '.join(_KNOWN)}; any other is "
            "named in full, such as sklearn.decomposition.SparsePCA."
        )
    try:
        found = getattr(importlib.import_module(module), cls)
    except ModuleNotFoundError as error:
        package = module.split(".")[0]
        raise ImportError(
            f"reducer {name!r} needs {package}: pip install "
            f"{_INSTALLED_AS.get(package, package)}"
        ) from error
    except AttributeError as error:
        raise ValueError(f"reducer {name!r}: {error}") from error
    return found(**_SETTINGS.get(name, {}))


def configured(name, reducer, size, seed):
    """Return an unfitted copy of the given size, seeded where it has no seed."""
    key = _size_parameter(name, reducer.get_params())
    return seeded(reducer, seed).set_params(**{key: size})


def seeded(estimator, seed):
    """Return an unfitted copy whose random_state is set everywhere."""
    seeds = {
        key: seed
        for key, value in estimator.get_params().items()
        if key.split("__")[-1] == "random_state" and value is None
    }
    return clone(estimator).set_params(**seeds)


def _size_parameter(name, params):
    if "n_components" in params:
        return "n_components"
    nested = [key for key in params if key.endswith("__n_components")]
    if len(nested) != 1:
        raise ValueError(
            f"reducer {name!r} has {len(nested)} parameters n_components in its steps: "
            "one is needed to set its size."
        )
    return nested[0]
