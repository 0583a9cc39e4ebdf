"""Fixed sentences of answers that are not from the notes.

They are in the language of the question. One table: a language is added by a row. A language without one gets English.
"""

from __future__ import annotations

from dataclasses import dataclass

from rag.prompt import ABSTENTION
from rag.text.scripts import detected_language

REFUSAL = ABSTENTION
EXTRACT_LEAD = "Closest in your notes, not a direct answer:"
UNCONFIRMED_LEAD = "The model wrote this, and none of it is found in your notes:"


@dataclass(frozen=True, slots=True)
class Texts:
    """The sentences of one language."""

    refusal: str
    extract_lead: str
    greeting: str
    thanks: str
    help: str
    other_version: str
    in_your_notes: str


_ENGLISH = Texts(
    REFUSAL,
    EXTRACT_LEAD,
    "Hello! Ask me about your notes, or ask what I can do.",
    "You are welcome. Ask on whenever you like.",
    "I am Lectern. I answer questions from your own course notes, on this machine, and show the passage behind every "
    "sentence. Ask for a fact, a definition, an explanation, a list, a comparison, the code for something or a summary "
    "of a lecture; follow-up questions work too. If the notes do not have the answer, I show what is closest or say so.",
    "Another version:",
    "In your notes:",
)
_TEXTS = {
    "de": Texts(
        "In den Unterlagen steht dazu nichts.",
        "Das Nächstliegende in deinen Unterlagen, keine direkte Antwort:",
        "Hallo! Frag mich zu deinen Unterlagen, oder frag, was ich kann.",
        "Gern geschehen. Frag jederzeit weiter.",
        "Ich bin Lectern. Ich beantworte Fragen aus deinen eigenen Unterlagen, auf diesem Rechner, und zeige zu jedem Satz die "
        "Textstelle. Frag nach einer Tatsache, Definition, Erklärung, Liste, einem Vergleich, Code oder der Zusammenfassung einer "
        "Vorlesung; auch Nachfragen gehen. Steht die Antwort nicht in den Unterlagen, zeige ich das Nächstliegende oder sage es.",
        "Eine andere Fassung:",
        "In deinen Unterlagen:",
    ),
    "es": Texts(
        "Los apuntes no lo dicen.",
        "Lo más cercano en tus apuntes, no una respuesta directa:",
        "¡Hola! Pregúntame sobre tus apuntes, o pregunta qué sé hacer.",
        "De nada. Pregunta lo que quieras.",
        "Soy Lectern. Respondo preguntas con tus propios apuntes, en este equipo, y muestro el pasaje de cada frase. Pide un dato, una "
        "definición, una explicación, una lista, una comparación, código o el resumen de una clase; también puedes seguir "
        "preguntando. Si la respuesta no está en los apuntes, muestro lo más cercano o lo digo.",
        "Otra versión:",
        "En tus apuntes:",
    ),
    "fr": Texts(
        "Les notes ne le disent pas.",
        "Le plus proche dans vos notes, pas une réponse directe :",
        "Bonjour ! Interrogez-moi sur vos notes, ou demandez ce que je sais faire.",
        "Je vous en prie. Continuez quand vous voulez.",
        "Je suis Lectern. Je réponds à partir de vos propres notes, sur cette machine, et je montre le passage de chaque phrase. "
        "Demandez un fait, une définition, une explication, une liste, une comparaison, du code ou le résumé d'un cours. Si les "
        "notes n'ont pas la réponse, je montre le plus proche ou je le dis.",
        "Une autre version :",
        "Dans tes notes :",
    ),
    "pt": Texts(
        "Os apontamentos não o dizem.",
        "O mais próximo nos seus apontamentos, não uma resposta direta:",
        "Olá! Pergunte-me sobre os seus apontamentos, ou pergunte o que sei fazer.",
        "De nada. Pergunte quando quiser.",
        "Sou o Lectern. Respondo a partir dos seus próprios apontamentos, nesta máquina, e mostro a passagem de cada frase. Peça um "
        "facto, uma definição, uma explicação, uma lista, uma comparação, código ou o resumo de uma aula. Se os apontamentos não "
        "têm a resposta, mostro o mais próximo ou digo-o.",
        "Outra versão:",
        "Nas tuas notas:",
    ),
    "ru": Texts(
        "В конспектах этого нет.",
        "Ближайшее в ваших конспектах, не прямой ответ:",
        "Здравствуйте! Спросите о своих конспектах или о том, что я умею.",
        "Пожалуйста. Спрашивайте ещё.",
        "Я Lectern. Я отвечаю по вашим собственным конспектам, на этом компьютере, и показываю отрывок для каждого предложения. "
        "Спросите факт, определение, объяснение, список, сравнение, код или краткое содержание лекции. Если ответа в конспектах "
        "нет, я покажу ближайшее или скажу об этом.",
        "Другая версия:",
        "В твоих записях:",
    ),
    "zh": Texts(
        "笔记中没有提到。",
        "笔记中最接近的内容，并非直接回答：",
        "你好！请询问你的笔记，或者问我能做什么。",
        "不客气。随时可以继续问。",
        "我是 Lectern。我在本机上根据你自己的课程笔记回答问题，并显示每句话所依据的段落。可以询问事实、定义、解释、列表、比较、"
        "代码或某一讲的摘要，也可以追问。如果笔记中没有答案，我会显示最接近的内容或如实说明。",
        "另一个版本：",
        "你的笔记中：",
    ),
    "ar": Texts(
        "لا تذكر الملاحظات ذلك.",
        "الأقرب في ملاحظاتك، وليس إجابة مباشرة:",
        "مرحبًا! اسألني عن ملاحظاتك، أو اسأل عما أستطيع فعله.",
        "على الرحب والسعة. اسأل متى شئت.",
        "أنا Lectern. أجيب عن الأسئلة من ملاحظاتك أنت، على هذا الجهاز، وأعرض المقطع الذي تستند إليه كل جملة. اطلب معلومة أو تعريفًا "
        "أو شرحًا أو قائمة أو مقارنة أو شيفرة أو ملخص محاضرة. وإن لم تكن الإجابة في الملاحظات عرضتُ الأقرب أو قلتُ ذلك.",
        "نسخة أخرى:",
        "في ملاحظاتك:",
    ),
}
REFUSALS = frozenset({REFUSAL, *(texts.refusal for texts in _TEXTS.values())})
"""The refusals of all languages."""


def texts_for(question: str) -> Texts:
    """Return the sentences in the language of a question."""
    return _TEXTS.get(detected_language(question), _ENGLISH)
