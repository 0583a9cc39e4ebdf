"""Sentence boundaries in the rough English of notes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.sentences import sentence_spans, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It weighs 430 g. Ignore the rest.", ["It weighs 430 g.", "Ignore the rest."]),
        ("Set k1 = 1.2 first. Then go.", ["Set k1 = 1.2 first.", "Then go."]),
        ("See e.g. BM25 for this. End", ["See e.g. BM25 for this.", "End"]),
        ("Ring Ada, Tel. 5530, abt. 9:00. Or write.", ["Ring Ada, Tel. 5530, abt. 9:00.", "Or write."]),
        (
            "The U.S. Army left. It is due Fri. The room is 4.",
            ["The U.S. Army left.", "It is due Fri.", "The room is 4."],
        ),
        ("Due Mon. 5 May, see Sect. 3.2 of it. Go.", ["Due Mon. 5 May, see Sect. 3.2 of it.", "Go."]),
        (
            "The noise is\n\n$$ e = 0.29\\, V . $$\n\nand small.",
            ["The noise is", "$$ e = 0.29\\, V . $$", "and small."],
        ),
        ("By S. Robertson. Next.", ["By S. Robertson.", "Next."]),
        ("It is in Hall A. The resit too.", ["It is in Hall A.", "The resit too."]),
        ("It helps. [1] More [2][3]. End. [4]", ["It helps. [1]", "More [2][3].", "End. [4]"]),
        ("- item one\n- item two. More\n\nNew", ["- item one", "- item two.", "More", "New"]),
        ("A wrapped\nline stays. So.", ["A wrapped\nline stays.", "So."]),
        ("1. First step\n2. Second step", ["1. First step", "2. Second step"]),
        ("Run:\n```\na. b. c.\n```\nDone.", ["Run:", "```\na. b. c.\n```", "Done."]),
        ("Run:\n```\na. b.\n ```\nDone.", ["Run:", "```\na. b.\n ```", "Done."]),
        ("| a | b |\n| 1. | 2 |", ["| a | b |", "| 1. | 2 |"]),
        (
            "Rates:\nMode | Rate\nSlow | 1.5\nFast | 9\nDone. So.",
            ["Rates:", "Mode | Rate", "Slow | 1.5", "Fast | 9", "Done.", "So."],
        ),
        ("We know\nP(a | b) here. So.", ["We know\nP(a | b) here.", "So."]),
        ("- `Week 2`: Owls. **(2024.07.02)**\n- More", ["- `Week 2`: Owls. **(2024.07.02)**", "- More"]),
        ("Week 2: Owls. (2024.07.02) [1]", ["Week 2: Owls. (2024.07.02) [1]"]),
        ("Owls hunt. (They also rest.) Often.", ["Owls hunt.", "(They also rest.)", "Often."]),
        ("## 03. Owls\n\nThey hunt.", ["## 03. Owls", "They hunt."]),
        ("# Owls. A note\nThey hunt. Often.", ["# Owls. A note", "They hunt.", "Often."]),
        ("", []),
        ("  \n ", []),
    ],
)
def test_boundaries(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(max_size=300))
def test_spans_are_ordered_disjoint_and_cover_every_visible_character(text: str) -> None:
    spans = sentence_spans(text)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    outside = set(range(len(text))) - {i for start, end in spans for i in range(start, end)}
    assert all(text[i].isspace() for i in outside)


@pytest.mark.timeout(60)
def test_long_lines_are_split_in_time_that_grows_with_their_length() -> None:
    """The text before and after every stop was copied, and a row of dots tried from each of them."""
    assert len(sentences("The owl sleeps. " * 200_000)) == 200_000
    assert sentences("." * 1_000_000 + "x") == ["." * 1_000_000 + "x"]


IN_MANY_LANGUAGES = {
    "German": [
        "Die Abgabe ist am 17. Juli um 12 Uhr.",
        "Im 19. Jahrhundert, z. B. unter Ludwig XIV. König, galt das nicht.",
        "Vgl. Abb. 3 und Kap. 2, d. h. den Anfang.",
        "Es endet am 3. Danach folgen Übungen, Beispiele usw. Die Antwort ist 42.",
    ],
    "French": [
        "M. Dupont et Mme Curie ont mesuré la masse, cf. Fig. 2 de la p. 12.",
        "Est-ce que la loi est vraie ?",
        "Le prof. Durand le dit en 1905.",
    ],
    "Spanish": [
        "El Dr. Ruiz y la Sra. Gómez dan la clase, p. ej. en la pág. 12.",
        "¿Cuándo es el examen?",
        "¡Es el lunes!",
    ],
    "Italian": ["Il prof. Rossi spiega, ad es. nella fig. 3, la legge.", "La prova è il 3 maggio."],
    "Portuguese": ["O Prof. Silva e a Sra. Costa ensinam na pág. 12 do cap. 3.", "A prova é na segunda."],
    "Dutch": ["Zie bijv. Fig. 3 en blz. 12 van hfst. 2.", "Het tentamen van dhr. Jansen is op 3 mei."],
    "Swedish": ["Se t.ex. Fig. 3 och kap. 2 för mer.", "Provet är den 3 maj."],
    "Polish": ["Wykład prowadzi prof. Nowak, por. rys. 3 i tab. 2.", "Egzamin jest 17. czerwca."],
    "Turkish": ["Bu konu 17. Bölüm ve II. Dünya Savaşı ile ilgilidir, bkz. Şekil 3.", "Sınav pazartesi olacak."],
    "Russian": ["См. рис. 3 и табл. 2, т. е. начало главы.", "Лекцию читает проф. Иванов.", "Это было в 1990 г. Затем всё изменилось."],
    "Chinese": ["细胞膜是半透膜。", "它控制物质进出！", "老师说：“明天考试。”然后离开了。"],
    "Japanese": ["細胞膜は半透膜である。", "「なぜですか。教えて。」と学生は聞いた。", "答えは簡単だ。"],
    "Arabic": ["متى الامتحان؟", "الامتحان يوم الاثنين."],
    "Hindi": ["कोशिका जीवन की इकाई है।", "परीक्षा सोमवार को है।"],
    "Greek": ["Βλ. σελ. 12, π.χ. τον πίνακα.", "Η εξέταση είναι τη Δευτέρα."],
}  # fmt: skip


@pytest.mark.parametrize("language", IN_MANY_LANGUAGES)
def test_sentences_of_many_languages(language: str) -> None:
    """Each item is one sentence, except those that say otherwise in German and Russian."""
    expected = [
        part for item in IN_MANY_LANGUAGES[language] for part in item.replace("usw. Die", "usw.\0Die").replace(
            "am 3. Danach", "am 3.\0Danach"
        ).replace("1990 г. Затем", "1990 г.\0Затем").split("\0")
    ]  # fmt: skip
    between = "" if language in {"Chinese", "Japanese"} else " "
    assert sentences(between.join(IN_MANY_LANGUAGES[language])) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It has 17. July follows.", ["It has 17.", "July follows."]),
        ("The answer is 42. Berlin is large.", ["The answer is 42.", "Berlin is large."]),
        ("Das Ergebnis ist 42. Beispiel 3 zeigt das.", ["Das Ergebnis ist 42.", "Beispiel 3 zeigt das."]),
        ("World War II. The end.", ["World War II.", "The end."]),
        ('She asked "why?" and left. So.', ['She asked "why?" and left.', "So."]),
        (
            "lecturer: Prof. Iwu\ndate: 2026-02-17\nroom: 4",
            ["lecturer: Prof. Iwu", "date: 2026-02-17", "room: 4"],
        ),
        ("We fit the model\nnote: slowly. Yes.", ["We fit the model\nnote: slowly.", "Yes."]),
    ],
)
def test_numbers_quotes_and_named_values(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected
