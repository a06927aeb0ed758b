"""
A deep autoencoder, dropout, and new images
===========================================

Four layers down to 32 numbers and four up again, with dropout after each: a recipe that
is often copied from classifiers. For an autoencoder dropout does harm, as this example
shows. What decodes codes of images also decodes random ones, so that new digits can be
drawn.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, _, y_test = train_test_split(X, y, random_state=0)

# %%
# Three times the same layers: the recipe; the recipe without dropout; and started from
# PCA, with the default activation and solver. ``whiten=True`` gives the codes of the
# last one unit variance.
layers = {
    "n_components": 32,
    "hidden_layer_sizes": (256, 128, 64),
    "batch_size": 64,
    "max_iter": 60,
    "random_state": 0,
}
recipe = {
    "activation": "leaky_relu",
    "loss": "binary_cross_entropy",
    "init": "random",
    "solver": "nadam",
    "learning_rate_init": 1e-3,
}
autoencoders = {
    "dropout 0.5": AutoencoderTransformer(dropout=0.5, **layers, **recipe),
    "no dropout": AutoencoderTransformer(**layers, **recipe),
    "from PCA": AutoencoderTransformer(whiten=True, **layers),
}
scores = {
    name: autoencoder.fit(X_train).score(X_test)
    for name, autoencoder in autoencoders.items()
}
for name, score in scores.items():
    print(f"{name}: R² {score:.3f} on the test rows")


# %%
# A classifier may do with half its units, as they say the same thing more than once. A
# code of 32 numbers has nothing to spare: what is dropped in the layers around it is
# lost, and the decoder falls back on a few mean images.
def draw(rows, title):
    """Draw ten images a row, under the names of the rows."""
    figure, axes = plt.subplots(
        len(rows),
        10,
        figsize=(8, 0.3 + 0.8 * len(rows)),
        layout="constrained",
        subplot_kw={"xticks": [], "yticks": []},
    )
    for ax_row, (name, images) in zip(axes, rows.items()):
        ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for ax, image in zip(ax_row, images):
            ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    figure.suptitle(title)
    plt.show()


one_of_each = [list(y_test).index(digit) for digit in range(10)]
X_shown = X_test[one_of_each]
rows = {"original": X_shown} | {
    f"{name}\nR² {scores[name]:.2f}": autoencoder.reconstruct(X_shown)
    for name, autoencoder in autoencoders.items()
}
draw(rows, "Test digits from 32 numbers")

# %%
# New images need codes like those of the training rows. A normal distribution with
# their mean and covariance is the simplest guess; for whitened codes it is the standard
# one. A mixture of normal distributions follows them more closely.
rng = np.random.default_rng(0)


def normal_codes(autoencoder):
    """Return ten codes with the mean and covariance of the training rows' codes."""
    Z = autoencoder.transform(X_train)
    return rng.multivariate_normal(Z.mean(axis=0), np.cov(Z.T), size=10)


from_pca = autoencoders["from PCA"]
mixture = GaussianMixture(20, reg_covar=0.02, random_state=0)
mixture.fit(from_pca.transform(X_train))
mixed_codes, _ = mixture.sample(10)
rows = {
    name: autoencoder.inverse_transform(normal_codes(autoencoder))
    for name, autoencoder in autoencoders.items()
    if name != "from PCA"
} | {
    "from PCA": from_pca.inverse_transform(rng.normal(size=(10, 32))),
    "from PCA,\nmixture": from_pca.inverse_transform(mixed_codes),
}
draw(rows, "New digits from random codes")
