"""Writing a fitted estimator."""

import platform

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .. import files
from .._version import versions


def save(estimator, path):
    """Save a fitted estimator or Pipeline to a file that is safe to load.

    The file is a safetensors file: numbers, and a header of JSON. It is written beside
    `path` first, and takes its place when it is whole.

    Parameters
    ----------
    estimator : estimator
        One of skae's, :class:`~skae.tables.TableEncoder` among them, or a
        :class:`~sklearn.pipeline.Pipeline` of these and of
        scikit-learn's StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler,
        QuantileTransformer, PCA, TruncatedSVD, SimpleImputer, LogisticRegression and
        Ridge.

    path : path-like
        Such as ``"model.safetensors"``. A file that is there is replaced.

    Raises
    ------
    TypeError
        If a step, a parameter or a layer cannot be stored without pickle; it is named.

    ValueError
        If weights are not finite.

    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> import skae
    >>> X = load_iris().data
    >>> autoencoder = skae.AutoencoderTransformer(2, max_iter=5, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), autoencoder).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "pipeline.safetensors"
    ...     skae.save(pipeline, path)
    ...     loaded = skae.load(path)
    >>> bool((loaded.transform(X) == pipeline.transform(X)).all())
    True
    """
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            if hasattr(step, "fit"):
                check_is_fitted(step)
    else:
        check_is_fitted(estimator)
    recorder = files.Recorder()
    content = {
        "estimator": recorder.record(estimator),
        "versions": {**versions(), "python": platform.python_version()},
    }
    files.write(path, content, recorder.arrays)
