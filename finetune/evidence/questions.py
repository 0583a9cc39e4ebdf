"""Prompts for the teacher, and the filters of its answers; no model is needed.

A passage is shown with its sentences numbered, and the teacher writes a question for each of some of them; so
the sentence that answers a question is known without copying it. Then it rewrites questions in other words,
and finally it has to find the sentence that answers each question (`check`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from finetune.evidence import demos
from rag.aliases import Span
from rag.text.sentences import sentence_spans
from rag.text.stop_words import STOP_WORDS
from rag.text.words import content_spans, content_words, tokens

Message = dict[str, str]

MOST_LINES = 24
MOST_ASKED = 4
MOST_SHARED = 1 / 3
MOST_CHANGED = 3
"""Most content words that a near miss may change."""
LANGUAGES = ("de", "es", "fr")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXY"
NONE = "Z"
_MARKUP = re.compile(
    r"^\s*(?:!\[[^\]]*\]\([^)]*\)|<[^>]*>|\[[^\]]*\]\([^)]*\)|[|:\s-]+|#{1,6}\s.*|[-=_*#\s]+)\s*$"
)
_CODE = re.compile(
    r"```|^\s*(?:import|from|def|class|return|for|if)\b.*|[\w\])]\s*=\s*\w+[.(\[]|\w\(\w*\)|[{};]\s*$",
    re.MULTILINE,
)
_LINE = re.compile(r"^\W{0,3}(\d{1,2})\W{0,3}\s+(.+?)\s*$", re.MULTILINE)
_QUOTES = "\"'“”‘’`*_ "
_FOREIGN = re.compile("[\u0400-\u06ff\u2e80-\uffdc]")
_META = re.compile(
    r"^\W*(?:now,? |next,? |so,? |first,? |then,? )*(?:let us|let's|let’s|in (?:the following|this (?:section|chapter|lesson|tutorial|notebook|unit))|we (?:will|shall|should start)|you will learn)\b",
    re.IGNORECASE,
)
_POINTS_AT_TEXT = re.compile(
    r"\b(?:(?:this|these|above|following|given|provided|dieser|diese|dieses|diesem|este|esta|estos|estas|ce|cet|cette|ces)\s+"
    r"(?:study|context|code|article|research|paper|example|figure|table|case|chapter|course|method|function|approach|patient|patients|trial|experiment|model|dataset|equation|formula|algorithm|problem|process|scenario|estudio|estudios|étude|contexto|contexte|studie|kontext|código|passage|text|texto|texte|excerpt|note|notes|notas|notizen|line|lines|línea|ligne|zeile|snippet|sentence|section|paragraph|table above|document|statement)"
    r"|(?:the|des|dem|den|der|el|la|le|du)\s+(?:passage|text|texto|texte|excerpt|notes|notas|notizen|línea|ligne|zeile|snippet|estudio|étude|study|article|author|authors|speaker|document)"
    r"|according to|mentioned|in line \d|line \[?\d)\b",
    re.IGNORECASE,
)
_UNRESOLVED = re.compile(
    r"^(?:\W*(?:what|why|how|when|where|who|which|does|do|did|is|are|was|were|can|could|will|would|should|come|if|has|have|had|be|and|so)\b)*\W*"
    r"(?:he|she|it|they|this|these|those|that|them|its|their)\b(?!\s+(?:take|(?:possible|necessary|better|important|useful|good|bad|hard|easy|ok|okay)(?:\s+\w+){0,3}\s+(?:to|if|when|that))\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A passage with its sentences as they are numbered, from 1."""

    context: str
    text: str
    spans: tuple[Span, ...]

    @property
    def lines(self) -> list[str]:
        """The sentences, each on one line, but for code."""
        texts = [self.text[a:b] for a, b in self.spans]
        return [text if text.startswith("```") else " ".join(text.split()) for text in texts]

    def numbered(self, names: Sequence[str]) -> str:
        """The sentences under their context, each after its name in brackets."""
        lines = "\n".join(
            f"[{name}] {_shortened(line)}" for name, line in zip(names, self.lines, strict=False)
        )
        return f"Notes ({self.context}):\n{lines}" if self.context else f"Notes:\n{lines}"


