"""Counts by hand, drift of simulated and real questions, and the same test by scipy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.monitoring.drift import DRIFT_P, LEAST_QUESTIONS, Reference, drift, energy_test
from eval.monitoring.monitor import NO_PASSAGE, monitor, newest
from eval.monitoring.topics import topics
from rag.library.question_log import LoggedQuestion, QuestionLog
from ui.measure.monitoring import logged_vectors

DIM = 32


def subject(seed: int, count: int, centre: int) -> NDArray[np.float32]:
    """Unit vectors spread around one direction."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(count, DIM)) + 3 * np.eye(DIM)[centre]
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def entry(question: str, kind: str = "answer", document: str = "", near: bool = True, verdict: str = "", seconds: float = 1.0,
          day: int = 1) -> LoggedQuestion:  # fmt: skip
    return LoggedQuestion(
        "", "", f"2026-11-{day:02}T10:00:00", question, kind, document, near, 0.5, seconds, verdict
    )


def same(texts: Sequence[str]) -> NDArray[np.float32]:
    """One direction for each first word."""
    words = sorted({text.split()[0] for text in texts})
    return np.eye(max(DIM, len(words)), dtype=np.float32)[[words.index(text.split()[0]) for text in texts]]


def test_counts_agree_with_a_count_by_hand() -> None:
    asked = [
        entry("Owls when?", document="owls.md", seconds=1.0),
        entry("Owls where?", "extract", "owls.md", verdict="wrong answer", seconds=2.0),
        entry("Owls price?", "none", "owls.md", near=False, seconds=3.0, day=2),
        entry("Bees?", "none", "bees.md", near=False, verdict="missing", seconds=4.0, day=2),
        entry("Bees when?", "list", "bees.md", verdict="good", seconds=5.0, day=2),
        entry("Cars?", "none", near=False, seconds=6.0, day=2),
        entry("Hello", "talk"),
    ]
    found = monitor(asked, [], same)
    everything = found.counts
    assert (everything.questions, everything.answered, everything.extracts, everything.refused) == (
        6,
        2,
        1,
        3,
    )
    assert everything.without_near_passage == 3
    assert everything.verdicts == {"good": 1, "missing": 1, "wrong answer": 1}
    by = {
        name: (c.questions, c.answered, c.extracts, c.refused, c.without_near_passage)
        for name, c in found.lectures.items()
    }
    assert by == {"owls.md": (3, 1, 1, 1, 1), "bees.md": (2, 1, 0, 1, 1), NO_PASSAGE: (1, 0, 0, 1, 1)}
    assert found.latency_seconds["p50"] == 3.5
    assert found.days == (("2026-11-01", 2, 0), ("2026-11-02", 4, 3))
    assert sorted(topic.questions[0] for topic in found.topics) == ["Bees?", "Cars?", "Owls price?"]
    assert found.as_json()["by"]["lecture"]["owls.md"]["refused"] == 1


def test_an_empty_log_is_reported_too() -> None:
    found = monitor([], ["Owls?"], same)
    assert (found.counts.questions, found.latency_seconds, found.topics) == (0, {}, ())
    assert all("too few to compare" in one.sentence and not one.drifted for one in found.drifts)


def test_questions_about_one_thing_are_one_topic() -> None:
    asked = ["Cars a", "Boats", "Cars b", "Cars c"]
    first, second = topics(asked, same(asked))
    assert (first.count, set(first.questions)) == (3, {"Cars a", "Cars b", "Cars c"})
    assert second.questions == ("Boats",)


def test_the_newest_are_a_fifth_and_at_most_a_hundred() -> None:
    assert [newest(total) for total in (0, 4, 100, 500, 5000)] == [0, 0, 20, 100, 100]


def test_a_new_subject_is_drift() -> None:
    log = np.concatenate([subject(0, 400, 0), subject(1, 100, 5)])
    found = drift(log[400:], log[:400], Reference.EARLIER)
    assert found.drifted
    assert found.p_value is not None
    assert found.p_value < DRIFT_P
    assert "about different things" in found.sentence


