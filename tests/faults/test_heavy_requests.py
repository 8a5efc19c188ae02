"""Requests made to be heavy: a stranger's at the login, an employee's through the gateway and at the services."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.holding import ask
from shared.auth.internal_token import Caller
from shared.auth.signing import InternalSigner
from shared.auth.trust import GATEWAY
from tests.faults.bed import Bed
from tests.faults.figures import figure
from tests.faults.page import a_page_of_sessions
from tests.faults.processes import ProductProcess
from tests.support.client import ADMIN_PERMISSIONS, Client
from tests.support.world import COURSES, ENROLLMENTS, SESSIONS

ORGANISATION = 8100
NEIGHBOUR = 8000
"""Whose page of sessions it is."""
REQUESTS = 12
AT_ONCE = 4
UNKNOWN = ("{" + ",".join(f'"m{number}":1' for number in range(95_000)) + "}").encode()
LABELS = json.dumps(
    {"title": "x", "labels": [{"id": 1, "name": "x"} | {f"m{number}": 1 for number in range(1_800)}] * 50},
    separators=(",", ":"),
).encode()
MAX_REFUSAL = 64 * 1024


@asynccontextmanager
async def unlimited_gateway(bed: Bed, **changes: str) -> AsyncIterator[ProductProcess]:
    async with bed.another("gateway", ADDRESS_RATE_LIMIT="1000000", **changes) as gateway:
        yield gateway


def heavy(bed: Bed, gateway: ProductProcess) -> Mapping[str, tuple[str, bytes]]:
    """By their description: the address, and the request."""
    token = bed.client(ORGANISATION).token or ""
    caller = Caller(ORGANISATION, "employee", "Employee", "staff", frozenset(ADMIN_PERMISSIONS))
    keys = Path(bed.environment["gateway"]["INTERNAL_KEYS_FILE"])
    internal = InternalSigner(GATEWAY, keys).sign(caller, "enrollment")
    enrollment = bed.processes["enrollment-1"].url
    return {
        "logins without a token": (gateway.url, written("/api/v1/auth/login", UNKNOWN)),
        "enrollments through the gateway": (gateway.url, written(ENROLLMENTS, UNKNOWN, token)),
        "labels through the gateway": (gateway.url, written(COURSES, LABELS, token)),
        "enrollments at the service": (enrollment, written(ENROLLMENTS, UNKNOWN, internal)),
    }


def written(path: str, body: bytes, token: str = "") -> bytes:
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def flood(url: str, request: bytes, count: int = REQUESTS) -> list[tuple[int, int]]:
    """Status and size of each answer; as many at a time as hold up a gateway that reads each of them."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one() -> tuple[int, int]:
        async with places:
            status, body = await asyncio.to_thread(ask, url, request)
            return status, len(body)

    return await asyncio.gather(*(one() for _ in range(count)))


async def neighbour_until(client: Client, end: "asyncio.Task[list[tuple[int, int]]]") -> list[tuple[float, int]]:
    """Seconds and status of each page that somebody else reads meanwhile."""
    seen: list[tuple[float, int]] = []
    while not end.done() or not seen:
        began = time.monotonic()
        answer = await client.get(SESSIONS)
        seen.append((time.monotonic() - began, answer.status))
    return seen


@pytest.mark.timeout(120)
async def test_heavy_requests_are_refused_before_they_are_read_closely(bed: Bed) -> None:
    await a_page_of_sessions(bed)
    async with unlimited_gateway(bed) as gateway:
        neighbour = Client(bed.http, gateway.url, bed.client(NEIGHBOUR).token, of_services=False)
        for what, (url, request) in heavy(bed, gateway).items():
            flooding = asyncio.create_task(flood(url, request))
            pages = await neighbour_until(neighbour, flooding)
            answers = await flooding
            assert {status for status, _ in answers} == {413}, Counter(answers)
            assert max(size for _, size in answers) < MAX_REFUSAL
            assert {status for _, status in pages} == {200}
            slowest = max(seconds for seconds, _ in pages)
            figure("heavy requests", f"{REQUESTS} {what}: another's slowest page of {len(pages)}", slowest * 1000, "ms")


@pytest.mark.timeout(120)
async def test_control_without_the_counts_they_are_read(bed: Bed) -> None:
    await a_page_of_sessions(bed)
    async with (
        bed.changed("enrollment", "catalog", "accounts", WITHOUT="counts of values"),
        unlimited_gateway(bed, WITHOUT="counts of values") as gateway,
    ):
        neighbour = Client(bed.http, gateway.url, bed.client(NEIGHBOUR).token, of_services=False)
        for what, (url, request) in heavy(bed, gateway).items():
            flooding = asyncio.create_task(flood(url, request, AT_ONCE))
            pages = await neighbour_until(neighbour, flooding)
            assert {status for status, _ in await flooding} != {413}
            slowest = max(seconds for seconds, _ in pages)
            figure("heavy requests", f"{AT_ONCE} {what}, uncounted: another's slowest page", slowest * 1000, "ms")
