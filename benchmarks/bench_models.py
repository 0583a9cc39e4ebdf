"""The embedded model on this CPU: Lectern's engine beside llama.cpp's wheel and transformers, the same file, the same run.

Printed, one JSON line each: start-up, first token and decode speed on 800-token prompts (the two engines take turns, so a busy machine slows
both), the second turn of a conversation, eight people at once, answers in a fixed form, memory beside its estimate, and how
greedy answers compare with transformers in float32. On a machine with CUDA the GPU part (`bench_models_gpu`) follows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

PROMPT_TOKENS, NEW_TOKENS = 800, 64
SENTENCES = (
    "The sampling theorem says that a signal without content above half the sampling rate can be reconstructed.",
    "A median filter removes single outliers but keeps edges, which a moving average would smear.",
    "Quantisation noise falls by six decibels with every bit of the converter.",
    "The thermistor's resistance falls with temperature, and its calibration drifts by a tenth of a kelvin a year.",
    "Uncertainties of independent measurements add in quadrature.",
)
SCHEMA = {
    "type": "object",
    "properties": {
        "verdict": {"enum": ["supported", "contradicted", "not in the notes"]},
        "score": {"type": "integer", "minimum": 0, "maximum": 10},
        "reason": {"type": "string", "maxLength": 80},
    },
}


def main() -> None:
    """Run the parts and print one JSON line a measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5, help="prompts per engine")
    parser.add_argument("--same", type=int, default=50, help="prompts compared with transformers in float32")
    parser.add_argument("--schema-calls", type=int, default=50, help="answers in a fixed form")
    parser.add_argument("--memory-only", action="store_true", help="measure the memory of one conversation")
    arguments = parser.parse_args()
    if arguments.memory_only:
        memory()
        return
    subprocess.run([sys.executable, "-m", "benchmarks.bench_models", "--memory-only"], check=True)
    from rag.chat_models.embedded import embedded_gguf
    from rag.chat_models.gguf_file import read_header
    from rag.chat_models.openvino_engine import OpenVinoEngine, converted_folder
    from rag.chat_models.tokenization import from_gguf

    header = read_header(embedded_gguf())
    tokenization = from_gguf(header)
    started = time.perf_counter()
    folder = converted_folder(header)
    row(measure="conversion, once a machine", seconds=round(time.perf_counter() - started, 2))
    started = time.perf_counter()
    engine = OpenVinoEngine(folder, 16)
    row(measure="load", engine=engine.name, seconds=round(time.perf_counter() - started, 2))
    prompts = [
        tokenization.encode(long_text(number))[:PROMPT_TOKENS]
        for number in range(max(arguments.repeats, 8) + 8)
    ]
    speed_beside_llama_cpp(engine, header.path, prompts[: arguments.repeats])
    second_turn(engine, tokenization, prompts)
    together(engine, prompts[-8:])
    schema(engine, tokenization, arguments.schema_calls)
    same_answers(engine, tokenization, header.path, arguments.same)
    engine.close()
    if has_cuda():
        subprocess.run([sys.executable, "-m", "benchmarks.bench_models_gpu"], check=False)


def timed(
    engine: Any, ids: list[int], new_tokens: int = NEW_TOKENS, stop_ids: tuple[int, ...] = ()
) -> tuple[float, float, list[int]]:
    """Seconds to the first token, tokens a second after it, and the tokens."""
    from rag.chat_models.generation import GenerationRequest

    started, times, tokens = time.perf_counter(), [], []
    for batch in engine.submit(GenerationRequest(tuple(ids), new_tokens, stop_ids=stop_ids)):
        times += [time.perf_counter()] * len(batch.ids)
        tokens += batch.ids
    speed = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
    return times[0] - started, speed, tokens


def speed_beside_llama_cpp(engine: Any, path: Any, prompts: list[list[int]]) -> None:
    """First token and decode speed of the two engines, prompt by prompt in turn."""
    from rag.chat_models.llama_cpp_engine import LlamaCppEngine

    other = LlamaCppEngine(path, 8192, 4)
    for one in (engine, other):
        timed(one, prompts[0][::-1], 4)
    results: dict[str, list[tuple[float, float]]] = {engine.name: [], other.name: []}
    for ids in prompts:
        for one in (engine, other):
            first, speed, _ = timed(one, ids)
            results[one.name].append((first, speed))
    medians = {
        name: [statistics.median(column) for column in zip(*values, strict=True)]
        for name, values in results.items()
    }
    for name, (first, speed) in medians.items():
        row(
            measure=f"{PROMPT_TOKENS}-token prompt",
            engine=name,
            first_token_s=round(first, 3),
            decode_tok_s=round(speed, 1),
        )
    ours, theirs = medians[engine.name], medians[other.name]
    row(
        measure="beside llama.cpp",
        first_token_times_earlier=round(theirs[0] / ours[0], 2),
        decode_times_as_fast=round(ours[1] / theirs[1], 2),
    )
    other.close()


