"""The skorch net: the one place where skorch meets the rest of the package."""

import contextlib
import copy
import inspect

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer
from skorch.helper import predefined_split
from skorch.utils import to_device
from torch.nn.modules.batchnorm import _BatchNorm

from ..data._group import ALONE
from ..data._threads import threads_for
from ..networks._network import set_generators
from ..networks._noise import fixed_noise
from ._averaging import Average
from ._interrupt import is_stopping
from ._rows import Batches, Rows

VALIDATION_BATCH_SIZE = 2048


class StopTraining(Exception):
    """Raised by the package's own callbacks to end training early."""


class AutoencoderNet(NeuralNet):
    """A NeuralNet that trains a `Network` by a `Criterion` on `Rows`.

    It differs from its parent in speed and manners: whole batches are taken by index,
    nothing is recorded for a batch unless a callback asks for it, several optimisers
    and a learning rate per step are possible, and an interrupt reaches the caller.
    Where rows are held out, they judge an average of the last steps' weights, which the
    network holds from the end of an epoch to the beginning of the next.

    Parameters
    ----------
    module : Network

    criterion : Criterion

    make_optimizers : callable
        Takes a list of parameters, returns a list of torch optimisers.

    schedule : callable or None
        Maps progress in [0, 1] to a factor of the learning rate; `n_steps` is the
        number of steps at which progress is 1.

    penalty : callable or None
        Takes the module, returns a scalar that is added to the training loss.

    generator : torch.Generator
        Shuffles the rows.

    autocast : torch.dtype or None
        The dtype of matrix products, if it is not the data's.

    validation : Rows or None
        What to measure the validation loss on.

    """

    def __init__(
        self,
        module,
        criterion,
        *,
        make_optimizers,
        schedule=None,
        n_steps=None,
        penalty=None,
        generator=None,
        autocast=None,
        validation=None,
        **kwargs,
    ):
        train_split = None if validation is None else predefined_split(validation)
        super().__init__(module, criterion, train_split=train_split, **kwargs)
        self.make_optimizers = make_optimizers
        self.schedule = schedule
        self.n_steps = n_steps
        self.penalty = penalty
        self.generator = generator
        self.autocast = autocast
        self.validation = validation
        self.first_callbacks = self.last_callbacks = []  # around the user's
        self.after_epoch = None  # called with nothing, unless training ends there
        self.ranks = ALONE  # that train it, each by rows of its own
        self.step_ = 0
        self.n_setbacks = 0  # how often training diverged and went back
        self.forgetful = False  # whether each step has an optimiser of its own
        # Statistics of batches belong to the weights that are trained, not to others.
        parts = module.modules()
        self.has_statistics = any(isinstance(part, _BatchNorm) for part in parts)
        self.averages = validation is not None and not self.has_statistics
        self.average = None

    # -- the network ----------------------------------------------------------------

    def _hand_out(self):
        """The network, for users: from now on it may change at any time."""
        return self.network_.unseal()

    def _take_in(self, network):
        self.network_ = network

    module = module_ = property(_hand_out, _take_in)

    # -- set-up ---------------------------------------------------------------------

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer())]

    def initialize_callbacks(self):
        super().initialize_callbacks()
        first, last = (
            [(type(callback).__name__, callback.initialize()) for callback in callbacks]
            for callbacks in (self.first_callbacks, self.last_callbacks)
        )
        self.callbacks_ = [*first, *self.callbacks_, *last]
        hooks = ("on_batch_begin", "on_batch_end", "on_grad_computed")
        self._batch_hooks = any(
            getattr(type(callback), hook) is not getattr(Callback, hook)
            for _, callback in self.callbacks_
            for hook in hooks
        )
        return self

    def initialize_optimizer(self, triggered_directly=None):
        self.optimizer_, *others = self.make_optimizers(self._trained_parameters())
        if others:
            (self.second_optimizer_,) = others
        closure = inspect.signature(self.optimizer_.step).parameters["closure"]
        self.needs_closure = closure.default is inspect.Parameter.empty
        self._base_rates = [
            [group["lr"] for group in getattr(self, f"{name}_").param_groups]
            for name in self._optimizers
        ]
        return self

    def get_iterator(self, dataset, training=False):
        if not isinstance(dataset, Rows):
            return super().get_iterator(dataset, training=training)
        if training:
            return Batches(dataset, self.batch_size, self.generator, in_step=True)
        return Batches(dataset, max(self.batch_size, VALIDATION_BATCH_SIZE))

    def on_epoch_begin(self, net, **kwargs):
        super().on_epoch_begin(net, **kwargs)
        self.criterion_.begin_epoch(len(self.history) - 1)

    # -- one step -------------------------------------------------------------------

    def infer(self, x, **fit_params):
        with self._autocast():
            return self.network_.propagate(x)

    def _autocast(self):
        if self.autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=self.autocast)

    def evaluation_step(self, batch, training=False):
        self.check_is_fitted()
        X = batch[0] if isinstance(batch, (tuple, list)) else batch
        with torch.set_grad_enabled(training):
            self._set_training(training)
            return self.network_(to_device(X, self.device))

    def get_loss(self, y_pred, y_true, X=None, training=False):
        loss = self.criterion_(y_pred, X, y_true)
        if training and self.penalty is not None:
            loss = loss + self.penalty(self.network_)
        return loss

    def train_step(self, batch, **fit_params):
        if self.schedule is not None:
            factor = self.schedule(min(1.0, self.step_ / self.n_steps))
            for name, rates in zip(self._optimizers, self._base_rates, strict=True):
                groups = getattr(self, f"{name}_").param_groups
                for group, rate in zip(groups, rates, strict=True):
                    group["lr"] = rate * factor
        self.step_ += 1
        if self.forgetful:
            self.initialize_optimizer()
        if self._batch_hooks or self.needs_closure:
            step = super().train_step(batch, **fit_params)
        else:
            self._zero_grad_optimizer()
            step = self.train_step_single(batch)
            self._step_optimizer(None)
        if self.average is not None:
            self.average.add_step()
        elif self.averages and not self.needs_closure:
            self.average = Average(self._trained_parameters())
        return step

    def train_step_single(self, batch, **fit_params):
        U, weight = batch
        if len(U) or self.ranks.size == 1:
            output = self.infer(U)
            loss = self.get_loss(output, weight, X=U, training=True)
            loss.backward()
        else:
            output, loss = U, torch.zeros((), device=U.device)
        if self.ranks.size > 1:
            self._average_gradients(len(U))
        return {"loss": loss, "y_pred": output}

    def _average_gradients(self, n_rows):
        """Replace the gradient of some rows by that of all ranks' rows."""
        parameters = self._trained_parameters()
        gradients = [
            torch.zeros_like(p) if p.grad is None else p.grad for p in parameters
        ]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        flat = torch.cat([flat * n_rows, flat.new_tensor([n_rows])])
        self.ranks.add_(flat)
        flat = flat[:-1] / flat[-1]
        parts = flat.split([gradient.numel() for gradient in gradients])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)

    def _trained_parameters(self):
        return [p for p in self.network_.parameters() if p.requires_grad]

    def _step_optimizer(self, step_fn):
        # Only a single optimiser may call the closure again (LBFGS does).
        if step_fn is not None and len(self._optimizers) > 1:
            step_fn()
            step_fn = None
        super()._step_optimizer(step_fn)

    # -- one epoch ------------------------------------------------------------------

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        if iterator is None:
            return
        self._set_training(training)
        if self.average is not None:
            self.average.show(not training)
        noise = contextlib.nullcontext() if training else fixed_noise(self.network_)
        with noise:
            loss = self._run_batches(iterator, training, prefix, step_fn)
        if training:  # ranks count the rows of their own, and may round otherwise
            self.ranks.copy_(self.network_.state_dict().values())
        if not self.history[-1]["batches"]:
            self.history.new_batch()  # Checkpoint looks for the last one
        self.record_loss(f"{prefix}_loss", loss * self.criterion_.unit)

    def _run_batches(self, iterator, training, prefix, step_fn):
        """Return the mean loss per row, of all ranks."""
        # A running sum: one small tensor kept for each step would split the memory that
        # steps free, which would then grow with their number.
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        n_rows = 0
        for batch in iterator:
            if self._batch_hooks:
                self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch)
            total.add_(step["loss"].detach(), alpha=len(batch[0]))
            n_rows += len(batch[0])
            if self._batch_hooks:
                self.history.record_batch(f"{prefix}_loss", step["loss"].item())
                self.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
                self.notify("on_batch_end", batch=batch, training=training, **step)
            if training and is_stopping():  # a short epoch, judged as any other
                break
        return float(self.ranks.mean(float(total) / n_rows, n_rows))

    def record_loss(self, name, loss):
        """Record the loss of an epoch, and whether it is the lowest so far."""
        earlier = [row[name] for row in self.history[:-1] if name in row]
        self.history.record(name, loss)
        self.history.record(f"{name}_best", not earlier or loss < min(earlier))

    # -- training -------------------------------------------------------------------

    def notify(self, method_name, **cb_kwargs):
        getattr(self, method_name)(self, **cb_kwargs)
        stop = None
        for _, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **cb_kwargs)
            except StopTraining as request:
                stop = request
            except KeyboardInterrupt as interrupt:
                if not _asks_to_stop(callback, interrupt):
                    raise
                stop = StopTraining()
        if method_name == "on_epoch_end":
            is_over = stop is not None or is_stopping()
            if self.ranks.sum(int(is_over)):  # one that goes on alone would wait
                stop = StopTraining()
        if stop is not None:
            raise stop
        if method_name == "on_epoch_end" and self.after_epoch is not None:
            self.after_epoch()

    def train(self, rows, epochs, *, resume=None, after_epoch=None):
        """Train for some epochs or until a callback stops it. Interrupts pass through.

        The parent's `fit` would swallow a KeyboardInterrupt. `resume` may bring the net
        to where another process left it, which counts among the epochs; `after_epoch`
        is called after each but the last.
        """
        self.notify("on_train_begin", X=rows, y=None)
        self.after_epoch = after_epoch
        try:
            if resume is not None:
                resume()
                epochs -= len(self.history)
            with (
                contextlib.suppress(StopTraining),
                threads_for(self.network_.work, self.batch_size, training=True),
            ):
                self.fit_loop(rows, None, epochs=epochs)
        finally:
            self.after_epoch = None
            self.notify("on_train_end", X=rows, y=None)
        return self

    def slow_down(self, factor):
        """Go on from these weights at a lower rate; forget the steps so far."""
        self.n_setbacks += 1
        self.clear_solvers()
        for name, rates in zip(self._optimizers, self._base_rates, strict=True):
            rates[:] = [rate * factor for rate in rates]
            for group in getattr(self, f"{name}_").param_groups:
                group["lr"] *= factor

    def clear_solvers(self):
        """Drop what the optimisers remember: up to three copies of the weights."""
        self.average = None
        self.network_.zero_grad(set_to_none=True)
        for name in self._optimizers:
            getattr(self, f"{name}_").state.clear()

    def detach_training(self):
        """Drop what only training needs: data, callbacks, generators."""
        self.train_split = self.validation = self.generator = None
        self.ranks = ALONE
        self._drop_callbacks()
        self.network_.zero_grad(set_to_none=True)
        set_generators(self.network_, None)
        self.network_.eval()
        return self

    def _drop_callbacks(self):
        self.callbacks = self.callbacks_ = []
        self.first_callbacks = self.last_callbacks = []
        self.after_epoch = None

    def snapshot(self):
        """Return a copy as `detach_training` would leave it; this one trains on."""
        other = copy.copy(self)
        other.train_split = other.validation = other.generator = None
        other.average = None
        other._drop_callbacks()
        return copy.deepcopy(other).detach_training()

    # -- copies ---------------------------------------------------------------------

    def __deepcopy__(self, memo):
        other = object.__new__(type(self))
        memo[id(self)] = other
        other.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return other

    def __getstate__(self):
        """Pickle on the CPU, so that any machine can read it."""
        state = self.__dict__
        if torch.device(self.device).type != "cpu":
            state = copy.deepcopy(self).to("cpu").__dict__
        return {**state, "after_epoch": None}

    def __setstate__(self, state):
        self.__dict__.update(state)

    def to(self, device):
        """Move the module, the criterion and the optimisers' state to a device."""
        before = list(self.network_.parameters())
        self.network_.to(device)
        self.criterion_.to(device)
        moved = dict(zip(before, self.network_.parameters(), strict=True))
        for name in self._optimizers:
            _follow(getattr(self, f"{name}_"), moved, device)
        self.device = str(device)
        return self


def _follow(optimizer, moved, device):
    """Move an optimiser to the weights that took the places of others on a device.

    They may be the same objects. Weights that the network no longer has move, too.
    """
    state = optimizer.state_dict()
    optimizer.state.clear()
    for group in optimizer.param_groups:
        group["params"] = [
            moved[weight]
            if weight in moved
            else torch.nn.Parameter(weight.detach().to(device))
            for weight in group["params"]
        ]
    optimizer.load_state_dict(state)


def _asks_to_stop(callback, interrupt):
    """Skorch's EarlyStopping raises KeyboardInterrupt to stop; a Ctrl-C is not that."""
    if not isinstance(callback, EarlyStopping) or callback.misses_ < callback.patience:
        return False
    trace = interrupt.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code is EarlyStopping.on_epoch_end.__code__
