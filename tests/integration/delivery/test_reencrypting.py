"""`webhooks reencrypt`: the installation's secret is changed without a delivery that is not signed."""

import secrets

import asyncpg
from pydantic import SecretStr

from services.delivery.sealing import sealer_of, secret_of, signing_key_of
from services.delivery.settings import DeliverySettings
from tests.support.commands import Outcome, run
from tests.support.feed import FeedDatabase
from tests.support.internal_keys import internal_settings

_ADD = """
INSERT INTO webhooks (organisation_id, id, url, secret, previous_secret, signing_key, public_key)
VALUES (7, 1, 'https://localhost/', $1, $2, $3, ''), (7, 2, 'https://localhost/', $4, NULL, $5, '')
"""


def settings_of(database: FeedDatabase, secret: SecretStr, previous: SecretStr | None = None) -> DeliverySettings:
    return DeliverySettings(
        database_url=SecretStr(database.service_url),
        migration_database_url=SecretStr(database.owner_url),
        amqp_url=SecretStr("amqp://localhost/"),
        delivery_secret=secret,
        delivery_secret_previous=previous,
        **internal_settings("delivery"),
    )


async def reencrypted(settings: DeliverySettings) -> Outcome:
    return await run("delivery", settings, "webhooks", "reencrypt")


async def test_secrets_are_encrypted_with_the_new_secret(own_delivery: FeedDatabase) -> None:
    old, new = SecretStr(secrets.token_hex(32)), SecretStr(secrets.token_hex(32))
    before, after = sealer_of(settings_of(own_delivery, old)), sealer_of(settings_of(own_delivery, new))
    connection = await asyncpg.connect(own_delivery.superuser_url, timeout=10)
    try:
        first, second = secret_of(7, 1), secret_of(7, 2)
        sealed = [before.seal("whsec_a", first), before.seal("whsec_b", first)]
        sealed += [before.seal("whsk_c", signing_key_of(7, 1))]
        sealed += [before.seal("whsec_d", second), before.seal("whsk_e", signing_key_of(7, 2))]
        await connection.execute(_ADD, *sealed)
        refused = await reencrypted(settings_of(own_delivery, new))
        assert refused.status == 2
        assert "setting DELIVERY_SECRET: the secret of webhook 7/1 was encrypted with another" in refused.errors
        done = await reencrypted(settings_of(own_delivery, new, old))
        assert (done.status, done.output) == (0, "2 webhooks are encrypted with DELIVERY_SECRET\n"), done.errors
        rows = await connection.fetch("SELECT secret, previous_secret, signing_key FROM webhooks ORDER BY id")
    finally:
        await connection.close(timeout=10)
    assert after.open(rows[0]["secret"], first) == "whsec_a"
    assert after.open(rows[0]["previous_secret"], first) == "whsec_b"
    assert after.open(rows[0]["signing_key"], signing_key_of(7, 1)) == "whsk_c"
    assert after.open(rows[1]["secret"], second) == "whsec_d"
    assert rows[1]["previous_secret"] is None
