"""Runs: resumed after a kill with the same scores, never mixed with another run's records."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.golden.golden_file import GoldenQuestion
from eval.metrics.summary import metric_objects
from eval.records import Record, parse_record, record_line, record_of
from eval.runs import answer_all, open_run, read_run
from rag.errors import DatasetError
from tests.patience import PATIENCE_SECONDS

MANIFEST = {"kind": "answers", "created": "now", "settings": {"k": 5}}


def test_a_record_survives_writing_and_odd_texts(make_question: Callable[..., GoldenQuestion]) -> None:
    record = record_of(
        make_question(), {"f1": 0.5, "nan": float("nan"), "none": None}, 1.5, {"answer": "η\u2028\ud800"}
    )
    assert record.scores == {"f1": 0.5, "nan": None, "none": None}
    assert parse_record(record_line(record)) == record


def test_finished_records_are_not_asked_again(
    tmp_path: Path, make_question: Callable[..., GoldenQuestion], make_record: Callable[..., Record]
) -> None:
    questions = [make_question(name) for name in "abc"]
    writer = open_run(tmp_path / "run", MANIFEST)
    writer.append(make_record("b", recall=0.25))
    asked: list[str] = []

    def evaluate(question: GoldenQuestion) -> Record:
        asked.append(question.id)
        return make_record(question.id, recall=1.0)

    writer = open_run(tmp_path / "run", {**MANIFEST, "created": "later"})
    records = answer_all(questions, evaluate, writer, workers=2)
    writer.finish(records, {"n": 3})
    assert sorted(asked) == ["a", "c"]
    run = read_run(tmp_path / "run")
    assert [(record.id, record.scores["recall@5"]) for record in run.records] == [
        ("a", 1.0),
        ("b", 0.25),
        ("c", 1.0),
    ]
    assert run.scores == {"n": 3}


def test_a_torn_last_line_is_dropped_and_asked_again(
    tmp_path: Path, make_record: Callable[..., Record]
) -> None:
    writer = open_run(tmp_path, MANIFEST)
    writer.append(make_record("a"))
    path = tmp_path / "records.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert list(open_run(tmp_path, MANIFEST).done) == ["a"]
    assert path.read_bytes() == whole


def test_damage_in_the_middle_is_an_error_with_its_line(
    tmp_path: Path, make_record: Callable[..., Record]
) -> None:
    writer = open_run(tmp_path, MANIFEST)
    for name in "ab":
        writer.append(make_record(name))
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"{" + path.read_bytes())
    with pytest.raises(DatasetError, match=r"records\.jsonl:1 is damaged"):
        open_run(tmp_path, MANIFEST)


def test_another_runs_folder_is_refused_naming_the_difference(tmp_path: Path) -> None:
    open_run(tmp_path, MANIFEST)
    with pytest.raises(DatasetError, match=r"settings\.k: 5, now 10"):
        open_run(tmp_path, {**MANIFEST, "settings": {"k": 10}})


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.md").write_text("mine")
    with pytest.raises(DatasetError, match="not empty"):
        open_run(tmp_path, MANIFEST)
    with pytest.raises(DatasetError, match="has no run"):
        read_run(tmp_path)


_SLOW_RUN = """
import sys, time, zlib
from pathlib import Path
from eval.golden.golden_file import GoldenQuestion
from eval.records import record_of
from eval.runs import answer_all, open_run
from eval.metrics.summary import result_object

questions = [GoldenQuestion(id=f"q{i}", question=f"Question {i}?", answer="x") for i in range(40)]

def evaluate(question):
    time.sleep(600 if int(question.id[1:]) >= int(sys.argv[2]) else 0)
    return record_of(question, {"f1": zlib.crc32(question.id.encode()) % 100 / 100}, 0.1, {})

writer = open_run(Path(sys.argv[1]), {"kind": "answers"})
records = answer_all(questions, evaluate, writer, workers=2)
writer.finish(records, result_object(records, 1.0))
"""


def _run_in_process(folder: Path, endless: int = 40) -> subprocess.Popen[bytes]:
    """Start a run of which the questions from number `endless` on are never answered."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-c", _SLOW_RUN, str(folder), str(endless)], env=environment)


def test_a_run_killed_by_sigkill_goes_on_and_has_the_same_scores(tmp_path: Path) -> None:
    assert _run_in_process(tmp_path / "whole").wait() == 0
    process = _run_in_process(tmp_path / "killed", 20)
    records = tmp_path / "killed" / "records.jsonl"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (records.exists() and records.read_bytes().count(b"\n") >= 5) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 5 <= records.read_bytes().count(b"\n") < 40
    assert not (tmp_path / "killed" / "scores.json").exists()
    assert _run_in_process(tmp_path / "killed").wait() == 0
    whole, killed = read_run(tmp_path / "whole"), read_run(tmp_path / "killed")
    assert json.dumps(killed.scores) == json.dumps(whole.scores)
    assert metric_objects(killed.records) == metric_objects(whole.records)
