"""From parameters, a shape and a device to a network and a plan to train it."""

import math

import numpy as np

from .. import engine

# What a stream of chunks, whose length nobody knows, is taken for.
STREAM_ROWS = 1000
STREAM_BATCH_SIZE = 64

# Rates that train standardised columns well; the papers' own for what is not here.
LEARNING_RATES = {"muon": 0.03, "adamw": 0.012, "nadam": 2e-3, "sgd": 0.1}
OTHER_LEARNING_RATE = 1e-3
STREAM_PEAK = 4e-3
STREAM_SLOWDOWN = 1 / 3  # a constant rate has to be lower than the peak of a cycle

# bfloat16 over float32, in time. A CPU either has instructions for bfloat16 (0.3) or
# has not (1 and more): the first threshold lies between.
ACCELERATED = 0.6
BEARABLE = 10

FEW_ROWS = 500
# Where rows are fewer, Muon fits their noise before anything else.
ROWS_PER_COLUMN = 5
# Many rows are seen in fewer epochs and larger batches.
MANY_ROWS = 500_000
LEAST_EPOCHS = 12

PLAN_PARAMETERS = (
    "alpha",
    "early_stopping",
    "l1_ratio",
    "n_iter_no_change",
    "tol",
    "validation_fraction",
)
NETWORK_PARAMETERS = (
    *("activation", "architecture", "dropout", "ordered", "tied_weights", "whiten"),
)
RESOLVED = (
    *("hidden_layer_sizes", "code_activation", "output_activation", "n_components"),
    *("solver", "learning_rate_init", "learning_rate", "batch_size", "max_iter"),
    "precision",
)


def resolve(parameters, shape, device, *, streaming=False):
    """Return the `Blueprint` of a network and the `Plan` of its training.

    Parameters
    ----------
    parameters : dict
        An estimator's parameters by name, "auto" among the values.

    shape : tuple (n_rows, n_columns)

    device : str

    streaming : bool
        Whether the rows come in chunks: their number is then not known.
    """
    blueprint = _blueprint(parameters, shape, device, streaming)
    return blueprint, _plan(parameters, shape, device, streaming)


def _blueprint(parameters, shape, device, streaming):
    given = parameters.get
    n_columns, n_components = shape[1], given("n_components")
    code_size = getattr(given("architecture"), "code_size", lambda n_columns: None)
    own_code_size = code_size(n_columns)
    sizes = given("hidden_layer_sizes")
    if is_auto(sizes):
        sizes = hidden_layer_sizes(n_columns, n_components)
    sizes = check_hidden_layer_sizes(sizes)
    code_activation = given("code_activation")
    output_activation = given("output_activation")
    if is_auto(output_activation):
        output_activation = _output_activation(parameters, sizes, streaming)
    return engine.Blueprint(
        n_features=n_columns,
        n_components=own_code_size or n_components,
        hidden_layer_sizes=sizes,
        code_activation="identity" if is_auto(code_activation) else code_activation,
        output_activation=output_activation,
        init="pca" if is_auto(given("init")) else given("init"),
        precision=_precision(parameters, shape, device, streaming),
        **{name: given(name) for name in NETWORK_PARAMETERS},
    )


def _plan(parameters, shape, device, streaming):
    n_rows = STREAM_ROWS if streaming else shape[0]
    solver, size = parameters["solver"], parameters["batch_size"]
    if is_auto(solver):
        solver = "adamw" if streaming else _solver(n_rows, shape[1], device)
    if is_auto(size):
        size = STREAM_BATCH_SIZE if streaming else batch_size(n_rows)
    schedule = parameters["learning_rate"]
    if is_auto(schedule) or streaming:  # chunks have no schedule
        schedule = "constant" if streaming else "one_cycle"
    rate, n_epochs = parameters["learning_rate_init"], parameters["max_iter"]
    if is_auto(rate):
        rate = learning_rate_init(solver, size, streaming=streaming)
    return engine.Plan(
        solver=solver,
        learning_rate_init=rate,
        learning_rate=schedule,
        batch_size=size if streaming else min(size, n_rows),
        max_iter=max_iter(n_rows, size) if is_auto(n_epochs) else n_epochs,
        precision=_precision(parameters, shape, device, streaming),
        starts=_starts(parameters),
        verbose=int(parameters["verbose"]),
        callbacks=list(parameters["callbacks"] or []),
        **{name: parameters[name] for name in PLAN_PARAMETERS},
    )


def _starts(parameters):
    if not is_auto(parameters["init"]):
        return ("pca",)
    # kernel ridge regression takes all codes
    return engine.STARTS[:-1] if parameters["ordered"] else engine.STARTS


def is_auto(value):
    """Whether a parameter is left to a rule."""
    return isinstance(value, str) and value == "auto"


def hidden_layer_sizes(n_columns, n_components):
    """Return two equal hidden layers, wider for wider tables and larger codes."""
    widest = 128 if n_columns <= 256 else 256
    width = max(64, min(4 * n_columns, widest), 2 * n_components)
    return (int(width), int(width))


