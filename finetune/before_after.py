"""The effect of tuning on rows not seen: base beside adapter, and what got worse."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune.conversations import Conversations
from finetune.dataset import read_conversations
from finetune.encoding import IGNORED, encode
from finetune.intents import learn_intents
from finetune.recipe import Recipe
from finetune.requirements import require_packages
from rag.chat_models.files.control_tokens import Message
from rag.errors import DatasetError
from rag.prompt import ABSTENTION, cited_numbers

TOLERANCE = 0.02
"""A measure must fall by more than this share of its value to count as worse."""
SURE = 0.95
"""The share of the resamples in the interval of a fall, which must not reach 0.

One different answer of six is noise.
"""
TIMES_WANTED, LEAST_ROOM = 4, 16
"""The bound of an answer: times the longest wanted one, and tokens beside it."""
Scores = dict[str, dict[str, float]]
"""For each measure the score of each row it applies to, by the row's name. Of perplexity it is the loss."""
LOWER_IS_BETTER = frozenset(("perplexity", "refused_wrongly"))
_PLACEHOLDER = re.compile(r"\{\{[^{}]+\}\}")


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Each measure of the base and of the adapter on `rows` held-out rows.

    `worse` names those that fell. `counts` is the number of rows of each measure: placeholders, for example,
    count only in rows that have some. `wanted` is the score of the rows' own answers for a measure that
    depends on a classifier: its ceiling.
    """

    base: dict[str, float]
    tuned: dict[str, float]
    rows: int
    worse: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)
    wanted: dict[str, float] = field(default_factory=dict)


def before_after(recipe: Recipe, adapter: Path, limit: int, most_tokens: int = 256) -> BeforeAfter:
    """Measure base and adapter on the first `limit` held-out rows of a recipe.

    Answers are cut at `most_tokens`, or at several times the longest one of the rows.

    Raises:
        DatasetError: the recipe has no held-out rows.
        TrainingError: the model needs a GPU and there is none, memory ran out, or the adapter is for another base.
    """
    from finetune.base_model import load_base, with_adapter
    from finetune.generation import answer_all
    from finetune.memory import explained_memory, require_gpu
    from finetune.trainer import use_bfloat16

    require_packages("torch", "transformers", "peft")
    require_gpu(recipe.model.base)
    found = read_conversations(recipe.data, recipe.training.seed)
    rows = found.held_out[:limit]
    if not rows:
        raise DatasetError("The recipe has no held-out rows. Set data.evaluation_share above 0.")
    wanted = [row[-1]["content"] for row in rows]
    intent_scores = _intent_measure(found, limit)

    def measured() -> Scores:
        answers = answer_all(model, loaded.tokenizer, [row[:-1] for row in rows], most_tokens=most)
        scores = {"perplexity": row_losses(model, loaded.tokenizer, rows)}
        return scores | overlap_scores(answers, wanted) | intent_scores(answers)

    with explained_memory(recipe):
        loaded = load_base(recipe.model, bfloat16=use_bfloat16(recipe.training.precision))
        most = min(most_tokens, LEAST_ROOM + TIMES_WANTED * _longest(loaded.tokenizer, wanted))
        model = with_adapter(loaded.model, adapter)
        with model.disable_adapter():
            base = measured()
        tuned = measured()
    counts = {name: len(scores) for name, scores in base.items()}
    return BeforeAfter(
        means(base), means(tuned), len(rows), worse(base, tuned), counts, means(intent_scores(wanted))
    )


def _longest(tokenizer: Any, answers: Sequence[str]) -> int:
    return max(len(tokenizer(answer, add_special_tokens=False)["input_ids"]) for answer in answers)


def _intent_measure(found: Conversations, limit: int) -> Callable[[Sequence[str]], Scores]:
    """Return the measure of whether answers serve the intents of the held-out rows.

    It gives nothing if the rows have no intents.
    """
    known = learn_intents([row[-1]["content"] for row in found.train], found.train_intents)
    intents = found.held_out_intents[:limit]
    if known is None or not intents:
        return lambda answers: {}
    return lambda answers: {"intent accuracy": _named(known.right(answers, intents))}


def means(scores: Scores) -> dict[str, float]:
    """Return each measure over the rows it applies to.

    Perplexity is the exponential of the mean loss, the others are means.
    """
    found = {name: _mean(list(rows.values())) for name, rows in scores.items() if rows}
    return {name: math.exp(value) if name == "perplexity" else value for name, value in found.items()}


def worse(base: Scores, tuned: Scores) -> tuple[str, ...]:
    """Return the measures in which the tuned model is worse than the base.

    They fall by more than the tolerance and by more than chance, on the rows that both scored. A single row
    has no chance to estimate, so its fall counts.
    """
    found = []
    for name, before in base.items():
        pairs = [(before[row], score) for row, score in tuned.get(name, {}).items() if row in before]
        if pairs and _fell(name, pairs):
            found.append(name)
    return tuple(found)


def _fell(name: str, pairs: Sequence[tuple[float, float]]) -> bool:
    sign = 1.0 if name in LOWER_IS_BETTER else -1.0
    falls = [sign * (after - before) for before, after in pairs]
    allowed = TOLERANCE if name == "perplexity" else TOLERANCE * abs(_mean([before for before, _ in pairs]))
    return _mean(falls) > max(allowed, 1e-9) and surely_above_zero(falls)


def surely_above_zero(values: Sequence[float], samples: int = 2000) -> bool:
    """Return whether the bootstrap interval of the mean is above 0.

    The same values give the same answer.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile interval).
    """
    import numpy as np

    # A row of indexes is one resample of the rows, with replacement.
    drawn = np.random.default_rng(0).integers(0, len(values), (samples, len(values)))
    low = np.quantile(np.asarray(values)[drawn].mean(axis=1), (1 - SURE) / 2)
    return bool(low > 0)


def row_losses(
    model: Any, tokenizer: Any, rows: Sequence[Sequence[Message]], batch_rows: int = 8
) -> dict[str, float]:
    """Return the loss of each row by its place.

    Losses are scaled so that their mean is the mean loss per assistant token over all rows.
    """
    import torch

    from finetune.packing import PaddedCollator

    encoded = [encode(tokenizer, row) for row in rows]
    order = sorted(range(len(encoded)), key=lambda place: len(encoded[place].input_ids))
    collate = PaddedCollator(tokenizer.pad_token_id)
    sums = [0.0] * len(encoded)
    for at in range(0, len(order), batch_rows):
        places = order[at : at + batch_rows]
        batch = collate([{"input_ids": encoded[i].input_ids, "labels": encoded[i].labels} for i in places])
        with torch.inference_mode():
            inputs = {name: batch[name].to(model.device) for name in ("input_ids", "position_ids")}
            logits = model(**inputs, use_cache=False).logits[:, :-1].float().transpose(1, 2)
            targets = batch["labels"][:, 1:].to(model.device)
            losses = torch.nn.functional.cross_entropy(
                logits, targets, ignore_index=IGNORED, reduction="none"
            ).sum(dim=1)
        for place, loss in zip(places, losses.tolist(), strict=True):
            sums[place] = loss
    tokens = sum(label != IGNORED for row in encoded for label in row.labels[1:])
    return _named([loss * len(sums) / tokens for loss in sums])


def overlap_scores(answers: Sequence[str], wanted: Sequence[str]) -> Scores:
    """Return ROUGE-L of every row, and three measures of rows that they apply to.

    These are placeholder fidelity, citation and abstention; they apply if the row's own answer has such a
    thing.
    """
    found: Scores = {
        "ROUGE-L": {},
        "placeholder fidelity": {},
        "citation right": {},
        "abstains when it should": {},
    }
    for place, (said, right) in enumerate(zip(answers, wanted, strict=True)):
        row = str(place)
        found["ROUGE-L"][row] = rouge_l(said, right)
        if needed := set(_PLACEHOLDER.findall(right)):
            filled = set(_PLACEHOLDER.findall(said))
            found["placeholder fidelity"][row] = 2 * len(filled & needed) / (len(filled) + len(needed))
        if cited := cited_numbers(right):
            found["citation right"][row] = float(cited_numbers(said)[:1] == cited[:1])
        if right == ABSTENTION:
            found["abstains when it should"][row] = float(ABSTENTION in said)
    return {name: rows for name, rows in found.items() if rows}


def rouge_l(said: str, right: str) -> float:
    """Return F1 of the longest common subsequence of lower-case words.

    It is 0 if either text is empty. Source: Lin 2004.
    """
    a, b = re.findall(r"\w+", said.lower()), re.findall(r"\w+", right.lower())
    # row[j] is the longest common subsequence of the words of `a` so far and the first j words of `b`; only the row
    # before is needed.
    row = [0] * (len(b) + 1)
    for word in a:
        above = row
        row = [0]
        for place, other in enumerate(b):
            row.append(above[place] + 1 if word == other else max(above[place + 1], row[place]))
    return 2 * row[-1] / (len(a) + len(b)) if a and b else 0.0


def _named(values: Sequence[float]) -> dict[str, float]:
    return {str(place): value for place, value in enumerate(values)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
