"""
Components in order
===================

PCA's first components are the best for their number, so one fit serves all numbers.
With ``ordered=True`` an autoencoder can do that, too. What are its first codes worth,
beside those of a plain fit, and what does the order cost?
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2

N_COMPONENTS = 16
NUMBERS = range(1, N_COMPONENTS + 1)

X, _ = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X, random_state=0)
ordered = AutoencoderTransformer(N_COMPONENTS, ordered=True, random_state=0)
plain = AutoencoderTransformer(N_COMPONENTS, random_state=0)
ordered.fit(X_train)
plain.fit(X_train)


# %%
# ``truncate(j)`` cuts an ordered fit to its first codes. A plain one has to be asked in
# another way: its later codes stay at their means.
def first_codes(autoencoder, j):
    """Return test rows restored from the first codes; others stay at their means."""
    Z = autoencoder.transform(X_test)
    Z[:, j:] = autoencoder.transform(X_train)[:, j:].mean(axis=0)
    return autoencoder.inverse_transform(Z)


def share_kept(X_back):
    """Return R² on the test rows."""
    lost = ((X_test - X_back) ** 2).sum()
    return 1 - lost / ((X_test - X_test.mean(axis=0)) ** 2).sum()


curves = {
    "ordered, cut": [ordered.truncate(j).score(X_test) for j in NUMBERS],
    "plain, first codes": [share_kept(first_codes(plain, j)) for j in NUMBERS],
    "PCA": [reconstruction_r2(PCA(j).fit(X_train), X_test) for j in NUMBERS],
}

# %%
# The last rival is fitted for one number alone, and has to be fitted again for each.
four = AutoencoderTransformer(4, random_state=0).fit(X_train)
alone = {4: four.score(X_test), N_COMPONENTS: plain.score(X_test)}

figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for (name, curve), style in zip(curves.items(), ("o-", "^:", "s--")):
    color = "tab:gray" if name == "PCA" else None
    ax.plot(NUMBERS, curve, style, color=color, markersize=4, label=name)
ax.plot(*zip(*alone.items()), "k*", markersize=9, label="fitted for this number")
ax.set(
    xlabel="components used",
    ylabel="share of variance kept",
    title="Digits not trained on, from the first of 16 codes",
)
ax.legend(loc="lower right", frameon=False)
plt.show()

# %%
# The first few codes of a plain fit are worth less than PCA's: they were learnt to be
# used with all others. Those of the ordered one are above PCA at every number. The
# stars show the price: a fit for one number alone keeps more with that number.
