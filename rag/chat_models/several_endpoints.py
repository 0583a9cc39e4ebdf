"""A model that several OpenAI-compatible servers run, as one chat model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from rag.chat_models.endpoint_addresses import Addresses, all_failed
from rag.chat_models.endpoint_errors import passes, refuses
from rag.chat_models.openai_endpoint import ASSUMED_CONTEXT_TOKENS, EndpointChatModel
from rag.errors import LecternError, SettingsError
from rag.types import Turn


class SeveralEndpoints(EndpointChatModel):
    """A chat model at several addresses.

    A request whose address fails before the first token goes to another one. After the first token an error ends
    the answer: two answers are never mixed.
    """

    addresses: Addresses

    @property
    def context_tokens(self) -> int:
        """The longest prompt and answer that every address reached so far can read.

        Raises:
            SettingsError: more is wished than one of them allows.
        """
        contexts = [model.context_tokens for model in self.addresses.known() if not model.context_assumed]
        return min(contexts, default=self.wished_context_tokens or ASSUMED_CONTEXT_TOKENS)

    @property
    def context_assumed(self) -> bool:
        """True if neither the settings nor an address give the length of the context.

        Addresses count that were reached so far.
        """
        return not self.wished_context_tokens and all(
            model.context_assumed for model in self.addresses.known()
        )

    def check(self, timeout_seconds: float | None = None) -> None:
        """Check every address; one that works is enough.

        Raises:
            ModelError: none works.
            SettingsError: a longer context is set than a server allows.
        """
        self._check_each()

    def check_alive(self, timeout_seconds: float) -> None:
        """Check the health of every address; one that works is enough.

        Raises:
            ModelError: none works.
        """
        self._check_each()

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Return the tokens of the prompt, counted by the best address or estimated."""
        return self.addresses.best().count_tokens(turns)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        # Copies of this model may have other defaults than the models of its addresses.
        own = {"max_tokens": self.max_answer_tokens, "temperature": self.temperature, "seed": self.seed}
        options = own | {name: value for name, value in kwargs.items() if value is not None}
        errors: dict[int, LecternError] = {}
        left = set(range(len(self.addresses)))
        for pause in (*self.pauses_seconds, None):
            while left:
                number = self.addresses.take(left)
                left.remove(number)
                began = False
                try:
                    self.addresses.check(number)
                    answer = self.addresses.model(number)._stream(messages, stop, run_manager, **options)
                    with closing(answer):  # type: ignore[type-var]
                        for chunk in answer:
                            began = True
                            yield chunk
                    self.addresses.answered(number)
                    return
                except LecternError as error:
                    if refuses(error):
                        raise
                    self.addresses.leave_out(number, error)
                    if began:
                        raise
                    errors[number] = error
                finally:
                    self.addresses.give_back(number)
            left = {number for number, error in errors.items() if passes(error)}
            if pause is None or not left:
                break
            time.sleep(pause)
        raise all_failed([errors[number] for number in sorted(errors)])

    def _check_each(self) -> None:
        errors: list[LecternError] = []
        for number in range(len(self.addresses)):
            try:
                self.addresses.check(number)
            except SettingsError:
                raise
            except LecternError as error:
                errors.append(error)
        if len(errors) == len(self.addresses):
            raise all_failed(errors)
