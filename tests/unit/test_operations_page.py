"""Figures in docs/operations.md that state a constant of the code, or a default of a setting, are equal to it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from gateway.admission import revocation
from gateway.settings import GatewaySettings
from gateway.upstream import bulkhead, circuit_breaker, upstream
from services.accounts import passwords
from services.catalog import enrollment_client
from services.catalog.settings import CatalogSettings
from services.delivery.sending import turns, worker
from services.delivery.settings import DeliverySettings
from services.delivery.store import feed_days
from services.enrollment.settings import EnrollmentSettings
from services.history.settings import HistorySettings
from shared.auth import internal_token
from shared.http.server import app
from shared.messaging import broker, dead_letter_queue
from shared.postgres import pool
from shared.projections import keys
from shared.service import projection_commands

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
TEXT = " ".join(PAGE.read_text(encoding="utf-8").split())

WORDS: Mapping[str, float] = {
    "half a second": 0.5,
    "one more second": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "an eighth": 8,
    "ten": 10,
    "a hundred": 100,
}

FIGURES: list[tuple[str, tuple[float, ...]]] = [
    (r"sends (\d+) requests at once, .+?, of which it has up to (\d+) with", (turns.AT_ONCE, turns.MOST_OPEN)),
    (r"a process that ends gives its requests (\d+) seconds", (worker.DRAIN_TIMEOUT,)),
    (r"the expected wait is above (.+?) s on average for (\w+) seconds", (upstream.BEARABLE_WAIT, upstream.BURST)),
    (
        r"admits only requests that will wait less than (.+?) s, or (.+?) s where their organisation",
        (upstream.WAIT_UNDER_OVERLOAD, upstream.BEARABLE_WAIT),
    ),
    (r"none had to be refused for (\w+) seconds", (upstream.BURST,)),
    (r"opens the service's circuit after (\w+) failures in a row", (upstream.FAILURES,)),
    (r"(\w+) of them detect a hanging service", (upstream.FAILURES,)),
    (r"and then every (.+?) s, and closes the circuit", (circuit_breaker.PROBE_INTERVAL,)),
    (r"budget of one retry for (\w+) requests", (1 / upstream.RETRY_SHARE,)),
    (r"while others are active, at most (an \w+) of the slots", (bulkhead.LIMIT_PER_SHARE,)),
    (
        r"(\d+) of (\d+) waiting places",
        (bulkhead.PLACES_PER_RESERVED - 1, bulkhead.PLACES_PER_RESERVED),
    ),
    (
        r"(\d+) of an organisation wait in each process of a service, for (.+?) s at most",
        (pool.SLOW_QUEUE, pool.SLOW_WAIT),
    ),
    (r"One of (\w+) is reserved for organisations that hold none", (pool.KEPT_FOR_OTHERS,)),
    (r"one of (\w+), and one more for another organisation", (pool.SLOW_SHARE,)),
    (
        r"one at a time for every (\w+) processors, each in (\d+) MiB in addition \(argon2id\); of up to (\d+) that",
        (passwords.PROCESSORS_PER_HASH, passwords.PARAMETERS.memory_cost / 1024, passwords.WAITING),
    ),
    (r"the revocations it knows again, within (half a second)", (revocation.CHECK_INTERVAL,)),
    (r"a token has (\d+) s of leeway", (internal_token.LEEWAY,)),
    (r"are served for (one more second), running requests get (\w+) seconds", (app.LAST_CALL, app.SHUTDOWN_TIMEOUT)),
    (r"delivered (a hundred) times without an acknowledgement", (broker.DELIVERY_LIMIT,)),
    (r"others on the same queue wait for up to (\w+) seconds", (dead_letter_queue.BUSY_TIMEOUT,)),
    (r"`--all` \(the oldest ([\d,]+)\)", (dead_letter_queue.WINDOW,)),
    (r"or there are more than ([\d,]+)", (dead_letter_queue.WINDOW,)),
    (r"or took more than (.+?) s to follow", (enrollment_client.NOTIFY_WITHIN,)),
    (r"has copied from their owners, (\d+) at a time", (keys.MAX_PAGE,)),
    (r"after `--settle` seconds \((\d+)\)", (projection_commands.SETTLE,)),
    (r"forget the ids of events after (\d+) days", (feed_days.KEPT_IDS_DAYS,)),
]

SETTINGS: dict[
    str, type[GatewaySettings | CatalogSettings | EnrollmentSettings | HistorySettings | DeliverySettings]
] = {
    "gateway": GatewaySettings,
    "catalog": CatalogSettings,
    "enrollment": EnrollmentSettings,
    "history": HistorySettings,
    "delivery": DeliverySettings,
}
DEFAULT_OF_ONE = re.compile(r"(gateway|catalog|enrollment|history|delivery) ")


def figures(pattern: str, text: str) -> tuple[float, ...] | None:
    """The numbers that a sentence states; `None` where the page has no such sentence."""
    found = re.search(pattern, text)
    return found and tuple(WORDS.get(figure) or float(figure.replace(",", "")) for figure in found.groups())


@pytest.mark.parametrize(("pattern", "constants"), FIGURES)
def test_a_figure_is_the_constant_of_the_code(pattern: str, constants: tuple[float, ...]) -> None:
    assert figures(pattern, TEXT) == pytest.approx(constants)


@pytest.mark.parametrize(("pattern", "constants"), FIGURES)
def test_control_another_figure_is_noticed(pattern: str, constants: tuple[float, ...]) -> None:
    found = re.search(pattern, TEXT)
    assert found is not None
    changed = f"{TEXT[: found.start(1)]}77{TEXT[found.end(1) :]}"
    assert figures(pattern, changed) != pytest.approx(constants)


def documented_defaults() -> dict[str, list[str]]:
    """What the table of settings says of each: one default, or one for each setting of the row."""
    table = PAGE.read_text(encoding="utf-8").partition("| setting |")[2].partition("\n\n")[0]
    defaults: dict[str, list[str]] = {}
    for row in table.splitlines()[2:]:
        names, _, default, *_ = row.removeprefix("| ").split(" | ")
        found = re.findall(r"`([A-Z_]+)`", names)
        parts = default.split(", ")
        each = zip(found, parts, strict=True) if len(parts) == len(found) else ((name, default) for name in found)
        for name, said in each:
            defaults.setdefault(name.lower(), []).append(said.strip("` "))
    return defaults


def stated(said: str, service: str) -> str:
    """The default as the page has it for this service, without its unit: "1000, gateway 4000"."""
    of_all, _, of_one = said.partition(", ")
    if DEFAULT_OF_ONE.match(of_one):
        said = of_one.removeprefix(f"{service} ") if of_one.startswith(service) else of_all
    return re.sub(r" (s|MiB)$", "", said)


def plain(value: Any) -> str:
    if isinstance(value, frozenset | tuple):
        return ",".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def wrong_defaults(documented: Mapping[str, list[str]]) -> set[str]:
    wrong = set()
    for service, settings in SETTINGS.items():
        for name, field in settings.model_fields.items():
            value = field.default
            if value is None or value is PydanticUndefined:
                continue  # the page says in words what stands in for it
            said = {stated(each, service) for each in documented[name]}
            if not any(set(each.split(",")) == set(plain(value).split(",")) for each in said):
                wrong.add(f"{service}: {name.upper()} is {plain(value)}, the page says {said}")
    return wrong


def test_the_defaults_of_settings_are_those_of_the_code() -> None:
    assert wrong_defaults(documented_defaults()) == set()


@pytest.mark.parametrize("name", ["max_in_flight", "body_memory", "upstream_max_waiting", "expiry_notice_days", "port"])
def test_control_another_default_is_noticed(name: str) -> None:
    assert wrong_defaults({**documented_defaults(), name: ["77"]})
