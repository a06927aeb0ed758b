"""`summary()`: the layers of a network, what "auto" became and what it is worth."""

from pathlib import Path

import numpy as np
import pytest
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_html_repr
from torch import nn

from skae import (
    AutoencoderClassifier,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    MarginalizedDenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
)
from skae.architectures import Conv2d, Custom
from skae.estimators import _documented

from .tables import make_curve

ROOT = Path(__file__).parents[1]
BRIEF = {"max_iter": 2, "random_state": 0}
RANDOM = {"init": "random", "hidden_layer_sizes": (8,), "early_stopping": False}
ESTIMATORS = [
    AutoencoderTransformer(**BRIEF),
    AutoencoderTransformer(tied_weights=True, **BRIEF),
    AutoencoderTransformer(architecture=Conv2d((2, 3), (4,)), **BRIEF),
    SparseAutoencoder(8, sparsity="top_k", **BRIEF),
    StackedAutoencoder(hidden_layer_sizes=(8, 4), pretraining_max_iter=1, **BRIEF),
    VariationalAutoencoder(**BRIEF),
    MarginalizedDenoisingAutoencoder(concatenate=True),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_layers_hold_all_weights(estimator):
    """Each weight of the network is counted once, and rows keep their width."""
    X = make_curve(60)
    summary = estimator.fit(X).summary()
    network = getattr(estimator, "module_", None) or estimator.net_.module_
    assert summary.n_weights == sum(weight.numel() for weight in network.parameters())
    shapes = [shape for _, _, shape, _ in summary.layers]
    assert (6,) in shapes
    assert summary.title.startswith(type(estimator).__name__)


def test_layers_of_the_textbook_network():
    """Names, kinds and sizes in the order in which rows pass them."""
    X = make_curve(60)
    summary = AutoencoderTransformer(3, **RANDOM, **BRIEF).fit(X).summary()
    assert [tuple(layer) for layer in summary.layers] == [
        ("encoder.0", "Linear", (8,), 6 * 8 + 8),
        ("encoder.1", "silu", (8,), 0),
        ("encoder.2", "Linear", (3,), 8 * 3 + 3),
        ("decoder.0", "Linear", (8,), 3 * 8 + 8),
        ("decoder.1", "silu", (8,), 0),
        ("decoder.2", "Linear", (6,), 8 * 6 + 6),
    ]


def test_weights_of_a_layer_that_is_used_twice_count_once():
    """Nor are those of a layer that returns several tensors forgotten."""

    class Odd(nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            self.square = nn.Linear(n_in, n_in)
            self.recurrent = nn.GRU(n_in, n_out)

        def forward(self, X):
            return self.recurrent(self.square(self.square(X))[None])[0][0]

    architecture = Custom(Odd, nn.Linear)
    autoencoder = AutoencoderTransformer(architecture=architecture, **BRIEF)
    summary = autoencoder.fit(make_curve(60)).summary()
    network = autoencoder.net_.module_
    assert summary.n_weights == sum(weight.numel() for weight in network.parameters())
    kinds = [layer.kind for layer in summary.layers]
    assert (kinds.count("GRU"), kinds.count("Linear")) == (1, 4)
    assert "hidden_layer_sizes" not in summary.resolved  # of no use here


def test_what_auto_became_and_nothing_else():
    """A parameter that was given is not in the table."""
    autoencoder = AutoencoderTransformer(**RANDOM, solver="adam", **BRIEF)
    summary = autoencoder.fit(make_curve(60)).summary()
    assert summary.resolved["batch_size"] == autoencoder.batch_size_
    assert summary.resolved["device"] == autoencoder.device_
    assert not {"solver", "max_iter", "init"} & summary.resolved.keys()


def test_text_holds_what_came_of_it():
    """Printed, it has the verdict, the judge and both errors."""
    autoencoder = AutoencoderTransformer(**BRIEF).fit(make_curve(60))
    text = str(autoencoder.summary())
    assert autoencoder.summary().outcome in text
    assert "judge_ " in text
    for error in (
        autoencoder.reconstruction_error_,
        autoencoder.pca_reconstruction_error_,
    ):
        assert f"{error:.4g}" in text
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_summary_of_a_head():
    """Its layers end at the classes; an autoencoder's errors are not its own."""
    autoencoder = AutoencoderTransformer(2, **RANDOM, **BRIEF)
    classifier = AutoencoderClassifier(autoencoder, max_iter=1, random_state=0)
    classifier.fit(make_curve(60), np.arange(60) % 3)
    summary = classifier.summary()
    assert summary.layers[-1][:3] == ("head", "Linear", (3,))
    assert "n_iter_" in summary.facts
    assert "reconstruction_error_" not in summary.facts


def test_asking_leaves_the_network_alone():
    """No hook stays, and codes are the same."""
    X = make_curve(60)
    autoencoder = AutoencoderTransformer(**BRIEF).fit(X)
    before = autoencoder.transform(X)
    autoencoder.summary()
    network = autoencoder.net_.module_
    assert not any(part._forward_hooks for part in network.modules())
    np.testing.assert_array_equal(autoencoder.transform(X), before)


def test_unfitted_estimator_has_no_summary():
    """There is nothing to tell yet, nor in its diagram."""
    autoencoder = AutoencoderTransformer()
    with pytest.raises(NotFittedError):
        autoencoder.summary()
    assert "skae-summary" not in autoencoder._repr_mimebundle_()["text/html"]


def test_diagram_of_a_fitted_estimator_has_the_summary():
    """Below what scikit-learn shows; its text is escaped."""
    autoencoder = AutoencoderTransformer(**BRIEF).fit(make_curve(60))
    shown = autoencoder._repr_mimebundle_()["text/html"]
    assert shown.startswith(estimator_html_repr(autoencoder)[:20])
    assert autoencoder._repr_html_().count("skae-summary") == 1
    assert "&quot;auto&quot; became" in shown
    assert f"<td>{autoencoder.summary().n_weights:,}</td>" in shown


def test_display_as_text_is_respected():
    """Who asks scikit-learn for text gets no HTML."""
    autoencoder = AutoencoderTransformer(**BRIEF).fit(make_curve(60))
    with config_context(display="text"):
        assert "text/html" not in autoencoder._repr_mimebundle_()
        assert not hasattr(autoencoder, "_repr_html_")


@pytest.mark.parametrize("wrap", [lambda a: a, AutoencoderOutlierDetector])
def test_diagram_links_to_the_page_of_the_class(monkeypatch, wrap):
    """Where the project says that its pages are, and nowhere else."""
    estimator = wrap(AutoencoderTransformer())
    name = type(estimator).__name__
    address = f"https://pages.local/generated/skae.{name}.html"
    monkeypatch.setattr(_documented, "documentation", lambda: "https://pages.local")
    assert f'href="{address}"' in estimator_html_repr(estimator)
    assert name in (ROOT / "docs" / "api.rst").read_text("utf-8").split()
    monkeypatch.setattr(_documented, "documentation", lambda: "")
    assert estimator._get_doc_link() == ""


def test_an_estimator_of_your_own_has_no_page():
    class Mine(AutoencoderTransformer):
        pass

    assert Mine()._get_doc_link() == ""
