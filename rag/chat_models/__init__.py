"""Language models: every engine as a LangChain `BaseChatModel`.

`open_chat_model` is the one way in. Besides LangChain's interface every model has `name`, `fingerprint`, `context_tokens`,
`prompt_style`, `count_tokens(turns)` and takes `response_schema=` (a JSON schema) as a call option.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag.chat_models.local_model import LocalChatModel
    from rag.chat_models.openai_endpoint import EndpointChatModel
    from rag.settings import ModelSettings


def open_chat_model(
    settings: ModelSettings, preparing: Callable[[float], None] | None = None
) -> LocalChatModel | EndpointChatModel:
    """The loaded model that the settings name.

    A GGUF file is converted on its first use; `preparing` is called meanwhile with the share done, 0 to 1.

    Raises:
        ModelMissing: its files are not there.
        ModelTooLarge: it does not fit the memory.
        ModelFailed: its files are damaged.
    """
    from rag.chat_models.opening import open_model
    from rag.system.telemetry import switch_off_telemetry

    switch_off_telemetry()
    return open_model(settings, preparing)
