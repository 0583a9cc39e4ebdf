"""`python -m finetune.grounded.ask` lets a model write questions about the notes.

The embedded model writes them, and the model that answers is trained on them:

python -m finetune.grounded.ask prepare --data DATA --library build/grounded-library --out build/asking
lectern finetune train smollm2-135m-asker
python -m finetune.grounded.ask write --asking build/asking --adapter adapters/smollm2-135m-asker/adapter
python -m finetune.grounded.build ... --asked build/asking
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
from dataclasses import asdict
from pathlib import Path

from finetune.exit_status import exit_status
from finetune.grounded.asking import PAIRS, QUESTIONS, SENTENCES, pairs, read_sentences, sentences_to_ask
from finetune.grounded.json_lines import write_lines
from finetune.grounded.types import Part

log = logging.getLogger(__name__)
MOST_TOKENS = 48
TEMPERATURE = 0.7
"""Below 1 to keep to the sentence, above 0 for varied beginnings."""


def prepare(data: Path, library: Path, out: Path, seed: int) -> tuple[int, int]:
    """Write the asking model's training rows and its sentences; return both counts."""
    from finetune.grounded.notes import all_sources, corpus_of
    from rag.library.library import Library

    with Library.open(library) as opened:
        sources = [source for source in all_sources(data) if source.part is Part.TRAIN]
        corpora = [corpus_of(source, opened) for source in sources if not source.name.startswith("invented-")]
    rng = random.Random(seed)
    learned = pairs(corpora)
    rng.shuffle(learned)
    asked = [sentence for corpus in corpora for sentence in sentences_to_ask(corpus, rng)]
    write_lines(out / PAIRS, ({"messages": row} for row in learned))
    write_lines(out / SENTENCES, map(asdict, asked))
    return len(learned), len(asked)


def write(asking: Path, base: str, adapter: Path, each: int, limit: int, seed: int) -> int:
    """Let the model ask about every sentence `each` times; count the questions.

    With a `limit` it asks about so many sentences, drawn evenly.
    """
    import torch

    from finetune.base_model import load_merged
    from finetune.generation import answer_all
    from finetune.trainer import use_bfloat16

    rows = read_sentences(asking)
    if 0 < limit < len(rows):
        rows = [rows[i] for i in sorted(random.Random(seed).sample(range(len(rows)), limit))]
    rows *= each
    asker = load_merged(base, adapter, bfloat16=use_bfloat16("auto"))
    torch.manual_seed(seed)
    prompts = [row.prompt for row in rows]
    asked = answer_all(
        asker.model, asker.tokenizer, prompts, most_tokens=MOST_TOKENS, temperature=TEMPERATURE
    )
    write_lines(
        asking / QUESTIONS,
        (
            {"corpus": row.corpus, "passage": row.passage, "sentence": row.text, "question": question}
            for row, question in zip(rows, asked, strict=True)
        ),
    )
    return len(rows)


def main() -> None:
    """Read the arguments; prepare or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("prepare", help="what the asker learns from, and the sentences to ask about")
    one.add_argument("--data", type=Path, required=True, help="the folder with qa/, courses/ and retrieval/")
    one.add_argument("--library", type=Path, required=True, help="the notes, ingested")
    one.add_argument("--out", type=Path, required=True, help="folder for both")
    two = verbs.add_parser("write", help="the trained asker asks about the sentences")
    two.add_argument("--asking", type=Path, required=True, help="the folder that `prepare` wrote")
    two.add_argument("--adapter", type=Path, required=True, help="the asker")
    two.add_argument("--base", default="embedded", help="its base model")
    two.add_argument(
        "--each", type=int, default=2, help="questions about each sentence; equal ones count once"
    )
    two.add_argument("--limit", type=int, default=0, help="most sentences; 0 for all")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.verb == "prepare":
        log.info(
            "%d questions to learn from, %d sentences to ask about",
            *prepare(args.data, args.library, args.out, args.seed),
        )
    else:
        log.info(
            "%d questions", write(args.asking, args.base, args.adapter, args.each, args.limit, args.seed)
        )


if __name__ == "__main__":
    sys.exit(exit_status(main))
