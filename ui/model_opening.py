"""The models of an application as they are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.errors import ModelError
from rag.settings import ModelSettings, Settings
from ui.lazy import Lazy

if TYPE_CHECKING:
    from rag.answer.evidence_scorer import EvidenceScorer
    from rag.answer.second_reader.reader import SecondReader
    from rag.chat_models.local_model import LocalChatModel
    from rag.chat_models.openai_endpoint import EndpointChatModel

AGAIN_SECONDS = 10.0
"""Time after which a model server that was not there at the start is asked again. Chosen, not measured."""
_MOST_PASSAGES = 50
"""The bound of `answer.passages`."""


def check_merged(model: ModelSettings) -> None:
    """Merge the adapter of a GGUF model.

    An adapter that does not fit is so refused while the one before still answers.

    Raises:
        ModelFailed: it does not fit.
    """
    from rag.chat_models.files.merge_adapter import merged_gguf
    from rag.chat_models.model_files import adapter_folder, gguf_path
    from rag.chat_models.presets import ModelKind, reference

    chosen, folder = reference(model.name, model.folder), adapter_folder(model)
    if chosen.kind is ModelKind.GGUF and folder is not None:
        merged_gguf(gguf_path(chosen), folder)


def may_come_later(chosen: ModelSettings, error: BaseException | None) -> bool:
    """Return True if a model could not be opened because its server is not there yet.

    After a start of the machine a model server takes minutes until it answers.
    """
    from rag.chat_models.presets import ENDPOINT_PREFIX

    return isinstance(error, ModelError) and chosen.name.startswith(ENDPOINT_PREFIX)


def lazy_model(chosen: ModelSettings) -> Lazy[LocalChatModel | EndpointChatModel]:
    """Return the language model of these settings, opened when it is first needed."""
    return Lazy(lambda: opened_model(chosen))


def opened_model(chosen: ModelSettings) -> LocalChatModel | EndpointChatModel:
    """Return the language model of these settings, loaded.

    Raises:
        ModelError: it is missing, damaged or does not fit.
    """
    from rag.chat_models import open_chat_model
    from ui.preparing import shown_preparation

    return open_chat_model(chosen, shown_preparation(chosen.name))


def make_scorer() -> EvidenceScorer:
    """Return the evidence scorer, loaded."""
    from rag.answer.evidence_scorer import EvidenceScorer

    return EvidenceScorer.open()


def make_second_reader(passages: int) -> SecondReader | None:
    """Return the second reader of the best `passages`.

    None where there are to be none or the embedded language model is not installed.
    """
    from rag.answer.second_reader.reader import SecondReader
    from rag.chat_models.embedded import embedded_gguf
    from rag.errors import ModelMissing
    from ui.preparing import shown_preparation

    if not passages:
        return None
    try:
        embedded_gguf()
    except ModelMissing:
        return None
    reader = SecondReader.open(shown_preparation("the second reader"), passages=passages)
    reader.ready()
    return reader


def wider(settings: Settings, passages: int) -> Settings:
    """Return the settings with `passages` times the passages read."""
    from rag.answer.prompt_budget import PASSAGES, READER_PASSAGE_TOKENS

    if passages == 1:
        return settings
    asked, found = settings.answer, settings.retrieval
    shown = asked.passages or PASSAGES
    changed = {
        "passages": min(passages * shown, _MOST_PASSAGES),
        "passage_tokens": passages * (asked.passage_tokens or READER_PASSAGE_TOKENS),
    }
    return settings.model_copy(
        update={
            "answer": asked.model_copy(update=changed),
            "retrieval": found.model_copy(update={"k": passages * found.k}),
        }
    )


def same_model(one: ModelSettings, other: ModelSettings) -> bool:
    """Return True for the same model with the same adapter, under any name."""
    from rag.chat_models.model_files import adapter_folder

    bare = {"adapter": "none"}
    alike = one.model_copy(update=bare) == other.model_copy(update=bare)
    return alike and adapter_folder(one) == adapter_folder(other)
