"""`python -m finetune.evidence.join` filters the teacher's questions.

    python -m finetune.evidence.join --passages build/evidence/passages.jsonl.gz --written build/evidence --out build/evidence

Writes `questions.jsonl.gz`, one `{"corpus", "document", "context", "passage", "question", "sentence": [start,
end], "style", "language", "round_trip", "chances"}` a line, and `counts.json`. `chances` are the teacher's
for the sentence, for none, and for the likeliest other. `rank`, where a row has one, is the number of
passages that the product's embedder finds closer to the question than its own.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from finetune.evidence import questions as q
from finetune.exit_status import exit_status
from finetune.grounded.json_lines import read_lines, write_lines

log = logging.getLogger(__name__)
LEAST, LEAD = 0.35, 1.25
"""Least probability of the sentence, and its least ratio to the next choice."""
LEAST_NONE, MORE_NONE = 0.005, 1.5
"""Least probability that no line answers a near miss, and least ratio.

The ratio is to that probability of the question that it was. The teacher prefers the nearest line to none: of
14 near misses written by hand none got more than 0.17, of 10 questions that the notes answer none more than
0.02.
"""
NEAREST = 30
"""Passages among which the embedder must find that of an English question."""
MISTYPED = 0.1
"""Share of the kept English questions that is repeated with typing errors."""
_KEYS = "qwertzuiop asdfghjkl yxcvbnm"


def joined(
    passages: Sequence[dict[str, Any]],
    written: Iterable[dict[str, Any]],
    dropped: Counter[str],
    seed: int = 0,
) -> Iterator[dict[str, Any]]:
    """Yield the questions that may be used; `dropped` counts the rest by reason."""
    rng = random.Random(seed)
    seen: set[tuple[int, str]] = set()
    for row in written:
        passage = passages[row["i"]]
        start, end = row["span"]
        text = row["q"].strip()
        language = q.language_of(text)
        key = (row["i"], " ".join(text.lower().split()).rstrip("?.! "))
        reason = q.wrong(text, passage["passage"][start:end])
        if not reason and row["style"] in q.LANGUAGES and language != row["style"]:
            reason = "language"
        if not reason and ("? " in text or (row["style"] in q.LANGUAGES and "?" not in text)):
            reason = "shape"
        if not reason and not q.states(" ".join(passage["passage"][start:end].split())):
            reason = "sentence"
        if not reason and (key in seen or "p" not in row):
            reason = "twice" if key in seen else "unchecked"
        if reason:
            dropped[reason] += 1
            continue
        seen.add(key)
        found = {
            **{name: passage[name] for name in ("corpus", "document", "context", "passage")},
            "question": text,
            "sentence": [start, end],
            "style": "language" if row["style"] in q.LANGUAGES else row["style"],
            "language": language,
            "round_trip": _missed(row)
            if row["style"] == "miss"
            else _agrees(row, language == "en" and passage["corpus"] not in ("xquad-de", "xquad-es")),
            "chances": row["p"],
            **({"rank": row["rank"]} if "rank" in row else {}),
        }
        yield found
        if found["round_trip"] and language == "en" and rng.random() < MISTYPED:
            yield {**found, "question": mistyped(text, rng), "style": "typo"}


def _agrees(row: dict[str, Any], english: bool) -> bool:
    """Return whether the teacher finds the sentence, and the embedder the passage."""
    own, *others = row["p"]
    return own >= LEAST and own >= LEAD * max(others) and not (english and row.get("rank", 0) >= NEAREST)


def _missed(row: dict[str, Any]) -> bool:
    """Return whether no line answers a near miss likelier than its question."""
    return bool(row["p"][1] >= max(LEAST_NONE, min(0.5, MORE_NONE * row.get("none_of", 0.0))))


def mistyped(text: str, rng: random.Random) -> str:
    """Return a question as typed in a hurry.

    One or two of its longer words have an error; capitals and the question mark are often missing."""
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    for place in rng.sample(long, min(len(long), rng.choice((1, 1, 2)))):
        words[place] = _slip(words[place], rng)
    typed = " ".join(words)
    if rng.random() < 0.6:
        typed = typed.lower()
    return typed.rstrip("?") if rng.random() < 0.6 else typed


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    kind = rng.choice(("swap", "leave", "double", "near"))
    if kind == "swap":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == "leave":
        return word[:at] + word[at + 1 :]
    if kind == "double":
        return word[: at + 1] + word[at:]
    place = _KEYS.find(word[at].lower())
    near = _KEYS[max(0, place - 1)].strip() or word[at]
    return word[:at] + near + word[at + 1 :]


def counts(rows: Sequence[dict[str, Any]], dropped: Counter[str]) -> dict[str, Any]:
    """Return the counts by style, language and corpus."""
    kept = [row for row in rows if row["round_trip"]]
    by_style = Counter(row["style"] for row in rows)
    return {
        "questions": len(rows),
        "round_trip": len(kept),
        "passages": len({row["passage"] for row in kept}),
        "sentences": len({(row["passage"], row["sentence"][0]) for row in kept}),
        "dropped": dict(dropped),
        "style": dict(Counter(row["style"] for row in kept)),
        "style_share_round_trip": {
            s: round(sum(r["style"] == s for r in kept) / n, 3) for s, n in by_style.items()
        },
        "language": dict(Counter(row["language"] for row in kept)),
        "corpus": dict(Counter(_set(row["corpus"]) for row in kept).most_common()),
    }


def _set(corpus: str) -> str:
    return corpus.split("-", maxsplit=1)[0] if corpus.startswith(("written-", "invented-")) else corpus


def main() -> None:
    """Join, filter and count the questions."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", type=Path, required=True, help="what finetune.evidence.passages wrote")
    parser.add_argument("--written", type=Path, required=True, help="folder of finetune.evidence.write")
    parser.add_argument("--out", type=Path, required=True, help="folder for the questions")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    passages = list(read_lines(args.passages))
    dropped: Counter[str] = Counter()
    written = (row for path in sorted(args.written.glob("written-*.jsonl.gz")) for row in read_lines(path))
    rows = list(joined(passages, written, dropped))
    write_lines(args.out / "questions.jsonl.gz", rows)
    counted = counts(rows, dropped)
    (args.out / "counts.json").write_text(json.dumps(counted, indent=1, ensure_ascii=False) + "\n", "utf-8")
    log.info("%s", counted)


if __name__ == "__main__":
    sys.exit(exit_status(main))
