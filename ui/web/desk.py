"""What stands behind the page: one library with its conversations, and the models that load while the page is in use.

The page opens at once. Notes can be added as soon as the embedding model is there, questions wait for the language model;
both are loaded by one thread in the background, and a failure to load is a message on the page, not a crash.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from rag.chat_models.embedded import FILE_NAME
from rag.errors import LecternError, LibraryMissing, QuestionError
from rag.types import Document, Hit
from ui.web.adapters import AdapterChoice, choices
from ui.web.conversation_store import ConversationStore
from ui.web.example_questions import course_questions, heading_questions
from ui.web.passage_view import Layout, layout_of
from ui.web.turns import ChainInTurn, Turns

if TYPE_CHECKING:
    from rag.embedder import Embedder
    from rag.library import Library
    from rag.scope import Scope
    from ui.application import Application
    from ui.web.asking import Chain

T = TypeVar("T")
_MOST_DOCUMENTS_FOR_QUESTIONS = 12


class Stage(StrEnum):
    """How far the models are."""

    OPENING = "opening"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """What the line at the top of the page says."""

    stage: Stage
    message: str


class Desk:
    """One library, its conversations and its models, shared by every tab. Safe to use from any thread."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.library: Library = application.open_library()
        self.conversations = ConversationStore(self.library.folder)
        self.settings = application.settings
        self._embedder: Future[Embedder] = Future()
        self._chain: Future[None] = Future()
        self._turns = Turns()
        self._started_with = self.settings.model.adapter
        self._coming: AdapterChoice | None = None
        self._lock = threading.Lock()
        self._questions: tuple[int, list[str]] = (-1, [])

    def load(self) -> None:
        """Starts loading the models in the background."""
        threading.Thread(target=self._load, name="lectern-models", daemon=True).start()

    def embedder(self) -> Embedder:
        """The embedding model, waited for.

        Raises:
            LecternError: it could not be loaded.
        """
        return self._embedder.result()

    def chain(self, scope: Scope | None = None) -> Chain:
        """The chain from question to answer within the scope, waited for.

        Raises:
            LecternError: a model could not be loaded.
        """
        self._chain.result()
        return ChainInTurn(self._turns, lambda: self.application.chain(scope))

    def status(self) -> Status:
        """How far the models are, in words."""
        if not self._embedder.done():
            return Status(Stage.OPENING, "opening the library…")
        if not self._chain.done():
            return Status(Stage.LOADING, "loading the language model…")
        error = self._embedder.exception() or self._chain.exception()
        if error is not None:
            return Status(Stage.FAILED, str(error))
        if (coming := self._coming) is not None:
            when = " after the answer under way" if self._turns.answering else ""
            what = "without an adapter" if coming.setting == "none" else f"with adapter {coming.name}"
            return Status(Stage.LOADING, f"loading the model {what}{when}…")
        return Status(Stage.READY, f"ready · {self._model_name()}")

    @property
    def ready(self) -> bool:
        """Whether a question would be answered without waiting for a model to load."""
        return self._chain.done() and self._coming is None

    def adapters(self) -> tuple[AdapterChoice, ...]:
        """The adapters that answers can be made with; nothing until the models are there, and nothing for a server's model."""
        if not self._chain.done() or self.status().stage is Stage.FAILED:
            return ()
        return choices(self.application.settings.model, self._started_with)

    def use_adapter(self, setting: str) -> Future[None]:
        """Has every answer but those under way made with one of `adapters()`; `status` says meanwhile that it is loading.

        The future raises a LecternError where the adapter does not fit the model; the one before stays in use then.

        Raises:
            QuestionError: it is none of them, or another one is loading.
        """
        chosen = next((choice for choice in self.adapters() if choice.setting == setting), None)
        if chosen is None:
            raise QuestionError("That adapter is not here any more. Reload the page and choose again.")
        with self._lock:
            if (coming := self._coming) is not None:
                raise QuestionError(
                    f"Adapter {coming.name} is still loading. Choose again when it is in use."
                )
            self._coming = chosen
        done: Future[None] = Future()
        threading.Thread(
            target=_settle, args=(done, lambda: self._change_to(chosen)), name="lectern-adapter", daemon=True
        ).start()
        return done

    def questions(self) -> list[str]:
        """Questions to start with: the course's own, else from the headings. Found again when the notes change."""
        generation = self.library.generation
        if self._questions[0] != generation:
            records = self.library.documents()
            found = course_questions(record.source for record in records)
            some = (self.document(record.path) for record in records[:_MOST_DOCUMENTS_FOR_QUESTIONS])
            self._questions = (
                generation,
                found or heading_questions(document for document in some if document),
            )
        return self._questions[1]

    def document(self, path: str) -> Document | None:
        """The document of that name, None when it was removed."""
        try:
            return self.library.document(path)
        except LibraryMissing:
            return None

    def layouts(self, hits: Sequence[Hit]) -> dict[str, Layout]:
        """Chunk id to how the passage is drawn."""
        documents = {path: self.document(path) for path in dict.fromkeys(hit.chunk.document for hit in hits)}
        return {hit.chunk.id: layout_of(hit.chunk, documents[hit.chunk.document]) for hit in hits}

    def _model_name(self) -> str:
        name = self.settings.model.name
        return FILE_NAME.partition(".")[0] if name == "embedded" else name

    def _load(self) -> None:
        _settle(self._embedder, lambda: self.application.embedder)
        _settle(self._chain, self._open_chain)

    def _change_to(self, chosen: AdapterChoice) -> None:
        try:
            with self._turns.change():
                self.application.use_adapter(chosen.setting)
        finally:
            self._coming = None

    def _open_chain(self) -> None:
        self.embedder()
        self.application.chain()


def _settle(future: Future[T], make: Callable[[], T]) -> None:
    """Gives the future what `make` returns or raises; an unexpected error becomes one that a person can read."""
    try:
        future.set_result(make())
    except LecternError as exc:
        future.set_exception(exc)
    except Exception as exc:  # noqa: BLE001 - whatever a model's library raises must reach the page, not a dead thread
        error = LecternError(
            f"A model could not be loaded ({type(exc).__name__}: {exc}). Run: lectern doctor"
        )
        error.__cause__ = exc
        future.set_exception(error)
