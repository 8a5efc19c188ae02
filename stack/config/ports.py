"""What stays the same from one start to the next: the ports and the name of the RabbitMQ node."""

import json
import random
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from stack.errors import StackError
from stack.paths import write_private
from stack.services import SERVICE_NAMES

# Below the range that Linux gives to outgoing connections (ip_local_port_range starts at 32768), so that
# no client socket sits on a kept port at the next start.
FIRST_PORT, LAST_PORT = 20_000, 32_000
ATTEMPTS = 1_000
PORT_NAMES = (
    "postgres",
    "redis",
    "amqp",
    "rabbitmq_distribution",
    "epmd",
    "gateway",
    *SERVICE_NAMES,
)


@dataclass(frozen=True)
class State:
    """Ports by name, all on 127.0.0.1, and the RabbitMQ node whose data this is."""

    ports: dict[str, int]
    node: str


def load_state(path: Path) -> State:
    """The kept state, completed where something is missing and saved; for a stack that does not run.

    A kept port that another program listens on by now is replaced. A damaged file counts as none.
    """
    kept = _read(path)
    ports: dict[str, int] = {}
    for name in PORT_NAMES:
        port = kept.ports.get(name)
        usable = port is not None and port not in ports.values() and is_free(port)
        ports[name] = port if usable and port else choose_port(set(ports.values()))
    state = State(ports, kept.node)
    if state != kept or not path.exists():
        write_private(path, json.dumps(asdict(state), indent=2) + "\n")
    return state


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(excluded: set[int]) -> int:
    """A port that is free now and not excluded; StackError when none is found."""
    for _ in range(ATTEMPTS):
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 - any port will do, nobody must not guess it
        if port not in excluded and is_free(port):
            return port
    raise StackError(f"No free port on 127.0.0.1 between {FIRST_PORT} and {LAST_PORT}.")


def _read(path: Path) -> State:
    fresh_node = f"muster-{secrets.token_hex(6)}@localhost"
    try:
        content = json.loads(path.read_text())
        ports = {str(name): int(port) for name, port in content["ports"].items()}
        return State(ports, str(content["node"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return State({}, fresh_node)
