"""A library of the example course, made once by the real command line with the real models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.patience import PATIENCE_SECONDS
from tests.warm_commands import TO_ANSWER, WarmCommands

ROOT = Path(__file__).resolve().parents[2]
AUDIT = Path(__file__).parent / "audit"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def one_reader() -> Iterator[None]:
    """Answer without the second reader, which takes seconds of a process and of every question.

    Tests of what is answered ask for `two_readers`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LECTERN_ANSWER__READ_AGAIN", "0")
        yield


@pytest.fixture(scope="module")
def two_readers() -> Iterator[None]:
    """Answer as the product does by default."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LECTERN_ANSWER__READ_AGAIN")
        yield


@pytest.fixture(scope="session")
def socket_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the children of `lectern` write every address they look up or connect to."""
    path = tmp_path_factory.mktemp("audit") / "sockets.txt"
    path.touch()
    return path


@pytest.fixture(scope="session")
def fresh_lectern(socket_log: Path) -> Run:
    """Runs the command line in a process of its own, its sockets written down."""

    def run(
        *arguments: str | Path, seconds: float = PATIENCE_SECONDS, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ui.cli", *map(str, arguments)],
            env=_surroundings(socket_log) | environ,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def lectern(fresh_lectern: Run, socket_log: Path) -> Iterator[Run]:
    """The same in a process that begins with the imports of an answer done."""
    if sys.platform != "linux":
        yield fresh_lectern
        return
    warm = WarmCommands(TO_ANSWER, _surroundings(socket_log))

    def run(
        *arguments: str | Path, seconds: float = PATIENCE_SECONDS, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return warm.run(arguments, _surroundings(socket_log) | environ, seconds)

    yield run
    warm.close()


def _surroundings(socket_log: Path) -> dict[str, str]:
    path = os.pathsep.join([str(AUDIT), str(ROOT)])
    return os.environ | {"PYTHONPATH": path, "SOCKET_LOG_OF_TESTS": str(socket_log), "COLUMNS": "120"}


@pytest.fixture(scope="session")
def course_library(lectern: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example course, ingested by one process of `pytest -n`; each has a copy."""
    base = tmp_path_factory.getbasetemp()
    made = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "course-library"
    with FileLock(made.with_suffix(".lock")):
        if not made.is_dir():
            part = made.with_suffix(".part")
            result = lectern("ingest", ROOT / "examples" / "course", "--library", part, "--json")
            assert result.returncode == 0, result.stderr
            assert json.loads(result.stdout)["failed"] == []
            part.rename(made)
    return Path(shutil.copytree(made, tmp_path_factory.mktemp("library") / "library"))


@pytest.fixture(scope="session")
def golden() -> list[dict[str, Any]]:
    """The example course's golden questions."""
    text = (ROOT / "examples" / "golden.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="session")
def tiny_model(save_byte_tokenizer: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama of random weights in `base`, adapters of it in `one` and `two`, and in `misfit` one of a wider Llama."""
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    folder = tmp_path_factory.mktemp("tiny")

    def llama(hidden: int = 32) -> Any:
        set_seed(0)
        shape = {"hidden_size": hidden, "intermediate_size": 64, "num_hidden_layers": 2}
        ends = {"eos_token_id": None, "bos_token_id": None}
        return LlamaForCausalLM(
            LlamaConfig(vocab_size=257, num_attention_heads=2, max_position_embeddings=4096, **shape, **ends)
        )

    def adapter(name: str, seed: int, model: Any) -> None:
        set_seed(seed)
        tuned = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
        for parameter_name, parameter in tuned.named_parameters():
            if "lora_B" in parameter_name:
                parameter.data.normal_(0, 0.5)
        tuned.save_pretrained(folder / name)

    llama().save_pretrained(folder / "base")
    for seed, name in enumerate(("one", "two", "misfit"), 1):
        adapter(name, seed, llama(64 if name == "misfit" else 32))
    save_byte_tokenizer(folder / "base")
    return folder


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the transformers models that were loaded meanwhile, one for each time."""
    from rag.chat_models.engines import transformers_model

    load, loaded = transformers_model.load_causal_model, []

    def counted(source: str, *given: Any) -> Any:
        loaded.append(source)
        return load(source, *given)

    monkeypatch.setattr(transformers_model, "load_causal_model", counted)
    return loaded
