"""The fused layers beside PEFT's own: one loss, one gradient for every trained matrix."""

import pytest

pytestmark = pytest.mark.model
pytest.importorskip("peft")


@pytest.fixture
def make_tuned(make_llama):
    """Makes a Llama with a LoRA adapter that changes its answers, ready to be trained."""
    from peft import LoraConfig, get_peft_model

    def make(quantization="none", dropout=0.0, attention="sdpa"):
        model = make_llama(hidden=64, attention=attention).requires_grad_(False)
        if quantization == "nf4":
            _in_nf4(model)
        model = get_peft_model(
            model, LoraConfig(r=4, lora_alpha=8, lora_dropout=dropout, target_modules="all-linear")
        )
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.data.normal_(0, 0.1)
        return model.train()

    return make


def _in_nf4(model):
    import bitsandbytes
    import torch

    for name, module in list(model.named_modules()):
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            linear = bitsandbytes.nn.Linear4bit(
                module.in_features,
                module.out_features,
                bias=False,
                compute_dtype=torch.float32,
                quant_type="nf4",
            )
            weight = bitsandbytes.nn.Params4bit(module.weight.data, requires_grad=False, quant_type="nf4")
            linear.weight = weight.to("cpu")
            parent, _, child = name.rpartition(".")
            model.get_submodule(parent).register_module(child, linear)
    model.is_loaded_in_4bit = True


def _loss_and_gradients(model):
    import torch

    model.zero_grad()
    ids = torch.arange(2 * 12).reshape(2, 12) % 48
    loss = model(input_ids=ids, labels=ids, use_cache=False).loss
    loss.backward()
    return loss.item(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_loss_and_gradients_are_those_of_pefts_layers(make_tuned, quantization):
    from finetune.fused_llama import fuse

    if quantization == "nf4":
        pytest.importorskip("bitsandbytes")
    model = make_tuned(quantization)
    loss, gradients = _loss_and_gradients(model)
    assert fuse(model) == 2
    fused_loss, fused_gradients = _loss_and_gradients(model)
    assert fused_loss == pytest.approx(loss, abs=1e-5)
    assert set(fused_gradients) == set(gradients) and len(gradients) == 2 * 7 * 2
    for name, gradient in gradients.items():
        assert float((fused_gradients[name] - gradient).abs().max()) < 1e-4 * float(gradient.abs().max()), (
            name
        )


def test_an_adapter_with_dropout_keeps_pefts_layers(make_tuned):
    from finetune.fused_llama import fuse

    model = make_tuned(dropout=0.1)
    before = model.base_model.model.model.layers[0].mlp.forward
    assert fuse(model) == 0
    assert model.base_model.model.model.layers[0].mlp.forward == before


def test_a_fused_model_still_generates_with_its_cache(make_tuned):
    import torch

    from finetune.fused_llama import fuse

    model = make_tuned().eval()
    ids = torch.tensor([[5, 9, 2]])
    mask = torch.ones_like(ids)

    def said():
        return model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=6, do_sample=False, pad_token_id=0
        )

    unfused = said()
    fuse(model)
    assert said().tolist() == unfused.tolist()


def _in_bfloat16(model):
    """On the GPU as a recipe trains it: frozen weights in bfloat16, trained ones in float32."""
    import torch

    for parameter in model.parameters():
        if not parameter.requires_grad:
            parameter.data = parameter.data.to(torch.bfloat16)
    return model.cuda()


@pytest.mark.gpu
def test_on_a_gpu_packed_rows_have_the_loss_and_gradients_of_rows_alone(make_tuned):
    """The variable-length kernel and the compiled norms, gates and rotations, in bfloat16, beside PEFT's layers row by row."""
    import torch

    from finetune.encoding import Encoded
    from finetune.fused_llama import fuse
    from finetune.packing import VARLEN, PackedCollator, packed_rows, register_varlen

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    assert register_varlen() == VARLEN
    rows = [torch.arange(start, start + length) % 48 for start, length in ((0, 20), (7, 9), (31, 30))]
    alone = _in_bfloat16(make_tuned())
    with torch.autocast("cuda", torch.bfloat16):
        loss = sum(
            alone(input_ids=row[None].cuda(), labels=row[None].cuda(), use_cache=False).loss * (len(row) - 1)
            for row in rows
        )
    loss.backward()
    expected = {n: p.grad for n, p in alone.named_parameters() if p.grad is not None}
    packed = _in_bfloat16(make_tuned(attention=VARLEN))
    assert fuse(packed) == 2
    encoded = [Encoded(row.tolist(), row.tolist()) for row in rows]
    batch = {
        name: value.cuda() if isinstance(value, torch.Tensor) else value
        for name, value in PackedCollator()(packed_rows(encoded, 64)).items()
    }
    with torch.autocast("cuda", torch.bfloat16):
        found = packed(**batch, use_cache=False).loss * sum(len(row) - 1 for row in rows)
    found.backward()
    assert found.item() == pytest.approx(loss.item(), rel=0.01)
    for name, gradient in expected.items():
        error = (dict(packed.named_parameters())[name].grad - gradient).norm() / gradient.norm()
        assert float(error) < 0.05, name
