"""The programs that the local stack needs, and which of them are missing or too old on this machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

VERSION_SECONDS = 10.0


@dataclass(frozen=True)
class Requirement:
    """A program, its minimum version, and the package that has it on Debian and Ubuntu."""

    name: str
    oldest: tuple[int, ...]
    package: str
    service: str | None
    """The system service that the package would start; None for a program that is not a server."""

    def __str__(self) -> str:
        return f"{self.name} ≥ {'.'.join(map(str, self.oldest))}"


POSTGRES = Requirement("PostgreSQL", (15,), "postgresql", "postgresql")
REDIS = Requirement("Redis", (7,), "redis-server", "redis-server")
RABBITMQ = Requirement("RabbitMQ", (3, 10), "rabbitmq-server", "rabbitmq-server")
HAPROXY = Requirement("HAProxy", (2, 6), "haproxy", "haproxy")
WRK = Requirement("wrk", (4,), "wrk", None)
NODE = Requirement("Node.js", (18,), "nodejs", None)
NPM = Requirement("npm", (9,), "npm", None)
CHROMIUM = Requirement("Chromium", (120,), "chromium", None)
PROMETHEUS = Requirement("Prometheus", (2, 42), "prometheus", "prometheus")
ALERTMANAGER = Requirement("Alertmanager", (0, 25), "prometheus-alertmanager", "prometheus-alertmanager")


@dataclass(frozen=True)
class Program:
    """What was found on this machine: the directory of its programs and its version."""

    directory: Path
    version: tuple[int, ...]

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))


def find(requirement: Requirement) -> Program | None:
    """The newest one on this machine, even if it is too old; None if there is none."""
    finders: dict[Requirement, Callable[[], Iterator[Program]]] = {
        POSTGRES: _postgres_programs,
        REDIS: partial(_single_program, "redis-server"),
        RABBITMQ: _rabbitmq_programs,
        HAPROXY: partial(_single_program, "haproxy"),
        WRK: partial(_single_program, "wrk"),
        NODE: partial(_single_program, "node"),
        NPM: partial(_single_program, "npm"),
        CHROMIUM: partial(_single_program, "chromium"),
        PROMETHEUS: partial(_single_program, "prometheus"),
        ALERTMANAGER: partial(_single_program, "prometheus-alertmanager"),
    }
    return max(finders[requirement](), key=lambda program: program.version, default=None)


def parse_version(text: str) -> tuple[int, ...]:
    """The first dotted number in a text: `postgres (PostgreSQL) 15.18 (Debian…)` → (15, 18); () if none."""
    match = re.search(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, match.group().split("."))) if match else ()


def _postgres_programs() -> Iterator[Program]:
    directories = [*Path("/usr/lib/postgresql").glob("*/bin"), *_search_path()]
    for directory in directories:
        if _executable(directory / "postgres") and _executable(directory / "initdb"):
            yield Program(directory, _asked_version(directory / "postgres"))


def _single_program(name: str) -> Iterator[Program]:
    found = shutil.which(name, path=os.pathsep.join(map(str, _search_path())))
    if found:
        yield Program(Path(found).parent, _asked_version(Path(found)))


def _rabbitmq_programs() -> Iterator[Program]:
    # The directory's name has the version; asking the program would start Erlang, which takes 2 s.
    for pattern in ("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin", "opt/rabbitmq_server-*/sbin"):
        for directory in Path("/").glob(pattern):
            if _executable(directory / "rabbitmq-server") and _erlang_present():
                yield Program(directory, parse_version(directory.parent.name.removeprefix("rabbitmq_server-")))


def find_epmd() -> Path | None:
    """Erlang's port mapper daemon, which RabbitMQ's node registers with."""
    found = shutil.which("epmd", path=os.pathsep.join(map(str, _search_path())))
    return Path(found) if found else None


def _erlang_present() -> bool:
    return find_epmd() is not None


def _search_path() -> list[Path]:
    # Some of Debian's servers are in directories that are not in an ordinary user's PATH.
    named = os.environ.get("PATH", "").split(os.pathsep)
    return [Path(entry) for entry in (*named, "/usr/local/bin", "/usr/bin", "/usr/sbin") if entry]


def _executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _asked_version(program: Path) -> tuple[int, ...]:
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return parse_version(answer.stdout)
