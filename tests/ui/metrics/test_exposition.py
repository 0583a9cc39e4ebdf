"""The text format, read back line by line and counted by hand."""

from __future__ import annotations

from ui.metrics.exposition import Counter, Histogram, family


def test_a_counter_with_every_value_of_its_label() -> None:
    counter = Counter("seen_total", "Things seen.", "kind", ("a", "b"))
    counter.add("b")
    counter.add("b")
    counter.add("c")
    assert list(counter.lines()) == [
        "# HELP seen_total Things seen.",
        "# TYPE seen_total counter",
        'seen_total{kind="a"} 0',
        'seen_total{kind="b"} 2',
        'seen_total{kind="c"} 1',
    ]


def test_a_bucket_has_all_up_to_its_bound() -> None:
    histogram = Histogram("wait_seconds", "Wait.", (0.5, 1, 2.5))
    for value in (0.5, 0.25, 1.5, 9.0):
        histogram.add(value)
    assert list(histogram.lines()) == [
        "# HELP wait_seconds Wait.",
        "# TYPE wait_seconds histogram",
        'wait_seconds_bucket{le="0.5"} 2',
        'wait_seconds_bucket{le="1"} 2',
        'wait_seconds_bucket{le="2.5"} 3',
        'wait_seconds_bucket{le="+Inf"} 4',
        "wait_seconds_sum 11.25",
        "wait_seconds_count 4",
    ]


def test_a_label_cannot_break_its_line() -> None:
    lines = list(family("size", "Size.", "gauge", [({"course": 'a"b\\c\nd'}, 3.0)]))
    assert lines[2:] == [r'size{course="a\"b\\c\nd"} 3']
