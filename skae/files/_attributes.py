"""The fitted attributes that a file holds: names, kinds and shapes, for each class.

A shape is a word: "kd" is (n_components, n_features). "d" and "k" are what the file
says of the estimator, any other letter is the same number wherever it comes.
"""

from dataclasses import dataclass

import numpy as np

from ..exceptions import FileError


@dataclass(frozen=True)
class Array:
    """An array of a shape, of floats ("f") unless `kinds` says otherwise."""

    shape: str
    kinds: str = "f"


def text(value):
    return type(value) is str


def flag(value):
    return isinstance(value, (bool, np.bool_))


def integer(value):
    return isinstance(value, (int, np.integer)) and not flag(value)


def count(value):
    return integer(value) and value > 0


def number(value):
    return isinstance(value, (int, float, np.integer, np.floating)) and not flag(value)


def curve(value):
    return isinstance(value, list) and all(map(number, value))


def curves(value):
    return isinstance(value, list) and all(map(maybe(curve), value))


def widths(value):
    return isinstance(value, tuple) and all(map(count, value))


def name_or_function(value):
    return text(value) or callable(value)


def dtype(value):
    return isinstance(value, np.dtype)


def maybe(check):
    return lambda value: value is None or check(value)


@dataclass(frozen=True)
class Names:
    """Strings, one for each of the columns of the table."""

    shape: str = "t"


@dataclass(frozen=True)
class Attributes:
    """What a fitted estimator has to have, and what it may have."""

    needed: dict
    allowed: dict

    def __or__(self, other):
        return Attributes(self.needed | other.needed, self.allowed | other.allowed)


COMMON = Attributes({"n_features_in_": count}, {"feature_names_in_": Names()})
CODES = Attributes({"n_components_": count, "_n_features_out": count}, {})
ERRORS = Attributes(
    {
        "mean_": Array("d"),
        "explained_variance_ratio_": Array("k"),
        "reconstruction_error_": number,
        "pca_reconstruction_error_": number,
        "judge_": text,
    },
    {"components_": Array("kd")},
)
TRAINED = Attributes(
    {
        "precision_": text,
        "hidden_layer_sizes_": widths,
        "code_activation_": name_or_function,
        "output_activation_": name_or_function,
        "learning_rate_": text,
        "learning_rate_init_": number,
        "max_iter_": count,
        "solver_": name_or_function,
        "batch_size_": count,
        "n_iter_": integer,
        "loss_curve_": curve,
        "validation_loss_curve_": maybe(curve),
        "init_": text,
        "is_pca_": flag,
        "explained_variance_": Array("k"),
        "singular_values_": Array("k"),
        "n_samples_": count,
    },
    {"n_samples_seen_": count},
)
FAMILY = COMMON | CODES | ERRORS | TRAINED
ORDERED = FAMILY | Attributes({}, {"_n_largest": count})
HEAD = (
    COMMON
    | CODES
    | Attributes(
        {
            "batch_size_": count,
            "max_iter_": count,
            "device_": text,
            "alpha_": number,
            "consistency_weight_": number,
            "noise_level_": number,
            "n_iter_": integer,
            "best_n_iter_": integer,
            "loss_curve_": curve,
            "validation_loss_curve_": maybe(curve),
        },
        {},
    )
)
NOISY = Attributes(
    {"noise_level_": (Array("d"), Array(""), maybe(number))},
    {"clean_validation_loss_curve_": maybe(curve)},
)
SCALED = Attributes({}, {"n_samples_seen_": (Array("d", "fi"), number)})
SCALE = (Array("d"), maybe(number))
DECOMPOSED = Attributes(
    {
        "components_": Array("kd"),
        "explained_variance_": Array("k"),
        "explained_variance_ratio_": Array("k"),
        "singular_values_": Array("k"),
    },
    {},
)
LABELS = (Names("c"), Array("c", "iufb"))

