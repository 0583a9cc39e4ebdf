"""The plots of a report as small SVG drawings that need no script: intervals, groups, a curve, a histogram.

Colours are CSS variables of the page, so that the drawings follow its light and dark form; every drawing has a text
alternative.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

LABEL_WIDTH, PLOT_WIDTH, VALUE_WIDTH = 226, 360, 150
_ROW = 30

Row = tuple[str, float, float, float, str]
"""Label, mean, low, high, and the words at the right end."""


def interval_plot(rows: Sequence[Row], title: str) -> str:
    """A dot with its 95% interval for each row, on an axis from 0 to 1."""
    height = len(rows) * _ROW + 26
    width = LABEL_WIDTH + PLOT_WIDTH + VALUE_WIDTH
    parts = [_axis(len(rows) * _ROW)]
    for index, (label, mean, low, high, words) in enumerate(rows):
        y = index * _ROW + _ROW / 2
        parts += [
            f'<text x="{LABEL_WIDTH - 14}" y="{y + 4:.0f}" class="label">{escape(_shortened(label))}</text>',
            f'<line x1="{_x(low):.1f}" x2="{_x(high):.1f}" y1="{y}" y2="{y}" class="interval"/>',
            f'<circle cx="{_x(mean):.1f}" cy="{y}" r="5.5" class="dot"/>',
            f'<text x="{LABEL_WIDTH + PLOT_WIDTH + 16}" y="{y + 4:.0f}" class="value">{escape(words)}</text>',
        ]
    said = "; ".join(f"{label} {mean:.2f} ({low:.2f} to {high:.2f})" for label, mean, low, high, _ in rows)
    return _svg(width, height, f"{title}: {said}", parts)


def curve_plot(points: Sequence[tuple[float, float]], title: str, across: str, up: str) -> str:
    """A curve through points (x, y) in [0, 1], drawn in steps, with the area under it tinted."""
    left, size, height = 46, 440, 240
    if not points:
        return ""
    ordered = sorted(points)
    steps, previous = [(0.0, ordered[0][1])], 0.0
    for x, y in ordered:
        steps += [(previous, y), (x, y)]
        previous = x
    placed = [(left + x * size, 10 + (1 - y) * (height - 20)) for x, y in steps]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    bottom = height - 10
    parts = [
        f'<line x1="{left}" x2="{left + size}" y1="{10 + f * (height - 20):.0f}" y2="{10 + f * (height - 20):.0f}" class="grid"/>'
        f'<text x="{left - 8}" y="{14 + f * (height - 20):.0f}" class="tick end">{1 - f:.0%}</text>'
        for f in (0, 0.25, 0.5, 0.75, 1)
    ]
    parts += [
        f'<text x="{left + f * size:.0f}" y="{bottom + 20}" class="tick middle">{f:.0%}</text>'
        for f in (0, 0.25, 0.5, 0.75, 1)
    ]
    parts += [
        f'<polygon points="{left},{bottom} {path} {placed[-1][0]:.1f},{bottom}" class="area"/>',
        f'<polyline points="{path}" class="curve"/>',
        f'<text x="{left + size / 2:.0f}" y="{bottom + 42}" class="tick middle">{escape(across)}</text>',
        f'<text x="{left + size + 14}" y="16" class="tick">{escape(up)}</text>',
    ]
    return _svg(left + size + 170, height + 40, title, parts)


def histogram(values: Sequence[float], title: str, unit: str, bins: int = 24) -> str:
    """How often values fall into bins of equal width from 0 to the largest; empty without values."""
    top = max(values, default=0.0)
    if not top:
        return ""
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(value / top * bins))] += 1
    left, size, height, most = 46, 440, 120, max(counts)
    bar = size / bins
    parts = [
        f'<rect x="{left + i * bar + 1:.1f}" y="{10 + (1 - c / most) * height:.1f}" width="{bar - 2:.1f}" '
        f'height="{c / most * height:.1f}" rx="2" class="bar"><title>{c} questions</title></rect>'
        for i, c in enumerate(counts)
        if c
    ]
    parts.append(f'<line x1="{left}" x2="{left + size}" y1="{10 + height}" y2="{10 + height}" class="grid"/>')
    parts += [
        f'<text x="{left + f * size:.0f}" y="{height + 30}" class="tick middle">{f * top:.3g} {unit}</text>'
        for f in (0, 0.5, 1)
    ]
    return _svg(left + size + 60, height + 40, title, parts)


def _axis(height: float) -> str:
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    lines = "".join(
        f'<line x1="{_x(t):.0f}" x2="{_x(t):.0f}" y1="2" y2="{height}" class="grid"/>' for t in ticks
    )
    words = "".join(
        f'<text x="{_x(t):.0f}" y="{height + 18}" class="tick middle">{t:.0%}</text>' for t in ticks
    )
    return lines + words


def _x(value: float) -> float:
    return LABEL_WIDTH + min(1.0, max(0.0, value)) * PLOT_WIDTH


def _shortened(label: str, chars: int = 28) -> str:
    """A label that fits; of a path the end is kept, which tells files apart."""
    return label if len(label) <= chars else "…" + label[-(chars - 1) :]


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:{width:.0f}px" role="img" '
        f'aria-label="{escape(title, quote=True)}">{"".join(parts)}</svg>'
    )
