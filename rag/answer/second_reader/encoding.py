"""The inputs of the second reader: pairs in a language model's tokens.

An input is laid out as the evidence scorer's, `MARK question MARK context : passage MARK`. MARK is the
end-of-text token.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from rag.answer.evidence_encoding import MAX_CONTEXT, MAX_QUESTION, Window, cuts
from rag.chat_models.files.gguf_header import GgufHeader
from rag.chat_models.files.tokenization import from_gguf
from rag.passage_text import context_line
from rag.text.sentences import sentence_spans
from rag.types import Chunk

LONGEST = 384
"""Longest input in training, tokens; a longer passage is read in windows."""
_MARK = "<|endoftext|>"


class LmEncoder:
    """Tokens of questions and passages; `longest` is the longest input, in tokens."""

    longest = LONGEST

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._mark = int(tokenizer.token_to_id(_MARK) or 0)

    @classmethod
    def of(cls, header: GgufHeader) -> LmEncoder:
        """Return the encoder of a GGUF file's tokenizer.

        Raises:
            ModelFailed: the file is damaged.
        """
        return cls(from_gguf(header).tokenizer)

    def head(self, question: str) -> list[int]:
        """Return a question with its marks: the first part of every input."""
        return [self._mark, *self._ids(question)[:MAX_QUESTION], self._mark]

    def body(self, context: str, text: str) -> tuple[list[int], NDArray[np.int64], int]:
        """Return the second part of an input: a passage with its context.

        Three values: the tokens, each one's sentence or -1, and the number of sentences.
        """
        before, ids, sentence, count = self._parts(context, text)
        none = np.full(len(before), -1, np.int64)
        return [*before, *ids, self._mark], np.concatenate([none, sentence, [-1]]), count

    def windows(self, question: str, passages: Sequence[Chunk]) -> list[list[Window]]:
        """Return the inputs of each passage, one for most; together they have all tokens."""
        head = self.head(question)
        return [self._windows(head, context_line(passage), passage.text) for passage in passages]

    def _windows(self, head: list[int], context: str, text: str) -> list[Window]:
        before, ids, of, _ = self._parts(context, text)
        found = []
        for start, end in cuts(of, self.longest - len(head) - len(before) - 1):
            whole = np.array([*head, *before, *ids[start:end], self._mark], np.int64)
            sentence = np.full(len(whole), -1, np.int64)
            sentence[len(head) + len(before) : -1] = of[start:end]
            found.append(Window(whole, len(head), sentence))
        return found

    def _parts(self, context: str, text: str) -> tuple[list[int], list[int], NDArray[np.int64], int]:
        """Return the tokens of context and text, sentences, and the number of sentences.

        The sentences are each of the text's tokens' sentence or -1.
        """
        spans = sentence_spans(text)
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        of = np.full(len(encoding.ids), -1, np.int64)
        if spans:
            # A token may begin with the space before a sentence: its last character decides.
            places = np.array([end - 1 for _, end in encoding.offsets], np.int64)
            starts, ends = np.array(spans, np.int64).T
            of = np.searchsorted(starts, places, side="right") - 1
            of[(of >= 0) & (places >= ends[np.maximum(of, 0)])] = -1
        return self._ids(f"{context}:")[-MAX_CONTEXT:], list(encoding.ids), of, len(spans)

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)
