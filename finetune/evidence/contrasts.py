"""`python -m finetune.evidence.contrasts` adds near misses to training examples.

    python -m finetune.evidence.contrasts --examples DIR --out DIR --aspects build/evidence/aspects.jsonl.gz

A reader takes a passage on the right subject for an answer unless it has seen many that are not. Three kinds are
made of examples that have an answer, and none of their passages answers them. `cut`: the sentences that answer are
taken out, the rest of their passage stays. `renamed`: a number or name of the question, which its answer has too,
becomes another one that no passage has. `aspect`: the question asks for another detail (`finetune.evidence.aspects`).
"""

from __future__ import annotations

import argparse
import logging
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from finetune.evidence.examples import EvidenceExample, ShownPassage, load, parts_of, save
from finetune.exit_status import exit_status
from finetune.grounded.json_lines import read_lines
from rag.text.sentences import sentence_spans
from rag.text.words import content_words, has_digit

log = logging.getLogger(__name__)
CUT, RENAMED = 0.4, 0.5
"""Shares of the examples with an answer of which the two kinds are made."""
MOST_OTHER = 0.12
"""Highest chance of another sentence, by the teacher, at which an example is cut."""
LEFT = 4
"""Fewest content words that a passage keeps when its answer is cut."""
MORE_NONE, LESS_OWN = 1.5, 0.7
"""Bounds of the teacher's chances of none and of the sentence.

They are ratios to those of the question that another aspect was made of: at least and at most. Chosen by reading.
"""
TEST = "test-contrasts"
"""Part of the validation examples with an answer and their near misses."""
OTHER_LANGUAGE = "teacher-language"
"""Origin of questions that give no names: German writes every noun with a capital."""
_NAME = re.compile(r"[^\W_]+(?:[.\-][^\W_]+)*")


def cut(example: EvidenceExample) -> EvidenceExample | None:
    """Return an example without the sentences that answer it.

    None where hardly anything of their passages would be left.
    """
    shown = list(example.passages)
    for slot in example.gold:
        passage = shown[slot]
        text = _without(passage.text, {sentence for at, sentence in example.evidence if at == slot})
        if len(set(content_words(text))) < LEFT:
            return None
        shown[slot] = ShownPassage(passage.context, text)
    return _unanswered(example, "cut", passages=tuple(shown))


def _without(text: str, sentences: set[int]) -> str:
    spans = sentence_spans(text)
    for number in sorted(sentences, reverse=True):
        if number < len(spans):
            start, end = spans[number]
            text = f"{text[:start].rstrip(' ')} {text[end:].lstrip(' ')}"
    return text.strip()


def renamed(example: EvidenceExample, names: Sequence[str], rng: random.Random) -> EvidenceExample | None:
    """Return an example that asks about another number or name than its answer has.

    `names` are those to choose from. None where the question and its answer share none.
    """
    there = " ".join(f"{passage.context} {passage.text}" for passage in example.passages).lower()
    answers = " ".join(
        f"{example.passages[slot].context} {_sentence(example.passages[slot].text, number)}"
        for slot, number in example.evidence
    )
    known = {match.group() for match in _NAME.finditer(answers)}
    shared = [
        match
        for place, match in enumerate(_NAME.finditer(example.question))
        if match.group() in known and is_specific(match.group(), place)
    ]
    rng.shuffle(shared)
    for match in shared:
        other = _other(match.group(), names, there, rng)
        if other:
            text = f"{example.question[: match.start()]}{other}{example.question[match.end() :]}"
            return _unanswered(example, "renamed", question=text)
    return None


def is_specific(word: str, place: int) -> bool:
    """Return whether a word names one thing.

    It has a digit, or a capital although it does not begin the sentence.
    """
    return has_digit(word) or (place > 0 and word[0].isupper())


def _other(word: str, names: Sequence[str], there: str, rng: random.Random) -> str:
    """Return another number or name of the same shape that no passage has, or nothing."""
    for _ in range(8):
        if has_digit(word):
            found = re.sub(r"\d+", lambda match: _number(match.group(), rng), word)
        elif len(word) == 1:
            found = rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ")
        else:
            found = rng.choice(names) if names else word
        if found != word and not re.search(rf"(?<!\w){re.escape(found.lower())}(?!\w)", there):
            return found
    return ""


