"""Files without pickle: `save` and `skae.load`."""

import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA, FastICA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from skops import io as skops_io
from skorch.callbacks import EarlyStopping
from torch import nn

import skae
from skae.architectures import Conv1d, Conv2d, Custom, Dense
from skae.exceptions import FileError, InconsistentVersionWarning

from .tables import make_binary, make_curve, make_digits

METHODS = (
    *("transform", "reconstruct", "score_samples", "predict", "predict_proba"),
    *("decision_function",),
)
OLD = Path(__file__).parent / "data"
QUICK = {"max_iter": 2, "random_state": 0}


def narrow(cls=skae.AutoencoderTransformer, n_components=2, **parameters):
    given = {**QUICK, "hidden_layer_sizes": (4,)}
    return cls(n_components, **given | parameters)


def through_file(estimator, path, objects=None):
    skae.save(estimator, path / "model.safetensors")
    return skae.load(path / "model.safetensors", objects=objects)


def answers(estimator, X):
    return {
        (method, dtype.__name__): getattr(estimator, method)(X.astype(dtype))
        for method in METHODS
        if hasattr(estimator, method)
        for dtype in (np.float64, np.float32)
    }


def assert_same_answers(loaded, estimator, X):
    found, expected = answers(loaded, X), answers(estimator, X)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value, err_msg=str(key))


def assert_same_attributes(loaded, estimator):
    given = {"net_", "module_", "autoencoder", "autoencoder_", "autoencoders_"}
    mine, its = vars(loaded), vars(estimator)
    assert set(mine) == set(its)
    for name in set(its) - given - {"_fitted_task", "_by_size", "architecture"}:
        np.testing.assert_equal(mine[name], its[name], err_msg=name)
        assert type(mine[name]) is type(its[name]), name


# -- round trips -----------------------------------------------------------------------

CURVE, BINARY, DIGITS = make_curve(80), make_binary(80), make_digits(80)
LABELS = (CURVE[:, 0] > 0).astype(int) + (CURVE[:, 1] > 0)
pretrained = narrow()

