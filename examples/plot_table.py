"""
A table of measurements
=======================

Thirty measurements of 569 tumours, in units of their own: lengths, areas, shares. How
much of the table do a few components keep, and which columns do they lose?
"""

# %%
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
scaler = StandardScaler().set_output(transform="pandas")
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
X_train, X_test = scaler.fit_transform(X_train), scaler.transform(X_test)

# %%
# Columns in units of their own need a scaler first, as they do for PCA. A quarter of
# the rows was set aside: the share of their variance that is kept judges both.
reducers = {"PCA": PCA(), "autoencoder": AutoencoderTransformer(random_state=0)}
kept = {
    name: {
        k: reconstruction_r2(reducer.set_params(n_components=k).fit(X_train), X_test)
        for k in (2, 4, 8)
    }
    for name, reducer in reducers.items()
}
pd.DataFrame(kept).rename_axis("components").round(3)

# %%
# With four components, column by column: the share of each column's variance that is
# lost on the test rows. Every column has variance 1 in the training rows.
pca = PCA(4).fit(X_train)
ae = AutoencoderTransformer(4, random_state=0).fit(X_train)
lost_by_pca = ((pca.inverse_transform(pca.transform(X_test)) - X_test) ** 2).mean()
lost_by_ae = ((ae.reconstruct(X_test) - X_test) ** 2).mean()
order = lost_by_pca.sort_values().index

figure, ax = plt.subplots(figsize=(6.4, 6.4), layout="constrained")
ax.hlines(order, lost_by_ae[order], lost_by_pca[order], color="lightgrey", zorder=0)
ax.scatter(lost_by_pca[order], order, color="tab:gray", label="PCA")
ax.scatter(lost_by_ae[order], order, color="tab:blue", label="autoencoder")
ax.set(
    xlabel="share of the column's variance that is lost",
    xlim=0,
    title="Breast cancer: 30 columns from 4 numbers",
)
ax.tick_params(axis="y", labelsize="small")
ax.legend(loc="lower right", frameon=False)
plt.show()

# %%
# The first two of the four codes. They are uncorrelated and sorted by variance, as
# those of PCA are.
Z = ae.transform(X_test)
figure, ax = plt.subplots(figsize=(5.6, 4), layout="constrained")
for label, name in enumerate(("malignant", "benign")):
    ax.scatter(*Z[y_test == label, :2].T, s=14, label=name)
ax.set(xlabel="component 1", ylabel="component 2", title="Codes of the test rows")
ax.legend(frameon=False)
plt.show()
# sphinx_gallery_thumbnail_number = 2
