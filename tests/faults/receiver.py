"""The endpoint of the organisations' webhooks: now and then slow, failing, silent or away; and what it has got.

By Standard Webhooks' own package it verifies all that comes (contract, section 9).
"""

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from standardwebhooks import Webhook, WebhookVerificationError

Answered = Literal["taken", "slowly", "refused", "not", "late"]
"""With 200 at once or after a while, with 500, by hanging up, and later than anybody waits."""

FAULTS: Mapping[Answered, int] = {"taken": 84, "slowly": 6, "refused": 5, "not": 4, "late": 1}
"""How often in a hundred."""
SLOW, LATE = 0.3, 3.5
"""Seconds."""
_ANSWER = "HTTP/1.1 {} Answered\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass
class Hook:
    """What one organisation's webhook has got, by the ids of the events."""

    organisation: int
    secret: str
    types: tuple[str, ...]
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)
    """Answered with 200 as long as its sender was waiting."""
    violations: list[str] = field(default_factory=list)

    def wants(self, event: Mapping[str, Any]) -> bool:
        return not self.types or any(
            event["type"].startswith(wanted.removesuffix("*")) if wanted.endswith(".*") else event["type"] == wanted
            for wanted in self.types
        )

    def note(self, headers: Mapping[str, str], body: str) -> str:
        """The id of the event that was sent."""
        event_id = headers.get("webhook-id", "")
        try:
            event = Webhook(self.secret).verify(body, dict(headers))
        except WebhookVerificationError as error:
            self.violations.append(f"I11: {event_id} came with a wrong signature: {error}")
            event = json.loads(body)
        if event["id"] != event_id:
            self.violations.append(f"I11: {event['id']} came as {event_id}")
        if self.events.setdefault(event_id, event) != event:
            self.violations.append(f"I11: {event_id} came again as {event}, before as {self.events[event_id]}")
        return event_id


@dataclass
class Receiver:
    """Listens on one port for the hooks of all organisations, each at a path of its own."""

    port: int
    hooks: dict[str, Hook] = field(default_factory=dict)
    """By path."""
    faults: Mapping[Answered, int] = field(default_factory=lambda: FAULTS)
    _random: random.Random = field(default_factory=lambda: random.Random(1))
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def url(self, organisation: int) -> str:
        return f"http://127.0.0.1:{self.port}/{organisation}"

    def add(self, hook: Hook) -> None:
        self.hooks[f"/{hook.organisation}"] = hook

    async def accept(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def die(self) -> None:
        """What is under way gets no answer, and nobody listens."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path, headers, body = await _request(reader)
        hook = self.hooks[path]
        event_id = hook.note(headers, body)
        [answered] = self._random.choices(list(self.faults), list(self.faults.values()))
        if answered == "not":
            return
        await asyncio.sleep({"slowly": SLOW, "late": LATE}.get(answered, 0.0))
        status = 500 if answered == "refused" else 200
        if not reader.at_eof() and not writer.transport.is_closing():
            writer.write(_ANSWER.format(status).encode())
            hook.taken[event_id] += status == 200
            await writer.drain()


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], str]:
    """Path, headers by their names in lower case, and body."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
    return first.split(" ")[1], headers, (await reader.readexactly(int(headers["content-length"]))).decode()


@asynccontextmanager
async def receiving(port: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(port)
    await receiver.accept()
    try:
        yield receiver
    finally:
        receiver.die()


def hook_differs(hook: Hook, published: Mapping[str, dict[str, Any]], *, once: bool) -> Iterator[str]:
    """I11: every event that the webhook wants was taken; with `once` not twice, which nobody else has promised."""
    wanted = {event_id: event for event_id, event in published.items() if hook.wants(event)}
    for event_id, event in wanted.items():
        if not hook.taken[event_id]:
            yield f"I11 lost: the webhook of {hook.organisation} had no {event['type']} {event_id}"
    for event_id, event in hook.events.items():
        if wanted.get(event_id) != event:
            yield f"I11 foreign: the webhook of {hook.organisation} had {json.dumps(event)}"
    for event_id, times in hook.taken.items():
        if once and times > 1:
            yield f"I11 doubled: the webhook of {hook.organisation} took {event_id} {times} times"
    yield from hook.violations
