"""A Llama on a CUDA device, whose decode step for a batch is one CUDA graph.

The weights are taken from a loaded transformers model (nf4 of bitsandbytes or plain bf16, with or without a
LoRA adapter), and a decode step runs without its thousand small kernel launches. Prefill is the forward pass
of the transformers model itself; both use the same KV cache.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from rag.chat_models.cuda.decode_kernels import attend, gated, normalise, rotate_and_store
from rag.chat_models.cuda.linear_layers import DecoderLayer, Linear
from rag.chat_models.cuda.nf4_matmul import MOST_ROWS
from rag.chat_models.device_memory import conversations
from rag.errors import ModelTooLarge

_BATCHES = (1, 2, 4, 8, 16, MOST_ROWS)  # one CUDA graph for each; a step takes the next larger one
_SHORT_READ_TOKENS = 128
"""The most tokens after a kept prefix that are read as rows of a decode batch.

Up to here that is quicker than the model's own forward pass.
"""
_IDLE = -1
"""The position of a row that only fills up a batch."""


class _SlotLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's KV cache for a prefill, which writes straight into the slot's cache.

    The prompt's keys and values follow the `kept` ones; decode steps read them there.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, kept: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._places = (keys, values)
        self._kept = kept

    def get_seq_length(self) -> int:
        """Return the number of cached tokens, from which positions and mask are counted."""
        return self._kept

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store the keys and values of the prompt and return them after the kept ones."""
        end = self._kept + key_states.shape[-2]
        for place, states in zip(self._places, (key_states, value_states), strict=True):
            place[:, self._kept : end] = states[0]
        if not self._kept:
            return key_states, value_states
        keys, values = (place[None, :, :end] for place in self._places)
        return keys, values


