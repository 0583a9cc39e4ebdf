"""Fixed sentences are in the language of the question."""

from __future__ import annotations

import pytest

from rag.answer.route import Route
from rag.answer.talk import talk_draft
from rag.answer.texts import REFUSAL, REFUSALS, texts_for


@pytest.mark.parametrize(
    ("question", "refusal"),
    [
        ("Who won the cup in 1954?", REFUSAL),
        ("Wer hat die Meisterschaft gewonnen?", "In den Unterlagen steht dazu nichts."),
        ("¿Quién ganó la copa en 1954?", "Los apuntes no lo dicen."),
        ("Qui est le président de la République ?", "Les notes ne le disent pas."),
        ("Quem foi o primeiro rei de Portugal e como se chamava ele?", "Os apontamentos não o dizem."),
        ("Кто выиграл чемпионат и когда это было?", "В конспектах этого нет."),
        ("谁赢得了1954年的世界杯？", "笔记中没有提到。"),
        ("من فاز بكأس العالم؟", "لا تذكر الملاحظات ذلك."),
        ("Nyquist?", REFUSAL),
        ("Kuka voitti ja mikä oli tulos?", REFUSAL),
    ],
)
def test_a_refusal_is_in_the_language_of_the_question(question: str, refusal: str) -> None:
    assert texts_for(question).refusal == refusal
    assert refusal in REFUSALS


def test_small_talk_answers_in_its_language() -> None:
    assert talk_draft(Route.GREETING, "Hello!").text.startswith("Hello!")
    assert talk_draft(Route.HELP, "Was kannst du für mich tun?").text.startswith("Ich bin Lectern.")
    assert talk_draft(Route.THANKS, "谢谢你！").text.startswith("不客气")
