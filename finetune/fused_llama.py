"""A Llama with LoRA layers computed in fewer passes over memory.

The numbers are those of PEFT's own layers, in less time. PEFT adds an update to a layer's output in five
passes (output, update, scaled, cloned, sum), transformers computes norms in float32 in seven, and each layer
that reads the same input has its gradient added on its own. Here the update goes straight into the product
(`addmm`), layers that share an input share its gradient, and on a GPU norm, gate and rotation are one kernel
each. The weights stay as they are (4-bit ones are dequantized for each product, as bitsandbytes does), and
the trained matrices are PEFT's own parameters.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import torch
from torch.nn import functional


def fuse(model: Any) -> int:
    """Replace the forward of a Llama's layers by fused ones and return their number.

    It is 0, and nothing changes, for a model that is no Llama or whose adapter is not plain LoRA without
    dropout.
    """
    layers = [module for module in model.modules() if type(module).__name__ == "LlamaDecoderLayer"]
    if not all(_plain(linear) for layer in layers for linear in _linears(layer)):
        return 0
    for layer in layers:
        attention, mlp = layer.self_attn, layer.mlp
        attention.forward = partial(_attend, attention, attention.forward)
        mlp.forward = partial(_feed_forward, mlp)
        for norm in (layer.input_layernorm, layer.post_attention_layernorm):
            norm.forward = partial(_normed, norm)
    return len(layers)


def _linears(layer: Any) -> list[Any]:
    attention, mlp = layer.self_attn, layer.mlp
    return [
        *(attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj),
        *(mlp.gate_proj, mlp.up_proj, mlp.down_proj),
    ]


def _plain(linear: Any) -> bool:
    """Return whether a layer is a base without bias and exactly one plain LoRA.

    The LoRA has no dropout.
    """
    adapters = getattr(linear, "active_adapters", [])
    return (
        len(adapters) == 1
        and not linear.merged
        and adapters[0] in linear.lora_A
        and not getattr(linear, "lora_variant", {})
        and not getattr(linear.lora_dropout[adapters[0]], "p", 0.0)
        and linear.base_layer.bias is None
        and linear.lora_A[adapters[0]].bias is None
        and linear.lora_B[adapters[0]].bias is None
    )


def _attend(module: Any, unfused: Any, hidden_states: Any, **kwargs: Any) -> Any:
    """Compute attention with shared input gradients.

    With a KV cache (generation) it is the module's own forward.
    """
    if kwargs.get("past_key_values") is not None:
        return unfused(hidden_states=hidden_states, **kwargs)
    from transformers import AttentionInterface
    from transformers.models.llama.modeling_llama import eager_attention_forward

    cos, sin = kwargs.pop("position_embeddings")
    shape = (*hidden_states.shape[:-1], -1, module.head_dim)
    query, key, value = (
        out.view(shape).transpose(1, 2)
        for out in lora_linears(hidden_states, module.q_proj, module.k_proj, module.v_proj)
    )
    query, key = _kernel("rotate", query.device.type)(query, key, cos, sin)
    known: Any = AttentionInterface
    attend = known().get(module.config._attn_implementation, eager_attention_forward)
    kwargs.pop("past_key_values", None)
    mask = kwargs.pop("attention_mask", None)
    out, weights = attend(module, query, key, value, mask, dropout=0.0, scaling=module.scaling, **kwargs)
    (out,) = lora_linears(out.reshape(*hidden_states.shape[:-1], -1), module.o_proj)
    return out, weights


def _feed_forward(module: Any, x: Any) -> Any:
    gate, up = lora_linears(x, module.gate_proj, module.up_proj)
    (out,) = lora_linears(_kernel("gated", x.device.type)(gate, up), module.down_proj)
    return out


def _normed(module: Any, x: Any) -> Any:
    return _kernel("normed", x.device.type)(x, module.weight, module.variance_epsilon)


def rotate(query: Any, key: Any, cos: Any, sin: Any) -> tuple[Any, Any]:
    """Return queries and keys rotated by their positions.

    Both have the shape (batch, heads, tokens, width). Source: Su et al. 2021 (RoPE).
    """
    cos, sin = cos[:, None], sin[:, None]

    def turned(x: Any) -> Any:
        first, second = x.chunk(2, dim=-1)
        return x * cos + torch.cat((-second, first), dim=-1) * sin

    return turned(query), turned(key)


def gated(gate: Any, up: Any) -> Any:
    """`silu(gate) * up`. Source: Shazeer 2020 (GLU variants)."""
    return functional.silu(gate) * up


def normed(x: Any, weight: Any, epsilon: float) -> Any:
    """`x` over its root mean square, in float32, times `weight`. Source: Zhang and Sennrich 2019."""
    wide = x.float()
    scaled = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)
    return weight * scaled.to(x.dtype)


@cache
def _kernel(name: str, device_type: str) -> Any:
    """One of the three functions above, compiled to one kernel each way on a GPU."""
    function: Any = {"rotate": rotate, "gated": gated, "normed": normed}[name]
    return torch.compile(function, dynamic=True) if device_type == "cuda" else function


def lora_linears(x: Any, *linears: Any) -> list[Any]:
    """Return the outputs of PEFT's LoRA layers `linears` for one input, in order."""
    if torch.is_autocast_enabled(x.device.type):
        x = x.to(torch.get_autocast_dtype(x.device.type))
    name = linears[0].active_adapters[0]
    matrices = [side[name].weight for linear in linears for side in (linear.lora_A, linear.lora_B)]
    bases = [(linear.base_layer.weight, float(linear.scaling[name])) for linear in linears]
    return list(_LoraLinears.apply(x, bases, *matrices))  # type: ignore[no-untyped-call]  # torch leaves it untyped