def shown(context: str, text: str) -> Shown:
    """A passage cut into its sentences; of code, into its lines."""
    return Shown(context, text, tuple(sentence_spans(text)[:MOST_LINES]))


def _shortened(line: str, most: int = 700) -> str:
    return line if len(line) <= most else line[:most] + " ..."


def worth_asking(shown_: Shown) -> list[int]:
    """The numbers, from 1, of the sentences that state something."""
    return [number for number, line in enumerate(shown_.lines, 1) if states(line)]


def states(line: str) -> bool:
    """Return whether a sentence states something that can be asked for."""
    return (
        len(line) >= 25
        and not _MARKUP.match(line)
        and not _META.match(line)
        and not line.endswith((":", "?"))
        and sum(word not in STOP_WORDS for word in tokens(line)) >= 3
    )


def is_code(text: str) -> bool:
    """Return whether a passage is mostly code."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "```" in text or sum(bool(_CODE.search(line)) for line in lines) > len(lines) / 2


def ask(shown_: Shown, numbers: Sequence[int], style: str) -> list[Message]:
    """Return the prompt for one question in a style about each numbered sentence."""
    called, notes, written = demos.STYLES[style]
    names = [str(n) for n in range(1, len(shown_.spans) + 1)]
    return [
        {"role": "system", "content": demos.ASK_SYSTEM},
        {"role": "user", "content": _task(notes, re.findall(r"^\[(\d+)\]", written, re.MULTILINE), called)},
        {"role": "assistant", "content": written},
        {"role": "user", "content": _task(shown_.numbered(names), numbers, called)},
    ]


def _task(notes: str, numbers: Sequence[int | str], called: str) -> str:
    return f"{notes}\n\nQuestions for {', '.join(f'[{n}]' for n in numbers)}. {called}"


def rewrite(question: str, forbidden: Sequence[str], about: str) -> list[Message]:
    """Return the prompt for a question in other words than the forbidden ones."""
    messages = [{"role": "system", "content": demos.REWRITE_SYSTEM}]
    for topic, before, words, after in (*demos.REWRITES, (about, question, tuple(forbidden), "")):
        task = f"Topic: {topic}\nQuestion: {before}\nForbidden words: {', '.join(words)}"
        messages.append({"role": "user", "content": task})
        messages.append({"role": "assistant", "content": after})
    return messages[:-1]


def miss(question: str, about: str) -> list[Message]:
    """Return the prompt for a near miss: the question about another thing.

    The notes are not shown: a small model would take the other thing from them.
    """
    return turned(demos.MISS_SYSTEM, demos.MISSES, question, about)


def turned(system: str, examples: Sequence[tuple[str, str, str]], question: str, about: str) -> list[Message]:
    """Return the prompt for a question made of another on the same topic.

    The `examples` are a topic, a question, and the question made of it.
    """
    messages = [{"role": "system", "content": system}]
    for topic, before, after in (*examples, (about, question, "")):
        messages.append({"role": "user", "content": f"Topic: {topic}\nQuestion: {before}"})
        messages.append({"role": "assistant", "content": after})
    return messages[:-1]


def kept_miss(before: str, after: str, notes: str) -> bool:
    """Return whether a near miss asks about a thing that the notes do not have.

    Of the words that it changes the notes must have one, and they must have none of its new words, nor may
    one of these be a form of a changed word.
    """
    old, new, there = (set(content_words(text)) for text in (before, after, notes))
    gone, come = old - new, new - old
    if not come or not gone & there or max(len(gone), len(come)) > MOST_CHANGED:
        return False
    if 2 * len(old & new) < len(old):
        return False
    known = any(word in there or (len(word) > 2 and word in notes.lower()) for word in come)
    form = any(word[:4] == other[:4] and not word.isdigit() for word in come for other in gone)
    return not known and not form


def forbidden(question: str, sentence: str) -> list[str]:
    """Return the plain words that a question shares with its sentence.

    Names and numbers are left out: a student knows them."""
    there = set(content_words(sentence))
    found = []
    for word, start, end in content_spans(question):
        written = question[start:end]
        if word in there and written.islower() and written.isalpha():
            found.append(written)
    return list(dict.fromkeys(found))


def check(shown_: Shown) -> tuple[list[Message], str, list[str]]:
    """Return the prompt for the sentence that answers a question, and the choices.

    The second part goes before the question, at the end of the messages.
    """
    letters = list(_LETTERS[: len(shown_.spans)])
    messages = [{"role": "system", "content": demos.CHECK_SYSTEM}]
    for place, (question, letter) in enumerate(demos.CHECKS):
        notes = f"{demos.CHECK_NOTES}\n\n" if not place else ""
        messages.append({"role": "user", "content": f"{notes}Question: {question}"})
        messages.append({"role": "assistant", "content": letter})
    lines = "\n".join(f"{a}. {_shortened(line)}" for a, line in zip(letters, shown_.lines, strict=True))
    head = f"Notes ({shown_.context}):" if shown_.context else "Notes:"
    return messages, f"{head}\n{lines}\n\nQuestion: ", [*letters, NONE]


def asked(answer: str, numbers: Sequence[int], finished: bool = True) -> list[tuple[int, str]]:
    """Return the questions of an answer with the numbers of their sentences.

    The last one counts only where the answer is finished."""
    body = answer if finished else answer.rpartition("\n")[0]
    found = [(int(number), question.strip(_QUOTES)) for number, question in _LINE.findall(body)]
    return list(dict.fromkeys((number, question) for number, question in found if number in numbers))


def shared(question: str, sentence: str) -> float:
    """The share of the question's content words that its sentence has too."""
    words = set(content_words(question))
    return len(words & set(content_words(sentence))) / len(words) if words else 0.0


