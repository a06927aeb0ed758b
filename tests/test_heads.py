"""Heads on codes: which labelled rows judge them, and what these stay out of."""

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    AutoencoderClassifier,
    AutoencoderRegressor,
    AutoencoderTransformer,
    VariationalAutoencoder,
)
from skae.data._table import Table
from skae.engine import Labelled, Labels, Seed, label_folds
from skae.engine._heads import HeadFitter
from skae.objectives._variational import VariationalLoss

SMALL = AutoencoderTransformer(8, hidden_layer_sizes=(8,), max_iter=1)


def make_labelled(n_rows, n_groups=None, has_classes=True):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n_rows) if has_classes else rng.random((n_rows, 1))
    groups = None if n_groups is None else rng.integers(0, n_groups, n_rows)
    return Labelled(np.arange(n_rows), y, None, groups)


@pytest.mark.parametrize("has_classes", [True, False])
@pytest.mark.parametrize("n_rows", [80, 1500])
def test_whole_groups_are_held_out(n_rows, has_classes):
    """By the folds of few rows, and by the one split of many."""
    labelled = make_labelled(n_rows, 15, has_classes)
    pairs = label_folds(labelled, 0.1, Seed(0), n_unlabelled=n_rows)
    assert len(pairs) == (5 if n_rows == 80 else 1)
    for kept, held_out in pairs:
        assert len(held_out) > 0
        assert not set(labelled.groups[kept]) & set(labelled.groups[held_out])


@pytest.mark.parametrize("n_rows", [80, 1500])
def test_one_group_has_nobody_to_judge(n_rows):
    """There is nothing to hold out then."""
    labelled = make_labelled(n_rows, 1)
    assert label_folds(labelled, 0.1, Seed(0), n_unlabelled=n_rows) == []


def test_groups_of_one_class_each_are_no_obstacle():
    """No group can be spared: none is held out."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:150], y[:150] % 3
    model = AutoencoderClassifier(SMALL, max_iter=1, random_state=0)
    assert model.fit(X, y, groups=y).predict_proba(X).shape == (150, 3)
    assert model.validation_loss_curve_ is None
    groups = np.where(y == 0, 0, np.arange(150))  # one class alone is in one group
    model.fit(X, y, groups=groups)
    assert model.validation_loss_curve_ is not None
    assert set(model.predict(X)) <= {0, 1, 2}


@pytest.mark.parametrize("n_rows", [40, 1100])
def test_more_classes_than_rows_held_out_are_no_obstacle(n_rows):
    """Every class cannot be among them: some are."""
    labelled = Labelled(np.arange(n_rows), np.arange(n_rows) // 2)
    (pair,) = label_folds(labelled, 0.1, Seed(0))
    assert sorted(np.concatenate(pair)) == list(range(n_rows))


def test_unlabelled_rows_of_a_group_go_with_it():
    """What pretrains beside a judge has no row of the groups that judge."""
    labelled = make_labelled(50, 10)
    groups = np.r_[labelled.groups, np.arange(50) % 12]
    table = Table(np.arange(100.0)[:, None], None, groups)
    folds = label_folds(labelled, 0.1, Seed(0), n_unlabelled=50)
    for _, held_out in folds:
        left = Labels(table, labelled, folds, 0.1).without(held_out)
        assert not set(left.groups) & set(labelled.groups[held_out])
        gone = np.isin(groups, labelled.groups[held_out])
        np.testing.assert_array_equal(left.rows, np.flatnonzero(~gone))


@pytest.mark.parametrize("seed", [0, 1])
def test_codes_of_rows_held_out_do_not_reach_the_head(seed):
    """Neither the units of codes nor those of targets know of them."""
    rng = np.random.default_rng(seed)
    Z, y = rng.standard_normal((90, 4)), rng.standard_normal((60, 1))
    held_out = np.arange(10)
    kept = np.arange(10, 60)
    heads = []
    for factor in (1, 100):
        Z[held_out] *= factor
        y[held_out] += factor
        fitter = HeadFitter(Z, None, Labelled(np.arange(60), y))
        heads.append(fitter.fit(kept, ("own", 0.1), without=held_out))
    for name, value in vars(heads[0]).items():
        np.testing.assert_array_equal(value, getattr(heads[1], name), err_msg=name)


@pytest.mark.parametrize("make", [AutoencoderClassifier, AutoencoderRegressor])
def test_rows_that_judge_pretrain_nothing(make):
    """Other values in them leave the autoencoder that they judge as it is."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:1100], y[:1100]
    targets = y if make is AutoencoderClassifier else y[:, None].astype(float)
    labelled = Labelled(np.arange(1100), targets)
    ((_, held_out),) = label_folds(labelled, 0.1, Seed(0))
    other = X.copy()
    other[held_out] = 16 - X[held_out]
    codes = [
        make(SMALL, max_iter=1, alpha=0.1, random_state=0)
        .fit(table, y)
        .autoencoder_.transform(X)
        for table in (X, other)
    ]
    np.testing.assert_array_equal(*codes)


@pytest.mark.parametrize("make", [AutoencoderClassifier, AutoencoderRegressor])
def test_groups_reach_the_estimators_and_pass_through_a_pipeline(make):
    """Routed by scikit-learn they do what they do when given."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:200], y[:200] % 2
    groups = np.arange(200) // 20
    model = make(SMALL, max_iter=2, alpha=0.1, random_state=0)
    with config_context(enable_metadata_routing=True):
        routed = make_pipeline(StandardScaler(), model.set_fit_request(groups=True))
        found = routed.fit(X, y, groups=groups)[-1].validation_loss_curve_
    X = StandardScaler().fit_transform(X)
    told = make(**model.get_params(deep=False)).fit(X, y, groups=groups)
    untold = make(**model.get_params(deep=False)).fit(X, y)
    assert found == told.validation_loss_curve_ != untold.validation_loss_curve_


def test_divergence_of_a_variational_autoencoder_has_its_full_weight():
    """Fine-tuning begins where its warm-up has long ended."""
    X, y = load_digits(return_X_y=True)
    model = AutoencoderClassifier(
        VariationalAutoencoder(4, kl_warmup=3, max_iter=4),
        max_iter=1,
        early_stopping=False,
        random_state=0,
    ).fit(X[:200], y[:200])
    parts = [
        part
        for part in model.net_.criterion_.modules()
        if isinstance(part, VariationalLoss)
    ]
    assert [part.warmth for part in parts] == [1.0]
    assert all(torch.isfinite(w).all() for w in model.net_.module_.parameters())
