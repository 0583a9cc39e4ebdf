"""Public data sets become corpora of passages with questions whose support is known to the sentence.

Only sets whose licence lets the trained weights be shipped are read for training (see the model card); `measured` reads
those that are for measuring only.
"""

from __future__ import annotations

import ast
import csv
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from finetune.grounded.passages import TextBlock, cut, markdown_blocks, passage, plain_blocks
from finetune.grounded.types import Corpus, Question, Support
from rag.sentences import sentences
from rag.standalone import merge
from rag.types import Chunk, Role, Turn
from rag.words import content_words

TARGET_CHARS = (400, 650, 850, 850, 850, 1000)
_MOST_SUPPORT_CHARS = 520
_HELD_OUT_XQUAD = ("Oxygen", "Normans", "Packet_switching", "Warsaw", "European_Union_law", "Steam_engine")


def supporting_sentences(text: str, start: int, end: int) -> str:
    """The sentences of `text` that the half-open span touches, joined as they stand in the text.

    Empty when they are longer than a short answer should be.
    """
    position, first, last = 0, -1, -1
    for sentence in sentences(text):
        begin = text.find(sentence, position)
        position = begin + len(sentence)
        if position > start and begin < end:
            first = begin if first < 0 else first
            last = position
    found = text[first:last] if first >= 0 else ""
    return found if 0 < len(found) <= _MOST_SUPPORT_CHARS else ""


def xquad(folder: Path) -> Iterator[Corpus]:
    """XQuAD English (CC-BY-SA-4.0): one corpus of training articles, one of held-out articles."""
    data = json.loads((folder / "xquad-en-half/xquad.en.first-half.json").read_text("utf-8"))["data"]
    for held_out in (False, True):
        corpus = Corpus("xquad", [], held_out=held_out)
        for article in data:
            if (article["title"] in _HELD_OUT_XQUAD) is held_out:
                _add_squad_article(corpus, article, article["title"].replace("_", " "))
        yield corpus


def _add_squad_article(corpus: Corpus, article: dict[str, Any], title: str) -> None:
    for ordinal, paragraph in enumerate(article["paragraphs"]):
        index = len(corpus.passages)
        corpus.passages.append(passage(title, ordinal, paragraph["context"], title))
        for row in paragraph["qas"]:
            answer = row["answers"][0]
            start = int(answer["answer_start"])
            text = supporting_sentences(paragraph["context"], start, start + len(answer["text"]))
            if text:
                answers = tuple(dict.fromkeys(a["text"] for a in row["answers"]))
                corpus.questions.append(Question(row["question"].strip(), (Support(index, text),), answers))


def covidqa(folder: Path) -> Iterator[Corpus]:
    """COVID-QA (Apache-2.0): long articles cut into passages; every fifth article is held out."""
    data = json.loads((folder / "covidqa/covidqa.json").read_text("utf-8"))["data"]
    corpora = (Corpus("covidqa", []), Corpus("covidqa", [], held_out=True))
    for number, article in enumerate(data):
        corpus = corpora[number % 5 == 4]
        for paragraph in article["paragraphs"]:
            text = paragraph["context"]
            title = re.split(r"\n", text.strip())[0][:90]
            chunks = cut(
                f"covid-{number}", title, plain_blocks(text), random.Random(number).choice(TARGET_CHARS)
            )
            base = len(corpus.passages)
            corpus.passages.extend(chunks)
            starts = _starts(chunks, text)
            for row in paragraph["qas"]:
                answer, start = row["answers"][0]["text"], int(row["answers"][0]["answer_start"])
                if support := _find_at(chunks, starts, answer, start, base):
                    corpus.questions.append(
                        Question(row["question"].strip(), (support,), (answer.strip(" ."),))
                    )
    yield from corpora


def _starts(chunks: list[Chunk], text: str) -> list[int]:
    """Where each chunk begins in the text it was cut from."""
    starts, cursor = [], 0
    for chunk in chunks:
        found = text.find(chunk.text[:40], cursor)
        cursor = found if found >= 0 else cursor
        starts.append(cursor)
    return starts


def _find_at(chunks: list[Chunk], starts: list[int], answer: str, start: int, base: int) -> Support | None:
    """The sentences that hold the answer where it begins, not where the same words stand by chance."""
    offset = max((i for i, begin in enumerate(starts) if begin <= start), default=0)
    text, wanted = chunks[offset].text, answer.strip()
    places = [m.start() for m in re.finditer(re.escape(wanted), text)] if wanted else []
    if not places:
        return _find_span(chunks, answer, base) if len(wanted) > 24 else None
    place = min(places, key=lambda p: abs(p - (start - starts[offset])))
    found = supporting_sentences(text, place, place + len(wanted))
    return Support(base + offset, found) if found else None


