"""DenoisingAutoencoder: the noise, when it acts, and what it teaches."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.networks._noise import fixed_noise
from skae.objectives._denoising import make_corruption

KINDS = ("gaussian", "uniform", "masking", "salt_pepper", "swap")


@pytest.fixture(scope="module")
def digits():
    X = load_digits().data
    return train_test_split(X, test_size=0.25, random_state=0)


def make_noisy(X, noise, level, seed=0):
    rng = np.random.default_rng(seed)
    replaced = rng.random(X.shape) < level
    if noise == "gaussian":
        return X + rng.normal(0, level, X.shape)
    if noise == "masking":
        return np.where(replaced, 0, X)
    return np.where(replaced, rng.integers(0, 2, X.shape) * 16.0, X)


def corrupted(noise, level, X, *, seed=0, training=True, standardise=False, **options):
    """Return what the corruption makes of X, in the units of X."""
    U, columns = torch.tensor(X), {"mean": None, "scale": None}
    if standardise:
        columns = {"mean": U.mean(dim=0), "scale": U.std(dim=0, unbiased=False)}
        scale = columns["scale"]
        U = torch.where(scale > 0, (U - columns["mean"]) / scale, 0.0)
    corruption = make_corruption(noise, level, **columns, **options).train(training)
    corruption.generator = torch.Generator().manual_seed(seed)
    U = corruption(U)
    return (U * columns["scale"] + columns["mean"] if standardise else U).numpy()


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return rng.uniform(1, 2, (2000, 5)) * [1, 2, 5, 10, 100]


@pytest.mark.parametrize("standardise", [False, True])
def test_gaussian_noise_has_its_level_in_the_units_of_x(table, standardise):
    """Noise has mean zero and the standard deviation asked for in each column."""
    level = np.array([0.1, 0.2, 1.0, 0.0, 20.0])
    noise = corrupted("gaussian", level, table, standardise=standardise) - table
    np.testing.assert_allclose(noise.std(axis=0), level, rtol=0.06, atol=1e-9)
    np.testing.assert_array_less(abs(noise.mean(axis=0)), 0.1 * level + 1e-9)


def test_uniform_noise_fills_its_interval(table):
    """Uniform noise lies between plus and minus its level, and fills that range."""
    noise = corrupted("uniform", 0.5, table, standardise=True) - table
    assert abs(noise).max() <= 0.5 + 1e-9
    np.testing.assert_allclose(noise.std(), 0.5 / np.sqrt(3), rtol=0.05)


@pytest.mark.parametrize("standardise", [False, True])
def test_masking_sets_a_share_of_cells_to_zero(table, standardise):
    """The cells that change are zero in the units of X, and the share is right."""
    X = corrupted("masking", 0.3, table, standardise=standardise)
    changed = ~np.isclose(X, table)
    np.testing.assert_allclose(X[changed], 0, atol=1e-9)
    np.testing.assert_allclose(changed.mean(axis=0), 0.3, atol=0.05)


def test_salt_and_pepper_are_equally_likely(table):
    """Cells that change take one of the two ends, each half of the time."""
    ends = (table.min(axis=0), table.max(axis=0))
    X = corrupted("salt_pepper", 0.4, table, standardise=True, ends=ends)
    is_pepper, is_salt = np.isclose(X, ends[0]), np.isclose(X, ends[1])
    kept = np.isclose(X, table)
    assert (is_pepper | is_salt | kept).all()
    np.testing.assert_allclose(is_pepper.mean(axis=0), 0.2, atol=0.04)
    np.testing.assert_allclose(is_salt.mean(axis=0), 0.2, atol=0.04)


def test_swapped_cells_come_from_other_rows_of_the_column(table):
    """A swapped cell holds another row's value of the same column."""
    X = corrupted("swap", 0.3, table)
    for column in range(table.shape[1]):
        assert np.isin(X[:, column], table[:, column]).all()
    np.testing.assert_allclose((table != X).mean(), 0.3, atol=0.02)
    np.testing.assert_array_equal(corrupted("swap", 1.0, table[:1]), table[:1])
    assert (corrupted("swap", 1.0, table) != table).all()


def test_clip_bounds_corrupted_values(table):
    """Corrupted values lie in the range asked for, in the units of X."""
    X = corrupted("gaussian", 5.0, table, standardise=True, clip=(1, 50))
    assert X.min() >= 1 - 1e-6
    assert X.max() <= 50 + 1e-6


@pytest.mark.parametrize("noise", KINDS)
def test_constant_columns_are_left_alone(noise):
    """A column without variance has no noise to learn from."""
    X = np.c_[np.full(50, 3.0), np.arange(50.0)]
    noisy = corrupted(noise, 1.0, X, standardise=True, ends=(0.0, 9.0))
    np.testing.assert_allclose(noisy[:, 0], 3)
    assert not np.allclose(noisy[:, 1], X[:, 1])


