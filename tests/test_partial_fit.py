"""partial_fit: streams of rows, however they are cut."""

import copy
import pickle

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.decomposition import PCA, IncrementalPCA
from skorch.callbacks import Callback

from skae import AutoencoderTransformer

from .tables import (
    best_linear_error,
    make_binary,
    make_curve,
    make_digits,
    mean_squared_error,
)

CONFIGURATIONS = {
    "default": {},
    "random": {"init": "random"},
    "dropout": {"dropout": 0.3, "hidden_layer_sizes": (16, 8)},
    "tied": {"tied_weights": True, "whiten": True},
    "muon": {"solver": "muon", "batch_size": 50},
    "penalised": {"alpha": 0.01, "loss": "absolute_error"},
}


def in_chunks(X, sizes):
    """Yield slices of the given sizes, over and over, until the table ends."""
    start = 0
    while start < len(X):
        for size in sizes:
            if start < len(X):
                yield slice(start, start + size)
            start += size


def stream(X, sizes, weight=None, **parameters):
    autoencoder = AutoencoderTransformer(random_state=0, **parameters)
    for rows in in_chunks(X, sizes):
        w = None if weight is None else weight[rows]
        autoencoder.partial_fit(X[rows], sample_weight=w)
    return autoencoder


def assert_same_model(first, second):
    """Assert that two models have the same weights, to the last bit."""
    states = (e.net_.module_.state_dict() for e in (first, second))
    one, other = ({k: v.numpy() for k, v in state.items()} for state in states)
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


# -- how a stream is cut --------------------------------------------------------------


