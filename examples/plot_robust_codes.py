"""
Codes that small changes do not move
====================================

A contractive autoencoder pays for the slope of its encoder: codes follow the directions
in which digits differ, and stand still in all others. The marginalised denoising
autoencoder is robust to lost cells, and is computed in closed form.
"""

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skae import (
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    MarginalizedDenoisingAutoencoder,
)

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The textbook's contractive autoencoder: as many sigmoid units as pixels, and tied
# weights.
contractive = {
    contraction: ContractiveAutoencoder(
        64,
        contraction=contraction,
        hidden_layer_sizes=(),
        code_activation="sigmoid",
        init="random",
        max_iter=60,
        random_state=0,
    ).fit(X_train)
    for contraction in (0, 1e-3, 1e-2)
}


# %%
# The slopes of the code at a row are the singular values of its Jacobian, one for every
# direction. With a small penalty all of them fall a little; with a larger one only some
# directions are left in which the code moves.
def mean_slopes(autoencoder, rows):
    """Return the singular values of the encoder's Jacobian, averaged over rows."""
    encode = autoencoder.net_.module_.encode
    jacobians = [
        torch.autograd.functional.jacobian(encode, row[None])[0, :, 0]
        for row in torch.tensor(rows, dtype=torch.float32)
    ]
    return torch.linalg.svdvals(torch.stack(jacobians)).mean(dim=0)


figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for contraction, autoencoder in contractive.items():
    label = f"contraction {contraction:g}, R² {autoencoder.score(X_test):.2f}"
    ax.plot(np.arange(1, 65), mean_slopes(autoencoder, X_test[:100]), label=label)
ax.set(
    xlabel="direction, steepest first",
    ylabel="slope of the code",
    ylim=0,
    title="How far the code moves when a row does",
)
ax.grid(alpha=0.3)
ax.legend(frameon=False)
plt.show()

# %%
# Noise in the test rows then moves their codes less, as a share of the codes' variance.
# A classifier that has learnt on codes of clean rows gains little from it here.
noise = np.random.default_rng(0).normal(scale=0.25, size=X_test.shape)
for contraction, autoencoder in contractive.items():
    Z, Z_noisy = autoencoder.transform(X_test), autoencoder.transform(X_test + noise)
    moved = np.sum((Z_noisy - Z) ** 2) / np.sum((Z - Z.mean(axis=0)) ** 2)
    head = LogisticRegression(C=10, max_iter=2000)
    head.fit(autoencoder.transform(X_train), y_train)
    print(f"contraction {contraction:<5g} codes move by {moved:.0%}", end=", ")
    print(f"accuracy {head.score(Z, y_test):.3f}", end=", ")
    print(f"with noise {head.score(Z_noisy, y_test):.3f}")

# %%
# Now half of the cells of each test row are lost: they have their column's mean. A
# layer of the marginalised autoencoder is the linear map that is best, on average over
# everything that can be lost, at restoring them: one covariance matrix and one linear
# system. An autoencoder that is trained on such rows can do more, as it is not
# linear, but takes gradient steps. Both learn on centred rows: lost cells are zero.
mean = X_train.mean(axis=0)
X_lost = np.where(np.random.default_rng(0).random(X_test.shape) < 0.5, mean, X_test)
reducers = {
    "PCA, 16 components": PCA(16),
    "marginalised": MarginalizedDenoisingAutoencoder(1, noise_level=0.5),
    "denoising": DenoisingAutoencoder(
        64,
        noise="masking",
        noise_level=0.5,
        random_state=0,
    ),
}
restored = {"lost": X_lost}
for name, reducer in reducers.items():
    start = time.perf_counter()
    reducer.fit(X_train - mean)
    seconds = time.perf_counter() - start
    restored[name] = mean + reducer.inverse_transform(reducer.transform(X_lost - mean))
    print(f"{name}: fitted in {seconds:.2f} s", end=", ")
    print(f"error {np.mean((restored[name] - X_test) ** 2):.4f}", end=", ")
    head = make_pipeline(reducer, LogisticRegression(max_iter=2000))
    head[-1].fit(reducer.transform(X_train - mean), y_train)
    print(f"accuracy on rows with losses {head.score(X_lost - mean, y_test):.3f}")

one_of_each = [list(y_test).index(digit) for digit in range(10)]
figure, axes = plt.subplots(
    len(restored) + 1,
    10,
    figsize=(8, 4.2),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
for ax_row, (name, images) in zip(axes, {"original": X_test, **restored}.items()):
    ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, image in zip(ax_row, images[one_of_each]):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
figure.suptitle("Test digits with half of their pixels lost, and restored")
plt.show()
