"""A second device, made of CPU memory: what a GPU would refuse, it refuses too.

Torch leaves one backend to others, and lets Python fill it in. A tensor on this one
has a storage that torch takes for the device's and that remembers memory of the CPU.
Every operation goes through `kernel`, which refuses tensors of the CPU, as a GPU does.
`register` changes the whole process, so a test runs in one of its own.
"""

import torch
from torch.utils import backend_registration
from torch.utils._pytree import tree_iter, tree_map_only

NAME = "second"
IS_OFFERED = all(
    (
        hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
        hasattr(torch._C, "_acc") and hasattr(torch._C._acc, "create_empty_tensor"),
    )
)
CPU_KERNELS = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)
aten = torch.ops.aten
set_storage = aten.set_.source_Storage_storage_offset
# Of these, the CPU's kernel looks at the shape alone.
VIEWS = {
    set_storage,
    aten.as_strided.default,
    aten.view.default,
    aten._reshape_alias.default,
    aten.unfold.default,
}
# Elements of each tensor that came from the CPU or went there.
copied = []
# A GPU takes positions from the CPU.
INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}


class Generator(torch.Generator):
    """A generator of the CPU that knows for which device it was asked."""

    def __new__(cls, device="cpu"):
        self = super().__new__(cls)
        self.is_here = torch.device(device).type == NAME
        return self


class _Owner(torch.Tensor):
    """Torch gives a storage on a device without memory to tensors of other classes."""

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise NotImplementedError(function)


def is_here(x):
    return x.device.type == NAME


def memory(x):
    """Return the CPU tensor that shares the memory of a tensor on the device."""
    cpu = torch.empty(0, dtype=x.dtype)
    return cpu.set_(x.untyped_storage().memory, x.storage_offset(), *layout(x))


def layout(x):
    return x.size(), x.stride()


def place(x, cpu):
    """Let a tensor on the device have the memory of a CPU tensor."""
    storage, offset = stored(cpu.untyped_storage()), cpu.storage_offset()
    return set_storage.redispatch(CPU_KERNELS, x, storage, offset, *layout(cpu))


def stored(memory):
    """Return a storage on the device, of memory on the CPU."""
    owner = torch.Tensor._make_wrapper_subclass(
        _Owner,
        (0,),
        dtype=torch.uint8,
        device=torch.device(NAME, 0),
        storage_size=memory.nbytes(),
    )
    storage = owner.untyped_storage()
    storage.memory = memory
    return storage


def clone_storage(storage, clone=torch.UntypedStorage.clone):
    """Return a copy of a storage, wherever it is; for `copy.deepcopy`."""
    is_here = storage.device.type == NAME
    return stored(clone(storage.memory)) if is_here else clone(storage)


def kernel(operation, *args, **kwargs):
    """Compute on the CPU what an operation makes of tensors on the device."""
    if operation in VIEWS:
        return operation.redispatch(CPU_KERNELS, *args, **kwargs)
    if operation is aten._copy_from.default:
        source, target, *_ = args
        if is_here(source) != is_here(target):
            copied.append(source.numel())
        place_of = [memory(x) if is_here(x) else x for x in (source, target)]
        place_of[1].copy_(place_of[0])
        return target
    args = as_declared(operation, args)
    check_places(operation, args, kwargs)
    known = {}

    def fetch(x):
        if not is_here(x):
            return x
        cpu = memory(x)
        known[id(cpu)] = x, cpu
        return cpu

    def send(cpu):
        if id(cpu) not in known:
            return place(torch._C._acc.create_empty_tensor([0], cpu.dtype), cpu)
        x, _ = known[id(cpu)]
        return x if layout(x) == layout(cpu) else place(x, cpu)

    args, kwargs = tree_map_only(torch.Tensor, fetch, (args, kwargs))
    kwargs = tree_map_only(torch.device, lambda device: torch.device("cpu"), kwargs)
    results = operation(*args, **kwargs)
    return tree_map_only(torch.Tensor, send, results)


def as_declared(operation, args):
    """Return arguments with tensors where torch has made plain numbers of these."""
    declared = operation._schema.arguments
    return tuple(
        torch.tensor(value)
        if str(argument.type) == "Tensor" and not isinstance(value, torch.Tensor)
        else value
        for argument, value in zip(declared, args, strict=False)
    )


def check_places(operation, args, kwargs):
    """Raise a RuntimeError for a tensor or a generator that is on the CPU.

    Numbers, tensors without a dimension, may be there, as a GPU has it.
    """
    if operation.overloadpacket in INDEXING:
        args = args[:1] + args[2:]
    for value in tree_iter((args, kwargs)):
        is_left = isinstance(value, torch.Tensor) and not is_here(value) and value.ndim
        if isinstance(value, Generator):
            is_left = not value.is_here
        if is_left:
            raise RuntimeError(f"{operation}: a {type(value).__name__} is on the CPU")


def convolution(*args):
    return kernel(aten.convolution.default, *args)


def convolution_backward(gradient, X, weight, *options):
    *options, mask = options
    sizes = [weight.shape[0]]  # of the bias
    return kernel(
        aten.convolution_backward.default, gradient, X, weight, sizes, *options, mask
    )


def register():
    """Make the device, and return what keeps it."""
    backend_registration._setup_privateuseone_for_python_backend(NAME)
    every, library = (torch.library.Library(name, "IMPL") for name in ("_", "aten"))
    every.fallback(kernel, "PrivateUse1")
    library.impl("convolution_overrideable", convolution, "PrivateUse1")
    library.impl(
        "convolution_backward_overrideable", convolution_backward, "PrivateUse1"
    )
    torch.Generator = Generator
    torch.UntypedStorage.clone = clone_storage
    return every, library