def _number(digits: str, rng: random.Random) -> str:
    """Return a number near another one, with as many digits."""
    value = int(digits) + rng.choice((-3, -2, -1, 1, 2, 3)) * (10 ** rng.randrange(min(2, len(digits))))
    return str(max(1, value)).zfill(len(digits)) if digits[0] == "0" else str(max(1, value))


def _sentence(text: str, number: int) -> str:
    spans = sentence_spans(text)
    return text[slice(*spans[number])] if number < len(spans) else ""


def other_aspects(
    examples: Sequence[EvidenceExample], rows: Iterable[dict[str, Any]]
) -> list[EvidenceExample]:
    """Return examples that ask for another detail of what their passages are about.

    `rows` are what `finetune.evidence.aspects` wrote; each takes the passages of an example of the question
    that it was.
    """
    asked: dict[str, list[EvidenceExample]] = defaultdict(list)
    for example in examples:
        if example.evidence:
            asked[example.question].append(example)
    found = []
    for row in rows:
        own, none, _ = row["chances"]
        if "asked" not in row or "after" not in row or row["after"][0] > LESS_OWN * own:
            continue
        if row["after"][1] < MORE_NONE * none:
            continue
        of = asked.get(row["question"], [])[:1]
        found += [_unanswered(example, "aspect", question=row["asked"]) for example in of]
    return found


def contrasts(
    examples: Sequence[EvidenceExample], others: Mapping[str, float], seed: int
) -> list[EvidenceExample]:
    """Return the cut and the renamed examples of a share of those with an answer.

    `others` has the teacher's chance of another sentence by question.
    """
    rng = random.Random(seed)
    names = names_of(examples)
    found = []
    for example in examples:
        if not example.evidence or example.weak:
            continue
        alone = others.get(example.question, 0.0) <= MOST_OTHER
        made = [
            cut(example) if alone and rng.random() < CUT else None,
            renamed(example, names[example.source], rng) if rng.random() < RENAMED else None,
        ]
        found += [example for example in made if example is not None]
    return found


def names_of(examples: Sequence[EvidenceExample]) -> dict[str, list[str]]:
    """Return the names that the questions of each source have, without numbers.

    Questions written in another language are left out.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        if example.origin == OTHER_LANGUAGE:
            continue
        for place, match in enumerate(_NAME.finditer(example.question)):
            word = match.group()
            if place and word[0].isupper() and len(word) > 1 and word.isalpha():
                found[example.source].add(word)
    return defaultdict(list, {source: sorted(words) for source, words in found.items()})


def _unanswered(example: EvidenceExample, kind: str, **changed: Any) -> EvidenceExample:
    origin = f"{example.origin.split('-', maxsplit=1)[0]}-{kind}"
    return replace(example, origin=origin, evidence=(), right=(), weak=False, **changed)


def main() -> None:
    """Copy the examples of a folder with near misses added to those for training."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=Path, required=True, help="what finetune.evidence.build wrote")
    parser.add_argument("--questions", type=Path, help="what finetune.evidence.join wrote, for its chances")
    parser.add_argument("--aspects", type=Path, help="what finetune.evidence.aspects wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the enlarged examples")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    others = (
        {row["question"]: row["chances"][2] for row in read_lines(args.questions)} if args.questions else {}
    )
    parts = {name: load(args.examples, name) for name in parts_of(args.examples)}
    added = contrasts(parts["train"], others, args.seed)
    if args.aspects:
        added += other_aspects(parts["train"], read_lines(args.aspects))
    held = contrasts(parts["valid"], others, args.seed)
    for name, made in (("train", added), (TEST, held)):
        log.info("%s: %s", name, dict(Counter(example.origin for example in made)))
    parts["train"] = [*parts["train"], *added]
    parts[TEST] = [*(example for example in parts["valid"] if example.evidence), *held]
    save(args.out, parts)


if __name__ == "__main__":
    sys.exit(exit_status(main))
