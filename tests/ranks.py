"""What some processes do together, as a script for torchrun: see test_group.py.

``ranks.py FOLDER PART ...`` writes what a rank found to ``FOLDER/RANK.json``.
"""

import hashlib
import json
import os
import signal
import sys
import time
import warnings
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from skorch.callbacks import Callback

import skae
from skae.data import _source
from skae.data._group import find_group
from skae.data._table import Table
from skae.engine import _resume, _rows
from skae.engine._net import StopTraining

N_ROWS, N_VAL = 500, 100
SECONDS = 10  # after which a rank that does not answer is given up
RNG = np.random.default_rng(0)
T = RNG.uniform(-1, 1, (N_ROWS + N_VAL, 2))
X = np.column_stack([2 * T, T**2, T[:, 0] * T[:, 1], np.sin(3 * T[:, 1])])
X += 0.01 * RNG.standard_normal(X.shape)
WEIGHT = RNG.uniform(0.5, 2, len(X))
QUICK = {"hidden_layer_sizes": (16,), "max_iter": 2, "random_state": 0}
EXACT = QUICK | {"precision": "float64", "solver": "adamw", "init": "pca"}


def strided(rows, ranks):
    """Return a rank's rows: every second of two ranks, and so on."""
    return rows[ranks.rank :: ranks.size]


def uneven(rows, ranks):
    """Return a rank's rows: the first ranks have 8 each."""
    start = 8 * ranks.rank
    is_last = ranks.rank == ranks.size - 1
    return rows[start : len(rows) if is_last else start + 8]


def numbers(fitted):
    """Return what is the same to some digits, whoever fits."""
    return {
        "loss_curve": fitted.loss_curve_,
        "validation_loss_curve": fitted.validation_loss_curve_,
        "errors": [fitted.reconstruction_error_, fitted.pca_reconstruction_error_],
        "ratio": fitted.explained_variance_ratio_.sum(),
        "n_samples": fitted.n_samples_,
        "score": fitted.score(X),
    }


def digest(fitted):
    """Return what is another with any bit of what was learnt."""
    found = hashlib.sha256()
    curves = [fitted.loss_curve_, fitted.validation_loss_curve_ or []]
    for value in [*fitted.net_.module_.state_dict().values(), *curves]:
        found.update(np.asarray(value).tobytes())
    return found.hexdigest()


@contextmanager
def unshuffled():
    """Let steps take rows in their order."""
    shuffled = _rows.Batches._order
    _rows.Batches._order = lambda batches, n: torch.arange(n)
    try:
        yield
    finally:
        _rows.Batches._order = shuffled


def same_steps(ranks):
    """Return fits whose steps see the same rows, however many ranks there are."""
    estimators = {
        "plain": skae.AutoencoderTransformer(**EXACT, batch_size=100),
        "penalised": skae.AutoencoderTransformer(
            **EXACT, batch_size=100, alpha=1e-3, whiten=True
        ),
        "contractive": skae.ContractiveAutoencoder(**EXACT, batch_size=100),
        "random": skae.AutoencoderTransformer(
            **EXACT | {"init": "random"}, batch_size=100
        ),
        "muon": skae.AutoencoderTransformer(
            **EXACT | {"solver": "muon"}, batch_size=100
        ),
    }
    rows, judging = strided(X[:N_ROWS], ranks), strided(X[N_ROWS:], ranks)
    with unshuffled():
        fits = [each.fit(rows, X_val=judging) for each in estimators.values()]
    return dict(zip(estimators, map(numbers, fits), strict=True))


def all_rows_a_step(ranks):
    """Return fits to parts of any size, with weights, whose steps see all rows."""
    rows, judging = uneven(X[:N_ROWS], ranks), strided(X[N_ROWS:], ranks)
    weights = {
        "sample_weight": uneven(WEIGHT[:N_ROWS], ranks),
        "sample_weight_val": strided(WEIGHT[N_ROWS:], ranks),
    }
    plain = skae.AutoencoderTransformer(**EXACT, batch_size=N_ROWS)
    ordered = skae.AutoencoderTransformer(3, **EXACT, ordered=True, batch_size=N_ROWS)
    unjudged = skae.AutoencoderTransformer(
        **EXACT, batch_size=N_ROWS, early_stopping=False
    )
    return {
        "judged": numbers(plain.fit(rows, X_val=judging, **weights)),
        "ordered": numbers(ordered.fit(rows, X_val=judging, **weights)),
        "unjudged": numbers(unjudged.fit(rows, sample_weight=weights["sample_weight"])),
    }


