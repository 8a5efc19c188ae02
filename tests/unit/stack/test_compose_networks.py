"""Who reaches the world outside in containers: the gateway, by the network that clients come in by, and delivery."""

from typing import Any

import pytest
import yaml

from stack.paths import REPOSITORY

WAYS_OUT = {"gateway": {"edge"}, "delivery": {"outside"}}
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text()


def ways_out(compose: str) -> dict[str, set[str]]:
    """By container: its networks that are not internal; those of one that names none is Compose's own, `default`."""
    content: dict[str, Any] = yaml.safe_load(compose)
    outside = {name for name, network in content["networks"].items() if not network.get("internal")} | {"default"}
    found = {name: reached(container) & outside for name, container in content["services"].items()}
    return {name: networks for name, networks in found.items() if networks}


def reached(container: dict[str, Any]) -> set[str]:
    if container.get("network_mode") == "none":
        return set()
    return set(container.get("networks", ["default"])) | ({"default"} if "network_mode" in container else set())


def test_only_the_gateway_and_delivery_reach_the_world_each_by_a_network_of_its_own() -> None:
    assert ways_out(COMPOSE) == WAYS_OUT


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("networks: [services, data]\n  # An event", "networks: [services, data, outside]\n  # An event"),
        ("networks: [services, data]\n  # An event", "# An event"),
        ("  data: {internal: true}", "  data: {}"),
        ("    network_mode: none", "    network_mode: host"),
    ],
    ids=["on the network", "on none", "not internal", "the host's"],
)
def test_control_another_way_out_is_noticed(text: str, changed: str) -> None:
    assert text in COMPOSE
    assert ways_out(COMPOSE.replace(text, changed)) != WAYS_OUT


def test_no_port_is_open_but_the_gateway_s_on_this_machine_alone() -> None:
    containers = yaml.safe_load(COMPOSE)["services"].items()
    ports = {name: container["ports"] for name, container in containers if "ports" in container}
    assert list(ports) == ["gateway"]
    assert all(port.startswith("127.0.0.1:") for port in ports["gateway"])
