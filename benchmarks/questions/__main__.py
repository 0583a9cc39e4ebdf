"""Questions that one sentence cannot answer, asked of four courses.

`python -m benchmarks.questions [--course NAME ...] [--kind NAME ...] [--libraries DIR] [--forced] [--verbose]`. A course whose
folder is absent is skipped with the reason. `--forced` gives every question the route of its kind, so that answers are measured apart from
the router. `--libraries` keeps the libraries between runs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import rag.chain
from benchmarks.questions.keys import score
from ingest.pipeline import ingest_paths
from rag.answer.route import Route, Routed
from rag.types import Answer, AnswerKind, Role, Turn
from ui.application import Application, load

ROOT = Path(__file__).resolve().parents[2]
SHARED = next(
    (one / "shared" / "data" for one in ROOT.parents if (one / "shared" / "data").is_dir()),
    ROOT.parent / "shared" / "data",
)
FOLDERS = {
    "example": (ROOT / "examples" / "course",),
    "zoomcamp": (SHARED / "courses" / "seed-notes", SHARED / "courses" / "llm-zoomcamp"),
    "network": (SHARED / "cases" / "08-course-questions",),
    "ml": (SHARED / "courses" / "ml-for-beginners",),
}
ROUTES = {
    "list": {Route.LIST},
    "count": {Route.COUNT},
    "table": {Route.TABLE, Route.COUNT, Route.FACT, Route.LIST},
    "code": {Route.CODE},
    "comparison": {Route.COMPARISON},
    "scope": {Route.LOCATE, Route.SUMMARY, Route.OUTLINE, Route.FACT, Route.LIST, Route.EXPLAIN},
    "summary": {Route.SUMMARY},
    "outline": {Route.OUTLINE, Route.LIST},
    "two-in-one": {Route.TWO},
    "follow-up": {Route.CONTINUE, Route.FACT, Route.EXPLAIN, Route.CODE},
}
"""Routes that serve a kind of question."""
SERVED = {
    "list": {AnswerKind.LIST, AnswerKind.TABLE, AnswerKind.COUNT},
    "count": {AnswerKind.COUNT, AnswerKind.TABLE},
    "table": {AnswerKind.TABLE, AnswerKind.COUNT, AnswerKind.ANSWER, AnswerKind.LIST},
    "code": {AnswerKind.CODE},
    "comparison": {AnswerKind.COMPARISON},
    "scope": {AnswerKind.SUMMARY, AnswerKind.OUTLINE, AnswerKind.LIST, AnswerKind.ANSWER},
    "summary": {AnswerKind.SUMMARY},
    "outline": {AnswerKind.OUTLINE, AnswerKind.LIST},
    "two-in-one": {AnswerKind.ANSWER},
    "follow-up": {AnswerKind.ANSWER, AnswerKind.CODE, AnswerKind.TABLE, AnswerKind.LIST, AnswerKind.EXTRACT},
}
"""Kinds of answers that serve a kind of question. Any answer that meets its whole key serves too."""
WHOLE = 0.99
TARGETS = (
    ("items of a list, F1", "list", "items_f1", 0.85),
    ("counts exact", "count", "value", 0.85),
    ("look-ups in tables exact", "table", "all", 0.90),
    ("comparisons with both sides", "comparison", "all", 0.85),
    ("code exact", "code", "all", 0.90),
    ("scope resolved", "", "within", 0.95),
    ("summaries: headings covered", "summary", "headings", 0.80),
    ("summaries: every sentence supported", "summary", "supported", 1.0),
    ("answered by the right kind", "", "routed", 0.93),
)
"""Figures: the kind of question (empty for all), the share, and the target."""


def main() -> None:
    """Ask the questions and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--course", action="append")
    parser.add_argument("--kind", action="append")
    parser.add_argument("--libraries", type=Path)
    parser.add_argument("--forced", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    lines = Path(__file__).with_name("questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    wanted = [row for row in rows if not given.kind or row["kind"] in given.kind]
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for course in given.course or FOLDERS:
            missing = [str(path) for path in FOLDERS[course] if not path.is_dir()]
            if missing:
                print(f"{course}: skipped, there is no {', '.join(missing)}")
                continue
            application = opened(course, given.libraries or Path(folder))
            results += [
                ask(application, row, given.forced, given.verbose)
                for row in wanted
                if row["course"] == course
            ]
    report(results)


def opened(course: str, folder: Path, **flags: str) -> Application:
    """Return the application over a course's library, ingested on first use."""
    library = folder / course
    application = Application(load(library, **flags))
    if not (library / "library.sqlite").is_file():
        source = FOLDERS[course][0]
        if len(FOLDERS[course]) > 1:
            source = folder / f"{course}-notes"
            for path in FOLDERS[course]:
                shutil.copytree(path, source / path.name, dirs_exist_ok=True)
        ingest_paths(application.open_library(), [source], application.embedder, application.settings)
    return application


def ask(application: Application, row: dict[str, Any], forced: bool, verbose: bool) -> dict[str, Any]:
    """Return the shares, the seconds and the routing of one question."""
    history = [Turn(Role(turn["role"]), turn["content"]) for turn in row.get("history", ())]
    routed = rag.chain.route(row["question"], bool(history))
    usual = rag.chain.route
    if forced and Route.FACT not in ROUTES[row["kind"]]:
        chosen = next(iter(sorted(ROUTES[row["kind"]], key=lambda one: one.value != row["kind"])))
        rag.chain.route = lambda message, has_history: (
            Routed(chosen, 1.0) if message == row["question"] else usual(message, has_history)
        )
    elif forced and row["kind"] == "table":
        rag.chain.route = lambda message, has_history: (
            Routed(Route.TABLE, 1.0) if message == row["question"] else usual(message, has_history)
        )
    started, worked = time.perf_counter(), time.process_time()
    try:
        answer = application.chain().invoke({"question": row["question"], "history": history})
    finally:
        rag.chain.route = usual
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    shares = checked(application, row["key"], answer)
    value = sum(shares.values()) / len(shares)
    if verbose:
        print(
            f"\n[{row['id']}] {row['question']}  route {routed.route} {routed.probability:.2f}, kind {answer.kind}, {value:.2f} {shares}, {seconds:.1f} s, {worked:.1f} CPU s"
        )
        if value < 0.99:
            print("   key:", json.dumps(row["key"], ensure_ascii=False)[:400])
            print("   ", answer.text[:700].replace("\n", "\n    "))
    return {
        "kind": row["kind"],
        "value": value,
        "shares": shares,
        "seconds": seconds,
        "cpu": worked,
        "router": routed.route in ROUTES[row["kind"]],
        "routed": answer.kind in SERVED[row["kind"]] or value > WHOLE,
        "supported": all(sentence.supported for sentence in answer.sentences),
    }


def checked(application: Application, key: dict[str, Any], answer: Answer) -> dict[str, float]:
    """Return the shares of an answer; a refusal has none."""
    cited = {citation.document for citation in answer.citations}
    headings: list[str] = []
    for citation in answer.citations:
        for chunk in application.library.chunks_of(citation.document):
            if chunk.start < citation.end and citation.start < chunk.end:
                headings += [chunk.title, *chunk.headings]
    sources = {}
    if "code" in key:
        path = key["code"]["document"]
        sources[path] = application.library.document(path).text
    text = "" if answer.abstained else answer.text
    return score(key, text, cited, headings, sources)


def report(results: list[dict[str, Any]]) -> None:
    """Print the figures of each kind."""
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in results:
        by_kind[one["kind"]].append(one)
    print(
        f"\n{'kind':<14}{'n':>4}{'score':>8}{'all met':>9}{'router':>8}{'routed':>8}{'seconds':>9}{'slowest':>9}{'CPU s':>7}"
    )
    for kind, ones in [*by_kind.items(), ("all", results)]:
        n = max(1, len(ones))
        print(
            f"{kind:<14}{len(ones):>4}{sum(one['value'] for one in ones) / n:>8.2f}"
            f"{sum(one['value'] > 0.99 for one in ones) / n:>9.2f}{sum(one['router'] for one in ones) / n:>8.2f}"
            f"{sum(one['routed'] for one in ones) / n:>8.2f}"
            f"{sum(one['seconds'] for one in ones) / n:>9.2f}{max((one['seconds'] for one in ones), default=0):>9.2f}"
            f"{sum(one['cpu'] for one in ones) / n:>7.2f}"
        )
    print()
    for name, kind, part, target in TARGETS:
        shares = [share for one in results if kind in ("", one["kind"]) for share in _shares(one, part)]
        if shares:
            met = sum(shares) / len(shares)
            print(
                f"{name:<38}{len(shares):>4}{met:>7.3f}  target {target:.2f}  {'' if met >= target else 'short'}"
            )


def _shares(one: dict[str, Any], part: str) -> list[float]:
    """The share of a part of the key, none where the key does not have it."""
    if part == "all":
        return [float(one["value"] > WHOLE)]
    found = one.get(part, one["shares"].get(part))
    return [] if found is None else [float(found)]


if __name__ == "__main__":
    main()
