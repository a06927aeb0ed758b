"""scikit-learn's steps as torch modules: affine maps, and cells that are filled in."""

from numbers import Real

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from torch import nn


class Affine(nn.Module):
    """Rows times a matrix, or a factor for each column, plus an offset."""

    def __init__(self, factor, offset):
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor, dtype=torch.float64))
        self.register_buffer("offset", torch.tensor(offset, dtype=torch.float64))

    def forward(self, X):
        product = X * self.factor if self.factor.ndim == 1 else X @ self.factor
        return product + self.offset


class Filled(nn.Module):
    """Columns that are kept, with a value in the place of each NaN."""

    def __init__(self, values):
        super().__init__()
        kept = ~np.isnan(values)
        self.register_buffer("columns", torch.tensor(np.flatnonzero(kept)))
        self.register_buffer("values", torch.tensor(values[kept], dtype=torch.float64))

    def forward(self, X):
        if len(self.columns) < X.shape[1]:
            X = X[:, self.columns]
        return torch.where(X.isnan(), self.values, X)


def _scaling(factor, offset, method):
    if method == "transform":
        return Affine(factor, offset)
    return Affine(1 / factor, -offset / factor)


def _divided(step, centre, scale, method):
    """Return what centres by one array and divides by another; either may be None."""
    centre = np.zeros(step.n_features_in_) if centre is None else centre
    scale = np.ones(step.n_features_in_) if scale is None else scale
    return _scaling(1 / scale, -centre / scale, method)


def _clipped(step, module, method, ends):
    if method == "transform" and getattr(step, "clip", False):
        return nn.Sequential(module, nn.Hardtanh(*ends))
    return module


def _standard_scaler(step, method):
    return _divided(step, step.mean_ if step.with_mean else None, step.scale_, method)


def _robust_scaler(step, method):
    return _divided(step, step.center_, step.scale_, method)


def _max_abs_scaler(step, method):
    module = _divided(step, None, step.scale_, method)
    return _clipped(step, module, method, (-1.0, 1.0))


def _min_max_scaler(step, method):
    module = _scaling(step.scale_, step.min_, method)
    return _clipped(step, module, method, step.feature_range)


def _pca(step, method):
    scale = np.ones(step.n_components_)
    if step.whiten:
        scale = np.sqrt(step.explained_variance_)
        if method == "transform":  # as PCA does
            scale = np.maximum(scale, np.finfo(scale.dtype).eps)
    if method == "transform":
        axes = step.components_.T / scale
        return Affine(axes, -step.mean_ @ axes)
    return Affine(scale[:, None] * step.components_, step.mean_)


def _simple_imputer(step, method):
    is_nan = isinstance(step.missing_values, float) and np.isnan(step.missing_values)
    fills = all(isinstance(value, Real) for value in step.statistics_)
    if step.add_indicator or not (is_nan and fills):
        raise TypeError(
            f"{step} cannot be exported: only one that puts numbers in the place of "
            "NaN can, without an indicator."
        )
    return Filled(step.statistics_.astype(float))


STEPS = {
    MaxAbsScaler: _max_abs_scaler,
    MinMaxScaler: _min_max_scaler,
    PCA: _pca,
    RobustScaler: _robust_scaler,
    SimpleImputer: _simple_imputer,
    StandardScaler: _standard_scaler,
}
