"""The plots of a report as SVG: intervals, a curve, a histogram.

Colours are CSS variables of the page, so that the drawings follow its light and dark form. Every drawing has a
text alternative.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from eval.report.render import render

LABEL_WIDTH, PLOT_WIDTH, VALUE_WIDTH = 226, 360, 150
_ROW = 30
_LABEL_CHARS = 28
_LEFT, _SIZE = 46, 440
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)

Row = tuple[str, float, float, float, str]
"""Label, mean, low, high, and the words at the right end."""


def interval_plot(rows: Sequence[Row], title: str) -> Markup:
    """Return a dot with its 95% interval for each row, on an axis from 0 to 1."""
    bottom = len(rows) * _ROW
    values = "; ".join(f"{label} {mean:.2f} ({low:.2f} to {high:.2f})" for label, mean, low, high, _ in rows)
    return render(
        "intervals.svg.j2",
        width=LABEL_WIDTH + PLOT_WIDTH + VALUE_WIDTH,
        height=bottom + 26,
        title=f"{title}: {values}",
        bottom=bottom,
        label_x=LABEL_WIDTH - 14,
        value_x=LABEL_WIDTH + PLOT_WIDTH + 16,
        ticks=[{"x": _x(share), "words": f"{share:.0%}"} for share in _QUARTERS],
        rows=[
            {
                "label": _shortened(label),
                "y": index * _ROW + _ROW / 2,
                "mean": _x(mean),
                "low": _x(low),
                "high": _x(high),
                "words": words,
            }
            for index, (label, mean, low, high, words) in enumerate(rows)
        ],
    )


def curve_plot(points: Sequence[tuple[float, float]], title: str, across: str, up: str) -> Markup:
    """Return a stepped curve through points (x, y) in [0, 1]; empty without points."""
    if not points:
        return Markup()
    height = 240
    inner = height - 20
    placed = [(_LEFT + x * _SIZE, 10 + (1 - y) * inner) for x, y in _steps(points)]
    return render(
        "curve.svg.j2",
        width=_LEFT + _SIZE + 170,
        height=height + 40,
        title=title,
        across=across,
        up=up,
        left=_LEFT,
        right=_LEFT + _SIZE,
        bottom=height - 10,
        path=" ".join(f"{x:.1f},{y:.1f}" for x, y in placed),
        last_x=placed[-1][0],
        up_ticks=[{"y": 10 + share * inner, "words": f"{1 - share:.0%}"} for share in _QUARTERS],
        across_ticks=[{"x": _LEFT + share * _SIZE, "words": f"{share:.0%}"} for share in _QUARTERS],
    )


def histogram(values: Sequence[float], title: str, unit: str, bins: int = 24) -> Markup:
    """Return a histogram from 0 to the largest value; empty without values."""
    top = max(values, default=0.0)
    if not top:
        return Markup()
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(value / top * bins))] += 1
    height, most, width = 120, max(counts), _SIZE / bins
    return render(
        "histogram.svg.j2",
        width=_LEFT + _SIZE + 60,
        height=height + 40,
        title=title,
        left=_LEFT,
        right=_LEFT + _SIZE,
        bottom=10 + height,
        bar_width=width - 2,
        bars=[
            {
                "x": _LEFT + index * width + 1,
                "y": 10 + (1 - count / most) * height,
                "height": count / most * height,
                "count": count,
            }
            for index, count in enumerate(counts)
            if count
        ],
        ticks=[
            {"x": _LEFT + share * _SIZE, "words": f"{share * top:.3g} {unit}"} for share in (0.0, 0.5, 1.0)
        ],
    )


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the corners of the steps through the points, from x = 0."""
    ordered = sorted(points)
    steps, previous = [(0.0, ordered[0][1])], 0.0
    for x, y in ordered:
        steps += [(previous, y), (x, y)]
        previous = x
    return steps


def _x(value: float) -> float:
    return LABEL_WIDTH + min(1.0, max(0.0, value)) * PLOT_WIDTH


def _shortened(label: str) -> str:
    """Return a label that fits; the end of a path is kept, which distinguishes files."""
    return label if len(label) <= _LABEL_CHARS else "…" + label[-(_LABEL_CHARS - 1) :]
