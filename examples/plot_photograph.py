"""
Cleaning a photograph
=====================

A photograph is too large for one row, so it is cut into patches of 8 x 8 pixels that
overlap. A denoising autoencoder learns from the patches of one photograph how clean
pictures look, and cleans another one. Both come with scikit-learn.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image
from sklearn.decomposition import PCA
from sklearn.feature_extraction.image import (
    extract_patches_2d,
    reconstruct_from_patches_2d,
)

from skae import AutoencoderTransformer, DenoisingAutoencoder

SIDE = 8
NOISE = 0.1  # standard deviation; pixels run from 0 to 1


def load_grey(name):
    return load_sample_image(name).mean(axis=2).astype(np.float32) / 255


flower, china = load_grey("flower.jpg"), load_grey("china.jpg")[100:228, 250:442]
rng = np.random.default_rng(0)
noisy = china + rng.normal(scale=NOISE, size=china.shape).astype(np.float32)

patches = extract_patches_2d(flower, (SIDE, SIDE), max_patches=3000, random_state=0)
X_train = patches.reshape(-1, SIDE * SIDE)
X_noisy = extract_patches_2d(noisy, (SIDE, SIDE)).reshape(-1, SIDE * SIDE)
print(f"{len(X_train)} patches to learn from, {len(X_noisy)} to clean")


# %%
# Every pixel is in up to 64 patches. The cleaned picture is their mean. Its quality is
# told in decibels (PSNR): 3 dB more is half the squared error. PCA is given the number
# of components that does best on this very picture, which is more than fair.
def assemble(X):
    return reconstruct_from_patches_2d(X.reshape(-1, SIDE, SIDE), china.shape)


def decibels(image):
    return -10 * np.log10(np.mean((image - china) ** 2))


def clean_with_pca(n_components):
    pca = PCA(n_components).fit(X_train)
    return assemble(pca.inverse_transform(pca.transform(X_noisy)))


by_pca = max((clean_with_pca(k) for k in (8, 12, 16, 20, 24, 32)), key=decibels)
denoiser = DenoisingAutoencoder(32, noise_level=NOISE, random_state=0).fit(X_train)
by_denoiser = assemble(denoiser.reconstruct(X_noisy))

pictures = {
    "clean": china,
    f"noisy, {decibels(noisy):.1f} dB": noisy,
    f"best PCA, {decibels(by_pca):.1f} dB": by_pca,
    f"denoised, {decibels(by_denoiser):.1f} dB": by_denoiser,
}
figure, axes = plt.subplots(2, 2, figsize=(8, 5.8), layout="constrained")
for ax, (title, picture) in zip(axes.flat, pictures.items()):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])
plt.show()

# %%
# Compressing is another matter. Without noise, a handful of components keeps nearly all
# of a patch, and what they miss is fine texture that no few numbers can hold. Here the
# autoencoder finds nothing better than PCA on the rows that judge, so PCA is what comes
# back: both errors are the same. Take PCA then, which is faster.
plain = AutoencoderTransformer(8, random_state=0).fit(X_train)
print(f"error with 8 components: {plain.reconstruction_error_:.6f}")
print(f"that of PCA:             {plain.pca_reconstruction_error_:.6f}")
