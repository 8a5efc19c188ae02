"""Files on their way in: nothing is left of one that does not come whole, and all of it has bounds."""

import asyncio
import gzip
import time
from collections.abc import Callable

import pytest

from shared.imports import models, store, upload
from shared.metrics.housekeeping import Housekeeping
from tests.support.client import Client, client_token
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.import_workers import Workers
from tests.support.importing import NOTHING_REFUSED, begun_import, ended, imported, people, people_file, send
from tests.support.races import hold_after
from tests.support.stack import CLIENT_SECRET
from tests.support.streams import connection, read_all, read_until
from tests.support.world import EMPLOYEES, IMPORTS

PEOPLE = f"{IMPORTS}/people"
BEGUN = people_file(*people(range(1, 20_000))).encode()
"""Longer than a part, so that some of it is stored while the rest is on its way."""


def head(token: str, more: str) -> bytes:
    lines = f"POST {IMPORTS}?kind=people HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    return f"{lines}Content-Type: text/csv\r\n{more}\r\n".encode()


def announced(length: int) -> str:
    return f"Content-Length: {length}\r\n"


async def is_receiving(client: Client) -> bool:
    jobs = (await client.get(PEOPLE)).data
    assert [job["status"] for job in jobs] == ["receiving"]
    return True


async def is_empty(client: Client) -> bool:
    assert (await client.get(PEOPLE)).data == []
    return True


async def test_a_client_that_goes_away_leaves_nothing(workers: Workers) -> None:
    token = workers.client.token or ""
    request = head(token, announced(2 * len(BEGUN))) + BEGUN
    async with connection(workers.stack.gateway_url, request):
        await eventually(lambda: is_receiving(workers.client))
        await eventually(workers.left)
    await eventually(lambda: is_empty(workers.client))
    assert await workers.left() == 0


