"""
Convolutional autoencoders
==========================

An architecture is a parameter of every autoencoder. Rows stay flat vectors, and
:class:`~skae.architectures.Conv2d` is told what they look like as images. The same
estimator then has far fewer weights, as what it learns in one place holds everywhere.
On pictures as small as these a dense network still reconstructs a little better.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.architectures import Conv2d

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)  # convolutions are slow in float64
X_train, X_test, _, y_test = train_test_split(X, y, random_state=0)

architecture = Conv2d(
    image_shape=(8, 8),
    channels=(8, 16),
    downsampling="stride",
    upsampling="transposed",
)
dense = AutoencoderTransformer(4, random_state=0)
dense.fit(X_train)
convolutional = AutoencoderTransformer(
    4, architecture=architecture, max_iter=40, random_state=0
).fit(X_train)


def count_weights(autoencoder):
    return sum(weight.numel() for weight in autoencoder.net_.module_.parameters())


for name, autoencoder in {"dense": dense, "convolutional": convolutional}.items():
    print(f"{name}: R² {autoencoder.score(X_test):.3f}", end=", ")
    print(f"{count_weights(autoencoder)} weights")

# %%
# The code can be the last feature map itself, as in the textbooks. Its size then
# follows from the architecture: 8 channels of 2 x 2 cells here.
maps = AutoencoderTransformer(
    architecture=Conv2d((8, 8), channels=(16, 8), code="map"),
    init="random",
    code_activation="relu",
    max_iter=15,
    random_state=0,
).fit(X_train)
print(maps.n_components_, "components")

# %%
# The objective and the architecture are chosen apart: this is a convolutional
# denoising autoencoder. The images were scaled from 0 to 16.
denoiser = DenoisingAutoencoder(
    16,
    noise="salt_pepper",
    clip=(0, 16),
    architecture=architecture,
    max_iter=15,
    random_state=0,
).fit(X_train)

one_of_each = [list(y_test).index(digit) for digit in range(10)]
X_shown = X_test[one_of_each]
X_noisy = X_shown.copy()
X_noisy[np.random.default_rng(0).random(X_shown.shape) < 0.1] = 16
rows = {
    "original": X_shown,
    "dense": dense.reconstruct(X_shown),
    "convolutional": convolutional.reconstruct(X_shown),
    "feature maps": maps.reconstruct(X_shown),
    "noisy": X_noisy,
    "denoised": denoiser.reconstruct(X_noisy),
}
figure, axes = plt.subplots(
    len(rows),
    10,
    figsize=(8, 5.2),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
for ax_row, (name, images) in zip(axes, rows.items()):
    ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, image in zip(ax_row, images):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
figure.suptitle("Test digits from 4 components, 32 cells of a map, and denoised")
plt.show()

# %%
# Parameters of an architecture are searched as ``architecture__...``.
search = GridSearchCV(
    AutoencoderTransformer(4, architecture=architecture, max_iter=3, random_state=0),
    {"architecture__channels": [(8,), (8, 16)]},
    cv=2,
).fit(X_train)
print(search.best_params_, f"R² {search.best_score_:.3f}")
