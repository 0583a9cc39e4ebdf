"""The state behind the page: one library and its models.

The page opens at once. Notes can be added as soon as the embedding model is there, questions wait for the language model;
both are loaded by one thread in the background, and a failure to load is a message on the page, not a crash.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from rag.chat_models.embedded import FILE_NAME
from rag.errors import LecternError, LibraryMissing, QuestionError
from rag.types import Document, Hit
from ui.model_opening import AGAIN_SECONDS, may_come_later
from ui.web.adapters import AdapterChoice, choices
from ui.web.example_questions import course_questions, heading_questions
from ui.web.futures import settle, settled
from ui.web.language import gettext as _
from ui.web.language import noted
from ui.web.turns import AT_ONCE, ChainInTurn, Turns
from ui.web.views.passage_view import Layout, layout_of
from ui.web.wishes import Wish, WishedApplications, wishes

if TYPE_CHECKING:
    from rag.chain import AnswerChain
    from rag.embedding.embedder import Embedder
    from rag.library.store import LibraryStore
    from rag.search.scope import Scope
    from ui.application import Application
    from ui.web.asking import Chain

_MOST_DOCUMENTS_FOR_QUESTIONS = 12


class LoadingStage(StrEnum):
    """The stage of loading the models."""

    OPENING = "opening"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """The line at the top of the page."""

    stage: LoadingStage
    message: str


class Desk:
    """One library and its models, shared by every tab. Safe to use from any thread."""

    def __init__(self, application: Application, turns: Turns | None = None) -> None:
        self.application = application
        self.library: LibraryStore = application.open_library()
        self.settings = application.settings
        self._embedder: Future[Embedder] = Future()
        self._chain: Future[None] = Future()
        model = self.settings.model
        self.turns = turns or Turns(model.parallel_requests or AT_ONCE, model.queue_length)
        self._wishes = WishedApplications(application)
        self.offers_models = False
        self._started_with = self.settings.model.adapter
        self._coming: AdapterChoice | None = None
        self._lock = threading.Lock()
        self._questions: tuple[int, list[str]] = (-1, [])
        self._layouts: tuple[int, dict[str, Layout]] = (-1, {})

    def beside(self, folder: Path) -> Desk:
        """Return the desk of another library.

        It shares the models and the line of questions. The library is made if it is not there.

        Raises:
            LecternError: it cannot be opened.
        """
        other = Desk(self.application.beside(folder), self.turns)
        other.offers_models = self.offers_models
        return other

    def load(self) -> None:
        """Start loading the models in the background."""
        threading.Thread(target=self._load, name="lectern-models", daemon=True).start()

    def embedder(self) -> Embedder:
        """Return the embedding model, waiting for it.

        Raises:
            LecternError: it could not be loaded.
        """
        return self._embedder.result()

    def loaded(self) -> None:
        """Wait for the models.

        Raises:
            LecternError: one could not be loaded.
        """
        self._chain.result()

    def chain(
        self,
        scope: Scope | None = None,
        stop: threading.Event | None = None,
        place: Callable[[int], None] = lambda place: None,
        wish: str = "",
    ) -> Chain:
        """Return the chain from question to answer within the scope, waiting for it.

        Its answers take their turn: see `Turns.answer` for `stop` and `place`. `wish` is one of `wishes`.

        Raises:
            LecternError: a model could not be loaded.
        """
        with self.turns.metrics.counted():
            self.loaded()
        return ChainInTurn(self.turns, lambda: self._wished(wish).chain(scope), stop, place)

    def status(self) -> Status:
        """Return the state of the models in words."""
        if not self._embedder.done():
            return Status(LoadingStage.OPENING, _("opening the library…"))
        if not self._chain.done():
            return Status(LoadingStage.LOADING, _("loading the language model…"))
        error = self._embedder.exception() or self._chain.exception()
        if error is not None:
            return Status(LoadingStage.FAILED, str(error))
        if (coming := self._coming) is not None:
            message = _("loading the model with adapter %(adapter)s…", adapter=coming.name)
            if coming.setting == "none":
                message = _("loading the model without an adapter…")
            if self.turns.answering:
                message += " " + _("(after the answer under way)")
            return Status(LoadingStage.LOADING, message)
        return Status(LoadingStage.READY, _("ready · %(model)s", model=_(self.model_name())))

    @property
    def ready(self) -> bool:
        """True if a question is answered without waiting for a model to load."""
        return self._chain.done() and self._coming is None

    def adapters(self) -> tuple[AdapterChoice, ...]:
        """Return the adapters on offer; none until the models are loaded.

        There are none for a server's model either.
        """
        if not self._chain.done() or self.status().stage is LoadingStage.FAILED:
            return ()
        return choices(self.application.settings.model, self._started_with)

    def wishes(self) -> list[Wish]:
        """Return the wishes for another answer to the last question."""
        return wishes(not self.application.quotes, self.adapters() if self.offers_models else ())

    def use_adapter(self, setting: str) -> Future[None]:
        """Use one of `adapters()` for every answer after those under way.

        `status` reports meanwhile that it is loading. The future raises a LecternError where the adapter
        does not fit the model; then the one before stays in use.

        Raises:
            QuestionError: it is none of them, or another one is loading.
        """
        chosen = next((choice for choice in self.adapters() if choice.setting == setting), None)
        if chosen is None:
            raise QuestionError(_("That adapter is not here any more. Reload the page and choose again."))
        with self._lock:
            if (coming := self._coming) is not None:
                raise QuestionError(
                    _("Adapter %(name)s is still loading. Choose again when it is in use.", name=coming.name)
                )
            self._coming = chosen
        done: Future[None] = Future()
        threading.Thread(
            target=settle, args=(done, lambda: self._change_to(chosen)), name="lectern-adapter", daemon=True
        ).start()
        return done

    @contextmanager
    def changing(self, choice: AdapterChoice) -> Iterator[Application]:
        """Yield the application while no answer is under way, to change its model.

        `status` reports meanwhile that the choice is loading, and questions wait.

        Raises:
            QuestionError: another one is loading.
        """
        with self._lock:
            if (coming := self._coming) is not None:
                raise QuestionError(
                    _("Adapter %(name)s is still loading. Choose again when it is in use.", name=coming.name)
                )
            self._coming = choice
        try:
            with self.turns.change():
                yield self.application
        finally:
            self.settings = self.application.settings
            self._coming = None

    def questions(self) -> list[str]:
        """Return example questions: the course's own, else from the headings.

        They are made again when the notes change.
        """
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
        """Return the document of that name, None when it was removed."""
        try:
            return self.library.document(path)
        except LibraryMissing:
            return None

    def layouts(self, hits: Sequence[Hit]) -> dict[str, Layout]:
        """Return the layout of each passage by chunk id.

        They are kept until the notes change, so that no document is read for every drawing of a passage.
        """
        generation = self.library.generation
        if self._layouts[0] != generation:
            self._layouts = (generation, {})
        kept = self._layouts[1]
        new = [hit.chunk for hit in hits if hit.chunk.id not in kept]
        documents = {path: self.document(path) for path in dict.fromkeys(chunk.document for chunk in new)}
        kept.update({chunk.id: layout_of(chunk, documents[chunk.document]) for chunk in new})
        return {hit.chunk.id: kept[hit.chunk.id] for hit in hits}

    def model_name(self) -> str:
        """Return the name of what answers, as the page shows it."""
        if self.application.quotes:
            return noted("quotes from your notes")
        name = self.settings.model.name
        return FILE_NAME.partition(".")[0] if name == "embedded" else name

    def _wished(self, wish: str) -> Application:
        return self._wishes.get(wish, self.adapters() if self.offers_models else ())

    def _load(self) -> None:
        settle(self._embedder, self._open_embedder)
        settle(self._chain, self._open_chain)
        while not self._embedder.exception() and may_come_later(self.settings.model, self._chain.exception()):
            time.sleep(AGAIN_SECONDS)
            self._chain = settled(self._open_chain)

    def _open_embedder(self) -> Embedder:
        self.application.open_model_ahead()
        return self.application.embedder

    def _change_to(self, chosen: AdapterChoice) -> None:
        try:
            with self.turns.change():
                self.application.use_adapter(chosen.setting)
                self.application.chain()  # opens the model now, not at the next question
        finally:
            self._coming = None

    def _open_chain(self) -> None:
        self.embedder()
        self._warm_up(self.application.chain())

    def _warm_up(self, chain: AnswerChain) -> None:
        """Search once, so that the first question waits for nothing that is loaded late.

        The scorer, the vocabulary and the index are; no text is written.
        """
        from rag.events import Retrieved

        records = self.library.documents()
        if not records:
            return
        with suppress(LecternError):
            events = chain.stream({"question": records[0].title or records[0].path, "exact": True})
            next((event for event in events if isinstance(event, Retrieved)), None)
            close = getattr(events, "close", None)
            if close is not None:
                close()
