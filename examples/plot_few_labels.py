"""
Learning from few labels
========================

Pictures are cheap, labels are not. Here a few pictures of digits have a label; all
others are labelled -1, which means *unknown*. Logistic regression learns from the
labelled pictures alone. :class:`~skae.AutoencoderClassifier` learns from all of them.
First it trains an autoencoder on every picture. Then it trains the encoder on the
labels, and asks that a little noise does not change the answer.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from skae import AutoencoderClassifier, DenoisingAutoencoder

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.25, stratify=y, random_state=0
)


# %%
# Which pictures happen to have a label matters as much as how many there are. With 30
# labels, three for each digit, one draw is worth several points more than another, and
# a curve through single draws may even fall. So every number of labels is drawn twice.
def hide_labels(y, n_labelled, draw):
    """Return y with -1 for all rows but some, alike in every class."""
    labelled, _ = train_test_split(
        np.arange(len(y)), train_size=n_labelled, stratify=y, random_state=draw
    )
    given = np.full(len(y), -1)
    given[labelled] = y[labelled]
    return given


def fit_on_codes_of_pca(given):
    """Return a logistic regression on 16 codes of PCA, which sees all rows."""
    pca = PCA(16).fit(X_train)
    has_label = given != -1
    head = GridSearchCV(
        LogisticRegression(max_iter=1000), {"C": np.logspace(-3, 2, 6)}, cv=3
    ).fit(pca.transform(X_train[has_label]), given[has_label])
    return make_pipeline(pca, head)


# %%
# With ``early_stopping=True``, the default, held-out labels decide whether to keep what
# fine-tuning does, and whether noise helps. That takes ten times as long. Here it is
# known to help.
def fit_on_all(given):
    """Return a classifier that learnt from rows with and without a label."""
    return AutoencoderClassifier(
        DenoisingAutoencoder(64, init="pca", max_iter=25),
        consistency_weight=1,
        early_stopping=False,
        max_iter=20,
        random_state=0,
    ).fit(X_train, given)


methods = {
    "PCA, then logistic regression": fit_on_codes_of_pca,
    "AutoencoderClassifier": fit_on_all,
}
runs = [
    (n_labelled, name, fit(hide_labels(y_train, n_labelled, draw)))
    for n_labelled in (30, 200)
    for draw in range(2)
    for name, fit in methods.items()
]
results = pd.DataFrame(
    [(n, name, classifier.score(X_test, y_test)) for n, name, classifier in runs],
    columns=["labels", "method", "accuracy"],
)
table = results.pivot_table("accuracy", "labels", "method", aggfunc=["mean", "min"])
table.round(3)

# %%
# Dots are single draws, lines their means. Labels that are not there cost logistic
# regression the most where there are fewest.
figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
for name, marker in zip(methods, "so"):
    single = results[results["method"] == name]
    line = ax.plot(table["mean"][name], label=name)[0]
    ax.plot(single["labels"], single["accuracy"], marker, color=line.get_color())
ax.set(
    xscale="log",
    xlabel=f"labelled pictures, of {len(y_train)}",
    ylabel="accuracy on test pictures",
    title="Pictures without a label help",
)
ax.set_xticks(table.index, table.index)
ax.minorticks_off()
ax.grid(alpha=0.3)
ax.legend(frameon=False)
plt.show()

# %%
# The encoder that was fine-tuned is a transformer. Its two strongest codes:
n_labelled, _, classifier = runs[-1]
Z = classifier.transform(X_test)
first, second = Z.var(axis=0).argsort()[::-1][:2]
figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
points = ax.scatter(Z[:, first], Z[:, second], c=y_test, cmap="tab10", s=8)
title = f"Codes after fine-tuning with {n_labelled} labels"
ax.set(xlabel="code", ylabel="code", title=title)
figure.colorbar(points, label="digit", ticks=range(10))
plt.show()
