"""The question model: the embedded model tuned to ask what a given sentence answers, and what it is used on.

A few thousand human questions with known supporting sentences (licences that allow it) teach it; it then asks about the
sentences of course texts, so that the reader sees tens of thousands of questions. Source: Lewis et al. 2021 (PAQ).
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from finetune.grounded import sources
from finetune.grounded.types import Corpus
from rag.sentences import sentences
from rag.types import Chunk
from rag.words import content_words

_INSTRUCTION = "Write the question of a student that the marked sentence answers."
_OPENS_BADLY = re.compile(
    r"^\W*(?:this|these|those|it|they|he|she|here|there|that|such|we|let|you|i|and|but|or|so|then|if|as|now|note|see|for example|however|"
    r"in this|at this|the above|the following|figure|fig|table|next|finally|thus|hence|therefore|also|moreover|both|one|another|first|second)\b",
    re.IGNORECASE,
)
_NO_PROSE = re.compile(r"https?://|```|\$\$|:numref|\\begin|<[a-z/]|\{\{|!\[|^\s*\|")
_UNCLEAR = re.compile(
    r"\b(?:this|these|those|the authors?|the paper|the study|the article|the passage|the text|the sentence|our|above|following|we)\b",
    re.I,
)
_PER_CORPUS = {
    "d2l-en": 15000,
    "hf-course": 6000,
    "ml-for-beginners": 4000,
    "covidqa": 4500,
    "pubmedqa": 2500,
    "canard": 0,
}


def prompt(chunk: Chunk, sentence: str) -> list[dict[str, str]]:
    """The messages that ask the question model about a sentence of a passage."""
    place = max(chunk.text.find(sentence), 0)
    before = " ".join(chunk.text[max(0, place - 200) : place].split())
    about = " › ".join(dict.fromkeys(part for part in (chunk.title, *chunk.headings) if part))
    marked = f"({about}) {before} <<{' '.join(sentence.split())}>>"
    return [{"role": "system", "content": _INSTRUCTION}, {"role": "user", "content": marked}]


def human_pairs(corpora: list[Corpus]) -> Iterator[dict[str, list[dict[str, str]]]]:
    """Rows that teach the question model: a supporting sentence and the human question on it."""
    for corpus in corpora:
        for question in corpus.questions:
            if not corpus.held_out and question.origin == "human" and len(question.supports) == 1:
                support = question.supports[0]
                messages = prompt(corpus.passages[support.passage], support.text)
                yield {"messages": [*messages, {"role": "assistant", "content": question.text}]}


def candidates(corpora: list[Corpus], seed: int) -> list[dict[str, Any]]:
    """Sentences worth asking about: `passage` (id), `sentence`, `messages`, drawn from every training corpus."""
    rng = random.Random(seed)
    found: list[dict[str, Any]] = []
    for corpus in corpora:
        if corpus.held_out or corpus.name.startswith("invented"):
            continue
        usable = [
            {"passage": chunk.id, "sentence": sentence, "messages": prompt(chunk, sentence)}
            for chunk in corpus.passages
            for sentence in sentences(chunk.text)
            if _worth_asking(sentence)
        ]
        rng.shuffle(usable)
        found += usable[: _PER_CORPUS.get(corpus.name, 3000)]
    return found


def _worth_asking(sentence: str) -> bool:
    return (
        45 <= len(sentence) <= 380
        and not _OPENS_BADLY.match(sentence)
        and not _NO_PROSE.search(sentence)
        and not sentence.rstrip().endswith((":", "?"))
        and len(content_words(sentence)) >= 5
    )


def is_clear(question: str, sentence: str, chunk: Chunk) -> bool:
    """Whether a generated question can stand alone and is about the sentence: its words are the passage's, not all at once."""
    words = content_words(question)
    said = set(content_words(sentence))
    near = said | set(content_words(f"{chunk.title} {' '.join(chunk.headings)}"))
    count = len(question.split())
    return (
        4 <= count <= 28
        and question.endswith("?")
        and len(words) >= 2
        and not _UNCLEAR.search(question)
        and sum(word in near for word in words) >= 0.75 * len(words)
        and sum(word in said for word in set(words)) >= 2
        and len(said - set(words)) >= 3
    )


def ask(base: str, adapter: Path, folder: Path, times: int) -> int:
    """Asks `times` about every candidate of a folder, writes `questions.jsonl.gz` there and returns their number."""
    from peft import PeftModel

    from finetune.base_model import load_base
    from finetune.generation import answer_all
    from finetune.recipe import ModelPart
    from finetune.training import use_bfloat16

    loaded = load_base(ModelPart(base=base), bfloat16=use_bfloat16("auto"))
    model = PeftModel.from_pretrained(loaded.model, adapter).merge_and_unload()
    rows = read_rows(folder / "candidates.jsonl.gz")
    asked: list[dict[str, str]] = []
    for turn in range(times):
        prompts = [row["messages"] for row in rows]
        found = answer_all(
            model, loaded.tokenizer, prompts, most_tokens=36, batch_tokens=300_000, sampled=turn > 0
        )
        pairs = zip(rows, found, strict=True)
        asked += [{"passage": r["passage"], "sentence": r["sentence"], "question": q} for r, q in pairs]
    unique = {(row["sentence"], row["question"]): row for row in asked}
    write_rows(folder / "questions.jsonl.gz", list(unique.values()))
    return len(unique)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a .jsonl.gz file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes rows as .jsonl.gz."""
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main() -> None:
    """`prepare` writes the training pairs and the candidates; `ask` uses the tuned model on them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("prepare", "ask"))
    parser.add_argument("--data", type=Path, help="the folder with qa/, courses/ and retrieval/ (prepare)")
    parser.add_argument("--out", type=Path, required=True, help="folder with pairs, candidates and questions")
    parser.add_argument("--base", default="embedded", help="base model of the adapter (ask)")
    parser.add_argument("--adapter", type=Path, help="the tuned question model (ask)")
    parser.add_argument("--times", type=int, default=2, help="questions for each sentence (ask)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.verb == "prepare":
        corpora = sources.load_all(args.data)
        write_rows(args.out / "pairs.jsonl.gz", human_pairs(corpora))
        write_rows(args.out / "candidates.jsonl.gz", candidates(corpora, 0))
    else:
        ask(args.base, args.adapter, args.out, args.times)


if __name__ == "__main__":
    main()
