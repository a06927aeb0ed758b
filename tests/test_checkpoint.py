"""A fit that was killed goes on from its checkpoint, and ends as if it was not."""

import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from joblib import parallel_backend
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderRegressor,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
)
from skae.architectures import Conv1d
from skae.engine import _resume
from skae.engine._net import AutoencoderNet
from skae.exceptions import FileError
from skae.files import CheckpointFile

from .tables import make_curve
from .test_interrupts import InEpoch, interrupted_fit

ROOT = Path(__file__).parents[1]
X = make_curve(300)
LABELS = (X[:, 0] > 0).astype(int)
FEW = {"hidden_layer_sizes": (8,), "max_iter": 12, "random_state": 0}
HELD_OUT = {**FEW, "validation_fraction": 0.2}
SMALL = {**FEW, "init": "pca", "early_stopping": False}


class Killed(BaseException):
    """Stands in for the end of the process: nothing but the file is left."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    """Every epoch is written, however long that takes."""
    monkeypatch.setattr(_resume, "SHARE", 1.0)


def fit_unless_killed(estimator, path, *args, after=5, **kwargs):
    """Return a fitted clone, or None if it was killed after so many writes."""
    write, n_writes = CheckpointFile.write, []

    def write_and_die(self, values):
        write(self, values)
        n_writes.append(1)
        if len(n_writes) == after:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckpointFile, "write", write_and_die)
        try:
            return clone(estimator).set_params(checkpoint=path).fit(*args, **kwargs)
        except Killed:
            return None


def kill_fit(estimator, path, *args, **kwargs):
    """Fit a clone, and let it be killed."""
    assert fit_unless_killed(estimator, path, *args, **kwargs) is None
    assert path.exists()


def numbers(estimator):
    """Return all that a fit has learnt and reports, but for times."""
    weights = estimator.net_.module_.state_dict().items()
    arrays = {name: value.numpy() for name, value in weights}
    for name, value in vars(estimator).items():
        if name.endswith("_") and isinstance(value, (float, int, list, np.ndarray)):
            arrays[name] = np.asarray(value)
    return arrays


def assert_same(one, other):
    one, other = numbers(one), numbers(other)
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


ESTIMATORS = {
    "held_out": AutoencoderTransformer(**HELD_OUT),
    "all_rows": AutoencoderTransformer(**SMALL),
    "random": AutoencoderTransformer(**FEW, init="random", dropout=0.1),
    "muon": AutoencoderTransformer(**FEW, init="pca", solver="muon", ordered=True),
    "constant": AutoencoderTransformer(
        **SMALL, solver="nadam", learning_rate="constant"
    ),
    "own_solver": AutoencoderTransformer(**SMALL, solver=torch.optim.Adadelta),
    "float64": AutoencoderTransformer(**SMALL, precision="float64"),
    "series": AutoencoderTransformer(
        architecture=Conv1d(channels=(3,)),
        init="random",
        max_iter=8,
        solver="muon",
        random_state=0,
    ),
    "diverging": AutoencoderTransformer(**SMALL, learning_rate_init=1e3),
    "folds": AutoencoderTransformer(
        hidden_layer_sizes=(32,), max_iter=30, init="pca", random_state=0
    ),
    "warm_up": VariationalAutoencoder(**SMALL, kl_warmup=6),
    "denoising": DenoisingAutoencoder(**SMALL),
    "top_k": SparseAutoencoder(6, sparsity="top_k", k=2, **FEW),
    "contractive": ContractiveAutoencoder(4, **SMALL),
    "stacked": StackedAutoencoder(**FEW, pretraining_max_iter=6),
    "classifier": AutoencoderClassifier(
        AutoencoderTransformer(**SMALL), max_iter=6, random_state=0
    ),
    "regressor": AutoencoderRegressor(
        AutoencoderTransformer(**SMALL), max_iter=6, random_state=0
    ),
    "adversarial": AutoencoderRegressor(
        AutoencoderTransformer(**SMALL),
        noise="adversarial",
        consistency_weight=1,
        max_iter=6,
        random_state=0,
    ),
}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::skae.exceptions.PCAFallbackWarning")
def test_killed_fits_end_as_if_they_were_not(name, path):
    """Killed again and again, a fit ends with the bits of one without a checkpoint."""
    estimator = ESTIMATORS[name]
    kill_fit(estimator, path, X, LABELS)
    while (last := fit_unless_killed(estimator, path, X, LABELS, after=7)) is None:
        assert path.exists()
    assert [*path.parent.iterdir()] == []
    assert_same(last, clone(estimator).fit(X, LABELS))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_ten_processes_are_killed():
    """The signal is a real one, half of the time during a write."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kills", "10", "small"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert "10 of 10 fits that were killed ended as if they were not" in done.stdout


