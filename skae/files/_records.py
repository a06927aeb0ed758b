"""Estimators as records: class, parameters, attributes and network, in plain values."""

from dataclasses import fields

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError

from ..exceptions import FileError
from ..tables import TableEncoder
from ._attributes import ATTRIBUTES, read_attributes
from ._fitted import fill, inner_of
from ._registry import (
    ARCHITECTURES,
    ESTIMATORS,
    NUMBERS,
    OBJECTIVES,
    STEPS,
    TABLES,
    look_up,
    name_in,
)
from ._tables import describe_table, fill_table
from ._values import Values, Writer, make

# They matter to training alone: a file does without.
TRAINING_ONLY = ("callbacks", "random_state", "memory")
# A path of one machine, which whoever sent a file should not choose.
NEVER_STORED = "checkpoint"
# Parameters that files of the first versions do not have: they took numbers alone.
ADDED = {"categorical_features": None, "missing_values": "auto", "column_weight": None}
ADDED_FIELDS = {"Variational": {"has_softmax"}}
CLASSES = ESTIMATORS | TABLES | STEPS
# What a file leaves out, and what is stored in another way.
LEFT_OUT = {
    *("_stream", "_metadata_request", "_skl_callbacks", "_parent_callback_ctx"),
    "_other_labels",  # of columns, where they are no strings: of any type
}
ELSEWHERE = {
    *("net_", "module_", "autoencoder_", "autoencoders_"),
    *("_fitted_task", "_by_size", "_split", "_sklearn_output_config"),
    *("_layout", "_codec", "blocks_", "left_out_", "encoder_", "_filling"),
    *("_row_model", "_hole_scale"),
}
KEYS = {"class", "parameters", "attributes", "output", "inner"}
CONTAINERS = ("default", "pandas", "polars")


class Recorder:
    """Turns estimators into records, and keeps their arrays."""

    def __init__(self):
        self.arrays = {}

    def record(self, estimator, prefix="", label=""):
        """Return the record of an estimator.

        `prefix` is where its parameters are among those of the whole, and `label` what
        errors call it.
        """
        name = name_in(CLASSES | NUMBERS, type(estimator))
        label = f"{label}{type(estimator).__name__}"
        if name is None:
            cls = type(estimator)
            raise TypeError(
                f"{label} cannot be stored without pickle: {cls.__module__}."
                f"{cls.__qualname__} is none of {sorted(CLASSES)}."
            )
        if name == "Pipeline":
            return self._pipeline(estimator, prefix, label)
        parameters = estimator.get_params(deep=False)
        writer = Writer(named_objects(estimator, prefix), self.arrays)
        attributes = {
            key: value
            for key, value in vars(estimator).items()
            if key not in parameters and key not in LEFT_OUT | ELSEWHERE
        }
        record = {
            "class": name,
            "parameters": {
                key: self._parameter(writer, key, value, prefix, label)
                for key, value in parameters.items()
                if key != NEVER_STORED
            },
            "attributes": None,
            "output": getattr(estimator, "_sklearn_output_config", {}).get("transform"),
            "inner": None,
        }
        if not is_fitted(estimator):
            return record
        known = ATTRIBUTES[name].needed | ATTRIBUTES[name].allowed
        record["attributes"] = {
            key: writer.encode_named(value, f"{label}'s attribute {key}")
            for key, value in attributes.items()
            if key in known or _refuse(label, key, value)
        }
        if name in ESTIMATORS:
            record["inner"] = inner_of(estimator, writer, self, prefix, label)
            if hasattr(estimator, "encoder_"):
                encoder = self.record(estimator.encoder_, label=f"{label}'s ")
                record["inner"]["encoder"] = encoder
        elif name in TABLES:
            record["inner"] = describe_table(estimator, writer, self, label)
        return record

    def _parameter(self, writer, key, value, prefix, label):
        if isinstance(value, BaseEstimator) and name_in(CLASSES, type(value)):
            return {"estimator": self.record(value, f"{prefix}{key}__", f"{label}'s ")}
        return writer.encode_named(value, f"{label}'s parameter {key}")

    def _pipeline(self, pipeline, prefix, label):
        steps = []
        for name, step in pipeline.steps:
            if step is None or isinstance(step, str):
                steps.append([name, step])
                continue
            where = f"Step {name!r} of the {label}, "
            steps.append([name, self.record(step, f"{prefix}{name}__", where)])
        return {
            "class": "Pipeline",
            "parameters": {"verbose": bool(pipeline.verbose)},
            "attributes": None,
            "output": None,
            "inner": {"steps": steps},
        }


def _refuse(label, key, value):
    raise TypeError(
        f"{label} has an attribute {key} that is none of its own: a file does not hold "
        f"{type(value).__name__} objects of yours. Delete it first."
    )


def named_objects(estimator, prefix):
    """Return the parameters that a file has only the names of, by name."""
    objects = {}
    for key, value in estimator.get_params(deep=True).items():
        try:
            Writer({}, {}).encode(value)
        except TypeError:
            if name_in(CLASSES | ARCHITECTURES, type(value)) is None:
                objects[f"{prefix}{key}"] = value
    return objects


def is_fitted(estimator):
    """Whether an estimator has been fitted."""
    check = getattr(estimator, "__sklearn_is_fitted__", None)
    return check() if check is not None else hasattr(estimator, "n_features_in_")


# -- back -----------------------------------------------------------------------------


