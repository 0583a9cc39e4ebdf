"""The chain as a LangChain runnable: the order of its events, its answers, and that closing it stops the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever

from rag.chain import AnswerChain, Question, ReceiptSource
from rag.chain_events import Done, Retrieved, Rewritten, Token
from rag.errors import QuestionError
from rag.outline import Outline, Outlined
from rag.prompt import ABSTENTION, PromptStyle
from rag.quoting import Quote
from rag.retriever import to_document
from rag.scope import Scope
from rag.settings import AnswerSettings
from rag.types import Hit, Role, Turn

RANKING = "BM25 is a ranking function. The parameter k1 is usually 1.2."
STEMMING = "Stemming maps words to roots."
HISTORY = (Turn(Role.USER, "What is BM25?"), Turn(Role.ASSISTANT, "BM25 is a ranking function. [1]"))


class KeptRetriever(BaseRetriever):
    """Gives the same hits to every query and keeps what was asked."""

    hits: list[Hit]
    asked: list[str]

    def _get_relevant_documents(self, query: str, **kwargs: Any) -> list[LangChainDocument]:
        self.asked.append(query)
        return [to_document(hit) for hit in self.hits]


@pytest.fixture
def build(scripted_model: Any, make_hit: Callable[..., Hit]) -> Callable[..., AnswerChain]:
    def make(
        *replies: str, cosine: float = 0.5, settings: dict[str, Any] | None = None, **model: Any
    ) -> AnswerChain:
        hits = [
            make_hit(RANKING, cosine, document="ranking.md"),
            make_hit(STEMMING, cosine, document="text.md"),
        ]
        receipt = ReceiptSource(lambda: 4, "embedder", "model", "none", 7, 0.0)
        return AnswerChain(
            KeptRetriever(hits=hits, asked=[]),
            scripted_model(replies=list(replies), **model),
            AnswerSettings(**(settings or {})),
            receipt,
        )

    return make


def events(chain: AnswerChain, question: str, history: Sequence[Turn] = ()) -> list[Any]:
    return list(chain.stream(Question(question=question, history=history)))


def test_events_come_in_order_and_end_with_the_checked_answer(build: Callable[..., AnswerChain]) -> None:
    chain = build("The parameter k1 is usually 1.2. [1]")
    seen = events(chain, " What is k1? ")
    kinds = [type(event) for event in seen]
    assert kinds[:2] == [Rewritten, Retrieved]
    assert set(kinds[2:-1]) == {Token}
    assert isinstance(seen[-1], Done)
    answer = seen[-1].answer
    assert (
        "".join(event.text for event in seen if isinstance(event, Token))
        == "The parameter k1 is usually 1.2. [1]"
    )
    assert answer.text == "The parameter k1 is usually 1.2. [1]"
    assert (answer.question, answer.standalone_question) == ("What is k1?", "What is k1?")
    assert [citation.document for citation in answer.citations] == ["ranking.md"]
    assert (answer.receipt.library_generation, answer.receipt.seed) == (4, 7)
    assert answer.timings.answer_tokens == 7
    assert (
        answer.timings.total_seconds
        >= (answer.timings.first_token_seconds or 0)
        >= answer.timings.retrieve_seconds
    )


def test_invoke_gives_the_answer_of_the_stream(build: Callable[..., AnswerChain]) -> None:
    answer = build("Stemming maps words to roots. [2]").invoke({"question": "What does stemming do?"})
    assert answer.text == "Stemming maps words to roots. [2]"


def test_batch_and_async_events_are_langchains(build: Callable[..., AnswerChain]) -> None:
    texts = [answer.text for answer in build("BM25 is a ranking function. [1]", ABSTENTION).batch(
        [{"question": "What is BM25?"}, {"question": "What is TF?"}], {"max_concurrency": 1}
    )]  # fmt: skip
    assert texts == ["BM25 is a ranking function. [1]", ABSTENTION]

    async def names() -> list[str]:
        chain = build("BM25 is a ranking function. [1]")
        return [
            event["event"]
            async for event in chain.astream_events({"question": "What is BM25?"}, version="v2")
        ]

    seen = asyncio.run(names())
    assert "on_retriever_end" in seen
    assert "on_chat_model_stream" in seen
    assert seen[-1] == "on_chain_end"


def test_far_notes_are_refused_before_the_model_runs(build: Callable[..., AnswerChain]) -> None:
    chain = build(cosine=0.01)
    answer = chain.invoke({"question": "Who won the cup?"})
    assert (answer.text, answer.abstained) == (ABSTENTION, True)
    assert len(answer.hits) == 2
    assert chain.model.asked == []


def test_an_invented_answer_is_withheld_but_kept_in_the_details(build: Callable[..., AnswerChain]) -> None:
    answer = build("Pandas eat bamboo in China. [1]").invoke({"question": "What is BM25?"})
    assert answer.abstained
    assert answer.details["model_text"] == "Pandas eat bamboo in China. [1]"


def test_a_follow_up_is_searched_completed_and_raw(build: Callable[..., AnswerChain]) -> None:
    chain = build("The parameter k1 is usually 1.2. [1]")
    answer = chain.invoke({"question": "What are its parameters?", "history": HISTORY})
    assert answer.standalone_question == "What are BM25's parameters?"
    assert chain.retriever.asked == [
        "What are BM25's parameters?",
        "What are BM25's parameters? BM25 is a ranking function.",
        "What are its parameters?",
    ]
    assert "What are BM25's parameters?" in chain.model.asked[0][-1].content


def test_a_model_that_follows_instructions_rewrites_and_sees_the_history(
    build: Callable[..., AnswerChain],
) -> None:
    chain = build(
        "What are the parameters of BM25?",
        "The parameter k1 is usually 1.2. [1]",
        prompt_style=PromptStyle.INSTRUCT,
    )
    answer = chain.invoke({"question": "What are its parameters?", "history": HISTORY})
    assert answer.standalone_question == "What are the parameters of BM25?"
    assert [message.content for message in chain.model.asked[1][1:3]] == [turn.content for turn in HISTORY]


def test_no_history_turns_is_no_history_and_what_is_cut_is_said(build: Callable[..., AnswerChain]) -> None:
    reply, question = "The parameter k1 is usually 1.2. [1]", "What is k1 in BM25?"
    long = (Turn(Role.USER, "What is stemming?"), Turn(Role.ASSISTANT, "Roots. [2]"), *HISTORY)
    for turns, shown in ((0, 0), (1, 2), (2, 4)):
        chain = build(reply, settings={"history_turns": turns}, prompt_style=PromptStyle.INSTRUCT)
        answer = chain.invoke({"question": question, "history": long})
        assert len(chain.model.asked[-1]) == 2 + shown
        cut = f"{4 - shown} earlier messages are more than the {turns} turns of answer.history_turns"
        assert answer.left_out == ((cut,) if shown < 4 else ())
    chain = build(reply, settings={"history_turns": 0})
    answer = chain.invoke({"question": "What are its parameters?", "history": HISTORY})
    assert answer.standalone_question == "What are its parameters?"
    assert answer.left_out == ("2 earlier messages are more than the 0 turns of answer.history_turns",)
    assert build(reply).invoke({"question": question, "history": HISTORY}).left_out == ()


def test_a_refusal_says_too_what_the_question_was_searched_without(build: Callable[..., AnswerChain]) -> None:
    chain = build(cosine=0.01, settings={"history_turns": 0})
    answer = chain.invoke({"question": "Who won it?", "history": HISTORY})
    assert answer.abstained
    assert answer.left_out == ("2 earlier messages are more than the 0 turns of answer.history_turns",)


def test_a_history_that_is_too_long_to_rewrite_with_is_cut_or_done_without(
    build: Callable[..., AnswerChain],
) -> None:
    told = Turn(Role.ASSISTANT, "word " * 300)
    question, rewritten = "What are its parameters?", "What are the parameters of BM25?"
    reply = "The parameter k1 is usually 1.2. [1]"
    chain = build(rewritten, reply, prompt_style=PromptStyle.INSTRUCT, context_tokens=450)
    answer = chain.invoke({"question": question, "history": (Turn(Role.USER, "Hi?"), told, *HISTORY)})
    assert answer.standalone_question == rewritten
    assert "word" not in chain.model.asked[0][-1].content
    assert (
        "2 earlier messages did not fit the model's context when the question was rewritten"
        in answer.left_out
    )
    chain = build(reply, prompt_style=PromptStyle.INSTRUCT, context_tokens=450)
    answer = chain.invoke({"question": question, "history": (HISTORY[0], told)})
    assert answer.standalone_question == "What are BM25's parameters?"  # by rule, without the model
    assert len(chain.model.asked) == 1
    assert answer.details["context_tokens"] == 450
    assert answer.details["context_assumed"] is False


def test_closing_the_stream_stops_the_model(build: Callable[..., AnswerChain]) -> None:
    chain = build("one two three four five six seven eight")
    stream = chain.stream({"question": "What is BM25?"})
    while not isinstance(next(stream), Token):
        pass
    stream.close()  # type: ignore[attr-defined]
    assert chain.model.cancelled
    assert chain.model.cancelled[0] < 8


@pytest.mark.parametrize(("question", "told"), [("  ", "empty"), ("x" * 8001, "8,001 characters")])
def test_bad_questions(build: Callable[..., AnswerChain], question: str, told: str) -> None:
    with pytest.raises(QuestionError, match=told):
        build("x").invoke({"question": question})


def test_only_so_many_passages_are_shown_and_the_rest_is_said(build: Callable[..., AnswerChain]) -> None:
    chain = build("BM25 is a ranking function. [1]", settings={"passage_tokens": 64}, context_tokens=330)
    chain.retriever.hits.extend(chain.retriever.hits[:1] * 0)
    seen = events(chain, "What is BM25?")
    retrieved = next(event for event in seen if isinstance(event, Retrieved))
    assert retrieved.prompt_tokens <= 330 - 256
    assert retrieved.context_tokens == 330
    answer = seen[-1].answer
    assert bool(answer.left_out) == (retrieved.shown < 2)


def test_a_foreign_retriever_is_cited_by_its_source(build: Callable[..., AnswerChain]) -> None:
    class Foreign(BaseRetriever):
        def _get_relevant_documents(self, query: str, **kwargs: Any) -> list[LangChainDocument]:
            return [LangChainDocument("Owls hunt at night.", metadata={"source": "owls.txt"})]

    chain = build("Owls hunt at night. [1]")
    chain.retriever = Foreign()
    (citation,) = chain.invoke({"question": "When do owls hunt?"}).citations
    assert (citation.document, citation.quote) == ("owls.txt", "Owls hunt at night.")


def quoting(score: float, n: int = 2, by_reader: bool = False) -> Callable[..., Quote]:
    return lambda question, passages, votes: Quote(n, 0, len(passages[n - 1].text), score, by_reader)


@pytest.mark.parametrize(
    "reply", [ABSTENTION, "Pandas eat bamboo. [1]", "# Ranking", "BM25 is a ranking function. [1]"]
)
def test_a_near_sentence_is_quoted_where_a_small_reader_says_nothing_or_something_farther(
    build: Callable[..., AnswerChain], reply: str
) -> None:
    chain = build(reply)
    chain.quoter = quoting(0.9)
    answer = chain.invoke({"question": "What does stemming do?"})
    assert answer.text == f"{STEMMING} [2]"
    assert answer.details["quoted"]
    assert [citation.document for citation in answer.citations] == ["text.md"]


def test_the_readers_own_words_stay_where_it_chose_the_closest_sentence(
    build: Callable[..., AnswerChain],
) -> None:
    chain = build("BM25 is a ranking function. [1]")
    chain.quoter = quoting(0.9, n=1, by_reader=True)
    answer = chain.invoke({"question": "What is BM25?"})
    assert answer.text == "BM25 is a ranking function. [1]"
    assert not answer.details["quoted"]


def test_a_far_sentence_is_not_quoted_and_a_reader_that_chose_it_is_not_believed(
    build: Callable[..., AnswerChain],
) -> None:
    chain = build("BM25 is a ranking function. [1]")
    chain.quoter = quoting(0.2, n=1, by_reader=True)
    assert chain.invoke({"question": "Who won?"}).abstained


def test_a_model_that_follows_instructions_is_taken_at_its_word(build: Callable[..., AnswerChain]) -> None:
    chain = build(ABSTENTION, prompt_style=PromptStyle.INSTRUCT)
    chain.quoter = quoting(0.9)
    assert chain.invoke({"question": "What does stemming do?"}).abstained


def test_the_quoter_is_told_what_the_reader_cites(build: Callable[..., AnswerChain]) -> None:
    seen: list[Any] = []
    chain = build("The parameter k1 is usually 1.2. [1]")
    chain.quoter = lambda question, passages, votes: seen.extend(votes)  # type: ignore[func-returns-value]
    chain.invoke({"question": "What is k1?"})
    assert seen == [(1, RANKING.index("The"), len(RANKING))]


def test_the_notes_as_a_whole_are_outlined_without_search_or_model(
    build: Callable[..., AnswerChain], make_hit: Callable[..., Hit]
) -> None:
    first = make_hit(RANKING, 0.5, document="ranking.md").chunk
    chain = build()  # a model without replies: to ask it would fail
    chain.outliner = lambda scope: Outline((Outlined("Ranking", ("BM25",), first),), 1)
    seen = events(chain, "What are the notes about?")
    assert [type(event) for event in seen] == [Rewritten, Retrieved, Done]
    assert [hit.chunk for hit in seen[1].passages] == [first]
    answer = seen[-1].answer
    assert answer.text == "The notes are 1 document:\n\n- Ranking: BM25 [1]"
    assert not answer.abstained
    assert [(c.n, c.document) for c in answer.citations] == [(1, "ranking.md")]
    assert chain.retriever.asked == []


def test_an_empty_outline_is_a_refusal(build: Callable[..., AnswerChain]) -> None:
    chain = build()
    chain.outliner = lambda scope: Outline((), 0)
    assert chain.invoke({"question": "Summarise my notes"}).text == ABSTENTION


def test_the_outline_is_asked_for_the_scope_of_the_chain(build: Callable[..., AnswerChain]) -> None:
    scopes: list[Scope | None] = []
    chain = build()

    def outliner(scope: Scope | None) -> Outline:
        scopes.append(scope)
        return Outline((), 0)

    chain.outliner = outliner
    scope = Scope(documents=("ranking.md",))
    chain.invoke({"question": "Summarise my notes"})
    chain.within(scope).invoke({"question": "Summarise my notes"})
    assert scopes == [None, scope]


def test_a_reader_that_broke_off_before_the_date_is_completed(
    build: Callable[..., AnswerChain], make_hit: Callable[..., Hit]
) -> None:
    text = "- Walk 2: Owls of the north. **(2031.07.02)**"
    reply = "Walk 2: Owls of the north. [1]"
    chain = build(reply, reply, prompt_style=PromptStyle.READER)
    chain.retriever = KeptRetriever(hits=[make_hit(text, 0.5, document="walks.md")], asked=[])
    chain.quoter = lambda question, passages, votes: Quote(1, 0, len(text), 1.0, by_reader=True)
    assert "2031.07.02" in chain.invoke({"question": "When was walk 2 held?"}).text
    assert "2031" not in chain.invoke({"question": "What was walk 2 on?"}).text
