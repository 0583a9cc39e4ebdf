"""Real questions for one fact, which the router must leave on the usual path.

They are from data sets whose licences allow training.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from finetune.grounded.json_lines import read_lines
from finetune.grounded.sources import (
    _XQUAD_TEST,
    canard,
    chunking_evaluation,
    covidqa,
    pubmedqa,
    xquad,
)
from finetune.grounded.types import Part

_OTHER_ROUTE = re.compile(
    r"\b(?:differ\w*|compar\w*|versus|vs|passage|text|summar\w*)\b|^(?:explain|describe|list|name|define|discuss|give|tell)\b"
    r"|^what (?:is|are) (?:an? |the )?(?:[\w-]+ ){0,2}[\w-]+\?$|^what are (?:the|some|all|\w+ (?:types|kinds|steps))\b"
    r"|\bare there\b|\bwere there\b|\band (?:what|how|why|when|who|where|which|in which)\b|\?.*\?|what does .* (?:mean|stand for)\b"
    r"|\b(?:definition|meaning) of\b|\bbetween\b|\b(?:highest|lowest|largest|smallest|average|total) ",
    re.IGNORECASE,
)
"""Questions that may have another route than `FACT`, which are left out.

That keeps the labels clean. The router itself has no such list.
"""
_LANGUAGES = ("ar", "de", "es", "ru", "zh")


def single_facts(data: Path) -> list[str]:
    """Return the questions for one fact, each once, in a fixed order."""
    qa = data / "qa"
    human = chain(
        xquad(qa),
        covidqa(qa),
        pubmedqa(qa),
        canard(qa),
        chunking_evaluation(data / "retrieval/chunking-evaluation"),
    )
    asked = [a.text for source in human if source.part is Part.TRAIN for a in source.asked]
    written = (str(row["question"]) for row in read_lines(qa / "teacher-questions.jsonl.gz"))
    found = dict.fromkeys(q.strip() for q in chain(asked, written) if not _OTHER_ROUTE.search(q.strip()))
    english = [question for question in found if len(question.split()) > 3]
    return [*english, *dict.fromkeys(_foreign(qa))]


def _foreign(qa: Path) -> Iterator[str]:
    for language in _LANGUAGES:
        path = qa / f"xquad-other-languages-half/xquad.{language}.first-half.json"
        english = json.loads((qa / "xquad-en-half/xquad.en.first-half.json").read_text("utf-8"))["data"]
        for article, twin in zip(json.loads(path.read_text("utf-8"))["data"], english, strict=True):
            if twin["title"] in _XQUAD_TEST:
                continue
            for paragraph, its_twin in zip(article["paragraphs"], twin["paragraphs"], strict=True):
                for row, english_row in zip(paragraph["qas"], its_twin["qas"], strict=True):
                    if not _OTHER_ROUTE.search(english_row["question"].strip()):
                        yield row["question"].strip()


def headings(data: Path) -> list[str]:
    """Return short headings of licensed notes, to fill slots of topics."""
    found = dict.fromkeys(
        part.strip(" #*")
        for row in read_lines(data / "qa/teacher-questions.jsonl.gz")
        for part in str(row["context"]).split("›")[1:]
    )
    return [text for text in found if 3 < len(text) < 32 and re.fullmatch(r"[A-Za-z][\w' -]*[A-Za-z]", text)]


def rare_words(data: Path) -> list[str]:
    """Return words that few questions have: names and terms of many subjects.

    As topics of training messages they teach the router that a topic decides no route.
    """
    rows = read_lines(data / "qa/teacher-questions.jsonl.gz")
    found = Counter(word for row in rows for word in re.findall(r"[A-Za-z][\w-]{2,15}", str(row["question"])))
    return [word for word, times in found.items() if times <= 15 and (len(word) > 5 or word.isupper())]
