"""A kept run as the page Evaluate shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from eval.compare import Comparison, compare_runs
from eval.metrics.summary import result_object
from eval.records import Record
from eval.report.report_plots import interval_plot
from eval.runs import Run
from ui.teacher.words import metric
from ui.web.language import gettext as _

_CHIEF = {"retrieval": ("hit@5", "recall@5", "mrr@10"), "answers": ("right", "found", "refused_rightly")}
"""The metrics of a line in the list of runs."""
_MOST_FAILURES = 100


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in the list, with `done` of `total` questions.

    `figures` are label and mean of its chief metrics.
    """

    name: str
    kind: str
    created: str
    done: int
    total: int
    figures: tuple[tuple[str, float | None], ...] = ()
    problem: str = ""

    @property
    def finished(self) -> bool:
        """True if every question has a record."""
        return bool(self.total) and self.done >= self.total


@dataclass(frozen=True, slots=True)
class Failure:
    """A question that went wrong.

    `rank` is that of the first passage with gold, None where it was not found.
    """

    record: Record
    rank: int | None
    gold: tuple[str, ...]
    answer: str
    expected: str


def line_of(run: Run) -> RunLine:
    """Return the line of a run."""
    kind = str(run.manifest.get("kind", ""))
    total = int(run.manifest.get("golden", {}).get("questions", 0))
    metrics = result_of(run)["metrics"] if run.records else {}
    chief = tuple((metric(name), metrics[name]["mean"]) for name in _CHIEF.get(kind, ()) if name in metrics)
    return RunLine(run.name, kind, str(run.manifest.get("created", "")), len(run.records), total, chief)


def result_of(run: Run) -> dict[str, Any]:
    """Return the object that the command line prints for a run.

    The run need not be finished.
    """
    return run.scores or result_object(run.records, sum(record.seconds for record in run.records))


def plot_of(run: Run) -> Markup:
    """Return every metric with its 95 % interval; empty for a run without records."""
    rows = [
        (
            metric(name),
            m["mean"],
            m["low"],
            m["high"],
            f"{m['mean']:.3f} ({m['low']:.2f}–{m['high']:.2f})",
        )
        for name, m in (result_of(run)["metrics"] if run.records else {}).items()
        if m["n_scored"]
    ]
    return interval_plot(rows, _("Metrics of the run")) if rows else Markup()


def failures(run: Run) -> list[Failure]:
    """Return the questions that went wrong, the worst first.

    For retrieval these are the ones without gold among the first five; for answers the ones neither right nor rightly
    refused.
    """
    retrieval = run.manifest.get("kind") == "retrieval"
    chief = "hit@5" if retrieval else "right_or_refused"
    wrong = [record for record in run.records if record.scores.get(chief) == 0.0]
    found = [
        Failure(
            record,
            gold_rank(record),
            tuple(f"{span['document']}: {span['text']}" for span in record.details.get("gold", ())),
            str(record.details.get("answer", "")),
            " / ".join(record.details.get("references", ())),
        )
        for record in wrong
    ]
    return sorted(found, key=lambda one: (one.rank is not None, one.rank or 0))[:_MOST_FAILURES]


def gold_rank(record: Record) -> int | None:
    """Return the rank of the first hit with gold, from 1; None without one."""
    return next((rank for rank, hit in enumerate(record.details.get("hits", ()), 1) if hit.get("held")), None)


def compared(first: Run, second: Run) -> Sequence[Comparison]:
    """Return the metrics of two runs side by side.

    Raises:
        InputError: they have no question in common.
    """
    return compare_runs(first.records, second.records)
