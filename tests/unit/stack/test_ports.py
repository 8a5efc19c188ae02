import json
import socket
from pathlib import Path

from stack.config.ports import FIRST_PORT, LAST_PORT, PORT_NAMES, choose_port, is_free, load_state


def test_first_state_has_a_different_port_for_each_name(tmp_path: Path) -> None:
    state = load_state(tmp_path / "state.json")
    assert set(state.ports) == set(PORT_NAMES)
    assert len(set(state.ports.values())) == len(PORT_NAMES)
    assert all(FIRST_PORT <= port <= LAST_PORT for port in state.ports.values())


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


def test_chosen_port_is_not_an_excluded_one() -> None:
    excluded = set(range(FIRST_PORT, LAST_PORT + 1, 2))
    assert choose_port(excluded) not in excluded
