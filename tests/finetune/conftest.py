"""A tokenizer that can be computed by hand: one token a word, and a chat template in plain marks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest


class WordTokenizer:
    """Words become numbers in order of first sight; `<end>` is the only special token, number 0."""

    def __init__(self) -> None:
        self.words = {"<end>": 0}
        self.all_special_ids = [0]
        self.pad_token_id = 0

    def apply_chat_template(
        self, messages: Sequence[dict[str, str]], tokenize: bool, add_generation_prompt: bool
    ) -> str:
        said = "".join(f"<{m['role']}> {m['content']} <end> \n " for m in messages)
        return said + ("<assistant> " if add_generation_prompt else "")

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        pieces = [piece for piece in text.replace("\n", " <line> ").split(" ") if piece]
        return {"input_ids": [self.words.setdefault(piece, len(self.words)) for piece in pieces]}

    def decode(self, ids: Sequence[int]) -> str:
        names = {number: word for word, number in self.words.items()}
        return " ".join(names[number] for number in ids)


@pytest.fixture
def tokenizer() -> WordTokenizer:
    return WordTokenizer()
