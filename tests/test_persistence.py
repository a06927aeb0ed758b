"""Copies: pickle, joblib, clone and deepcopy, also from a machine with a GPU."""

import copy
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback, EpochScoring

from skae import AutoencoderTransformer

from .tables import make_binary, make_curve, make_digits

CONFIGURATIONS = {
    "default": {},
    "random": {"init": "random", "code_activation": "relu"},
    "tied": {"tied_weights": True, "whiten": True, "dropout": 0.1},
    "muon": {"solver": "muon", "hidden_layer_sizes": (8, 4)},
    "lbfgs": {"solver": torch.optim.LBFGS, "learning_rate_init": 0.1},
    "penalised": {"alpha": 0.1, "loss": "huber", "precision": "float64"},
    "activations": {"init": "random", "output_activation": torch.tanh},
}


def fit(X=None, **parameters):
    X = make_curve(80) if X is None else X
    return AutoencoderTransformer(
        **({"max_iter": 3, "random_state": 0} | parameters)
    ).fit(X)


def through_joblib(estimator, path):
    joblib.dump(estimator, path / "model.joblib")
    return joblib.load(path / "model.joblib")


COPIES = {
    "pickle": lambda e, path: pickle.loads(pickle.dumps(e)),
    "oldest protocol": lambda e, path: pickle.loads(pickle.dumps(e, protocol=2)),
    "joblib": through_joblib,
    "deepcopy": lambda e, path: copy.deepcopy(e),
}


def assert_same_answers(first, second, X):
    Z = first.transform(X)
    np.testing.assert_array_equal(second.transform(X), Z)
    np.testing.assert_array_equal(
        second.inverse_transform(Z), first.inverse_transform(Z)
    )
    np.testing.assert_array_equal(second.score_samples(X), first.score_samples(X))


