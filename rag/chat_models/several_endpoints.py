"""A model that several OpenAI-compatible servers run, as one chat model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, suppress
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from rag.chat_models.endpoint_addresses import Addresses, all_failed
from rag.chat_models.endpoint_errors import passes, refuses
from rag.chat_models.endpoint_tokens import estimated_tokens
from rag.chat_models.openai_endpoint import ASSUMED_CONTEXT_TOKENS, EndpointChatModel
from rag.errors import LecternError, SettingsError
from rag.types import Turn

FIRST_BYTE_SECONDS = 10.0
"""The wait for the first byte of an answer. Chosen.

A server that streams may send the head of its answer before the first token, once it has accepted the question.
"""


class SeveralEndpoints(EndpointChatModel):
    """A chat model at several addresses.

    A request whose address fails before the first token goes to another one. After the first token an error ends
    the answer: two answers are never mixed.
    """

    addresses: Addresses
    first_byte_seconds: float = FIRST_BYTE_SECONDS
    """The wait for the first byte while another address has not been asked."""

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
        errors = self._errors(len(self.addresses))
        for error in errors:
            if isinstance(error, SettingsError):
                raise error
        if len(errors) == len(self.addresses):
            raise all_failed(errors)

    def check_alive(self, timeout_seconds: float) -> None:
        """Check the health of every address; the first one that works is enough.

        The others are checked to their end, so that a question need not wait for a silent one.

        Raises:
            ModelError: none works.
        """
        errors = self._errors(1)
        if len(errors) == len(self.addresses):
            raise all_failed(errors)

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Return the tokens of the prompt, counted by the best address or estimated."""
        left = set(range(len(self.addresses)))
        while left:
            number = self.addresses.best(left)
            left.remove(number)
            with suppress(LecternError):  # it is left out, and the question finds its error
                self.addresses.check(number)
                return self.addresses.model(number).count_tokens(turns)
        return estimated_tokens(turns)

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
                    # The last one may take all its time: then there is nobody else to ask.
                    bound = min(self.first_byte_seconds, self.timeout_seconds) if left else None
                    model = self.addresses.model(number)
                    answer = model._stream(messages, stop, run_manager, first_byte_seconds=bound, **options)
                    with closing(answer):  # type: ignore[type-var]
                        for chunk in answer:
                            if not began:  # so that no check disturbs a server that is busy with it
                                self.addresses.answered(number)
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

    def _errors(self, enough: int) -> list[LecternError]:
        """Check all addresses at once until `enough` work, and return the errors.

        One after the other, a few silent ones would take longer than a load balancer waits.
        """
        pool = ThreadPoolExecutor(len(self.addresses), thread_name_prefix="lectern-addresses")
        checks = [pool.submit(self.addresses.check, number) for number in range(len(self.addresses))]
        pool.shutdown(wait=False)
        working = 0
        for check in as_completed(checks):
            working += check.exception() is None
            if working == enough:
                break
        errors = [check.exception() for check in checks if check.done()]
        unexpected = [error for error in errors if error and not isinstance(error, LecternError)]
        if unexpected:
            raise unexpected[0]
        return [error for error in errors if isinstance(error, LecternError)]
