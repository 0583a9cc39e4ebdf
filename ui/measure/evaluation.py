"""Golden questions anchored in a library and measured, for `lectern eval`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from eval.golden.gold_match import AnchoredGold, GoldProblem, anchor_gold
from eval.golden.golden_file import GoldenQuestion, golden_hash
from eval.metrics.summary import result_object
from eval.records import Record
from eval.runs import RunWriter, answer_all, open_run
from rag.errors import DatasetError, LibraryError
from rag.prompt import PROMPT_VERSION
from ui.console import log_console, ticking

if TYPE_CHECKING:
    from rag.settings import Settings
    from rag.types import Hit
    from ui.application import Application

Evaluate = Callable[[GoldenQuestion], Record]
Rescore = Callable[[list[Record]], list[Record]]
_PROBLEMS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Measurement:
    """A finished run: records in golden order, and the object that `--json` prints."""

    records: list[Record]
    result: dict[str, Any]
    settings: Settings
    manifest: dict[str, Any] = field(default_factory=dict)


def anchored(application: Application, questions: Sequence[GoldenQuestion]) -> AnchoredGold:
    """Return the gold as spans of the library, with the problems reported on stderr.

    Raises:
        DatasetError: a span reaches past the end of its document, so that no score of it would be true.
    """
    library = application.library
    paths = [document.path for document in library.documents()]
    texts: dict[str, str] = {}

    def text_of(path: str) -> str:
        if path not in texts:
            texts[path] = library.document(path).text
        return texts[path]

    gold = anchor_gold(questions, paths, text_of)
    if gold.outside:
        raise DatasetError(_in_words(gold.outside[0]))
    console = log_console()
    for problem in gold.problems[:_PROBLEMS_SHOWN]:
        console.print(_in_words(problem), style="yellow")
    if len(gold.problems) > _PROBLEMS_SHOWN:
        console.print(
            f"... and {len(gold.problems) - _PROBLEMS_SHOWN} more; `lectern eval golden validate` lists all."
        )
    return gold


def _in_words(problem: GoldProblem) -> str:
    return f"Question {problem.question_id}, gold in {problem.document}: {problem.reason}."


def answerable(questions: Sequence[GoldenQuestion], file: Path) -> list[GoldenQuestion]:
    """Return the questions that the notes answer.

    Raises:
        DatasetError: there is none.
    """
    found = [question for question in questions if not question.unanswerable]
    if not found:
        raise DatasetError(
            f"Every question of {file} is unanswerable, and retrieval is measured on answerable ones. "
            "Add some with `lectern eval golden add`, or measure the refusals with `lectern eval answers`."
        )
    return found


def manifest_of(
    kind: str, application: Application, questions: Sequence[GoldenQuestion], golden: Path | None, **more: Any
) -> dict[str, Any]:
    """Return the manifest of a run: its start and everything its scores depend on."""
    settings = application.settings
    return {
        "kind": kind,
        "lectern": version("lectern-notes"),
        "prompt": PROMPT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "golden": {
            "file": golden.name if golden else "",
            "hash": golden_hash(questions),
            "questions": len(questions),
        },
        "library": {"folder": application.place, "generation": application.library.generation},
        "embedder": application.embedder.fingerprint,
        "settings": {
            name: section
            for name, section in settings.model_dump(mode="json").items()
            if name
            in ("retrieval", "chunk", "embedding", *(("answer", "model") if kind == "answers" else ()))
        },
        **more,
    }


def measure(
    title: str,
    questions: Sequence[GoldenQuestion],
    evaluate: Evaluate,
    manifest: dict[str, Any],
    application: Application,
    run_dir: Path | None,
    workers: int = 1,
    rescore: Rescore | None = None,
    on_record: Callable[[Record], None] | None = None,
) -> Measurement:
    """Return the measurement of all questions.

    `on_record` gets each record when it is ready; an error that it raises ends the run, which can be continued.

    Those that `run_dir` has already are not asked again.

    `rescore` adds scores that are computed from many records at once (a judge's).
    """
    writer = open_run(run_dir, manifest) if run_dir else None
    if writer and writer.done:
        log_console().print(f"{len(writer.done)} of {len(questions)} questions are in {run_dir} already.")
    started = perf_counter()
    earlier = sum(record.seconds for record in writer.done.values()) / workers if writer else 0.0
    records = _all_records(title, questions, evaluate, writer, workers, on_record)
    if rescore is not None:
        records = rescore(records)
    settings = application.settings
    result = result_object(
        records,
        earlier + perf_counter() - started,
        workers=workers,
        samples=settings.eval.bootstrap_samples,
        seed=settings.eval.seed,
    )
    if manifest.get("judge"):
        from ui.measure.judging import remark_on

        result["judge"] = {"model": manifest["judge"], "remark": remark_on(manifest["judge"])}
    if writer:
        writer.finish(records, result)
    return Measurement(records, result, settings, manifest)


Find = Callable[[GoldenQuestion], "tuple[Sequence[Hit], Sequence[Hit]]"]
"""A golden question to the hits for the answer and those that the gate judges."""


def find(application: Application) -> Find:
    """Return the retrieval of the chain for golden questions, without a model."""
    from rag.answer.condense_question import Condenser
    from rag.answer.finding import find as find_hits
    from rag.search.spelling import Speller

    searcher, k = application.searcher, max(10, application.settings.retrieval.k)
    condenser, speller = Condenser(None, application.settings.answer), Speller(searcher.lexical)

    def search(question: GoldenQuestion) -> tuple[Sequence[Hit], Sequence[Hit]]:
        asked = question.question.strip()
        standalone = speller.repaired(condenser.condense(asked, question.turns, None).question).question
        return find_hits(asked, standalone, lambda query: searcher.search(query, k))

    return search


def require_documents(application: Application) -> None:
    """Raise when the library is empty.

    Raises:
        LibraryError: there is nothing to measure.
    """
    if not application.library.documents():
        raise LibraryError(
            f"The library at {application.place} has no documents. Run `lectern ingest FOLDER` first."
        )


def _all_records(
    title: str,
    questions: Sequence[GoldenQuestion],
    evaluate: Evaluate,
    writer: RunWriter | None,
    workers: int,
    on_record: Callable[[Record], None] | None,
) -> list[Record]:
    with ticking(title, len(questions), "questions") as tick:

        def ready(record: Record) -> None:
            tick()
            if on_record is not None:
                on_record(record)

        return answer_all(questions, evaluate, writer, workers, on_record=ready)
