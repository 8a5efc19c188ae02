"""Whatever has a list of the services of its own has those of stack/services.py: docs/how-to/add-a-service.md."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from gateway.routes import ROUTES, UpstreamName
from gateway.settings import GatewaySettings
from shared.auth.trust import GRANTS
from shared.events.types import STATE_OF
from stack.paths import REPOSITORY, Layout
from stack.product.issuer import prepare_internal_keys
from stack.services import SERVICE_NAMES, SERVICES, Service
from tests.security.corpus import Service as AttackedService
from tests.support.copies import COPIES
from tests.support.services import DECLARED, tables_of

OF_EACH_SERVICE = pytest.mark.parametrize("service", SERVICES, ids=SERVICE_NAMES)
PAGE = (REPOSITORY / "docs/how-to/add-a-service.md").read_text()
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text()
CONTAINERS = """
  migrate-{name}:
    <<: *migration
    command: [python, -m, services.{name}, migrate]
    secrets: &{name}-privileged-secrets
      - {{source: {name}_database_url, target: database_url}}
      - {{source: {name}_migration_database_url, target: migration_database_url}}
      - {{source: {name}_amqp_url, target: amqp_url}}
      - migration_amqp_url
{secrets}    volumes: &{name}-keys
      - {name}-keys:/var/lib/muster-keys/{name}:ro
      - trusted-keys:/var/lib/muster-keys/trusted:ro
    environment: &{name}-environment
      INTERNAL_KEYS_FILE: /var/lib/muster-keys/{name}/keys.json
      INTERNAL_TRUSTED_KEYS_FILE: /var/lib/muster-keys/trusted/keys.json
{addresses}      LOG_LEVEL: ${{LOG_LEVEL:-INFO}}
      METRICS_HOST: 0.0.0.0
      METRICS_PORT: "9100"
      # Without a value: set if .env or the shell sets it.
      OTEL_EXPORTER_OTLP_ENDPOINT:
{settings}
  {name}:
    <<: *service
    command: [python, -m, services.{name}]
    secrets:
      - {{source: {name}_database_url, target: database_url}}
      - {{source: {name}_amqp_url, target: amqp_url}}
{secrets}    volumes: *{name}-keys
    environment: *{name}-environment

  operate-{name}:
    <<: *operation
    entrypoint: [python, -m, services.{name}]
    secrets: *{name}-privileged-secrets
    volumes: *{name}-keys
    environment: *{name}-environment
"""


_OF_EVENTS = """      INSTALLATION:
      PUBLIC_URL:
"""
SETTINGS = {
    "catalog": _OF_EVENTS,
    "enrollment": _OF_EVENTS,
    "accounts": f"{_OF_EVENTS}      TOKEN_ISSUER:\n      INVITATION_URL:\n",
    "delivery": f"{_OF_EVENTS}      WEBHOOK_PRIVATE_HOSTS:\n",
}
"""What else a service's containers pass on from `.env`."""


