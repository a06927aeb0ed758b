"""skorch callbacks of the package's own: best weights and the progress bar."""

import copy
import math

from skorch.callbacks import Callback

from ._net import StopTraining


class BestWeights(Callback):
    """Keeps the best weights seen and stops when they have not improved for long.

    Parameters
    ----------
    monitor : str
        The column of the history to minimise.

    tol : float
        Share of the best loss by which a loss has to be lower to count as progress.

    n_iter_no_change : int
        Epochs without progress after which training stops.

    start_loss : float or None
        The loss of the weights at the start, if they are a candidate too.
    """

    def __init__(self, monitor, *, tol, n_iter_no_change, start_loss=None):
        self.monitor = monitor
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.start_loss = start_loss

    def on_train_begin(self, net, **kwargs):
        self.best_loss_ = math.inf
        self.best_epoch_ = 0
        self.best_state_ = None
        if self.start_loss is not None:
            self._keep(net, self.start_loss)
        self._last_progress = (0, self.best_loss_)

    def on_epoch_end(self, net, **kwargs):
        loss, epoch = net.history[-1, self.monitor], len(net.history)
        if loss < self.best_loss_:
            self._keep(net, loss)
            self.best_epoch_ = epoch
        last_epoch, last_loss = self._last_progress
        if loss < last_loss - self.tol * abs(last_loss) or math.isinf(last_loss):
            self._last_progress = (epoch, loss)
        elif epoch - last_epoch >= self.n_iter_no_change:
            raise StopTraining
        if not math.isfinite(loss):
            raise StopTraining

    def _keep(self, net, loss):
        if math.isfinite(loss):
            self.best_loss_ = loss
            state = net.module_.state_dict()
            if self.best_state_ is None:
                self.best_state_ = copy.deepcopy(state)
                return
            for name, value in state.items():  # not one more copy: weights may be large
                self.best_state_[name].copy_(value)


class Progress(Callback):
    """A bar that advances by epochs and shows the losses, on standard error."""

    def __init__(self, description, epochs):
        self.description = description
        self.epochs = epochs

    def on_train_begin(self, net, **kwargs):
        from tqdm import tqdm

        self.bar_ = tqdm(total=self.epochs, desc=self.description, unit="epoch")

    def on_epoch_end(self, net, **kwargs):
        row = net.history[-1]
        names = {"train_loss": "loss", "valid_loss": "validation_loss"}
        shown = {new: f"{row[old]:.4g}" for old, new in names.items() if old in row}
        self.bar_.set_postfix(shown, refresh=False)
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        self.bar_.close()


class EpochHook(Callback):
    """Calls functions before and after every epoch; a true answer stops training."""

    def __init__(self, before=None, after=None):
        self.before = before
        self.after = after

    def on_epoch_begin(self, net, **kwargs):
        if self.before is not None:
            self.before(net)

    def on_epoch_end(self, net, **kwargs):
        if self.after is not None and self.after(net):
            raise StopTraining
