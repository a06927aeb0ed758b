"""The report on a comparison: one page that needs nothing else."""

from html import escape
from importlib import resources
from string import Template

import numpy as np

from . import _svg
from ._images import data_uri, pixels, read_shape
from ._markup import cell, legend, listed, section, table
from ._scores import N_RESTORED

_TITLES = {
    "r2": "R²",
    "r2_std": "spread",
    "accuracy": "accuracy",
    "target_r2": "target R²",
    "trustworthiness": "trustworthiness",
    "neighbor_overlap": "neighbours kept",
    "fit_time": "fit seconds",
}
_TARGET_TITLES = {"accuracy": "accuracy", "target_r2": "R² of the target"}
_N_COLUMNS = 10
_N_ROWS = 5
_N_CELLS = 3


def page(comparison, image_shape=None):
    """Return the page as text.

    Parameters
    ----------
    comparison : ReducerComparison
    image_shape : tuple of int, default=None
        What the rows are as images.
    """
    details = comparison.details
    if image_shape is not None:
        if details is None:
            raise ValueError("image_shape is given, and no rows are known to show.")
        read_shape(image_shape, len(details.names))
    sections = [_verdict(comparison), _scores(comparison), _curves(comparison)]
    if details is not None:
        seen = _Seen(comparison, image_shape)
        sections += [_codes(seen), _columns(seen), _rows(seen), _images(seen)]
        sections.append(_run(details.run))
    template = resources.files(__package__).joinpath("report.html")
    text = Template(template.read_text(encoding="utf-8"))
    names = comparison.results["reducer"].unique()
    title = escape(f"{listed(names)}, compared") if len(names) > 1 else escape(names[0])
    return text.substitute(
        title=title, n_images=N_RESTORED, body="\n".join(filter(None, sections))
    )


class _Seen:
    """What a comparison shows of its fits, as the sections ask for it."""

    def __init__(self, comparison, image_shape):
        self.comparison = comparison
        self.details = comparison.details
        self.image_shape = image_shape
        self.names = _ordered(comparison)
        sizes = comparison.results["n_components"].unique()
        self.sizes = sorted(int(size) for size in sizes)

    def fits(self, size):
        """Return the glimpses of each reducer's folds at a size, by reducer."""
        found = {}
        for name in self.names:
            keys = [k for k in self.details.glimpses if k[:2] == (name, size)]
            if keys:
                found[name] = [self.details.glimpses[key] for key in sorted(keys)]
        return found

    def restored_fits(self, size):
        """Return those of reducers that lead back to columns."""
        fits = self.fits(size)
        return {name: folds for name, folds in fits.items() if folds[0].restored}

    def first_fold(self, size):
        """Return the glimpse of each reducer's first fold at a size, by reducer."""
        keys = [(name, size, 0) for name in self.names]
        glimpses = self.details.glimpses
        return {key[0]: glimpses[key] for key in keys if key in glimpses}

    def in_units(self, row):
        """Return a reconstructed row in the units of the table."""
        return row * self.details.units

    def as_image(self, row):
        """Return an image element of a row in its own units."""
        image = pixels(row, self.image_shape, len(self.details.names))
        rows = np.array([*self.details.rows.values()])
        return f'<img alt="" src="{data_uri(image, rows.min(), rows.max())}">'


# -- sections


def _verdict(comparison):
    return f'<p class="verdict">{escape(comparison.conclusion())}</p>'


def _scores(comparison):
    summary = comparison.summary()
    columns = [column for column in _TITLES if column in summary]
    titles = ["reducer", "components", *(_TITLES[column] for column in columns)]
    rows = [
        [(name, name), (size, size), *(cell(row[c], c) for c in columns)]
        for (name, size), row in summary.iterrows()
    ]
    if comparison.all_columns is not None:
        mean = comparison.all_columns.mean(numeric_only=True)
        size = int(mean["n_components"])
        own = [c for c in columns if c in mean and c in _TARGET_TITLES]
        cells = [cell(mean[c] if c in own else np.nan, c) for c in columns]
        rows.append([("all columns", "all columns"), (size, size), *cells])
    return section(
        "Scores",
        "Means over the folds, of rows that were held out. R² is the share of the "
        "variance that the codes keep: 1 is perfect. Spread is its standard deviation "
        "over the folds. Neighbours kept is the share of each row's nearest rows that "
        "are its nearest in the codes, too. A click on a title sorts.",
        table(titles, rows),
    )


