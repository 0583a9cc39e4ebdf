"""A run in words, figures, and every question with the worst first.

The report is plain data; this module writes it as JSON and Markdown, `eval.report.report_html` as a page.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eval.compare import Comparison, compare_runs
from eval.judge.judge import judge_remark
from eval.metrics.metric_words import words_for
from eval.metrics.summary import result_object
from eval.records import Record
from eval.runs import Run
from rag.errors import DatasetError

_ORDER_BY = ("right_or_refused", "right", "recall@5", "mrr@10", "token_f1")
"""Scores that decide which questions are shown first, the lowest on top."""


@dataclass(frozen=True, slots=True)
class Report:
    """The content of a report.

    `result` is the run's object as `--json` prints it; questions come worst first.
    """

    name: str
    kind: str
    facts: tuple[tuple[str, str], ...]
    findings: tuple[str, ...]
    result: dict[str, Any]
    questions: tuple[Record, ...]
    baseline: str
    comparisons: tuple[Comparison, ...]
    remark: str


def build_report(run: Run, baseline: Run | None = None) -> Report:
    """Return the report of a run, beside a baseline if there is one.

    Raises:
        DatasetError: the run has no records yet.
    """
    if not run.records:
        raise DatasetError(f"{run.folder} has no records yet. Let its evaluation finish first.")
    result = run.scores or result_object(run.records, sum(record.seconds for record in run.records))
    comparisons = compare_runs(baseline.records, run.records) if baseline else []
    judge = run.manifest.get("judge", "")
    return Report(
        name=run.name,
        kind=run.manifest.get("kind", "run"),
        facts=tuple(_facts(run)),
        findings=tuple(_findings(run.records, result, comparisons)),
        result=result,
        questions=tuple(sorted(run.records, key=_badness)),
        baseline=baseline.name if baseline else "",
        comparisons=tuple(comparisons),
        remark=result.get("judge", {}).get("remark", "") or (judge_remark(judge, "") if judge else ""),
    )


def report_json(report: Report) -> str:
    """Return the report as JSON."""
    fields = {
        "name": report.name,
        "kind": report.kind,
        "facts": dict(report.facts),
        "findings": list(report.findings),
        "remark": report.remark,
        "result": report.result,
        "baseline": report.baseline,
        "comparisons": [_comparison_object(c) for c in report.comparisons],
        "questions": [
            {"id": r.id, "question": r.question, "scores": r.scores, **r.details} for r in report.questions
        ],
    }
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def report_markdown(report: Report) -> str:
    """Return the report as Markdown.

    It has the findings, the metrics, the comparison, and the questions that went worst.
    """
    lines = [f"# {report.name}: {report.kind}", "", *(f"- {finding}" for finding in report.findings), ""]
    if report.remark:
        lines += [f"> {report.remark}", ""]
    lines += ["| metric | mean | 95% interval | scored | meaning |", "|---|---:|---:|---:|---|"]
    for name, metric in report.result["metrics"].items():
        words = words_for(name)
        scored = f"{metric['n_scored']}/{report.result['n']}"
        figures = (
            f"{metric['mean']:.3f} | {metric['low']:.3f} – {metric['high']:.3f}"
            if metric["n_scored"]
            else "– | –"
        )
        lines.append(f"| {name} | {figures} | {scored} | {words.meaning} |")
    if report.comparisons:
        lines += [
            "",
            f"## Beside {report.baseline}",
            "",
            "| metric | before | now | change | p |",
            "|---|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {c.metric} | {c.first:.3f} | {c.second:.3f} | {c.difference.mean:+.3f} | {c.p_value:.3f} |"
            for c in report.comparisons
        ]
    lines += ["", "## Questions that went worst", ""]
    lines += [f"- {_cell(r.question)} ({', '.join(_shown_scores(r))})" for r in report.questions[:20]]
    lines += ["", "## How it was measured", "", *(f"- {name}: {value}" for name, value in report.facts), ""]
    return "\n".join(lines)


def percent(value: float | None) -> str:
    """Return a share as a whole percentage, a dash for none."""
    return "–" if value is None else f"{value:.0%}"


def _findings(
    records: Sequence[Record], result: dict[str, Any], comparisons: Sequence[Comparison]
) -> list[str]:
    """Return the findings in sentences."""
    metrics = result["metrics"]
    found = []
    right = metrics.get("right")
    if right and right["n_scored"]:
        found.append(
            f"{round(right['mean'] * right['n_scored'])} of {right['n_scored']} answers ({percent(right['mean'])}) are right by "
            "their words alone; an answer that says the same in other words is not seen, so this is a floor."
        )
    hit, recall = metrics.get("hit@5"), metrics.get("recall@5")
    if hit and hit["n_scored"] and recall:
        count, n = round(hit["mean"] * hit["n_scored"]), hit["n_scored"]
        first = round(metrics["hit@1"]["mean"] * n)
        found.append(
            f"For {count} of {n} questions ({percent(hit['mean'])}) a passage that answers it is among the first five; for {first} "
            f"it is the very first. With other questions of this kind, expect {percent(hit['low'])} to {percent(hit['high'])}."
        )
    if "abstention" in result:
        table = result["abstention"]
        can = table["answered_answerable"] + table["refused_answerable"]
        cannot = table["answered_unanswerable"] + table["refused_unanswerable"]
        if can:
            found.append(
                f"Of {can} questions that the notes answer, {table['refused_answerable']} were refused."
            )
        if cannot:
            found.append(
                f"Of {cannot} that they do not, {table['refused_unanswerable']} were refused, as they should be."
            )
    cited = metrics.get("citation_precision")
    if cited and cited["n_scored"]:
        found.append(
            f"On average {percent(cited['mean'])} of an answer's citations point at the passage with the answer (a refusal counts as 0)."
        )
    grounded = metrics.get("groundedness")
    if grounded and grounded["n_scored"]:
        found.append(
            f"{percent(grounded['mean'])} of the words of the answers are in the passages they cite."
        )
    weakest = _weakest_lecture(result)
    if weakest:
        found.append(weakest)
    found += [_comparison_sentence(c) for c in comparisons if c.p_value < 0.05][:3]
    if comparisons and not any(c.p_value < 0.05 for c in comparisons):
        found.append("No metric differs from the baseline by more than chance (p < 0.05).")
    return found


def _weakest_lecture(result: dict[str, Any]) -> str:
    """Return a sentence about the lecture whose questions are found worst, if one is."""
    lectures = {
        name: group["metrics"]["recall@5"]
        for name, group in result["by"]["lecture"].items()
        if group["metrics"].get("recall@5", {}).get("n_scored", 0) >= 3
    }
    if len(lectures) < 2:
        return ""
    name, metric = min(lectures.items(), key=lambda item: item[1]["mean"])
    if metric["mean"] > 0.95:
        return ""
    return f"The weakest note is {name}: {percent(metric['mean'])} of what answers its {metric['n_scored']} questions is found."


def _comparison_sentence(c: Comparison) -> str:
    better = (c.difference.mean > 0) == words_for(c.metric).higher_is_better
    return (
        f"{words_for(c.metric).label} is {'better' if better else 'worse'} than the baseline: {c.first:.3f} to {c.second:.3f} "
        f"(p = {c.p_value:.3f}; {len(c.won)} questions up, {len(c.lost)} down)."
    )


def _facts(run: Run) -> list[tuple[str, str]]:
    manifest = run.manifest
    settings = manifest.get("settings", {})
    golden, library = manifest.get("golden", {}), manifest.get("library", {})
    facts = [
        ("Made", str(manifest.get("created", ""))),
        (
            "Golden questions",
            f"{golden.get('file', '')} ({golden.get('questions', '')}), {str(golden.get('hash', ''))[:12]}",
        ),
        ("Library", f"{library.get('folder', '')}, generation {library.get('generation', '')}"),
        ("Embedder", str(manifest.get("embedder", ""))),
    ]
    model = settings.get("model", {})
    if model:
        facts.append(
            (
                "Model",
                f"{model.get('name', '')}, adapter {model.get('adapter', '')}, seed {model.get('seed', '')}",
            )
        )
    if manifest.get("judge"):
        facts.append(("Judge", str(manifest["judge"])))
    facts += [
        (
            name.capitalize(),
            ", ".join(f"{key} {value}" for key, value in settings[name].items() if value != ""),
        )
        for name in ("chunk", "retrieval", "answer")
        if name in settings
    ]
    return facts


def _badness(record: Record) -> tuple[float, ...]:
    """Return the sort key: lowest scores first, what was not scored counts as good."""
    return tuple(value if (value := record.scores.get(name)) is not None else 1.0 for name in _ORDER_BY)


def _shown_scores(record: Record) -> list[str]:
    return [f"{name} {record.scores[name]:.2f}" for name in _ORDER_BY if record.scores.get(name) is not None]


def _comparison_object(c: Comparison) -> dict[str, Any]:
    return {
        "metric": c.metric,
        "first": c.first,
        "second": c.second,
        "difference": c.difference.mean,
        "low": c.difference.low,
        "high": c.difference.high,
        "p_value": c.p_value,
        "won": list(c.won),
        "lost": list(c.lost),
    }


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
