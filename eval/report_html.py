"""A report as one HTML page that needs nothing else: no network, no script to read it, light and dark, printable."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from eval.metric_words import Section, words_for
from eval.records import Record
from eval.report import Report, percent
from eval.report_plots import curve_plot, histogram, interval_plot
from eval.report_style import SCRIPT, STYLE

_PASSAGES_SHOWN = 5
_PASSAGE_CHARS = 420
_TITLES = {"answers": "How good are the answers?", "retrieval": "Are the right passages found?"}
_ORDER = {"answers": (Section.ANSWERS, Section.SUPPORT, Section.REFUSALS, Section.JUDGED, Section.PASSAGES)}
"""Which sections come first, by kind of run."""
_MARKUP = re.compile(r"^#+\s+|[*`]+|\|?(?:\s*:?-{3,}:?\s*\|)+", re.MULTILINE)


def report_html(report: Report) -> str:
    """The page."""
    n = report.result["n"]
    body = [
        f'<header><p class="kicker">Lectern · evaluation of <b>{escape(report.name)}</b></p>'
        f"<h1>{escape(_TITLES.get(report.kind, report.kind))}</h1>"
        f"<p class=lead>{n} questions, {_duration(report.result['seconds'])}, nothing left this machine.</p></header>",
        "<section><ul class=findings>"
        + "".join(f"<li>{escape(f)}</li>" for f in report.findings)
        + "</ul></section>",
        *(_metric_section(report, section) for section in _ORDER.get(report.kind, tuple(Section))),
        _curve(report),
        _groups(report),
        _comparison(report),
        _latency(report),
        _questions(report),
        _facts(report),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'\">"
        f"<title>{escape(report.name)} · Lectern evaluation</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main><script>{SCRIPT}</script></body></html>\n"
    )


def _metric_section(report: Report, section: Section) -> str:
    """One section of metrics as a plot of intervals with the meanings under it; empty without any."""
    metrics = {name: m for name, m in report.result["metrics"].items() if words_for(name).section is section}
    scored = {name: m for name, m in metrics.items() if m["n_scored"]}
    if not scored:
        return ""
    n = report.result["n"]
    rows = [
        (
            words_for(name).label,
            m["mean"],
            m["low"],
            m["high"],
            f"{percent(m['mean'])}  of {m['n_scored']}/{n}",
        )
        for name, m in scored.items()
    ]
    meanings = "".join(
        f"<dt>{escape(words_for(name).label)} <code>{escape(name)}</code></dt><dd>{escape(words_for(name).meaning)}"
        f"{'' if words_for(name).higher_is_better else ' (lower is better)'}</dd>"
        for name in scored
    )
    remark = (
        f'<p class="remark">{escape(report.remark)}</p>'
        if section is Section.JUDGED and report.remark
        else ""
    )
    table = _refusal_table(report) if section is Section.REFUSALS else ""
    return (
        f"<section><h2>{escape(section.value)}</h2>{remark}{interval_plot(rows, section.value)}{table}"
        f"<details class=meanings><summary>What these mean</summary><dl>{meanings}</dl></details></section>"
    )


def _refusal_table(report: Report) -> str:
    if "abstention" not in report.result:
        return ""
    t = report.result["abstention"]

    def cell(count: int, good: bool) -> str:
        return f'<td class="{"good" if good else "poor"}">{count}</td>'

    return (
        "<table class=refusals><thead><tr><th></th><th>answered</th><th>refused</th></tr></thead><tbody>"
        f"<tr><th>the notes hold it</th>{cell(t['answered_answerable'], True)}{cell(t['refused_answerable'], False)}</tr>"
        f"<tr><th>they do not</th>{cell(t['answered_unanswerable'], False)}{cell(t['refused_unanswerable'], True)}</tr>"
        "</tbody></table>"
    )


def _curve(report: Report) -> str:
    curve = report.result.get("risk_coverage")
    if not curve or not curve["points"]:
        return ""
    plot = curve_plot(
        [(coverage, risk) for _, coverage, risk in curve["points"]],
        f"Risk against coverage, area {curve['area']:.3f}",
        "share of questions answered, the most certain first",
        "share answered wrongly",
    )
    return (
        "<section><h2>What would a stricter gate change?</h2><p>If only the questions nearest to the notes were answered, this "
        f"share of those answers would be wrong by words. Area {curve['area']:.3f}; lower is better. "
        f"<code>lectern eval calibrate</code> chooses the threshold.</p>{plot}</section>"
    )


def _groups(report: Report) -> str:
    """Plots per lecture and per tag of what matters most in this kind of run."""
    parts = []
    metric = "right" if "right" in report.result["metrics"] else "recall@5"
    for kind, title in (("lecture", "Note by note"), ("tag", "Kind by kind")):
        rows = [
            (name, m["mean"], m["low"], m["high"], f"{percent(m['mean'])}  of {m['n_scored']}")
            for name, group in report.result["by"][kind].items()
            if (m := group["metrics"].get(metric)) and m["n_scored"]
        ]
        if len(rows) > 1:
            rows.sort(key=lambda row: row[1])
            parts.append(
                f"<section><h2>{title}: {escape(words_for(metric).label.lower())}</h2>{interval_plot(rows, title)}</section>"
            )
    return "".join(parts)


def _comparison(report: Report) -> str:
    if not report.comparisons:
        return ""
    rows = []
    for c in report.comparisons:
        better = (c.difference.mean > 0) == words_for(c.metric).higher_is_better
        state = "" if c.p_value >= 0.05 else ("good" if better else "poor")
        rows.append(
            f'<tr class="{state}"><th>{escape(words_for(c.metric).label)}</th><td>{c.first:.3f}</td><td>{c.second:.3f}</td>'
            f"<td>{c.difference.mean:+.3f}</td><td>{c.difference.low:+.3f} to {c.difference.high:+.3f}</td>"
            f"<td>{c.p_value:.3f}</td><td>{len(c.won)}</td><td>{len(c.lost)}</td></tr>"
        )
    head = "".join(
        f"<th>{h}</th>" for h in ("", "before", "now", "change", "95% interval", "p", "up", "down")
    )
    return (
        f"<section><h2>Beside {escape(report.baseline)}</h2><p>Paired randomisation test over the same questions; what differs by more "
        f"than chance is coloured.</p><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></section>"
    )


def _latency(report: Report) -> str:
    latency = report.result.get("latency_seconds") or {}
    if not latency:
        return ""
    words = (
        f"Half of the questions took less than {latency['p50']:.2g} s, 95% less than {latency['p95']:.2g} s."
    )
    plot = histogram([record.seconds for record in report.questions], words, "s")
    return f"<section><h2>How long does it take?</h2><p>{words}</p>{plot}</section>"


def _questions(report: Report) -> str:
    items = "".join(_question(record) for record in report.questions)
    return (
        "<section><h2>Every question, the worst first</h2>"
        '<p class=filter><label>Show <select id="filter"><option value="all">all</option><option value="bad">what went wrong'
        '</option><option value="unanswerable">what the notes do not hold</option></select></label> '
        '<label>with the words <input id="words" type="search"></label> <span id="count" role="status"></span></p>'
        f"{items}</section>"
    )


def _question(record: Record) -> str:
    wrong = _went_wrong(record)
    kind = " ".join(name for name, is_so in (("bad", wrong), ("unanswerable", record.unanswerable)) if is_so)
    sign = (
        '<span class="sign poor" title="went wrong">✗</span>'
        if wrong
        else '<span class="sign good" title="went well">✓</span>'
    )
    scores = "".join(
        f"<span>{escape(name)} <b>{value:.2f}</b></span>"
        for name, value in record.scores.items()
        if value is not None
    )
    tags = "".join(f"<span class=tag>{escape(tag)}</span>" for tag in record.tags)
    details = record.details
    answer = ""
    if "answer" in details:
        expected = (
            "a refusal"
            if record.unanswerable
            else " / ".join(details.get("references", [])) or "(no reference)"
        )
        answer = f"<p class=said><b>Answer</b> {escape(details['answer'])}</p><p class=said><b>Expected</b> {escape(expected)}</p>"
    gold = "".join(
        f"<li><cite>{escape(g['document'])}</cite> <q>{escape(_short(g['text']))}</q></li>"
        for g in details.get("gold", [])
    )
    hits = "".join(
        _hit(number, hit) for number, hit in enumerate(details.get("hits", [])[:_PASSAGES_SHOWN], 1)
    )
    return (
        f'<details class="question" data-kind="{kind}"><summary>{sign}{escape(record.question)}{tags}</summary>{answer}'
        f"<div class=scores>{scores}</div>{f'<h4>Where it stands</h4><ul>{gold}</ul>' if gold else ''}"
        f"{f'<h4>What was found</h4><ol>{hits}</ol>' if hits else '<p>Nothing was found.</p>'}</details>"
    )


def _hit(number: int, hit: dict[str, Any]) -> str:
    held = bool(hit.get("held"))
    mark = "<span class=tag>gold</span>" if held else ""
    return (
        f'<li class="{"held" if held else ""}"><cite>{escape(hit["document"])} › {escape(hit["locator"])}</cite>{mark} '
        f"<q>{escape(_short(hit['text']))}</q></li>"
    )


def _facts(report: Report) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in report.facts)
    return (
        f"<section class=facts><h2>How it was measured</h2><dl>{rows}</dl><p>Bars are 95% bootstrap intervals over the questions. "
        "A question without hits, or refused though the notes hold it, scores 0; it does not vanish.</p></section>"
    )


def _duration(seconds: float) -> str:
    """Seconds as a reader says them."""
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _went_wrong(record: Record) -> bool:
    right = record.scores.get("right")
    if right is not None:
        return right < 1
    return (record.scores.get("recall@5") or 0.0) < 1


def _short(text: str, chars: int = _PASSAGE_CHARS) -> str:
    plain = " ".join(_MARKUP.sub("", text).split())
    return plain if len(plain) <= chars else plain[: chars - 1] + "…"
