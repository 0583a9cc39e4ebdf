"""Greedy answers of Lectern's decoder beside those of plain `generate`.

The gain of guesses from the prompt is measured where answers repeat it.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.gpu.decoding import NEW_TOKENS, step_limit
from benchmarks.models.measuring import row

ANSWER_TOKENS, PROMPT_TOKENS = 16, 200
REPEATED, OWN = 14, 7
"""In answers that repeat their prompt: repeated tokens, then others, and so on."""


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """The answer of plain `generate`, with the lead of each token over the next best.

    The lead is in standard deviations of all logits.
    """

    prompt: list[int]
    said: list[int]
    margins: list[float]


def plain_answers(model: Any, count: int) -> list[PlainAnswer]:
    """Greedy answers of plain `generate`."""
    import torch

    model.generation_config.eos_token_id = None
    prompts = torch.randint(0, 1000, (count, PROMPT_TOKENS), generator=torch.Generator().manual_seed(2))
    ids = prompts.to(model.device)
    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=ANSWER_TOKENS, pad_token_id=0,
        return_dict_in_generate=True, output_logits=True,
    )  # fmt: skip
    logits = torch.stack(out.logits, dim=1).float()
    best = logits.topk(2).values
    margins = ((best[..., 0] - best[..., 1]) / logits.std(dim=-1)).tolist()
    said = out.sequences[:, PROMPT_TOKENS:].tolist()
    return [PlainAnswer(*one) for one in zip(prompts.tolist(), said, margins, strict=True)]


def same_answers(engine: Any, answers: list[PlainAnswer]) -> None:
    """Count the equal answers, and print the lead where others differ.

    They are asked alone and all at once.

    A small lead is a near tie.
    """
    for way in ("alone", "all at once"):
        if way == "alone":
            ours = [answered(engine, [one.prompt], ANSWER_TOKENS)[0][0] for one in answers]
        else:
            ours, _ = answered(engine, [one.prompt for one in answers], ANSWER_TOKENS)
        parted = [
            next((at for at, (a, b) in enumerate(zip(said, one.said, strict=True)) if a != b), None)
            for said, one in zip(ours, answers, strict=True)
        ]
        margins = [one.margins[at] for one, at in zip(answers, parted, strict=True) if at is not None]
        row(
            measure="same greedy answers as plain generate", asked=way, prompts=len(answers),
            same=sum(at is None for at in parted),
            first_difference=sorted(at for at in parted if at is not None),
            margin_in_deviations_median=round(statistics.median(margins), 4) if margins else None,
            margin_largest=round(max(margins), 4) if margins else None,
            margin_of_all_tokens_median=round(statistics.median(m for one in answers for m in one.margins), 4),
        )  # fmt: skip


def answered(engine: Any, prompts: list[list[int]], tokens: int) -> tuple[list[list[int]], float]:
    """Return the answers, asked all at once, and the seconds of decoding.

    The seconds count from the first token of the last answer to begin.
    """
    from rag.chat_models.serving.protocol import GenerationRequest

    started = time.perf_counter()
    running = [engine.submit(GenerationRequest(tuple(prompt), tokens)) for prompt in prompts]
    said = [[token for batch in one for token in batch.ids] for one in running]
    return said, time.perf_counter() - started


def guesses(model: Any, context_tokens: int, bandwidth: float) -> None:
    """Measure decode speed with and without guesses, beside the limit without them.

    The limit is that of the memory bandwidth. The model is changed so that its answers repeat two thirds of
    their prompt.
    """
    from rag.chat_models.engines.transformers_engine import TransformersEngine
    from rag.settings import ModelSettings

    order = make_predictable(model)
    engine = TransformersEngine(model, context_tokens, ModelSettings(queue_length=64))
    steps = counted_steps(engine._steps)
    for conversations in (1, 8, 32):
        prompts = [repeating_prompt(order, number) for number in range(conversations)]
        expected = [answer_to(order, number) for number in range(conversations)]
        answered(engine, prompts, 1)  # read before, so that only decoding is timed
        found = {}
        for lookup in (0, 3, 7, 15):
            engine._engine._lookup_tokens = lookup
            steps.clear()
            said, seconds = answered(engine, prompts, NEW_TOKENS)
            found[lookup] = {
                "tok_s": round(conversations * NEW_TOKENS / seconds, 1),
                "steps": len(steps),
                "right": sum(a == b for a, b in zip(said, expected, strict=True)),
            }
        limit = step_limit(model, conversations, len(prompts[0]) + NEW_TOKENS // 2, bandwidth)
        row(
            measure="guessed tokens", conversations=conversations, by_most_guesses=found,
            limit_without_guesses_tok_s=round(conversations / limit),
        )  # fmt: skip
    engine.close()


def make_predictable(model: Any) -> list[int]:
    """Change the model to continue one fixed order of all tokens; return the order.

    After any token it chooses the next one of that order.
    """
    import torch

    weight, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    order = torch.randperm(len(weight), generator=torch.Generator().manual_seed(3))
    weight.data.mul_(2 / weight.data.std())  # the last token outweighs what the random layers add
    head.data[order.roll(-1).to(head.device)] = weight.data[order.to(head.device)]
    return order.tolist()


def answer_to(order: list[int], number: int) -> list[int]:
    """Return the answer of the predictable model to the prompt of this number."""
    at = number * (NEW_TOKENS + 2)
    return [order[(at + step) % len(order)] for step in range(1, NEW_TOKENS + 1)]


def repeating_prompt(order: list[int], number: int, tokens: int = 1200) -> list[int]:
    """Return a prompt that contains two thirds of its answer in pieces."""
    answer = answer_to(order, number)
    pieces = [answer[at : at + REPEATED] for at in range(0, NEW_TOKENS, REPEATED + OWN)]
    filler = [(number * 31 + at * at * 17) % len(order) for at in range(tokens)]
    prompt: list[int] = []
    for piece in reversed(pieces):
        prompt += filler[len(prompt) : len(prompt) + tokens // len(pieces) - len(piece)] + piece
    return [*prompt, order[number * (NEW_TOKENS + 2) % len(order)]]


def counted_steps(model: Any) -> list[int]:
    """A list that grows by the rows of each step that the model takes."""
    counts: list[int] = []
    step = model.step

    def counting(slots: Any, tokens: Any, positions: Any) -> Any:
        counts.append(len(slots))
        return step(slots, tokens, positions)

    model.step = counting
    return counts
