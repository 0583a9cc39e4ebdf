"""A tokenizer that can be computed by hand, one token a word; and a Llama of 30,000 random weights with its rows and recipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

TEMPLATE = (
    "{% for m in messages %}<s> {{ m['role'] }} {{ m['content'] }} </s> {% endfor %}"
    "{% if add_generation_prompt %}<s> assistant {% endif %}"
)
WORDS = [f"w{n}" for n in range(40)]


class WordTokenizer:
    """Words become numbers in order of first sight; `<end>` is the only special token, number 0."""

    def __init__(self) -> None:
        self.words = {"<end>": 0}
        self.all_special_ids = [0]
        self.added_tokens_decoder: dict[int, Any] = {}
        self.pad_token_id = 0

    def apply_chat_template(
        self, messages: Sequence[dict[str, str]], tokenize: bool, add_generation_prompt: bool
    ) -> str:
        said = "".join(f"<{m['role']}> {m['content']} <end> \n " for m in messages)
        return said + ("<assistant> " if add_generation_prompt else "")

    def __call__(self, texts: Sequence[str], add_special_tokens: bool) -> dict[str, list[list[int]]]:
        return {"input_ids": [self._ids(text) for text in texts]}

    def _ids(self, text: str) -> list[int]:
        pieces = [piece for piece in text.replace("\n", " <line> ").split(" ") if piece]
        return [self.words.setdefault(piece, len(self.words)) for piece in pieces]

    def decode(self, ids: Sequence[int]) -> str:
        names = {number: word for word, number in self.words.items()}
        return " ".join(names[number] for number in ids)


@pytest.fixture
def tokenizer() -> WordTokenizer:
    return WordTokenizer()


@pytest.fixture(scope="session")
def make_llama() -> Callable[..., Any]:
    """A Llama of two layers, always with the same random weights, `hidden` wide and twice that within."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    def make(hidden: int = 32, vocabulary: int = 48, attention: str = "sdpa") -> Any:
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=vocabulary, hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        )  # fmt: skip
        config._attn_implementation = attention
        return LlamaForCausalLM(config)

    return make


@pytest.fixture(scope="session")
def tiny(make_llama, tmp_path_factory):
    """A folder with a tiny Llama and a tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    names = ["<s>", "</s>", "<unk>", "user", "assistant", *WORDS]
    words = Tokenizer(models.WordLevel({name: n for n, name in enumerate(names)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", pad_token="</s>", unk_token="<unk>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    make_llama(vocabulary=len(names)).save_pretrained(folder)
    return folder


@pytest.fixture
def rows(tmp_path):
    """Forty conversations in which the answer repeats the question's first two words."""
    file = tmp_path / "rows.jsonl"
    with file.open("w") as out:
        for n in range(40):
            said = [WORDS[(n * 7 + k) % 40] for k in range(3 + n % 5)]
            messages = [
                {"role": "user", "content": " ".join(said)},
                {"role": "assistant", "content": " ".join(said[:2])},
            ]
            out.write(json.dumps({"messages": messages}) + "\n")
    return file


@pytest.fixture
def tiny_recipe(tiny, rows) -> Callable[..., Any]:
    """A recipe for the tiny Llama on the forty rows, or on others; further arguments go to its training part."""
    from finetune.recipe import Recipe

    def make(data: Any = rows, quantization: str = "none", share: float = 0.1, **training: Any) -> Recipe:
        chosen = {
            "steps": 8,
            "batch_rows": 2,
            "context_tokens": 32,
            "learning_rate": 1e-2,
            "evaluations": 2,
            "checkpoints": 4,
        }
        return Recipe(
            name="tiny",
            model={"base": str(tiny), "quantization": quantization},
            lora={"rank": 4, "alpha": 8},
            data={"rows": "messages", "path": str(data), "evaluation_share": share},
            training=chosen | training,
        )

    return make
