"""Which engine runs the embedding model on this machine.

The embedded model runs on OpenVINO wherever OpenVINO runs it well: it starts in half a second because it needs no torch and
tells the tokens' own states for late interaction, which is worth more than the fifth by which torch is faster on some processors.
The probe settles its arithmetic. Everything else runs on sentence-transformers.
"""

from __future__ import annotations

import json
from pathlib import Path

from rag import machine_profile
from rag.child_process import printed_by
from rag.embedder import EMBEDDED_MODEL, EMBEDDED_NAME, Embedder
from rag.machine_profile import Engine, EngineChoice, Measured, Precision
from rag.sentence_model import SentenceModel, read_sentence_model
from rag.settings import EmbeddingSettings

LEAST_COSINE = 0.999
"""Vectors further from float32 than this are not used. Source: issue 3, `make bench-ingest` prints the least one found."""


def open_engine(settings: EmbeddingSettings, folder: Path) -> Embedder:
    """The embedder for the model in `folder`."""
    model = read_sentence_model(folder, EMBEDDED_NAME if settings.model == EMBEDDED_MODEL else settings.model)
    return open_choice(model, chosen_engine(settings, model), settings.batch_size)


def chosen_engine(settings: EmbeddingSettings, model: SentenceModel) -> EngineChoice:
    """What the settings name, else the fastest arithmetic on OpenVINO that was measured to be as good as float32."""
    named = settings.precision
    if not model.plain or settings.engine == Engine.TORCH:
        return EngineChoice(Engine.TORCH, Precision.FLOAT32 if named == "auto" else Precision(named), "auto")
    if named != "auto":
        return EngineChoice(Engine.OPENVINO, Precision(named))
    good = [entry.choice for entry in measured(model, settings.batch_size) if entry.cosine >= LEAST_COSINE]
    exact = EngineChoice(Engine.TORCH, Precision.FLOAT32)  # whose own error tells most where nothing runs
    return next((choice for choice in good if choice.engine is Engine.OPENVINO), good[0] if good else exact)


def measured(model: SentenceModel, batch_size: int) -> list[Measured]:
    """The machine profile's figures for the model, fastest first; probed now (some seconds) if there are none.

    The probe loads every engine, which takes 3 GB, so it has a process of its own.
    """
    found = machine_profile.remembered(model.fingerprint)
    if not found:
        name = model.fingerprint.split(" ", 1)[0]
        printed = printed_by("rag.embedding_probe", str(model.folder), name, str(batch_size))
        found = [machine_profile.measured_from(entry) for entry in json.loads(printed.splitlines()[-1])]
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
