"""Tensors in, tensors out, where scikit-learn's ``array_api_dispatch`` is on.

Nothing here imports torch: whoever has a tensor has done so.
"""

import sys

from sklearn import get_config
from sklearn.utils._set_output import _get_output_config

from ._validation import codes_to_decode, rows_to_encode


def stays_tensor(estimator, X):
    """Whether X is a tensor, and results for it are to be tensors beside it.

    They are not where `set_output` asks for something else, or after a mixed table.
    """
    torch = sys.modules.get("torch")
    return (
        torch is not None
        and isinstance(X, torch.Tensor)
        and get_config()["array_api_dispatch"]
        and _get_output_config("transform", estimator)["dense"] == "default"
        and not hasattr(estimator, "encoder_")
    )


def rows_in_place(estimator, X):
    """Return X as `rows_to_encode` does, or as a tensor on its device."""
    return _in_place(estimator, X, rows_to_encode, estimator.n_features_in_)


def codes_in_place(estimator, Z):
    """Return codes as `codes_to_decode` does, or as a tensor on their device."""
    return _in_place(estimator, Z, codes_to_decode, estimator.n_components_)


def _in_place(estimator, X, read, n_columns):
    if not stays_tensor(estimator, X):
        return read(estimator, X)
    torch = sys.modules["torch"]
    is_plain = X.layout is torch.strided and X.dtype in (torch.float32, torch.float64)
    fits = X.ndim == 2 and len(X) > 0 and X.shape[1] == n_columns
    if is_plain and fits and not (X.is_meta or hasattr(estimator, "feature_names_in_")):
        return X.detach()
    return torch.from_numpy(read(estimator, X)).to(X.device)


def beside(estimator, X, result):
    """Return a result for X as a tensor on its device, where X stays one."""
    if not stays_tensor(estimator, X):
        return result
    return sys.modules["torch"].from_numpy(result).to(X.device)
