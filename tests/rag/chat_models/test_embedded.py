"""The embedded model for real: its tokens, its answers, several at once, cancelling, schemas, its merged adapter."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.chat_models.embedded import embedded_gguf
from rag.chat_models.files.gguf_header import read_header
from rag.chat_models.files.tokenization import Tokenization, from_gguf
from rag.chat_models.serving.protocol import FinishReason, GenerationRequest
from rag.errors import ModelBusy, ModelFailed, ModelMissing
from rag.settings import ModelSettings
from rag.types import Role, Turn
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.model
FRANCE = [
    Turn(Role.SYSTEM, "You are helpful."),
    Turn(Role.USER, "What is the capital of France? Answer in one sentence."),
]


@pytest.fixture(scope="module")
def chat() -> Iterator[Any]:
    from rag.chat_models import open_chat_model

    model = open_chat_model(ModelSettings(adapter="none", queue_length=3))
    yield model
    model.close()


@pytest.fixture(scope="module")
def tokenization() -> Tokenization:
    return from_gguf(read_header(embedded_gguf()))


@pytest.fixture(scope="module")
def transformers_tokenizer() -> Any:
    from transformers import AutoTokenizer

    path = embedded_gguf()
    return AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)


@given(st.text(max_size=80))
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_token_ids_are_those_the_adapter_is_trained_with(
    tokenization: Tokenization, transformers_tokenizer: Any, text: str
) -> None:
    text = text.encode("utf-8", "replace").decode()
    for sample in (
        text,
        f"In 2024, f_s = 48 000 Hz;\n\tx = {text} [1][23]",
        f"<|im_start|>user\n{text}<|im_end|>",
    ):
        assert (
            tokenization.encode(sample)
            == transformers_tokenizer(sample, add_special_tokens=False)["input_ids"]
        )


def test_the_template_is_the_models_own(tokenization: Tokenization, transformers_tokenizer: Any) -> None:
    for turns in (
        [Turn(Role.USER, "hi")],
        [
            Turn(Role.SYSTEM, "be brief"),
            Turn(Role.USER, "a"),
            Turn(Role.ASSISTANT, "b"),
            Turn(Role.USER, "c"),
        ],
    ):
        messages = [{"role": turn.role.value, "content": turn.content} for turn in turns]
        ours = tokenization.prompt(turns)
        assert ours == transformers_tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )


def test_answers_and_counts(chat: Any) -> None:
    answer = chat.invoke([(turn.role.value, turn.content) for turn in FRANCE])
    assert "Paris" in answer.content
    assert answer.usage_metadata["input_tokens"] == chat.count_tokens(FRANCE)
    assert answer.response_metadata["finish_reason"] == "stop"


def test_several_at_once_say_what_each_would_say_alone(chat: Any) -> None:
    questions = [f"What is {n} plus {n}?" for n in range(1, 5)]
    alone = [chat.invoke(question, max_tokens=8).content for question in questions]
    together: dict[str, str] = {}

    def ask(question: str) -> None:
        together[question] = chat.invoke(question, max_tokens=8).content

    threads = [threading.Thread(target=ask, args=(question,)) for question in questions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(together[question] == one for question, one in zip(questions, alone, strict=True)) >= 3


def test_closing_a_stream_frees_its_place_at_once(chat: Any) -> None:
    stream = chat.stream("Tell a very long story about a river.", max_tokens=6000)
    next(stream)
    stream.close()
    deadline = time.monotonic() + 60  # a story of that length takes minutes
    while chat.engine._queue.inside and time.monotonic() < deadline:
        time.sleep(0.01)
    assert chat.engine._queue.inside == 0


def test_the_queue_has_a_bound_and_says_so(chat: Any) -> None:
    endless = GenerationRequest((1, 2, 3), 4000)  # no token ends it
    held = [chat.engine.submit(endless) for _ in range(11)]
    with pytest.raises(ModelBusy, match="11 requests are running or waiting"):
        chat.invoke("One more?")
    for one in held:
        one.cancel()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while chat.engine._queue.inside and time.monotonic() < deadline:
        time.sleep(0.01)
    assert chat.invoke("One more?", max_tokens=4).text


NOTES = (
    "[1] (Sampling)\nA signal without content above half the sampling rate can be reconstructed from its samples.\n\n"
    "[2] (Filters)\nA median filter removes single outliers but keeps edges, which a moving average would smear.\n\n"
    "[3] (Sensors)\nThe thermistor drifts by a tenth of a kelvin a year and is calibrated in melting ice."
)
ASKED = (
    "Which filter keeps edges?",
    "What can be reconstructed from its samples?",
    "How is the thermistor calibrated?",
    "Who teaches the course?",
    "What smears edges?",
)


def reader_messages(question: str) -> list[tuple[str, str]]:
    return [
        (
            "system",
            "Answer from the numbered notes: copy the supporting sentence and end it with its note number.",
        ),
        ("user", f"Question: {question}\n\nNotes:\n{NOTES}\n\nQuestion: {question}"),
    ]


def test_guesses_change_no_answer_and_a_reproducible_model_repeats_itself() -> None:
    from rag.chat_models import open_chat_model

    said: dict[str, list[list[str]]] = {}
    for name, fields in {
        "plain": {"lookup_tokens": 0},
        "guessing": {},
        "reproducible": {"reproducible": True},
    }.items():
        model = open_chat_model(ModelSettings(**fields))
        prompts = [reader_messages(question) for question in ASKED]
        forwards = [model.invoke(prompt).content for prompt in prompts]
        backwards = [model.invoke(prompt).content for prompt in reversed(prompts)][::-1]
        together = [answer.content for answer in model.batch(prompts)]
        said[name] = [forwards, backwards, together]
        model.close()
    assert said["reproducible"][0] == said["reproducible"][1] == said["reproducible"][2]
    assert "median filter" in said["plain"][0][0]
    # Other batches are other sums: a near tie may fall the other way, but hardly more than one in five.
    for answers in (*said["plain"], *said["guessing"]):
        same = sum(a == b for a, b in zip(answers, said["reproducible"][0], strict=True))
        assert same >= 4


def test_every_answer_keeps_to_its_schema(chat: Any) -> None:
    schema = {
        "type": "object",
        "properties": {
            "verdict": {"enum": ["supported", "contradicted", "unknown"]},
            "score": {"type": "integer", "minimum": 0, "maximum": 10},
            "reason": {"type": "string", "maxLength": 60},
        },
    }
    for number in range(10):
        answer = chat.invoke(
            f"Judge claim {number}: water boils at {number * 20} °C.",
            response_schema=schema,
            temperature=1.2,
            seed=number,
        )
        told = json.loads(answer.content)
        assert told["verdict"] in ("supported", "contradicted", "unknown")
        assert 0 <= told["score"] <= 10
        assert len(told["reason"]) <= 60


def first_layers(target: Path, layers: int) -> Path:
    """The embedded model without its other layers and its tokenizer, which transformers reads for a quarter of a minute."""
    import gguf
    import numpy as np

    header = read_header(embedded_gguf())
    raw = np.memmap(header.path, np.uint8, "r")
    writer = gguf.GGUFWriter(target, header.architecture)
    for key, value in header.metadata.items():
        if key.startswith("llama."):
            add = writer.add_float32 if isinstance(value, float) else writer.add_uint32
            add(key, layers if key == "llama.block_count" else value)
    writer.add_file_type(header.metadata["general.file_type"])
    for name, extent in header.tensors.items():
        if not name.startswith("blk.") or int(name.split(".")[1]) < layers:
            rows = raw[extent.start : extent.start + extent.size_bytes]
            rows = rows.reshape(*reversed(extent.shape[1:]), -1)
            kind = gguf.GGMLQuantizationType(extent.type_id)
            writer.add_tensor(name, rows.view(np.float32) if kind == 0 else rows, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def test_logits_of_the_merged_model_are_those_of_the_adapter(
    tmp_path: Path, tokenization: Tokenization
) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from rag.chat_models.files.merge_adapter import merge_adapter

    base = first_layers(tmp_path / "base.gguf", 4)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(str(base.parent), gguf_file=base.name, dtype=torch.float32)
    ids = torch.tensor([tokenization.encode("A signal can be reconstructed when its sampling rate")])
    adapted = get_peft_model(
        model,
        LoraConfig(r=4, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM", use_rslora=True),
    )
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.05)
    adapted.save_pretrained(tmp_path / "adapter")
    with torch.inference_mode():
        expected = adapted(ids).logits
        with adapted.disable_adapter():
            unchanged = adapted(ids).logits

        def merged_error(weights: str) -> float:
            merge_adapter(base, tmp_path / "adapter", tmp_path / "merged.gguf", weights)
            merged = AutoModelForCausalLM.from_pretrained(
                str(tmp_path), gguf_file="merged.gguf", dtype=torch.float32
            )
            return float((merged(ids).logits - expected).norm() / expected.norm())

        assert float((unchanged - expected).norm() / expected.norm()) > 0.05
        assert merged_error("F32") < 1e-5
        assert merged_error("Q8_0") < 0.01


def test_an_adapter_for_another_base_is_refused(tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    from rag.chat_models.files.merge_adapter import merged_gguf

    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4}))
    name = "base_model.model.model.layers.{}.self_attn.q_proj.lora_{}.weight"

    def save(layer: int, width: int) -> None:
        tensors = {
            name.format(layer, "A"): np.ones((2, width), np.float32),
            name.format(layer, "B"): np.ones((width, 2), np.float32),
        }
        save_file(tensors, folder / "adapter_model.safetensors")

    save(0, 4096)
    with pytest.raises(
        ModelFailed, match=r"another base: its blk.0.attn_q.weight is 4096 x 4096, that of .* 576 x 576"
    ):
        merged_gguf(embedded_gguf(), folder)
    save(31, 576)
    with pytest.raises(ModelFailed, match=r"another base: .* has no layer blk\.31"):
        merged_gguf(embedded_gguf(), folder)
    (folder / "adapter_model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(ModelFailed, match="cut short or damaged"):
        merged_gguf(embedded_gguf(), folder)
    with pytest.raises(ModelMissing, match="has no adapter_model"):
        merged_gguf(embedded_gguf(), tmp_path)


CONTROL_C = """
import os, signal, time
from pathlib import Path
from rag.embedding.openvino_embedder import openvino_core
from rag.chat_models.embedded import embedded_gguf
from rag.chat_models.files.gguf_header import read_header
from rag.chat_models.engines.openvino_conversion import converted_folder
from rag.chat_models.engines.openvino import OpenVinoEngine
from rag.errors import ModelFailed
from rag.settings import ModelSettings

