"""The linear layers of a Llama as a decode step uses them.

Weights are nf4 or plain, with the active LoRA adapter. Layers that read the same input (query, key and value;
gate and up) are joined into one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rag.chat_models.cuda.nf4_matmul import FEW_ROWS, MOST_ROWS, Levels, multiply, natural_order


class FourBitWeight:
    """A linear layer, or several side by side, as nf4 codes.

    The kernel multiplies the codes directly. For batches that it does not take, the weights are dequantized
    for that product only.
    """

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
        """Return whether this many rows are read in the order of `nf4_matmul.mma_order`."""
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
    """Return the weights (rows, width) joined into one tensor.

    The modules keep views of it, so that no weight is in memory twice.
    """
    if len(weights) == 1:
        return weights[0]
    # For a moment both copies are in memory; the views then free the separate ones layer by layer.
    whole = torch.cat(list(weights))
    for module, part in zip(modules, torch.split(whole, [len(weight) for weight in weights]), strict=True):
        module.weight.data = part.view(module.weight.data.shape)
    return whole


class LoraTerm:
    """The update of the active adapter for layers side by side: `x @ a.T @ b.T`.

    The scale is part of `b`. A layer that the adapter does not change has no row in `a` and rows of zeros in
    `b`.
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
        """Use the adapter `name` where any of these modules has it; an empty name is none."""
        adapted = any(_has_adapter(module, name) for module in modules)
        self.lora = LoraTerm(modules, name) if adapted else None

    def reads_mma_order(self, rows: int, dtype: torch.dtype) -> bool:
        """Return whether this many rows are read in the order of `nf4_matmul.mma_order`."""
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
class DecoderLayer:
    """One block of the model: its norms and its linear layers."""

    before_attention: torch.Tensor
    qkv: Linear
    output: Linear
    before_mlp: torch.Tensor
    gate_up: Linear
    down: Linear

    @classmethod
    def of(cls, block: Any) -> DecoderLayer:
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
