"""Run by `test_chat_models_transformers`: the CUDA decoder against transformers, in Triton's interpreter or on a GPU (`--cuda`).

A decode step must give the logits that the whole model gives: for one conversation and several, after a kept prefix, with an adapter of
all layers, of some that are computed together and of the output matrix; and the 4-bit product must be that of bitsandbytes' own dequantized weights.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from rag.chat_models.cuda.linear_layers import FourBitWeight
from rag.chat_models.cuda.llama_decoder import CudaLlama
from rag.chat_models.cuda.nf4_matmul import mma_order, natural_order

ON_GPU = "--cuda" in sys.argv
EXACT = 2e-3 if ON_GPU else 1e-5
"""Relative error of float32: on a GPU a product of float32 matrices is rounded to TF32, ten bits."""
ROUNDED = 1e-2
"""Relative error of logits in float16, whose sums two ways of computing round differently."""


def tiny(layers: int = 1, groups: int = 1) -> Any:
    """A Llama with random weights. The interpreter takes most of its time for attention: by layer, row and group of heads."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=128,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=groups,
        max_position_embeddings=256,
    )
    return AutoModelForCausalLM.from_config(config).eval()


def in_four_bits(model: Any) -> Any:
    """The model in float16 with the linear layers of its blocks as nf4 codes."""
    import bitsandbytes

    model = model.to(torch.float16)
    for block in model.model.layers:
        for part in (block.self_attn, block.mlp):
            for name, linear in list(part.named_children()):
                if isinstance(linear, torch.nn.Linear):
                    four = bitsandbytes.nn.Linear4bit(
                        linear.in_features, linear.out_features, bias=False, compute_dtype=torch.float16, quant_type="nf4"
                    )  # fmt: skip
                    four.weight = bitsandbytes.nn.Params4bit(
                        linear.weight.data.cpu(), requires_grad=False, quant_type="nf4"
                    )
                    # With AVX-512 and bfloat16 bitsandbytes would reorder the codes for the processor.
                    four.support_avx512bf16_for_cpu = False
                    setattr(part, name, four.to(torch.get_default_device()))
    return model


def check_decoder(
    model: Any, adapter: str = "", tolerance: float = EXACT, steps: int = 1, rows: int = 10
) -> None:
    """Compare reading on by `rows` tokens, and then `steps` steps of two conversations."""
    decoder = CudaLlama(model, 256, wished_slots=3)
    decoder.use_adapter(adapter)
    first, second = torch.randint(0, 128, (170,)).tolist(), torch.randint(0, 128, (20,)).tolist()
    expected = [model(input_ids=torch.tensor([ids])).logits[0] for ids in (first, second)]
    # Some of the tokens that are read on were read before.
    known, read = 130 - rows, 130 - rows // 2
    close(decoder.read(1, first[:read], 0), expected[0][read - 1], tolerance)
    close(decoder.read(1, first[:130], known), expected[0][129], tolerance)
    close(decoder.read(0, second[:10], 0), expected[1][9], tolerance)
    for at in range(steps):
        both = decoder.step([1, 0], [first[130 + at], second[10 + at]], [130 + at, 10 + at])
        close(both[0], expected[0][130 + at], tolerance)
        close(both[1], expected[1][10 + at], tolerance)
    last = 130 + steps
    close(decoder.step([1], [first[last]], [last])[0], expected[0][last], tolerance)
    # behind a kept prefix, by the model's own reading
    close(decoder.read(1, first[:169], 20), expected[0][168], tolerance)
    close(decoder.step([1], [first[169]], [169])[0], expected[0][169], tolerance)


def check_four_bits(width: int, dtype: torch.dtype, tolerance: float) -> None:
    """Products of 1 to 32 rows by each way to compute them, of 40 that the kernel does not take, and of rows of another type than the layers'."""
    import bitsandbytes
    from bitsandbytes.functional import dequantize_4bit

    linears = []
    for height in (64, 40):
        linear = bitsandbytes.nn.Linear4bit(
            width, height, bias=False, compute_dtype=dtype, quant_type="nf4", compress_statistics=True
        )
        linears.append(linear.to(torch.get_default_device()))
    plain = torch.cat([dequantize_4bit(one.weight.data, one.weight.quant_state) for one in linears]).float()
    weight = FourBitWeight(linears)
    for count in (1, 3, 12, 32, 40):
        x = torch.randn(count, width, dtype=dtype)
        residual = torch.randn(count, 104, dtype=dtype)
        read = mma_order(x) if weight.reads_mma_order(count, dtype) else x
        close(weight(read).float(), x.float() @ plain.T, tolerance)
        close(weight(read, residual).float(), x.float() @ plain.T + residual.float(), tolerance)
        close(natural_order(mma_order(x)), x)
    rows = torch.randn(3, width)
    close(weight(rows, torch.ones(3, 104)), rows @ plain.T + 1)


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float = EXACT) -> None:
    error = float((found - expected).norm() / expected.norm())
    if not error < tolerance:
        raise SystemExit(f"relative error {error}")


if __name__ == "__main__":
    torch.set_default_device("cuda" if ON_GPU else "cpu")
    with torch.inference_mode():
        # 35 tokens are rows of two steps, the second with an idle row; the interpreter computes row by row.
        check_decoder(tiny(layers=2, groups=2), steps=3, rows=35)
        more = {"steps": 3, "rows": 60} if ON_GPU else {}
        check_decoder(in_four_bits(tiny(groups=2)), tolerance=ROUNDED, **more)
        from peft import LoraConfig, get_peft_model

        some = ["q_proj", "v_proj", "up_proj", "lm_head"]
        cases = [(tiny(), targets, EXACT) for targets in ("all-linear", some, ["k_proj"])]
        for model, targets, tolerance in (*cases, (in_four_bits(tiny()), some, ROUNDED)):
            adapted = get_peft_model(model, LoraConfig(r=4, target_modules=targets, task_type="CAUSAL_LM"))
            for name, parameter in adapted.named_parameters():
                if "lora_B" in name:
                    parameter.data.normal_(0, 0.1)
            # More than 16 rows are read in another order in four bits, so that the update takes them back.
            given = more or {"rows": 20 if tolerance == ROUNDED else 3}
            check_decoder(adapted.eval(), "default", tolerance, **given)
        for width in (256, 192, 1024):  # split in four, not at all, in eight
            if ON_GPU or width == 256:  # the interpreter rounds alike whatever the width
                check_four_bits(width, torch.bfloat16, 1e-2)
            check_four_bits(width, torch.float16, 1e-3)
