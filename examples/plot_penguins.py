"""
A table with categories and holes
=================================

Penguins of three species, measured on three islands [1]_: numbers, categories and
missing cells. The table goes into the autoencoder as it is, and comes back as it was.

.. [1] Allison Horst, Alison Hill and Kristen Gorman, "palmerpenguins", 2020 (CC0).
"""

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    VariationalAutoencoder,
)
from skae.metrics import explained_deviance
from skae.tables import TableEncoder

folder = Path(__file__).parent if "__file__" in globals() else Path()
# The file is sorted by species, and folds should have all.
penguins = pd.read_csv(folder / "penguins.csv").sample(frac=1, random_state=0)
penguins.isna().sum()

# %%
# Two codes for seven columns. The score is the mean over the columns of what they keep
# of penguins that the fit has not seen: R² of a number, and of a category the share of
# its entropy.
seen, unseen = train_test_split(penguins, random_state=0)
autoencoder = AutoencoderTransformer(2, random_state=0).fit(seen)
print(autoencoder)
print(f"{autoencoder.score(unseen):.2f} of the table is kept")

Z = autoencoder.transform(penguins)
species = penguins["species"].astype("category")
plt.scatter(*Z.T, c=species.cat.codes, cmap="viridis", s=12)
plt.xlabel("code 1")
plt.ylabel("code 2")
plt.show()

# %%
# Column by column, beside a PCA of the encoded table.
pca = make_pipeline(TableEncoder(), PCA(2)).fit(seen)
reducers = {"PCA": pca, "autoencoder": autoencoder}
kept = pd.DataFrame(
    {
        name: explained_deviance(reducer, unseen, multioutput="raw_values")
        for name, reducer in reducers.items()
    }
).sort_values("PCA")

figure, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
ax.hlines(kept.index, kept["PCA"], kept["autoencoder"], color="lightgrey", zorder=0)
ax.scatter(kept["PCA"], kept.index, color="tab:gray", label="PCA")
ax.scatter(kept["autoencoder"], kept.index, color="tab:blue", label="autoencoder")
ax.set(
    xlabel="share of the column that is kept",
    xlim=(0, 1.03),
    title="Penguins not trained on, from two numbers",
)
ax.legend(loc="lower left", frameon=False)
plt.show()

# %%
# Categories gain most. The bills' depth is what PCA keeps better.
#
# What a code says is a penguin: a row of such a table.
autoencoder.inverse_transform([[0, 0], [10, 0], [-10, 0]])

# %%
# Holes are filled with what the other cells of the row say.
filled = autoencoder.impute(penguins)
filled[penguins.isna().any(axis=1)].head()

# %%
# Behind the codes may stand whatever takes numbers: is this penguin male?
known = penguins.dropna(subset="sex")
pipeline = make_pipeline(
    AutoencoderTransformer(4, random_state=0), LogisticRegression()
)
accuracy = cross_val_score(pipeline, known.drop(columns="sex"), known["sex"], cv=3)
print(f"{accuracy.mean():.2f} of the sexes are right")

# %%
# The strangest cells, and what they would be in a penguin like the others.
detector = AutoencoderOutlierDetector(contamination=0.02, random_state=0).fit(filled)
detector.explain(filled).head()

# %%
# Penguins that nobody has seen.
model = VariationalAutoencoder(4, random_state=0).fit(penguins)
model.sample(5, random_state=0)