@pytest.mark.parametrize("noise", KINDS)
def test_corruption_is_off_in_evaluation_mode(table, noise):
    """Outside of training the rows pass unchanged."""
    found = corrupted(noise, 0.5, table, training=False)
    np.testing.assert_array_equal(found, table)


@pytest.mark.parametrize("noise", KINDS)
def test_judging_has_the_same_noise_every_time(table, noise):
    """In evaluation mode `fixed_noise` repeats itself; training noise is fresh."""
    U = torch.tensor(table)
    corruption = make_corruption(noise, 0.5, ends=(0.0, 1.0))
    corruption.generator = torch.Generator().manual_seed(0)
    assert not torch.equal(corruption(U), corruption(U))
    corruption.eval()
    passes = []
    for _ in range(2):
        with fixed_noise(corruption):
            passes.append(torch.stack([corruption(U), corruption(U)]))
    assert torch.equal(*passes)
    assert not torch.equal(*passes[0])
    assert torch.equal(corruption(U), U)


def test_a_callable_sees_rows_in_the_units_of_x(digits):
    """A callable gets batches in the units of X and a generator, in training alone."""
    X = digits[0][:200]
    seen = []

    def blank(rows, generator):
        assert isinstance(generator, torch.Generator)
        seen.append((float(rows.min()), float(rows.max())))
        rows[:, :32] = 0
        return rows

    model = DenoisingAutoencoder(8, noise=blank, max_iter=3, random_state=0).fit(X)
    n_seen = len(seen)
    lowest, highest = np.array(seen).T
    np.testing.assert_allclose([lowest.min(), highest.max()], [0, 16], atol=1e-3)
    model.reconstruct(X)
    assert len(seen) == n_seen
    assert model.noise_level_ is None


def test_a_callable_has_to_keep_the_shape(digits):
    """A callable that returns something else is named."""
    model = DenoisingAutoencoder(noise=lambda X, generator: X[:, :2])
    with pytest.raises(ValueError, match="should return a tensor of that shape"):
        model.fit(digits[0][:50])


@pytest.mark.parametrize(
    ("noise", "level", "clip"),
    [("gaussian", 6.0, None), ("masking", 0.3, None), ("salt_pepper", 0.3, (0, 16))],
)
def test_denoises_better_than_pca(digits, noise, level, clip):
    """On noisy held-out digits it beats the noisy rows and PCA's projection by far."""
    X_train, X_test = digits
    X_noisy = make_noisy(X_test, noise, level)
    model = DenoisingAutoencoder(
        32, noise=noise, noise_level=level, clip=clip, max_iter=30, random_state=0
    ).fit(X_train)
    pca = PCA(32).fit(X_train)
    projected = pca.inverse_transform(pca.transform(X_noisy))
    error = ((model.reconstruct(X_noisy) - X_test) ** 2).mean()
    assert error < 0.5 * ((X_noisy - X_test) ** 2).mean()
    assert error < 0.6 * ((projected - X_test) ** 2).mean()


def test_curves_are_on_corrupted_and_on_clean_rows(digits):
    """The validation loss is the noisy one: higher than the clean one beside it."""
    model = DenoisingAutoencoder(16, noise_level=6, max_iter=8, random_state=0)
    model.fit(digits[0])
    noisy = np.array(model.validation_loss_curve_)
    clean = np.array(model.clean_validation_loss_curve_)
    assert noisy.shape == clean.shape == (model.n_iter_,)
    assert (noisy > clean).all()
    model.set_params(early_stopping=False).fit(digits[0])
    assert model.validation_loss_curve_ is None
    assert model.clean_validation_loss_curve_ is None


def test_the_best_weights_are_chosen_on_corrupted_rows(digits):
    """What comes back has the noisy loss of a good epoch, not PCA's."""
    X = digits[0]
    model = DenoisingAutoencoder(32, noise_level=8, max_iter=20, random_state=0).fit(X)
    # PCA itself, with the same noise on the same rows
    start = clone(model).set_params(max_iter=1, learning_rate_init=1e-12).fit(X)
    best = min(model.validation_loss_curve_)
    assert best < 0.6 * start.validation_loss_curve_[0]
    # on clean rows PCA with 32 components is hard to beat; that is not the aim
    assert model.reconstruction_error_ > model.pca_reconstruction_error_


@pytest.mark.parametrize("noise", KINDS)
def test_fit_depends_on_random_state_alone(digits, noise):
    """One seed gives one model; another seed, other noise."""
    X = digits[0][:200] / 16
    options = {"init": "random", "max_iter": 3, "random_state": 0}
    model = DenoisingAutoencoder(4, noise=noise, **options)
    Z = model.fit_transform(X)
    np.testing.assert_array_equal(clone(model).fit_transform(X), Z)
    assert not np.allclose(clone(model).set_params(random_state=1).fit_transform(X), Z)


