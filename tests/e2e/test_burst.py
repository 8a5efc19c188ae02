"""A thousand people press the button in the same moment: that is a burst and no overload, so nobody is refused."""

import asyncio
import time

import aiohttp

from tests.support.client import Client, client_token
from tests.support.stack import CLIENT_SECRET, Stack
from tests.support.world import ask_to_enroll, enroll, new_course, new_employees, new_session

CLIENTS = 1000
PEOPLE = 20
SEATS = 10


async def test_a_thousand_requests_at_once_for_one_session_are_all_decided(
    stack: Stack, admin: Client, organisation: int
) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=SEATS + 1)
    first, *people = await new_employees(admin, PEOPLE + 1)
    await enroll(admin, session_id, first)
    token = client_token(CLIENT_SECRET, organisation)
    # The client's own queue must not keep any of them back.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        client, began = Client(http, stack.gateway_url, token), time.monotonic()
        answers = await asyncio.gather(
            *(ask_to_enroll(client, session_id, people[number % PEOPLE]) for number in range(CLIENTS))
        )
    print(f"{CLIENTS} decided in {time.monotonic() - began:.1f} s")
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {201, 422}
    assert statuses.count(201) == SEATS
