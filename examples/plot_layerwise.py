"""
Layer by layer, then all together, then labels
==============================================

Deep networks of sigmoid units are hard to train from random weights. The classic way
out is to train them a layer at a time: each layer's autoencoder on the codes of the
one below. The layers are stacked and fine-tuned as one autoencoder, and its encoder is
fine-tuned again with a head for the classes.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import AutoencoderClassifier, AutoencoderTransformer, StackedAutoencoder

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)

# %%
# The same layers in three ways: all at once from random weights; one by one first, at
# the same learning rate; and as skae starts them by default, from PCA, which needs no
# pretraining.
network = {
    "n_components": 16,
    "hidden_layer_sizes": (64, 48, 32),
    "activation": "sigmoid",
    "batch_size": 64,
    "max_iter": 60,
    "random_state": 0,
}
pretraining_max_iter = 30
textbook = {"init": "random", "learning_rate_init": 0.02, **network}
stacked = StackedAutoencoder(pretraining_max_iter=pretraining_max_iter, **textbook)
autoencoders = {
    "at once": AutoencoderTransformer(**textbook),
    "layer by layer": stacked,
    "from PCA": AutoencoderTransformer(**network),
}
for name, autoencoder in autoencoders.items():
    print(f"{name}: R² {autoencoder.fit(X_train).score(X_test):.3f} on the test rows")

# %%
# On the left every layer learns to reconstruct its own input. On the right the whole
# network does: errors of the layers add up, so that the stack starts high as well, but
# then falls faster and further.
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
for level, losses in enumerate(stacked.pretraining_loss_curves_, start=1):
    left.plot(np.arange(1, len(losses) + 1), losses, label=f"layer {level}")
left.set(
    yscale="log",
    ylabel="mean squared error of the layer's input",
    title="Layer by layer",
)
for name in ("at once", "layer by layer"):
    losses = autoencoders[name].validation_loss_curve_
    right.plot(np.arange(1, len(losses) + 1), losses, label=name)
right.axhline(
    stacked.pca_reconstruction_error_, color="grey", linestyle="--", label="PCA"
)
right.set(ylim=0, ylabel="mean squared error of held-out rows", title="All together")
for ax in (left, right):
    ax.set_xlabel("epoch")
    ax.grid(alpha=0.3)
    ax.legend(frameon=False)
plt.show()

# %%
# Any autoencoder can be what :class:`~skae.AutoencoderClassifier` pretrains, on all
# rows. Here 100 of them have a label. A head on the codes as they are comes first; then
# head and encoder are trained together.
labelled, _ = train_test_split(
    np.arange(len(y_train)), train_size=100, stratify=y_train, random_state=0
)
given = np.full(len(y_train), -1)
given[labelled] = y_train[labelled]

denoising_stack = StackedAutoencoder(
    32,
    autoencoder="denoising",
    hidden_layer_sizes=(64, 64),
    pretraining_max_iter=pretraining_max_iter,
    max_iter=30,
)
for name, fine_tune in {"frozen": False, "fine-tuned": True}.items():
    classifier = AutoencoderClassifier(
        denoising_stack,
        fine_tune=fine_tune,
        consistency_weight=1,
        early_stopping=False,
        random_state=0,
    ).fit(X_train, given)
    print(f"{name} encoder: accuracy {classifier.score(X_test, y_test):.3f}")