ATTRIBUTES = {
    "AutoencoderTransformer": ORDERED,
    "ContractiveAutoencoder": FAMILY,
    "DenoisingAutoencoder": FAMILY | NOISY,
    "SparseAutoencoder": FAMILY
    | Attributes(
        {
            "active_share_": number,
            "dead_units_": Array("u", "i"),
            "k_": maybe(integer),
        },
        {},
    ),
    "StackedAutoencoder": FAMILY
    | Attributes(
        {},
        {
            "pretraining_loss_curves_": curves,
            "pretraining_validation_loss_curves_": curves,
        },
    ),
    "VariationalAutoencoder": FAMILY
    | Attributes(
        {
            "kl_warmup_": integer,
            "active_units_": Array("u", "i"),
            "noise_variance_": maybe(number),
        },
        {},
    ),
    "MarginalizedDenoisingAutoencoder": COMMON | CODES | ERRORS,
    "AutoencoderClassifier": HEAD | Attributes({"classes_": LABELS}, {}),
    "AutoencoderRegressor": HEAD | Attributes({"_is_single_output": flag}, {}),
    "AutoencoderOutlierDetector": COMMON
    | Attributes(
        {
            "_hashes": Array("n", "u"),
            "_folds": Array("n", "i"),
            "scales_": Array("fd"),
            "offset_": number,
        },
        {},
    ),
    "TableEncoder": COMMON,
    "NumberEncoder": COMMON
    | Attributes(
        {"root_": Array("t"), "has_holes_": Array("t", "b")},
        {
            "unit_": number,
            "centre_": Array("t"),
            "scale_": Array("t"),
            "lowest_": Array("t"),
            "highest_": Array("t"),
            "filling_mean_": Array("t"),
            "filling_axes_": Array("at"),
            "filling_ratio_": Array("a"),
        },
    ),
    # scikit-learn's
    "StandardScaler": COMMON
    | SCALED
    | Attributes({"mean_": SCALE, "var_": SCALE, "scale_": SCALE}, {}),
    "MinMaxScaler": COMMON
    | SCALED
    | Attributes(
        {
            name: Array("d")
            for name in ("scale_", "min_", "data_min_", "data_max_", "data_range_")
        },
        {},
    ),
    "MaxAbsScaler": COMMON
    | SCALED
    | Attributes({"max_abs_": Array("d"), "scale_": Array("d")}, {}),
    "RobustScaler": COMMON | Attributes({"center_": SCALE, "scale_": SCALE}, {}),
    "QuantileTransformer": COMMON
    | Attributes(
        {
            "n_quantiles_": count,
            "references_": Array("q"),
            "quantiles_": Array("qd"),
        },
        {},
    ),
    "PCA": COMMON
    | DECOMPOSED
    | Attributes(
        {
            "_fit_svd_solver": text,
            "mean_": Array("d"),
            "noise_variance_": number,
            "n_samples_": count,
            "n_components_": count,
        },
        {},
    ),
    "TruncatedSVD": COMMON | DECOMPOSED,
    "SimpleImputer": COMMON
    | Attributes(
        {
            "statistics_": (Array("d", "fi"), Array("d", "O")),
            "indicator_": lambda value: value is None,
        },
        {"_fit_dtype": dtype, "_fill_dtype": dtype},
    ),
    "LogisticRegression": COMMON
    | Attributes(
        {
            "classes_": LABELS,
            "n_iter_": Array("r", "i"),
            "coef_": Array("od"),
            "intercept_": Array("o"),
        },
        {},
    ),
    "Ridge": COMMON
    | Attributes(
        {
            "coef_": (Array("d"), Array("od")),
            "intercept_": (Array("o"), number),
            "n_iter_": (Array("o", "i"), maybe(integer)),
        },
        {"solver_": text},
    ),
}


def read_attributes(name, stored, values, n_encoded=None):
    """Return the attributes of a class from JSON, each checked before it is read.

    `n_encoded` is the number of columns of the network, if a TableEncoder makes others.
    """
    attributes = ATTRIBUTES[name]
    known = attributes.needed | attributes.allowed
    if not set(attributes.needed) <= set(stored) <= set(known):
        missing, odd = set(attributes.needed) - set(stored), set(stored) - set(known)
        raise FileError(
            f"{name} lacks the attributes {sorted(missing)} and has {sorted(odd)}."
        )
    sizes = {}
    for letter, attribute in (("t", "n_features_in_"), ("k", "n_components_")):
        if attribute in stored:
            sizes[letter] = _one(attribute, known[attribute], stored, values, {})
    if "t" in sizes:
        sizes["d"] = sizes["t"] if n_encoded is None else n_encoded
    return {
        attribute: _one(attribute, known[attribute], stored, values, sizes)
        for attribute in stored
    }


def _one(attribute, checks, stored, values, sizes):
    """Return an attribute that has to pass one of some checks."""
    value = stored[attribute]
    checks = checks if isinstance(checks, tuple) else (checks,)
    found = values.shape_of(value)
    for check in checks:
        if isinstance(check, Array) and found is not None:
            dtype, shape = found
            if dtype.kind in check.kinds and _fits(check.shape, shape, sizes):
                return values.decode(value)
    decoded = None if found is not None else values.decode(value)
    if found is None:
        for check in checks:
            if isinstance(check, Names):
                is_right = _are_names(decoded, check, sizes)
            elif isinstance(check, Array):
                is_array = isinstance(decoded, np.ndarray) and decoded.dtype.kind == "O"
                is_right = is_array and "O" in check.kinds
                is_right = is_right and _fits(check.shape, decoded.shape, sizes)
            else:
                is_right = check(decoded)
            if is_right:
                return decoded
    raise FileError(f"The attribute {attribute} is not of a kind or shape that it has.")


def _fits(letters, shape, sizes):
    if len(letters) != len(shape):
        return False
    return all(
        sizes.setdefault(letter, size) == size
        for letter, size in zip(letters, shape, strict=True)
    )


def _are_names(value, check, sizes):
    is_text = isinstance(value, np.ndarray) and value.dtype.kind in "OU"
    is_text = is_text and all(isinstance(item, str) for item in value)
    return is_text and _fits(check.shape, value.shape, sizes)