@pytest.mark.parametrize("parameters", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_size_of_the_chunks_does_not_matter(parameters, weighted):
    """One row at a time, all at once or in uneven pieces: the same bits."""
    X = make_curve(550)
    weight = np.random.default_rng(0).uniform(0.1, 2, 550) if weighted else None
    whole = stream(X, [550], weight, **parameters)
    for sizes in ([64], [333, 1, 90]):
        assert_same_model(stream(X, sizes, weight, **parameters), whole)
    assert whole.n_samples_seen_ == 550


def test_size_of_the_chunks_does_not_matter_to_lbfgs():
    """A solver that remembers earlier rows forgets them after every batch."""
    X = make_curve(300)
    parameters = {"solver": torch.optim.LBFGS, "learning_rate_init": 0.1}
    assert_same_model(stream(X, [130], **parameters), stream(X, [300], **parameters))


def test_single_rows_are_chunks_too():
    """A stream of one row at a time ends in the model of the table."""
    X = make_curve(80)
    parameters = {"init": "random", "batch_size": 32}  # nothing to wait for
    single = stream(X, [1], **parameters)
    assert_same_model(single, stream(X, [80], **parameters))
    assert single.n_samples_seen_ == 80


@pytest.mark.parametrize("as_container", [sparse.csr_array, torch.tensor])
def test_chunks_come_in_any_container(as_container):
    """Sparse chunks and tensors train what arrays do."""
    X = make_curve(400)
    autoencoder = AutoencoderTransformer(random_state=0)
    for rows in in_chunks(X, [150]):
        autoencoder.partial_fit(as_container(X[rows]))
    assert_same_model(autoencoder, stream(X, [150]))


def test_a_buffer_may_be_used_again():
    """Rows that wait for their batch are copies: the caller can overwrite a chunk."""
    X = make_curve(400)
    autoencoder, buffer = AutoencoderTransformer(random_state=0), np.empty((50, 6))
    for rows in in_chunks(X, [50]):
        buffer[:] = X[rows]
        autoencoder.partial_fit(buffer)
    assert_same_model(autoencoder, stream(X, [50]))


def test_float32_chunks_give_float32_codes():
    """A stream in single precision is as good as one in double."""
    X = make_curve(700)
    single, double = stream(X.astype(np.float32), [100]), stream(X, [100])
    assert single.transform(X.astype(np.float32)).dtype == np.float32
    assert single.reconstruction_error(X) == pytest.approx(
        double.reconstruction_error(X), rel=0.05
    )


# -- what is learnt -------------------------------------------------------------------


@pytest.mark.parametrize("n_seen", [3, 40, 200])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_equals_pca_while_there_are_few_rows(n_seen, weighted):
    """Until there are rows to start from, the model is the PCA of all seen so far."""
    X = make_curve(n_seen)
    weight = np.random.default_rng(0).uniform(0.1, 2, n_seen) if weighted else None
    autoencoder = stream(X, [17], weight)
    mean = np.average(X, axis=0, weights=weight)
    root = 1 if weight is None else np.sqrt(weight)[:, None]
    axes = np.linalg.svd((X - mean) * root)[2][:2]
    np.testing.assert_allclose(autoencoder.mean_, mean, rtol=1e-9)
    np.testing.assert_allclose(
        autoencoder.reconstruct(X), (X - mean) @ axes.T @ axes + mean, atol=1e-4
    )
    if not weighted:
        np.testing.assert_allclose(
            autoencoder.transform(X), PCA(2).fit_transform(X), atol=1e-4
        )


def test_beats_incremental_pca_after_a_few_passes():
    """Over digits again and again it restores unseen pictures better."""
    X = make_digits(1200)
    train, test = X[:1000], X[1000:]
    autoencoder = AutoencoderTransformer(8, random_state=0)
    for _ in range(8):
        for rows in in_chunks(train, [250]):
            autoencoder.partial_fit(train[rows])
    incremental = IncrementalPCA(8, batch_size=500).fit(train)
    linear = incremental.inverse_transform(incremental.transform(test))
    error = mean_squared_error(test, autoencoder.reconstruct(test))
    assert error < 0.95 * mean_squared_error(test, linear)


def test_loss_curve_has_an_entry_per_chunk():
    """Each chunk is judged before it is learnt from, so the losses are honest."""
    X = make_curve(500)
    autoencoder = AutoencoderTransformer(random_state=0)
    for n_seen, rows in enumerate(in_chunks(X, [125]), start=1):
        before = None
        if n_seen > 1:
            before = autoencoder.reconstruct(X[rows])
        autoencoder.partial_fit(X[rows])
        assert autoencoder.n_iter_ == len(autoencoder.loss_curve_) == n_seen
        if n_seen == 4:  # by now it has stopped being the PCA of everything
            found = autoencoder.loss_curve_[-1]
            assert found == pytest.approx(mean_squared_error(X[rows], before), rel=1e-4)
    assert autoencoder.validation_loss_curve_ is None


def test_first_chunk_is_judged_by_rows_left_out():
    """Of noise in fewer rows than it takes, PCA's error on the rows is too small."""
    rng = np.random.default_rng(0)
    X, new = rng.standard_normal((100, 50)), rng.standard_normal((1000, 50))
    autoencoder = AutoencoderTransformer(20, random_state=0).partial_fit(X)
    assert autoencoder.judge_ == "folds"
    expected = autoencoder.reconstruction_error(new)
    assert autoencoder.reconstruction_error(X) < 0.6 * expected
    # folds see 80 of the rows
    assert autoencoder.reconstruction_error_ == pytest.approx(expected, rel=0.1)
    assert autoencoder.pca_reconstruction_error_ == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("n_seen", [60, 500], ids=["warming up", "learning"])
def test_chunk_is_judged_before_it_is_learnt_from(n_seen):
    """Its error is that of the model before it, weights included."""
    X = make_curve(700)
    autoencoder = stream(X[:n_seen], [100])
    weight = np.random.default_rng(0).uniform(0.1, 2, 100)
    expected = autoencoder.reconstruction_error(X[-100:], sample_weight=weight)
    autoencoder.partial_fit(X[-100:], sample_weight=weight)
    assert autoencoder.judge_ == "held_out"
    assert autoencoder.reconstruction_error_ == pytest.approx(expected, rel=1e-5)


def test_few_first_rows_have_no_judge():
    """Under ten rows there are no folds."""
    assert stream(make_curve(9), [9]).judge_ == "none"
    assert stream(make_curve(10), [10]).judge_ == "folds"


@pytest.mark.parametrize("parameters", [{}, {"alpha": 0.1}, {"init": "random"}])
def test_scale_of_the_weights_does_not_matter(parameters):
    """They count in units of their mean so far: steps and penalty stay the same."""
    X = make_curve(500)
    weight = np.random.default_rng(0).uniform(0.1, 2, 500)
    light, heavy = (stream(X, [90], w, **parameters) for w in (weight, 1024 * weight))
    assert_same_model(light, heavy)


def test_equal_weights_of_a_chunk_count_against_other_chunks():
    """A chunk of one weight is no chunk without."""
    X = make_curve(640)
    weight = np.repeat([1.0, 9.0], 320)
    assert_same_model(stream(X, [320], weight), stream(X, [200], weight))
    told, untold = stream(X, [320], weight), stream(X, [320])
    assert np.abs(told.transform(X) - untold.transform(X)).max() > 1e-4


def test_stream_does_not_copy_its_past():
    """What a chunk adds is one loss, however many there were before."""
    X = make_curve(128 + 256)
    autoencoder = stream(X[:256], [64], hidden_layer_sizes=(4,))
    curve, sizes = autoencoder.loss_curve_, []
    for _ in range(30):
        autoencoder.partial_fit(X[-128:])
        assert autoencoder.loss_curve_ is curve
        assert len(autoencoder.net_.history) == 1
        sizes.append(len(pickle.dumps(autoencoder)))
    assert len(curve) == autoencoder.n_iter_ == 34
    assert sizes[-1] - sizes[0] < 30 * 20  # bytes: a number each


def test_learns_more_from_more_rows():
    """A long stream over a curved surface ends well below PCA."""
    X = make_curve(6000)
    autoencoder = stream(X, [1500])
    unseen = make_curve(300, seed=1)
    pca = PCA(2).fit(X)
    pca_error = mean_squared_error(unseen, pca.inverse_transform(pca.transform(unseen)))
    assert mean_squared_error(unseen, autoencoder.reconstruct(unseen)) < 0.7 * pca_error


def test_cross_entropy_stream_stays_between_zero_and_one():
    """A sigmoid link can be streamed, and a chunk out of range is refused."""
    X = make_binary(500)
    autoencoder = stream(X, [90], loss="binary_cross_entropy")
    X_hat = autoencoder.reconstruct(X)
    assert X_hat.min() >= 0
    assert X_hat.max() <= 1
    with pytest.raises(ValueError, match="column 1 ranges from"):
        autoencoder.partial_fit(X + [0, 5, 0, 0, 0, 0, 0, 0])


def test_weight_zero_is_a_row_left_out():
    """Rows of weight zero are not seen at all."""
    X = make_curve(500)
    weight = (np.arange(500) % 3 > 0).astype(float)
    weighted = stream(X, [100], weight)
    kept = stream(X[weight > 0], [77])
    assert_same_model(weighted, kept)


def test_weights_count():
    """Heavier rows are restored better than without their weight."""
    X = np.concatenate([make_curve(600), 3 * make_curve(600, seed=1)[:, ::-1]])
    X = X[np.random.default_rng(0).permutation(1200)]
    near = np.abs(X).max(axis=1) < np.median(np.abs(X).max(axis=1))
    plain = stream(X, [200])
    weighted = stream(X, [200], np.where(near, 50.0, 1.0))
    assert weighted.reconstruction_error(X[near]) < plain.reconstruction_error(X[near])


# -- fit and partial_fit --------------------------------------------------------------


def test_goes_on_after_fit():
    """partial_fit starts from the fitted model, and stays near it for a few rows."""
    X = make_curve(600)
    options = {"init": "pca", "solver": "adamw", "learning_rate_init": 4e-3}
    autoencoder = AutoencoderTransformer(max_iter=5, random_state=0, **options).fit(X)
    fitted = autoencoder.reconstruction_error(X)
    module = autoencoder.net_.module_
    autoencoder.partial_fit(X[:64])
    assert autoencoder.n_samples_seen_ == 64
    assert autoencoder.reconstruction_error(X) == pytest.approx(fitted, rel=0.3)
    assert autoencoder.net_.module_ is not module
    for rows in in_chunks(X.repeat(3, axis=0), [150]):
        autoencoder.partial_fit(X[rows.start % 600 : rows.start % 600 + 150])
    assert autoencoder.reconstruction_error(X) < fitted


def test_size_of_the_chunks_does_not_matter_after_fit():
    """A stream that goes on from a fit does not depend on its cuts either."""
    X = make_curve(500)
    models = []
    for sizes in ([200], [1, 63, 77]):
        autoencoder = AutoencoderTransformer(max_iter=3, random_state=0).fit(X[:100])
        for rows in in_chunks(X[100:], sizes):
            autoencoder.partial_fit(X[100:][rows])
        models.append(autoencoder)
    assert_same_model(*models)


def test_fit_begins_anew():
    """A fit after a stream is a fit, and a stream after it starts from there."""
    X = make_curve(400)
    autoencoder = stream(X, [100], max_iter=3)
    autoencoder.fit(X)
    assert_same_model(
        autoencoder, AutoencoderTransformer(max_iter=3, random_state=0).fit(X)
    )
    assert not hasattr(autoencoder, "n_samples_seen_")
    assert autoencoder.partial_fit(X[:10]).n_samples_seen_ == 10


def test_codes_keep_their_axes_while_learning():
    """The codes of one chunk still mean the same after the next."""
    X = make_curve(2000)
    autoencoder = stream(X[:1000], [100])
    before = autoencoder.transform(X[:200])
    for rows in in_chunks(X[1000:], [100]):
        autoencoder.partial_fit(X[1000:][rows])
    after = autoencoder.transform(X[:200])
    for i in range(2):
        assert np.corrcoef(before[:, i], after[:, i])[0, 1] > 0.95


# -- errors ---------------------------------------------------------------------------


def test_other_width_is_refused():
    """Chunks of another number of columns are an error, and change nothing."""
    X = make_curve(300)
    autoencoder = stream(X, [100])
    Z = autoencoder.transform(X)
    with pytest.raises(ValueError, match="X has 4 features, .* expecting 6"):
        autoencoder.partial_fit(X[:, :4])
    np.testing.assert_array_equal(autoencoder.transform(X), Z)
    assert autoencoder.n_samples_seen_ == 300


def test_other_number_of_components_is_refused():
    """A network has as many codes as it was made with."""
    X = make_curve(100)
    autoencoder = AutoencoderTransformer(max_iter=2, random_state=0).fit(X)
    autoencoder.set_params(n_components=3)
    with pytest.raises(
        ValueError, match="partial_fit .* n_components=2, .* n_components=3"
    ):
        autoencoder.partial_fit(X)
    assert autoencoder.transform(X).shape == (100, 2)


def test_diverging_stream_is_an_error():
    """The chunk that breaks the model is refused, and the model before it stays."""
    X = make_curve(400)
    wild = {"solver": "sgd", "learning_rate_init": 1e4, "batch_size": 16}
    autoencoder = stream(X[:200], [100], **wild)  # not yet learning
    before = autoencoder.reconstruct(X)
    message = "loss is not finite. Lower learning_rate_init"
    with pytest.raises(FloatingPointError, match=message):
        autoencoder.partial_fit(X[200:] * 1000)
    np.testing.assert_array_equal(autoencoder.reconstruct(X), before)
    assert autoencoder.n_samples_seen_ == 200


# -- copies ---------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
@pytest.mark.parametrize("n_before", [70, 430], ids=["warming up", "learning"])
def test_pickling_in_the_middle_of_a_stream(parameters, n_before):
    """A model stored and loaded between two chunks goes on as if nothing was."""
    X = make_curve(600)
    autoencoder = stream(X[:n_before], [90], **parameters)
    stored = pickle.loads(pickle.dumps(autoencoder))
    stored.partial_fit(X[n_before:])
    assert_same_model(stored, stream(X, [600], **parameters))


def test_a_copy_does_not_learn_along():
    """What a deep copy learns stays with it."""
    X = make_curve(500)
    autoencoder = stream(X[:400], [100])
    Z = autoencoder.transform(X)
    copy.deepcopy(autoencoder).partial_fit(X[400:])
    np.testing.assert_array_equal(autoencoder.transform(X), Z)
    assert autoencoder.n_samples_seen_ == 400


def test_interrupted_chunk_was_not_seen():
    """After a Ctrl-C in a chunk the stream can take the same chunk again."""
    X = make_curve(700)

    class Interrupt(Callback):
        armed = False

        def on_batch_end(self, net, **kwargs):
            if self.armed:
                raise KeyboardInterrupt

    interrupt = Interrupt()
    autoencoder = stream(X[:500], [100], callbacks=[interrupt])
    interrupt.armed = True
    with pytest.raises(KeyboardInterrupt):
        autoencoder.partial_fit(X[500:])
    interrupt.armed = False
    autoencoder.partial_fit(X[500:])
    assert_same_model(autoencoder, stream(X, [100]))


# -- columns that are constant at first -----------------------------------------------


@pytest.mark.parametrize("columns", [[5], slice(None)], ids=["one", "all"])
@pytest.mark.parametrize("parameters", [{}, {"output_activation": "clamp"}])
def test_column_that_varies_late_is_learnt(columns, parameters):
    """Constant in the first rows, and then as any other: so it is to the model."""
    X = make_curve(3000)
    X[:300, columns] = 0.0
    autoencoder = stream(X, [500], **parameters)
    late = X[300:]
    assert autoencoder.reconstruction_error(late) < 3 * best_linear_error(late, 2)
    assert_same_model(autoencoder, stream(X, [130, 3000], **parameters))


def test_column_of_a_fit_wakes_in_its_stream():
    """What was constant in the table of `fit` is learnt from later chunks too."""
    X = make_curve(2000)
    first = X[:300].copy()
    first[:, 1] = 0.0
    autoencoder = AutoencoderTransformer(2, max_iter=5, random_state=0).fit(first)
    for chunk in np.split(X[400:], 8):
        autoencoder.partial_fit(chunk)
    error = autoencoder.reconstruction_error(X, per_feature=True)[1]
    assert error < 0.3 * X[:, 1].var()
