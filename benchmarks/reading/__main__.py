"""`make bench-reading`: known facts that a search finds, beside other converters.

The benchmark makes more than 60 files of all kinds with facts that only they have, and takes the shared cases where they are
on this machine. Each way gets the same search: ours ingests the files, the others' Markdown is ingested in their
place. A fact counts as found if one of the first five passages for its question has all of its strings, for a cell
of a table also the name of its column. A silent loss is a fact whose file neither has it in its text nor is named
by a warning, a failure or as passed over.

    python -m benchmarks.reading [--others PYTHON] [--keep DIR] [--verbose]

The others are not installed by the project. Install them into an environment of their own and name its Python:

    python -m venv /tmp/others && /tmp/others/bin/pip install torch 'markitdown[all]' docling

docling reads PDF and pictures with models that it downloads at the first use; without them it refuses those files.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.reading.facts import Bank, Fact
from benchmarks.reading.office_files import office_files
from benchmarks.reading.other_files import other_files
from benchmarks.reading.shared_cases import shared_cases
from benchmarks.reading.text_files import text_files
from ingest.pipeline import ingest_paths
from ingest.report import IngestReport
from rag.library.library import Library
from rag.search.searcher import Searcher
from rag.settings import Settings

_TOP = 5
_ROOT = Path(__file__).resolve().parents[2]
_CASES = next(
    (p / "shared/data/cases" for p in _ROOT.parents if (p / "shared/data/cases").is_dir()),
    _ROOT.parent / "shared/data/cases",
)
_MARKS = re.compile(r"[*_`\\|]+")


@dataclass
class Result:
    """The result of one way; `found`, `read` and `named` have one entry a fact."""

    found: list[bool] = field(default_factory=list)
    read: list[bool] = field(default_factory=list)
    named: list[bool] = field(default_factory=list)
    seconds: float = 0.0
    refused: dict[str, str] = field(default_factory=dict)


def write_files(folder: Path) -> list[tuple[str, Fact]]:
    """Write all files below `folder`; return (name, fact) for every fact."""
    bank = Bank()
    facts: list[tuple[str, Fact]] = []
    for make in (text_files, office_files, other_files):
        for name, content, found in make(bank):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
            facts += [(name, one) for one in found]
    for file, found in shared_cases(_CASES):
        name = f"cases/{file.relative_to(_CASES).as_posix()}"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / name)
        facts += [(name, one) for one in found]
    return facts


def measured(notes: Path, library: Path, facts: list[tuple[str, Fact]], suffix: str = "") -> Result:
    """Ingest a folder and search every fact.

    The names of its files end with `suffix` more than those of the facts.
    """
    from rag.embedding.engine import open_embedder

    settings = Settings()
    embedder = open_embedder(settings.embedding)
    result = Result()
    with Library.open(library, create=True) as held:
        report = ingest_paths(held, [notes], embedder, settings)
        result.seconds = report.seconds
        result.refused = {entry.path: entry.reason for entry in report.failed}
        texts = _texts(held)
        named = _named(report)
        search = Searcher(held, embedder, settings.retrieval)
        for name, fact in facts:
            hits = search.search(fact.question, _TOP)
            shown = [" ".join((hit.chunk.text, *hit.chunk.headings, hit.chunk.title)) for hit in hits]
            result.found.append(any(_has(text, fact) for text in shown))
            own = [
                text for path, text in texts.items() if path == name + suffix or path.startswith(f"{name}/")
            ]
            result.read.append(any(_has(text, fact) for text in own))
            result.named.append(name + suffix in named)
    return result


def _texts(library: Library) -> dict[str, str]:
    return {record.path: library.document(record.path).text for record in library.documents()}


def _named(report: IngestReport) -> set[str]:
    """Return the files of which the ingest says that something was not read."""
    return {entry.path for entry in (*report.failed, *report.warnings)} | {one.name for one in report.skipped}


def _has(text: str, fact: Fact) -> bool:
    """Return whether a text has all strings of a fact; `a|b` is either."""
    flat = " ".join(_MARKS.sub(" ", text).split()).lower()
    return all(
        any(" ".join(one.split()).lower() in flat for one in needle.split("|")) for needle in fact.needles
    )


def others(tool: str, python: str, notes: Path, work: Path) -> tuple[Path, dict[str, str], float] | None:
    """Return (folder of another tool's Markdown, refused files, seconds).

    None if it is not installed.
    """
    out = work / tool
    out.mkdir(exist_ok=True)
    script = Path(__file__).with_name("convert.py")
    done = subprocess.run(
        [python, str(script), tool, str(notes), str(out)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(
            f"{tool} is not measured: {(done.stderr.strip().splitlines() or ['it ended with an error'])[-1]}"
        )
        return None
    kept = json.loads((out / "failed.json").read_text(encoding="utf-8"))
    (out / "failed.json").unlink()
    return out, kept["failed"], kept["seconds"]


def main() -> None:
    """Measure all ways and print the table."""
    parser = argparse.ArgumentParser(description="Share of known facts that a search finds.")
    parser.add_argument("--others", default="", help="Python of an environment with markitdown and docling")
    parser.add_argument("--keep", type=Path, help="folder to keep the files in")
    parser.add_argument("--verbose", action="store_true", help="list every fact that ours does not find")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = given.keep or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        notes = work / "notes"
        facts = write_files(notes)
        results = {"lectern": measured(notes, work / "library", facts)}
        for tool in ("markitdown", "docling") if given.others else ():
            if (converted := others(tool, given.others, notes, work)) is not None:
                folder, refused, seconds = converted
                results[tool] = measured(folder, work / f"library-{tool}", facts, ".md")
                results[tool].refused = refused
                results[tool].seconds += seconds
    _print(facts, results, given.verbose)


def _print(facts: list[tuple[str, Fact]], results: dict[str, Result], verbose: bool) -> None:
    kinds: dict[str, list[int]] = defaultdict(list)
    for place, (name, _) in enumerate(facts):
        kinds[name.partition("/")[0]].append(place)
    print(
        f"\n{len({name for name, _ in facts})} files, {len(facts)} facts; found among the first {_TOP} passages\n"
    )
    print(f"{'':<16}{'facts':>6}" + "".join(f"{tool:>14}" for tool in results))
    for kind, places in [*kinds.items(), ("all", list(range(len(facts))))]:
        shares = [sum(result.found[one] for one in places) / len(places) for result in results.values()]
        print(f"{kind:<16}{len(places):>6}" + "".join(f"{share:>14.3f}" for share in shares))
    print(
        f"{'in the text':<22}" + "".join(f"{sum(one.read) / len(facts):>14.3f}" for one in results.values())
    )
    print(f"{'files refused':<22}" + "".join(f"{len(one.refused):>14}" for one in results.values()))
    print(f"{'seconds':<22}" + "".join(f"{one.seconds:>14.1f}" for one in results.values()))
    ours = results["lectern"]
    silent = [place for place in range(len(facts)) if not ours.read[place] and not ours.named[place]]
    print(f"\nsilent losses of lectern: {len(silent)}")
    for place in silent:
        print(f"  {facts[place][0]} ({facts[place][1].place}): {facts[place][1].question}")
    if verbose:
        for (name, fact), found, read in zip(facts, ours.found, ours.read, strict=True):
            if not found:
                print(
                    f"  not found: {name} ({fact.place}, {'read' if read else 'not read'}): {fact.question}"
                )


if __name__ == "__main__":
    main()
