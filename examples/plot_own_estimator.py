"""
An estimator of your own
========================

skae's estimators differ in what they minimise, and in little else. So a new one is
short: an objective, and a class that returns it. This one learns to predict the lower
half of a picture from its upper half. Like the others it starts from PCA, is judged on
rows that it was not trained on, and works in a pipeline.
"""

# %%
from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils._param_validation import Interval
from torch import nn

from skae.estimators import BaseAutoencoder
from skae.objectives import Reconstruction, ReconstructionLoss

# %%
# The objective is a frozen dataclass. ``network`` makes the network of an encoder and a
# decoder: the usual one, but its encoder sees the first columns alone. Networks take
# standardised rows, so zero is a column's mean. ``criterion`` is what is minimised:
# ``column_weight`` is what each column counts in the squared error, and those that are
# seen count nothing. ``network_fields`` names what a warm start may not change.


class SeeFirst(nn.Module):
    """Hides all columns but the first from an encoder: they are at their means."""

    def __init__(self, encoder, n_seen):
        super().__init__()
        self.encoder = encoder
        self.n_seen = n_seen

    def forward(self, U):
        is_seen = torch.arange(U.shape[1], device=U.device) < self.n_seen
        return self.encoder(U * is_seen)


@dataclass(frozen=True)
class Completion(Reconstruction):
    """The squared error of the columns after the first `n_seen`."""

    n_seen: int = 1
    network_fields: ClassVar[tuple] = ("n_seen",)

    def network(self, encoder, decoder, **options):
        return super().network(SeeFirst(encoder, self.n_seen), decoder, **options)

    def criterion(self, network):
        criterion = ReconstructionLoss("squared_error", network)
        criterion.column_weight[: self.n_seen] = 0
        return criterion


# %%
# The estimator's parameters are those of its constructor; all others are as in
# :class:`~skae.estimators.BaseAutoencoder`, which knows what values are allowed.


class Completer(BaseAutoencoder):
    """Predicts the columns after the first `n_seen` from these."""

    _parameter_constraints = {
        name: BaseAutoencoder._parameter_constraints[name]
        for name in ("n_components", "max_iter", "random_state")
    } | {"n_seen": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, n_components=2, *, n_seen=1, max_iter="auto", random_state=None):
        self.n_components = n_components
        self.n_seen = n_seen
        self.max_iter = max_iter
        self.random_state = random_state

    def predict(self, X):
        """Return the columns after the first; what X has there does not matter."""
        return self.reconstruct(X)[:, self.n_seen :]

    def _objective(self, blueprint):
        return Completion(n_seen=self.n_seen)


# %%
# The upper half of a digit has 32 pixels. A ridge regression of the lower half on it is
# what there is without skae.
X, _ = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X, random_state=0)
completer = Completer(16, n_seen=32, max_iter=60, random_state=0)
pipeline = clone(make_pipeline(MinMaxScaler(clip=True), completer)).fit(X_train)
scale = pipeline[0].transform
ridge = RidgeCV().fit(scale(X_train)[:, :32], scale(X_train)[:, 32:])

lower = scale(X_test)[:, 32:]
predicted = {
    "ridge": ridge.predict(scale(X_test)[:, :32]),
    "completer": pipeline.predict(X_test),
}
for name, found in predicted.items():
    r2 = r2_score(lower, found, multioutput="variance_weighted")
    print(f"{name}: R² {r2:.3f} of the lower half")
print("judged by:", pipeline[-1].judge_)

# %%
# The upper halves of ten test digits, and what each makes of them.
shown = {"original": lower, **predicted}
figure, axes = plt.subplots(
    3,
    10,
    figsize=(8, 2.8),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
for ax_row, (name, halves) in zip(axes, shown.items()):
    ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, row, half in zip(ax_row, scale(X_test), halves):
        image = np.r_[row[:32], half].reshape(8, 8)
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
        ax.axhline(3.5, color="tab:orange")
figure.suptitle("Lower halves predicted from upper halves")
plt.show()
