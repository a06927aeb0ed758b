"""Optimisers by name, and learning rates as a function of the step."""

import inspect
import math

import torch

SOLVERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "sgd": torch.optim.SGD,
}
# torch's default is 5; of 784-1000-500-250-30 on MNIST three leave the same error after
# as many epochs and take two thirds of the time, two leave a tenth more.
NEWTON_SCHULZ_STEPS = 3
ADAMW_BESIDE_MUON = 0.15  # of Muon's rate, for what is not a matrix


class Muon(torch.optim.Muon):
    """Torch's Muon, which takes kernels too: as matrices, a row for each channel."""

    def __init__(self, parameters, **options):
        kernels = [p for p in parameters if p.ndim > 2]
        self.kernels = [
            (p, torch.nn.Parameter(p.detach().flatten(1).clone())) for p in kernels
        ]
        matrices = [p for p in parameters if p.ndim == 2]
        super().__init__([*matrices, *(m for _, m in self.kernels)], **options)

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        for kernel, _ in self.kernels:
            kernel.grad = None

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for kernel, matrix in self.kernels:
            matrix.copy_(kernel.flatten(1))
            matrix.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        super().step()
        for kernel, matrix in self.kernels:
            kernel.copy_(matrix.view_as(kernel))
        return loss

    def __getstate__(self):
        return super().__getstate__() | {"kernels": self.kernels}

    def load_state_dict(self, state_dict):
        """Take a state, on the device where the kernels are."""
        for kernel, matrix in self.kernels:
            matrix.data = matrix.data.to(kernel.device)
        super().load_state_dict(state_dict)


def make_optimizers(solver, parameters, learning_rate):
    """Return a list of torch optimisers that together train all `parameters`.

    Muon takes matrices and kernels and AdamW the rest; every other solver is one
    optimiser.
    """
    if solver == "muon":
        matrices = [p for p in parameters if p.ndim > 1]
        rest = [p for p in parameters if p.ndim <= 1]
        beside_rate = learning_rate * ADAMW_BESIDE_MUON
        if not matrices:
            return [_make(torch.optim.AdamW, rest, beside_rate)]
        muon = Muon(
            matrices,
            lr=learning_rate,
            weight_decay=0.0,
            adjust_lr_fn="original",
            ns_steps=NEWTON_SCHULZ_STEPS,
        )
        if not rest:
            return [muon]
        return [muon, _make(torch.optim.AdamW, rest, beside_rate)]
    return [_make(SOLVERS.get(solver, solver), parameters, learning_rate)]


def _make(optimizer, parameters, learning_rate):
    if not issubclass(optimizer, torch.optim.Optimizer):
        raise ValueError(
            f"solver={optimizer!r} is no class of torch.optim.Optimizer. Use one, "
            f"'muon' or one of {sorted(SOLVERS)}."
        )
    options = inspect.signature(optimizer).parameters
    arguments = {"lr": learning_rate}
    if "fused" in options and parameters[0].device.type in ("cpu", "cuda"):
        arguments["fused"] = True
    if optimizer is torch.optim.AdamW:
        arguments["weight_decay"] = 0.0  # `alpha` is the penalty on the weights
    if optimizer is torch.optim.SGD:
        arguments |= {"momentum": 0.9, "nesterov": True}
    return optimizer(parameters, **arguments)


def one_cycle(progress):
    """Rise over the first tenth of the steps, then fall to zero like a cosine."""
    warm_up = 0.1
    if progress < warm_up:
        return 0.1 + 0.9 * progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def cosine(progress):
    """Fall from the full rate to zero like a cosine."""
    return 0.5 * (1 + math.cos(math.pi * progress))


SCHEDULES = {"one_cycle": one_cycle, "cosine": cosine, "constant": None}
