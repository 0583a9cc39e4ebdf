"""The interface of an embedder, and the folder that a model's name refers to.

`rag.embedding.engine` opens one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rag.embedding.embedded_model import embedded_folder
from rag.embedding.multilingual import MULTILINGUAL, PACKED, multilingual_folder
from rag.errors import ModelMissing

EMBEDDED_MODEL = "embedded"


class Embedder(Protocol):
    """The interface from text to vectors of length 1: dot products are cosines.

    `fingerprint` names the model's weights and how they are used, not the arithmetic: vectors of the same
    fingerprint may be compared, whichever engine made them. `max_tokens` is the longest text, as
    `count_tokens` counts, that is embedded whole; of a longer one the end is ignored.
    """

    @property
    def fingerprint(self) -> str: ...

    @property
    def dim(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector a text, in order: (n, dim); (0, dim) for no text."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector (dim,) of a question."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, without start and end marks."""
        ...


@runtime_checkable
class TokenEmbedder(Embedder, Protocol):
    """An embedder that also returns the vectors of tokens, for late interaction."""

    def sketch_passages(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[bytes]]:
        """Return the vectors of `embed_passages` and the sketch of each text's tokens."""
        ...

    def embed_query_tokens(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the vectors of a question (dim,) and of its tokens (m, dim).

        Both have length 1; start and end marks are left out.
        """
        ...


@runtime_checkable
class FolderEmbedder(Embedder, Protocol):
    """An embedder whose tokens another process can count.

    So that process can cut notes within its bounds.
    """

    @property
    def tokenizer_folder(self) -> Path:
        """Folder with the `tokenizer.json` that `count_tokens` uses."""
        ...


def embed_with_sketches(embedder: Embedder, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[bytes]]:
    """Return one vector a text, and the sketch of its tokens.

    The sketches of an embedder that makes none are empty.
    """
    if isinstance(embedder, TokenEmbedder):
        return embedder.sketch_passages(texts)
    return embedder.embed_passages(texts), [b""] * len(texts)


def model_folder(model: str) -> Path:
    """Return the folder of a sentence-transformers model.

    Raises:
        ModelMissing: there is none.
    """
    if model == EMBEDDED_MODEL:
        return embedded_folder()
    if model in {MULTILINGUAL, PACKED}:
        return multilingual_folder(model)
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelMissing(
                f"{folder} holds no embedding model: expected config.json and model.safetensors in it."
            )
        return folder
    return _cached_folder(model)


def _cached_folder(model: str) -> Path:
    """Return the model's folder in Hugging Face's cache, without fetching anything."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as exc:
        raise ModelMissing(
            f"The embedding model {model!r} is neither a folder nor in the cache of Hugging Face. Fetch it with "
            f"`hf download {model}`, give a folder, or set embedding.model = 'embedded'."
        ) from exc
