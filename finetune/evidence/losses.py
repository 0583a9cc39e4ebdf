"""The losses of the evidence scorer: against the labels, and against a teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from finetune.evidence.batches import Sizes

if TYPE_CHECKING:
    from finetune.evidence.train import Recipe


def loss_of(sentence: Tensor, pair: Tensor, batch: dict[str, Tensor], recipe: Recipe, sizes: Sizes) -> Tensor:
    """Return the mean loss of the examples of a batch."""
    real, target, owner = batch["count"] > 0, batch["target"] > 0, batch["owner"]
    n = sizes.examples
    shown = torch.zeros(n, device=sentence.device).index_add(0, owner, real.float()) > 0
    shown[-1] = False
    has = torch.zeros(n, device=sentence.device).index_add(0, owner, (real & target).float()) > 0
    everything = functional.softplus(_log_sum_exp(sentence.masked_fill(~real, -1e4), owner, n))
    good = _log_sum_exp(sentence.masked_fill(~(real & target), -1e4), owner, n)
    listwise = everything - torch.where(has, good, torch.zeros_like(good))
    total = (listwise * shown).sum() / shown.sum().clamp(min=1)
    weight = torch.where(target, 4.0, 1.0) * real * batch["trusted"]
    return (
        total
        + recipe.sentence_loss * _binary(sentence, batch["target"], weight, real)
        + recipe.passage_loss * _binary(pair, batch["gold"], batch["real"], batch["real"])
    )


def taught_loss(
    sentence: Tensor, pair: Tensor, batch: dict[str, Tensor], recipe: Recipe, sizes: Sizes
) -> Tensor:
    """Return the loss against a teacher's logits instead of the labels.

    The terms are those of `loss_of`: the cross-entropy with the teacher's softmax over all sentences of an
    example and "none", and binary cross-entropies with its probabilities.
    """
    real, owner, n = batch["count"] > 0, batch["owner"], sizes.examples
    everything = functional.softplus(_log_sum_exp(sentence.masked_fill(~real, -1e4), owner, n))
    wanted = batch["taught"].masked_fill(~real, -1e4)
    share = (wanted - functional.softplus(_log_sum_exp(wanted, owner, n))[owner]).exp()
    zero = torch.zeros(n, device=sentence.device)
    shown = zero.index_add(0, owner, real.float()) > 0
    shown[-1] = False
    listwise = everything - zero.index_add(0, owner, share * sentence.masked_fill(~real, 0.0))
    total = (listwise * shown).sum() / shown.sum().clamp(min=1)
    return (
        total
        + recipe.sentence_loss * _binary(sentence, batch["taught"].sigmoid(), real, real)
        + recipe.passage_loss * _binary(pair, batch["taught_pair"].sigmoid(), batch["real"], batch["real"])
    )


def _binary(logits: Tensor, target: Tensor, weight: Tensor, counted: Tensor) -> Tensor:
    """Return the weighted binary cross-entropies, divided by how many count."""
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (each * weight).sum() / counted.sum().clamp(min=1)


def _log_sum_exp(values: Tensor, owner: Tensor, n: int) -> Tensor:
    """Return the log-sum-exp of each owner's values."""
    top = torch.full((n,), -1e4, device=values.device).scatter_reduce(0, owner, values.detach(), "amax")
    return top + torch.log(
        torch.zeros(n, device=values.device).index_add(0, owner, (values - top[owner]).exp()) + 1e-9
    )
