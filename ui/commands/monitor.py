"""`lectern monitor`: the log of questions in figures and words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from eval.monitoring.monitor import Counts, MonitorReport


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("monitor")(monitor)


def monitor(
    since: Annotated[
        str, typer.Option("--since", metavar="DATE", help="Only questions from this day on, as 2026-11-28.")
    ] = "",
    golden: Annotated[
        Path | None,
        typer.Option(
            "--golden",
            metavar="FILE",
            help="Golden questions to compare with (default: golden.jsonl in the library).",
            show_default=False,
        ),
    ] = None,
    switch: Annotated[
        str, typer.Option("--log", metavar="on|off", help="Switch the log of questions on or off.")
    ] = "",
    delete: Annotated[bool, typer.Option("--delete", help="Delete every question of the log.")] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was asked: refusals, verdicts, latencies, topics, drift.

    The log is in the library folder and nowhere else. `log.questions = false` keeps none, `log.keep_days` deletes old ones.
    """
    from ui.application import Application, load
    from ui.console import print_result, to_json
    from ui.measure.monitoring import monitored
    from ui.question_logging import question_log

    if switch not in ("", "on", "off"):
        raise typer.BadParameter(f"{switch!r} is neither on nor off", param_hint="--log")
    loaded = load(library, config)
    log = question_log(loaded.library, loaded.settings)
    if switch:
        log.switch(switch == "on")
    if delete:
        log.delete_all()
    report = monitored(Application(loaded), since, golden)
    about = {"since": since or None, "log": {"on": log.on, "keep_days": log.keep_days}}
    if as_json:
        print_result(to_json(about | report.as_json()))
    else:
        _print(report, log.on)


def _print(report: MonitorReport, on: bool) -> None:
    from rich.table import Table

    from ui.console import result_console

    console, all_of_them = result_console(), report.counts
    console.print(f"{all_of_them.questions} questions; the log is {'on' if on else 'off'}.")
    table = Table(
        "lecture",
        "asked",
        "answered",
        "extracts",
        "refused",
        "nothing near",
        "judged",
        box=None,
        pad_edge=False,
    )
    for name, counts in (*report.lectures.items(), ("all", all_of_them)):
        table.add_row(name, *_cells(counts))
    console.print(table)
    if latency := report.latency_seconds:
        console.print(
            f"Seconds until the whole answer: p50 {latency['p50']:.2f}, p95 {latency['p95']:.2f}, p99 {latency['p99']:.2f}"
        )
    for topic in report.topics[:10]:
        console.print(
            f"nothing near, asked {topic.count} times: {topic.questions[0]}", style="yellow", markup=False
        )
    for one in report.drifts:
        console.print(one.sentence, style="yellow" if one.drifted else "")


def _cells(counts: Counts) -> tuple[str, ...]:
    judged = ", ".join(f"{name} {number}" for name, number in counts.verdicts.items())
    numbers = (
        counts.questions,
        counts.answered,
        counts.extracts,
        counts.refused,
        counts.without_near_passage,
    )
    return (*map(str, numbers), judged or "-")
