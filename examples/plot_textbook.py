"""
The textbook's autoencoders
===========================

The plain networks that every introduction builds, in one line each:
``init="random"`` adds nothing to them and starts from random weights. Last comes what
skae does by default, with a code of the same size.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.linalg import subspace_angles
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.architectures import Conv2d
from skae.metrics import reconstruction_r2

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32) / 16  # convolutions are slow in float64
X_train, X_test, _, y_test = train_test_split(X, y, random_state=0)

# %%
# Images are small here, and so is the code: 8 numbers for 64 pixels (the convolutional
# network's are the 8 channels of a single cell). Hidden layers have ReLU, the output a
# sigmoid and binary cross-entropy. The code is linear: among so few units, none may be
# lost to a ReLU that no row activates.
textbook = {
    "init": "random",
    "loss": "binary_cross_entropy",
    "max_iter": 40,
    "random_state": 0,
}
convolutions = Conv2d((8, 8), channels=(32, 16, 8), code="map")  # ReLU as well
autoencoders = {
    "shallow": AutoencoderTransformer(8, hidden_layer_sizes=(), **textbook),
    "tied weights": AutoencoderTransformer(
        8, hidden_layer_sizes=(), tied_weights=True, **textbook
    ),
    "deep": AutoencoderTransformer(
        8, hidden_layer_sizes=(64, 32, 16), activation="relu", **textbook
    ),
    "convolutional": AutoencoderTransformer(architecture=convolutions, **textbook),
    "skae's default": AutoencoderTransformer(8, random_state=0),
}


def count_weights(autoencoder):
    return sum(weight.numel() for weight in autoencoder.net_.module_.parameters())


rows = {"PCA": [8 * 64 + 64, reconstruction_r2(PCA(8).fit(X_train), X_test)]}
for name, autoencoder in autoencoders.items():
    autoencoder.fit(X_train)
    rows[name] = [count_weights(autoencoder), autoencoder.score(X_test)]
pd.DataFrame.from_dict(rows, "index", columns=["weights", "R² of test rows"]).round(3)

# %%
# The same ten test rows, as each has them.
one_of_each = [list(y_test).index(digit) for digit in range(10)]
X_shown = X_test[one_of_each]
shown = {"original": X_shown}
shown |= {name: ae.reconstruct(X_shown) for name, ae in autoencoders.items()}
figure, axes = plt.subplots(
    len(shown),
    10,
    figsize=(8, 5.2),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
for ax_row, (name, images) in zip(axes, shown.items()):
    ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, image in zip(ax_row, images):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
figure.suptitle("Test digits from 8 numbers")
plt.show()

# %%
# Without a hidden layer and without activations, and with squared error, gradient
# steps find PCA: the same error, and the same plane, though not its axes. Training to
# the very end takes patience. The largest angle between the planes tells how close
# they came.
linear = AutoencoderTransformer(
    2,
    hidden_layer_sizes=(),
    init="random",
    early_stopping=False,
    learning_rate_init=0.03,
    batch_size=128,
    max_iter=300,
    n_iter_no_change=300,
    random_state=0,
).fit(X_train)
pca = PCA(2).fit(X_train)
angles = subspace_angles(linear.components_.T, pca.components_.T)
print(f"PCA R² {reconstruction_r2(pca, X_test):.4f}")
print(f"linear autoencoder R² {linear.score(X_test):.4f}")
print(f"largest angle {np.degrees(angles.max()):.2f} degrees")

# %%
# Tied weights are one matrix, used in both directions: the decoder's axes are the rows
# of the encoder.
tied = autoencoders["tied weights"]
figure, axes = plt.subplots(
    1,
    8,
    figsize=(8, 1.4),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
for ax, axis in zip(axes, tied.components_):
    limit = abs(axis).max()
    ax.imshow(axis.reshape(8, 8), cmap="RdBu", vmin=-limit, vmax=limit)
figure.suptitle("The axes of the autoencoder with tied weights")
plt.show()
