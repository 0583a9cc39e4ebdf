"""Questions that a model writes about sentences of the notes.

There are a few thousand human questions, and training needs more. The embedded model learns to ask from the
human questions of the training part (a passage with one sentence marked as input, the question as output) and
then asks about other sentences of the same texts. A question is kept only if the product's search finds the
passage with it, and if the sentence is the closest or second closest of that passage.

Source: Alberti et al. 2019 (Synthetic QA Corpora Generation with Roundtrip Consistency); the round trip here
is the search's.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetune.grounded.json_lines import read_lines, whole
from finetune.grounded.types import Corpus, Support, TrainingQuestion
from rag.chat_models.files.control_tokens import Message
from rag.embedding.embedder import Embedder
from rag.text.sentences import sentences
from rag.text.words import content_words
from rag.types import Chunk

PAIRS, SENTENCES, QUESTIONS = "pairs.jsonl.gz", "sentences.jsonl.gz", "questions.jsonl.gz"
_SYSTEM = "Write one question that a student would ask and that the sentence between >> and << answers."
_HUMAN = frozenset({"human", "written"})
_MOST_OF_PASSAGE, _MOST_OF_SMALL = 3, 10
"""Most sentences of a passage that are asked about.

A corpus of fewer passages than `_SMALL` gives more of each, so that every kind of text has its share.
"""
_SMALL, _MOST_OF_CORPUS = 300, 5500
_SHORTEST, _LONGEST = 40, 400
_MARKUP = re.compile(r"^\s*(?:[#|>]|```|~~~|\$\$|!\[|<)|https?://|\\begin")
_UNRESOLVED = re.compile(r"\b(?:he|she|it|its|they|this|these|those|him|her|his|their|them)\b", re.IGNORECASE)
"""Words that point at something that only the passage names: nobody could ask so."""
_FEWEST_WORDS, _MOST_WORDS = 4, 34

QueryVector = Callable[[str], NDArray[np.float32]]
"""The vector of a question, kept from its search (`finetune.grounded.nearest`)."""


@dataclass(frozen=True, slots=True)
class AskableSentence:
    """A sentence of a passage that a question is to be written about."""

    corpus: str
    passage: str
    text: str
    prompt: list[Message]


def prompt(chunk: Chunk, sentence: str) -> list[Message]:
    """Return the prompt: the passage under its headings, with the sentence marked."""
    place = " › ".join(part for part in dict.fromkeys((chunk.title, *chunk.headings)) if part)
    marked = chunk.text.replace(sentence, f">> {sentence} <<", 1)
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": f"{place}\n\n{marked}"}]


def pairs(corpora: Iterable[Corpus]) -> list[list[Message]]:
    """Return conversations for training: one for each human question of these corpora.

    Only questions count that one part of one passage answers.
    """
    return [
        [*prompt(chunk, support.text), {"role": "assistant", "content": question.text}]
        for corpus in corpora
        for question in corpus.questions
        if question.origin in _HUMAN and len(question.supports) == 1
        for support in question.supports
        if support.text in (chunk := corpus.passages[support.passage]).text
    ]


def sentences_to_ask(corpus: Corpus, rng: random.Random) -> list[AskableSentence]:
    """Sentences of prose, a few of each passage, in the order of the notes."""
    most = _MOST_OF_SMALL if len(corpus.passages) < _SMALL else _MOST_OF_PASSAGE
    found: list[AskableSentence] = []
    for chunk in corpus.passages:
        worth = [text for text in sentences(chunk.text) if _worth_asking(text)]
        chosen = sorted(rng.sample(range(len(worth)), min(most, len(worth))))
        found += [AskableSentence(corpus.name, chunk.id, worth[i], prompt(chunk, worth[i])) for i in chosen]
    kept = sorted(rng.sample(range(len(found)), min(_MOST_OF_CORPUS, len(found))))
    return [found[place] for place in kept]


def _worth_asking(sentence: str) -> bool:
    return (
        _SHORTEST <= len(sentence) <= _LONGEST
        and sentence.rstrip("\"'”’)*_ ").endswith((".", "!", ";", ":"))
        and not sentence.endswith(":")
        and not _MARKUP.search(sentence)
        and len(content_words(sentence)) >= 5
    )


def reads_as_question(text: str) -> bool:
    """Return whether the model's text is a question that can be asked on its own."""
    return (
        text.endswith("?")
        and "\n" not in text
        and _FEWEST_WORDS <= len(text.split()) <= _MOST_WORDS
        and len(content_words(text)) >= 2
        and not _UNRESOLVED.search(text)
    )


def leads_back(
    asked: Sequence[TrainingQuestion],
    passages: Sequence[Chunk],
    embedder: Embedder,
    query_vector: QueryVector,
) -> list[bool]:
    """Return whether each question's sentence is among the two closest of its passage.

    Closeness is the cosine.
    """
    about = dict.fromkeys(question.supports[0].passage for question in asked)
    texts = {passage: sentences(passages[passage].text) for passage in about}
    flat = list(dict.fromkeys(text for several in texts.values() for text in several))
    if not flat:
        return [False] * len(asked)
    place = {text: at for at, text in enumerate(flat)}
    vectors = embedder.embed_passages(flat)
    found = []
    for question in asked:
        support = question.supports[0]
        rows = [place[text] for text in texts[support.passage]]
        scores = vectors[rows] @ query_vector(question.text)
        own = max(
            (s for s, t in zip(scores, texts[support.passage], strict=True) if t == support.text),
            default=-1.0,
        )
        found.append(bool(np.sum(scores > own) <= 1))
    return found


def add_asked(corpus: Corpus, asked: Sequence[tuple[str, str, str]]) -> int:
    """Add the usable questions of a corpus; return their number.

    `asked` is `(passage id, sentence, question)`.

    A question is usable if it can be asked on its own.
    """
    place = {chunk.id: index for index, chunk in enumerate(corpus.passages)}
    found = [
        TrainingQuestion(question, (Support(place[passage], sentence),), origin="asked")
        for passage, sentence, question in dict.fromkeys(asked)
        if passage in place and reads_as_question(question)
    ]
    corpus.questions += found
    return len(found)


def read_sentences(folder: Path) -> list[AskableSentence]:
    """The sentences that `finetune.grounded.ask prepare` chose.

    Raises:
        DatasetError: there are none, or the file is not whole.
    """
    command = "Choose them with: python -m finetune.grounded.ask prepare --data DIR --library DIR --out DIR"
    with whole(folder, "sentences to ask about", command):
        return [AskableSentence(**row) for row in read_lines(folder / SENTENCES)]


def read_asked(folder: Path) -> dict[str, list[tuple[str, str, str]]]:
    """The questions written by `finetune.grounded.ask`, by corpus.

    Raises:
        DatasetError: there are none, or the file is not whole.
    """
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    command = "Write them with: python -m finetune.grounded.ask write --asking DIR --adapter DIR"
    with whole(folder, "written questions", command):
        for row in read_lines(folder / QUESTIONS):
            found[row["corpus"]].append((row["passage"], row["sentence"], row["question"]))
    return found
