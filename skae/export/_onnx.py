"""Fitted estimators as ONNX files."""

import json
import logging
import warnings
from contextlib import contextmanager
from pathlib import Path

import torch
from sklearn.pipeline import Pipeline
from torch import nn

from .._version import __version__
from ._modules import module_of, steps_of

METHODS = (
    *("transform", "inverse_transform", "reconstruct", "score_samples"),
    *("decision_function", "predict", "predict_proba"),
)
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def to_onnx(estimator, path, *, method="transform", dtype="float32"):
    """Write what a method of a fitted estimator computes to an ONNX file.

    Any ONNX runtime then computes it, without skae, torch or Python. The results differ
    from the estimator's by rounding.

    Parameters
    ----------
    estimator : estimator
        One of skae's, or a :class:`~sklearn.pipeline.Pipeline` of these and of
        scikit-learn's StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler,
        SimpleImputer (of NaN) and PCA.

    path : path-like
        Such as ``"model.onnx"``. A file that is there is replaced.

    method : {"transform", "inverse_transform", "reconstruct", "score_samples", \
            "decision_function", "predict", "predict_proba"}, default="transform"
        A method that the estimator has. A Pipeline has "reconstruct" as well, where it
        has an inverse: rows in the units of X.

    dtype : {"float32", "float64"}, default="float32"
        Of the rows that the file takes and of its results. Pipelines, standardisation
        and units are computed in float64 either way, layers in the precision that they
        were trained in. Take "float64" for columns that float32 does not hold, such as
        times in seconds since 1970.

    Raises
    ------
    ImportError
        If onnx or onnxscript is not installed.

    TypeError
        If a step, or a layer of your own, cannot be exported; it is named.

    ValueError
        If the estimator has no such method, or for another `dtype`.

    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Notes
    -----
    The file has one input, "X" of shape (n_rows, n_columns), and one output, named
    after the method. Its metadata are "class", "method", "skae" (the version) and,
    where there are any, "feature_names_in" and "classes" as JSON lists.

    A row with NaN or infinity is an error in an estimator. In a file all its results
    are NaN. "predict" of an outlier detector says -1; of a classifier it says any
    class, so look at "predict_proba" where rows may be incomplete.

    :class:`~skae.AutoencoderOutlierDetector` scores rows of its training by
    autoencoders that have not seen them. A file does not know these rows: all are new.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> import skae
    >>> X = load_iris().data
    >>> ae = skae.AutoencoderTransformer(2, hidden_layer_sizes=()).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "iris.onnx"
    ...     skae.export.to_onnx(ae, path)
    ...     path.stat().st_size < 10_000
    True
    """
    _check_onnx()
    if dtype not in DTYPES:
        raise ValueError(f"dtype={dtype!r} should be one of {list(DTYPES)}.")
    _check_method(estimator, method)
    module = _Ends(module_of(estimator, method), DTYPES[dtype])
    rows = torch.zeros(2, _n_inputs(estimator, method), dtype=DTYPES[dtype])
    try:
        model = _exported(module.eval(), rows, method)
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise TypeError(
            f"{_class_name(estimator)} cannot be exported: torch does not know how to "
            f"write its layers as ONNX. {reason}"
        ) from error
    classes = getattr(estimator, "classes_", None)
    if method == "predict" and classes is not None:
        _name_classes(model, classes)
    _describe(model, estimator, method)
    Path(path).write_bytes(model.SerializeToString())


# -- what is asked for -----------------------------------------------------------------


def _check_onnx():
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'to_onnx needs onnx and onnxscript: pip install "skae[onnx]"'
        ) from error


def _check_method(estimator, method):
    found = [name for name in METHODS if _has(estimator, name)]
    if found and method not in found:
        raise ValueError(
            f"method={method!r} should be one that {type(estimator).__name__} has: "
            f"{found}."
        )


def _has(estimator, method):
    if method == "reconstruct":
        return _has(estimator, "transform") and _has(estimator, "inverse_transform")
    return hasattr(estimator, method)


def _n_inputs(estimator, method):
    if method == "inverse_transform":
        return len(estimator.get_feature_names_out())
    if isinstance(estimator, Pipeline):
        return _n_inputs(steps_of(estimator)[0][1], method)
    return estimator.n_features_in_


# -- the file --------------------------------------------------------------------------


class _Ends(nn.Module):
    """Takes and returns another dtype than float64."""

    def __init__(self, module, dtype):
        super().__init__()
        self.module = module
        self.dtype = dtype

    def forward(self, X):
        result = self.module(X.double())
        return result.to(self.dtype) if result.is_floating_point() else result


def _exported(module, rows, name):
    """Return the ONNX model of a module that takes any number of such rows."""
    with _silence():
        program = torch.onnx.export(
            module,
            (rows,),
            input_names=["X"],
            output_names=[name],
            dynamic_shapes=({0: torch.export.Dim("n_rows")},),
            dynamo=True,
            verbose=False,
        )
    return program.model_proto


@contextmanager
def _silence():
    """Hide what torch says to itself: of torchvision, of names that it deprecates."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)


def _name_classes(model, classes):
    """Let a model return classes where it returns their places."""
    from onnx import helper, numpy_helper

    labels = classes.astype(object) if classes.dtype.kind in "US" else classes
    table = numpy_helper.from_array(labels, "classes")
    (output,) = model.graph.output
    for node in model.graph.node:
        node.output[:] = ["place" if n == output.name else n for n in node.output]
    gather = helper.make_node("Gather", ["classes", "place"], [output.name])
    model.graph.initializer.append(table)
    model.graph.node.append(gather)
    output.type.tensor_type.elem_type = table.data_type


def _describe(model, estimator, method):
    """Say what a model is, and nothing of the machine that it was made on."""
    from onnx import helper

    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for part in (graph, *graph.node, *values):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.producer_name, model.producer_version = "skae", __version__
    about = {"class": _class_name(estimator), "method": method, "skae": __version__}
    for name in ("feature_names_in", "classes"):
        values = getattr(estimator, f"{name}_", None)
        if values is not None:
            about[name] = json.dumps(values.tolist())
    helper.set_model_props(model, about)


def _class_name(estimator):
    if isinstance(estimator, Pipeline):
        names = (_class_name(step) for _, step in steps_of(estimator))
        return f"Pipeline({', '.join(names)})"
    return type(estimator).__name__
