"""
Learning from few labels
========================

Rows are cheap, labels are not. Here only a few pictures of digits have a label; all
others have the label -1. A logistic regression cannot learn from pictures without a
label. PCA in front of it can, and so can :class:`~skae.AutoencoderClassifier`. This one
then trains its encoder on two things: the labels, and giving a noisy picture the same
answer as a clean one.
"""

# %%
import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split

from skae import AutoencoderClassifier, DenoisingAutoencoder

QUICK = "--quick" in sys.argv  # two epochs, to see that the script runs

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)
pca = PCA(16).fit(X_train)


def hide_labels(y, n_labelled):
    """Return y with -1 for all rows but some, alike in every class."""
    labelled, _ = train_test_split(
        np.arange(len(y)), train_size=n_labelled, stratify=y, random_state=0
    )
    given = np.full(len(y), -1)
    given[labelled] = y[labelled]
    return given


def accuracies(n_labelled):
    """Return the test accuracy of two methods."""
    given = hide_labels(y_train, n_labelled)
    has_label = given != -1
    linear = GridSearchCV(
        LogisticRegression(max_iter=1000), {"C": np.logspace(-3, 2, 6)}, cv=3
    ).fit(pca.transform(X_train[has_label]), given[has_label])
    classifier = AutoencoderClassifier(
        autoencoder=DenoisingAutoencoder(64, max_iter=2) if QUICK else None,
        consistency_weight=1,
        early_stopping=False,
        max_iter=2 if QUICK else "auto",
        random_state=0,
    ).fit(X_train, given)
    return (
        linear.score(pca.transform(X_test), y_test),
        classifier.score(X_test, y_test),
        classifier,
    )


# %%
# With ``early_stopping=True``, the default, held-out labels decide whether to keep what
# fine-tuning does, and whether consistency helps. That takes ten times as long; here it
# is known to.
sizes = (30, 50, 100)
results = [accuracies(n_labelled) for n_labelled in sizes]
for n_labelled, (linear, tuned, _) in zip(sizes, results):
    print(f"{n_labelled:4d} labels: PCA {linear:.3f}, autoencoder {tuned:.3f}")

figure, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
ax.plot(sizes, [tuned for _, tuned, _ in results], "o-", label="AutoencoderClassifier")
ax.plot(
    sizes,
    [linear for linear, _, _ in results],
    "s--",
    label="logistic regression on 16 PCA codes",
)
ax.set(
    xlabel=f"labelled rows, of {len(y_train)}",
    ylabel="test accuracy",
    title="Unlabelled digits help",
    xticks=sizes,
)
ax.legend(frameon=False)

# %%
# The encoder that was fine-tuned is a transformer. Its two strongest codes:
classifier = results[1][2]
Z = classifier.transform(X_test)
first, second = Z.var(axis=0).argsort()[::-1][:2]
figure, ax = plt.subplots(figsize=(5.6, 4), layout="constrained")
points = ax.scatter(Z[:, first], Z[:, second], c=y_test, cmap="tab10", s=8)
ax.set(xlabel="code", ylabel="code", title="Codes after fine-tuning with 50 labels")
figure.colorbar(points, label="digit", ticks=range(10))
plt.show()
