"""One trace from a client's request to the webhook that it causes, through all processes (decision 39)."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.upstream.proxy import Proxy
from shared.observability import NO_TRACE
from tests.support.client import Client
from tests.support.endpoints import endpoint
from tests.support.eventually import eventually
from tests.support.otlp import Received, Receiver, receiving_spans
from tests.support.stack import RECEIVER_PORT, Stack
from tests.support.webhooks import Received as Hooks
from tests.support.world import COURSES, ENROLLMENTS, WEBHOOKS, new_course, new_employee, new_session

STATE = "rojo=00f067aa0ba902b7"
PARENT = "00f067aa0ba902b7"
SERVER = "POST /api/v1/training/enrollments"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving_spans() as receiver:
        yield receiver


def new_trace() -> str:
    return f"a{secrets.token_hex(16)[1:]}"


async def enrolled(client: Client, trace_id: str, *, flags: str = "00", **headers: str) -> Any:
    """The answer to an enrollment that a webhook hears of, and the bodies that it got."""
    hooks = Hooks()
    async with endpoint(hooks, port=RECEIVER_PORT):
        url = f"http://localhost:{RECEIVER_PORT}/hook"
        made = await client.post(WEBHOOKS, {"url": url, "types": ["training.enrollment.*"]})
        session = await new_session(client, await new_course(client))
        body = {"session_id": session, "employee_ids": [await new_employee(client)]}
        traceparent = f"00-{trace_id}-{PARENT}-{flags}"
        answer = await client.post(ENROLLMENTS, body, traceparent=traceparent, tracestate=STATE, **headers)
        assert answer.status == 201, answer.text

        async def arrived() -> bool:
            return len(hooks.requests) == 1

        await eventually(arrived)
        await client.delete(made.headers["Location"])
    return answer, hooks.requests[0]


def chain(spans: list[Received], last: Received) -> list[str]:
    """The names from a span up to the client's own."""
    by_id = {span.span_id: span for span in spans}
    names = [last.name]
    while (above := by_id.get(last.parent)) is not None:
        names.append(above.name)
        last = above
    assert last.parent == PARENT
    return names


async def test_one_trace_goes_through_gateway_service_use_case_relay_projection_and_webhook(
    admin: Client, receiver: Receiver, stack: Stack
) -> None:
    trace_id = new_trace()
    answer, _ = await enrolled(admin, trace_id, **{"X-Trace": "on"})
    queues = {name: f"{settings.queue_prefix}.{name}" for name, settings in stack.settings.items()}
    ends = ["enrollment relay", queues["history"], queues["delivery"], "apply", "webhook", "enroll together"]
    await receiver.has(trace_id, ends)
    spans = receiver.of(trace_id)
    use_case = ["Enroll employees", SERVER, "enrollment"]
    for name in ("enrollment relay", queues["history"], queues["delivery"], "webhook", "enroll together"):
        [span] = receiver.named(trace_id, name)
        assert chain(spans, span)[1:-1] == use_case
    assert {chain(spans, span)[1] for span in receiver.named(trace_id, "apply")} >= {
        queues["history"],
        queues["delivery"],
    }
    assert {span.state for span in spans} == {STATE}
    assert {span.attributes["muster.request_id"] for span in spans} == {answer.headers["X-Request-Id"]}
    assert not any(span.has_failed for span in spans)
    assert all(span.began <= span.ended for span in spans)


async def test_what_is_not_sampled_leaves_no_span_and_is_otherwise_the_same(admin: Client, receiver: Receiver) -> None:
    """A client's own flag does not count."""
    unsampled, traced = new_trace(), new_trace()
    answer, (_, body) = await enrolled(admin, unsampled, flags="01")
    other, (_, other_body) = await enrolled(admin, traced, **{"X-Trace": "on"})
    await receiver.has(traced, ["webhook"])
    assert not receiver.of(unsampled)
    event, other_event = json.loads(body), json.loads(other_body)
    assert event["traceparent"].startswith(f"00-{unsampled}-")
    assert not event["traceparent"].startswith(f"00-{unsampled}-{PARENT}")  # a flag that changes needs an id of its own
    assert (event["traceparent"][-2:], other_event["traceparent"][-2:]) == ("00", "01")
    assert event.keys() == other_event.keys()
    assert event["tracestate"] == STATE
    assert answer.headers.keys() == other.headers.keys()
    assert answer.data.keys() == other.data.keys()


async def test_nobody_else_can_ask_for_a_trace(stack: Stack, organisation: int, receiver: Receiver) -> None:
    trainer = stack.client(organisation, permissions=["api.access", "training.view"])
    admin = stack.client(organisation)
    asked, allowed = new_trace(), new_trace()
    for client, trace_id in ((trainer, asked), (admin, allowed)):
        headers = {"traceparent": f"00-{trace_id}-{PARENT}-01", "X-Trace": "on"}
        assert (await client.request("GET", COURSES, headers=headers)).status == 200
    await receiver.has(allowed, [f"GET {COURSES}"])
    assert not receiver.of(asked)


async def test_control_without_its_permission_everybody_could(
    stack: Stack, organisation: int, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.edge.forward_handler.MAY_TRACE", ("training.view",))
    trainer = stack.client(organisation, permissions=["api.access", "training.view"])
    trace_id = new_trace()
    headers = {"traceparent": f"00-{trace_id}-{PARENT}-01", "X-Trace": "on"}
    assert (await trainer.request("GET", COURSES, headers=headers)).status == 200
    await receiver.has(trace_id, [f"GET {COURSES}"])


async def test_what_is_done_together_is_linked(admin: Client, receiver: Receiver) -> None:
    """Each of those that were enrolled in one transaction has its own span of it, linked to the others."""
    session = await new_session(admin, await new_course(admin))
    people = [await new_employee(admin) for _ in range(6)]
    traces = [new_trace() for _ in people]

    async def one(trace_id: str, person: int) -> None:
        headers = {"traceparent": f"00-{trace_id}-{PARENT}-00", "X-Trace": "on"}
        body = {"session_id": session, "employee_ids": [person]}
        assert (await admin.post(ENROLLMENTS, body, **headers)).status == 201

    await asyncio.gather(*map(one, traces, people))
    for trace_id in traces:
        await receiver.has(trace_id, ["enroll together"])
    use_cases = {trace_id: receiver.named(trace_id, "Enroll employees")[0].span_id for trace_id in traces}
    together = [receiver.named(trace_id, "enroll together")[0] for trace_id in traces]
    assert any(span.links for span in together)
    assert all(span.links <= set(use_cases.values()) - {span.parent} for span in together)


async def test_a_request_that_fails_has_a_span_although_it_was_not_sampled(
    admin: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Proxy, "forward", fails)
    trace_id = new_trace()
    failed = await admin.request("GET", COURSES, headers={"traceparent": f"00-{trace_id}-{PARENT}-00"})
    assert failed.status == 500
    monkeypatch.undo()

    async def has_come() -> bool:
        return bool(receiver.of(trace_id))

    await eventually(has_come)
    [span] = receiver.of(trace_id)
    assert (span.has_failed, span.parent, span.attributes["http.response.status_code"]) == (True, PARENT, 500)


async def test_control_without_spans_of_the_relay_the_chain_is_not_there(
    admin: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.relay.trace_in", lambda _: NO_TRACE)
    trace_id = new_trace()
    await enrolled(admin, trace_id, **{"X-Trace": "on"})
    await receiver.has(trace_id, ["webhook"])
    assert not receiver.named(trace_id, "enrollment relay")