def _find_span(chunks: list[Chunk], answer: str, base: int) -> Support | None:
    """The passage and the sentences that hold `answer` verbatim."""
    wanted = answer.strip()
    for offset, chunk in enumerate(chunks):
        start = chunk.text.find(wanted)
        if start >= 0 and len(wanted) > 1:
            text = supporting_sentences(chunk.text, start, start + len(wanted))
            return Support(base + offset, text) if text else None
    return None


def pubmedqa(folder: Path) -> Iterator[Corpus]:
    """PubMedQA (MIT): abstracts by section, the conclusion among them; every tenth is held out."""
    data = json.loads((folder / "pubmedqa/pubmedqa.json").read_text("utf-8"))
    corpora = (Corpus("pubmedqa", []), Corpus("pubmedqa", [], held_out=True))
    for number, (key, row) in enumerate(data.items()):
        corpus = corpora[number % 10 == 9]
        for ordinal, text in enumerate(row["CONTEXTS"]):
            corpus.passages.append(passage(f"abstract-{key}", ordinal, text, f"Abstract {key}"))
        index = len(corpus.passages)
        conclusion = row["LONG_ANSWER"]
        corpus.passages.append(passage(f"abstract-{key}", 99, conclusion, f"Abstract {key}", ("Conclusion",)))
        best = max(sentences(conclusion), key=lambda sentence: overlap(row["QUESTION"], sentence))
        if len(best) <= _MOST_SUPPORT_CHARS and overlap(row["QUESTION"], best) >= 0.3:
            corpus.questions.append(Question(row["QUESTION"].strip(), (Support(index, best),)))
    yield from corpora


