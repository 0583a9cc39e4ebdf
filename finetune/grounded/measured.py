"""Data sets for measuring only.

Their licence (or the lack of one) keeps them out of the weights that ship.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from finetune.grounded.sources import supporting_sentences
from finetune.grounded.types import Asked, Part, Source


def sciq(folder: Path) -> Iterator[Source]:
    """Yield SciQ dev (CC-BY-NC-3.0).

    The sentences with the right answer are the gold ones.
    """
    source = Source("sciq", part=Part.TEST)
    for number, line in enumerate((folder / "sciq-part/dev.jsonl").read_text("utf-8").splitlines()):
        row = json.loads(line)
        name, text = f"sciq-{number}.txt", row["support"].replace("\r\n", "\n")
        source.documents[name] = text
        if span := _holding(text, row["correct_answer"], row["question"]):
            source.asked.append(Asked(row["question"], ((name, *span),), (row["correct_answer"],)))
    yield source


def _holding(text: str, answer: str, question: str) -> tuple[int, int] | None:
    """Return the sentence that has the answer and most of the question's words."""
    words = set(re.findall(r"\w+", question.lower()))
    found = [
        span
        for match in re.finditer(rf"\b{re.escape(answer)}\b", text, re.IGNORECASE)
        if (span := supporting_sentences(text, match.start(), match.end()))
    ]
    return max(
        found, key=lambda s: len(words & set(re.findall(r"\w+", text[s[0] : s[1]].lower()))), default=None
    )


def syllabusqa(folder: Path, split: str = "val") -> Iterator[Source]:
    """Yield SyllabusQA (no licence stated), one source for each syllabus.

    The questions are those with one span and those without an answer.
    """
    rows = json.loads((folder / f"syllabusqa/data/dataset_split/{split}.json").read_text("utf-8"))
    texts = folder / "syllabusqa/syllabi/syllabi_redacted/text"
    for name in sorted({row["syllabus_name"] for row in rows}):
        path = texts / f"{name}.txt"
        if not path.exists():
            continue
        raw = path.read_bytes()
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("cp1252", errors="replace")
        document, text = f"{name}.txt", text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
        source = Source(f"syllabusqa-{name}", {document: text}, part=Part.TEST)
        for row in rows:
            if row["syllabus_name"] == name and (asked := _asked(row, document, text)):
                source.asked.append(asked)
        yield source


def _asked(row: dict[str, str | None], document: str, text: str) -> Asked | None:
    question = str(row["question"]).strip()
    if row["question_type"] == "no answer":
        return Asked(question, ())
    spans = [row[f"answer_span_{n}"] for n in range(1, 6)]
    found = [span.strip() for span in spans if span and span.strip()]
    if len(found) != 1:
        return None
    wanted = r"\W+".join(re.escape(word) for word in re.findall(r"\w+", found[0]))
    place = re.search(wanted, text, re.IGNORECASE) if wanted else None
    return Asked(question, ((document, *place.span()),), (found[0],)) if place else None


def load_all(data: Path) -> list[Source]:
    """Every source that is measured on."""
    return [*sciq(data / "qa"), *syllabusqa(data / "qa")]
