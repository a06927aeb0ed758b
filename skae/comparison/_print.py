"""The table of a comparison on a terminal of 80 columns."""

import textwrap

WIDTH = 79

# What is shown of a summary: its column, a title and a format.
_COLUMNS = [
    ("r2", "R^2", ".3f"),
    ("r2_std", "spread", ".3f"),
    ("accuracy", "accuracy", ".3f"),
    ("target_r2", "target R^2", ".3f"),
    ("neighbor_overlap", "neighbours", ".3f"),
    ("fit_time", "seconds", ".2f"),
]


def score_table(comparison):
    """Return the scores of a comparison as lines; long names are broken."""
    summary = comparison.summary()
    shown = [column for column in _COLUMNS if column[0] in summary]
    rows = [
        [name, str(size), *(_cell(row[key], form) for key, _, form in shown)]
        for (name, size), row in summary.iterrows()
    ]
    if comparison.all_columns is not None:
        mean = comparison.all_columns.mean(numeric_only=True)
        scores = [
            _cell(mean[key], form) if key in ("accuracy", "target_r2") else "-"
            for key, _, form in shown
        ]
        rows.append(["all columns", f"{mean['n_components']:.0f}", *scores])
    return "\n".join(_lines([["reducer", "size", *(c[1] for c in shown)], *rows]))


def _cell(value, form):
    # A missing score is the only number that differs from itself.
    return format(value, form) if value == value else "-"


def _lines(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = WIDTH - sum(width + 2 for width in widths[1:])
    widths[0] = min(widths[0], room)
    for name, *cells in rows:
        first, *rest = textwrap.wrap(name, widths[0])
        numbers = [c.rjust(w) for c, w in zip(cells, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *numbers])
        yield from rest
