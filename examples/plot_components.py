"""
How many components?
====================

One curve answers it: the share of variance kept on rows not trained on, against the
number of components. Three tables, with PCA's curve beside the autoencoder's.
"""

# %%
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2

N_COMPONENTS = [2, 4, 8]
SHARE = 0.8  # of the variance, to be kept

tables = {
    "diabetes": load_diabetes(),
    "breast cancer": load_breast_cancer(),
    "wine": load_wine(),
}


# %%
# A quarter of the rows is set aside for the curve. The columns have units of their own,
# so they are scaled first, by the other rows alone.
def share_kept(reducer, X_train, X_test):
    """Return R² on the test rows for each number of components."""
    fitted = (reducer.set_params(n_components=k).fit(X_train) for k in N_COMPONENTS)
    return [reconstruction_r2(reducer, X_test) for reducer in fitted]


curves = {}
for name, table in tables.items():
    X_train, X_test = train_test_split(table.data, random_state=0)
    scaler = StandardScaler().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    curves[name] = pd.DataFrame(
        {
            "PCA": share_kept(PCA(), X_train, X_test),
            "autoencoder": share_kept(
                AutoencoderTransformer(random_state=0), X_train, X_test
            ),
        },
        index=N_COMPONENTS,
    )

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), sharey=True, layout="constrained")
for ax, (name, curve) in zip(axes, curves.items()):
    ax.plot(curve["PCA"], "s--", color="tab:gray", label="PCA")
    ax.plot(curve["autoencoder"], "o-", color="tab:blue", label="autoencoder")
    ax.axhline(SHARE, color="tab:red", linewidth=1)
    ax.set(title=name, xlabel="components", xticks=N_COMPONENTS, ylim=(0, 1))
    ax.grid(alpha=0.3)
axes[0].set_ylabel("share of variance kept")
axes[-1].legend(loc="lower right", frameon=False)
plt.show()


# %%
# Read it from the left: the first size whose curve is above the red line keeps four
# fifths of the variance. Where the curves lie on each other, as for wine from four
# components on, take PCA.
def fewest(curve):
    """Return the first of the sizes tried that keeps enough."""
    return next(k for k, share in curve.items() if share >= SHARE)


pd.DataFrame({name: curve.apply(fewest) for name, curve in curves.items()})
