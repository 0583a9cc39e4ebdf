"""The questions of the evaluation benchmark.

They are those of the example course, and of SyllabusQA if its files are here.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eval.golden.gold_match import find_text
from eval.golden.golden_file import GoldenQuestion, GoldSpan, read_golden
from eval.metrics.retrieval_scores import gold_object, hit_object
from eval.records import Record
from ingest.pipeline import ingest_paths
from ui.application import Application, load
from ui.measure.evaluation import anchored, find

EXAMPLES = Path(__file__).parents[2] / "examples"
SYLLABUSQA = Path(__file__).parents[3] / "shared" / "data" / "qa" / "syllabusqa"


def example_application(library: Path) -> Application:
    """The example course in a library of its own."""
    return application_over(EXAMPLES / "course", library)


def application_over(notes: Path, library: Path) -> Application:
    """An application with the default settings over some notes."""
    application = Application(load(library))
    ingest_paths(application.open_library(), [notes], application.embedder, application.settings)
    return application


def example_records(application: Application) -> list[Record]:
    """Return answered records of the example course for a thousand judge calls.

    Each answerable question comes with its reference as the answer, then with the first sentence of the best
    passage, then with the reference of its neighbour.
    """
    questions = [question for question in read_golden(EXAMPLES / "golden.jsonl") if question.references]
    gold, search = anchored(application, questions), find(application)
    found = [(question, search(question)[0]) for question in questions]
    made: list[Record] = []
    for variant in ("reference", "neighbour", "passage"):
        for number, (question, hits) in enumerate(found):
            neighbour = found[(number + 1) % len(found)][0]
            answers = {
                "reference": question.references[0],
                "neighbour": neighbour.references[0],
                "passage": hits[0].chunk.text[:200],
            }
            details: dict[str, Any] = {
                "answer": answers[variant],
                "abstained": False,
                "references": list(question.references),
                "shown": 4,
                "hits": [hit_object(hit, gold.spans[question.id]) for hit in hits[:4]],
                "gold": [gold_object(span) for span in question.gold],
            }
            made.append(Record(f"{question.id}-{variant}", question.question, {}, 0.0, details=details))
    return made


def long_golden(count: int) -> list[GoldenQuestion]:
    """Return `count` different questions over the example course.

    They are its golden ones, then the same in other words.
    """
    openings = ("", "In short: ", "For the examination: ", "I forgot this. ", "Explain briefly. ")
    questions = read_golden(EXAMPLES / "golden.jsonl")
    return list(itertools.islice(_asked_again(questions, openings), count))


def syllabus_questions(application: Application) -> list[GoldenQuestion]:
    """Return SyllabusQA's validation questions, tagged by type.

    They are those with spans that are exactly once in their syllabus.
    """
    rows = json.loads((SYLLABUSQA / "data" / "dataset_split" / "val.json").read_text(encoding="utf-8"))
    paths = {Path(record.path).stem: record.path for record in application.library.documents()}
    texts = {path: application.library.document(path).text for path in paths.values()}
    questions = []
    for row in rows:
        path = paths.get(row["syllabus_name"])
        if path is None or not row["question"].strip():
            continue
        spans = [span for i in range(1, 6) if (span := row[f"answer_span_{i}"]) and span.strip()]
        places = [(span, find_text(span, texts[path])) for span in spans]
        gold = [
            GoldSpan(document=path, start=found[0][0], end=found[0][1], text=span)
            for span, found in places
            if len(found) == 1
        ]
        refuse = row["question_type"] == "no answer"
        questions.append(
            GoldenQuestion(
                id=row["id"],
                question=row["question"],
                answer=None if refuse else row["answer"],
                gold=() if refuse else tuple(gold),
                unanswerable=refuse,
                tags=(row["question_type"], path),
            )
        )
    return questions


def _asked_again(questions: list[GoldenQuestion], openings: tuple[str, ...]) -> Iterator[GoldenQuestion]:
    for number, opening in enumerate(openings):
        for question in questions:
            yield question.model_copy(
                update={"id": f"{question.id}-{number}", "question": opening + question.question}
            )
