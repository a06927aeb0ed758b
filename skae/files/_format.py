"""The file: a safetensors header, checked before anything else, and arrays.

What safetensors itself leaves open is checked here as well: a key that comes twice,
gaps, a header beyond what skae writes. The arrays fill the file from the header to the
end, so nobody who asks for an array gets more memory than the file has bytes.
"""

import hashlib
import json
import math
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from ..exceptions import FileError

FORMAT = "1"
LARGEST_HEADER = 2**20
LARGEST_DIMENSIONS = 8
PART = ".part"  # how the names of folders end in which files are written
KEYS = {"format", "content", "checksum"}
DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U64": np.dtype("<u8"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def write(path, content, arrays, *, hold=None):
    """Write a file, whole or not at all.

    Parameters
    ----------
    path : path-like

    content : JSON value

    arrays : dict of str to ndarray
        In C order, of the dtypes above.

    hold : callable or None
        Called with the path of the whole file before that takes its place.

    Raises
    ------
    OSError
        If it cannot be written, as on a full disk.
    """
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    checksum = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        _add(checksum, name, arrays[name])
    metadata = {"format": FORMAT, "content": text, "checksum": checksum.hexdigest()}
    # every character that JSON escapes takes two, and each array's entry some more
    size = len(json.dumps(metadata)) + sum(
        len(name) + 120 + 20 * array.ndim for name, array in arrays.items()
    )
    if size > LARGEST_HEADER:
        raise ValueError(
            f"What is to be stored beside the numbers takes {size} bytes; a file has "
            f"room for {LARGEST_HEADER}."
        )
    path = Path(path)
    # a folder: save_file itself writes beside its file first
    with tempfile.TemporaryDirectory(
        dir=path.parent, prefix=f".{path.name}.", suffix=PART
    ) as folder:
        temporary = os.path.join(folder, path.name)
        try:
            save_file(arrays, temporary, metadata)
        except SafetensorError as error:
            raise OSError(f"{path} could not be written: {error}") from error
        _flush(temporary)
        os.chmod(temporary, 0o666 & ~_umask())
        if hold is not None:
            hold(temporary)
        os.replace(temporary, path)
    if os.name == "posix":  # the name as well
        _flush(path.parent)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _add(checksum, name, array):
    checksum.update(f"\0{name}\0{NAMES[array.dtype]}\0{array.shape}\0".encode())
    checksum.update(array.reshape(-1).view(np.uint8))


@dataclass(frozen=True)
class Entry:
    """An array as the header describes it; `start` counts from the file's beginning."""

    dtype: np.dtype
    shape: tuple
    start: int
    n_bytes: int


class Reader:
    """An open file whose header has been checked.

    Attributes
    ----------
    size : int
        Bytes of the file.

    content : JSON value

    entries : dict of str to Entry
        The arrays that nobody has asked for yet.
    """

    def __init__(self, file):
        self._file = file
        self.size = size = os.fstat(file.fileno()).st_size
        header, begin = _read_header(file, size)
        metadata = header.pop("__metadata__", None)
        if not isinstance(metadata, dict) or set(metadata) != KEYS:
            raise FileError("This is no file that skae has written.")
        if metadata["format"] != FORMAT:
            raise FileError(
                f"The file has format {metadata['format']!r}; this version of skae "
                f"reads {FORMAT!r}."
            )
        self._checksum = metadata["checksum"]
        self._text = metadata["content"]
        self.content = parse(self._text)
        self.entries = _entries(header, begin, size)
        self._all = dict(self.entries)

    def take(self, name):
        """Return an array; each is there once."""
        entry = self.entries.pop(name, None)
        if entry is None:
            raise FileError(f"The file has no array {name!r} (any more).")
        return self._read(entry)

    def _read(self, entry):
        array = np.empty(entry.shape, dtype=entry.dtype)
        self._file.seek(entry.start)
        if self._file.readinto(array.reshape(-1).view(np.uint8)) != entry.n_bytes:
            raise FileError("The file ends within an array.")
        if entry.dtype == bool and (array.view(np.uint8) > 1).any():
            raise FileError("The file has truth values that are neither 0 nor 1.")
        return array

    def verify(self):
        """Raise a FileError unless the file holds what was written."""
        checksum = hashlib.sha256(self._text.encode())
        for name in sorted(self._all):
            _add(checksum, name, self._read(self._all[name]))
        if checksum.hexdigest() != self._checksum:
            raise FileError("The file is damaged: its checksum is another.")


def _read_header(file, size):
    """Return the header and where it ends."""
    first = file.read(8)
    length = int.from_bytes(first, "little")
    if len(first) < 8 or not 2 <= length <= min(LARGEST_HEADER, size - 8):
        raise FileError(
            "The file is damaged, or none of skae.save: its header would have "
            f"{length} bytes, and may have 2 to {LARGEST_HEADER} within its {size} "
            "bytes."
        )
    try:
        text = file.read(length).decode()
    except UnicodeDecodeError as error:
        raise FileError(f"The header is no text: {error}") from error
    header = parse(text)
    if not isinstance(header, dict):
        raise FileError("The header is no JSON object.")
    return header, 8 + length


def _entries(header, begin, size):
    """Return the arrays of a header, which have to fill the file."""
    entries, position = {}, begin
    described = [(name, _checked(name, value)) for name, value in header.items()]
    for name, (dtype, shape, offsets) in sorted(described, key=lambda d: d[1][2]):
        n_bytes = math.prod(shape) * dtype.itemsize
        start, end = begin + offsets[0], begin + offsets[1]
        if start != position or end - start != n_bytes or end > size:
            raise FileError(
                f"Array {name!r} of {n_bytes} bytes is said to be at {offsets}: arrays "
                "should follow one another and end within the file."
            )
        entries[name] = Entry(dtype, shape, start, n_bytes)
        position = end
    if position != size:
        raise FileError(f"The file has {size - position} bytes beyond its arrays.")
    return entries


def _checked(name, value):
    """Return dtype, shape and offsets of an entry of the header."""
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise FileError(f"Array {name!r} is not described as safetensors has it.")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise FileError(f"Array {name!r} has dtype {dtype!r}; known are {[*DTYPES]}.")
    if not (_are_counts(shape) and len(shape) <= LARGEST_DIMENSIONS):
        raise FileError(f"Array {name!r} has no shape that can be.")
    if not (_are_counts(offsets) and len(offsets) == 2):
        raise FileError(f"Array {name!r} has no place that can be.")
    return DTYPES[dtype], tuple(shape), tuple(offsets)


def _are_counts(values):
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value < 2**48 for value in values
    )


def parse(text):
    """Return a JSON value; a key that comes twice, NaN or great depth is an error."""
    if not isinstance(text, str):
        raise FileError("The file's content is no text.")
    try:
        return json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer
        )
    except (ValueError, RecursionError) as error:
        raise FileError(f"The file's JSON cannot be read: {error}") from error


def _unique(pairs):
    values = dict(pairs)
    if len(values) < len(pairs):
        raise FileError("A key comes twice in the file.")
    return values


def _refuse(name):
    raise FileError(f"{name} is no JSON.")


def _integer(digits):
    if len(digits) > 20:
        raise FileError("A number in the file has too many digits.")
    return int(digits)
