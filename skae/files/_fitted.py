"""What is inside a fitted estimator of skae: its network, and what it was made by."""

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from sklearn.utils._param_validation import validate_parameter_constraints

from .. import engine
from ..exceptions import FileError
from ..networks._autoencoder import Autoencoder
from ..objectives._contractive import ContractiveNetwork
from ..objectives._denoising import Corruption
from ..objectives._sparse import SparseNetwork, TopKNetwork
from ..objectives._supervised import SupervisedNetwork
from ..objectives._variational import VariationalNetwork
from ..tables import HoleScale, mixed_encoder
from ._networks import Builder, describe
from ._registry import ARCHITECTURES, ESTIMATORS, OBJECTIVES, name_in
from ._rows import describe_rows, read_rows

SUPERVISED = ("AutoencoderClassifier", "AutoencoderRegressor")
DETECTOR = "AutoencoderOutlierDetector"
SAMPLER = "VariationalAutoencoder"
CLOSED_FORM = "MarginalizedDenoisingAutoencoder"
OBJECTIVE_OF = {
    "AutoencoderTransformer": "Reconstruction",
    "ContractiveAutoencoder": "Contractive",
    "DenoisingAutoencoder": "Denoising",
    "SparseAutoencoder": "Sparse",
    "StackedAutoencoder": "Reconstruction",
    "VariationalAutoencoder": "Variational",
}
NESTED = "autoencoder__"


def inner_of(estimator, writer, recorder, prefix, label):
    """Return JSON for what no attribute says."""
    name = type(estimator).__name__
    if name == DETECTOR:
        models = estimator.autoencoders_
        label = f"{label}'s "
        inner = {"models": [recorder.record(m, prefix + NESTED, label) for m in models]}
        if hasattr(estimator, "_hole_scale"):
            inner["holes"] = writer.encode_fields(estimator._hole_scale, label)
        return inner
    try:
        inner = {"network": describe(estimator._network, writer, _n_codes(estimator))}
    except TypeError as error:
        raise TypeError(
            f"{label} cannot be stored without pickle: it {error}."
        ) from None
    if name in SUPERVISED:
        model = estimator.autoencoder_
        return inner | {"model": recorder.record(model, prefix + NESTED, f"{label}'s ")}
    if name == CLOSED_FORM:
        return inner
    task, by_size = estimator._fitted_task, estimator._by_size
    objective = name_in(OBJECTIVES, type(task.objective))
    if objective is None:
        raise TypeError(f"{label} has an objective that is not skae's own.")
    split = getattr(estimator, "_split", None)
    if hasattr(estimator, "_row_model"):
        inner["rows"] = describe_rows(estimator._row_model, writer, label)
    return inner | {
        "blueprint": writer.encode_fields(task.blueprint, label),
        "objective": [objective, writer.encode_fields(task.objective, label)],
        "by_size": None if by_size is None else writer.encode_fields(by_size, label),
        "split": None if split is None else [split.salt, split.threshold],
    }


def _n_codes(estimator):
    """Return the number of codes, where an architecture may make own modules."""
    model = getattr(estimator, "autoencoder_", estimator)
    task = getattr(model, "_fitted_task", None)
    if task is None or not _is_own(task.blueprint.architecture):
        return None
    return task.blueprint.n_components


def _is_own(architecture):
    if architecture is None:
        return False
    name = name_in(ARCHITECTURES, type(architecture))
    return name is None or name == "Custom"


# -- back -----------------------------------------------------------------------------


def n_encoded(estimator):
    """Return how many columns the network of an estimator takes."""
    encoder = getattr(estimator, "encoder_", None)
    return estimator.n_features_in_ if encoder is None else encoder.blocks_[-1].stop