def second_turn(engine: Any, tokenization: Any, prompts: list[list[int]]) -> None:
    """First token of a conversation's first and second turn."""
    firsts, seconds = [], []
    for number in range(3):
        ids = [*tokenization.encode(f"Conversation {number}. "), *prompts[number]]
        first, _, answer = timed(engine, ids, 32)
        question = tokenization.encode(
            "<|im_end|>\n<|im_start|>user\nAnd why is that so?<|im_end|>\n<|im_start|>assistant\n"
        )
        second, _, _ = timed(engine, [*ids, *answer, *question], 8)
        firsts.append(first)
        seconds.append(second)
    first, second = statistics.median(firsts), statistics.median(seconds)
    row(
        measure="second turn",
        first_token_s=round(second, 3),
        of_first_turn_s=round(first, 3),
        times_earlier=round(first / second, 1),
    )


def together(engine: Any, prompts: list[list[int]]) -> None:
    """Tokens a second of eight conversations at once and of one."""
    from rag.chat_models.generation import GenerationRequest

    for ids in prompts:
        timed(engine, ids, 1)
    _, alone, _ = timed(engine, prompts[0])
    started = time.perf_counter()
    running = [engine.submit(GenerationRequest(tuple(ids), NEW_TOKENS)) for ids in prompts]
    count = sum(len(batch.ids) for one in running for batch in one)
    speed = count / (time.perf_counter() - started)
    row(
        measure="8 at once, prompts read before",
        tok_s=round(speed, 1),
        of_one=round(alone, 1),
        times=round(speed / alone, 1),
    )


def memory() -> None:
    """The memory that the model takes for one conversation of its whole context, beside its estimate; in a process of its own."""
    import openvino_genai  # noqa: F401 - its libraries are no part of the model

    from rag.chat_models.embedded import embedded_gguf
    from rag.chat_models.estimate import estimate
    from rag.chat_models.gguf_file import read_header
    from rag.chat_models.openvino_engine import OpenVinoEngine, converted_folder
    from rag.settings import ModelSettings

    folder, before = converted_folder(read_header(embedded_gguf())), resident_bytes()
    engine = OpenVinoEngine(folder, 4)
    timed(engine, [(3 + 7 * at * at) % 40_000 + 20 for at in range(8_000)], 4)
    taken, expected = resident_bytes() - before, estimate(ModelSettings(), 8_004).total_bytes
    row(
        measure="memory at 8,000 tokens",
        taken_mb=round(taken / 1e6),
        estimated_mb=round(expected / 1e6),
        off_percent=round(100 * (expected / taken - 1), 1),
    )
    engine.close()


def schema(engine: Any, tokenization: Any, calls: int) -> None:
    """Answers in a fixed form: how many cannot be read, and how long each takes."""
    from rag.chat_models.generation import GenerationRequest
    from rag.chat_models.json_grammar import json_grammar

    grammar, broken, started = json_grammar(SCHEMA), 0, time.perf_counter()
    for number in range(calls):
        ids = tokenization.encode(
            f"{SENTENCES[number % 5]} Claim {number}: the opposite holds. Judge the claim as JSON:\n"
        )
        request = GenerationRequest(
            tuple(ids),
            grammar.max_tokens,
            temperature=0.8,
            seed=number,
            stop_ids=tokenization.stop_ids,
            grammar=grammar.ebnf,
        )
        text = tokenization.decode([token for batch in engine.submit(request) for token in batch.ids])
        try:
            json.loads(text)
        except ValueError:
            broken += 1
    seconds = (time.perf_counter() - started) / max(calls, 1)
    row(measure="answers in a fixed form", calls=calls, unparsable=broken, seconds_each=round(seconds, 3))


def same_answers(engine: Any, tokenization: Any, path: Any, count: int) -> None:
    """Greedy answers beside transformers in float32: how many are the same, where the others part, what decides there."""
    import torch
    from transformers import AutoModelForCausalLM

    if not count:
        return
    model = AutoModelForCausalLM.from_pretrained(
        str(path.parent), gguf_file=path.name, dtype=torch.float32
    ).eval()
    same, partings, margins = 0, [], []
    for number in range(count):
        ids = tokenization.encode(
            f"<|im_start|>user\n{long_text(number, 3)}\nExplain this.<|im_end|>\n<|im_start|>assistant\n"
        )
        _, _, ours = timed(engine, ids, 32, tokenization.stop_ids)
        whole = torch.tensor([[*ids, *ours]])
        with torch.inference_mode():
            logits = model(whole).logits[0, len(ids) - 1 : -1]
        best = logits.argmax(-1).tolist()
        parted = next((at for at, (a, b) in enumerate(zip(ours, best, strict=True)) if a != b), None)
        if parted is None:
            same += 1
            continue
        top = logits[parted].topk(2).values
        partings.append(parted)
        margins.append(float(top[0] - logits[parted, ours[parted]]) / float(logits[parted].std()))
    row(
        measure="same greedy answers as transformers float32",
        prompts=count,
        same=same,
        first_difference_median=statistics.median(partings) if partings else None,
        margin_in_logit_deviations_median=round(statistics.median(margins), 3) if margins else None,
        margin_largest=round(max(margins), 3) if margins else None,
    )


def long_text(number: int, sentences: int = 60) -> str:
    """A text of its own for every number."""
    return " ".join(
        f"({number}.{at}) {SENTENCES[(number + at * at) % len(SENTENCES)]}" for at in range(sentences)
    )


def resident_bytes() -> int:
    """The memory of this process."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def has_cuda() -> bool:
    """Whether the GPU part can run."""
    import torch

    return bool(torch.cuda.is_available())


def row(**values: Any) -> None:
    """Print one measurement."""
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
