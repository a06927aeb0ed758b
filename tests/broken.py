"""Autoencoders that are each broken in one small way, and the checks that see it."""

import random
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.metadata_routing import UNUSED
from skorch.callbacks import Callback, EpochTimer

from skae import AutoencoderTransformer
from skae.architectures import Dense

# Parameters that fit in milliseconds. Without hidden layers the start, which is PCA,
# is the best there is, and no epoch runs; with one there is something to interrupt.
FAST = {"hidden_layer_sizes": ()}
WITH_EPOCHS = {"hidden_layer_sizes": (4,), "max_iter": 2}
N_CODES = 2


class Broken(NamedTuple):
    """An estimator, the check that should fail on it, and part of the message."""

    estimator: AutoencoderTransformer
    check: str
    message: str

    @property
    def name(self):
        return type(self.estimator).__name__


BROKEN = []


def caught_by(check, message, **parameters):
    """Register a class with the first check that it fails."""

    def register(cls):
        BROKEN.append(Broken(cls(**(FAST | parameters)), check, message))
        return cls

    return register


# -- fit ----------------------------------------------------------------------------


@caught_by("check_fit_returns_self", "fit returns None")
class FitReturnsNothing(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)


@caught_by(
    "check_methods_are_deterministic", "transform answers differently when asked again"
)
class SampledCodes(AutoencoderTransformer):
    def transform(self, X):
        Z = super().transform(X)
        return Z + np.random.default_rng().normal(0, 1e-6, Z.shape)


@caught_by("check_methods_are_deterministic", "inverse_transform answers differently")
class SampledRows(AutoencoderTransformer):
    def inverse_transform(self, X):
        return super().inverse_transform(X) + np.random.default_rng().random()


