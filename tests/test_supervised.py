"""Supervised fine-tuning: AutoencoderClassifier and AutoencoderRegressor."""

import pickle
import random
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from skae import (
    AutoencoderClassifier,
    AutoencoderRegressor,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    MarginalizedDenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.engine import Labelled, Seed, _heads, label_folds
from skae.engine._fine_tuning import SupervisedNet
from skae.estimators._classifier import is_labelled

SMALL = AutoencoderTransformer(8, init="pca", hidden_layer_sizes=(8,), max_iter=2)
FOLDS = {"max_iter": 3, "alpha": 0.1, "consistency_weight": 0}
UNJUDGED = {"max_iter": 3, "consistency_weight": 1, "early_stopping": False}
CONFIGURATIONS = [
    AutoencoderClassifier(SMALL, **FOLDS),
    AutoencoderRegressor(SMALL, **FOLDS),
]
CONSISTENT = [
    AutoencoderClassifier(SMALL, alpha=0.1, **UNJUDGED),
    AutoencoderRegressor(SMALL, **UNJUDGED),
]
# Every step of the autoencoder sees every row and nothing else is random.
FULL_BATCH = AutoencoderTransformer(
    8,
    hidden_layer_sizes=(16,),
    solver="sgd",
    learning_rate_init=0.1,
    batch_size=1000,
    max_iter=5,
    early_stopping=False,
    precision="float64",
)
EXACT = [
    AutoencoderClassifier(FULL_BATCH, fine_tune=False, alpha=0.01),
    AutoencoderRegressor(FULL_BATCH, fine_tune=False, alpha=0.01),
]
REASON = "a mini-batch or a held-out row is one row, whatever its weight"
WEIGHT_CHECKS = {
    "check_sample_weight_equivalence_on_dense_data": REASON,
    "check_sample_weight_equivalence_on_sparse_data": REASON,
}


def expected_failures(estimator):
    """Weights as repeated rows, where rows are held out or drawn for a step.

    On the checks' tables no regressor that is judged is fine-tuned.
    """
    is_judged = isinstance(estimator, AutoencoderRegressor) and estimator.early_stopping
    return WEIGHT_CHECKS if estimator.fine_tune and not is_judged else {}


@pytest.mark.filterwarnings("ignore:-1 and 1 are all the labels")
@parametrize_with_checks(
    [*CONFIGURATIONS, *EXACT], expected_failed_checks=expected_failures
)
def test_scikit_learn_checks(estimator, check):
    """Every check of check_estimator passes."""
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:-1 and 1 are all the labels")
@parametrize_with_checks(CONSISTENT, expected_failed_checks=expected_failures)
def test_scikit_learn_checks_with_consistency(estimator, check):
    """So it does where unlabelled rows are trained on, too."""
    check(estimator)


def test_many_labels_start_from_a_few(monkeypatch):
    """The start of fine-tuning is fitted to some rows, of which every class has one."""
    fitted_rows = []

    fit = _heads._fit_classes

    def fit_classes(Z, y, weight, alpha, exact):
        fitted_rows.append(len(y))
        assert len(np.unique(y)) == 3
        assert not exact
        return fit(Z, y, weight, alpha, exact)

    monkeypatch.setattr(_heads, "FEW_ROWS", 100)
    monkeypatch.setattr(_heads, "_fit_classes", fit_classes)
    X, y = load_digits(return_X_y=True)
    y = np.where(np.arange(len(y)) % 600 == 5, 2, y % 2)
    classifier = AutoencoderClassifier(SMALL, max_iter=3, random_state=0).fit(X, y)
    assert max(fitted_rows) <= 103
    assert classifier.score(X, y) > 0.8


def few_labels(n_labelled=40, n_samples=300):
    """Return pictures of digits, their labels, and those labels that are given."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:n_samples], y[:n_samples]
    given = np.full(n_samples, -1)
    given[:n_labelled] = y[:n_labelled]
    return X, y, given


def few_numbers(n_labelled=60):
    """Return a table, its targets, and those targets that are given."""
    X, y = load_diabetes(return_X_y=True)
    return X, y, np.where(np.arange(len(y)) < n_labelled, y, np.nan)


def classifier(**parameters):
    """Return a classifier that fits in a fraction of a second."""
    defaults = {"autoencoder": SMALL, "max_iter": 3, "random_state": 0}
    return AutoencoderClassifier(**defaults | parameters)


def regressor(**parameters):
    """Return a regressor that fits in a fraction of a second."""
    defaults = {"autoencoder": SMALL, "max_iter": 3, "random_state": 0}
    return AutoencoderRegressor(**defaults | parameters)


# -- what is learnt ------------------------------------------------------------


def test_frozen_classifier_is_logistic_regression_on_codes():
    """Without fine-tuning the head is scikit-learn's on codes of unit variance."""
    X, y, given = few_labels()
    model = classifier(fine_tune=False, alpha=0.1).fit(X, given)
    Z = model.autoencoder_.transform(X)
    Z = (Z - Z.mean(axis=0)) / np.sqrt(Z.var(axis=0).mean())
    reference = LogisticRegression(C=1 / (0.1 * 40), max_iter=1000).fit(Z[:40], y[:40])
    np.testing.assert_allclose(
        model.predict_proba(X), reference.predict_proba(Z), atol=2e-3
    )


def test_frozen_regressor_is_ridge_on_codes():
    """Without fine-tuning the head is scikit-learn's on codes of unit variance."""
    X, y, given = few_numbers()
    model = regressor(fine_tune=False, alpha=0.1).fit(X, given)
    Z = model.autoencoder_.transform(X)
    Z = (Z - Z.mean(axis=0)) / np.sqrt(Z.var(axis=0).mean())
    reference = Ridge(alpha=0.1 * 60).fit(Z[:60], y[:60])
    np.testing.assert_allclose(model.predict(X), reference.predict(Z), rtol=1e-4)


def test_fine_tuning_learns_what_codes_do_not_hold():
    """A class that a linear head on two codes cannot tell is learnt by the encoder."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    settings = {
        "autoencoder": AutoencoderTransformer(2, init="pca", max_iter=2),
        "max_iter": 60,
        "learning_rate_init": 1e-2,
        "batch_size": 32,
        "early_stopping": False,
        "alpha": 0.01,
    }
    frozen = classifier(fine_tune=False, **settings).fit(X[:300], y[:300])
    tuned = classifier(**settings).fit(X[:300], y[:300])
    assert frozen.score(X[300:], y[300:]) < 0.7
    assert tuned.score(X[300:], y[300:]) > 0.9
    assert tuned.best_n_iter_ > 0


def test_unlabelled_rows_count():
    """Rows without a label change the model."""
    X, _, given = few_labels()
    with_them = classifier().fit(X, given)
    without = classifier().fit(X[:40], given[:40])
    assert np.abs(with_them.predict_proba(X) - without.predict_proba(X)).max() > 0.01


def test_fine_tuning_is_dropped_where_it_hurts():
    """At an absurd learning rate the head on the pretrained codes is what stays."""
    X, _, given = few_numbers()
    model = regressor(learning_rate_init=10.0).fit(X, given)
    frozen = regressor(fine_tune=False).fit(X, given)
    assert model.best_n_iter_ == 0
    np.testing.assert_array_equal(model.predict(X), frozen.predict(X))


def test_fine_tuning_is_kept_where_it_helps():
    """Where the classes are no linear matter the tuned network predicts new rows."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    settings = {"max_iter": 150, "learning_rate_init": 1e-2, "batch_size": 32}
    settings["autoencoder"] = AutoencoderTransformer(2, init="pca", max_iter=2)
    model = classifier(**settings).fit(X[:300], y[:300])
    assert model.best_n_iter_ == 150
    frozen = classifier(fine_tune=False, **settings).fit(X[:300], y[:300])
    unseen = X[300:], y[300:]
    assert model.score(*unseen) > frozen.score(*unseen) + 0.2


def test_frozen_encoder_stays():
    """fine_tune=False leaves the codes of the pretrained autoencoder."""
    X, _, given = few_labels()
    model = classifier(fine_tune=False).fit(X, given)
    np.testing.assert_allclose(model.transform(X), model.autoencoder_.transform(X))
    assert model.n_iter_ == 1
    assert model.loss_curve_ == []


def test_fine_tuning_leaves_the_pretrained_autoencoder():
    """autoencoder_ is as a fit of its own would be; the codes are the tuned ones."""
    X, _, given = few_labels()
    model = classifier(early_stopping=False).fit(X, given)
    seed = Seed(0).integer("autoencoder")
    alone = clone(SMALL).set_params(random_state=seed).fit(X)
    np.testing.assert_array_equal(model.autoencoder_.transform(X), alone.transform(X))
    assert np.abs(model.transform(X) - alone.transform(X)).max() > 1e-3
    assert not hasattr(SMALL, "net_")
    assert SMALL.random_state is None


@pytest.mark.parametrize("noise", ["gaussian", "adversarial"])
def test_consistency_makes_predictions_robust(noise):
    """The consistency term brings predictions on noisy rows to those on clean ones."""
    X, _, given = few_labels()
    X_noisy = X + np.random.default_rng(0).normal(0, 0.5, X.shape) * X.std(axis=0)
    gaps = []
    for weight in (0, 10):
        model = classifier(
            consistency_weight=weight,
            noise=noise,
            noise_level=0.5 if noise == "gaussian" else 0.1,
            early_stopping=False,
            max_iter=15,
            learning_rate_init=1e-2,
        ).fit(X, given)
        gaps.append(
            np.abs(model.predict_proba(X) - model.predict_proba(X_noisy)).mean()
        )
    assert gaps[1] < 0.9 * gaps[0]


def test_reconstruction_weight_holds_the_decoder():
    """With a weight on it, the fine-tuned network still reconstructs."""
    import torch

    X, _, given = few_labels()
    errors = []
    for weight in (0, 10):
        model = classifier(
            reconstruction_weight=weight,
            early_stopping=False,
            max_iter=15,
            learning_rate_init=1e-2,
        ).fit(X, given)
        with torch.no_grad():
            X_hat = model.net_.module_.autoencoder(torch.tensor(X, dtype=torch.float32))
        errors.append(np.mean((X_hat.numpy() - X) ** 2))
    assert errors[1] < 0.8 * errors[0]


def test_terms_of_the_loss_have_their_weights():
    """The error counts once, reconstruction and consistency by theirs."""
    import torch

    from skae.objectives._supervised import LabelledAndAll, NumberLoss, Outputs

    found, ones = [], torch.ones(4, 1)
    for weights in ((0, 0), (1, 0), (10, 0), (0, 1), (0, 10)):
        loss = NumberLoss(
            lambda output, rows, weight: (output - rows).mean(),
            reconstruction_weight=weights[0],
            consistency_weight=weights[1],
        )
        outputs = Outputs(2 * ones, ones, 4 * ones, 3 * ones)
        targets = SimpleNamespace(y=ones, weight=None, row_weight=None)
        found.append(loss(outputs, LabelledAndAll(ones, ones), targets).item())
    np.testing.assert_allclose(found, [0.5, 0.5 + 2, 0.5 + 20, 0.5 + 4.5, 0.5 + 45])


@pytest.mark.parametrize("has_classes", [True, False])
def test_adversarial_noise_goes_where_outputs_change_most(has_classes):
    """No step of the same length, that of gaussian noise, changes a linear output more.

    Columns without noise stay.
    """
    import torch

    from skae.objectives._supervised import Adversarial

    generator = torch.Generator().manual_seed(0)
    U, axis = torch.randn(50, 4, generator=generator), torch.tensor([3.0, -1, 0.5, 2])
    noise = Adversarial(np.array([0.1, 0.3, 0.2, 0.0]))
    outputs, moved = noise(U, lambda U: U @ axis[:, None], has_classes=has_classes)
    assert not outputs.requires_grad
    assert not moved.requires_grad
    torch.testing.assert_close(outputs, U @ axis[:, None])
    kept = axis * torch.tensor([1.0, 1, 1, 0])
    signs = -outputs.sign() if has_classes else ((moved - U) @ kept).sign()[:, None]
    length = np.sqrt(0.1**2 + 0.3**2 + 0.2**2)
    torch.testing.assert_close(moved - U, signs * length * kept / kept.norm())
    assert has_classes or len(signs.unique()) == 2


def test_noise_level_depends_on_the_noise():
    """A step to where it does most need not be as long as a random one."""
    X, y, _ = few_labels()
    assert classifier().fit(X, y).noise_level_ == 0.5
    assert classifier(noise="adversarial").fit(X, y).noise_level_ == 0.1
    assert classifier(noise_level=2).fit(X, y).noise_level_ == 2
    with pytest.raises(ValueError, match="'noise'.*'masking'"):
        classifier(noise="masking").fit(X, y)


@pytest.mark.slow
def test_consistency_is_tried_where_most_rows_are_unlabelled():
    """There "auto" is the weight of 0 and 1 with the lower loss on held-out labels."""
    X, y, given = few_labels()
    assert classifier().fit(X, y).consistency_weight_ == 0
    assert classifier(consistency_weight=1).fit(X, y).consistency_weight_ == 1
    settings = {"max_iter": 5, "learning_rate_init": 1e-2, "noise_level": 1.0}
    losses = [
        classifier(consistency_weight=weight, **settings)
        .fit(X, given)
        .validation_loss_curve_[-1]
        for weight in (0, 1)
    ]
    model = classifier(**settings).fit(X, given)
    assert model.consistency_weight_ == np.argmin(losses)
    assert model.validation_loss_curve_[-1] == min(losses)


# -- labels ------------------------------------------------------------


def test_strings_are_unlabelled_by_minus_one():
    """An array of objects holds strings and -1; the classes are the strings."""
    X, y, given = few_labels()
    names = np.array(["zero", "one", *"abcdefgh"], dtype=object)
    strings = np.where(given == -1, -1, names[y])
    model = classifier().fit(X, strings)
    assert sorted(model.classes_) == sorted(names)
    assert set(model.predict(X)) <= set(names)
    same = classifier().fit(X, given)
    order = [list(model.classes_).index(name) for name in names]
    assert (model.predict_proba(X)[:, order].argmax(1) == same.predict(X)).mean() > 0.8


def test_minus_one_and_another_label_are_classes():
    """Where nothing else is there, -1 is a class and not a missing label."""
    X, y, _ = few_labels()
    signs = np.where(y < 5, -1, 1)
    with pytest.warns(UserWarning, match="-1 and 1 are all .*both are taken for clas"):
        model = classifier().fit(X, signs)
    np.testing.assert_array_equal(model.classes_, [-1, 1])
    assert model.score(X, signs) > 0.7
    np.testing.assert_array_equal(
        is_labelled(np.array([-1, 0, 1])), [False, True, True]
    )


def test_minus_one_among_strings_is_refused():
    """An array makes strings of ["a", "b", -1]: "-1" would be a class of its own."""
    X, _, _ = few_labels(n_samples=30)
    with pytest.raises(ValueError, match=r"some are '-1'.*dtype=object"):
        classifier().fit(X, ["a", "b", -1] * 10)


def test_one_class_among_strings_and_minus_one_is_refused():
    """-1 is no class beside names, as it may be beside a number."""
    X, _, _ = few_labels(n_samples=30)
    with pytest.raises(ValueError, match="hold one class, 'a'"):
        classifier().fit(X, np.array(["a", -1, -1] * 10, dtype=object))


def test_classes_are_unbalanced_and_single():
    """A class with a single row is never held out, and is predicted all the same."""
    X, y, given = few_labels()
    rare = np.flatnonzero(given == 3)
    given[rare[1:]] = -1
    model = classifier().fit(X, given)
    assert 3 in model.classes_
    assert model.predict_proba(X).shape == (300, 10)


def test_class_weight_raises_a_class():
    """A class of higher weight is predicted more often."""
    X, y = load_iris(return_X_y=True)
    plain = classifier(fine_tune=False, alpha=1.0).fit(X, y)
    heavy = classifier(fine_tune=False, alpha=1.0, class_weight={1: 20}).fit(X, y)
    assert (heavy.predict(X) == 1).sum() > (plain.predict(X) == 1).sum()


def test_rows_with_a_nan_are_unlabelled():
    """One NaN among several targets leaves the row out of the labelled ones."""
    X, y, _ = few_numbers()
    targets = np.column_stack([y, -2 * y])
    some = targets.copy()
    some[30:, 1] = np.nan
    none = targets.copy()
    none[30:] = np.nan
    predictions = [regressor().fit(X, t).predict(X) for t in (some, none)]
    assert predictions[0].shape == targets.shape
    np.testing.assert_array_equal(*predictions)


def test_regression_does_not_depend_on_the_units_of_y():
    """Targets are scaled: other units give the same predictions in those."""
    X, _, given = few_numbers()
    plain = regressor().fit(X, given).predict(X)
    scaled = regressor().fit(X, 1e4 * given - 7).predict(X)
    np.testing.assert_allclose(scaled, 1e4 * plain - 7, rtol=1e-3)


def test_constant_target_is_predicted():
    """A target that does not vary is predicted everywhere."""
    X, _, given = few_numbers()
    constant = np.where(np.isnan(given), np.nan, 3.0)
    np.testing.assert_allclose(regressor().fit(X, constant).predict(X), 3, atol=0.1)


@pytest.mark.parametrize(
    ("model", "y", "message"),
    [
        (classifier(), np.full(20, -1), "one class|every row"),
        (classifier(), np.ones(20, dtype=int), "one class"),
        (classifier(), np.linspace(0, 1, 20), "Unknown label type"),
        (regressor(), np.full(20, np.nan), "NaN in every row"),
        (regressor(), np.zeros((20, 2, 2)), "dim|shape"),
        (classifier(autoencoder=Ridge()), np.arange(20) % 2, "autoencoder"),
    ],
)
def test_what_cannot_be_learnt_is_named(model, y, message):
    """Errors say what is wrong with the targets or the autoencoder."""
    X = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)


