"""
Cleaning noisy images
=====================

A denoising autoencoder sees noisy rows and is asked for the clean ones. Here a
convolutional one learns to clean the digits, is stored in a file, and is put to use
after loading.
"""

# %%
import pickle
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.architectures import Conv2d

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32) / 16  # convolutions are slow in float64
X_train, X_test, _, y_test = train_test_split(X, y, random_state=0)
rng = np.random.default_rng(0)


def add_noise(X, level):
    """Return images with normal noise, within the range of pixels."""
    noise = rng.normal(scale=level, size=X.shape)
    return np.clip(X + noise, 0, 1).astype(X.dtype)


X_noisy = add_noise(X_test, 0.5)

# %%
# The noise of the training is that of the test rows: normal with a standard deviation
# of 0.5, then clipped to what pixels can be. First the textbook's network, whose code
# is a feature map of 16 channels of 2 x 2 cells.
textbook = {
    "architecture": Conv2d((8, 8), channels=(16, 16), code="map"),
    "init": "random",
    "code_activation": "relu",
    "loss": "binary_cross_entropy",
    "learning_rate_init": 0.01,
    "max_iter": 15,
    "random_state": 0,
}
plain = AutoencoderTransformer(**textbook).fit(X_train)
convolutional = DenoisingAutoencoder(noise_level=0.5, clip=(0, 1), **textbook)
convolutional.fit(X_train)

# %%
# A fitted autoencoder can be pickled, and gives the same images afterwards.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "denoiser.pickle"
    path.write_bytes(pickle.dumps(convolutional))
    loaded = pickle.loads(path.read_bytes())
assert (loaded.reconstruct(X_noisy) == convolutional.reconstruct(X_noisy)).all()


# %%
# Second, skae's own network with 16 components, which starts from PCA. On images as
# small as these it does better than the convolutions.
def fit_denoiser(noise_level):
    denoiser = DenoisingAutoencoder(
        16,
        noise_level=noise_level,
        clip=(0, 1),
        random_state=0,
    )
    return denoiser.fit(X_train)


denoisers = {level: fit_denoiser(level) for level in (0.25, 0.5, 1)}

# %%
# PCA cleans noisy rows too, but it keeps the noise that lies along its components. An
# autoencoder that never saw noise takes it for a part of the image.
pca = PCA(16).fit(X_train)
images = {
    "noisy": X_noisy,
    "16 components\nof PCA": pca.inverse_transform(pca.transform(X_noisy)),
    "convolutional,\ntrained without noise": plain.reconstruct(X_noisy),
    "convolutional,\nwith noise": loaded.reconstruct(X_noisy),
    "from PCA,\nwith noise": denoisers[0.5].reconstruct(X_noisy),
}


def squared_error(cleaned):
    return np.mean((cleaned - X_test) ** 2)


one_of_each = [list(y_test).index(digit) for digit in range(10)]
figure, axes = plt.subplots(
    len(images) + 1,
    10,
    figsize=(8, 5.2),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
labels = [f"{name}\nerror {squared_error(images[name]):.3f}" for name in images]
for ax_row, name, shown in zip(axes, ["clean", *labels], [X_test, *images.values()]):
    ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, image in zip(ax_row, shown[one_of_each]):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
figure.suptitle("Noisy test digits, cleaned (mean squared error over all test rows)")
plt.show()

# %%
# How much noise to train with depends on how much there will be: more of it makes a
# denoiser more cautious.
levels = np.linspace(0, 1.2, 7)
noisy_tables = [add_noise(X_test, level) for level in levels]
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for noise_level, denoiser in denoisers.items():
    errors = [squared_error(denoiser.reconstruct(noisy)) for noisy in noisy_tables]
    ax.plot(levels, errors, "o-", label=f"trained with {noise_level}")
ax.set(
    xlabel="standard deviation of the noise in test rows",
    ylabel="mean squared error",
    ylim=0,
    title="Digits cleaned by denoising autoencoders",
)
ax.grid(alpha=0.3)
ax.legend(frameon=False)
plt.show()
