"""What the sentence check adds to the small reader: the reader alone, the closest sentence alone, and both, in one run.

`python -m benchmarks.bench_answers [GOLDEN NOTES] [--limit N]`; without arguments the example course. Each question is
retrieved and read once; the three ways then decide on the same passages and the same text. The usual recipe is the reader alone
without a gate. `right` is a citation that overlaps the gold span.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from eval.golden import GoldenQuestion, read_golden
from ingest.pipeline import ingest_paths
from rag.chain import AnswerChain
from rag.types import Answer, Turn
from ui.application import Application, load

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("golden", nargs="?", type=Path, default=ROOT / "examples" / "golden.jsonl")
    parser.add_argument("notes", nargs="?", type=Path, default=ROOT / "examples" / "course")
    parser.add_argument("--limit", type=int, default=None)
    given = parser.parse_args()
    questions = read_golden(given.golden)[: given.limit]
    with tempfile.TemporaryDirectory() as folder:
        application = Application(load(Path(folder)))
        ingest_paths(application.open_library(), [given.notes], application.embedder, application.settings)
        report(application, questions)


def report(application: Application, questions: Sequence[GoldenQuestion]) -> None:
    """Ask every question each way and print the shares."""
    chain = application.chain()
    ways = _ways(chain)
    counts: dict[str, dict[str, int]] = {name: defaultdict(int) for name in ways}
    for question in questions:
        history = [Turn(turn.role, turn.content) for turn in question.history]
        for name, way in ways.items():
            _count(counts[name], question, way.invoke({"question": question.question, "history": history}))
    print(f"{'way':<28}{'right':>8}{'wrong':>8}{'refused wrongly':>18}{'refused rightly':>18}")
    for name, count in counts.items():
        answerable, foreign = max(1, count["answerable"]), max(1, count["foreign"])
        print(
            f"{name:<28}{count['right'] / answerable:>8.2f}{count['wrong'] / answerable:>8.2f}"
            f"{count['refused'] / answerable:>18.2f}{count['rightly refused'] / foreign:>18.2f}"
        )
    print(f"n = {answerable} answerable, {foreign} not in the notes")


def _ways(chain: AnswerChain) -> dict[str, AnswerChain]:
    """The chain of the product and its parts; the model's answers to the same prompt are kept, so each is read once."""
    said: dict[str, list[object]] = {}
    model = _Kept(chain.model, said)
    off = chain.settings.model_copy(update={"gate": False})
    parts = (chain.retriever, model)
    return {
        "usual recipe: reader, no gate": AnswerChain(*parts, off, chain.receipt),
        "reader": AnswerChain(*parts, chain.settings, chain.receipt),
        "closest sentence": AnswerChain(
            *parts, chain.settings, chain.receipt, lambda q, p, v: chain.quoter(q, p, ())
        ),
        "both (default)": AnswerChain(*parts, chain.settings, chain.receipt, chain.quoter),
    }


class _Kept:
    """A chat model whose answer to a prompt is generated once."""

    def __init__(self, model: object, said: dict[str, list[object]]) -> None:
        self._model, self._said = model, said

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    def stream(self, messages, config=None):
        key = repr([message.content for message in messages])
        if key not in self._said:
            self._said[key] = list(self._model.stream(messages, config))
        yield from self._said[key]


def _count(count: dict[str, int], question: GoldenQuestion, answer: Answer) -> None:
    if question.unanswerable:
        count["foreign"] += 1
        count["rightly refused"] += answer.abstained
        return
    count["answerable"] += 1
    right = any(
        citation.document == span.document and citation.start < span.end and span.start < citation.end
        for citation in answer.citations
        for span in question.gold
    )
    count["refused" if answer.abstained else "right" if right else "wrong"] += 1


if __name__ == "__main__":
    main()
