"""The router: the kind of request a message is, decided before any search.

A multinomial logistic regression over hashed pieces of words and pairs of words, trained on examples in nine
languages by `python -m finetune.routes.train`. It needs numpy alone and no list of words. A message that it
is not sure of gets the route `FACT`, whose path can answer every question: to take a plain question away from
it is the costliest error.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.system.array_file import read_arrays

WEIGHTS = Path(__file__).with_name("answer_routes") / "routes.npz"
BUCKETS = 1 << 15
"""Rows of the weights: each piece of a word is hashed to one of them.

At 17 routes and one byte each they take 0.56 MB in memory. Chosen for that, not measured.
"""
LONGEST_PIECE = 5
"""Longest piece of a word, in characters. Chosen, not measured."""
LONG_MESSAGE = 200
"""Characters above which a message is read sentence by sentence.

In the whole, a long preamble hides the question. Chosen, not measured.
"""
_MOST_CHARS = 400
"""Most characters of a message or sentence that are read, from its end. Not measured."""
_LEAST_PROBABILITY = 0.3
"""Least probability of a route other than `FACT`.

Words that training never saw spread the probability over all routes. Chosen, not measured.
"""
_LEAST_UNSEARCHED = 0.6
"""Least probability of a route that is answered without a search.

Such an answer to a question about the notes is useless; a search for a greeting costs little. Chosen after
"Summarise my notes" had gone to `HELP` with 0.44.
"""
_MOST_WORD_CHARS = 60
"""Most characters of a word that are read; longer ones are addresses or noise. Not measured."""
_LAST_SENTENCES = 4
"""Most sentences of a long message that are read, its last. Chosen, not measured."""
_TOKEN = re.compile(r"\w+|[^\w\s]")
_SENTENCE = re.compile(r"[^.!?。！？؟…\n]+(?:[.!?。！？؟…]+|\n|$)")


class Route(StrEnum):
    """The kinds of request.

    `FACT` is the usual path, which a message takes unless another kind is sure.
    """

    GREETING = "greeting"
    THANKS = "thanks"
    HELP = "help"
    FACT = "fact"
    DEFINITION = "definition"
    EXPLAIN = "explain"
    CODE = "code"
    LIST = "list"
    COUNT = "count"
    TABLE = "table"
    COMPARISON = "comparison"
    SUMMARY = "summary"
    OUTLINE = "outline"
    LOCATE = "locate"
    STUDY = "study"
    CONTINUE = "continue"
    TWO = "two"


TALK = frozenset({Route.GREETING, Route.THANKS})
"""Routes of sentences that ask nothing, skipped at the end of a long message."""
_UNSEARCHED = TALK | {Route.HELP}


@dataclass(frozen=True, slots=True)
class Routed:
    """A message's route and the calibrated probability of that route, 0 to 1."""

    route: Route
    probability: float


