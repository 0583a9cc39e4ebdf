"""Overlap of an answer with a reference in characters and words.

Exact match, token F1, ROUGE-L and chrF are in [0, 1]. Citation marks are removed first;
`eval.metrics.citation_metrics` scores them.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

from rag.prompt import without_citations
from rag.text.notation import plain_notation

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_WORD = re.compile(r"[a-z0-9]+")
CHRF_ORDER = 6
CHRF_BETA = 2.0


def normalized(text: str) -> str:
    """Return the text in lower case without punctuation, articles and extra space.

    Formulas come into one notation first, so that `10⁸`, `10^8` and `$10^{8}$` compare equal.

    Source: `normalize_answer` of the official SQuAD 1.1 evaluation script (Rajpurkar et al. 2016).
    """
    bare = plain_notation(without_citations(text)).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(answer: str, reference: str) -> float:
    """Return 1.0 when the normalized texts are the same, else 0.0."""
    return float(normalized(answer) == normalized(reference))


def contains(answer: str, reference: str) -> float:
    """Return 1.0 when the answer contains the reference as whole words, else 0.0.

    Both are normalized; an empty reference scores 0.0.
    """
    wanted = normalized(reference)
    return float(bool(wanted) and f" {wanted} " in f" {normalized(answer)} ")


def token_f1(answer: str, reference: str) -> float:
    """Return the F1 over the bags of normalized words; 1.0 when both are empty.

    Source: `f1_score` of the SQuAD 1.1 script; the case of no words follows the SQuAD 2.0 script.
    """
    found, wanted = normalized(answer).split(), normalized(reference).split()
    if not found or not wanted:
        return float(found == wanted)
    common = sum((Counter(found) & Counter(wanted)).values())
    return 2 * common / (len(found) + len(wanted))


def rouge_l(answer: str, reference: str) -> float:
    """Return the F1 over the longest common subsequence of words; 0.0 without any.

    Source: Lin (2004), ROUGE-L at sentence level with beta = 1, words as in Google's `rouge_score` without
    stemming.
    """
    found = _WORD.findall(without_citations(answer).lower())
    wanted = _WORD.findall(reference.lower())
    common = _longest_common_subsequence(found, wanted)
    return 2 * common / (len(found) + len(wanted)) if common else 0.0


def chrf(answer: str, reference: str) -> float:
    """Return chrF, the F2 over character n-grams of length 1 to 6 without white space.

    It is 0.0 when either text is empty.

    Source: Popović (2015); as sacreBLEU's sentence-level chrF2 (lengths that neither text reaches are left
    out).
    """
    found = "".join(without_citations(answer).split())
    wanted = "".join(reference.split())
    precision = recall = 0.0
    orders = 0
    for order in range(1, CHRF_ORDER + 1):
        a, b = _ngrams(found, order), _ngrams(wanted, order)
        if not a or not b:
            continue
        common = sum((a & b).values())
        precision += common / sum(a.values())
        recall += common / sum(b.values())
        orders += 1
    if not orders or not precision + recall:
        return 0.0
    precision, recall = precision / orders, recall / orders
    squared = CHRF_BETA**2
    return (1 + squared) * precision * recall / (squared * precision + recall)


MEASURES: dict[str, Callable[[str, str], float]] = {
    "exact_match": exact_match,
    "contains_answer": contains,
    "token_f1": token_f1,
    "rouge_l": rouge_l,
    "chrf": chrf,
}
"""Metric name to function of answer and reference."""


def best_over(measure: Callable[[str, str], float], answer: str, references: Sequence[str]) -> float:
    """Return the best score over the references, each right on its own.

    It is 0.0 without any.
    """
    return max((measure(answer, reference) for reference in references), default=0.0)


def _longest_common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    lengths = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b, 1):
            above = lengths[j]
            lengths[j] = diagonal + 1 if word == other else max(above, lengths[j - 1])
            diagonal = above
    return lengths[-1]


def _ngrams(text: str, order: int) -> Counter[str]:
    return Counter(text[i : i + order] for i in range(len(text) - order + 1))
