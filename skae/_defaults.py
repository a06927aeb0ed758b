"""What "auto" stands for: rules from the shape of the table alone."""

import math

# What a stream of chunks, whose length nobody knows, is taken for.
STREAM_ROWS = 1000
STREAM_BATCH_SIZE = 64

# Rates that train standardised columns well; the papers' own for what is not here.
LEARNING_RATES = {"muon": 0.015, "adamw": 4e-3, "nadam": 2e-3, "sgd": 0.1}
SCALED_WITH_THE_BATCH = ("muon", "adamw")
OTHER_LEARNING_RATE = 1e-3
STREAM_SLOWDOWN = 1 / 3  # a constant rate has to be lower than the peak of a cycle


def hidden_layer_sizes(n_features, n_components):
    """Return two equal hidden layers, wider for wider tables and larger codes."""
    widest = 128 if n_features <= 256 else 256
    width = max(64, min(4 * n_features, widest), 2 * n_components)
    return (int(width), int(width))


def solver(n_samples, multiplies_bfloat16):
    """Return Muon where there are rows enough for it, else AdamW.

    Muon multiplies in bfloat16: no choice for a machine that cannot.
    """
    return "muon" if n_samples >= 20_000 and multiplies_bfloat16() else "adamw"


def precision(n_samples, n_features, accelerates_bfloat16):
    """Return bfloat16 where products are large enough to gain from it, else float32."""
    large = n_samples >= 20_000 and n_features > 256
    return "bfloat16" if large and accelerates_bfloat16() else "float32"


def learning_rate_init(solver, batch_size, *, streaming=False):
    """Return the rate of a solver, by its name or class."""
    rate = OTHER_LEARNING_RATE
    if isinstance(solver, str):
        rate = LEARNING_RATES.get(solver, OTHER_LEARNING_RATE)
    if solver in SCALED_WITH_THE_BATCH:  # larger batches have less noise
        rate *= min(2.0, max(1.0, math.sqrt(batch_size / 128)))
    return rate * STREAM_SLOWDOWN if streaming else rate


def batch_size(n_samples):
    """Return a power of two, about a thirtieth of the rows within [32, 512]."""
    return int(min(512, max(32, 2 ** round(math.log2(max(1, n_samples / 30))))))


def max_iter(n_samples, batch_size):
    """Return the epochs that make about 2200 steps, within [12, 150]."""
    steps_per_epoch = max(1, n_samples / batch_size)
    return int(min(150, max(12, round(2200 / steps_per_epoch))))
