"""Reports: nothing from outside, nothing unescaped, the worst first, the weakness of a small judge said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.golden.golden_file import GoldenQuestion
from eval.metrics.summary import result_object
from eval.records import Record, record_of
from eval.report.report import build_report, report_json, report_markdown
from eval.report.report_html import report_html
from eval.report.report_plots import curve_plot, histogram, interval_plot
from eval.runs import Run, open_run, read_run
from rag.errors import DatasetError

EVIL = '<script>alert("x")</script>'


@pytest.fixture
def make_run(tmp_path: Path, make_question: Callable[..., GoldenQuestion]) -> Callable[..., Run]:
    def make(name: str, rights: list[float], judge: str = "") -> Run:
        records: list[Record] = []
        for i, right in enumerate(rights):
            question = make_question(f"q{i}", question=f"Why {i}? {EVIL}", tags=["odd" if i % 2 else "even"])
            details = {
                "answer": EVIL,
                "abstained": False,
                "confidence": 0.5,
                "references": ["because"],
                "gold": [{"document": "note.md", "start": 0, "end": 4, "text": "gold"}],
                "hits": [{"document": "note.md", "locator": "line 1", "text": EVIL, "held": [0]}],
            }
            scores = {
                "right": right,
                "recall@5": right,
                "hit@1": right,
                "hit@5": right,
                "faithfulness": right,
                "f1": None,
            }
            records.append(record_of(question, scores, 0.5, details))
        writer = open_run(tmp_path / name, {"kind": "answers", "judge": judge, "golden": {"file": "g.jsonl"}})
        writer.finish(records, result_object(records, 2.0))
        return read_run(tmp_path / name)

    return make


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_loads_nothing_and_runs_nothing_of_the_notes(make_run: Callable[..., Run]) -> None:
    page = report_html(build_report(make_run("r", [1.0, 0.0]), make_run("base", [1.0, 1.0])))
    tags = _Tags()
    tags.feed(page)
    assert [tag for tag, _ in tags.seen].count("script") == 1
    assert not [attrs for _, attrs in tags.seen if {"src", "href"} & set(attrs)]
    assert not re.search(r"url\(|@import|https?:", page)
    assert len(page) < 5_000_000


def test_the_worst_question_comes_first_and_every_figure_says_its_n(make_run: Callable[..., Run]) -> None:
    report = build_report(make_run("r", [1.0, 0.0, 1.0]))
    assert [record.id for record in report.questions] == ["q1", "q0", "q2"]
    page = report_html(report)
    assert "67%  of 3/3" in page
    assert "2 of 3 answers (67%) are right by their words" in report.findings[0]


def test_the_weakness_of_the_small_judge_is_said(make_run: Callable[..., Run]) -> None:
    weak, strong = (
        build_report(make_run("weak", [1.0], "embedded")),
        build_report(make_run("strong", [1.0], "llama3-8b")),
    )
    assert "135 million parameters" in report_html(weak)
    assert "135 million parameters" in report_markdown(weak)
    assert "135 million" not in report_html(strong)


def test_a_baseline_is_put_beside_it(make_run: Callable[..., Run]) -> None:
    report = build_report(make_run("now", [0.0] * 12), make_run("base", [1.0] * 12))
    (right,) = [c for c in report.comparisons if c.metric == "right"]
    assert (right.difference.mean, right.p_value) == (-1.0, pytest.approx(2 / 2**12))
    assert any("worse than the baseline: 1.000 to 0.000" in finding for finding in report.findings)
    assert "## Beside base" in report_markdown(report)


def test_json_and_markdown_hold_the_figures(make_run: Callable[..., Run]) -> None:
    report = build_report(make_run("r", [1.0, 0.0]))
    assert json.loads(report_json(report))["result"]["metrics"]["right"]["mean"] == 0.5
    assert "| right | 0.500 | 0.000 – 1.000 | 2/2 |" in report_markdown(report)
    assert "| f1 | – | – | 0/2 |" in report_markdown(report)


def test_a_run_without_records_has_no_report(tmp_path: Path) -> None:
    open_run(tmp_path / "r", {})
    with pytest.raises(DatasetError, match="no records yet"):
        build_report(read_run(tmp_path / "r"))


def test_plots_place_values_on_their_axes() -> None:
    plot = interval_plot([("a <b>", 0.5, 0.25, 0.75, "50%")], "Title")
    assert 'cx="406.0"' in plot  # 226 + 0.5 * 360
    assert 'x1="316.0" x2="496.0"' in plot
    assert "a &lt;b&gt;" in plot and 'aria-label="Title: a &lt;b&gt; 0.50 (0.25 to 0.75)"' in plot
    assert curve_plot([], "", "", "") == histogram([], "", "s") == ""
    assert histogram([1.0, 1.0, 4.0], "t", "s", bins=4).count("<rect") == 2
