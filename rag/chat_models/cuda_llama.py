"""A Llama on a CUDA device, one decode step for many conversations as one CUDA graph.

Knows how to take the weights out of a loaded transformers model (nf4 of bitsandbytes, or plain bf16, with or without a LoRA adapter
on top) and run a decode step without its thousand small launches. Prompts are read by the transformers model itself, so what is
fast here and what is right there meet in the same keys and values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rag.chat_models.nf4_kernels import attend, code_pairs, gated, multiply, normalise, rotate_and_store

MOST_SLOTS = 32
_BATCHES = (1, 2, 4, 8, 16, 32)
_SPARE_BYTES = 3_000_000_000
"""Device memory left for reading prompts (activations, logits, dequantized layers)."""


class FourBitWeight:
    """A linear layer, or several side by side, as nf4 codes."""

    def __init__(self, modules: Sequence[Any]) -> None:
        from bitsandbytes.functional import dequantize_blockwise

        packed, scales = [], []
        for module in modules:
            state = module.weight.quant_state
            height, width = state.shape
            absmax = state.absmax
            if state.nested:
                absmax = dequantize_blockwise(absmax, state.state2) + state.offset
            packed.append(module.weight.data.view(height, width // 2))
            scales.append(absmax.float().view(height, width // state.blocksize))
        self.packed = torch.cat(packed) if len(packed) > 1 else packed[0]
        self.scales = torch.cat(scales).contiguous()
        self.pairs = code_pairs(modules[0].weight.quant_state.code)

    def __call__(self, x: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
        return multiply(x, self.packed, self.scales, self.pairs, residual)


class DenseWeight:
    """A linear layer, or several side by side, in the model's own floating-point type."""

    def __init__(self, modules: Sequence[Any]) -> None:
        weights = [module.weight for module in modules]
        self.weight = torch.cat(weights) if len(weights) > 1 else weights[0]

    def __call__(self, x: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
        if residual is None:
            return x @ self.weight.T
        return torch.addmm(residual, x, self.weight.T)


class LoraTerm:
    """What the active adapter adds to layers that stand side by side: `x @ a.T @ b.T`, scale included."""

    def __init__(self, modules: Sequence[Any], adapter: str) -> None:
        a, b = [], []
        for module in modules:
            a.append(module.lora_A[adapter].weight)
            b.append(module.lora_B[adapter].weight * module.scaling[adapter])
        dtype = (
            modules[0].get_base_layer().compute_dtype
            if hasattr(modules[0].get_base_layer(), "compute_dtype")
            else a[0].dtype
        )
        self.a = torch.cat(a).to(dtype or torch.bfloat16)
        self.b = torch.block_diag(*b).to(self.a.dtype)  # type: ignore[no-untyped-call]

    def add_to(self, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """`y` with the update of `x` added."""
        return torch.addmm(y, x @ self.a.T, self.b.T)


class Linear:
    """Layers side by side with the active adapter's update, if there is one."""

    def __init__(self, modules: Sequence[Any], adapter: str) -> None:
        bases = [
            module.get_base_layer() if hasattr(module, "get_base_layer") else module for module in modules
        ]
        self.weight = FourBitWeight(bases) if hasattr(bases[0].weight, "quant_state") else DenseWeight(bases)
        lora = [module for module in modules if adapter and adapter in getattr(module, "lora_A", {})]
        self.lora = LoraTerm(modules, adapter) if len(lora) == len(modules) else None

    def __call__(self, x: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
        y = self.weight(x, residual)
        return y if self.lora is None else self.lora.add_to(y, x)


@dataclass(slots=True)
class _Layer:
    before_attention: torch.Tensor
    qkv: Linear
    output: Linear
    before_mlp: torch.Tensor
    gate_up: Linear
    down: Linear


class CudaLlama:
    """A loaded transformers Llama as a step model (see `rag.chat_models.step_engine`)."""

    def __init__(self, model: Any, context_tokens: int, most_slots: int = MOST_SLOTS) -> None:
        self.model = model
        self._config = model.config
        self._context = context_tokens
        self.adapter = ""
        self._take_weights()
        self._rotation()
        self.slots = self._affordable_slots(most_slots)
        shape = (
            self._config.num_hidden_layers,
            self.slots + 1,
            self._config.num_key_value_heads,
            context_tokens,
            self._size,
        )
        self._keys = torch.zeros(shape, dtype=self._dtype, device=model.device)
        self._values = torch.zeros_like(self._keys)
        self._graphs: dict[int, tuple[Any, torch.Tensor, torch.Tensor]] = {}

    def use_adapter(self, name: str) -> None:
        """Decode with another adapter that PEFT has loaded, or with none (empty name)."""
        self.adapter = name
        self._graphs.clear()
        self._take_weights()

    def read(self, slot: int, ids: Sequence[int], kept: int) -> torch.Tensor:
        """The next token's logits after the slot has read `ids`, of which it already holds the first `kept`."""
        from transformers import DynamicCache

        cache = DynamicCache()
        if kept:
            for layer in range(self._config.num_hidden_layers):
                cache.update(
                    self._keys[layer, slot : slot + 1, :, :kept],
                    self._values[layer, slot : slot + 1, :, :kept],
                    layer,
                )
        new = torch.tensor([list(ids[kept:])], device=self.model.device)
        out = self.model(input_ids=new, past_key_values=cache, use_cache=True, logits_to_keep=1)
        for layer in range(self._config.num_hidden_layers):
            held: Any = cache.layers[layer]
            keys, values = held.keys, held.values
            self._keys[layer, slot, :, kept : len(ids)] = keys[0, :, kept:]
            self._values[layer, slot, :, kept : len(ids)] = values[0, :, kept:]
        logits: torch.Tensor = out.logits[0, -1].float()
        return logits

    def step(self, slots: Sequence[int], tokens: Sequence[int], positions: Sequence[int]) -> torch.Tensor:
        """The next tokens' logits after each slot has read one more token at its position."""
        count = len(slots)
        batch = next(size for size in _BATCHES if size >= count)
        graph, inputs, logits = self._graphs.get(batch) or self._capture(batch)
        idle = batch - count
        rows = [[*tokens, *[0] * idle], [*positions, *[0] * idle], [*slots, *[self.slots] * idle]]
        inputs.copy_(torch.tensor(rows, dtype=torch.int32), non_blocking=True)
        graph.replay()
        return logits[:count].clone()

    def _capture(self, batch: int) -> tuple[Any, torch.Tensor, torch.Tensor]:
        inputs = torch.zeros((3, batch), dtype=torch.int32, device=self.model.device)
        inputs[2] = self.slots
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
        splits = 16 if inputs.shape[1] <= 2 else 8 if inputs.shape[1] <= 8 else 4
        hidden = torch.nn.functional.embedding(inputs[0], self._embedding)
        for number, layer in enumerate(self._layers):
            cache = (self._keys[number], self._values[number])
            qkv = layer.qkv(normalise(hidden, layer.before_attention, epsilon))
            query = rotate_and_store(qkv, self._turn, place, cache, heads)
            hidden = layer.output(attend(query, place, cache, splits), hidden)
            inner = gated(layer.gate_up(normalise(hidden, layer.before_mlp, epsilon)))
            hidden = layer.down(inner, hidden)
        logits: torch.Tensor = normalise(hidden, self._last_norm, epsilon) @ self._head.T
        return logits.float()

    def _take_weights(self) -> None:
        causal = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        body, name = causal.model, self.adapter
        self._embedding, self._head = body.embed_tokens.weight, causal.lm_head.weight
        self._last_norm, self._dtype = body.norm.weight, body.embed_tokens.weight.dtype
        self._layers = []
        for block in body.layers:
            attention, mlp = block.self_attn, block.mlp
            self._layers.append(
                _Layer(
                    block.input_layernorm.weight,
                    Linear((attention.q_proj, attention.k_proj, attention.v_proj), name),
                    Linear((attention.o_proj,), name),
                    block.post_attention_layernorm.weight,
                    Linear((mlp.gate_proj, mlp.up_proj), name),
                    Linear((mlp.down_proj,), name),
                )
            )
        self._rotary = body.rotary_emb

    def _rotation(self) -> None:
        """Cosines and sines of every position, as the model itself computes them."""
        positions = torch.arange(self._context, device=self._embedding.device)[None]
        cosines, sines = self._rotary(torch.zeros(1, dtype=torch.float32, device=positions.device), positions)
        self._size = cosines.shape[-1]
        half = self._size // 2
        self._turn = (cosines[0, :, :half].float().contiguous(), sines[0, :, :half].float().contiguous())

    def _affordable_slots(self, most: int) -> int:
        element = torch.finfo(self._dtype).bits // 8
        layers, groups = self._config.num_hidden_layers, self._config.num_key_value_heads
        each = 2 * layers * groups * self._context * self._size * element
        if not torch.cuda.is_available():
            return most
        free, _ = torch.cuda.mem_get_info()
        return int(max(1, min(most, (free - _SPARE_BYTES) // each - 1)))
