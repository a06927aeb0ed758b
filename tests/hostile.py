"""Files made to harm, for `test_hostile_files.py`: each a change to a good one."""

import copy
import hashlib
import io
import json
import pickle
import zipfile

import numpy as np

from skae.files import _format


class Parts:
    """A good file in parts: what it says, and its arrays."""

    def __init__(self, path):
        with open(path, "rb") as file:
            reader = _format.Reader(file)
            self.content = reader.content
            self.arrays = {name: reader.take(name) for name in [*reader.entries]}
        self.raw = path.read_bytes()

    def copy(self):
        return copy.deepcopy(self)

    def signed(self, text=None):
        """Return the bytes of the file, with a checksum that is right."""
        text = json.dumps(self.content) if text is None else text
        checksum = hashlib.sha256(text.encode())
        header, data = {}, b""
        for name in sorted(self.arrays):
            array = self.arrays[name]
            _format._add(checksum, name, array)
            end = len(data) + array.nbytes
            header[name] = {
                "dtype": _format.NAMES[array.dtype],
                "shape": list(array.shape),
                "data_offsets": [len(data), end],
            }
            data += array.tobytes()
        header["__metadata__"] = {
            "format": "1",
            "content": text,
            "checksum": checksum.hexdigest(),
        }
        return joined(header, data)

    def header(self):
        """Return the header as JSON, and the data."""
        length = int.from_bytes(self.raw[:8], "little")
        return json.loads(self.raw[8 : 8 + length]), self.raw[8 + length :]


def joined(header, data=b""):
    """Return the bytes of a file of a header, JSON or bytes, and data."""
    if not isinstance(header, bytes):
        header = json.dumps(header).encode()
    return len(header).to_bytes(8, "little") + header + data


# -- the file itself -------------------------------------------------------------------


def in_header(change):
    """Return what makes a file of a change to one array's entry."""

    def make(parts):
        header, data = parts.header()
        name = next(name for name in header if name != "__metadata__")
        changed = change(header[name])
        header[name] = header[name] if changed is None else changed
        return joined(header, data)

    return make


def in_metadata(**changes):
    def make(parts):
        header, data = parts.header()
        header["__metadata__"].update(changes)
        return joined(header, data)

    return make


def without_metadata(parts):
    header, data = parts.header()
    del header["__metadata__"]
    return joined(header, data)


def key_twice(parts):
    header, data = parts.header()
    name = next(iter(header))
    entry = json.dumps({name: header[name]})[:-1]
    return joined(f"{entry}, {json.dumps(header)[1:]}".encode(), data)


def flipped(parts):
    raw = bytearray(parts.raw)
    raw[-3] ^= 1
    return bytes(raw)


class Bomb:
    """What a pickle would run."""

    def __reduce__(self):
        return exec, ("raise SystemError('code has run')",)


def zipped_pickle(parts):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Bomb()))
    return buffer.getvalue()


def saved_array(parts):
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


