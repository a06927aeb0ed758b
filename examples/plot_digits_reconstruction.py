"""
Reconstructed digits
====================

Ten handwritten digits, each squeezed into four numbers and drawn again from them: by
PCA and by an autoencoder with the same number of components.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2

X, y = load_digits(return_X_y=True)
X_train, X_test, _, y_test = train_test_split(X, y, random_state=0)

pca = PCA(4).fit(X_train)
ae = AutoencoderTransformer(4, random_state=0).fit(X_train)

# %%
# One test row of each class. Both reducers offer the same way there and back.
one_of_each = [list(y_test).index(digit) for digit in range(10)]
X_shown = X_test[one_of_each]
rows = {
    "original": X_shown,
    f"PCA\nR² {reconstruction_r2(pca, X_test):.2f}": pca.inverse_transform(
        pca.transform(X_shown)
    ),
    f"autoencoder\nR² {reconstruction_r2(ae, X_test):.2f}": ae.inverse_transform(
        ae.transform(X_shown)
    ),
}

figure, axes = plt.subplots(
    len(rows),
    10,
    figsize=(8, 2.9),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
for ax_row, (name, images) in zip(axes, rows.items()):
    ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, image in zip(ax_row, images):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
figure.suptitle("Test digits from 4 components (R² over all test rows)")
plt.show()
