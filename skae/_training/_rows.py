"""The rows of a table as standardised torch batches."""

import numpy as np
import torch
from scipy import sparse
from torch.utils.data import Dataset

# Tables whose float32 copy is larger than this are standardised a batch at a time
# instead of once: memory then stays near the data's own.
STANDARDISED_COPY_LIMIT = 64 * 2**20
CHUNK_CELLS = 2**20


class Rows(Dataset):
    """Some rows of a table, with weights, given out in standardised batches.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n_samples, n_features)

    sample_weight : ndarray of shape (n_samples,) or None

    mean, inverse_scale : ndarray of shape (n_features,) or None
        What to standardise with; None leaves X alone (and does not copy float32).

    dtype : torch.dtype

    device : torch.device
    """

    def __init__(
        self, X, sample_weight=None, *, mean=None, inverse_scale=None, dtype, device
    ):
        self.X = X if sparse.issparse(X) else as_tensor(X)
        self.mean = None if mean is None else torch.from_numpy(mean)
        self.inverse_scale = None if mean is None else torch.from_numpy(inverse_scale)
        self.dtype = dtype
        self.device = torch.device(device)
        self.indices = torch.arange(X.shape[0])
        self.weight = (
            None
            if sample_weight is None
            else torch.as_tensor(sample_weight).to(device, dtype)
        )
        self.prepared = self._prepare()

    def _prepare(self):
        if self.device.type == "cpu":
            as_it_is = self.mean is None and not sparse.issparse(self.X)
            if as_it_is and self.X.dtype == self.dtype:
                return self.X
            size = self.X.shape[0] * self.X.shape[1] * self.dtype.itemsize
            if size > STANDARDISED_COPY_LIMIT:
                return None
        prepared = torch.empty(self.X.shape, dtype=self.dtype)
        for rows in row_slices(*self.X.shape):
            prepared[rows] = self._standardised(rows)
        return prepared.to(self.device)

    def _standardised(self, rows):
        block = self.X[rows]
        if sparse.issparse(block):
            block = torch.from_numpy(block.toarray())
        if self.mean is not None:
            block = (block.double() - self.mean).mul_(self.inverse_scale)
        return block.to(self.dtype)

    def subset(self, indices):
        """Return the same table with only the rows at `indices`."""
        other = object.__new__(Rows)
        other.__dict__.update(self.__dict__)
        other.indices = self.indices[torch.as_tensor(indices)]
        if self.weight is not None:  # mean one among the rows that are left
            other.weight = self.weight / self.weight[other.indices].mean()
        return other

    @property
    def sample_weight(self):
        """The weights of these rows as a float64 array, or None."""
        if self.weight is None:
            return None
        return self.weight[self.indices].double().cpu().numpy()

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, positions):
        """Return (U, sample_weight) at some positions; the weight may be None."""
        indices = self.indices[positions]
        weight = None if self.weight is None else self.weight[indices]
        if self.prepared is not None:
            return self.prepared.index_select(0, indices.to(self.device)), weight
        return self._standardised(indices.numpy()).to(self.device), weight


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


def row_slices(n_samples, n_features, n_rows=None):
    """Yield slices of `n_rows` rows, or else of about CHUNK_CELLS cells, of a table."""
    n_rows = n_rows or max(1, CHUNK_CELLS // max(1, n_features))
    for start in range(0, n_samples, n_rows):
        yield slice(start, min(start + n_rows, n_samples))


def dense_chunks(X, sample_weight=None, n_rows=None, indices=None):
    """Return a function that yields dense (block, weight) pairs of the table X.

    The blocks are as `row_slices` cuts them, of the rows at `indices` or of all.
    """
    n_samples = X.shape[0] if indices is None else len(indices)

    def chunks():
        for rows in row_slices(n_samples, X.shape[1], n_rows):
            rows = rows if indices is None else indices[rows]
            block = X[rows]
            block = block.toarray() if sparse.issparse(block) else np.asarray(block)
            yield block, None if sample_weight is None else sample_weight[rows]

    return chunks


def spread_rows(X, weight, n_rows):
    """Return at most `n_rows` evenly spaced rows of X, dense, and their weights."""
    kept = np.linspace(0, X.shape[0] - 1, min(n_rows, X.shape[0])).astype(int)
    block = X[kept]
    block = block.toarray() if sparse.issparse(block) else np.asarray(block)
    return block, None if weight is None else weight[kept]


def as_tensor(array):
    """Return a tensor that shares the memory of `array`, read-only or not.

    torch warns about arrays that are not writable. Nothing here writes to them, so
    they are passed on under a writable interface instead.
    """
    if not array.flags.writeable or min(array.strides) < 0:
        array = np.ascontiguousarray(array)
    if not array.flags.writeable:
        array = np.asarray(_WritableInterface(array))
    return torch.from_numpy(array)


class _WritableInterface:
    def __init__(self, array):
        interface = dict(array.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface
        self.array = array  # keeps the memory alive
