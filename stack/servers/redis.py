"""A private Redis server."""

import asyncio
from pathlib import Path

from stack.paths import Layout, write_private
from stack.processes.environment import base_environment
from stack.processes.managed_process import ManagedProcess
from stack.servers.requirements import Program

READY_SECONDS = 30.0
PROBE_SECONDS = 1.0
DURABLE = 'appendonly yes\nappendfsync everysec\nsave ""\n'
THROWAWAY = 'appendonly no\nsave ""\n'


class RedisServer:
    """One data directory and its server, which listens on 127.0.0.1 and asks for a password."""

    def __init__(self, program: Program, layout: Layout, port: int, password: str, *, throwaway: bool = False) -> None:
        self.name = "Redis"
        self.version = program.version_text
        self.port = port
        self._program = program.directory / "redis-server"
        self._password = password
        self._throwaway = throwaway
        self._home = layout.data / "redis"
        self.process = redis_process(layout)

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Start the server and return once it answers; its data is loaded by then."""
        self._home.mkdir(exist_ok=True)
        configuration = self._home / "redis.conf"
        write_private(configuration, self._configuration())
        self.process.start([str(self._program), str(configuration)], base_environment(), self._home)
        await self.process.wait_ready(self._answers, READY_SECONDS)

    def _configuration(self) -> str:
        return (
            f"bind 127.0.0.1\nport {self.port}\nprotected-mode yes\nrequirepass {self._password}\n"
            f"daemonize no\ndir {quoted(self._home)}\n"
            "maxmemory 256mb\nmaxmemory-policy noeviction\n" + (THROWAWAY if self._throwaway else DURABLE)
        )

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await self._ping()
        except (OSError, TimeoutError):
            return False

    async def _ping(self) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"AUTH {self._password}\r\nPING\r\n".encode())
            return (await reader.readline(), await reader.readline()) == (b"+OK\r\n", b"+PONG\r\n")
        finally:
            writer.close()


def redis_process(layout: Layout) -> ManagedProcess:
    """The server's process."""
    return ManagedProcess("Redis", layout.run / "redis.pid", layout.log / "redis.log")


def quoted(path: Path) -> str:
    """A path quoted for redis.conf, with its spaces and quotation marks."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
