"""Greedy answers of Lectern's decoder beside plain `generate`'s, and what guessing from the prompt gives where answers repeat it."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.gpu_decoding import NEW_TOKENS, step_limit
from benchmarks.gpu_measuring import row

ANSWER_TOKENS, PROMPT_TOKENS = 16, 200
REPEATED, OWN = 14, 7
"""Of the answers that repeat their prompt: tokens that are repeated, then tokens that are not, and so on."""


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """What plain `generate` said, and by how much each token was ahead of the next best, in deviations of all logits."""

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
    """How many answers are the same, alone and all at once, and how near a tie stood where the others part."""
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
    """The answers, asked all at once, and the seconds from the first token of the last to begin to the end."""
    from rag.chat_models.generation import GenerationRequest

    started = time.perf_counter()
    running = [engine.submit(GenerationRequest(tuple(prompt), tokens)) for prompt in prompts]
    said = [[token for batch in one for token in batch.ids] for one in running]
    return said, time.perf_counter() - started


def guesses(model: Any, context_tokens: int, bandwidth: float) -> None:
    """Decode speed with and without guesses, beside what the memory's bandwidth allows without them, on a model made to say what it is asked to: answers that repeat two thirds of their prompt."""
    from rag.chat_models.transformers_engine import TransformersEngine
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
    """Change the model so that after any token it always says the next of one fixed order of all tokens; that order."""
    import torch

    weight, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    order = torch.randperm(len(weight), generator=torch.Generator().manual_seed(3))
    weight.data.mul_(2 / weight.data.std())  # the last token outweighs what the random layers add
    head.data[order.roll(-1).to(head.device)] = weight.data[order.to(head.device)]
    return order.tolist()


def answer_to(order: list[int], number: int) -> list[int]:
    """What the predictable model answers to the prompt of this number."""
    at = number * (NEW_TOKENS + 2)
    return [order[(at + step) % len(order)] for step in range(1, NEW_TOKENS + 1)]


def repeating_prompt(order: list[int], number: int, tokens: int = 1200) -> list[int]:
    """A prompt that holds two thirds of its answer in pieces."""
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