def kept_rewrite(before: str, after: str, sentence: str) -> bool:
    """Return whether a rewritten question is new and in its own words.

    At most a third of its plain words may occur in the sentence."""
    words = [w for w, a, b in content_spans(after) if after[a:b].islower() and after[a:b].isalpha()]
    there = set(content_words(sentence))
    shares = sum(word in there for word in words)
    return (
        bool(content_words(after)) and shares <= MOST_SHARED * len(words) and _plain(before) != _plain(after)
    )


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def wrong(question: str, sentence: str) -> str:
    """Return the reason why a question is useless, in one word, or nothing."""
    if reason := odd(question):
        return reason
    if _POINTS_AT_TEXT.search(question):
        return "points"
    if _UNRESOLVED.search(question):
        return "unresolved"
    if _plain(question) in _plain(sentence) and len(question.split()) > 4:
        return "copied"
    return "" if content_words(question) else "empty"


def odd(question: str) -> str:
    """Return the reason why the shape of a question is useless, or nothing."""
    words = re.findall(r"\w+", question)
    if not len(words) >= 2 or len(question) < 8:
        return "short"
    if len(words) > 36 or len(question) > 220:
        return "long"
    if _FOREIGN.search(question):
        return "script"
    return "number" if re.search(r"\[\d+\]", question) else ""


_FUNCTION_WORDS = {
    "de": "der die das und ist wie was warum welche welcher welches wann wo wer ich man wird werden kann mit für ein eine einen den dem bei nicht zu von im wenn mein meine sind wieviele viele".split(),
    "es": "el la los las qué cómo cuál cuáles cuándo dónde quién por para es una un en con del se mi puedo son está si cuántos cuántas hay que al".split(),
    "fr": "le la les qu est ce que quel quelle quels quelles comment pourquoi quand où qui un une des du dans pour avec je mon ma on sont combien si au aux et il".split(),
    "en": "the is what how why which when where who a an of to in for do does i my can if are was we and on with it did be".split(),
}


def language_of(text: str) -> str:
    """Return the language of a question by its small words, `en` by default."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    counts = {name: sum(word in small for word in words) for name, small in _FUNCTION_WORDS.items()}
    best = max(counts, key=lambda name: (counts[name], name == "en"))
    return best if counts[best] else "en"
