"""
Ending hopeless trials early with Optuna
========================================

`Optuna <https://optuna.org>`_ looks for good parameters. A trial that is behind the
others after some epochs may be ended there: it is pruned. What a trial has reached is
known inside ``fit``, so a callback of skorch reports it. Without Optuna nothing is run.
"""

# %%
import importlib.util

from sklearn.datasets import load_digits
from skorch.callbacks import Callback

from skae import AutoencoderTransformer

X = load_digits().data
has_optuna = importlib.util.find_spec("optuna") is not None
print("optuna:", "installed" if has_optuna else "not installed, skipped")

# %%
# The callback
# ------------
# An exception in a callback ends ``fit`` and reaches whoever called it. Optuna takes
# ``TrialPruned`` for what it is. Where rows are held out, ``valid_loss`` is their loss.


class Pruning(Callback):
    """Reports the loss of every epoch to a trial, and ends a trial that is behind."""

    def __init__(self, trial):
        self.trial = trial

    def on_epoch_end(self, net, **kwargs):
        import optuna

        self.trial.report(net.history[-1, "valid_loss"], step=len(net.history))
        if self.trial.should_prune():
            raise optuna.TrialPruned


# %%
# The search
# ----------
# ``reconstruction_error_`` is what the rows that were held out say of the result. All
# trials hold out the same ones, as ``random_state`` is a number.


def error_of(trial):
    """Return the error with the parameters that a trial suggests."""
    autoencoder = AutoencoderTransformer(
        8,
        dropout=trial.suggest_float("dropout", 0.0, 0.5),
        learning_rate_init=trial.suggest_float("rate", 1e-5, 1e-1, log=True),
        init="random",
        max_iter=20,
        callbacks=[Pruning(trial)],
        random_state=0,
    )
    return autoencoder.fit(X).reconstruction_error_


if has_optuna:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=3),
    )
    study.optimize(error_of, n_trials=12)
    for trial in study.trials:
        print(trial.state.name.lower(), len(trial.intermediate_values), "epochs")
    print("best:", study.best_params)
