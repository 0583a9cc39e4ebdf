"""Plots of latency and memory by the size of a library, as PNG files.

The usual recipe is drawn beside ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

Line = tuple[str, list[float]]


def plot_scale(rows: list[dict[str, Any]], out: Path) -> list[Path]:
    """Draw `latency.png` and `memory.png` in `out` from the rows of the scale part."""
    sizes = [row["chunks"] for row in rows]
    latency = [
        ("whole search, p95", [row["p95_ms"] for row in rows]),
        ("whole search, p50", [row["p50_ms"] for row in rows]),
        ("usual recipe (flat, vectors alone), p95", [row["usual"]["p95_ms"] for row in rows]),
    ]
    memory = [
        ("whole search", [row["memory_bytes_per_chunk"] for row in rows]),
        ("usual recipe (flat, vectors alone)", [row["usual"]["memory_bytes_per_chunk"] for row in rows]),
    ]
    return [
        _plot(sizes, latency, "milliseconds a question, embedding included", out / "latency.png"),
        _plot(sizes, memory, "resident bytes a passage", out / "memory.png"),
    ]


def _plot(sizes: list[int], lines: list[Line], title: str, path: Path) -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, values in lines:
        axes.plot(sizes, values, marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="passages", title=title)
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    return path
