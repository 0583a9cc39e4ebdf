"""The way from `openai:MODEL@URL` to a chat model on one server or several."""

from __future__ import annotations

from urllib.parse import urlsplit

from rag.chat_models.endpoint_addresses import Addresses
from rag.chat_models.openai_endpoint import EndpointChatModel
from rag.chat_models.presets import ENDPOINT_PREFIX
from rag.chat_models.several_endpoints import SeveralEndpoints
from rag.errors import SettingsError
from rag.settings import ModelSettings


def named_servers(name: str) -> tuple[str, list[str]]:
    """Return the model and the addresses of `openai:MODEL@URL1,URL2`.

    Raises:
        SettingsError: the name is not of that form.
    """
    model_name, _, places = name.removeprefix(ENDPOINT_PREFIX).rpartition("@")
    urls = []
    for place in places.split(","):
        url = place.strip().rstrip("/")
        try:
            parts = urlsplit(url)
            sound = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
        except ValueError:  # a port that is no number
            sound = False
        if not model_name or not sound:
            raise SettingsError(
                f"{name!r} names no server; write openai:MODEL@URL, for example "
                "openai:llama3.1@http://127.0.0.1:11434/v1, or several addresses with commas between them"
            )
        urls.append(url if parts.path.strip("/") else f"{url}/v1")
    return model_name, list(dict.fromkeys(urls))


def open_endpoint(settings: ModelSettings) -> EndpointChatModel:
    """Return the chat model that `openai:MODEL@URL` names.

    Raises:
        SettingsError: the name is not of that form.
        ModelMissing: there is no such server or model.
    """
    model_name, urls = named_servers(settings.name)
    fields = {
        "name": settings.name,
        "model_name": model_name,
        "api_key": settings.api_key,
        "timeout_seconds": settings.timeout_seconds,
        "wished_context_tokens": settings.context_tokens,
        "max_answer_tokens": settings.max_answer_tokens,
        "temperature": settings.temperature,
        "seed": settings.seed,
    }
    if len(urls) == 1:
        model = EndpointChatModel(url=urls[0], **fields)
    else:
        each = [EndpointChatModel(url=url, pauses_seconds=(), **fields) for url in urls]
        model = SeveralEndpoints(url=", ".join(urls), addresses=Addresses(each), **fields)
    model.check()
    return model
