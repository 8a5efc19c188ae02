"""`credential-keys`: keys are rotated, withdrawn and encrypted anew, and what was issued is verified on."""

import secrets
from typing import Any

import pytest
from openbadgeslib.ob3 import OB3VerificationError
from pydantic import SecretStr

from services.enrollment.app import MIGRATIONS
from services.enrollment.sealing import about_key, sealer_of
from services.enrollment.settings import EnrollmentSettings
from services.enrollment.store import credentials as store
from services.enrollment.use_cases import credentials as use_cases
from shared.postgres.migrations import migrate
from shared.postgres.pool import connection_pool, transaction
from tests.support.client import Client, new_organisation
from tests.support.commands import Outcome, run
from tests.support.credentials import Stranger, completed, credential_of
from tests.support.databases import service_database
from tests.support.internal_keys import internal_settings
from tests.support.stack import Stack


async def asked(stack: Stack, *arguments: object) -> Outcome:
    return await run("enrollment", stack.settings["enrollment"], "credential-keys", *map(str, arguments))


def key_in(outcome: Outcome) -> str:
    """The one that signs from now on."""
    assert outcome.status == 0, outcome.errors
    return outcome.output.removesuffix(" signs\n").rpartition(" ")[2]


async def published(client: Client, organisation: int) -> list[str]:
    """Ids of keys."""
    document: dict[str, Any] = (await client.get(f"/credentials/{organisation}/did.json")).json
    return [method["id"].partition("#")[2] for method in document["verificationMethod"]]


async def test_what_was_signed_before_a_rotation_is_verified_on(admin: Client, stack: Stack, organisation: int) -> None:
    enrollment = await completed(admin)
    before = await credential_of(admin, enrollment)
    [old] = await published(stack.anonymous(), organisation)
    new = key_in(await asked(stack, "rotate", organisation))
    assert await published(stack.anonymous(), organisation) == [new, old]
    after = await credential_of(admin, enrollment)
    assert (after["code"], after["credential"] == before["credential"]) == (before["code"], False)
    for each in (before, after):
        await Stranger().verify(each["credential"])
    states = {line.split()[1]: line.split()[2] for line in (await asked(stack, "list")).output.splitlines()}
    assert (states[new], states[old]) == ("signs", "published")


async def test_what_a_withdrawn_key_has_signed_is_verified_no_more(
    admin: Client, stack: Stack, organisation: int
) -> None:
    enrollment = await completed(admin)
    before = await credential_of(admin, enrollment)
    [old] = await published(stack.anonymous(), organisation)
    new = key_in(await asked(stack, "withdraw", old))
    assert await published(stack.anonymous(), organisation) == [new]
    with pytest.raises(OB3VerificationError, match="no verificationMethod"):
        await Stranger().verify(before["credential"])
    after = await credential_of(admin, enrollment)
    assert after["code"] == before["code"]
    await Stranger().verify(after["credential"])
    assert (await asked(stack, "withdraw", old)).status == 1


async def test_who_has_issued_nothing_has_no_key_to_rotate(stack: Stack) -> None:
    refused = await asked(stack, "rotate", new_organisation())
    assert (refused.status, "has issued no credentials" in refused.errors) == (1, True)


async def test_private_halves_are_encrypted_with_the_new_secret() -> None:
    old, new = SecretStr(secrets.token_hex(32)), SecretStr(secrets.token_hex(32))
    async with service_database("enrollment") as database:
        await migrate(database.owner_url, MIGRATIONS)

        def settings_of(secret: SecretStr, previous: SecretStr | None = None) -> EnrollmentSettings:
            return EnrollmentSettings(
                database_url=SecretStr(database.service_url),
                migration_database_url=SecretStr(database.owner_url),
                amqp_url=SecretStr("amqp://localhost/"),
                catalog_url="http://localhost",
                enrollment_secret=secret,
                enrollment_secret_previous=previous,
                **internal_settings("enrollment"),
            )

        before, after = sealer_of(settings_of(old)), sealer_of(settings_of(new))
        async with connection_pool(database.service_url, name="test", size=1) as pool:
            async with transaction(pool, [7]) as connection:
                made = await use_cases.add_key(connection, before, 7)
            refused = await run("enrollment", settings_of(new), "credential-keys", "reencrypt")
            assert (refused.status, "was encrypted with another ENROLLMENT_SECRET" in refused.errors) == (2, True)
            done = await run("enrollment", settings_of(new, old), "credential-keys", "reencrypt")
            assert (done.status, done.output) == (0, "1 keys are encrypted with ENROLLMENT_SECRET\n"), done.errors
            async with transaction(pool, [7]) as connection:
                key = await store.signing_key(connection, 7)
    assert key is not None
    assert after.open(key.sealed, about_key(7, made.id)) == before.open(made.sealed, about_key(7, made.id))
