"""Examples for the evidence scorer, built from notes and questions.

`python -m finetune.evidence.build`; the same seed builds the same examples. Notes come from the product's own
ingest (see `finetune.grounded.notes`). Questions are those of `finetune.grounded` and those that a teacher
model wrote (`--teacher`). Training uses the training part alone; `valid` and the tests show four passages as
`finetune.grounded.build` does, each question once with its answer and once without.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetune.evidence.examples import EvidenceExample, save
from finetune.evidence.grounded_examples import from_grounded
from finetune.evidence.teacher_questions import add_teacher, further_corpora
from finetune.evidence.training_examples import Mix, train_examples
from finetune.exit_status import exit_status
from finetune.grounded.build import MOST_BY_RULE, MOST_TEST, both_ways
from finetune.grounded.json_lines import read_lines
from finetune.grounded.nearest import CorpusSearch
from finetune.grounded.notes import all_sources, corpus_of
from finetune.grounded.questions import ask_by_rule
from finetune.grounded.sources import add_quizzes
from finetune.grounded.types import Corpus, Part, TrainingQuestion
from rag.embedding.embedder import TokenEmbedder
from rag.embedding.engine import open_embedder
from rag.errors import DatasetError
from rag.library.library import Library
from rag.passage_text import passage_text
from rag.settings import EmbeddingSettings

log = logging.getLogger(__name__)
DEPTH = 24


def build(
    data: Path,
    library: Path,
    out: Path,
    seed: int,
    mix: Mix,
    teacher: Sequence[Path] = (),
    passages: Path | None = None,
    only: Sequence[str] = (),
) -> dict[str, int]:
    """Build the parts, or only some of them, and return their sizes.

    The examples of a corpus depend on the seed and on its name alone: tests stay the same whatever is trained
    on.
    """
    embedder = open_embedder(EmbeddingSettings())
    if not isinstance(embedder, TokenEmbedder):
        raise DatasetError("The embedded embedder gives no token vectors; nothing was built.")
    parts: dict[str, list[EvidenceExample]] = defaultdict(list)
    with Library.open(library) as opened:
        corpora = [corpus_of(source, opened) for source in all_sources(data)]
        training = [corpus for corpus in corpora if corpus.part is Part.TRAIN]
        translated = add_translations(data / "qa", corpora)
        corpora += translated
        if not only or "train" in only:
            for corpus in training:
                _add_by_rule(corpus, data, random.Random(f"{seed} {corpus.name} rules"))
            further = further_corpora(training, passages) if passages else []
            training, corpora = [*training, *further], [*corpora, *further]
            for file in teacher:
                add_teacher(training, read_lines(file))
        search = CorpusSearch(opened, embedder)
        held_out = [corpus for corpus in corpora if corpus.part is not Part.TRAIN]
        chunks = opened.chunks_by_rowid(opened.chunk_rowids())
        row_of = {chunk.id: rowid for rowid, chunk in chunks.items()}
        for corpus in corpora:
            part = part_of(corpus)
            if only and part not in only:
                continue
            size = (corpus.name, len(corpus.passages), len(corpus.questions))
            log.info("%s: %s, %d passages, %d questions", part, *size)
            rng = random.Random(f"{seed} {corpus.name} {corpus.part}")
            if corpus.part is Part.TRAIN:
                vectors = passage_vectors(opened, row_of, corpus, embedder, out)
                parts[part] += train_examples(corpus, vectors, embedder, training, mix, rng)
                continue
            if corpus.part is Part.TEST and len(corpus.questions) > MOST_TEST:
                corpus.questions = rng.sample(corpus.questions, MOST_TEST)
            ranked = search.nearest(corpus, DEPTH)
            parts[part] += [from_grounded(made) for made in both_ways(corpus, ranked, held_out, rng)]
    for name, examples in parts.items():
        random.Random(f"{seed} {name}").shuffle(examples)
    return save(out, parts)


def part_of(corpus: Corpus) -> str:
    """Return the part that the examples of a corpus belong to."""
    if corpus.part is Part.TEST:
        return f"test-{_set_of(corpus.name)}"
    return str(corpus.part)


def passage_vectors(
    library: Library, of: Mapping[str, int], corpus: Corpus, embedder: TokenEmbedder, kept: Path
) -> NDArray[np.float32]:
    """Return the vectors of a corpus's passages, in order.

    They are the library's; where it lacks any of them, all are computed and kept in a file. `of` has the
    library's row of each passage by its id.
    """
    if all(chunk.id in of for chunk in corpus.passages):
        return library.vectors(np.array([of[chunk.id] for chunk in corpus.passages], dtype=np.int64))[1]
    texts = [passage_text(chunk) for chunk in corpus.passages]
    digest = blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()
    file = kept / f"vectors-{corpus.name}-{digest}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, embedder.embed_passages(texts))
    found: NDArray[np.float32] = np.load(file)
    return found


def add_translations(folder: Path, corpora: Sequence[Corpus]) -> list[Corpus]:
    """Add XQuAD's questions in German and Spanish to its training corpus.

    Returns corpora of the tests in these languages.
    """
    english = _squad_questions(folder / "xquad-en-half/xquad.en.first-half.json")
    tests = []
    for language in ("de", "es"):
        file = folder / f"xquad-other-languages-half/xquad.{language}.first-half.json"
        if not file.is_file():
            continue
        other = {english[key]: text for key, text in _squad_questions(file).items() if key in english}
        for corpus in corpora:
            if corpus.name != "xquad" or corpus.part is Part.VALID:
                continue
            asked = [
                TrainingQuestion(other[question.text], question.supports, question.answers, question.origin)
                for question in corpus.questions
                if question.text in other
            ]
            if corpus.part is Part.TRAIN:
                corpus.questions += asked
            else:
                tests.append(Corpus(f"xquad-{language}", corpus.passages, asked, corpus.part))
    return tests


def _squad_questions(file: Path) -> dict[str, str]:
    """Return the questions of a file in SQuAD's form by their ids."""
    articles = json.loads(file.read_text("utf-8"))["data"]
    paragraphs = (paragraph for article in articles for paragraph in article["paragraphs"])
    return {row["id"]: row["question"].strip() for paragraph in paragraphs for row in paragraph["qas"]}


