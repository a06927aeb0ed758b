"""What rows are: images, many of them in one picture, series or rows of a table."""

import math
from numbers import Integral

import numpy as np

KINDS = ("auto", "image", "series", "table")
SMALLEST_SIDE = 8  # a square table of 4 or 16 columns is hardly ever an image
MOST_UNNAMED = 20  # columns that a table without names has
MOST_COLUMNS = 20  # of a table that are drawn


def resolve_kind(n_columns, names, architecture, kind, image_shape):
    """Return ("image", (height, width[, channels])), or another kind and None.

    `architecture` is that of the autoencoder, which may know the shape of its rows.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} should be one of {KINDS}.")
    if image_shape is not None:
        if kind not in ("auto", "image"):
            raise ValueError(f"image_shape={image_shape!r} is of no use to {kind=}.")
        return "image", _checked(image_shape, n_columns)
    if kind in ("series", "table"):
        return kind, None
    shape = _guess(n_columns, architecture)
    if shape is not None:
        return "image", shape
    if kind == "image":
        raise ValueError(
            f"{n_columns} columns are no square image, so kind='image' needs "
            "image_shape=(height, width) or (height, width, channels)."
        )
    is_series = hasattr(architecture, "n_channels")
    if not is_series and (names is not None or n_columns < MOST_UNNAMED):
        return "table", None
    return "series", None


def _checked(image_shape, n_columns):
    shape = np.atleast_1d(np.asarray(image_shape, dtype=object)).tolist()
    are_counts = all(isinstance(n, Integral) and n > 0 for n in shape)
    fits = are_counts and math.prod(shape) == n_columns
    if (
        not fits
        or len(shape) not in (2, 3)
        or (len(shape) == 3 and shape[2] not in (1, 3))
    ):
        raise ValueError(
            f"image_shape={image_shape!r} should be (height, width) or (height, width, "
            f"channels) with 1 or 3 channels, whose product is the {n_columns} columns "
            "of X."
        )
    return tuple(shape[:2]) if shape[2:] == [1] else tuple(shape)


def _guess(n_columns, architecture):
    """Return the shape that an architecture of grey images names, or a square one."""
    known = tuple(getattr(architecture, "image_shape", ()))
    if math.prod(known) == n_columns and (len(known) == 2 or known[:1] == (1,)):
        return known[-2:]
    side = math.isqrt(n_columns)
    if side * side == n_columns and side >= SMALLEST_SIDE:
        return side, side
    return None


def in_deviations(X, rows, mean=None, scale=None):
    """Return X in standard deviations from the mean, column by column.

    Where these are None, they are those of `rows`. A column that is constant is zero.
    """
    mean = np.nanmean(rows, axis=0) if mean is None else mean
    scale = np.nanstd(rows, axis=0) if scale is None else scale
    return (X - mean) * np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)


def largest(values):
    """Return where the largest of some values are, in order: `MOST_COLUMNS` at most."""
    return np.sort(np.argsort(-values, kind="stable")[:MOST_COLUMNS])


def names_of(columns, feature_names):
    """Return the names of some columns of a table."""
    return [feature_names[j] if feature_names else f"column {j}" for j in columns]


def mosaic(X, image_shape, limits=(0.0, 1.0)):
    """Return images in rows and columns as one image, with gaps between them.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns, n_features)

    image_shape : tuple (height, width) or (height, width, 3)

    limits : tuple (lowest, highest)
        What is black and what is full colour, where there are channels.

    Returns
    -------
    picture : ndarray of shape (n_rows * (height + gap) - gap, ...)
        Gaps are NaN. With a last axis of four where there are channels: red, green,
        blue, and an opacity that is zero in the gaps.
    """
    n_rows, n_columns = X.shape[:2]
    height, width, *channels = image_shape
    images = X.reshape(n_rows, n_columns, height, width, *channels)
    if channels:
        lowest, highest = limits
        images = ((images - lowest) / (highest - lowest)).clip(0, 1)
        opacity = np.ones((*images.shape[:-1], 1))
        images = np.concatenate([images, opacity], axis=-1)
    gap = _gap(image_shape)
    widths = [(0, 0), (0, 0), (0, gap), (0, gap), *[(0, 0)] * len(channels)]
    images = np.pad(images, widths, constant_values=0.0 if channels else np.nan)
    picture = images.swapaxes(1, 2).reshape(
        n_rows * (height + gap), n_columns * (width + gap), *images.shape[4:]
    )
    return picture[:-gap, :-gap]


def _gap(image_shape):
    """Return how many pixels lie between images."""
    return max(1, min(image_shape[:2]) // 10)


def show_mosaic(
    ax, X, image_shape, *, like, row_labels=(), column_labels=(), **options
):
    """Draw images of shape (n_rows, n_columns, n_features) in one axes.

    Levels have the range of `like`, the rows as they should be.
    """
    lowest, highest = _limits(like, has_channels=len(image_shape) == 3)
    is_ink = _edge_level(like, image_shape) < lowest + 0.25 * (highest - lowest)
    options = {
        "cmap": "gray_r" if is_ink else "gray",  # ink on paper is drawn as such
        "vmin": lowest,
        "vmax": highest,
        "interpolation": "nearest",
    } | options
    ax.imshow(mosaic(X, image_shape, (lowest, highest)), **options)
    (height, width), gap = image_shape[:2], _gap(image_shape)
    centres = [np.arange(len(labels)) for labels in (column_labels, row_labels)]
    ax.set_xticks(centres[0] * (width + gap) + (width - 1) / 2, column_labels)
    ax.set_yticks(centres[1] * (height + gap) + (height - 1) / 2, row_labels)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _limits(X, has_channels):
    lowest, highest = np.nanmin(X), np.nanmax(X)
    if has_channels and lowest >= 0 and highest <= 255:
        return 0.0, 1.0 if highest <= 1 else 255.0
    return lowest, highest if highest > lowest else lowest + 1


def _edge_level(X, image_shape):
    """Return the median of the pixels at the edges of images."""
    images = np.reshape(X, (-1, *image_shape))
    ends = images[:, [0, -1]], images[:, :, [0, -1]]
    return np.nanmedian(np.concatenate([end.ravel() for end in ends]))


def mosaic_size(n_rows, n_columns, image_shape, *, widest=8.0):
    """Return the width and height in inches of so many images, without labels."""
    side = min(0.75, widest / n_columns)
    return side * n_columns, side * n_rows * image_shape[0] / image_shape[1]