def text_of(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def block(name: str) -> str:
    """What docker-compose.yml says below a container's name."""
    return re.split(r"\n(?! {3,})", COMPOSE.partition(f"\n  {name}:\n")[2], maxsplit=1)[0]


def begin_with(beginnings: tuple[str, ...]) -> set[str]:
    return {event.type for event in STATE_OF if event.type.partition(".")[0] in beginnings}


def test_the_table_has_every_service_there_is() -> None:
    packages = {file.parent.name for file in (REPOSITORY / "services").glob("*/__main__.py")}
    assert packages == set(SERVICE_NAMES)


@OF_EACH_SERVICE
def test_a_service_declares_itself_as_the_table_has_it(service: Service) -> None:
    declared = DECLARED[service.name]
    assert declared.name == service.name
    assert declared.outbox == bool(service.publishes)
    assert list(declared.migrations.glob("0001_*.sql"))


@OF_EACH_SERVICE
def test_a_service_that_publishes_has_the_tables_for_it(service: Service) -> None:
    assert not service.publishes or {"outbox", "idempotency_keys", "audit_trail"} <= set(tables_of(service.name))


@OF_EACH_SERVICE
def test_a_service_handles_every_event_that_it_follows_and_no_other(service: Service) -> None:
    declared = DECLARED[service.name]
    handled = set(STATE_OF) if declared.takes else set(declared.subscriptions)
    assert {event.type for event in handled} == begin_with(service.follows)


def test_every_event_has_the_one_service_that_publishes_it() -> None:
    beginnings = [beginning for service in SERVICES for beginning in service.publishes]
    assert sorted(beginnings) == sorted({event.type.partition(".")[0] for event in STATE_OF})


@OF_EACH_SERVICE
def test_a_service_is_trusted_by_those_that_it_asks_and_no_others(service: Service) -> None:
    assert set(GRANTS[service.name]) == set(service.asks)


def test_nobody_else_signs_internal_tokens() -> None:
    assert set(GRANTS) == set(SERVICE_NAMES)


@OF_EACH_SERVICE
def test_a_service_has_a_setting_for_the_address_of_each_that_it_asks(service: Service) -> None:
    addresses = {f"{name}_url" for name in SERVICE_NAMES}
    assert addresses & set(DECLARED[service.name].settings.model_fields) == {f"{name}_url" for name in service.asks}


@OF_EACH_SERVICE
def test_a_service_has_a_setting_for_each_secret_of_its_own(service: Service) -> None:
    fields = DECLARED[service.name].settings.model_fields
    assert all(fields[name].is_required() and fields[name].annotation is SecretStr for name in service.secrets)


@OF_EACH_SERVICE
def test_a_service_asks_those_whose_rows_it_copies(service: Service) -> None:
    projection = DECLARED[service.name].projection
    assert projection is None or {copied.owner for copied in projection.replicas} <= set(service.asks)


@OF_EACH_SERVICE
def test_the_gateway_knows_where_a_service_is_and_what_it_answers(service: Service) -> None:
    assert service.name in get_args(UpstreamName)
    assert f"{service.name}_url" in GatewaySettings.model_fields
    assert service.name in ROUTES.values()


def test_the_gateway_knows_no_other_service() -> None:
    assert set(get_args(UpstreamName)) == set(SERVICE_NAMES)


@OF_EACH_SERVICE
def test_compose_runs_a_service_its_migrations_and_its_commands(service: Service) -> None:
    addresses = "".join(f"      {name.upper()}_URL: http://{name}:8000\n" for name in service.asks)
    values = {
        "name": service.name,
        "addresses": addresses,
        "secrets": "".join(f"      - {secret}\n" for secret in service.secrets),
        "settings": SETTINGS.get(service.name, ""),
    }
    for container in CONTAINERS.format(**values).strip("\n").split("\n\n"):
        assert f"\n{container}\n" in COMPOSE


@OF_EACH_SERVICE
def test_compose_waits_for_a_service_and_tells_the_gateway_where_it_is(service: Service) -> None:
    migrated = f"\n    migrate-{service.name}: {{condition: service_completed_successfully}}\n"
    assert migrated in COMPOSE.partition("\nx-service: ")[2].partition("\n\n")[0] + "\n"
    gateway = block("gateway") + "\n"
    assert f"\n      {service.name.upper()}_URL: http://{service.name}:8000\n" in gateway
    assert f"\n      {service.name}: {{condition: service_healthy}}\n" in gateway


@OF_EACH_SERVICE
def test_compose_keeps_a_service_s_keys_in_a_volume_of_its_own(service: Service) -> None:
    assert f"\n  {service.name}-keys: {{}}\n" in COMPOSE
    mounted = f"\n      - {service.name}-keys:/var/lib/muster-keys/{service.name}\n"
    assert mounted in block("prepare-internal-keys") + "\n"
    # A new volume takes the owner of the directory that it covers in the image.
    assert re.search(rf"\s/var/lib/muster-keys/{service.name}\s", text_of("Dockerfile"))


@OF_EACH_SERVICE
def test_compose_gives_a_service_s_passwords_to_those_who_make_its_accounts(service: Service) -> None:
    assert re.search(rf"\brabbitmq_{service.name}_password\b", block("prepare-broker"))
    for secret in (f"{service.name}_database_password", f"{service.name}_database_owner_password"):
        assert f"\n      - {secret}\n" in block("create-databases")
    assert f"\ncreate {service.name}\n" in text_of("deploy/compose/create-databases")


def test_secrets_are_made_for_every_service() -> None:
    [names] = re.findall(r"^for service in (.*); do$", text_of("deploy/compose/make-secrets"), re.MULTILINE)
    assert set(names.split()) == set(SERVICE_NAMES)


@OF_EACH_SERVICE
def test_compose_declares_the_secrets_of_a_service(service: Service) -> None:
    kinds = ("amqp_url", "database_password", "database_url", "database_owner_password", "migration_database_url")
    usual = (f"rabbitmq_{service.name}_password", *(f"{service.name}_{kind}" for kind in kinds))
    for secret in (*usual, *service.secrets):
        assert f"\n  {secret}: {{file: ./deploy/compose/secrets/{secret}}}" in COMPOSE


def test_compose_runs_no_service_that_is_not_in_the_table() -> None:
    assert set(re.findall(r"-m, services\.(\w+)", COMPOSE)) == set(SERVICE_NAMES)


@pytest.mark.parametrize("file", re.findall(r"\./((?:deploy|stack)/[\w./-]+):/", COMPOSE))
def test_what_containers_read_of_a_clone_they_are_allowed_to_read(file: str) -> None:
    """A clone made under a strict umask is its owner's alone, and the servers run as users of their own."""
    assert f'"$root/{file}"' in text_of("deploy/compose/make-secrets")


def test_the_broker_s_users_are_made_of_the_files_that_the_container_has(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.mkdir()
    for name in re.findall(r"rabbitmq\w*_password", block("prepare-broker")):
        (passwords / name).write_text("secret\n")
    for source, target in re.findall(r"\./(stack/\S+):/opt/compose/(\S+):ro", block("prepare-broker")):
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / source, tmp_path / target)
    [module] = re.findall(r"python -m (\S+) /run/secrets", text_of("deploy/compose/prepare-broker"))
    subprocess.run(
        [sys.executable, "-S", "-m", module, str(passwords), str(tmp_path / "definitions.json")],
        env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]},
        cwd=passwords,
        timeout=30,
        check=True,
    )
    assert '"name": "history"' in (tmp_path / "definitions.json").read_text()


