"""What a fit says while it trains and of what came of it."""

import re
import warnings

import numpy as np
import pytest
from skorch.callbacks import MlflowLogger, TensorBoard, WandbLogger
from tqdm import tqdm

from skae import (
    AutoencoderClassifier,
    AutoencoderTransformer,
    StackedAutoencoder,
    VariationalAutoencoder,
)
from skae.engine import _progress
from skae.estimators._summary import outcome
from skae.exceptions import PCAFallbackWarning

from .tables import make_curve

BRIEF = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0}


def noise(n_samples=100):
    return np.random.default_rng(0).standard_normal((n_samples, 5))


# -- bars and the last line -----------------------------------------------------------


class Prompt(tqdm):
    """A bar that shows every step, however little time has passed, and in full."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, mininterval=0, ncols=200, **kwargs)


@pytest.fixture(autouse=True)
def _prompt_bars(monkeypatch):
    monkeypatch.setattr(_progress, "_bar_class", lambda: Prompt)


@pytest.mark.parametrize(
    ("n_samples", "parameters", "judge", "stages"),
    [
        (60, {}, "folds", ["starts in folds", "folds"]),
        (600, {}, "held_out", ["starts"]),
        (60, {"solver": "muon"}, "held_out", ["starts", "judging"]),
        (600, {"init": "random"}, "held_out", []),
        (60, {"early_stopping": False}, "none", ["starts"]),
    ],
)
def test_every_stage_has_a_bar(capsys, n_samples, parameters, judge, stages):
    """Starts that race and folds that judge take most of a small fit: they show."""
    autoencoder = AutoencoderTransformer(verbose=1, **BRIEF | parameters)
    autoencoder.fit(make_curve(n_samples))
    err = capsys.readouterr().err
    assert autoencoder.judge_ == judge
    for stage in stages:
        assert f"AutoencoderTransformer, {stage}: " in err
    assert err.count("AutoencoderTransformer, ") >= len(stages)
    # of as many folds as networks are trained in; a closed form may have more
    shown = float(re.findall(r"pca=([\d.e-]+)", err)[-1])
    assert shown == pytest.approx(autoencoder.pca_reconstruction_error_, rel=0.15)


def test_bar_of_an_objective_of_its_own_shows_pca_in_its_loss(capsys):
    """A bound is not compared with a squared error."""
    VariationalAutoencoder(verbose=1, **BRIEF).fit(make_curve(60))
    assert "pca=" in capsys.readouterr().err
    VariationalAutoencoder(verbose=1, init="random", **BRIEF).fit(make_curve(60))
    assert "pca=" not in capsys.readouterr().err


def test_layers_of_a_stack_say_which_they_are(capsys):
    """Their bars are not taken for that of the whole."""
    StackedAutoencoder(verbose=1, pretraining_max_iter=2, **BRIEF).fit(make_curve(60))
    assert "StackedAutoencoder, layer 1: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("X", "parameters", "end"),
    [
        (noise(), {}, "training did not help"),
        (noise(), {"hidden_layer_sizes": ()}, "no linear network is better"),
    ],
)
def test_last_line_says_that_it_is_pca(capsys, X, parameters, end):
    """And why."""
    AutoencoderTransformer(verbose=1, **BRIEF | parameters).fit(X)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"AutoencoderTransformer: PCA itself: {end}"


def test_last_line_says_what_was_gained(capsys):
    """As a share of PCA's error, and on which rows."""
    autoencoder = AutoencoderTransformer(verbose=1, **BRIEF)
    autoencoder.fit(make_curve(600))
    ratio = autoencoder.reconstruction_error_ / autoencoder.pca_reconstruction_error_
    last = capsys.readouterr().err.splitlines()[-1]
    assert 0.1 < ratio < 1
    assert last.endswith(f": {ratio:.2f} of PCA's error on held-out rows")


