"""What "auto" stands for: rules from the shape of the table alone."""

import math


def hidden_layer_sizes(n_samples, n_features, n_components):
    """Return one hidden layer, wider for wider tables and more rows."""
    width = max(2 * n_components, min(n_features * 4, 256), 32)
    return (int(min(width, 512)),)


def solver(n_samples):
    """Return Muon where there are rows enough for it, else AdamW."""
    return "muon" if n_samples >= 2000 else "adamw"


def batch_size(n_samples):
    """Return a power of two, about a sixtieth of the rows within [32, 512]."""
    return int(min(512, max(32, 2 ** round(math.log2(max(1, n_samples / 30))))))


def max_iter(n_samples, batch_size):
    """Return the epochs that make about 3000 steps, within [10, 200]."""
    steps_per_epoch = max(1, n_samples / batch_size)
    return int(min(200, max(12, round(3000 / steps_per_epoch))))
