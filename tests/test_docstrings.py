"""Docstrings: what a name means is said in the same words in every class."""

import inspect
import re

import pytest

import skae

CLASSES = [getattr(skae, name) for name in skae.__all__ if name[0].isupper()]
HEADS = {"AutoencoderClassifier", "AutoencoderRegressor"}
# Where one class means something else by a name, or has more to say of it.
OWN_WORDS = {
    "AutoencoderTransformer": {"n_components"},
    "DenoisingAutoencoder": {
        "random_state",
        "reconstruction_error_",
        "validation_loss_curve_",
    },
    "SparseAutoencoder": {
        "alpha",
        "code_activation",
        "components_",
        "hidden_layer_sizes",
        "init",
    },
    "ContractiveAutoencoder": {"random_state", "tied_weights"},
    "VariationalAutoencoder": {
        "alpha",
        "architecture",
        "loss",
        "n_components",
        "net_",
        "random_state",
    },
    "StackedAutoencoder": {
        "autoencoder",
        "callbacks",
        "init",
        "loss_curve_",
        "n_iter_",
        "validation_loss_curve_",
        "warm_start",
    },
    "AutoencoderRegressor": {"validation_loss_curve_"},
    "AutoencoderOutlierDetector": {"random_state"},
    "MarginalizedDenoisingAutoencoder": {
        "alpha",
        "components_",
        "explained_variance_ratio_",
        "judge_",
        "n_components_",
        "noise_level",
        "pca_reconstruction_error_",
        "reconstruction_error_",
    },
}
# What the supervised estimators do to a head, the others do to an autoencoder.
OF_A_HEAD = {
    "alpha",
    "autoencoder",
    "batch_size",
    "early_stopping",
    "learning_rate_init",
    "loss_curve_",
    "max_iter",
    "n_iter_",
    "n_iter_no_change",
    "net_",
    "noise",
    "noise_level",
    "noise_level_",
    "random_state",
    "validation_fraction",
    "validation_loss_curve_",
    "verbose",
}


def entries(cls, section):
    """Return the text of every name in a section, in one line each.

    A name starts at the margin and its text is indented. Several names may share one.
    """
    doc = inspect.cleandoc(cls.__doc__)
    body = re.search(rf"^{section}\n-+\n(.*?)(?=^\w+\n---|\Z)", doc, re.S | re.M)
    found = {}
    for entry in re.split(r"\n+(?=\S)", body.group(1).strip()) if body else []:
        head, _, text = entry.partition("\n")
        for name in head.split(" : ")[0].split(", "):
            found[name.strip()] = " ".join(text.split())
    return found


def documented(cls):
    return entries(cls, "Parameters") | entries(cls, "Attributes")


def group(cls, name):
    """Return which classes have to agree on a name."""
    if name in OF_A_HEAD and cls.__name__ in HEADS:
        return "heads"
    return "all"


def test_one_name_has_one_text():
    """Repeated paragraphs are alike to the letter, the exceptions above aside."""
    texts = {}
    for cls in CLASSES:
        for name, text in documented(cls).items():
            if name not in OWN_WORDS.get(cls.__name__, ()):
                found = texts.setdefault((group(cls, name), name), {})
                found.setdefault(text, []).append(cls.__name__)
    assert {key: found for key, found in texts.items() if len(found) > 1} == {}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_exceptions_are_exceptions(cls):
    """An exception that says what all others say is none."""
    common = {}
    for other in CLASSES:
        for name, text in documented(other).items():
            if name not in OWN_WORDS.get(other.__name__, ()):
                common.setdefault((group(other, name), name), text)
    texts = documented(cls)
    names = OWN_WORDS.get(cls.__name__, set())
    assert names <= texts.keys()
    assert [n for n in names if texts[n] == common.get((group(cls, n), n))] == []


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_parameters_are_documented_in_order(cls):
    """The docstring has every parameter, in the order of the constructor."""
    assert [*entries(cls, "Parameters")] == [*inspect.signature(cls).parameters]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_attributes_end_in_an_underscore(cls):
    """What fit finds out is told apart from what it is given."""
    names = [*entries(cls, "Attributes")]
    assert names
    assert [name for name in names if not name.endswith("_")] == []


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_judge_is_documented(cls):
    """Who reports errors says on which rows they are."""
    attributes = entries(cls, "Attributes")
    assert ("judge_" in attributes) == ("reconstruction_error_" in attributes)
