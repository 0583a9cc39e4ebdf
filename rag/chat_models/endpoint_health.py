"""The health check of a model server."""

from __future__ import annotations

from rag.errors import ModelFailed, ModelMissing


def check_health(url: str, timeout_seconds: float) -> None:
    """Ask the server at `url`, which ends in `/v1`, whether it lives.

    vLLM, SGLang and llama.cpp answer at `/health`, and vLLM with 503 after its engine died. A server without that
    address answers 404, so it lives.

    Raises:
        ModelMissing: nothing answers.
        ModelFailed: it is silent, or reports that it does not work.
    """
    import httpx2

    try:
        # The key stays here: no server wants one at this address.
        answer = httpx2.get(f"{url.removesuffix('/v1')}/health", timeout=timeout_seconds)
        if answer.status_code >= 500:
            answer.raise_for_status()
    except httpx2.TimeoutException as exc:
        raise ModelFailed(
            f"the server at {url} did not answer its health check in {timeout_seconds:g} s"
        ) from exc
    except httpx2.HTTPStatusError as exc:
        raise ModelFailed(
            f"the server at {url} answers its health check with status {exc.response.status_code}; read its log"
        ) from exc
    except httpx2.HTTPError as exc:
        raise ModelMissing(f"no server answers at {url}; start it, or check the address after the @") from exc