ESTIMATORS = {
    "default": (skae.AutoencoderTransformer(2, max_iter=3, random_state=0), CURVE),
    "pca": (narrow(init="pca"), CURVE),
    "random": (narrow(init="random", precision="float64", dropout=0.1), CURVE),
    "linear": (narrow(hidden_layer_sizes=()), CURVE),
    "tied": (narrow(tied_weights=True, whiten=True), CURVE),
    "ordered": (narrow(n_components=3, ordered=True), CURVE),
    "auto": (narrow(n_components="auto"), CURVE),
    "warm": (narrow(warm_start=True), CURVE),
    "functions": (
        narrow(init="random", output_activation=torch.tanh, solver=torch.optim.RMSprop),
        CURVE,
    ),
    "cross-entropy": (narrow(loss="binary_cross_entropy"), BINARY),
    "gaussian": (narrow(skae.DenoisingAutoencoder), CURVE),
    "masking": (
        narrow(
            skae.DenoisingAutoencoder, noise="masking", init="random", clip=(-9, 99)
        ),
        CURVE,
    ),
    "salt_pepper": (narrow(skae.DenoisingAutoencoder, noise="salt_pepper"), CURVE),
    "uniform": (
        narrow(skae.DenoisingAutoencoder, noise="uniform", noise_level=0.1),
        CURVE,
    ),
    "l1": (narrow(skae.SparseAutoencoder), CURVE),
    "kl": (narrow(skae.SparseAutoencoder, sparsity="kl"), CURVE),
    "top_k": (
        narrow(skae.SparseAutoencoder, n_components=6, sparsity="top_k", k=2),
        CURVE,
    ),
    "contractive": (narrow(skae.ContractiveAutoencoder), CURVE),
    "stacked": (
        narrow(skae.StackedAutoencoder, autoencoder=narrow(skae.SparseAutoencoder)),
        CURVE,
    ),
    "variational": (narrow(skae.VariationalAutoencoder), CURVE),
    "bernoulli": (
        narrow(skae.VariationalAutoencoder, loss="binary_cross_entropy"),
        BINARY,
    ),
    "marginalized": (skae.MarginalizedDenoisingAutoencoder(2), CURVE),
    "concatenated": (skae.MarginalizedDenoisingAutoencoder(2, concatenate=True), CURVE),
    "classifier": (skae.AutoencoderClassifier(pretrained, **QUICK), CURVE),
    "adversarial": (
        skae.AutoencoderClassifier(
            pretrained, noise="adversarial", consistency_weight=1, **QUICK
        ),
        CURVE,
    ),
    "regressor": (skae.AutoencoderRegressor(pretrained, **QUICK), CURVE),
    "detector": (
        skae.AutoencoderOutlierDetector(pretrained, n_folds=2, random_state=0),
        CURVE,
    ),
    "detector of PCA": (
        skae.AutoencoderOutlierDetector(PCA(2), n_folds=2, random_state=0),
        CURVE,
    ),
    "dense": (skae.AutoencoderTransformer(2, architecture=Dense((4,)), **QUICK), CURVE),
    "images": (
        skae.AutoencoderTransformer(
            2, architecture=Conv2d((8, 8, 1), (2, 3), channels_last=True), **QUICK
        ),
        DIGITS,
    ),
    "strides": (
        skae.AutoencoderTransformer(
            2,
            architecture=Conv2d(
                (8, 8), (2, 3), downsampling="stride", upsampling="transposed"
            ),
            **QUICK,
        ),
        DIGITS,
    ),
    "series": (
        skae.DenoisingAutoencoder(
            2, architecture=Conv1d(channels=(2,), downsampling="avg_pool"), **QUICK
        ),
        DIGITS,
    ),
    "maps": (
        skae.VariationalAutoencoder(
            architecture=Conv2d((8, 8), (2, 2), code="map"), init="random", **QUICK
        ),
        DIGITS,
    ),
}


