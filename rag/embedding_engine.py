"""Which engine runs the embedding model on this machine."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path

from rag.embedder import EMBEDDED_MODEL, EMBEDDED_NAME, Embedder
from rag.machine_profile import Precision
from rag.sentence_model import SentenceModel, read_sentence_model
from rag.settings import EmbeddingSettings


def open_engine(settings: EmbeddingSettings, folder: Path) -> Embedder:
    """The embedder for the model in `folder`."""
    model = read_sentence_model(folder, EMBEDDED_NAME if settings.model == EMBEDDED_MODEL else settings.model)
    if not model.plain:
        from rag.torch_embedder import TorchEmbedder

        precision = Precision.FLOAT32 if settings.precision == "auto" else Precision(settings.precision)
        return TorchEmbedder(model, precision, settings.batch_size)
    return _openvino(model, settings)


def _openvino(model: SentenceModel, settings: EmbeddingSettings) -> Embedder:
    import openvino

    from rag.openvino_embedder import OpenVinoEmbedder
    from rag.openvino_model import ensure_graph

    precision = settings.precision
    if precision == "auto":
        able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        precision = Precision.BFLOAT16 if "BF16" in able else Precision.FLOAT32
    graph = ensure_graph(model, user_cache_path("lectern"))
    return OpenVinoEmbedder(model, graph, Precision(precision), settings.batch_size)
