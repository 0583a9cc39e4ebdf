"""Sets that are for measuring only: their licence (or the lack of one) keeps them out of the weights that ship."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

from finetune.grounded.passages import cut, plain_blocks
from finetune.grounded.sources import supporting_sentences
from finetune.grounded.types import Corpus, Question, Support
from rag.types import Chunk


def sciq(folder: Path) -> Iterator[Corpus]:
    """SciQ dev (CC-BY-NC-3.0): the passage that holds the right answer is the gold one."""
    corpus = Corpus("sciq", [], held_out=True)
    for number, line in enumerate((folder / "sciq-part/dev.jsonl").read_text("utf-8").splitlines()):
        row = json.loads(line)
        chunks = cut(f"sciq-{number}", "", plain_blocks(row["support"]), 850)
        base = len(corpus.passages)
        corpus.passages.extend(chunks)
        if support := _holding(chunks, row["correct_answer"], row["question"], base):
            corpus.questions.append(Question(row["question"], (support,), (row["correct_answer"],)))
    yield corpus


def _holding(chunks: list[Chunk], answer: str, question: str, base: int) -> Support | None:
    """The passage that holds the answer and most of the question's words."""
    best: tuple[float, Support] | None = None
    words = set(re.findall(r"\w+", question.lower()))
    for offset, chunk in enumerate(chunks):
        if match := re.search(rf"\b{re.escape(answer)}\b", chunk.text, re.IGNORECASE):
            score = len(words & set(re.findall(r"\w+", chunk.text.lower())))
            text = supporting_sentences(chunk.text, match.start(), match.end()) or answer
            if best is None or score > best[0]:
                best = (score, Support(base + offset, text))
    return best[1] if best else None


def syllabusqa(folder: Path, part: str = "val") -> Iterator[Corpus]:
    """SyllabusQA (no licence stated): one corpus for each syllabus; questions with one span, and those without an answer."""
    rows = json.loads((folder / f"syllabusqa/data/dataset_split/{part}.json").read_text("utf-8"))
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
        corpus = Corpus(
            f"syllabusqa-{name}",
            cut(name, name, plain_blocks(text), random.Random(name).choice((650, 850))),
            held_out=True,
        )
        squeezed = [_squeeze(chunk.text) for chunk in corpus.passages]
        for row in rows:
            if row["syllabus_name"] == name:
                _add_row(corpus, squeezed, row)
        yield corpus


def _add_row(corpus: Corpus, squeezed: list[str], row: dict[str, str | None]) -> None:
    asked = str(row["question"]).strip()
    if row["question_type"] == "no answer":
        corpus.questions.append(Question(asked, ()))
        return
    spans = [row[f"answer_span_{n}"] for n in range(1, 6)]
    found = [span for span in spans if span]
    if len(found) != 1:
        return
    wanted = _squeeze(found[0])
    place = next((i for i, text in enumerate(squeezed) if wanted[:120] in text), None)
    if place is not None:
        corpus.questions.append(Question(asked, (Support(place, found[0].strip()),), (found[0].strip(),)))


def _squeeze(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()
