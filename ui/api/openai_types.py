"""The bodies of the paths in OpenAI's form.

What Lectern does not know is accepted, as OpenAI's clients send a lot, and named in the answer's `lectern.ignored`.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ui.api.note_types import MOST_MESSAGES, AnswerRecord, CourseName, Scopes, as_list

MOST_TEXTS = 2048
"""Most texts of one request for vectors, as OpenAI allows."""


class Lenient(BaseModel):
    """A body that may have fields that are not used."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


class Part(Lenient):
    """A part of a message's content; only text can be read."""

    type: str
    text: str = ""


class ChatMessage(Lenient):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class StreamOptions(Lenient):
    """Options of a stream."""

    include_usage: bool = False


class ChatRequest(Lenient):
    """A question to the notes as a chat completion.

    The last message is the question, those before it the conversation. `scope`, `course`, `exact` and
    `everywhere` are Lectern's own fields.
    """

    model_config = ConfigDict(
        extra="allow",
        protected_namespaces=(),
        json_schema_extra={
            "examples": [
                {
                    "model": "lectern",
                    "messages": [{"role": "user", "content": "What is spectral leakage?"}],
                },
                {
                    "model": "lectern",
                    "messages": [{"role": "user", "content": "What is spectral leakage?"}],
                    "stream": True,
                    "stream_options": {"include_usage": True},
                    "scope": [],
                    "exact": True,
                },
            ]
        },
    )

    model: str
    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None
    scope: Scopes = []
    course: CourseName = None
    exact: bool = False
    everywhere: bool = False

    _one_scope = field_validator("scope", mode="before")(as_list)


class AnswerMessage(BaseModel):
    """The message of the answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: str | None = None


class Choice(BaseModel):
    """The one answer."""

    index: int = 0
    message: AnswerMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class Usage(BaseModel):
    """Tokens of the language model; none where quotes answer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class LecternField(AnswerRecord):
    """The answer with its citations, and the request's fields that had no effect."""

    course: str
    ignored: list[str]


class ChatCompletion(BaseModel):
    """A chat completion with the checked answer in `lectern`."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    lectern: LecternField


class Delta(BaseModel):
    """A piece of the streamed message."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(BaseModel):
    """The one answer, a piece of it."""

    index: int = 0
    delta: Delta
    finish_reason: Literal["stop"] | None = None
    logprobs: None = None


class ChatChunk(BaseModel):
    """A piece of a streamed completion; the last one with a choice has `lectern`."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
    lectern: LecternField | None = None


class ModelCard(BaseModel):
    """A model of this server: a course to ask, or the embedder."""

    model_config = ConfigDict(protected_namespaces=())

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["lectern"] = "lectern"
    lectern: dict[str, Any]


class ModelList(BaseModel):
    """All models of this server."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class EmbeddingRequest(Lenient):
    """Texts to turn into vectors of length 1."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"model": "lectern-embedding", "input": "The sum of two cosines"},
                {"model": "lectern-embedding", "input": ["one text", "another"], "encoding_format": "base64"},
            ]
        },
    )

    model: str
    input: Annotated[str | list[str] | list[int] | list[list[int]], Field(union_mode="left_to_right")]
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = None
    input_type: Literal["query", "passage"] = "passage"


class Embedding(BaseModel):
    """The vector of one text, as numbers or as base64 of little-endian float32."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """Tokens of the embedder's tokenizer."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    """The vectors in the order of the texts."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage
    lectern: dict[str, Any]
