"""The parts of Lectern, put together from settings.

The command line and the web app share them. Everything is opened when it is first needed, so a search never
waits for the language model.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from rag.errors import LibraryMissing
from rag.settings import ModelSettings, Settings
from rag.settings_loading import LoadedSettings
from rag.settings_loading import load as load_settings
from ui.answer_steps import steps_of
from ui.lazy import Lazy
from ui.model_opening import (
    check_merged,
    lazy_model,
    make_scorer,
    make_second_reader,
    opened_model,
    same_model,
    wider,
)

if TYPE_CHECKING:
    from rag.answer.evidence_scorer import EvidenceScorer
    from rag.answer.outline import Outline
    from rag.answer.second_reader.reader import SecondReader
    from rag.answer.steps import ReceiptSource
    from rag.chain import AnswerChain
    from rag.chat_models.local_model import LocalChatModel
    from rag.chat_models.openai_endpoint import EndpointChatModel
    from rag.embedding.embedder import Embedder
    from rag.library.store import LibraryStore
    from rag.search.scope import Scope
    from rag.search.searcher import Searcher


def load(library: str | Path | None = None, config: Path | None = None, **flags: Any) -> LoadedSettings:
    """Return the settings for one command.

    Flags are given as `section__name=value`; None means not given.

    Raises:
        SettingsError: a setting is unknown or out of range.
    """
    given = {key.replace("__", "."): value for key, value in flags.items()}
    if library is not None:
        given["library"] = str(library)
    return load_settings(given, config)


class Application:
    """One library with its embedder, searcher, language model and chain.

    Safe to share between threads: each part is opened once, however many threads need it.
    """

    def __init__(self, loaded: LoadedSettings) -> None:
        self.settings: Settings = loaded.settings
        self.folder, self.server, self.place = loaded.library, loaded.server, loaded.place
        self._lock = Lock()
        self._library: Lazy[LibraryStore] = Lazy(self._existing_library)
        self._embedder: Lazy[Embedder] = Lazy(self._make_embedder)
        self._searcher: Lazy[Searcher] = Lazy(self._make_searcher)
        self._scorer: Lazy[EvidenceScorer] = Lazy(make_scorer)
        self._second: Lazy[SecondReader | None] = Lazy(
            lambda: make_second_reader(self.settings.answer.read_again)
        )
        self._model = lazy_model(self.settings.model)
        self._sharing: WeakSet[Application] = WeakSet([self])
        self._chain: Lazy[AnswerChain] = Lazy(self._make_chain)

    @property
    def library(self) -> LibraryStore:
        """The library.

        Raises:
            LibraryMissing: nothing has been ingested into it.
        """
        return self._library.get()

    def open_library(self) -> LibraryStore:
        """Return the library, created empty where there is none."""
        from rag.library.opening import open_library

        return self._library.get_or(lambda: open_library(self.folder, self.server, create=True))

    @property
    def embedder(self) -> Embedder:
        """The model that makes vectors."""
        return self._embedder.get()

    @property
    def searcher(self) -> Searcher:
        """The search over the library."""
        return self._searcher.get()

    @property
    def scorer(self) -> EvidenceScorer:
        """The model that reads a question and passages together."""
        return self._scorer.get()

    @property
    def second_reader(self) -> SecondReader | None:
        """The model that reads the best passages again, None if off or not installed."""
        return self._second.get()

    @property
    def model(self) -> LocalChatModel | EndpointChatModel:
        """The language model, loaded."""
        return self._model.get()

    @property
    def opened_model(self) -> LocalChatModel | EndpointChatModel | None:
        """The language model, None if it is not loaded."""
        return self._model.opened()

    @property
    def quotes(self) -> bool:
        """True if the evidence scorer picks quotes as answers, without a language model."""
        return (self.settings.model.name, self.settings.model.adapter) == ("embedded", "default")

    def open_model_ahead(self) -> None:
        """Start loading the language model if answers need one, in another thread."""
        if not self.quotes:
            self._model.open_ahead()

    def share_models(self, other: Application) -> None:
        """Use the models of another application from now on.

        For several libraries under the same settings: a model is in memory once, while all use the same adapter.
        """
        with self._lock:
            self._embedder, self._model = other._embedder, other._model
            self._scorer, self._second = other._scorer, other._second
            self._sharing = other._sharing
            self._sharing.add(self)
            self._searcher.drop()
            self._chain.drop()

    def beside(self, folder: Path) -> Application:
        """Return the application of another library.

        It has the same settings and models.
        """
        other = Application(LoadedSettings(self.settings, {}, folder))
        other.share_models(self)
        return other

    def wider(self, passages: int, answer: int) -> Application:
        """Return the same application with `passages` and longest `answer` multiplied."""
        other = Application(LoadedSettings(wider(self.settings, passages), {}, self.folder, self.server))
        other.share_models(self)
        other._library, other._searcher = self._library, self._searcher
        if answer > 1 and not self.quotes:
            longest = answer * self.settings.model.max_answer_tokens
            other._model = Lazy(lambda: self.model.model_copy(update={"max_answer_tokens": longest}))
        return other

    def use_adapter(self, name: str) -> None:
        """Answer from now on with the adapter `name`: `default`, `none` or a folder.

        No answer may be under way. The base stays loaded where the model can change its adapter. Any other
        model is closed and opened again, because two of them at once may not fit. A model that was not opened
        yet is opened with the adapter when it is first needed. Applications that share the model keep theirs:
        this one then shares with those that have the same adapter, or opens a model of its own.

        Raises:
            ModelMissing: the folder has no adapter.
            ModelFailed: the adapter is damaged or made for another base; the one before stays in use.
        """
        from rag.chat_models.model_files import adapter_folder

        model = self.settings.model.model_copy(update={"adapter": name})
        folder = adapter_folder(model)
        with self._lock:
            others = [other for other in self._sharing if other is not self]
            same = next((other._model for other in others if same_model(other.settings.model, model)), None)
            shared = any(other._model is self._model for other in others)
            opened = self._model.opened()
            swap = getattr(opened, "use_adapter", None)
            if same is not None or shared or opened is None:
                self._take_model(same or lazy_model(model), close=not shared and same is not self._model)
            elif swap is not None:
                swap(folder)
            else:
                self._open_again(model)
            self.settings = self.settings.model_copy(update={"model": model})
            self._chain.drop()  # its receipts name the adapter before

    def close(self) -> None:
        """Free the language model's memory; it is loaded again when it is needed."""
        self._chain.drop()
        close = getattr(self._model.drop(), "close", None)
        if close is not None:
            close()

    def _take_model(self, model: Lazy[LocalChatModel | EndpointChatModel], *, close: bool) -> None:
        """Use another model, and close the one before if nobody else uses it.

        Raises:
            ModelError: a model that the one before was open for cannot be opened; that one stays in use.
        """
        if self._model.opened() is not None and not self.quotes:
            model.get()
        if close:
            self.close()
        self._model = model

    def _open_again(self, chosen: ModelSettings) -> None:
        """Open the model with other settings.

        After an error the one before is opened when it is next needed.
        """
        check_merged(chosen)
        self.close()
        self._model.put(opened_model(chosen))

    def check_scope(self, scope: Scope) -> None:
        """Check that the scope contains a document.

        Raises:
            LibraryMissing: nothing has been ingested.
            QuestionError: no document is inside the scope.
        """
        from rag.search.scope import allowed_passages

        allowed_passages(self.library, scope)

    def chain(self, scope: Scope | None = None) -> AnswerChain:
        """Return the chain from question to cited answer, within the scope.

        The model is loaded once, however many threads ask.
        """
        with self._lock:
            whole = self._chain.get()
        return whole.within(scope) if scope else whole

    def _existing_library(self) -> LibraryStore:
        from rag.library.opening import open_library

        try:
            return open_library(self.folder, self.server)
        except LibraryMissing as exc:
            if self.server:
                raise
            raise LibraryMissing(
                f"There is no library at {self.folder} yet. Run `lectern ingest FOLDER` with your notes first, "
                "or name another library with --library."
            ) from exc

    def _make_embedder(self) -> Embedder:
        from rag.embedding.engine import open_embedder

        return open_embedder(self.settings.embedding)

    def _make_searcher(self) -> Searcher:
        from rag.search.searcher import Searcher

        return Searcher(self.library, self.embedder, self.settings.retrieval)

    def _make_chain(self) -> AnswerChain:
        from rag.answer.outline import library_outline
        from rag.chain import AnswerChain
        from rag.search.langchain_retriever import LecternRetriever

        self.open_model_ahead()
        retriever = LecternRetriever(searcher=self.searcher, k=self.settings.retrieval.k)

        def outliner(scope: Scope | None) -> Outline:
            return library_outline(self.library, scope)

        return AnswerChain(retriever, steps_of(self, outliner), self.settings.answer, self._receipt_source())

    def _receipt_source(self) -> ReceiptSource:
        """Return the parts of the receipt that do not change between questions."""
        from rag.answer.steps import ReceiptSource
        from rag.prompt import PROMPT_VERSIONS

        chosen = self.settings.model
        return ReceiptSource(
            generation=lambda: self.library.generation,
            embedder=self.embedder.fingerprint,
            model=self._reading() if self.quotes else self.model.fingerprint,
            adapter=chosen.adapter,
            prompt_version="" if self.quotes else PROMPT_VERSIONS[self.model.prompt_style],
            seed=chosen.seed,
            temperature=chosen.temperature,
        )

    def _reading(self) -> str:
        """Return the fingerprints of the models that pick quotes."""
        second = self.second_reader
        return f"{self.scorer.fingerprint}, {second.fingerprint}" if second else self.scorer.fingerprint
