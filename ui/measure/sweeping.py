"""The bench of a sweep of settings.

It has one application for each configuration, and one temporary library for each way of chunking.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from eval.golden.golden_file import GoldenQuestion
from eval.records import Record
from eval.sweep import Candidate, Setting
from rag.errors import InputError
from ui.application import Application, load
from ui.measure.evaluation import anchored, find, require_documents

REBUILDS = ("chunk.", "embedding.", "ingest.")
"""Sections whose settings need a library of their own."""


class Bench:
    """Bench that measures configurations; closing it removes its temporary libraries."""

    def __init__(
        self,
        questions: Sequence[GoldenQuestion],
        library: str | Path | None,
        config: Path | None,
        notes: list[Path],
        with_answers: bool,
    ) -> None:
        self._questions = questions
        self._library = library
        self._config = config
        self._notes = notes
        self._with_answers = with_answers
        self._folder = TemporaryDirectory(prefix="lectern-sweep-", ignore_cleanup_errors=True)
        self._built: dict[Setting, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def check(self, settings: Sequence[Setting]) -> None:
        """Load every configuration, so that a wrong setting is found first.

        Raises:
            SettingsError: a key is unknown or a value out of range.
        """
        for setting in settings:
            self._application(setting, self._library)

    def measure(self, setting: Setting) -> Candidate:
        """Return the measurement of one configuration on all questions.

        `seconds` is the mean of a question.
        """
        application = self._application(setting, self._library_for(setting))
        require_documents(application)
        started = perf_counter()
        records = self._records(application)
        return Candidate(setting, records, (perf_counter() - started) / max(1, len(records)))

    def _records(self, application: Application) -> list[Record]:
        from eval.metrics.answer_scores import answer_record
        from eval.metrics.retrieval_scores import retrieval_record

        gold = anchored(application, self._questions)
        if not self._with_answers:
            search = find(application)
            search(self._questions[0])  # loading on first use is not part of the price
            asked = [question for question in self._questions if not question.unanswerable]
            return [
                retrieval_record(question, gold.spans[question.id], lambda asked: search(asked)[0])
                for question in asked
            ]
        chain = application.chain()
        return [
            answer_record(
                question,
                gold.spans[question.id],
                lambda asked: chain.invoke({"question": asked.question, "history": asked.turns}),
            )
            for question in self._questions
        ]

    def _application(self, setting: Setting, library: str | Path | None) -> Application:
        flags: dict[str, Any] = {key.replace(".", "__"): value for key, value in setting}
        return Application(load(library, self._config, **flags))

    def _library_for(self, setting: Setting) -> str | Path | None:
        """Return the library to search: the person's own, or one chunked or embedded anew."""
        shaping = tuple((key, value) for key, value in setting if key.startswith(REBUILDS))
        if not shaping and not self._notes:
            return self._library
        if shaping not in self._built:
            folder = Path(self._folder.name) / str(len(self._built))
            self._ingest(self._application(shaping, folder))
            self._built[shaping] = folder
        return self._built[shaping]

    def _ingest(self, application: Application) -> None:
        from ingest.pipeline import ingest_paths

        notes = self._notes or self._note_folders()
        ingest_paths(application.open_library(), notes, application.embedder, application.settings)

    def _note_folders(self) -> list[Path]:
        """Return the folders that the library was made from."""
        records = Application(load(self._library, self._config)).library.documents()
        roots = {
            Path(record.source.removesuffix(record.path))
            for record in records
            if record.source.endswith(record.path)
        }
        present = sorted(root for root in roots if root.is_dir())
        if not present:
            raise InputError(
                "The folders that this library was made from are gone. Name the notes with --notes FOLDER."
            )
        return present
