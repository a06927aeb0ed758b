"""
A map of the digits: PCA, t-SNE and an autoencoder
==================================================

Three ways to put 64 pixels on a plane. t-SNE draws the clearest islands, but it has no
way back to pictures and no place for new rows. PCA has both, and mixes the digits. An
autoencoder has both, and keeps more of each picture.
"""

# %%
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2

X, y = load_digits(return_X_y=True)
X, y = X[:1000], y[:1000]
pca = PCA(2).fit(X)
ae = AutoencoderTransformer(2, random_state=0).fit(X)
maps = {
    "PCA": pca.transform(X),
    "autoencoder": ae.transform(X),
    "t-SNE": TSNE(random_state=0).fit_transform(X),
}

figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for ax, (name, Z) in zip(axes, maps.items()):
    points = ax.scatter(*Z.T, c=y, cmap="tab10", s=6)
    ax.set(title=name, xticks=[], yticks=[])
figure.colorbar(points, ax=axes, label="digit", ticks=range(10))
plt.show()

# %%
# In numbers. *Trustworthiness* asks whether neighbours on the map are neighbours among
# the pictures; *neighbours agree* whether the five nearest points on the map have the
# digit; R² how much of the pictures can be had back. Each asks about the rows that made
# the map.
table = pd.DataFrame(
    {
        "trustworthiness": {k: trustworthiness(X, Z) for k, Z in maps.items()},
        "neighbours agree": {
            k: cross_val_score(KNeighborsClassifier(5), Z, y).mean()
            for k, Z in maps.items()
        },
        "R²": {
            "PCA": reconstruction_r2(pca, X),
            "autoencoder": ae.score(X),
            "t-SNE": float("nan"),
        },
    }
)
print(table.round(2).to_string(na_rep="none"))

# %%
# The way back is what a map by t-SNE or UMAP lacks: any point of the autoencoder's
# plane can be made a picture, those between the rows too.
start, end = (ae.transform(X[y == digit][:1]) for digit in (0, 3))
path = [start + share * (end - start) for share in (0, 0.2, 0.4, 0.6, 0.8, 1)]
figure, axes = plt.subplots(1, len(path), figsize=(8, 1.6), layout="constrained")
for ax, Z in zip(axes, path):
    ax.imshow(ae.inverse_transform(Z).reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
    ax.set(xticks=[], yticks=[])
figure.suptitle("From a 0 to a 3, along a straight line in the code")
plt.show()