def chunking_evaluation(folder: Path) -> Iterator[Corpus]:
    """chunking-evaluation (MIT): five corpora; a question's excerpts may stand in several passages."""
    root = folder / "chunking_evaluation/evaluation_framework/general_evaluation_data"
    with (root / "questions_df.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for path in sorted((root / "corpora").glob("*.md")):
        blocks = markdown_blocks(path.read_text("utf-8"))
        corpus = Corpus(f"chunking-{path.stem}", cut(path.stem, path.stem.replace("_", " "), blocks, 850))
        for row in rows:
            if row["corpus_id"] == path.stem:
                found = [_find_span(corpus.passages, r["content"], 0) for r in _excerpts(row["references"])]
                supports = tuple(s for s in found if s)
                if supports and len(supports) == len(found) <= 3:
                    corpus.questions.append(Question(row["question"].strip(), supports))
        yield corpus


def _excerpts(cell: str) -> list[dict[str, Any]]:
    try:
        return list(json.loads(cell))
    except json.JSONDecodeError:
        return list(ast.literal_eval(cell))


def canard(folder: Path) -> Iterator[Corpus]:
    """CANARD (CC-BY-SA-4.0): the answers of a dialogue are one page's passage, its rewritten questions ask for them."""
    dialogues: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in json.loads((folder / "canard-dev-half/dev.json").read_text("utf-8")):
        dialogues[row["QuAC_dialog_id"]].append(row)
    corpus = Corpus("canard", [])
    for name, rows in dialogues.items():
        rows.sort(key=lambda r: r["Question_no"])
        _add_dialogue(corpus, name, rows)
    yield corpus


def _add_dialogue(corpus: Corpus, name: str, rows: list[dict[str, Any]]) -> None:
    history = rows[-1]["History"]
    answers = [_as_sentence(text) for text in history[3::2]]
    known = list(dict.fromkeys(text for text in answers if len(text) > 15 and "don't know" not in text))
    if len(known) < 2:
        return
    title, section = history[0], history[1]
    text = " ".join(random.Random(name).sample(known, len(known)))
    index = len(corpus.passages)
    corpus.passages.append(passage(name, 0, text, title, (section,)))
    for number, row in enumerate(rows):
        questions = dict.fromkeys((row["Rewrite"], merge(row["Question"], _turns(history, number))))
        for asked in questions:
            if number < len(answers) and answers[number] in known:
                corpus.questions.append(Question(asked, (Support(index, answers[number]),)))
            elif number < len(answers) and "don't know" in answers[number]:
                corpus.questions.append(Question(asked, ()))


def _turns(history: list[str], number: int) -> list[Turn]:
    """The conversation before question `number` of a dialogue, whose history is title, section, question, answer, ..."""
    said = history[2 : 2 + 2 * number]
    return [Turn(Role.ASSISTANT if place % 2 else Role.USER, text) for place, text in enumerate(said)]


def _as_sentence(text: str) -> str:
    stripped = text.strip().rstrip(",;:")
    stripped = stripped[:1].upper() + stripped[1:]
    return stripped if stripped.endswith((".", "!", "?", '"')) else stripped + "."


def courses(folder: Path) -> Iterator[Corpus]:
    """The course texts whose licence allows it: ml-for-beginners (MIT), hf-course (Apache-2.0), d2l-en (CC-BY-SA-4.0)."""
    for name, pattern in (
        ("ml-for-beginners", "**/*.md"),
        ("hf-course", "chapters/en/**/*.mdx"),
        ("d2l-en", "**/*.md"),
    ):
        corpora = (Corpus(name, []), Corpus(name, [], held_out=True))
        for number, path in enumerate(sorted((folder / name).glob(pattern))):
            relative = path.relative_to(folder / name).as_posix()
            if not re.search(r"translations|references|LICENSE|CONTRIBUTING|SECURITY|CODE_OF", relative):
                blocks = [_tidy(block) for block in markdown_blocks(path.read_text("utf-8"))]
                blocks = [block for block in blocks if _is_prose_or_code(block.text)]
                title = next((b.headings[0] for b in blocks if b.headings), path.stem)
                size = random.Random(relative).choice(TARGET_CHARS)
                corpora[number % 8 == 7].passages.extend(cut(relative, title, blocks, size))
        yield from corpora


def _is_prose_or_code(text: str) -> bool:
    return bool(text.strip()) and "%%tab" not in text and not text.lstrip().startswith("<")


def _tidy(block: TextBlock) -> TextBlock:
    """The block without references that only the book's own build tool understands."""
    text = re.sub(r"\n?:(?:label|eqlabel|width):`[^`]*`", "", block.text)
    text = re.sub(r":(?:numref|eqref|ref):`([^`]*)`", r"\1", text)
    text = re.sub(r":(?:cite|citet|cite\.t):`[^`]*`", "", text)
    text = re.sub(r"\[\*\*|\*\*\]|\(\*\*|\*\*\)|\(~~|~~\)|\[~~|~~\]", "", text)
    headings = tuple(re.sub(r"\[\*\*|\*\*\]|\(\*\*|\*\*\)", "", heading) for heading in block.headings)
    return TextBlock(text, headings, block.code)


def quizzes(folder: Path, corpora: dict[str, Corpus]) -> int:
    """Quiz items (MIT, Apache-2.0) whose right choice stands in their lesson are added to the lesson's corpus; the count."""
    added = 0
    for file, name in (("ml-for-beginners.jsonl", "ml-for-beginners"), ("hf-course.jsonl", "hf-course")):
        corpus = corpora[name]
        for line in (folder / "quizzes" / file).read_text("utf-8").splitlines():
            row = json.loads(line)
            documents = row.get("lesson") or [row.get("path", "")]
            right = row.get("correct") or [c["text"] for c in row["choices"] if c["correct"]]
            support = _quiz_support(corpus, documents, row["question"], right)
            if support:
                corpus.questions.append(Question(row["question"], (support,)))
                added += 1
    return added


def _quiz_support(corpus: Corpus, documents: list[str], question: str, right: list[str]) -> Support | None:
    if len(right) != 1 or len(right[0]) < 6 or "?" not in question:
        return None
    wanted = f"{question} {right[0]}"
    best, best_score = None, 0.55
    for index, chunk in enumerate(corpus.passages):
        if chunk.document in documents:
            for sentence in sentences(chunk.text):
                score = overlap(wanted, sentence)
                if score > best_score and overlap(right[0], sentence) >= 0.99 and 20 < len(sentence) < 400:
                    best, best_score = Support(index, sentence), score
    return best


def overlap(asked: str, text: str) -> float:
    """The share of the content words of `asked` that `text` holds; 0 where `asked` has none."""
    words = set(content_words(asked))
    return len(words & set(content_words(text))) / len(words) if words else 0.0


def load_all(data: Path, readers: Iterable[Callable[[Path], Iterator[Corpus]]] = ()) -> list[Corpus]:
    """Every training corpus under the data folder, held-out parts marked."""
    qa = data / "qa"
    found = [*xquad(qa), *covidqa(qa), *pubmedqa(qa), *canard(qa)]
    found += chunking_evaluation(data / "retrieval/chunking-evaluation")
    found += courses(data / "courses")
    quizzes(qa, {corpus.name: corpus for corpus in found if not corpus.held_out})
    return found
