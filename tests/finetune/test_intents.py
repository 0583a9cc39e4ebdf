from finetune.intents import learn_intents

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
    assert known.accuracy(said, ["refund", "cancel", "cancel"]) == 2 / 3


def test_without_two_intents_there_is_nothing_to_tell_apart():
    assert learn_intents(ANSWERS, ["same"] * 20) is None