def test_what_is_done_is_not_done_again(path, monkeypatch):
    """Layers that were pretrained, a race that was run: neither trains once more."""
    estimator, epochs = ESTIMATORS["stacked"], []
    single_epoch = AutoencoderNet.run_single_epoch

    def counted(self, *args, **kwargs):
        epochs.append(1)
        return single_epoch(self, *args, **kwargs)

    monkeypatch.setattr(AutoencoderNet, "run_single_epoch", counted)
    clone(estimator).fit(X)
    n_whole = len(epochs)
    epochs.clear()
    kill_fit(estimator, path, X, after=15)
    n_first = len(epochs)
    clone(estimator).set_params(checkpoint=path).fit(X)
    assert 0 < n_first < n_whole
    assert len(epochs) <= n_whole + 2  # a step of training and its judgement


# -- whose checkpoint it is ------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"max_iter": 13}, "max_iter was 12, now 13"),
        ({"random_state": 1}, "random_state was 0, now 1"),
        ({"random_state": None}, "random_state was 0, now None"),
        ({"activation": torch.tanh}, "activation was 'silu', now"),
        ({"architecture": Conv1d(), "hidden_layer_sizes": "auto"}, "architecture was"),
    ],
)
def test_other_parameters_are_an_error(changed, message, path):
    """The error says which, and what would do; the file stays."""
    kill_fit(AutoencoderTransformer(**SMALL), path, X)
    before = path.read_bytes()
    other = AutoencoderTransformer(**SMALL | changed, checkpoint=path)
    with pytest.raises(ValueError, match=f"{message}.*delete the file"):
        other.fit(X)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"X": X[:-1]}, "rows of X"),
        ({"X": X + 0.0 * X[::-1] + 1e-12}, "rows of X"),
        ({"X": X.astype(np.float32)}, "rows of X"),
        ({"X": X[::-1]}, "rows of X"),
        ({"sample_weight": 1.0 + LABELS}, "sample_weight of X"),
        ({"groups": LABELS}, "groups of X"),
        ({"X_val": X}, "rows of X_val"),
    ],
)
def test_other_data_is_an_error(changed, name, path):
    """One cell, the order of rows, a weight: all of it counts."""
    kill_fit(AutoencoderTransformer(**SMALL), path, X)
    other = AutoencoderTransformer(**SMALL, checkpoint=path)
    with pytest.raises(ValueError, match=f"of another fit: .*{name}"):
        other.fit(**{"X": X} | changed)


def test_other_labels_are_an_error(path):
    """What a head learns is told from y, too."""
    estimator = ESTIMATORS["classifier"]
    kill_fit(estimator, path, X, LABELS)
    with pytest.raises(ValueError, match="of another fit: other y"):
        clone(estimator).set_params(checkpoint=path).fit(X, 1 - LABELS)


def test_other_versions_are_an_error(path, monkeypatch):
    """They would give other bits."""
    kill_fit(AutoencoderTransformer(**SMALL), path, X)
    other = {"skae": "0.0.1", "torch": "0", "scikit-learn": "0", "numpy": "0"}
    monkeypatch.setattr("skae.estimators._checkpoint.versions", lambda: other)
    with pytest.raises(ValueError, match="version of skae was .*, now 0.0.1"):
        AutoencoderTransformer(**SMALL, checkpoint=path).fit(X)


