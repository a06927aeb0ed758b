"""check_autoencoder: it passes what is sound and catches what is broken."""

import pytest

from skae import AutoencoderTransformer
from skae.testing import autoencoder_checks, check_autoencoder

from .broken import BROKEN, FAST, WITH_EPOCHS

SOUND = {
    "default": AutoencoderTransformer(),
    "textbook": AutoencoderTransformer(
        n_components=4,
        hidden_layer_sizes=(),
        init="random",
        activation="relu",
        code_activation="relu",
        output_activation="sigmoid",
        loss="binary_cross_entropy",
    ),
    "deep": AutoencoderTransformer(
        n_components=3, hidden_layer_sizes=(32, 16), dropout=0.1
    ),
}
CHECKS = [name for name, _ in autoencoder_checks(AutoencoderTransformer())]


@pytest.mark.parametrize("estimator", SOUND.values(), ids=SOUND)
def test_sound_autoencoder_passes(estimator):
    """No check fails on an autoencoder that works."""
    check_autoencoder(estimator)


@pytest.mark.parametrize("parameters", [FAST, WITH_EPOCHS])
def test_parameters_of_the_broken_ones_are_sound(parameters):
    """What is caught is the flaw, not the parameters it comes with."""
    check_autoencoder(AutoencoderTransformer(**parameters))


def assert_caught(broken, run):
    with pytest.raises(AssertionError) as failure:
        run()
    text = str(failure.value)
    assert text.startswith(f"{broken.check}: ")
    assert broken.message in text


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_broken_autoencoder_is_caught(broken):
    """The check about what is broken fails, and says what is wrong."""
    assert_caught(broken, dict(autoencoder_checks(broken.estimator))[broken.check])


# Each runs all the checks before the one that fails: a quarter is enough.
@pytest.mark.parametrize("broken", BROKEN[::4], ids=lambda broken: broken.name)
def test_check_autoencoder_stops_at_what_is_broken(broken):
    """No other check fails before the one about what is broken."""
    assert_caught(broken, lambda: check_autoencoder(broken.estimator))


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_catches_something(check):
    """No check is there that never fails."""
    assert check in {broken.check for broken in BROKEN}
