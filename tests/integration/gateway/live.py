"""A stand-in for enrollment that says how the seats of sessions are, and can change them, go silent, or die."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from shared.http.event_stream import event
from tests.support.stack import serving


@dataclass
class Seats:
    """`followers` are the streams that gateways have open, by session; what is put there is sent."""

    versions: dict[int, int] = field(default_factory=dict)
    followers: dict[int, set["asyncio.Queue[bytes | None]"]] = field(default_factory=dict)
    began: int = 0
    url: str = ""

    def state(self, session_id: int) -> dict[str, Any]:
        version = self.versions.setdefault(session_id, 1)
        return {"session_id": session_id, "version": version, "enrolled_count": version - 1, "text": "x" * 300}

    def change(self, session_id: int, *, said: bool = True) -> None:
        self.versions[session_id] = self.versions.setdefault(session_id, 1) + 1
        if said:
            for follower in self.followers.get(session_id, ()):
                follower.put_nowait(self._event(session_id))

    async def is_followed(self) -> bool:
        return any(self.followers.values())

    def end_streams(self) -> None:
        for of_session in self.followers.values():
            for follower in of_session:
                follower.put_nowait(None)

    def _event(self, session_id: int) -> bytes:
        return event(json.dumps(self.state(session_id)), name="seats", event_id=str(self.versions[session_id]))

    async def begin(self, request: web.Request) -> web.Response:
        wanted = request.match_info.get("id") or request.query["sessions"]
        ids = [int(each) for each in wanted.split(",")]
        sessions = [
            {"organisation_id": 1, "id": each, "version": self.state(each)["version"], "removed": False}
            | {"seats": self.state(each)}
            for each in ids
        ]
        return web.json_response({"success": True, "data": {"alone": "id" in request.match_info, "sessions": sessions}})

    async def follow(self, request: web.Request) -> web.StreamResponse:
        session_id, changes = int(request.match_info["id"]), asyncio.Queue[bytes | None]()
        self.began += 1
        self.followers.setdefault(session_id, set()).add(changes)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        try:
            await response.prepare(request)
            await response.write(self._event(session_id))
            while change := await changes.get():
                await response.write(change)
        finally:
            self.followers[session_id].discard(changes)
        return response

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v1/training/sessions/live", self.begin)
        app.router.add_get("/api/v1/training/sessions/{id}/live", self.begin)
        app.router.add_get("/internal/sessions/{id}/live", self.follow)
        app.router.add_get("/health/live", self._health)
        return app

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "live"})


@asynccontextmanager
async def seats_served() -> AsyncIterator[Seats]:
    seats = Seats()
    async with serving(seats.app(), shutdown_timeout=0.1) as seats.url:
        yield seats
