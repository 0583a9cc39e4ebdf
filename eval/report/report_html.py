"""A report as one HTML page that needs no network.

It is light or dark, printable, and readable without its script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from eval.compare import Comparison
from eval.metrics.metric_words import MetricGroup, words_for
from eval.records import Record
from eval.report.render import render
from eval.report.report import Report, percent
from eval.report.report_plots import Row, curve_plot, histogram, interval_plot

_PASSAGES_SHOWN = 5
_PASSAGE_CHARS = 420
_TITLES = {"answers": "How good are the answers?", "retrieval": "Are the right passages found?"}
_ORDER = {
    "answers": (
        MetricGroup.ANSWERS,
        MetricGroup.SUPPORT,
        MetricGroup.REFUSALS,
        MetricGroup.JUDGED,
        MetricGroup.PASSAGES,
    )
}
"""The order of the sections, by kind of run."""
_MARKUP = re.compile(r"^#+\s+|[*`]+|\|?(?:\s*:?-{3,}:?\s*\|)+", re.MULTILINE)


def report_html(report: Report) -> Markup:
    """Return the page."""
    groups = _ORDER.get(report.kind, tuple(MetricGroup))
    return render(
        "report.html.j2",
        report=report,
        title=_TITLES.get(report.kind, report.kind),
        duration=_duration(report.result["seconds"]),
        sections=[section for group in groups if (section := _section(report, group))],
        curve=_curve(report),
        groups=list(_groups(report)),
        comparisons=[_comparison(comparison) for comparison in report.comparisons],
        latency=_latency(report),
        questions=[_question(record) for record in report.questions],
    )


def _section(report: Report, group: MetricGroup) -> dict[str, Any] | None:
    """Return one group of metrics as a plot with meanings, None if none was scored."""
    metrics = {
        name: metric
        for name, metric in report.result["metrics"].items()
        if words_for(name).group is group and metric["n_scored"]
    }
    if not metrics:
        return None
    of = f"/{report.result['n']}"
    rows = [_row(words_for(name).label, metric, of) for name, metric in metrics.items()]
    return {
        "title": group.value,
        "plot": interval_plot(rows, group.value),
        "remark": report.remark if group is MetricGroup.JUDGED else "",
        "refusals": report.result.get("abstention") if group is MetricGroup.REFUSALS else None,
        "metrics": [_meaning(name) for name in metrics],
    }


def _row(label: str, metric: dict[str, Any], of: str = "") -> Row:
    words = f"{percent(metric['mean'])}  of {metric['n_scored']}{of}"
    return label, metric["mean"], metric["low"], metric["high"], words


def _meaning(name: str) -> dict[str, Any]:
    words = words_for(name)
    return {
        "name": name,
        "label": words.label,
        "meaning": words.meaning,
        "lower_is_better": not words.higher_is_better,
    }


def _curve(report: Report) -> dict[str, Any] | None:
    curve = report.result.get("risk_coverage")
    if not curve or not curve["points"]:
        return None
    plot = curve_plot(
        [(coverage, risk) for _, coverage, risk in curve["points"]],
        f"Risk against coverage, area {curve['area']:.3f}",
        "share of questions answered, the most certain first",
        "share answered wrongly",
    )
    return {"area": curve["area"], "plot": plot}


def _groups(report: Report) -> Iterator[dict[str, Any]]:
    """Yield plots of the main metric by lecture, tag and language."""
    metric = "right" if "right" in report.result["metrics"] else "recall@5"
    for kind, title in (
        ("lecture", "Note by note"),
        ("tag", "Kind by kind"),
        ("language", "Language by language"),
    ):
        rows = [
            _row(name, scored)
            for name, group in report.result["by"]
            .get(kind, {})
            .items()  # runs of earlier checkouts have no languages
            if (scored := group["metrics"].get(metric)) and scored["n_scored"]
        ]
        if len(rows) > 1:
            rows.sort(key=lambda row: row[1])
            yield {
                "title": title,
                "metric": words_for(metric).label.lower(),
                "plot": interval_plot(rows, title),
            }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    words, difference = words_for(comparison.metric), comparison.difference
    better = (difference.mean > 0) == words.higher_is_better
    return {
        "label": words.label,
        "state": "" if comparison.p_value >= 0.05 else ("good" if better else "poor"),
        "figures": (
            f"{comparison.first:.3f}",
            f"{comparison.second:.3f}",
            f"{difference.mean:+.3f}",
            f"{difference.low:+.3f} to {difference.high:+.3f}",
            f"{comparison.p_value:.3f}",
            len(comparison.won),
            len(comparison.lost),
        ),
    }


def _latency(report: Report) -> dict[str, Any] | None:
    latency = report.result.get("latency_seconds")
    if not latency:
        return None
    summary = (
        f"Half of the questions took less than {latency['p50']:.2g} s, 95% less than {latency['p95']:.2g} s."
    )
    return {
        "summary": summary,
        "plot": histogram([record.seconds for record in report.questions], summary, "s"),
    }


def _question(record: Record) -> dict[str, Any]:
    """Return the values of one question; `kind` is for the page's filter."""
    wrong, details = _went_wrong(record), record.details
    kinds = (("bad", wrong), ("unanswerable", record.unanswerable))
    references = " / ".join(details.get("references", []))
    return {
        "kind": " ".join(name for name, applies in kinds if applies),
        "wrong": wrong,
        "text": record.question,
        "tags": record.tags,
        "answer": details.get("answer"),
        "expected": "a refusal" if record.unanswerable else references or "(no reference)",
        "scores": [(name, value) for name, value in record.scores.items() if value is not None],
        "gold": [
            {"document": span["document"], "text": _short(span["text"])} for span in details.get("gold", [])
        ],
        "hits": [_hit(hit) for hit in details.get("hits", [])[:_PASSAGES_SHOWN]],
    }


def _hit(hit: dict[str, Any]) -> dict[str, Any]:
    return {
        "document": hit["document"],
        "locator": hit["locator"],
        "text": _short(hit["text"]),
        "gold": bool(hit.get("held")),
    }


def _duration(seconds: float) -> str:
    """Return seconds in words, from two minutes on in minutes."""
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _went_wrong(record: Record) -> bool:
    right = record.scores.get("right_or_refused", record.scores.get("right"))
    if right is not None:
        return right < 1
    return (record.scores.get("recall@5") or 0.0) < 1


def _short(text: str) -> str:
    plain = " ".join(_MARKUP.sub("", text).split())
    return plain if len(plain) <= _PASSAGE_CHARS else plain[: _PASSAGE_CHARS - 1] + "…"
