"""A grammar as a mask over the vocabulary, token by token.

It is for engines that work on logits. xgrammar compiles EBNF against the tokenizer once per grammar and then
finds the allowed next tokens quickly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rag.chat_models.serving.step_model import Constraint
from rag.errors import ModelMissing
from rag.extras import adding

if TYPE_CHECKING:
    import torch

_KEPT_GRAMMARS = 32  # compiled grammars in memory


class TokenGrammar:
    """One answer's way through a compiled grammar."""

    def __init__(self, compiled: Any, vocabulary_size: int) -> None:
        import xgrammar

        self._matcher = xgrammar.GrammarMatcher(compiled)
        self._mask = xgrammar.allocate_token_bitmask(1, vocabulary_size)

    def allowed(self) -> torch.Tensor:
        """Return the allowed next tokens as bits, int32 (vocabulary / 32,) on the CPU.

        The next call overwrites them.
        """
        self._matcher.fill_next_token_bitmask(self._mask)
        words: torch.Tensor = self._mask[0]
        return words

    def accept(self, token: int) -> None:
        """Go on past a chosen token."""
        self._matcher.accept_token(token)


def grammars_of(tokenizer: Any, vocabulary_size: int) -> Callable[[str], Constraint]:
    """Return a function that turns EBNF into a constraint for a tokenizer.

    The tokenizer is one of transformers; its model has `vocabulary_size` logits.
    """

    @lru_cache(maxsize=1)
    def compiler() -> Any:
        if find_spec("xgrammar") is None:
            raise ModelMissing(
                f"answers in a fixed form need xgrammar with this model; add it with: {adding('finetune')}"
            )
        import xgrammar

        known = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocabulary_size)
        return xgrammar.GrammarCompiler(known)

    @lru_cache(maxsize=_KEPT_GRAMMARS)
    def compiled(ebnf: str) -> Any:
        return compiler().compile_grammar(ebnf)

    return lambda ebnf: TokenGrammar(compiled(ebnf), vocabulary_size)
