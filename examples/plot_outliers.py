"""
Finding outliers by their reconstruction
========================================

An autoencoder learns what its training rows have in common. A row of another kind is
restored badly, and :class:`~skae.AutoencoderOutlierDetector` flags it. Here the
training rows are pictures of all digits but one; the test rows contain that one too.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor

from skae import AutoencoderOutlierDetector, AutoencoderTransformer

UNKNOWN = 4

X, y = load_digits(return_X_y=True)
known = y != UNKNOWN
X_train, X_test = train_test_split(X[known], random_state=0)
X_all = np.concatenate([X_test, X[~known]])
is_unknown = np.arange(len(X_all)) >= len(X_test)

# %%
# The columns are pixels, all in one unit, so they are not standardised.
# ``contamination=0.05`` asks for 5 % of false alarms among pictures of known digits.
autoencoder = AutoencoderTransformer(8, init="pca", max_iter=40)
detector = AutoencoderOutlierDetector(
    autoencoder, contamination=0.05, standardize=False, random_state=0
).fit(X_train)
flagged = detector.predict(X_all) == -1
print(f"Known digits flagged:   {flagged[~is_unknown].mean():.0%}")
print(f"Unknown digits flagged: {flagged[is_unknown].mean():.0%}")

# %%
# Errors are minus the scores, and easier to look at on a logarithmic axis. The
# threshold is ``offset_``.
scores = detector.score_samples(X_all)
errors = -scores
bins = np.geomspace(errors.min(), errors.max(), 40)
figure, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
ax.hist(errors[~is_unknown], bins, alpha=0.7, label="known digits, not trained on")
ax.hist(errors[is_unknown], bins, alpha=0.7, label=f"digit {UNKNOWN}, never seen")
ax.axvline(-detector.offset_, color="black", linestyle="--", label="threshold")
ax.set(xscale="log", xlabel="squared reconstruction error", ylabel="rows")
ax.margins(y=0.3)
ax.legend(loc="upper center", ncols=3, frameon=False, fontsize="small")

# %%
# Beside it, other detectors with the same training rows. The area under the ROC curve
# is the share of pairs, one known and one unknown digit, that a score tells apart.
pca = AutoencoderOutlierDetector(PCA(8), standardize=False, random_state=0)
rivals = {
    "autoencoder, 8 components": detector,
    "PCA, 8 components": pca.fit(X_train),
    "LocalOutlierFactor": LocalOutlierFactor(novelty=True).fit(X_train),
    "IsolationForest": IsolationForest(random_state=0).fit(X_train),
}
for name, rival in rivals.items():
    area = roc_auc_score(is_unknown, -rival.score_samples(X_all))
    print(f"{name:<26} {area:.3f}")

# %%
# ``explain`` says which cells make a row strange. For pictures, its table is best
# folded back: the strangest rows, what the autoencoders made of them, and where the
# error is.
strangest = scores.argsort()[:8]
cells = detector.explain(X_all[strangest]).sort_values(["row", "column"])
pictures = {
    "row": (cells["value"], "gray_r"),
    "reconstruction": (cells["reconstruction"], "gray_r"),
    "contribution": (cells["contribution"], "Reds"),
}
figure, axes = plt.subplots(
    3,
    8,
    figsize=(8, 3.4),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
for ax_row, (name, (values, colours)) in zip(axes, pictures.items()):
    ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, image in zip(ax_row, values.to_numpy().reshape(-1, 8, 8)):
        ax.imshow(image, cmap=colours)
figure.suptitle("The eight strangest test rows, and why")
plt.show()