class CudaLlama:
    """A loaded transformers Llama as a step model of `rag.chat_models.serving`."""

    def __init__(self, model: Any, context_tokens: int, wished_slots: int = 0) -> None:
        self.model = model
        self._config = model.config
        self._context = context_tokens
        causal = self._causal()
        body = causal.model
        self.asynchronous = model.device.type == "cuda"  # Triton's interpreter is not
        self._embedding, self._head = body.embed_tokens.weight, Linear((causal.lm_head,))
        self._last_norm, self._dtype = body.norm.weight, body.embed_tokens.weight.dtype
        self._turn = self._rotation(body.rotary_emb)
        self.slots = self._affordable_slots(wished_slots)
        layers, groups, size = (
            self._config.num_hidden_layers,
            self._config.num_key_value_heads,
            self._turn[0].shape[1] * 2,
        )
        # Layer by layer, slot by slot: a decode step reads one layer of every slot, and the keys of one head are one after
        # the other, so that a tile of them is one stretch of memory.
        shape = (layers, self.slots, groups, context_tokens, size)
        self._keys = torch.zeros(shape, dtype=self._dtype, device=model.device)
        self._values = torch.zeros_like(self._keys)
        self._layers = [DecoderLayer.of(block) for block in body.layers]
        self._graphs: dict[int, tuple[Any, torch.Tensor, torch.Tensor]] = {}
        self._prepare()

    def use_adapter(self, name: str) -> None:
        """Decode with another adapter that PEFT has loaded, or with none (empty name)."""
        for layer, block in zip(self._layers, self._causal().model.layers, strict=True):
            layer.use_adapter(block, name)
        self._head.use_adapter((self._causal().lm_head,), name)
        self._prepare()

    def read(self, slot: int, ids: Sequence[int], kept: int) -> torch.Tensor:
        """Return the next token's logits after the slot has read `ids`.

        The slot's cache already has the first `kept` of them.
        """
        new = len(ids) - kept
        if kept and new <= _SHORT_READ_TOKENS:
            for start in range(kept, len(ids), _BATCHES[-1]):
                part = ids[start : start + _BATCHES[-1]]
                logits = self.step([slot] * len(part), part, range(start, start + len(part)))
            return logits[-1]
        return self._read_on(slot, ids[kept:], kept)

    def _read_on(self, slot: int, ids: Sequence[int], kept: int) -> torch.Tensor:
        """Return the logits of the model's own prefill of `ids` after cached tokens.

        There are `kept` cached tokens.
        """
        cache = DynamicCache()
        cache.layers = [
            _SlotLayer(keys[slot], values[slot], kept)
            for keys, values in zip(self._keys, self._values, strict=True)
        ]
        tokens = torch.tensor([list(ids)], device=self.model.device)
        out = self.model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
        logits: torch.Tensor = out.logits[0, -1].float()
        return logits

    def step(self, slots: Sequence[int], tokens: Sequence[int], positions: Sequence[int]) -> torch.Tensor:
        """The next tokens' logits after each slot has read one more token at its position.

        A slot may be named several times in a row, with consecutive positions: it then reads several tokens at once.
        """
        count = len(slots)
        batch = next(size for size in _BATCHES if size >= count)
        idle = [0] * (batch - count)
        rows = torch.tensor(
            [[*tokens, *idle], [*positions, *(_IDLE for _ in idle)], [*slots, *idle]], dtype=torch.int32
        )
        if not self.asynchronous:  # Triton's interpreter has no graphs
            return self._forward(rows)[:count]
        # A graph has fixed addresses: inputs are copied into its buffer, and the logits are copied out before the next
        # replay overwrites them.
        graph, inputs, logits = self._graphs.get(batch) or self._capture(batch)
        inputs.copy_(rows, non_blocking=True)
        graph.replay()
        return logits[:count].clone()

    def guesses(self, conversations: int) -> int:
        """Return the guessed tokens to check in a step for each of so many conversations."""
        return _BATCHES[-1] // conversations - 1

    def _prepare(self) -> None:
        """Capture every graph now (about two seconds), so that no question waits for it."""
        self._graphs.clear()
        if self.asynchronous:
            with torch.inference_mode():
                for batch in _BATCHES:
                    self._capture(batch)

    def _capture(self, batch: int) -> tuple[Any, torch.Tensor, torch.Tensor]:
        inputs = torch.zeros((3, batch), dtype=torch.int32, device=self.model.device)
        inputs[1] = _IDLE
        # A graph is captured on a stream of its own after two ordinary runs: they compile the Triton kernels and let
        # cuBLAS allocate its work space, neither of which is allowed during capture.
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(2):
                self._forward(inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits = self._forward(inputs)
        self._graphs[batch] = (graph, inputs, logits)
        return self._graphs[batch]

    def _forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits (n, vocabulary) for tokens, positions and slots, int32 (3, n)."""
        epsilon, heads = self._config.rms_norm_eps, self._config.num_attention_heads
        place = (inputs[1], inputs[2])
        # A few rows alone do not occupy the GPU, so each context is split among more programs.
        splits = 16 if inputs.shape[1] <= 2 else 8 if inputs.shape[1] <= 8 else 4
        hidden = torch.nn.functional.embedding(inputs[0], self._embedding)

        def order(linear: Linear) -> bool:
            return linear.reads_mma_order(inputs.shape[1], self._dtype)

        for number, layer in enumerate(self._layers):
            cache = (self._keys[number], self._values[number])
            qkv = layer.qkv(normalise(hidden, layer.before_attention, epsilon, order(layer.qkv)))
            query = rotate_and_store(qkv, self._turn, place, cache, heads)
            hidden = layer.output(attend(query, place, cache, splits, order(layer.output)), hidden)
            inner = layer.gate_up(normalise(hidden, layer.before_mlp, epsilon, order(layer.gate_up)))
            hidden = layer.down(gated(inner, order(layer.down)), hidden)
        return self._head(normalise(hidden, self._last_norm, epsilon, order(self._head))).float()

    def _causal(self) -> Any:
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    def _rotation(self, rotary: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return cosines and sines of every position, as the model itself computes them.

        Both are float32 (context, size / 2).
        """
        positions = torch.arange(self._context, device=self._embedding.device)[None]
        cosines, sines = rotary(torch.zeros(1, dtype=torch.float32, device=positions.device), positions)
        half = cosines.shape[-1] // 2
        return cosines[0, :, :half].float().contiguous(), sines[0, :, :half].float().contiguous()

    def _affordable_slots(self, wished: int) -> int:
        size = self._turn[0].shape[1] * 2
        numbers = 2 * self._config.num_hidden_layers * self._config.num_key_value_heads * self._context * size
        each, free = numbers * torch.finfo(self._dtype).bits // 8, _free_bytes()
        if free < each:
            raise ModelTooLarge(
                f"a conversation of {self._context:,} tokens takes {each / 1e9:.1f} GB beside the weights and {free / 1e9:.1f} GB "
                "are free on this cuda; lower model.context_tokens, or choose nf4 (model.weights)"
            )
        return conversations(free, each, wished)


def _free_bytes() -> int:
    return int(torch.cuda.mem_get_info()[0]) if torch.cuda.is_available() else sys.maxsize
