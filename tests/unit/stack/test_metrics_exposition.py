import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from stack.metrics.exposition import parse


def answered() -> str:
    registry = CollectorRegistry()
    Counter("seen_total", "Seen.", ["code"], registry=registry).labels('a"b\\c').inc(3)
    Counter("none_total", "None yet.", ["code"], registry=registry)
    Gauge("waiting", "Waiting.", registry=registry).set(2.5)
    Histogram("took_seconds", "Took.", buckets=(1.0,), registry=registry).observe(0.5)
    Gauge("waiting_else", "Not asked for.", registry=registry).set(1)
    return generate_latest(registry).decode()


def test_what_a_process_answers_is_read_as_it_was_counted() -> None:
    read = parse(answered(), {"seen_total", "none_total", "waiting", "took_seconds"})
    assert read.total("seen_total", code='a"b\\c') == 3
    assert read.total("waiting") == 2.5
    assert read.total("took_seconds_count") == 1
    assert read.of("took_seconds_bucket") == {frozenset({("le", "1.0")}): 1.0, frozenset({("le", "+Inf")}): 1.0}


def test_what_was_not_asked_for_is_not_there() -> None:
    read = parse(answered(), {"waiting"})
    assert {*read.series} == {"waiting"}
    assert read.total("seen_total") is None


def test_a_metric_that_counted_nothing_yet_is_not_one_that_is_missing() -> None:
    read = parse(answered(), {"none_total", "missing_total"})
    assert read.total("none_total") == 0
    assert read.total("missing_total") is None


@pytest.mark.parametrize("text", ['waiting{a="b" 1', "waiting one", "waiting{", "waiting"])
def test_text_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse(text, {"waiting"})


@given(st.text(alphabet='waiting{}="1 ,\\#TYPE\n'))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse(f"waiting{text}", {"waiting"})
