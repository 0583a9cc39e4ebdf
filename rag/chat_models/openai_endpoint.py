"""A model behind an OpenAI-compatible server (vLLM, Ollama, llama.cpp, `transformers serve`) as a chat model.

Knows what can go wrong between two machines: a server that is not there, busy, silent, that dies half-way through an answer or that
is no such server at all. Each becomes one sentence. What can be tried again without showing text twice is tried again, with growing
pauses: a server that is not there yet, is busy or fails before it answers. One that is silent is not: it was waited for long enough.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

import openai
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, PrivateAttr

from rag.chat_models.local_model import turn_of
from rag.chat_models.model_shape import chosen_context
from rag.errors import LecternError, ModelBusy, ModelFailed, ModelMissing, SettingsError
from rag.prompt import PromptStyle
from rag.settings import ModelSettings
from rag.types import Turn

PREFIX = "openai:"
_CONNECT_SECONDS = 5.0
_PAUSES_SECONDS = (0.5, 1.0, 2.0)
"""Before each time that a server is asked again, unless it says itself when to come back."""
_LONGEST_PAUSE_SECONDS = 30.0
_ASSUMED_CONTEXT_TOKENS = 8192
_CANNOT_COUNT = (400, 404, 405, 415, 422, 501)
"""What servers answer that have no such address, or none of this form."""
_Answer = TypeVar("_Answer")
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
    count_again_seconds: float = 30.0
    """How long after a failure the server is not asked to count; what it is to read in between is reckoned."""
    _count_from: float = PrivateAttr(default=0.0)

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
        # Tried again here and not by the client, which would wait for a silent server four times.
        return openai.OpenAI(base_url=self.url, api_key=key, timeout=timeout, max_retries=0)

    @cached_property
    def context_tokens(self) -> int:
        """The longest prompt and answer: as wished, as the server says, or 8,192 where it does not (`context_assumed`).

        Raises:
            SettingsError: more is wished than the server allows.
        """
        allowed, trained = self._told_contexts
        wished = self.wished_context_tokens or allowed or trained or _ASSUMED_CONTEXT_TOKENS
        return chosen_context(self.name or self.model_name, wished, allowed)

    @property
    def context_assumed(self) -> bool:
        """Whether nobody has said how long a context the server reads."""
        return not (self.wished_context_tokens or any(self._told_contexts))

    @property
    def _told_contexts(self) -> tuple[int, int]:
        """The context that the server reads and the one that the model was trained on, as far as it tells them, else 0."""
        meta = self._served.get("meta") or {}
        allowed = self._served.get("max_model_len") or meta.get("n_ctx") or 0
        return int(allowed), int(meta.get("n_ctx_train") or 0)

    @cached_property
    def _served(self) -> dict[str, Any]:
        """What the server tells of the model, empty where it does not list its models."""
        try:
            listed = self._asked(self._client.models.list).data
            described = {entry.id: entry.model_dump() for entry in listed}
        except (openai.OpenAIError, ValueError, AttributeError, TypeError):
            return {}  # not every server lists its models; a dead one is reported by the first question
        return described.get(self.model_name, {})

    def check(self) -> None:
        """Ask the server for its models.

        Raises:
            ModelMissing: there is no server, or none of this kind, or it does not have the model.
            SettingsError: a longer context is set than the server allows.
        """
        try:
            described = {entry.id: entry.model_dump() for entry in self._asked(self._client.models.list).data}
        except Exception as exc:
            raise self._explained(exc, began=False) from exc
        if described and self.model_name not in described:
            raise ModelMissing(
                f"the server at {self.url} has no model {self.model_name!r}; it has {', '.join([*described][:5])}"
            )
        self._served = described.get(self.model_name, {})
        _ = self.context_tokens

    def _asked(self, ask: Callable[[], _Answer]) -> _Answer:
        """The server's answer, asked again after a pause where it is not there yet, busy or failing."""
        for pause in _PAUSES_SECONDS:
            try:
                return ask()
            except openai.APITimeoutError:
                raise
            except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as exc:
                time.sleep(_pause_wished(exc, pause))
        return ask()

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """The tokens of the prompt for these messages as the server counts them, else a cautious reckoning.

        A server that has no way to count is not asked again, one that failed after a while.
        """
        if time.monotonic() >= self._count_from:
            counted = self._counted(turns)
            if counted:
                return counted
        reckoned = sum(len(turn.content.encode()) for turn in turns) / _BYTES_PER_TOKEN
        return math.ceil(reckoned) + _TOKENS_PER_MESSAGE * len(turns)

    def _counted(self, turns: Sequence[Turn]) -> int:
        """As vLLM counts, or llama.cpp; 0 where the server does neither or fails, and from when it is to be asked again is noted."""
        import httpx2

        try:
            counted = self._count_of_server(turns)
        except (httpx2.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError) as exc:
            status = exc.response.status_code if isinstance(exc, httpx2.HTTPStatusError) else 0
            lasting = not status or status in _CANNOT_COUNT
            self._count_from = math.inf if lasting else time.monotonic() + self.count_again_seconds
            return 0
        except httpx2.HTTPError:
            self._count_from = time.monotonic() + self.count_again_seconds
            return 0
        return counted

    def _count_of_server(self, turns: Sequence[Turn]) -> int:
        import httpx2

        root = self.url.removesuffix("/v1")
        messages = [{"role": turn.role.value, "content": turn.content} for turn in turns]
        key = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        with httpx2.Client(timeout=min(_CONNECT_SECONDS, self.timeout_seconds), headers=key) as client:

            def told(path: str, body: dict[str, Any]) -> dict[str, Any]:
                answer = client.post(f"{root}/{path}", json=body)
                answer.raise_for_status()
                found: dict[str, Any] = answer.json()
                return found

            try:
                counted = told("tokenize", {"model": self.model_name, "messages": messages}).get("count")
            except httpx2.HTTPStatusError as exc:
                if exc.response.status_code not in _CANNOT_COUNT:
                    raise
                counted = None  # llama.cpp wants the prompt's text
            if counted:
                return int(counted)
            prompt = told("apply-template", {"messages": messages})["prompt"]
            return len(told("tokenize", {"content": prompt, "parse_special": True})["tokens"])

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
            stream = self._asked(
                lambda: self._client.chat.completions.create(
                    **parameters, stream=True, stream_options={"include_usage": True}
                )
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
        import httpx2

        silent = isinstance(exc, openai.APITimeoutError | httpx2.TimeoutException)
        if silent and not isinstance(exc.__cause__, httpx2.ConnectTimeout):
            return ModelFailed(
                f"the server at {self.url} said nothing for {self.timeout_seconds:g} s (model.timeout_seconds); "
                "see whether it is overloaded, or wait longer"
            )
        if isinstance(exc, httpx2.TransportError) and not began:
            return ModelFailed(
                f"the server at {self.url} hung up before it said anything; see what its log says, and ask again"
            )
        if isinstance(exc, openai.APIConnectionError) and not began:
            return ModelMissing(
                f"no server answers at {self.url}; start it, or check the address after the @"
            )
        if isinstance(exc, openai.RateLimitError):
            return ModelBusy(
                f"the server at {self.url} is busy and stayed so over {len(_PAUSES_SECONDS)} retries; try again later"
            )
        if isinstance(exc, openai.AuthenticationError | openai.PermissionDeniedError):
            return ModelMissing(f"the server at {self.url} refuses the key; set model.api_key")
        if isinstance(exc, openai.NotFoundError):
            return ModelMissing(
                f"the server at {self.url} knows no model {self.model_name!r} or no chat completions; check both"
            )
        if isinstance(exc, openai.BadRequestError):
            return ModelFailed(f"the server at {self.url} refuses the question: {_told(exc)}{self._doubt()}")
        if isinstance(exc, openai.APIStatusError):
            return ModelFailed(f"the server at {self.url} failed with status {exc.status_code}: {_told(exc)}")
        if type(exc) is openai.APIError:  # an event of the stream that tells an error
            return ModelFailed(f"the server at {self.url} failed while it answered: {_told(exc)}")
        return self._cut_off(began)

    def _doubt(self) -> str:
        """What to set where a refusal may come from a context that was only assumed."""
        if not self.context_assumed:
            return ""
        return (
            f" (the server does not say how long a context it reads, and {_ASSUMED_CONTEXT_TOKENS:,} tokens were assumed; set "
            "model.context_tokens)"
        )


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


def _told(exc: openai.APIError) -> str:
    body = exc.body
    told = body.get("message") if isinstance(body, dict) else body if isinstance(body, str) else ""
    return (str(told or exc.message).strip().splitlines() or ["no reason given"])[0][:200]


def _pause_wished(exc: Exception, otherwise_seconds: float) -> float:
    """The seconds after which the server wants to be asked again, where it says so and they are few."""
    headers = getattr(getattr(exc, "response", None), "headers", {})
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return otherwise_seconds
    return seconds if 0 <= seconds <= _LONGEST_PAUSE_SECONDS else otherwise_seconds