@pytest.mark.parametrize(
    ("errors", "is_pca", "is_linear", "expected"),
    [
        ((0.47, 1.0), False, False, "0.47 of PCA's error on held-out rows"),
        ((0.0034, 1.0), False, False, "0.0034 of PCA's error on held-out rows"),
        ((2.0, 1.0), False, False, "2.00 times PCA's error on held-out rows"),
        ((0.1, 0.0), False, False, "an error of 0.1 on held-out rows, where PCA"),
        ((1.0, 1.0), True, False, "PCA itself: training did not help"),
        ((0.9, 1.0), True, False, "PCA within the limits of the columns: training"),
        ((1.0, 1.0), True, True, "PCA itself: no linear network is better"),
    ],
)
def test_outcome_in_words(errors, is_pca, is_linear, expected):
    """One sentence for whatever can come of a fit."""
    found = outcome(*errors, "held_out", is_pca=is_pca, is_linear=is_linear)
    assert found.startswith(expected)


# -- PCA came back --------------------------------------------------------------------


def test_pca_that_came_back_is_warned_of():
    """A network was trained, and the result is PCA: the caller hears of it."""
    with pytest.warns(PCAFallbackWarning, match="is PCA") as found:
        autoencoder = AutoencoderTransformer(**BRIEF).fit(noise())
    assert autoencoder.is_pca_
    assert found[0].filename == __file__


@pytest.mark.parametrize(
    ("X", "parameters", "is_pca"),
    [
        (noise(90), {}, True),
        (noise(), {"hidden_layer_sizes": ()}, True),
        (np.ones((100, 5)), {}, True),
        (noise()[:, :2] @ noise(2), {"init": "pca"}, True),
        (noise(), {"init": "random"}, False),
        (make_curve(100), {}, False),
    ],
    ids=["few rows", "linear", "constant", "exact", "random", "better"],
)
def test_no_warning_where_it_is_no_surprise(X, parameters, is_pca):
    """Few rows, nothing to train, nothing left to learn, or no PCA at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", PCAFallbackWarning)
        autoencoder = AutoencoderTransformer(**BRIEF | parameters).fit(X)
    assert autoencoder.is_pca_ == is_pca


def test_warning_can_be_made_an_error():
    """The estimator is then as it was."""
    autoencoder = AutoencoderTransformer(**BRIEF)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PCAFallbackWarning)
        with pytest.raises(PCAFallbackWarning):
            autoencoder.fit(noise())
    assert not hasattr(autoencoder, "net_")


def test_stream_is_pca_until_it_learns():
    """`is_pca_` follows partial_fit."""
    autoencoder = AutoencoderTransformer(random_state=0).partial_fit(make_curve(200))
    assert autoencoder.is_pca_
    assert not autoencoder.partial_fit(make_curve(300, seed=1)).is_pca_


# -- skorch's loggers, with stand-ins for their services ------------------------------


class Service:
    """Stands in for a writer, a run or a client: writes down what it is told."""

    def __init__(self, folder):
        self.dir = str(folder)
        self.info = self
        self.run_id = "run"
        self.told = {}

    def __getattr__(self, name):
        def tell(*args, **kwargs):
            self.told.setdefault(name, []).append((*args, *kwargs.values()))

        return tell


@pytest.mark.parametrize(
    ("make", "method"),
    [
        (TensorBoard, "add_scalar"),
        (lambda service: MlflowLogger(service, service), "log_metric"),
        (WandbLogger, "log"),
    ],
    ids=["TensorBoard", "MLflow", "Weights & Biases"],
)
@pytest.mark.parametrize("n_samples", [60, 600])
def test_loggers_of_skorch_get_the_losses(tmp_path, make, method, n_samples):
    """Both losses of every epoch arrive, where folds judge too."""
    service = Service(tmp_path)
    autoencoder = AutoencoderTransformer(callbacks=[make(service)], **BRIEF)
    autoencoder.fit(make_curve(n_samples))
    told = str(service.told[method])
    for curve in (autoencoder.loss_curve_, autoencoder.validation_loss_curve_):
        assert len(curve) == autoencoder.n_iter_
        assert all(repr(loss) in told for loss in curve)


def test_classifier_has_bars_too(capsys):
    """Its fine-tuning is shown."""
    classifier = AutoencoderClassifier(
        AutoencoderTransformer(**BRIEF), max_iter=2, verbose=1, random_state=0
    )
    classifier.fit(make_curve(60), np.arange(60) % 2)
    assert "AutoencoderClassifier, fold 1 of " in capsys.readouterr().err
