"""Grades of answers on fixed sets of questions, beside the usual recipe.

`python -m benchmarks.answers [--model NAME] [--usual] [--limit N] [--out FILE]`. The sets are the golden file
of the example course, near misses (questions just outside the notes) and students' questions. The usual
recipe answers with the same model over its own chunks. Every answer is written to `--out` as a JSON line, to
be read: code cannot grade whether an answer is useful.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.answers.courses import ROOT, is_present, open_course
from benchmarks.answers.grading import Grade, accepts, contains, grade, interval
from benchmarks.answers.usual_recipe import UsualRecipe
from eval.golden.golden_file import GoldenQuestion, read_golden
from rag.types import Answer, AnswerKind, Role, Turn
from ui.answer_text import answer_record
from ui.application import Application

SETS = Path(__file__).with_name("sets")
GOLDEN = ROOT / "examples" / "golden.jsonl"
Row = dict[str, Any]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=None, help="model to answer with (default: embedded)")
    parser.add_argument("--adapter", default=None)
    parser.add_argument("--usual", action="store_true", help="also the usual recipe with the same model")
    parser.add_argument("--limit", type=int, default=None, help="questions of each set")
    parser.add_argument(
        "--sets", nargs="*", default=["golden", "near-misses", "student-28", "student-questions"]
    )
    parser.add_argument("--libraries", type=Path, default=None, help="folder that keeps the libraries")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/answers.jsonl"))
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, given.out.open("w", encoding="utf-8") as out:
        bench = Bench(
            given.libraries or Path(folder), out, model__name=given.model, model__adapter=given.adapter
        )
        if "golden" in given.sets:
            golden_tables(bench, read_golden(GOLDEN)[: given.limit], given.usual)
        for name in given.sets:
            if name != "golden":
                rows = [json.loads(line) for line in (SETS / f"{name}.jsonl").read_text("utf-8").splitlines()]
                set_table(bench, name, rows[: given.limit])
    print(f"every answer: {given.out}")


class Bench:
    """Applications by course, opened once, and the file that keeps the answers."""

    def __init__(self, libraries: Path, out: Any, **settings: object) -> None:
        self._libraries, self._out, self._settings = libraries, out, settings
        self._open: dict[str, Application] = {}

    def application(self, course: str) -> Application:
        """Return the application of a course; one language model is shared by all of them."""
        if course not in self._open:
            first = next(iter(self._open.values()), None)
            opened = open_course(course, self._libraries, first, **self._settings)
            self._open[course] = opened
        return self._open[course]

    def ask(
        self, course: str, question: str, history: Sequence[Turn], identifier: str, **facts: object
    ) -> Answer:
        """Return the answer to a question and keep it."""
        chain = self.application(course).chain()
        answer: Answer = chain.invoke({"question": question, "history": history})
        record = answer_record(identifier, answer) | {"hits": len(answer.hits), "course": course, **facts}
        self._out.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
        self._out.flush()
        return answer


def golden_tables(bench: Bench, questions: Sequence[GoldenQuestion], usual: bool) -> None:
    """Print the grades of the example course and, if `usual`, of the usual recipe."""
    grades: list[Grade] = []
    seconds: list[float] = []
    foreign: list[bool] = []
    for question in questions:
        history = [Turn(turn.role, turn.content) for turn in question.history]
        answer = bench.ask(
            "example", question.question, history, question.id, expected=question.answer, set="golden"
        )
        seconds.append(answer.timings.total_seconds)
        if question.unanswerable:
            foreign.append(answer.kind in (AnswerKind.NONE, AnswerKind.EXTRACT))
        else:
            grades.append(grade(question, answer))
    print(f"\nexample course, {len(grades)} answerable, {len(foreign)} not in the notes")
    for name in ("cites", "right", "wrong", "extract", "refused", "found"):
        print_share(name, [getattr(one, name) for one in grades])
    print_share("refused or extract, not in the notes", foreign)
    print(
        f"{'seconds, median':<40}{statistics.median(seconds):>8.2f}   p95 {sorted(seconds)[int(0.95 * len(seconds))]:.2f}"
    )
    if usual:
        usual_table(bench, questions)


def usual_table(bench: Bench, questions: Sequence[GoldenQuestion]) -> None:
    """Print the share of the usual recipe's texts that have the reference, by words."""
    application = bench.application("example")
    recipe = UsualRecipe(application.library, application.embedder, application.model)
    answerable = [question for question in questions if not question.unanswerable and question.references]
    texts = [(question, recipe.answer(question.question)) for question in answerable]
    print_share("usual recipe: has the reference", [contains(text, one.references) for one, text in texts])


def set_table(bench: Bench, name: str, rows: Sequence[Row]) -> None:
    """Print the grades of one set by kind.

    Answers to questions without accepted strings are counted by form alone.
    """
    by_kind: dict[str, list[bool]] = defaultdict(list)
    forms: dict[str, int] = defaultdict(int)
    seconds: list[float] = []
    for row in rows:
        if not is_present(row["course"]):
            continue
        history = [Turn(Role(turn["role"]), turn["content"]) for turn in row.get("history", [])]
        answer = bench.ask(
            row["course"], row["question"], history, row["id"], set=name, key=row.get("key", row.get("why"))
        )
        seconds.append(answer.timings.total_seconds)
        forms[answer.kind.value] += 1
        for kind, passed in graded(row, answer):
            by_kind[kind].append(passed)
    print(
        f"\n{name}: {len(seconds)} asked; forms: "
        + ", ".join(f"{form} {n}" for form, n in sorted(forms.items()))
    )
    for kind, values in sorted(by_kind.items()):
        print_share(f"{kind} ({len(values)})", values)
    if seconds:
        print(f"{'seconds, median':<40}{statistics.median(seconds):>8.2f}")


def graded(row: Row, answer: Answer) -> Iterator[tuple[str, bool]]:
    """Yield the grades that code can give: the name of each, and if it is passed."""
    kept_back = answer.kind in (AnswerKind.NONE, AnswerKind.EXTRACT)
    if row.get("unanswerable") or row.get("kind") == "unanswerable":
        yield "refused or extract", kept_back
    elif row.get("kind") == "talk":
        yield "talk", answer.kind is AnswerKind.TALK
    elif (passed := accepts(answer.text, row.get("accept", []))) is not None:
        yield "has an accepted string", passed
        yield "has it, not as an extract", passed and not kept_back


def print_share(name: str, values: Sequence[bool]) -> None:
    """Print a share with its 95 % interval."""
    mean, low, high = interval(values)
    print(f"{name:<40}{mean:>8.2f}   [{low:.2f}, {high:.2f}]  n = {len(values)}")


if __name__ == "__main__":
    main()