def _add_by_rule(corpus: Corpus, data: Path, rng: random.Random) -> None:
    """Add the quiz items of a course's lessons and questions made by rule.

    The rules make questions from its sentences.
    """
    if corpus.name.startswith(("invented-", "written-")):
        return
    add_quizzes(data / "qa", corpus)
    found = [
        question for index, chunk in enumerate(corpus.passages) for question in ask_by_rule(chunk, index, rng)
    ]
    corpus.questions += rng.sample(found, min(MOST_BY_RULE, len(found)))


def _set_of(name: str) -> str:
    """Return the name of the test of a corpus.

    All syllabi are one test, all invented courses another, all written courses a third.
    """
    kinds = {"syllabusqa": "syllabusqa", "invented-course": "invented", "written": "written"}
    return next((kinds[kind] for kind in kinds if name.startswith(kind)), name)


def main() -> None:
    """Read the arguments and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with qa/, courses/, retrieval/")
    parser.add_argument("--library", type=Path, required=True, help="the notes, ingested")
    parser.add_argument("--teacher", type=Path, action="append", default=[], help="questions.jsonl.gz")
    parser.add_argument("--passages", type=Path, help="passages.jsonl.gz that the teacher read")
    parser.add_argument("--out", type=Path, required=True, help="folder for the examples")
    parser.add_argument("--only", action="append", default=[], help="a part: train, valid, test-NAME")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    counts = build(
        args.data, args.library, args.out, args.seed, Mix(), args.teacher, args.passages, args.only
    )
    log.info("wrote %s", json.dumps(counts))


if __name__ == "__main__":
    sys.exit(exit_status(main))
