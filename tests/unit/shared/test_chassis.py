"""What a service declares decides what its processes are made of and which commands they have."""

from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import BaseModel, SecretStr

from shared.http.models import Body, Query
from shared.http.responses import Answer
from shared.http.routing import Call, Route, RouteTable
from shared.http.server.responder import RESPONDER
from shared.projections.comparison import Projection
from shared.service.chassis import Command, Role, Service, build_app, carry_out, command_line
from shared.settings import ServiceSettings
from tests.support.internal_keys import internal_settings

SETTINGS = ServiceSettings(
    database_url=SecretStr("postgresql://nowhere/probe"),
    amqp_url=SecretStr("amqp://nowhere/"),
    **internal_settings("catalog"),
)


async def answer(_: Call[Query, Body]) -> Answer:
    return Answer("{}")


async def context_of_api(_: ServiceSettings, app: web.Application) -> Any:
    yield


async def context_of_worker(_: ServiceSettings, app: web.Application) -> Any:
    yield


def service(**changes: Any) -> Service[ServiceSettings]:
    values: dict[str, Any] = {
        "name": "probe",
        "settings": ServiceSettings,
        "migrations": Path("nowhere"),
        "routes": [Route("GET", "/api/v1/probe", answer, {200: BaseModel}, permissions=["training.view"])],
        "subscriptions": {},
    }
    return Service(**values | changes)


def contexts(app: web.Application) -> list[str]:
    """Those that the chassis has added, in their order."""
    added = [context for context in app.cleanup_ctx if isinstance(context, partial)]
    return [context.func.__name__ for context in added]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("api", ["database", "batched_reads", "exports", "context_of_api"]),
        ("worker", ["database", "relay", "consumer", "context_of_worker"]),
        (
            "all",
            ["database", "batched_reads", "exports", "context_of_api", "relay", "consumer", "context_of_worker"],
        ),
    ],
)
def test_a_role_has_its_parts_and_no_others(role: Role, expected: list[str]) -> None:
    declared = service(outbox=True, api_contexts=[context_of_api], worker_contexts=[context_of_worker])
    assert contexts(build_app(declared, SETTINGS, role)) == expected


def test_without_an_outbox_there_is_no_relay() -> None:
    assert contexts(build_app(service(), SETTINGS, "worker")) == ["database", "consumer"]


def test_a_worker_has_no_routes() -> None:
    def has_routes(role: Role) -> bool:
        handler = build_app(service(), SETTINGS, role)[RESPONDER].handler
        return isinstance(getattr(handler, "__self__", None), RouteTable)

    assert has_routes("api")
    assert not has_routes("worker")


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_only_a_service_that_copies_has_the_commands_for_copies(command: str) -> None:
    with pytest.raises(SystemExit) as end:
        command_line(service()).parse_args([command])
    assert end.value.code == 2
    copies = service(projection=Projection(replicas=(), subscriptions={}))
    assert command_line(copies).parse_args([command]).command == command


def test_a_command_of_the_service_s_own_is_carried_out_with_its_arguments() -> None:
    def add_arguments(parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int)

    def run(settings: ServiceSettings, arguments: Namespace) -> int:
        assert settings is SETTINGS
        return int(arguments.count)

    declared = service(commands=[Command("seed", "load rows", add_arguments, run)])
    arguments = command_line(declared).parse_args(["seed", "--count", "3"])
    assert carry_out(declared, SETTINGS, arguments) == 3


def test_a_service_may_rebuild_in_its_own_way() -> None:
    declared = service(projection=Projection(replicas=(), subscriptions={}), rebuild=lambda _: 7)
    assert carry_out(declared, SETTINGS, command_line(declared).parse_args(["rebuild"])) == 7