def fill(estimator, inner, restorer, prefix, depth):
    """Give an estimator that has its attributes what else a fit leaves behind."""
    name = type(estimator).__name__
    if not isinstance(inner, dict):
        raise FileError(f"{name} comes without its network.")
    if name == DETECTOR:
        _fill_detector(estimator, inner, restorer, prefix, depth)
    elif name in SUPERVISED:
        _fill_supervised(estimator, inner, restorer, prefix, depth)
    elif name == CLOSED_FORM:
        _expect(inner, {"network"})
        estimator.module_ = _network(
            inner["network"], estimator, restorer, torch.float64, Autoencoder
        )
    else:
        _fill_trained(estimator, inner, restorer)


def _expect(inner, keys):
    if set(inner) != keys:
        raise FileError(f"A fitted estimator has {sorted(inner)} inside, not {keys}.")


def _fill_detector(estimator, inner, restorer, prefix, depth):
    if "holes" in inner:
        estimator._hole_scale = _hole_scale(inner["holes"], estimator, restorer)
    _expect(inner, {"models"} | ({"holes"} & set(inner)))
    models = inner["models"]
    if not isinstance(models, list) or len(models) != len(estimator.scales_):
        raise FileError("The detector does not have one autoencoder for each fold.")
    estimator.autoencoders_ = [
        restorer.restore(model, prefix + NESTED, depth=depth + 1) for model in models
    ]
    for model in estimator.autoencoders_:
        if getattr(model, "n_features_in_", None) != n_encoded(estimator):
            raise FileError("An autoencoder of the detector is for other columns.")


def _hole_scale(stored, estimator, restorer):
    """Return what errors a detector expects where cells are missing."""
    scale = restorer.fields(HoleScale, stored)
    n_columns = estimator.n_features_in_
    if hasattr(estimator, "encoder_"):
        n_columns = len(estimator.encoder_.blocks_)
    arrays, n_levels = vars(scale).values(), np.size(scale.shares)
    are_floats = all(isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in arrays)
    shapes = [a.shape for a in arrays] if are_floats and n_levels else []
    if shapes != [(n_columns,), (n_levels,), (n_levels, HoleScale.n_ranks)]:
        raise FileError("The detector does not know what missing cells contribute.")
    return scale


def _fill_trained(estimator, inner, restorer):
    keys = {"network", "blueprint", "objective", "by_size", "split"}
    is_mixed = mixed_encoder(estimator) is not None
    draws_rows = type(estimator).__name__ == SAMPLER and is_mixed
    _expect(inner, keys | {"rows"} if draws_rows else keys)
    blueprint = restorer.fields(engine.Blueprint, inner["blueprint"])
    objective = restorer.objective(inner["objective"])
    _check_task(blueprint, objective, estimator)
    estimator._by_size = None
    if inner["by_size"] is not None:
        by_size = restorer.fields(engine.BySize, inner["by_size"])
        arrays = by_size.errors, by_size.pca_errors, by_size.deviations
        shape = (estimator.n_components_,)
        if not all(isinstance(a, np.ndarray) and a.shape == shape for a in arrays):
            raise FileError("The errors by number of components are none.")
        estimator._by_size = by_size
    split = inner["split"]
    if split is not None:
        if not (isinstance(split, list) and len(split) == 2):
            raise FileError("The file has a split that is none.")
        if not all(type(part) is int and part >= 0 for part in split):
            raise FileError("The file has a split that is none.")
        estimator._split = engine.ContentSplit(*split)
    task = engine.Task(blueprint, objective, None, "cpu", blocks=estimator._blocks)
    dtype = torch.float64 if blueprint.precision == "float64" else torch.float32

    network = _network(
        inner["network"], estimator, restorer, dtype, _network_class(objective), task
    )
    if draws_rows:
        estimator._row_model = read_rows(inner["rows"], estimator, restorer)
    estimator._fitted_task = task
    estimator.net_ = engine.restored_net(network, replace(task, plan=_plan(estimator)))


