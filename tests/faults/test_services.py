"""A service dies, freezes or answers in vain: its own routes fail fast, the others' do not notice."""

import asyncio
import contextlib
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.bed import Bed
from tests.faults.figures import beside_neighbours, figure
from tests.faults.ledger import Attempt, Ledger
from tests.faults.page import ORGANISATION, Plan, a_page_of_sessions, arrivals
from tests.faults.run import story
from tests.faults.waiting import acknowledged, answers
from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.world import SESSIONS, new_course, new_employee

SEED = 4
WRITES = 15
SHORT = {"UPSTREAM_TIMEOUT": "2"}
"""Seconds the gateways wait for an answer, so that tests need not wait ten."""
SHORTER = {"UPSTREAM_TIMEOUT": "0.5"}
CROWD = 150
SHARE: Plan = {"rate": 300, "seconds": 1.2, "counted": 1}
"""Of what the machine can answer: with more, its own noise is all that is measured."""
HISTORY_RATE = 30
"""Requests a second."""
ROUNDS = 3

pytestmark = pytest.mark.timeout(120)


async def test_a_killed_service_fails_at_once_and_recovers_at_once(bed: Bed) -> None:
    async with story(bed, SEED) as ledger:
        await acknowledged(ledger, WRITES)
        for process in bed.copies_of("history"):
            await process.kill()
        began, connections = time.monotonic(), bed.balancers["history"].accepted
        ledger.tell("history killed")
        await answers(ledger, 503, 20, of="history")
        tried = bed.balancers["history"].accepted - connections
        await asyncio.gather(*(process.launch() for process in bed.copies_of("history")))
        await asyncio.gather(*(process.ready() for process in bed.copies_of("history")))
        back = time.monotonic()
        ledger.tell("history is back")
        await answers(ledger, 200, 1, of="history")
        figure("service killed", "first answer after its return", time.monotonic() - back, "s", goal=1)
        await acknowledged(ledger, WRITES)
    failures = [attempt for attempt in ledger.failures() if attempt.at >= began]
    assert {attempt.service for attempt in failures} == {"history"}
    assert {attempt.status for attempt in failures} <= {502, 503}
    slowest = max(attempt.seconds for attempt in failures if attempt.at < back)
    figure("service killed", "slowest refusal", slowest * 1000, "ms", goal=100)
    asked = sum(attempt.service == "history" for attempt in since(ledger, began))
    figure("service killed", "connections tried for each request refused", tried / asked, "")


async def test_control_without_a_circuit_every_request_tries_the_dead_service(bed: Bed) -> None:
    assert await connections_tried(bed, requests=40) < 20
    async with bed.changed("gateway", WITHOUT="circuit"):
        assert await connections_tried(bed, requests=40) >= 40


async def connections_tried(bed: Bed, requests: int) -> int:
    """How often a gateway connects to a service that is not there, for so many requests."""
    for process in bed.copies_of("history"):
        await process.kill()
    before, client = bed.balancers["history"].accepted, bed.client(7000)
    for _ in range(requests):
        assert (await client.get("/api/v1/employees/1/training")).status in (502, 503)
    tried = bed.balancers["history"].accepted - before
    await bed.mend()
    await eventually(lambda: reads_history(client))
    return tried


async def reads_history(client: Client) -> bool:
    return (await client.get("/api/v1/employees/1/training")).status == 404


async def test_a_frozen_service_leaves_the_routes_of_the_others_alone(bed: Bed) -> None:
    async with bed.changed("gateway", **SHORT), story(bed, SEED) as ledger:
        await acknowledged(ledger, 2 * WRITES)
        statuses = await crowd_at_frozen_history(bed, ledger)
        await acknowledged(ledger, WRITES)
    assert set(statuses) <= {503, 504}
    assert 504 in statuses
    others = [attempt for attempt in ledger.attempts if attempt.service != "history"]
    assert not [attempt for attempt in others if attempt.status is None or attempt.status >= 500]


