"""Which engine runs the embedding model on this machine, and how two of them serve as one.

Questions want a quick start, so they go to OpenVINO, which needs no torch; whole folders want throughput, so they go to
whatever the machine profile says is fastest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag import machine_profile
from rag.embedder import EMBEDDED_MODEL, EMBEDDED_NAME, Embedder
from rag.machine_profile import Engine, EngineChoice, Measured, Precision
from rag.sentence_model import SentenceModel, read_sentence_model
from rag.settings import EmbeddingSettings

BULK_TEXTS = 256
"""From so many texts on, starting a second engine is worth its seconds."""
_WORTH_RATIO = 1.3


def open_engine(settings: EmbeddingSettings, folder: Path) -> Embedder:
    """The embedder for the model in `folder`."""
    model = read_sentence_model(folder, EMBEDDED_NAME if settings.model == EMBEDDED_MODEL else settings.model)
    light, bulk = chosen_engines(settings, model)
    first = open_choice(model, light, settings.batch_size)
    if bulk == light:
        return first
    return TwoEngines(first, lambda: open_choice(model, bulk, settings.batch_size))


def chosen_engines(settings: EmbeddingSettings, model: SentenceModel) -> tuple[EngineChoice, EngineChoice]:
    """(for questions, for many passages): what the settings name, else what was measured to be best."""
    wanted = settings.precision
    if not model.plain or settings.engine == Engine.TORCH:
        one = EngineChoice(Engine.TORCH, Precision.FLOAT32 if wanted == "auto" else Precision(wanted))
        return one, one
    if settings.engine == Engine.OPENVINO and wanted != "auto":
        one = EngineChoice(Engine.OPENVINO, Precision(wanted))
        return one, one
    usable = [entry for entry in measured(model, settings.batch_size) if _fits(entry, settings)]
    light = next((entry for entry in usable if entry.choice.engine is Engine.OPENVINO), usable[0])
    best = usable[0]
    worth = best.passages_per_second > _WORTH_RATIO * light.passages_per_second
    return light.choice, best.choice if worth else light.choice


def measured(model: SentenceModel, batch_size: int) -> list[Measured]:
    """The machine profile's figures for the model, fastest first; probed now (some seconds) if there are none."""
    found = machine_profile.remembered(model.fingerprint)
    if not found:
        from rag.embedding_probe import candidates, probe

        found = probe(candidates(), lambda choice: open_choice(model, choice, batch_size))
        machine_profile.remember(model.fingerprint, found)
    return found


def open_choice(model: SentenceModel, choice: EngineChoice, batch_size: int) -> Embedder:
    """The model on one engine."""
    if choice.engine is Engine.OPENVINO:
        from rag.openvino_embedder import OpenVinoEmbedder
        from rag.openvino_model import ensure_graph

        graph = ensure_graph(model, machine_profile.cache_folder())
        return OpenVinoEmbedder(model, graph, choice.precision, batch_size)
    from rag.torch_embedder import TorchEmbedder

    return TorchEmbedder(model, choice.precision, batch_size, choice.device)


def _fits(entry: Measured, settings: EmbeddingSettings) -> bool:
    from rag.embedding_probe import LEAST_COSINE

    engine = settings.engine in {"auto", entry.choice.engine}
    precision = settings.precision in {"auto", entry.choice.precision}
    return engine and precision and entry.cosine >= LEAST_COSINE


class TwoEngines:
    """Implements `rag.embedder.Embedder`: one engine for questions and few passages, another for many."""

    def __init__(self, light: Embedder, open_bulk: Callable[[], Embedder]) -> None:
        self._light = light
        self._open_bulk = open_bulk

    @cached_property
    def _bulk(self) -> Embedder:
        """The second engine, opened when it is first worth it."""
        return self._open_bulk()

    @property
    def fingerprint(self) -> str:
        """The model's weights and use; the same for both."""
        return self._light.fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._light.dim

    @property
    def max_tokens(self) -> int:
        """Longest text embedded whole."""
        return self._light.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return self._light.count_tokens(texts)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The vector (dim,) of a question."""
        return self._light.embed_query(text)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors (n, dim) of texts, in order."""
        opened = "_bulk" in self.__dict__
        return (self._bulk if opened or len(texts) >= BULK_TEXTS else self._light).embed_passages(texts)
