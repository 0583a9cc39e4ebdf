"""The usual text splitters, measured beside ours.

They are LangChain's recursive splitter and plain windows of tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from rag.errors import ModelMissing
from rag.types import Chunk, Document, Locator, Unit, chunk_id

TokenCounter = Callable[[Sequence[str]], list[int]]
Cutter = Callable[[Document], list[Chunk]]
RECURSIVE_TOKENS = (200, 400, 800)


def recursive_cutter(tokens: int, count_tokens: TokenCounter) -> Cutter:
    """Return LangChain's RecursiveCharacterTextSplitter, without overlap.

    `tokens` is its size in tokens of the embedder.

    Raises:
        ModelMissing: langchain-text-splitters is not installed.
    """
    try:
        from langchain_text_splitters import RecursiveCharacterTextSplitter
    except ImportError as exc:
        raise ModelMissing(
            "The usual splitters need langchain-text-splitters, which is not installed. Run `make setup-dev`"
        ) from exc
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=tokens,
        chunk_overlap=0,
        length_function=lambda text: count_tokens([text])[0],
        add_start_index=True,
    )

    def cut(document: Document) -> list[Chunk]:
        pieces = splitter.create_documents([document.text])
        return spans_to_chunks(
            document,
            [(p.metadata["start_index"], p.metadata["start_index"] + len(p.page_content)) for p in pieces],
        )

    return cut


def window_cutter(tokens: int, token_starts: Callable[[str], list[int]]) -> Cutter:
    """Return a cutter into consecutive windows of `tokens` tokens.

    sentence-transformers' token splitter cuts in the same way.
    """

    def cut(document: Document) -> list[Chunk]:
        starts = token_starts(document.text)
        edges = [*starts[::tokens], len(document.text)]
        return spans_to_chunks(document, list(pairwise(edges)))

    return cut


def spans_to_chunks(document: Document, spans: Sequence[tuple[int, int]]) -> list[Chunk]:
    """Return chunks without title or headings, which such splitters do not know."""
    chunks = []
    for ordinal, (start, end) in enumerate(span for span in spans if span[0] < span[1]):
        text = document.text[start:end]
        first = 1 + document.text.count("\n", 0, start)
        locator = Locator(Unit.LINE, first, first + text.count("\n"))
        chunks.append(
            Chunk(chunk_id(document.path, start, text), document.path, ordinal, start, end, text, locator)
        )
    return chunks
