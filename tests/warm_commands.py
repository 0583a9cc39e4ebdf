"""Commands in processes that begin with their imports done, which else take seconds of each.

A server process imports them once. For each command it makes a copy of itself (`fork`), which runs the command as
`python -m ui.cli`, or another module, does: with arguments, environment, folder, output and exit status of its own. Two copies have
the same order of sets: a test that wants the same of two processes takes processes of their own.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
TO_ANSWER = ("faiss", "ingest.pipeline", "openvino", "rag.chain", "ui.answer_steps", "ui.application")
TO_LOAD_MODELS = (
    *TO_ANSWER, "peft", "torch", "transformers.models.auto.modeling_auto", "transformers.models.llama.modeling_llama",
    "rag.chat_models.openai_endpoint",
)  # fmt: skip

Done = subprocess.CompletedProcess[str]


class WarmCommands:
    """The server process, which imports modules in an environment, and the commands given to it."""

    def __init__(self, modules: Sequence[str], environ: Mapping[str, str]) -> None:
        path = os.pathsep.join([*filter(None, [environ.get("PYTHONPATH")]), str(ROOT)])
        self._server = subprocess.Popen(
            [sys.executable, __file__, *modules],
            env=dict(environ) | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": path},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,  # no line waits in a buffer, unseen by select
        )  # fmt: skip

    def run(
        self, arguments: Sequence[object], environ: Mapping[str, str], seconds: float, module: str = "ui.cli"
    ) -> Done:
        """Run a command in a copy of the server, with an environment for all that is not imported yet."""
        requests, replies = self._server.stdin, self._server.stdout
        assert requests
        assert replies
        words = [*map(str, arguments)]
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            places = {"cwd": str(Path.cwd()), "out": str(out), "err": str(err)}
            asked = (
                json.dumps({"module": module, "arguments": words, "environ": dict(environ), **places}) + "\n"
            )
            requests.write(asked.encode())
            requests.flush()
            copy = int(replies.readline())
            if not select.select([replies], [], [], seconds)[0]:
                os.kill(copy, signal.SIGKILL)
                replies.readline()
                raise subprocess.TimeoutExpired(words, seconds, out.read_bytes(), err.read_bytes())
            status = os.waitstatus_to_exitcode(int(replies.readline()))
            return Done(words, status, out.read_text("utf-8"), err.read_text("utf-8"))

    def close(self) -> None:
        """End the server."""
        self._server.communicate()


def _become(request: dict[str, Any]) -> None:
    """Take the streams, folder, environment and arguments of a new process."""
    for name, stream in (("out", 1), ("err", 2)):
        opened = os.open(request[name], os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, stream)
        os.close(opened)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv[1:] = request["arguments"]


def _serve(requests: IO[str], replies: IO[str]) -> str:
    """Answer requests with the number of a copy and its status; in a copy the module to run, at the end nothing."""
    while line := requests.readline():
        copy = os.fork()
        if not copy:
            request = json.loads(line)
            _become(request)
            return str(request["module"])
        replies.write(f"{copy}\n")
        replies.flush()
        replies.write(f"{os.waitpid(copy, 0)[1]}\n")
        replies.flush()
    return ""


def _run_and_leave(module: str) -> None:
    """Run the command, and end as Python does but for freeing each object, which copies the server's memory."""
    status = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as exc:
        status = int(exc.code or 0)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    from rag.system.telemetry import switch_off_telemetry

    switch_off_telemetry()
    for module in sys.argv[1:]:
        import_module(module)
    assert len([*Path("/proc/self/task").iterdir()]) == 1, (
        "a copy has no other thread than the one that makes it"
    )
    gc.freeze()  # a collection writes to each object, too
    with os.fdopen(os.dup(0)) as asked, os.fdopen(os.dup(1), "w") as told:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        to_run = _serve(asked, told)
    if to_run:
        _run_and_leave(to_run)
    os._exit(0)
