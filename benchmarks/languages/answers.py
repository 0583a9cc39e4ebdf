"""Answers by language: how often the text shown has the answer.

Each language is a library of paragraphs with questions in the same language, and the default answerer quotes
or shows the closest sentences; a language model writes where one is named. A question counts where an accepted answer is in the text shown, in any case of
letters.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.languages.reading import Reading
from eval.beir import CorpusDocument
from rag.library.library import Library
from rag.settings import ChunkSettings
from rag.types import AnswerKind
from ui.application import Application, load
from ui.measure.corpus_library import fill_library


def print_contained(embedder: str, readings: dict[str, Reading], model: str = "") -> None:
    """Print the share of questions whose answer is shown, and of those in an answer.

    The others show it in an extract.
    """
    shared: Application | None = None
    for language, reading in readings.items():
        with tempfile.TemporaryDirectory(prefix="lectern-bench-") as folder:
            application = Application(load(folder, embedding__model=embedder, model__name=model or None))
            if shared is not None:
                application.share_models(shared)
            shared = shared or application
            corpus = [CorpusDocument(f"{at}.txt", "", text) for at, text in enumerate(reading.paragraphs)]
            with Library.create(Path(folder)) as library:
                fill_library(library, corpus, application.embedder, ChunkSettings())
            shown, answered = [], []
            for question in reading.questions:
                answer = application.chain().invoke({"question": question.text, "history": ()})
                has = any(one.casefold() in answer.text.casefold() for one in question.answers)
                shown.append(has)
                answered.append(has and answer.kind is AnswerKind.ANSWER)
            print(
                f"{embedder:24s} {language} contained {sum(shown) / len(shown):.3f}, "
                f"in an answer {sum(answered) / len(answered):.3f} (n = {len(shown)})",
                flush=True,
            )
