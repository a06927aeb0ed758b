"""
An architecture of your own
===========================

Any torch modules can be the encoder and the decoder. skae does the rest: it scales the
columns, starts from PCA, trains, and keeps what improves on held-out rows.
"""

# %%
import matplotlib.pyplot as plt
import torch
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from torch import nn

from skae import AutoencoderTransformer
from skae.architectures import Custom

X, _ = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X, random_state=0)

# %%
# The shortest way is :class:`~skae.architectures.Custom`: two classes or functions that
# take the width of their input and of their output and return a new module. They are
# called when ``fit`` knows the widths. Pass the class, not an instance: each fit gets
# modules of its own.


class Residual(nn.Module):
    """Two layers and a way around each of them."""

    def __init__(self, n_in, n_out, width=64):
        super().__init__()
        self.first = nn.Linear(n_in, width)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.last = nn.Linear(width, n_out)

    def forward(self, X):
        H = self.first(X)
        for block in self.blocks:
            H = H + torch.relu(block(H))
        return self.last(H)


residual = AutoencoderTransformer(
    4,
    architecture=Custom(Residual, Residual),
    max_iter=40,
    random_state=0,
).fit(X_train)
print(f"R² {residual.score(X_test):.3f}")

# %%
# An architecture whose parameters can be searched is an object with a ``build``. Being
# a :class:`sklearn.base.BaseEstimator` gives it all else that it needs.


class Attention(BaseEstimator):
    """Self-attention among the rows of a picture, and a dense decoder."""

    def __init__(self, side=8, n_heads=2):
        self.side = side
        self.n_heads = n_heads

    def build(self, n_features, n_components, generator):
        encoder = nn.Sequential(
            nn.Unflatten(1, (self.side, n_features // self.side)),
            nn.TransformerEncoderLayer(
                n_features // self.side,
                self.n_heads,
                dim_feedforward=32,
                dropout=0.0,
                batch_first=True,
            ),
            nn.Flatten(),
            nn.Linear(n_features, n_components),
        )
        return encoder, Residual(n_components, n_features)


search = GridSearchCV(
    AutoencoderTransformer(4, architecture=Attention(), max_iter=5, random_state=0),
    {"architecture__n_heads": [1, 2]},
    cv=2,
).fit(X_train)
print(search.best_params_, f"R² {search.score(X_test):.3f}")

# %%
# The network that comes out is a plain torch module.
print(residual.net_.module_.encoder)

plt.plot(residual.loss_curve_, label="training rows")
plt.plot(residual.validation_loss_curve_, label="held-out rows")
plt.axhline(residual.pca_reconstruction_error_, color="grey", label="PCA, held-out")
plt.xlabel("epoch")
plt.ylabel("mean squared error")
plt.legend()
plt.show()
