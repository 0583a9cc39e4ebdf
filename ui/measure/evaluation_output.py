"""A measurement on the terminal, alone or beside a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eval.compare import Comparison, broken_bounds, compare_runs, parse_bound
from eval.runs import read_run
from rag.errors import InputError
from ui.console import result_console
from ui.measure.evaluation import Measurement
from ui.measure.evaluation_tables import abstention_rows, breakdown_table, comparison_table, metric_table


def against_baseline(
    measurement: Measurement, baseline: Path | None, fail_on: Sequence[str]
) -> tuple[list[Comparison] | None, list[str]]:
    """Return the comparisons with the baseline run, and the broken bounds.

    Raises:
        InputError: bounds without a baseline, or of an unknown metric.
    """
    if baseline is None:
        if fail_on:
            raise InputError("--fail-on compares with a run: add --baseline RUN.")
        return None, []
    bounds = [parse_bound(text) for text in fail_on]
    comparisons = compare_runs(
        read_run(baseline).records, measurement.records, seed=measurement.settings.eval.seed
    )
    return comparisons, broken_bounds(bounds, comparisons)


def print_measurement(
    measurement: Measurement,
    title: str,
    comparison: list[Comparison] | None,
    baseline: str,
) -> None:
    """Print the tables of one measurement."""
    console, result = result_console(), measurement.result
    console.print(metric_table(result, f"{title}: {result['n']} questions in {result['seconds']:.1f} s"))
    if "abstention" in result:
        console.print()
        console.print(abstention_rows(result))
        console.print(f"Area under risk-coverage {result['risk_coverage']['area']:.3f} (lower is better)")
    for kind in ("lecture", "tag", "language"):
        if len(result["by"][kind]) > 1:
            console.print()
            console.print(breakdown_table(result["by"][kind], kind))
    if latency := result["latency_seconds"]:
        together = f", {result['workers']} under way at a time" if result["workers"] > 1 else ""
        console.print(
            f"\nSeconds a question: p50 {latency['p50']:.3f}, p95 {latency['p95']:.3f}, p99 {latency['p99']:.3f}{together}"
        )
    if "judge" in result:
        console.print(f"\n{result['judge']['remark']}", style="yellow")
    if comparison is not None:
        console.print()
        console.print(comparison_table(comparison, baseline, "this run"))
