"""`python -m finetune.evidence.teacher` answers a file of requests on a GPU.

    python -m finetune.evidence.teacher --model qwen2.5-coder-1.5b.gguf --requests requests.jsonl.gz --out answers.jsonl.gz

A request is a line `{"id", "messages": [{"role", "content"}], "max_new_tokens", "temperature", "n"}`. With
`choices`, a list of single tokens, nothing is written: the answer has the logarithm of the probability of
each. `shared` is a text that goes before the last message's; prompts that are equal up to there are read
once. The answer is `{"id", "texts", "finished"}`, or `{"id", "scores"}`.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from finetune.evidence.decoder import Decoder, Row
from finetune.evidence.qwen2 import Weights, load
from finetune.exit_status import exit_status
from finetune.grounded.json_lines import read_lines, write_lines

log = logging.getLogger(__name__)
END = "<|im_end|>"
_ROWS, _SLOTS = 1024, 896
_LONG_ROWS, _LONG_SLOTS = 96, 4096
SEVERAL = 0.97
"""Share of a batch after which its unfinished sampled answers are cut."""


def rendered(messages: Sequence[dict[str, str]]) -> str:
    """Return messages in the model's chat template."""
    return "".join(f"<|im_start|>{m['role']}\n{m['content']}{END}\n" for m in messages)


@dataclass(slots=True)
class Prompt:
    """A request, tokenized: what it shares with others, and the rest."""

    place: int
    shared: str
    rest: list[int]
    most: int
    temperature: float
    choices: list[int]
    shared_tokens: int = 0


