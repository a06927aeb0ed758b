"""
Convolutions along series
=========================

Two sensors record a pulse that may come at any time: 64 values each, one after the
other in a row. :class:`~skae.architectures.Conv1d` knows that columns are points in
time. What it learns about a pulse in one place holds in all, so it needs fewer weights
than a dense network, and far fewer components than PCA.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.architectures import Conv1d
from skae.metrics import reconstruction_r2

LENGTH = 64


def record_pulses(n_samples, rng, *, backwards=False):
    """Return pulses of random onset, width and height, as two sensors record them."""
    time = np.linspace(0, 1, LENGTH)
    onset, width, height = rng.uniform(
        [0.15, 0.02, 0.5], [0.75, 0.05, 1.0], size=(n_samples, 3)
    ).T[:, :, None]

    def pulse(delay):
        since = (time - onset - delay) / width
        since = -since if backwards else since
        return np.exp(-(since**2) / 2) - 0.5 * np.exp(-((since - 2) ** 2) / 2)

    sensors = np.hstack([height * pulse(0), 0.6 * height * pulse(0.1)])
    sensors += rng.normal(scale=0.03, size=sensors.shape)
    return sensors.astype(np.float32)  # convolutions are slow in float64


rng = np.random.default_rng(0)
X_train, X_test = train_test_split(record_pulses(2000, rng), random_state=0)

# %%
# Three numbers make a pulse. Four components leave the networks some room; PCA, which
# adds up curves, cannot move one.
settings = {"max_iter": 40, "random_state": 0}
reducers = {
    "PCA": PCA(4),
    "dense": AutoencoderTransformer(4, **settings),
    "convolutional": AutoencoderTransformer(
        4,
        architecture=Conv1d(
            n_channels=2,
            channels=(16, 32, 32),
            downsampling="stride",
            upsampling="transposed",
        ),
        **settings,
    ),
}
for name, reducer in reducers.items():
    print(f"{name}: R² {reconstruction_r2(reducer.fit(X_train), X_test):.3f}")
for name in ("dense", "convolutional"):
    weights = reducers[name].net_.module_.parameters()
    print(f"{name}: {sum(weight.numel() for weight in weights)} weights")

# %%
# Three test rows and what four numbers keep of them. The noise is not kept.
figure, axes = plt.subplots(
    3, 2, figsize=(8, 5), sharex=True, sharey=True, layout="constrained"
)
for ax_row, row in zip(axes, X_test):
    for ax, recorded in zip(ax_row, row.reshape(2, LENGTH)):
        ax.plot(recorded, ".", color="grey", markersize=4, label="recorded")
    for (name, reducer), style in zip(reducers.items(), (":", "--", "-")):
        kept = reducer.inverse_transform(reducer.transform(row[None]))
        for ax, series in zip(ax_row, kept.reshape(2, LENGTH)):
            ax.plot(series, style, label=name)
axes[0, 0].set_title("first sensor")
axes[0, 1].set_title("second sensor")
for ax in axes[-1]:
    ax.set_xlabel("time")
figure.legend(
    *axes[0, 0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=4,
    frameon=False,
)
figure.suptitle("Test series from 4 components")
plt.show()

# %%
# A pulse that runs backwards is nothing that these four numbers can say, and its error
# shows it.
convolutional = reducers["convolutional"]
backwards = record_pulses(100, rng, backwards=True)
scores = convolutional.score_samples(X_test)
share = np.mean(convolutional.score_samples(backwards) < np.quantile(scores, 0.01))
print(f"{share:.0%} of pulses that run backwards score below 99 % of the test rows")
