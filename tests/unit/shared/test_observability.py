from collections.abc import Callable

import pytest

from shared.observability import new_traceparent, trace_from

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("request_id", ["request1", "a.b_c:d-e", "x" * 128])
def test_a_well_formed_request_id_is_taken(request_id: str) -> None:
    assert trace_from(request_id, "").request_id == request_id


@pytest.mark.parametrize(
    "request_id", ["", "short", "x" * 129, "with space", "line\nbreak1", "request1\n", 'quote"quote', "ünicode-1"]
)
def test_a_malformed_request_id_is_replaced_by_one_of_our_own(request_id: str) -> None:
    taken = trace_from(request_id, "").request_id
    assert taken != request_id
    assert trace_from(taken, "").request_id == taken


@pytest.mark.parametrize("make", [lambda: TRACEPARENT, new_traceparent])
def test_a_well_formed_traceparent_is_taken(make: Callable[[], str]) -> None:
    traceparent = make()
    assert trace_from("", traceparent).traceparent == traceparent


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        TRACEPARENT.upper(),
        TRACEPARENT.replace("00-", "01-", 1),
        TRACEPARENT + "\n",
        TRACEPARENT + "-x",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
    ],
)
def test_a_malformed_traceparent_is_replaced_by_one_of_our_own(traceparent: str) -> None:
    taken = trace_from("", traceparent).traceparent
    assert taken != traceparent
    assert trace_from("", taken).traceparent == taken


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ([], ""),
        (["rojo=00f067aa0ba902b7"], "rojo=00f067aa0ba902b7"),
        (["rojo=1,congo=t61rcWkgMzE"], "rojo=1,congo=t61rcWkgMzE"),
        (["rojo=1", "congo=2"], "rojo=1,congo=2"),
        (["rojo=1 ,\tcongo=2,,"], "rojo=1,congo=2"),
        (["fw529a3039@dt=FfRuIg, 1-a_*/=a b"], "fw529a3039@dt=FfRuIg,1-a_*/=a b"),
        ([",".join(f"k{number}=1" for number in range(32))], ",".join(f"k{number}=1" for number in range(32))),
        ([f"k={'x' * 256},l={'x' * 251}"], f"k={'x' * 256},l={'x' * 251}"),
    ],
)
def test_a_well_formed_state_goes_with_its_trace(sent: list[str], taken: str) -> None:
    assert trace_from("", TRACEPARENT, sent).tracestate == taken


@pytest.mark.parametrize(
    "state",
    [
        "rojo",
        "=1",
        "rojo=",
        "ROJO=1",
        "@rojo=1",
        "ro jo=1",
        "rojo=a=b",
        "rojo=\x7f",
        "rojo=é",
        "rojo=1\n",
        "rojo=1,rojo=2",
        "rojo=1,congo",
        f"{'k' * 257}=1",
        f"k={'x' * 257}",
        f"k={'x' * 256},l={'x' * 252}",
        ",".join(f"k{number}=1" for number in range(33)),
    ],
)
def test_a_malformed_state_is_dropped_and_its_trace_is_not(state: str) -> None:
    assert trace_from("", TRACEPARENT, [state])[1:] == (TRACEPARENT, "")


def test_a_state_without_its_trace_is_dropped() -> None:
    assert trace_from("", "", ["rojo=1"]).tracestate == trace_from("", "nonsense", ["rojo=1"]).tracestate == ""


def test_a_new_trace_has_no_id_of_zeros_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which W3C forbids (Trace Context, sections 3.2.2.3 and 3.2.2.4), and so others would not take it."""
    monkeypatch.setattr("shared.observability.randbytes", bytes)
    traceparent = new_traceparent()
    assert trace_from("request-0001", traceparent).traceparent == traceparent
    _, trace_id, parent_id, _ = traceparent.split("-")
    assert int(trace_id, 16)
    assert int(parent_id, 16)