@pytest.mark.parametrize("parameters", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_copies_answer_alike(make_copy, parameters, tmp_path):
    """A copy has the parameters, the fitted attributes and the codes."""
    X = make_curve(80)
    autoencoder = fit(**parameters)
    copied = make_copy(autoencoder, tmp_path)
    assert_same_answers(autoencoder, copied, X)
    assert_same_answers(autoencoder, copied, X.astype(np.float32))
    assert copied.get_params().keys() == autoencoder.get_params().keys()
    assert vars(copied).keys() == vars(autoencoder).keys()
    assert copied.loss_curve_ == autoencoder.loss_curve_
    assert copied.reconstruction_error_ == autoencoder.reconstruction_error_
    np.testing.assert_array_equal(copied.mean_, autoencoder.mean_)


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_copies_can_be_fitted_again(make_copy, tmp_path):
    """A copy goes on: warm start, partial_fit and a new fit."""
    X = make_curve(80)
    autoencoder = fit(warm_start=True, init="random")
    copied = make_copy(autoencoder, tmp_path)
    for estimator in (autoencoder, copied):
        estimator.fit(X)
    assert_same_answers(autoencoder, copied, X)
    for estimator in (autoencoder, copied):
        estimator.partial_fit(X).partial_fit(X)
    assert_same_answers(autoencoder, copied, X)


def test_deepcopy_shares_nothing():
    """Changing a copy's weights, or fitting it again, leaves the original alone."""
    X = make_curve(80)
    autoencoder = fit()
    Z = autoencoder.transform(X)
    copied = copy.deepcopy(autoencoder)
    with torch.no_grad():
        for weight in copied.net_.module_.parameters():
            weight.mul_(2)
    assert not np.allclose(copied.transform(X), Z)
    copied.fit(X * 3)
    np.testing.assert_array_equal(autoencoder.transform(X), Z)


def test_changed_weights_count():
    """Inference follows the module, in place or replaced, in every dtype."""
    X = make_curve(80)
    autoencoder = fit(init="random", hidden_layer_sizes=())
    for dtype in (np.float64, np.float32):
        rows = X.astype(dtype)
        before = autoencoder.transform(rows)
        module = autoencoder.net_.module_
        state = {name: value.clone() for name, value in module.state_dict().items()}
        with torch.no_grad():
            module.encoder[0].weight.mul_(2)
            module.encoder[0].bias.mul_(2)
        # codes are (Z - offset) R^T, and Z is twice as large
        rotation, offset = module.rotation.numpy(), module.code_offset.numpy()
        expected = 2 * before + offset @ rotation.T
        np.testing.assert_allclose(
            autoencoder.transform(rows), expected, rtol=1e-3, atol=1e-3
        )
        module.load_state_dict(state)
        np.testing.assert_array_equal(autoencoder.transform(rows), before)


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_copies_do_not_hold_what_inference_keeps(make_copy, tmp_path):
    """A copy's weights are its own: changed ones count there, and there alone."""
    X = make_curve(80)
    autoencoder = fit(init="random")
    Z = autoencoder.transform(X)
    copied = make_copy(autoencoder, tmp_path)
    np.testing.assert_array_equal(copied.transform(X), Z)
    copied.net_.module_.encoder[0].weight.data.mul_(2)
    assert not np.allclose(copied.transform(X), Z)
    np.testing.assert_array_equal(autoencoder.transform(X), Z)


def test_clone_is_unfitted():
    """A clone has the parameters alone, whatever was fitted."""
    autoencoder = fit(hidden_layer_sizes=[8, 4], solver=torch.optim.Adamax)
    cloned = clone(autoencoder)
    assert vars(cloned).keys() == cloned.get_params().keys()
    assert cloned.get_params() == autoencoder.get_params()
    X = make_curve(80)
    assert_same_answers(cloned.fit(X), autoencoder, X)


def test_another_process_reads_it(tmp_path):
    """A fresh Python loads a model and computes its codes, with nothing imported."""
    X = make_curve(20)
    autoencoder = fit(X)
    joblib.dump((autoencoder, X), tmp_path / "model.joblib")
    code = (
        "import joblib, numpy, sys\n"
        "autoencoder, X = joblib.load(sys.argv[1] + '/model.joblib')\n"
        "numpy.save(sys.argv[1] + '/Z.npy', autoencoder.transform(X))\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, tmp_path], check=True)
    np.testing.assert_allclose(
        np.load(tmp_path / "Z.npy"), autoencoder.transform(X), atol=1e-12
    )


# -- what is stored -------------------------------------------------------------------


def test_size_does_not_grow_with_the_rows():
    """A model of ten times the rows is stored in as many bytes: no rows are in it."""
    parameters = {"max_iter": 2, "hidden_layer_sizes": (8,), "batch_size": 32}
    sizes = [
        len(pickle.dumps(fit(make_digits(n_samples), **parameters)))
        for n_samples in (100, 1000)
    ]
    assert sizes[1] < sizes[0] + 5000
    assert sizes[1] < 0.2 * make_digits(1000).nbytes


def test_stream_stores_the_rows_that_wait_alone():
    """Of a stream only what has not filled a batch is kept."""
    X = make_digits(1000)
    stream = AutoencoderTransformer(
        init="random", hidden_layer_sizes=(8,), batch_size=64, random_state=0
    )
    sizes = []
    for start in range(0, 960, 320):
        stream.partial_fit(X[start : start + 320])
        sizes.append(len(pickle.dumps(stream)))
    assert max(sizes) - min(sizes) < 5000


class Counting(Callback):
    """Counts epochs, in an attribute that is stored."""

    def __init__(self):
        self.n_epochs = 0

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs += 1


def test_callbacks_travel_with_the_parameters():
    """They are a parameter like any other; what they counted comes along."""
    autoencoder = fit(callbacks=[("counting", Counting())], early_stopping=False)
    stored = pickle.loads(pickle.dumps(autoencoder))
    assert stored.callbacks[0][1].n_epochs == 3
    X = make_curve(80)
    stored.fit(X)
    assert stored.callbacks[0][1].n_epochs == 6
    assert_same_answers(stored, autoencoder, X)


def test_callback_that_cannot_be_stored_can_be_let_go():
    """The fitted part holds no callback: without the parameter it is stored."""
    scoring = EpochScoring(lambda net, X, y: 0.0, name="mine", use_caching=False)
    autoencoder = fit(callbacks=[scoring])
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(autoencoder)
    autoencoder.set_params(callbacks=None)
    stored = pickle.loads(pickle.dumps(autoencoder))
    assert_same_answers(autoencoder, stored, make_curve(80))


def test_cross_entropy_model_is_stored():
    """Its link, too, comes back."""
    X = make_binary(80)
    autoencoder = fit(X, loss="binary_cross_entropy")
    assert_same_answers(autoencoder, pickle.loads(pickle.dumps(autoencoder)), X)


# -- from a machine with a GPU --------------------------------------------------------


def as_if_on_a_gpu(autoencoder):
    """Return a model that says it is on a GPU, where there may be none."""
    autoencoder.net_.device = "cuda:0"
    assert autoencoder.device_ == "cuda:0"
    return autoencoder


def test_a_model_from_a_gpu_is_read_without_one():
    """It says that it is on the CPU now, answers, and can be trained on."""
    X = make_curve(80)
    expected = fit().transform(X)
    stored = pickle.loads(pickle.dumps(as_if_on_a_gpu(fit())))
    assert stored.device_ == "cpu"
    assert stored.net_.device == "cpu"
    np.testing.assert_array_equal(stored.transform(X), expected)
    assert {p.device.type for p in stored.net_.module_.parameters()} == {"cpu"}
    assert stored.partial_fit(X).n_samples_seen_ == 80
    stored.set_params(warm_start=True, device="cpu").fit(X)


def test_a_stream_from_a_gpu_goes_on_without_one():
    """In the middle of a stream too, with dropout's generator of another device."""
    X = make_curve(200)
    stream = AutoencoderTransformer(
        init="random", dropout=0.2, batch_size=32, random_state=0
    ).partial_fit(X)
    stream._stream = type(stream._stream)(
        **vars(stream._stream) | {"noise_state": ("cuda", torch.zeros(16).byte())}
    )
    stored = pickle.loads(pickle.dumps(as_if_on_a_gpu(stream)))
    assert stored.device_ == "cpu"
    assert stored.partial_fit(X).n_samples_seen_ == 400


def test_pickling_leaves_the_model_where_it_is():
    """The original stays on its device."""
    autoencoder = as_if_on_a_gpu(fit())
    pickle.dumps(autoencoder)
    assert autoencoder.device_ == "cuda:0"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_model_on_a_gpu_is_stored_on_the_cpu():
    """What pickle writes on a GPU holds tensors of the CPU alone."""
    X = make_curve(80)
    autoencoder = fit(device="cuda")
    stored = pickle.loads(pickle.dumps(autoencoder))
    assert stored.device_ == "cpu"
    assert copy.deepcopy(autoencoder).device_ == autoencoder.device_
    np.testing.assert_allclose(stored.transform(X), autoencoder.transform(X), atol=1e-5)
    stored.partial_fit(X)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error():
    """The message says which device was asked for and what there is."""
    with pytest.raises(ValueError, match="device='cuda' is not available here.*'cpu'"):
        fit(device="cuda")
