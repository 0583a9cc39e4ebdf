"""Greedy answers of every CPU engine beside plain `generate` in float32.

The prompts are the product's own; `python -m benchmarks.models --same-only` prints the comparison. For each
engine: how many answers are the same, where the others first differ, and the lead in float32 of the best
token over the next one there. A difference explained by precision is at a near tie. An engine that computes
in float32 too shows the differences that precision does not explain.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.models.measuring import row

ROOT = Path(__file__).resolve().parents[2]
ANSWER_TOKENS, PASSAGES = 32, 2
FLOAT32 = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A prompt and its answer in float32.

    For each token it has the probability of the best and of the next best.
    """

    prompt: tuple[int, ...]
    said: list[int]
    best: list[float]
    second: list[float]


def same_answers(count: int) -> None:
    """Print a line for each engine."""
    from rag.chat_models.embedded import ADAPTER, embedded_gguf
    from rag.chat_models.files.gguf_header import read_header
    from rag.chat_models.files.merge_adapter import merged_gguf
    from rag.chat_models.files.tokenization import from_gguf

    path = merged_gguf(embedded_gguf(), ADAPTER)
    tokenization = from_gguf(read_header(path))
    prompts = [tuple(tokenization.encode_turns(turns)) for turns in course_prompts(count)]
    with tempfile.TemporaryDirectory() as folder:
        references = [*answered_in_float32(path, prompts, tokenization.stop_ids, Path(folder))]
        guessed(references)
        for name, engine in engines(path, Path(folder), tokenization):
            compare(name, engine, references, tokenization.stop_ids)
            engine.close()


def course_prompts(count: int) -> list[list[Any]]:
    """Return the product's messages for the questions of the example course."""
    from langchain_core.messages import AIMessageChunk

    from eval.golden.golden_file import read_golden
    from ingest.pipeline import ingest_paths
    from rag.chain import AnswerChain
    from rag.chat_models.local_model import turn_of
    from ui.application import Application, load

    asked: list[list[Any]] = []

    class Listens:
        """Record the messages of a call."""

        def __init__(self, model: object) -> None:
            self._model = model

        def __getattr__(self, name: str) -> object:
            return getattr(self._model, name)

        def stream(self, messages: Any, config: Any = None) -> Iterator[AIMessageChunk]:
            asked.append([turn_of(message) for message in messages])
            yield AIMessageChunk(content="")

    with tempfile.TemporaryDirectory() as folder:
        application = Application(load(Path(folder)))
        ingest_paths(
            application.open_library(),
            [ROOT / "examples" / "course"],
            application.embedder,
            application.settings,
        )
        chain = application.chain()
        settings = chain.settings.model_copy(update={"gate": False, "passages": PASSAGES})
        listening = AnswerChain(chain.retriever, Listens(chain.model), settings, chain.receipt)
        for question in read_golden(ROOT / "examples" / "golden.jsonl"):
            if len(asked) < count:
                listening.invoke({"question": question.question, "history": []})
        chain.model.close()
    return asked[:count]


def answered_in_float32(
    path: Path, prompts: list[tuple[int, ...]], stop_ids: tuple[int, ...], folder: Path
) -> Iterator[Reference]:
    """Yield the answers of plain `generate` in float32.

    The model is left in the folder for the engines that read one.
    """
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        str(path.parent),
        gguf_file=path.name,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),
    ).eval()
    model.save_pretrained(folder)
    for prompt in prompts:
        ids = torch.tensor([prompt])
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=ANSWER_TOKENS,
            eos_token_id=list(stop_ids), pad_token_id=0, return_dict_in_generate=True, output_logits=True,
        )  # fmt: skip
        shares = torch.softmax(torch.cat(out.logits).float(), dim=-1).topk(2).values
        said = out.sequences[0, len(prompt) :].tolist()
        yield Reference(prompt, said, shares[:, 0].tolist(), shares[:, 1].tolist())