@OF_EACH_SERVICE
def test_the_linter_holds_the_layers_of_a_service(service: Service) -> None:
    contracts = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layered = [each["containers"] for each in contracts if each["type"] == "layers" and "containers" in each]
    assert [f"services.{service.name}"] in layered


def test_the_backup_in_the_guide_leaves_no_database_out() -> None:
    [names] = re.findall(r"^for service in (.*); do$", text_of("docs/compose.md"), re.MULTILINE)
    assert set(names.split()) == set(SERVICE_NAMES)


@OF_EACH_SERVICE
def test_the_tests_of_copies_know_what_a_service_copies(service: Service) -> None:
    projection = DECLARED[service.name].projection
    replicas = {replica.table for replica in projection.replicas} if projection else set()
    assert replicas <= set(COPIES.get(service.name, ()))


def test_the_corpus_of_attacks_knows_every_service() -> None:
    assert set(get_args(AttackedService)) == set(SERVICE_NAMES)


def test_the_page_about_adding_a_service_names_tests_that_there_are() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    files = [Path(__file__), *(REPOSITORY / name for name in re.findall(r"`(tests/\S+\.py)`", PAGE))]
    assert named <= set(re.findall(r"^(?:async )?def (test_\w+)", "".join(map(Path.read_text, files)), re.MULTILINE))


async def test_keys_of_a_service_that_is_new_are_added_to_those_of_an_installation(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "stack")
    layout.create()
    await prepare_internal_keys(layout)
    kept, added = (layout.internal_keys_file(name) for name in ("catalog", "history"))
    before = kept.read_text()
    added.unlink()
    await prepare_internal_keys(layout)
    assert added.exists()
    assert kept.read_text() == before