def test_another_network_to_go_on_from_is_an_error(path):
    """A warm fit depends on the one before."""
    warm = AutoencoderTransformer(**SMALL, warm_start=True).fit(X)
    again = pickle.loads(pickle.dumps(warm)).fit(X)
    other = pickle.loads(pickle.dumps(again))
    write = CheckpointFile.write
    with pytest.MonkeyPatch.context() as patch:

        def write_and_die(self, values):
            write(self, values)
            if values["links"]:
                raise Killed

        patch.setattr(CheckpointFile, "write", write_and_die)
        with pytest.raises(Killed):
            pickle.loads(pickle.dumps(warm)).set_params(checkpoint=path).fit(X)
    with pytest.raises(ValueError, match="other network of the last fit"):
        other.set_params(checkpoint=path).fit(X)
    assert_same(warm.set_params(checkpoint=path).fit(X), again)


def test_what_only_watches_may_change(path, capsys):
    """Another bar or callback is the same fit; the bar begins where that goes on."""
    kill_fit(AutoencoderTransformer(**SMALL), path, X)
    whole = AutoencoderTransformer(**SMALL).fit(X)
    watched = AutoencoderTransformer(
        **SMALL, checkpoint=path, verbose=1, callbacks=[Callback()], interruptible=True
    )
    assert_same(watched.fit(X), whole)
    shown = capsys.readouterr().err
    assert " 4/12 " in shown
    assert " 0/12 " not in shown


def test_a_seed_that_was_drawn_is_kept(path):
    """With random_state=None the process that goes on takes the seed of the first."""
    estimator = AutoencoderTransformer(**SMALL | {"random_state": None})
    kill_fit(estimator, path, X)
    file = CheckpointFile(path)
    seed = file.read()["seed"]
    file.close()
    fitted = estimator.set_params(checkpoint=path).fit(X)
    whole = AutoencoderTransformer(**SMALL | {"random_state": seed}).fit(X)
    assert_same(fitted, whole)
    assert estimator.random_state is None


# -- several fits ----------------------------------------------------------------------


class Fits(Callback):
    """Fits something else after an epoch, and keeps what becomes of it."""

    def __init__(self, estimator, epoch=6):
        self.estimator = estimator
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) != self.epoch:
            return
        try:
            self.estimator.fit(X)
        except ValueError as error:
            self.error_ = error


@pytest.mark.skipif(sys.platform == "win32", reason="locks are those of POSIX")
@pytest.mark.parametrize("changed", [{}, {"max_iter": 3}])
def test_a_file_in_use_is_an_error(changed, path):
    """A second fit at the same time, the same or another, does not touch the file."""
    watch = Fits(AutoencoderTransformer(**SMALL | changed, checkpoint=path))
    fitted = AutoencoderTransformer(**SMALL, checkpoint=path, callbacks=[watch]).fit(X)
    assert "another fit that is running" in str(watch.error_)
    assert_same(fitted, AutoencoderTransformer(**SMALL).fit(X))


def test_fits_within_callbacks_are_none_of_the_fits_own(path):
    """What a callback trains is not taken for a part of the fit."""
    watch = Fits(AutoencoderTransformer(**SMALL))
    estimator = AutoencoderTransformer(**SMALL)
    kill_fit(clone(estimator).set_params(callbacks=[watch]), path, X, after=10)
    assert_same(clone(estimator).set_params(checkpoint=path).fit(X), estimator.fit(X))


def test_a_fit_notices_that_its_file_is_anothers(path):
    """Whoever wrote there in spite of all is not overwritten."""
    file = CheckpointFile(path)
    file.write({"a": 1})
    other = CheckpointFile(path.with_name("other"))
    other.write({"b": 2})
    os.replace(other.path, path)
    with pytest.raises(ValueError, match="another fit"):
        file.write({"a": 2})
    file.remove()
    file.close()
    other.close()
    assert file.read() == {"b": 2}
    file.close()


def test_in_a_folder_each_fit_has_its_file(tmp_path):
    """A grid search in several threads, beside fits that were killed."""
    estimator = AutoencoderTransformer(**SMALL)
    kill_fit(estimator, tmp_path, X)
    kill_fit(clone(estimator).set_params(max_iter=11), tmp_path, X)
    assert len([*tmp_path.iterdir()]) == 2
    parameters = {"max_iter": [2, 3], "alpha": [0.0, 1e-4]}
    search = GridSearchCV(
        AutoencoderTransformer(**SMALL, checkpoint=tmp_path),
        parameters,
        cv=2,
        n_jobs=2,
        error_score="raise",
    )
    with parallel_backend("threading"):
        search.fit(X)
    assert len([*tmp_path.iterdir()]) == 2
    fitted = clone(estimator).set_params(checkpoint=tmp_path).fit(X)
    assert_same(fitted, estimator.fit(X))
    assert len([*tmp_path.iterdir()]) == 1


