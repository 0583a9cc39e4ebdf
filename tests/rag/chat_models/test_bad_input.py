"""Models that cannot be used, through the command as a person runs it: one sentence, status 1, the library and the cache untouched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from rag.chat_models.embedded import embedded_gguf
from tests.patience import PATIENCE_SECONDS
from tests.warm_commands import TO_LOAD_MODELS, WarmCommands

pytestmark = [pytest.mark.model, pytest.mark.slow]
ROOT = Path(__file__).parents[3]
QUESTION = "Who grades the zebra module?"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library of one note, and a cache of its own."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "notes").mkdir()
    (folder / "notes" / "zebra.md").write_text("# Zebra\n\nThe zebra module is graded by Professor Quagga.\n")
    done = subprocess.run(
        command(folder, "ingest", folder / "notes"),
        cwd=ROOT, env=surroundings(folder), capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def commands(home: Path) -> Iterator[WarmCommands]:
    warm = WarmCommands(TO_LOAD_MODELS, surroundings(home))
    yield warm
    warm.close()


def command(folder: Path, verb: str, *arguments: object) -> list[str]:
    library = ["--library", str(folder / "library")]
    return [sys.executable, "-m", "ui.cli", verb, *map(str, arguments), *library]


def surroundings(folder: Path) -> dict[str, str]:
    own = {"XDG_CACHE_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    return (
        os.environ | own | {"LECTERN_ANSWER__READ_AGAIN": "0"}
    )  # a second reader takes seconds and answers nothing here


def held(folder: Path) -> dict[str, str]:
    """Every file of the library with its content's hash, the side files of SQLite aside."""
    files = [path for path in (folder / "library").rglob("*") if path.is_file()]
    kept = [path for path in files if not path.name.endswith(("-wal", "-shm", ".lock"))]
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in kept}


@pytest.fixture
def refused(home: Path, commands: WarmCommands) -> Iterator[Callable[..., str]]:
    """What `lectern ask` says to a model that it cannot use, in one line."""
    before = held(home)

    def ask(model: object, *options: object) -> str:
        words = command(home, "ask", QUESTION, "--model", model, *options)
        done = commands.run(words[3:], surroundings(home), PATIENCE_SECONDS)
        assert done.returncode == 1, (done.stdout, done.stderr)
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        said = [line for line in done.stderr.splitlines() if line.startswith("lectern: ")]
        assert len(said) == 1, done.stderr
        return said[0]

    yield ask
    assert held(home) == before
    made = home / "cache" / "lectern" / "models"
    assert not [path.name for path in made.glob("*") if path.name != "hashes"]


@pytest.fixture
def tiny_folder(save_byte_tokenizer: Callable[[Path], None], tmp_path: Path) -> Callable[[str], Path]:
    """Writes a Llama of random weights with a tokenizer under a name, as `save_pretrained` leaves it."""
    from transformers import AutoModelForCausalLM, LlamaConfig

    def write(name: str) -> Path:
        config = LlamaConfig(
            vocab_size=300, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4
        )
        AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / name)
        save_byte_tokenizer(tmp_path / name)
        return tmp_path / name

    return write


def test_a_gguf_cut_short_and_one_that_is_none(refused: Callable[..., str], tmp_path: Path) -> None:
    whole = embedded_gguf().read_bytes()
    cut, other = tmp_path / "cut.gguf", tmp_path / "other.gguf"
    cut.write_bytes(whole[:50_000_000])
    assert "cut.gguf is cut short: it has 50,000,000 of 98,362,432 bytes" in refused(cut)
    other.write_bytes(b"<html>" + bytes(1000))
    assert "other.gguf begins with b'<htm' instead of b'GGUF'" in refused(other)


