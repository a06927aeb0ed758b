"""
Sparse codes with more units than columns
=========================================

A code of 128 units for 64 pixels could copy its input. Held to a few active units for
each row, it has to find parts that digits are made of. There are three ways to hold it,
and a weight that says how firmly.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer, SparseAutoencoder

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, _, y_test = train_test_split(X, y, random_state=0)

# %%
# The second network is the textbook's, with an L1 penalty so small that it changes next
# to nothing. A larger one sets most units to exactly zero; tied weights keep the
# network from evading it by small codes and large decoder weights. "kl" pulls the mean
# activation of every sigmoid unit towards ``rho``, and "top_k" lets 8 units be active.
common = {"max_iter": 60, "random_state": 0}
autoencoders = {
    "no penalty": AutoencoderTransformer(
        128, hidden_layer_sizes=(), code_activation="relu", init="random", **common
    ),
    "L1, 1e-9": SparseAutoencoder(128, sparsity_weight=1e-9, **common),
    "L1, 3e-3": SparseAutoencoder(
        128, sparsity_weight=3e-3, tied_weights=True, **common
    ),
    "KL, 2 %": SparseAutoencoder(
        128,
        sparsity="kl",
        rho=0.02,
        sparsity_weight=1e-3,
        learning_rate_init=0.02,
        **common,
    ),
    "top 8": SparseAutoencoder(128, sparsity="top_k", k=8, **common),
}
codes = {
    name: autoencoder.fit(X_train).transform(X_test)
    for name, autoencoder in autoencoders.items()
}


def count_active(Z):
    """Return how many units are above a tenth of the largest activation, on average."""
    is_active = Z / Z.max() > 0.1
    return is_active.sum(axis=1).mean()


table = pd.DataFrame(
    {
        "R² of test rows": [ae.score(X_test) for ae in autoencoders.values()],
        "active units": [count_active(Z) for Z in codes.values()],
    },
    index=list(autoencoders),
)
table.round(3)

# %%
# How active units are, as a share of the largest activation: the sparser the code, the
# larger the first bar.
figure, axes = plt.subplots(
    1, len(codes), figsize=(9, 2.6), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, Z) in zip(axes, codes.items()):
    share = np.clip(Z / Z.max(), 0, 1).ravel()
    ax.hist(share, bins=20, range=(0, 1), weights=np.full(share.size, 1 / share.size))
    ax.set(yscale="log", title=name)
axes[0].set_ylabel("share of all activations")
figure.supxlabel("activation / largest activation", fontsize="medium")
figure.suptitle("Activations of 128 units on test rows")
plt.show()


# %%
# A row is a sum of the decoder's axes, each as strong as its unit is active. Without a
# penalty the axes look like noise. Where few may be used, they resemble pieces of
# digits.
def most_used(name, n_units=16):
    """Return the axes of the units that contribute most to the test rows."""
    axes = autoencoders[name].components_
    strength = codes[name].mean(axis=0) * np.linalg.norm(axes, axis=1)
    return axes[strength.argsort()[::-1][:n_units]]


shown = ("no penalty", "L1, 3e-3", "KL, 2 %", "top 8")
figure, axes = plt.subplots(
    len(shown),
    16,
    figsize=(9, 2.7),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
for ax_row, name in zip(axes, shown):
    ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, axis in zip(ax_row, most_used(name)):
        limit = abs(axis).max()
        ax.imshow(axis.reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
figure.suptitle("The axes used most (red adds ink, blue takes it away)")
plt.show()
# sphinx_gallery_thumbnail_number = 2
