"""Fits of several processes, each of which passes rows of its own."""

from dataclasses import replace

from ..data._group import find_group
from ._checkpoint import described_parameters

# Of these some are held out to judge, and some are trained on.
FEWEST_ROWS = 4


def refuse_ranks(what, remedy):
    """Raise a ValueError where several processes fit: this they cannot do."""
    size = find_group().size
    if size > 1:
        raise ValueError(
            f"{what} does not work where {size} processes fit one estimator together. "
            f"{remedy}"
        )


def check_ranks(estimator, groups):
    """Raise a ValueError for what several processes cannot do."""
    name = type(estimator).__name__
    if not estimator._fits_in_ranks:
        refuse_ranks(name, "Fit it in one process.")
    if groups is not None:
        refuse_ranks("groups", "Pass rows of other groups as X_val.")
    if estimator.warm_start:
        refuse_ranks("warm_start=True", "Fit a clone.")
    if estimator.interruptible:
        refuse_ranks("interruptible=True", "Use checkpoint, and end all ranks.")


def in_ranks(estimator, ranks, table, validation):
    """Return tables whose rows are this rank's part of those of all.

    Raises
    ------
    ValueError
        On every rank, if the parts do not go together.
    """
    if ranks.size == 1:
        return table, validation
    if hasattr(estimator, "encoder_"):
        refuse_ranks(
            "A DataFrame with columns that are no numbers, missing_values='mask' or "
            "column_weight",
            "Encode it first, by a TableEncoder that has seen all of its values.",
        )
    parameters = described_parameters(estimator)
    parameters.pop("device", None)  # each may have a GPU of its own
    names = getattr(estimator, "feature_names_in_", None)
    own = parameters | {
        "columns": table.n_columns,
        "names of columns": None if names is None else names.tolist(),
        "dtype of X": str(table.dtype),
        "sample_weight": _is_given(table.sample_weight),
        "X_val": _is_given(validation),
        "sample_weight_val": _is_given(validation and validation.sample_weight),
    }
    all_facts = ranks.gather((own, table.n_rows))
    first, _ = all_facts[0]
    for rank, (facts, n_rows) in enumerate(all_facts):
        for name, found in facts.items():
            if found != first[name]:
                raise ValueError(
                    "All ranks have to fit the same estimator to parts of one table: "
                    f"{name} is {first[name]} on rank 0, and {found} on rank {rank}."
                )
        if n_rows < FEWEST_ROWS:
            raise ValueError(
                f"Rank {rank} of {ranks.size} has {n_rows} row(s), and {FEWEST_ROWS} "
                "are the least. Give each rank about as many rows, or start fewer."
            )
    validation = validation and replace(validation, ranks=ranks)
    return replace(table, ranks=ranks), validation


def _is_given(value):
    return "none" if value is None else "some"
