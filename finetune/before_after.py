"""What tuning did, on rows it did not see: base beside adapter, and in which measures it got worse."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.conversations import read_conversations
from finetune.encoding import IGNORED, Message, encode
from finetune.recipe import Recipe
from rag.errors import DatasetError
from rag.prompt import ABSTENTION, cited_numbers

TOLERANCE = 0.02
"""A measure must fall by more than this share of its value to count as worse: less is noise on a hundred rows."""
LOWER_IS_BETTER = frozenset(("perplexity",))
_PLACEHOLDER = re.compile(r"\{\{[^{}]+\}\}")


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Each measure of the base and of the adapter on `rows` held-out rows, and the names of those that got worse."""

    base: dict[str, float]
    tuned: dict[str, float]
    rows: int
    worse: tuple[str, ...]


def before_after(recipe: Recipe, adapter: Path, limit: int) -> BeforeAfter:
    """Measures base and adapter on the first `limit` held-out rows of a recipe.

    Raises:
        DatasetError: the recipe holds no rows out.
    """
    from peft import PeftModel

    from finetune.base_model import load_base
    from finetune.generation import answer_all
    from finetune.training import use_bfloat16

    rows = read_conversations(recipe.data, recipe.training.seed).held_out[:limit]
    if not rows:
        raise DatasetError("The recipe holds no rows out. Set data.evaluation_share above 0.")
    loaded = load_base(recipe.model, bfloat16=use_bfloat16(recipe.training.precision))
    model = PeftModel.from_pretrained(loaded.model, adapter)
    wanted = [row[-1]["content"] for row in rows]

    def measured() -> dict[str, float]:
        answers = answer_all(model, loaded.tokenizer, [row[:-1] for row in rows], most_tokens=256)
        return {"perplexity": perplexity(model, loaded.tokenizer, rows)} | overlap_measures(answers, wanted)

    with model.disable_adapter():
        base = measured()
    tuned = measured()
    return BeforeAfter(base, tuned, len(rows), worse(base, tuned))


def worse(base: dict[str, float], tuned: dict[str, float]) -> tuple[str, ...]:
    """The measures in which the tuned model falls behind the base by more than the tolerance."""
    found = []
    for name, before in base.items():
        loss = (tuned[name] - before) if name in LOWER_IS_BETTER else (before - tuned[name])
        if loss > TOLERANCE * max(abs(before), 1e-9):
            found.append(name)
    return tuple(found)


def perplexity(model: Any, tokenizer: Any, rows: Sequence[Sequence[Message]]) -> float:
    """The exponential of the mean loss per assistant token over all rows."""
    import torch

    total, count = 0.0, 0
    for row in rows:
        encoded = encode(tokenizer, row)
        ids = torch.tensor([encoded.input_ids], device=model.device)
        labels = torch.tensor([encoded.labels], device=model.device)
        with torch.inference_mode():
            loss = float(model(input_ids=ids, labels=labels).loss)
        tokens = sum(label != IGNORED for label in encoded.labels[1:])
        total, count = total + loss * tokens, count + tokens
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
