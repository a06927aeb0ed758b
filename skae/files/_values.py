"""Parameters and attributes as JSON and arrays, and back.

JSON has no tuples, no NaN, no arrays: what is none of its own values is an object with
one key that says what it is.
"""

import json
import math
from dataclasses import fields

import numpy as np

from ..exceptions import FileError
from ._format import DTYPES, NAMES, parse
from ._registry import (
    ARCHITECTURES,
    FUNCTIONS,
    SOLVERS,
    look_up,
    name_in,
)

LONG = 8  # lists of more floats are arrays
# Strings take Python more room than a file.
LARGEST_TEXT = 2**22


class Writer:
    """Turns values into JSON and keeps their arrays.

    Parameters
    ----------
    objects : dict of str to object
        What only a name is stored of, to be passed in at load.

    arrays : dict of str to ndarray
        Where arrays go.
    """

    def __init__(self, objects, arrays):
        self.objects = objects
        self.arrays = arrays

    def keep(self, array):
        """Return the name of an array, and its order where that is not C."""
        # largest stride first; an axis of one has any, and comes after its equals
        strides, shape = array.strides, array.shape
        axes = range(array.ndim)
        order = sorted(axes, key=lambda axis: (-strides[axis], shape[axis] == 1))
        name = f"{len(self.arrays)}"
        array = np.asarray(array.transpose(order), order="C")
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype not in NAMES:
            raise TypeError(f"has dtype {array.dtype}, which no file holds")
        self.arrays[name] = array
        return [name] if order == sorted(order) else [name, order]

    def encode(self, value):
        """Return JSON for a value; a TypeError says what cannot be stored."""
        for name, thing in self.objects.items():
            if thing is value:
                if not isinstance(value, type) and _has_weights(value):
                    raise TypeError(
                        "has weights of its own, outside of an architecture"
                    )
                return {"object": [name, _description(value)]}
        if value is None or isinstance(value, (bool, str)):
            return str(value) if isinstance(value, np.str_) else value
        if isinstance(value, np.generic):
            return {"scalar": self.keep(np.array(value))}
        if isinstance(value, int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, (list, tuple)):
            return self._sequence(value)
        if isinstance(value, dict):
            items = [[self.encode(k), self.encode(v)] for k, v in value.items()]
            return {"dict": items}
        if isinstance(value, np.ndarray):
            return self._array(value)
        return self._thing(value)

    def encode_named(self, value, label):
        """Return JSON for a value that errors call by a name."""
        try:
            return self.encode(value)
        except TypeError as error:
            raise TypeError(
                f"{label} cannot be stored without pickle: it {error}."
            ) from None

    def encode_fields(self, value, label):
        """Return the fields of a dataclass as JSON."""
        return {
            field.name: self.encode_named(
                getattr(value, field.name), f"{label}'s {field.name}"
            )
            for field in fields(value)
        }

    def _sequence(self, value):
        is_long = len(value) > LONG and all(type(item) is float for item in value)
        if type(value) is list and is_long:
            return {"floats": self.keep(np.array(value))}
        items = [self.encode(item) for item in value]
        return {"tuple": items} if isinstance(value, tuple) else items

    def _array(self, value):
        if value.dtype.kind not in "OU":
            return {"array": self.keep(value)}
        items = value.tolist()
        if value.ndim == 1 and all(type(item) in (int, float) for item in items):
            return {"objects": [self.encode(item) for item in items]}
        if value.ndim != 1 or not all(isinstance(item, str) for item in items):
            raise TypeError("is an array of objects that are no strings")
        text = np.frombuffer(json.dumps(items).encode(), dtype=np.uint8)
        if len(text) > LARGEST_TEXT:
            raise TypeError(f"has more than {LARGEST_TEXT} bytes of text")
        return {"strings": [*self.keep(text), value.dtype.kind]}

    def _thing(self, value):
        if isinstance(value, np.dtype) and value in NAMES:
            return {"dtype": NAMES[value]}
        for kind, table in (("solver", SOLVERS), ("function", FUNCTIONS)):
            name = name_in(table, value)
            if name is not None:
                return {kind: name}
        name = name_in(ARCHITECTURES, type(value))
        if name is None:
            raise TypeError(f"is a {_description(type(value))}")
        parameters = value.get_params(deep=False).items()
        return {"architecture": [name, {k: self.encode(v) for k, v in parameters}]}


def _has_weights(value):
    return hasattr(value, "state_dict") and bool(value.state_dict())


def _description(value):
    name = getattr(value, "__qualname__", None) or type(value).__qualname__
    return f"{getattr(value, '__module__', None)}.{name}"


