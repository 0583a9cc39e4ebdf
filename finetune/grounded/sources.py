"""Public data sets as documents, with questions and their answering sentences.

Only sets whose licence lets the trained weights be shipped are read for training (see the model card);
`measured` reads those that are for measuring only.
"""

from __future__ import annotations

import ast
import csv
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finetune.grounded.types import Asked, Corpus, Part, Source, Span, Support, TrainingQuestion
from rag.answer.condense_question import merge
from rag.text.sentences import sentence_spans, sentences
from rag.text.words import content_words
from rag.types import Role, Turn

_MOST_SUPPORT_CHARS = 520
PUBMED_ABSTRACTS = 500
_XQUAD_TEST = ("Oxygen", "Normans", "Packet_switching", "Warsaw", "European_Union_law", "Steam_engine")
_XQUAD_VALID = ("Geology", "Teacher")


def supporting_sentences(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the span of the sentences of `text` that the half-open span touches.

    It is None if it is longer than a short answer should be.
    """
    touched = [span for span in sentence_spans(text) if span[1] > start and span[0] < end]
    if not touched or touched[-1][1] - touched[0][0] > _MOST_SUPPORT_CHARS:
        return None
    return touched[0][0], touched[-1][1]


def file_name(title: str, suffix: str, taken: dict[str, str]) -> str:
    """A title as the name of a file that `taken` does not have yet."""
    stem = " ".join(re.sub(r"[^\w ,()'-]+", " ", title).split())[:70].strip() or "note"
    name = f"{stem}{suffix}"
    number = 2
    while name in taken:
        name, number = f"{stem} {number}{suffix}", number + 1
    return name


def xquad(folder: Path) -> Iterator[Source]:
    """XQuAD English (CC-BY-SA-4.0), an article a document."""
    data = json.loads((folder / "xquad-en-half/xquad.en.first-half.json").read_text("utf-8"))["data"]
    found = {part: Source("xquad", part=part) for part in Part}
    for article in data:
        title = article["title"]
        part = Part.TEST if title in _XQUAD_TEST else Part.VALID if title in _XQUAD_VALID else Part.TRAIN
        _add_squad_article(found[part], article["paragraphs"], title.replace("_", " "))
    yield from found.values()


def _add_squad_article(source: Source, paragraphs: list[dict[str, Any]], title: str) -> None:
    name = file_name(title, ".txt", source.documents)
    text = ""
    for paragraph in paragraphs:
        base = len(text)
        context = paragraph["context"].replace("\r\n", "\n")
        text += context + "\n\n"
        for row in paragraph["qas"]:
            answer = row["answers"][0]
            start = int(answer["answer_start"])
            if context[start : start + len(answer["text"])] != answer["text"]:
                continue
            if span := supporting_sentences(context, start, start + len(answer["text"])):
                answers = tuple(dict.fromkeys(a["text"].strip(" .") for a in row["answers"]))
                place: Span = (name, base + span[0], base + span[1])
                source.asked.append(Asked(row["question"].strip(), (place,), answers))
    source.documents[name] = text


def covidqa(folder: Path) -> Iterator[Source]:
    """Yield COVID-QA (Apache-2.0), long articles.

    Every fifth is a test, every tenth for validation.
    """
    data = json.loads((folder / "covidqa/covidqa.json").read_text("utf-8"))["data"]
    found = {part: Source("covidqa", part=part) for part in Part}
    for number, article in enumerate(data):
        part = Part.TEST if number % 5 == 4 else Part.VALID if number % 10 == 3 else Part.TRAIN
        title = article["paragraphs"][0]["context"].strip().split("\n")[0]
        _add_squad_article(found[part], article["paragraphs"], title)
    yield from found.values()


def pubmedqa(folder: Path) -> Iterator[Source]:
    """PubMedQA (MIT): the first abstracts by section, the conclusion among them."""
    data = json.loads((folder / "pubmedqa/pubmedqa.json").read_text("utf-8"))
    source = Source("pubmedqa")
    for key, row in list(data.items())[:PUBMED_ABSTRACTS]:
        name = f"abstract-{key}.md"
        sections = zip(row["LABELS"], row["CONTEXTS"], strict=True)
        text = f"# Abstract {key}\n\n" + "".join(
            f"## {label.capitalize()}\n\n{body}\n\n" for label, body in sections
        )
        text += "## Conclusion\n\n"
        conclusion = row["LONG_ANSWER"]
        source.documents[name] = f"{text}{conclusion}\n"
        start, end = max(
            sentence_spans(conclusion), key=lambda s: overlap(row["QUESTION"], conclusion[s[0] : s[1]])
        )
        if end - start <= _MOST_SUPPORT_CHARS and overlap(row["QUESTION"], conclusion[start:end]) >= 0.3:
            place = (name, len(text) + start, len(text) + end)
            source.asked.append(Asked(row["QUESTION"].strip(), (place,)))
    yield source


def chunking_evaluation(folder: Path) -> Iterator[Source]:
    """Yield chunking-evaluation (MIT), five corpora.

    The excerpts of a question may be in several passages.
    """
    root = folder / "chunking_evaluation/evaluation_framework/general_evaluation_data"
    with (root / "questions_df.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for path in sorted((root / "corpora").glob("*.md")):
        text = path.read_text("utf-8")
        source = Source(f"chunking-{path.stem}", {path.name: text})
        for row in rows:
            if row["corpus_id"] == path.stem:
                contents = [str(reference["content"]) for reference in _excerpts(row["references"])]
                places = [text.find(content) for content in contents]
                if min(places) >= 0 and sum(map(len, contents)) <= 2 * _MOST_SUPPORT_CHARS:
                    spans = [(path.name, p, p + len(c)) for p, c in zip(places, contents, strict=True)]
                    source.asked.append(Asked(row["question"].strip(), tuple(spans)))
        yield source


def _excerpts(cell: str) -> list[dict[str, Any]]:
    try:
        return list(json.loads(cell))
    except json.JSONDecodeError:
        return list(ast.literal_eval(cell))


def canard(folder: Path) -> Iterator[Source]:
    """Yield CANARD (CC-BY-SA-4.0).

    The answers of a dialogue are one page, its rewritten questions ask for them.
    """
    dialogues: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in json.loads((folder / "canard-dev-half/dev.json").read_text("utf-8")):
        dialogues[row["QuAC_dialog_id"]].append(row)
    source = Source("canard")
    for name, rows in dialogues.items():
        rows.sort(key=lambda r: r["Question_no"])
        _add_dialogue(source, name, rows)
    yield source


def _add_dialogue(source: Source, name: str, rows: list[dict[str, Any]]) -> None:
    history = rows[-1]["History"]
    answers = [_as_sentence(text) for text in history[3::2]]
    known = list(dict.fromkeys(text for text in answers if len(text) > 15 and "don't know" not in text))
    if len(known) < 2:
        return
    text = f"# {history[0]}\n\n## {history[1]}\n\n"
    places: dict[str, Span] = {}
    document = file_name(history[0], ".md", source.documents)
    for sentence in random.Random(name).sample(known, len(known)):
        places[sentence] = (document, len(text), len(text) + len(sentence))
        text += sentence + " "
    source.documents[document] = text
    for number, row in enumerate(rows):
        questions = dict.fromkeys((row["Rewrite"], merge(row["Question"], _turns(history, number))))
        for asked in questions:
            if number < len(answers) and answers[number] in places:
                source.asked.append(Asked(asked, (places[answers[number]],)))
            elif number < len(answers) and "don't know" in answers[number]:
                source.asked.append(Asked(asked, ()))


def _turns(history: list[str], number: int) -> list[Turn]:
    """Return the conversation before question `number` of a dialogue.

    The history of a dialogue is title, section, question, answer, ...
    """
    said = history[2 : 2 + 2 * number]
    return [Turn(Role.ASSISTANT if place % 2 else Role.USER, text) for place, text in enumerate(said)]


def _as_sentence(text: str) -> str:
    stripped = text.strip().rstrip(",;:")
    stripped = stripped[:1].upper() + stripped[1:]
    return stripped if stripped.endswith((".", "!", "?", '"')) else stripped + "."


def courses(folder: Path) -> Iterator[Source]:
    """Yield course texts whose licence allows training.

    These are ml-for-beginners (MIT), half of hf-course (Apache-2.0) and a third of d2l-en (CC-BY-SA-4.0).
    """
    for name, pattern, step in (
        ("ml-for-beginners", "**/*.md", 1),
        ("hf-course", "chapters/en/**/*.mdx", 2),
        ("d2l-en", "**/*.md", 3),
    ):
        source = Source(name)
        for path in sorted((folder / name).glob(pattern))[::step]:
            relative = path.relative_to(folder / name).as_posix()
            if not re.search(r"translations|references|LICENSE|CONTRIBUTING|SECURITY|CODE_OF", relative):
                source.documents[relative] = path.read_text("utf-8")
        yield source


def add_quizzes(folder: Path, corpus: Corpus) -> int:
    """Add quiz items whose right choice is in their lesson; return their number.

    Their licences are MIT and Apache-2.0.
    """
    path = folder / "quizzes" / f"{corpus.name}.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    found = []
    for row in rows:
        documents = row.get("lesson") or [row.get("path", "")]
        right = row.get("correct") or [c["text"] for c in row["choices"] if c["correct"]]
        if support := _quiz_support(corpus, documents, row["question"], right):
            found.append(TrainingQuestion(row["question"], (support,)))
    corpus.questions += found
    return len(found)


def _quiz_support(corpus: Corpus, documents: list[str], question: str, right: list[str]) -> Support | None:
    if len(right) != 1 or len(right[0]) < 6 or "?" not in question:
        return None
    wanted = f"{question} {right[0]}"
    best, best_score = None, 0.55
    for index, chunk in enumerate(corpus.passages):
        if any(chunk.document.endswith(f"/{name}") for name in documents):
            for sentence in sentences(chunk.text):
                score = overlap(wanted, sentence)
                if score > best_score and overlap(right[0], sentence) >= 0.99 and 20 < len(sentence) < 400:
                    best, best_score = Support(index, sentence), score
    return best


def overlap(asked: str, text: str) -> float:
    """Return the share of the content words of `asked` that are in `text`.

    It is 0 if `asked` has none.
    """
    words = set(content_words(asked))
    return len(words & set(content_words(text))) / len(words) if words else 0.0


def load_all(data: Path) -> list[Source]:
    """Every public source under the data folder."""
    qa = data / "qa"
    found = [*xquad(qa), *covidqa(qa), *pubmedqa(qa), *canard(qa)]
    found += chunking_evaluation(data / "retrieval/chunking-evaluation")
    return [*found, *courses(data / "courses")]
