"""Errors in the form that OpenAI's clients read.

    {"error": {"message": ..., "type": ..., "param": ..., "code": ...}}

Source: https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from rag.errors import (
    InputError,
    LecternError,
    LibraryBusy,
    LibraryMissing,
    LibraryUnreachable,
    ModelBusy,
    ModelMissing,
    ModelTooLarge,
)

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
RETRY_SECONDS = 2
"""The pause that is advised where nothing better is known."""
_MOST_FAULTS = 3


class ErrorBody(BaseModel):
    """The reason why a request was refused or failed, in one sentence."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorAnswer(BaseModel):
    """The body of every error."""

    error: ErrorBody


class ApiError(Exception):
    """A request that is refused or failed, with its HTTP status.

    `param` is the field at fault, `retry_after` the seconds after which to try again.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the status."""
        headers = {"www-authenticate": 'Bearer realm="Lectern"'} if self.status == 401 else {}
        if self.retry_after is not None:
            headers["retry-after"] = str(max(1, round(self.retry_after)))
        return headers

    def body(self) -> dict[str, Any]:
        """Return the error in OpenAI's form."""
        server_error = "server_error" if self.status >= 500 else "invalid_request_error"
        kind = _TYPES.get(self.status, server_error)
        error = ErrorBody(message=self.message, type=kind, param=self.param, code=self.code)
        return ErrorAnswer(error=error).model_dump()


def api_error(error: BaseException) -> ApiError:
    """Return any error as one for the client.

    An unexpected one is described without its text, which may contain what is private.
    """
    match error:
        case ApiError():
            return error
        case InputError():
            return ApiError(400, str(error), "invalid_input")
        case ModelBusy():
            return ApiError(429, str(error), "queue_full", retry_after=RETRY_SECONDS)
        case LibraryBusy():
            return ApiError(503, str(error), "library_busy", retry_after=RETRY_SECONDS)
        case LibraryUnreachable():
            return ApiError(503, str(error), "library_unreachable", retry_after=RETRY_SECONDS)
        case LibraryMissing():
            return ApiError(404, str(error), "not_found")
        case ModelMissing() | ModelTooLarge():
            return ApiError(503, str(error), "model_unavailable")
        case LecternError():
            return ApiError(500, str(error), "failed")
    return ApiError(
        500, "Lectern failed unexpectedly; its log has the reason under this request's id.", "internal_error"
    )


def validation_error(faults: Sequence[Any]) -> ApiError:
    """Return the error for a body or parameter that is not as documented.

    `faults` are pydantic's, each with `loc`, `msg` and `type`.
    """
    first = faults[0]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", "it ends too early")
        place = first["loc"][-1]
        return ApiError(400, f"The body is not JSON: {reason} at character {place}.", "invalid_json")
    if [*first["loc"]] == ["body"]:
        return ApiError(
            400, "The body is not a JSON object; see /openapi.json for its fields.", "invalid_request"
        )
    named = [(_field(fault["loc"]), fault["msg"]) for fault in faults[:_MOST_FAULTS]]
    sentence = "; ".join(f"{field}: {message}" for field, message in named)
    more = len(faults) - len(named)
    rest = f"; and {more} more" if more > 0 else ""
    return ApiError(
        400, f"The request is not as expected: {sentence}{rest}.", "invalid_request", param=named[0][0]
    )


def _field(place: Sequence[Any]) -> str:
    parts = [str(part) for part in place if part not in ("body", "query", "path")]
    return ".".join(parts) or "body"
