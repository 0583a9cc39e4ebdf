"""LangChain's standard tests of chat models, over a random Llama of a few kilobytes and over a server's model.

What is refused on purpose fails as written here, and these tests notice when it no longer does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from pydantic import BaseModel

from rag.chat_models.local_model import LocalChatModel
from rag.chat_models.openai_endpoint import EndpointChatModel
from rag.prompt import PromptStyle
from rag.settings import ModelSettings

NO_TOOLS = "no tools: answers come from notes, and a form from a schema"
SHARED = (
    "name", "fingerprint", "context_tokens", "prompt_style", "engine", "tokenization", "max_answer_tokens"
)  # fmt: skip


@pytest.fixture(scope="module")
def opened(
    save_byte_tokenizer: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """The fields of a random Llama that was opened as any Hugging Face model is."""
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    from rag.chat_models import open_chat_model

    folder = tmp_path_factory.mktemp("llama")
    set_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(
        vocab_size=257, max_position_embeddings=4096, eos_token_id=None, bos_token_id=None, **shape
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    save_byte_tokenizer(folder)
    model = open_chat_model(ModelSettings(name=str(folder), adapter="none", max_answer_tokens=12))
    yield {name: getattr(model, name) for name in SHARED}
    model.close()  # type: ignore[union-attr]


class OurModel:
    """A model of this process for the standard tests."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return LocalChatModel

    @property
    def has_tool_calling(self) -> bool:
        return True  # so that the tests below run and are seen to fail

    @property
    def has_structured_output(self) -> bool:
        return True


class TestUnits(OurModel, ChatModelUnitTests):
    """What needs no answer, and so no engine."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        shape = {"fingerprint": "f", "context_tokens": 100, "prompt_style": PromptStyle.INSTRUCT}
        return {"name": "m", "engine": object(), "tokenization": object(), **shape}

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_bind_tool_pydantic(self, model: Any, my_adder_tool: Any) -> None:
        super().test_bind_tool_pydantic(model, my_adder_tool)


class TestEndpointUnits(ChatModelUnitTests):
    """The same of a model on a server."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return EndpointChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model_name": "m", "url": "http://127.0.0.1:1/v1"}

    @property
    def has_structured_output(self) -> bool:
        return True

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_bind_tool_pydantic(self, model: Any, my_adder_tool: Any) -> None:
        super().test_bind_tool_pydantic(model, my_adder_tool)

    @property
    def has_tool_calling(self) -> bool:
        return True


@pytest.mark.slow
class TestAnswers(OurModel, ChatModelIntegrationTests):
    """What needs answers; a random model's, so only their form is looked at."""

    params: dict[str, Any]

    @pytest.fixture(autouse=True)
    def _open(self, opened: dict[str, Any]) -> None:
        self.params = opened

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return self.params

    @property
    def has_tool_choice(self) -> bool:
        return True

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_tool_calling(self, model: Any) -> None:
        super().test_tool_calling(model)

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    async def test_tool_calling_async(self, model: Any) -> None:
        await super().test_tool_calling_async(model)

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_bind_runnables_as_tools(self, model: Any) -> None:
        super().test_bind_runnables_as_tools(model)

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_tool_message_histories_string_content(self, model: Any, my_adder_tool: Any) -> None:
        super().test_tool_message_histories_string_content(model, my_adder_tool)

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_tool_message_histories_list_content(self, model: Any, my_adder_tool: Any) -> None:
        super().test_tool_message_histories_list_content(model, my_adder_tool)

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_tool_choice(self, model: Any) -> None:
        super().test_tool_choice(model)

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_tool_calling_with_no_arguments(self, model: Any) -> None:
        super().test_tool_calling_with_no_arguments(model)

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_tool_message_error_status(self, model: Any, my_adder_tool: Any) -> None:
        super().test_tool_message_error_status(model, my_adder_tool)

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_structured_few_shot_examples(self, model: Any, my_adder_tool: Any) -> None:
        super().test_structured_few_shot_examples(model, my_adder_tool)

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_agent_loop(self, model: Any) -> None:
        super().test_agent_loop(model)

    @pytest.mark.xfail(strict=True, reason=NO_TOOLS)
    def test_unicode_tool_call_integration(self, model: Any, **_: Any) -> None:
        super().test_unicode_tool_call_integration(model)


class Verdict(BaseModel):
    """A judgement."""

    right: bool
    marks: int | None


@pytest.mark.slow
def test_the_form_cannot_be_broken(opened: dict[str, Any]) -> None:
    model = LocalChatModel(**opened)
    for number in range(5):
        found = model.with_structured_output(Verdict).invoke(f"Is {number} even?")
        assert isinstance(found, Verdict)
        raw = model.with_structured_output(Verdict.model_json_schema(), include_raw=True).invoke(str(number))
        assert raw["parsing_error"] is None
        assert set(raw["parsed"]) == {"right", "marks"}
        assert raw["raw"].usage_metadata["output_tokens"] > 0


def test_options_that_are_not_known_are_refused() -> None:
    model = EndpointChatModel(model_name="m", url="http://127.0.0.1:1/v1")
    with pytest.raises(ValueError, match="colour is not known here"):
        model.with_structured_output(Verdict, colour="red")
    with pytest.raises(ValueError, match="method='guess'"):
        model.with_structured_output(Verdict, method="guess")
