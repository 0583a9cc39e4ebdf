"""Every in-process engine as a LangChain `BaseChatModel`.

Knows what LangChain's callers expect (chunks, usage counts, stop strings, per-call options) and what a context is: a
prompt and its answer are counted before anything runs, and what does not fit is an error, never cut silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field, SkipValidation

from rag.chat_models.files.tokenization import StreamingText, Tokenization
from rag.chat_models.serving.protocol import FinishReason, GenerationEngine, GenerationRequest
from rag.chat_models.structured.json_grammar import json_grammar
from rag.chat_models.structured_chat_model import StructuredChatModel
from rag.errors import QuestionError
from rag.prompt import PromptStyle
from rag.types import Role, Turn

_ROLES = {
    "human": Role.USER,
    "user": Role.USER,
    "ai": Role.ASSISTANT,
    "assistant": Role.ASSISTANT,
    "system": Role.SYSTEM,
}


class LocalChatModel(StructuredChatModel):
    """A language model that runs in this process.

    Per-call options (also through `bind`): `max_tokens`, `temperature`, `top_p`, `seed`, `stop` and `response_schema`, a JSON
    schema that the whole answer obeys. Closing the iterator of `stream` cancels the generation at once.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str | None = "local"
    fingerprint: str
    context_tokens: int
    prompt_style: PromptStyle
    engine: SkipValidation[GenerationEngine] = Field(repr=False)
    tokenization: SkipValidation[Tokenization] = Field(repr=False)
    adapter: str = ""
    seed: int = 0

    @property
    def _llm_type(self) -> str:
        return "lectern-local"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"name": self.name, "fingerprint": self.fingerprint, "engine": self.engine.name}

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """The tokens of the prompt for these messages, template included."""
        return len(self.tokenization.encode_turns(turns))

    def get_num_tokens(self, text: str) -> int:
        """The tokens of a text by the model's own tokenizer."""
        return len(self.tokenization.encode(text))

    def close(self) -> None:
        """Free the model's memory."""
        self.engine.close()

    def _request(self, messages: Sequence[BaseMessage], options: dict[str, Any]) -> GenerationRequest:
        prompt = self.tokenization.encode_turns([turn_of(message) for message in messages])
        schema = options.get("response_schema")
        grammar = json_grammar(schema) if schema is not None else None
        wished = grammar.max_tokens if grammar else int(options.get("max_tokens") or self.max_answer_tokens)
        room = self.context_tokens - len(prompt)
        needed = wished if grammar else 1
        if room < needed:
            raise QuestionError(
                f"the prompt has {len(prompt):,} tokens and the answer needs {needed:,}, but {self.name} reads "
                f"{self.context_tokens:,} in all; show fewer passages or ask a shorter question"
            )
        return GenerationRequest(
            prompt_ids=tuple(prompt),
            max_new_tokens=min(wished, room),
            temperature=float(
                self.temperature if options.get("temperature") is None else options["temperature"]
            ),
            top_p=float(options.get("top_p") or 1.0),
            seed=int(self.seed if options.get("seed") is None else options["seed"]),
            stop_ids=self.tokenization.stop_ids,
            grammar=grammar.ebnf if grammar else "",
        )

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        request = self._request(messages, kwargs)
        generation = self.engine.submit(request)
        text, cut, produced = StreamingText(self.tokenization), _StopStrings(stop or ()), 0
        finish: FinishReason | None = None
        try:
            for batch in generation:
                produced += len(batch.ids)
                new = text.add(batch.ids)
                if batch.finish is not None:
                    finish, new = batch.finish, new + text.rest()
                shown = cut.pass_on(new, last=finish is not None)
                if shown:
                    chunk = ChatGenerationChunk(message=AIMessageChunk(content=shown))
                    if run_manager:
                        run_manager.on_llm_new_token(shown, chunk=chunk)
                    yield chunk
                if cut.stopped:
                    finish = FinishReason.STOP
                    break
        finally:
            generation.cancel()
        yield _last_chunk(len(request.prompt_ids), produced, finish or FinishReason.STOP, self.name or "")

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        parts, last = [], AIMessageChunk(content="")
        for chunk in self._stream(messages, stop, None, **kwargs):
            parts.append(chunk.text)
            last = chunk.message  # type: ignore[assignment]
        message = AIMessage(
            content="".join(parts),
            usage_metadata=last.usage_metadata,
            response_metadata=last.response_metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


class _StopStrings:
    """A filter for streamed text that stops at the first stop string.

    It delays text that may be the beginning of a stop string.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.stopped = False

    def pass_on(self, text: str, last: bool) -> str:
        """Return the text that may be shown now; set `stopped` after a whole stop string."""
        self._held += text
        found = [at for at in (self._held.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.stopped = True
            return self._held[: min(found)]
        keep = 0 if last else self._possible_start()
        shown, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return shown

    def _possible_start(self) -> int:
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stops):
                return length
        return 0


def turn_of(message: BaseMessage) -> Turn:
    """Return a LangChain message as a turn.

    Raises:
        QuestionError: its kind or its content is one that a text model cannot read.
    """
    role = _ROLES.get(getattr(message, "role", message.type))
    if role is None:
        raise QuestionError(
            f"a message of type {message.type!r} was given; local models read system, user and assistant"
        )
    if not isinstance(message.content, str) and any(
        isinstance(part, dict) and part.get("type") != "text" for part in message.content
    ):
        raise QuestionError("a message with something other than text was given; local models read text only")
    return Turn(role, message.text)


def _last_chunk(prompt: int, answer: int, finish: FinishReason, name: str) -> ChatGenerationChunk:
    usage = UsageMetadata(input_tokens=prompt, output_tokens=answer, total_tokens=prompt + answer)
    metadata = {"finish_reason": finish.value, "model_name": name}
    message = AIMessageChunk(
        content="", usage_metadata=usage, response_metadata=metadata, chunk_position="last"
    )
    return ChatGenerationChunk(message=message, generation_info={"finish_reason": finish.value})
