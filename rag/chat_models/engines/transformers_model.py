"""A Hugging Face model, loaded and with its adapter on, as a chat model."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

from rag.chat_models.engines.transformers_engine import TransformersEngine
from rag.chat_models.engines.transformers_loading import (
    Weights,
    load_causal_model,
    load_tokenizer,
    memory_errors_named,
)
from rag.chat_models.files.model_shape import chosen_context
from rag.chat_models.files.tokenization import Tokenization
from rag.chat_models.local_model import LocalChatModel
from rag.chat_models.structured.token_mask import grammars_of
from rag.errors import ModelFailed
from rag.prompt import PromptStyle
from rag.settings import ModelSettings


class TransformersChatModel(LocalChatModel):
    """A transformers model whose adapter can be changed while the base stays loaded."""

    base_fingerprint: str = ""

    def use_adapter(self, folder: Path | None) -> None:
        """Use the LoRA adapter in `folder`, or the base alone, for questions from now on.

        Raises:
            ModelMissing: the folder has no adapter.
            ModelFailed: the adapter is damaged or made for another base; the one before stays in use.
        """
        engine: Any = self.engine
        content = engine.use_adapter(folder)
        self.adapter = str(folder) if folder else ""
        self.fingerprint = self.base_fingerprint + (f"+{content}" if content else "")


def open_transformers(
    source: str, weights: Weights, adapter: Path | None, settings: ModelSettings
) -> LocalChatModel:
    """The loaded model of a Hugging Face id or folder.

    Raises:
        ModelMissing: it or its adapter is not there.
        ModelTooLarge: it does not fit the memory.
        ModelFailed: its files are damaged, or it has no chat template.
    """
    tokenizer = load_tokenizer(source)
    tokenization = _tokenization(tokenizer, source)
    model = load_causal_model(source, weights)
    own_limit = int(getattr(model.config, "max_position_embeddings", 0) or 0)
    context = chosen_context(settings.name, settings.context_tokens, own_limit)
    grammars = grammars_of(tokenizer, int(model.config.vocab_size))
    fingerprint = _fingerprint(source, model.config, weights)
    with memory_errors_named(f"a conversation of {context:,} tokens beside {source}"):
        engine = TransformersEngine(model, context, settings, grammars)
    chat = TransformersChatModel(
        name=settings.name,
        fingerprint=fingerprint,
        base_fingerprint=fingerprint,
        context_tokens=context,
        prompt_style=PromptStyle.INSTRUCT,
        engine=engine,
        tokenization=tokenization,
        max_answer_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
    )
    if adapter is not None:
        chat.use_adapter(adapter)
    return chat


def _tokenization(tokenizer: Any, source: str) -> Tokenization:
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if not isinstance(template, str) or not template.strip():
        raise ModelFailed(f"{source} has no chat template; use its instruct version")
    ends = {tokenizer.eos_token_id, *_known_ends(tokenizer)}
    special = {"bos_token": tokenizer.bos_token or "", "eos_token": tokenizer.eos_token or ""}
    return Tokenization(
        tokenizer.backend_tokenizer, template, special, sorted(end for end in ends if end is not None)
    )


def _known_ends(tokenizer: Any) -> list[int]:
    vocabulary = tokenizer.get_vocab()
    return [vocabulary[end] for end in ("<|eot_id|>", "<|im_end|>", "<|end_of_text|>") if end in vocabulary]


def _fingerprint(source: str, config: Any, weights: Weights) -> str:
    described = json.dumps(
        [source, config.to_dict().get("_commit_hash"), config.to_json_string(), weights.value]
    )
    return blake2b(described.encode(), digest_size=8).hexdigest()
