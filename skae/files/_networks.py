"""A network as a tree of known layers, and back: no class is run but those of skae.

The tree holds the kind of every layer, its settings and the names of its tensors. What
shapes these have to have follows from the settings. A network of the caller's own
modules is built by the caller's architecture, and gets its tensors alone.
"""

import numpy as np
import torch
from torch import nn

from ..exceptions import FileError
from ..networks._autoencoder import Anchored
from ..networks._kernel import RadialBasis
from ..networks._layers import Gain, TiedLinear
from ..networks._prefix import Extended, First
from ..networks._shares import Shares
from ..objectives._variational import GaussianEncoder
from ._kinds import BY_CLASS, blank, is_known, is_part, kind_named, shape_of, size
from ._shapes import check_widths

DEEPEST = 100  # parts within parts
OTHER_DTYPES = {"varies": torch.bool, "idle": torch.int64}
FLOATS = (torch.float32, torch.float64)


def describe(network, writer, n_components=None):
    """Return a network as JSON; its tensors go to the `Writer`.

    Where there may be modules of the caller's own, `n_components` is the number of
    codes that the network has.
    """
    own = n_components
    if own is not None:  # the architecture has made more, if these are the first ones
        kept_beside = (part for part in network.modules() if type(part) is Extended)
        own += sum(len(part.values) for part in kept_beside)
    places = {id(part): name for name, part in network.named_modules()}
    return _describe(network, writer, places, own, None)


def _describe(module, writer, places, own, role):
    if own is not None and role and not _is_wrapper(module) and not _is_known(module):
        return _describe_own(module, writer, role, own)
    if not is_known(module):
        cls = type(module)
        raise TypeError(
            f"has a {cls.__module__}.{cls.__qualname__} in its network that is not as "
            "skae makes them"
        )
    entry = BY_CLASS[type(module)]
    names = [name for name, part in module._modules.items() if _is_kept(part)]
    settings = {
        name: getattr(module, name) for name in entry.settings if name not in names
    }
    settings |= {name: read(module) for name, read in entry.sizes.items()}
    if type(module) is TiedLinear:
        settings["of"] = places[id(module._linear[0])]
    tensors = {**module._parameters, **module._buffers}
    return {
        "kind": type(module).__name__,
        "settings": {name: writer.encode(value) for name, value in settings.items()},
        "tensors": {
            name: [*writer.keep(_as_array(tensor))]
            for name, tensor in tensors.items()
            if tensor is not None
        },
        "parts": {
            name: _describe(
                module._modules[name], writer, places, own, _role(name, role)
            )
            for name in names
        },
    }


def _is_kept(part):
    """Whether a part is there, and does not follow from the table's encoder."""
    return part is not None and type(part) is not Shares


def _as_array(tensor):
    array = tensor.detach().cpu().numpy()
    if not np.isfinite(array).all():
        raise ValueError("The network has weights that are not finite.")
    return array


def _role(name, role):
    """Return which of the architecture's modules a part is made of, or None."""
    if name in ("encoder", "decoder"):
        return name
    if role == "encoder" and name in ("mean", "log_var"):
        return f"encoder.{name}"
    return role


def _is_wrapper(module):
    """Whether it is what skae puts around the modules of an architecture."""
    kinds = [type(part) for part in module.children()]
    is_truncated = type(module) is nn.Sequential and (
        kinds[-1:] == [First] or kinds[:1] == [Extended]
    )
    return is_truncated or type(module) in (Anchored, Gain, GaussianEncoder)


def _is_known(module):
    return all(map(is_known, module.modules()))


def _describe_own(module, writer, role, n_components):
    state = module.state_dict()
    tensors = {name: [*writer.keep(_as_array(t))] for name, t in state.items()}
    settings = {"of": role, "n_components": n_components}
    return {"kind": "own", "settings": settings, "tensors": tensors, "parts": {}}


# -- back -----------------------------------------------------------------------------


