"""A grammar as a mask over a vocabulary, token by token, for engines whose logits are at hand.

Knows xgrammar: it compiles EBNF against the tokenizer once per grammar and then says quickly which tokens may come next.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rag.chat_models.step_engine import Constraint
from rag.errors import ModelMissing

if TYPE_CHECKING:
    import torch

_KEPT_GRAMMARS = 32


class TokenGrammar:
    """One answer's way through a compiled grammar."""

    def __init__(self, compiled: Any, vocabulary_size: int) -> None:
        import xgrammar

        self._matcher = xgrammar.GrammarMatcher(compiled)
        self._mask = xgrammar.allocate_token_bitmask(1, vocabulary_size)

    def allowed(self) -> torch.Tensor:
        """The tokens that may come next as bits, int32 (vocabulary / 32,) on the CPU; overwritten by the next call."""
        self._matcher.fill_next_token_bitmask(self._mask)
        words: torch.Tensor = self._mask[0]
        return words

    def accept(self, token: int) -> None:
        """Go on past a chosen token."""
        self._matcher.accept_token(token)


def grammars_of(tokenizer: Any, vocabulary_size: int) -> Callable[[str], Constraint]:
    """What turns EBNF into a constraint for a transformers tokenizer whose model has `vocabulary_size` logits."""

    @lru_cache(maxsize=1)
    def compiler() -> Any:
        if find_spec("xgrammar") is None:
            raise ModelMissing(
                "answers in a fixed form need xgrammar with this model; run: pip install xgrammar"
            )
        import xgrammar

        known = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocabulary_size)
        return xgrammar.GrammarCompiler(known)

    @lru_cache(maxsize=_KEPT_GRAMMARS)
    def compiled(ebnf: str) -> Any:
        return compiler().compile_grammar(ebnf)

    return lambda ebnf: TokenGrammar(compiled(ebnf), vocabulary_size)