def few_rows(ranks):
    """Return a fit that folds judge, of rows in the order of the ranks."""
    half = 60
    part = slice(half * ranks.rank, half * (ranks.rank + 1))
    rows = X[part] if ranks.size > 1 else X[: 2 * half]
    fitted = skae.AutoencoderTransformer(**QUICK).fit(rows)
    return {"judge": fitted.judge_, "digest": digest(fitted)}


def digests(ranks):
    """Return digests of fits with all that "auto" decides, noise and shuffled rows."""
    estimators = [
        skae.AutoencoderTransformer(**QUICK),
        skae.DenoisingAutoencoder(**QUICK | {"random_state": None}, noise="swap"),
        skae.SparseAutoencoder(8, **QUICK, sparsity="top_k", init="random"),
        skae.VariationalAutoencoder(**QUICK),
    ]
    rows = strided(X, ranks)
    return [digest(each.fit(rows)) for each in estimators]


def elsewhere(ranks):
    """Return the digest of a fit to parts that are read in runs, one of them short."""
    _source.HELD_BYTES = _rows.STANDARDISED_COPY_LIMIT = 3000
    rows = uneven(X.astype(np.float32), ranks)
    source = _source.Source(
        lambda start, stop: rows[start:stop],
        lambda: np.r_[np.arange(0, len(rows), 7), len(rows)],
        rows.shape[1],
        rows.dtype,
        "rows",
    )
    fitted = skae.AutoencoderTransformer(**QUICK, batch_size=50).fit(source)
    return [digest(fitted), fitted.n_samples_]


def sums(ranks):
    """Return sums over a table that begins where another rank has the largest rows."""
    weight = strided(WEIGHT, ranks)
    table = Table(strided(1e3 * X, ranks), weight, ranks=ranks)
    axes = table.axes(2)
    return {
        "mean": table.moments.mean.tolist(),
        "scale": table.moments.scale.tolist(),
        "limits": Table(strided(X.round(), ranks), ranks=ranks).moments.limits.tolist(),
        "components": axes.components.tolist(),
        "variance": axes.explained_variance.tolist(),
        "average": table.average(axes.errors(table)),
        "n_rows": table.total_rows,
    }


class Stop(Callback):
    """Ends the training of the last rank after two epochs."""

    def __init__(self, ranks):
        self.is_last = ranks.rank == ranks.size - 1

    def on_epoch_end(self, net, **kwargs):
        if self.is_last and len(net.history) == 2:
            raise StopTraining


def stopped(ranks):
    """Return the number of epochs of a fit that a callback on one rank ends."""
    estimator = skae.AutoencoderTransformer(
        **QUICK | {"max_iter": 4, "init": "random"}, callbacks=[Stop(ranks)]
    )
    return estimator.fit(strided(X, ranks)).n_iter_


