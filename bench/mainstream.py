"""The mainstream peer: FastAPI, SQLAlchemy and asyncpg on one worker of uvicorn, and that it answers the same."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bench.bed import Bed, System
from bench.errors import NotMeasured
from bench.processes import Serving
from stack.config.ports import reserve_port

NAME = "FastAPI + SQLAlchemy"
DIFFERENCES = "same answers but for the form of timestamps and decimals, and null for no place in line"
_TIMEOUT = aiohttp.ClientTimeout(total=30)


async def mainstream(bed: Bed, system: System) -> Serving:
    """On the databases of the system; it writes no log of requests, as the services write none."""
    port = reserve_port()
    command = [bed.servers.peers_python, "-m", "uvicorn", "bench.peers.fastapi_lists.main:app"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--loop", "uvloop"]
    command += ["--http", "httptools", "--no-access-log", "--log-level", "warning"]
    databases = {f"{name.upper()}_DATABASE_URL": urls.service for name, urls in system.installed.databases.items()}
    return await bed.serve(
        "fastapi", command, {"INTERNAL_TOKEN_SECRET": system.installed.peer_secret, **databases}, port
    )


async def require_same(ours: tuple[str, str], peer: tuple[str, str], paths: Sequence[str]) -> None:
    """Asks both, by address and `Authorization`; raises `NotMeasured` where they differ beyond `DIFFERENCES`."""
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as http:
        for path in paths:
            found, expected = [comparable(await _json(http, url + path, bearer)) for url, bearer in (ours, peer)]
            if found != expected:
                raise NotMeasured(f"{path}:\n  ours {json.dumps(found)}\n  peer {json.dumps(expected)}")


async def _json(http: aiohttp.ClientSession, url: str, bearer: str) -> Any:
    async with http.get(url, headers={"Authorization": bearer}) as response:
        if response.status != 200:
            raise NotMeasured(f"{url}: {response.status} {await response.text()}")
        return await response.json()


def comparable(value: Any, name: str = "") -> Any:
    """An answer without what may differ: moments as one form of text, addresses without the server."""
    match value:
        case dict():
            return {k: comparable(v, k) for k, v in value.items() if (k, v) != ("waitlist_position", None)}
        case list():
            return [comparable(each) for each in value]
        case str() if value.startswith("http://"):
            return urlsplit(value)._replace(scheme="", netloc="").geturl()
        case str() if name.endswith(("_at", "_date", "_until")):
            moment = datetime.fromisoformat(value)
            # An enrollment shows its session's day alone.
            return f"{moment:%Y-%m-%d}" if name == "start_date" else moment.replace(microsecond=0).isoformat()
        case _:
            return value
