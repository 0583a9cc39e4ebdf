"""`lectern eval compare` and `report`: comparison and report of kept runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ui.options import JsonOption

_QUESTIONS_SHOWN = 8


class ReportFormat(StrEnum):
    """The file format of a report."""

    HTML = "html"
    MARKDOWN = "md"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("compare")(compare)
    app.command("report")(report)


def compare(
    first: Annotated[
        Path, typer.Argument(metavar="RUN", help="The run to compare with.", show_default=False)
    ],
    second: Annotated[
        Path, typer.Argument(metavar="RUN", help="The run that is compared.", show_default=False)
    ],
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="List the questions won and lost by this metric.", show_default=False),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="METRIC:CHANGE",
            help="Exit 1 when a metric moved further.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs question by question.

    Each metric has a paired randomisation test; the questions won and lost are listed.
    """
    from eval.compare import broken_bounds, compare_runs, parse_bound
    from eval.runs import read_run
    from rag.errors import InputError, LecternError
    from ui.console import print_result, result_console, to_json
    from ui.measure.evaluation_tables import comparison_table

    before, after = read_run(first), read_run(second)
    comparisons = compare_runs(before.records, after.records)
    broken = broken_bounds([parse_bound(text) for text in fail_on or []], comparisons)
    if as_json:
        print_result(
            to_json({"first": before.name, "second": after.name, "metrics": comparisons, "broken": broken})
        )
    else:
        console = result_console()
        console.print(comparison_table(comparisons, before.name, after.name))
        chosen = next((c for c in comparisons if c.metric == metric), None) if metric else comparisons[0]
        if chosen is None:
            raise InputError(
                f"No metric is called {metric!r}; there are {', '.join(c.metric for c in comparisons)}."
            )
        questions = {record.id: record.question for record in after.records}
        for word, ids in (("won", chosen.won), ("lost", chosen.lost)):
            console.print(f"\n{len(ids)} questions {word} by {chosen.metric}", style="bold")
            for key in ids[:_QUESTIONS_SHOWN]:
                console.print(f"  {key}  {questions[key]}")
    if broken:
        raise LecternError("Worse than the baseline: " + " ".join(broken))


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Output file (default: in the run folder).", show_default=False
        ),
    ] = None,
    form: Annotated[
        ReportFormat, typer.Option("--format", help="HTML page with plots, Markdown, or JSON.")
    ] = ReportFormat.HTML,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="RUN", help="A run to compare with.", show_default=False),
    ] = None,
) -> None:
    """Write a run as HTML, Markdown or JSON, and print the path.

    The HTML page needs no network.
    """
    from eval.report.report import build_report, report_json, report_markdown
    from eval.report.report_html import report_html
    from eval.runs import read_run
    from rag.errors import InputError
    from rag.system.atomic_write import write_text
    from ui.console import print_result

    built = build_report(read_run(run), read_run(baseline) if baseline else None)
    writers = {
        ReportFormat.HTML: report_html,
        ReportFormat.MARKDOWN: report_markdown,
        ReportFormat.JSON: report_json,
    }
    path = out or run / f"report.{form.value}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, writers[form](built))
    except OSError as exc:
        raise InputError(
            f"{path} cannot be written: {exc.strerror}. Pass --out with a path you may write."
        ) from exc
    print_result(str(path))
