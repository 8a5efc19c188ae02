"""What the catalog makes of enrollment's responses."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from services.catalog import enrollment_client
from services.catalog.enrollment_client import EnrollmentClient
from shared.errors import Unavailable
from shared.events.states import SessionState
from shared.http.service_client import connect_to_service
from shared.observability import Trace, current_trace
from tests.support import events
from tests.support.internal_keys import signer
from tests.support.stack import serving

SESSION: SessionState = events.session(1, 11, course_id=1, max_participants=5).data
TRACE = Trace("a-request-id", f"00-{'1' * 32}-{'1' * 16}-01", "rojo=00f067aa0ba902b7")


class Enrollment:
    """Keeps what it is sent, and responds with what `respond` makes of it."""

    def __init__(self, respond: Callable[[dict[str, Any]], Awaitable[web.Response]]) -> None:
        self.respond = respond
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Any] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.headers.append(request.headers)
        return await self.respond(self.bodies[-1])


@asynccontextmanager
async def client_of(enrollment: Enrollment) -> AsyncIterator[EnrollmentClient]:
    app = web.Application()
    app.router.add_post("/{path:.*}", enrollment.handle)
    async with (
        serving(app) as url,
        connect_to_service(url, name="enrollment", asking="catalog", signer=signer("catalog")) as client,
    ):
        yield EnrollmentClient(client)


async def done(_: dict[str, Any]) -> web.Response:
    return web.Response(text="{}")


async def incompatible(_: dict[str, Any]) -> web.Response:
    return web.Response(status=422, text=json.dumps({"errors": {"version": ["Unknown field."]}}))


async def test_a_status_is_sent_where_it_closes_the_session() -> None:
    enrollment = Enrollment(done)
    async with client_of(enrollment) as client:
        await client.agree_change(1, 11, 2, 5)
        await client.agree_change(1, 11, 2, 5, "cancelled")
    capacity = {"max_participants": 5, "version": 2}
    assert enrollment.bodies == [capacity, {**capacity, "status": "cancelled"}]


async def test_a_refusal_of_everything_is_an_enrollment_that_cannot_be_asked() -> None:
    enrollment = Enrollment(incompatible)
    async with client_of(enrollment) as client:
        with pytest.raises(Unavailable):
            await client.agree_change(1, 11, 2, 5, "completed")
    assert len(enrollment.bodies) == 1


async def test_a_notification_has_the_state_of_the_event_and_the_request_id() -> None:
    enrollment = Enrollment(done)
    async with client_of(enrollment) as client:
        current_trace.set(TRACE)
        await client.notify(1, sessions=[SESSION])
    [body], [headers] = enrollment.bodies, enrollment.headers
    assert body == {"courses": [], "sessions": [json.loads(SESSION.model_dump_json())]}
    assert (headers["X-Request-Id"], headers["traceparent"], headers["tracestate"]) == TRACE


async def never(_: dict[str, Any]) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets the event")


async def refused(_: dict[str, Any]) -> web.Response:
    return web.Response(status=404, text="{}")


async def failing(_: dict[str, Any]) -> web.Response:
    return web.Response(status=500, text="{}")


@pytest.mark.parametrize(
    ("respond", "reason"), [(never, "upstream_unavailable"), (failing, "upstream_unavailable"), (refused, "status 404")]
)
async def test_a_notification_that_fails_is_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    respond: Callable[[dict[str, Any]], Awaitable[web.Response]],
    reason: str,
) -> None:
    if respond is never:
        monkeypatch.setattr(enrollment_client, "NOTIFY_WITHIN", 0.05)
    async with client_of(Enrollment(respond)) as client:
        await client.notify(1, sessions=[SESSION])
        if respond is failing:
            with pytest.raises(Unavailable):
                await client.agree_change(1, 11, 2, 5, "cancelled")
    assert [record.message for record in caplog.records if record.name == "services.catalog.enrollment_client"] == [
        f"enrollment could not be notified of a change ({reason}): it will follow the event"
    ]
