"""
Pictures of a fitted autoencoder
================================

:mod:`skae.plotting` has six displays, used as those of scikit-learn are:
``SomeDisplay.from_estimator(estimator, X)`` draws, and what it returns has the axes as
``ax_`` and the figure as ``figure_``. Here they show what denoising, variational and
plain autoencoders make of the digits, and of a table.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    AutoencoderTransformer,
    DenoisingAutoencoder,
    VariationalAutoencoder,
)
from skae.plotting import (
    CodesDisplay,
    ComponentsDisplay,
    ErrorDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
    TraversalDisplay,
)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)

# %%
# What is kept of a row
# ---------------------
# A denoising autoencoder is shown test rows with the noise of its training. 64 columns
# are taken for images of 8 x 8 pixels; other shapes are given by ``image_shape``.
denoiser = DenoisingAutoencoder(16, noise_level=0.3, clip=(0, 1), random_state=0)
denoiser.set_params(max_iter=20).fit(X_train)
display = ReconstructionDisplay.from_estimator(denoiser, X_test)
plt.show()

# %%
# Where rows lie
# --------------
# With labels there is a legend. Numbers get a colour bar, and without either the colour
# is the reconstruction error of each row.
autoencoder = AutoencoderTransformer(2, max_iter=20, random_state=0).fit(X_train)
display = CodesDisplay.from_estimator(autoencoder, X_test, y_test)
plt.show()

# %%
# What a code stands for
# ----------------------
# Each code takes its usual values while the others stay at their means. Two components
# of a variational autoencoder make a grid.
vae = VariationalAutoencoder(2, loss="binary_cross_entropy", random_state=0)
vae.set_params(max_iter=30).fit(X_train)
display = TraversalDisplay.from_estimator(vae, X_test)
plt.show()

# %%
# Did training help?
# ------------------
# Below PCA's line it did. The line at the end of the curve is the error of what became
# of the fit, on the same held-out rows.
deep = AutoencoderTransformer(8, max_iter=20, random_state=0).fit(X_train)
display = LossCurveDisplay.from_estimator(deep)
plt.show()

# %%
# What each component adds
# ------------------------
# Measured on the training rows, beside a PCA of the same rows.
display = ComponentsDisplay.from_estimator(deep, X_train)
plt.show()

# %%
# Where the error is
# ------------------
# Of a table, the columns that lose most of their variance come first. In a pipeline,
# rows go back to their own units through the inverse of every step.
table = load_breast_cancer(as_frame=True).data
rows, new_rows = train_test_split(table, random_state=0)
pipeline = make_pipeline(
    StandardScaler(), AutoencoderTransformer(4, max_iter=20, random_state=0)
)
pipeline.fit(rows)
display = ErrorDisplay.from_estimator(pipeline, new_rows)
plt.show()

# %%
# The other displays take tables as well.
display = ReconstructionDisplay.from_estimator(pipeline, new_rows)
plt.show()
