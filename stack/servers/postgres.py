"""A private PostgreSQL server."""

import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import asyncpg

from stack.paths import Layout, write_private
from stack.processes.environment import base_environment
from stack.processes.managed_process import ManagedProcess
from stack.servers.requirements import Program
from stack.servers.unprivileged_account import command_prefix, unprivileged_account

READY_SECONDS = 60.0
INITDB_SECONDS = 120.0
PROBE_SECONDS = 2.0
SUPERUSER = "postgres"
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
SETTINGS = {"max_connections": "200", "log_min_messages": "warning", "log_checkpoints": "off"}
THROWAWAY_SETTINGS = {
    "max_connections": "1000",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}


class PostgresServer:
    """One data directory and its server, which listens on 127.0.0.1 and asks for a password."""

    def __init__(
        self,
        program: Program,
        layout: Layout,
        port: int,
        password: str,
        *,
        throwaway: bool = False,
        settings: Mapping[str, str] = NO_SETTINGS,
    ) -> None:
        """`settings` override those of this module."""
        self.name = "PostgreSQL"
        self.version = program.version_text
        self.port = port
        self._programs = program.directory
        self._password = password
        self._throwaway = throwaway
        self._settings = settings
        self._layout = layout
        self._home = layout.data / "postgres"
        self._data = self._home / "data"
        self._account = unprivileged_account()
        self.process = postgres_process(layout)

    @property
    def url(self) -> str:
        """The address of the database `postgres`, as the superuser."""
        return f"postgresql://{SUPERUSER}:{self._password}@127.0.0.1:{self.port}/postgres"

    async def start(self) -> None:
        """Create the data directory if there is none, start the server, and return once it accepts queries."""
        if not self._data.exists():
            await self._initialise()
        settings = {**(THROWAWAY_SETTINGS if self._throwaway else SETTINGS), **self._settings}
        # A socket file's path is limited to 107 bytes, which a deep clone exceeds: TCP only.
        settings |= {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*command_prefix(self._account), self._programs / "postgres", "-D", self._data, *options]
        self.process.start([str(part) for part in command], base_environment(), self._home)
        await self.process.wait_ready(self._answers, READY_SECONDS)

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url, timeout=PROBE_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close(timeout=PROBE_SECONDS)
        return True

    async def _initialise(self) -> None:
        """Create the data directory under a temporary name and rename it once it is complete."""
        draft = self._home / "data.new"
        password_file = self._home / "password.new"
        self._home.mkdir(exist_ok=True)
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(mode=0o700)
        write_private(password_file, self._password + "\n")
        if self._account:
            for path in (draft, password_file):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
        try:
            await self._initdb(draft, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        draft.rename(self._data)

    async def _initdb(self, draft: Path, password_file: Path) -> None:
        options = ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", f"--username={SUPERUSER}"]
        if self._throwaway:
            options.append("--no-sync")
        command = [*command_prefix(self._account), str(self._programs / "initdb"), *options]
        command += [f"--pwfile={password_file}", f"--pgdata={draft}"]
        initdb = ManagedProcess("initdb", self._layout.run / "initdb.pid", self.process.log_file)
        await initdb.run(command, base_environment(), self._home, seconds=INITDB_SECONDS)


def postgres_process(layout: Layout) -> ManagedProcess:
    """The server's process; on SIGINT it disconnects its clients and shuts down."""
    return ManagedProcess(
        "PostgreSQL",
        layout.run / "postgres.pid",
        layout.log / "postgres.log",
        stop_signal=signal.SIGINT,
        abort_signal=signal.SIGQUIT,
    )
