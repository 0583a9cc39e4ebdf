"""A model behind an OpenAI-compatible server (vLLM, Ollama, llama.cpp, `transformers serve`) as a chat model.

Knows what can go wrong between two machines: a server that is not there, busy, silent, that dies half-way through an answer or that
is no such server at all. Each becomes one sentence. What can be tried again without showing text twice is tried again, with growing
pauses: everything before the first token.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import openai
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, PrivateAttr

from rag.chat_models.local_model import turn_of
from rag.errors import LecternError, ModelBusy, ModelFailed, ModelMissing, SettingsError
from rag.prompt import PromptStyle
from rag.settings import ModelSettings
from rag.types import Turn

PREFIX = "openai:"
_CONNECT_SECONDS = 5.0
_RETRIES = 3
_ASSUMED_CONTEXT_TOKENS = 8192
_BYTES_PER_TOKEN = 3
"""A cautious reckoning where a server cannot count: English has four bytes a token or more."""
_TOKENS_PER_MESSAGE = 8


class EndpointChatModel(BaseChatModel):
    """A chat model on a server.

    Per-call options are those of the local models: `max_tokens`, `temperature`, `top_p`, `seed`, `stop`, `response_schema`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())

    name: str | None = "server"
    model_name: str
    url: str
    api_key: str = ""
    timeout_seconds: float = 120.0
    wished_context_tokens: int = 0
    prompt_style: PromptStyle = PromptStyle.INSTRUCT
    adapter: str = ""
    max_answer_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    _can_count: bool = PrivateAttr(default=True)

    @property
    def _llm_type(self) -> str:
        return "lectern-endpoint"

    @property
    def fingerprint(self) -> str:
        """Which model of which server; what its weights are, only the server knows."""
        return f"{self.model_name}@{self.url}"

    @cached_property
    def _client(self) -> openai.OpenAI:
        import httpx2

        timeout = httpx2.Timeout(self.timeout_seconds, connect=min(_CONNECT_SECONDS, self.timeout_seconds))
        key = self.api_key or "none"
        return openai.OpenAI(base_url=self.url, api_key=key, timeout=timeout, max_retries=_RETRIES)

    @cached_property
    def context_tokens(self) -> int:
        """The longest prompt and answer: as wished, as the server says, or 8,192 where it does not."""
        return self.wished_context_tokens or self._served_context() or _ASSUMED_CONTEXT_TOKENS

    def _served_context(self) -> int:
        try:
            listed = self._client.models.list().data
        except (openai.OpenAIError, ValueError, AttributeError, TypeError):
            return 0  # not every server lists its models; a dead one is reported by the first question
        for entry in listed:
            described = entry.model_dump()
            if described.get("id") == self.model_name or len(listed) == 1:
                meta = described.get("meta") or {}
                return int(
                    described.get("max_model_len") or meta.get("n_ctx") or meta.get("n_ctx_train") or 0
                )
        return 0

    def check(self) -> None:
        """Ask the server for its models.

        Raises:
            ModelMissing: there is no server, or none of this kind, or it does not have the model.
        """
        try:
            names = [entry.id for entry in self._client.models.list().data]
        except Exception as exc:
            raise self._explained(exc, began=False) from exc
        if names and self.model_name not in names:
            raise ModelMissing(
                f"the server at {self.url} has no model {self.model_name!r}; it has {', '.join(names[:5])}"
            )

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """The tokens of the prompt for these messages as the server counts them, else a cautious reckoning."""
        if self._can_count:
            counted = self._counted(turns)
            if counted:
                return counted
            self._can_count = False
        reckoned = sum(len(turn.content.encode()) for turn in turns) / _BYTES_PER_TOKEN
        return math.ceil(reckoned) + _TOKENS_PER_MESSAGE * len(turns)

    def _counted(self, turns: Sequence[Turn]) -> int:
        """As vLLM counts, or llama.cpp; 0 where the server does neither."""
        import httpx2

        root = self.url.removesuffix("/v1")
        messages = [{"role": turn.role.value, "content": turn.content} for turn in turns]
        try:
            with httpx2.Client(timeout=_CONNECT_SECONDS) as client:
                answer = client.post(
                    f"{root}/tokenize", json={"model": self.model_name, "messages": messages}
                )
                counted = answer.json().get("count") if answer.is_success else None
                if counted:
                    return int(counted)
                prompt = client.post(f"{root}/apply-template", json={"messages": messages}).json()["prompt"]
                told = client.post(f"{root}/tokenize", json={"content": prompt, "parse_special": True}).json()
                return len(told["tokens"])
        except (httpx2.HTTPError, ValueError, KeyError, TypeError, AttributeError):
            return 0  # counting is an extra of some servers; the reckoning stands in for it

    def _parameters(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, options: dict[str, Any]
    ) -> dict[str, Any]:
        turns = [turn_of(message) for message in messages]
        temperature, seed = options.get("temperature"), options.get("seed")
        parameters: dict[str, Any] = {
            "model": self.model_name,
            "messages": [{"role": turn.role.value, "content": turn.content} for turn in turns],
            "max_tokens": int(options.get("max_tokens") or self.max_answer_tokens),
            "temperature": float(self.temperature if temperature is None else temperature),
            "seed": int(self.seed if seed is None else seed),
        }
        if stop:
            parameters["stop"] = stop
        if options.get("top_p"):
            parameters["top_p"] = options["top_p"]
        schema = options.get("response_schema")
        if schema is not None:
            named = {"name": "answer", "schema": schema, "strict": True}
            parameters["response_format"] = {"type": "json_schema", "json_schema": named}
        return parameters

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        parameters = self._parameters(messages, stop, kwargs)
        began, finish, usage = False, None, None
        stream = None
        try:
            stream = self._client.chat.completions.create(
                **parameters, stream=True, stream_options={"include_usage": True}
            )
            for event in stream:
                usage = event.usage or usage
                for choice in event.choices[:1]:
                    finish = choice.finish_reason or finish
                    text = choice.delta.content or ""
                    if text:
                        began = True
                        chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
                        if run_manager:
                            run_manager.on_llm_new_token(text, chunk=chunk)
                        yield chunk
        except LecternError:
            raise
        except Exception as exc:
            raise self._explained(exc, began) from exc
        finally:
            if stream is not None:
                stream.close()
        if finish is None:
            raise self._cut_off(began)
        yield self._last_chunk(finish, usage)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = list(self._stream(messages, stop, None, **kwargs))
        last: Any = chunks[-1].message
        message = AIMessage(
            content="".join(chunk.text for chunk in chunks),
            usage_metadata=last.usage_metadata,
            response_metadata=last.response_metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _last_chunk(self, finish: str, usage: Any) -> ChatGenerationChunk:
        counted = None
        if usage is not None:
            counted = UsageMetadata(
                input_tokens=usage.prompt_tokens,
                output_tokens=usage.completion_tokens,
                total_tokens=usage.total_tokens,
            )
        metadata = {"finish_reason": finish, "model_name": self.model_name}
        message = AIMessageChunk(
            content="", usage_metadata=counted, response_metadata=metadata, chunk_position="last"
        )
        return ChatGenerationChunk(message=message, generation_info={"finish_reason": finish})

    def _cut_off(self, began: bool) -> ModelFailed:
        if began:
            return ModelFailed(f"the server at {self.url} stopped in the middle of its answer; ask again")
        return ModelFailed(
            f"what answers at {self.url} is no OpenAI-compatible server; check the address, /v1 included"
        )

    def _explained(self, exc: Exception, began: bool) -> LecternError:
        """One sentence for what the client reports."""
        if isinstance(exc, openai.APITimeoutError):
            return ModelFailed(
                f"the server at {self.url} said nothing for {self.timeout_seconds:g} s (model.timeout_seconds); "
                "see whether it is overloaded, or wait longer"
            )
        if isinstance(exc, openai.APIConnectionError) and not began:
            return ModelMissing(
                f"no server answers at {self.url}; start it, or check the address after the @"
            )
        if isinstance(exc, openai.RateLimitError):
            return ModelBusy(
                f"the server at {self.url} is busy and stayed so over {_RETRIES} retries; try again later"
            )
        if isinstance(exc, openai.AuthenticationError | openai.PermissionDeniedError):
            return ModelMissing(f"the server at {self.url} refuses the key; set model.api_key")
        if isinstance(exc, openai.NotFoundError):
            return ModelMissing(
                f"the server at {self.url} knows no model {self.model_name!r} or no chat completions; check both"
            )
        if isinstance(exc, openai.BadRequestError):
            return ModelFailed(f"the server at {self.url} refuses the question: {_told(exc)}")
        if isinstance(exc, openai.APIStatusError):
            return ModelFailed(f"the server at {self.url} failed with status {exc.status_code}: {_told(exc)}")
        return self._cut_off(began)


def open_endpoint(settings: ModelSettings) -> EndpointChatModel:
    """The chat model that `openai:MODEL@URL` names.

    Raises:
        SettingsError: the name is not of that form.
        ModelMissing: there is no such server or model.
    """
    model_name, _, url = settings.name.removeprefix(PREFIX).rpartition("@")
    parts = urlsplit(url)
    if not model_name or parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingsError(
            f"{settings.name!r} names no server; write openai:MODEL@URL, for example "
            "openai:llama3.1@http://127.0.0.1:11434/v1"
        )
    model = EndpointChatModel(
        name=settings.name,
        model_name=model_name,
        url=(url.rstrip("/") if parts.path.strip("/") else f"{url.rstrip('/')}/v1"),
        api_key=settings.api_key,
        timeout_seconds=settings.timeout_seconds,
        wished_context_tokens=settings.context_tokens,
        max_answer_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
    )
    model.check()
    return model


def _told(exc: openai.APIStatusError) -> str:
    body = exc.body if isinstance(exc.body, dict) else {}
    return str(body.get("message") or exc.message).strip().splitlines()[0][:200]
