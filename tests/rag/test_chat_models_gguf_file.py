"""A GGUF header: what is read, and what is said of a file that is not whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.chat_models.gguf_file import read_header
from rag.chat_models.gguf_writing import rewrite
from rag.errors import ModelFailed, ModelMissing

WEIGHT = np.arange(4 * 64, dtype=np.float32).reshape(4, 64) / 100


@pytest.fixture
def gguf_path(tmp_path: Path) -> Path:
    import gguf

    path = tmp_path / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("Tiny")
    writer.add_block_count(3)
    writer.add_context_length(77)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_token_list(["a", "b", "é"])
    writer.add_eos_token_id(2)
    writer.add_tensor("blk.0.attn_q.weight", WEIGHT)
    writer.add_tensor("output_norm.weight", np.ones(5, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_reads_fields_and_extents(gguf_path: Path) -> None:
    header = read_header(gguf_path)
    assert (header.architecture, header.name, header.eos_token_id) == ("llama", "Tiny", 2)
    assert header.number("block_count") == 3
    assert header.metadata["tokenizer.ggml.tokens"] == ["a", "b", "é"]
    assert header.parameters == 4 * 64 + 5
    assert header.weight_bytes == 4 * (4 * 64 + 5)
    extent = header.tensors["blk.0.attn_q.weight"]
    raw = gguf_path.read_bytes()[extent.start : extent.start + extent.size_bytes]
    assert np.array_equal(np.frombuffer(raw, np.float32).reshape(4, 64), WEIGHT)


def test_a_file_cut_at_any_place_is_told_so(gguf_path: Path, tmp_path: Path) -> None:
    whole = gguf_path.read_bytes()
    end = max(t.start + t.size_bytes for t in read_header(gguf_path).tensors.values())
    for length in [0, 3, 10, 30, 100, 200, 400, end - 1]:
        cut = tmp_path / "cut.gguf"
        cut.write_bytes(whole[:length])
        with pytest.raises(ModelFailed, match=r"cut\.gguf (has|is cut short|ends inside|begins)"):
            read_header(cut)


def test_other_files_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"PK\x03\x04" + b"\0" * 100)
    with pytest.raises(ModelFailed, match="begins with"):
        read_header(tmp_path / "x.gguf")
    with pytest.raises(ModelMissing, match=r"no model file at .*none\.gguf"):
        read_header(tmp_path / "none.gguf")


def test_flipped_bytes_in_the_header_never_escape_as_another_error(gguf_path: Path, tmp_path: Path) -> None:
    whole = bytearray(gguf_path.read_bytes())
    for at in range(4, 300, 3):
        bad = bytearray(whole)
        bad[at] ^= 0xFF
        path = tmp_path / "bad.gguf"
        path.write_bytes(bad)
        try:
            read_header(path)
        except ModelFailed:
            continue


def test_rewriting_changes_only_what_is_named(gguf_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "new.gguf"
    rewrite(read_header(gguf_path), target, {"blk.0.attn_q.weight": lambda weight: weight + 1}, "Q8_0")
    header = read_header(target)
    assert header.metadata | {"general.file_type": 0} == read_header(gguf_path).metadata
    assert header.metadata["general.file_type"] == 7
    extent = header.tensors["blk.0.attn_q.weight"]
    assert (extent.type_name, extent.shape, extent.size_bytes) == ("Q8_0", (64, 4), 8 * 34)
    import gguf

    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(target).tensors}
    new = gguf.quants.dequantize(tensors["blk.0.attn_q.weight"].data, gguf.GGMLQuantizationType.Q8_0)
    step = np.abs(WEIGHT + 1).reshape(4, 2, 32).max(-1, keepdims=True) / 127
    assert (np.abs(new - WEIGHT - 1).reshape(4, 2, 32) <= step * 0.57).all()
    assert np.array_equal(tensors["output_norm.weight"].data, np.ones(5, np.float32))
