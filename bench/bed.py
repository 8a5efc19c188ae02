"""The bed of the comparisons: systems with a data set each, started when they are first asked for."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.dataset import ORGANISATION, Size, load, today, write_down
from bench.installation import Installed, install, serving
from bench.placement import Placement
from bench.processes import Serving, serve
from bench.settings import Effort, Servers
from bench.tokens import bearers, by_gateway, by_secret, client_tokens, internal_tokens
from bench.workers import Workers
from stack.commands.bench import INSTALLATIONS
from stack.paths import REPOSITORY


@dataclass(frozen=True)
class System:
    """Gateway and services on a data set, with production settings."""

    size: Size
    installed: Installed
    processes: Mapping[str, Serving]
    """The services and `gateway`, by name."""
    client_bearers: Sequence[str]
    """Values of `Authorization` for the gateway, each of another user, who keeps it."""

    @contextmanager
    def on(self, cores: Sequence[int]) -> Iterator[None]:
        """Its processes run on these cores for as long, and then where they ran before."""
        families = [process for each in self.processes.values() for process in each.family()]
        before = [process.cpu_affinity() for process in families]
        for process in families:
            process.cpu_affinity(list(cores))
        try:
            yield
        finally:
            for process, home in zip(families, before, strict=True):
                process.cpu_affinity(home)

    @property
    def gateway_url(self) -> str:
        return self.processes["gateway"].url

    def url_of(self, service: str) -> str:
        return self.processes[service].url

    def internal_bearers(self, service: str) -> list[str]:
        """Values of `Authorization` for a service itself."""
        return bearers(internal_tokens(by_gateway(self.installed.internal_keys), service, ORGANISATION))

    def peer_bearers(self) -> list[str]:
        """The same for a peer, by the secret of its own: cheaper to verify, and it verifies every time."""
        return bearers(internal_tokens(by_secret(self.installed.peer_secret), "internal", ORGANISATION))


@dataclass
class Bed:
    """Where the servers are, what may be spent, and who runs on which core."""

    servers: Servers
    effort: Effort
    placement: Placement
    say: Callable[[str], None]
    exits: AsyncExitStack
    _systems: dict[float, System] = field(default_factory=dict)
    _workers: Workers | None = None

    async def system(self, scale: float | None = None) -> System:
        """The one with the data set of that scale, by default the run's; shared by all who ask for it."""
        scale = self.effort.scale if scale is None else scale
        if scale not in self._systems:
            self.say(f"data set at scale {scale:g}")
            self._systems[scale] = await self._make(Size.of(scale))
        return self._systems[scale]

    async def workers(self) -> Workers:
        """On empty databases, with the broker's usual names; shared by all who ask for it."""
        if self._workers is None:
            self._workers = Workers(await self._install(0), self.servers, self.placement)
        return self._workers

    async def serve(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        port: int,
        directory: Path = REPOSITORY,
    ) -> Serving:
        """On the core of what is measured for the rest of the run; it answers 200 at `/health/ready`."""
        process = await serve(
            self.servers.layout, name, command, self.placement.measured, port, environment, directory=directory
        )
        self.exits.push_async_callback(process.stop)
        return process

    async def _install(self, number: int) -> Installed:
        return await install(self.servers, number, INSTALLATIONS[number])

    async def _make(self, size: Size) -> System:
        installed = await self._install(1 + len(self._systems))
        await load(installed.owner_urls, size, today(), self.say)
        await write_down(self.servers.database_url)
        processes = {
            name: await self.serve(f"{name}-{installed.number}", serving(name), environment, installed.ports[name])
            for name, environment in installed.environments.items()
        }
        client_bearers = bearers(client_tokens(by_secret(installed.client_secret), ORGANISATION))
        return System(size, installed, processes, client_bearers)


@asynccontextmanager
async def made_bed(
    servers: Servers, effort: Effort, placement: Placement, say: Callable[[str], None]
) -> AsyncIterator[Bed]:
    """Whatever was started on it has ended afterwards."""
    async with AsyncExitStack() as exits:
        yield Bed(servers, effort, placement, say, exits)