# -- manners ------------------------------------------------------------


@pytest.mark.parametrize("make", [classifier, regressor])
def test_seed_decides_everything(make):
    """The same seed gives the same model; global generators are left alone."""
    import torch

    X, _, given = few_labels() if make is classifier else few_numbers()
    before = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    first = make(consistency_weight=1).fit(X, given).transform(X)
    second = make(consistency_weight=1).fit(X, given).transform(X)
    np.testing.assert_array_equal(first, second)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
    assert before[2] == random.getstate()


def test_interrupt_leaves_the_estimator_as_it_was(monkeypatch):
    """An interrupt while fine-tuning reaches the caller; the model before stays."""
    X, _, given = few_labels()
    model = classifier().fit(X, given)
    before = vars(model).copy()

    def interrupt(self, batch, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(SupervisedNet, "train_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, given)
    assert vars(model) == before


def test_diverging_fine_tuning_is_an_error():
    """Nobody gets a network whose loss is not finite."""
    X, _, given = few_numbers()
    model = regressor(learning_rate_init=1e30, early_stopping=False)
    with pytest.raises(ValueError, match="learning_rate_init"):
        model.fit(X, given)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_sparse_tables_are_tables(make):
    """CSR gives what the same dense table gives."""
    X, _, given = few_labels() if make is classifier else few_numbers()
    dense = make().fit(X, given)
    from_csr = make().fit(sparse.csr_array(X), given)
    np.testing.assert_allclose(
        from_csr.predict(sparse.csr_array(X)), dense.predict(X), rtol=1e-4
    )


@pytest.mark.parametrize("make", [classifier, regressor])
def test_copies_predict_alike(make):
    """A pickled model predicts what the model does, one row as all of them."""
    X, _, given = few_labels() if make is classifier else few_numbers()
    model = make().fit(X, given)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    np.testing.assert_allclose(model.transform(X[:1]), model.transform(X)[:1])
    assert model.transform(X.astype(np.float32)).dtype == np.float32


def test_containers_are_scikit_learns():
    """Codes have names; pandas comes out where it is asked for."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = classifier().set_output(transform="pandas").fit(X, y)
    Z = model.transform(X)
    assert list(Z.columns) == [f"autoencoderclassifier{i}" for i in range(8)]
    assert list(model.feature_names_in_) == list(X.columns)
    assert list(model.autoencoder_.get_feature_names_out()) == [
        f"autoencodertransformer{i}" for i in range(8)
    ]


@pytest.mark.parametrize(
    "autoencoder",
    [
        None,
        DenoisingAutoencoder(4, noise="masking", max_iter=2),
        SparseAutoencoder(8, sparsity="top_k", max_iter=2),
        SparseAutoencoder(8, max_iter=2),
        ContractiveAutoencoder(4, max_iter=2),
        AutoencoderTransformer(
            4, init="random", code_activation="relu", loss="huber", max_iter=2
        ),
        AutoencoderTransformer(4, tied_weights=True, whiten=True, max_iter=2),
        MarginalizedDenoisingAutoencoder(1),
        VariationalAutoencoder(4, max_iter=2),
    ],
)
def test_every_autoencoder_can_be_fine_tuned(autoencoder):
    """Objectives with other outputs than a reconstruction work as they are."""
    X, y = load_iris(return_X_y=True)
    model = classifier(autoencoder=autoencoder, early_stopping=False).fit(X, y)
    assert model.score(X, y) > 0.6
    assert model.transform(X).shape == (150, model.n_components_)


def test_default_code_size_follows_the_columns():
    """One code per column within [32, 128]."""
    X, y = load_iris(return_X_y=True)
    assert AutoencoderClassifier(fine_tune=False).fit(X, y).n_components_ == 32


@pytest.mark.parametrize(
    ("n_rows", "n_unlabelled", "fraction", "n_folds", "n_held_out"),
    [
        (60, 60, 0.1, 5, 12),
        (60, 59, 0.1, 1, 12),
        (2000, 0, 0.1, 1, 200),
        (1000, 0, 0.4, 1, 400),
        (1000, 0, 0.3, 1, 300),
    ],
)
@pytest.mark.parametrize("has_classes", [True, False])
def test_folds_hold_out_every_class(
    n_rows, n_unlabelled, fraction, n_folds, n_held_out, has_classes
):
    """Few rows are all held out once, many in one go, in every class alike."""
    strata = np.arange(n_rows) % 3
    y = strata if has_classes else np.arange(n_rows)[:, None] / 7
    labelled = Labelled(np.arange(n_rows), y)
    folds = label_folds(labelled, fraction, Seed(0), n_unlabelled)
    assert len(folds) == n_folds
    assert len(set(np.concatenate([h for _, h in folds]))) == n_folds * n_held_out
    for kept, held_out in folds:
        assert len(held_out) == n_held_out
        assert set(kept) | set(held_out) == set(range(n_rows))
        assert not set(kept) & set(held_out)
        if has_classes:
            assert np.ptp(np.bincount(strata[held_out])) <= 1


def test_many_labels_are_held_out_once():
    """One split decides, and stops early."""
    X, y = load_digits(return_X_y=True)
    model = classifier(max_iter=8, n_iter_no_change=2).fit(X[:1100], y[:1100])
    assert model.n_iter_ <= 8
    assert len(model.validation_loss_curve_) == model.n_iter_ + 1
    assert model.validation_loss_curve_[model.best_n_iter_] == min(
        model.validation_loss_curve_
    )


def test_verbose_shows_the_folds(capsys):
    """Progress bars name the fold that they belong to."""
    X, _, given = few_labels()
    classifier(verbose=1, consistency_weight=0).fit(X, given)
    assert "fold 5 of 5" in capsys.readouterr().err
