"""What ends streams that are open, and at what cost it is found out."""

import asyncio
import time
from collections.abc import Collection
from typing import Any, cast

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.admission import open_streams
from gateway.admission.cutoffs import CutOff, CutOffs
from gateway.admission.open_streams import OpenStreams
from gateway.admission.revocation import Revocations
from gateway.auth.client_token import ClientToken
from shared.auth.internal_token import Caller
from shared.concurrency.tasks import background
from shared.errors import TokenExpired, TokenInvalid, Unavailable
from shared.http.request import NO_OWN_FIELDS, Head, Request
from shared.http.request_target import Target
from shared.http.server.responder import Responder
from shared.http.stream_slots import Slot


class Asked:
    """In the place of Redis: what was asked, and what was revoked."""

    def __init__(self) -> None:
        self.questions: list[Collection[str]] = []
        self.revoked: set[str] = set()

    async def among(self, token_ids: Collection[str]) -> set[str]:
        self.questions.append(token_ids)
        return self.revoked & set(token_ids)


class Watched:
    def __init__(self) -> None:
        self.asked, self.cut_offs, self.responder = Asked(), CutOffs(), Responder(10, {})
        self.streams = OpenStreams(self.responder, self.cut_offs, cast(Revocations, self.asked))

    def open(self, name: str, *, organisation: int = 7, lives: float = 60) -> Slot:
        headers = CIMultiDictProxy(CIMultiDict[str]())
        request = Request("GET", Target("/", ""), Head(headers, NO_OWN_FIELDS), headers, NO_OWN_FIELDS, "")
        request.stream = cast(Any, Unconnected())
        now = int(time.time())
        caller = Caller(organisation, name, name, "staff", frozenset({"api.access"}))
        token = ClientToken(
            caller, f"id-{name}", "muster", now - 1, now + int(lives), None, False, cast(Any, None), cast(Any, None)
        )
        return self.streams.open(request, token)


class Unconnected:
    transport = None


@pytest.fixture
def watched() -> Watched:
    return Watched()


async def test_all_of_them_are_asked_about_at_once(watched: Watched) -> None:
    for number in range(300):
        watched.open(f"user-{number % 100}")
    await watched.streams.check()
    assert watched.asked.questions == [{f"id-user-{number}" for number in range(100)}]


async def test_without_any_nobody_is_asked(watched: Watched) -> None:
    watched.responder.streams.take()  # one of our own
    await watched.streams.check()
    assert watched.asked.questions == []


async def test_what_was_revoked_is_cut_and_nothing_else(watched: Watched) -> None:
    ann, bob = watched.open("ann"), watched.open("bob")
    watched.asked.revoked.add("id-ann")
    await watched.streams.check()
    assert (ann.is_cut, bob.is_cut) == (True, False)
    assert isinstance(ann.reason, TokenInvalid)


async def test_what_was_cut_off_is_cut(watched: Watched) -> None:
    ours, theirs = watched.open("ann"), watched.open("bob", organisation=8)
    await watched.streams.check()
    watched.cut_offs.learn([CutOff(seq=1, kind="suspended", organisation_id=8)])
    await watched.streams.check()
    assert (ours.is_cut, theirs.is_cut) == (False, True)


async def test_what_has_expired_is_cut(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    soon, later = watched.open("ann", lives=5), watched.open("bob", lives=60)
    at = time.time() + 6
    monkeypatch.setattr("gateway.admission.open_streams.time.time", lambda: at)
    await watched.streams.check()
    assert (soon.is_cut, later.is_cut) == (True, False)
    assert isinstance(soon.reason, TokenExpired)
    with pytest.raises(TokenExpired):
        watched.open("eve", lives=-1)


async def test_at_the_end_who_waits_may_ask_again_and_others_go_on(watched: Watched) -> None:
    waiting, streaming = watched.open("ann"), watched.open("bob")
    waiting.may_ask_again = True
    ending = asyncio.Event()
    ending.set()
    await watched.streams.end_waits(ending)
    assert (waiting.is_cut, streaming.is_cut) == (True, False)
    assert isinstance(waiting.reason, Unavailable)


async def test_a_token_that_cannot_be_checked_costs_the_others_no_check(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = [watched.open(name) for name in ("ann", "bob", "cid", "dee")]
    watched.asked.revoked.add("id-dee")
    why_over = watched.streams._why_over

    def failing(token: ClientToken, revoked: Collection[str]) -> TokenInvalid | None:
        if token.id in {"id-ann", "id-bob", "id-cid"}:
            raise ValueError("a defect")
        return why_over(token, revoked)

    monkeypatch.setattr(watched.streams, "_why_over", failing)
    await watched.streams.check()
    assert [slot.is_cut for slot in slots] == [True] * 4
    assert [type(slot.reason) for slot in slots] == [Unavailable] * 3 + [TokenInvalid]


async def test_the_watch_goes_on_after_a_defect(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "CHECK_INTERVAL", 0.0)
    ann, asked = watched.open("ann"), watched.asked.among

    async def failing_once(token_ids: Collection[str]) -> set[str]:
        if not watched.asked.questions:
            await asked(token_ids)
            raise ValueError("a defect")
        return {"id-ann"}

    monkeypatch.setattr(watched.asked, "among", failing_once)
    cut = asyncio.Event()
    ann.when_cut(cut.set)
    async with background(watched.streams.watch(), name="watch"), asyncio.timeout(20):
        await cut.wait()
