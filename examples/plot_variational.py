"""
New rows from a variational autoencoder
=======================================

A variational autoencoder is a probabilistic model: its codes have a standard normal
prior, so that decoding random codes draws new rows, and every row has a bound on its
log-likelihood. It starts as probabilistic PCA.
"""

# %%
# Two components, on the digits
# -----------------------------
# Pixels between 0 and 1 are taken as probabilities of ink.

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import VariationalAutoencoder

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
options = {"loss": "binary_cross_entropy", "max_iter": 70, "random_state": 0}
vae = VariationalAutoencoder(2, **options).fit(X_train)

# %%
# The plane of codes, decoded
# ---------------------------
# Left: where the test digits lie. Right: a grid of codes, at equal steps of the prior's
# probability, and the digits that they stand for.

n = 16
steps = norm.ppf((np.arange(n) + 0.5) / n)
codes = np.stack(np.meshgrid(steps, steps[::-1]), axis=-1).reshape(-1, 2)
grid = vae.inverse_transform(codes).reshape(n, n, 8, 8)

fig, (left, right) = plt.subplots(1, 2, figsize=(12, 5.6), layout="constrained")
Z = vae.transform(X_test)
points = left.scatter(*Z.T, c=y_test, cmap="tab10", s=12)
left.legend(*points.legend_elements(), title="digit", loc="upper right")
left.set(xlabel="component 1", ylabel="component 2", title="posterior means")
right.imshow(grid.swapaxes(1, 2).reshape(8 * n, 8 * n), cmap="gray_r")
right.set(title="decoded grid of codes")
right.set_axis_off()

# %%
# Drawing new digits
# ------------------
# Sixteen components draw sharper digits than two. Those that the model does not need
# end as the prior; `active_units_` lists the others.

vae = VariationalAutoencoder(16, **options).fit(X_train)
print(f"{len(vae.active_units_)} of 16 components are active")

fig, axes = plt.subplots(2, 12, figsize=(12, 2.2), layout="constrained")
drawn = vae.sample(12, random_state=0)
for column, (real, new) in enumerate(zip(X_test, drawn, strict=False)):
    axes[0, column].imshow(real.reshape(8, 8), cmap="gray_r")
    axes[1, column].imshow(new.reshape(8, 8), cmap="gray_r")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("real")
axes[1, 0].set_ylabel("drawn")

# %%
# How sure is a code?
# -------------------
# `posterior` returns a standard deviation beside each mean: 1 is the prior's, of a
# component that says nothing about this row.

mean, std = vae.posterior(X_test)
print("standard deviations of a row's code:", std[0].round(2))

# %%
# How likely is a row?
# --------------------
# `score_samples` is the evidence lower bound in nats. `log_likelihood` weighs many
# draws and is closer to the log-likelihood itself. Digits upside down are less likely.

n_draws = 200
print(f"lower bound        {vae.score_samples(X_test).mean():.2f} nats")
bound = vae.log_likelihood(X_test, n_draws, random_state=0).mean()
print(f"{n_draws} draws weighted {bound:.2f} nats")
print(f"upside down        {vae.score_samples(X_test[:, ::-1]).mean():.2f} nats")
plt.show()
