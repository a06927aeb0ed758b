"""What to fit, as values: the network, the objective and how to train."""

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

import torch

from ..architectures import Dense
from ..networks._build import (
    anchored_autoencoder,
    check_shapes,
    plain_autoencoder,
    protected,
)
from ..networks._prefix import Prefix
from ..networks._shares import Span
from ..networks._work import measure_work
from ._ordered import variance_left
from ._random import seeded_globally
from ._start import fit_sigmoid_link, pca_start

SHAPE = ("n_features", "n_components")


@dataclass(frozen=True)
class Plan:
    """How to train, with every "auto" resolved."""

    solver: object
    learning_rate_init: float
    learning_rate: str
    batch_size: int
    max_iter: int
    n_iter_no_change: int
    tol: float
    early_stopping: bool = True
    validation_fraction: float = 0.1
    alpha: float = 0.0
    l1_ratio: float = 0.0
    precision: str = "float32"
    starts: tuple = ("pca",)
    verbose: int = 0
    description: str = ""
    stage: str = ""  # what goes on before the training of the result
    callbacks: list = field(default_factory=list)


@dataclass(frozen=True)
class Blueprint:
    """What a network is built from: an estimator's parameters, resolved."""

    n_features: int
    n_components: int
    hidden_layer_sizes: tuple
    activation: object
    dropout: float
    architecture: object
    code_activation: object
    output_activation: object
    init: str
    tied_weights: bool
    whiten: bool
    ordered: bool
    precision: str

    @property
    def dtype(self):
        """The dtype of the weights."""
        return torch.float64 if self.precision == "float64" else torch.float32

    @property
    def clamps(self):
        """Whether reconstructions keep to the limits of the columns."""
        return self.output_activation == "clamp"

    @property
    def is_linear(self):
        """Whether the network can be nothing but linear."""
        has_curves = self.hidden_layer_sizes and self.activation != "identity"
        activations = (self.code_activation, self.output_activation)
        is_identity = activations == ("identity", "identity")
        return self.architecture is None and not has_curves and is_identity

    @property
    def has_sigmoid_link(self):
        """Whether the start is a logistic PCA."""
        return self.init == "pca" and self.output_activation == "sigmoid"

    @property
    def own_code_size(self):
        """The number of components if it follows from the architecture, or None."""
        code_size = getattr(self.architecture, "code_size", None)
        return None if code_size is None else code_size(self.n_features)

    def start(self, table):
        """Return the `Start` from PCA of a table, or None for a random one."""
        if self.init != "pca":
            return None
        axes = table.axes(self.n_components)
        start = pca_start(
            table.moments, axes, self.n_components, tied=self.tied_weights
        )
        return fit_sigmoid_link(start, table) if self.has_sigmoid_link else start

    def parts(self, generator, n_components, load=None):
        """Return an encoder with so many outputs and a decoder with random weights."""
        architecture = self.architecture or Dense(
            self.hidden_layer_sizes, activation=self.activation, dropout=self.dropout
        )
        own = getattr(architecture, "uses_generator", False)
        with nullcontext() if own else seeded_globally(generator):
            parts = architecture.build(self.n_features, n_components, generator)
            check_shapes(*parts, self.n_features, n_components)
        if load is not None:
            load(*parts)
        return tuple(protected(part.to(self.dtype)) for part in parts)

    def build(self, objective, start, table, generator, load=None):
        """Return the network of an objective, to be trained on a table.

        `load` is called with the encoder and the decoder before these are put in.
        """
        parts = partial(self.parts, generator, load=load)
        encoder, decoder = objective.build(parts, self)
        options = {
            "tied_weights": self.tied_weights,
            "code_activation": self.code_activation,
            "output_activation": "identity" if self.clamps else self.output_activation,
        }
        if self.ordered:
            options["prefix"] = Prefix(variance_left(start, self), self.dtype)
        if start is not None:
            start = objective.adjust_start(start)
        network = partial(objective.network, start=start, table=table)
        if start is None:
            autoencoder = plain_autoencoder(encoder, decoder, network, **options)
        else:
            autoencoder = anchored_autoencoder(
                encoder,
                decoder,
                network,
                start,
                scale_output=not self.has_sigmoid_link,
                **options,
            )
        measure_work(autoencoder, torch.zeros(2, self.n_features, dtype=self.dtype))
        return autoencoder


