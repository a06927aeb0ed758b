"""ONNX files: what they hold computes what the estimator does."""

import json
import sys
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from torch import nn

import skae
from skae.architectures import Conv1d, Conv2d, Custom
from skae.export import to_onnx
from skae.export._modules import module_of

from .tables import make_binary, make_curve, make_digits

QUICK = {"max_iter": 2, "random_state": 0}
METHODS = (
    *("transform", "inverse_transform", "reconstruct", "score_samples"),
    *("decision_function", "predict", "predict_proba"),
)
# A constant column, and none whose mean float32 would not hold to 1e-5 deviations.
CURVE = np.column_stack([make_curve(100) - [0, 1, -2, 0, 10, 0], np.full(100, 3.0)])
BINARY, DIGITS = make_binary(100), make_digits(100)
LABELS = np.array(["low", "middle", "high"])[
    (CURVE[:, 0] > 0).astype(int) + (CURVE[:, 1] > 0)
]


def narrow(cls=skae.AutoencoderTransformer, n_components=2, **parameters):
    return cls(n_components, **{**QUICK, "hidden_layer_sizes": (4,)} | parameters)


def conv(cls=skae.AutoencoderTransformer, **parameters):
    return cls(2, **QUICK, init="random", **parameters)


pretrained = narrow()
supervised = {"max_iter": 1, "random_state": 0}
# Every estimator and every kind of layer, and the method that its file holds here.
ESTIMATORS = {
    "kernel ridge": (skae.AutoencoderTransformer(2, **QUICK), CURVE, "reconstruct"),
    "tied": (narrow(tied_weights=True, whiten=True), CURVE, "inverse_transform"),
    "clamped": (
        narrow(skae.DenoisingAutoencoder, init="pca", output_activation="clamp"),
        CURVE,
        "reconstruct",
    ),
    "ordered": (narrow(n_components=0.5, ordered=True), CURVE, "reconstruct"),
    "top_k": (
        narrow(skae.SparseAutoencoder, n_components=6, sparsity="top_k", k=2),
        CURVE,
        "transform",
    ),
    "contractive": (narrow(skae.ContractiveAutoencoder), CURVE, "score_samples"),
    "stacked": (
        narrow(skae.StackedAutoencoder, activation=torch.tanh),
        CURVE,
        "transform",
    ),
    "normal": (narrow(skae.VariationalAutoencoder), CURVE, "score_samples"),
    "marginalized": (
        skae.MarginalizedDenoisingAutoencoder(2, concatenate=True),
        CURVE,
        "reconstruct",
    ),
    "two classes": (
        skae.AutoencoderClassifier(pretrained, **supervised),
        CURVE,
        "predict_proba",
    ),
    "regressor": (
        skae.AutoencoderRegressor(pretrained, **supervised),
        CURVE,
        "predict",
    ),
    "detector": (
        skae.AutoencoderOutlierDetector(pretrained, n_folds=2, random_state=0),
        CURVE,
        "decision_function",
    ),
    "images": (
        conv(architecture=Conv2d((8, 8, 1), (2, 3), channels_last=True)),
        DIGITS,
        "reconstruct",
    ),
    "series": (
        conv(
            skae.DenoisingAutoencoder,
            architecture=Conv1d(
                channels=(2,), downsampling="avg_pool", upsampling="transposed"
            ),
        ),
        DIGITS,
        "reconstruct",
    ),
    "pipeline": (
        make_pipeline(StandardScaler(), PCA(5, whiten=True), "passthrough", narrow()),
        CURVE,
        "reconstruct",
    ),
}
MORE = {
    "bernoulli": (
        narrow(skae.VariationalAutoencoder, loss="binary_cross_entropy"),
        BINARY,
    ),
    "strides": (
        conv(architecture=Conv2d((8, 8), (2, 3), downsampling="stride")),
        DIGITS,
    ),
    "random": (narrow(init="random", dropout=0.1), CURVE),
    "relu": (narrow(activation="relu", code_activation="relu", init="random"), CURVE),
    "cross-entropy": (narrow(loss="binary_cross_entropy"), BINARY),
    "l1": (narrow(skae.SparseAutoencoder), CURVE),
    "maps": (
        conv(
            skae.VariationalAutoencoder,
            architecture=Conv2d((8, 8), (2, 2), code="map"),
        ),
        DIGITS,
    ),
    "detector of PCA": (
        skae.AutoencoderOutlierDetector(PCA(2), n_folds=2, random_state=0),
        CURVE,
    ),
    "scalers": (
        make_pipeline(
            MinMaxScaler(clip=True), MaxAbsScaler(), RobustScaler(), PCA(4), narrow()
        ),
        CURVE,
    ),
    "halves": (
        make_pipeline(
            StandardScaler(with_mean=False),
            StandardScaler(with_std=False),
            RobustScaler(with_centering=False),
            RobustScaler(with_scaling=False),
            narrow(),
        ),
        CURVE,
    ),
}
FITS = {name: row[:2] for name, row in {**ESTIMATORS, **MORE}.items()}


