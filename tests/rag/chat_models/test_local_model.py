"""The LangChain edge of in-process models, over an engine that says what it is told and a tokenizer of bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.chat_models.files.tokenization import StreamingText, Tokenization
from rag.chat_models.local_model import LocalChatModel
from rag.chat_models.serving.protocol import FinishReason, GenerationRequest, TokenBatch
from rag.errors import QuestionError
from rag.prompt import PromptStyle
from rag.types import Role, Turn

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


class Bytes:
    """A tokenizer with one token a byte; `Tokenizer`'s interface as far as it is used."""

    class Encoding:
        def __init__(self, ids: list[int]) -> None:
            self.ids = ids

    def get_added_tokens_decoder(self) -> dict[int, Any]:
        return {}

    def encode(self, text: str, add_special_tokens: bool = True) -> Encoding:
        return self.Encoding(list(text.encode()))

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        return bytes(number for number in ids if number < 256).decode("utf-8", "replace")


class Told:
    def __init__(self, batches: list[TokenBatch]) -> None:
        self.batches, self.cancels = batches, 0

    def __iter__(self) -> Iterator[TokenBatch]:
        yield from self.batches

    def cancel(self) -> None:
        self.cancels += 1


class SaysEngine:
    """Gives one byte a batch of what it is to say."""

    name = "says"

    def __init__(self, text: str) -> None:
        self.text, self.requests, self.generations = text, [], []

    def submit(self, request: GenerationRequest) -> Told:
        said = list(self.text.encode())[: request.max_new_tokens]
        whole = len(said) == len(self.text.encode())
        finish = FinishReason.STOP if whole else FinishReason.LENGTH
        self.requests.append(request)
        self.generations.append(Told([*(TokenBatch((b,)) for b in said), TokenBatch((), finish)]))
        return self.generations[-1]

    def close(self) -> None: ...


def model_that_says(text: str, **fields: Any) -> LocalChatModel:
    options = {"context_tokens": 200, "max_answer_tokens": 100} | fields
    return LocalChatModel(
        name="fake",
        fingerprint="f",
        prompt_style=PromptStyle.READER,
        engine=SaysEngine(text),
        tokenization=Tokenization(Bytes(), TEMPLATE, {}, (256,)),
        **options,
    )


def test_streams_text_with_usage_on_the_last_chunk() -> None:
    model = model_that_says("né 🙂!")
    chunks = list(model.stream([("system", "s"), ("user", "u")]))
    assert [chunk.text for chunk in chunks] == ["n", "é", " ", "🙂", "!", ""]
    assert chunks[-1].usage_metadata == {"input_tokens": 27, "output_tokens": 9, "total_tokens": 36}
    assert chunks[-1].response_metadata["finish_reason"] == "stop"
    assert bytes(model.engine.requests[0].prompt_ids) == b"<system>s<user>u<assistant>"


def test_counts_the_template_too() -> None:
    model = model_that_says("")
    assert model.count_tokens([Turn(Role.USER, "four")]) == len("<user>four<assistant>")
    assert model.get_num_tokens("é") == 2


def test_an_answer_is_cut_at_its_limit_and_says_so() -> None:
    answer = model_that_says("abcdef").invoke("q", max_tokens=4)
    assert (answer.content, answer.response_metadata["finish_reason"]) == ("abcd", "length")
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] == 4


def test_stop_strings_never_show_and_end_the_generation() -> None:
    model = model_that_says("one two STOP three")
    chunks = list(model.stream("q", stop=["STOP", "STAY"]))
    assert "".join(chunk.text for chunk in chunks) == "one two "
    assert model.engine.generations[0].cancels == 1
    assert model_that_says("it STA", max_answer_tokens=50).invoke("q", stop=["STOP"]).content == "it STA"


@given(
    st.text(alphabet="abST", max_size=30),
    st.lists(st.text(alphabet="abST", min_size=1, max_size=4), max_size=3),
)
def test_stop_strings_cut_where_the_first_of_them_is_complete(text: str, stops: list[str]) -> None:
    shown = model_that_says(text).invoke("q", stop=stops).content
    ends = [end for end in range(len(text) + 1) if any(text[:end].endswith(stop) for stop in stops)]
    if not ends:
        assert shown == text
    else:
        first = text[: ends[0]]
        assert shown == first[: min(first.find(stop) for stop in stops if stop in first)]


def test_closing_the_stream_cancels() -> None:
    model = model_that_says("a long answer")
    stream = model.stream("q")
    assert next(stream).text == "a"
    stream.close()
    assert model.engine.generations[0].cancels == 1


def test_a_prompt_that_leaves_no_room_is_an_error_with_both_numbers() -> None:
    model = model_that_says("x", context_tokens=30)
    with pytest.raises(
        QuestionError, match=r"prompt has 117 tokens and the answer needs 1, but fake reads 30"
    ):
        model.invoke("q" * 100)
    with pytest.raises(QuestionError, match="answer needs 643"):
        model.invoke("q", response_schema={"type": "string"})


def test_a_schema_becomes_a_grammar_with_room_for_its_longest_text() -> None:
    model = model_that_says("true", max_answer_tokens=2)
    assert model.invoke("q", response_schema={"type": "boolean"}).content == "true"
    request = model.engine.requests[0]
    assert request.max_new_tokens == 6
    assert request.grammar == 'root ::= ("true" | "false")\n'


def test_per_call_options_win_over_the_models() -> None:
    model = model_that_says("x", temperature=0.5, seed=3)
    model.bind(temperature=0.0, seed=9, top_p=0.8).invoke("q")
    model.invoke("q")
    first, second = model.engine.requests
    assert (first.temperature, first.seed, first.top_p) == (0.0, 9, 0.8)
    assert (second.temperature, second.seed, second.top_p) == (0.5, 3, 1.0)


def test_pictures_and_tools_are_refused_in_words() -> None:
    from langchain_core.messages import HumanMessage, ToolMessage

    model = model_that_says("x")
    with pytest.raises(QuestionError, match="text only"):
        model.invoke([HumanMessage([{"type": "image", "url": "x"}])])
    with pytest.raises(QuestionError, match="'tool'"):
        model.invoke([ToolMessage("x", tool_call_id="1")])


@given(st.text(max_size=40), st.integers(1, 5))
def test_streamed_text_is_the_whole_text(text: str, size: int) -> None:
    tokenization = Tokenization(Bytes(), TEMPLATE, {}, ())
    streaming, ids = StreamingText(tokenization), list(text.encode("utf-8", "replace"))
    parts = [streaming.add(ids[at : at + size]) for at in range(0, len(ids), size)]
    assert "".join(parts) + streaming.rest() == text.encode("utf-8", "replace").decode()


def test_an_unfinished_character_is_shown_as_such_at_the_end() -> None:
    streaming = StreamingText(Tokenization(Bytes(), TEMPLATE, {}, ()))
    assert streaming.add(list("é".encode())[:1]) == ""
    assert streaming.rest() == "\ufffd"