@pytest.mark.parametrize(("estimator", "X"), ESTIMATORS.values(), ids=ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_is_loaded_answers_to_the_last_bit(estimator, X, tmp_path):
    """Codes, reconstructions, scores and predictions; parameters and attributes."""
    y = LABELS if "Classifier" in type(estimator).__name__ else CURVE[:, 0]
    estimator.fit(X, y)
    loaded = through_file(estimator, tmp_path)
    assert_same_answers(loaded, estimator, X)
    assert_same_attributes(loaded, estimator)
    assert str(loaded.get_params()) == str(estimator.get_params())
    assert_same_answers(pickle.loads(pickle.dumps(loaded)), estimator, X)
    assert_same_answers(through_file(loaded, tmp_path), estimator, X)


def test_a_truncated_estimator_is_stored(tmp_path):
    """What it knows of its first codes as well: it can be cut again."""
    first = narrow(n_components=4, ordered=True).fit(CURVE).truncate(3)
    loaded = through_file(first, tmp_path)
    assert_same_answers(loaded, first, CURVE)
    again = loaded.truncate(2)
    assert_same_answers(through_file(again, tmp_path), first.truncate(2), CURVE)
    assert again.reconstruction_error_ == first.truncate(2).reconstruction_error_


def test_kernel_ridge_is_stored(tmp_path):
    """The closed form too: a network that is a sum of kernels."""
    X = make_curve(60)
    autoencoder = skae.AutoencoderTransformer(2, max_iter=1, random_state=0).fit(X)
    assert autoencoder.init_ == "kernel_ridge"
    assert_same_answers(through_file(autoencoder, tmp_path), autoencoder, X)


def test_training_goes_on_from_a_file(tmp_path):
    """A warm fit and `partial_fit` take the network up as the one saved does."""
    warm = narrow(warm_start=True, init="random").fit(CURVE)
    loaded = through_file(warm, tmp_path)
    assert_same_answers(loaded.fit(CURVE), warm.fit(CURVE), CURVE)
    assert_same_answers(loaded.partial_fit(CURVE), warm.partial_fit(CURVE), CURVE)


def test_fresh_process_gives_the_same_bits(tmp_path):
    """With nothing imported and warnings as errors."""
    autoencoder = narrow().fit(CURVE)
    autoencoder.save(tmp_path / "model.safetensors")
    np.save(tmp_path / "X.npy", CURVE)
    code = (
        "import sys, numpy, skae\n"
        "X = numpy.load(sys.argv[1] + '/X.npy')\n"
        "loaded = skae.load(sys.argv[1] + '/model.safetensors')\n"
        "numpy.save(sys.argv[1] + '/Z.npy', loaded.transform(X))\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, tmp_path], check=True)
    np.testing.assert_array_equal(
        np.load(tmp_path / "Z.npy"), autoencoder.transform(CURVE)
    )


def test_columns_and_output_container_are_kept(tmp_path):
    """A DataFrame's names, and what set_output asked for."""
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(CURVE, columns=[f"größe {i}" for i in range(6)])
    autoencoder = narrow().set_output(transform="pandas").fit(X)
    loaded = through_file(autoencoder, tmp_path)
    pd.testing.assert_frame_equal(loaded.transform(X), autoencoder.transform(X))
    assert list(loaded.feature_names_in_) == list(X.columns)
    with pytest.raises(ValueError, match="feature names"):
        loaded.transform(X[X.columns[::-1]])


def test_labels_of_text_are_kept(tmp_path):
    """Classes are strings as often as numbers."""
    y = np.array(["no", "yes"])[(CURVE[:, 0] > 0).astype(int)]
    classifier = skae.AutoencoderClassifier(pretrained, **QUICK).fit(CURVE, y)
    loaded = through_file(classifier, tmp_path)
    np.testing.assert_array_equal(loaded.predict(CURVE), classifier.predict(CURVE))


# -- pipelines -------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pipelines_are_stored(tmp_path):
    """Of scikit-learn's steps and skae's, with missing cells."""
    X = CURVE.copy()
    X[3, 1] = np.nan
    scalers = (StandardScaler(), MinMaxScaler(), RobustScaler(), MaxAbsScaler())
    for steps in (
        (SimpleImputer(), *scalers, PCA(5), narrow(), LogisticRegression()),
        (SimpleImputer(strategy="constant", fill_value=0), TruncatedSVD(3), Ridge()),
        (SimpleImputer(strategy="median"), "passthrough", narrow()),
    ):
        pipeline = make_pipeline(*steps).fit(X, LABELS)
        loaded = through_file(pipeline, tmp_path)
        assert_same_answers(loaded, pipeline, X)
        assert [*loaded.named_steps] == [*pipeline.named_steps]


def test_a_step_that_cannot_be_stored_is_named(tmp_path):
    """The error has the step's name and class; no file is left behind."""
    pipeline = make_pipeline(StandardScaler(), FastICA(2)).fit(CURVE)
    with pytest.raises(TypeError, match="Step 'fastica' of the Pipeline, FastICA"):
        skae.save(pipeline, tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


# -- somebody's own --------------------------------------------------------------------


def my_loss(X_hat, X):
    return (X_hat - X).abs()


class MyNetwork(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.first, self.last = nn.Linear(n_in, 5), nn.Linear(5, n_out)

    def forward(self, X):
        return self.last(torch.relu(self.first(X)))


def test_functions_are_passed_in_by_name(tmp_path):
    """A file holds no code: the error says which name it needs."""
    path = tmp_path / "model.safetensors"
    pipeline = make_pipeline(StandardScaler(), narrow(loss=my_loss)).fit(CURVE)
    skae.save(pipeline, path)
    with pytest.raises(FileError, match="autoencodertransformer__loss.*my_loss"):
        skae.load(path)
    loaded = skae.load(path, objects={"autoencodertransformer__loss": my_loss})
    assert loaded[-1].loss is my_loss
    assert_same_answers(loaded, pipeline, CURVE)


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize(
    "cls", [skae.AutoencoderTransformer, skae.VariationalAutoencoder]
)
def test_own_architectures_are_passed_in(cls, init, tmp_path):
    """They build the modules; weights come from the file."""
    own = Custom(MyNetwork, MyNetwork)
    autoencoder = cls(2, architecture=own, init=init, **QUICK).fit(CURVE)
    objects = dict.fromkeys(
        ("architecture__encoder", "architecture__decoder"), MyNetwork
    )
    loaded = through_file(autoencoder, tmp_path, objects)
    assert_same_answers(loaded, autoencoder, CURVE)


def test_another_architecture_is_an_error(tmp_path):
    """Modules that do not fit the file's weights are refused."""
    own = Custom(MyNetwork, MyNetwork)
    autoencoder = skae.AutoencoderTransformer(2, architecture=own, **QUICK).fit(CURVE)
    others = dict.fromkeys(
        ("architecture__encoder", "architecture__decoder"), nn.Linear
    )
    with pytest.raises(FileError, match="architecture that was passed in"):
        through_file(autoencoder, tmp_path, others)


def test_what_is_for_training_alone_is_left_out(tmp_path):
    """Callbacks, and a generator as random_state."""
    state = np.random.RandomState(0)
    autoencoder = narrow(random_state=state, callbacks=[EarlyStopping()]).fit(CURVE)
    loaded = through_file(autoencoder, tmp_path)
    assert (loaded.callbacks, loaded.random_state) == (None, None)
    assert_same_answers(loaded, autoencoder, CURVE)


def test_what_was_changed_by_hand_is_an_error(tmp_path):
    """An attribute or a layer of somebody's own, and weights that are not finite."""
    path = tmp_path / "model.safetensors"
    autoencoder = narrow(init="random").fit(CURVE)
    autoencoder.note_ = "mine"
    with pytest.raises(TypeError, match="note_"):
        skae.save(autoencoder, path)
    del autoencoder.note_
    encoder = autoencoder.net_.module_.encoder
    encoder[0].weight.data[0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        skae.save(autoencoder, path)
    encoder[0] = MyNetwork(6, 4)
    with pytest.raises(TypeError, match="MyNetwork"):
        skae.save(autoencoder, path)


def test_a_function_with_weights_is_an_error(tmp_path):
    """They would not be in the file."""
    autoencoder = narrow(activation=nn.PReLU()).fit(CURVE)
    with pytest.raises(TypeError, match="parameter activation .* weights of its own"):
        skae.save(autoencoder, tmp_path / "model.safetensors")


def test_changed_weights_are_saved(tmp_path):
    """What counts is the network as it is now."""
    autoencoder = narrow(init="random").fit(CURVE)
    autoencoder.net_.module_.encoder[0].weight.data.mul_(2)
    assert_same_answers(through_file(autoencoder, tmp_path), autoencoder, CURVE)


def test_only_fitted_estimators_are_saved(tmp_path):
    """Alone or in a Pipeline."""
    for estimator in (narrow(), make_pipeline(StandardScaler(), narrow())):
        with pytest.raises(NotFittedError):
            skae.save(estimator, tmp_path / "model.safetensors")


# -- skops -----------------------------------------------------------------------------


def through_skops(estimator):
    stored = skops_io.dumps(estimator)
    untrusted = skops_io.get_untrusted_types(data=stored)
    return skops_io.loads(stored, trusted=untrusted), untrusted


@pytest.mark.parametrize(
    "name", ["default", "variational", "classifier", "detector", "marginalized"]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_skops_stores_a_file(name):
    """It has to trust the class alone; what is inside is checked as any file is."""
    estimator, X = ESTIMATORS[name]
    estimator.fit(X, LABELS)
    loaded, untrusted = through_skops(estimator)
    cls = type(estimator)
    assert untrusted == [f"{cls.__module__}.{cls.__qualname__}"]
    assert_same_answers(loaded, estimator, X)
    assert_same_answers(through_skops(loaded)[0], estimator, X)


def test_skops_stores_pipelines_and_what_is_not_fitted():
    """Functions of your own are named among what is to be trusted."""
    pipeline = make_pipeline(StandardScaler(), narrow(loss=my_loss)).fit(CURVE)
    loaded, untrusted = through_skops(pipeline)
    assert any("my_loss" in name for name in untrusted)
    assert loaded[-1].loss is my_loss
    assert_same_answers(loaded, pipeline, CURVE)
    assert through_skops(narrow(alpha=0.5))[0].alpha == 0.5


# -- the file --------------------------------------------------------------------------


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    """It is written beside, flushed and renamed: whole or not at all."""
    path = tmp_path / "model.safetensors"
    autoencoder = narrow().fit(CURVE)
    autoencoder.save(path)
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        autoencoder.save(path)
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_others_may_read_what_they_may_read(tmp_path):
    """The mode is that of any new file, not that of a temporary one."""
    narrow().fit(CURVE).save(tmp_path / "model.safetensors")
    (tmp_path / "other").touch()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()]
    assert modes[0] == modes[1]


@pytest.mark.parametrize(
    "name", sorted(path.name for path in OLD.glob("*.safetensors"))
)
def test_files_of_every_format_are_read(name):
    """What was written once stays readable, and says what it said then."""
    loaded = skae.load(OLD / name)
    expected = np.load(OLD / f"{Path(name).stem}.npy")
    np.testing.assert_allclose(loaded.transform(CURVE[:5]), expected, rtol=1e-10)


def test_there_is_a_file_of_each_format():
    """Format 1 is that of the first release with files."""
    assert [path.stem for path in sorted(OLD.glob("*.safetensors"))] == ["format_1"]


# -- no rows, and versions -------------------------------------------------------------


def holds_rows(stored, X):
    """Whether a row is in some bytes, in the dtype of the table or as float32."""
    return any(row.astype(d).tobytes() in stored for row in X for d in ("f8", "f4"))


@pytest.mark.parametrize(("estimator", "X"), ESTIMATORS.values(), ids=ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_neither_file_nor_pickle_holds_rows(estimator, X, tmp_path):
    """In the units of X or standardised."""
    y = LABELS if "Classifier" in type(estimator).__name__ else CURVE[:, 0]
    if X is BINARY:
        pytest.skip("rows of zeros and ones are no secret")
    X = X + 1e-3 * np.arange(len(X))[:, None]  # no two alike
    estimator.fit(X, y)
    path = tmp_path / "model.safetensors"
    skae.save(estimator, path)
    scaled = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
    for stored in (path.read_bytes(), pickle.dumps(estimator)):
        assert not holds_rows(stored, X)
        assert not holds_rows(stored, scaled)


def test_a_file_of_a_stream_holds_no_rows(tmp_path):
    """A pickle has those that wait for the next chunk; a file has not."""
    stream = narrow().partial_fit(CURVE)
    assert holds_rows(pickle.dumps(stream), CURVE)
    path = tmp_path / "model.safetensors"
    stream.save(path)
    assert not holds_rows(path.read_bytes(), CURVE)
    assert_same_answers(skae.load(path), stream, CURVE)


def test_pickles_of_another_version_warn():
    """The warning has both versions; one's own say nothing."""
    autoencoder = narrow().fit(CURVE)
    state = autoencoder.__reduce_ex__(4)[2]
    pickle.loads(pickle.dumps(autoencoder))
    state["_versions"] = state["_versions"] | {"skae": "0.0.1"}
    other = narrow()
    message = "pickled with skae 0.0.1, now "
    with pytest.warns(InconsistentVersionWarning, match=message):
        other.__setstate__(state)
    assert_same_answers(other, autoencoder, CURVE)
    assert "_versions" not in vars(other)
