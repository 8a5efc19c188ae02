"""Who reaches the world outside in containers: the gateway, by the network that clients come in by, and delivery."""

import re
from typing import Any

import pytest
import yaml

from stack.paths import REPOSITORY
from stack.services import SERVICE_NAMES

NO_MASQUERADE = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
"""What is sent from such a network keeps a private address, to which nothing comes back."""
WAYS_OUT = {"gateway": {"edge"}, "delivery": {"outside"}}
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text()


def ways_out(compose: str) -> dict[str, set[str]]:
    """By container: its networks that are not internal; those of one that names none is Compose's own, `default`."""
    content: dict[str, Any] = yaml.safe_load(compose)
    outside = {name for name, network in content["networks"].items() if leads_out(network)} | {"default"}
    found = {name: reached(container) & outside for name, container in content["services"].items()}
    return {name: networks for name, networks in found.items() if networks}


def leads_out(network: dict[str, Any]) -> bool:
    return not network.get("internal") and network.get("driver_opts") != NO_MASQUERADE


def reached(container: dict[str, Any]) -> set[str]:
    if container.get("network_mode") == "none":
        return set()
    return set(container.get("networks", ["default"])) | ({"default"} if "network_mode" in container else set())


def test_only_the_gateway_and_delivery_reach_the_world_each_by_a_network_of_its_own() -> None:
    assert ways_out(COMPOSE) == WAYS_OUT


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (
            "networks: [services, data, metrics]\n  # An event",
            "networks: [services, data, metrics, outside]\n  # An event",
        ),
        ("networks: [services, data, metrics]\n  # An event", "# An event"),
        ("  data: {internal: true}", "  data: {}"),
        ("    network_mode: none", "    network_mode: host"),
        ('enable_ip_masquerade: "false"', 'enable_ip_masquerade: "true"'),
    ],
    ids=["on the network", "on none", "not internal", "the host's", "masqueraded"],
)
def test_control_another_way_out_is_noticed(text: str, changed: str) -> None:
    assert text in COMPOSE
    assert ways_out(COMPOSE.replace(text, changed)) != WAYS_OUT


def test_no_port_is_open_but_the_gateway_s_on_this_machine_alone() -> None:
    containers = yaml.safe_load(COMPOSE)["services"].items()
    ports = {name: container["ports"] for name, container in containers if "ports" in container}
    assert ports.keys() == {"gateway", *watchers()}
    assert all(port.startswith("127.0.0.1:") for each in ports.values() for port in each)


def watchers() -> set[str]:
    """The containers of the profile `observe`."""
    containers = yaml.safe_load(COMPOSE)["services"].items()
    return {name for name, container in containers if container.get("profiles") == ["observe"]}


def test_those_that_watch_reach_metrics_and_nothing_else() -> None:
    assert watchers() == {"prometheus", "alertmanager", "grafana", "jaeger"}
    containers = yaml.safe_load(COMPOSE)["services"]
    assert {frozenset(reached(containers[name])) for name in watchers()} == {frozenset({"metrics", "pages"})}
    assert not any("secrets" in containers[name] for name in watchers())


def test_every_process_is_asked_for_its_metrics_where_prometheus_looks() -> None:
    containers = yaml.safe_load(COMPOSE)["services"]
    [job] = yaml.safe_load((REPOSITORY / "deploy/observability/prometheus.yml").read_text())["scrape_configs"]
    [found] = job["dns_sd_configs"]
    assert set(found["names"]) == {"gateway", *SERVICE_NAMES}
    for name in found["names"]:
        assert "metrics" in containers[name]["networks"]
        assert containers[name]["environment"]["METRICS_PORT"] == str(found["port"])


def test_the_images_of_others_that_watch_have_a_version() -> None:
    images = [yaml.safe_load(COMPOSE)["services"][name]["image"] for name in watchers()]
    assert all(re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", image) for image in images), images
