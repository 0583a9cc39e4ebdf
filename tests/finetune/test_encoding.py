import pytest

from finetune.encoding import IGNORED, encode, encode_all
from rag.errors import DatasetError


def _row(*contents: str) -> list[dict[str, str]]:
    return [
        {"role": "user" if n % 2 == 0 else "assistant", "content": text} for n, text in enumerate(contents)
    ]


def test_only_the_answer_and_the_token_that_ends_it_are_trained(tokenizer):
    encoded = encode(tokenizer, _row("how are you", "very well"))
    assert (
        tokenizer.decode(encoded.input_ids) == "<user> how are you <end> <line> <assistant> very well <end>"
    )
    trained = [
        token for token, label in zip(encoded.input_ids, encoded.labels, strict=True) if label != IGNORED
    ]
    assert tokenizer.decode(trained) == "very well <end>"
    assert encoded.trained_tokens == 3


def test_every_answer_of_a_conversation_is_trained(tokenizer):
    encoded = encode(tokenizer, _row("one", "two", "three", "four five"))
    trained = [label for label in encoded.labels if label != IGNORED]
    assert tokenizer.decode(trained) == "two <end> four five <end>"


def test_a_row_without_an_answer_is_refused(tokenizer):
    with pytest.raises(DatasetError, match="no assistant turn"):
        encode(tokenizer, _row("only a question"))


def test_rows_longer_than_the_context_are_counted(tokenizer):
    rows = [_row("a", "b"), _row("a b c d e f g", "h i j")]
    kept, too_long = encode_all(tokenizer, rows, context_tokens=8)
    assert (len(kept), too_long) == (1, 1)


def test_a_template_that_rewrites_earlier_turns_is_refused(tokenizer, monkeypatch):
    def rewriting(messages, tokenize, add_generation_prompt):
        return f"{len(messages)} " + " ".join(m["content"] for m in messages) + " "

    monkeypatch.setattr(tokenizer, "apply_chat_template", rewriting)
    with pytest.raises(DatasetError, match="changes earlier turns"):
        encode(tokenizer, _row("one", "two"))


def test_a_row_that_begins_with_the_assistant_is_refused(tokenizer):
    with pytest.raises(DatasetError, match=r"begins with the assistant.*Begin it with a user"):
        encode(tokenizer, [{"role": "assistant", "content": "I speak first"}])


def test_a_template_that_refuses_a_role_is_one_sentence(tokenizer, monkeypatch):
    from jinja2 import TemplateError

    def refusing(messages, tokenize, add_generation_prompt):
        raise TemplateError("roles must alternate")

    monkeypatch.setattr(tokenizer, "apply_chat_template", refusing)
    with pytest.raises(DatasetError, match=r"roles user .roles must alternate.*Change the row's roles"):
        encode(tokenizer, _row("one", "two"))


@pytest.mark.model
def test_a_control_token_in_a_row_is_text(tiny):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    plain = encode(tokenizer, _row("w1 w2", "w3 w4"))
    encoded = encode(tokenizer, _row("w1 </s> <s> w2", "w3 </s> w4"))
    ends = tokenizer.eos_token_id, tokenizer.bos_token_id
    assert [encoded.input_ids.count(end) for end in ends] == [plain.input_ids.count(end) for end in ends]
    assert encoded.labels[-1] == tokenizer.eos_token_id
