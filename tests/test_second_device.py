"""Estimators on another device than the CPU, where there is no GPU: see second_device.

One process fits them all there, as the device belongs to a whole process.
"""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone, is_classifier

import skae
from skae.engine import _starts

from . import second_device
from .tables import make_curve
from .test_devices import BRIEF, ESTIMATORS

pytestmark = pytest.mark.skipif(
    not second_device.IS_OFFERED, reason="this torch has no devices made in Python"
)
ROOT = Path(__file__).parents[1]
CALLS = ("transform", "reconstruct", "score_samples", "predict")


class Absent(torch.nn.Linear):
    """A layer that keeps a tensor where `to` does not find it."""

    def __init__(self, n_in, n_out):
        super().__init__(n_in, n_out)
        self.shift = [torch.zeros(n_out)]

    def forward(self, X):
        return super().forward(X) + self.shift[0]


EVERY = {
    **ESTIMATORS,
    "classifier": skae.AutoencoderClassifier(ESTIMATORS["plain"], **BRIEF),
    "adversarial": skae.AutoencoderClassifier(
        ESTIMATORS["plain"], noise="adversarial", consistency_weight=1, **BRIEF
    ),
    "regressor": skae.AutoencoderRegressor(ESTIMATORS["variational"], **BRIEF),
    "detector": skae.AutoencoderOutlierDetector(ESTIMATORS["plain"], random_state=0),
    "ordered": skae.AutoencoderTransformer(2, ordered=True, **BRIEF),
    "held out": skae.AutoencoderTransformer(2, **BRIEF),
    "left behind": skae.AutoencoderTransformer(
        2, architecture=skae.architectures.Custom(Absent, torch.nn.Linear), **BRIEF
    ),
}


# -- in the process that has the device ------------------------------------------------


def moved(estimator, device):
    names = [name for name in estimator.get_params() if name.endswith("device")]
    return clone(estimator).set_params(**dict.fromkeys(names, device))


def used(name, estimator, device):
    """Return what a fitted estimator computes, after a stream, for new rows."""
    X = make_curve(600 if name == "held out" else 90)
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    X, X_new = X[:-5], X[-5:]
    y = X[:, 0] > 0.5 if is_classifier(estimator) else X[:, 0]
    estimator = moved(estimator, device).fit(X, y)
    if hasattr(estimator, "partial_fit"):
        estimator.partial_fit(X)
        places = {weight.device.type for weight in estimator.net_.network_.parameters()}
        assert places == {device}
    calls = [call for call in CALLS if hasattr(estimator, call)]
    results = [getattr(estimator, call)(X_new) for call in calls]
    if hasattr(estimator, "inverse_transform"):
        results.append(estimator.inverse_transform(results[0]))
    stored = pickle.loads(pickle.dumps(estimator))
    assert_close(getattr(stored, calls[0])(X_new), results[0])
    return results


def assert_close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def outcome(name, estimator):
    """Return "as on the CPU", or the error."""
    try:
        found = used(name, estimator, second_device.NAME)
        for one, other in zip(found, used(name, estimator, "cpu"), strict=True):
            assert_close(one, other)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "as on the CPU"


def copies():
    """Return what tensors on the device have copied when they are encoded again."""
    X = torch.tensor(make_curve(60)).to(second_device.NAME)
    estimator = moved(ESTIMATORS["random"], second_device.NAME)
    with config_context(array_api_dispatch=True):
        estimator.fit(X).transform(X)
        second_device.copied.clear()
        found = [estimator.inverse_transform(estimator.transform(X))]
        found.append(estimator.score_samples(X))
    assert all(map(second_device.is_here, found))
    return second_device.copied


def main(names):
    """Print the outcomes of some estimators as JSON."""
    kept = second_device.register()
    _starts.LESSONS = _starts.SPRINT_STEPS = 4
    found = {name: outcome(name, EVERY[name]) for name in names}
    print(json.dumps(found | {"copies": copies()}))
    del kept


# -- the tests -------------------------------------------------------------------------


def outcomes(names):
    """Return what `main` prints, run by another process."""
    code = f"from tests.test_second_device import main; main({names!r})"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


FIRST = ["denoising"]


@pytest.fixture(scope="module")
def first():
    return outcomes([*FIRST, "left behind"])


@pytest.fixture(scope="module")
def others():
    return outcomes([name for name in EVERY if name not in (*FIRST, "left behind")])


@pytest.mark.parametrize("name", FIRST)
def test_estimators_work_on_another_device(first, name):
    """Fit, stream, use and pickle give what they give on the CPU."""
    assert first[name] == "as on the CPU"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(EVERY.keys() - {*FIRST, "left behind"}))
def test_all_other_estimators_do_too(others, name):
    """Each objective, head and way of judging."""
    assert others[name] == "as on the CPU"


def test_a_tensor_that_stays_behind_is_noticed(first):
    """The device refuses it, so the tests above would fail."""
    assert "cpu" in first["left behind"]


def test_tensors_on_the_device_do_not_pass_through_the_host(first):
    """With scikit-learn's array API dispatch, they are encoded where they are."""
    assert first["copies"] == []
