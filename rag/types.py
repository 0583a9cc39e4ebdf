"""The types that all packages share: `Path -> Document -> Chunk -> Hit -> Answer`.

They need the standard library only, so that importing them costs nothing. Vectors are never a field: they are
passed as a separate `float32 (n, dim)` array in the order of the chunks that they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

from rag.note_warnings import NoteWarning
from rag.text.document import Block as Block  # noqa: PLC0414 - a public name of this module too
from rag.text.document import BlockKind as BlockKind  # noqa: PLC0414
from rag.text.document import Document as Document  # noqa: PLC0414
from rag.text.document import DocumentKind as DocumentKind  # noqa: PLC0414
from rag.text.document import Locator as Locator  # noqa: PLC0414
from rag.text.document import Unit as Unit  # noqa: PLC0414


class Role(StrEnum):
    """The author of a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class AnswerKind(StrEnum):
    """The form of an answer.

    `NONE` is a refusal. `EXTRACT` is quotes that are named as the closest ones, not as the answer.
    """

    ANSWER = "answer"
    EXTRACT = "extract"
    LIST = "list"
    COUNT = "count"
    TABLE = "table"
    CODE = "code"
    COMPARISON = "comparison"
    SUMMARY = "summary"
    OUTLINE = "outline"
    STUDY = "study"
    TALK = "talk"
    NONE = "none"


class Tier(StrEnum):
    """The certainty that the notes answer a question, which decides what is shown."""

    ANSWER = "answer"
    EXTRACT = "extract"
    NONE = "none"


class OmissionCode(StrEnum):
    """The limit for which passages or messages were not shown to the model."""

    PASSAGES_OVER_SETTING = "passages over answer.passage_tokens"
    PASSAGES_OVER_CONTEXT = "passages over the context"
    HISTORY_OVER_SETTING = "messages over answer.history_turns"
    HISTORY_OVER_CONTEXT = "messages over the context"
    HISTORY_OVER_REWRITE = "messages over the context of the rewriting"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a document: `text == document.text[start:end]`, in characters.

    `document` is the path of its document and `ordinal` its place among the document's chunks, from 0.
    `title` and `headings` (outermost first) are context for the vector and the lexical index, not part of the
    text.
    """

    id: str
    document: str
    ordinal: int
    start: int
    end: int
    text: str
    locator: Locator
    title: str = ""
    headings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The printed locator with the document's path."""
        return self.locator.within(self.document)


def chunk_id(document: str, start: int, text: str) -> str:
    """Return the id of a chunk: 16 hexadecimal digits of BLAKE2b.

    The hash is over the document's path, the chunk's start and its text.
    """
    return blake2b(f"{document}\0{start}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Why:
    """The reasons for which a passage was found: its ranks and scores in each search.

    Ranks are 1-based; None where that search did not return the passage. `match_score` is the mean over the
    question's tokens of the cosine with the passage's nearest token. `fused_score` is the score before a
    reranker; where one ran, its `rerank_score` is the hit's score.
    """

    dense_rank: int | None = None
    dense_score: float | None = None
    lexical_rank: int | None = None
    lexical_score: float | None = None
    fused_rank: int | None = None
    fused_score: float | None = None
    match_score: float | None = None
    rerank_score: float | None = None
    matched_terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk with its score (higher is better). Lists of hits are best first, ties by chunk id."""

    chunk: Chunk
    score: float
    why: Why = field(default_factory=Why)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage that the answer names.

    `n` is the number in the answer's text. `quote` is `text[start:end]` of the document, in characters.
    """

    n: int
    document: str
    locator: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer with the verdict of the evidence check.

    `support` in [0, 1] is the share of the sentence's content words, numbers and identifiers that its cited
    passages have; `reason` says in words why it is or is not `supported`; `quoted` is true where a passage
    has it word for word.
    """

    text: str
    citations: tuple[int, ...]
    supported: bool
    support: float
    reason: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Timings:
    """The cost of an answer: wall-clock seconds, and tokens of the model's tokenizer."""

    retrieve_seconds: float = 0.0
    first_token_seconds: float | None = None
    total_seconds: float = 0.0
    prompt_tokens: int = 0
    answer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything needed to ask the same question again and get the same answer.

    `scope` is the part of the notes that was searched, in words; empty for all of them.
    """

    library_generation: int
    embedder: str
    model: str
    adapter: str
    prompt_version: str
    seed: int
    temperature: float
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The tier of a question and the reason for it.

    `probability` in [0, 1] is the evidence scorer's that the passages answer, `score` that of the nearest
    passage (a token match or a cosine); each is None where it was not computed. `reason` says in words how
    they decided.
    """

    tier: Tier
    probability: float | None
    score: float | None
    reason: str

    @property
    def answer(self) -> bool:
        """True where anything of the notes is shown: an answer or an extract."""
        return self.tier is not Tier.NONE


@dataclass(frozen=True, slots=True)
class Omission:
    """Passages or messages that were left out of the prompt: `count` of `total`.

    `limit` is the value of the setting that `code` names, 0 where it is not a setting.
    """

    code: OmissionCode
    count: int
    total: int
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two cited passages that disagree, by their numbers in the answer."""

    citations: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Unread:
    """A document with the warnings about its content that was not read."""

    document: str
    warnings: tuple[NoteWarning, ...]


@dataclass(frozen=True, slots=True)
class NamedPart:
    """The documents that a question names ("lecture 3"), and the title of the first."""

    label: str
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """The intermediate results of an answer, for evaluation and debugging.

    `gate` is the tier's reason in words, `gate_score` the nearest passage's score, `probability` the evidence
    scorer's. `passages` are the ids of the chunks shown, in the order of their numbers, and `shown` is their
    count. `model_text` is the text as the model wrote it. `context_tokens` is the length of the model's
    context; it is an assumption (`context_assumed`) where the model's server does not report it.
    """

    gate: str = ""
    gate_score: float | None = None
    probability: float | None = None
    shown: int = 0
    passages: tuple[str, ...] = ()
    model_text: str = ""
    context_tokens: int = 0
    context_assumed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A cited answer, an extract, or a refusal with the nearest passages.

    `answers_question` in [0, 1] is the evidence scorer's probability that the text answers; None where it did
    not run. `omissions` is empty when everything fitted the model's context. `unread` is content near the
    question that was not read, for a refusal and an extract only. `scope` is the part of the notes that the
    question names and was answered from, None where it was not limited so.
    """

    question: str
    standalone_question: str
    text: str
    abstained: bool
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    timings: Timings
    receipt: Receipt
    omissions: tuple[Omission, ...] = ()
    kind: AnswerKind = AnswerKind.ANSWER
    answers_question: float | None = None
    conflicts: tuple[Conflict, ...] = ()
    unread: tuple[Unread, ...] = ()
    scope: NamedPart | None = None
    details: Diagnostics = field(default_factory=Diagnostics)
