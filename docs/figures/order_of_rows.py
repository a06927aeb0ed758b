"""Which rows of a table the steps of an epoch take: from memory, and from a file."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import torch

from skae.engine._rows import Batches

N_ROWS, BATCH_SIZE, N_PIECES = 4096, 64, 32
BYTES = 256 * 2**20  # so that a piece has 8 MB


class Places:
    """Rows that say where in the table they are."""

    dtype = torch.float32
    table = SimpleNamespace(n_columns=BYTES // dtype.itemsize // N_ROWS)

    def __init__(self, runs=None):
        self.runs = runs

    def __len__(self):
        return N_ROWS

    def __getitem__(self, positions):
        return positions, None

    def gather(self, runs):
        return torch.cat([torch.arange(*run) for run in runs]), None


length = N_ROWS // N_PIECES
pieces = [(start, start + length) for start in range(0, N_ROWS, length)]
panels = {
    "in memory: rows are shuffled": Places(),
    "in a file: pieces, then rows of eight": Places(pieces),
}
figure, axes = plt.subplots(2, figsize=(6.4, 6), sharex=True, layout="constrained")
for ax, (title, rows) in zip(axes, panels.items(), strict=True):
    generator = torch.Generator().manual_seed(0)
    places = torch.cat([batch for batch, _ in Batches(rows, BATCH_SIZE, generator)])
    steps = 1 + torch.arange(N_ROWS) // BATCH_SIZE
    ax.scatter(steps, places / N_ROWS, s=3, rasterized=True)
    ax.set_title(title)
    ax.set_ylabel("place in the table")
    ax.set_yticks([0, 1], ["first row", "last row"])
    ax.margins(0.02)
axes[1].set_xlabel("step of the epoch")
