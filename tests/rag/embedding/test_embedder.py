"""The embedded model on its engines, and what is remembered of them."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rag.embedding import machine_profile
from rag.embedding.embedder import model_folder
from rag.embedding.engine import chosen_engine, open_embedder
from rag.embedding.machine_profile import Engine, EngineChoice, Measured, Precision
from rag.embedding.model_folder import read_sentence_model
from rag.errors import ModelMissing
from rag.settings import EmbeddingSettings

TEXTS = [
    "Gradient descent follows the slope of the loss.",
    "Paris is the capital of France.",
    "x",
    "",
    "A much longer passage about sampling and quantisation of signals. " * 30,
]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine_profile, "cache_folder", lambda: tmp_path)
    return tmp_path


def test_the_folder_of_the_embedded_model_is_read_without_torch() -> None:
    model = read_sentence_model(model_folder("embedded"), "all-MiniLM-L6-v2")
    assert (model.dim, model.max_sequence, model.max_tokens, model.plain) == (384, 256, 254, True)
    assert model.count_tokens(["hello world", "", "word " * 400]) == [2, 0, 400]
    assert [len(encoding) for encoding in model.encode(["hello world", "word " * 400])] == [4, 256]


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="neither a folder nor in the cache"):
        model_folder("nobody/no-such-model")
    with pytest.raises(ModelMissing, match="holds no embedding model"):
        model_folder(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelMissing, match="not a whole embedding model"):
        open_embedder(EmbeddingSettings(model=str(tmp_path)))


def measured(engine: Engine, precision: Precision, speed: float, cosine: float) -> Measured:
    return Measured(EngineChoice(engine, precision), speed, cosine)


def test_the_profile_is_kept_for_this_machine_only(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [measured(Engine.OPENVINO, Precision.BFLOAT16, 100.0, 0.9999)]
    machine_profile.remember("model", found)
    assert machine_profile.remembered("model") == found
    assert machine_profile.remembered("other") == []
    monkeypatch.setattr(machine_profile, "machine_name", lambda: "another machine")
    assert machine_profile.remembered("model") == []
    (own_cache / "machine.json").write_text("not json")
    assert machine_profile.remembered("model") == []
    machine_profile.remember("model", found)
    assert json.loads((own_cache / "machine.json").read_text())["another machine"]


def test_the_fastest_arithmetic_that_is_good_enough_is_chosen(own_cache: Path) -> None:
    model = read_sentence_model(model_folder("embedded"), "m")
    machine_profile.remember(
        model.fingerprint,
        [
            measured(Engine.OPENVINO, Precision.BFLOAT16, 200, 0.95),
            measured(Engine.OPENVINO, Precision.FLOAT32, 100, 1.0),
        ],
    )
    assert chosen_engine(EmbeddingSettings(), model) == EngineChoice(Engine.OPENVINO, Precision.FLOAT32)
    exact = chosen_engine(EmbeddingSettings(engine="torch"), model)
    assert (exact.engine, exact.precision) == (Engine.TORCH, Precision.FLOAT32)
    named = chosen_engine(EmbeddingSettings(precision="bfloat16"), model)
    assert named == EngineChoice(Engine.OPENVINO, Precision.BFLOAT16)


@pytest.mark.model
@pytest.mark.parametrize("engine", ["auto", "openvino", "torch"])
def test_every_engine_gives_the_vectors_of_sentence_transformers(engine: str) -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(model_folder("embedded")), device="cpu").encode(
        TEXTS, normalize_embeddings=True
    )
    embedder = open_embedder(EmbeddingSettings(engine=engine))
    vectors = embedder.embed_passages(TEXTS)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-3)
    assert (vectors * reference).sum(axis=1).min() >= 0.999
    assert embedder.embed_query(TEXTS[0]) @ reference[0] >= 0.999
    assert embedder.embed_passages([]).shape == (0, 384)
    assert embedder.count_tokens(TEXTS[:1]) == [9]


@pytest.mark.model
def test_float32_is_that_of_torch() -> None:
    ours, torch = (
        open_embedder(EmbeddingSettings(engine=engine, precision="float32")).embed_passages(TEXTS)
        for engine in ("openvino", "torch")
    )
    assert np.abs(ours - torch).max() < 1e-6


@pytest.mark.model
def test_order_and_company_do_not_change_a_vector() -> None:
    embedder = open_embedder(EmbeddingSettings())
    many = [f"{text} {number}" for number in range(40) for text in TEXTS]
    forward, backward = embedder.embed_passages(many), embedder.embed_passages(many[::-1])
    assert (forward * backward[::-1]).sum(axis=1).min() >= 0.999


@pytest.mark.model
def test_many_threads_may_ask_a_fresh_embedder() -> None:
    embedder = open_embedder(EmbeddingSettings())
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(embedder.embed_query, ["the same question"] * 24))
    assert all(np.allclose(vector, found[0], atol=1e-3) for vector in found)


@pytest.mark.model
def test_a_question_needs_no_torch() -> None:
    open_embedder(EmbeddingSettings()).embed_query("makes the graph, should it be missing")
    code = (
        "import sys\nfrom rag.embedding.engine import open_embedder\nfrom rag.settings import EmbeddingSettings\n"
        "e = open_embedder(EmbeddingSettings())\ne.embed_query('q')\ne.embed_passages(['a', 'b'] * 50)\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
