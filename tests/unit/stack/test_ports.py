import asyncio
import json
import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stack.config import ports
from stack.config.ports import (
    FIRST_PORT,
    LAST_PORT,
    PORT_NAMES,
    ephemeral_range,
    is_free,
    load_state,
    port_range,
    reserve_port,
)
from stack.paths import REPOSITORY

RESERVING = """
import sys
from stack.config import ports
ports.port_range = lambda *_: (int(sys.argv[1]), int(sys.argv[2]))
print(*(ports.reserve_port() for _ in range(int(sys.argv[3]))), flush=True)
sys.stdin.read()
"""


def test_first_state_has_a_different_port_for_each_name(tmp_path: Path) -> None:
    state = load_state(tmp_path / "state.json")
    assert set(state.ports) == set(PORT_NAMES)
    assert len(set(state.ports.values())) == len(PORT_NAMES)
    first, last = port_range(*ephemeral_range())
    assert all(first <= port <= last for port in state.ports.values())


def test_state_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    first = load_state(path)
    assert load_state(path).node == first.node
    assert path.stat().st_mode & 0o777 == 0o600


def test_port_that_another_program_took_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path.write_text(json.dumps({"node": "muster-kept@localhost", "ports": {"redis": port}}))
        state = load_state(path)
        assert state.ports["redis"] != port
        assert state.node == "muster-kept@localhost"
        assert json.loads(path.read_text())["ports"] == state.ports


def test_damaged_state_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for damaged in ("", "[]", '{"ports": {"redis": "x"}, "node": "n"}', '{"ports": 1, "node": "n"}'):
        path.write_text(damaged)
        assert set(load_state(path).ports) == set(PORT_NAMES)


def test_listening_socket_makes_its_port_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def picked_and_let_go() -> int:
    """What must not be done: the kernel picks a port, and nothing holds it until a server listens there."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def connects_from(port: int) -> bool:
    """Whether a connection gets this source port; it is open while a server tries to listen there."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        try:
            client.bind(("127.0.0.1", port))
            client.connect(server.getsockname())
        except OSError:
            return False
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))
        return True


def test_no_connection_takes_a_reserved_port() -> None:
    reserved = reserve_port()
    first, last = ephemeral_range()
    assert not first <= reserved <= last
    assert not connects_from(reserved)


def test_control_a_connection_can_take_a_port_that_is_not_reserved() -> None:
    port, (first, last) = picked_and_let_go(), ephemeral_range()
    assert first <= port <= last  # the kernel may give it to any connection
    assert connects_from(port)


async def test_a_server_listens_on_a_reserved_port_again_and_again() -> None:
    port = reserve_port()
    for _ in range(2):
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
        assert not is_free(port)
        server.close()
        await server.wait_closed()
    assert not connects_from(port)


def test_two_processes_reserve_different_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    assert taken_twice(monkeypatch) == set()


def test_control_without_the_reservation_two_processes_take_the_same_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    picking = ports._reserve

    def picked(port: int) -> socket.socket | None:
        if reservation := picking(port):
            reservation.close()
        return reservation

    monkeypatch.setattr(ports, "_reserve", picked)
    assert taken_twice(monkeypatch, others_last=True) != set()


def taken_twice(monkeypatch: pytest.MonkeyPatch, *, others_last: bool = False) -> set[int]:
    """Ports that this process and another one took of the same sixty: each takes twenty-five."""
    first = random.randint(FIRST_PORT, LAST_PORT - 60)
    monkeypatch.setattr(ports, "port_range", lambda *_: (first, first + 60))
    own = [reserve_port() for _ in range(25)] if others_last else []
    command = [sys.executable, "-c", RESERVING, str(first), str(first + 60), "25"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        others = set(map(int, other.stdout.readline().split()))
        assert len(others) == 25
        own = own or [reserve_port() for _ in range(25)]
        other.communicate()
    return others & set(own)


@pytest.mark.parametrize(
    ("ephemeral", "chosen"),
    [
        ((32_768, 60_999), (20_000, 32_000)),
        ((25_000, 60_999), (20_000, 24_999)),
        ((15_000, 60_999), (61_000, 65_535)),
        ((10_000, 65_535), (1_024, 9_999)),
        ((1_024, 65_535), (20_000, 32_000)),
    ],
)
def test_ports_are_chosen_outside_the_ephemeral_range(ephemeral: tuple[int, int], chosen: tuple[int, int]) -> None:
    assert port_range(*ephemeral) == chosen


def test_without_a_range_of_the_kernel_the_usual_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "EPHEMERAL_RANGE_FILE", tmp_path / "missing")
    assert ephemeral_range() == (32_768, 60_999)


def test_one_function_gets_ports_everywhere() -> None:
    """`bind` to port 0 of a socket that is then closed leaves the port to whoever comes first."""
    sources = [path for folder in ("bench", "stack", "tests") for path in (REPOSITORY / folder).rglob("*.py")]
    binding = {str(path.relative_to(REPOSITORY)) for path in sources if ".bind((" in path.read_text()}
    assert binding == {
        "stack/config/ports.py",
        "tests/unit/stack/test_ports.py",
        "tests/faults/test_memory.py",  # clients with source addresses of their own
    }