# -- files -----------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["flipped", "short", "model", "empty"])
def test_a_file_that_is_no_checkpoint_is_an_error(change, path):
    """It is left as it is: it may be a model that somebody saved."""
    estimator = AutoencoderTransformer(**SMALL)
    kill_fit(estimator, path, X)
    stored = bytearray(path.read_bytes())
    stored[-100] ^= 1
    if change == "model":
        estimator.fit(X).save(path)
    else:
        path.write_bytes(
            {"flipped": stored, "short": stored[:-9], "empty": b""}[change]
        )
    before = path.read_bytes()
    with pytest.raises(FileError, match=r"run\.safetensors.* Delete it to begin anew"):
        clone(estimator).set_params(checkpoint=path).fit(X)
    assert path.read_bytes() == before


def wrong_shape(link):
    name = next(iter(link["weights"]))
    link["weights"][name] = np.zeros(3, np.float32)


def wrong_solver(link):
    link["solvers"][0]["state"][0]["exp_avg"] = np.zeros(10**6, np.float32)


def odd_solver(link):
    link["solvers"][0]["state"][0] = {"exp_avg": 1.0}


def no_weights(link):
    link["weights"].popitem()


def no_weights_at_all(link):
    link["weights"] = None


def no_solver(link):
    link["solvers"] = []


def no_history(link):
    link["history"] = {}


def long_generator(link):
    link["generators"] = [np.zeros(3, np.uint8)]


def no_generator(link):
    link["generators"][0][:] = 255


def text_for_numbers(link):
    link["best"]["best_loss"] = [1.0]


def other_plan(link):
    link["facts"]["solver"] = "'sgd'"


def nothing(link):
    link.clear()


@pytest.mark.parametrize(
    "harm",
    [
        *(wrong_shape, wrong_solver, odd_solver, no_weights, no_history),
        *(no_weights_at_all, no_solver),
        *(long_generator, no_generator, text_for_numbers, other_plan, nothing),
    ],
)
def test_a_checkpoint_made_to_harm_is_an_error(harm, path):
    """Its checksum is right, and it is of this fit; what it holds does not fit."""
    estimator = AutoencoderTransformer(**HELD_OUT)
    kill_fit(estimator, path, X)
    file = CheckpointFile(path)
    known = file.read()
    harm(known["links"][-1])
    file.write(known)
    file.close()
    with pytest.raises(ValueError, match="does not fit this training"):
        clone(estimator).set_params(checkpoint=path).fit(X)


def test_a_missing_folder_is_an_error(tmp_path):
    """Before anything is trained."""
    path = tmp_path / "missing" / "run.safetensors"
    with pytest.raises(FileNotFoundError, match="checkpoint=.*no folder"):
        AutoencoderTransformer(**SMALL, checkpoint=path).fit(X)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes are those of POSIX")
def test_a_folder_that_may_not_be_written_to_is_an_error(path, monkeypatch):
    """Before anything is trained."""
    if os.geteuid() == 0:  # may write anywhere

        def mkdtemp(*arguments):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("tempfile.mkdtemp", mkdtemp)
    path.parent.chmod(0o500)
    with pytest.raises(PermissionError):
        AutoencoderTransformer(**SMALL, checkpoint=path).fit(X)
    path.parent.chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_full_disk_is_an_error(path):
    """The file of the last epoch that had room stays, and a fit goes on from it."""
    import resource

    estimator = AutoencoderTransformer(**SMALL)
    kill_fit(estimator, path, X)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    fit = clone(estimator).set_params(checkpoint=path).fit
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match=r"run\.safetensors could not be written"):
            fit(X)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [*path.parent.iterdir()] == [path]
    assert_same(fit(X), estimator.fit(X))