@dataclass(frozen=True)
class Task:
    """One fit but for its rows and its seed.

    Attributes
    ----------
    layers : tuple of `Task`
        What the hidden layers are pretrained by, the lowest first.

    blocks : tuple or None
        The columns of a mixed table that the rows encode, see `Shares`.
    """

    blueprint: Blueprint
    objective: object
    plan: Plan
    device: str
    layers: tuple = ()
    blocks: tuple | None = None

    @property
    def counts_cells(self):
        """Whether the loss is that of the cells of a mixed table, or one with holes."""
        if self.blocks is None:
            return False
        has_categories = any(Span(*block).scales for block in self.blocks)
        has_softmax = self.objective.counts_cells and self.blueprint.clamps
        return has_softmax or not has_categories

    @property
    def n_restored(self):
        """How many columns are to be restored: others say where cells are missing."""
        spans = [Span(*block) for block in self.blocks or ()]
        n_read = sum(span.has_indicator and not span.is_restored for span in spans)
        return self.blueprint.n_features - n_read

    @property
    def dtype(self):
        return self.blueprint.dtype

    @property
    def rotates(self):
        """Whether the codes are rotated after the training."""
        return self.objective.rotates and self.blueprint.own_code_size is None

    @property
    def depends_on_rows(self):
        """Whether a new network depends on the rows that it is to be trained on."""
        blueprint = self.blueprint
        is_anchored = blueprint.init == "pca" or blueprint.clamps
        return is_anchored or bool(self.layers) or self.objective.needs_rows

    def adapt(self, network, table):
        """Change in a network what depends on the rows that it is trained on."""
        device = next(network.parameters()).device
        if self.counts_cells:
            mean = torch.tensor(table.moments.mean)
            network.set_blocks(self.blocks, mean.to(device))
        if self.blueprint.clamps:
            limits = torch.tensor(table.moments.limits).to(device)
            if self.counts_cells:  # shares have limits of their own
                largest = torch.finfo(limits.dtype).max
                none = limits.new_tensor([[-largest], [largest]])
                limits = torch.where(network.shares.is_category, none, limits)
            network.set_limits(limits)
        self.objective.adapt(network, table, self.blocks)

    def watched_by_nobody(self):
        """Return the task without the user's callbacks."""
        plan = replace(self.plan, callbacks=[], stage="judging")
        return replace(self, plan=plan)


def build_parts(task, n_components):
    """Return encoder and decoder as `Blueprint.build` makes them, with any weights."""
    blueprint = replace(task.blueprint, n_components=n_components)
    parts = partial(blueprint.parts, torch.Generator().manual_seed(0))
    return task.objective.build(parts, blueprint)


def changed_parameter(earlier, task):
    """Return the name of a parameter that the network depends on and its two values.

    None if a task can go on with the network of an earlier one. What others follow from
    comes first.
    """
    names = set(vars(task.blueprint)) - {"precision", *SHAPE}
    if earlier.dtype != task.dtype:
        names.add("precision")
    blueprints = earlier.blueprint, task.blueprint
    aims = earlier.objective, task.objective
    values = [(name, *blueprints) for name in SHAPE]
    values += [(name, *aims) for name in task.objective.network_fields]
    values += [(name, *blueprints) for name in sorted(names)]
    for name, before, now in values:
        found = getattr(before, name, None), getattr(now, name)
        if not _same_value(*found):
            return name, *found
    return None


def _same_value(a, b):
    """Whether two parameters are the same; parameter objects are compared by theirs."""
    if hasattr(a, "get_params") and type(a) is type(b):
        return a.get_params() == b.get_params()
    return a == b
