"""A transformers model with its adapters as an engine: the graph-captured Llama on CUDA, plain forward passes elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.chat_models.generation import GenerationRequest
from rag.chat_models.request_queue import Running
from rag.chat_models.step_engine import Constraint, StepEngine, StepModel
from rag.chat_models.transformers_loading import load_adapter
from rag.settings import ModelSettings


class TransformersEngine:
    """A loaded model whose LoRA adapter can be swapped or switched off without loading the base again."""

    def __init__(
        self,
        model: Any,
        context_tokens: int,
        settings: ModelSettings,
        constrain: Callable[[str], Constraint] | None = None,
    ) -> None:
        self._model = model
        self._loaded: dict[Path, str] = {}
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

    def use_adapter(self, folder: Path | None) -> None:
        """Answer with the adapter in `folder` from the next token on, or with the bare base.

        Raises:
            ModelMissing: the folder holds no adapter.
            ModelFailed: the adapter is damaged or made for another base; the one before stays in use.
        """
        self._engine.change(lambda: self._swap(folder))

    def _swap(self, folder: Path | None) -> None:
        name = ""
        if folder is None:
            if self._loaded:
                self._model.base_model.disable_adapter_layers()
        else:
            known = self._loaded.get(folder)
            name = known or f"adapter{len(self._loaded)}"
            if known is None:
                self._model = load_adapter(self._model, folder, name)
                self._loaded[folder] = name
            self._model.base_model.enable_adapter_layers()
            self._model.set_adapter(name)
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
