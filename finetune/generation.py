"""Answers of a model to many prompts at once.

It is for measuring and for making training rows, not for chatting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finetune.encoding import encode_prompts
from rag.chat_models.files.control_tokens import Message


def answer_all(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[Message]],
    *,
    most_tokens: int,
    batch_tokens: int = 0,
    temperature: float = 0.0,
) -> list[str]:
    """Return the answer to each prompt, in order.

    It is the likeliest one, or with a temperature a random one by torch's own generator. Prompts of similar
    length share a batch of about `batch_tokens` tokens (0 for as many as suit the device).
    """
    import torch

    batch_tokens = batch_tokens or (500_000 if torch.cuda.is_available() else 8_000)

    ids = encode_prompts(tokenizer, prompts)
    order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
    answers = [""] * len(ids)
    model.eval()
    while order:
        width = len(ids[order[-1]]) + most_tokens
        batch = [order.pop() for _ in range(max(1, min(len(order), batch_tokens // width)))]
        longest = max(len(ids[index]) for index in batch)
        rows = [[tokenizer.pad_token_id] * (longest - len(ids[i])) + list(ids[i]) for i in batch]
        mask = [[0] * (longest - len(ids[i])) + [1] * len(ids[i]) for i in batch]
        with torch.inference_mode():
            out = model.generate(
                input_ids=torch.tensor(rows, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                max_new_tokens=most_tokens,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
                do_sample=temperature > 0,
                temperature=temperature or None,
                top_p=0.95 if temperature else None,
                top_k=None,
            )
        for index, row in zip(batch, out, strict=True):
            answers[index] = tokenizer.decode(row[longest:], skip_special_tokens=True).strip()
    return answers
