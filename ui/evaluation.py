"""What the verbs of `lectern eval` share: golden questions tied to the library, runs with progress, results printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from eval.gold_match import AnchoredGold, anchor_gold
from eval.golden import GoldenQuestion, golden_hash
from eval.records import Record
from eval.runs import RunWriter, answer_all, open_run
from eval.summary import result_object
from rag.errors import LibraryError
from rag.prompt import PROMPT_VERSION
from ui.console import log_console, progress

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
    """The gold as spans of the library; what cannot be placed is told on stderr."""
    library = application.library
    paths = [document.path for document in library.documents()]
    texts: dict[str, str] = {}

    def text_of(path: str) -> str:
        if path not in texts:
            texts[path] = library.document(path).text
        return texts[path]

    gold = anchor_gold(questions, paths, text_of)
    console = log_console()
    for problem in gold.problems[:_PROBLEMS_SHOWN]:
        console.print(
            f"Question {problem.question_id}, gold in {problem.document}: {problem.reason}.", style="yellow"
        )
    if len(gold.problems) > _PROBLEMS_SHOWN:
        console.print(
            f"... and {len(gold.problems) - _PROBLEMS_SHOWN} more; `lectern eval golden validate` lists all."
        )
    return gold


def manifest_of(
    kind: str, application: Application, questions: Sequence[GoldenQuestion], golden: Path | None, **more: Any
) -> dict[str, Any]:
    """What a run is known by: everything that its scores depend on, and when it was begun."""
    settings = application.settings
    return {
        "kind": kind,
        "lectern": version("lectern"),
        "prompt": PROMPT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "golden": {
            "file": golden.name if golden else "",
            "hash": golden_hash(questions),
            "questions": len(questions),
        },
        "library": {"folder": str(application.folder), "generation": application.library.generation},
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
) -> Measurement:
    """The measurement of all questions, gone on with where `run_dir` has them, and kept there.

    `rescore` adds scores that are made of many records at once (a judge's).
    """
    writer = open_run(run_dir, manifest) if run_dir else None
    if writer and writer.done:
        log_console().print(f"{len(writer.done)} of {len(questions)} questions are in {run_dir} already.")
    started = perf_counter()
    earlier = sum(record.seconds for record in writer.done.values()) / workers if writer else 0.0
    records = _all_records(title, questions, evaluate, writer, workers)
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
        from ui.judging import remark_on

        result["judge"] = {"model": manifest["judge"], "remark": remark_on(manifest["judge"])}
    if writer:
        writer.finish(records, result)
    return Measurement(records, result, settings, manifest)


@contextmanager
def ticking(title: str, total: int, unit: str) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr with time left; the yielded function moves it by one."""
    with progress(unit=unit) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


Find = Callable[[GoldenQuestion], "tuple[Sequence[Hit], Sequence[Hit]]"]
"""A golden question to the hits that would be answered from and those the gate judges."""


def find(application: Application) -> Find:
    """Retrieval for a golden question as the chain does it for a model that does not rewrite, without any model."""
    from rag import answering, standalone

    searcher, k = application.searcher, max(10, application.settings.retrieval.k)
    turns = application.settings.answer.history_turns

    def search(question: GoldenQuestion) -> tuple[Sequence[Hit], Sequence[Hit]]:
        asked, history = question.question.strip(), question.turns[-2 * turns or None :]
        leans = standalone.leans_on_history(asked, history)
        rewritten = standalone.merge(asked, history) if leans else asked
        return answering.hits_for(asked, rewritten, history, lambda query: searcher.search(query, k))

    return search


def require_documents(application: Application) -> None:
    """Raise when the library is empty.

    Raises:
        LibraryError: there is nothing to measure.
    """
    if not application.library.documents():
        raise LibraryError(
            f"The library at {application.folder} holds no documents. Run `lectern ingest FOLDER` first."
        )


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _all_records(
    title: str,
    questions: Sequence[GoldenQuestion],
    evaluate: Evaluate,
    writer: RunWriter | None,
    workers: int,
) -> list[Record]:
    try:
        with ticking(title, len(questions), "questions") as tick:
            return answer_all(questions, evaluate, writer, workers, on_record=lambda _: tick())
    finally:
        if writer:
            writer.close()