@dataclass(frozen=True, slots=True)
class RouteModel:
    """The weights of the classifier.

    Attributes:
        weights: int8, (BUCKETS, routes).
        scale: float32, (routes,): the logit of one step of a weight.
        bias: float32, (routes,).
        routes: the routes, in the order of the columns.
        threshold: the least probability of `FACT` at which it is the route, even where another is likelier.
    """

    weights: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    routes: tuple[Route, ...]
    threshold: float

    def probabilities(self, message: str) -> NDArray[np.float64]:
        """Return the probability of each route, (routes,)."""
        rows, values = features(message)
        logits = (values @ self.weights[rows].astype(np.float32)) * self.scale + self.bias
        grown = np.exp((logits - logits.max()).astype(np.float64))
        return np.asarray(grown / grown.sum())

    def save(self, path: Path) -> None:
        """Write the model as a compressed file of arrays without pickles."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            weights=self.weights,
            scale=self.scale,
            bias=self.bias,
            routes=np.array([str(route) for route in self.routes]),
            threshold=np.float32(self.threshold),
        )


def load_model(path: Path) -> RouteModel:
    """Return the model of a file that `RouteModel.save` wrote.

    Raises:
        LecternError: the file is missing or damaged.
    """
    with read_arrays(path, "model of routes", "python -m finetune.routes.train") as arrays:
        return RouteModel(
            arrays["weights"],
            arrays["scale"],
            arrays["bias"],
            tuple(Route(str(name)) for name in arrays["routes"]),
            float(arrays["threshold"]),
        )


@cache
def shipped_model() -> RouteModel:
    """Return the model that the project ships, read once."""
    return load_model(WEIGHTS)


def route(message: str, has_history: bool) -> Routed:
    """Return the route of a message; `CONTINUE` only where an answer went before.

    A message of more than `LONG_MESSAGE` characters takes the route of its last sentence that asks something.
    """
    return route_with(shipped_model(), message, has_history)


def route_with(model: RouteModel, message: str, has_history: bool) -> Routed:
    """Return the route that a given model takes."""
    if len(message) <= LONG_MESSAGE:
        return _decided(model, message, has_history)
    routed = Routed(Route.FACT, 0.0)
    for sentence in reversed(last_sentences(message)):
        routed = _decided(model, sentence, has_history)
        if routed.route not in TALK:
            return routed
    return routed


def last_sentences(message: str) -> Sequence[str]:
    """Return the last few sentences of a message, in their order."""
    tail = message[-4 * _MOST_CHARS :]
    found = [sentence.strip() for sentence in _SENTENCE.findall(tail)]
    return [sentence for sentence in found if any(map(str.isalnum, sentence))][-_LAST_SENTENCES:]


def _decided(model: RouteModel, message: str, has_history: bool) -> Routed:
    probabilities = model.probabilities(message)
    best, fact = int(probabilities.argmax()), model.routes.index(Route.FACT)
    if model.routes[best] in _UNSEARCHED and probabilities[best] < _LEAST_UNSEARCHED:
        searched = np.array([each not in _UNSEARCHED for each in model.routes])
        best = int(np.where(searched, probabilities, 0.0).argmax())
    unsure = probabilities[fact] >= model.threshold or probabilities[best] < _LEAST_PROBABILITY
    usual = unsure or not any(map(str.isalnum, message))
    if usual or (model.routes[best] is Route.CONTINUE and not has_history):
        best = fact
    return Routed(model.routes[best], float(probabilities[best]))


def features(message: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the rows of the weights that a message has, (n,), and their values, (n,).

    Pieces of words are one vector and groups of words another, each of length one, so that a long word does
    not outweigh the order of the words.
    """
    text = _plain(message[-_MOST_CHARS:])
    tokens = [token[:_MOST_WORD_CHARS] for token in _TOKEN.findall(re.sub(r"\d", "0", text))]
    rows: dict[int, float] = {}
    for block in (set(_pieces(tokens)), set(_word_groups(tokens))):
        value = len(block) ** -0.5 if block else 0.0
        for feature in block:
            row = zlib.crc32(feature.encode("utf-8", "surrogatepass")) % BUCKETS
            rows[row] = rows.get(row, 0.0) + value
    found = sorted(rows)
    return np.array(found, dtype=np.int64), np.array([rows[row] for row in found], dtype=np.float32)


def _plain(text: str) -> str:
    """Return a text in small letters without accents, which many leave out."""
    parted = unicodedata.normalize("NFKD", text).lower()
    return unicodedata.normalize("NFKC", "".join(mark for mark in parted if not unicodedata.combining(mark)))


def _pieces(tokens: Iterable[str]) -> Iterable[str]:
    for token in tokens:
        padded = f" {token} "
        for size in range(1, LONGEST_PIECE + 1):
            for start in range(len(padded) - size + 1):
                yield padded[start : start + size]


def _word_groups(tokens: Sequence[str]) -> Iterable[str]:
    """Yield words, pairs, pairs with a word between, and the first three words."""
    bounded = ["<", *tokens, ">"]
    yield from (f"1{token}" for token in tokens)
    yield from (f"2{first}\t{second}" for first, second in itertools.pairwise(bounded))
    yield from (f"3{first}\t{third}" for first, third in zip(bounded, bounded[2:], strict=False))
    yield "4" + "\t".join(tokens[:3])
