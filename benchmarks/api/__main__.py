"""The HTTP API beside the chain in process, and under load.

`python -m benchmarks.api [--seconds 300] [--clients 32] [--only overhead|load]`. The server is `lectern serve` in a process of
its own over the example course. It ends with status 1 if a limit is not kept.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.api.load import print_load
from benchmarks.api.overhead import print_overhead
from benchmarks.api.served import ROOT, ingest, served
from eval.golden.golden_file import read_golden
from ui.application import Application, load

QUEUE_LENGTH = 16
"""The default of `api.queue_length`: with 32 clients some are refused."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="length of the load")
    parser.add_argument("--clients", type=int, default=32, help="clients at once")
    parser.add_argument("--repeats", type=int, default=4, help="times that each question is measured")
    parser.add_argument("--only", choices=["overhead", "load"], default=None)
    given = parser.parse_args()
    questions = [row.question for row in read_golden(ROOT / "examples" / "golden.jsonl") if not row.history]
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        ingest(library)
        with served(library, QUEUE_LENGTH) as server:
            if given.only != "load":
                kept = print_overhead(server.url, library, questions, given.repeats) and kept
            if given.only != "overhead":
                chain = Application(load(library)).chain()
                expected = {question: chain.invoke({"question": question}).text for question in questions}
                kept = print_load(server, expected, given.clients, given.seconds) and kept
    print("\nevery limit is kept" if kept else "\na limit is not kept")
    raise SystemExit(not kept)


if __name__ == "__main__":
    main()