@cache
def fitted(name):
    estimator, X = FITS[name]
    is_classifier = isinstance(estimator, skae.AutoencoderClassifier)
    y = (LABELS > "low") + 1 if is_classifier else CURVE[:, 0]
    estimator.fit(X, y)
    return estimator.truncate(1) if name == "ordered" else estimator


def new_rows(estimator, X, method):
    """Return rows near those of a table, float32, some of them far outside."""
    rows = X + 0.01 * np.random.default_rng(0).standard_normal(X.shape)
    if X is BINARY:
        rows = rows.clip(0, 1)
    else:
        rows[:3] *= 10
    if method == "inverse_transform":
        rows = estimator.transform(rows)
    return rows.astype(np.float32)


def answer(estimator, method, rows):
    """Return what an estimator says in float64."""
    if method == "reconstruct" and not hasattr(estimator, method):
        rows, method = estimator.transform(rows), "inverse_transform"
    return np.asarray(getattr(estimator, method)(rows.astype(np.float64)))


def assert_close(found, expected, X):
    """To 1e-5 of a standard deviation: of a column of the data, or of the results."""
    assert found.shape == expected.shape
    scale = X.std(axis=0) if expected.shape == X.shape else expected.std(axis=0)
    assert np.max(abs(found - expected) / np.where(scale > 0, scale, 1)) < 1e-5


def run(path, rows):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"X": rows})[0]


# -- the same results ------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_file_computes_what_the_estimator_does(name, tmp_path):
    """For any number of rows; a row with NaN has NaN in all results, others do not."""
    (_, X, method), estimator = ESTIMATORS[name], fitted(name)
    rows = new_rows(estimator, X, method)
    to_onnx(estimator, tmp_path / "model.onnx", method=method)
    found = run(tmp_path / "model.onnx", rows)
    assert found.dtype == np.float32
    assert_close(found, answer(estimator, method, rows), X)
    alone = run(tmp_path / "model.onnx", rows[:1])
    np.testing.assert_allclose(alone, found[:1], rtol=1e-4, atol=1e-5)
    rows[3, 0] = np.nan
    with_nan = run(tmp_path / "model.onnx", rows)
    assert np.isnan(with_nan[3]).all()
    assert not np.isnan(np.delete(with_nan, 3, axis=0)).any()


@pytest.mark.parametrize("name", FITS)
def test_every_method_is_the_same_before_it_becomes_a_file(name):
    """What torch writes to the file: all methods of all estimators."""
    estimator, X = fitted(name), FITS[name][1]
    has_inverse = hasattr(estimator, "inverse_transform")
    methods = [m for m in METHODS if hasattr(estimator, m)]
    assert methods
    for method in {*methods, "reconstruct"} if has_inverse else methods:
        rows = new_rows(estimator, X, method)
        with torch.no_grad():
            found = module_of(estimator, method)(torch.tensor(rows).double()).numpy()
        expected = answer(estimator, method, rows)
        if method == "predict" and hasattr(estimator, "classes_"):
            found = estimator.classes_[found]
        assert_close(found, expected, X)


def test_times_in_seconds_keep_their_digits(tmp_path):
    """float64 in and out, behind an imputer that fills what is missing."""
    seconds = 1.7e9 + 100 * CURVE
    incomplete = np.column_stack([seconds, np.full(100, np.nan)])
    incomplete[::5, 1] = np.nan
    with warnings.catch_warnings(action="ignore"):  # scikit-learn drops a column
        pipeline = make_pipeline(SimpleImputer(), narrow()).fit(incomplete)
        expected = pipeline.transform(incomplete)
    to_onnx(pipeline, tmp_path / "model.onnx", dtype="float64")
    found = run(tmp_path / "model.onnx", incomplete)
    assert found.dtype == np.float64
    assert_close(found, expected, seconds)


# -- files -----------------------------------------------------------------------------