async def test_a_client_that_stops_sending_is_given_up(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.request.STALL_TIMEOUT", 0.3)
    request = head(workers.client.token or "", announced(2 * len(BEGUN))) + BEGUN
    async with connection(workers.stack.gateway_url, request) as made:
        read = await read_all(made)
    assert read.head.startswith(b"HTTP/1.1 408 ")
    await eventually(lambda: is_empty(workers.client))
    assert await workers.left() == 0


async def test_a_client_that_drips_is_given_up(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "UPLOAD_SECONDS", 0.5)
    request = head(workers.client.token or "", announced(2 * len(BEGUN))) + BEGUN
    async with connection(workers.stack.gateway_url, request) as made:
        read = await read_all(made)
    assert read.head.startswith(b"HTTP/1.1 408 ")
    await eventually(lambda: is_empty(workers.client))


async def test_a_token_that_expires_meanwhile_ends_the_upload(workers: Workers, organisation: int) -> None:
    token = client_token(CLIENT_SECRET, organisation, exp=int(time.time()) + 3)
    request = head(token, announced(2 * len(BEGUN))) + BEGUN
    async with connection(workers.stack.gateway_url, request) as made:
        await eventually(lambda: is_receiving(workers.client))
        read = await read_all(made)
    assert not read.head or read.head.startswith(b"HTTP/1.1 401 ")
    await eventually(lambda: is_empty(workers.client))
    assert await workers.left() == 0
    assert (await workers.client.get(EMPLOYEES)).data == []


async def test_an_upload_that_is_cancelled_ends_and_leaves_its_job(workers: Workers) -> None:
    request = head(workers.client.token or "", announced(2 * len(BEGUN))) + BEGUN
    async with connection(workers.stack.gateway_url, request) as made:
        await eventually(lambda: is_receiving(workers.client))
        [job] = (await workers.client.get(PEOPLE)).data
        assert (await workers.client.request("POST", f"{PEOPLE}/{job['id']}/cancel")).status == 200
        await asyncio.get_running_loop().sock_sendall(made, BEGUN)
        assert (await read_until(made, b"}")).startswith(b"HTTP/1.1 409 ")
    [job] = (await workers.client.get(PEOPLE)).data
    assert job["status"] == "cancelled"
    assert await workers.left() == 0


async def test_one_byte_too_many_is_refused(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is announced or comes in chunks: the gateway counts what passes it."""
    request = head(workers.client.token or "", announced(models.MAX_BYTES + 1))
    async with connection(workers.stack.gateway_url, request) as made:
        assert (await read_until(made, b"}")).startswith(b"HTTP/1.1 413 ")
    await eventually(lambda: is_empty(workers.client))


@pytest.mark.timeout(120)
async def test_a_file_of_64_mib_is_taken(workers: Workers) -> None:
    line = b"1,E-1," + b"x" * 200 + b"\r\n"
    header = b"id,employee_id,full_name\r\n"
    count = (models.MAX_BYTES - len(header)) // len(line)
    answer = await send(workers.client, header + line * count)
    assert (answer.status, answer.data["bytes"]) == (202, len(header) + len(line) * count)
    sizes = "SELECT sum(length(body)), max(length(body)) FROM import_parts WHERE organisation_id = $1"
    row = await workers.rows.fetchrow(sizes, workers.organisation)
    assert row is not None
    assert tuple(row) == (answer.data["bytes"], upload.PART_BYTES)


async def test_a_gzip_bomb_is_refused_as_it_unpacks(workers: Workers) -> None:
    bomb = gzip.compress(b"id,employee_id,full_name\r\n" + (b" " * 999 + b"\n") * (models.MAX_BYTES // 1000 + 1), 9)
    assert len(bomb) < 200_000
    headers = {"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    answer = await workers.client.request("POST", f"{IMPORTS}?kind=people", data=bomb, headers=headers)
    assert (answer.status, answer.json["code"]) == (413, "payload_too_large")
    await is_empty(workers.client)
    assert await workers.left() == 0


@pytest.mark.parametrize("spoil", [lambda data: data[:-5], lambda data: b"no gzip" + data, lambda data: data + b"more"])
async def test_what_is_no_gzip_is_refused(workers: Workers, spoil: Callable[[bytes], bytes]) -> None:
    headers = {"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    body = spoil(gzip.compress(NOTHING_REFUSED.encode()))
    answer = await workers.client.request("POST", f"{IMPORTS}?kind=people", data=body, headers=headers)
    assert (answer.status, list(answer.json["errors"])) == (422, ["body"])
    await is_empty(workers.client)


async def test_another_encoding_is_refused(workers: Workers) -> None:
    headers = {"Content-Type": "text/csv", "Content-Encoding": "br"}
    answer = await workers.client.request("POST", f"{IMPORTS}?kind=people", data=b"x", headers=headers)
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


async def test_an_organisation_has_ten_unfinished_imports_at_most(workers: Workers) -> None:
    for _ in range(models.MOST_UNFINISHED):
        last = await begun_import(workers.client, NOTHING_REFUSED)
    answer = await send(workers.client, NOTHING_REFUSED)
    assert (answer.status, answer.json["code"]) == (409, "too_many_imports")
    other = workers.stack.client(workers.organisation + 1)
    assert (await send(other, NOTHING_REFUSED)).status == 202
    assert (await workers.client.request("POST", f"{PEOPLE}/{last}/cancel")).status == 200
    assert (await send(workers.client, NOTHING_REFUSED)).status == 202


async def test_many_that_come_at_once_are_ten_as_well(workers: Workers) -> None:
    answers = await asyncio.gather(*(send(workers.client, NOTHING_REFUSED) for _ in range(20)))
    assert sum(answer.status == 202 for answer in answers) == models.MOST_UNFINISHED


async def test_control_without_the_lock_they_are_more(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MOST_UNFINISHED", 1)
    lock = "pg_advisory_xact_lock(hashtextextended('imports ' || $1::bigint, 0))"
    without(monkeypatch, store, "_LOCK_ALL", lock, "$1::bigint")
    hold_after(monkeypatch, store, "count_unfinished_alone", 2)
    answers = await asyncio.gather(*(send(workers.client, NOTHING_REFUSED) for _ in range(2)))
    assert [answer.status for answer in answers] == [202, 202]


async def test_a_file_whose_process_was_killed_is_ended_later(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun_import(workers.client, NOTHING_REFUSED)
    await workers.rows.execute(
        "UPDATE imports SET status = 'receiving', created_at = now() - interval '16 minutes'"
        " WHERE organisation_id = $1",
        workers.organisation,
    )
    keeping = asyncio.create_task(workers.runner().keep(Housekeeping().task("imports")))
    try:
        [job] = (await workers.client.get(PEOPLE)).data
        job = await ended(workers.client, job["id"])
    finally:
        keeping.cancel()
    assert (job["status"], job["lines"]) == ("failed", 0)
    assert "did not arrive whole" in job["message"]
    assert await workers.left() == 0


async def test_imports_are_kept_for_30_days(workers: Workers) -> None:
    file = people_file(*(("", f"E-{number}", "Nobody") for number in range(1, 1200)))
    async with workers.running():
        old, young = [(await imported(workers.client, file))["id"] for _ in range(2)]
    await workers.rows.execute(
        "UPDATE imports SET created_at = now() - interval '31 days' WHERE organisation_id = $1 AND id = $2",
        workers.organisation,
        old,
    )
    keeping = asyncio.create_task(workers.runner().keep(Housekeeping().task("imports")))

    async def is_gone() -> bool:
        return [job["id"] for job in (await workers.client.get(PEOPLE)).data] == [young]

    try:
        await eventually(is_gone)
    finally:
        keeping.cancel()
    left = "SELECT count(*) FROM import_refusals WHERE organisation_id = $1"
    assert await workers.value(left, workers.organisation) == 1199