def _output_activation(parameters, sizes, streaming):
    if parameters["loss"] == "binary_cross_entropy":
        return "sigmoid"
    has_curves = sizes and parameters["activation"] != "identity"
    is_linear = parameters["architecture"] is None and not has_curves
    is_plain = parameters["init"] == "random" or is_linear
    # a chunk does not know the limits
    has_shares = parameters["has_categories"] and parameters["loss"] == "squared_error"
    is_free = streaming or (is_plain and not has_shares)
    return "identity" if is_free else "clamp"


def _solver(n_rows, n_columns, device):
    """Return Muon where there are rows enough for it, else AdamW.

    Muon multiplies in bfloat16: no choice for a machine that cannot.
    """
    has_enough = n_rows >= max(FEW_ROWS, ROWS_PER_COLUMN * n_columns)
    return (
        "muon" if has_enough and engine.bfloat16_ratio(device) < BEARABLE else "adamw"
    )


def _precision(parameters, shape, device, streaming):
    """Return bfloat16 where products are large enough to gain from it, else float32."""
    if not is_auto(parameters["precision"]):
        return parameters["precision"]
    is_large = shape[0] >= 20_000 and shape[1] > 256 and not streaming
    gains = is_large and engine.bfloat16_ratio(device) < ACCELERATED
    return "bfloat16" if gains else "float32"


def learning_rate_init(solver, batch_size, *, streaming=False):
    """Return the rate of a solver, by its name or class."""
    rate = OTHER_LEARNING_RATE
    if isinstance(solver, str):
        rate = LEARNING_RATES.get(solver, OTHER_LEARNING_RATE)
    return min(rate, STREAM_PEAK) * STREAM_SLOWDOWN if streaming else rate


def batch_size(n_rows):
    """Return a power of two, about a fifteenth of the rows within [32, 512].

    Of half a million rows and more it is 1024.
    """
    if n_rows >= MANY_ROWS:
        return 1024
    return int(min(512, max(32, 2 ** round(math.log2(max(1, n_rows / 15))))))


def max_iter(n_rows, batch_size):
    """Return the epochs that make about 450 steps of few rows, 2300 of 20000 and more.

    They are within [12, 150]; of half a million rows and more, which teach in one epoch
    what few teach in many, those that see six million.
    """
    n_rows = max(1, n_rows)
    n_steps = 450 if n_rows < FEW_ROWS else min(2300, 900 * (n_rows / 1000) ** (1 / 3))
    least = min(LEAST_EPOCHS, max(2, round(LEAST_EPOCHS * MANY_ROWS / n_rows)))
    return int(min(150, max(least, round(n_steps * batch_size / n_rows))))


def check_hidden_layer_sizes(sizes):
    """Return hidden_layer_sizes as a tuple of positive ints."""
    widths = tuple(np.atleast_1d(np.asarray(sizes)).tolist())
    if not all(isinstance(width, int) and width > 0 for width in widths):
        raise ValueError(
            f"hidden_layer_sizes={sizes!r} should hold positive integers, the widths "
            "of the encoder's hidden layers; () is a network without any."
        )
    return widths


def check_combination(blueprint, loss):
    """Raise a ValueError if parameters do not go together."""
    if blueprint.init == "pca":
        _check_start(blueprint)
    output_activation = blueprint.output_activation
    is_bounded = output_activation == "sigmoid" or callable(output_activation)
    if loss == "binary_cross_entropy" and not is_bounded:
        raise ValueError(
            "loss='binary_cross_entropy' needs outputs within [0, 1], got "
            f"output_activation={output_activation!r}. Use 'sigmoid', or 'auto'."
        )
    if blueprint.tied_weights and blueprint.architecture is not None:
        raise ValueError(
            "tied_weights=True needs architecture=None: only the dense network "
            "of hidden_layer_sizes is its own mirror image."
        )
    if blueprint.own_code_size is not None:
        _check_own_code(blueprint)


def _check_start(blueprint):
    """Check what can start as PCA."""
    if blueprint.code_activation != "identity":
        raise ValueError(
            "init='pca' needs code_activation='identity', and so does 'auto', got "
            f"{blueprint.code_activation!r}: principal components take both signs. Use "
            "init='random' for a network with this code activation."
        )
    if blueprint.output_activation not in ("identity", "clamp", "sigmoid"):
        raise ValueError(
            "init='pca' needs output_activation='identity', 'clamp' or 'sigmoid', got "
            f"{blueprint.output_activation!r}. Use init='random' for a network with "
            "this output activation."
        )
    if blueprint.tied_weights and blueprint.has_sigmoid_link:
        raise ValueError(
            "tied_weights=True with init='pca' needs output_activation='identity' or "
            f"'clamp', got {blueprint.output_activation!r}: through a link the "
            "decoder's axes are not the encoder's. Use init='random' or "
            "tied_weights=False."
        )


def _check_own_code(blueprint):
    for name, found, accepted in (
        ("init", blueprint.init, "random"),
        ("whiten", blueprint.whiten, False),
        ("ordered", blueprint.ordered, False),
    ):
        if found != accepted:
            raise ValueError(
                f"{name}={found!r} needs a code that the estimator chooses: "
                f"{blueprint.architecture!r} makes codes of {blueprint.n_components} "
                f"components of its own. Use {name}={accepted!r}, or code='vector' if "
                "the architecture has it."
            )
