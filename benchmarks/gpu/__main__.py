"""All benchmarks that need a GPU, in one command.

They are spread over the GPUs that are there. It is for a machine that is rented by the minute.

    python -m benchmarks.gpu --rows bitext-27k.csv.gz --out build/gpu

Jobs that need one GPU each run side by side, in the order given, on whichever is free; then those that need
two. Each has a time limit, its output is in `OUT/NAME.log` from its first line on, and when it ends its last
lines are printed: if the machine is taken away, only unfinished measurements are lost. `--job NAME` picks
some.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SHOWN_LINES = 12


@dataclass(frozen=True, slots=True)
class Job:
    """Commands, each run only if the one before succeeded.

    `gpus` is the number of GPUs that they need and `seconds` their time limit together.
    """

    name: str
    gpus: int
    seconds: int
    commands: tuple[tuple[str, ...], ...]


def jobs(rows: Path, tokenizer: str, out: Path) -> list[Job]:
    """Every measurement and test that needs a GPU, the longest first."""

    def module(*words: str) -> tuple[str, ...]:
        return (sys.executable, "-m", *words)

    data = ("--rows", str(rows), "--tokenizer", tokenizer)
    speed = module("benchmarks.finetune", *data)
    two = ("torchrun", "--nproc-per-node", "2", "-m", "benchmarks.finetune", *data)
    folder = () if tokenizer == "embedded" else ("--tokenizer", tokenizer)
    recipe, adapter = "smollm2-135m-customer-service", out / "customer-service"
    lectern = module("ui.cli", "finetune")
    train = (*lectern, "train", recipe, "--data", str(rows), "--out", str(adapter))
    measure = (*lectern, "evaluate", str(adapter / "adapter"), "--data", str(rows), "--limit", "1320")
    tests = ("tests/rag/chat_models/engines/test_transformers.py", "tests/finetune/test_fused_llama.py")
    return [
        Job("models", 1, 600, (module("benchmarks.gpu.models", *folder),)),
        Job("finetune", 1, 600, (speed,)),
        Job("customer-service", 1, 600, (train, measure)),
        Job("tests", 1, 200, (module("pytest", "-q", "-p", "no:cacheprovider", "-m", "gpu", *tests),)),
        Job("one-gpu", 1, 300, ((*speed, "--count", "2048", "--ours-only"),)),
        Job("two-gpus", 2, 300, ((*two, "--count", "4096", "--ours-only"),)),
    ]


def run(wanted: Sequence[Job], gpus: int, out: Path) -> None:
    """Run the jobs of one GPU side by side, then the others one after the other.

    Jobs that need more GPUs than there are do not run.
    """
    waiting = deque(job for job in wanted if job.gpus == 1)

    def work(gpu: int) -> None:
        while waiting:
            with suppress(IndexError):  # another GPU took the last one
                _follow(waiting.popleft(), [gpu], out)

    with ThreadPoolExecutor(gpus) as pool:
        list(pool.map(work, range(gpus)))
    for job in wanted:
        if 1 < job.gpus <= gpus:
            _follow(job, range(job.gpus), out)


def _follow(job: Job, gpus: Sequence[int], out: Path) -> None:
    log = out / f"{job.name}.log"
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus)), "PYTHONUNBUFFERED": "1"}
    started = time.perf_counter()
    ended = "nothing to do"
    with log.open("w", encoding="utf-8") as stream:
        for command in job.commands:
            left = started + job.seconds - time.perf_counter()
            ended = _ended(command, stream, environment, left)
            if ended != "ended well":
                break
    text = log.read_text("utf-8", "replace").replace("\r", "\n").split("\n")
    shown = "\n".join([line for line in text if line.strip()][-_SHOWN_LINES:])
    print(f"== {job.name}: {ended}, {time.perf_counter() - started:.0f} s\n{shown}", flush=True)


def _ended(command: tuple[str, ...], stream: Any, environment: dict[str, str], seconds: float) -> str:
    """Run a command with all the processes it starts; return its result."""
    process = subprocess.Popen(
        command, stdout=stream, stderr=subprocess.STDOUT, env=environment, start_new_session=True
    )
    try:
        code = process.wait(timeout=max(0.0, seconds))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return "stopped at its limit"
    return "ended well" if code == 0 else f"ended with {code}"


def main() -> None:
    """Read the arguments and run the jobs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=Path, required=True, help="the customer-service rows")
    parser.add_argument("--tokenizer", default="embedded", help="folder of a tokenizer, or `embedded`")
    parser.add_argument("--out", type=Path, default=Path("build/gpu"), help="folder for logs and adapters")
    parser.add_argument("--job", action="append", default=[], help="only this job; several times for several")
    args = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        sys.exit("no CUDA device: nothing was run")
    args.out.mkdir(parents=True, exist_ok=True)
    known = jobs(args.rows, args.tokenizer, args.out)
    if unknown := set(args.job) - {job.name for job in known}:
        sys.exit(f"no job {', '.join(sorted(unknown))}; known: {', '.join(job.name for job in known)}")
    run([job for job in known if not args.job or job.name in args.job], torch.cuda.device_count(), args.out)


if __name__ == "__main__":
    main()
