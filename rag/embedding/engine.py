"""The choice of the engine that runs the embedding model on this machine.

The embedded model, and any other that `rag.embedding.openvino_graph` can build, runs on OpenVINO: it starts in half
a second because it needs no torch, and it returns the tokens' own states for late interaction, which is worth
more than the fifth by which torch is faster on some processors. A probe chooses its arithmetic. Every other
model runs on sentence-transformers, which is part of the extra `models`.
"""

from __future__ import annotations

import json
from pathlib import Path

from rag.embedding import machine_profile
from rag.embedding.embedded_model import EMBEDDED_NAME, check_weights
from rag.embedding.embedder import EMBEDDED_MODEL, Embedder, model_folder
from rag.embedding.machine_profile import Engine, EngineChoice, Measured, Precision
from rag.embedding.model_folder import SentenceModel, read_sentence_model
from rag.settings import EmbeddingSettings
from rag.system.child_process import printed_by

LEAST_COSINE = 0.999
"""Vectors further from float32 than this are not used. `make bench-ingest` prints the least one found."""


def open_engine(settings: EmbeddingSettings, folder: Path) -> Embedder:
    """Return the embedder for the model in `folder`."""
    model = read_sentence_model(folder, EMBEDDED_NAME if settings.model == EMBEDDED_MODEL else settings.model)
    return open_choice(model, chosen_engine(settings, model), settings.batch_size)


def chosen_engine(settings: EmbeddingSettings, model: SentenceModel) -> EngineChoice:
    """Return the engine of the settings, else OpenVINO in its fastest arithmetic.

    Only arithmetic that was measured to be as good as float32 counts. torch is the engine where OpenVINO does
    not run. The embedded model is verified at its first use on a machine.

    Raises:
        ModelMissing: the embedded model is damaged.
    """
    named = settings.precision
    if not model.plain or settings.engine == Engine.TORCH:
        return EngineChoice(Engine.TORCH, Precision.FLOAT32 if named == "auto" else Precision(named), "auto")
    if named != "auto":
        return EngineChoice(Engine.OPENVINO, Precision(named))
    if settings.model == EMBEDDED_MODEL and not machine_profile.remembered(model.fingerprint):
        check_weights()
    good = [entry.choice for entry in measured(model, settings.batch_size) if entry.cosine >= LEAST_COSINE]
    return good[0] if good else EngineChoice(Engine.TORCH, Precision.FLOAT32)


def measured(model: SentenceModel, batch_size: int) -> list[Measured]:
    """Return the machine profile's figures for the model, fastest first.

    They are measured now (some seconds) if there are none. The probe has a process of its own, which gives its
    memory back and may crash on an arithmetic that the processor does not have.
    """
    found = machine_profile.remembered(model.fingerprint)
    if not found:
        name = model.fingerprint.split(" ", 1)[0]
        printed = printed_by("rag.embedding.probe", str(model.folder), name, str(batch_size))
        found = [machine_profile.measured_from(entry) for entry in json.loads(printed.splitlines()[-1])]
        machine_profile.remember(model.fingerprint, found)
    return found


def open_choice(model: SentenceModel, choice: EngineChoice, batch_size: int) -> Embedder:
    """Return the model on one engine."""
    if choice.engine is Engine.OPENVINO:
        from rag.embedding.openvino_embedder import OpenVinoEmbedder

        return OpenVinoEmbedder(model, choice.precision, batch_size)
    from rag.embedding.torch_embedder import TorchEmbedder

    return TorchEmbedder(model, choice.precision, batch_size, choice.device)


def open_embedder(settings: EmbeddingSettings) -> Embedder:
    """Return the embedder that the settings name.

    See `chosen_engine`.

    Raises:
        ModelMissing: the model is neither a folder nor installed nor in the cache of Hugging Face.
    """
    from rag.system.telemetry import switch_off_telemetry

    switch_off_telemetry()
    return open_engine(settings, model_folder(settings.model))
