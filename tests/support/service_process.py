"""A service as a real process of the operating system, which can be killed."""

import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from pydantic import SecretStr

from shared.settings import ServiceSettings
from stack.config.ports import reserve_port
from tests.support.eventually import eventually
from tests.support.forks import ForkedProcess, fork

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class ServiceProcess:
    """One that serves on `url`."""

    url: str
    process: ForkedProcess

    async def kill(self) -> None:
        """At once, like the kernel does it: nothing is finished, nothing is said."""
        self.process.send_signal(signal.SIGKILL)
        assert await self.process.wait() == -signal.SIGKILL


@asynccontextmanager
async def service_process(
    module: str, settings: ServiceSettings | Mapping[str, object], *arguments: str
) -> AsyncIterator[ServiceProcess]:
    """`python -m module arguments`, once it is ready; killed at the end if it still runs. A mapping has only those
    settings that are not what they are by themselves."""
    port = reserve_port()
    process = await fork(
        module,
        *arguments,
        directory=REPOSITORY,
        environment={**os.environ, **environment(settings), "PORT": str(port)},
        output=Path(os.devnull),
    )
    try:
        url = f"http://127.0.0.1:{port}"
        await _ready(process, url)
        yield ServiceProcess(url, process)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


def environment(settings: ServiceSettings | Mapping[str, object]) -> dict[str, str]:
    """The variables that give a process these settings."""
    each = settings.items() if isinstance(settings, Mapping) else settings
    values = {name.upper(): value for name, value in each if value is not None}
    return {name: _written(value) for name, value in values.items()}


def _written(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(map(str, value)) if isinstance(value, tuple | frozenset) else str(value)


async def _ready(process: ForkedProcess, url: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:

        async def is_ready() -> bool:
            assert process.returncode is None, f"the process has ended with {process.returncode}"
            try:
                async with http.get(f"{url}/health/ready") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        await eventually(is_ready)