def test_the_test_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    first, second = subject(2, 12, 0), subject(3, 15, 1) * 0.9 + subject(4, 15, 0) * 0.4

    def energy(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        def mean(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
            return float(np.linalg.norm(x[:, None] - y[None], axis=2).mean())

        x, y = vectors[a.astype(int)], vectors[b.astype(int)]
        return 2 * mean(x, y) - mean(x, x) - mean(y, y)

    vectors = np.concatenate([first, second]).astype(float)
    indices = (np.arange(12.0), np.arange(12.0, 27.0))
    theirs = stats.permutation_test(
        indices,
        energy,
        vectorized=False,
        alternative="greater",
        n_resamples=999,
        rng=np.random.default_rng(1),
    )
    distance, p_value = energy_test(first, second, permutations=999)
    assert distance == pytest.approx(theirs.statistic, rel=1e-6)
    assert p_value == pytest.approx(theirs.pvalue, abs=0.03)


def test_too_few_questions_are_not_compared() -> None:
    few = subject(0, LEAST_QUESTIONS - 1, 0)
    found = drift(few, subject(1, 100, 3), Reference.GOLDEN)
    assert (found.p_value, found.drifted) == (None, False)
    assert f"each side needs {LEAST_QUESTIONS}" in found.sentence


@pytest.mark.model
def test_five_hundred_real_questions_of_which_a_hundred_are_about_something_else() -> None:
    from rag.embedding.engine import open_embedder
    from rag.settings import EmbeddingSettings

    owls = ("snowy owl", "barn owl", "tawny owl", "eagle owl", "little owl")
    about = ("hunt", "sleep", "nest", "call", "fly", "see", "hear", "feed its young")
    ways = ("When does the {} {}?", "How does the {} {}?", "Why does the {} {} at night?", "Where does the {} {}?",
            "Can the {} {} in winter?", "Does the {} {} alone?", "What helps the {} to {}?", "How often does the {} {}?",
            "Who saw the {} {}?", "What stops a {} that wants to {}?")  # fmt: skip
    old = [way.format(owl, verb) for owl in owls for verb in about for way in ways]
    new = [way.format(f"{kind} loan", verb) for kind in ("student", "bank") for verb in ("cost", "end", "grow", "start", "work")
           for way in ways]  # fmt: skip
    order = np.random.default_rng(0)
    texts = [*map(str, order.permutation(old)), *new]
    embedder = open_embedder(EmbeddingSettings())
    vectors = dict(zip(texts, embedder.embed_passages(texts), strict=True))

    def embedded(wanted: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([vectors[text] for text in wanted])

    found = monitor([entry(text) for text in texts], old[:50], embedded)
    assert found.counts.questions == 500
    assert [(one.against, one.drifted) for one in found.drifts] == [
        (Reference.EARLIER, True),
        (Reference.GOLDEN, True),
    ]
    log, p_values = embedded(texts), []
    for shuffle in range(200):
        mixed = order.permutation(log)
        p_values.append(energy_test(mixed[400:], mixed[:400], permutations=199, seed=shuffle)[1])
    # Of 200 tests at 5 % at most 18 reject in 99 of 100 such tests (binomial).
    assert sum(p < 0.05 for p in p_values) <= 18
    assert 0.4 < np.mean(p_values) < 0.6


class Counting:
    """An embedder of two numbers a text that counts its texts."""

    fingerprint, dim = "counting", 2

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        return np.array([[len(text), 1] for text in texts], np.float32)


def test_a_logged_question_is_embedded_once(tmp_path: Path) -> None:
    log, embedder = QuestionLog(tmp_path), Counting()
    for text in ("Owls when?", "Owls where?", "Owls when?"):
        log.add(entry(text))
    first = logged_vectors(log, embedder, log.questions())  # type: ignore[arg-type]
    assert embedder.texts == ["Owls when?", "Owls where?"]
    assert first.tolist() == [[10, 1], [11, 1], [10, 1]]
    log.add(entry("Bees?"))
    again = logged_vectors(log, embedder, log.questions()[1:])  # type: ignore[arg-type]
    assert embedder.texts == ["Owls when?", "Owls where?", "Bees?"]
    assert again.tolist() == [[11, 1], [10, 1], [5, 1]]
    log.keep_vectors("counting", {log.questions()[0].id: b"odd"})
    assert logged_vectors(log, embedder, log.questions()[:1]).tolist() == [[10, 1]]  # type: ignore[arg-type]


def test_the_command_says_what_is_wrong_with_a_day_and_a_golden_file(tmp_path: Path) -> None:
    from rag.errors import DatasetError, InputError
    from ui.application import Application, load
    from ui.measure.monitoring import monitored

    application = Application(load(tmp_path))
    with pytest.raises(InputError, match="is no day"):
        monitored(application, "yesterday")
    (tmp_path / "golden.jsonl").write_text("{not json", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"golden\.jsonl:1: not JSON"):
        monitored(application)