FILES = {
    "empty": lambda parts: b"",
    "seven bytes": lambda parts: bytes(7),
    "header of no bytes": lambda parts: bytes(8) + parts.raw[8:],
    "header of one byte": lambda parts: joined(b" "),
    "header of 2^63 bytes": lambda parts: (2**63).to_bytes(8, "little") + parts.raw[8:],
    "header of 2^64 - 1 bytes": lambda parts: b"\xff" * 8 + parts.raw[8:],
    "header longer than the file": lambda parts: (
        len(parts.raw).to_bytes(8, "little") + parts.raw[8:]
    ),
    "header over the limit": lambda parts: joined(b"{}" + b" " * 2**20),
    "header is no text": lambda parts: joined(b'{"\xff\xfe": 1}'),
    "header is no JSON": lambda parts: joined(b"{'a': 1}"),
    "header is a list": lambda parts: joined([1, 2]),
    "header is a number": lambda parts: joined(b"10"),
    "header is nothing": lambda parts: joined({}),
    "header of 100000 brackets": lambda parts: joined(b"[" * 100_000),
    "header of 20000 dicts": lambda parts: joined(b'{"a":' * 20_000),
    "header of 300000 lists": lambda parts: joined(b"[" + b"[]," * 300_000 + b"[]]"),
    "header with NaN": lambda parts: joined(b'{"a": NaN}'),
    "header with Infinity": lambda parts: joined(b'{"a": -Infinity}'),
    "header with 5000 digits": lambda parts: joined(b'{"a": ' + b"9" * 5000 + b"}"),
    "header with 1000000 digits": lambda parts: joined(b"9" * 1_000_000),
    "a pickle": lambda parts: pickle.dumps(Bomb()),
    "a zipped pickle": zipped_pickle,
    "an array of objects": saved_array,
    "half of it": lambda parts: parts.raw[: len(parts.raw) // 2],
    "one byte less": lambda parts: parts.raw[:-1],
    "one byte more": lambda parts: parts.raw + b"\0",
    "a megabyte more": lambda parts: parts.raw + bytes(2**20),
    "twice": lambda parts: parts.raw + parts.raw,
    "no metadata": without_metadata,
    "a key twice": key_twice,
    "dtype unknown": in_header(lambda entry: entry.update(dtype="F16")),
    "dtype a list": in_header(lambda entry: entry.update(dtype=["F64"])),
    "dtype of another size": in_header(lambda entry: entry.update(dtype="U8")),
    "shape negative": in_header(lambda entry: entry.update(shape=[-1, -4])),
    "shape of floats": in_header(lambda entry: entry.update(shape=[4.0])),
    "shape of truth": in_header(lambda entry: entry.update(shape=[True])),
    "shape a number": in_header(lambda entry: entry.update(shape=4)),
    "shape too large": in_header(lambda entry: entry.update(shape=[2**40, 2**40])),
    "shape that wraps": in_header(lambda entry: entry.update(shape=[2**32, 2**32])),
    "shape of 100 ones": in_header(lambda entry: entry.update(shape=[1] * 100)),
    "offsets reversed": in_header(lambda entry: entry["data_offsets"].reverse()),
    "offsets beyond": in_header(lambda entry: entry.update(data_offsets=[0, 2**40])),
    "offsets negative": in_header(lambda entry: entry.update(data_offsets=[-8, 0])),
    "offsets of text": in_header(lambda entry: entry.update(data_offsets=["0", "8"])),
    "three offsets": in_header(lambda entry: entry["data_offsets"].append(9)),
    "offsets with a gap": in_header(
        lambda entry: entry.update(data_offsets=[n + 8 for n in entry["data_offsets"]])
    ),
    "entry without a shape": in_header(lambda entry: entry.pop("shape") and None),
    "entry with more": in_header(lambda entry: entry.update(code="exec")),
    "entry is null": in_header(lambda entry: 0),
    "format of the future": in_metadata(format="2"),
    "format a number": in_metadata(format=1),
    "content a number": in_metadata(content=3),
    "content no JSON": in_metadata(content="{"),
    "checksum of nothing": in_metadata(checksum=""),
    "checksum a list": in_metadata(checksum=[]),
    "metadata with more": in_metadata(pickle="gASV"),
    "a flipped bit": flipped,
}


# -- what it says ----------------------------------------------------------------------


def edit(change):
    """Return what makes a well signed file of a change to the estimator's record."""

    def make(parts):
        parts = parts.copy()
        change(parts.content["estimator"], parts.arrays)
        return parts.signed()

    return make


def parameter(name, value):
    return edit(lambda record, arrays: record["parameters"].update({name: value}))


def attribute(name, value):
    return edit(lambda record, arrays: record["attributes"].update({name: value}))


def removed(where, name):
    return edit(lambda record, arrays: record[where].pop(name))


def blueprint(name, value):
    return edit(
        lambda record, arrays: record["inner"]["blueprint"].update({name: value})
    )


def network(change):
    return edit(lambda record, arrays: change(record["inner"]["network"], arrays))


def layer(change):
    """Change the last layer of the encoder's correction."""
    return network(
        lambda tree, arrays: change(
            tree["parts"]["encoder"]["parts"]["network"]["parts"]["0"], arrays
        )
    )


def weight(change):
    """Change the weights of a layer, an array."""

    def edit_array(node, arrays):
        name = node["tensors"]["weight"][0]
        arrays[name] = change(arrays[name].copy())

    return layer(edit_array)


def value_in(position, value):
    def change(array):
        array[position] = value
        return array

    return change


def nested(tree, arrays):
    """Put the encoder into a thousand sequences."""
    node = tree["parts"]["encoder"]
    for _ in range(300):
        node = {
            "kind": "Sequential",
            "settings": {},
            "tensors": {},
            "parts": {"0": node},
        }
    tree["parts"]["encoder"] = node


def in_front(kind, **settings):
    """Put a layer in front of the encoder."""

    def change(tree, arrays):
        node = {"kind": kind, "settings": settings, "tensors": {}, "parts": {}}
        tree["parts"]["encoder"] = {
            "kind": "Sequential",
            "settings": {},
            "tensors": {},
            "parts": {"0": node, "1": tree["parts"]["encoder"]},
        }

    return network(change)


def set_kind(name):
    return layer(lambda node, arrays: node.update(kind=name))


def estimator_in_estimator(record, arrays):
    inner = copy.deepcopy(record) | {"attributes": None, "inner": None}
    for _ in range(50):
        inner = {
            **inner,
            "parameters": inner["parameters"] | {"loss": {"estimator": inner}},
        }
    record["parameters"]["loss"] = {"estimator": inner}


def pipeline(*steps):
    def change(record, arrays):
        arrays.clear()
        record.update(
            {"class": "Pipeline", "parameters": {}, "attributes": None},
            inner={"steps": list(steps)},
        )

    return edit(change)


SIZES = {"tuple": [10**9]}
CONTENTS = {
    "content a list": lambda parts: parts.signed("[]"),
    "content with more": lambda parts: parts.signed('{"estimator": 1, "code": 2}'),
    "content a key twice": lambda parts: parts.signed(
        '{"estimator": 1, "estimator": 2, "versions": 3}'
    ),
    "class unknown": edit(lambda record, arrays: record.update({"class": "Popen"})),
    "class with dots": edit(
        lambda record, arrays: record.update({"class": "subprocess.Popen"})
    ),
    "class a list": edit(lambda record, arrays: record.update({"class": ["PCA"]})),
    "class of another kind": edit(
        lambda record, arrays: record.update({"class": "PCA"})
    ),
    "class of a sibling": edit(
        lambda record, arrays: record.update({"class": "DenoisingAutoencoder"})
    ),
    "record with more": edit(lambda record, arrays: record.update(code="exec")),
    "parameter unknown": parameter("__class__", "exec"),
    "parameter missing": removed("parameters", "solver"),
    "parameter out of range": parameter("n_components", -1),
    "parameter of another type": parameter("activation", 3),
    "parameter of a kind unknown": parameter("loss", {"pickle": "gASV"}),
    "parameter of a private kind": parameter("loss", {"_reader": "x"}),
    "parameter of two kinds": parameter("loss", {"tuple": [], "dict": []}),
    "function unknown": parameter("activation", {"function": "system"}),
    "function of a class": parameter("activation", {"function": ["tanh"]}),
    "solver unknown": parameter("solver", {"solver": "Optimizer"}),
    "solver with dots": parameter("solver", {"solver": "os.system"}),
    "architecture unknown": parameter("architecture", {"architecture": ["Popen", {}]}),
    "architecture with more": parameter(
        "architecture", {"architecture": ["Dense", {"code": 1}]}
    ),
    "object of nobody": parameter("loss", {"object": ["loss", "os.system"]}),
    "object without a name": parameter("loss", {"object": [{}, "os.system"]}),
    "dict as a key": parameter("loss", {"dict": [[{"dict": []}, 1]]}),
    "number out of words": parameter("alpha", {"float": "__import__('os')"}),
    "array twice": edit(
        lambda record, arrays: record["attributes"].update(
            components_=record["attributes"]["explained_variance_"]
        )
    ),
    "array not there": attribute("mean_", {"array": ["nowhere"]}),
    "array by a list": attribute("mean_", {"array": [["0"]]}),
    "axes out of order": attribute("mean_", {"array": ["0", [7]]}),
    "axes of text": attribute("mean_", {"array": ["0", ["a", 1]]}),
    "array of no use": edit(
        lambda record, arrays: arrays.update(unused=np.zeros(3, dtype=np.float64))
    ),
    "attribute of a class": attribute("__class__", "exec"),
    "attribute that is a method": attribute("transform", "exec"),
    "attribute missing": removed("attributes", "mean_"),
    "attribute of another type": attribute("n_iter_", "three"),
    "attribute of another shape": attribute("mean_", {"array": ["bad"]}),
    "a trillion columns": attribute("n_features_in_", 10**12),
    "a trillion components": attribute("n_components_", 10**12),
    "truth for a number": attribute("n_features_in_", True),
    "names that are none": attribute("feature_names_in_", {"strings": ["0", "O"]}),
    "a billion units": blueprint("hidden_layer_sizes", SIZES),
    "blueprint of other columns": blueprint("n_features", 10**12),
    "blueprint with code": blueprint("architecture", "exec"),
    "blueprint of another precision": blueprint("precision", "float64"),
    "objective unknown": edit(
        lambda record, arrays: record["inner"].update(objective=["Popen", {}])
    ),
    "objective of another network": edit(
        lambda record, arrays: record["inner"].update(
            objective=["Contractive", {"loss": "squared_error", "contraction": 1.0}]
        )
    ),
    "sizes by text": edit(lambda record, arrays: record["inner"].update(by_size="x")),
    "split by text": edit(
        lambda record, arrays: record["inner"].update(split=["x", 1])
    ),
    "inner with more": edit(lambda record, arrays: record["inner"].update(code="exec")),
    "inner is null": edit(lambda record, arrays: record.update(inner=None)),
    "network is text": edit(
        lambda record, arrays: record["inner"].update(network="Autoencoder")
    ),
    "network of another class": network(
        lambda tree, arrays: tree.update(kind="SparseNetwork")
    ),
    "network in a thousand": network(nested),
    "network within a network": network(
        lambda tree, arrays: tree["parts"].update(prefix=copy.deepcopy(tree))
    ),
    "network without a decoder": network(
        lambda tree, arrays: tree["parts"].pop("decoder")
    ),
    "scale alone": network(lambda tree, arrays: tree["tensors"].pop("inverse_scale")),
    "layer unknown": set_kind("Popen"),
    "layer with dots": set_kind("torch.nn.Linear"),
    "layer of another kind": set_kind("Conv2d"),
    "layer of somebody's own": set_kind("own"),
    "layer of a trillion units": layer(
        lambda node, arrays: node["settings"].update(out_features=10**12)
    ),
    "layer of minus one unit": layer(
        lambda node, arrays: node["settings"].update(in_features=-1)
    ),
    "layer with more settings": layer(
        lambda node, arrays: node["settings"].update(forward="exec")
    ),
    "layer without weights": layer(lambda node, arrays: node["tensors"].pop("weight")),
    "layer with more tensors": layer(
        lambda node, arrays: node["tensors"].update(code=node["tensors"]["bias"])
    ),
    "weights not a number": weight(value_in((0, 0), np.nan)),
    "weights infinite": weight(value_in((0, 0), np.inf)),
    "weights turned": weight(lambda array: np.ascontiguousarray(array.T)),
    "weights of another precision": weight(lambda array: array.astype(np.float64)),
    "weights of whole numbers": weight(lambda array: array.astype(np.int64)),
    "an image of 10^18 pixels": in_front("Upsample", size={"tuple": [10**9, 10**9]}),
    "an image of no shape": in_front(
        "ToImage", shape={"tuple": [10**6, 10**6]}, pixelwise=False
    ),
    "an activation by a name": in_front("Activation", function="__class__"),
    "an activation to run": in_front("Activation", function="eval"),
    "more first columns": in_front("First", n_columns=10**9),
    "dropout of all": in_front("Dropout", p=7.0),
    "output of a class": edit(lambda record, arrays: record.update(output="exec")),
    "output a list": edit(lambda record, arrays: record.update(output=["pandas"])),
    "estimators in estimators": edit(estimator_in_estimator),
    "pipeline without steps": pipeline(),
    "pipeline of text": pipeline("exec"),
    "pipeline of nothing": pipeline(["a", 3]),
    "pipeline of one name": pipeline(["a", "passthrough"], ["a", "passthrough"]),
    "pipeline of a name that cannot be": pipeline(["a__b", "passthrough"]),
}


# -- chance ----------------------------------------------------------------------------


def mutated(parts, rng):
    """Return a file with random changes, to its bytes or to what it says, signed."""
    kind = rng.integers(3)
    if kind == 0:
        return bytes(_changed(bytearray(parts.raw), rng))
    if kind == 1:
        length = int.from_bytes(parts.raw[:8], "little")
        header = bytes(_changed(bytearray(parts.raw[8 : 8 + length]), rng))
        return joined(header, parts.raw[8 + length :])
    text = bytearray(json.dumps(parts.content).encode())
    return parts.signed(_changed(text, rng).decode("ascii", errors="replace"))


def _changed(raw, rng):
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(raw)))
        n = int(rng.integers(1, 30))
        action = rng.integers(6)
        if action == 0:
            raw[at] = int(rng.integers(256))
        elif action == 1:
            del raw[at : at + n]
        elif action == 2:
            raw[at:at] = raw[max(0, at - n) : at]
        elif action == 3:
            raw[at:at] = rng.bytes(n)
        elif action == 4:
            other = int(rng.integers(len(raw)))
            raw[at : at + n], raw[other : other + n] = (
                raw[other : other + n],
                raw[at : at + n],
            )
        else:  # numbers are where the harm is
            digits = [i for i, byte in enumerate(raw[:20_000]) if 48 <= byte < 58]
            if digits:
                raw[digits[int(rng.integers(len(digits)))]] = 48 + int(rng.integers(10))
    return raw or bytearray(b" ")