def _curves(comparison):
    summary = comparison.summary()
    names = _ordered(comparison)
    charts = []
    if "r2" in summary and summary["r2"].notna().any():
        spread = summary["r2_std"].fillna(0)
        series = _series(names, 1 - summary["r2"], spread)
        charts.append(
            _svg.line_chart(series, "components", "variance left unexplained", low=0)
        )
    for score, title in _TARGET_TITLES.items():
        if score in summary:
            level = None
            if comparison.all_columns is not None:
                level = ("all columns", comparison.all_columns[score].mean())
            series = _series(names, summary[score], 0 * summary[score])
            charts.append(_svg.line_chart(series, "components", title, level=level))
    if "neighbor_overlap" in summary:
        kept = summary["neighbor_overlap"]
        series = _series(names, kept, 0 * kept)
        charts.append(_svg.line_chart(series, "components", "neighbours kept"))
    cards = "".join(f'<div class="card">{chart}</div>' for chart in charts)
    key = legend([(name, _svg.colour(names.index(name))) for name in names])
    first = f" {names[0]} is the broken line." if comparison.reference else ""
    return section(
        "Against the number of components",
        f"Means over the folds; the bars of the first are their spread.{first}",
        f'<div class="grid">{cards}</div>{key}',
    )


def _codes(seen):
    size = next((size for size in seen.sizes if size > 1), None)
    if size is None:
        return ""
    target = seen.details.target
    colours, key, note = _colours(target)
    cards = []
    for name, shown in seen.first_fold(size).items():
        points = (
            colours[shown.rows] if target is not None else colours * len(shown.rows)
        )
        chart = _svg.scatter(shown.codes, points, ("", ""), f"codes of {name}")
        cards.append(f'<div class="card"><h3>{escape(name)}</h3>{chart}</div>')
    which = "" if size == 2 else ", the two that vary most"
    return section(
        "Codes",
        f"Held-out rows of the first fold at {size} components{which}{note}.",
        f'<div class="grid">{"".join(cards)}</div>{key}',
    )


def _columns(seen):
    by_column = seen.comparison.column_r2
    if by_column is None:
        return ""
    size = by_column.index.get_level_values("n_components").max()
    means = by_column.groupby(level=[0, 1], sort=False).mean()
    means = means.xs(size, level="n_components")
    names = [name for name in seen.names if name in means.index]
    # Columns that never vary have no R^2: they come last.
    best = means.loc[names].max().sort_values(kind="stable").index[:_N_COLUMNS]
    rows = [
        [(column, column), *(cell(value) for value in means.loc[names, column])]
        for column in best
    ]
    return section(
        "Columns that are restored worst",
        f"R² by column on held-out rows at {size} components: first the columns of "
        "which even the best reducer restores little.",
        table(["column", *names], rows, kind="sortable names"),
    )


def _rows(seen):
    size = seen.sizes[-1]
    results = seen.comparison.results
    errors = results[results["n_components"] == size].groupby("reducer")
    errors = errors["reconstruction_error"].mean()
    cards = []
    for name, folds in seen.restored_fits(size).items():
        worst = {row: e for fold in folds for row, e in fold.errors.items()}
        restored = {row: v for fold in folds for row, v in fold.restored.items()}
        times = {
            row: f"{worst[row] / errors[name]:.1f} ×"
            for row in sorted(worst, key=worst.get, reverse=True)[:_N_ROWS]
        }
        shown = _worst_cells if seen.image_shape is None else _worst_images
        cards.append(
            f'<div class="card"><h3>{escape(name)}</h3>{shown(seen, times, restored)}'
            "</div>"
        )
    if not cards:
        return ""
    return section(
        "Rows that are restored worst",
        f"Held-out rows at {size} components, counted from 0, and their squared error "
        "beside the mean of all rows.",
        f'<div class="grid">{"".join(cards)}</div>',
    )


