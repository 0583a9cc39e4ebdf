"""Llama 3 8B on a GPU: Lectern's nf4 decoder beside plain `generate`.

Both use the same checkpoint in the same run. The weights are random (speed and memory do not depend on their
values) and have the model's real shape. It prints one JSON line each: first token and decode speed beside the
limit of the memory bandwidth, 32 conversations at once (of 1,500 and of 256 tokens), the distance of the
logits of each from bf16's, memory beside its estimate for nf4, int8 and bf16, greedy answers beside those of
plain `generate`, guesses from the prompt, 400 requests on the queue, and answers in a fixed form. `--tiny`
runs the same code with a small model, to try it out.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from benchmarks.gpu.decoding import alone_and_together, kernel_sweep, logits_beside, plain
from benchmarks.gpu.memory import memory_row
from benchmarks.gpu.same_answers import guesses, plain_answers, same_answers
from benchmarks.models.measuring import clear, copy_bandwidth, random_checkpoint, row
from benchmarks.models.queue_load import fixed_form, full_queue, tokenizer_of

PROMPT_TOKENS = 1500


def main() -> None:
    """Run and print one JSON line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a small model of the same kind")
    parser.add_argument(
        "--sweep", action="store_true", help="time several shapes of the 4-bit kernels, and end"
    )
    parser.add_argument(
        "--decoding",
        action="store_true",
        help="only decode speed beside plain generate, memory, answers in a fixed form",
    )
    parser.add_argument("--same", type=int, default=50, help="prompts answered greedily both ways")
    parser.add_argument("--requests", type=int, default=400, help="requests on the queue")
    parser.add_argument("--schema-calls", type=int, default=1000, help="answers in a fixed form")
    parser.add_argument("--tokenizer", default="", help="folder of a tokenizer; else the embedded model's")
    arguments = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        sys.exit("no CUDA device: the GPU part of the benchmark was not run")
    bandwidth = copy_bandwidth()
    row(device=torch.cuda.get_device_name(), torch=torch.__version__, copy_tb_s=round(bandwidth / 1e12, 2))
    folder = str(random_checkpoint(arguments.tiny))
    prompt = torch.randint(0, 1000, (1, PROMPT_TOKENS), generator=torch.Generator().manual_seed(1)).cuda()
    with torch.inference_mode():
        if arguments.sweep:
            kernel_sweep(_loaded(folder, "nf4"), bandwidth)
            return
        reference = None if arguments.decoding else _beside_nf4(folder, prompt, bandwidth)
        _nf4(folder, prompt, reference, bandwidth, arguments)


def _beside_nf4(folder: str, prompt: Any, bandwidth: float) -> Any:
    """Measure int8 and bf16; return bf16's logits of the first 256 tokens."""
    memory_row(folder, _loaded(folder, "int8"), "int8")
    clear()
    dense = _loaded(folder, "bfloat16")
    reference = dense(prompt[:, :256]).logits[0].float().cpu()
    memory_row(folder, dense, "bfloat16")
    plain(dense, "bf16 plain generate", prompt, bandwidth)
    del dense
    clear()
    return reference


def _nf4(folder: str, prompt: Any, reference: Any, bandwidth: float, arguments: argparse.Namespace) -> None:
    from rag.chat_models.engines.transformers_engine import TransformersEngine
    from rag.settings import ModelSettings

    model = _loaded(folder, "nf4")
    plain(model, "nf4 plain generate", prompt, bandwidth)
    plain_logits = model(prompt[:, :256]).logits[0].float()
    references = {"nf4 plain": plain_logits}
    if reference is not None:
        references["bf16"] = reference
        logits_beside("nf4 plain, bf16", plain_logits, reference)
    whole = not arguments.decoding
    answers = plain_answers(model, arguments.same) if whole else []
    memory_row(folder, model, "nf4")
    settings = ModelSettings(queue_length=arguments.requests - 32, lookup_tokens=0)
    engine = TransformersEngine(model, PROMPT_TOKENS + 548, settings)
    alone_and_together(engine, prompt, references, bandwidth)
    if whole:
        same_answers(engine, answers)
        full_queue(engine, arguments.requests)
    engine.close()
    clear()
    if whole:
        guesses(model, PROMPT_TOKENS + 548, bandwidth)
        clear()
    _fixed_form(model, arguments)


def _fixed_form(model: Any, arguments: argparse.Namespace) -> None:
    from rag.chat_models.engines.transformers_engine import TransformersEngine
    from rag.chat_models.structured.token_mask import grammars_of
    from rag.settings import ModelSettings

    tokenizer = tokenizer_of(arguments.tokenizer)
    settings = ModelSettings(queue_length=arguments.schema_calls)
    engine = TransformersEngine(model, 2048, settings, grammars_of(tokenizer, model.config.vocab_size))
    fixed_form(
        engine, arguments.schema_calls, tokenizer.encode,
        lambda ids: tokenizer.decode(ids, skip_special_tokens=True), (tokenizer.eos_token_id,),
    )  # fmt: skip
    engine.close()


def _loaded(folder: str, weights: str) -> Any:
    from rag.chat_models.engines.transformers_loading import Weights, load_causal_model

    return load_causal_model(folder, Weights(weights))


if __name__ == "__main__":
    main()
