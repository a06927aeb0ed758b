"""
What PCA cannot see: rolls and bends
====================================

The points of a swiss roll and of an S curve lie on a sheet of paper that was rolled up
or bent. Two numbers say where on the sheet a point is. PCA with two components can only
project onto a plane, so it presses the layers into each other. An autoencoder with two
components finds the sheet.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import make_s_curve, make_swiss_roll
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2

surfaces = {
    "swiss roll": make_swiss_roll(2000, noise=0.1, random_state=0),
    "S curve": make_s_curve(2000, noise=0.02, random_state=0),
}


# %%
# Each surface is drawn as it is, and as each reducer gives it back from two numbers.
# Colours run along the sheet. R² is the share of variance kept on rows not trained on.
def draw(ax, X, colour, title):
    ax.scatter(*X.T, c=colour, s=6)
    ax.view_init(8, -75)
    ax.set(title=title, xticklabels=[], yticklabels=[], zticklabels=[])


figure, axes = plt.subplots(
    2, 3, figsize=(8, 5.6), layout="constrained", subplot_kw={"projection": "3d"}
)
autoencoders = {}
for ax_row, (name, (X, along)) in zip(axes, surfaces.items()):
    X_train, X_test, _, along_test = train_test_split(X, along, random_state=0)
    pca = PCA(2).fit(X_train)
    ae = AutoencoderTransformer(2, random_state=0).fit(X_train)
    autoencoders[name] = ae
    draw(ax_row[0], X_test, along_test, name)
    for ax, title, reducer in zip(ax_row[1:], ("PCA", "autoencoder"), (pca, ae)):
        r2 = reconstruction_r2(reducer, X_test)
        print(f"{name}, {title}: R² {r2:.3f}")
        X_back = reducer.inverse_transform(reducer.transform(X_test))
        draw(ax, X_back, along_test, f"{title}, R² {r2:.2f}")
plt.show()

# %%
# The sheets, unrolled: the codes of all rows. Neighbours on the sheet are neighbours in
# the code. ``init_`` tells which of the starts won: distances along the surface did.
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for ax, (name, (X, along)) in zip(axes, surfaces.items()):
    ae = autoencoders[name]
    ax.scatter(*ae.transform(X).T, c=along, s=6)
    ax.set(
        title=f"{name}: codes (init_ is {ae.init_!r})",
        xlabel="component 1",
        ylabel="component 2",
    )
plt.show()
