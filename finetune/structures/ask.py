"""Prompts in which a teacher asks for lists, and says if a list answers."""

from __future__ import annotations

from collections.abc import Sequence

Messages = list[dict[str, str]]
LEADS = {
    "own": "Write one question that a student of the course asks and that the whole list answers.",
    "other": "Write one question that a student of the course asks and that the whole list answers. Use other words than the heading.",
    "search": "Write what a student types into a search box to get the whole list: a few words, no question mark.",
    "count": "Write one question of a student that asks how many there are of what the list has.",
    "told": "Write one request of a student that tells a tutor to list what the list has.",
    "de": "Write one question in German that the whole list answers.",
    "es": "Write one question in Spanish that the whole list answers.",
    "item": "Write one question of a student that a single item of the list answers.",
    "miss": "Write one question of a student about the same subject that neither the list nor any item of it answers.",
}
"""Forms of a question and how it is asked for. The last two are questions that the list as a whole does not answer."""
WHOLE = ("own", "other", "search", "count", "told", "de", "es")
_WINDOWS = "Lesson: Greenhouses\nHeading: Watering systems\nBefore the list: Three systems are in use on the farm.\n- Drip lines under the soil\n- Sprinklers on the roof beams\n- Flood tables for seedlings"
_TABLE = "Lesson: Course guide\nHeading: What counts\nColumns: Part | Share | When\n- Field book | 25 % | every week\n- Talk | 15 % | week 9\n- Written test | 60 % | 12 June"
_HEADINGS = "Lesson: Bread\nHeading: From flour to loaf\n- Kneading\n- First rise\n- Shaping\n- Baking"
_DEMOS = (
    (_WINDOWS, {
        "own": "Which watering systems are in use on the farm?",
        "other": "In what ways do the plants get their water there?",
        "search": "farm watering systems",
        "count": "How many systems does the farm water with?",
        "told": "Name all watering systems of the farm.",
        "de": "Welche Bewässerungssysteme gibt es auf dem Hof?",
        "es": "¿Qué sistemas de riego se usan en la granja?",
        "item": "How are the seedlings watered?",
        "miss": "How much water does the farm use a day?",
    }),
    (_TABLE, {
        "own": "What are the parts of the grade and how much does each count?",
        "other": "What do I have to do in this course to get marks?",
        "search": "assessment parts weights",
        "count": "How many pieces of work are graded?",
        "told": "List everything that is graded with its share.",
        "de": "Aus welchen Teilen besteht die Note?",
        "es": "¿De qué partes se compone la nota?",
        "item": "When is the written test?",
        "miss": "Who grades the field book?",
    }),
    (_HEADINGS, {
        "own": "What are the steps from flour to a loaf of bread?",
        "other": "How is bread made, step by step?",
        "search": "bread making steps order",
        "count": "How many stages does the bread go through?",
        "told": "Walk me through the stages of making bread.",
        "de": "Welche Schritte führen vom Mehl zum Brot?",
        "es": "¿Cuáles son los pasos para hacer pan?",
        "item": "What comes after the first rise?",
        "miss": "How long does a loaf stay fresh?",
    }),
)  # fmt: skip
"""Lists invented for this, with a question of each form."""
MOST_ITEMS, ITEM_CHARS, INTRO_CHARS = 12, 110, 300


def shown(title: str, headings: Sequence[str], intro: str, head: Sequence[str], items: Sequence[str]) -> str:
    """Return a list or a table as the prompts show it."""
    lines = [f"Lesson: {title}"]
    lines += [f"Heading: {headings[-1]}"] if headings and headings[-1] != title else []
    lines += [f"Before the list: {intro[-INTRO_CHARS:]}"] if intro else []
    lines += [f"Columns: {' | '.join(head)}"] if any(head) else []
    lines += [f"- {item[:ITEM_CHARS]}" for item in items[:MOST_ITEMS]]
    lines += [f"({len(items) - MOST_ITEMS} more)"] if len(items) > MOST_ITEMS else []
    return "\n".join(lines)


def asking(text: str, form: str) -> Messages:
    """Return the messages that ask for a question about a list."""
    turns: Messages = [{"role": "system", "content": f"{LEADS[form]} Write the question and nothing else."}]
    for demo, questions in _DEMOS:
        turns.append({"role": "user", "content": demo})
        turns.append({"role": "assistant", "content": questions[form]})
    return [*turns, {"role": "user", "content": text}]


CHOICES = ("A", "B", "C")
_CHECK = "Say what answers the question. A: the list as a whole. B: a single item of the list. C: nothing in the list. Answer with one letter."


def checking(text: str, question: str) -> Messages:
    """Return the messages that ask what of a list answers a question.

    The answer is one of `CHOICES`."""
    turns: Messages = [{"role": "system", "content": _CHECK}]
    for (demo, questions), form in zip(
        _DEMOS * 2, ("other", "item", "count", "miss", "own", "item"), strict=True
    ):
        letter = "A" if form in WHOLE else "B" if form == "item" else "C"
        turns.append({"role": "user", "content": f"{demo}\n\nQuestion: {questions[form]}"})
        turns.append({"role": "assistant", "content": letter})
    return [*turns, {"role": "user", "content": f"{text}\n\nQuestion: {question}"}]
