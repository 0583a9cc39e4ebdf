"""The transformers road on tiny random Llamas of the real architecture; plain `generate` and PEFT are the oracles."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.chat_models.serving.protocol import FinishReason, GenerationRequest
from rag.errors import ModelFailed, ModelMissing, ModelTooLarge, SettingsError
from rag.settings import ModelSettings

pytestmark = pytest.mark.model


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


def with_adapter(model: Any, folder: Path | None, seed: int, targets: str | list[str] = "all-linear") -> Any:
    """The model with a random LoRA adapter, which is saved in the folder if there is one."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    adapted = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=8, target_modules=targets, task_type="CAUSAL_LM")
    )
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(0, 0.3)
    if folder is not None:
        adapted.save_pretrained(folder)
    return adapted.eval()


@pytest.fixture(scope="module")
def folder(save_byte_tokenizer: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny-llama")
    tiny_llama().save_pretrained(path)
    save_byte_tokenizer(path)
    return path


def greedy(model: Any, ids: list[int], count: int = 20) -> list[int]:
    import torch

    prompt = torch.tensor([ids])
    mask = torch.ones_like(prompt)  # else generate takes every pad token of the prompt for padding
    out = model.generate(prompt, attention_mask=mask, do_sample=False, max_new_tokens=count, pad_token_id=0)
    return list(map(int, out[0, len(ids) :].tolist()))


def test_several_at_once_are_each_what_generate_gives_and_turns_reuse_their_prefix() -> None:
    from rag.chat_models.engines.transformers_engine import TransformersEngine

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
    from rag.chat_models.engines.transformers_engine import TransformersEngine

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
    with pytest.raises(ModelMissing, match="has no adapter_model"):
        chat.use_adapter(folder)
    assert answered() == expected(oracles[0])
    chat.close()


def damaged_copy(folder: Path, target: Path, change: Any) -> Path:
    """The adapter with its tensors changed by a function, its configuration left as it is."""
    import shutil

    from safetensors.numpy import load_file, save_file

    shutil.copytree(folder, target)
    weights = target / "adapter_model.safetensors"
    tensors = load_file(weights)
    change(tensors)
    save_file(tensors, weights)
    return target


def wrong_shape(tensors: dict[str, Any]) -> None:
    name = next(one for one in tensors if "layers.1.mlp.down_proj.lora_A" in one)
    tensors[name] = tensors[name][:, :-1].copy()


def without_a_layer(tensors: dict[str, Any]) -> None:
    for name in [one for one in tensors if "layers.1.self_attn.v_proj" in one]:
        del tensors[name]


@pytest.mark.parametrize("damage", [wrong_shape, without_a_layer])
@pytest.mark.parametrize("before", ["base", "first", "off"])
def test_a_refused_adapter_changes_no_logit_and_its_name_is_not_used_again(
    tmp_path: Path, damage: Any, before: str
) -> None:
    import torch

    from rag.chat_models.engines.transformers_engine import TransformersEngine

    first, good = tmp_path / "first", tmp_path / "good"
    with_adapter(tiny_llama(), first, 1, ["q_proj"])
    oracle = with_adapter(tiny_llama(), good, 2)
    bad = damaged_copy(good, tmp_path / "bad", damage)
    engine = TransformersEngine(tiny_llama(), 256, ModelSettings())
    ids = torch.arange(40)[None] * 7 % 300

    def logits() -> Any:
        with torch.inference_mode():
            return engine._steps.model(ids).logits

    if before != "base":
        engine.use_adapter(first)
    if before == "off":
        engine.use_adapter(None)
    kept = logits()
    for _ in range(2):
        with pytest.raises(ModelFailed, match="does not fit this model") as caught:
            engine.use_adapter(bad)
        assert "\n" not in str(caught.value)
        assert torch.equal(logits(), kept)
    engine.use_adapter(good)
    with torch.inference_mode():
        expected = oracle(ids).logits
    assert torch.allclose(logits(), expected, atol=1e-5)
    assert not torch.allclose(kept, expected, atol=1e-2)
    engine.use_adapter(first if before == "first" else None)
    assert torch.allclose(logits(), kept, atol=1e-6)
    engine.close()


def test_an_adapter_trained_again_in_its_folder_is_another(folder: Path, tmp_path: Path) -> None:
    from rag.chat_models import open_chat_model

    place = tmp_path / "adapter"
    with_adapter(tiny_llama(), place, 1)
    chat = open_chat_model(ModelSettings(name=str(folder), adapter=str(place), weights="float32"))
    prompt, old = chat.tokenization.encode("user: hello\nassistant:"), chat.fingerprint
    oracle = with_adapter(tiny_llama(), place, 2)
    chat.use_adapter(place)
    expected = chat.tokenization.decode(greedy(oracle, prompt, 15))
    assert chat.invoke("hello", max_tokens=15).content == expected
    assert chat.fingerprint != old
    chat.close()


def test_layers_side_by_side_take_the_adapter_of_those_that_have_one() -> None:
    pytest.importorskip("triton")
    import torch

    from rag.chat_models.cuda.linear_layers import Linear, LoraTerm

    attention = (
        with_adapter(tiny_llama(), None, 3, ["q_proj", "v_proj"]).get_base_model().model.layers[0].self_attn
    )
    modules = (attention.q_proj, attention.k_proj, attention.v_proj)
    x = torch.randn(5, 64)
    with torch.inference_mode():
        expected = torch.cat([module(x) for module in modules], dim=-1)
        bare = torch.cat(
            [
                (module.get_base_layer() if hasattr(module, "get_base_layer") else module)(x)
                for module in modules
            ],
            dim=-1,
        )
        term = LoraTerm(modules, "default")
        assert (tuple(term.a.shape), tuple(term.b.shape)) == ((8, 64), (64 + 32 + 32, 8))
        assert torch.allclose(term.add_to(bare, x), expected, atol=1e-5)
        assert torch.equal(term.add_to(bare, x)[:, 64:96], bare[:, 64:96])
        linear = Linear(modules)
        assert torch.allclose(linear(x), bare, atol=1e-5)
        linear.use_adapter(modules, "default")
        assert torch.allclose(linear(x), expected, atol=1e-5)
        linear.use_adapter(modules, "another")
        assert torch.allclose(linear(x), bare, atol=1e-5)


def hub_error(kind: str, status: int) -> OSError:
    """An error as transformers raises it: its own sentence, from the hub's."""
    import httpx
    from huggingface_hub import errors

    response = httpx.Response(
        status, request=httpx.Request("GET", "https://huggingface.co/x/y/resolve/main/config.json")
    )
    cause = getattr(errors, kind)(f"{status} Client Error.", response=response)
    try:
        raise OSError("There was a specific connection error when trying to load it") from cause
    except OSError as exc:
        return exc


@pytest.mark.parametrize(
    ("source", "exc", "told"),
    [
        ("x/y", hub_error("GatedRepoError", 403), r"access to x/y is not granted .* run `hf download x/y`"),
        ("x/y", hub_error("GatedRepoError", 401), "access to x/y is not granted"),
        ("x/y", hub_error("HfHubHTTPError", 403), "access to x/y is not granted"),
        ("x/y", hub_error("RepositoryNotFoundError", 401), "Hugging Face has no model x/y, or shows it only"),
        ("x/y", hub_error("HfHubHTTPError", 500), "x/y is not on this machine and could not be fetched"),
        (
            "x/y",
            OSError("no file in /home/401/403-gated"),
            "x/y is not on this machine and could not be fetched",
        ),
        (
            "meta-llama/Meta-Llama-3-8B-Instruct",
            OSError("offline"),
            r"could not be fetched: accept its licence at https://huggingface.co/meta-llama/\S+, run `hf auth login` and "
            r"`hf download meta-llama/Meta-Llama-3-8B-Instruct` where there is a network, or pass the folder",
        ),
    ],
)
def test_what_the_hub_says_is_told_by_its_kind(source: str, exc: Exception, told: str) -> None:
    from rag.chat_models.engines.transformers_loading import explained

    said = explained(source, exc)
    assert isinstance(said, ModelMissing)
    assert re.search(told, str(said)), str(said)
    assert "\n" not in str(said)


def test_a_folder_is_never_taken_for_a_gated_model(tmp_path: Path) -> None:
    from rag.chat_models.engines.transformers_loading import explained

    folder = tmp_path / "gated-401-403"
    folder.mkdir()
    said = explained(str(folder), OSError(f"{folder} has no config.json: 403 gated"))
    assert isinstance(said, ModelFailed)
    assert "a folder with config.json" in str(said)


def test_no_memory_while_the_engine_is_built_is_told_with_the_knobs() -> None:
    import torch

    from rag.chat_models.engines.transformers_loading import memory_errors_named

    with (
        pytest.raises(
            ModelTooLarge, match=r"a conversation does not fit .* lower model\.context_tokens"
        ) as caught,
        memory_errors_named("a conversation"),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB")
    assert isinstance(caught.value.__cause__, torch.OutOfMemoryError)
    with pytest.raises(ValueError, match="other"), memory_errors_named("a conversation"):
        raise ValueError("other")


def test_a_context_longer_than_the_models_is_refused(folder: Path) -> None:
    from rag.chat_models import open_chat_model

    with pytest.raises(
        SettingsError, match=r"a context of 300 tokens is asked for and .* reads 256; lower model"
    ):
        open_chat_model(ModelSettings(name=str(folder), weights="float32", context_tokens=300))
    chat = open_chat_model(ModelSettings(name=str(folder), weights="float32", context_tokens=100))
    assert chat.context_tokens == 100
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
    from rag.chat_models.engines.transformers_loading import Weights, load_causal_model

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

    from rag.chat_models.engines.transformers_loading import best_device, best_weights, load_causal_model

    assert best_device() == ("cuda" if torch.cuda.is_available() else "cpu")
    assert best_weights("mps") == "float16"
    flags = Path("/proc/cpuinfo").read_text()
    assert best_weights("cpu") == ("bfloat16" if "avx512_bf16" in flags or "amx_bf16" in flags else "float32")
    chosen = load_causal_model(str(folder), device="cpu")
    assert str(chosen.dtype) == f"torch.{best_weights('cpu')}"


def test_missing_and_damaged_models_are_one_sentence(folder: Path, tmp_path: Path) -> None:
    import shutil

    from rag.chat_models import open_chat_model

    with pytest.raises(
        (ModelMissing, ModelTooLarge),  # the second where it would not fit, were it here
        match=r"meta-llama/.* is not on this machine|llama3-8b is not on this machine|llama3-8b does not fit",
    ):
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


def _checked_kernels(*arguments: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, str(KERNELS), *arguments],
        capture_output=True,
        text=True,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[4]), *sys.path])}
        | environment,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_decode_kernels_compute_what_transformers_computes() -> None:
    """In Triton's interpreter, which has to be chosen before Triton is imported: hence a process of its own."""
    pytest.importorskip("triton")
    _checked_kernels(TRITON_INTERPRET="1")


@pytest.mark.gpu
def test_the_compiled_decode_kernels_compute_what_transformers_computes() -> None:
    if not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("no CUDA device")
    _checked_kernels("--cuda")