def engines(path: Path, folder: Path, tokenization: Any) -> Iterator[tuple[str, Any]]:
    """Every engine that reads the model, one at a time."""
    from rag.chat_models.engines.llama_cpp import LlamaCppEngine
    from rag.chat_models.engines.openvino import OpenVinoEngine
    from rag.chat_models.engines.openvino_conversion import converted_folder
    from rag.chat_models.engines.transformers_engine import TransformersEngine
    from rag.chat_models.engines.transformers_loading import Weights, load_causal_model
    from rag.chat_models.files.gguf_header import read_header
    from rag.settings import ModelSettings

    settings = ModelSettings(queue_length=64)
    converted = converted_folder(read_header(path))
    yield "openvino (default)", OpenVinoEngine(converted, settings)
    yield "llama.cpp", LlamaCppEngine(path, 8192, settings, tokenization)
    for weights in (Weights.BFLOAT16, Weights.NF4):
        model = load_causal_model(str(folder), weights, "cpu")
        yield f"transformers, {weights}", TransformersEngine(model, 8192, settings)
    yield "openvino, arithmetic in float32", OpenVinoEngine(converted, settings, FLOAT32)


def compare(name: str, engine: Any, references: list[Reference], stop_ids: tuple[int, ...]) -> None:
    """Ask one prompt after the other, then all at once, and print the comparison.

    The second time the beginnings of the prompts are cached.
    """
    from rag.chat_models.serving.protocol import GenerationRequest

    def ask(reference: Reference) -> Any:
        return engine.submit(GenerationRequest(reference.prompt, ANSWER_TOKENS, stop_ids=stop_ids))

    def read(running: Any) -> list[int]:
        return words([token for batch in running for token in batch.ids])

    def words(ids: list[int]) -> list[int]:
        return [token for token in ids if token not in stop_ids]  # not every engine hands the end itself over

    alone = [read(ask(reference)) for reference in references]
    together = [read(running) for running in [ask(reference) for reference in references]]
    leads, places = [], []
    for said, reference in zip(alone, references, strict=True):
        at = parted(said, words(reference.said))
        if at is not None:
            places.append(at)
            leads.append(reference.best[at] - reference.second[at])
    row(
        measure="same greedy answers as float32", engine=name, prompts=len(references),
        same=len(references) - len(places), first_difference=sorted(places),
        lead_of_best_token_there=[round(lead, 3) for lead in sorted(leads)],
        lead_usual=round(statistics.median(b - s for one in references for b, s in zip(one.best, one.second, strict=True)), 3),
        same_when_asked_together=sum(a == b for a, b in zip(alone, together, strict=True)),
    )  # fmt: skip


def parted(ours: list[int], theirs: list[int]) -> int | None:
    """Return the place where two answers first differ, None if they are equal.

    If one is the beginning of the other, it is the shorter one's end.
    """
    if ours == theirs:
        return None
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(ours), len(theirs)))


def guessed(references: list[Reference]) -> None:
    """Print the tokens of a step if guesses come from the prompt.

    The answers are real, so the figure does not depend on any hardware.
    """
    from rag.chat_models.serving.prompt_lookup import PromptLookup

    tokens = sum(len(reference.said) for reference in references)
    found = {}
    for most in (3, 7, 15):
        steps = 0
        for reference in references:
            lookup, at = PromptLookup([*reference.prompt, reference.said[0]]), 1
            while at < len(reference.said):
                guess, steps = lookup.guess(most), steps + 1
                right = next(
                    (n for n, token in enumerate(guess) if reference.said[at + n : at + n + 1] != [token]),
                    len(guess),
                )
                lookup.add(reference.said[at : at + right + 1])
                at += right + 1
        found[most] = round((tokens - len(references)) / steps, 2)
    row(measure="tokens a step", answers=len(references), tokens=tokens, by_most_guesses=found)
