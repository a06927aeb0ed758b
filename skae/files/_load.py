"""Reading a fitted estimator."""

import warnings
from contextlib import contextmanager

from .. import files
from ..exceptions import FileError


def load(path, *, objects=None):
    """Load an estimator or Pipeline that skae has saved, without running anything.

    Everything that the file says is checked before it is used: its size, the class
    (from a fixed list), the parameters, and that names, shapes and types of all arrays
    are what the parameters ask for. There is no pickle inside, and none is read.

    Parameters
    ----------
    path : path-like
        A file of :func:`skae.save` or of an estimator's ``save``.

    objects : dict of str to object, default=None
        Functions, classes and modules of your own that were parameters: a file holds
        only their names, which are those of ``get_params``. For example ``{"loss":
        my_loss}``, or ``{"reduce__architecture": my_architecture}`` for a step of a
        Pipeline. `callbacks` and an instance as `random_state` may be left out: they
        are then None.

    Returns
    -------
    estimator : estimator
        Fitted, on the CPU. Its answers are those of the one saved, to the last bit.

    Raises
    ------
    skae.exceptions.FileError
        If the file is damaged, not skae's, or needs an object that was not passed in.

    OSError
        If it cannot be opened.

    Examples
    --------
    See :func:`skae.save`.
    """
    objects = dict(objects or {})
    with open(path, "rb", buffering=0) as file, one_kind_of_error():
        reader = files.Reader(file)
        reader.verify()
        content = reader.content
        if not isinstance(content, dict) or set(content) != {"estimator", "versions"}:
            raise FileError("The file does not hold an estimator.")
        estimator = files.Restorer(reader, objects).restore(content["estimator"])
        if reader.entries:
            raise FileError(f"The file has arrays of no use: {sorted(reader.entries)}.")
    return estimator


@contextmanager
def one_kind_of_error():
    """Turn what values of the wrong type lead to into a FileError.

    The checks name what is wrong where they can; this is for the rest. No warning about
    a file's content is of use to anybody.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (FileError, MemoryError, OSError):
        raise
    except Exception as error:
        raise FileError(f"The file cannot be used: {error}") from error
