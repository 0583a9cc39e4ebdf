"""Token counts of prompts, from the server or estimated from their length."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from rag.types import Turn

CONNECT_SECONDS = 5.0
"""The time in which a server must accept a connection."""
_CANNOT_COUNT = (400, 404, 405, 415, 422, 501)
"""HTTP statuses of servers without such an address, or with another form of it."""
_BYTES_PER_TOKEN = 3
"""A cautious estimate for servers that cannot count.

English has four bytes a token or more.
"""
_TOKENS_PER_MESSAGE = 8
"""Markers and role of a message; the templates of Llama 3 and ChatML have five."""


def estimated_tokens(turns: Sequence[Turn]) -> int:
    """Return a cautious estimate of a prompt's tokens from the bytes of its messages."""
    content_tokens = sum(len(turn.content.encode()) for turn in turns) / _BYTES_PER_TOKEN
    return math.ceil(content_tokens) + _TOKENS_PER_MESSAGE * len(turns)


class ServerTokenCounter:
    """The token counts of a server: vLLM counts messages, llama.cpp the prompt's text."""

    def __init__(
        self, url: str, model_name: str, api_key: str, timeout_seconds: float, again_seconds: float
    ) -> None:
        self._url, self._model_name, self._api_key = url, model_name, api_key
        self._timeout_seconds, self._again_seconds = timeout_seconds, again_seconds
        self._count_from = 0.0  # monotonic seconds before which the server is not asked

    def count(self, turns: Sequence[Turn]) -> int:
        """Return the tokens of the prompt for these messages, 0 if it cannot count.

        After a failure the server is not asked again for `again_seconds`, or never if it has no way to count.
        """
        import httpx2

        if time.monotonic() < self._count_from:
            return 0
        try:
            counted = self._count_of_server(turns)
        except (httpx2.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError) as exc:
            status = exc.response.status_code if isinstance(exc, httpx2.HTTPStatusError) else 0
            lasting = not status or status in _CANNOT_COUNT
            self._count_from = math.inf if lasting else time.monotonic() + self._again_seconds
            return 0
        except httpx2.HTTPError:
            self._count_from = time.monotonic() + self._again_seconds
            return 0
        return counted

    def _count_of_server(self, turns: Sequence[Turn]) -> int:
        import httpx2

        root = self._url.removesuffix("/v1")
        messages = [{"role": turn.role.value, "content": turn.content} for turn in turns]
        key = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        with httpx2.Client(timeout=self._timeout_seconds, headers=key) as client:

            def told(path: str, body: dict[str, Any]) -> dict[str, Any]:
                answer = client.post(f"{root}/{path}", json=body)
                answer.raise_for_status()
                found: dict[str, Any] = answer.json()
                return found

            try:
                counted = told("tokenize", {"model": self._model_name, "messages": messages}).get("count")
            except httpx2.HTTPStatusError as exc:
                if exc.response.status_code not in _CANNOT_COUNT:
                    raise
                counted = None  # llama.cpp wants the prompt's text
            if counted:
                return int(counted)
            prompt = told("apply-template", {"messages": messages})["prompt"]
            return len(told("tokenize", {"content": prompt, "parse_special": True})["tokens"])
