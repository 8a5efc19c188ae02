"""What `./dev bench` hands to the comparisons: servers, programs, and a directory of the run's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.paths import Layout
from stack.services import SERVICE_NAMES


@dataclass(frozen=True)
class Servers:
    """Addresses as those who may do everything there, and where the programs are."""

    layout: Layout
    database_url: str
    redis_url: str
    amqp_url: str
    service_amqp_urls: Mapping[str, str]
    haproxy: str
    wrk: str
    pgbench: str
    peers_python: str


def servers_from(environment: Mapping[str, str]) -> Servers:
    """What the environment says; SystemExit when it was not `./dev bench` that started this."""
    try:
        return Servers(
            Layout(Path(environment["BENCH_DIRECTORY"])),
            environment["BENCH_DATABASE_URL"],
            environment["BENCH_REDIS_URL"],
            environment["BENCH_AMQP_URL"],
            {service: environment[f"BENCH_{service.upper()}_AMQP_URL"] for service in SERVICE_NAMES},
            environment["BENCH_HAPROXY"],
            environment["BENCH_WRK"],
            environment["BENCH_PGBENCH"],
            environment["BENCH_PEERS_PYTHON"],
        )
    except KeyError as missing:
        raise SystemExit(f"{missing} is not set: these need servers of their own, which `./dev bench` starts") from None


@dataclass(frozen=True)
class Effort:
    """How much is measured: rounds of each comparison, seconds of each sample, requests before memory is looked at."""

    scale: float = 1.0
    rounds: int = 5
    seconds: int = 3
    requests: int = 1_000_000


def quick(effort: Effort) -> Effort:
    """To see that everything works, and nothing of how fast it is."""
    return Effort(scale=min(effort.scale, 0.02), rounds=2, seconds=1, requests=20_000)
