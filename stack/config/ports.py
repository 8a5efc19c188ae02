"""What stays the same from one start to the next: the ports and the name of the RabbitMQ node. How a port is found."""

import json
import random
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from stack.errors import StackError
from stack.paths import write_private
from stack.services import SERVICE_NAMES

EPHEMERAL_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL_EPHEMERAL_RANGE = (32_768, 60_999)
FIRST_PORT, LAST_PORT = 20_000, 32_000
"""Where ports are chosen on a usual Linux: below its ephemeral range."""
LEAST_PORTS = 1_000
"""A smaller range than that would soon be used up."""
ATTEMPTS = 1_000


def metrics_port(name: str) -> str:
    """The name of the port at which a process answers for its metrics."""
    return f"{name}_metrics"


PORT_NAMES = (
    "postgres",
    "redis",
    "amqp",
    "rabbitmq_distribution",
    "epmd",
    "gateway",
    *SERVICE_NAMES,
    *map(metrics_port, ("gateway", *SERVICE_NAMES)),
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
        ports[name] = port if usable and port else reserve_port()
    state = State(ports, kept.node)
    if state != kept or not path.exists():
        write_private(path, json.dumps(asdict(state), indent=2) + "\n")
    return state


def read_state(path: Path) -> State:
    """The state of a stack that runs, as it was at its start; StackError when there is none."""
    state = _read(path)
    if not set(PORT_NAMES) <= set(state.ports):
        raise StackError(f"{path} is missing or damaged: ./dev down and then ./dev up recreate it.")
    return state


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port now; a reservation does not keep it from that."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_reservations: dict[int, socket.socket] = {}


def reserve_port() -> int:
    """A free port that is given to nobody else while this process lives; StackError when none is found.

    The one way to get a port before something listens on it. It is outside the ephemeral range, from which the kernel
    takes ports for outgoing connections and for `bind` to port 0. A socket bound to it, and not listening, reserves
    it: another process that calls this function cannot bind to it, while a server can, since servers set SO_REUSEADDR
    (socket(7): such a bind fails only when another socket listens). The kernel ends the reservation with the process.
    """
    first, last = port_range(*ephemeral_range())
    for _ in range(ATTEMPTS):
        port = random.randint(first, last)  # noqa: S311 - any port will do, it need not be hard to guess
        if reservation := _reserve(port):
            _reservations[port] = reservation
            return port
    raise StackError(f"No free port on 127.0.0.1 between {first} and {last}.")


def _reserve(port: int) -> socket.socket | None:
    reservation = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Without SO_REUSEADDR this fails for a port that is in use in any way, reserved ones included.
        reservation.bind(("127.0.0.1", port))
    except OSError:
        reservation.close()
        return None
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return reservation


def ephemeral_range() -> tuple[int, int]:
    """The ports that the kernel gives to connections (ip(7), ip_local_port_range): the first and the last."""
    try:
        first, last = map(int, EPHEMERAL_RANGE_FILE.read_text().split())
    except (OSError, ValueError):
        return USUAL_EPHEMERAL_RANGE
    return first, last


def port_range(ephemeral_first: int, ephemeral_last: int) -> tuple[int, int]:
    """The first and the last port to choose from, outside the ephemeral range where that leaves enough of them."""
    candidates = (
        (FIRST_PORT, min(LAST_PORT, ephemeral_first - 1)),
        (ephemeral_last + 1, 65_535),
        (1_024, ephemeral_first - 1),
    )
    enough = [(first, last) for first, last in candidates if last - first + 1 >= LEAST_PORTS]
    return enough[0] if enough else (FIRST_PORT, LAST_PORT)


def _read(path: Path) -> State:
    fresh_node = f"muster-{secrets.token_hex(6)}@localhost"
    try:
        content = json.loads(path.read_text())
        ports = {str(name): int(port) for name, port in content["ports"].items()}
        return State(ports, str(content["node"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return State({}, fresh_node)
