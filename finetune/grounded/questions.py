"""Questions that follow from a sentence by rule, in the ways students phrase them.

The rules are few and safe: definitions, bold terms, headings that are questions, commented code, key-value
lines. People ask the others (`finetune.grounded.sources`, `finetune.grounded.written`).
"""

from __future__ import annotations

import random
import re

from finetune.grounded.types import Support, TrainingQuestion
from rag.text.sentences import sentences
from rag.text.words import content_words
from rag.types import Chunk

_DEFINITION = re.compile(
    r"^(?:(?:The|A|An)\s+)?(?P<term>[A-Z*_`\"][\w*_`\"'/-]*(?:\s+[\w*_`\"'/()-]+){0,3}?)\s+"
    r"(?:(?:is|are)\s+(?:an?|one of|the (?:process|task|set|number|name|study|type|ability|act|sum|amount|idea)|when|defined as|"
    r"called|(?:models?|methods?|functions?|techniques?|algorithms?|cells?|proteins?|types?|tools?)\b)|"
    r"refers? to|means?|stands? for|describes?|consists? of|denotes?|represents?)\s"
)
_NO_TERM = re.compile(
    r"^(?:this|that|these|those|it|its|there|here|they|we|you|he|she|i|one|another|such|each|all|some|both|what|which|who|how|if|"
    r"when|our|your|my|in|on|at|for|as|but|and|so|then|now|note|however|also|most|many|another|other|of|since|because|let|to|although|"
    r"though|once|thus|hence|while|unfortunately|luckily|fortunately|using|learn|recall|currently|finally|first|second|third|next|"
    r"here's|today|usually|often|sometimes|instead|rather|by|with|from|unlike|like|assume|suppose|consider|remember|"
    r"results?|the (?:purpose|aim|goal|following|answer|data|results?|study|first|second|next|last|idea|problem|only|other|same)|her|his|their)\b",
    re.IGNORECASE,
)
_BOLD_ITEM = re.compile(
    r"^\s*(?:[-*+•]|\d+[.)])?\s*(?:\*\*|__)(?P<term>[^*_\n]{2,60}?):?(?:\*\*|__)\s*[:–—-]?\s*(?P<rest>\S.{25,})",
    re.S,
)
_COMMENT = re.compile(r"^\s*(?:#|//)\s*(?P<what>[A-Z][a-z]+(?:\s[^\n]{6,70}))$")
_VERBS = frozenset(
    "load create define compute build train make get set initialize import split plot save apply add print remove convert install "
    "run use extract select evaluate generate return check read write fit predict count calculate iterate update normalize".split()
)
_WHAT = (
    "What is {t}?",
    "What is {t}?",
    "What is {t}?",
    "What are {t}?",
    "Define {t}.",
    "What does {t} mean?",
    "Explain {t}.",
    "what is meant by {t}",
    "Can you explain what {t} is?",
    "How is {t} defined?",
    "{t}?",
    "Give the definition of {t}.",
    "Tell me about {t}.",
)
_OPENERS = (
    "According to the notes, {q}",
    "Can you tell me {q}",
    "I forgot: {q}",
    "Quick question: {q}",
    "For the exam: {q}",
    "In this course, {q}",
    "Please answer: {q}",
    "Hi, {q}",
    "I want to know {q}",
)


def strip_marks(term: str) -> str:
    """The term without Markdown emphasis, code ticks or quotes."""
    return re.sub(r"^(?:An?|an?)\s", "", re.sub(r"[*_`\"]+", "", term).strip(" .,:;-–"))


def ask_by_rule(chunk: Chunk, index: int, rng: random.Random) -> list[TrainingQuestion]:
    """The questions that the rules find in a passage, at most one for each sentence."""
    found: list[TrainingQuestion] = []
    if chunk.text.lstrip().startswith(("```", "~~~")):
        return _ask_code(chunk, index, rng)
    for position, sentence in enumerate(sentences(chunk.text)):
        asked = _ask_sentence(sentence, rng)
        if not asked and position == 0 and chunk.headings and chunk.headings[-1].rstrip().endswith("?"):
            asked = strip_marks(chunk.headings[-1])
        if asked and 30 <= len(sentence) <= 420:
            found.append(TrainingQuestion(asked, (Support(index, sentence),), origin="rule"))
    return found


def _ask_sentence(sentence: str, rng: random.Random) -> str:
    if match := _BOLD_ITEM.match(sentence):
        term = strip_marks(match["term"])
    elif match := _DEFINITION.match(sentence):
        term = strip_marks(match["term"])
        if len(content_words(term)) == 0 or (len(sentence) - match.end()) < 15:
            return ""
    else:
        return ""
    if _NO_TERM.match(term) or not 2 < len(term) < 60 or not re.search(r"[A-Za-z]{2}", term):
        return ""
    form = rng.choice(_WHAT)
    if term.endswith("s") and "is {t}" in form and not term.endswith("ss"):
        form = form.replace("is {t}", "are {t}")
    return form.format(t=_lower_first(term))


def _lower_first(term: str) -> str:
    """Return the term as it is written inside a sentence.

    An ordinary capitalised first word loses its capital.
    """
    head = term.split(" ", maxsplit=1)[0]
    return term[:1].lower() + term[1:] if head[1:].islower() and len(head) > 1 else term


def _ask_code(chunk: Chunk, index: int, rng: random.Random) -> list[TrainingQuestion]:
    lines = chunk.text.split("\n")
    found = []
    for number, line in enumerate(lines[:-1]):
        match = _COMMENT.match(line)
        following = lines[number + 1].strip()
        if (
            match
            and match["what"].split()[0].lower() in _VERBS
            and len(following) > 8
            and "```" not in following
        ):
            what = match["what"][:1].lower() + match["what"][1:].rstrip(".:")
            form = rng.choice(
                ("How do I {w}?", "Which code is used to {w}?", "How do you {w} in code?", "code to {w}")
            )
            asked = form.format(w=what)
            found.append(
                TrainingQuestion(asked, (Support(index, f"{line}\n{lines[number + 1]}"),), origin="rule")
            )
    return found


def rephrase(question: str, rng: random.Random) -> str:
    """Return the question unchanged, or as people type it.

    That is in lower case, without a mark, with an opener, as bare words, or with a typing error.
    """
    roll = rng.random()
    if roll < 0.60:
        return question
    if roll < 0.72:
        return question.lower().rstrip("?. ")
    if roll < 0.78:
        return question.rstrip("?. ")
    if roll < 0.86:
        return rng.choice(_OPENERS).format(q=_lower_first(question))
    if roll < 0.91:
        return _bare_words(question)
    if roll < 0.95:
        return _typing_slip(question, rng)
    return question.lower()


def _bare_words(question: str) -> str:
    """The question as it is typed into a search box; whole where little would be left."""
    kept = [word for word in question.rstrip("?. ").split() if content_words(word)]
    return " ".join(kept).lower() if len(kept) > 2 else question


def _typing_slip(question: str, rng: random.Random) -> str:
    """The question with two neighbouring letters of one longer word swapped."""
    words = question.split(" ")
    long = [i for i, word in enumerate(words) if len(word) > 5 and word.isalpha() and word.islower()]
    if not long:
        return question
    place = rng.choice(long)
    word = words[place]
    at = rng.randrange(1, len(word) - 2)
    words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)
