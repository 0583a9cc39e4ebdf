"""A Llama on a CUDA device, one decode step for many conversations as one CUDA graph.

Knows how to take the weights out of a loaded transformers model (nf4 of bitsandbytes, or plain bf16, with or without a LoRA adapter
on top) and run a decode step without its thousand small launches. Prompts are read by the transformers model itself, so what is
fast here and what is right there meet in the same keys and values.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from rag.chat_models.decode_kernels import attend, gated, normalise, rotate_and_store
from rag.chat_models.device_room import conversations
from rag.chat_models.nf4_product import FEW_ROWS, MOST_ROWS, Levels, multiply, natural_order
from rag.errors import ModelTooLarge

_BATCHES = (1, 2, 4, 8, 16, MOST_ROWS)
_SHORT_READ_TOKENS = 128
"""Tokens after a kept prefix that are read as rows of a decode batch: quicker than the model's own reading."""
_IDLE = -1
"""The position of a row that only fills up a batch."""


class FourBitWeight:
    """A linear layer, or several side by side, as nf4 codes; only what the kernel does not take is unpacked, in passing."""

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
        self.packed = _side_by_side(modules, packed)
        self.scales = torch.cat(scales).t().contiguous()
        dtype = modules[0].compute_dtype
        code = modules[0].weight.quant_state.code.float()
        self._levels = Levels(code, dtype) if dtype in (torch.bfloat16, torch.float16) else None
        self._modules = modules

    def reads_mma_order(self, rows: int, dtype: torch.dtype) -> bool:
        """Whether so many rows are read in the order of `nf4_product.mma_order`."""
        return rows > FEW_ROWS and self._takes(rows, dtype)

    def _takes(self, rows: int, dtype: torch.dtype) -> bool:
        return self._levels is not None and dtype == self._levels.table.dtype and rows <= MOST_ROWS

    def __call__(self, x: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
        if self._levels is not None and self._takes(len(x), x.dtype):
            return multiply(x, self.packed, self.scales, self._levels, residual)
        y = torch.cat([x @ _plain(module).to(x.dtype).T for module in self._modules], dim=-1)
        return y if residual is None else y + residual


class DenseWeight:
    """A linear layer, or several side by side, in the model's own floating-point type."""

    def __init__(self, modules: Sequence[Any]) -> None:
        self.weight = _side_by_side(modules, [module.weight.data for module in modules])

    def __call__(self, x: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
        return x @ self.weight.T if residual is None else torch.addmm(residual, x, self.weight.T)


def _plain(module: Any) -> torch.Tensor:
    from bitsandbytes.functional import dequantize_4bit

    plain: torch.Tensor = dequantize_4bit(module.weight.data, module.weight.quant_state)
    return plain


def _side_by_side(modules: Sequence[Any], weights: Sequence[torch.Tensor]) -> torch.Tensor:
    """The weights (rows, width) as one; the modules are left with views of it, so nothing is held twice."""
    if len(weights) == 1:
        return weights[0]
    whole = torch.cat(list(weights))
    for module, part in zip(modules, torch.split(whole, [len(weight) for weight in weights]), strict=True):
        module.weight.data = part.view(module.weight.data.shape)
    return whole


class LoraTerm:
    """What the active adapter adds to layers that stand side by side: `x @ a.T @ b.T`, scale included.

    A layer that the adapter leaves as it is has no row in `a` and rows of zeros in `b`.
    """

    def __init__(self, modules: Sequence[Any], adapter: str) -> None:
        a, b = [], []
        for module in modules:
            if _has_adapter(module, adapter):
                a.append(module.lora_A[adapter].weight)
                b.append(module.lora_B[adapter].weight * module.scaling[adapter])
            else:
                b.append(torch.zeros(int(module.out_features), 0))
        b = [block.to(a[0].device, a[0].dtype) for block in b]
        base = _base(modules[0])
        dtype = getattr(base, "compute_dtype", None) or base.weight.dtype
        self.a = torch.cat(a).to(dtype)
        self.b = torch.block_diag(*b).to(self.a.dtype)  # type: ignore[no-untyped-call]

    def add_to(self, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """`y` with the update of `x` added."""
        return torch.addmm(y, x @ self.a.T, self.b.T)


class Linear:
    """Layers side by side with the active adapter's update, if there is one."""

    def __init__(self, modules: Sequence[Any]) -> None:
        bases = [_base(module) for module in modules]
        four_bits = hasattr(bases[0].weight, "quant_state")
        self.weight = FourBitWeight(bases) if four_bits else DenseWeight(bases)
        self.lora: LoraTerm | None = None

    def use_adapter(self, modules: Sequence[Any], name: str) -> None:
        """Add the update of the adapter that any of these modules holds under `name`; an empty name is none."""
        adapted = any(_has_adapter(module, name) for module in modules)
        self.lora = LoraTerm(modules, name) if adapted else None

    def reads_mma_order(self, rows: int, dtype: torch.dtype) -> bool:
        """Whether so many rows are read in the order of `nf4_product.mma_order`."""
        return isinstance(self.weight, FourBitWeight) and self.weight.reads_mma_order(rows, dtype)

    def __call__(self, x: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
        y = self.weight(x, residual)
        if self.lora is None:
            return y
        return self.lora.add_to(y, natural_order(x) if self.reads_mma_order(len(x), x.dtype) else x)


def _base(module: Any) -> Any:
    return module.get_base_layer() if hasattr(module, "get_base_layer") else module


def _has_adapter(module: Any, name: str) -> bool:
    return bool(name) and name in getattr(module, "lora_A", {})


@dataclass(slots=True)
class _Layer:
    before_attention: torch.Tensor
    qkv: Linear
    output: Linear
    before_mlp: torch.Tensor
    gate_up: Linear
    down: Linear

    @classmethod
    def of(cls, block: Any) -> _Layer:
        qkv, output, gate_up, down = (Linear(modules) for modules in _groups(block))
        return cls(
            block.input_layernorm.weight, qkv, output, block.post_attention_layernorm.weight, gate_up, down
        )

    def use_adapter(self, block: Any, name: str) -> None:
        for linear, modules in zip(
            (self.qkv, self.output, self.gate_up, self.down), _groups(block), strict=True
        ):
            linear.use_adapter(modules, name)


def _groups(block: Any) -> tuple[tuple[Any, ...], ...]:
    """The linear layers of a block by what reads the same input."""
    attention, mlp = block.self_attn, block.mlp
    return (
        (attention.q_proj, attention.k_proj, attention.v_proj),
        (attention.o_proj,),
        (mlp.gate_proj, mlp.up_proj),
        (mlp.down_proj,),
    )


class _SlotLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """Where one layer's keys and values of a prompt go, behind the `kept` ones: straight to the place from which decode steps read them."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, kept: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._places = (keys, values)
        self._kept = kept

    def get_seq_length(self) -> int:
        """The tokens that are there before the prompt's own, from which positions and the mask are counted."""
        return self._kept

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keep the first prompt's keys and values, and hand them on with those kept before."""
        end = self._kept + key_states.shape[-2]
        for place, states in zip(self._places, (key_states, value_states), strict=True):
            place[:, self._kept : end] = states[0]
        if not self._kept:
            return key_states, value_states
        keys, values = (place[None, :, :end] for place in self._places)
        return keys, values


class CudaLlama:
    """A loaded transformers Llama as a step model (see `rag.chat_models.step_engine`)."""

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
        shape = (layers, self.slots, groups, context_tokens, size)
        self._keys = torch.zeros(shape, dtype=self._dtype, device=model.device)
        self._values = torch.zeros_like(self._keys)
        self._layers = [_Layer.of(block) for block in body.layers]
        self._graphs: dict[int, tuple[Any, torch.Tensor, torch.Tensor]] = {}
        self._prepare()

    def use_adapter(self, name: str) -> None:
        """Decode with another adapter that PEFT has loaded, or with none (empty name)."""
        for layer, block in zip(self._layers, self._causal().model.layers, strict=True):
            layer.use_adapter(block, name)
        self._head.use_adapter((self._causal().lm_head,), name)
        self._prepare()

    def read(self, slot: int, ids: Sequence[int], kept: int) -> torch.Tensor:
        """The next token's logits after the slot has read `ids`, of which it already holds the first `kept`."""
        new = len(ids) - kept
        if kept and new <= _SHORT_READ_TOKENS:
            for start in range(kept, len(ids), _BATCHES[-1]):
                part = ids[start : start + _BATCHES[-1]]
                logits = self.step([slot] * len(part), part, range(start, start + len(part)))
            return logits[-1]
        return self._read_on(slot, ids[kept:], kept)

    def _read_on(self, slot: int, ids: Sequence[int], kept: int) -> torch.Tensor:
        """The model's own reading of `ids`, behind the first `kept` tokens that the slot holds."""
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
        graph, inputs, logits = self._graphs.get(batch) or self._capture(batch)
        inputs.copy_(rows, non_blocking=True)
        graph.replay()
        return logits[:count].clone()

    def guesses(self, conversations: int) -> int:
        """How many guessed tokens each of so many conversations may have checked in a step so that it pays."""
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
        """Cosines and sines of every position, as the model itself computes them: float32 (context, size / 2) each."""
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