class Teacher:
    """A model that answers requests in batches of similar length."""

    def __init__(self, weights: Weights, tokenizer: Any, rows: int = _ROWS, slots: int = _SLOTS) -> None:
        self.tokenizer, self.weights = tokenizer, weights
        self.sizes = ((rows, slots), (_LONG_ROWS, _LONG_SLOTS))
        self.decoders: dict[int, Decoder] = {}
        self._choices: dict[str, int] = {}
        self.begun = time.perf_counter()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of texts."""
        return [list(e.ids) for e in self.tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def answers(
        self, requests: Sequence[dict[str, Any]], until: float = float("inf"), enough: float = SEVERAL
    ) -> list[dict[str, Any] | None]:
        """Return an answer for each request, None where the time ran out."""
        heads = [
            rendered(r["messages"][:-1]) + (f"<|im_start|>user\n{r['shared']}" if "shared" in r else "")
            for r in requests
        ]
        tails = [
            (
                r["messages"][-1]["content"]
                if "shared" in r
                else f"<|im_start|>user\n{r['messages'][-1]['content']}"
            )
            + f"{END}\n<|im_start|>assistant\n{r.get('prefix', '')}"
            for r in requests
        ]
        unique = list(dict.fromkeys(heads))
        self._shared = dict(zip(unique, self.encode(unique), strict=True))
        rests = self.encode(tails)
        prompts: list[Prompt] = []
        for place, (request, head, rest) in enumerate(zip(requests, heads, rests, strict=True)):
            choices = [self._choice(text) for text in request.get("choices", ())]
            one = Prompt(
                place,
                head,
                rest,
                int(request.get("max_new_tokens", 1)),
                float(request.get("temperature", 0)),
                choices,
                len(self._shared[head]),
            )
            prompts += [one] * max(1, int(request.get("n", 1)) if not choices else 1)
        found: list[dict[str, Any] | None] = [None] * len(requests)
        for rows, slots, batch in self._batches(prompts, found, requests):
            if time.perf_counter() > until:
                break
            self._answer(self._decoder(rows, slots), batch, requests, found, enough)
        return found

    def _choice(self, text: str) -> int:
        """Return the first token of a choice."""
        if text not in self._choices:
            self._choices[text] = self.encode([text])[0][0]
        return self._choices[text]

    def _decoder(self, rows: int, slots: int) -> Decoder:
        if slots not in self.decoders:
            stop = [self.encode([END])[0][0], self.encode(["<|endoftext|>"])[0][0]]
            self.decoders[slots] = Decoder(self.weights, rows, slots, stop)
        return self.decoders[slots]

    def _batches(
        self,
        prompts: Iterable[Prompt],
        found: list[dict[str, Any] | None],
        requests: Sequence[dict[str, Any]],
    ) -> Iterator[tuple[int, int, list[Prompt]]]:
        """Yield batches of prompts of one kind and similar length."""
        by_kind: dict[tuple[int, bool], list[Prompt]] = defaultdict(list)
        for prompt in prompts:
            length = prompt.shared_tokens + len(prompt.rest) + prompt.most
            size = next((i for i, (_, slots) in enumerate(self.sizes) if length <= slots - 64), None)
            if size is None:
                found[prompt.place] = {"id": requests[prompt.place]["id"], "error": "too long"}
            else:
                by_kind[size, bool(prompt.choices)].append(prompt)
        for (size, choosing), several in sorted(by_kind.items(), key=lambda kind: kind[0]):
            rows, slots = self.sizes[size]
            if choosing:
                several.sort(key=lambda p: (p.shared_tokens, p.shared, len(p.rest)))
            else:
                several.sort(key=lambda p: (p.most, p.shared_tokens + len(p.rest)))
            batch: list[Prompt] = []
            head = rest = 0
            for prompt in several:
                own = len(prompt.rest) + prompt.most
                if batch and (
                    len(batch) >= rows or max(head, prompt.shared_tokens) + max(rest, own) > slots - 1
                ):
                    yield rows, slots, batch
                    batch, head, rest = [], 0, 0
                batch.append(prompt)
                head, rest = max(head, prompt.shared_tokens), max(rest, own)
            if batch:
                yield rows, slots, batch

    def _answer(
        self,
        decoder: Decoder,
        batch: list[Prompt],
        requests: Sequence[dict[str, Any]],
        found: list[dict[str, Any] | None],
        enough: float,
    ) -> None:
        heads = list(dict.fromkeys(p.shared for p in batch))
        group = {head: place for place, head in enumerate(heads)}
        shared = [self._shared[head] for head in heads]
        rows = [Row(group[p.shared], p.rest, p.most, p.temperature) for p in batch]
        if batch[0].choices:
            logits, _ = decoder.read(shared, rows)
            widest = max(len(p.choices) for p in batch)
            chosen = torch.tensor(
                [p.choices + [p.choices[0]] * (widest - len(p.choices)) for p in batch], device=logits.device
            )
            there = torch.arange(widest) < torch.tensor([len(p.choices) for p in batch]).unsqueeze(1)
            values = logits.gather(1, chosen).cpu().masked_fill(~there, -torch.inf).log_softmax(1).tolist()
            for prompt, row in zip(batch, values, strict=True):
                scores = [round(score, 3) for score in row[: len(prompt.choices)]]
                found[prompt.place] = {"id": requests[prompt.place]["id"], "scores": scores}
            return
        sampled = any(p.temperature > 0 for p in batch)
        written = decoder.decode(shared, rows, enough if sampled else 1.0)
        texts = self.tokenizer.decode_batch([ids for ids, _ in written])
        for prompt, text, (_, ended) in zip(batch, texts, written, strict=True):
            request = requests[prompt.place]
            answer = found[prompt.place] or {"id": request["id"], "texts": [], "finished": []}
            answer["texts"].append(request.get("prefix", "") + text)
            answer["finished"].append(ended)
            found[prompt.place] = answer

    def report(self) -> str:
        """Return the number of tokens and the speed."""
        tokens = sum(decoder.tokens for decoder in self.decoders.values())
        steps = sum(decoder.steps for decoder in self.decoders.values())
        seconds = time.perf_counter() - self.begun
        return f"{tokens:,} tokens in {steps:,} steps, {seconds:.1f} s, {tokens / seconds:,.0f} tokens/s"


def open_teacher(
    path: Path, tokenizer: Path | None, device: str = "cuda", tied: bool = True, **sizes: int
) -> Teacher:
    """Open a GGUF file as a teacher.

    The tokenizer comes from a `tokenizer.json`, or from the file through transformers."""
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    if tokenizer is None:
        from transformers import AutoTokenizer

        backend = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name).backend_tokenizer
    else:
        from tokenizers import Tokenizer

        backend = Tokenizer.from_file(str(tokenizer))
    backend.no_padding()
    backend.no_truncation()
    return Teacher(load(path, device, dtype, tied), backend, **sizes)


def agreement(teacher: Teacher, prompts: Sequence[str], most: int = 48) -> float:
    """Return the share of greedy tokens in which the decoder equals `model.generate`.

    Tokens count up to the first that differs."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    w = teacher.weights
    config = Qwen2Config(
        vocab_size=w.head.shape[0], hidden_size=w.head.shape[1], intermediate_size=w.layers[0].down.shape[1],
        num_hidden_layers=len(w.layers), num_attention_heads=w.heads, num_key_value_heads=w.kv_heads,
        rms_norm_eps=w.eps, tie_word_embeddings=False, max_position_embeddings=32768,
        rope_parameters={"rope_type": "default", "rope_theta": w.theta},
    )  # fmt: skip
    with torch.device("meta"):
        model: Any = Qwen2ForCausalLM(config)
    state = {"model.embed_tokens.weight": w.embedding, "lm_head.weight": w.head, "model.norm.weight": w.norm}
    sizes = [w.heads * w.head_dim, w.kv_heads * w.head_dim, w.kv_heads * w.head_dim]
    for number, layer in enumerate(w.layers):
        assert layer.qkv_bias is not None  # noqa: S101 - Qwen2 has them
        name = f"model.layers.{number}."
        state |= {
            name + "input_layernorm.weight": layer.norm,
            name + "post_attention_layernorm.weight": layer.ffn_norm,
        }
        for part, weight, bias in zip(
            "qkv", torch.split(layer.qkv, sizes), torch.split(layer.qkv_bias, sizes), strict=True
        ):
            state |= {
                f"{name}self_attn.{part}_proj.weight": weight,
                f"{name}self_attn.{part}_proj.bias": bias,
            }
        gate, up = layer.gate_up.chunk(2)
        state |= {name + "self_attn.o_proj.weight": layer.out, name + "mlp.down_proj.weight": layer.down}
        state |= {name + "mlp.gate_proj.weight": gate, name + "mlp.up_proj.weight": up}
    model.load_state_dict(state, assign=True)
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to(w.head.device)
    model.eval()
    texts = [
        rendered([{"role": "user", "content": prompt}]) + "<|im_start|>assistant\n" for prompt in prompts
    ]
    rows = teacher.encode(texts)
    decoder = teacher._decoder(*teacher.sizes[0])
    batch = [Row(place, ids[4:], most, 0.0) for place, ids in enumerate(rows)]
    ours = [ids for ids, _ in decoder.decode([ids[:4] for ids in rows], batch)]
    same = total = 0
    for ids, mine in zip(rows, ours, strict=True):
        asked = torch.tensor([ids], device=w.head.device)
        with torch.inference_mode():
            out = model.generate(
                asked,
                attention_mask=torch.ones_like(asked),
                max_new_tokens=len(mine),
                do_sample=False,
                pad_token_id=0,
                eos_token_id=int(decoder.stop[0]),
            )
        theirs = out[0, len(ids) :].tolist()
        agreed = next((i for i, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), len(theirs))
        same, total = same + agreed, total + len(theirs)
    return same / max(1, total)


def main() -> None:
    """Answer the requests of a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="the GGUF file")
    parser.add_argument("--tokenizer", type=Path, help="its tokenizer.json, where there is one")
    parser.add_argument("--requests", type=Path, required=True, help="JSONL.gz")
    parser.add_argument("--out", type=Path, required=True, help="answers, JSONL.gz")
    parser.add_argument("--seconds", type=float, default=1e9, help="most time for answering")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    teacher = open_teacher(args.model, args.tokenizer, "cuda" if torch.cuda.is_available() else "cpu")
    answers = teacher.answers(list(read_lines(args.requests)), time.perf_counter() + args.seconds)
    write_lines(args.out, (answer for answer in answers if answer is not None))
    log.info("%s", teacher.report())


if __name__ == "__main__":
    sys.exit(exit_status(main))
