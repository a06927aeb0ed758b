"""Other libraries that use skae: client, version, "ok" or the error.

    OMP_NUM_THREADS=1 python -m benchmarks.integrations
    OMP_NUM_THREADS=1 python -m benchmarks.integrations shap umap-learn

Nothing of a client is part of skae, and none has to be installed: pip install those of
interest. "ok" means that the result is the one without the client, or what the client
promises; each function says which. All of them work offline, in a temporary folder.
"""

import argparse
import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import parallel_config
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks._data import machine
from skae import AutoencoderRegressor, AutoencoderTransformer

X, Y = load_iris(return_X_y=True)
N_REQUESTS, N_CONNECTIONS = 500, 50


def autoencoder(**parameters):
    return AutoencoderTransformer(
        2, init="pca", max_iter=10, random_state=0, **parameters
    )


def search(backend="sequential", n_seeds=1):
    """Return the scores of a grid search whose fits run elsewhere."""
    grid = {"n_components": [1, 2], "random_state": range(n_seeds)}
    with parallel_config(backend=backend):
        found = GridSearchCV(autoencoder(), grid, cv=3, n_jobs=2).fit(X)
    return found.cv_results_["mean_test_score"]


def dask(folder):
    """Two processes give the scores of one, and so they do if one is killed."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        np.testing.assert_array_equal(search("dask"), search())
        running = pool.submit(search, "dask", n_seeds=10)
        before = client.run(os.getpid)
        time.sleep(1)
        assert not running.done()
        os.kill(min(before.values()), signal.SIGKILL)
        np.testing.assert_array_equal(running.result(), search(n_seeds=10))
        assert set(client.run(os.getpid).values()) != set(before.values())


def ray(folder):
    """Two processes give the scores of one."""
    import ray
    from ray.util.joblib import register_ray

    root = Path(__file__).parents[1]
    environment = {"env_vars": {"PYTHONPATH": str(root)}}
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env=environment,
    )
    try:
        register_ray()
        np.testing.assert_array_equal(search("ray"), search())
    finally:
        ray.shutdown()


def fastapi(folder):
    """Requests over many connections at once get what transform returns."""
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    fitted, app = autoencoder().fit(X), FastAPI()

    @app.post("/encode")
    def encode(rows: list[list[float]]) -> list[list[float]]:
        return fitted.transform(rows).tolist()

    expected = fitted.transform(X)

    def ask(i):
        answer = client.post("/encode", json=[X[i % len(X)].tolist()]).json()
        return np.allclose(answer[0], expected[i % len(X)], rtol=1e-12)

    with TestClient(app) as client, ThreadPoolExecutor(N_CONNECTIONS) as pool:
        assert all(pool.map(ask, range(N_REQUESTS)))


def optuna(folder):
    """Trials that fall behind end early, by a callback of skorch."""
    import optuna
    from skorch.callbacks import Callback

    class Pruning(Callback):
        def __init__(self, trial):
            self.trial = trial

        def on_epoch_end(self, net, **kwargs):
            epoch = len(net.history)
            self.trial.report(net.history[-1, "train_loss"], epoch)
            if self.trial.should_prune():
                raise optuna.TrialPruned

    def objective(trial):
        rate = trial.suggest_float("learning_rate_init", 1e-6, 1e-1, log=True)
        model = autoencoder(learning_rate_init=rate, early_stopping=False)
        model.set_params(init="random", callbacks=[Pruning(trial)])
        return model.fit(X).score(X)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=2),
    )
    study.optimize(objective, n_trials=8)
    states = [trial.state.name for trial in study.trials]
    assert set(states) == {"COMPLETE", "PRUNED"}, states


def skrub(folder):
    """A table with a category goes through its vectorizer."""
    from skrub import TableVectorizer

    frame = pd.DataFrame(X).rename(columns=str)
    frame["species"] = np.array(["setosa", "versicolor", "virginica"])[Y]
    codes = make_pipeline(TableVectorizer(), autoencoder()).fit_transform(frame)
    assert np.isfinite(np.asarray(codes)).all()


def imbalanced_learn(folder):
    """Rows are drawn again before the autoencoder."""
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.pipeline import make_pipeline

    few = np.flatnonzero((Y < 2) | (np.arange(len(Y)) % 5 == 0))
    model = make_pipeline(
        RandomOverSampler(random_state=0), autoencoder(), LogisticRegression()
    )
    assert model.fit(X[few], Y[few]).score(X, Y) > 0.8


def shap(folder):
    """The contributions of the columns add up to the prediction."""
    from shap import KernelExplainer

    model = AutoencoderRegressor(autoencoder(), max_iter=10, random_state=0)
    predict = model.fit(X, Y.astype(float)).predict
    explainer = KernelExplainer(predict, X[::15])
    values = explainer.shap_values(X[:3], silent=True)
    total = values.sum(axis=1) + explainer.expected_value
    np.testing.assert_allclose(total, predict(X[:3]), atol=1e-6)


def umap(folder):
    """A map of the codes."""
    from umap import UMAP

    positions = make_pipeline(autoencoder(), UMAP(random_state=0, n_jobs=1))
    assert np.isfinite(positions.fit_transform(X)).all()


def hdbscan(folder):
    """Clusters of the codes: setosa is one of them."""
    from hdbscan import HDBSCAN

    labels = HDBSCAN(min_cluster_size=20).fit_predict(autoencoder().fit_transform(X))
    clusters, sizes = np.unique(labels[Y == 0], return_counts=True)
    setosa = clusters[sizes.argmax()]
    assert setosa >= 0
    assert not (labels[Y > 0] == setosa).any()


def tensorboard(folder):
    """The callback of skorch writes the curves."""
    from skorch.callbacks import TensorBoard
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        autoencoder(callbacks=[TensorBoard(writer)]).fit(X)
    assert any(folder.glob("events*"))


def wandb(folder):
    """The callback of skorch writes the curves, offline."""
    os.environ["WANDB_SILENT"] = "true"
    import wandb
    from skorch.callbacks import WandbLogger

    with wandb.init(project="skae", dir=folder, mode="offline") as run:
        autoencoder(callbacks=[WandbLogger(run, save_model=False)]).fit(X)
    assert any(folder.rglob("*.wandb"))


def mlflow(folder):
    """Autologging has the parameters, skorch's callback the curves, skops the model."""
    import mlflow
    import mlflow.sklearn
    from skorch.callbacks import MlflowLogger

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = mlflow.create_experiment("skae", (folder / "artifacts").as_uri())
    logger = MlflowLogger(create_artifact=False, terminate_after_train=False)
    mlflow.sklearn.autolog(log_models=False, silent=True)
    with mlflow.start_run(experiment_id=experiment) as run:
        # autologging knows scikit-learn's own classes, and the parameters within
        model = make_pipeline(StandardScaler(), autoencoder(callbacks=[logger])).fit(X)
        fitted = model[-1].set_params(callbacks=None)
        info = mlflow.sklearn.log_model(
            model,
            name="autoencoder",
            serialization_format="skops",
            skops_trusted_types=[f"{type(fitted).__module__}.{type(fitted).__name__}"],
        )
    mlflow.sklearn.autolog(disable=True)
    stored = mlflow.sklearn.load_model(info.model_uri)
    np.testing.assert_array_equal(stored.transform(X), model.transform(X))
    data = mlflow.get_run(run.info.run_id).data
    assert data.params["autoencodertransformer__n_components"] == "2"
    assert "train_loss" in data.metrics


