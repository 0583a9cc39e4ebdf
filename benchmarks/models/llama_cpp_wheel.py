"""llama.cpp's wheel as it comes, to be measured beside Lectern.

Its server runs in this process, without the probabilities that Lectern's engine requests.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class PlainLlamaCpp:
    """A GGUF file in llama.cpp, one request at a time.

    The settings are the wheel's own, except for one thread a core.
    """

    name = "llama.cpp"

    def __init__(self, path: Path, context_tokens: int) -> None:
        import psutil
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = context_tokens
        parameters.n_parallel = 1
        parameters.verbosity = -1
        parameters.cpuparams.n_threads = psutil.cpu_count(logical=False) or 1
        self._server = xllamacpp.Server(parameters)

    def timed(self, ids: list[int], new_tokens: int) -> tuple[float, float]:
        """Return seconds to the first token of an answer, and tokens a second after.

        llama.cpp counts the tokens itself.
        """
        times: list[float] = []
        told: dict[str, Any] = {}

        def take(event: str) -> bool:
            times.append(time.perf_counter())
            told.update(json.loads(event).get("timings") or {})
            return False

        body = {
            "prompt": ids,
            "n_predict": new_tokens,
            "temperature": 0,
            "stream": True,
            "ignore_eos": True,
            "cache_prompt": False,
        }
        started = time.perf_counter()
        self._server.handle_completions(json.dumps(body), take)
        return times[0] - started, float(told["predicted_per_second"])

    def close(self) -> None:
        """Free the model's memory."""
        del self._server
