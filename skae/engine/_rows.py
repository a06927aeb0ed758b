"""The rows of a table as standardised torch batches."""

import numpy as np
import torch
from torch.utils.data import Dataset

from ..inference._tensors import as_tensor

# Tables whose float32 copy is larger than this are standardised a batch at a time
# instead of once: memory then stays near the data's own.
STANDARDISED_COPY_LIMIT = 64 * 2**20


class Rows(Dataset):
    """The rows of a `Table`, with weights of mean one, in batches for a network.

    Parameters
    ----------
    table : Table

    network : Network
        Whose `propagate` takes them; its `mean` and `inverse_scale` are read.

    dtype : torch.dtype

    device : torch.device or str

    normalise : bool
        False takes the weights as they are.
    """

    def __init__(self, table, network, *, dtype, device, normalise=True):
        self.table = table
        self.mean = self.inverse_scale = None
        if network.mean is not None:
            self.mean = network.mean.cpu()
            self.inverse_scale = network.inverse_scale.cpu()
        self.dtype = dtype
        self.device = torch.device(device)
        self.weight = None
        if table.weight is not None:
            unit = table.weight.mean() if normalise else 1.0
            self.weight = torch.as_tensor(table.weight / unit).to(device, dtype)
        self.order = None  # where the rows are in `prepared`, if not in their order
        self.prepared = self._prepare()

    def _prepare(self):
        n_rows, n_columns = self.table.shape
        if self.device.type == "cpu":
            X, rows = self.table.X, self.table.rows
            is_tensor = self.mean is None and isinstance(X, np.ndarray)
            if is_tensor and as_tensor(X[:1]).dtype == self.dtype:
                self.order = None if rows is None else torch.from_numpy(rows)
                return as_tensor(X)
            if n_rows * n_columns * self.dtype.itemsize > STANDARDISED_COPY_LIMIT:
                return None
        prepared = torch.empty((n_rows, n_columns), dtype=self.dtype)
        start = 0
        for block in self.table.blocks():
            prepared[start : start + len(block)] = self._standardised(block)
            start += len(block)
        return prepared.to(self.device)

    def _standardised(self, block):
        block = as_tensor(block)
        if self.mean is not None:
            block = (block.double() - self.mean).mul_(self.inverse_scale)
        return block.to(self.dtype)

    def __len__(self):
        return self.table.n_rows

    def __getitem__(self, positions):
        """Return (U, sample_weight) at some positions; the weight may be None."""
        weight = None
        if self.weight is not None:
            weight = self.weight[positions.to(self.device)]
        if self.prepared is not None:
            where = positions if self.order is None else self.order[positions]
            return self.prepared.index_select(0, where.to(self.device)), weight
        U = self._standardised(self.table.block(positions.numpy()))
        return U.to(self.device), weight


class Batches:
    """Iterates over `Rows` in batches of nearly equal size, shuffled by a generator."""

    def __init__(self, rows, batch_size, generator=None):
        self.rows = rows
        self.batch_size = batch_size
        self.generator = generator

    def __len__(self):
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self):
        n_rows = len(self.rows)
        if self.generator is None:
            order = torch.arange(n_rows)
        else:
            order = torch.randperm(n_rows, generator=self.generator)
        for positions in order.tensor_split(len(self)):
            yield self.rows[positions]
