"""Memory over many questions.

`python -m benchmarks.memory [--questions 5000] [--every 100] [--model NAME]` asks different questions about the example
course in one process. It prints the resident memory of it and of the processes that it started (a model that
writes) as it goes. The exit status is 1 if the second half of the questions took more than 5 % more at its highest
than the first half.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

_COURSE = Path(__file__).resolve().parents[1] / "examples" / "course"
_FORMS = (
    "What is {}?",
    "How does {} relate to {}?",
    "Why is {} used with {}?",
    "Compare {} and {}.",
    "List all about {}.",
    "{} {}",
    "How many {} are there?",
)
_MOST_GROWTH = 0.05


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=5000)
    parser.add_argument("--every", type=int, default=100, help="questions between two measurements")
    parser.add_argument("--model", help="a model that writes, as in --model; the default quotes")
    given = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from ingest.pipeline import ingest_paths
    from rag.library.library import Library
    from ui.application import Application, load

    with TemporaryDirectory(prefix="memory-") as place:
        application = Application(load(Path(place) / "library", model__name=given.model))
        with Library.create(Path(place) / "library") as library:
            ingest_paths(library, [_COURSE], application.embedder, application.settings)
            words = sorted(
                {
                    word.strip(".,()")
                    for r in library.documents()
                    for word in library.document(r.path).text.split()
                }
            )
        chain, generator = application.chain(), random.Random(0)
        seen: list[float] = []
        started = time.monotonic()
        print(f"{'questions':>10}{'MB':>8}{'seconds':>9}", flush=True)
        for number in count():
            if number and number % given.every == 0:
                seen.append(_resident_bytes() / 1e6)
                print(f"{number:>10}{seen[-1]:>8.0f}{time.monotonic() - started:>9.0f}", flush=True)
            if number >= given.questions:
                break
            form = generator.choice(_FORMS)
            chain.invoke({"question": form.format(*generator.sample(words, form.count("{}"))), "history": ()})
        application.close()
    if len(seen) < 2:
        parser.error("fewer than two measurements: ask more questions, or lower --every")
    half = len(seen) // 2
    growth = max(seen[half:]) / max(seen[:half]) - 1
    print(f"growth over the second half: {growth:.1%} (at most {_MOST_GROWTH:.0%})")
    raise SystemExit(int(growth > _MOST_GROWTH))


def _resident_bytes() -> int:
    """Return the resident memory of this process and of those that it started."""
    this = psutil.Process()
    return int(sum(process.memory_info().rss for process in (this, *this.children(recursive=True))))


if __name__ == "__main__":
    main()
