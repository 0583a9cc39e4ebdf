"""The texts that an embedding model wants before a question and before a passage.

They are in `config_sentence_transformers.json`, where sentence-transformers looks for them too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.json_text import parse_json
from rag.system.atomic_write import write_text

FILE_NAME = "config_sentence_transformers.json"
_PASSAGE_NAMES = ("document", "passage", "corpus")
"""The names of the second prompt, in the order of sentence-transformers."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """The text before a question and before a passage; empty for none."""

    query: str = ""
    passage: str = ""


NO_PROMPTS = Prompts()
E5 = Prompts("query: ", "passage: ")
"""Source: the model card of intfloat/multilingual-e5-small."""


def read_prompts(folder: Path) -> Prompts:
    """Return the prompts of a model's folder.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    file = folder / FILE_NAME
    found: Any = parse_json(file.read_text(encoding="utf-8")).get("prompts") if file.is_file() else None
    if not isinstance(found, dict):
        return Prompts()
    passage = next((found[name] for name in _PASSAGE_NAMES if found.get(name)), "")
    return Prompts(str(found.get("query") or ""), str(passage))


def write_use(folder: Path, max_tokens: int) -> None:
    """Write the use of E5's network into its folder: prompts, pooling, unit length.

    Its publisher's files lack the prompts, and a pull brings no folders.
    """
    prompts = {"prompts": {"query": E5.query, "document": E5.passage}, "default_prompt_name": None}
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for place, (path, kind) in enumerate(
            [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
        )
    ]
    hidden = parse_json((folder / "config.json").read_text(encoding="utf-8"))["hidden_size"]
    pooling = {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True}
    for name in ("1_Pooling", "2_Normalize"):
        (folder / name).mkdir(exist_ok=True)
    for name, value in {
        FILE_NAME: prompts,
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": max_tokens, "do_lower_case": False},
        "1_Pooling/config.json": pooling,
    }.items():
        write_text(folder / name, json.dumps(value))
