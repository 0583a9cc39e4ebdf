"""Measurements as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from eval.calibration import Calibration
    from eval.compare import Comparison
    from eval.sweep import SweepResult

KEY_METRICS = ("recall@5", "ndcg@10", "right", "citation_precision", "groundedness")
"""The metrics of a narrow table."""


def metric_table(result: Mapping[str, Any], title: str) -> Table:
    """Return a table of each metric's mean, 95% interval and scored questions."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("metric", no_wrap=True)
    for column in ("mean", "95% interval", "scored"):
        table.add_column(column, justify="right")
    for name, metric in result["metrics"].items():
        scored = f"{metric['n_scored']}/{result['n']}"
        if metric["n_scored"]:
            table.add_row(
                name, f"{metric['mean']:.3f}", f"{metric['low']:.3f} - {metric['high']:.3f}", scored
            )
        else:
            table.add_row(name, "-", "-", scored)
    return table


def breakdown_table(groups: Mapping[str, Any], title: str) -> Table:
    """Return a table of the key metrics for each tag or lecture."""
    from rich.table import Table

    shown = [name for name in KEY_METRICS if any(name in group["metrics"] for group in groups.values())]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column(title)
    for column in ("n", *shown):
        table.add_column(column, justify="right")
    for name, group in groups.items():
        means = [group["metrics"].get(metric, {}).get("mean") for metric in shown]
        table.add_row(name, str(group["n"]), *("-" if mean is None else f"{mean:.3f}" for mean in means))
    return table


def abstention_rows(result: Mapping[str, Any]) -> Table:
    """Return the table of answered and refused questions."""
    from rich.table import Table

    counts = result["abstention"]
    table = Table(title="Refusals", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("answered", justify="right")
    table.add_column("refused", justify="right")
    table.add_row("in the notes", str(counts["answered_answerable"]), str(counts["refused_answerable"]))
    table.add_row(
        "not in the notes", str(counts["answered_unanswerable"]), str(counts["refused_unanswerable"])
    )
    return table


def comparison_table(comparisons: Sequence[Comparison], first: str, second: str) -> Table:
    """Return a table of two runs with difference, interval and p-value by metric."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("metric")
    for column in (first, second, "difference", "95% interval", "p", "won", "lost", "n"):
        table.add_column(column, justify="right")
    for c in comparisons:
        d = c.difference
        style = "" if c.p_value >= 0.05 else ("green" if d.mean > 0 else "red")
        table.add_row(
            c.metric, f"{c.first:.3f}", f"{c.second:.3f}", f"{d.mean:+.3f}", f"{d.low:+.3f} - {d.high:+.3f}",
            f"{c.p_value:.3f}", str(len(c.won)), str(len(c.lost)), str(d.n), style=style,
        )  # fmt: skip
    return table


def calibration_table(calibration: Calibration, rows: int = 12) -> Table:
    """Return a table of some points of the curve, evenly over coverage.

    The chosen threshold is marked.
    """
    from rich.table import Table

    table = Table(
        title="Risk and coverage", title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    for column in ("gate_score", "coverage", "risk", "refused wrongly", "answered wrongly"):
        table.add_column(column, justify="right")
    table.add_column("")
    points = calibration.curve.points
    step = max(1, len(points) // rows)
    marked = {calibration.chosen.threshold: "chosen"} if calibration.chosen else {}
    for index, point in enumerate(points):
        note = marked.get(point.threshold, "")
        if index % step and not note and index != len(points) - 1:
            continue
        table.add_row(
            f"{point.threshold:.3f}", f"{point.coverage:.2f}", f"{point.risk:.2f}", f"{point.refused_answerable:.2f}",
            f"{point.answered_unanswerable:.2f}", note, style="bold" if note else "",
        )  # fmt: skip
    return table


def calibration_sentence(calibration: Calibration) -> str:
    """Return the effect of the current threshold and the recommendation, in words."""
    now = calibration.current
    summary = (
        f"{calibration.answerable} questions that the notes answer, {calibration.unanswerable} that they do not. Now, at "
        f"{now.threshold:.3f}: {now.refused_answerable:.0%} of the first are refused and {now.answered_unanswerable:.0%} of the "
        f"second are answered. Area under risk-coverage {calibration.curve.area:.3f}."
    )
    if calibration.chosen is None or calibration.threshold is None:
        return f"{summary}\nNo threshold reaches the target."
    at = calibration.chosen
    return (
        f"{summary}\nanswer.gate_score = {calibration.threshold} would refuse {at.refused_answerable:.0%} of the first and answer "
        f"{at.answered_unanswerable:.0%} of the second (add --write to set it)."
    )


def sweep_table(result: SweepResult) -> Table:
    """Return a table of every configuration, the best first.

    The recommended one is bold.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(
        "settings", min_width=min(50, max(len(place.candidate.name) for place in result.placings))
    )
    for column in (result.metric, "95% interval", "s each", "p"):
        table.add_column(column, justify="right")
    table.add_column("")
    for place in result.placings:
        note = "recommended" if place is result.recommended else ("worse" if place.worse else "")
        table.add_row(
            place.candidate.name, f"{place.score.mean:.3f}", f"{place.score.low:.3f} - {place.score.high:.3f}",
            f"{place.candidate.seconds:.3f}", f"{place.p_value:.3f}", note, style="bold" if note == "recommended" else "",
        )  # fmt: skip
    return table
