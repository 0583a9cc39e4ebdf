"""`python -m finetune.evidence.passages` collects the licensed training passages.

    python -m finetune.evidence.passages notes --data DATA --out build/evidence-notes
    lectern ingest build/evidence-notes --library build/evidence-library
    python -m finetune.evidence.passages read --library build/evidence-library --out build/evidence/passages.jsonl.gz

Only texts of the training part are read, and only sets whose licence lets the trained weights be shipped:
those of `finetune.grounded.sources`, the courses written for this project, and a few more (the rest of d2l-en
and of hf-course, stat453, the English cs229 sheets, code of anthropic-contextual, XQuAD in other languages).
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from finetune.exit_status import exit_status
from finetune.grounded import invented_courses, sources, written
from finetune.grounded.json_lines import write_lines
from finetune.grounded.types import Part, Source
from rag.library.library import Library
from rag.passage_text import context_line
from rag.types import Chunk

log = logging.getLogger(__name__)
FEWEST_CHARS = 80
INVENTED_COURSES = 60
MOST_OF = {
    "covidqa": 3000,
    "chunking-finance": 1500,
    "chunking-pubmed": 1200,
    "invented": 1500,
    "pubmedqa": 1500,
}
"""Most passages of a set, by the beginning of its name."""


def training_sources(data: Path) -> list[Source]:
    """Every source whose text may train weights that are shipped."""
    found = [source for source in sources.load_all(data) if source.part is Part.TRAIN]
    found += [source for source in written.load_all() if source.part is Part.TRAIN]
    found += invented_courses.invented_courses(INVENTED_COURSES, 0, Part.TRAIN)
    for source in found:
        if source.name in ("d2l-en", "hf-course"):
            found = [*found, _rest_of(data / "courses" / source.name, source)]
    return [*found, _abstracts(data / "qa/pubmedqa", found), _code(data), *_other_languages(data)]


def _rest_of(folder: Path, known: Source) -> Source:
    """The course's pages that `known` has not."""
    source = Source(f"{known.name}-rest")
    for path in sorted([*folder.glob("**/*.md"), *folder.glob("chapters/en/**/*.mdx")]):
        name = path.relative_to(folder).as_posix()
        if name not in known.documents and not any(
            part in name for part in ("references", "README", "LICENSE")
        ):
            source.documents[name] = path.read_text("utf-8")
    return source


def _abstracts(folder: Path, known: Iterable[Source]) -> Source:
    """The abstracts of PubMedQA (MIT) that the grounded examples leave out."""
    taken = {name for source in known if source.name == "pubmedqa" for name in source.documents}
    source = Source("pubmedqa-rest")
    for key, row in json.loads((folder / "pubmedqa.json").read_text("utf-8")).items():
        name = f"abstract-{key}.md"
        if name not in taken:
            parts = zip(row["LABELS"], row["CONTEXTS"], strict=True)
            text = "".join(f"## {label.capitalize()}\n\n{body}\n\n" for label, body in parts)
            source.documents[name] = f"# Abstract {key}\n\n{text}## Conclusion\n\n{row['LONG_ANSWER']}\n"
    return source


def _code(data: Path) -> Source:
    """The code of anthropic-contextual (MIT), a file a note."""
    source = Source("anthropic-contextual")
    for row in json.loads((data / "retrieval/anthropic-contextual/codebase_chunks.json").read_text("utf-8")):
        name = f"{row.get('doc_id', len(source.documents))}.md"
        source.documents[name] = f"```\n{row['content'].replace('```', '')[:8000]}\n```\n"
    return source


