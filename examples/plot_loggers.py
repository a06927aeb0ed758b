"""
TensorBoard, MLflow and Weights & Biases
========================================

skorch has a callback for each of them, and ``callbacks`` takes it. All three work
offline: they write to a folder. A part whose library is not installed is skipped.
"""

# %%
import importlib.util
import os
import tempfile
from pathlib import Path

from sklearn.datasets import load_digits

from skae import AutoencoderTransformer

X = load_digits().data
folder = Path(tempfile.mkdtemp())
autoencoder = AutoencoderTransformer(8, max_iter=20, init="pca", random_state=0)


def installed(library):
    """Whether a library is there; the example goes on without."""
    found = importlib.util.find_spec(library) is not None
    print(f"{library}: {'installed' if found else 'not installed, skipped'}")
    return found


# %%
# TensorBoard
# -----------
# ``pip install tensorboard``. The curves grow while training runs: start ``tensorboard
# --logdir FOLDER`` beside it.
if installed("tensorboard"):
    from skorch.callbacks import TensorBoard
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(folder / "tensorboard")
    autoencoder.set_params(callbacks=[TensorBoard(writer)]).fit(X)

# %%
# MLflow
# ------
# ``pip install mlflow``. Without a server, a file holds the runs: ``mlflow ui
# --backend-store-uri sqlite:///FOLDER/mlflow.db`` shows them. Parameters and what came
# of the fit are logged by hand. ``create_artifact=False`` leaves out the weights: the
# fitted estimator has them.
if installed("mlflow"):
    import mlflow
    from skorch.callbacks import MlflowLogger

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = mlflow.create_experiment("skae", (folder / "artifacts").as_uri())
    with mlflow.start_run(experiment_id=experiment):
        logger = MlflowLogger(create_artifact=False, terminate_after_train=False)
        autoencoder.set_params(callbacks=[logger]).fit(X)
        mlflow.log_params({"n_components": 8, "init": autoencoder.init_})
        mlflow.log_metric("reconstruction_error", autoencoder.reconstruction_error_)

# %%
# ``mlflow.sklearn.log_model`` stores the fitted estimator. MLflow asks for skops, which
# takes no class that is not named; what it stores of skae is skae's own file, without
# pickle. Autologging knows scikit-learn's own classes: put the autoencoder into a
# Pipeline, and its parameters are logged as those of a step.
#
# .. code-block:: python
#
#    mlflow.sklearn.log_model(
#        autoencoder.set_params(callbacks=None),
#        name="autoencoder",
#        serialization_format="skops",
#        skops_trusted_types=["skae.estimators._autoencoder.AutoencoderTransformer"],
#    )

# %%
# Weights & Biases
# ----------------
# ``pip install wandb``. ``mode="offline"`` needs no account; ``wandb sync FOLDER``
# sends the run later.
if installed("wandb"):
    import wandb
    from skorch.callbacks import WandbLogger

    os.environ["WANDB_SILENT"] = "true"
    with wandb.init(project="skae", dir=folder, mode="offline") as run:
        logger = WandbLogger(run, save_model=False)
        autoencoder.set_params(callbacks=[logger]).fit(X)
        run.summary["reconstruction_error"] = autoencoder.reconstruction_error_

# %%
# What the loggers show, the fitted estimator knows as well: ``loss_curve_`` and
# ``validation_loss_curve_``, and its summary.
autoencoder.set_params(callbacks=None).fit(X)
autoencoder.summary()
