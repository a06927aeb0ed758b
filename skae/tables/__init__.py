"""Mixed tables as numbers, and back: DataFrames of pandas and polars."""

from .._lazy import attach

_NAMES = {
    "Block": "._blocks",
    "TableEncoder": "._encoder",
    # for estimators that have an encoder inside
    "by_column": "._inside",
    "d2": "._deviance",
    "cells": "._inside",
    "decode": "._inside",
    "column_errors": "._numbers",
    "encode": "._inside",
    "encode_numbers": "._inside",
    "has_categories": "._inside",
    "holes": "._impute",
    "hole_scale": "._holes",
    "HoleScale": "._holes",
    "impute": "._impute",
    "impute_numbers": "._impute",
    "is_encoded": "._inside",
    "is_mixed": "._inside",
    "mixed_encoder": "._inside",
    "takes_holes": "._inside",
    "spans": "._inside",
    "RowModel": "._sample",
    "without": "._impute",
}

__all__ = ["Block", "TableEncoder"]
__getattr__, __dir__ = attach(__name__, _NAMES)
