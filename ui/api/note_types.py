"""The bodies of /api/search, /api/ask and /api/documents.

Hits and answers have the fields of `lectern search --json` and `lectern ask --json`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rag.types import AnswerKind, BlockKind, DocumentKind

MOST_HITS = 100
MOST_MESSAGES = 200
_QUESTION = "What is spectral leakage?"

Scopes = Annotated[
    list[str],
    Field(
        description="parts of the notes: `document:NAME`, `folder:NAME`, `lecture:NUMBER` or `tag:NAME`",
        max_length=100,
    ),
]
CourseName = Annotated[
    str | None, Field(description="name of a course; the server's default one if left out")
]


class Strict(BaseModel):
    """A body whose unknown fields are an error."""

    model_config = ConfigDict(extra="forbid")


def as_list(value: Any) -> Any:
    """Return one text as a list of it."""
    return [value] if isinstance(value, str) else value


class Message(Strict):
    """An earlier message of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class SearchRequest(Strict):
    """A search."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"question": _QUESTION}, {"question": "leakage", "k": 3, "scope": []}]
        }
    )

    question: str = Field(description="the question or words to search for")
    k: int = Field(10, ge=1, le=MOST_HITS, description="most passages returned")
    scope: Scopes = []
    course: CourseName = None

    _one_scope = field_validator("scope", mode="before")(as_list)


class AskRequest(Strict):
    """A question, with the conversation before it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": _QUESTION},
                {"question": _QUESTION, "stream": False},
                {
                    "question": "And how is it reduced?",
                    "history": [
                        {"role": "user", "content": _QUESTION},
                        {"role": "assistant", "content": "Energy that appears at other frequencies."},
                    ],
                    "exact": True,
                },
            ]
        }
    )

    question: str
    history: list[Message] = Field([], max_length=MOST_MESSAGES, description="earlier messages, oldest first")
    scope: Scopes = []
    course: CourseName = None
    exact: bool = Field(False, description="search as typed: complete and repair nothing")
    everywhere: bool = Field(
        False, description="search all notes even where the question names a part of them"
    )
    stream: bool = Field(True, description="server-sent events; false for one JSON object")

    _one_scope = field_validator("scope", mode="before")(as_list)


class WhyFound(BaseModel):
    """The reasons for which a passage was found."""

    dense_rank: int | None
    dense_score: float | None
    lexical_rank: int | None
    lexical_score: float | None
    fused_rank: int | None
    fused_score: float | None
    match_score: float | None
    rerank_score: float | None
    matched_terms: list[str]


class FoundPassage(BaseModel):
    """A passage with its place and score.

    `start` and `end` are characters of its document.
    """

    document: str
    locator: str
    start: int
    end: int
    score: float
    text: str
    chunk: str
    why: WhyFound


class SearchAnswer(BaseModel):
    """The passages found, best first."""

    id: str
    question: str
    hits: list[FoundPassage]
    seconds: float


class CitedPassage(BaseModel):
    """A passage that the answer names by its number `n`."""

    n: int
    document: str
    locator: str
    start: int
    end: int
    quote: str


class CheckedSentence(BaseModel):
    """A sentence of the answer with the verdict on it."""

    text: str
    citations: list[int]
    supported: bool
    support: float
    reason: str
    quoted: bool


class Cost(BaseModel):
    """Seconds, and tokens of the model's tokenizer."""

    retrieve_seconds: float
    first_token_seconds: float | None
    total_seconds: float
    prompt_tokens: int
    answer_tokens: int


class AnswerRecord(BaseModel):
    """A cited answer, as `lectern ask --json` prints it."""

    model_config = ConfigDict(extra="allow")

    id: str
    question: str
    standalone_question: str
    answer: str
    abstained: bool
    kind: AnswerKind
    answers_question: float | None
    sentences: list[CheckedSentence]
    citations: list[CitedPassage]
    hits: list[FoundPassage]
    conflicts: list[dict[str, list[int]]]
    left_out: list[str]
    timings: Cost
    receipt: dict[str, Any]
    scope: dict[str, Any] | None
    details: dict[str, Any]


class QueueStatus(BaseModel):
    """The requests that run or wait in a queue: now, at most so far, and allowed."""

    inside: int
    peak: int
    most: int


class ServiceStatus(BaseModel):
    """The queues of the server."""

    answers: QueueStatus
    searches: QueueStatus


class ListedDocument(BaseModel):
    """A document of the library without its text."""

    path: str
    title: str
    kind: DocumentKind
    chunks: int
    size_bytes: int
    ingested_at: str
    tags: list[str]


class DocumentList(BaseModel):
    """The documents of a course, by name."""

    course: str
    documents: list[ListedDocument]


class DocumentBlock(BaseModel):
    """A part of a document as its parser saw it; `text[start:end]` in characters."""

    kind: BlockKind
    start: int
    end: int
    locator: str


class WholeDocument(BaseModel):
    """A document with its text and blocks."""

    course: str
    path: str
    title: str
    kind: DocumentKind
    tags: list[str]
    text: str
    blocks: list[DocumentBlock]