def _other_languages(data: Path) -> Iterator[Source]:
    """XQuAD's training articles in German and Spanish (CC-BY-SA-4.0)."""
    english = {a for s in sources.xquad(data / "qa") if s.part is not Part.TRAIN for a in s.documents}
    for language in ("de", "es"):
        path = data / f"qa/xquad-other-languages-half/xquad.{language}.first-half.json"
        source = Source(f"xquad-{language}")
        for article in json.loads(path.read_text("utf-8"))["data"]:
            name = sources.file_name(article["title"].replace("_", " "), ".txt", {})
            if name not in english:
                source.documents[name] = "\n\n".join(p["context"] for p in article["paragraphs"]) + "\n"
        yield source


def files(data: Path) -> Iterator[tuple[str, str, Path]]:
    """Notes that are files of a folder already: corpus, name, path."""
    for corpus, pattern in (
        ("stat453", "**/*.ipynb"),
        ("stat453", "**/*.pdf"),
        ("cs229-cheatsheets", "en/*.pdf"),
    ):
        root = data / "courses" / corpus
        for path in sorted(root.glob(pattern)):
            yield corpus, path.relative_to(root).as_posix(), path


def write_notes(data: Path, folder: Path) -> int:
    """Write every training text as a note below `folder`; return their number."""
    found = {
        folder / source.name / name: text.encode("utf-8")
        for source in training_sources(data)
        for name, text in source.documents.items()
    }
    found |= {folder / corpus / name: path.read_bytes() for corpus, name, path in files(data)}
    for path, content in found.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return len(found)


def rows(chunks: Iterable[Chunk], seed: int = 0) -> list[dict[str, Any]]:
    """Return the passages of every training text, each text once.

    The corpus is the first folder of a document's name."""
    by_corpus: dict[str, list[dict[str, Any]]] = {}
    seen: set[str] = set()
    for chunk in chunks:
        key = " ".join(chunk.text.split())
        if len(key) >= FEWEST_CHARS and key not in seen:
            seen.add(key)
            corpus = chunk.document.split("/", 1)[0]
            by_corpus.setdefault(corpus, []).append(row(corpus, chunk))
    rng = random.Random(seed)
    return [found for group in _groups(by_corpus).values() for found in _some(group, rng)]


def _groups(by_corpus: dict[str, list[dict[str, Any]]]) -> dict[str, tuple[int, list[dict[str, Any]]]]:
    groups: dict[str, tuple[int, list[dict[str, Any]]]] = {}
    for corpus, found in by_corpus.items():
        name = next((prefix for prefix in MOST_OF if corpus.startswith(prefix)), corpus)
        groups.setdefault(name, (MOST_OF.get(name, sys.maxsize), []))[1].extend(found)
    return groups


def _some(group: tuple[int, list[dict[str, Any]]], rng: random.Random) -> list[dict[str, Any]]:
    most, found = group
    return [found[i] for i in sorted(rng.sample(range(len(found)), min(most, len(found))))]


def row(corpus: str, chunk: Chunk) -> dict[str, Any]:
    """A passage as it is handed on."""
    return {
        "corpus": corpus,
        "document": chunk.document,
        "context": context_line(chunk),
        "passage": chunk.text,
    }


def main() -> None:
    """Write the notes, or read the passages back from their library."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("notes", help="write the notes, for `lectern ingest`")
    one.add_argument("--data", type=Path, required=True, help="the folder with qa/, courses/ and retrieval/")
    one.add_argument("--out", type=Path, required=True, help="folder for the notes")
    two = verbs.add_parser("read", help="read the passages from the library")
    two.add_argument("--library", type=Path, required=True, help="the notes, ingested")
    two.add_argument("--out", type=Path, required=True, help="the passages, as JSONL.gz")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.verb == "notes":
        log.info("%d notes in %s", write_notes(args.data, args.out), args.out)
        return
    with Library.open(args.library) as library:
        found = rows(chunk for document in library.documents() for chunk in library.chunks_of(document.path))
    write_lines(args.out, found)
    log.info("%d passages: %s", len(found), dict(Counter(one["corpus"].split("-")[0] for one in found)))


if __name__ == "__main__":
    sys.exit(exit_status(main))
