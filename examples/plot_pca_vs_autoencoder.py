"""
PCA against an autoencoder, component by component
==================================================

How much of a picture survives when its 64 pixels are squeezed into a few numbers?
Both reducers are fitted on three quarters of scikit-learn's digits and judged on the
rest. The score is :func:`skae.metrics.reconstruction_r2`: the share of variance kept.
"""

# %%
import argparse

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2

parser = argparse.ArgumentParser()
parser.add_argument("--save", metavar="PATH", help="write the figure here")
arguments = parser.parse_args()

X, _ = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X, random_state=0)

n_components = [2, 8, 32]
reducers = {
    "PCA": PCA(),
    "AutoencoderTransformer": AutoencoderTransformer(random_state=0),
}
scores = {
    name: [
        reconstruction_r2(reducer.set_params(n_components=k).fit(X_train), X_test)
        for k in n_components
    ]
    for name, reducer in reducers.items()
}
for name, values in scores.items():
    print(f"{name:24}", *(f"{value:.3f}" for value in values))

# %%
# The gain is largest where components are few: with very many of them PCA has nearly
# everything already.
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for (name, values), colour in zip(scores.items(), ["tab:gray", "tab:blue"]):
    ax.plot(n_components, values, "o-", color=colour, label=name)
ax.set_xscale("log", base=2)
ax.set_xticks(n_components, [str(k) for k in n_components])
ax.set(
    xlabel="n_components",
    ylabel="R² of the reconstruction",
    ylim=(0, 1),
    title="Digits: variance kept on rows not trained on",
)
ax.grid(alpha=0.3)
ax.legend(loc="lower right", frameon=False)

# %%
# Run as a script, ``--save PATH`` writes the figure to a file.
if arguments.save:
    figure.savefig(arguments.save, dpi=150)
else:
    plt.show()
