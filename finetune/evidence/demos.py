"""Example notes and questions that show the teacher each style.

A model of 1.5 billion weights does not follow a described style; it follows three examples of it.
"""

from __future__ import annotations

ASK_SYSTEM = (
    "You write the questions that students type about their course notes. For each line that you are told, write one question "
    "that this line answers. The reader of the question cannot see the notes, so it names what it is about."
)
NOTES = """Notes (Statistics 101 › Homework and summaries):
[1] # Homework
[2] Late submissions lose 10 % of the points per day, unless you ask for an extension beforehand.
[3] | Quiz | Date | Room |
[4] | Quiz 2 | May 12 | H4 |
[5] The median is less sensitive to outliers than the mean, because extreme values barely move it.
[6] plt.hist(x, bins=20) draws a histogram with twenty bars."""
CODE_NOTES = """Notes (Data with pandas › Reading and cleaning):
[1] ```python
df = pd.read_csv("grades.csv", sep=";", index_col="id")
df = df.dropna()
```
[2] The argument `sep` says which character stands between two cells.
[3] `df.dropna()` removes the rows that have missing values.
[4] model.fit(X, y, epochs=5) goes through the training data five times."""
STYLES: dict[str, tuple[str, str, str]] = {
    "plain": (
        "Short, direct questions about one fact.",
        NOTES,
        """[2] How many points does a late submission lose per day?
[4] When and where is quiz 2?
[5] Which is less sensitive to outliers, the mean or the median?
[6] Which function draws a histogram?""",
    ),
    "own": (
        "In a student's own words, other words than those of the line.",
        NOTES,
        """[2] what happens to my grade if I hand in the exercises two days after the deadline?
[4] which day is the second short test?
[5] my data has a few crazy numbers, which average can I trust?
[6] how can I see how my values are spread out in python""",
    ),
    "why": (
        "How, why, how come, what if, what for.",
        NOTES,
        """[2] How can I avoid losing points when I hand in my homework late?
[4] What if I am away on May 12, which quiz would I miss?
[5] How come people report the median instead of the mean when there are outliers?
[6] How do I change the number of bars of a histogram?""",
    ),
    "search": (
        "As typed in a hurry into a search box.",
        NOTES,
        """[2] late homework penalty
[4] quiz 2 date room
[5] mean or median with outliers
[6] histogram python number of bars""",
    ),
    "situation": (
        "The student tells their situation, then asks.",
        NOTES,
        """[2] I was ill and my homework will be two days late, how much do I lose?
[4] I want to book a train for May 12, do we have a test that day?
[5] One person in our sample earns millions, should we give the mean or the median income?
[6] My histogram looks too coarse, where do I set how many bars it has?""",
    ),
    "code": (
        "A programmer's questions.",
        CODE_NOTES,
        """[1] how do I load a csv file and use the id column as index?
[2] what does sep do in read_csv
[3] which method throws away rows with missing values?
[4] how often does the model see the data with epochs=5""",
    ),
    "de": (
        "In German.",
        NOTES,
        """[2] Wie viele Punkte verliere ich, wenn ich zwei Tage zu spät abgebe?
[4] In welchem Raum ist das zweite Quiz?
[5] Warum nimmt man bei Ausreißern lieber den Median als den Mittelwert?
[6] Wie zeichne ich ein Histogramm mit zwanzig Balken?""",
    ),
    "es": (
        "In Spanish.",
        NOTES,
        """[2] ¿Cuántos puntos pierdo si entrego la tarea dos días tarde?
[4] ¿En qué aula es el segundo examen corto?
[5] ¿Por qué es mejor usar la mediana que la media cuando hay valores extremos?
[6] ¿Cómo dibujo un histograma con veinte barras?""",
    ),
    "fr": (
        "In French.",
        NOTES,
        """[2] Combien de points est-ce que je perds si je rends mon devoir deux jours en retard ?
[4] Dans quelle salle a lieu le deuxième quiz ?
[5] Pourquoi préférer la médiane à la moyenne quand il y a des valeurs extrêmes ?
[6] Comment tracer un histogramme avec vingt barres ?""",
    ),
}
"""Description, example notes and example questions of each style."""

REWRITE_SYSTEM = (
    "You say a question again in other words, as a student would who does not know the technical terms. The meaning stays the "
    "same. The forbidden words must not appear."
)
REWRITES = (
    (
        "Statistics 101 › Homework",
        "How many points does a late submission lose per day?",
        ("points", "late", "submission", "lose", "day"),
        "what does it cost me if I hand in my homework after the deadline?",
    ),
    (
        "Statistics 101 › Averages",
        "Why is the median less sensitive to outliers than the mean?",
        ("median", "sensitive", "outliers", "mean"),
        "how come the middle value hardly changes when a few numbers are extreme?",
    ),
    (
        "Cell biology › Copying DNA",
        "Which enzyme unwinds the DNA double helix during replication?",
        ("enzyme", "unwinds", "double", "helix", "replication"),
        "what opens up the two strands of DNA when a cell copies it?",
    ),
    (
        "Data with pandas › Cleaning",
        "what does dropna remove",
        ("remove",),
        "which rows are gone after dropna?",
    ),
)
MISS_SYSTEM = (
    "You turn a student's question into one about another thing of the same kind: another exam, another method, another year, another "
    "person, another part. Change one thing and keep the rest. Do not say the same in other words."
)
MISSES = (
    ("Statistics 101 › Homework and quizzes", "which room is quiz 2 in", "which room is quiz 3 in"),
    (
        "Cell biology › Copying DNA",
        "Which enzyme unwinds the DNA double helix?",
        "Which enzyme repairs the DNA double helix?",
    ),
    (
        "Statistics 101 › Homework and quizzes",
        "How many points does a late submission lose per day?",
        "How many points does a missed presentation lose?",
    ),
    (
        "Plots with matplotlib",
        "I want twenty bars, what draws a histogram?",
        "I want twenty slices, what draws a pie chart?",
    ),
    (
        "Europe after 1815",
        "In which year did Prussia leave the German Confederation?",
        "In which year did Bavaria leave the German Confederation?",
    ),
    (
        "Trees and forests",
        "why does a random forest overfit less than a single tree",
        "why does boosting overfit less than a single tree",
    ),
    (
        "Data with pandas › Cleaning",
        "does dropna change my table or return a new one?",
        "does fillna change my table or return a new one?",
    ),
    (
        "A trial of two drugs › Results",
        "How many patients were free of pain after six weeks?",
        "How many patients were free of fever after six weeks?",
    ),
)
"""Topic, question, and the question about another thing."""
CHECK_SYSTEM = "You find the line of the notes that answers a question. Answer with the letter of the line, or Z where no line answers it."
CHECK_NOTES = """Notes (Statistics 101 › Homework and summaries):
A. Late submissions lose 10 % of the points per day, unless you ask for an extension beforehand.
B. | Quiz 2 | May 12 | H4 |
C. The median is less sensitive to outliers than the mean, because extreme values barely move it."""
CHECKS = (
    ("my data has a few crazy numbers, which average can I trust?", "C"),
    ("How many questions does quiz 2 have?", "Z"),
    ("what happens if I hand in the exercises two days after the deadline", "A"),
)
