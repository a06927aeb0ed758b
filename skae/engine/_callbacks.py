"""skorch callbacks of the package's own: best weights and the progress bar."""

import copy
import math

from skorch.callbacks import Callback

from ._net import StopTraining
from ._progress import Bar
from ._selection import Patience

# How often to go on from the best weights after a loss that is not finite, and what the
# learning rate is multiplied by each time.
SETBACKS = 3
SLOWDOWN = 0.1


class BestWeights(Callback):
    """Keeps the best weights seen and stops when they have not improved for long.

    After an epoch that diverges it goes back to them and on at a lower rate, a few
    times.

    Parameters
    ----------
    monitor : str
        The column of the history to minimise.

    plan : Plan
        Says when to stop; see `Patience`.

    start_state : dict
        The weights at the start, to come back to if no loss is finite.

    start_loss : float or None
        Their loss, if they are a candidate too.

    highest : float
        A loss above it has diverged.
    """

    def __init__(
        self, monitor, plan, *, start_state, start_loss=None, highest=math.inf
    ):
        self.monitor = monitor
        self.plan = plan
        self.start_state = start_state
        self.start_loss = start_loss
        self.highest = highest

    def on_train_begin(self, net, **kwargs):
        self.best_loss_ = math.inf if self.start_loss is None else self.start_loss
        self.best_epoch_ = 0
        self.best_state_ = None
        n_warm_up = net.criterion_.n_warm_up
        self.patience_ = Patience(self.plan, n_warm_up, self.best_loss_)

    def numbers(self):
        """Return what it knows beside the best weights, for `go_on`."""
        return {
            "best_loss": self.best_loss_,
            "best_epoch": self.best_epoch_,
            "last_loss": self.patience_.last_loss,
            "last_progress": self.patience_.last_progress,
        }

    def go_on(self, net, state, *, best_loss, best_epoch, last_loss, last_progress):
        """Go on from what was known in another process."""
        self.on_train_begin(net)
        self.best_state_ = state
        self.best_loss_, self.best_epoch_ = float(best_loss), int(best_epoch)
        self.patience_.last_loss = float(last_loss)
        self.patience_.last_progress = int(last_progress)

    def on_epoch_end(self, net, **kwargs):
        loss, epoch = net.history[-1, self.monitor], len(net.history)
        if not math.isfinite(loss) or loss > self.highest:
            self._step_back(net)
            return
        if epoch <= net.criterion_.n_warm_up:
            return
        if loss < self.best_loss_:
            self._keep(net, loss, epoch)
        if self.patience_.is_over(epoch, loss):
            raise StopTraining

    def _step_back(self, net):
        if net.n_setbacks == SETBACKS:
            raise StopTraining
        net.network_.load_state_dict(self.best_state_ or self.start_state)
        net.slow_down(SLOWDOWN)

    def _keep(self, net, loss, epoch):
        self.best_loss_, self.best_epoch_ = loss, epoch
        state = net.network_.state_dict()
        if self.best_state_ is None:
            self.best_state_ = copy.deepcopy(state)
            return
        for name, value in state.items():  # not one more copy: weights may be large
            self.best_state_[name].copy_(value)

    def restore(self, net):
        """Give the network the best weights; those at the start if there are none."""
        net.network_.load_state_dict(self.best_state_ or self.start_state)
        self.best_state_ = self.start_state = None


class KnownLosses(Callback):
    """Records losses on held-out rows that others have measured, epoch by epoch."""

    def __init__(self, losses):
        self.losses = losses

    def on_epoch_end(self, net, **kwargs):
        net.record_loss("valid_loss", self.losses[len(net.history) - 1])


class CleanLoss(Callback):
    """Records the loss on the held-out rows as they are, without the noise."""

    def __init__(self, measure):
        self.measure = measure

    def on_epoch_end(self, net, **kwargs):
        net.history.record("clean_valid_loss", self.measure(net))


class Progress(Callback):
    """A bar that advances by epochs and shows the losses, and PCA's if it is known."""

    def __init__(self, plan, pca_loss=None):
        self.plan = plan
        self.pca_loss = pca_loss

    def on_train_begin(self, net, **kwargs):
        self.bar_ = None

    def on_epoch_begin(self, net, **kwargs):
        if self.bar_ is None:
            n_done = len(net.history) - 1
            self.bar_ = Bar(self.plan, self.plan.max_iter, n_done=n_done)

    def on_epoch_end(self, net, **kwargs):
        row = net.history[-1]
        self.bar_.advance(
            loss=row["train_loss"],
            validation_loss=row.get("valid_loss"),
            pca=self.pca_loss,
        )

    def on_train_end(self, net, **kwargs):
        if self.bar_ is not None:
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
