"""Summaries that a language model writes: part by part, then the whole in short.

Only sentences that the passages of their part support are kept; a part without one is quoted. So a summary of a
long lecture needs no long context, and none of its sentences is the model's own.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rag.answer.attribution import locator
from rag.answer.citations import check
from rag.answer.found import Clock, Draft, Drafting, Found, Model, SentenceEmbedder
from rag.answer.kept_summaries import KeptSummaries
from rag.answer.model_stream import Written, stream_tokens
from rag.answer.notes import Notes
from rag.answer.obeyed import is_fragment
from rag.answer.summarize import Section, central, sections_of
from rag.answer.summary_parts import Part, parts_of
from rag.events import Retrieved, Token
from rag.prompt import without_citations
from rag.settings import AnswerSettings
from rag.text.sentences import sentences
from rag.types import AnswerKind, Chunk, Citation, Hit, Role, Sentence, Turn

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

VERSION = "1"
"""The version of the prompt, part of what a kept summary is known by."""
INSTRUCTION = (
    "Summarise the part of course notes that the student sends in at most {most} sentences, in its language. Say only "
    "what it says, keep its numbers, units and names, and begin with the matter itself."
)
MOST_TOKENS, LEAST_TOKENS = 900, 120
"""Tokens of a part at most, and those below which it is joined to another."""
PART_SENTENCES, WHOLE_SENTENCES = 3, 4
MOST_PARTS = 24
"""Parts of one summary; longer notes are summarised by quotes."""
IN_SHORT = "**In short**"
"""The head of the last part, the whole in short."""


@dataclass(slots=True)
class _Made:
    """The summary as far as it is made: passages are numbered through all parts."""

    passages: list[Hit]
    texts: list[str] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    tokens: int = 0


class SummaryWriter:
    """Summaries by a model that follows instructions."""

    def __init__(
        self,
        model: Model,
        notes: Notes,
        settings: AnswerSettings,
        kept: KeptSummaries,
        embedder: SentenceEmbedder,
    ) -> None:
        self._model, self._notes, self._settings = model, notes, settings
        self._kept, self._embedder = kept, embedder

    def draft(self, found: Found, quoted: Draft, clock: Clock, config: RunnableConfig | None) -> Drafting:
        """Yield `Retrieved` and the text as it is written, and return the checked summary.

        `quoted` is the summary by quotes, whose `scope` is summarised. It comes back where the notes have too many parts.
        """
        paths = quoted.scope.documents if quoted.scope else ()
        parts = (
            parts_of(sections_of(self._notes, paths), self._count, self._budget(), LEAST_TOKENS)
            if paths
            else []
        )
        chunks = [self._chunks(part) for part in parts]
        written = 0 < len(parts) <= MOST_PARTS
        known = {chunk.id: Hit(chunk, 1.0) for group in chunks for chunk in group} if written else {}
        made = _Made(list(known.values()) if written else list(quoted.passages))
        yield Retrieved(found.hits, len(made.passages), found.decision, passages=tuple(made.passages))
        if not written:
            clock.mark_token()
            yield Token(quoted.text)
            return quoted
        hashes = {record.path: record.content_hash for record in self._notes.records()}
        self._kept.remove_others(hashes.values())
        title = quoted.scope.label if quoted.scope else ""
        yield Token(f"**{title}**\n")
        for n, (part, passages) in enumerate(zip(parts, chunks, strict=True), 1):
            yield Token(f"\n**{part.name}** ({n}/{len(parts)})\n")
            document = hashes.get(part.pieces[0].document, "")
            text = yield from self._summarised(part, document, made, clock, config)
            self._add(made, f"**{part.name}**", text, passages, part)
        if len(parts) > 1:
            yield Token(f"\n{IN_SHORT} ")
            said = "\n".join(sentence.text for sentence in made.sentences)
            text = yield from self._written(self._fitting(said), WHOLE_SENTENCES, made, clock, config)
            self._add(made, IN_SHORT, text, [hit.chunk for hit in made.passages], None)
        body = "\n\n".join(made.texts)
        return replace(
            quoted,
            kind=AnswerKind.SUMMARY,
            text=f"**{title}**\n\n{body}",
            sentences=tuple(made.sentences),
            citations=tuple(made.citations),
            passages=tuple(made.passages),
            answer_tokens=made.tokens,
            context_tokens=self._model.context_tokens,
        )

    def _budget(self) -> int:
        """The tokens of a part: what the context leaves, at most `MOST_TOKENS`."""
        overhead = self._model.count_tokens(_prompt("", PART_SENTENCES))
        return max(
            64, min(MOST_TOKENS, self._model.context_tokens - self._model.max_answer_tokens - overhead)
        )

    def _count(self, text: str) -> int:
        return self._model.count_tokens((Turn(Role.USER, text),))

    def _fitting(self, text: str) -> str:
        """As many lines as fit into the context, every second one left out until they do."""
        lines = text.splitlines()
        limit = self._model.context_tokens - self._model.max_answer_tokens
        while len(lines) > 1 and self._model.count_tokens(_prompt("\n".join(lines), WHOLE_SENTENCES)) > limit:
            lines = lines[::2]
        return "\n".join(lines)

    def _chunks(self, part: Part) -> list[Chunk]:
        """The passages that a part overlaps, in order."""
        return [
            chunk
            for path in dict.fromkeys(piece.document for piece in part.pieces)
            for chunk in self._notes.chunks(path)
            if any(
                piece.document == path
                and chunk.start < piece.start + len(piece.text)
                and piece.start < chunk.end
                for piece in part.pieces
            )
        ]

    def _summarised(
        self, part: Part, document: str, made: _Made, clock: Clock, config: RunnableConfig | None
    ) -> Generator[Token, None, str]:
        """The kept summary of a part, else one that is written and kept.

        `document` is the content hash of the part's document.
        """
        asked = "\n".join((self._model.fingerprint, VERSION, str(PART_SENTENCES), part.text))
        text = self._kept.get(document, asked)
        if text is not None:
            clock.mark_token()
            yield Token(text)
            return text
        text = yield from self._written(part.text, PART_SENTENCES, made, clock, config)
        self._kept.keep(document, asked, text)
        return text

    def _written(
        self, text: str, most: int, made: _Made, clock: Clock, config: RunnableConfig | None
    ) -> Generator[Token, None, str]:
        """The model's summary of a text, ended after `most` sentences."""
        written = Written()
        prompt = _prompt(text, most)
        yield from stream_tokens(
            self._model, prompt, written, clock, config, lambda so_far: len(sentences(so_far)) > most
        )
        made.tokens += written.tokens
        return " ".join(sentences(without_citations(written.text))[:most])

    def _add(self, made: _Made, head: str, text: str, passages: Sequence[Chunk], part: Part | None) -> None:
        """Add the supported sentences of a text with their passages, or a quote.

        Fragments and sentences that the summary has already are left out; `part` is None for the whole in short.
        """
        locate = locator("", passages, self._embedder)
        checked = check(text, passages, self._settings.support, locate)
        numbers = {hit.chunk.id: n for n, hit in enumerate(made.passages, 1)}
        own = [numbers[chunk.id] for chunk in passages]
        said = {sentence.text for sentence in made.sentences}
        lines = []
        for sentence in checked.sentences:
            new = sentence.text not in said and not is_fragment(sentence.text, passages)
            if sentence.supported and new:
                cited = tuple(own[n - 1] for n in sentence.citations)
                lines.append(replace(sentence, citations=cited))
        made.citations += [
            replace(citation, n=own[citation.n - 1])
            for citation in checked.citations
            if any(own[citation.n - 1] in line.citations for line in lines)
        ]
        if not lines and part is not None:
            lines = self._quoted(made, part, numbers)
        if lines:
            made.sentences += lines
            shown = " ".join(f"{one.text} {''.join(f'[{n}]' for n in one.citations)}" for one in lines)
            made.texts.append(f"{head}\n{shown}" if part is not None else f"{head} {shown}")

    def _quoted(self, made: _Made, part: Part, numbers: dict[str, int]) -> list[Sentence]:
        """The most central sentence of a part, quoted."""
        for one in central(self._notes, [Section(part.name, part.pieces)])[:1]:
            chunk = self._notes.passage(one.document, one.start, one.end)
            if (n := numbers.get(chunk.id)) is None:
                continue
            source = self._notes.document(one.document).text[one.start : one.end]
            made.citations.append(Citation(n, one.document, chunk.label, one.start, one.end, source))
            return [Sentence(one.text, (n,), True, 1.0, "quoted from its passage", quoted=True)]
        return []


def _prompt(text: str, most: int) -> tuple[Turn, ...]:
    """The messages that ask for a summary of a text."""
    return (Turn(Role.SYSTEM, INSTRUCTION.format(most=most)), Turn(Role.USER, text))
