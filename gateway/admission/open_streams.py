"""Streams that are open live no longer than their tokens (contract, section 1)."""

import asyncio
import logging
import time
from collections.abc import Collection
from typing import Final

from gateway.admission.cutoffs import CutOffs
from gateway.admission.revocation import Revocations
from gateway.auth.client_token import ClientToken
from shared.errors import ApiError, TokenExpired, TokenInvalid, Unavailable
from shared.http.request import Request
from shared.http.server.responder import Responder
from shared.http.stream_slots import Slot

log = logging.getLogger(__name__)

CHECK_INTERVAL: Final = 1.0
"""Seconds between two looks at all of them, each of one question to Redis: with what the list of cut-offs takes, a
stream ends within two."""


class OpenStreams:
    """Gives streams their slots, and watches over those it gave."""

    def __init__(self, responder: Responder, cut_offs: CutOffs, revocations: Revocations) -> None:
        self._responder = responder
        self._cut_offs = cut_offs
        self._revocations = revocations

    def open(self, request: Request, token: ClientToken, service: str | None = None) -> Slot:
        """The slot of a request with this token, which waits for that service.

        Clocks get no leeway, or a stream would be cut right after its begin.

        Raises `TokenExpired`, `Overloaded` or `TooManyStreams`.
        """
        if token.expires_at <= time.time():
            raise TokenExpired
        caller = token.caller
        slot = self._responder.begin_stream(request, caller.organisation_id, caller.subject, service)
        slot.holder = token
        return slot

    async def watch(self) -> None:
        """Runs for as long as the process does."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL)
            try:
                await self.check()
            except Exception:
                log.exception("open streams cannot be checked")

    async def check(self) -> None:
        """Cuts the streams whose tokens are not valid any more."""
        held = self._held()
        if not held:
            return
        revoked = await self._revocations.among({token.id for _, token in held})
        for slot, token in held:
            try:
                reason: ApiError | None = self._why_over(token, revoked)
            except Exception:
                log.exception("the token of a stream cannot be checked")
                reason = Unavailable()
            if reason is not None:
                slot.cut(reason)

    async def end_waits(self, ending: asyncio.Event) -> None:
        """Once the process ends, whoever waits for an answer is sent to another one."""
        await ending.wait()
        for slot, _ in self._held():
            if slot.may_ask_again:
                slot.cut(Unavailable())

    def _held(self) -> list[tuple[Slot, ClientToken]]:
        return [(slot, slot.holder) for slot in self._responder.streams.open if isinstance(slot.holder, ClientToken)]

    def _why_over(self, token: ClientToken, revoked: Collection[str]) -> TokenInvalid | None:
        if token.expires_at <= time.time():
            return TokenExpired()
        if token.id in revoked:
            return TokenInvalid("The token was revoked.", reason="revoked")
        try:
            if token.checked != self._cut_offs.version:
                self._cut_offs.check(token)
        except TokenInvalid as error:
            return error.with_traceback(None)
        return None
