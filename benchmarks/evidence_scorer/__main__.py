"""The evidence scorer on a golden set, with the passages that the product finds.

`python -m benchmarks.evidence_scorer [GOLDEN NOTES] [--scorer FOLDER]`; without arguments the example course.
The best sentence of the ten passages is the answer: *right* where it overlaps the gold span, *refused* where
the probability that any passage answers is under a bar. Ranked by the scorer alone, and with 0.8 times the
sentence's cosine added. Then the milliseconds of a question.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.golden.golden_file import GoldenQuestion, read_golden
from ingest.pipeline import ingest_paths
from rag.answer import condense_question as standalone
from rag.answer.evidence_scorer import EvidenceScorer
from rag.search.langchain_retriever import hit_from_document
from rag.types import Chunk, Turn
from ui.application import Application, load

ROOT = Path(__file__).resolve().parents[2]
BARS = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8)
PASSAGES = (4, 6, 10)
WAYS = {"scorer alone": 0.0, "logit + 2.5 x cosine": 2.5, "0.2 x logit / 10 + 0.8 x cosine": 40.0}
"""Names of rankings, and the weight of the cosine beside the logit."""


@dataclass(frozen=True, slots=True)
class Read:
    """A question with its passages and their sentences.

    `sentences` has the columns passage, start, end, logit, cosine with the question.
    """

    question: GoldenQuestion
    asked: str
    chunks: list[Chunk]
    sentences: np.ndarray
    chances: dict[int, float]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("golden", nargs="?", type=Path, default=ROOT / "examples" / "golden.jsonl")
    parser.add_argument("notes", nargs="?", type=Path, default=ROOT / "examples" / "course")
    parser.add_argument("--library", type=Path, help="the notes, ingested already")
    parser.add_argument("--scorer", type=Path, help="folder of the weights; the shipped ones without it")
    parser.add_argument("--show", type=int, default=0, help="print so many wrong answers")
    given = parser.parse_args()
    scorer = EvidenceScorer.open(given.scorer)
    with tempfile.TemporaryDirectory() as folder:
        application = Application(load(given.library or Path(folder)))
        if not given.library:
            ingest_paths(
                application.open_library(), [given.notes], application.embedder, application.settings
            )
        found = read(application, scorer, read_golden(given.golden))
    for name, weight in WAYS.items():
        print(
            f"\n{name}\n{'passages':>8} {'bar':>5} {'right':>6} {'wrong':>6} {'refused':>8} {'foreign refused':>16} {'gold in best 3':>15}"
        )
        for count in PASSAGES:
            for bar in BARS:
                print(f"{count:>8} {bar:>5} " + figures(found, count, bar, weight))
    for item in [
        item for item in found if item.question.gold and not is_right(item, best(item, 10, 0.0)[:1])
    ][: given.show]:
        row = item.sentences[best(item, 10, 0.0)[0]]
        chunk = item.chunks[int(row[0])]
        print(
            f"\n? {item.asked}\n  gold: {item.question.gold[0].text!r}\n  answered: {chunk.text[int(row[1]) : int(row[2])]!r} {row[3]:.2f} {item.chances[10]:.2f}"
        )
    times = seconds(scorer, found)
    print(
        f"\n{1000 * statistics.median(times):.0f} ms a question of ten passages (median of {len(times)}; worst {1000 * max(times):.0f})"
    )


def read(application: Application, scorer: EvidenceScorer, questions: Sequence[GoldenQuestion]) -> list[Read]:
    """Retrieve and score the passages of every question."""
    chain = application.chain()
    found = []
    for question in questions:
        history = [Turn(turn.role, turn.content) for turn in question.history]
        asked = standalone.merge(question.question, history) if history else question.question
        chunks = [hit_from_document(document).chunk for document in chain.retriever.invoke(asked)]
        scores = scorer.score(asked, chunks)
        rows = [(n, s.start, s.end, s.logit) for n, score in enumerate(scores) for s in score.sentences]
        texts = [chunks[n].text[start:end] for n, start, end, _ in rows]
        cosines = application.embedder.embed_passages(texts) @ application.embedder.embed_query(asked)
        chances = {count: scorer.any_answers(scores[:count]) for count in PASSAGES}
        found.append(Read(question, asked, chunks, np.column_stack([rows, cosines]), chances))
    return found


def best(item: Read, count: int, weight: float) -> list[int]:
    """Return the sentences of the first passages, best first."""
    rows = item.sentences
    order = np.argsort(-(rows[:, 3] + weight * rows[:, 4]), kind="stable")
    return [int(place) for place in order if rows[place, 0] < count]


def is_right(item: Read, places: Sequence[int]) -> bool:
    """Return whether one of the sentences overlaps a gold span."""
    for place in places:
        number, start, end = (int(value) for value in item.sentences[place, :3])
        chunk = item.chunks[number]
        if any(
            gold.document == chunk.document
            and chunk.start + start < gold.end
            and gold.start < chunk.start + end
            for gold in item.question.gold
        ):
            return True
    return False


def figures(found: Sequence[Read], count: int, bar: float, weight: float) -> str:
    """Return the shares of a setting as a line."""
    known = [item for item in found if item.question.gold]
    foreign = [item for item in found if not item.question.gold]
    answers = [item.chances[count] >= bar for item in known]
    right = np.array([is_right(item, best(item, count, weight)[:1]) for item in known])
    three = np.mean([is_right(item, best(item, count, weight)[:3]) for item in known])
    refused = 1 - np.mean(answers)
    share = float((right & np.array(answers)).mean())
    rightly = np.mean([item.chances[count] < bar for item in foreign]) if foreign else float("nan")
    return f"{share:>6.2f} {1 - share - refused:>6.2f} {refused:>8.2f} {rightly:>16.2f} {three:>15.2f}"


def seconds(scorer: EvidenceScorer, found: Sequence[Read]) -> list[float]:
    """Return the seconds that it takes to score each question's ten passages.

    They are measured the second time that the passages are scored.
    """
    times = []
    for item in [*found, *found]:
        began = time.perf_counter()
        scorer.score(item.asked, item.chunks[:10])
        times.append(time.perf_counter() - began)
    return times[len(found) :]


if __name__ == "__main__":
    main()
