"""A service over TLS: a server shows a certificate of the CA that the settings name, or is not used."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest
from pydantic import SecretStr

from services.catalog.app import SERVICE
from services.catalog.projection import PROJECTION
from services.catalog.settings import CatalogSettings
from shared.service.chassis import build_app, prepare
from shared.service.projection_commands import carried_out
from tests.support.commands import run_here
from tests.support.databases import amqp_url, service_amqp_url, service_database
from tests.support.eventually import eventually
from tests.support.internal_keys import internal_settings
from tests.support.proxy import Proxy, proxy_for
from tests.support.stack import next_installation, serving
from tests.support.tls import Tls


@dataclass(frozen=True)
class Secured:
    """Settings whose addresses lead through servers that speak TLS, and these."""

    settings: dict[str, Any]
    database: Proxy
    broker: Proxy

    def changed(self, **changes: Any) -> CatalogSettings:
        return CatalogSettings(**self.settings | changes)


@pytest.fixture
async def secured(tls: Tls) -> AsyncIterator[Secured]:
    installation = next_installation()
    async with (
        service_database("catalog") as database,
        proxy_for(database.service_url, tls=tls.context, postgres=True) as (postgres, service_url),
        proxy_for(amqp_url().replace("amqp:", "amqps:"), tls=tls.context) as (rabbitmq, administrator_url),
    ):
        settings = {
            **internal_settings("catalog"),
            "enrollment_url": "http://127.0.0.1:1",
            "database_url": SecretStr(service_url),
            "migration_database_url": SecretStr(at(postgres, database.owner_url)),
            "amqp_url": SecretStr(at(rabbitmq, service_amqp_url("catalog")).replace("amqp:", "amqps:")),
            "migration_amqp_url": SecretStr(administrator_url),
            "database_ca_file": tls.trusted,
            "amqp_ca_file": tls.trusted,
            "exchange": installation.exchange,
            "queue_prefix": installation.queue_prefix,
        }
        yield Secured(settings, postgres, rabbitmq)


def at(proxy: Proxy, url: str, host: str = "127.0.0.1") -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@{host}:{proxy.port}").geturl()


@asynccontextmanager
async def running(settings: CatalogSettings) -> AsyncIterator[str]:
    async with serving(build_app(SERVICE, settings)) as url:
        yield url


async def health(url: str) -> tuple[int, dict[str, bool]]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/health/ready") as response:
        return response.status, json.loads(await response.text())["checks"]


async def is_whole(url: str) -> bool:
    return await health(url) == (200, {"database": True, "relay": True, "consumer": True})


async def test_a_service_migrates_serves_publishes_and_follows_over_tls(secured: Secured) -> None:
    settings = secured.changed()
    await prepare(SERVICE, settings)
    async with running(settings) as url:
        await eventually(lambda: is_whole(url))
    # Pools of requests, of lists and of the relay, and its LISTEN; a consumer and a publisher.
    assert secured.database.accepted > settings.database_pool_size + 3
    assert secured.broker.accepted >= 3


async def test_commands_connect_over_tls(secured: Secured) -> None:
    settings = secured.changed()
    await prepare(SERVICE, settings)
    before = secured.database.accepted

    async def work(*_: object) -> int:
        return 0

    assert (await run_here(lambda: carried_out("catalog", settings, PROJECTION, work))).status == 0
    assert secured.database.accepted == before + 1


async def test_a_server_that_wants_a_certificate_is_shown_one(secured: Secured, tls: Tls) -> None:
    shown = {f"{server}_cert_file": tls.certificate for server in ("database", "amqp")}
    shown |= {f"{server}_key_file": tls.key for server in ("database", "amqp")}
    tls.require_client_certificates()
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await prepare(SERVICE, secured.changed())
    settings = secured.changed(**shown)
    await prepare(SERVICE, settings)
    async with running(settings) as url:
        await eventually(lambda: is_whole(url))


def other_authority(secured: Secured, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    other = Tls.made(folder).trusted
    return {"database_ca_file": other, "amqp_ca_file": other}


def other_host(secured: Secured, _: Path) -> dict[str, Any]:
    """The certificates are for 127.0.0.1."""
    return {
        name: SecretStr(at(proxy, secured.settings[name].get_secret_value(), "localhost"))
        for name, proxy in (("database_url", secured.database), ("amqp_url", secured.broker))
    }


@pytest.mark.parametrize("wrong", [other_authority, other_host])
async def test_a_service_uses_no_server_that_shows_another_certificate(
    secured: Secured, wrong: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with running(secured.changed(**wrong(secured, tmp_path / "other"))) as url:
        assert await health(url) == (503, {"database": False, "relay": False, "consumer": False})
        await eventually(lambda: told(caplog, "catalog relay", "consumer"))
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text


async def told(caplog: pytest.LogCaptureFixture, *names: str) -> bool:
    return all(name in caplog.text for name in names)


async def test_a_database_that_speaks_plain_text_is_not_spoken_to(secured: Secured, tls: Tls) -> None:
    """The run's own server has no TLS, and answers so; a client that may fall back would go on."""
    async with service_database("catalog") as database:
        settings = secured.changed(database_url=SecretStr(database.service_url))
        async with running(settings) as url:
            status, checks = await health(url)
            assert (status, checks["database"]) == (503, False)
        careless = secured.changed(database_url=SecretStr(database.service_url), database_ca_file=None)
        async with running(careless) as url:
            assert (await health(url))[1]["database"]


async def test_control_a_service_without_a_ca_of_its_own_trusts_nobody_of_the_tests(secured: Secured) -> None:
    settings = secured.changed(amqp_ca_file=None)
    async with running(settings) as url:
        status, checks = await health(url)
        assert (status, checks["database"], checks["consumer"]) == (200, True, False)