def test_no_noise_is_the_plain_autoencoder(digits):
    """Level zero leaves AutoencoderTransformer."""
    X = digits[0][:300]
    options = {"max_iter": 5, "early_stopping": False, "random_state": 0}  # no folds
    denoiser = DenoisingAutoencoder(4, noise_level=0, **options).fit(X)
    plain = AutoencoderTransformer(4, **options).fit(X)
    np.testing.assert_allclose(denoiser.transform(X), plain.transform(X), atol=1e-4)


def test_a_linear_denoiser_is_trained():
    """Without hidden layers PCA is not the solution: the noise shrinks the codes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 6)) * [5, 1, 1, 1, 1, 1]
    noise = rng.normal(size=X.shape) * 2
    model = DenoisingAutoencoder(
        3, hidden_layer_sizes=(), noise_level=2, random_state=0
    ).fit(X)
    pca = PCA(3).fit(X)
    error = ((model.reconstruct(X + noise) - X) ** 2).mean()
    projected = pca.inverse_transform(pca.transform(X + noise))
    assert error < 0.8 * ((projected - X) ** 2).mean()


def test_auto_levels(digits):
    """Half of each column's standard deviation, or a quarter of the cells."""
    X = digits[0]
    for init in ("pca", "random"):
        model = DenoisingAutoencoder(init=init, max_iter=1, early_stopping=False)
        model.fit(X)
        np.testing.assert_allclose(model.noise_level_, X.std(axis=0) / 2, rtol=1e-6)
    assert DenoisingAutoencoder(noise="swap", max_iter=1).fit(X).noise_level_ == 0.25


@pytest.mark.parametrize("init", ["pca", "random"])
def test_streams_know_the_level_of_their_first_rows(digits, init):
    """partial_fit waits for rows to take the columns' deviations from."""
    X = digits[0][:600]
    model = DenoisingAutoencoder(4, init=init, random_state=0)
    for chunk in np.array_split(X, 6):
        model.partial_fit(chunk)
    assert model.noise_level_.shape == (64,)
    np.testing.assert_allclose(model.noise_level_, X[:256].std(axis=0) / 2, rtol=1e-6)


def test_the_level_is_that_of_the_rows_trained_on(digits):
    """Rows that judge have no part in the deviations that noise is a share of."""
    X, X_val = digits
    model = DenoisingAutoencoder(4, max_iter=1, random_state=0)
    model.fit(X, X_val=10 * X_val)
    np.testing.assert_allclose(model.noise_level_, X.std(axis=0) / 2, rtol=1e-6)


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("noise", ["masking", "salt_pepper", "gaussian"])
def test_constant_columns_stay_as_they_are_from_either_start(noise, init):
    """What the network takes in has no noise where the rows do not vary."""
    X = np.c_[np.full(200, 5.0), np.random.default_rng(0).random((200, 3))]
    seen = []

    class Inputs(Callback):
        def on_train_begin(self, net, **kwargs):
            net.module_.corruption.register_forward_hook(
                lambda part, inputs, U: seen.append((inputs[0].clone(), U.clone()))
            )

    DenoisingAutoencoder(
        2, noise=noise, init=init, max_iter=2, callbacks=[Inputs()], random_state=0
    ).fit(X)
    clean, noisy = (torch.cat(parts) for parts in zip(*seen, strict=True))
    assert torch.equal(noisy[:, 0], clean[:, 0])
    assert not torch.equal(noisy[:, 1:], clean[:, 1:])


def test_warm_start_takes_the_new_noise(digits):
    """A fit that goes on corrupts by the parameters of now."""
    X = digits[0][:200]
    model = DenoisingAutoencoder(4, noise_level=1, max_iter=1, warm_start=True).fit(X)
    model.set_params(noise="masking", noise_level=0.5).fit(X)
    assert model.noise_level_ == 0.5
    assert model.net_.module_.corruption.kind == "masking"


def test_sparse_tables(digits):
    """A CSR table has the noise of the dense one."""
    X = digits[0][:200]
    model = DenoisingAutoencoder(4, noise="salt_pepper", max_iter=2, random_state=0)
    expected = model.fit_transform(X)
    found = clone(model).fit(sparse.csr_array(X)).transform(X)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_rare_value_is_not_blown_up(digits):
    """A column that hardly varied in training cannot ruin a row that has it."""
    X_train, X_test = (np.c_[X / 16, np.zeros(len(X))] for X in digits)
    X_train[0, -1] = 0.01
    model = DenoisingAutoencoder(
        16, noise="masking", noise_level=0.3, max_iter=15, random_state=0
    ).fit(X_train)
    before = model.reconstruct(X_test)
    X_test[:, -1] = 1  # three thousand deviations away
    assert ((model.reconstruct(X_test) - before) ** 2).mean() < 1


