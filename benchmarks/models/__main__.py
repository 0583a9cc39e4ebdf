"""The embedded model on this CPU, beside llama.cpp and transformers.

All use the same file in the same run (`--model FILE`: another one, without transformers). It prints one JSON line each:
start-up, first token and decode speed on 800-token prompts (the engines take turns, so a busy machine slows all), the second
turn of a conversation, eight conversations at once, 400 on the queue, answers in a fixed form, memory beside its estimate,
greedy answers beside those of transformers in float32, and perplexity beside the exact weights. On a machine with CUDA the
GPU part (`benchmarks.gpu.models`) follows.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.models.measuring import has_cuda, resident_bytes, row
from benchmarks.models.perplexity import perplexity
from benchmarks.models.queue_load import fixed_form, full_queue
from benchmarks.models.same_answers import same_answers
from benchmarks.models.texts import long_text
from rag.chat_models.embedded import embedded_gguf

PROMPT_TOKENS, NEW_TOKENS = 800, 64
PARALLEL = 8


def main() -> None:
    """Run the parts and print one JSON line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="prompts per engine")
    parser.add_argument("--same", type=int, default=50, help="prompts compared with transformers in float32")
    parser.add_argument("--same-only", action="store_true", help="compare answers and nothing else")
    parser.add_argument("--schema-calls", type=int, default=60, help="answers in a fixed form")
    parser.add_argument("--requests", type=int, default=400, help="requests on the queue")
    parser.add_argument("--load-only", action="store_true", help="the queue and the fixed form, nothing else")
    parser.add_argument(
        "--guesses-only", action="store_true", help="decoding with and without guesses, nothing else"
    )
    parser.add_argument("--memory-only", action="store_true", help="measure the memory of one conversation")
    parser.add_argument("--perplexity-only", action="store_true", help="perplexity and nothing else")
    parser.add_argument("--model", type=Path, help="a GGUF file instead of the embedded model")
    parser.add_argument(
        "--tokens", type=int, nargs="*", default=[PROMPT_TOKENS], help="lengths of the prompts"
    )
    parser.add_argument("--speed-only", action="store_true", help="speed beside llama.cpp, nothing else")
    arguments = parser.parse_args()
    path = arguments.model or embedded_gguf()
    if arguments.memory_only:
        memory(path)
    elif arguments.perplexity_only:
        perplexity(path)
    elif arguments.speed_only:
        speed(arguments.repeats, path, arguments.tokens)
    elif arguments.model:
        apart("--memory-only", "--model", path)
        speed(arguments.repeats, path, arguments.tokens)
        apart("--perplexity-only", "--model", path)
    elif arguments.same_only:
        same_answers(arguments.same)
    elif arguments.guesses_only:
        with_guesses()
    elif arguments.load_only:
        load(arguments.requests, arguments.schema_calls)
    else:
        apart("--memory-only")
        speed(arguments.repeats, path, arguments.tokens)
        with_guesses()
        load(arguments.requests, arguments.schema_calls)
        same_answers(arguments.same)
        apart("--perplexity-only")
        if has_cuda():
            subprocess.run([sys.executable, "-m", "benchmarks.gpu.models"], check=False)


def apart(*arguments: str | Path) -> None:
    """Run a part in a process of its own, so that its memory is its own."""
    subprocess.run([sys.executable, "-m", "benchmarks.models", *arguments], check=True)