def _images(seen):
    if seen.image_shape is None:
        return ""
    cards = []
    for size in seen.sizes:
        fits = {n: fit for n, fit in seen.first_fold(size).items() if fit.restored}
        if not fits:
            continue
        rows = next(iter(fits.values())).rows[:N_RESTORED]
        strips = [_strip(seen, "original", [seen.details.rows[row] for row in rows])]
        strips += [
            _strip(seen, name, [seen.in_units(fit.restored[row]) for row in rows])
            for name, fit in fits.items()
        ]
        title = f"{size} component{'s' * (size > 1)}"
        cards.append(f'<div class="card"><h3>{title}</h3>{"".join(strips)}</div>')
    return section(
        "Originals and reconstructions",
        "Held-out rows of the first fold.",
        f'<div class="grid">{"".join(cards)}</div>',
    )


def _run(run):
    items = "".join(
        f"<dt>{escape(title)}</dt><dd>{escape(text)}</dd>"
        for title, text in run.items()
    )
    return section("How it was run", "", f"<dl>{items}</dl>")


# -- pieces


def _worst_cells(seen, times, restored):
    """Return a table of rows and of what is most wrong in them."""
    lines = []
    for row, error in times.items():
        original, back = seen.details.rows[row], seen.in_units(restored[row])
        wrong = np.abs(original - back) / seen.details.units
        cells = [
            f"{seen.details.names[i]} {original[i]:.3g} → {back[i]:.3g}"
            for i in np.argsort(-wrong, kind="stable")[:_N_CELLS]
        ]
        lines.append([("", row), ("", error), ("", "\n".join(cells))])
    return table(["row", "error", "value → restored"], lines, kind="text")


def _worst_images(seen, times, restored):
    """Return each row as an image beside what was made of it."""
    return "".join(
        _strip(
            seen,
            f"row {row}, {error}",
            [seen.details.rows[row], seen.in_units(restored[row])],
            kind="strip pair",
        )
        for row, error in times.items()
    )


def _strip(seen, name, rows, kind="strip"):
    """Return a line of images under a name."""
    images = "".join(seen.as_image(row) for row in rows)
    return f'<p class="name">{escape(name)}</p><div class="{kind}">{images}</div>'


def _ordered(comparison):
    """Return the names of the reducers, the reference first."""
    names = list(comparison.results["reducer"].unique())
    return sorted(names, key=lambda name: name != comparison.reference)


def _series(names, values, spread):
    """Return the lines of a chart, each over rising numbers of components."""
    series = []
    for name in names:
        line = values[name].dropna().sort_index() if name in values else ()
        if len(line):
            bars = spread[name][line.index].to_numpy()
            series.append((name, line.index.to_numpy(), line.to_numpy(), bars))
    return series


def _colours(target):
    """Return the colour of each row, what they mean, and a word on it."""
    if target is None:
        return [_svg.colour(2)], "", ""
    if not target.is_label:
        low, high = np.quantile(target.y, [0.05, 0.95])
        share = (target.y - low) / max(high - low, np.finfo(float).tiny)
        ends = [(f"{low:.3g}", _svg.ramp(0)), (f"{high:.3g}", _svg.ramp(1))]
        return np.array([_svg.ramp(s) for s in share]), legend(ends), ", by the target"
    classes, which, counts = np.unique(
        target.y, return_inverse=True, return_counts=True
    )
    # The most frequent classes have a colour, in the order of their names.
    n_own = len(classes) if len(classes) <= _svg.N_COLOURS else _svg.N_COLOURS - 1
    own = np.sort(np.argsort(-counts, kind="stable")[:n_own])
    numbers = np.zeros(len(classes), dtype=int)
    numbers[own] = np.arange(1, n_own + 1)
    items = [(classes[i], _svg.colour(numbers[i])) for i in own]
    if n_own < len(classes):
        items.append(("others", _svg.colour(0)))
    colours = np.array([_svg.colour(i) for i in numbers])[which]
    return colours, legend(items), ", by class"