class Values:
    """Turns JSON back into values.

    Parameters
    ----------
    reader : Reader

    objects : dict of str to object
        What the caller passes in for what is stored as a name.
    """

    def __init__(self, reader, objects):
        self.reader = reader
        self.objects = objects
        self.used = set()

    def shape_of(self, value):
        """Return dtype and shape of a stored array without reading it, or None."""
        if not (isinstance(value, dict) and set(value) == {"array"}):
            return None
        name, order = _reference(value["array"])
        entry = self.reader.entries.get(name)
        if entry is None:
            raise FileError(f"The file has no array {name!r} (any more).")
        shape = entry.shape
        if order is not None:
            _check_order(order, len(shape))
            shape = tuple(shape[order.index(axis)] for axis in range(len(shape)))
        return entry.dtype, shape

    def array(self, reference):
        """Return an array by its name and order."""
        name, order = _reference(reference)
        array = self.reader.take(name)
        if order is None:
            return array
        _check_order(order, array.ndim)
        return array.transpose([order.index(axis) for axis in range(array.ndim)])

    def decode(self, value):
        """Return the value that JSON stands for."""
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) != 1:
            raise FileError("The file has a value of no known kind.")
        ((kind, content),) = value.items()
        decode = getattr(self, f"_{kind}", None) if kind in KINDS else None
        if decode is None:
            raise FileError(f"The file has a value of no known kind: {kind!r}.")
        return decode(content)

    def _tuple(self, content):
        return tuple(self.decode(_listed(content)))

    def _dict(self, content):
        pairs = self.decode(_listed(content))
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            raise FileError("The file has a dict without keys and values.")
        if not all(isinstance(key, (str, int, float)) for key, _ in pairs):
            raise FileError("The file has a dict with keys that cannot be.")
        return {key: value for key, value in pairs}  # noqa: C416

    def _float(self, content):
        if content not in ("nan", "inf", "-inf"):
            raise FileError(f"The file has a number {content!r}.")
        return float(content)

    def _floats(self, content):
        array = self.array(content)
        if array.dtype != np.float64 or array.ndim != 1:
            raise FileError("The file has a list of numbers that is none.")
        return array.tolist()

    def _scalar(self, content):
        array = self.array(content)
        if array.ndim:
            raise FileError("The file has a number that is an array.")
        return array[()]

    def _array(self, content):
        return self.array(content)

    def _strings(self, content):
        content = _listed(content)
        if len(content) != 2 or content[1] not in ("O", "U"):
            raise FileError("The file has strings of no known kind.")
        text = self.array(content[:1])
        if text.dtype != np.uint8 or text.ndim != 1 or len(text) > LARGEST_TEXT:
            raise FileError("The file has strings that are none.")
        try:
            items = parse(text.tobytes().decode())
        except UnicodeDecodeError as error:
            raise FileError(f"The file has strings that are none: {error}") from error
        if not isinstance(items, list) or not all(type(item) is str for item in items):
            raise FileError("The file has strings that are none.")
        return np.array(items, dtype=object if content[1] == "O" else str)

    def _objects(self, content):
        items = self.decode(_listed(content))
        if not all(type(item) in (int, float) for item in items):
            raise FileError("The file has numbers that are none.")
        return np.array(items, dtype=object)

    def _dtype(self, content):
        if not isinstance(content, str) or content not in DTYPES:
            raise FileError(f"The file has a dtype {content!r}.")
        return DTYPES[content]

    def _object(self, content):
        content = _listed(content)
        if len(content) != 2 or not all(isinstance(part, str) for part in content):
            raise FileError("The file names an object in no known way.")
        name, description = content
        if name not in self.objects:
            raise FileError(
                f"The file needs the object of its parameter {name!r}, which was "
                f"{description} when it was saved: pass objects={{{name!r}: ...}}."
            )
        self.used.add(name)
        return self.objects[name]

    def _solver(self, content):
        return look_up(SOLVERS, content)

    def _function(self, content):
        return look_up(FUNCTIONS, content)

    def _architecture(self, content):
        content = _listed(content)
        if len(content) != 2 or not isinstance(content[1], dict):
            raise FileError("The file has an architecture without parameters.")
        cls = look_up(ARCHITECTURES, content[0])
        return make(cls, {k: self.decode(v) for k, v in content[1].items()})


KINDS = {
    *("architecture", "array", "dict", "dtype", "float", "floats", "function"),
    *("object", "objects", "scalar", "solver", "strings", "tuple"),
}


def make(cls, parameters):
    """Return an object with parameters, which have to be those that it has."""
    known = set(cls._get_param_names())
    if not set(parameters) <= known:
        unknown = sorted(set(parameters) - known)
        raise FileError(f"{cls.__name__} has no parameters {unknown}.")
    try:
        return cls(**parameters)
    except TypeError as error:
        raise FileError(f"{cls.__name__} lacks parameters: {error}") from error


def _listed(content):
    if not isinstance(content, list):
        raise FileError("The file has a value that is no list where one is needed.")
    return content


def _reference(content):
    """Return the name and the order of an array."""
    content = _listed(content)
    if not 1 <= len(content) <= 2 or not isinstance(content[0], str):
        raise FileError("The file refers to an array in no known way.")
    return content[0], content[1] if len(content) == 2 else None


def _check_order(order, n_dimensions):
    are_axes = isinstance(order, list) and all(type(axis) is int for axis in order)
    if not are_axes or sorted(order) != [*range(n_dimensions)]:
        raise FileError("The file has axes in an order that cannot be.")
