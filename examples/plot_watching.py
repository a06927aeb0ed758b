"""
Watching an autoencoder learn
=============================

What the network consists of, how its loss falls, and what it makes of a few digits as
training goes on. ``net_`` is a `skorch <https://skorch.readthedocs.io>`_ net, and
``callbacks`` takes skorch's callbacks or your own.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback

from skae import AutoencoderTransformer

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, _, y_test = train_test_split(X, y, random_state=0)
one_of_each = [list(y_test).index(digit) for digit in range(10)]
X_shown = X_test[one_of_each].astype(np.float32)


# %%
# A callback has a method for each event it is interested in. This one keeps the
# reconstructions of ten rows from some of the epochs. The torch module takes and gives
# rows in the units of X.
class KeepReconstructions(Callback):
    """Keeps the reconstructions of some rows after some of the epochs."""

    def __init__(self, rows, epochs):
        self.rows = rows
        self.epochs = epochs

    def on_train_begin(self, net, **kwargs):
        self.images_ = {}

    def on_epoch_end(self, net, **kwargs):
        epoch = len(net.history)
        if epoch in self.epochs:
            net.module_.eval()
            with torch.no_grad():
                rows = torch.from_numpy(self.rows).to(net.device)
                self.images_[epoch] = net.module_(rows).cpu().numpy()


keep = KeepReconstructions(X_shown, epochs=(1, 2, 5, 15, 40))

textbook = AutoencoderTransformer(
    8,
    hidden_layer_sizes=(64, 32),
    activation="relu",
    loss="binary_cross_entropy",
    init="random",
    max_iter=40,
    callbacks=[keep],
    random_state=0,
).fit(X_train)

# %%
# A summary of the model: its layers with their weights, what every "auto" became, and
# what came of it.
textbook.summary()

# %%
# The losses of all epochs, without any callback.
figure, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
epochs = np.arange(1, textbook.n_iter_ + 1)
ax.plot(epochs, textbook.loss_curve_, label="training rows")
ax.plot(epochs, textbook.validation_loss_curve_, label="held-out rows")
ax.set(xlabel="epoch", ylabel="binary cross-entropy", title="Loss curves")
ax.grid(alpha=0.3)
ax.legend(frameon=False)
plt.show()

# %%
# Originals beside reconstructions, as training goes on. The model that ``fit`` returns
# is the best of all epochs on held-out rows.
rows = {"original": X_shown}
rows |= {f"epoch {epoch}": images for epoch, images in keep.images_.items()}
rows["returned"] = textbook.reconstruct(X_shown)
figure, axes = plt.subplots(
    len(rows),
    10,
    figsize=(8, 0.4 + 0.8 * len(rows)),
    layout="constrained",
    subplot_kw={"xticks": [], "yticks": []},
)
for ax_row, (name, images) in zip(axes, rows.items()):
    ax_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, image in zip(ax_row, images):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
figure.suptitle("Test digits from 8 numbers, after more and more epochs")
plt.show()