def test_what_killed_processes_left_is_swept_up(path):
    """Half a file from a kill during a write goes with the checkpoint."""
    left = path.parent / ".run.safetensors.abc.part"
    left.mkdir()
    (left / "half").touch()
    AutoencoderTransformer(**SMALL, checkpoint=path).fit(X)
    assert [*path.parent.iterdir()] == []


def test_a_checkpoint_holds_no_rows(path):
    """Only what is learnt from them, and a digest."""
    rows = make_curve(300).astype(np.float32)
    kill_fit(AutoencoderTransformer(**HELD_OUT), path, rows)
    stored = path.read_bytes()
    assert not any(row.tobytes() in stored for row in rows)


def test_a_saved_estimator_knows_no_checkpoint(path, tmp_path):
    """Nobody who sends a model chooses what a later fit writes to."""
    model = tmp_path / "model.safetensors"
    AutoencoderTransformer(**SMALL, checkpoint=path).fit(X).save(model)
    assert skae.load(model).checkpoint is None
    assert path.name.encode() not in model.read_bytes()


# -- while it trains -------------------------------------------------------------------


class RaisesAt(Callback):
    """Raises an error in some epoch."""

    def __init__(self, error, epoch):
        self.error = error
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError(), OSError()])
def test_errors_leave_the_file(error, path):
    """Whatever ended a fit, the next one goes on."""
    estimator = AutoencoderTransformer(**SMALL, checkpoint=path)
    with pytest.raises(type(error)):
        clone(estimator).set_params(callbacks=[RaisesAt(error, 8)]).fit(X)
    file = CheckpointFile(path)
    assert len(file.read()["links"][-1]["history"]["train_loss"]) == 7
    file.close()
    assert_same(estimator.fit(X), AutoencoderTransformer(**SMALL).fit(X))


def test_a_fit_that_was_interrupted_goes_on_later(path):
    """The best so far is the result, and the file is that of the last whole epoch."""
    estimator = AutoencoderTransformer(**FEW, interruptible=True)
    stopped = clone(estimator).set_params(callbacks=[InEpoch(5)], checkpoint=path)
    interrupted_fit(stopped, X, X_val=make_curve(100, seed=1))
    assert stopped.n_iter_ == 5
    assert path.exists()
    fitted = clone(estimator).set_params(checkpoint=path)
    fitted.fit(X, X_val=make_curve(100, seed=1))
    assert_same(fitted, estimator.fit(X, X_val=make_curve(100, seed=1)))
    assert not path.exists()


def test_warnings_that_are_errors_leave_the_file(path):
    """Hours of training are not lost to a filter."""
    estimator = ESTIMATORS["diverging"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="diverged|PCA"):
            clone(estimator).set_params(checkpoint=path).fit(X)
    assert path.exists()


def test_a_solver_with_another_kind_of_state_is_an_error(path):
    """LBFGS keeps lists; the error names it before training."""
    estimator = AutoencoderTransformer(
        **SMALL, solver=torch.optim.LBFGS, checkpoint=path
    )
    with pytest.raises(ValueError, match="checkpoint cannot hold .* solver=LBFGS"):
        estimator.fit(X)


def test_nets_are_pickled_while_they_train(path):
    """As skorch's Checkpoint does."""

    class Pickles(Callback):
        def on_epoch_end(self, net, **kwargs):
            pickle.dumps(net)
            assert net.snapshot().after_epoch is None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pickles, "__reduce__", lambda self: (Callback, ()))
        AutoencoderTransformer(**SMALL, checkpoint=path, callbacks=[Pickles()]).fit(X)


def test_writing_takes_a_twentieth_of_the_time(monkeypatch):
    """After a write of a second nothing is written for nineteen."""
    now, written = [0.0], []
    monkeypatch.setattr(_resume, "SHARE", 0.05)
    monkeypatch.setattr(_resume.time, "monotonic", lambda: now[0])

    def write(links):
        written.append(list(links))
        now[0] += 1.0

    journal = _resume.Journal(write)
    journal.begin()
    journal.know("all")
    assert journal.is_due()
    journal.write()
    assert written == [["all"]]
    now[0] = 19.9
    assert not journal.is_due()
    now[0] = 20.0
    assert journal.is_due()
