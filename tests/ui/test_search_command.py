"""`lectern search` and `lectern eval beir` from outside, with the real embedder."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.model

NOTES = {
    "week-1/aliasing.md": "# Aliasing\n\nA tone above half the sampling rate folds back into the band.\n",
    "week-2/noise.md": "# Noise\n\nDither adds a little noise so that quantisation error no longer follows the signal.\n",
}


def lectern(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-m", "ui.cli", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("notes")
    for name, text in NOTES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    library = folder.parent / "library"
    done = lectern("ingest", str(folder), "--library", str(library), cwd=folder)
    assert done.returncode == 0, done.stderr
    return library


def test_json_has_the_fields_of_the_interface(library: Path, tmp_path: Path) -> None:
    done = lectern(
        "search", "why does a tone fold back?", "-k", "1", "--json", "--library", str(library), cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"id", "question", "hits", "seconds"} <= set(found)
    (hit,) = found["hits"]
    assert {"document", "locator", "start", "end", "score", "text", "why"} <= set(hit)
    assert hit["document"] == "week-1/aliasing.md"
    assert NOTES["week-1/aliasing.md"][hit["start"] : hit["end"]] == hit["text"]
    assert hit["why"]["match_score"] > 0.4


def test_questions_in_bulk_keep_their_ids(library: Path, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"id": "a", "question": "folding"}\n{"id": "b", "question": " "}\n')
    out = tmp_path / "out.jsonl"
    done = lectern(
        "search",
        "--questions",
        str(tmp_path / "q.jsonl"),
        "--out",
        str(out),
        "--library",
        str(library),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    first, second = (json.loads(line) for line in out.read_text().splitlines())
    assert (first["id"], first["hits"][0]["document"]) == ("a", "week-1/aliasing.md")
    assert second["id"] == "b"
    assert "empty" in second["error"]


def test_scopes_and_their_mistakes(library: Path, tmp_path: Path) -> None:
    inside = lectern(
        "search", "tone", "--scope", "lecture:2", "--json", "--library", str(library), cwd=tmp_path
    )
    assert [hit["document"] for hit in json.loads(inside.stdout)["hits"]] == ["week-2/noise.md"]
    outside = lectern("search", "tone", "--scope", "lecture:9", "--library", str(library), cwd=tmp_path)
    assert outside.returncode == 1
    assert "No document of the library is inside lecture 9" in outside.stderr
    assert "Traceback" not in outside.stderr


def test_why_not_this_one(library: Path, tmp_path: Path) -> None:
    done = lectern(
        "search", "folding tone", "-k", "1", "--explain-document", "week-2/noise.md", "--json",
        "--library", str(library), cwd=tmp_path,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["rank"] == 2
    assert found["missing_score"] > 0
    assert found["last_shown"]["document"] == "week-1/aliasing.md"
    outside = lectern(
        "search", "folding tone", "--explain-document", "week-2/noise.md", "--scope", "lecture:1",
        "--library", str(library), cwd=tmp_path,
    )  # fmt: skip
    assert outside.returncode == 1
    assert "'week-2/noise.md' is not inside lecture 1" in " ".join(outside.stderr.split())


def test_many_questions_get_the_lines_of_one_at_a_time_in_their_order(library: Path, tmp_path: Path) -> None:
    asked = ["folding", "dither", " ", "a tone", "signal"] * 4
    lines = [json.dumps({"id": str(place), "question": text}) for place, text in enumerate(asked)]
    (tmp_path / "q.jsonl").write_text("\n".join(lines))
    place = ("--library", str(library), "--scope", "lecture:2")
    done = lectern("search", "--questions", str(tmp_path / "q.jsonl"), *place, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["id"] for line in found] == [str(place) for place in range(20)]
    alone = {
        text: json.loads(lectern("search", text, "--json", *place, cwd=tmp_path).stdout)["hits"]
        for text in ("folding", "dither")
    }
    for line, text in zip(found, asked, strict=True):
        if not text.strip():
            assert "empty" in line["error"]
        elif text in alone:
            assert line["hits"] == alone[text]


def test_wrong_usage_is_status_2(library: Path, tmp_path: Path) -> None:
    assert lectern("search", "--library", str(library), cwd=tmp_path).returncode == 2


def test_a_benchmark_in_beir_s_form(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    corpus = [{"_id": name, "title": "", "text": text} for name, text in NOTES.items()]
    corpus.append({"_id": "title alone", "title": "Jitter of clocks", "text": ""})
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in corpus))
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "what folds?"}\n{"_id": "q2", "text": "dither"}\n{"_id": "q3", "text": "clock jitter"}\n'
    )
    (tmp_path / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\tweek-1/aliasing.md\t1\nq2\tweek-2/noise.md\t1\nq3\ttitle alone\t1\n"
    )
    run = tmp_path / "run.txt"
    done = lectern("eval", "beir", str(tmp_path), "--json", "--run-out", str(run), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["n"] == 3
    assert found["metrics"]["ndcg@10"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "n_scored": 3}
    assert run.read_text().splitlines()[0].split()[:4] == ["q1", "Q0", "week-1/aliasing.md", "1"]
    missing = lectern("eval", "beir", str(tmp_path / "qrels"), cwd=tmp_path)
    assert missing.returncode == 1
    assert "corpus.jsonl" in missing.stderr