def _check_encoder(estimator):
    encoder = estimator.encoder_
    names = [getattr(e, "feature_names_in_", None) for e in (estimator, encoder)]
    if encoder.n_features_in_ != estimator.n_features_in_ or not np.array_equal(*names):
        raise FileError(f"The {type(encoder).__name__} inside is for other columns.")
    if isinstance(encoder, TableEncoder):
        return
    optional = ATTRIBUTES["NumberEncoder"].allowed.keys() - {"feature_names_in_"}
    n_found = sum(hasattr(encoder, name) for name in optional)
    if n_found not in (0, len(optional)) or (encoder.has_holes_.any() and not n_found):
        raise FileError("The NumberEncoder inside does not know how to fill cells.")


class Restorer:
    """Turns records back into estimators."""

    def __init__(self, reader, objects):
        self.values = Values(reader, objects)

    def restore(self, record, prefix="", among=CLASSES, depth=0):
        """Return the estimator of a record, whose class has to be among some."""
        if not isinstance(record, dict) or set(record) != KEYS or depth > 20:
            raise FileError("The file has an estimator that is not described as one.")
        cls = look_up(among, record["class"])
        stored = record["parameters"]
        if not isinstance(stored, dict):
            raise FileError(f"{cls.__name__} comes without its parameters.")
        if cls is Pipeline:
            return self._pipeline(record, prefix, depth)
        parameters = {
            key: self._parameter(key, value, prefix, depth)
            for key, value in stored.items()
        }
        names = set(cls._get_param_names()) - {NEVER_STORED}
        if name_in(ESTIMATORS, cls) is not None:  # files of before do without
            parameters = {k: v for k, v in ADDED.items() if k in names} | parameters
        if set(parameters) != names:
            odd = set(parameters) ^ names
            raise FileError(f"{cls.__name__} has other parameters, see {sorted(odd)}.")
        estimator = make(cls, parameters)
        try:
            estimator._validate_params()
        except InvalidParameterError as error:
            raise FileError(
                f"The file has a parameter that cannot be: {error}"
            ) from error
        if record["attributes"] is not None:
            self._fill(estimator, record, prefix, depth)
        output = record["output"]
        if output is not None:
            if output not in CONTAINERS:
                raise FileError(f"The file asks for the container {output!r}.")
            estimator._sklearn_output_config = {"transform": output}
        return estimator

    def _fill(self, estimator, record, prefix, depth):
        name, attributes = record["class"], record["attributes"]
        if not isinstance(attributes, dict):
            raise FileError(f"{name} comes without its attributes.")
        inner, width = record["inner"], None
        if name in ESTIMATORS and isinstance(inner, dict) and "encoder" in inner:
            inner = dict(inner)
            encoder = self.restore(
                inner.pop("encoder"), among=TABLES | NUMBERS, depth=depth + 1
            )
            if not is_fitted(encoder):
                raise FileError(f"{name} has an encoder that is not fitted.")
            estimator.encoder_ = encoder
            if isinstance(encoder, TableEncoder):
                width = encoder.blocks_[-1].stop
        values = read_attributes(name, attributes, self.values, width)
        vars(estimator).update(values)
        if name in ESTIMATORS:
            if hasattr(estimator, "encoder_"):
                _check_encoder(estimator)
            fill(estimator, inner, self, prefix, depth)
        elif name in TABLES:
            fill_table(estimator, record["inner"], self, depth)

    def _parameter(self, key, value, prefix, depth):
        if isinstance(value, dict) and set(value) == {"estimator"}:
            return self.restore(value["estimator"], f"{prefix}{key}__", depth=depth + 1)
        is_object = isinstance(value, dict) and set(value) == {"object"}
        if is_object and key in TRAINING_ONLY:
            return self.values.objects.get(f"{prefix}{key}")
        return self.values.decode(value)

    def _pipeline(self, record, prefix, depth):
        inner = record["inner"]
        steps = inner.get("steps") if isinstance(inner, dict) else None
        if not isinstance(steps, list) or not steps:
            raise FileError("The Pipeline comes without steps.")
        restored = []
        for step in steps:
            if not (isinstance(step, list) and len(step) == 2 and type(step[0]) is str):
                raise FileError("The Pipeline has a step without a name.")
            name, value = step
            if value is not None and value != "passthrough":
                value = self.restore(value, f"{prefix}{name}__", depth=depth + 1)
            restored.append((name, value))
        pipeline = Pipeline(
            restored, verbose=record["parameters"].get("verbose") is True
        )
        try:
            pipeline._validate_names([name for name, _ in restored])
            pipeline._validate_steps()
        except (TypeError, ValueError) as error:
            raise FileError(
                f"The Pipeline has steps that cannot be: {error}"
            ) from error
        return pipeline

    # -- values with fields ---------------------------------------------------------

    def fields(self, cls, stored):
        """Return a dataclass from JSON that has each of its fields.

        Files of before may do without those that came later.
        """
        names = {field.name for field in fields(cls)}
        needed = names - ADDED_FIELDS.get(cls.__name__, set())
        if not isinstance(stored, dict) or not needed <= set(stored) <= names:
            raise FileError(f"{cls.__name__} does not have its fields {sorted(names)}.")
        return cls(**{name: self.values.decode(stored[name]) for name in stored})

    def objective(self, stored):
        """Return an objective from its class and its fields."""
        if not (isinstance(stored, list) and len(stored) == 2):
            raise FileError("The file has an objective that is none.")
        return self.fields(look_up(OBJECTIVES, stored[0]), stored[1])
