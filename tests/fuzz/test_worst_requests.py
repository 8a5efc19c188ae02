"""The worst request of each route: searched for, bounded in what it makes the process do, and its time printed.

The suite searches a little and asserts what is counted; `./dev fuzz` searches long and prints the milliseconds.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator

import pytest

from bench.heavy_requests import Shape, Target, heaviest, written
from bench.heavy_targets import GOOD, TABLES, gateway_targets, targets_of
from bench.holding import ask
from gateway.routes import PUBLIC
from services.enrollment.schemas import CLOSING_LIMITS
from shared.auth.claims import EVERY_ORGANISATION
from shared.auth.trust import FETCH_SESSION, POSITION, REVOCATIONS, SEATS, STATES
from tests.fuzz.effort import LONG
from tests.support.client import new_organisation
from tests.support.seen import Seen, seen_by_models
from tests.support.stack import Stack, running_stack

TRIES = 60 if LONG else 8
MAX_REFUSAL = 64 * 1024
MAX_ERRORS = 20
SEEN = 20_000
"""JSON values that models may be given for one request: of the body, and of what it is merged into."""
TARGETS = [
    *(("gateway", target) for target in gateway_targets()),
    *((service, target) for service in TABLES for target in targets_of(service, internal=True)),
]


@pytest.fixture(scope="module")
async def open_stack() -> AsyncIterator[Stack]:
    """One of its own."""
    async with running_stack() as stack:
        yield stack


class Asked:
    """Sends requests to one process, and remembers what was wrong with the answers."""

    def __init__(self, stack: Stack, service: str, seen: Seen) -> None:
        self._seen = seen
        self.url = stack.gateway_url if service == "gateway" else stack.url_of(service)
        organisation = new_organisation()
        self._stack, self._service, self._organisation = stack, service, organisation
        client = stack.client(organisation) if service == "gateway" else stack.direct(service, organisation)
        self._token = client.token or ""
        self.wrong: list[str] = []

    async def cost(self, target: Target, request: bytes) -> float:
        """Seconds of the processor's time that the event loop took for it: an upper bound of what it holds up."""
        token = self._token_for(target)
        self._seen.values = 0
        before = time.thread_time()
        status, body = await asyncio.to_thread(ask, self.url, request.replace(b"<token>", token.encode(), 1))
        taken = time.thread_time() - before
        self._check(target, status, body)
        return taken

    def _token_for(self, target: Target) -> str:
        if self._service == "accounts" and target.path in PUBLIC:
            return self._stack.public().token or ""
        if self._service == "gateway" or not target.path.startswith("/internal/"):
            return self._token
        if self._service == "accounts":
            return self._stack.direct("accounts", EVERY_ORGANISATION, [REVOCATIONS]).token or ""
        if target.path == "/internal/position":
            return self._stack.direct(self._service, self._organisation, [POSITION]).token or ""
        asked = STATES if "/states/" in target.path else FETCH_SESSION if self._service == "catalog" else SEATS
        return self._stack.direct(self._service, self._organisation, [asked]).token or ""

    def _check(self, target: Target, status: int, body: bytes) -> None:
        errors = json.loads(body or b"{}").get("errors", {}) if status >= 400 else {}
        told = sum(map(len, errors.values()))
        most = CLOSING_LIMITS.max_values if target.path == "/internal/sessions/close" else SEEN
        if status == 500 or self._seen.values > most or told > MAX_ERRORS or (errors and len(body) > MAX_REFUSAL):
            self.wrong.append(f"{status}, {len(body)} bytes, {told} errors, {self._seen.values} values: {body[:200]!r}")


@pytest.mark.timeout(1800 if LONG else 60)
@pytest.mark.parametrize(("service", "target"), TARGETS, ids=[f"{name} {target.name}" for name, target in TARGETS])
async def test_the_worst_request_of_a_route_makes_bounded_work(
    open_stack: Stack,
    service: str,
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance = random.Random(None if LONG else target.name)
    asked = Asked(open_stack, service, seen_by_models(monkeypatch))
    seconds, shape = await heaviest(target, asked.cost, TRIES, chance)
    assert asked.wrong == []
    if LONG:
        with capsys.disabled():
            print(f"\n{seconds * 1000:7.1f} ms  {service} {target.name}: {shape}")


def test_every_route_has_a_good_body() -> None:
    bodies = {route.body for table in TABLES.values() for route in table if route.body is not None}
    assert bodies == set(GOOD)
    for model, body in GOOD.items():
        model.model_validate(body)


MANY_MEMBERS = Shape("", "members", 60_000, 1, "a")
TARGET = next(target for service, target in TARGETS if service == "catalog" and target.name.startswith("POST"))


async def test_control_without_the_counts_the_search_notices(
    open_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(open_stack, "catalog", seen_by_models(monkeypatch))
    await asked.cost(TARGET, written(TARGET, MANY_MEMBERS))
    assert asked.wrong == []
    monkeypatch.setattr("shared.validation.strict_json._check_counts", lambda *_: None)
    monkeypatch.setattr("shared.http.input.known_members", lambda _, members, __: members)
    await asked.cost(TARGET, written(TARGET, MANY_MEMBERS))
    assert asked.wrong
