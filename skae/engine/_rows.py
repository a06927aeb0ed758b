"""The rows of a table as standardised torch batches."""

import numpy as np
import torch
from torch.utils.data import Dataset

from ..inference._tensors import as_tensor

# Tables whose float32 copy is larger than this are standardised a batch at a time
# instead of once: memory then stays near the data's own.
STANDARDISED_COPY_LIMIT = 64 * 2**20
# Runs of rows that are shuffled together at least, where rows are read in runs.
MIXED_RUNS = 4
# Cells of a file that are standardised at once: in float64 they still fit a cache.
CACHED_CELLS = 2**17


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
            unit = 1.0
            if normalise:
                unit = table.ranks.mean(table.weight.mean(), table.n_rows)
            self.weight = torch.as_tensor(table.weight / unit).to(device, dtype)
        self.order = None  # where the rows are in `prepared`, if not in their order
        self.prepared = self._prepare()
        self.runs = table.runs() if self.prepared is None else None

    def _prepare(self):
        n_rows, n_columns = self.table.shape
        if self.device.type == "cpu" or self.table.is_elsewhere:
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
            block = (block - self.mean).mul_(self.inverse_scale)  # in float64
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

    def gather(self, runs):
        """Return (U, sample_weight) of some runs, one after the other."""
        positions = torch.cat([torch.arange(*run) for run in runs])
        U = torch.empty((len(positions), self.table.n_columns), dtype=self.dtype)
        filled = 0
        n_rows = max(1, CACHED_CELLS // max(1, self.table.n_columns))
        for start, stop in runs:
            for block in self.table.blocks(n_rows, start=start, stop=stop):
                U[filled : filled + len(block)] = self._standardised(block)
                filled += len(block)
        weight = self.weight
        if weight is not None:
            weight = weight[positions.to(self.device)]
        return U.to(self.device), weight


class Batches:
    """Iterates over `Rows` in batches of nearly equal size, shuffled by a generator.

    Rows that have to be read in runs are shuffled in two steps: runs, and within as
    many of them as fit into a buffer, rows.

    With `in_step` a batch is this rank's part of one of `batch_size` rows: all ranks
    have as many, and where one has few rows, some of its are empty.
    """

    def __init__(self, rows, batch_size, generator=None, *, in_step=False):
        self.rows = rows
        self.batch_size = batch_size
        self.generator = generator
        self.total_rows = rows.table.total_rows if in_step else len(rows)

    def __len__(self):
        return self._n_batches(self.total_rows)

    def _n_batches(self, n_rows):
        return -(-n_rows // self.batch_size)

    def __iter__(self):
        if self.rows.runs is not None:
            buffers = self._buffers()
            for runs, n_batches in zip(buffers, self._shares(buffers), strict=True):
                if n_batches:  # else the few rows wait for another epoch
                    yield from self._mixed(runs, n_batches)
            return
        for positions in self._order(len(self.rows)).tensor_split(len(self)):
            yield self.rows[positions]

    def _order(self, n):
        dtype = torch.int32 if n < 2**31 else torch.int64  # half the memory
        if self.generator is None:
            return torch.arange(n, dtype=dtype)
        return torch.randperm(n, generator=self.generator, dtype=dtype)

    def _buffers(self):
        """Return lists of runs, of nearly equal length."""
        rows, runs = self.rows, self.rows.runs
        n_bytes = len(rows) * rows.table.n_columns * rows.dtype.itemsize
        n_buffers = min(
            -(-n_bytes // STANDARDISED_COPY_LIMIT),
            len(runs) // MIXED_RUNS,
            self.total_rows // self.batch_size,
        )
        order = self._order(len(runs))
        parts = order.tensor_split(max(1, n_buffers))
        return [[runs[i] for i in part.tolist()] for part in parts]

    def _shares(self, buffers):
        """Return how many batches each buffer makes."""
        n_rows = [sum(stop - start for start, stop in runs) for runs in buffers]
        if self.total_rows == len(self.rows):
            return map(self._n_batches, n_rows)
        ends = np.cumsum(n_rows) * len(self) / len(self.rows)
        return np.diff(np.round(ends).astype(int), prepend=0).tolist()

    def _mixed(self, runs, n_batches):
        U, weight = self.rows.gather(runs)
        order = self._order(len(U)).to(U.device)
        for positions in order.tensor_split(n_batches):
            batch = U.index_select(0, positions)
            yield batch, None if weight is None else weight[positions]
