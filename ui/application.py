"""The parts of Lectern put together from settings: the one place that the command line and the web app share.

Everything is opened when it is first needed, so a search never waits for the language model.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from rag.errors import LibraryMissing
from rag.settings import ModelSettings, Settings
from rag.settings_sources import LoadedSettings
from rag.settings_sources import load as load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.chain import AnswerChain
    from rag.chat_models.local_model import LocalChatModel
    from rag.chat_models.openai_endpoint import EndpointChatModel
    from rag.embedder import Embedder
    from rag.library import Library
    from rag.outline import Outline
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

    def use_adapter(self, name: str) -> None:
        """Answer from now on with the adapter that `name` means (`default`, `none` or a folder); no answer may be under way.

        The base stays loaded where the model can change its adapter. Any other model is let go and opened again: two of them at once may
        not fit. One that was not opened yet is opened with the adapter when it is first needed.

        Raises:
            ModelMissing: the folder holds no adapter.
            ModelFailed: the adapter is damaged or made for another base; the one before stays in use.
        """
        from rag.chat_models.opening import adapter_folder

        model = self.settings.model.model_copy(update={"adapter": name})
        folder = adapter_folder(model)
        with self._lock:
            opened = self.__dict__.get("model")
            swap = getattr(opened, "use_adapter", None)
            if swap is not None:
                swap(folder)
            elif opened is not None:
                self._open_again(model)
            self.settings = self.settings.model_copy(update={"model": model})
            self.__dict__.pop("_chain", None)  # its receipts name the adapter before

    def close(self) -> None:
        """Free the language model's memory; it is loaded again when it is needed."""
        self.__dict__.pop("_chain", None)
        close = getattr(self.__dict__.pop("model", None), "close", None)
        if close is not None:
            close()

    def _open_again(self, chosen: ModelSettings) -> None:
        """The model with other settings; where that fails, the one before is opened when it is next needed."""
        from rag.chat_models import open_chat_model

        _check_merged(chosen)
        self.close()
        self.__dict__["model"] = open_chat_model(chosen)

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
        from rag.outline import library_outline
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

        def outliner(scope: Scope | None) -> Outline:
            return library_outline(self.library, scope)

        return AnswerChain(retriever, model, self.settings.answer, receipt, quoter, outliner)


def _check_merged(model: ModelSettings) -> None:
    """Merges the adapter of a GGUF model, so that one that does not fit is refused while the one before still answers.

    Raises:
        ModelFailed: it does not fit.
    """
    from rag.chat_models.merge_adapter import merged_gguf
    from rag.chat_models.opening import adapter_folder, gguf_path
    from rag.chat_models.presets import ModelKind, reference

    meant, folder = reference(model.name), adapter_folder(model)
    if meant.kind is ModelKind.GGUF and folder is not None:
        merged_gguf(gguf_path(meant), folder)
