"""The fitted attributes."""

from numbers import Integral, Real

import numpy as np

from ._assert import assert_close, assert_finite
from ._prepare import N_FEATURES, make_frame, make_rows

JUDGES = ("folds", "held_out", "none")


def check_fitted_attributes(estimator):
    """The attributes that every autoencoder has are there."""
    estimator.fit(make_rows())
    names = (
        "n_components_",
        "n_features_in_",
        "mean_",
        "explained_variance_ratio_",
        "reconstruction_error_",
        "pca_reconstruction_error_",
    )
    missing = [name for name in names if not hasattr(estimator, name)]
    assert not missing, f"after fit the attributes {missing} are missing"


def check_widths_agree(estimator):
    """All that counts codes or columns counts the same number of them."""
    X = make_rows()
    n_components = estimator.fit(X).n_components_
    assert isinstance(n_components, Integral), (
        f"n_components_ is {n_components!r}; expected an integer"
    )
    found = {
        "the width of transform": estimator.transform(X).shape[1],
        "the length of get_feature_names_out": len(estimator.get_feature_names_out()),
        "the length of explained_variance_ratio_": len(
            estimator.explained_variance_ratio_
        ),
    }
    if hasattr(estimator, "components_"):
        found["the length of components_"] = len(estimator.components_)
    for what, number in found.items():
        assert number == n_components, (
            f"{what} is {number}, n_components_ {n_components}"
        )
    found = {"n_features_in_": estimator.n_features_in_, "mean_": len(estimator.mean_)}
    for what, number in found.items():
        assert number == N_FEATURES, (
            f"{what} says {number} columns; expected {N_FEATURES} as in X"
        )


def check_mean(estimator):
    """`mean_` is the mean of the training rows."""
    X = make_rows()
    message = "mean_ is not the mean of the training rows"
    assert_close(estimator.fit(X).mean_, X.mean(axis=0), message, tol=1e-6)


def check_feature_names_in(estimator):
    """`feature_names_in_` holds the names of a DataFrame's columns, and only these."""
    X = make_frame()
    names = getattr(estimator.fit(X), "feature_names_in_", None)
    assert names is not None, (
        "feature_names_in_ is missing after a fit on a DataFrame; expected its columns"
    )
    assert list(names) == list(X.columns), (
        f"feature_names_in_ is {list(names)}; expected {list(X.columns)}"
    )
    assert not hasattr(estimator.fit(X.to_numpy()), "feature_names_in_"), (
        "feature_names_in_ is there after a fit on an array; expected no such attribute"
    )


def check_explained_variance_ratio(estimator):
    """`explained_variance_ratio_` has one finite value for each component."""
    ratio = estimator.fit(make_rows()).explained_variance_ratio_
    expected = (estimator.n_components_,)
    assert np.shape(ratio) == expected, (
        f"explained_variance_ratio_ has shape {np.shape(ratio)}; expected {expected}"
    )
    assert_finite(ratio, "explained_variance_ratio_ has")


def check_components(estimator):
    """`components_`, where there are any, are finite axes among the columns."""
    estimator.fit(make_rows())
    if not hasattr(estimator, "components_"):
        return
    expected = (estimator.n_components_, N_FEATURES)
    found = np.shape(estimator.components_)
    assert found == expected, f"components_ has shape {found}; expected {expected}"
    assert_finite(estimator.components_, "components_ has")


def check_judge(estimator):
    """`judge_` says on which rows the two errors were measured."""
    estimator.fit(make_rows())
    assert hasattr(estimator, "judge_"), (
        f"after fit the attribute judge_ is missing; expected one of {JUDGES}"
    )
    judge = estimator.judge_
    assert judge in JUDGES, f"judge_ is {judge!r}; expected one of {JUDGES}"


def check_error_attributes(estimator):
    """The two errors are finite non-negative numbers."""
    estimator.fit(make_rows())
    for name in ("reconstruction_error_", "pca_reconstruction_error_"):
        value = getattr(estimator, name)
        good = isinstance(value, Real) and np.isfinite(value) and value >= 0
        assert good, f"{name} is {value!r}; expected a finite number, zero or more"


def is_gradient_trained(estimator):
    """Return whether the estimator counts epochs, as closed-form ones do not."""
    return "max_iter" in estimator.get_params()


def check_loss_curve(estimator):
    """`loss_curve_` has one finite loss for each of `n_iter_` epochs."""
    if not is_gradient_trained(estimator):
        return
    n_iter = estimator.fit(make_rows()).n_iter_
    assert isinstance(n_iter, Integral), f"n_iter_ is {n_iter!r}; expected an integer"
    assert n_iter >= 1, f"n_iter_ is {n_iter}; expected at least one epoch"
    for name in ("loss_curve_", "validation_loss_curve_"):
        losses = getattr(estimator, name)
        if name != "loss_curve_" and losses is None:
            continue  # no rows were held out
        assert len(losses) == n_iter, (
            f"{name} has {len(losses)} entries; expected one for each of the {n_iter} "
            "epochs that n_iter_ counts"
        )
        assert_finite(np.asarray(losses, dtype=np.float64), f"{name} has")


def check_net(estimator):
    """`net_.module_` is a torch module in evaluation mode, on the device `device_`."""
    if not is_gradient_trained(estimator):
        return
    import torch

    estimator.fit(make_rows())
    assert isinstance(estimator.device_, str), (
        f"device_ is {estimator.device_!r}; expected a str such as 'cpu'"
    )
    module = getattr(estimator.net_, "module_", None)
    assert isinstance(module, torch.nn.Module), (
        f"net_.module_ is {module!r}; expected a torch.nn.Module"
    )
    assert not module.training, (
        "net_.module_ is in training mode after fit; expected evaluation mode"
    )
    expected = torch.device(estimator.device_).type
    found = {parameter.device.type for parameter in module.parameters()}
    assert found <= {expected}, (
        f"net_.module_ has weights on {sorted(found)}; expected them on device_="
        f"{estimator.device_!r}"
    )
