"""The evidence scorer in PyTorch: a BERT over pairs without padding.

The pairs of a batch are joined end to end. Attention runs per pair on FlashAttention's variable-length kernel
(CUDA), elsewhere on padded rows. What is trained here is what `rag.answer.evidence_network` runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

LAYERS, WIDTH, HEADS, INNER = 6, 384, 12, 1536
VOCABULARY, POSITIONS, EPSILON = 30522, 512, 1e-12


class Layer(nn.Module):
    """A post-norm transformer layer of BERT."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, EPSILON), nn.LayerNorm(WIDTH, EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bounds: Tensor, longest: int) -> Tensor:
        """Return the next states (tokens, width)."""
        q, k, v = self.qkv(x).view(-1, 3, HEADS, WIDTH // HEADS).unbind(1)
        attended = attention(q, k, v, bounds, longest).reshape(-1, WIDTH)
        x = self.norm1(x + self.dropout(self.out(attended)))
        states: Tensor = self.norm2(x + self.dropout(self.down(gelu(self.up(x)))))
        return states


class EvidenceNetwork(nn.Module):
    """The network: a logit for every sentence and every pair of a batch.

    A batch is that of `finetune.evidence.batches.collate`. `none` is the learned logit of "no sentence
    answers" in the softmax over an example's sentences.
    """

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.word, self.position = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(POSITIONS, WIDTH)
        self.kind = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(LAYERS))
        self.dropout = nn.Dropout(dropout)
        self.sentence = nn.Sequential(
            nn.Linear(2 * WIDTH, WIDTH), nn.GELU(), nn.Dropout(dropout), nn.Linear(WIDTH, 1)
        )
        self.passage = nn.Sequential(
            nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Dropout(dropout), nn.Linear(WIDTH, 1)
        )
        self.none = nn.Parameter(torch.zeros(1))

    def forward(self, batch: dict[str, Tensor], longest: int) -> tuple[Tensor, Tensor]:
        """Return sentence logits, `none` subtracted, and pair logits, both float32."""
        ids, bounds = batch["ids"], batch["bounds"]
        x = self.word(ids) + self.position(batch["position"]) + self.kind(batch["kind"])
        x = self.dropout(self.norm(x))
        for layer in self.layers:
            x = layer(x, bounds, longest)
        count = batch["count"]
        sums = torch.zeros(len(count), WIDTH, device=x.device, dtype=torch.float32)
        means = sums.index_add(0, batch["segment"], x.float()) / count.clamp(min=1)[:, None]
        start = x.index_select(0, batch["first"])
        sentence = self.sentence(torch.cat([means.to(x.dtype), start], -1)).squeeze(-1).float()
        pair = self.passage(x.index_select(0, bounds[:-1].clamp(max=len(ids) - 1))).squeeze(-1).float()
        return sentence - self.none, pair


def attention(q: Tensor, k: Tensor, v: Tensor, bounds: Tensor, longest: int) -> Tensor:
    """Return the attention of each pair within itself: (tokens, heads, head width)."""
    if q.is_cuda:
        from torch.nn.attention.varlen import varlen_attn

        q, k, v = (t.to(torch.bfloat16) for t in (q, k, v))
        found = varlen_attn(q, k, v, bounds, bounds, longest, longest)
        return found if isinstance(found, Tensor) else found[0]
    lengths = bounds.diff()
    inside = torch.arange(longest, device=q.device) < lengths[:, None]
    place = (bounds[:-1, None] + torch.arange(longest, device=q.device)).clamp(max=len(q) - 1).long()
    rows = lengths > 0
    inside, place = inside[rows], place[rows]
    q, k, v = (t[place].transpose(1, 2) for t in (q, k, v))
    out = scaled_dot_product_attention(q, k, v, attn_mask=inside[:, None, None, :])
    return out.transpose(1, 2)[inside]


def start_from(network: EvidenceNetwork, weights: Path) -> None:
    """Load the encoder of a BERT in the layout of Hugging Face (`model.safetensors`)."""
    from safetensors.torch import load_file

    given = {name.removeprefix("bert."): tensor.float() for name, tensor in load_file(weights).items()}
    state: dict[str, Any] = {
        "word.weight": given["embeddings.word_embeddings.weight"],
        "position.weight": given["embeddings.position_embeddings.weight"],
        "kind.weight": given["embeddings.token_type_embeddings.weight"],
        "norm.weight": given["embeddings.LayerNorm.weight"],
        "norm.bias": given["embeddings.LayerNorm.bias"],
    }
    for number in range(LAYERS):
        old = f"encoder.layer.{number}"
        for part in ("weight", "bias"):
            state[f"layers.{number}.qkv.{part}"] = torch.cat(
                [given[f"{old}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            )
            for new, name in (
                ("out", "attention.output.dense"),
                ("norm1", "attention.output.LayerNorm"),
                ("up", "intermediate.dense"),
                ("down", "output.dense"),
                ("norm2", "output.LayerNorm"),
            ):
                state[f"layers.{number}.{new}.{part}"] = given[f"{old}.{name}.{part}"]
    missing, unexpected = network.load_state_dict(state, strict=False)
    heads = ("sentence.", "passage.", "none")
    if unexpected or any(not name.startswith(heads) for name in missing):
        raise ValueError(f"{weights} is no BERT of {LAYERS} layers: {missing} {unexpected}")
