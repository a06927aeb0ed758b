"""check_autoencoder: it passes what is sound and catches what is broken."""

import numpy as np
import pytest

from skae.testing import autoencoder_checks, check_autoencoder
from skae.testing._inverse import (
    check_inverse_shape,
    check_round_trip_beats_the_mean,
)
from skae.testing._prepare import (
    FEW_EPOCHS,
    make_further_rows,
    make_rows,
    prepared,
)

from .broken import (
    BROKEN,
    FAST,
    MANY_EPOCHS,
    NOBODY_JUDGES,
    WITH_EPOCHS,
    AutoencoderTransformer,
)
from .closed_form import PrincipalCodes

SOUND = {
    "textbook": AutoencoderTransformer(
        n_components=4,
        hidden_layer_sizes=(),
        init="random",
        activation="relu",
        code_activation="relu",
        output_activation="sigmoid",
        loss="binary_cross_entropy",
    ),
    "penalised": AutoencoderTransformer(alpha=1e-3, whiten=True, **WITH_EPOCHS),
    "as wide as the rows": AutoencoderTransformer(12, init="pca", **WITH_EPOCHS),
    "closed form": PrincipalCodes(),
}
CHECKS = [name for name, _ in autoencoder_checks(PrincipalCodes())]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("textbook", marks=pytest.mark.slow),
        pytest.param("penalised", marks=pytest.mark.slow),
        pytest.param("as wide as the rows", marks=pytest.mark.slow),
        "closed form",
    ],
)
def test_sound_autoencoder_passes(name):
    """No check fails on an autoencoder that works."""
    check_autoencoder(SOUND[name])


@pytest.mark.parametrize(
    "parameters",
    [
        FAST,
        pytest.param(WITH_EPOCHS, marks=pytest.mark.slow),
        FAST | NOBODY_JUDGES,
        pytest.param(MANY_EPOCHS, marks=pytest.mark.slow),
    ],
)
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


# Each runs all the checks before the one that fails: an eighth is enough.
@pytest.mark.parametrize("broken", BROKEN[::8], ids=lambda broken: broken.name)
def test_check_autoencoder_stops_at_what_is_broken(broken):
    """No other check fails before the one about what is broken."""
    assert_caught(broken, lambda: check_autoencoder(broken.estimator))


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_catches_something(check):
    """No check is there that never fails."""
    assert check in {broken.check for broken in BROKEN}


def test_checks_have_names_of_their_own():
    """A name stands for one check."""
    assert len(set(CHECKS)) == len(CHECKS) > 30


def test_given_estimator_is_left_alone():
    """The checks work on clones."""
    estimator = AutoencoderTransformer(max_iter=100, random_state=None)
    before = vars(estimator).copy()
    checks = dict(autoencoder_checks(estimator))
    checks["check_inverse_shape"]()
    assert vars(estimator) == before


class Unable(PrincipalCodes):
    def inverse_transform(self, X):
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("no memory"), KeyError("weights")])
def test_unexpected_error_comes_out_under_the_name_of_the_check(error, monkeypatch):
    """Whatever a method raises, the message says during which check, and what."""
    monkeypatch.setattr(Unable, "error", error, raising=False)
    check = dict(autoencoder_checks(Unable()))["check_inverse_shape"]
    message = f"check_inverse_shape: an unexpected {type(error).__name__}: {error}"
    with pytest.raises(AssertionError) as failure:
        check()
    assert str(failure.value) == message
    assert failure.value.__cause__ is error


def test_real_interrupt_stops_the_checks(monkeypatch):
    """Ctrl-C is no failed check."""
    monkeypatch.setattr(Unable, "error", KeyboardInterrupt, raising=False)
    with pytest.raises(KeyboardInterrupt):
        check_autoencoder(Unable())


@pytest.mark.parametrize(
    ("max_iter", "expected"), [("auto", FEW_EPOCHS), (100, FEW_EPOCHS), (2, 2)]
)
def test_epochs_are_few(max_iter, expected):
    """Checks that do not judge the reconstruction train for few epochs."""
    estimator = AutoencoderTransformer(max_iter=max_iter)
    assert prepared(estimator, check_inverse_shape).max_iter == expected


def test_epochs_are_the_users_where_quality_is_judged():
    """The reconstruction is judged after the training that the user asked for."""
    estimator = AutoencoderTransformer(max_iter=100)
    assert prepared(estimator, check_round_trip_beats_the_mean).max_iter == 100


def test_further_rows_lie_near_the_same_surface():
    """What was learnt from the rows holds for further ones, of whatever seed."""
    principal = PrincipalCodes(8).fit(make_rows())
    error = principal.reconstruction_error(make_rows())
    first, second = make_further_rows(seed=1), make_further_rows(seed=2)
    assert principal.reconstruction_error(first) < 2 * error
    assert principal.reconstruction_error(second) < 2 * error
    assert np.linalg.norm(first - second, axis=1).min() > 0
    assert principal.reconstruction_error(make_rows(seed=1)) > 10 * error


@pytest.mark.parametrize(
    ("random_state", "expected"), [(None, 0), (np.random.RandomState(7), 0), (3, 3)]
)
def test_random_state_is_an_integer(random_state, expected):
    """Every check can be repeated, with the user's seed where there is one."""
    estimator = AutoencoderTransformer(random_state=random_state)
    assert prepared(estimator, check_inverse_shape).random_state == expected


def test_parameters_that_pickle_refuses_are_no_failure():
    """A callable as a parameter may be a lambda."""
    estimator = AutoencoderTransformer(activation=lambda X: X.tanh(), **WITH_EPOCHS)
    checks = dict(autoencoder_checks(estimator))
    for name in ("check_pickle", "check_fit_keeps_parameters"):
        checks[name]()
