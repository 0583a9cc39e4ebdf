"""What tuning did, on rows it did not see: base beside adapter, and in which measures it got worse."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune.conversations import Conversations, read_conversations
from finetune.encoding import IGNORED, Message, encode
from finetune.intents import learn_intents
from finetune.recipe import Recipe
from rag.errors import DatasetError
from rag.prompt import ABSTENTION, cited_numbers

TOLERANCE = 0.02
"""A measure must fall by more than this share of its value to count as worse: less is noise on a hundred rows."""
LOWER_IS_BETTER = frozenset(("perplexity", "refused_wrongly"))
_PLACEHOLDER = re.compile(r"\{\{[^{}]+\}\}")


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Each measure of the base and of the adapter on `rows` held-out rows, and the names of those that got worse.

    `wanted` has what the rows' own answers score where a measure depends on a classifier: its ceiling.
    """

    base: dict[str, float]
    tuned: dict[str, float]
    rows: int
    worse: tuple[str, ...]
    wanted: dict[str, float] = field(default_factory=dict)


def before_after(recipe: Recipe, adapter: Path, limit: int, most_tokens: int = 256) -> BeforeAfter:
    """Measures base and adapter on the first `limit` held-out rows of a recipe, answers cut at `most_tokens`.

    Raises:
        DatasetError: the recipe holds no rows out.
        TrainingError: the model needs a GPU and there is none, or memory ran out.
    """
    from peft import PeftModel

    from finetune.base_model import load_base
    from finetune.generation import answer_all
    from finetune.memory import explained_memory, require_gpu
    from finetune.training import use_bfloat16

    require_gpu(recipe.model.base)
    found = read_conversations(recipe.data, recipe.training.seed)
    rows = found.held_out[:limit]
    if not rows:
        raise DatasetError("The recipe holds no rows out. Set data.evaluation_share above 0.")
    wanted = [row[-1]["content"] for row in rows]
    intent_measure = _intent_measure(found, limit)

    def measured() -> dict[str, float]:
        answers = answer_all(model, loaded.tokenizer, [row[:-1] for row in rows], most_tokens=most_tokens)
        scores = {"perplexity": perplexity(model, loaded.tokenizer, rows)}
        return scores | overlap_measures(answers, wanted) | intent_measure(answers)

    with explained_memory(recipe):
        loaded = load_base(recipe.model, bfloat16=use_bfloat16(recipe.training.precision))
        model = PeftModel.from_pretrained(loaded.model, adapter)
        with model.disable_adapter():
            base = measured()
        tuned = measured()
    return BeforeAfter(base, tuned, len(rows), worse(base, tuned), intent_measure(wanted))


def _intent_measure(found: Conversations, limit: int) -> Callable[[Sequence[str]], dict[str, float]]:
    """From answers to the held-out rows to how many of them serve the row's intent; nothing where rows have none."""
    known = learn_intents([row[-1]["content"] for row in found.train], found.train_intents)
    intents = found.held_out_intents[:limit]
    if known is None or not intents:
        return lambda answers: {}
    return lambda answers: {"intent accuracy": known.accuracy(answers, intents)}


def worse(base: dict[str, float], tuned: dict[str, float]) -> tuple[str, ...]:
    """The measures of both in which the tuned model falls behind the base by more than the tolerance."""
    found = []
    for name, before in base.items():
        if name not in tuned:
            continue
        loss = (tuned[name] - before) if name in LOWER_IS_BETTER else (before - tuned[name])
        if loss > TOLERANCE * max(abs(before), 1e-9):
            found.append(name)
    return tuple(found)


def perplexity(model: Any, tokenizer: Any, rows: Sequence[Sequence[Message]], batch_rows: int = 8) -> float:
    """The exponential of the mean loss per assistant token over all rows."""
    import torch

    from finetune.packing import PaddedCollator

    encoded = sorted((encode(tokenizer, row) for row in rows), key=lambda row: len(row.input_ids))
    collate = PaddedCollator(tokenizer.pad_token_id)
    total, count = 0.0, 0
    for at in range(0, len(encoded), batch_rows):
        batch = collate(
            [{"input_ids": row.input_ids, "labels": row.labels} for row in encoded[at : at + batch_rows]]
        )
        with torch.inference_mode():
            inputs = {name: batch[name].to(model.device) for name in ("input_ids", "position_ids")}
            logits = model(**inputs, use_cache=False).logits[:, :-1].float().flatten(0, 1)
            targets = batch["labels"][:, 1:].flatten().to(model.device)
            total += float(
                torch.nn.functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")
            )
        count += int((targets != IGNORED).sum())
    return math.exp(total / count)


def overlap_measures(answers: Sequence[str], wanted: Sequence[str]) -> dict[str, float]:
    """ROUGE-L, placeholder fidelity where answers hold placeholders, citation and abstention where notes are read."""
    pairs = list(zip(answers, wanted, strict=True))
    found = {"ROUGE-L": _mean([rouge_l(said, right) for said, right in pairs])}
    placed = [(set(_PLACEHOLDER.findall(a)), set(_PLACEHOLDER.findall(w))) for a, w in pairs]
    if any(right for _, right in placed):
        scores = [2 * len(a & w) / (len(a) + len(w)) if a or w else 1.0 for a, w in placed]
        found["placeholder fidelity"] = _mean(scores)
    cited = [(a, w) for a, w in pairs if cited_numbers(w)]
    if cited:
        found["citation right"] = _mean(
            [float(cited_numbers(a)[:1] == cited_numbers(w)[:1]) for a, w in cited]
        )
    refused = [a for a, w in pairs if w == ABSTENTION]
    if refused:
        found["abstains when it should"] = _mean([float(ABSTENTION in a) for a in refused])
    return found


def rouge_l(said: str, right: str) -> float:
    """F1 of the longest common subsequence of lower-case words; 0 where either is empty. Source: Lin 2004."""
    a, b = re.findall(r"\w+", said.lower()), re.findall(r"\w+", right.lower())
    row = [0] * (len(b) + 1)
    for word in a:
        above = row
        row = [0]
        for place, other in enumerate(b):
            row.append(above[place] + 1 if word == other else max(above[place + 1], row[place]))
    return 2 * row[-1] / (len(a) + len(b)) if a and b else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
