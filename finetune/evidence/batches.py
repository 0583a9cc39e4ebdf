"""Padding-free batches of a part, as arrays of fixed shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.evidence.packed import Ints, Packed

MASK_ID = 103
"""The word piece [MASK] of BERT's vocabulary."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The fixed shapes of a batch: tokens, pairs (sequences), sentences, examples."""

    tokens: int
    pairs: int
    sentences: int
    examples: int

    @classmethod
    def for_tokens(cls, tokens: int) -> Sizes:
        """Return shapes of which the tokens are nearly always used up first."""
        return cls(tokens, tokens // 40 + 16, tokens // 8, tokens // 128 + 16)


def plan(part: Packed, order: Ints, sizes: Sizes) -> list[Ints]:
    """Return the examples of each batch, in the order given; every batch fits `sizes`."""
    lengths, pairs = part.lengths(), part.shown.lengths
    sentences = part.evidence.lengths
    batches: list[list[int]] = [[]]
    most = (sizes.tokens, sizes.pairs - 8, sizes.sentences - 1, sizes.examples - 1)
    left = list(most)
    for row in order.tolist():
        need = (int(lengths[row]), int(pairs[row]), int(sentences[row]), 1)
        if any(n > r for n, r in zip(need, left, strict=True)) and batches[-1]:
            batches.append([])
            left = list(most)
        batches[-1].append(row)
        left = [r - n for r, n in zip(left, need, strict=True)]
    return [np.array(batch, np.int64) for batch in batches if batch]


def collate(
    part: Packed, rows: Ints, sizes: Sizes, rng: np.random.Generator | None = None, masked: float = 0.0
) -> dict[str, NDArray[Any]]:
    """Return one batch as arrays of fixed shape.

    Pairs are joined end to end in `ids`; `bounds` (pairs + 1) says where each begins. Padding is cut into
    pairs of its own. `segment` is each token's sentence among the batch's (the last one takes what belongs to
    none). With `masked`, seven examples in ten hide that share of the question's words.
    """
    ids = np.zeros(sizes.tokens, np.int64)
    kind = np.zeros(sizes.tokens, np.int64)
    position = np.zeros(sizes.tokens, np.int64)
    segment = np.full(sizes.tokens, sizes.sentences - 1, np.int64)
    bounds = np.full(sizes.pairs + 1, sizes.tokens, np.int64)
    first = np.zeros(sizes.sentences, np.int64)
    owner = np.full(sizes.sentences, sizes.examples - 1, np.int64)
    pair_of = np.full(sizes.sentences, sizes.pairs - 1, np.int64)
    target = np.zeros(sizes.sentences, np.float32)
    count = np.zeros(sizes.sentences, np.float32)
    gold = np.zeros(sizes.pairs, np.float32)
    real = np.zeros(sizes.pairs, np.float32)
    trusted = np.ones(sizes.sentences, np.float32)
    taught = {
        "taught": np.zeros(sizes.sentences, np.float32),
        "taught_pair": np.zeros(sizes.pairs, np.float32),
    }
    at, pair, sentence = 0, 0, 0
    for number, row in enumerate(rows.tolist()):
        head = part.heads[int(part.asked[row])]
        if rng is not None and masked and rng.random() < 0.7:
            head = _hidden(head, masked, rng)
        evidence, golden, ignored = part.evidence[row], part.gold[row], part.ignored[row]
        base, base_pair = sentence, pair
        for slot, index in enumerate(part.shown[row].tolist()):
            body = part.bodies[index]
            of = part.sentence[index].astype(np.int64)
            if len(head) + len(body) > part.longest:
                longest = part.longest - len(head)
                body, of = np.append(body[: longest - 1], body[-1]), np.append(of[: longest - 1], of[-1])
            middle, end = at + len(head), at + len(head) + len(body)
            ids[at:middle], ids[middle:end] = head, body
            kind[middle:end] = 1
            position[at:end] = np.arange(end - at)
            known = of != 255
            segment[middle:end][known] = sentence + of[known]
            n = int(part.sentences[index])
            count[sentence : sentence + n] = np.bincount(of[known], minlength=n)[:n]
            first[sentence : sentence + n] = at
            pair_of[sentence : sentence + n] = pair
            bounds[pair], gold[pair], real[pair] = at, golden[slot], not ignored[slot]
            count[sentence : sentence + n] *= not ignored[slot]
            at, pair, sentence = end, pair + 1, sentence + n
        owner[base:sentence] = number
        target[base:sentence] = evidence
        if part.weak[row]:
            trusted[base:sentence] = ~evidence
        if part.taught is not None:
            taught["taught"][base:sentence], taught["taught_pair"][base_pair:pair] = (
                logits[row] for logits in part.taught
            )
    used = np.array([pair, sentence, len(rows)], np.int64)
    while at < sizes.tokens:  # padding is attended to by padding: no token is left without a value
        bounds[pair] = at
        at, pair = min(sizes.tokens, at + part.longest), pair + 1
    return {
        "ids": ids,
        "kind": kind,
        "position": position,
        "segment": segment,
        "bounds": bounds.astype(np.int32),
        "first": first,
        "owner": owner,
        "pair_of": pair_of,
        "target": target,
        "count": count,
        "trusted": trusted,
        "gold": gold,
        "real": real,
        "used": used,
        **(taught if part.taught is not None else {}),
    }


def _hidden(head: Ints, share: float, rng: np.random.Generator) -> Ints:
    """Return a question with a share of its tokens hidden."""
    hide = rng.random(len(head)) < share
    hide[0] = hide[-1] = False
    return np.where(hide, MASK_ID, head).astype(np.int64)