def errors(ranks):
    """Return what is said of fits that cannot be, most for what one rank has."""
    is_odd = ranks.rank == 1
    rows = strided(X, ranks)
    missing = rows.copy()
    missing[7, 3] = np.nan
    frame = pd.DataFrame(rows, columns=list("abcdef"))
    renamed = frame.rename(columns={"c": "z"})
    plain = skae.AutoencoderTransformer(**QUICK)
    wider = {"hidden_layer_sizes": (24 if is_odd else 16,)}
    logistic = QUICK | {"loss": "binary_cross_entropy"}
    closure = QUICK | {"solver": torch.optim.LBFGS}
    layers = skae.architectures.Custom(normalised, torch.nn.Linear)
    statistics = {"architecture": layers, "random_state": 0}
    attempts = {
        "no rows": lambda: plain.fit(rows[:0] if is_odd else rows),
        "few rows": lambda: plain.fit(rows[:3] if is_odd else rows),
        "columns": lambda: plain.fit(rows[:, :5] if is_odd else rows),
        "dtype": lambda: plain.fit(rows.astype("f4") if is_odd else rows),
        "names": lambda: plain.fit(renamed if is_odd else frame),
        "missing": lambda: plain.fit(missing if is_odd else rows),
        "weight": lambda: plain.fit(
            rows, sample_weight=None if is_odd else rows[:, 0] ** 2
        ),
        "X_val": lambda: plain.fit(rows, X_val=rows if is_odd else None),
        "parameters": lambda: skae.AutoencoderTransformer(**QUICK | wider).fit(rows),
        "range": lambda: skae.AutoencoderTransformer(**logistic).fit(
            rows if is_odd else rows.clip(0, 1)
        ),
        "groups": lambda: plain.fit(rows, groups=np.arange(len(rows))),
        "warm_start": lambda: skae.AutoencoderTransformer(warm_start=True).fit(rows),
        "interruptible": lambda: skae.AutoencoderTransformer(interruptible=True).fit(
            rows
        ),
        "mixed": lambda: plain.fit(frame.assign(text="x")),
        "closure": lambda: skae.AutoencoderTransformer(**closure).fit(rows),
        "statistics": lambda: skae.AutoencoderTransformer(**statistics).fit(rows),
        "partial_fit": lambda: skae.AutoencoderTransformer().partial_fit(rows),
        "stacked": lambda: skae.StackedAutoencoder().fit(rows),
        "marginalized": lambda: skae.MarginalizedDenoisingAutoencoder().fit(rows),
        "classifier": lambda: skae.AutoencoderClassifier().fit(rows, rows[:, 0] > 0),
        "outliers": lambda: skae.AutoencoderOutlierDetector().fit(rows),
    }
    return {name: said(attempt) for name, attempt in attempts.items()}


def normalised(n_in, n_out):
    """Return layers of which one has statistics of its batches."""
    return torch.nn.Sequential(
        torch.nn.Linear(n_in, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, n_out)
    )


def said(attempt):
    """Return the kind and the text of what an attempt raises."""
    try:
        attempt()
    except (ConnectionError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


class Epoch(Callback):
    """Does something to the last rank after three epochs."""

    def __init__(self, ranks, act):
        self.is_last = ranks.rank == ranks.size - 1
        self.act = act

    def on_epoch_end(self, net, **kwargs):
        if self.is_last and len(net.history) == 3:
            self.act()


def checkpointed(ranks, act=None):
    """Fit with a checkpoint, every epoch of which is written."""
    _resume.SHARE = 1.0
    callbacks = [] if act is None else [Epoch(ranks, act)]
    estimator = skae.DenoisingAutoencoder(
        hidden_layer_sizes=(16,),
        max_iter=8,
        random_state=0,
        checkpoint=os.environ["CHECKPOINT"],
        callbacks=callbacks,
    )
    return estimator.fit(strided(X, ranks))


def whole(ranks):
    """Return the digest of a fit, which may go on from a checkpoint."""
    fitted = checkpointed(ranks)
    return [digest(fitted), len(fitted.loss_curve_)]


def killed(ranks):
    """Return what a rank says when another is killed, and after how many seconds."""
    start = time.monotonic()
    text = said(
        lambda: checkpointed(ranks, lambda: os.kill(os.getpid(), signal.SIGKILL))
    )
    return [text, time.monotonic() - start]


def silent(ranks):
    """Return what a rank says when another does not answer."""
    start = time.monotonic()
    text = said(lambda: checkpointed(ranks, lambda: time.sleep(4 * SECONDS)))
    return [text, time.monotonic() - start]


def main(folder, *parts):
    warnings.simplefilter("ignore")
    timeout = timedelta(seconds=SECONDS)
    torch.distributed.init_process_group("gloo", timeout=timeout)
    ranks = find_group()
    found = {part: globals()[part](ranks) for part in parts}
    Path(folder, f"{ranks.rank}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()  # else its threads may abort the end


if __name__ == "__main__":
    main(*sys.argv[1:])