def skops(folder):
    """A file without pickle comes back."""
    import skops.io

    fitted = autoencoder().fit(X)
    stored = skops.io.dumps(fitted)
    names = skops.io.get_untrusted_types(data=stored)
    found = skops.io.loads(stored, trusted=names)
    np.testing.assert_array_equal(found.transform(X), fitted.transform(X))


CLIENTS = {
    "distributed": dask,
    "ray": ray,
    "fastapi": fastapi,
    "optuna": optuna,
    "skrub": skrub,
    "imbalanced-learn": imbalanced_learn,
    "shap": shap,
    "umap-learn": umap,
    "hdbscan": hdbscan,
    "tensorboard": tensorboard,
    "wandb": wandb,
    "mlflow-skinny": mlflow,
    "skops": skops,
}


def result(use):
    """Return "ok", or the error and its first line."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            use(Path(folder))
        except Exception as error:
            message = str(error).strip().split("\n")[0]
            return f"{type(error).__name__}: {message}"
    return "ok"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clients", nargs="*", metavar="CLIENT", choices=[[], *CLIENTS])
    names = parser.parse_args().clients or CLIENTS
    print(machine())
    print(f"{'client':<18}{'version':<12}{'s':>6}  result")
    for name in names:
        try:
            found = version(name)
        except PackageNotFoundError:
            print(f"{name:<18}{'':<12}{'':>6}  not installed")
            continue
        start = time.perf_counter()
        outcome = result(CLIENTS[name])
        seconds = time.perf_counter() - start
        print(f"{name:<18}{found:<12}{seconds:>6.1f}  {outcome}", flush=True)


if __name__ == "__main__":
    main()
