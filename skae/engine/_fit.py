"""From a table to a trained autoencoder: judge, train, rotate, sum up."""

from dataclasses import dataclass, fields

import numpy as np

from ..data._moments import check_squares
from ._explained import explained_variance_ratio, spectrum
from ._folds import N_FOLDS, can_cross_validate
from ._judges import ENOUGH_HELD_OUT, AllRows, Folds, HoldOut
from ._net import AutoencoderNet
from ._ordered import BySize
from ._rotation import linear_axes, mean_axes, rotate_codes
from ._splits import are_rare, folds, hold_out, parts
from ._starts import NONLINEAR_STARTS


@dataclass(frozen=True)
class Fitted:
    """What a fit leaves behind, in the words of the estimator's attributes."""

    net: AutoencoderNet
    mean: np.ndarray
    n_iter: int
    loss_curve: list
    validation_loss_curve: list | None
    judge: str
    init: str
    is_pca: bool
    reconstruction_error: float
    pca_reconstruction_error: float
    explained_variance_ratio: np.ndarray
    components: np.ndarray | None
    reports: dict
    by_size: BySize | None = None

    @classmethod
    def from_attributes(cls, attributes):
        """Return it from the attributes of a fitted estimator."""
        values = {field.name: attributes.get(f"{field.name}_") for field in fields(cls)}
        return cls(**values | {"reports": {}})

    def attributes(self):
        """Return the attributes by name; `components_` only where there are any."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values |= values.pop("reports")
        del values["by_size"]
        if self.components is None:
            del values["components"]
        return {f"{name}_": value for name, value in values.items()}


def fit(table, task, *, seed, validation=None, split=None, warm=None, last=()):
    """Return the `Fitted` autoencoder of a `Table`.

    Parameters
    ----------
    validation : Table or None
        Rows that judge; None holds some of the table's out.

    split : ContentSplit or None
        Says which, if later fits are to know them again.

    warm : Network or None
        A network to go on from; it is changed in place.

    last : callbacks
        Called after the user's.
    """
    table = _with_all_rows(table, task, validation)
    judge = choose_judge(table, task, seed, validation, split, warm)
    check_squares(judge.moments)
    judged = judge.fit(task, seed, warm=warm, last=last)
    net, mean = judged.net.detach_training(), judge.moments.mean
    moments = rotate_codes(net.network_, table, task)
    history, curve = net.history, None
    if judged.judge != "none":
        curve = history[:, "valid_loss"]
    reports = judged.reports | task.objective.report(net.network_, table)
    if task.objective.has_noise:
        is_recorded = curve is not None and "clean_valid_loss" in history[-1]
        clean = history[:, "clean_valid_loss"] if is_recorded else None
        reports["clean_validation_loss_curve"] = clean
    if judged.init in NONLINEAR_STARTS and task.blueprint.init == "pca":
        components = mean_axes(moments)
    else:
        components = linear_axes(net.network_)
    rows = judge.training if table.is_elsewhere else table  # some are in memory
    ratio = explained_variance_ratio(net.network_, moments, rows)
    reports |= spectrum(ratio, table, table.total_rows)
    fitted = Fitted(
        net=net,
        mean=mean,
        n_iter=len(history),
        loss_curve=history[:, "train_loss"],
        validation_loss_curve=curve,
        judge=judged.judge,
        init=judged.init,
        is_pca=judged.is_pca,
        reconstruction_error=judged.error,
        pca_reconstruction_error=judged.pca_error,
        explained_variance_ratio=ratio,
        components=components,
        reports=reports,
        by_size=judged.by_size,
    )
    if not task.plan.callbacks:  # nobody else holds the network
        net.network_.seal()
    return fitted


def _with_all_rows(table, task, validation):
    """Return the table; with the rows of all ranks on each, where folds may judge.

    These are few, and a rank's part of them would be fewer still. So each rank fits
    them as if it were alone, with one result.
    """
    plan = task.plan
    n_held_out = plan.validation_fraction * table.total_rows
    is_judged = plan.early_stopping and validation is None
    if is_judged and n_held_out < ENOUGH_HELD_OUT and can_cross_validate(task, table):
        return table.gathered()
    return table


def choose_judge(table, task, seed, validation=None, split=None, warm=None):
    """Return the judge that suits a table.

    Folds where few rows could be held out and networks can be trained side by side.
    None are held out where that is not asked for, or where a network to go on from has
    been trained on rows that nobody knows.
    """
    plan = task.plan
    if validation is not None:
        return HoldOut(table, validation, table, table.moments)
    if not plan.early_stopping or (warm is not None and split is None):
        return AllRows(table)
    if split is not None:
        held_out = split.hold_out(table)
    else:
        held_out = hold_out(table, plan.validation_fraction, seed)
        is_few = table.ranks.size == 1 and len(held_out) < ENOUGH_HELD_OUT
        if is_few and can_cross_validate(task, table):
            return Folds(table, folds(table, N_FOLDS, seed))
    if len(held_out) in (0, table.n_rows):
        return AllRows(table)
    training, judging = parts(table, held_out)
    if split is None and table.groups is None:
        rare = are_rare(training, judging)
        n_rare, n_judging = (table.ranks.sum(n) for n in (int(rare.sum()), len(rare)))
        if n_rare == n_judging:
            return AllRows(table)
        if n_rare:
            rare[0] &= not rare.all()  # each rank has one that judges
            moments = training.moments.merged(judging.take(rare).moments)
            training, judging = parts(table, held_out[~rare])
            training.know(moments)
    table.know(training.moments.merged(judging.moments))
    # Rows that are to judge later fits as well are never trained on.
    everything = table if split is None else training
    return HoldOut(training, judging, everything, table.moments)
