"""Small charts as inline SVG, in the colours of the page."""

from html import escape

import numpy as np

# The page has so many colours for series and classes.
N_COLOURS = 10

_WIDTH, _HEIGHT = 360, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 10, 34

# From low to high, between dark and light: readable on both backgrounds.
_RAMP = np.array([(59, 82, 139), (33, 145, 140), (94, 201, 98), (222, 200, 40)])


def colour(i):
    """Return the colour of a series; the first is grey, as what others are held to."""
    return f"var(--c{i % N_COLOURS})"


def ramp(share):
    """Return the colour of a share between 0 and 1."""
    at = np.clip(share, 0, 1) * (len(_RAMP) - 1)
    rgb = [np.interp(at, np.arange(len(_RAMP)), channel) for channel in _RAMP.T]
    return "#" + "".join(f"{round(value):02x}" for value in rgb)


def line_chart(series, x_label, y_label, *, level=None, low=None):
    """Return lines over the number of components.

    Parameters
    ----------
    series : list of (str, array, array, array)
        Name, positions, heights and half the length of the bars of each.
    x_label, y_label : str
        Titles of the axes.
    level : (str, float), default=None
        A line across, with its name.
    low : float, default=None
        Where the vertical axis starts at the latest.
    """
    x = np.concatenate([s[1] for s in series])
    y = np.concatenate([part for s in series for part in (s[2] - s[3], s[2] + s[3])])
    y = np.append(y, [level[1]] if level else [])
    y = np.append(y, [low] if low is not None else [])
    frame = _Frame(x, y[np.isfinite(y)])
    parts = [frame.axes(x_label, y_label, np.unique(x))]
    if level:
        parts.append(frame.level(*level))
    parts += [frame.line(i, *s) for i, s in enumerate(series)]
    return _svg(parts, f"{y_label} against {x_label}")


def scatter(codes, colours, names, label):
    """Return points in two dimensions; `names` are what the axes are."""
    frame = _Frame(codes[:, 0], codes[:, 1])
    points = "".join(
        f'<circle cx="{frame.x(a):.1f}" cy="{frame.y(b):.1f}" r="2.6" fill="{c}"/>'
        for (a, b), c in zip(codes, colours, strict=True)
    )
    parts = [frame.axes(*names), f'<g fill-opacity=".75">{points}</g>']
    return _svg(parts, label)


def _svg(parts, label):
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


class _Frame:
    """Axes, and where values are on the page."""

    def __init__(self, x, y):
        self._x, self._y = _padded(x), _padded(y)
        if np.min(y) == 0:
            self._y = 0.0, self._y[1]

    def x(self, value):
        low, high = self._x
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value):
        low, high = self._y
        return (
            _HEIGHT
            - _BOTTOM
            - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        )

    def axes(self, x_label, y_label, x_ticks=None):
        x_ticks = _ticks(*self._x) if x_ticks is None else _spaced(x_ticks, self.x)
        y_ticks = _ticks(*self._y)
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        lines = "".join(f"M{_LEFT},{self.y(t):.1f}H{right}" for t in y_ticks)
        texts = [
            f'<text x="{_LEFT - 6}" y="{self.y(t) + 4:.1f}" text-anchor="end">{t:g}'
            "</text>"
            for t in y_ticks
        ]
        texts += [
            f'<text x="{self.x(t):.1f}" y="{bottom + 15}" text-anchor="middle">{t:g}'
            "</text>"
            for t in x_ticks
        ]
        middle = (_TOP + bottom) / 2
        return (
            f'<path class="axis" d="{lines}M{_LEFT},{bottom}H{right}"/>'
            f"{''.join(texts)}"
            f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 4}" text-anchor="middle">'
            f"{escape(x_label)}</text>"
            f'<text transform="rotate(-90)" x="{-middle}" y="10" '
            f'text-anchor="middle">{escape(y_label)}</text>'
        )

    def line(self, i, name, x, y, spread):
        places = [(self.x(a), self.y(b)) for a, b in zip(x, y, strict=True)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        bars = "".join(
            f"M{self.x(a):.1f},{self.y(b - s):.1f}V{self.y(b + s):.1f}"
            for a, b, s in zip(x, y, spread, strict=True)
            if np.isfinite(s)
        )
        points = "".join(
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour(i)}">'
            f"<title>{escape(name)}, {n:g}: {v:.3f}</title></circle>"
            for (a, b), n, v in zip(places, x, y, strict=True)
        )
        return (
            f'<polyline points="{path}" fill="none" stroke="{colour(i)}" '
            f'stroke-width="2"{_dash(i)}/>'
            f'<path d="{bars}" stroke="{colour(i)}" fill="none"/>{points}'
        )

    def level(self, name, value):
        y = self.y(value)
        return (
            f'<path d="M{_LEFT},{y:.1f}H{_WIDTH - _RIGHT}" stroke="var(--text)" '
            f'stroke-dasharray="2 3" fill="none"/><text x="{_WIDTH - _RIGHT}" '
            f'y="{y - 4:.1f}" text-anchor="end">{escape(name)}</text>'
        )


def _dash(i):
    return "" if i else ' stroke-dasharray="6 4"'


def _padded(values):
    low, high = float(np.min(values)), float(np.max(values))
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def _ticks(low, high):
    """Return round numbers within a range, some five of them."""
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    ticks = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return np.round(ticks, 10) + 0.0  # no minus before a zero


def _spaced(ticks, place):
    """Return the ticks that leave room for each other's numbers."""
    kept = []
    for tick in ticks:
        if not kept or place(tick) - place(kept[-1]) > 22:
            kept.append(tick)
    return kept
