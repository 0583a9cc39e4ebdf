"""A transformers model with its adapters as an engine.

It is the decoder with CUDA graphs for a Llama on CUDA, plain forward passes elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.chat_models.engines.transformers_adapters import load_adapter
from rag.chat_models.engines.transformers_loading import memory_errors_named
from rag.chat_models.files.lora_adapter import adapter_hash
from rag.chat_models.serving.protocol import GenerationRequest
from rag.chat_models.serving.request_queue import Running
from rag.chat_models.serving.scheduler import StepEngine
from rag.chat_models.serving.step_model import Constraint, StepModel
from rag.settings import ModelSettings


class TransformersEngine:
    """A loaded model whose LoRA adapter can be changed without loading the base again.

    Adapters are known by their content hash, so that one trained again in its folder is another. A name once
    given to PEFT is never reused, so that nothing of a refused adapter can come back under it.
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
        """The name of the engine in use, with the device."""
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
        """Use the adapter in `folder`, or none, for requests from now on; return its hash.

        The hash is empty for the base alone.

        Raises:
            ModelMissing: the folder has no adapter.
            ModelFailed: the adapter is damaged or made for another base; the one before stays in use.
            ModelTooLarge: the device has no memory left for it; the one before stays in use.
        """
        content = adapter_hash(folder) if folder is not None else ""
        self._engine.change(lambda: self._swap(folder, content))
        return content

    def _swap(self, folder: Path | None, content: str) -> None:
        before = self._active
        with memory_errors_named(f"the adapter in {folder}"):
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
    """Return the fastest step model for a model, with slots for so many conversations.

    0 means as many as are useful.
    """
    if model.device.type == "cuda" and has_fast_path(model.config):
        from rag.chat_models.cuda.llama_decoder import CudaLlama

        return CudaLlama(model, context_tokens, parallel_requests)
    from rag.chat_models.engines.transformers_steps import CONVERSATIONS, TransformersSteps

    steps: StepModel = TransformersSteps(model, parallel_requests or CONVERSATIONS)
    return steps


def has_fast_path(config: Any) -> bool:
    """Return whether the decoder with CUDA graphs supports this architecture."""
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
