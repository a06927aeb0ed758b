"""From parameters to a plan, and what is said of parameters that do not go together."""

import re
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import skae
from skae import AutoencoderTransformer, VariationalAutoencoder
from skae.architectures import Conv1d, Conv2d, Custom, Dense
from skae.engine._solvers import SCHEDULES
from skae.estimators._resolve import batch_size, max_iter

from .tables import make_curve

BRIEF = {"max_iter": 1, "random_state": 0}


# -- an architecture of one's own -----------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"dropout": 0.5},
        {"activation": "tanh"},
        {"activation": np.tanh},
        {"hidden_layer_sizes": (8, 4)},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": [8]},
        {"hidden_layer_sizes": np.array([8, 4])},
        {"hidden_layer_sizes": 8},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "architecture", [Dense((8,)), Conv1d(channels=(2,)), Custom(nn.Linear, nn.Linear)]
)
def test_what_an_architecture_would_ignore_is_refused(architecture, parameters):
    """The error names the parameter, its value and where to say it."""
    (name,) = parameters
    estimator = AutoencoderTransformer(architecture=architecture, **parameters, **BRIEF)
    kind = type(architecture).__name__
    message = rf"(?s)^{name}=.* matter to architecture={kind}\(.*Leave {name} at "
    for method in (estimator.fit, estimator.partial_fit):
        with pytest.raises(ValueError, match=message):
            method(make_curve(40))
    assert not hasattr(estimator, "net_")


def test_what_an_architecture_would_ignore_may_be_at_its_default():
    """Said in so many words, too; each estimator has defaults of its own."""
    for Estimator in (AutoencoderTransformer, VariationalAutoencoder):
        defaults = Estimator().get_params()
        names = ("hidden_layer_sizes", "activation", "dropout")
        given = {name: defaults[name] for name in names if name in defaults}
        Estimator(architecture=Dense((4,)), **given, **BRIEF).fit(make_curve(40))


# -- messages -------------------------------------------------------------------------


def test_sigmoid_output_says_what_would_do():
    """With squared errors, that loss is no remedy: a name for the output is."""
    estimator = AutoencoderTransformer(output_activation="sigmoid", **BRIEF)
    with pytest.raises(ValueError, match="output_activation='sigmoid' needs X") as info:
        estimator.fit(make_curve(40))
    assert "squared_error" not in str(info.value)
    for remedy in ({"output_activation": "auto"}, {"init": "random"}):
        estimator.set_params(**{"output_activation": "sigmoid", "init": "pca"} | remedy)
        estimator.fit(make_curve(40))


def test_cross_entropy_says_what_would_do():
    estimator = AutoencoderTransformer(loss="binary_cross_entropy", **BRIEF)
    with pytest.raises(ValueError, match="or use loss='squared_error'"):
        estimator.fit(make_curve(40))
    estimator.set_params(loss="squared_error").fit(make_curve(40))


def test_one_cycle_rises_over_a_twentieth_and_the_docs_say_so():
    """The highest rate is at a twentieth of the steps; nobody speaks of a tenth."""
    progress = np.linspace(0, 1, 2001)
    rates = np.array([SCHEDULES["one_cycle"](p) for p in progress])
    assert progress[rates.argmax()] == pytest.approx(0.05, abs=1e-3)
    root = Path(skae.__file__).parent
    texts = [path.read_text("utf-8") for path in root.rglob("*.py")]
    texts += [path.read_text("utf-8") for path in (root.parent / "docs").rglob("*.rst")]
    said = [t for t in texts if re.search(r"rises\s+over\s+a\s+\w+", t)]
    assert said
    for text in said:
        assert not re.search(r"rises\s+over\s+a\s+tenth", text)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"code_activation": "relu"}, "init='pca' needs code_activation='identity'"),
        ({"output_activation": "tanh"}, "init='pca' needs output_activation="),
        (
            {"loss": "binary_cross_entropy", "output_activation": "identity"},
            "needs outputs within",
        ),
        (
            {"tied_weights": True, "architecture": Dense((4,))},
            "tied_weights=True needs architecture=None",
        ),
        (
            {"tied_weights": True, "output_activation": "sigmoid"},
            "tied_weights=True with init='pca' needs",
        ),
        (
            {"architecture": Conv2d((2, 3), (2,), code="map"), "whiten": True,
             "init": "random"},
            "whiten=True needs",
        ),
        ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes=.* positive integers"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_go_together(parameters, message):
    """Each error names the parameter and what would be accepted."""
    with pytest.raises(ValueError, match=message):
        AutoencoderTransformer(**parameters, **BRIEF).fit(make_curve(40))


# -- how long to train ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_rows", "expected"),
    [(10, 150), (20_000, 59), (500_000, 12), (1_000_000, 6), (10**9, 2)],
)
def test_many_rows_need_few_epochs(n_rows, expected):
    """One epoch of them teaches what many epochs of few rows teach."""
    assert max_iter(n_rows, batch_size(n_rows)) == expected


@pytest.mark.parametrize(
    ("n_rows", "n_columns", "expected"),
    [(600, 48, "muon"), (400, 48, "adamw"), (600, 150, "adamw")],
)
def test_muon_has_rows_enough(n_rows, n_columns, expected, monkeypatch):
    """From 500 on, and five a column."""
    monkeypatch.setattr("skae.engine.bfloat16_ratio", lambda device: 1.0)
    X = np.tile(make_curve(n_rows), n_columns // 6)
    assert AutoencoderTransformer(**BRIEF).fit(X).solver_ == expected
