"""A model behind an OpenAI-compatible server as a chat model.

vLLM, Ollama, llama.cpp and `transformers serve` are such servers. A server that is missing, busy or silent,
that dies in the middle of an answer or speaks another protocol gives one sentence each. A request is
repeated, with growing pauses, as long as no text was shown: if the server is not there yet, is busy or fails
before it answers. A silent server is not asked again, since its time limit has passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeVar

import openai
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from rag.chat_models.endpoint_errors import PAUSES_SECONDS, cut_off, explained, pause_wished
from rag.chat_models.endpoint_health import check_health
from rag.chat_models.endpoint_tokens import CONNECT_SECONDS, ServerTokenCounter, estimated_tokens
from rag.chat_models.files.model_shape import chosen_context
from rag.chat_models.local_model import turn_of
from rag.chat_models.structured_chat_model import StructuredChatModel
from rag.errors import LecternError, ModelMissing
from rag.prompt import PromptStyle
from rag.types import Turn

ASSUMED_CONTEXT_TOKENS = 8192
"""The context of Llama 3, for a server that names none (`context_assumed`)."""
_Answer = TypeVar("_Answer")


class EndpointChatModel(StructuredChatModel):
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
    seed: int = 0
    count_again_seconds: float = 30.0
    """The time after a failure in which tokens are estimated and not counted."""
    pauses_seconds: tuple[float, ...] = PAUSES_SECONDS
    """Pauses before a server that is missing, busy or failing is asked again."""

    @property
    def _llm_type(self) -> str:
        return "lectern-endpoint"

    @property
    def _traced_name(self) -> str:
        return self.model_name

    @property
    def fingerprint(self) -> str:
        """The model and its server; only the server knows the weights."""
        return f"{self.model_name}@{self.url}"

    @cached_property
    def _client(self) -> openai.OpenAI:
        key = self.api_key or "none"
        # Tried again here and not by the client, which would wait for a silent server four times.
        return openai.OpenAI(
            base_url=self.url, api_key=key, timeout=self._timeout(self.timeout_seconds), max_retries=0
        )

    def _timeout(self, read_seconds: float) -> Any:
        import httpx2

        connect = min(CONNECT_SECONDS, self.timeout_seconds)
        return httpx2.Timeout(self.timeout_seconds, connect=connect, read=read_seconds)

    @cached_property
    def context_tokens(self) -> int:
        """The longest prompt and answer: as wished, else as the server reports.

        It is 8,192 if neither is known (`context_assumed`).

        Raises:
            SettingsError: more is wished than the server allows.
        """
        allowed, trained = self._told_contexts
        wished = self.wished_context_tokens or allowed or trained or ASSUMED_CONTEXT_TOKENS
        return chosen_context(self.name or self.model_name, wished, allowed)

    @property
    def context_assumed(self) -> bool:
        """True if neither the settings nor the server give the length of the context."""
        return not (self.wished_context_tokens or any(self._told_contexts))

    @property
    def _told_contexts(self) -> tuple[int, int]:
        """The context of the server and that of the model's training, 0 where unknown."""
        meta = self._served.get("meta") or {}
        allowed = self._served.get("max_model_len") or meta.get("n_ctx") or 0
        return int(allowed), int(meta.get("n_ctx_train") or 0)

    @cached_property
    def _served(self) -> dict[str, Any]:
        """The server's description of the model, empty if it does not list its models."""
        try:
            listed = self._asked(self._client.models.list).data
            described = {entry.id: entry.model_dump() for entry in listed}
        except (openai.OpenAIError, ValueError, AttributeError, TypeError):
            return {}  # not every server lists its models; a dead one is reported by the first question
        return described.get(self.model_name, {})

    def check(self, timeout_seconds: float | None = None) -> None:
        """Ask the server for its models, within `timeout_seconds` if given.

        Raises:
            ModelMissing: there is no server, or none of this kind, or it does not have the model.
            SettingsError: a longer context is set than the server allows.
        """
        client = self._client.with_options(timeout=timeout_seconds or self._client.timeout)
        try:
            described = {entry.id: entry.model_dump() for entry in self._asked(client.models.list).data}
        except Exception as exc:
            raise self._explained(exc, began=False, waited_seconds=timeout_seconds) from exc
        if described and self.model_name not in described:
            raise ModelMissing(
                f"the server at {self.url} has no model {self.model_name!r}; it has {', '.join([*described][:5])}"
            )
        self._served = described.get(self.model_name, {})
        _ = self.context_tokens

    def check_alive(self, timeout_seconds: float) -> None:
        """Check that the server lives, without asking the model anything.

        Raises:
            ModelError: it does not, or does not answer in time.
        """
        check_health(self.url, timeout_seconds)

    def _asked(self, ask: Callable[[], _Answer]) -> _Answer:
        """Return the server's answer, asked again while it is missing, busy or failing."""
        for pause in self.pauses_seconds:
            try:
                return ask()
            except openai.APITimeoutError:
                raise
            except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as exc:
                time.sleep(pause_wished(exc, pause))
        return ask()

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Return the tokens of the prompt for these messages.

        They are counted by the server, or estimated cautiously. A server that has no way to count is asked
        once, one that failed is asked again after a while.
        """
        return self._counter.count(turns) or estimated_tokens(turns)

    @cached_property
    def _counter(self) -> ServerTokenCounter:
        timeout = min(CONNECT_SECONDS, self.timeout_seconds)
        return ServerTokenCounter(self.url, self.model_name, self.api_key, timeout, self.count_again_seconds)

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
        first: float | None = kwargs.get("first_byte_seconds")
        client = self._client.with_options(timeout=self._timeout(first or self.timeout_seconds))
        began, finish, usage = False, None, None
        stream = None
        try:
            stream = self._asked(
                lambda: client.chat.completions.create(
                    **parameters, stream=True, stream_options={"include_usage": True}
                )
            )
            # The head of the answer has come. The client looks up the limit again when it begins to read the rest.
            stream.response.request.extensions["timeout"]["read"] = self.timeout_seconds
            first = None
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
            raise self._explained(exc, began, waited_seconds=first, probed=first is not None) from exc
        finally:
            if stream is not None:
                stream.close()
        if finish is None:
            raise cut_off(self.url, began)
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

    def _explained(
        self, exc: Exception, began: bool, waited_seconds: float | None = None, probed: bool = False
    ) -> LecternError:
        return explained(
            exc,
            began,
            url=self.url,
            model_name=self.model_name,
            waited_seconds=waited_seconds or self.timeout_seconds,
            retries=len(self.pauses_seconds),
            doubt=self._doubt(),
            probed=probed,
        )

    def _doubt(self) -> str:
        """Return a hint for a refusal that may come from an assumed context."""
        if not self.context_assumed:
            return ""
        return (
            f" (the server does not say how long a context it reads, and {ASSUMED_CONTEXT_TOKENS:,} tokens were assumed; set "
            "model.context_tokens)"
        )