async def test_while_a_service_is_frozen_the_others_answer_as_quickly(bed: Bed) -> None:
    await a_page_of_sessions(bed)
    async with bed.changed("gateway", **SHORTER), asking_history(bed) as statuses:
        p99 = [await p99_of_sessions(bed)]
        for _ in range(ROUNDS):
            statuses.clear()
            async with frozen_history(bed):
                p99.append(await p99_of_sessions(bed))
            assert statuses[504], statuses
            await eventually(lambda: reads_history(bed.client(ORGANISATION)))
            p99.append(await p99_of_sessions(bed))
    change = statistics.median(beside_neighbours(p99)) * 100 - 100
    figure("service frozen", "others' p99 changed by", change, "%", goal=10)


async def p99_of_sessions(bed: Bed) -> float:
    [step] = await arrivals(bed, [SHARE])
    assert step["statuses"].keys() == {"200"}, step["statuses"]
    return float(step["good_p99"])


@asynccontextmanager
async def asking_history(bed: Bed) -> AsyncIterator[Counter[int]]:
    """Some ask for it again and again while the block runs, whether or not they are answered; gives their statuses."""
    client, statuses = bed.client(ORGANISATION), Counter[int]()

    async def ask_once() -> None:
        statuses[(await client.get("/api/v1/employees/1/training")).status] += 1

    async def ask() -> None:
        async with asyncio.TaskGroup() as asked:
            while not done.is_set():
                asked.create_task(ask_once())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(done.wait(), 1 / HISTORY_RATE)

    done = asyncio.Event()
    async with asyncio.TaskGroup() as asking:
        asking.create_task(ask())
        yield statuses
        done.set()


async def test_control_with_one_bulkhead_for_all_the_others_notice(bed: Bed) -> None:
    async with bed.changed("gateway", WITHOUT="bulkheads", **SHORT):
        client = bed.client(7001)
        async with frozen_history(bed):
            crowd = asyncio.gather(*(client.get("/api/v1/employees/1/training") for _ in range(CROWD)))
            await eventually(lambda: refused(client, SESSIONS))
            await crowd


async def refused(client: Client, path: str) -> bool:
    return (await client.get(path)).status == 503


async def crowd_at_frozen_history(bed: Bed, ledger: Ledger) -> list[int]:
    """Statuses of many requests to it, all at once."""
    client = bed.client(7001)
    async with frozen_history(bed):
        ledger.tell("history frozen, and everybody wants it")
        crowd = await asyncio.gather(*(client.get("/api/v1/employees/1/training") for _ in range(CROWD)))
        await acknowledged(ledger, WRITES)
    return [answer.status for answer in crowd]


@asynccontextmanager
async def frozen_history(bed: Bed) -> AsyncIterator[None]:
    """Both of its processes are stopped while the block runs."""
    for process in bed.copies_of("history"):
        process.freeze()
    yield
    for process in bed.copies_of("history"):
        process.thaw()


async def test_an_answer_lost_after_the_commit_is_given_to_the_retry(bed: Bed) -> None:
    first, second, names = await ask_again_after_lost_answer(bed)
    assert (first.status, second.status) == (504, 201), second.text
    assert second.headers["Idempotency-Replayed"] == "true"
    assert names.count("Once") == 1


async def test_control_without_kept_answers_the_retry_makes_another_row(bed: Bed) -> None:
    async with bed.changed("catalog", WITHOUT="idempotency"):
        _, second, names = await ask_again_after_lost_answer(bed)
    assert second.status == 201
    assert names.count("Once") == 2


async def ask_again_after_lost_answer(bed: Bed) -> tuple[Answer, Answer, list[str]]:
    """The first answer, the second one's with the same key, and the names of all sessions afterwards."""
    async with bed.changed("gateway", **SHORT):
        client = bed.client(7100 + bed.gateways[0].started, sub="one client")
        body = {
            "course_id": await new_course(client), "session_name": "Once", "max_participants": 3,
            "start_date": "2031-05-15T09:00:00Z", "end_date": "2031-05-15T17:00:00Z",
        }  # fmt: skip
        await new_employee(client)
        balancer, key = bed.balancers["catalog"], {"Idempotency-Key": "the same"}
        balancer.freeze(to_server=False)
        first = await client.post(SESSIONS, body, **key)
        balancer.cut()
        balancer.thaw()
        second = await client.post(SESSIONS, body, **key)
        names = [session["session_name"] for session in (await client.get(SESSIONS)).data]
    return first, second, names


def since(ledger: Ledger, moment: float) -> list[Attempt]:
    return [attempt for attempt in ledger.attempts if attempt.at >= moment]
