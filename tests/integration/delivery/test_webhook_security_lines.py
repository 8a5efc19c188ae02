"""What the security log says of webhooks: who made, changed, disabled or deleted one, and nothing that is in it."""

from typing import Any

import pytest

from services.delivery.sending import worker
from shared.security_log import SecurityEvent
from tests.support.client import Client
from tests.support.endpoints import endpoint
from tests.support.eventually import eventually
from tests.support.projections import Database
from tests.support.security_lines import SecurityLines
from tests.support.stack import Stack
from tests.support.webhooks import Received, Webhooks, running, sender_for
from tests.support.world import WEBHOOKS

URL = "https://hooks.invalid/T0KEN/of-the-path?key=of-the-query"
REQUEST = {"X-Request-Id": "request-0001"}


def told(lines: SecurityLines, **fields: Any) -> list[tuple[str, list[str]]]:
    return [(line["reason"], line["fields"]) for line in lines.of(SecurityEvent.WEBHOOK_CHANGED, **fields)]


async def test_every_change_is_told_with_who_made_it(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    clerk = stack.client(organisation, sub="clerk-7")
    made = await clerk.request("POST", WEBHOOKS, json={"url": URL}, headers=REQUEST)
    path, secret = made.headers["Location"], made.data["secret"]
    for _ in range(2):  # the second time nothing changes
        await clerk.patch(path, {"thin": True, "description": "Payroll"})
    rotated = (await clerk.post(f"{path}/rotate-secret", None)).data["secret"]
    for _ in range(2):
        await clerk.patch(path, {"status": "disabled"})
    for _ in range(2):
        await clerk.post(f"{path}/enable", None)
    await clerk.delete(path)
    who = {"subject": "clerk-7", "organisation_id": organisation, "webhook": made.data["id"]}
    assert told(security_lines, **who) == [
        ("created", ["status", "thin", "types", "url"]),
        ("changed", ["description", "thin"]),
        ("secret_rotated", ["secret_rotated"]),
        ("disabled", ["disabled_reason", "status"]),
        ("enabled", ["disabled_reason", "status"]),
        ("deleted", ["description", "status", "thin", "types", "url"]),
    ]
    assert security_lines.of(SecurityEvent.WEBHOOK_CHANGED, **who)[0]["request_id"] == "request-0001"
    assert security_lines.one(SecurityEvent.WEBHOOK_CHANGED, reason="disabled", **who)["because"] == "by_user"
    assert [part for part in (secret[6:], rotated[6:], "T0KEN", "of-the-query") if part in security_lines.text] == []


async def test_what_is_refused_or_repeated_is_no_change(
    admin: Client, organisation: int, security_lines: SecurityLines
) -> None:
    for _ in range(2):
        assert (await admin.post(WEBHOOKS, {"url": URL}, **{"Idempotency-Key": "once"})).status == 201
    assert (await admin.post(WEBHOOKS, {"url": "https://10.1.2.3/"})).status == 422
    [webhook] = (await admin.get(WEBHOOKS)).data
    path = f"{WEBHOOKS}/{webhook['id']}"
    for status, answer in (
        (412, await admin.patch(path, {"thin": True}, **{"If-Match": '"another"'})),
        (404, await admin.delete(f"{WEBHOOKS}/{webhook['id'] + 2**40}")),
    ):
        assert answer.status == status, answer.text
    assert [reason for reason, _ in told(security_lines, organisation_id=organisation)] == ["created"]


async def test_one_that_is_disabled_by_itself_is_told_too(
    database: Database, webhooks: Webhooks, security_lines: SecurityLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL_INTERVAL", 0.02)
    async with endpoint(Received(status=410)) as there:
        webhook = await webhooks.at(there)
        await webhooks.send(webhook)
        async with running(sender_for(database, there)):

            async def is_told() -> bool:
                return bool(told(security_lines, webhook=webhook))

            await eventually(is_told)
    line = security_lines.one(SecurityEvent.WEBHOOK_CHANGED, organisation_id=webhooks.organisation)
    assert (line["reason"], line["because"], line["subject"]) == ("disabled", "gone", "delivery")