signal.signal(signal.SIGINT, signal.default_int_handler)
openvino_core().available_devices
folder = converted_folder(read_header(embedded_gguf()))
engines = [OpenVinoEngine(folder, ModelSettings()) for _ in range(2)]
for engine in engines:
    engine.close()
try:
    OpenVinoEngine(Path("/nowhere"), ModelSettings())
except ModelFailed:
    print("refused")
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_control_c_after_models_were_closed_interrupts_and_does_not_crash() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CONTROL_C],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split()) == (0, ["refused", "interrupted"]), done.stderr


def test_the_room_for_keys_and_values_follows_the_context(chat: Any) -> None:
    # 2 * 30 layers * 3 heads * 64 numbers of 2 bytes: 23,040 bytes a token; 8 requests of 8,192 tokens
    assert chat.engine.opening["cache_bytes"] == 8 * 8192 * 23_040  # 1.51 GB


def test_closing_a_model_ends_the_answers_under_way_as_cancelled(tokenization: Tokenization) -> None:
    from rag.chat_models.engines.openvino import OpenVinoEngine
    from rag.chat_models.engines.openvino_conversion import converted_folder

    engines: list[Any] = [OpenVinoEngine(converted_folder(read_header(embedded_gguf())), ModelSettings())]
    if find_spec("xllamacpp"):
        from rag.chat_models.engines.llama_cpp import LlamaCppEngine

        engines.append(LlamaCppEngine(embedded_gguf(), 2048, ModelSettings(), tokenization))
    for engine in engines:
        under_way = engine.submit(GenerationRequest(tuple(tokenization.encode_turns(FRANCE)[:-4]), 1900))
        next(iter(under_way))
        engine.close()
        assert list(under_way)[-1].finish is FinishReason.CANCELLED


def test_llama_cpp_takes_over_where_openvino_is_missing(tokenization: Tokenization) -> None:
    pytest.importorskip("xllamacpp")
    from rag.chat_models.engines.llama_cpp import LlamaCppEngine
    from rag.chat_models.serving.protocol import GenerationRequest

    engine = LlamaCppEngine(embedded_gguf(), 2048, ModelSettings(queue_length=2), tokenization)
    prompt = tuple(tokenization.encode_turns(FRANCE))
    said = [
        token
        for batch in engine.submit(GenerationRequest(prompt, 20, stop_ids=tokenization.stop_ids))
        for token in batch.ids
    ]
    assert "Paris" in tokenization.decode(said)
    whole = engine.submit(GenerationRequest(prompt, 40, grammar='root ::= "48 °C 🙂 é½."\n'))
    assert tokenization.decode([token for batch in whole for token in batch.ids]) == "48 °C 🙂 é½."
    stopped = engine.submit(GenerationRequest(prompt[:-4], 2000))
    next(iter(stopped))
    stopped.cancel()
    assert list(stopped)[-1].finish is not None
    engine.close()