def test_a_gguf_that_only_looks_whole_is_told_by_the_process_that_converts_it(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    whole = bytearray(embedded_gguf().read_bytes())
    at = whole.index(b"llama.block_count") + len(b"llama.block_count") + 4
    whole[at : at + 4] = (40).to_bytes(4, "little")  # ten layers more than there are
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(whole)
    assert "damaged.gguf has no blk.30.attn_norm.weight; a whole GGUF file is needed" in refused(damaged)


def test_an_architecture_that_no_engine_knows_is_named(refused: Callable[..., str], tmp_path: Path) -> None:
    from rag.chat_models.files.gguf_header import read_header

    header, strange = read_header(embedded_gguf()), tmp_path / "strange.gguf"
    whole = embedded_gguf().read_bytes()
    strange.write_bytes(
        whole[: header.metadata_end].replace(b"llama", b"lllma") + whole[header.metadata_end :]
    )
    assert "strange.gguf" in refused(strange)


def test_safetensors_cut_short_or_overwritten(
    refused: Callable[..., str], tiny_folder: Callable[[str], Path]
) -> None:
    folder = tiny_folder("tiny")
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    for broken in (whole[:1000], whole[:-100], b"\xff" * 64 + whole[64:]):
        weights.write_bytes(broken)
        assert str(folder) in refused(folder)


def test_pickled_weights_and_code_of_a_model_are_never_run(
    refused: Callable[..., str], tiny_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    import torch

    class Opens:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    folder = tiny_folder("pickled")
    (folder / "model.safetensors").unlink()
    torch.save({"x": Opens()}, folder / "pytorch_model.bin")
    assert "safetensors weights is needed" in refused(folder)
    coded = tiny_folder("coded")
    config = json.loads((coded / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Model"},
    }
    (coded / "config.json").write_text(json.dumps(config))
    (coded / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    assert str(coded) in refused(coded)
    assert not (tmp_path / "ran").exists()


def test_an_adapter_for_another_base_or_pickled(refused: Callable[..., str], tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    other = tmp_path / "other"
    other.mkdir()
    (other / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4}))
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    update = {
        name.format("A"): np.ones((2, 4096), np.float32),
        name.format("B"): np.ones((4096, 2), np.float32),
    }
    save_file(update, other / "adapter_model.safetensors")
    assert "is for another base" in refused("embedded", "--adapter", other)
    pickled = tmp_path / "pickled"
    shutil.copytree(other, pickled)
    (pickled / "adapter_model.safetensors").rename(pickled / "adapter_model.bin")
    assert "has no adapter_model.safetensors" in refused("embedded", "--adapter", pickled)


def test_a_model_larger_than_the_memory_is_refused_before_it_is_loaded(
    refused: Callable[..., str], tiny_folder: Callable[[str], Path]
) -> None:
    folder = tiny_folder("vast")
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_size": 65536, "intermediate_size": 262144, "num_hidden_layers": 400}
    (folder / "config.json").write_text(json.dumps(config))
    said = refused(folder)
    assert "does not fit: it needs" in said
    assert "model.context_tokens" in said


def test_no_server_and_a_port_that_is_something_else(refused: Callable[..., str]) -> None:
    assert "no server answers at http://127.0.0.1:9/v1" in refused("openai:m@http://127.0.0.1:9")
    serving = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(serving, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().split("port ")[1].split()[0]
            assert "knows no model 'm' or no chat completions" in refused(f"openai:m@http://127.0.0.1:{port}")
        finally:
            process.kill()


def test_control_c_while_a_model_loads_leaves_nothing_behind(home: Path, tmp_path: Path) -> None:
    before, cache = held(home), tmp_path / "cache"
    model = tmp_path / "copy.gguf"
    shutil.copy(embedded_gguf(), model)
    # A background shell hands SIGINT down ignored: the child gets it back.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *command(home, "ask", QUESTION, "--model", model)],
        cwd=ROOT,
        env=surroundings(home) | {"XDG_CACHE_HOME": str(cache)},
        stderr=subprocess.PIPE,
        text=True,
    )
    made = cache / "lectern" / "models"
    while not [*made.glob(".openvino-*/*")]:
        assert process.poll() is None, process.stderr
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert [path.name for path in made.iterdir()] == ["hashes"]
    assert held(home) == before
