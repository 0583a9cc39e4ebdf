"""The transformers road on tiny random Llamas of the real architecture; plain `generate` and PEFT are the oracles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rag.chat_models.generation import FinishReason, GenerationRequest
from rag.errors import ModelFailed, ModelMissing
from rag.settings import ModelSettings

pytestmark = pytest.mark.model
CHAT = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


def tiny_llama(seed: int = 0, hidden: int = 64) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=300,
        hidden_size=hidden,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        eos_token_id=None,
        bos_token_id=None,
    )
    return AutoModelForCausalLM.from_config(config).eval()


def with_adapter(model: Any, folder: Path, seed: int) -> Any:
    """The model with a random LoRA adapter, which is saved in the folder."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    adapted = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.3)
    adapted.save_pretrained(folder)
    return adapted.eval()


def save_tokenizer(folder: Path) -> None:
    """A byte-level tokenizer without merges: 256 bytes and an end."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<end>", special=True)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", chat_template=CHAT
    ).save_pretrained(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny-llama")
    tiny_llama().save_pretrained(path)
    save_tokenizer(path)
    return path


def greedy(model: Any, ids: list[int], count: int = 20) -> list[int]:
    import torch

    prompt = torch.tensor([ids])
    mask = torch.ones_like(prompt)  # else generate takes every pad token of the prompt for padding
    out = model.generate(prompt, attention_mask=mask, do_sample=False, max_new_tokens=count, pad_token_id=0)
    return list(map(int, out[0, len(ids) :].tolist()))


def test_several_at_once_are_each_what_generate_gives_and_turns_reuse_their_prefix() -> None:
    from rag.chat_models.transformers_engine import TransformersEngine

    model = tiny_llama()
    engine = TransformersEngine(model, 256, ModelSettings(queue_length=8))
    read: list[int] = []
    original = engine._steps.read
    engine._steps.read = lambda slot, ids, kept: (read.append(len(ids) - kept), original(slot, ids, kept))[1]
    prompts = [[(7 * n + i * i) % 300 for i in range(20 + n)] for n in range(6)]
    generations = [engine.submit(GenerationRequest(tuple(prompt), 20)) for prompt in prompts]
    answers = [[token for batch in one for token in batch.ids] for one in generations]
    assert answers == [greedy(model, prompt) for prompt in prompts]
    second = [*prompts[5], *answers[5], 1, 2, 3]
    answer = [token for batch in engine.submit(GenerationRequest(tuple(second), 20)) for token in batch.ids]
    assert answer == greedy(model, second)
    assert read[-1] == 4  # the last answered token was never read, and the three new ones
    engine.close()


def test_cancelled_requests_free_their_place_and_seeds_repeat() -> None:
    from rag.chat_models.transformers_engine import TransformersEngine

    engine = TransformersEngine(tiny_llama(), 256, ModelSettings(queue_length=1))
    long = [engine.submit(GenerationRequest((1, 2, n), 200)) for n in range(5)]
    for one in long:
        one.cancel()
    assert [list(one)[-1].finish for one in long] == [FinishReason.CANCELLED] * 5

    def sampled(seed: int) -> list[int]:
        request = GenerationRequest((1, 2, 3), 12, temperature=1.0, top_p=0.9, seed=seed)
        return [token for batch in engine.submit(request) for token in batch.ids]

    assert sampled(5) == sampled(5)
    assert sampled(5) != sampled(6)
    engine.close()


def test_adapters_are_swapped_and_switched_off_without_loading_the_base_again(
    folder: Path, tmp_path: Path
) -> None:
    from rag.chat_models import open_chat_model

    oracles = [with_adapter(tiny_llama(), tmp_path / str(seed), seed) for seed in (1, 2)]
    chat = open_chat_model(ModelSettings(name=str(folder), adapter=str(tmp_path / "1"), weights="float32"))
    prompt = chat.tokenization.encode("user: hello\nassistant:")

    def answered() -> list[int]:
        return chat.tokenization.encode(chat.invoke("hello", max_tokens=15).content)

    def expected(model: Any) -> list[int]:
        text = chat.tokenization.decode(greedy(model, prompt, 15))
        return chat.tokenization.encode(text)

    fingerprints = [chat.fingerprint]
    assert answered() == expected(oracles[0])
    chat.use_adapter(tmp_path / "2")
    assert answered() == expected(oracles[1])
    chat.use_adapter(None)
    assert answered() == expected(tiny_llama())
    fingerprints.append(chat.fingerprint)
    chat.use_adapter(tmp_path / "1")
    assert answered() == expected(oracles[0])
    assert fingerprints[0] == chat.fingerprint
    assert fingerprints[1] == chat.base_fingerprint
    with_adapter(tiny_llama(hidden=128), tmp_path / "other", 3)
    with pytest.raises(ModelFailed, match="does not fit this model"):
        chat.use_adapter(tmp_path / "other")
    with pytest.raises(ModelMissing, match="holds no adapter_model"):
        chat.use_adapter(folder)
    assert answered() == expected(oracles[0])
    chat.close()


def test_answers_keep_to_a_schema_whatever_the_weights_say(folder: Path) -> None:
    from rag.chat_models import open_chat_model

    chat = open_chat_model(ModelSettings(name=str(folder), weights="float32"))
    schema = {
        "type": "object",
        "properties": {"verdict": {"enum": ["yes", "no"]}, "why": {"type": "string", "maxLength": 10}},
    }
    for seed in range(5):
        told = json.loads(chat.invoke("q", response_schema=schema, temperature=1.5, seed=seed).content)
        assert told["verdict"] in ("yes", "no")
        assert len(told["why"]) <= 10
    chat.close()


@pytest.mark.parametrize(
    ("weights", "error"), [("bfloat16", 0.02), ("float16", 0.005), ("int8", 0.05), ("nf4", 0.3)]
)
def test_lighter_weights_answer_and_are_as_near_to_float32_as_their_bits_allow(
    folder: Path, weights: str, error: float
) -> None:
    import torch

    from rag.chat_models import open_chat_model
    from rag.chat_models.transformers_loading import Weights, load_causal_model

    ids = torch.arange(60)[None] * 5 % 300
    with torch.inference_mode():
        exact = load_causal_model(str(folder), Weights.FLOAT32, "cpu")(ids).logits
        model = load_causal_model(str(folder), Weights(weights), "cpu")
        found = float((model(ids).logits.float() - exact).norm() / exact.norm())
    assert error / 100 < found < error
    if weights in ("int8", "nf4"):
        config = model.config.quantization_config
        assert (config.load_in_8bit, config.load_in_4bit) == (weights == "int8", weights == "nf4")
    if weights == "nf4":
        assert (config.bnb_4bit_quant_type, config.bnb_4bit_use_double_quant) == ("nf4", True)
        assert config.bnb_4bit_compute_dtype == torch.bfloat16
    chat = open_chat_model(ModelSettings(name=str(folder), weights=weights))
    answer = chat.invoke("hello", max_tokens=5)
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] == 5
    chat.close()


def test_a_device_is_given_the_type_that_is_fast_on_it(folder: Path) -> None:
    import torch

    from rag.chat_models.transformers_loading import best_device, best_weights, load_causal_model

    assert best_device() == ("cuda" if torch.cuda.is_available() else "cpu")
    assert best_weights("mps") == "float16"
    flags = Path("/proc/cpuinfo").read_text()
    assert best_weights("cpu") == ("bfloat16" if "avx512_bf16" in flags or "amx_bf16" in flags else "float32")
    chosen = load_causal_model(str(folder), device="cpu")
    assert str(chosen.dtype) == f"torch.{best_weights('cpu')}"


def test_missing_and_damaged_models_are_one_sentence(folder: Path, tmp_path: Path) -> None:
    import shutil

    from rag.chat_models import open_chat_model

    with pytest.raises(ModelMissing, match=r"meta-llama/.* is not on this machine|access to meta-llama"):
        open_chat_model(ModelSettings(name="llama3-8b"))
    with pytest.raises(ModelMissing, match="no model is called 'nonsense'"):
        open_chat_model(ModelSettings(name="nonsense"))
    cut = tmp_path / "cut"
    shutil.copytree(folder, cut)
    weights = cut / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelFailed) as caught:
        open_chat_model(ModelSettings(name=str(cut), weights="float32"))
    assert "\n" not in str(caught.value)


KERNELS = Path(__file__).with_name("nf4_kernels_check.py")


def test_the_decode_kernels_compute_what_transformers_computes() -> None:
    """In Triton's interpreter, which has to be chosen before Triton is imported: hence a process of its own."""
    pytest.importorskip("triton")
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, str(KERNELS)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