def dense(weight: Any, dtype: Any) -> Any:
    """Return a frozen weight as a matrix (out, in), dequantized if it is in 4 bits."""
    state = getattr(weight, "quant_state", None)
    if state is None:
        return weight.to(dtype)
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(weight.data, state).to(dtype)


class _LoraLinears(torch.autograd.Function):
    """`x W' + s x A' B'` for several layers.

    Only `x` and the narrow `x A'` are kept for the backward pass.
    """

    @staticmethod
    def forward(ctx: Any, x: Any, bases: Any, *matrices: Any) -> tuple[Any, ...]:
        flat = x.reshape(-1, x.shape[-1])
        outs, narrow = [], []
        for (weight, scale), a, b in zip(bases, matrices[::2], matrices[1::2], strict=True):
            out = flat @ dense(weight, x.dtype).t()
            narrow.append(flat @ a.to(x.dtype).t())
            out.addmm_(narrow[-1], b.to(x.dtype).t(), alpha=scale)
            outs.append(out.view(*x.shape[:-1], -1))
        # The 4-bit weights are not saved for backward: they are frozen, and dequantizing them again costs less than memory.
        ctx.bases, ctx.shape = bases, x.shape
        ctx.save_for_backward(flat, *narrow, *matrices)
        return tuple(outs)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        flat, *saved = ctx.saved_tensors
        narrow, matrices = saved[: len(ctx.bases)], saved[len(ctx.bases) :]
        grad_x, found = None, []
        for place, (weight, scale) in enumerate(ctx.bases):
            a, b = matrices[2 * place], matrices[2 * place + 1]
            grad = grads[place].reshape(flat.shape[0], -1)
            full = dense(weight, flat.dtype)
            # The gradients of all layers of this input are summed in one buffer.
            grad_x = grad @ full if grad_x is None else grad_x.addmm_(grad, full)
            # rank columns only: with y = x W' + s (x A') B', dA = s (dy B)' x and dB = s dy' (x A').
            thin = (grad @ b.to(flat.dtype)).mul_(scale)
            grad_x.addmm_(thin, a.to(flat.dtype))
            found += [
                (thin.t() @ flat).to(a.dtype),
                (grad.t() @ narrow[place]).mul_(scale).to(b.dtype),
            ]
        return (None if grad_x is None else grad_x.view(ctx.shape), None, *found)
