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
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    VariationalAutoencoder,
)

folder = Path(__file__).parent if "__file__" in globals() else Path()
# The file is sorted by species, and folds should have all.
penguins = pd.read_csv(folder / "penguins.csv").sample(frac=1, random_state=0)
penguins.isna().sum()

# %%
# Two codes for seven columns. The score is the mean over the columns of what they keep:
# R² of a number, and of a category the share of its entropy.
autoencoder = AutoencoderTransformer(2, random_state=0).fit(penguins)
Z = autoencoder.transform(penguins)
print(autoencoder)
print(f"{autoencoder.score(penguins):.2f} of the table is kept")

species = penguins["species"].astype("category")
plt.scatter(*Z.T, c=species.cat.codes, cmap="viridis", s=12)
plt.xlabel("code 1")
plt.ylabel("code 2")
plt.show()

# %%
# What a code says is a penguin: a row of such a table.
autoencoder.inverse_transform([[0, 0], [10, 0], [-10, 0]])

# %%
# Holes are filled with what the other cells of the row say.
filled = autoencoder.impute(penguins)
filled[penguins.isna().any(axis=1)].head()

# %%
# Behind the codes may stand whatever takes numbers: is this penguin male?
known = penguins.dropna(subset="sex")
steps = [("codes", AutoencoderTransformer()), ("sex", LogisticRegression())]
pipeline = Pipeline(steps)
search = GridSearchCV(pipeline, {"codes__n_components": [2, 4]}, cv=3)
search.fit(known.drop(columns="sex"), known["sex"])
print(f"{search.best_params_}: {search.best_score_:.2f} of the sexes are right")

# %%
# The strangest cells, and what they would be in a penguin like the others.
detector = AutoencoderOutlierDetector(contamination=0.02, random_state=0).fit(filled)
detector.explain(filled).head()

# %%
# Penguins that nobody has seen.
model = VariationalAutoencoder(4, random_state=0).fit(penguins)
model.sample(5, random_state=0)