@caught_by("check_fit_is_reproducible", "same random_state differ in transform")
class SeedFromTheSystem(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.shift_ = np.random.default_rng().random()
        return self

    def transform(self, X):
        return super().transform(X) + self.shift_


@caught_by("check_fit_keeps_parameters", "['max_iter']; expected it to put")
class ReplacedParameter(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        self.max_iter = self.max_iter + 1000
        self.max_iter -= 999
        return super().fit(X, y, sample_weight)


@caught_by(
    "check_fit_keeps_parameters",
    "architecture__dropout",
    architecture=Dense((4,)),
    hidden_layer_sizes="auto",
    max_iter=2,
)
class ReplacedNestedParameter(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.architecture.dropout = 0.5
        return self


@caught_by("check_fit_keeps_parameters", "the parameters ['callbacks'] in place")
class AppendedCallback(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        if self.callbacks is not None:
            self.callbacks.append(EpochTimer())
        return self


@caught_by("check_fit_leaves_its_input_alone", "fit changes X in place")
class SortsRowsInPlace(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        X.sort(axis=0)
        return self


@caught_by("check_fit_leaves_its_input_alone", "fit changes sample_weight in place")
class ScalesWeightsInPlace(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        if sample_weight is not None:
            sample_weight /= sample_weight.mean()
        return super().fit(X, y, sample_weight)


@caught_by("check_read_only_input", "read-only")
class ClipsInPlace(AutoencoderTransformer):
    def transform(self, X):
        X = np.asarray(X)
        return super().transform(X.clip(0, None, out=X))


@caught_by("check_fit_ignores_y", "expected y to be ignored")
class HalfOfTheRowsWithY(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        return super().fit(X if y is None else X[: len(X) // 2], sample_weight=None)


@caught_by("check_fit_transform", "fit_transform(X) differs from")
class ScaledFitTransform(AutoencoderTransformer):
    def fit_transform(self, X, y=None, **fit_params):
        return 1.01 * super().fit_transform(X, y, **fit_params)


@caught_by("check_refit_forgets", "after an earlier fit on other rows, transform")
class FitsOnce(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        if hasattr(self, "net_") and self.n_features_in_ == X.shape[1]:
            return self
        return super().fit(X, y, sample_weight)


@caught_by("check_refit_forgets", "an unexpected ValueError: X is low on average")
class RefusesOtherRows(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        if np.mean(X) < 0.5:  # as the rows for refitting are
            raise ValueError("X is low on average")
        return super().fit(X, y, sample_weight)


@caught_by("check_failed_fit_leaves_unfitted", "expected it to stay unfitted")
class FittedByAFailure(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        try:
            return super().fit(X, y, sample_weight)
        except ValueError:
            self.net_ = None
            raise


@caught_by("check_failed_refit_changes_nothing", "removes the attributes ['net_']")
class ForgetsBeforeItFits(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        vars(self).pop("net_", None)
        return super().fit(X, y, sample_weight)


@caught_by("check_training_rows_are_not_kept", "120 of 120 training rows")
class KeepsItsRows(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.X_ = X
        return self


# -- fitted attributes --------------------------------------------------------------


class Altered(AutoencoderTransformer):
    """Calls `alter` after every fit."""

    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.alter()
        return self


@caught_by("check_fitted_attributes", "['pca_reconstruction_error_'] are missing")
class NoPcaError(Altered):
    def alter(self):
        del self.pca_reconstruction_error_


@caught_by("check_widths_agree", "n_components_ is 2.0; expected an integer")
class FloatComponents(Altered):
    def alter(self):
        self.n_components_ = float(self.n_components_)


@caught_by("check_widths_agree", "the length of get_feature_names_out is 1")
class TooFewNames(AutoencoderTransformer):
    def get_feature_names_out(self, input_features=None):
        return super().get_feature_names_out(input_features)[:1]


@caught_by("check_mean", "mean_ is not the mean of the training rows")
class MeanOfZero(Altered):
    def alter(self):
        self.mean_ = np.zeros(self.n_features_in_)


@caught_by("check_feature_names_in", "feature_names_in_ is missing")
class NoNames(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        return super().fit(np.asarray(X), y, sample_weight)


@caught_by("check_explained_variance_ratio", "1 NaN or infinite values among 2")
class RatioOfNan(Altered):
    def alter(self):
        self.explained_variance_ratio_[0] = np.nan


@caught_by("check_components", "components_ has 24 NaN")
class ComponentsOfNan(Altered):
    def alter(self):
        self.components_ = np.full((N_CODES, self.n_features_in_), np.nan)


@caught_by("check_error_attributes", "expected a finite number, zero or more")
class NegativeError(Altered):
    def alter(self):
        self.reconstruction_error_ = -self.reconstruction_error_


@caught_by("check_judge", "the attribute judge_ is missing; expected one of")
class NoJudge(Altered):
    def alter(self):
        del self.judge_


@caught_by("check_judge", "judge_ is 'jury'; expected one of ('folds', ")
class Jury(Altered):
    def alter(self):
        self.judge_ = "jury"


@caught_by("check_loss_curve", "loss_curve_ has 2 entries; expected one for each of")
class LossBeforeTheFirstEpoch(Altered):
    def alter(self):
        self.loss_curve_ = [1.0, *self.loss_curve_]


@caught_by("check_net", "in training mode after fit")
class LeftInTrainingMode(Altered):
    def alter(self):
        self.net_.module_.train()


# -- random numbers -----------------------------------------------------------------


@caught_by("check_global_generators_are_left_alone", "fit moves the global random")
class MovesNumpysGenerator(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        np.random.random()  # noqa: NPY002
        return super().fit(X, y, sample_weight)


@caught_by("check_global_generators_are_left_alone", "inverse_transform moves")
class MovesTorchsGenerator(AutoencoderTransformer):
    def inverse_transform(self, X):
        torch.rand(1)
        return super().inverse_transform(X)


@caught_by("check_fit_ignores_global_generators", "seeded before fit")
class DrawsAndPutsBack(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        state = random.getstate()
        self.shift_ = random.random()
        random.setstate(state)
        return super().fit(X, y, sample_weight)

    def transform(self, X):
        return super().transform(X) + getattr(self, "shift_", 0)


def noisy_in_training(X):
    return X + 0.1 * torch.randn_like(X) if torch.is_grad_enabled() else X


@caught_by(
    "check_fit_ignores_global_generators",
    "seeded during fit",
    init="random",
    activation=noisy_in_training,
    **WITH_EPOCHS,
)
class SeedsTheGlobalGenerator(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return super().fit(X, y, sample_weight)


# -- codes --------------------------------------------------------------------------


@caught_by("check_codes_are_finite", "the codes of far rows have")
class OverflowingCodes(AutoencoderTransformer):
    def transform(self, X):
        with np.errstate(over="ignore"):
            return super().transform(X) * np.exp(np.max(X) ** 3)


@caught_by("check_codes_vary", "the same code for every row")
class ConstantCodes(AutoencoderTransformer):
    def transform(self, X):
        return np.ones_like(super().transform(X))


@caught_by("check_codes_depend_on_every_column", "on the columns [11] of X")
class IgnoresTheLastColumn(AutoencoderTransformer):
    def transform(self, X):
        X = np.array(X)
        X[:, -1] = 0.5
        return super().transform(X)


@caught_by("check_codes_depend_on_every_column", "on the columns [0, 1, 2,")
class TrainingCodes(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.codes_ = super().transform(X)
        return self

    def transform(self, X):
        Z = super().transform(X)
        return self.codes_.copy() if Z.shape == self.codes_.shape else Z


@caught_by("check_codes_belong_to_their_rows", "the code of a row alone")
class CentredCodes(AutoencoderTransformer):
    def transform(self, X):
        Z = super().transform(X)
        return Z - Z.mean(axis=0)


@caught_by("check_long_table", "the codes of 100000 rows are not")
class FirstChunkOnly(AutoencoderTransformer):
    def transform(self, X):
        Z = super().transform(X)
        Z[2**16 :] = 0
        return Z


# -- the way back -------------------------------------------------------------------


class OtherInverse(AutoencoderTransformer):
    """Whose inverse_transform and reconstruct apply `after(rows, codes)`."""

    def inverse_transform(self, X):
        return self.after(super().inverse_transform(X), np.asarray(X))

    def reconstruct(self, X):
        return self.inverse_transform(self.transform(X))


@caught_by("check_inverse_shape", "1 codes has shape (12,); expected (1, 12)")
class SqueezedRows(OtherInverse):
    def after(self, X_hat, Z):
        return np.squeeze(X_hat)


@caught_by("check_inverse_is_finite", "1440 NaN or infinite values among 1440")
class RowsOfNan(OtherInverse):
    def after(self, X_hat, Z):
        return np.full_like(X_hat, np.nan)


@caught_by("check_inverse_is_finite", "inverse_transform of far codes returns")
class OverflowingRows(OtherInverse):
    def after(self, X_hat, Z):
        X_hat[np.abs(Z).max(axis=1) > 50] = np.inf
        return X_hat


@caught_by("check_inverse_belongs_to_its_code", "a code in another order")
class TrainingRows(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.X_hat_ = super().reconstruct(X)
        return self

    def inverse_transform(self, X):
        X_hat = super().inverse_transform(X)
        return self.X_hat_ if X_hat.shape == self.X_hat_.shape else X_hat


@caught_by("check_long_inverse", "100000 codes are not decoded")
class FirstRowsOnly(OtherInverse):
    def after(self, X_hat, Z):
        X_hat[2**16 :] = 0
        return X_hat


@caught_by("check_inverse_width_error", "4 columns instead of 2 raises nothing")
class IgnoresFurtherCodes(AutoencoderTransformer):
    def inverse_transform(self, X):
        return super().inverse_transform(X[:, :N_CODES])


@caught_by("check_inverse_width_error", "expected a message matching")
class CurtError(AutoencoderTransformer):
    def inverse_transform(self, X):
        if X.shape[1] != N_CODES:
            raise ValueError("Wrong number of columns.")
        return super().inverse_transform(X)


@caught_by("check_inverse_rejects_missing_values", "codes with nan raises nothing")
class FillsMissingCodes(AutoencoderTransformer):
    def inverse_transform(self, X):
        return super().inverse_transform(np.nan_to_num(X))


@caught_by("check_inverse_uses_every_code", "ignores the components [1]")
class IgnoresTheLastCode(AutoencoderTransformer):
    def inverse_transform(self, X):
        return super().inverse_transform(X * [1, 0])


@caught_by("check_reconstruct", "reconstruct(X) differs from inverse_transform")
class ReturnsItsInput(AutoencoderTransformer):
    def reconstruct(self, X):
        return np.array(super().reconstruct(X) * 0 + X)


@caught_by("check_reconstruct", "reconstruct(X) differs from inverse_transform")
class SwappedCodes(AutoencoderTransformer):
    def inverse_transform(self, X):
        return super().inverse_transform(X[..., ::-1])


@caught_by("check_round_trip_beats_the_mean", "expected more than 0")
class NotInTheUnitsOfX(OtherInverse):
    def after(self, X_hat, Z):
        return X_hat * 100


@caught_by("check_pipeline", "NotFittedError")
class FitTransformOfAClone(AutoencoderTransformer):
    def fit_transform(self, X, y=None, **fit_params):
        return clone(self).fit(X, y, **fit_params).transform(X)


# -- what goes in and out -----------------------------------------------------------


@caught_by("check_unfitted_methods_raise", "score before fit raises nothing")
class ScoresUnfitted(AutoencoderTransformer):
    def score(self, X, y=None, sample_weight=None):
        if not hasattr(self, "net_"):
            return 0.0
        return super().score(X, y, sample_weight)


@caught_by("check_dtypes", "transform returns float64 for float32")
class DoubleCodes(AutoencoderTransformer):
    def transform(self, X):
        return super().transform(X).astype(np.float64)


@caught_by("check_dtypes", "reconstruct returns float32 for float64")
class SingleRows(OtherInverse):
    def after(self, X_hat, Z):
        return X_hat.astype(np.float32)


@caught_by("check_fit_on_float32", "transform of float64 returns float32")
class DtypeOfTheFit(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        self.dtype_ = np.asarray(X).dtype
        return super().fit(X, y, sample_weight)

    def transform(self, X):
        single = getattr(self, "dtype_", None) == np.float32
        return super().transform(X.astype(np.float32) if single else X)


@caught_by("check_integers", "transform of int64 returns float32")
class SingleIntegers(AutoencoderTransformer):
    def transform(self, X):
        X = np.asarray(X)
        return super().transform(X.astype(np.float32) if X.dtype.kind == "i" else X)


@caught_by("check_memory_layout", "an array that is Fortran-ordered")
class ReadsMemoryInOrder(AutoencoderTransformer):
    def transform(self, X):
        return super().transform(np.ravel(X, order="K").reshape(np.shape(X)))


@caught_by("check_output_is_the_callers", "transform returns a read-only array")
class ReadOnlyCodes(AutoencoderTransformer):
    def transform(self, X):
        Z = super().transform(X)
        Z.flags.writeable = False
        return Z


@caught_by("check_output_is_the_callers", "shares memory with its earlier output")
class ReusedOutput(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.scores_ = super().score_samples(X)
        return self

    def score_samples(self, X):
        scores = super().score_samples(X)
        if scores.shape != self.scores_.shape:
            return scores
        self.scores_[:] = scores
        return self.scores_


@caught_by("check_methods_leave_their_input_alone", "score changes its input")
class ClipsRowsInPlace(AutoencoderTransformer):
    def score(self, X, y=None, sample_weight=None):
        score = super().score(X, y, sample_weight)
        X.clip(0.2, 0.8, out=X)
        return score


@caught_by("check_methods_keep_attributes", "the attributes ['last_codes_']")
class RemembersItsCodes(AutoencoderTransformer):
    def transform(self, X):
        self.last_codes_ = super().transform(X)
        return self.last_codes_.copy()


@caught_by("check_other_widths_are_rejected", "reconstruct of 24 columns after a fit")
class IgnoresFurtherColumns(AutoencoderTransformer):
    def reconstruct(self, X):
        return super().reconstruct(X[:, :12])


@caught_by("check_missing_values_are_rejected", "score_samples of rows with nan")
class FillsMissingValues(AutoencoderTransformer):
    def score_samples(self, X):
        return super().score_samples(np.nan_to_num(X))


@caught_by("check_constant_column", "after a fit with a constant column, the codes")
class DividesByTheSpread(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.spread_ = np.std(X, axis=0)
        return self

    def transform(self, X):
        Z = super().transform(X)
        with np.errstate(invalid="ignore", divide="ignore"):
            nothing = 0 * (X / self.spread_).sum(axis=1, keepdims=True)
        return Z + nothing.astype(Z.dtype)


# -- scores -------------------------------------------------------------------------


@caught_by("check_score", "score(X) is not r2_score(X, reconstruct(X)")
class ErrorAsScore(AutoencoderTransformer):
    def score(self, X, y=None, sample_weight=None):
        return -self.reconstruction_error(X)


@caught_by("check_score_weights", "each row repeated w times")
class ScoreWithoutWeights(AutoencoderTransformer):
    def score(self, X, y=None, sample_weight=None):
        return super().score(X)


@caught_by("check_score_samples", "not minus the squared error summed")
class ErrorPerCell(AutoencoderTransformer):
    def score_samples(self, X):
        return super().score_samples(X) / self.n_features_in_


@caught_by("check_score_samples", "shape (120, 1); expected (120,)")
class ScoresInAColumn(AutoencoderTransformer):
    def score_samples(self, X):
        return super().score_samples(X)[:, None]


@caught_by("check_outliers_score_low", "expected the corners to score lower")
class WrongSignOfTheBound(AutoencoderTransformer):
    def sample(self, n_samples=1):
        raise NotImplementedError

    def score_samples(self, X):
        return -super().score_samples(X)


@caught_by("check_reconstruction_error", "is not the mean squared error of each")
class SumOfErrors(AutoencoderTransformer):
    def reconstruction_error(self, X, *, per_feature=False, sample_weight=None):
        return len(X) * super().reconstruction_error(
            X, per_feature=per_feature, sample_weight=sample_weight
        )


@caught_by("check_reconstruction_error", "has shape (120,); expected (12,)")
class ErrorsOfTheRows(AutoencoderTransformer):
    def reconstruction_error(self, X, *, per_feature=False, sample_weight=None):
        if per_feature:
            return -self.score_samples(X)
        return super().reconstruction_error(X, sample_weight=sample_weight)


@caught_by("check_reconstruction_error_weights", "each row repeated w times")
class ErrorWithoutWeights(AutoencoderTransformer):
    def reconstruction_error(self, X, *, per_feature=False, sample_weight=None):
        return super().reconstruction_error(X, per_feature=per_feature)


# -- figures that are true ----------------------------------------------------------

NOBODY_JUDGES = {"early_stopping": False}


@caught_by("check_reconstruction_error_is_true", "reconstruction_error_ is 0, ")
class ErrorOfZero(Altered):
    def alter(self):
        self.reconstruction_error_ = 0.0


@caught_by("check_reconstruction_error_is_true", "reconstruction_error of new rows")
class HalfOfTheError(Altered):
    def alter(self):
        self.reconstruction_error_ /= 2


@caught_by(
    "check_reconstruction_error_is_true", "error of the training rows", **NOBODY_JUDGES
)
class MoreThanTheError(Altered):
    def alter(self):
        self.reconstruction_error_ *= 1.1


@caught_by("check_reconstruction_error_is_true", "reconstruction_error of new rows")
class ErrorInOtherUnits(Altered):
    def alter(self):
        self.reconstruction_error_ *= 12


@caught_by("check_judge_is_true", "expected judge_ to be 'none'", **NOBODY_JUDGES)
class JudgedOnTrainingRows(Altered):
    def alter(self):
        self.judge_ = "held_out"


@caught_by("check_pca_reconstruction_error_is_true", "PCA with 2 components on new")
class PcaErrorOfAMillion(Altered):
    def alter(self):
        self.pca_reconstruction_error_ = 1e6


@caught_by(
    "check_pca_reconstruction_error_is_true",
    "pca_reconstruction_error_ is 0.001, the error of PCA with 12 components",
    n_components=12,
)
class PcaThatLosesSomething(Altered):
    def alter(self):
        self.pca_reconstruction_error_ = 1e-3


@caught_by("check_explained_variance_ratio_adds_up", "does not sum to the score")
class RatioOf42(Altered):
    def alter(self):
        self.explained_variance_ratio_ = np.full(N_CODES, 42.0)


@caught_by("check_explained_variance_ratio_adds_up", "does not sum to the score")
class RatioOfTheExplained(Altered):
    def alter(self):
        self.explained_variance_ratio_ /= self.explained_variance_ratio_.sum()


@caught_by("check_components_are_the_axes", "components_[0] has length 0; expected")
class ZeroComponents(Altered):
    def alter(self):
        self.components_ = np.zeros_like(self.components_)


@caught_by("check_components_are_the_axes", "components_[0] has a cosine of")
class ComponentsInAnotherOrder(Altered):
    def alter(self):
        self.components_ = self.components_[::-1]


@caught_by("check_components_are_the_axes", "components_[1] has a cosine of -1.00")
class ComponentTurnedRound(Altered):
    def alter(self):
        self.components_[1] *= -1


@caught_by("check_losses_are_measured", "loss_curve_ is zero in every epoch")
class LossesOfZero(Altered):
    def alter(self):
        self.loss_curve_ = [0.0] * self.n_iter_


@caught_by(
    "check_losses_are_measured", "in each of 2 epochs", **WITH_EPOCHS, **NOBODY_JUDGES
)
class LastLossRepeated(Altered):
    def alter(self):
        self.loss_curve_ = self.loss_curve_[-1:] * self.n_iter_


# -- sample weights -----------------------------------------------------------------


@caught_by("check_zero_weights", "sample_weight zero changes the codes")
class IgnoresWeights(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)  # for its errors
        return super().fit(X, y)


@caught_by("check_equal_weights", "sample_weight of ones gives other codes")
class WeightsThatShrink(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        if sample_weight is not None and np.all(sample_weight):
            X = 0.9 * X
        return super().fit(X, y, sample_weight)


@caught_by("check_weights_count", "expected the heavy rows to count for more")
class WeightsAsAMask(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        if sample_weight is not None and len(sample_weight) == len(X):
            X, sample_weight = X[sample_weight > 0], None
        return super().fit(X, y, sample_weight)


@caught_by("check_weights_are_routed", "Unexpected args: {'sample_weight'} in fit")
class NotRouted(AutoencoderTransformer):
    __metadata_request__fit = {"sample_weight": UNUSED}


# -- streams ------------------------------------------------------------------------


@caught_by("check_partial_fit_ignores_chunks", "in other chunks gives other codes")
class DropsTheLastRow(AutoencoderTransformer):
    def partial_fit(self, X, y=None, sample_weight=None):
        return super().partial_fit(X[:-1] if len(X) > 1 else X)


@caught_by("check_partial_fit_copies_its_rows", "expected it to copy")
class RefersToItsChunk(AutoencoderTransformer):
    def partial_fit(self, X, y=None, sample_weight=None):
        self.last_row_ = X[-1]
        return super().partial_fit(X, y, sample_weight)

    def transform(self, X):
        Z = super().transform(X)
        return Z + np.sum(getattr(self, "last_row_", 0), dtype=Z.dtype)


@caught_by("check_partial_fit_resumes_from_a_pickle", "in the middle of a stream")
class ResumesDifferently(AutoencoderTransformer):
    def partial_fit(self, X, y=None, sample_weight=None):
        return super().partial_fit(X[::2] if hasattr(self, "resumed_") else X)

    def __getstate__(self):
        return super().__getstate__() | {"resumed_": True}


@caught_by("check_partial_fit_rejects_other_widths", "than before raises nothing")
class FillsMissingColumns(AutoencoderTransformer):
    def partial_fit(self, X, y=None, sample_weight=None):
        n_missing = getattr(self, "n_features_in_", X.shape[1]) - X.shape[1]
        return super().partial_fit(np.pad(X, [(0, 0), (0, n_missing)]))


@caught_by("check_partial_fit_goes_on", "expected it to go on from what fit has learnt")
class StartsAnew(AutoencoderTransformer):
    def partial_fit(self, X, y=None, sample_weight=None):
        fitted = hasattr(self, "net_") and not hasattr(self, "n_samples_seen_")
        return (self.fit if fitted else super().partial_fit)(X, y, sample_weight)


@caught_by("check_fit_forgets_the_stream", "fit after partial_fit differs from a first")
class GoesOnWithTheStream(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        streamed = hasattr(self, "n_samples_seen_")
        return (super().partial_fit if streamed else super().fit)(X, y, sample_weight)


# -- DataFrames and sparse tables ---------------------------------------------------


@caught_by("check_pandas_output", "inverse_transform returns a ndarray")
class PlainRows(AutoencoderTransformer):
    def inverse_transform(self, X):
        return np.asarray(super().inverse_transform(X))


@caught_by("check_pandas_output", "the index of what inverse_transform returns")
class ForgetsTheIndex(AutoencoderTransformer):
    def inverse_transform(self, X):
        return super().inverse_transform(np.asarray(X))


@caught_by("check_polars_output", "returns a pandas.")
class PandasForPolars(AutoencoderTransformer):
    def inverse_transform(self, X):
        X_hat = super().inverse_transform(X)
        return X_hat.to_pandas() if hasattr(X_hat, "to_pandas") else X_hat


@caught_by("check_global_output", "inverse_transform returns a ndarray")
class OnlySetOutput(AutoencoderTransformer):
    def inverse_transform(self, X):
        X_hat = super().inverse_transform(X)
        asked = hasattr(self, "_sklearn_output_config")
        return X_hat if asked else np.asarray(X_hat)


@caught_by("check_column_order", "transform of reordered columns raises nothing")
class ReordersColumns(AutoencoderTransformer):
    def transform(self, X):
        if isinstance(X, pd.DataFrame):
            X = X[self.feature_names_in_]
        return super().transform(X)


@caught_by("check_sparse_input", "transform of a csr_array differs")
class ShiftsSparseValues(AutoencoderTransformer):
    def transform(self, X):
        return super().transform(X * 1.01 if sparse.issparse(X) else X)


# -- copies -------------------------------------------------------------------------


@caught_by("check_pickle", "inverse_transform of an unpickled copy differs")
class RoundedPickle(OtherInverse):
    def after(self, X_hat, Z):
        return X_hat.round(3) if hasattr(self, "rounded_") else X_hat

    def __getstate__(self):
        return super().__getstate__() | {"rounded_": True}


@caught_by("check_deepcopy", "a deep copy changes when the original is fitted again")
class DeepcopyOfItself(AutoencoderTransformer):
    def __deepcopy__(self, memo):
        return self


@caught_by("check_clone", "a clone is fitted; expected it to be unfitted")
class FittedClone(AutoencoderTransformer):
    def __sklearn_clone__(self):
        other = type(self)(**self.get_params())
        vars(other).update(vars(self))
        return other


# -- callbacks ----------------------------------------------------------------------

MANY_EPOCHS = WITH_EPOCHS | {"early_stopping": False, "max_iter": 3}


class OtherCallbacks(AutoencoderTransformer):
    """Whose fit takes the callbacks for what `replace` makes of them."""

    def fit(self, X, y=None, sample_weight=None):
        given = self.callbacks
        self.callbacks = self.replace(given or [])
        try:
            return super().fit(X, y, sample_weight)
        finally:
            self.callbacks = given


@caught_by("check_callbacks_are_called", "is called 0 times; expected", **MANY_EPOCHS)
class IgnoresCallbacks(OtherCallbacks):
    def replace(self, callbacks):
        return None


class EveryOtherEpoch(Callback):
    def __init__(self, callback):
        self.callback = callback

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) % 2:
            self.callback.on_epoch_end(net, **kwargs)


@caught_by("check_callbacks_are_called", "is called 2 times; expected", **MANY_EPOCHS)
class ReportsEveryOtherEpoch(OtherCallbacks):
    def replace(self, callbacks):
        return [EveryOtherEpoch(callback) for callback in callbacks]


class EpochsAlone(Callback):
    def __init__(self, callback):
        self.callback = callback

    def on_epoch_end(self, net, **kwargs):
        self.callback.on_epoch_end(net, **kwargs)


@caught_by("check_callbacks_are_called", "a callback is on_epoch_end, ", **MANY_EPOCHS)
class ReportsNoBeginning(OtherCallbacks):
    def replace(self, callbacks):
        return [EpochsAlone(callback) for callback in callbacks]


@caught_by("check_callbacks_only_observe", "that only observes changes the codes")
class ShiftsObservedCodes(Altered):
    def alter(self):
        self.shift_ = 1e-6 * bool(self.callbacks)

    def transform(self, X):
        return super().transform(X) + getattr(self, "shift_", 0)


@caught_by(
    "check_callbacks_only_observe", "changes the codes", init="random", **MANY_EPOCHS
)
class OneEpochMoreIfObserved(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        given = self.max_iter
        self.max_iter = given + bool(self.callbacks)
        try:
            return super().fit(X, y, sample_weight)
        finally:
            self.max_iter = given


# -- interrupts ---------------------------------------------------------------------


@caught_by(
    "check_interrupt_reaches_the_caller",
    "expected it to reach the caller",
    **WITH_EPOCHS,
)
class SwallowsInterrupts(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        try:
            return super().fit(X, y, sample_weight)
        except KeyboardInterrupt:
            return self


class Unimpressed(EpochsAlone):
    def on_train_begin(self, net, **kwargs):
        self.callback.on_train_begin(net, **kwargs)

    def on_epoch_end(self, net, **kwargs):
        with suppress(KeyboardInterrupt):
            super().on_epoch_end(net, **kwargs)

    def on_train_end(self, net, **kwargs):
        self.callback.on_train_end(net, **kwargs)


@caught_by(
    "check_interrupt_reaches_the_caller",
    "expected it to reach the caller",
    **MANY_EPOCHS,
)
class TrainsOnAfterAnInterrupt(OtherCallbacks):
    def replace(self, callbacks):
        return [Unimpressed(callback) for callback in callbacks]


@caught_by(
    "check_interrupt_reaches_the_caller",
    "fit runs 3 epochs and never calls on_epoch_end",
    **MANY_EPOCHS,
)
class OnlyCallbacksOfTheWholeTraining(OtherCallbacks):
    def replace(self, callbacks):
        return [each for each in callbacks if hears_of_the_beginning(each)]


def hears_of_the_beginning(callback):
    return type(callback).on_train_begin is not Callback.on_train_begin


@caught_by(
    "check_interrupted_fit_leaves_unfitted",
    "expected it to stay unfitted",
    **MANY_EPOCHS,
)
class ReportsAfterwards(OtherCallbacks):
    def replace(self, callbacks):
        return None

    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        for callback in self.callbacks or []:
            callback.on_train_begin(self.net_)
            for _ in range(self.n_iter_):
                callback.on_epoch_end(self.net_)
            callback.on_train_end(self.net_)
        return self


@caught_by(
    "check_interrupted_fit_leaves_unfitted",
    "expected it to stay unfitted",
    **WITH_EPOCHS,
)
class FittedByAnInterrupt(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        try:
            return super().fit(X, y, sample_weight)
        except KeyboardInterrupt:
            self.net_ = None
            raise


@caught_by(
    "check_interrupted_refit_changes_nothing",
    "removes the attributes ['net_']",
    **WITH_EPOCHS,
)
class UnfittedByAnInterrupt(AutoencoderTransformer):
    def fit(self, X, y=None, sample_weight=None):
        try:
            return super().fit(X, y, sample_weight)
        except KeyboardInterrupt:
            vars(self).pop("net_", None)
            raise
