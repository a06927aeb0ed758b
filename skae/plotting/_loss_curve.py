"""The loss over the epochs, and PCA's error as the line to beat."""

import math
from itertools import cycle

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._axes import COLORS, check_matplotlib, make_axes
from ._fitted import FittedReducer

UNITS = {
    "squared_error": "mean squared error",
    "absolute_error": "mean absolute error",
    "huber": "Huber loss",
    "binary_cross_entropy": "binary cross-entropy",
}


class LossCurveDisplay:
    """Training and validation loss over the epochs of a fit.

    Make it by :meth:`from_estimator`. The parameters are kept as attributes of the
    same names.

    Parameters
    ----------
    loss_curve : list of float
        Training loss of every epoch.

    validation_loss_curve : list of float or None, default=None
        Loss on rows not trained on. It may begin before the first epoch.

    clean_validation_loss_curve : list of float or None, default=None
        Loss on the same rows without noise.

    start : int, default=1
        Epoch of the first validation loss.

    errors : dict of str to float or None, default=None
        Levels to compare the curves with, by name: horizontal lines.

    loss_name : str, default="loss"
        What the loss is.

    validation_loss_name : str or None, default=None
        What the validation loss is, if it is something else: it has an axis of its own
        then, on the right.

    step_name : str, default="epoch"

    Attributes
    ----------
    ax_ : matplotlib Axes

    axes_ : ndarray of matplotlib Axes
        `ax_`, and the axis on the right where there is one.

    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import LossCurveDisplay
    >>> X = load_digits().data[:600]
    >>> autoencoder = AutoencoderTransformer(4, max_iter=5, random_state=0).fit(X)
    >>> LossCurveDisplay.from_estimator(autoencoder).ax_.get_xlabel()
    'epoch'
    """

    def __init__(
        self,
        loss_curve,
        validation_loss_curve=None,
        *,
        clean_validation_loss_curve=None,
        start=1,
        errors=None,
        loss_name="loss",
        validation_loss_name=None,
        step_name="epoch",
    ):
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.clean_validation_loss_curve = clean_validation_loss_curve
        self.start = start
        self.errors = errors
        self.loss_name = loss_name
        self.validation_loss_name = validation_loss_name
        self.step_name = step_name

    @classmethod
    def from_estimator(cls, estimator, X=None, y=None, *, ax=None, **kwargs):
        """Draw how the loss of a fit went.

        Where the loss is the squared error, two levels are drawn beside the curves:
        `pca_reconstruction_error_`, and `reconstruction_error_`, which is what became
        of the fit on the same rows. Both are mean squared errors per cell without noise
        and without penalties. The curves hold these as well, so it is the two lines
        that tell who wins. Losses in other units, cross-entropies or the nats of a
        variational autoencoder, cannot be compared with PCA's error, and no line is
        drawn.

        Parameters
        ----------
        estimator : estimator instance
            Fitted by gradient descent: an autoencoder, a classifier or regressor, a
            detector around one, or a Pipeline that ends in such a one.

        X, y : Ignored
            Present for API consistency: the curves are those of the fit.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``plot``.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator records no loss.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        fitted = FittedReducer(estimator, needs=()).last
        check_is_fitted(fitted)
        if not hasattr(fitted, "loss_curve_"):
            fitted = getattr(fitted, "autoencoder_", fitted)
        if not hasattr(fitted, "loss_curve_"):
            raise TypeError(
                f"{type(fitted).__name__} has no loss_curve_: only what is trained by "
                "gradient descent, epoch after epoch, has a loss to draw."
            )
        return cls(**_facts(fitted)).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``plot``.

        Returns
        -------
        display : LossCurveDisplay
            Itself.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        self.ax_ = make_axes(ax)[0, 0]
        self.figure_ = self.ax_.figure
        validation, right = self.validation_loss_curve, self.ax_
        has_two = validation is not None and self.validation_loss_name is not None
        if has_two:
            right = self.ax_.twinx()
            right.set_ylabel(f"{self.validation_loss_name}, held-out rows")
        self.axes_ = np.array([self.ax_, right][: 1 + has_two])
        curves = {
            "training": (self.ax_, self.loss_curve, 1, COLORS[1]),
            "held-out rows": (right, validation, self.start, COLORS[0]),
            "held-out rows without noise": (
                right,
                self.clean_validation_loss_curve,
                self.start,
                COLORS[2],
            ),
        }
        lines = [
            _curve(axes, losses, start, {"label": name, "color": color} | kwargs)
            for name, (axes, losses, start, color) in curves.items()
            if losses is not None
        ]
        # Dashes over a line: where both are the same, both are seen.
        styles = [
            {"color": "black", "linestyle": "--", "zorder": 1.5},
            {"color": COLORS[4], "zorder": 1},
        ]
        for (name, error), style in zip((self.errors or {}).items(), cycle(styles)):
            lines.append(self.ax_.axhline(error, label=name, linewidth=1.2, **style))
        for axes in self.axes_:
            _set_scale(axes)
        self._set_epochs()
        self.ax_.set(xlabel=self.step_name, ylabel=self.loss_name)
        self.ax_.legend(
            handles=lines,
            loc="lower center",
            bbox_to_anchor=(0.5, 1),
            ncols=2,
            frameon=False,
        )
        return self

    def _set_epochs(self):
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        if len(self.loss_curve) == 1:
            self.ax_.set_xlim(0, 2)


def _curve(ax, losses, start, options):
    marker = "o" if len(losses) == 1 else None
    epochs = np.arange(start, start + len(losses))
    return ax.plot(epochs, losses, **({"marker": marker} | options))[0]


def _set_scale(axes):
    """Take a logarithmic axis where losses differ by more than one power of ten."""
    losses = np.concatenate([line.get_ydata() for line in axes.get_lines()])
    losses = losses[np.isfinite(losses)]
    if losses.min() > 0 and losses.max() > 20 * losses.min():
        axes.set_yscale("log")


def _facts(fitted):
    """Return the parameters of the display of a fitted estimator."""
    facts = {
        "loss_curve": fitted.loss_curve_,
        "validation_loss_curve": fitted.validation_loss_curve_,
        "loss_name": "loss",
        "step_name": "chunk" if hasattr(fitted, "n_samples_seen_") else "epoch",
    }
    if hasattr(fitted, "best_n_iter_"):  # fine-tuned to predict
        score = "Brier score" if hasattr(fitted, "classes_") else "half squared error"
        return facts | {
            "start": 0,
            "loss_name": "loss of fine-tuning, training rows",
            "validation_loss_name": score,
        }
    if hasattr(fitted, "posterior"):
        return facts | {"loss_name": "loss (nats per row)"}
    unit = UNITS.get(fitted.loss)
    facts["loss_name"] = f"{unit} per cell{_addition(fitted)}" if unit else "loss"
    clean = getattr(fitted, "clean_validation_loss_curve_", None)
    facts["clean_validation_loss_curve"] = clean
    if fitted.loss == "squared_error":
        facts["errors"] = _levels(fitted)
    return facts


def _addition(fitted):
    """Return what the loss of an autoencoder has beside the reconstruction's."""
    if hasattr(fitted, "noise"):
        return ", of noisy rows"
    has_penalty = (
        hasattr(fitted, "contraction")
        or getattr(fitted, "sparsity", "top_k") != "top_k"
    )
    return " and penalty" if has_penalty else ""


def _levels(fitted):
    rows = "training rows" if fitted.judge_ == "none" else "held-out rows"
    levels = {
        f"PCA, {rows}": fitted.pca_reconstruction_error_,
        f"the result, {rows}": fitted.reconstruction_error_,
    }
    return {name: error for name, error in levels.items() if math.isfinite(error)}
