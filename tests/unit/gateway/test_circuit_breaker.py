"""The circuit breaker as a machine of its own: what opens it, what closes it, and what counts for nothing."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.circuit_breaker import Circuit
from shared.concurrency.tasks import background
from shared.errors import Unavailable
from tests.support.eventually import eventually

FAILURES = 3


class Lost(Exception):
    """The service was not there."""


def passes(circuit: Circuit, outcome: Exception | None) -> None:
    """One request with this outcome; raises `Unavailable` when it may not pass."""
    with suppress(Lost, ValueError), circuit.passing(Lost):
        if outcome is not None:
            raise outcome


def opened() -> Circuit:
    circuit = Circuit("service", FAILURES)
    for _ in range(FAILURES):
        passes(circuit, Lost())
    assert circuit.is_open
    return circuit


def test_failures_in_a_row_open_it_and_then_nothing_passes() -> None:
    with pytest.raises(Unavailable) as refused:
        passes(opened(), None)
    assert refused.value.headers == {"Retry-After": "1"}


def test_an_answer_in_between_starts_the_count_again() -> None:
    circuit = Circuit("service", FAILURES)
    for outcome in [Lost()] * (FAILURES - 1) + [None] + [Lost()] * (FAILURES - 1):
        passes(circuit, outcome)
    assert not circuit.is_open


def test_what_says_nothing_about_the_service_neither_counts_nor_forgives() -> None:
    circuit = Circuit("service", FAILURES)
    for outcome in [ValueError()] * FAILURES + [Lost()] * (FAILURES - 1) + [ValueError()]:
        passes(circuit, outcome)
    assert not circuit.is_open
    passes(circuit, Lost())
    assert circuit.is_open


def test_what_was_sent_before_it_closed_counts_for_nothing() -> None:
    """The service that those requests went to is gone."""
    circuit = Circuit("service", FAILURES)
    late = [circuit.passing(Lost) for _ in range(FAILURES)]
    for request in late:
        request.__enter__()
    for _ in range(FAILURES):
        passes(circuit, Lost())
    circuit.close()
    for request in late:
        request.__exit__(Lost, Lost(), None)
    assert not circuit.is_open


@given(st.lists(st.sampled_from(["answer", "failure", "other", "close"]), max_size=40))
def test_it_is_open_exactly_after_that_many_failures_in_a_row(events: list[str]) -> None:
    circuit, row, is_open = Circuit("service", FAILURES), 0, False
    for event in events:
        if event == "close":
            circuit.close()
            row, is_open = (0, False) if is_open else (row, False)
        elif is_open:
            with pytest.raises(Unavailable):
                passes(circuit, None)
        else:
            passes(circuit, {"answer": None, "failure": Lost(), "other": ValueError()}[event])
            row = {"answer": 0, "failure": row + 1, "other": row}[event]
            is_open = row >= FAILURES
        assert circuit.is_open == is_open


async def test_it_is_looked_after_one_look_at_a_time_until_the_service_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.upstream.circuit_breaker.PROBE_INTERVAL", 0.001)
    circuit, looks, running = opened(), 0, 0

    async def is_live() -> bool:
        nonlocal looks, running
        looks, running = looks + 1, running + 1
        assert running == 1
        await asyncio.sleep(0)
        running -= 1
        return looks == 3

    async def is_closed() -> bool:
        return not circuit.is_open

    async with background(circuit.watch(is_live), name="watch"):
        await eventually(is_closed)
        assert looks == 3
        passes(circuit, None)
