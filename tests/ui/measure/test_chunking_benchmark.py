"""`lectern eval chunking` on a set small enough to check by hand, and what the benchmark makes of its rows."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.retrieval.__main__ import BUDGETS_TOKENS, recall_gains
from rag.types import Chunk
from ui.measure.chunking_benchmark import with_neighbours

Run = Callable[..., "subprocess.CompletedProcess[str]"]
OWLS = "The owl hunts at night and hears a mouse under the snow from far away."
SALT = "Sea water holds thirty five grams of salt in every litre of it."
CORPORA = {
    "animals": f"# Owls\n\n{OWLS}\n\n# Bees\n\nA bee tells the others where flowers are with a dance.\n",
    "sea": f"# Salt\n\n{SALT}\n\n# Tides\n\nThe moon pulls the water up twice a day.\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two corpora with a question about a sentence of each."""
    (tmp_path / "corpora").mkdir()
    for name, text in CORPORA.items():
        (tmp_path / "corpora" / f"{name}.md").write_text(text)
    with (tmp_path / "questions_df.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("question", "references", "corpus_id"))
        for question, name, sentence in (
            ("When does the owl hunt?", "animals", OWLS),
            ("How much salt is in sea water?", "sea", SALT),
        ):
            start = CORPORA[name].index(sentence)
            span = {"content": sentence, "start_index": start, "end_index": start + len(sentence)}
            writer.writerow((question, json.dumps([span]), name))
    return tmp_path


@pytest.mark.model
def test_every_way_of_cutting_answers_the_same_questions(lectern: Run, folder: Path) -> None:
    pytest.importorskip("langchain_text_splitters")
    done = lectern(
        "eval", "chunking", folder, "--budget", "50", "--budget", "400", "--tokens", "32", "--json"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["n"], found["budget_tokens"]) == (2, 50)
    rows = {(row["chunker"], row["search"], row["budget_tokens"]): row for row in found["chunkers"]}
    cutters = (
        "ours",
        "ours at 32 tokens",
        "recursive 200",
        "recursive 400",
        "recursive 800",
        "token windows 254",
    )
    assert set(rows) == {
        (name, search, budget)
        for name in cutters
        for search in ("dense", "ours", "ours+neighbours")
        for budget in (50, 400)
        if name == "ours" or search != "ours+neighbours"
    }
    # 400 tokens show both corpora whole: all gold, and of what is found the share that is gold can be counted.
    whole = sum(map(len, CORPORA.values()))
    for name in ("ours", "ours at 32 tokens"):
        metrics = rows[name, "ours", 400]["metrics"]
        assert metrics["recall"]["mean"] == 1.0
        assert metrics["precision"]["mean"] >= (len(OWLS) + len(SALT)) / 2 / whole
    assert found["metrics"] == rows["ours", "ours", 50]["metrics"]
    assert rows["ours at 32 tokens", "ours", 50]["metrics"]["recall"]["mean"] == 1.0
    assert rows["recursive 200", "ours", 50]["chunks"] == 2


@pytest.mark.model
def test_a_malformed_set_is_one_sentence(lectern: Run, folder: Path) -> None:
    (folder / "questions_df.csv").write_text("question,references,corpus_id\n")
    done = lectern("eval", "chunking", folder)
    assert done.returncode == 1
    assert "has no question" in done.stderr
    assert "Traceback" not in done.stderr


def test_neighbours_follow_their_passage_and_stand_once(make_chunk: Callable[..., Chunk]) -> None:
    from dataclasses import replace

    texts = [make_chunk("abc", "a.md", start=4 * place) for place in range(4)]
    passages = {"a.md": [replace(chunk, ordinal=place) for place, chunk in enumerate(texts)]}
    first, _, third, last = passages["a.md"]
    spans = with_neighbours([last, first, third], passages)
    assert spans == [("a", 12, 15), ("a", 8, 11), ("a", 0, 3), ("a", 4, 7)]


def test_gains_are_over_the_recursive_splitter_s_best_size_under_the_same_search() -> None:
    def row(chunker: str, search: str, budget: int, recall: float) -> dict[str, Any]:
        metrics = {"recall": {"mean": recall}}
        return {"chunker": chunker, "search": search, "budget_tokens": budget, "metrics": metrics}

    small, large = BUDGETS_TOKENS
    rows = [
        row("ours", "ours", small, 0.8),
        row("ours", "ours", large, 0.9),
        row("ours", "dense", small, 0.1),
    ]
    for size, under_dense, under_ours in ((200, 0.70, 0.75), (400, 0.72, 0.71)):
        rows += [row(f"recursive {size}", "dense", budget, under_dense) for budget in BUDGETS_TOKENS]
        rows += [row(f"recursive {size}", "ours", budget, under_ours) for budget in BUDGETS_TOKENS]
    rows.append(row("token windows 256", "ours", small, 0.99))
    assert recall_gains(rows) == [
        f"recall at {small} tokens - recursive's best under dense: +8.0",
        f"recall at {small} tokens - recursive's best under ours: +5.0",
        f"recall at {large} tokens - recursive's best under dense: +18.0",
        f"recall at {large} tokens - recursive's best under ours: +15.0",
    ]
