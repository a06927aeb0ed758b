"""What a method of a fitted estimator computes, as one torch module of float64 rows."""

import torch
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import nn

from ..objectives._supervised import SupervisedNetwork
from ..objectives._variational import VariationalNetwork
from ..tables import mixed_encoder
from . import _networks as networks
from ._steps import STEPS


def module_of(estimator, method):
    """Return a module that maps rows as a method of an estimator does.

    Raises
    ------
    TypeError
        If there is none: for a step that is not known, by its name.

    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    """
    if isinstance(estimator, Pipeline):
        return _of_pipeline(estimator, method)
    check_is_fitted(estimator)
    if mixed_encoder(estimator) is not None:
        raise TypeError(
            f"{type(estimator).__name__} cannot be exported: it was fitted to a table "
            "with text or dates, for which ONNX has no type. Put a TableEncoder before "
            "it, and export what comes after that."
        )
    if hasattr(estimator, "encoder_"):
        raise TypeError(
            f"{type(estimator).__name__} cannot be exported: it was fitted with "
            "missing_values='mask' or column_weight. Put an imputer or a scaler before "
            "an estimator without these."
        )
    if type(estimator) in STEPS:
        return _of_step(estimator, method)
    if hasattr(estimator, "autoencoders_"):
        return _of_detector(estimator, method)
    network = _network_of(estimator)
    if isinstance(network, SupervisedNetwork):
        return _of_head(estimator, network, method)
    return networks.Method(network, _function(estimator, network, method))


def steps_of(pipeline):
    """Return name and estimator of every step that does something."""
    return [pair for pair in pipeline.steps if pair[1] not in (None, "passthrough")]


def _of_pipeline(pipeline, method):
    *steps, last = steps_of(pipeline)
    if method == "inverse_transform":
        calls = [(pair, method) for pair in [last, *reversed(steps)]]
    else:
        calls = [*((pair, "transform") for pair in steps), (last, method)]
    if method == "reconstruct":
        calls += [(pair, "inverse_transform") for pair in reversed(steps)]
    return nn.Sequential(*(_named(*pair, method) for pair, method in calls))


def _named(name, step, method):
    try:
        return module_of(step, method)
    except TypeError as error:
        raise TypeError(f"Step {name!r} of the Pipeline, {error}") from error


def _of_step(step, method):
    make = STEPS[type(step)]
    if method == "reconstruct":
        return nn.Sequential(make(step, "transform"), make(step, "inverse_transform"))
    return make(step, method)


def _network_of(estimator):
    net = getattr(estimator, "net_", None)
    # `net_.module_` would break the seal: the estimator would be slower from then on
    network = getattr(estimator, "module_", None) if net is None else net.network_
    if network is None:
        raise TypeError(
            f"{type(estimator).__name__} cannot be exported: only skae's estimators "
            f"can, and {', '.join(sorted(cls.__name__ for cls in STEPS))}."
        )
    return network


def _function(estimator, network, method):
    if method != "score_samples":
        return {
            "transform": networks.encode,
            "inverse_transform": networks.decode,
            "reconstruct": networks.outputs,
        }[method]
    if isinstance(network, VariationalNetwork):
        return networks.elbo(estimator.noise_variance_)
    return networks.error_score


# -- heads and outlier detectors -------------------------------------------------------


class Largest(nn.Module):
    """The place of the largest entry of each row."""

    def forward(self, p):
        return p.argmax(dim=1)


def _of_head(estimator, network, method):
    is_classifier = hasattr(estimator, "classes_")
    if is_classifier and method == "predict":
        return nn.Sequential(_of_head(estimator, network, "predict_proba"), Largest())
    is_flat = is_classifier or estimator._is_single_output
    is_column = is_flat and network.head.out_features == 1
    functions = {"transform": networks.encode, "predict_proba": networks.probabilities}
    outputs = networks.single_output if is_column else networks.outputs
    return networks.Method(network, functions.get(method, outputs))


class OutlierScore(nn.Module):
    """Minus the squared errors of columns in their units, mean over autoencoders."""

    def __init__(self, parts, scales, offset):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.register_buffer("scales", torch.tensor(scales))
        self.offset = offset

    def forward(self, X):
        errors = 0.0
        for part, scale in zip(self.parts, self.scales, strict=True):
            U = X / scale
            errors = errors + (U - part(U)).square().sum(dim=1)
        return -errors / len(self.parts) - self.offset


class Inlier(nn.Module):
    """1 where the score is not negative; -1 for NaN, too."""

    def forward(self, score):
        return torch.where(score >= 0, 1, -1)


def _of_detector(detector, method):
    parts = [module_of(model, "reconstruct") for model in detector.autoencoders_]
    offset = 0.0 if method == "score_samples" else float(detector.offset_)
    score = OutlierScore(parts, detector.scales_, offset)
    return nn.Sequential(score, Inlier()) if method == "predict" else score
