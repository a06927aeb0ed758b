"""Reconstruction of clean rows from corrupted ones."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import torch

from ..networks._noise import NoisePart
from ._reconstruction import Reconstruction

ADDED = ("gaussian", "uniform")  # the others replace cells
AUTO_SHARE = 0.25  # of the cells; the papers use 10 % to 40 %
AUTO_DEVIATION = 0.5  # of each column's standard deviation


@dataclass(frozen=True)
class Denoising(Reconstruction):
    """The loss between clean rows and what is made of them with noise.

    Attributes
    ----------
    noise, noise_level, clip : object
        See `DenoisingAutoencoder`.
    """

    noise: object = "gaussian"
    noise_level: object = "auto"
    clip: tuple | None = None

    has_noise: ClassVar[bool] = True
    needs_rows: ClassVar[bool] = True

    @property
    def stands_side_by_side(self):
        # "swap" and functions look at rows beside each other
        return not callable(self.noise) and self.noise != "swap"

    def adapt(self, network, table, blocks=None):
        """Put the corruption in front of the network."""
        moments, level = table.moments, self.noise_level
        if isinstance(level, str):
            is_added = self.noise in ADDED
            level = AUTO_DEVIATION * moments.scale if is_added else AUTO_SHARE
        ends = self.clip
        if ends is None:
            ends = moments.lowest.astype(float), moments.highest.astype(float)
        corruption = make_corruption(
            self.noise,
            level,
            ends=ends,
            mean=network.mean,
            scale=network.scale,
            clip=self.clip,
            varies=torch.tensor(moments.scale > 0),
        )
        corruption.by_cell(blocks)
        network.corruption = corruption.to(next(network.parameters()).device)

    def report(self, network, table):
        """Return what `noise_level` came to."""
        level = network.corruption.noise_level
        if isinstance(level, torch.Tensor):
            level = level.cpu().numpy() if level.ndim else float(level)
        return {"noise_level": level}


class Corruption(NoisePart):
    """Corrupts rows while training or judged; otherwise the identity.

    Rows are standardised, `mean` and `scale` say how: a value v in the units of X is
    (v - mean) / scale here. Everything is computed in standardised units, which float32
    holds whatever the units of X.

    Parameters
    ----------
    mean, scale : Tensor of shape (n_features,) or None
        As in `Autoencoder`. None: the rows are in the units of X.

    clip : tuple of two floats or None
        Range that corrupted values are clipped to, in the units of X.

    varies : Tensor of shape (n_features,) or None
        False for the columns that stay as they are.

    Attributes
    ----------
    cells : Cells or None
        Of a mixed table: the encoded columns of a cell are then corrupted together.
    """

    cells = None

    def __init__(self, mean=None, scale=None, clip=None, varies=None):
        super().__init__()
        self.register_buffer("varies", varies)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        lowest, highest = (None, None) if clip is None else clip
        self.register_buffer("lowest", self.standardised(lowest))
        self.register_buffer("highest", self.standardised(highest))

    def by_cell(self, blocks):
        """Corrupt cells of a mixed table from now on, whose columns are `blocks`."""
        self.cells = None if blocks is None else Cells.of(blocks)

    def standardised(self, value):
        """Return a value in the units of X as a float64 tensor in those of the rows."""
        if value is None:
            return None
        if self.mean is None:
            return torch.as_tensor(value, dtype=torch.float64)
        value = torch.as_tensor(value, dtype=torch.float64, device=self.mean.device)
        return self.per_scale(value - self.mean)

    def per_scale(self, width):
        """Return a width in the units of X in those of the rows."""
        if self.scale is None:
            return torch.as_tensor(width, dtype=torch.float64)
        width = torch.as_tensor(width, dtype=torch.float64, device=self.scale.device)
        return torch.where(self.scale > 0, width / self.scale, 0.0).double()

    def forward(self, U):
        return self.draw(U, self.noise_source(U.device)) if self.is_active else U

    def draw(self, U, generator):
        """Return corrupted rows, in whatever mode."""
        U_noisy = self.corrupt(U, generator)
        if self.lowest is not None:
            U_noisy = U_noisy.clamp(self.lowest.to(U), self.highest.to(U))
        return U_noisy if self.varies is None else torch.where(self.varies, U_noisy, U)

    def for_each_cell(self, U, draw, dtype=None):
        """Return what `draw` fills a tensor with; columns of one cell get the same."""
        if self.cells is None:
            return draw(torch.empty_like(U, dtype=dtype))
        cell = self.cells.cell.to(U.device)
        shape = *U.shape[:-1], int(self.cells.cell[-1]) + 1
        return draw(U.new_empty(shape, dtype=dtype)).index_select(-1, cell)

    def are_drawn(self, U, share, generator):
        """Return which cells a share of them is."""
        draw = partial(torch.Tensor.bernoulli_, p=share, generator=generator)
        return self.for_each_cell(U, draw) > 0

    def of_other_rows(self, U, generator):
        """Return for every cell what a row drawn from the others has there."""
        n_rows = U.shape[-2]
        if n_rows == 1:
            return U

        def draw(steps):
            return steps.random_(1, n_rows, generator=generator)

        steps = self.for_each_cell(U, draw, torch.int64)
        rows = torch.arange(n_rows, device=U.device)[:, None] + steps
        return U.gather(-2, rows % n_rows)

    def beside_swapped(self, U_noisy, U, share, generator):
        """Return noisy numbers of a mixed table, and some categories of other rows.

        To these there is nothing to add, and they have no ends.
        """
        if self.cells is None:
            return U_noisy
        is_category, is_number = (part.to(U.device) for part in self.cells[1:])
        chance = self.for_each_cell(U, lambda X: X.uniform_(generator=generator))
        is_swapped = is_category & (chance < torch.as_tensor(share, device=U.device))
        U = torch.where(is_swapped, self.of_other_rows(U, generator), U)
        return torch.where(is_number, U_noisy, U)


class Cells(NamedTuple):
    """The encoded columns of a mixed table: their cells, and what is in these.

    Each is a tensor of shape (n_features,): `cell` is the position of the table's
    column, `is_category` is true for all columns of a category, and `is_number` where
    a number is, not whether it is missing.
    """

    cell: torch.Tensor
    is_category: torch.Tensor
    is_number: torch.Tensor

    @classmethod
    def of(cls, blocks):
        """Return the cells of `blocks`, see `Shares`."""
        n_features = blocks[-1][1]
        cell = torch.zeros(n_features, dtype=torch.int64)
        is_category = torch.zeros(n_features, dtype=torch.bool)
        is_number = torch.zeros(n_features, dtype=torch.bool)
        for i, (start, stop, scales, *_) in enumerate(blocks):
            cell[start:stop] = i
            is_category[start:stop] = bool(scales)
            is_number[start] = not scales
        return cls(cell, is_category, is_number)


class Added(Corruption):
    """Adds noise of some level: a standard deviation, or the half-width of a uniform.

    Parameters
    ----------
    kind : {"gaussian", "uniform"}

    level : array-like of shape (n_features,) or float
        In the units of X.

    Attributes
    ----------
    swap_share : Tensor of shape (n_features,) or None
        Of a mixed table: how often the category of each column is swapped.
    """

    swap_share = None

    def __init__(self, kind, level, **options):
        super().__init__(**options)
        self.kind = kind
        self.register_buffer("level", self.per_scale(level))

    def by_cell(self, blocks):
        super().by_cell(blocks)
        if blocks is None:
            return
        # A value that another row has adds twice the variance: as often as makes that
        # as much as the noise adds to numbers.
        cell = self.cells.cell.to(self.level.device)
        variance = self.level.square() / (3 if self.kind == "uniform" else 1)
        share = torch.bincount(cell, variance.expand(len(cell)) / 2)
        self.swap_share = (share / torch.bincount(cell)).clamp(max=1)[cell]

    @property
    def noise_level(self):
        """The level in the units of X."""
        return self.level if self.scale is None else self.level * self.scale

    def corrupt(self, U, generator):
        noise = torch.empty_like(U)
        if self.kind == "gaussian":
            noise.normal_(generator=generator)
        else:
            noise.uniform_(-1, 1, generator=generator)
        U_noisy = U + noise * self.level.to(U)
        return self.beside_swapped(U_noisy, U, self.swap_share, generator)


class Replaced(Corruption):
    """Replaces a share of the cells, each drawn on its own.

    Parameters
    ----------
    kind : {"masking", "salt_pepper", "swap"}
        By zero in the units of X; by one of `ends`, as likely as the other; or by what
        another row of the batch has in the same column.

    share : float

    ends : pair of array-likes of shape (n_features,) or floats
        Pepper and salt, in the units of X.
    """

    def __init__(self, kind, share, ends=(0.0, 0.0), **options):
        super().__init__(**options)
        self.kind = kind
        self.noise_level = share
        pepper, salt = (0.0, 0.0) if kind == "masking" else ends
        self.register_buffer("pepper", self.standardised(pepper))
        self.register_buffer("salt", self.standardised(salt))

    def corrupt(self, U, generator):
        replaced = self.are_drawn(U, self.noise_level, generator)
        U_noisy = torch.where(replaced, self._values(U, generator), U)
        if self.kind == "salt_pepper":
            return self.beside_swapped(U_noisy, U, self.noise_level, generator)
        return U_noisy

    def _values(self, U, generator):
        if self.kind == "masking":
            return self.pepper.to(U)
        if self.kind == "salt_pepper":
            is_salt = self.are_drawn(U, 0.5, generator)
            return torch.where(is_salt, self.salt.to(U), self.pepper.to(U))
        return self.of_other_rows(U, generator)


class Custom(Corruption):
    """Corrupts by a function of (X, generator), in the units of X."""

    noise_level = None

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def corrupt(self, U, generator):
        X = U if self.mean is None else (U * self.scale + self.mean).to(U)
        X_noisy = self.function(X.clone(), generator)
        if not isinstance(X_noisy, torch.Tensor) or X_noisy.shape != X.shape:
            found = getattr(X_noisy, "shape", type(X_noisy).__name__)
            raise ValueError(
                f"noise={self.function!r} returned {found} for a batch of shape "
                f"{tuple(X.shape)}; it should return a tensor of that shape."
            )
        if self.mean is None:
            return X_noisy.to(U)
        return self.per_scale(X_noisy - self.mean).to(U)


def make_corruption(noise, level, *, ends=(0.0, 0.0), **options):
    """Return the `Corruption` for an estimator's `noise`; `options` are its own."""
    if callable(noise):
        return Custom(noise, **options)
    if noise in ADDED:
        return Added(noise, level, **options)
    return Replaced(noise, level, ends, **options)
