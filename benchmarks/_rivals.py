"""What an autoencoder is compared with: reducers that fit rows and restore them."""

import time

import numpy as np
import torch
from sklearn.decomposition import PCA, KernelPCA
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.preprocessing import StandardScaler
from torch import nn

KERNEL_ROWS = 1500  # their time grows with the cube of the rows
# Of the kernel of KernelPCA, times the columns; its penalty in the way back.
GAMMAS = np.array([0.1, 0.3, 1])
ALPHAS = [1e-4, 1e-3, 1e-2]
# Of the kernel that is a function of the codes, times the components; its penalty.
CODE_GAMMAS = np.array([0.03, 0.1, 0.3, 1])
PENALTIES = np.logspace(-3, 2, 6)
PYOD_STEPS, PYOD_BATCH = 2200, 32


def mean_error(reducer, X):
    """Return the squared error of a row, its columns summed, on average."""
    return np.square(reducer.reconstruct(X) - X).sum(axis=1).mean()


class PCAReducer:
    """Principal components."""

    def __init__(self, n_components, random_state):
        self.pca = PCA(n_components, random_state=random_state)

    def fit(self, X):
        self.pca.fit(X)
        return self

    def reconstruct(self, X):
        return self.pca.inverse_transform(self.pca.transform(X))


class KernelPCAReducer:
    """KernelPCA; three folds choose the kernel's width and the penalty of the way back.

    It fits 1500 rows at most.
    """

    def __init__(self, n_components, random_state):
        self.n_components, self.random_state = n_components, random_state

    def fit(self, X):
        model = KernelPCA(
            self.n_components,
            kernel="rbf",
            fit_inverse_transform=True,
            random_state=self.random_state,
        )
        grid = {"gamma": GAMMAS / X.shape[1], "alpha": ALPHAS}
        folds = KFold(3, shuffle=True, random_state=self.random_state)
        search = GridSearchCV(model, grid, scoring=_minus_error, cv=folds)
        self.model = search.fit(_some_rows(X, self.random_state)).best_estimator_
        return self

    def reconstruct(self, X):
        return self.model.inverse_transform(self.model.transform(X))


def _minus_error(model, X, y=None):
    return -np.square(model.inverse_transform(model.transform(X)) - X).mean()


class KernelRidgeDecoder:
    """PCA's codes, and what PCA misses as a smooth function of them.

    That function is kernel ridge regression on 1500 rows at most. Its width and its
    penalty are those of the least leave-one-out error.
    """

    def __init__(self, n_components, random_state):
        self.pca = PCA(n_components, random_state=random_state)
        self.random_state = random_state

    def fit(self, X):
        self.pca.fit(X)
        X = _some_rows(X, self.random_state)
        Z = self.pca.transform(X)
        deviation = Z.std(axis=0)
        self.scale = np.where(deviation > 0, deviation, 1)
        self.Z = Z / self.scale
        missed = X - self.pca.inverse_transform(Z)
        fits = [
            _kernel_ridge(self.Z, missed, gamma)
            for gamma in CODE_GAMMAS / self.Z.shape[1]
        ]
        _, self.gamma, self.coef = min(fits, key=lambda fit: fit[0])
        return self

    def reconstruct(self, X):
        Z = self.pca.transform(X)
        kernel = rbf_kernel(Z / self.scale, self.Z, gamma=self.gamma)
        return self.pca.inverse_transform(Z) + kernel @ self.coef


def _kernel_ridge(Z, Y, gamma):
    """Return the leave-one-out error of the fitting penalty, gamma, and the weights."""
    values, vectors = np.linalg.eigh(rbf_kernel(Z, gamma=gamma))
    values = np.maximum(values, 0)[:, None]
    projected, leverages = vectors.T @ Y, vectors**2
    errors = []
    for penalty in PENALTIES:
        kept = values / (values + penalty)
        left_out = (Y - vectors @ (kept * projected)) / (1 - leverages @ kept)
        errors.append(np.square(left_out).mean())
    best = np.argmin(errors)
    return errors[best], gamma, vectors @ (projected / (values + PENALTIES[best]))


def _some_rows(X, random_state):
    return X[np.random.default_rng(random_state).permutation(len(X))[:KERNEL_ROWS]]


class TorchLoop:
    """The autoencoder that one writes in torch: d-128-128-k-128-128-d, SiLU, Adam.

    It trains for so many seconds.
    """

    def __init__(self, n_components, random_state, seconds):
        self.n_components, self.random_state = n_components, random_state
        self.seconds = seconds

    def fit(self, X):
        torch.manual_seed(self.random_state)
        d = X.shape[1]
        self.network = plain_network((d, 128, 128, self.n_components, 128, 128, d))
        optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3, fused=True)
        X = torch.from_numpy(X).float()
        for batch in _batches(X, self.seconds):
            optimizer.zero_grad()
            (self.network(batch) - batch).square().mean().backward()
            optimizer.step()
        return self

    def reconstruct(self, X):
        with torch.inference_mode():
            return self.network(torch.from_numpy(X).float()).numpy()


def plain_network(widths):
    """Return dense layers, with SiLU after all but the code and the output."""
    layers = []
    for n_in, n_out in zip(widths[:-1], widths[1:], strict=True):
        layers += [nn.Linear(n_in, n_out), nn.SiLU()]
    del layers[len(widths) - 2], layers[-1]
    return nn.Sequential(*layers)


def _batches(X, seconds):
    end = time.perf_counter() + seconds
    while True:
        for rows in torch.randperm(len(X)).split(128):
            if time.perf_counter() > end:
                return
            yield X[rows]


class PyODReducer:
    """PyOD's AutoEncoder without dropout and batch normalisation: d-64-32-k-32-64-d.

    It has its batches of 32, and epochs for 2200 steps, but at least the 10 that are
    its default, and at most 200.
    """

    def __init__(self, n_components, random_state):
        self.n_components, self.random_state = n_components, random_state

    def fit(self, X):
        from pyod.models.auto_encoder import AutoEncoder

        batch_size = min(PYOD_BATCH, len(X))
        epochs = round(PYOD_STEPS * batch_size / len(X))
        self.detector = AutoEncoder(
            hidden_neuron_list=[64, 32, self.n_components],
            batch_norm=False,
            dropout_rate=0.0,
            preprocessing=False,
            batch_size=batch_size,
            epoch_num=min(200, max(10, epochs)),
            optimizer_params={},
            device="cpu",
            random_state=self.random_state,
            verbose=0,
        ).fit(X)
        return self

    def reconstruct(self, X):
        with torch.inference_mode():
            return self.detector.model(torch.from_numpy(X).float()).numpy()


class OnStandardised:
    """A reducer that is given standardised columns, and answers in the units of X."""

    def __init__(self, reducer):
        self.reducer = reducer

    def fit(self, X):
        self.scaler = StandardScaler().fit(X)
        self.reducer.fit(self.scaler.transform(X))
        return self

    def reconstruct(self, X):
        found = self.reducer.reconstruct(self.scaler.transform(X))
        return self.scaler.inverse_transform(found)
