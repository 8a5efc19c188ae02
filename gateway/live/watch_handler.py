"""Clients who watch sessions: server-sent events of their seats (contract, section 10; decision 26)."""

import json
import random
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.live.live_sessions import LiveSessions
from gateway.live.session_changes import SessionEvent, Watcher, removed
from shared.concurrency.newest import Newest
from shared.http.event_stream import COMMENT, EVENT_STREAM, event, retry
from shared.http.request import Request
from shared.http.server.response_bytes import ResponseBytes
from shared.http.streaming import CUT_BEHIND, Push, Streamed

COMMENT_INTERVAL: Final = 15.0
"""Seconds without a change after which a comment says that the stream is alive."""
COME_BACK_WITHIN: Final = (0.5, 3.0)
"""Seconds after which clients of a process that ends connect again: not all in the same moment."""
LONGEST_LAST_ID: Final = 4096
_ID: Final = re.compile(r"[0-9]{1,19}(?::[0-9]{1,19})?(?:,[0-9]{1,19}:[0-9]{1,19})*")
_UNBUFFERED: Final[Mapping[str, str]] = {"X-Accel-Buffering": "no"}
"""What nginx reads: a stream that a proxy gathers is none."""


@dataclass(frozen=True, slots=True)
class WatchHandler:
    live: LiveSessions

    def answer(self, request: Request, organisation_id: int, found: ResponseBytes) -> Streamed | ResponseBytes:
        """`found` is what enrollment answered the client: the sessions as they are, or why they cannot be watched.

        Raises `Overloaded`.
        """
        if found.status != 200:
            return found
        data = json.loads(found.body)["data"]
        watch = Watch(organisation_id, data["sessions"], alone=data["alone"])
        watch.go_on_from(request.headers.get("Last-Event-ID", ""))
        self.live.require_room(watch.keys)
        push = Push()
        chunks = self._chunks(watch, push)
        return Streamed(chunks, EVENT_STREAM, headers=_UNBUFFERED, cut_behind=CUT_BEHIND, push=push)

    async def _chunks(self, watch: "Watch", push: Push) -> AsyncIterator[bytes]:
        """The first piece comes at once, whether there is news or not: then the client knows that it is connected.

        Changes pass this by, which only keeps the stream open: woken for each of them, a thousand would take twice
        as long.
        """
        with self.live.watching(watch.keys, watch.newest):
            yield watch.first()
            watch.go_on_with(push)
            while await watch.newest.goes_on(COMMENT_INTERVAL):
                yield COMMENT
            if not watch.is_over:
                yield retry(random.uniform(*COME_BACK_WITHIN))  # noqa: S311 - jitter, nothing secret


class Watch:
    """What one client watches, and how far it is: the id of each event says that of all its sessions.

    `states` are the sessions as they are; those that are removed are shown as that, and then no more.
    """

    def __init__(self, organisation_id: int, states: Sequence[Mapping[str, Any]], *, alone: bool) -> None:
        events = [_event_of(state) for state in states]
        self._organisation_id = organisation_id
        self._alone = alone
        self._unseen = events
        self._shown: dict[int, int] = {}
        """The version of each session that the client has."""
        self._left = {each.key for each in events if not each.is_last}
        self.newest: Watcher = Newest({each.key: each.version for each in events})

    @property
    def is_over(self) -> bool:
        return not self._left

    @property
    def keys(self) -> list[tuple[int, int]]:
        """Of the sessions that are left."""
        return [(self._organisation_id, session_id) for session_id in sorted(self._left)]

    def go_on_from(self, last_event_id: str) -> None:
        """The client has seen what its last event's id says."""
        wanted = [each.key for each in self._unseen]
        seen = read_last_id(last_event_id, wanted)
        self._shown = {session_id: seen[session_id] for session_id in wanted if session_id in seen}
        self._unseen = [each for each in self._unseen if seen.get(each.key) != each.version]

    def first(self) -> bytes:
        return b"".join(map(self.shown, self._unseen)) or COMMENT

    def go_on_with(self, push: Push) -> None:
        def give(change: SessionEvent) -> None:
            if push.write is not None:
                push.write(self.shown(change))
                if self.is_over:
                    self.newest.end()

        self.newest.give_to(give)

    def shown(self, change: SessionEvent) -> bytes:
        """One event as the client gets it."""
        if change.is_last:
            self._left.discard(change.key)
        if self._alone:
            return change.alone
        self._shown[change.key] = change.version
        listed = ",".join([f"{session_id}:{version}" for session_id, version in self._shown.items()])
        return event(change.data, name=change.name, event_id=listed)


def read_last_id(text: str, session_ids: Sequence[int]) -> dict[int, int]:
    """The version of each session in a `Last-Event-ID`; nothing of one that we never made."""
    if len(text) > LONGEST_LAST_ID or not _ID.fullmatch(text):
        return {}
    if ":" not in text:
        return {session_ids[0]: int(text)} if len(session_ids) == 1 else {}
    pairs = [pair.partition(":") for pair in text.split(",")]
    return {int(session_id): int(version) for session_id, _, version in pairs if version}


def _event_of(state: Mapping[str, Any]) -> SessionEvent:
    if state["removed"]:
        return removed(state["id"], state["version"])
    return SessionEvent(state["id"], state["version"], "seats", json.dumps(state["seats"], separators=(",", ":")))
