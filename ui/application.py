"""The parts of Lectern put together from settings: the one place that the command line and the web app share.

Everything is opened when it is first needed, so a search never waits for the language model.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from rag.errors import LibraryMissing
from rag.settings import Settings
from rag.settings_sources import LoadedSettings
from rag.settings_sources import load as load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.chain import AnswerChain
    from rag.chat_models.local_model import LocalChatModel
    from rag.chat_models.openai_endpoint import EndpointChatModel
    from rag.embedder import Embedder
    from rag.library import Library
    from rag.quoting import Quote, Vote
    from rag.scope import Scope
    from rag.search import Searcher
    from rag.types import Chunk


def load(library: Path | None = None, config: Path | None = None, **flags: Any) -> LoadedSettings:
    """Settings for one command. Flags are given as `section__name=value`; None means not given.

    Raises:
        SettingsError: a setting is unknown or out of range.
    """
    given = {key.replace("__", "."): value for key, value in flags.items()}
    if library is not None:
        given["library"] = str(library)
    return load_settings(given, config)


class Application:
    """One library with its embedder, searcher, language model and chain. Safe to share between threads."""

    def __init__(self, loaded: LoadedSettings) -> None:
        self.settings: Settings = loaded.settings
        self.folder = loaded.library
        self._lock = Lock()

    @cached_property
    def library(self) -> Library:
        """The library.

        Raises:
            LibraryMissing: nothing has been ingested into its folder.
        """
        from rag.library import Library

        try:
            return Library.open(self.folder)
        except LibraryMissing as exc:
            raise LibraryMissing(
                f"There is no library at {self.folder} yet. Run `lectern ingest FOLDER` with your notes first, "
                "or name another library with --library."
            ) from exc

    def open_library(self) -> Library:
        """The library, created empty where there is none."""
        from rag.library import Library

        if "library" not in self.__dict__:
            self.__dict__["library"] = Library.open(self.folder, create=True)
        return self.library

    @cached_property
    def embedder(self) -> Embedder:
        """The model that makes vectors."""
        from rag.embedder import open_embedder

        return open_embedder(self.settings.embedding)

    @cached_property
    def searcher(self) -> Searcher:
        """The search over the library."""
        from rag.search import Searcher

        return Searcher(self.library, self.embedder, self.settings.retrieval)

    @cached_property
    def model(self) -> LocalChatModel | EndpointChatModel:
        """The language model, loaded."""
        from rag.chat_models import open_chat_model

        return open_chat_model(self.settings.model)

    def check_scope(self, scope: Scope) -> None:
        """Nothing, if there are notes inside.

        Raises:
            LibraryMissing: nothing has been ingested.
            QuestionError: no document is inside the scope.
        """
        from rag.scope import allowed_passages

        allowed_passages(self.library, scope)

    def chain(self, scope: Scope | None = None) -> AnswerChain:
        """The chain from question to cited answer, within the scope; the model is loaded once however many threads ask."""
        with self._lock:
            whole = self._chain
        return whole.within(scope) if scope else whole

    @cached_property
    def _chain(self) -> AnswerChain:
        from rag.chain import AnswerChain, ReceiptSource
        from rag.quoting import best_quote
        from rag.retriever import LecternRetriever

        retriever = LecternRetriever(searcher=self.searcher, k=self.settings.retrieval.k)
        model, chosen = self.model, self.settings.model
        receipt = ReceiptSource(
            generation=lambda: self.library.generation,
            embedder=self.embedder.fingerprint,
            model=model.fingerprint,
            adapter=chosen.adapter,
            seed=chosen.seed,
            temperature=chosen.temperature,
            max_answer_tokens=chosen.max_answer_tokens,
        )

        def quoter(question: str, passages: Sequence[Chunk], votes: Sequence[Vote]) -> Quote | None:
            return best_quote(question, passages, self.embedder, votes)

        return AnswerChain(retriever, model, self.settings.answer, receipt, quoter)
