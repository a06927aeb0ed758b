"""What came of a fit, in words and tables."""

import html
from dataclasses import dataclass

JUDGES = {
    "folds": "on rows not trained on",
    "held_out": "on held-out rows",
    "none": "on the training rows",
}
FACTS = (
    "judge_",
    "init_",
    "is_pca_",
    "n_iter_",
    "best_n_iter_",
    "reconstruction_error_",
    "pca_reconstruction_error_",
)


def outcome(error, pca_error, judge, *, is_pca, is_linear):
    """Return what a fit was worth, in a few words."""
    if is_pca and is_linear:
        return "PCA itself: no linear network is better"
    if is_pca and error < pca_error:
        return "PCA within the limits of the columns: training did not help"
    if is_pca:
        return "PCA itself: training did not help"
    if not pca_error > 0:
        return f"an error of {error:.3g} {JUDGES[judge]}, where PCA has none"
    ratio = error / pca_error
    shown = f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"
    of = "times" if ratio > 1 else "of"
    return f"{shown} {of} PCA's error {JUDGES[judge]}"


@dataclass(frozen=True)
class Summary:
    """A fitted network, what "auto" became and what it is worth.

    Attributes
    ----------
    title : str

    outcome : str

    layers : list of tuple
        Name, kind, shape of a row after it and number of weights of each layer.

    resolved : dict
        What each parameter that was "auto" became.

    facts : dict
        Other fitted attributes, by name.
    """

    title: str
    outcome: str
    layers: list
    resolved: dict
    facts: dict

    @property
    def n_weights(self):
        """The number of weights in all."""
        return sum(n_weights for *_, n_weights in self.layers)

    def _tables(self):
        """Yield heads and rows of text; the last column has numbers or values."""
        rows = [
            (name, kind, " x ".join(map(str, shape)), f"{n_weights:,}")
            for name, kind, shape, n_weights in self.layers
        ]
        rows.append(("in all", "", "", f"{self.n_weights:,}"))
        yield ("layer", "kind", "output", "weights"), rows
        if self.resolved:
            yield ('"auto" became', ""), _pairs(self.resolved)
        yield ("result", ""), _pairs(self.facts)

    def __repr__(self):
        parts = [f"{self.title}\n{self.outcome}".strip()]
        parts += [_text_table(head, rows) for head, rows in self._tables()]
        return "\n\n".join(parts)

    def _repr_html_(self):
        tables = "".join(_html_table(head, rows) for head, rows in self._tables())
        heading = html.escape(" - ".join(filter(None, (self.title, self.outcome))))
        return (
            f'<details class="skae-summary" open><summary>{heading}</summary>{tables}'
            "</details>"
        )


def _pairs(values):
    return [(name, _shown(value)) for name, value in values.items()]


def _shown(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _text_table(head, rows):
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    last_is_number = len(head) > 2
    return "\n".join(
        "  ".join(
            cell.rjust(width)
            if last_is_number and i == len(widths) - 1
            else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _html_table(head, rows):
    def line(cells, tag):
        filled = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
        return f"<tr>{filled}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>"
