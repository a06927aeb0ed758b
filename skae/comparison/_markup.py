"""Pieces of a page: sections, tables, legends; every text is escaped here."""

from html import escape

import numpy as np


def section(title, text, body):
    """Return a body under a title and a note on it."""
    note = f'<p class="note">{escape(text)}</p>' if text else ""
    return f"<section><h2>{escape(title)}</h2>{note}{body}</section>"


def table(titles, rows, *, kind="sortable"):
    """Return a table of cells, each a pair: what sorts, and what is shown."""
    button = "<button>{}</button>" if "sortable" in kind else "{}"
    head = "".join(f"<th>{button.format(escape(title))}</th>" for title in titles)
    body = "".join(
        f"<tr>{''.join(_td(key, shown) for key, shown in row)}</tr>" for row in rows
    )
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _td(key, shown):
    return f'<td data-key="{escape(str(key))}">{escape(str(shown))}</td>'


def cell(value, column=""):
    """Return a score as what sorts and what is shown."""
    if np.isnan(value):
        return "", ""
    return f"{value:.6g}", f"{value:.{2 if column == 'fit_time' else 3}f}"


def legend(items):
    """Return pairs of names and colours as a list."""
    entries = "".join(
        f'<li><i style="background:{colour}"></i>{escape(str(name))}</li>'
        for name, colour in items
    )
    return f'<ul class="legend">{entries}</ul>'


def listed(names):
    """Return names in words."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