class Builder:
    """Builds a network from its tree.

    Parameters
    ----------
    values : Values

    n_features, n_components : int

    dtype : torch.dtype
        Of the weights.

    own : callable or None
        Returns the encoder and the decoder of the caller's architecture.
    """

    def __init__(self, values, n_features, n_components, dtype, own=None):
        self.values = values
        self.numbers = {"d": n_features, "k": n_components}
        self.dtype = dtype
        self.own = own
        self.has_own = False
        self.tied = []

    def build(self, tree, cls):
        """Return the network, which has to be of a class."""
        network = self._build(tree, 0)
        if type(network) is not cls:
            raise FileError(
                f"The network is a {type(network).__name__}; it should be a "
                f"{cls.__name__}."
            )
        places = dict(network.named_modules())
        for layer, place, n_in, n_out in self.tied:
            linear = places.get(place) if isinstance(place, str) else None
            if type(linear) is not nn.Linear or linear.weight.shape != (n_in, n_out):
                raise FileError(f"A layer is tied to {place!r}, which does not fit.")
            layer._linear = (linear,)
        if not self.has_own:
            check_widths(network, self.numbers["d"], self.numbers["k"])
        return network.eval()

    def _build(self, node, depth):
        if not isinstance(node, dict) or set(node) != NODE or depth > DEEPEST:
            raise FileError("The network is not described as skae has it.")
        if not all(isinstance(node[name], dict) for name in NODE - {"kind"}):
            raise FileError("The network is not described as skae has it.")
        settings = {k: self.values.decode(v) for k, v in node["settings"].items()}
        if node["kind"] == "own":
            return self._build_own(settings, node["tensors"])
        entry = kind_named(node["kind"])
        parts = self._parts(entry, node["parts"], depth)
        place = settings.pop("of", None) if entry.cls is TiedLinear else None
        _check_settings(entry, settings, parts)
        tensors = self._tensors(entry, settings, node["tensors"])
        module = _made(entry, settings)
        if entry.cls is TiedLinear:
            self.tied.append((module, place, settings["n_in"], settings["n_out"]))
        for name in {**entry.weights, **entry.buffers}:
            is_weight = name in entry.weights and settings.get("learns_noise", 1)
            _set_tensor(module, name, tensors.get(name), is_weight=bool(is_weight))
        for name in entry.loose:
            if name not in parts and name not in settings:
                setattr(module, name, None)
        for name, part in parts.items():
            module.add_module(name, part)
        return module

    def _parts(self, entry, nodes, depth):
        names, loose = entry.parts, entry.loose
        if names is None:
            names = [str(i) for i in range(len(nodes))]
        if not set(names) - set(loose) <= set(nodes) <= set(names):
            raise FileError(f"{entry.cls.__name__} does not have parts {list(nodes)}.")
        parts = {}
        for name in names:
            if name in nodes:
                part = parts[name] = self._build(nodes[name], depth + 1)
                if not is_part(type(part), name):
                    raise FileError(f"A {type(part).__name__} cannot be a {name}.")
        return parts

    def _tensors(self, entry, settings, references):
        known = {**entry.weights, **entry.buffers}
        if not set(entry.needed) <= set(references) <= set(known):
            raise FileError(
                f"{entry.cls.__name__} does not have tensors {list(references)}."
            )
        numbers = self.numbers | settings
        expected = {name: shape_of(known[name], numbers) for name in references}
        tensors = {}
        for name, reference in references.items():
            dtypes = (OTHER_DTYPES[name],) if name in OTHER_DTYPES else FLOATS
            if name in entry.weights:
                dtypes = (torch.float64 if entry.cls is RadialBasis else self.dtype,)
            tensors[name] = self._tensor(reference, expected[name], dtypes, name)
        return tensors

    def _tensor(self, reference, expected, dtypes, name):
        found = self.values.shape_of({"array": reference})
        dtype, shape = found
        if shape != expected or dtype.name not in [str(d)[6:] for d in dtypes]:
            raise FileError(
                f"Tensor {name!r} has shape {shape} and dtype {dtype}; the parameters "
                f"ask for {expected} and {' or '.join(str(d)[6:] for d in dtypes)}."
            )
        array = self.values.array(reference)
        if not np.isfinite(array).all():
            raise FileError(f"Tensor {name!r} has values that are not finite.")
        return torch.from_numpy(array)

    def _build_own(self, settings, references):
        role, n_components = settings.get("of"), settings.get("n_components")
        if self.own is None or set(settings) != {"of", "n_components"}:
            raise FileError("The network has modules of somebody's own without cause.")
        if not isinstance(role, str) or type(n_components) is not int:
            raise FileError(
                "The network has modules of somebody's own without a place."
            )
        if not 0 < n_components <= self.values.reader.size:
            raise FileError(f"The network cannot have {n_components} codes.")
        if not self.has_own:
            self.has_own, self.own = True, self.own(n_components)
        encoder, decoder = self.own
        roots = {"encoder": encoder, "decoder": decoder}
        if type(encoder) is GaussianEncoder:
            roots |= {
                "encoder.mean": encoder.mean,
                "encoder.log_var": encoder.log_var,
            }
        if role not in roots:
            raise FileError(f"The network has a part {role!r} that is not its own.")
        module = roots[role]
        state = module.state_dict()
        if set(state) != set(references):
            raise FileError(
                f"The architecture that was passed in has an {role} with the tensors "
                f"{sorted(state)}; the file has {sorted(references)}."
            )
        for name, tensor in state.items():
            found = self._tensor(
                references[name], tuple(tensor.shape), (tensor.dtype,), name
            )
            with torch.no_grad():
                tensor.copy_(found)
        return module


NODE = {"kind", "settings", "tensors", "parts"}


def _check_settings(entry, settings, parts):
    checks = {name: c for name, c in entry.settings.items() if name not in parts}
    checks |= dict.fromkeys(entry.sizes, size)
    if set(settings) != set(checks):
        raise FileError(
            f"{entry.cls.__name__} has settings {sorted(settings)}; it should have "
            f"{sorted(checks)}."
        )
    for name, check in checks.items():
        try:
            is_right = check(settings[name])
        except (TypeError, ValueError):  # an array where a number is due
            is_right = False
        if not is_right:
            raise FileError(
                f"{entry.cls.__name__} has {name}={settings[name]!r}, which cannot be."
            )


def _made(entry, settings):
    if entry.make is not None:
        return entry.make(settings)
    module = blank(entry.cls)
    for name in entry.settings:
        if name in settings:
            setattr(module, name, settings[name])
    return module


def _set_tensor(module, name, tensor, *, is_weight):
    if is_weight:
        parameter = None if tensor is None else nn.Parameter(tensor)
        module.register_parameter(name, parameter)
    else:
        module.register_buffer(name, tensor)