@pytest.mark.parametrize(
    "options",
    [
        {"tied_weights": True},
        {"alpha": 1e-4, "l1_ratio": 0.5, "dropout": 0.1, "hidden_layer_sizes": (64,)},
        {"loss": "binary_cross_entropy"},
        {"precision": "float64", "whiten": True},
        {"precision": "bfloat16", "noise": "swap"},
    ],
)
def test_works_with_shared_parameters(digits, options):
    """Noisy rows are restored better than by a network that does not learn."""
    X = digits[0][:400] / 16
    options = {"noise_level": 0.4, "noise": "masking", **options}
    model = DenoisingAutoencoder(
        16, max_iter=25, early_stopping=False, random_state=0, **options
    ).fit(X)
    idle = clone(model).set_params(max_iter=1, learning_rate_init=1e-12).fit(X)
    X_noisy = make_noisy(digits[1] / 16, "masking", 0.4)
    errors = [
        ((fitted.reconstruct(X_noisy) - digits[1] / 16) ** 2).mean()
        for fitted in (model, idle)
    ]
    assert errors[0] < 0.95 * errors[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise_level": [1.0, 2.0]}, r"has shape \(2,\).*one for each of the 64"),
        ({"noise_level": np.r_[-1.0, np.zeros(63)]}, "-1 for column 0"),
        ({"noise": "swap", "noise_level": 2.0}, r"share of cells in \[0, 1\]"),
        ({"noise": "masking", "noise_level": np.ones(64)}, "one share"),
        ({"noise": "snow"}, "noise"),
        ({"clip": (1, 0)}, "two finite numbers"),
        ({"clip": (0, 1, 2)}, "two finite numbers"),
    ],
)
def test_errors_name_the_parameter(digits, options, message):
    """What cannot be used is named with what would do."""
    with pytest.raises(ValueError, match=message):
        DenoisingAutoencoder(**options).fit(digits[0])


# -- corrupted rows for users


@pytest.mark.parametrize("noise", KINDS)
def test_corrupt_adds_the_noise_of_the_training(noise, table):
    """Of `noise_level_`, in the units of X; a seed repeats it."""
    options = {"max_iter": 1, "early_stopping": False, "init": "pca"}
    model = DenoisingAutoencoder(noise=noise, **options).fit(table)
    X_noisy = model.corrupt(table, random_state=0)
    np.testing.assert_array_equal(X_noisy, model.corrupt(table, random_state=0))
    assert (X_noisy != model.corrupt(table, random_state=1)).any()
    if noise == "gaussian":
        expected = model.noise_level_
        np.testing.assert_allclose((X_noisy - table).std(axis=0), expected, rtol=0.05)
    elif noise == "uniform":
        widest = np.abs(X_noisy - table).max(axis=0)
        np.testing.assert_allclose(widest, model.noise_level_, rtol=0.01)
    else:
        is_changed = X_noisy != table
        assert is_changed.mean() == pytest.approx(0.25, abs=0.02)
        values = {"masking": np.zeros((1, 5)), "swap": table}.get(
            noise, np.array([table.min(axis=0), table.max(axis=0)])
        )
        for changed, found, known in zip(
            is_changed.T, X_noisy.T, values.T, strict=True
        ):
            distance = np.abs(found[changed][:, None] - known).min(axis=1)
            assert distance.max() < 1e-5 * np.abs(found).max()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_corrupt_keeps_to_the_range_and_the_type_of_rows(dtype):
    """Sparse rows come back dense, and dataframes where `set_output` says so."""
    X = np.random.default_rng(0).random((60, 6)).astype(dtype)
    model = DenoisingAutoencoder(noise_level=1, clip=(0, 1), max_iter=1, init="random")
    X_noisy = model.fit(X).corrupt(X, random_state=0)
    assert X_noisy.dtype == dtype
    assert X_noisy.min() >= 0
    assert X_noisy.max() <= 1
    from_sparse = model.corrupt(sparse.csr_array(X), random_state=0)
    np.testing.assert_array_equal(from_sparse, X_noisy)
    frame = model.set_output(transform="pandas").corrupt(X, random_state=0)
    np.testing.assert_array_equal(frame.to_numpy(), X_noisy)


def test_corrupt_takes_functions_and_leaves_transform_alone(table):
    """The network is as it was: no noise stays in it."""
    model = DenoisingAutoencoder(
        noise=lambda X, generator: X + 1, max_iter=1, init="pca", random_state=0
    )
    Z = model.fit(table).transform(table)
    np.testing.assert_allclose(model.corrupt(table), table + 1, rtol=1e-5)
    np.testing.assert_array_equal(model.transform(table), Z)
