"""Errors of an OpenAI-compatible server in one sentence, and pauses for retries."""

from __future__ import annotations

import openai

from rag.errors import LecternError, ModelBusy, ModelFailed, ModelMissing

PAUSES_SECONDS = (0.5, 1.0, 2.0)
"""Pauses before a server is asked again, unless it names a time itself."""
_LONGEST_PAUSE_SECONDS = 30.0
"""A longer `retry-after` is ignored: a person waits for the answer."""


def cut_off(url: str, began: bool) -> ModelFailed:
    """Return the error for an answer that ends before its finish reason.

    `began` if some of its text came before.
    """
    if began:
        return ModelFailed(f"the server at {url} stopped in the middle of its answer; ask again")
    return ModelFailed(
        f"what answers at {url} is no OpenAI-compatible server; check the address, /v1 included"
    )


def explained(
    exc: Exception,
    began: bool,
    *,
    url: str,
    model_name: str,
    waited_seconds: float,
    retries: int,
    doubt: str,
    probed: bool = False,
) -> LecternError:
    """Return the error, in one sentence, for an exception of the client.

    `began` if some of the answer's text came before it, `probed` if another address was to be asked next, `retries` the times it was asked again, `doubt` what to add
    to a refusal.
    """
    import httpx2

    silent = isinstance(exc, openai.APITimeoutError | httpx2.TimeoutException)
    if silent and not isinstance(exc.__cause__, httpx2.ConnectTimeout):
        named = "" if probed else " (model.timeout_seconds)"
        return ModelFailed(
            f"the server at {url} was silent for {waited_seconds:g} s{named}; see whether it is overloaded, or wait longer"
        )
    if isinstance(exc, httpx2.TransportError) and not began:
        return ModelFailed(
            f"the server at {url} closed the connection before it answered; read its log, and ask again"
        )
    if isinstance(exc, openai.APIConnectionError) and not began:
        return ModelMissing(f"no server answers at {url}; start it, or check the address after the @")
    if isinstance(exc, openai.RateLimitError):
        lasting = f" and stayed so over {retries} retries" if retries else ""
        return ModelBusy(f"the server at {url} is busy{lasting}; try again later")
    if isinstance(exc, openai.AuthenticationError | openai.PermissionDeniedError):
        return ModelMissing(f"the server at {url} refuses the key; set model.api_key")
    if isinstance(exc, openai.NotFoundError):
        return ModelMissing(
            f"the server at {url} knows no model {model_name!r} or no chat completions; check both"
        )
    if isinstance(exc, openai.BadRequestError):
        return ModelFailed(f"the server at {url} refuses the question: {_reason(exc)}{doubt}")
    if isinstance(exc, openai.APIStatusError):
        return ModelFailed(f"the server at {url} failed with status {exc.status_code}: {_reason(exc)}")
    if type(exc) is openai.APIError:  # an event of the stream that reports an error
        return ModelFailed(f"the server at {url} failed while it answered: {_reason(exc)}")
    return cut_off(url, began)


def _reason(exc: openai.APIError) -> str:
    body = exc.body
    reason = body.get("message") if isinstance(body, dict) else body if isinstance(body, str) else ""
    return (str(reason or exc.message).strip().splitlines() or ["no reason given"])[0][:200]


def pause_wished(exc: Exception, otherwise_seconds: float) -> float:
    """Return the pause in seconds that the server asks for, if it is short."""
    headers = getattr(getattr(exc, "response", None), "headers", {})
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return otherwise_seconds
    return seconds if 0 <= seconds <= _LONGEST_PAUSE_SECONDS else otherwise_seconds


def is_silence(error: LecternError) -> bool:
    """Return whether a server was reached and did not answer in time."""
    import httpx2

    cause = error.__cause__
    if isinstance(cause, openai.APITimeoutError):
        return not isinstance(cause.__cause__, httpx2.ConnectTimeout)
    return isinstance(cause, httpx2.ReadTimeout)


def refuses(error: LecternError) -> bool:
    """Return True if the request was refused, as another server would refuse it."""
    return isinstance(error.__cause__, openai.BadRequestError | openai.UnprocessableEntityError)


def passes(error: LecternError) -> bool:
    """Return True if the server may answer in a moment.

    It is missing, busy or failing, but not silent.
    """
    import httpx2

    cause = error.__cause__
    if isinstance(cause, openai.APITimeoutError):
        return False
    kinds = openai.APIConnectionError | openai.RateLimitError | openai.InternalServerError
    return isinstance(cause, kinds | httpx2.NetworkError | httpx2.HTTPStatusError)
