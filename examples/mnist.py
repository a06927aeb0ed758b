"""
MNIST from your own files
=========================

The 70000 handwritten digits of MNIST do not come with scikit-learn. If you have the
four files (``train-images-idx3-ubyte.gz`` and so on), name their folder::

    python examples/mnist.py FOLDER

Fashion-MNIST has files of the same names and works too. This page is not run when the
documentation is built. On 2 cores it takes about a minute.
"""

# %%
import argparse
import gzip
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path, help="where the .gz files are")
parser.add_argument("--components", type=int, default=30)
arguments = parser.parse_args()


# %%
# A file is a header of 16 bytes and then one byte a pixel. Pixels are scaled to [0, 1],
# in float32: half the memory, and what networks compute in anyway.
def read_images(name):
    with gzip.open(arguments.folder / f"{name}-images-idx3-ubyte.gz") as stream:
        pixels = np.frombuffer(stream.read(), dtype=np.uint8, offset=16)
    return pixels.reshape(-1, 28 * 28).astype(np.float32) / 255


X_train, X_test = read_images("train"), read_images("t10k")

# %%
# The same code as for a small table. PCA is the one to beat.
k = arguments.components
pca = PCA(k).fit(X_train)
ae = AutoencoderTransformer(k, random_state=0).fit(X_train)
lost_by_pca, lost = 1 - reconstruction_r2(pca, X_test), 1 - ae.score(X_test)
print(f"PCA loses {lost_by_pca:.3f} of the test images' variance")
print(f"the autoencoder {lost:.3f}: {lost / lost_by_pca:.2f} of that")

# %%
shown = X_test[:10]
pictures = {
    "original": shown,
    "PCA": pca.inverse_transform(pca.transform(shown)),
    "autoencoder": ae.reconstruct(shown),
}
figure, axes = plt.subplots(
    3,
    10,
    figsize=(8, 2.8),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
for ax_row, (name, images) in zip(axes, pictures.items()):
    ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, image in zip(ax_row, images):
        ax.imshow(image.reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
figure.suptitle(f"Test images from {k} components")
plt.show()
