"""Runs the cases of a family at one place, and says in words what was not as they expect."""

import asyncio
import re
from collections.abc import Iterator, Sequence

from tests.security import tenancy
from tests.security.corpus import Case, Expected, Family, Place
from tests.security.world import World
from tests.support.raw_http import Exchange, NotHttp, RawAnswer, exchange

AT_ONCE = 8


async def failures(world: World, family: Family, place: Place) -> list[str]:
    """A line for each case that was answered otherwise; empty when all is well."""
    places = asyncio.Semaphore(AT_ONCE)

    async def run(case: Case) -> list[str]:
        async with places:
            return [f"{case.name}: {difference}" for difference in await differences(world, case, place)]

    found = await asyncio.gather(*map(run, family.cases))
    return [line for lines in found for line in lines]


async def differences(world: World, case: Case, place: Place) -> Sequence[str]:
    try:
        came = await ask(world, case, place)
    except (NotHttp, TimeoutError) as error:
        return [f"{type(error).__name__} {error}"]
    return list(_differences(came, case.expected_at(place), place, case.request.startswith("HEAD ")))


async def ask(world: World, case: Case, place: Place, **words: str) -> Exchange:
    token = world.token(case, place)
    parts = [world.written(part, token, **words) for part in (case.request, case.then) if part]
    return await exchange(world.url(case, place), *parts, to_head=case.request.startswith("HEAD "))


async def told_apart(world: World, place: Place) -> list[str]:
    """Where the answer for a row of another organisation is not, to the byte, that for one of nobody."""
    found = []
    for case in tenancy.FAMILY.cases:
        theirs = _comparable(world, await ask(world, case, place))
        nobodys = _comparable(world, await ask(world, tenancy.of_nobody(case), place))
        if theirs != nobodys:
            found.append(f"{case.name}: {theirs} is not {nobodys}")
    return found


_OF_EACH_ANSWER = frozenset(
    {"x-request-id", "date", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit", "content-length"}
)


def _comparable(world: World, came: Exchange) -> list[tuple[int, dict[str, str], bytes]]:
    """The answers without what differs between any two, and with ids by one name, wherever a list repeats them."""
    ids = sorted({world.words[word] for pair in tenancy.STRANGERS.items() for word in pair}, key=len, reverse=True)
    compared = []
    for answer in came.answers:
        headers = {name: value for name, value in answer.headers.items() if name not in _OF_EACH_ANSWER}
        body = answer.body
        for id_ in ids:
            body = re.sub(rb"(?<![0-9a-f])" + re.escape(id_.encode()) + rb"(?![0-9a-f])", b"<id>", body)
        compared.append((answer.status, headers, body))
    return compared


def _differences(came: Exchange, expected: Expected, place: Place, is_head: bool) -> Iterator[str]:
    if came.kept == expected.closes:
        yield f"the connection was {'kept' if came.kept else 'closed'}"
    before = len(expected.before)
    if len(came.answers) != before + (expected.status > 0):
        yield f"{len(came.answers)} answers: {[answer.status for answer in came.answers]}"
        return
    if tuple(answer.status for answer in came.answers[:before]) != expected.before:
        yield f"before: {[answer.status for answer in came.answers[:before]]} instead of {expected.before}"
    for answer in came.answers[before:]:
        yield from _of_answer(answer, expected, is_head)
        yield from _of_headers(answer, expected, place)


def _of_answer(answer: RawAnswer, expected: Expected, is_head: bool) -> Iterator[str]:
    if answer.status != expected.status:
        yield f"{answer.status} instead of {expected.status}: {answer.body[:300]!r}"
        return
    if is_head or not answer.body:
        return
    try:
        body = answer.json
    except ValueError:
        yield f"no JSON: {answer.body[:300]!r}"
        return
    if body.get("code") != expected.code:
        yield f"code {body.get('code')} instead of {expected.code}: {answer.body[:300]!r}"
    if expected.status >= 400 and (body.get("success") is not False or not body.get("message")):
        yield f"no envelope of an error: {body}"
    if sorted(body.get("errors", {})) != sorted(expected.names):
        yield f"errors {body.get('errors')} instead of {expected.names}"
    if expected.total is not None and body["meta"]["total"] != expected.total:
        yield f"{body['meta']['total']} rows instead of {expected.total}"


def _of_headers(answer: RawAnswer, expected: Expected, place: Place) -> Iterator[str]:
    for name, value in expected.headers.items():
        if answer.headers.get(name) != value:
            yield f"{name}: {answer.headers.get(name)} instead of {value}"
    if len(answer.headers.get("x-request-id", "")) < 8:
        yield "no request id"
    if "aiohttp" in answer.headers.get("server", ""):
        yield f"it tells what it is made of: {answer.headers['server']}"
    if answer.body and not answer.headers.get("content-type", "").startswith("application/json"):
        yield f"content type {answer.headers.get('content-type')}"
    if answer.status == 401 and not answer.headers.get("www-authenticate", "").startswith('Bearer realm="muster"'):
        yield "a 401 without a challenge"
    if answer.status == 405 and not answer.headers.get("allow"):
        yield "a 405 without Allow"
    if place == "gateway" and answer.status == 403 and "x-ratelimit-limit" not in answer.headers:
        yield "no rate limit in the answer"
