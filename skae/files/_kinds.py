"""Every kind of module that a file may hold: its settings and its tensors."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ..exceptions import FileError
from ..networks._autoencoder import Anchored, Autoencoder
from ..networks._conv import ToImage, ToRow, Upsample
from ..networks._kernel import RadialBasis
from ..networks._layers import Activation, Copy, Dropout, Gain, TiedLinear
from ..networks._marginalized import Concatenated
from ..networks._network import RandomPart
from ..networks._noise import NoisePart
from ..networks._prefix import Extended, First, Prefix, octaves
from ..objectives._contractive import ContractiveNetwork, JacobianNorm
from ..objectives._denoising import Added, Custom, Replaced
from ..objectives._sparse import SparseNetwork, TopK, TopKNetwork
from ..objectives._supervised import Adversarial, SupervisedNetwork
from ..objectives._variational import (
    GaussianEncoder,
    Reparameterisation,
    VariationalNetwork,
)

LARGEST = 2**40
ACTIVATIONS = {
    *("celu", "elu", "gelu", "hardtanh", "identity", "leaky_relu", "mish", "relu"),
    *("relu6", "selu", "sigmoid", "silu", "softplus", "softsign", "tanh"),
}


@dataclass(frozen=True)
class Kind:
    """How modules of one class are stored.

    Attributes
    ----------
    cls : type

    settings : dict of str to callable
        Attributes that are stored, and what is true of each.

    sizes : dict of str to callable
        More numbers that shapes follow from, as functions of a module.

    weights, buffers : dict of str to tuple
        Tensors and their shapes, in names of settings and sizes, "d" for the columns
        and "k" for the components. All may be missing, as a bias may; but not one of
        `needed`.

    parts : tuple of str or None
        Names of the modules inside; None for a sequence. Those of `loose` may be None.

    make : callable or None
        Returns a module for settings; None sets them as attributes.
    """

    cls: type
    settings: dict[str, Callable]
    sizes: dict[str, Callable]
    weights: dict[str, tuple]
    buffers: dict[str, tuple]
    needed: tuple = ()
    parts: tuple | None = ()
    loose: tuple = ()
    make: Callable | None = None


def kind(cls, settings=None, *, sizes=None, weights=None, buffers=None, **options):
    return Kind(
        cls, settings or {}, sizes or {}, weights or {}, buffers or {}, **options
    )


# -- what settings may be -------------------------------------------------------------


def flag(value):
    return type(value) is bool


def count(value):
    return type(value) is int and 0 < value < LARGEST


def natural(value):
    return type(value) is int and 0 <= value < LARGEST


def size(value):
    return natural(value) or (type(value) is tuple and all(map(natural, value)))


def number(value):
    return type(value) in (int, float) and math.isfinite(value)


def share(value):
    return number(value) and 0 <= value <= 1


def sizes(value):
    return type(value) is tuple and 0 < len(value) < 4 and all(map(count, value))


def naturals(value):
    return type(value) is tuple and 0 < len(value) < 4 and all(map(natural, value))


def function(value):
    return value is None or value in ACTIVATIONS if is_plain(value) else callable(value)


def is_plain(value):
    return value is None or isinstance(value, str)


def one_of(*values):
    return lambda value: value in values


# -- modules --------------------------------------------------------------------------


def blank(cls):
    """Return a module without settings: nothing is drawn, nothing allocated."""
    module = cls.__new__(cls)
    base = next(b for b in (NoisePart, RandomPart, nn.Module) if issubclass(cls, b))
    base.__init__(module)
    return module


def _convolution(cls):
    def make(settings):
        return nn.utils.skip_init(cls, **settings)

    return make


def _prefix(settings):
    module = blank(Prefix)
    module.groups = octaves(settings["n_codes"])
    module.n_first = None
    return module


CONVOLUTION = {
    "in_channels": count,
    "out_channels": count,
    "kernel_size": sizes,
    "stride": sizes,
    "padding": naturals,
}
NETWORK = {
    "scale_input": flag,
    "scale_output": flag,
    "work": natural,
    "widest": count,
}
SCALING = {
    **dict.fromkeys(("mean", "row_mean", "scale", "inverse_scale"), ("d",)),
    **dict.fromkeys(("code_scale", "code_offset", "rotation_bias"), ("k",)),
    **dict.fromkeys(("rotation", "inverse_rotation"), ("k", "k")),
    **dict.fromkeys(("limits", "standardised_limits"), (2, "d")),
}
NETWORK_PARTS = {
    "parts": (
        *("corruption", "encoder", "decoder", "prefix", "shares"),
        *("code_activation", "output_activation"),
    ),
    "loose": ("prefix", "shares"),  # no file holds the second
}
CORRUPTION = {
    **dict.fromkeys(("varies", "mean", "scale"), ("d",)),
    **dict.fromkeys(("lowest", "highest"), ("clip",)),
}
CLIP = {
    "clip": lambda module: () if module.lowest is None else tuple(module.lowest.shape)
}


def _network(cls, settings=None, *, parts=(), **options):
    options.setdefault("buffers", {})
    options["buffers"] = {**SCALING, **options["buffers"]}
    return kind(
        cls,
        {**NETWORK, **(settings or {})},
        parts=(*NETWORK_PARTS["parts"], *parts),
        loose=NETWORK_PARTS["loose"],
        **options,
    )


KINDS = [
    _network(Autoencoder),
    _network(ContractiveNetwork, parts=("jacobian_norm",)),
    _network(SparseNetwork),
    _network(TopKNetwork, {"patience": count}, buffers={"idle": ("k",)}),
    _network(
        VariationalNetwork,
        sizes={
            "learns_noise": lambda module: int(
                "log_noise_variance" in module._parameters
            )
        },
        parts=("reparameterisation",),
        weights={"log_noise_variance": ()},
        buffers={"log_noise_variance": ()},
    ),
    kind(
        SupervisedNetwork,
        {"reconstructs": flag, "work": natural, "widest": count},
        sizes={"n_outputs": lambda module: module.head.out_features},
        buffers={
            "code_mean": ("k",),
            "code_scale": ("k",),
            "target_mean": ("n_outputs",),
            "target_scale": ("n_outputs",),
        },
        needed=("code_mean", "code_scale"),
        parts=("autoencoder", "head", "noise"),
        loose=("noise",),
    ),
    # layers
    kind(
        nn.Linear,
        {"in_features": count, "out_features": count},
        weights={"weight": ("out_features", "in_features"), "bias": ("out_features",)},
        needed=("weight",),
    ),
    kind(
        TiedLinear,
        sizes={
            "n_in": lambda module: module.weight.shape[1],
            "n_out": lambda module: module.weight.shape[0],
        },
        weights={"bias": ("n_out",)},
        needed=("bias",),
    ),
    kind(
        nn.Conv2d,
        CONVOLUTION,
        weights={
            "weight": ("out_channels", "in_channels", "kernel_size"),
            "bias": ("out_channels",),
        },
        needed=("weight",),
        make=_convolution(nn.Conv2d),
    ),
    kind(
        nn.ConvTranspose2d,
        {**CONVOLUTION, "output_padding": naturals},
        weights={
            "weight": ("in_channels", "out_channels", "kernel_size"),
            "bias": ("out_channels",),
        },
        needed=("weight",),
        make=_convolution(nn.ConvTranspose2d),
    ),
    kind(
        nn.MaxPool2d,
        {"kernel_size": sizes},
        make=lambda settings: nn.MaxPool2d(settings["kernel_size"], ceil_mode=True),
    ),
    kind(
        nn.AvgPool2d,
        {"kernel_size": sizes},
        make=lambda settings: nn.AvgPool2d(settings["kernel_size"], ceil_mode=True),
    ),
    kind(nn.Identity),
    kind(nn.Flatten, make=lambda settings: nn.Flatten()),
    kind(nn.Sequential, parts=None),
    kind(nn.ModuleList, parts=None),
    kind(Activation, {"function": function}, parts=("function",), loose=("function",)),
    kind(TopK, {"k": count}, parts=("activation",)),
    kind(Dropout, {"p": share}),
    kind(Copy),
    kind(Anchored, parts=("linear", "network")),
    kind(
        Gain,
        sizes={"n_outputs": lambda module: len(module.gain)},
        weights={"gain": ("n_outputs",)},
        needed=("gain",),
        parts=("network",),
    ),
    kind(ToImage, {"shape": sizes, "pixelwise": flag}),
    kind(ToRow),
    kind(Upsample, {"size": sizes}),
    kind(First, {"n_columns": count}),
    kind(
        Extended,
        sizes={"n_values": lambda module: len(module.values)},
        weights={"values": ("n_values",)},
        needed=("values",),
    ),
    kind(
        Prefix,
        sizes={
            "n_codes": lambda module: module.n_components,
            "n_groups": lambda module: len(module.groups),
        },
        weights={"missing": ("n_codes",)},
        buffers={"left": ("n_codes",), "weight": ("n_groups",)},
        needed=("missing", "left", "weight"),
        make=_prefix,
    ),
    kind(
        RadialBasis,
        {"gamma": number},
        sizes={
            "n_centres": lambda module: module.centres.shape[0],
            "n_in": lambda module: module.centres.shape[1],
            "n_out": lambda module: module.coef.shape[1],
        },
        weights={"centres": ("n_centres", "n_in"), "coef": ("n_centres", "n_out")},
        needed=("centres", "coef"),
    ),
    kind(Concatenated, parts=("parts",)),
    kind(GaussianEncoder, parts=("mean", "log_var")),
    # noise
    kind(JacobianNorm),
    kind(Reparameterisation),
    kind(
        Added,
        {"kind": one_of("gaussian", "uniform")},
        sizes={**CLIP, "levels": lambda module: tuple(module.level.shape)},
        buffers={**CORRUPTION, "level": ("levels",)},
        needed=("level",),
    ),
    kind(
        Replaced,
        {"kind": one_of("masking", "salt_pepper", "swap"), "noise_level": share},
        sizes={**CLIP, "ends": lambda module: tuple(module.pepper.shape)},
        buffers={**CORRUPTION, "pepper": ("ends",), "salt": ("ends",)},
        needed=("pepper", "salt"),
    ),
    kind(Custom, {"function": callable}, sizes=CLIP, buffers=CORRUPTION),
    kind(
        Adversarial,
        sizes={"d": lambda module: len(module.level)},
        buffers={"level": ("d",)},
        needed=("level",),
    ),
]
BY_CLASS = {entry.cls: entry for entry in KINDS}
# What a part of a name may be; others are layers.
ROLES = {
    "corruption": (nn.Identity, Added, Replaced, Custom),
    "noise": (Added, Adversarial),
    "prefix": (Prefix,),
    **dict.fromkeys(
        ("activation", "code_activation", "output_activation"), (Activation,)
    ),
    "function": (TopK,),
    "jacobian_norm": (JacobianNorm,),
    "reparameterisation": (Reparameterisation,),
    "autoencoder": (
        *(Autoencoder, ContractiveNetwork, SparseNetwork, TopKNetwork),
        VariationalNetwork,
    ),
    "head": (nn.Linear,),
    "linear": (nn.Linear, TiedLinear),
    "parts": (nn.ModuleList,),
}
NO_LAYERS = {
    SupervisedNetwork,
    *(cls for name, classes in ROLES.items() if name != "linear" for cls in classes),
} - {nn.Identity, nn.Linear, Activation}
# Two classes of one name would be one kind.
BY_NAME = {entry.cls.__name__: entry for entry in KINDS}


def shape_of(names, numbers):
    """Return a shape for names of numbers; a size of several is several."""
    shape = []
    for name in names:
        size = numbers[name] if isinstance(name, str) else name
        shape.extend(size if isinstance(size, tuple) else (size,))
    return tuple(shape)


def is_part(cls, name):
    """Whether a part of a name may be of a class."""
    return cls in ROLES[name] if name in ROLES else cls not in NO_LAYERS


def is_known(module):
    """Whether a module by itself is what a file can hold."""
    entry = BY_CLASS.get(type(module))
    if entry is None or module._forward_hooks or module._forward_pre_hooks:
        return False
    if entry.make is None or entry.sizes:
        return True
    settings = {name: getattr(module, name) for name in entry.settings}
    if not all(check(settings[name]) for name, check in entry.settings.items()):
        return False
    made = vars(entry.make(settings))
    return all(  # a convolution has more settings than skae's own make use of
        made.get(name) == value
        for name, value in vars(module).items()
        if name != "training" and not isinstance(value, dict)
    )


def kind_named(name):
    if not isinstance(name, str) or name not in BY_NAME:
        raise FileError(f"{name!r} is no kind of layer that a file may hold.")
    return BY_NAME[name]
