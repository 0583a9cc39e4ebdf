"""LoRA adapters on a loaded transformers model.

They are checked, loaded by PEFT, and removed when refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rag.chat_models.engines.transformers_loading import first_line
from rag.chat_models.files.lora_adapter import LoraUpdate
from rag.errors import ModelFailed


def load_adapter(model: Any, folder: Path, name: str) -> Any:
    """Return the model with the LoRA adapter in `folder` loaded as `name`.

    `name` must be new; the active adapter stays active. The model is not touched until every matrix was
    compared with the layer that it changes. If PEFT refuses the adapter after that, it is removed again.

    Raises:
        ModelMissing: the folder has no adapter.
        ModelFailed: the adapter is damaged or made for another base; the model answers as before.
    """
    from peft import PeftModel

    from rag.chat_models.files.lora_adapter import read_adapter

    updates = read_adapter(folder)
    _check_shapes(model, updates, folder)
    try:
        if isinstance(model, PeftModel):
            model.load_adapter(str(folder), adapter_name=name)
            loaded: Any = model
        else:
            loaded = PeftModel.from_pretrained(model, str(folder), adapter_name=name).eval()
        _check_loaded(loaded, updates, name)
    except Exception as exc:
        _take_out(model, name)
        raise ModelFailed(
            f"the adapter in {folder} does not fit this model ({first_line(exc)}); use one trained on the same base"
        ) from exc
    return loaded


def _check_shapes(model: Any, updates: Mapping[str, LoraUpdate], folder: Path) -> None:
    layers = dict(_bare(model).named_modules())
    for module, update in updates.items():
        layer = layers.get(module)
        there = (getattr(layer, "out_features", None), getattr(layer, "in_features", None))
        wanted = (update.b.shape[0], update.a.shape[1])
        if None in there:
            raise ModelFailed(
                f"the adapter in {folder} does not fit this model, which has no linear layer {module}; use one trained on the same base"
            )
        if there != wanted:
            raise ModelFailed(
                f"the adapter in {folder} does not fit this model: its {module} is {wanted[0]} x {wanted[1]}, the model's "
                f"{there[0]} x {there[1]}; use one trained on the same base"
            )


def _check_loaded(model: Any, updates: Mapping[str, LoraUpdate], name: str) -> None:
    """Check that PEFT gave the adapter the layers that its matrices are for.

    PEFT takes the layers from the configuration.
    """
    held = {
        module
        for module, layer in _bare(model).named_modules()
        if name in (getattr(layer, "lora_A", None) or ())
    }
    if held != set(updates):
        odd = sorted(held ^ set(updates))[0]
        raise ValueError(f"its configuration and its weights disagree about {odd}")


def _take_out(model: Any, name: str) -> None:
    """Remove a refused adapter and the wrappers of layers without another adapter."""
    from peft import PeftModel
    from peft.tuners.tuners_utils import BaseTunerLayer

    if isinstance(model, PeftModel):
        model.peft_config.pop(name, None)
    bare = _bare(model)
    for module, layer in list(bare.named_modules()):
        if not isinstance(layer, BaseTunerLayer):
            continue
        if name in (getattr(layer, "lora_A", None) or ()):
            layer.delete_adapter(name)
        if not getattr(layer, "lora_A", None):
            parent, _, own = module.rpartition(".")
            setattr(bare.get_submodule(parent), own, layer.get_base_layer())


def _bare(model: Any) -> Any:
    """The transformers model inside what PEFT made of it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model
