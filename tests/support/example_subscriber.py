"""The example of a subscriber, `examples/subscriber`, as a process of its own."""

import asyncio
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika

from stack.paths import REPOSITORY
from tests.support.eventually import eventually

EXAMPLE = REPOSITORY / "examples" / "subscriber"
PROGRAMS = ("subscriber.py", "with_faststream.py")
STOP_SECONDS = 20.0
SECONDS = 10.0


@dataclass(frozen=True)
class Example:
    """`administrator` and `url` are the broker's addresses, the second as the user of the subscriber."""

    administrator: str
    url: str
    queue: str
    database: Path
    exchange: str = "training.events"
    program: str = PROGRAMS[0]
    folder: Path = EXAMPLE

    @property
    def environment(self) -> dict[str, str]:
        own = {"AMQP_URL": self.url, "QUEUE": self.queue, "EXCHANGE": self.exchange, "DATABASE": str(self.database)}
        return {**os.environ, **own}

    @property
    def dead_letters(self) -> str:
        return f"{self.queue}.dead-letters"

    def version(self, enrollment_id: int) -> int | None:
        """The one it has kept of the enrollment; None where it has nothing."""
        state = self.state(enrollment_id)
        return int(state["version"]) if state else None

    def state(self, enrollment_id: int) -> dict[str, Any]:
        if not self.database.exists():
            return {}
        with sqlite3.connect(self.database) as database:
            found = database.execute(
                "SELECT state FROM completions WHERE enrollment_id = ?", (enrollment_id,)
            ).fetchone()
        return json.loads(found[0]) if found else {}

    async def has(self, enrollment_id: int, version: int) -> None:
        """Returns once it has this version."""

        async def kept() -> bool:
            return self.version(enrollment_id) == version

        await eventually(kept)

    async def letters(self) -> list[bytes]:
        """The dead letters, which stay where they are."""
        async with await aio_pika.connect(self.administrator, timeout=SECONDS) as connection:
            queue = await (await connection.channel()).declare_queue(self.dead_letters, passive=True)
            found = []
            while letter := await queue.get(fail=False, timeout=SECONDS):
                found.append(letter.body)
            return found

    async def unbind_dead_letters(self) -> None:
        """So that what its exchange of dead letters gets reaches no queue, until somebody binds it again."""
        async with await aio_pika.connect(self.administrator, timeout=SECONDS) as connection:
            queue = await (await connection.channel()).declare_queue(self.dead_letters, passive=True)
            await queue.unbind(self.dead_letters)

    async def publish(self, *bodies: bytes, routing_key: str = "enrollment.completed") -> None:
        """As the services do, to the exchange of events."""
        async with await aio_pika.connect(self.administrator, timeout=SECONDS) as connection:
            exchange = await (await connection.channel()).get_exchange(self.exchange, ensure=False)
            for body in bodies:
                message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                await exchange.publish(message, routing_key, timeout=SECONDS)

    async def run_dead_letters(self, *arguments: str) -> str:
        """What `dead_letters.py` prints."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(self.folder / "dead_letters.py"),
            *arguments,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(process.communicate(), STOP_SECONDS)
        assert process.returncode == 0
        return output.decode()


@asynccontextmanager
async def running(example: Example) -> AsyncIterator[None]:
    """Its process, once it consumes; ended as by a container's stop, within its time."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(example.folder / example.program), env=example.environment
    )
    try:
        await eventually(lambda: consumes(example))
        yield
        process.terminate()
        assert await asyncio.wait_for(process.wait(), STOP_SECONDS) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def consumes(example: Example) -> bool:
    try:
        async with await aio_pika.connect(example.administrator, timeout=SECONDS) as connection:
            queue = await (await connection.channel()).declare_queue(example.queue, passive=True)
            return bool(queue.declaration_result.consumer_count)
    except aio_pika.exceptions.AMQPError:
        return False


def changed_copy(folder: Path, file: str, text: str, replacement: str) -> Path:
    """The example in a folder of its own, with this text replaced: what a guard of it is for."""
    copy = folder / "changed"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    source = (copy / file).read_text()
    assert text in source
    (copy / file).write_text(source.replace(text, replacement))
    return copy
