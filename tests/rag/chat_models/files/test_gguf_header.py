"""A GGUF header: what is read, and what is said of a file that is not whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.chat_models.files.gguf_header import read_header
from rag.chat_models.files.gguf_writing import rewrite
from rag.chat_models.files.tokenization import from_gguf
from rag.errors import ModelFailed, ModelMissing
from rag.types import Role, Turn

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


Write = Callable[[Any], None]
BYTES = [chr(number) for number in range(33, 127)]
"""Tokens of a byte-level vocabulary, enough for ASCII words."""


def small_model(path: Path, *, without: tuple[str, ...] = (), then: Write = lambda writer: None) -> Path:
    """A GGUF file with a vocabulary that works, some of its fields left out, others written by `then`."""
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    fields: dict[str, Write] = {
        "context": lambda to: to.add_context_length(77),
        "model": lambda to: to.add_tokenizer_model("gpt2"),
        "tokens": lambda to: to.add_token_list([*BYTES, "ab"]),
        "merges": lambda to: to.add_token_merges(["a b"]),
        "eos": lambda to: to.add_eos_token_id(2),
        "template": lambda to: to.add_chat_template("{{ messages[0].content }}"),
    }
    for name, write in fields.items():
        if name not in without:
            write(writer)
    then(writer)
    writer.add_tensor("output_norm.weight", np.ones(5, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_small_vocabulary_reads_and_its_template_speaks(tmp_path: Path) -> None:
    tokenization = from_gguf(read_header(small_model(tmp_path / "good.gguf")))
    assert tokenization.encode_turns([Turn(Role.USER, "cab")]) == [BYTES.index("c"), len(BYTES)]
    with pytest.raises(ModelFailed, match="makes an empty prompt"):
        tokenization.prompt([Turn(Role.USER, " ")])


@pytest.mark.parametrize(
    ("without", "then", "told"),
    [
        ("", lambda to: to.add_uint32("general.alignment", 0), r"general\.alignment = 0"),
        ("", lambda to: to.add_string("general.alignment", "x"), r"general\.alignment = 'x'"),
        ("context", lambda to: to.add_string("llama.context_length", "8k"), r"llama\.context_length = '8k'"),
        ("context", lambda to: to.add_float32("llama.context_length", 2.5), r"llama\.context_length = 2\.5"),
        ("merges", lambda to: None, r"damaged vocabulary \(it has no merges\)"),
        ("merges", lambda to: to.add_token_merges(["ab"]), "damaged vocabulary"),
        ("merges", lambda to: to.add_token_merges(["a zz"]), "damaged vocabulary"),
        ("merges", lambda to: to.add_array("tokenizer.ggml.merges", [1, 2]), "other than strings"),
        ("tokens", lambda to: to.add_array("tokenizer.ggml.tokens", [1, 2]), "other than strings"),
        ("eos", lambda to: to.add_eos_token_id(95), r"eos_token_id = 95, which is none of its 95 tokens"),
        ("eos", lambda to: to.add_string("tokenizer.ggml.eos_token_id", "2"), r"eos_token_id = '2'"),
        ("", lambda to: to.add_bos_token_id(4_000_000_000), "bos_token_id = 4000000000"),
        ("", lambda to: to.add_eot_token_id(95), "eot_token_id = 95"),
        ("template", lambda to: None, "has no chat template"),
        ("template", lambda to: to.add_chat_template(" \n"), "has no chat template"),
        ("template", lambda to: to.add_chat_template("{{ 1 + 'a' }}"), "refuses these messages"),
        ("template", lambda to: to.add_chat_template("{% if"), "chat template cannot be read"),
    ],
)
def test_damaged_metadata_is_one_sentence(tmp_path: Path, without: str, then: Write, told: str) -> None:
    path = small_model(tmp_path / "bad.gguf", without=(without,), then=then)
    with pytest.raises(ModelFailed, match=told) as caught:
        header = read_header(path)
        header.number("context_length")
        from_gguf(header).prompt([Turn(Role.USER, "hi")])
    assert "\n" not in str(caught.value)


def crafted(path: Path, pairs: bytes = b"", tensors: bytes = b"", *, count: int = 0) -> Path:
    """A file of version 3 with one field, if any, or `count` tensors, written byte by byte."""
    counts = count.to_bytes(8, "little") + bool(pairs).to_bytes(8, "little")
    path.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + counts + pairs + tensors + b"\0" * 64)
    return path


def whole(value: int, width: int) -> bytes:
    return value.to_bytes(width, "little")


NESTED = whole(1, 8) + b"k" + whole(9, 4) + (whole(9, 4) + whole(1, 8)) * 5000
LONG = whole(1, 8) + b"k" + whole(9, 4) + whole(0, 4) + whole(5_000_000, 8) + b"\0" * 6_000_000


@pytest.mark.parametrize("field", [NESTED, LONG], ids=["nested", "long"])
def test_a_list_nested_or_long_without_end_is_refused(tmp_path: Path, field: bytes) -> None:
    with pytest.raises(ModelFailed, match="ends inside its header"):
        read_header(crafted(tmp_path / "bad.gguf", field))


def test_a_tensor_of_a_million_dimensions_is_refused(tmp_path: Path) -> None:
    tensor = whole(1, 8) + b"t" + whole(1_000_000, 4) + whole(1, 8) * 1_000_000
    with pytest.raises(ModelFailed, match="ends inside its header"):
        read_header(crafted(tmp_path / "bad.gguf", tensors=tensor, count=1))


def test_heads_that_do_not_divide_the_rows_are_one_sentence(tmp_path: Path) -> None:
    import json

    from safetensors.numpy import save_file

    from rag.chat_models.files.merge_adapter import merge_adapter

    def attention(writer: Any) -> None:
        writer.add_head_count(7)
        writer.add_tensor("blk.0.attn_q.weight", WEIGHT)

    base = small_model(tmp_path / "base.gguf", then=attention)
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4}))
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    sides = {"A": np.ones((2, 64), np.float32), "B": np.ones((4, 2), np.float32)}
    save_file(
        {name.format(side): value for side, value in sides.items()}, folder / "adapter_model.safetensors"
    )
    with pytest.raises(ModelFailed, match="7 heads, which do not divide the 4 rows"):
        merge_adapter(base, folder, tmp_path / "merged.gguf")
