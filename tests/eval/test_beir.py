import json
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.beir import BeirRun, beir_object, query_scores, rank_documents, read_beir, run_beir
from eval.trec import run_lines, write_run
from rag.errors import DatasetError, InputError

DOCUMENTS = [
    {"_id": "d1", "title": "Folding", "text": "A tone above half the rate folds."},
    {"_id": 2, "text": "Noise spreads."},
    {"_id": "d3", "title": None, "text": ""},
]
QUERIES = [
    {"_id": "q1", "text": "what folds?"},
    {"_id": "q2", "text": "noise"},
    {"_id": "unjudged", "text": "x"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td3\t1\nq2\t2\t1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """A benchmark's folder, with files replaced by name (None: left out)."""

    def write(**files: str | None) -> Path:
        contents = {
            "corpus.jsonl": "".join(json.dumps(line) + "\n" for line in DOCUMENTS),
            "queries.jsonl": "".join(json.dumps(line) + "\n" for line in QUERIES) + "\n",
            "qrels/test.tsv": QRELS,
        } | {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}
        for name, text in contents.items():
            if text is not None:
                (tmp_path / name).parent.mkdir(exist_ok=True)
                (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_a_benchmark_is_read(folder: Callable[..., Path]) -> None:
    benchmark = read_beir(folder())
    assert [(d.id, d.title) for d in benchmark.documents] == [("d1", "Folding"), ("2", ""), ("d3", "")]
    assert benchmark.queries == {"q1": "what folds?", "q2": "noise"}
    assert benchmark.judgements == {"q1": {"d1": 2, "d3": 1}, "q2": {"2": 1}}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"corpus_jsonl": None}, r"corpus\.jsonl cannot be read"),
        ({"corpus_jsonl": '{"_id": "a", "text": "b"}\n{broken\n'}, "line 2"),
        ({"corpus_jsonl": '{"_id": "a"}\n'}, 'line 1: expected an object with "_id" and "text"'),
        ({"corpus_jsonl": "[1]\n"}, "line 1"),
        ({"corpus_jsonl": "\n"}, "empty"),
        ({"queries_jsonl": '{"_id": "q1", "text": "t"}\n'}, "'q2' is judged but not in queries"),
        ({"qrels__test_tsv": None}, "no judgements"),
        ({"qrels__test_tsv": "query-id\tcorpus-id\tscore\nq1\td1\n"}, "line 2"),
        ({"qrels__test_tsv": "query-id\tcorpus-id\tscore\nq1\td1\thigh\n"}, "line 2"),
        (
            {"corpus_jsonl": '{"_id": ["a"], "text": "b"}\n'},
            r'corpus\.jsonl, line 1: expected an object with "_id"',
        ),
        ({"corpus_jsonl": '{"_id": true, "text": "b"}\n'}, "line 1: expected an object"),
        (
            {"corpus_jsonl": '{"_id": "a", "title": 5, "text": "b"}\n'},
            '"title" is 5, expected a string or null',
        ),
        (
            {"corpus_jsonl": '{"_id": "a", "title": {"en": "b"}, "text": "b"}\n'},
            'line 1: "title" is {"en": "b"}',
        ),
        (
            {"corpus_jsonl": '{"_id": "a", "text": "b\\ud800"}\n'},
            r'line 1: "text" has half a character \(\\ud800',
        ),
        ({"corpus_jsonl": '{"_id": "a\\udc00", "text": "b"}\n'}, 'line 1: "_id" has half a character'),
        ({"corpus_jsonl": '{"_id": "a", "text": "b"}\n' * 2}, "line 2: .*'a' is also that of line 1"),
        ({"queries_jsonl": '{"_id": 1, "text": "b"}\n{"_id": "1", "text": "c"}\n'}, "line 2: .* of line 1"),
        ({"corpus_jsonl": "[" * 100_000}, "line 1: Nested too deeply"),
        ({"corpus_jsonl": '{"_id": ' + "9" * 5000 + "}"}, "line 1: .*too long a number"),
        ({"qrels__test_tsv": "q1\td1\t\u00b2\n"}, "line 1: expected query-id, corpus-id and a whole score"),
        ({"qrels__test_tsv": "q1\td1\t--1\n"}, "line 1"),
        ({"qrels__test_tsv": "q1\td1\t1.0\n"}, "line 1"),
        ({"qrels__test_tsv": "q1\td1\t1\n" + "q" * 200_000 + "\td1\t1\n"}, "line 2: field larger than"),
    ],
)
def test_a_malformed_benchmark_is_one_sentence(
    folder: Callable[..., Path], files: dict[str, str | None], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        read_beir(folder(**files))


def test_a_file_that_is_not_utf_8_is_named(folder: Callable[..., Path]) -> None:
    path = folder()
    (path / "queries.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match=r"queries\.jsonl is not UTF-8 text \(line 1\)"):
        read_beir(path)


def test_judgements_may_come_without_a_header_and_with_a_lost_quotation_mark(
    folder: Callable[..., Path],
) -> None:
    benchmark = read_beir(folder(qrels__test_tsv="q1\td1\t2\nq1\td3\t-1\nq2\t2\t1\n"))
    assert benchmark.judgements == {"q1": {"d1": 2, "d3": -1}, "q2": {"2": 1}}
    with pytest.raises(DatasetError, match="line 2: expected query-id"):
        read_beir(folder(qrels__test_tsv='q1\td1\t2\nq1\t"d3\t0\nq2\t2\t1\n'))


def test_a_document_counts_with_its_best_passage() -> None:
    assert rank_documents([("b", 0.2), ("a", 0.9), ("b", 0.95), ("c", 0.2), ("aa", 0.2)]) == [
        ("b", 0.95),
        ("a", 0.9),
        ("aa", 0.2),
        ("c", 0.2),
    ]


def test_scores_of_a_graded_query() -> None:
    scores = query_scores([("d9", 3.0), ("d1", 2.0), ("d3", 1.0)], {"d1": 2, "d3": 1, "d4": 0})
    assert scores["MRR@10"] == pytest.approx(0.5)
    assert scores["recall@1"] == 0.0
    assert scores["recall@3"] == 1.0
    assert scores["ndcg@10"] == pytest.approx((2 / 1.584962500721156 + 1 / 2) / (2 + 1 / 1.584962500721156))


def test_a_query_without_hits_scores_zero_and_stays(folder: Callable[..., Path]) -> None:
    benchmark = read_beir(folder())
    run = run_beir(benchmark, lambda queries: [[("2", 1.0)] if text == "noise" else [] for text in queries])
    result = beir_object(benchmark, run, samples=100)
    assert result["n"] == 2
    assert result["metrics"]["ndcg@10"]["mean"] == pytest.approx(0.5)
    assert result["metrics"]["hit@1"]["n_scored"] == 2
    assert {"ndcg@10", "MRR@10", "recall@5", "recall@10", "hit@1", "hit@5"} <= set(result["metrics"])
    assert beir_object(benchmark, BeirRun({}, 0.0), samples=100)["metrics"]["hit@5"]["mean"] == 0.0


def test_a_run_file_falls_strictly_and_holds_no_white_space(tmp_path: Path) -> None:
    lines = run_lines({"q 1": [("a b.md", 0.5), ("c", 0.5), ("d", 0.4)]}, tag="t")
    fields = [line.split() for line in lines]
    assert [f[:4] for f in fields] == [
        ["q_1", "Q0", "a_b.md", "1"],
        ["q_1", "Q0", "c", "2"],
        ["q_1", "Q0", "d", "3"],
    ]
    scores = [float(f[4]) for f in fields]
    assert scores[0] > scores[1] > scores[2]
    write_run(tmp_path / "run", {"q": [("a", 1.0)]})
    assert (tmp_path / "run").read_text() == "q Q0 a 1 1.0000000 lectern\n"
    with pytest.raises(InputError, match="cannot be written"):
        write_run(tmp_path / "no" / "run", {})


def test_ids_that_a_run_file_cannot_tell_apart_are_named(tmp_path: Path) -> None:
    for rankings in ({"q": [("a b", 1.0), ("a_b", 0.5)]}, {"a b": [], "a_b": []}):
        with pytest.raises(InputError, match="'a b' and 'a_b' are the same in a TREC run"):
            write_run(tmp_path / "run", rankings)
