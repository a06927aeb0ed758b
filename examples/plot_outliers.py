"""
Finding outliers by their reconstruction
========================================

An autoencoder learns what its training rows have in common. A row of another kind is
reconstructed badly, and ``score_samples`` shows it. Here the training rows are
pictures of all digits but one; the test rows contain that one as well.
"""

# %%
import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer

QUICK = "--quick" in sys.argv  # two epochs, to see that the script runs
UNKNOWN = 4

X, y = load_digits(return_X_y=True)
known = y != UNKNOWN
X_train, X_test = train_test_split(X[known], random_state=0)
X_all = np.concatenate([X_test, X[~known]])
is_unknown = np.arange(len(X_all)) >= len(X_test)

max_iter = 2 if QUICK else "auto"
ae = AutoencoderTransformer(8, max_iter=max_iter, random_state=0).fit(X_train)
scores = ae.score_samples(X_all)
auc = roc_auc_score(is_unknown, -scores)
print(f"Area under the ROC curve: {auc:.3f}")

# %%
# ``score_samples`` is minus the squared error of each row: the lower, the stranger.
# The errors themselves are easier to look at on a logarithmic axis.
errors = -scores
bins = np.geomspace(errors.min(), errors.max(), 40)
figure, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
ax.hist(errors[~is_unknown], bins, alpha=0.7, label="other digits, not trained on")
ax.hist(errors[is_unknown], bins, alpha=0.7, label=f"digit {UNKNOWN}, never seen")
ax.set_xscale("log")
ax.set(
    xlabel="squared reconstruction error = −score_samples",
    ylabel="rows",
    title=f"A digit never seen stands out (ROC AUC {auc:.2f})",
)
ax.margins(y=0.25)
ax.legend(loc="upper center", ncols=2, frameon=False)

# %%
# The strangest rows, and what the autoencoder made of them.
strangest = scores.argsort()[:10]
figure, axes = plt.subplots(
    2,
    10,
    figsize=(8, 2.1),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
rows = {"row": X_all[strangest], "reconstruction": ae.reconstruct(X_all[strangest])}
for ax_row, (name, images) in zip(axes, rows.items()):
    ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, image in zip(ax_row, images):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
figure.suptitle("The ten strangest test rows")
plt.show()
