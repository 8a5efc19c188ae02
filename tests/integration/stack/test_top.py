"""`./dev top` on a stack whose processes only sleep, and whose metrics are answered here."""

import asyncio
import io
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import Gauge
from rich.console import Console

from shared.metrics.listener import metrics_listening
from shared.metrics.registry import Metrics
from stack.commands.down import down
from stack.commands.top import show, top
from stack.config.addresses import Addresses, read_addresses, write_addresses
from stack.config.ports import read_state
from stack.console import Steps
from stack.errors import StackError
from stack.metrics.reading import MAX_BYTES, Readings, follow, read
from stack.paths import REPOSITORY, Layout
from stack.product.applications import application_process, metrics_url
from stack.services import SERVICE_NAMES
from tests.support.eventually import DEADLINE, eventually

NAMES = ("gateway", *SERVICE_NAMES)
IN_A_TERMINAL = """
import asyncio, sys
from pathlib import Path
from rich.console import Console
from stack.commands.top import watch
from stack.paths import REPOSITORY, Layout

sys.exit(watch(Layout(Path(sys.argv[1])), Console(force_terminal=True, width=80, height=24)))
"""


@pytest.fixture
async def answering(layout: Layout) -> AsyncIterator[Layout]:
    """Each process answers for its metrics, at the address that `.stack/env` has."""
    state, addresses = read_state(layout.state_file), read_addresses(layout)
    urls = {name: metrics_url(state, name) for name in NAMES}
    services = {
        name: type(each)(**{**vars(each), "metrics_url": urls[name]}) for name, each in addresses.services.items()
    }
    write_addresses(
        layout,
        Addresses(addresses.gateway_url, addresses.redis_url, addresses.amqp_url, services, urls["gateway"]),
        "token",
    )
    async with AsyncExitStack() as exits:
        for name, url in urls.items():
            metrics = Metrics()
            Gauge("muster_queue_messages", "Waiting.", registry=metrics.registry).set(17)
            Gauge("process_start_time_seconds", "Start.", registry=metrics.registry).set(1)
            await exits.enter_async_context(metrics_listening(metrics, "127.0.0.1", urlsplit(url).port or 0))
            assert name
        yield layout


def console(width: int = 80) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width), out


async def shown(layout: Layout) -> list[str]:
    to, out = console()
    async with asyncio.timeout(DEADLINE):
        assert await show(layout, to, once=True) == 0
    return out.getvalue().splitlines()


async def test_one_frame_has_each_process_and_what_it_answers(answering: Layout) -> None:
    lines = await shown(answering)
    assert "6 of 6 processes answer" in lines[0]
    for name in NAMES:
        [process, *events] = [line.split() for line in lines if line.split()[:1] == [name] and "refused" not in line]
        assert process[2] == "s"
        assert process[4] == "MiB"
        assert not events or events[0][4] == "17"


async def test_processes_that_do_not_run_are_named(answering: Layout, steps: Steps) -> None:
    await down(answering, steps, ["catalog"])
    history = application_process(answering, "history").identity()
    assert history is not None
    os.kill(history.pid, signal.SIGKILL)

    async def are_named() -> bool:
        lines = [line.split() for line in await shown(answering)]
        catalog, history = ([words[1] for words in lines if words[:1] == [name]] for name in ("catalog", "history"))
        return (catalog[0], history[0]) == ("stopped", "ended")

    await eventually(are_named)


async def test_processes_that_answer_nothing_are_shown_all_the_same(layout: Layout) -> None:
    lines = await shown(layout)
    assert "0 of 6 processes answer" in lines[0]
    assert [line for line in lines if line.startswith("history") and "no answer" in line]


async def test_it_goes_on_until_it_is_interrupted(answering: Layout) -> None:
    out = io.StringIO()
    terminal = Console(file=out, width=80, height=24, force_terminal=True)
    showing = asyncio.create_task(show(answering, terminal, once=False))

    async def has_shown_several() -> bool:
        assert not showing.done()
        return out.getvalue().count("processes answer") >= 2

    await eventually(has_shown_several)
    showing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await showing
    assert "Traceback" not in out.getvalue()


async def test_ctrl_c_ends_it_quietly(answering: Layout) -> None:
    command = [sys.executable, "-c", IN_A_TERMINAL, str(answering.root)]
    shown = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, cwd=REPOSITORY)
    assert shown.stdout is not None
    async with asyncio.timeout(DEADLINE):
        await shown.stdout.readuntil(b"processes answer")
        shown.send_signal(signal.SIGINT)
        _, errors = await shown.communicate()
    assert (shown.returncode, errors) == (0, b"")


def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.commands.top.STACK_DIRECTORY", tmp_path)
    with pytest.raises(StackError, match=r"\./dev up"):
        top(once=True)


class Answering:
    """A process whose answer changes."""

    def __init__(self) -> None:
        self.body = b""
        self.status = 200
        self.waits: asyncio.Event | None = None

    async def answer(self, _: web.Request) -> web.Response:
        if self.waits is not None:
            await self.waits.wait()
        return web.Response(body=self.body, status=self.status)


@pytest.fixture
async def process() -> AsyncIterator[tuple[Answering, str, aiohttp.ClientSession]]:
    answering, app = Answering(), web.Application()
    app.router.add_get("/metrics", answering.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as http:
        yield answering, f"http://{host}:{port}/metrics", http
    await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"muster_queue_messages one\n", 200),
        (b"\xff\xfe", 200),
        (b"muster_queue_messages 1\n", 500),
        (b"#" * (MAX_BYTES + 1), 200),
    ],
    ids=["other text", "other bytes", "an error", "too much"],
)
async def test_an_answer_that_is_no_metrics_counts_as_none(
    process: tuple[Answering, str, aiohttp.ClientSession], body: bytes, status: int
) -> None:
    answering, url, http = process
    answering.body, answering.status = body, status
    readings = Readings()
    await read(http, url, readings)
    assert readings.latest(0.0) is None
    answering.body, answering.status = b"muster_queue_messages 1\n", 200
    await read(http, url, readings)
    assert readings.latest(0.0) is not None


async def test_a_process_that_never_answers_keeps_nobody_waiting(
    process: tuple[Answering, str, aiohttp.ClientSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    answering, url, http = process
    monkeypatch.setattr("stack.metrics.reading.TIMEOUT", aiohttp.ClientTimeout(total=0.05))
    answering.waits = asyncio.Event()
    readings = Readings()
    async with asyncio.timeout(DEADLINE):
        await read(http, url, readings)
        assert readings.latest(0.0) is None
        # What came of it is asked again.
        answering.waits.set()
        answering.body = b"muster_queue_messages 1\n"
        following = asyncio.create_task(follow(http, url, readings))
        await readings.comparable.wait()
    following.cancel()


async def test_a_process_that_was_started_anew_is_not_compared_with_the_one_before(
    process: tuple[Answering, str, aiohttp.ClientSession],
) -> None:
    answering, url, http = process
    readings = Readings()
    for start, count in ((1, 1000), (1, 1010), (2, 5)):
        answering.body = f"process_start_time_seconds {start}\nmuster_shed_total {count}\n".encode()
        await read(http, url, readings)
    assert readings.latest(0.0) is not None
    assert readings.window(0.0) is None
    answering.body = b"process_start_time_seconds 2\nmuster_shed_total 7\n"
    await read(http, url, readings)
    window = readings.window(0.0)
    assert window is not None
    assert window.grown("muster_shed_total") == {frozenset(): 2.0}
