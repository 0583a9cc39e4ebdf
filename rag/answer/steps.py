"""The exchangeable parts of the chain, and the parts of its receipts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rag.answer.condense_question import Condenser
from rag.answer.finding import Repair
from rag.answer.found import Answerer, Rereader, Scorer, SentenceEmbedder
from rag.answer.notes import Notes
from rag.answer.outline import Outline
from rag.answer.written_summary import SummaryWriter
from rag.search.scope import Scope
from rag.types import Receipt

Outliner = Callable[[Scope | None], Outline]
"""A function from a scope to the outline of the notes inside it."""


@dataclass(frozen=True, slots=True)
class ReceiptSource:
    """The parts of a receipt that do not change between questions."""

    generation: Callable[[], int]
    embedder: str
    model: str
    adapter: str
    prompt_version: str
    seed: int
    temperature: float
    scope: str = ""

    def receipt(self, scope: str) -> Receipt:
        """Return the receipt of an answer given now; `scope`, in words, replaces its own."""
        return Receipt(
            self.generation(), self.embedder, self.model, self.adapter, self.prompt_version, self.seed,
            self.temperature, scope or self.scope,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Steps:
    """The exchangeable parts of the chain.

    `answerer` writes or quotes; `condenser` completes follow-ups; `scorer` reads question and passages
    together; `repair` mends spelling, `outliner` lists the documents and `notes` answers what one passage
    does not, all None where there is no library; `embedder` helps to rank the statements of an extract; `summarizer`
    writes summaries, None without a model that follows instructions; `second` reads the best passages again, None
    where it is off or not installed.
    """

    answerer: Answerer
    condenser: Condenser
    scorer: Scorer
    repair: Repair | None = None
    outliner: Outliner | None = None
    embedder: SentenceEmbedder | None = None
    notes: Notes | None = None
    writes: bool = False
    summarizer: SummaryWriter | None = None
    second: Rereader | None = None
