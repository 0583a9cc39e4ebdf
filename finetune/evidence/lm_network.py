"""A language model as evidence scorer, in PyTorch.

It reads a pair in both directions and has the outputs of `finetune.evidence.network.EvidenceNetwork`. LoRA
adapters and the heads are trained; the model's weights stay as they are in its GGUF file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from finetune.evidence import qwen2
from finetune.evidence.network import attention

RANK = 32


class Adapted(nn.Module):
    """A linear layer of fixed weights (out, in) with a trained LoRA adapter."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)
        outer, inner = weight.shape
        self.a = nn.Parameter(torch.empty(RANK, inner, device=weight.device, dtype=torch.float32))
        self.b = nn.Parameter(torch.zeros(outer, RANK, device=weight.device, dtype=torch.float32))
        nn.init.normal_(self.a, std=inner**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (tokens, out)."""
        low = functional.linear(x, self.a.to(x.dtype))
        return functional.linear(x, self.weight, self.bias) + functional.linear(low, self.b.to(x.dtype))


class LmLayer(nn.Module):
    """A layer of Qwen2 or Llama."""

    norm: Tensor
    inner_norm: Tensor

    def __init__(self, given: qwen2.Layer, heads: int, kv_heads: int, size: int, eps: float) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size, self.eps = heads, kv_heads, size, eps
        self.register_buffer("norm", given.norm, persistent=False)
        self.register_buffer("inner_norm", given.ffn_norm, persistent=False)
        self.qkv, self.out = Adapted(given.qkv, given.qkv_bias), Adapted(given.out)
        self.gate_up, self.down = Adapted(given.gate_up), Adapted(given.down)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, bounds: Tensor, longest: int) -> Tensor:
        """Return the next states (tokens, width)."""
        width = x.shape[-1]
        found = self.qkv(functional.rms_norm(x, (width,), self.norm, self.eps))
        q, k, v = found.view(len(x), -1, self.size).split([self.heads, self.kv_heads, self.kv_heads], 1)
        q, k = _turned(q, cos, sin), _turned(k, cos, sin)
        k, v = (t.repeat_interleave(self.heads // self.kv_heads, 1) for t in (k, v))
        x = x + self.out(attention(q, k, v, bounds, longest).reshape(len(x), -1).to(x.dtype))
        gate, up = self.gate_up(functional.rms_norm(x, (width,), self.inner_norm, self.eps)).chunk(2, -1)
        states: Tensor = x + self.down(functional.silu(gate) * up)
        return states


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return (tokens, heads, size) with rotary positions; the halves of a head turn."""
    one, two = x.chunk(2, -1)
    return x * cos + torch.cat([-two, one], -1) * sin


class LmNetwork(nn.Module):
    """The network: a logit for every sentence and every pair of a batch.

    A batch is that of `finetune.evidence.batches.collate`. A pair's state is that of its last token. Only the
    first `depth` layers of the model are read, all of them with 0.
    """

    embedding: Tensor
    norm: Tensor
    inverse: Tensor

    def __init__(self, given: qwen2.Weights, dropout: float = 0.1, depth: int = 0) -> None:
        super().__init__()
        self.eps, size, width = given.eps, given.head_dim, given.embedding.shape[1]
        device = given.embedding.device
        self.register_buffer("embedding", given.embedding, persistent=False)
        self.register_buffer("norm", given.norm, persistent=False)
        inverse = given.theta ** (-torch.arange(0, size, 2, device=device).float() / size)
        self.register_buffer("inverse", inverse, persistent=False)
        self.layers = nn.ModuleList(
            LmLayer(layer, given.heads, given.kv_heads, size, given.eps)
            for layer in given.layers[: depth or None]
        )
        self.sentence, self.passage = (
            nn.Sequential(
                nn.Linear(inputs, width, device=device),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.Linear(width, 1, device=device),
            )
            for inputs in (2 * width, width)
        )
        self.none = nn.Parameter(torch.zeros(1, device=device))

    def forward(self, batch: dict[str, Tensor], longest: int) -> tuple[Tensor, Tensor]:
        """Return sentence logits, `none` subtracted, and pair logits, both float32."""
        bounds, count = batch["bounds"], batch["count"]
        x = self.embedding[batch["ids"]]
        angles = batch["position"][:, None].float() * self.inverse
        angles = torch.cat([angles, angles], -1)[:, None]
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        for layer in self.layers:
            x = layer(x, cos, sin, bounds, longest)
        x = functional.rms_norm(x, (x.shape[-1],), self.norm, self.eps)
        sums = torch.zeros(len(count), x.shape[-1], device=x.device, dtype=torch.float32)
        means = sums.index_add(0, batch["segment"], x.float()) / count.clamp(min=1)[:, None]
        last = x.index_select(0, (bounds[1:] - 1).clamp(min=0).long())
        both = torch.cat([means.to(x.dtype), last.index_select(0, batch["pair_of"])], -1)
        sentence = self.sentence(both).squeeze(-1).float()
        return sentence - self.none, self.passage(last).squeeze(-1).float()
