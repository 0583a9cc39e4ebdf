from finetune.intents import MOST_ANSWERS, learn_intents

ANSWERS = [
    "your refund is on its way",
    "we cancel the order at once",
    "the refund was paid",
    "order cancelled",
] * 5
INTENTS = ["refund", "cancel", "refund", "cancel"] * 5


def test_an_answer_counts_for_the_intent_its_words_serve():
    known = learn_intents(ANSWERS, INTENTS)
    said = ["a refund will be paid", "I cancel your order", "a refund again"]
    assert known.right(said, ["refund", "cancel", "cancel"]) == [1.0, 1.0, 0.0]
    assert known.right([], []) == []


def test_without_two_intents_there_is_nothing_to_tell_apart():
    assert learn_intents(ANSWERS, ["same"] * 20) is None


def test_never_more_answers_are_learnt_from_than_the_most():
    """Of 2 n - 1 answers every second one: the words that only the others hold are not known."""
    answers = [f"{'even' if n % 2 == 0 else 'odd'} answer" for n in range(2 * MOST_ANSWERS - 1)]
    known = learn_intents(answers, [str(n // 2 % 2) for n in range(len(answers))])
    assert set(known.pipeline[0].vocabulary_) == {"even", "answer", "even answer"}