def speed(repeats: int, path: Path, lengths: list[int]) -> None:
    """Measure first token, decoding, second turn and eight conversations at once.

    The embedded model runs without its adapter.
    """
    from rag.chat_models.engines.openvino import OpenVinoEngine
    from rag.chat_models.engines.openvino_conversion import converted_folder
    from rag.chat_models.files.gguf_header import read_header
    from rag.chat_models.files.tokenization import from_gguf
    from rag.settings import ModelSettings

    header = read_header(path)
    tokenization = from_gguf(header)
    started = time.perf_counter()
    folder = converted_folder(header)
    row(measure="conversion, once a machine", seconds=round(time.perf_counter() - started, 2))
    started = time.perf_counter()
    engine = OpenVinoEngine(folder, ModelSettings(lookup_tokens=0))  # llama.cpp guesses nothing either
    row(measure="load", engine=engine.name, seconds=round(time.perf_counter() - started, 2))
    texts = [
        tokenization.encode(long_text(number, max(lengths) // 12)) for number in range(max(repeats, 8) + 8)
    ]
    for length in lengths:
        cut = [ids[:length] for ids in texts[:repeats]]
        speed_beside_llama_cpp(engine, header.path, tokenization, cut, length)
    prompts = [ids[:PROMPT_TOKENS] for ids in texts]
    second_turn(engine, tokenization, prompts)
    together(engine, prompts[-8:])
    engine.close()


def with_guesses() -> None:
    """Measure decode speed with and without guesses on the product's own prompts.

    Answers copy from these prompts.
    """
    from benchmarks.models.same_answers import course_prompts
    from rag.chat_models import open_chat_model
    from rag.chat_models.serving.protocol import GenerationRequest
    from rag.settings import ModelSettings

    turns, found, answers = course_prompts(16), {}, {}
    for most in (0, 15):
        chat = open_chat_model(ModelSettings(lookup_tokens=most))
        requests = [
            GenerationRequest(
                tuple(chat.tokenization.encode_turns(one)), 64, stop_ids=chat.tokenization.stop_ids
            )
            for one in turns
        ]
        for request in requests:
            timed(chat.engine, list(request.prompt_ids), 1)  # read before, so that decoding is what is timed
        for together in (1, PARALLEL):
            started, said = time.perf_counter(), []
            for first in range(0, len(requests), together):
                running = [chat.engine.submit(request) for request in requests[first : first + together]]
                said += [[token for batch in one for token in batch.ids] for one in running]
            seconds = time.perf_counter() - started
            found[most, together] = sum(map(len, said)) / seconds
            answers[most, together] = said
        chat.close()
    for together in (1, PARALLEL):
        row(
            measure="guessed tokens", conversations=together, tok_s=round(found[15, together], 1),
            without=round(found[0, together], 1), times=round(found[15, together] / found[0, together], 2),
            same_answers=sum(a == b for a, b in zip(answers[0, together], answers[15, together], strict=True)),
            of=len(turns),
        )  # fmt: skip


def load(requests: int, schema_calls: int) -> None:
    """Many requests at once on the product's default model."""
    from rag.chat_models import open_chat_model
    from rag.settings import ModelSettings

    chat = open_chat_model(ModelSettings(queue_length=requests - PARALLEL))
    full_queue(chat.engine, requests, 40, 8)
    chat.close()
    chat = open_chat_model(ModelSettings(queue_length=schema_calls))
    tokenization = chat.tokenization
    fixed_form(chat.engine, schema_calls, tokenization.encode, tokenization.decode, tokenization.stop_ids)
    chat.close()


def timed(
    engine: Any, ids: list[int], new_tokens: int = NEW_TOKENS, stop_ids: tuple[int, ...] = ()
) -> tuple[float, float, list[int]]:
    """Seconds to the first token, tokens a second after it, and the tokens."""
    from rag.chat_models.serving.protocol import GenerationRequest

    started, times, tokens = time.perf_counter(), [], []
    for batch in engine.submit(GenerationRequest(tuple(ids), new_tokens, stop_ids=stop_ids)):
        times += [time.perf_counter()] * len(batch.ids)
        tokens += batch.ids
    speed = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
    return times[0] - started, speed, tokens


def speed_beside_llama_cpp(
    engine: Any, path: Path, tokenization: Any, prompts: list[list[int]], length: int
) -> None:
    """Measure first token and decode speed beside llama.cpp, prompt by prompt in turn.

    The sides are Lectern's engine, llama.cpp's wheel as it comes, and Lectern's engine on that wheel.
    """
    from benchmarks.models.llama_cpp_wheel import PlainLlamaCpp
    from rag.chat_models.engines.llama_cpp import LlamaCppEngine
    from rag.settings import ModelSettings

    plain, wrapped = PlainLlamaCpp(path, 8192), LlamaCppEngine(path, 8192, ModelSettings(), tokenization)
    through = f"{wrapped.name} through Lectern, which asks it for token ids"
    ways: dict[str, Callable[[list[int], int], tuple[float, float]]] = {
        engine.name: lambda ids, tokens: timed(engine, ids, tokens)[:2],
        plain.name: plain.timed,
        through: lambda ids, tokens: timed(wrapped, ids, tokens)[:2],
    }
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for way in ways.values():
        way(prompts[0][::-1], 4)
    for ids in prompts:
        for name, way in ways.items():
            results[name].append(way(ids, NEW_TOKENS))
    medians = {
        name: [statistics.median(column) for column in zip(*values, strict=True)]
        for name, values in results.items()
    }
    for name, (first, speed) in medians.items():
        row(
            measure=f"{length}-token prompt",
            engine=name,
            first_token_s=round(first, 3),
            decode_tok_s=round(speed, 1),
        )
    ours, theirs = medians[engine.name], medians[plain.name]
    row(
        measure="beside llama.cpp",
        prompt_tokens=length,
        first_token_times_earlier=round(theirs[0] / ours[0], 2),
        decode_times_as_fast=round(ours[1] / theirs[1], 2),
    )
    plain.close()
    wrapped.close()


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
    from rag.chat_models.serving.protocol import GenerationRequest

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


def memory(path: Path) -> None:
    """Measure the model's memory for one whole context beside its estimate.

    It runs in a process of its own.
    """
    import openvino_genai  # noqa: F401 - its libraries are no part of the model

    from rag.chat_models.engines.openvino import OpenVinoEngine
    from rag.chat_models.engines.openvino_conversion import converted_folder
    from rag.chat_models.estimate import estimate
    from rag.chat_models.files.gguf_header import read_header
    from rag.settings import ModelSettings

    folder, before = converted_folder(read_header(path)), resident_bytes()
    engine = OpenVinoEngine(folder, ModelSettings())
    timed(engine, [(3 + 7 * at * at) % 40_000 + 20 for at in range(8_000)], 4)
    taken, expected = (
        resident_bytes() - before,
        estimate(ModelSettings(name=str(path), adapter="none"), 8_004).total_bytes,
    )
    row(
        measure="memory at 8,000 tokens",
        taken_mb=round(taken / 1e6),
        estimated_mb=round(expected / 1e6),
        off_percent=round(100 * (expected / taken - 1), 1),
    )
    engine.close()


if __name__ == "__main__":
    main()
