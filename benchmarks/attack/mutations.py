"""Notes and other files with damage of every kind.

Each is read, or refused in one sentence.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.attack.tally import Tally
from eval.golden.golden_file import read_golden
from finetune.conversations import read_messages
from finetune.recipe import RECIPES, load_recipe
from ingest.worker import Cutting, ParserProcess
from rag.chat_models.files.gguf_header import read_header
from rag.chat_models.files.lora_adapter import read_adapter
from rag.embedding.embedder import EMBEDDED_MODEL, model_folder
from rag.errors import LecternError, UnreadableNote
from rag.settings import ChunkSettings, IngestSettings
from rag.settings_loading import load
from ui.questions import read_questions

_COURSE = Path(__file__).resolve().parents[2] / "examples" / "course"
_SECONDS = 30.0
"""Longest time for one note; a longer one is given up, which is an answer too."""
_NASTY = (b"\0", b"\xff\xfe", b"\x1b[", b"<!--", b"[" * 500, b"(" * 500, b"|" * 500, b"`" * 300, b"\r", b"\xed\xa0\x80",
          b"&#x110000;", b"{{{{", b"$$", b"\\begin{", b"\xe2\x80\xae", b"A" * 5000, b'"' * 99)  # fmt: skip


def attack(tries: int, seed: int = 0) -> Tally:
    """Read mutated notes through the worker process.

    One in four is another file instead.
    """
    generator, tally = random.Random(seed), Tally("mutated files")
    seeds = [path for path in sorted(_COURSE.iterdir()) if path.is_file()]
    others = _other_files()
    settings = IngestSettings(max_seconds=_SECONDS)
    cutting = Cutting(ChunkSettings(), model_folder(EMBEDDED_MODEL))
    parser = ParserProcess(settings)
    try:
        with TemporaryDirectory(prefix="attack-") as place:
            for number in range(tries):
                if number % 4 == 3:
                    name, content, read = others[number // 4 % len(others)]
                    file = Path(place) / name
                    file.write_bytes(mutated(content, generator))
                    _try_file(file, read, f"{name} (seed {seed}, try {number})", tally)
                    continue
                note = generator.choice(seeds)
                file = Path(place) / f"note{note.suffix}"
                file.write_bytes(mutated(note.read_bytes(), generator))
                _try_note(parser, file, cutting, f"{note.name} (seed {seed}, try {number})", tally)
    finally:
        parser.close()
    return tally


def mutated(content: bytes, generator: random.Random) -> bytes:
    """Return a content with one to four damages."""
    changed = bytearray(content)
    for _ in range(generator.randint(1, 4)):
        at = generator.randrange(len(changed) + 1)
        kind = generator.randrange(7)
        if kind == 0:
            for _ in range(generator.choice((1, 10, 100))):
                if changed:
                    changed[generator.randrange(len(changed))] ^= 1 << generator.randrange(8)
        elif kind == 1:
            del changed[at:]
        elif kind == 2:
            del changed[at : at + generator.choice((1, 50, 5000))]
        elif kind == 3:
            changed[at:at] = generator.choice(_NASTY)
        elif kind == 4:
            changed[at:at] = changed[at : at + generator.choice((10, 1000))] * generator.choice((2, 50))
        elif kind == 5:
            changed[at:at] = generator.randbytes(generator.choice((4, 400)))
        else:
            end = min(len(changed), at + 400)
            changed[at:end] = bytes(reversed(changed[at:end]))
    return bytes(changed)


def _try_note(parser: ParserProcess, file: Path, cutting: Cutting, what: str, tally: Tally) -> None:
    try:
        document, chunks = parser.read_and_cut(file, file.name, cutting)
        wrong = [chunk for chunk in chunks if document.text[chunk.start : chunk.end] != chunk.text]
        tally.add("read", f"{what}: a passage is not in the text" if wrong else "")
    except UnreadableNote as exc:
        surprised = "The parser failed on it" in str(exc) or "died on it" in str(exc)
        tally.add("refused, unforeseen" if surprised else "refused", "" if str(exc) else f"{what}: no reason")
    except Exception as exc:  # noqa: BLE001 - an error of another kind is the failure looked for
        tally.add("traceback", f"{what}: {type(exc).__name__}: {exc}")


def _try_file(file: Path, read: Callable[[Path], object], what: str, tally: Tally) -> None:
    try:
        read(file)
        tally.add("read")
    except LecternError as exc:
        tally.add("refused", "" if str(exc) else f"{what}: no reason")
    except Exception as exc:  # noqa: BLE001 - an error of another kind is the failure looked for
        tally.add("traceback", f"{what}: {type(exc).__name__}: {str(exc)[:200]}")


def _other_files() -> list[tuple[str, bytes, Callable[[Path], object]]]:
    """Return names and contents of sound files, each with the function that reads it."""
    turn = {"role": "user", "content": "When?"}, {"role": "assistant", "content": "At night."}
    rows = "".join(json.dumps({"messages": turn}) + "\n" for _ in range(5))
    gold = {
        "id": "a",
        "question": "When?",
        "gold": [{"document": "a.md", "start": 0, "end": 4, "text": "Owls"}],
    }
    questions = json.dumps({"id": "a", "question": "When?", "history": list(turn)}) + "\n"
    recipe = sorted(RECIPES.glob("*.toml"))[0].read_bytes()
    config = json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"]})
    return [
        ("lectern.toml", b'[model]\nname = "embedded"\n[chunk]\ntarget_tokens = 100\n', lambda file: load({}, file, {})),
        ("golden.jsonl", (json.dumps(gold) + "\n").encode(), read_golden),
        ("rows.jsonl", rows.encode(), lambda file: read_messages(file, 0.2)),
        ("questions.jsonl", questions.encode(), read_questions),
        ("recipe.toml", recipe, lambda file: load_recipe(str(file))),
        ("model.gguf", _gguf(), read_header),
        ("adapter_config.json", config.encode(), lambda file: _adapter(file, "adapter_model.safetensors", _safetensors())),
        ("adapter_model.safetensors", _safetensors(), lambda file: _adapter(file, "adapter_config.json", config.encode())),
    ]  # fmt: skip


def _adapter(file: Path, name: str, content: bytes) -> object:
    (file.parent / name).write_bytes(content)
    return read_adapter(file.parent)


def _safetensors() -> bytes:
    """Return the weights of a LoRA adapter of rank 2."""
    prefix = "base_model.model.model.layers.0.self_attn.q_proj"
    header, data = {}, b""
    for side, shape in (("A", (2, 8)), ("B", (8, 2))):
        values = struct.pack("<16f", *range(16))
        header[f"{prefix}.lora_{side}.weight"] = {
            "dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)],
        }  # fmt: skip
        data += values
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _gguf() -> bytes:
    """Return a GGUF file of version 3 with one key and one small tensor."""

    def string(text: str) -> bytes:
        return struct.pack("<Q", len(text)) + text.encode()

    def parts() -> Iterator[bytes]:
        yield b"GGUF" + struct.pack("<IQQ", 3, 1, 1)
        yield string("general.architecture") + struct.pack("<I", 8) + string("llama")
        yield string("token_embd.weight") + struct.pack("<IQQIQ", 2, 4, 4, 0, 0)

    head = b"".join(parts())
    return head + bytes(-len(head) % 32) + bytes(64)