def _plan(estimator):
    resolved = (
        "solver",
        "learning_rate_init",
        "learning_rate",
        "batch_size",
        "max_iter",
    )
    given = ("n_iter_no_change", "tol", "alpha", "l1_ratio")
    return engine.Plan(
        precision=estimator.precision_,
        **{name: getattr(estimator, f"{name}_") for name in resolved},
        **{name: getattr(estimator, name) for name in given},
    )


def _network_class(objective):
    name = type(objective).__name__
    if name == "Sparse":
        return TopKNetwork if objective.sparsity == "top_k" else SparseNetwork
    special = {"Contractive": ContractiveNetwork, "Variational": VariationalNetwork}
    return special.get(name, Autoencoder)


def _check_task(blueprint, objective, estimator):
    """Raise a FileError unless they are what the class and its attributes ask for."""
    if blueprint.n_features != n_encoded(estimator):
        raise FileError("The file says two things of its columns.")
    for name in ("n_components_", "hidden_layer_sizes_", "precision_"):
        field = name.removesuffix("_")
        if getattr(blueprint, field) != getattr(estimator, name):
            raise FileError(f"The file says two things of {name}.")
    name = type(estimator).__name__
    if type(objective).__name__ != OBJECTIVE_OF[name]:
        raise FileError(f"{name} does not minimise {type(objective).__name__}.")
    constraints = estimator._parameter_constraints
    for field, value in {**vars(blueprint), "loss": objective.loss}.items():
        if field in constraints:
            validate_parameter_constraints(
                {field: constraints[field]}, {field: value}, name
            )
        elif field != "n_features" and value != getattr(estimator, field):
            raise FileError(f"{name} cannot have been fitted with {field}={value!r}.")


def _network(tree, estimator, restorer, dtype, cls, task=None):
    own = None
    if task is not None and _is_own(task.blueprint.architecture):
        own = partial(engine.build_parts, task)
    builder = Builder(
        restorer.values, n_encoded(estimator), estimator.n_components_, dtype, own
    )
    network = builder.build(tree, cls)
    if task is not None:
        _set_blocks(network, task)
    network.seal()
    return network


def _set_blocks(network, task):
    """Give a network what it knows of a mixed table, which its file does not hold."""
    autoencoder = getattr(network, "autoencoder", network)
    if task.counts_cells:
        if autoencoder.mean is None and autoencoder.row_mean is None:
            raise FileError("The network does not know the mean of its rows.")
        autoencoder.set_blocks(task.blocks)
    if isinstance(autoencoder.corruption, Corruption):
        autoencoder.corruption.by_cell(task.blocks)


def _fill_supervised(estimator, inner, restorer, prefix, depth):
    _expect(inner, {"network", "model"})
    model = restorer.restore(
        inner["model"], prefix + NESTED, among=ESTIMATORS, depth=depth + 1
    )
    sizes = n_encoded(estimator), estimator.n_components_
    if (n_encoded(model), model.n_components_) != sizes:
        raise FileError("The classifier's autoencoder is of another size.")
    estimator.autoencoder_, estimator.device_ = model, "cpu"
    dtype = next(model._network.parameters()).dtype
    task = getattr(model, "_fitted_task", None)
    network = _network(
        inner["network"], estimator, restorer, dtype, SupervisedNetwork, task
    )
    _check_outputs(network, estimator)
    has_classes = hasattr(estimator, "classes_")
    estimator.net_ = engine.restored_supervised_net(
        network,
        estimator._objectives(1, 1)[0],
        estimator._plan(1),
        has_classes=has_classes,
    )


def _check_outputs(network, estimator):
    if hasattr(estimator, "classes_"):
        n_classes = len(estimator.classes_)
        expected = 1 if n_classes == 2 else n_classes
        if network.head.out_features != expected or n_classes < 2:
            raise FileError("The head has an output for other classes.")
    elif network.target_mean is None or not np.all(network.target_scale.numpy()):
        raise FileError("The head's outputs have no units.")
