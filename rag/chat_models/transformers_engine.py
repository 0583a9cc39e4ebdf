"""A transformers model with its adapters as an engine: the graph-captured Llama on CUDA, plain forward passes elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.chat_models.generation import GenerationRequest
from rag.chat_models.lora_adapter import adapter_hash
from rag.chat_models.request_queue import Running
from rag.chat_models.step_engine import Constraint, StepEngine, StepModel
from rag.chat_models.transformers_loading import load_adapter, told_when_too_large
from rag.settings import ModelSettings


class TransformersEngine:
    """A loaded model whose LoRA adapter can be swapped or switched off without loading the base again.

    Adapters are known by the hash of what they hold, so that one trained again in its folder is another; a name that PEFT was once given is
    never given again, so that nothing of an adapter that was refused can come back under it.
    """

    def __init__(
        self,
        model: Any,
        context_tokens: int,
        settings: ModelSettings,
        constrain: Callable[[str], Constraint] | None = None,
    ) -> None:
        self._model = model
        self._loaded: dict[str, str] = {}
        self._numbers = itertools.count()
        self._active = ""
        self._steps = step_model(model, context_tokens, settings.parallel_requests)
        name = "cuda-graph" if hasattr(self._steps, "use_adapter") else f"transformers-{model.device.type}"
        self._engine = StepEngine(
            name,
            self._steps,
            settings.queue_length,
            constrain,
            settings.lookup_tokens,
            keeps_prefixes=not settings.reproducible,
        )

    @property
    def name(self) -> str:
        """Which of the two it is, with the device."""
        return self._engine.name

    def submit(self, request: GenerationRequest) -> Running:
        """A generation for the request.

        Raises:
            ModelBusy: as many requests as allowed are running or waiting.
        """
        return self._engine.submit(request)

    def close(self) -> None:
        """Free the model's memory; requests under way end as cancelled."""
        self._engine.close()
        del self._model, self._steps

    def use_adapter(self, folder: Path | None) -> str:
        """Answer every request that comes from now on with the adapter in `folder`, or with the bare base; the adapter's hash, empty for none.

        Raises:
            ModelMissing: the folder holds no adapter.
            ModelFailed: the adapter is damaged or made for another base; the one before stays in use.
            ModelTooLarge: the device has no memory left for it; the one before stays in use.
        """
        content = adapter_hash(folder) if folder is not None else ""
        self._engine.change(lambda: self._swap(folder, content))
        return content

    def _swap(self, folder: Path | None, content: str) -> None:
        before = self._active
        with told_when_too_large(f"the adapter in {folder}"):
            name = self._name_of(folder, content) if folder is not None else ""
            try:
                self._activate(name)
            except Exception:
                self._activate(before)
                raise

    def _name_of(self, folder: Path, content: str) -> str:
        """The name under which PEFT has the adapter, loaded now if it was not."""
        if content not in self._loaded:
            name = f"adapter{next(self._numbers)}"
            self._model = load_adapter(self._model, folder, name)
            self._loaded[content] = name
        return self._loaded[content]

    def _activate(self, name: str) -> None:
        if name:
            self._model.base_model.enable_adapter_layers()
            self._model.set_adapter(name)
        elif self._loaded:
            self._model.base_model.disable_adapter_layers()
        self._active = name
        self._steps.model = self._model
        if hasattr(self._steps, "use_adapter"):
            self._steps.use_adapter(name)


def step_model(model: Any, context_tokens: int, parallel_requests: int = 0) -> Any:
    """The fastest step model that can run this one, for so many conversations at once (0: as many as are good for it)."""
    if model.device.type == "cuda" and has_fast_path(model.config):
        from rag.chat_models.cuda_llama import CudaLlama

        return CudaLlama(model, context_tokens, parallel_requests)
    from rag.chat_models.transformers_steps import CONVERSATIONS, TransformersSteps

    steps: StepModel = TransformersSteps(model, parallel_requests or CONVERSATIONS)
    return steps


def has_fast_path(config: Any) -> bool:
    """Whether the graph-captured decoder knows this architecture and its weights."""
    if (
        config.model_type != "llama"
        or getattr(config, "attention_bias", False)
        or getattr(config, "mlp_bias", False)
    ):
        return False
    quantization = getattr(config, "quantization_config", None)
    eight_bits = bool(getattr(quantization, "load_in_8bit", False))
    heads = config.num_attention_heads // config.num_key_value_heads
    return not eight_bits and config.hidden_act == "silu" and heads <= 16 and config.hidden_size % 64 == 0
