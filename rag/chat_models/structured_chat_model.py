"""The interface of LangChain that all our chat models share.

It has answers in a form, and the model's name in traces."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass

_METHODS = ("json_schema", "function_calling", "json_mode")


class StructuredChatModel(BaseChatModel):
    """A chat model that takes `response_schema=`.

    That is a JSON schema which the whole answer obeys."""

    max_answer_tokens: int = 256
    temperature: float = 0.0

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: str = "json_schema",
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable whose answers have the form of `schema`.

        The schema is a pydantic class, a `TypedDict` or a JSON schema. Whatever `method` and `strict` are, the answer is decoded
        under the schema and cannot break it. With `include_raw` it is a dictionary with `raw`, `parsed` and `parsing_error`.

        Raises:
            ValueError: another method or option is given.
        """
        if kwargs or method not in _METHODS:
            given = ", ".join(kwargs) or f"method={method!r}"
            raise ValueError(f"{given} is not known here; the methods are {', '.join(_METHODS)}")
        wanted = convert_to_json_schema(schema)
        traced = {"kwargs": {"method": method, "strict": strict}, "schema": wanted}
        answer = self.bind(response_schema=wanted, ls_structured_output_format=traced)
        is_class = isinstance(schema, type) and is_basemodel_subclass(schema)
        parser: BaseOutputParser[Any] = (
            PydanticOutputParser(pydantic_object=schema) if is_class else JsonOutputParser()
        )
        if not include_raw:
            return answer | parser
        parsed = RunnablePassthrough.assign(
            parsed=lambda found: parser.invoke(found["raw"]), parsing_error=lambda _: None
        )
        failed = RunnablePassthrough.assign(parsed=lambda _: None)
        return RunnableMap(raw=answer) | parsed.with_fallbacks([failed], exception_key="parsing_error")

    @property
    def _traced_name(self) -> str:
        """The model's name in traces."""
        return self.name or ""

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        """Return the model and its options for traces."""
        params = LangSmithParams(
            ls_provider="lectern",
            ls_model_name=str(kwargs.get("model") or self._traced_name),
            ls_model_type="chat",
            ls_temperature=float(kwargs.get("temperature", self.temperature) or 0.0),
            ls_max_tokens=int(kwargs.get("max_tokens") or self.max_answer_tokens),
        )
        if stop:
            params["ls_stop"] = stop
        return params
