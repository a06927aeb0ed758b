"""Rows as images, for a page."""

import base64
import math
import struct
import zlib

import numpy as np


def read_shape(image_shape, n_columns):
    """Return height, width and channels, and whether the channels come first.

    Raises
    ------
    ValueError
        If the shape is not that of a row.
    """
    shape = tuple(image_shape)
    plain = all(isinstance(n, (int, np.integer)) and n > 0 for n in shape)
    if not plain or math.prod(shape) != n_columns:
        raise ValueError(
            f"image_shape is {image_shape!r}: a height and a width are needed whose "
            f"product is the number of columns, {n_columns}."
        )
    if len(shape) == 2:
        return (*shape, 1), False
    if len(shape) == 3 and shape[2] in (1, 3):
        return shape, False
    if len(shape) == 3 and shape[0] in (1, 3):
        return (*shape[1:], shape[0]), True
    raise ValueError(
        f"image_shape is {image_shape!r}: two numbers are needed, or three, the first "
        "or the last the number of channels, 1 or 3."
    )


def pixels(row, image_shape, n_columns):
    """Return a row as an array of shape (height, width, channels)."""
    (height, width, channels), is_first = read_shape(image_shape, n_columns)
    if is_first:
        return row.reshape(channels, height, width).transpose(1, 2, 0)
    return row.reshape(height, width, channels)


def data_uri(image, low, high):
    """Return an image of shape (height, width, channels) as a PNG in a link.

    Values from `low` to `high` are shown from black to white.
    """
    span = high - low if high > low else 1.0
    levels = np.round(255 * np.clip((image - low) / span, 0, 1)).astype(np.uint8)
    height, width, channels = levels.shape
    # A byte before each line names its filter: none.
    lines = np.pad(levels.reshape(height, -1), ((0, 0), (1, 0)))
    header = struct.pack(
        ">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0
    )
    chunks = [
        (b"IHDR", header),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    ]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _chunk(kind, data):
    return (
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
    )
