"""Many requests at once on one model: a full queue, and answers in a fixed form.

In the queue some requests are cancelled.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.models.measuring import row

CLAIMS = (
    "a signal without content above half the sampling rate can be reconstructed.",
    "a median filter keeps edges, which a moving average would smear.",
    "quantisation noise falls by sixty decibels with every bit of the converter.",
    "the thermistor's calibration never drifts.",
    "uncertainties of independent measurements add in quadrature.",
)
PROMPT_TOKENS, ANSWER_TOKENS = 300, 32
SCHEMA = {
    "type": "object",
    "properties": {
        "verdict": {"enum": ["supported", "contradicted", "not in the notes"]},
        "score": {"type": "integer", "minimum": 0, "maximum": 10},
        "reason": {"type": "string", "maxLength": 80},
    },
}


def full_queue(
    engine: Any, count: int, prompt_tokens: int = PROMPT_TOKENS, answer_tokens: int = ANSWER_TOKENS
) -> None:
    """Fill the queue, cancel an eighth, and fill their places again.

    One request too many is tried. The times of service and the message are printed.
    """
    from rag.chat_models.serving.protocol import GenerationRequest
    from rag.errors import ModelBusy

    def request(number: int) -> GenerationRequest:
        ids = tuple((number * 31 + at * at * 7) % 1000 for at in range(prompt_tokens))
        return GenerationRequest(ids, answer_tokens)

    started = time.perf_counter()
    running = [engine.submit(request(number)) for number in range(count)]
    refusal = ""
    try:
        engine.submit(request(count))
    except ModelBusy as exc:
        refusal = str(exc)
    leaving = running[4::8]
    for one in leaving:
        one.cancel()
    freed, later, left = 0.0, 0, time.perf_counter()
    while later < len(leaving):  # new ones come as places become free
        try:
            engine.submit(request(count + 1 + later)).cancel()
            later += 1
            freed = time.perf_counter() - left
        except ModelBusy:
            time.sleep(0.01)
    staying = [one for one in running if one not in leaving]
    firsts, ends = [0.0] * len(staying), [""] * len(staying)

    def follow(number: int) -> None:
        for batch in staying[number]:
            firsts[number] = firsts[number] or time.perf_counter() - started
            ends[number] = batch.finish.value if batch.finish else ""

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(len(staying))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    gone = [list(one)[-1].finish.value for one in leaving]
    order = sorted(range(len(firsts)), key=lambda number: firsts[number])
    row(
        measure="a full queue", requests=count, refused=refusal, answered=len(ends) - ends.count("cancelled"),
        cancelled=gone.count("cancelled"), taken_in_their_places=later, places_free_after_s=round(freed, 3),
        seconds=round(seconds, 1), tok_s=round(len(staying) * answer_tokens / seconds),
        served_out_of_turn_by_at_most=max(abs(place - number) for place, number in enumerate(order)),
        last_first_token_s=round(max(firsts), 2),
    )  # fmt: skip


def fixed_form(
    engine: Any, calls: int, encode: Callable[[str], list[int]], decode: Callable[[list[int]], str],
    stop_ids: tuple[int, ...],
) -> None:  # fmt: skip
    """Measure answers in a fixed form, all on the queue at once.

    It prints how many cannot be parsed, and their time.
    """
    from rag.chat_models.serving.protocol import GenerationRequest
    from rag.chat_models.structured.json_grammar import json_grammar

    grammar, running, started = json_grammar(SCHEMA), [], time.perf_counter()
    for number in range(calls):
        ids = encode(
            f"Judge as JSON whether the notes support this claim. Claim {number}: {CLAIMS[number % 5]}\n"
        )
        request = GenerationRequest(
            tuple(ids),
            grammar.max_tokens,
            temperature=0.8,
            seed=number,
            stop_ids=stop_ids,
            grammar=grammar.ebnf,
        )
        running.append(engine.submit(request))
    broken, tokens = 0, 0
    for one in running:
        said = [token for batch in one for token in batch.ids]
        tokens += len(said)
        try:
            broken += set(json.loads(decode(said))) != set(SCHEMA["properties"])
        except ValueError:
            broken += 1
    seconds = time.perf_counter() - started
    row(
        measure="answers in a fixed form", engine=engine.name, calls=calls, unparsable=broken, tokens=tokens,
        seconds=round(seconds, 1), tok_s=round(tokens / seconds),
    )  # fmt: skip


def tokenizer_of(folder: str) -> Any:
    """The tokenizer in a folder, else the embedded model's."""
    from transformers import AutoTokenizer

    if folder:
        return AutoTokenizer.from_pretrained(folder)
    from rag.chat_models.embedded import embedded_gguf

    path = embedded_gguf()
    return AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