def test_a_file_says_what_it_is(tmp_path, capfd):
    """And which classes there are, which it returns; nothing is printed or changed."""
    frame = pd.DataFrame(CURVE[:, :2], columns=["width", "height"])
    classifier = skae.AutoencoderClassifier(narrow(n_components=1), **supervised)
    pipeline = make_pipeline(StandardScaler(), classifier).fit(frame, LABELS)
    path, state = tmp_path / "model.onnx", torch.get_rng_state()
    to_onnx(pipeline, path, method="predict")
    assert capfd.readouterr() == ("", "")
    assert torch.equal(torch.get_rng_state(), state)
    assert classifier.net_.network_.sealed
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["class"] == "Pipeline(StandardScaler, AutoencoderClassifier)"
    assert about["method"] == "predict"
    assert about["skae"] == skae.__version__
    assert json.loads(about["feature_names_in"]) == ["width", "height"]
    assert json.loads(about["classes"]) == ["high", "low", "middle"]
    assert [value.name for value in model.graph.input] == ["X"]
    assert [value.name for value in model.graph.output] == ["predict"]
    found = run(path, frame.to_numpy(np.float32))
    np.testing.assert_array_equal(found, pipeline.predict(frame))
    for secret in (Path(__file__).parents[1], "site-packages"):
        assert str(secret).encode() not in path.read_bytes()


def test_a_decoder_leaves_the_encoder_out(tmp_path):
    """Files are no larger than the weights that they need."""
    X = make_digits(100)
    ae = narrow(hidden_layer_sizes=(100,), init="random").fit(X)
    to_onnx(ae, tmp_path / "model.onnx", method="inverse_transform")
    n_weights = sum(p.numel() for p in ae.net_.network_.decoder.parameters())
    assert (tmp_path / "model.onnx").stat().st_size < 4 * n_weights + 10_000


def test_incomplete_rows_are_outliers():
    """A score of NaN is not above the threshold."""
    rows = torch.tensor(CURVE[:3])
    rows[1, 0] = torch.nan
    inlier = module_of(fitted("detector"), "predict")(rows)
    assert inlier[1] == -1


# -- errors ----------------------------------------------------------------------------


def test_what_is_not_fitted_is_refused(tmp_path):
    with pytest.raises(NotFittedError, match="AutoencoderTransformer"):
        to_onnx(narrow(), tmp_path / "model.onnx")
    with pytest.raises(NotFittedError, match="StandardScaler"):
        to_onnx(make_pipeline(StandardScaler(), fitted("tied")), tmp_path / "m.onnx")


def test_an_unknown_step_is_named(tmp_path):
    pipeline = make_pipeline(PowerTransformer(), narrow()).fit(CURVE[:, :6])
    with pytest.raises(TypeError, match="Step 'powertransformer' of the Pipeline, Pow"):
        to_onnx(pipeline, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_imputers_fill_in_numbers_or_are_refused():
    incomplete = np.where(CURVE > 1, np.nan, CURVE)
    for strategy in ("median", "constant"):
        imputer = SimpleImputer(strategy=strategy, keep_empty_features=True)
        expected = imputer.fit_transform(incomplete)
        found = module_of(imputer, "transform")(torch.tensor(incomplete)).numpy()
        np.testing.assert_array_equal(found, expected)
    for options in ({"add_indicator": True}, {"missing_values": 0.0}):
        imputer = SimpleImputer(**options).fit(CURVE)
        with pytest.raises(TypeError, match="in the place of NaN"):
            module_of(imputer, "transform")


def test_mixed_tables_are_refused(tmp_path):
    frame = pd.DataFrame({"a": CURVE[:, 0], "b": CURVE[:, 1], "c": LABELS})
    ae = narrow(n_components=1).fit(frame)
    with pytest.raises(TypeError, match="text or dates"):
        to_onnx(ae, tmp_path / "model.onnx")


class Branch(nn.Linear):
    def forward(self, X):
        return super().forward(X) if X.sum() > 0 else -super().forward(X)


def test_layers_that_torch_cannot_write_are_refused(tmp_path):
    ae = skae.AutoencoderTransformer(
        2, architecture=Custom(Branch, nn.Linear), init="random", **QUICK
    ).fit(CURVE)
    with pytest.raises(TypeError, match="AutoencoderTransformer cannot be exported"):
        to_onnx(ae, tmp_path / "model.onnx")


def test_methods_and_dtypes_that_there_are_not_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"method='predict' .* \['transform', 'inv"):
        to_onnx(fitted("tied"), tmp_path / "model.onnx", method="predict")
    with pytest.raises(ValueError, match=r"dtype='float16' .* \['float32', 'float64'"):
        to_onnx(fitted("tied"), tmp_path / "model.onnx", dtype="float16")


def test_what_to_install_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r'pip install "skae\[onnx\]"'):
        to_onnx(fitted("tied"), tmp_path / "model.onnx")
