"""Webhooks: made, listed, changed, rotated and deleted by those who manage them (contract, section 9)."""

import json
import secrets
from typing import Any

import pytest

from services.delivery import webhooks as rules
from services.delivery.webhook_context import WebhookContext
from shared.postgres.pool import connection_pool
from tests.support.client import Client, new_organisation
from tests.support.stack import Stack
from tests.support.world import WEBHOOKS

NOWHERE = "https://hooks.invalid/hook"
"""Nothing is sent there: the address is not public."""
FIELDS: dict[str, Any] = {"url": NOWHERE, "types": ["training.course.removed.v1"]}


def manager(stack: Stack, organisation: int) -> Client:
    return stack.direct("delivery", organisation, ("api.access", "webhooks.manage"))


async def new_webhook(client: Client, **fields: Any) -> str:
    answer = await client.post(WEBHOOKS, FIELDS | fields)
    assert answer.status == 201, answer.text
    return answer.headers["Location"]


async def value(stack: Stack, sql: str, *arguments: Any) -> Any:
    async with connection_pool(stack.database_urls["delivery"], name="test", size=1) as pool:
        return await pool.fetchval(sql, *arguments)


async def test_a_new_webhook_is_answered_with_its_secret(stack: Stack, organisation: int) -> None:
    client = manager(stack, organisation)
    answer = await client.post(WEBHOOKS, {**FIELDS, "description": "Payroll", "thin": True})
    assert answer.status == 201, answer.text
    made = dict(answer.data)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made == {
        "id": made["id"],
        "url": NOWHERE,
        "types": FIELDS["types"],
        "description": "Payroll",
        "thin": True,
        "status": "enabled",
        "disabled_reason": None,
        "public_key": made["public_key"],
        "failing_since": None,
        "previous_secret_until": None,
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
    }
    assert made["public_key"].startswith("whpk_")
    path = answer.headers["Location"]
    assert ((await client.get(path)).data, (await client.get(WEBHOOKS)).data) == (made, [made])
    assert (await client.get(f"{path}/secret")).data == {
        "secret": secret,
        "previous_secret": None,
        "previous_secret_until": None,
    }
    row = await value(stack, f"SELECT to_jsonb(w)::text FROM webhooks w WHERE id = {made['id']}")
    assert secret.removeprefix("whsec_") not in row
    assert secret.removeprefix("whsec_").encode().hex() not in row


async def test_a_repeated_request_makes_no_second_webhook_and_keeps_no_secret(stack: Stack, organisation: int) -> None:
    client, key = manager(stack, organisation), {"Idempotency-Key": secrets.token_hex(8)}
    first, again = [await client.post(WEBHOOKS, FIELDS, **key) for _ in range(2)]
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.data == {**first.data, "secret": None}
    assert (await client.get(WEBHOOKS)).json["meta"]["total"] == 1
    kept = "SELECT answer_body FROM idempotency_keys WHERE organisation_id = $1"
    assert "whsec_" not in await value(stack, kept, organisation)


async def test_a_rotated_secret_signs_beside_the_new_one_unless_at_once(stack: Stack, organisation: int) -> None:
    client = manager(stack, organisation)
    path = await new_webhook(client)
    first = (await client.get(f"{path}/secret")).data["secret"]
    second = (await client.post(f"{path}/rotate-secret", None)).data
    shown = (await client.get(f"{path}/secret")).data
    assert (shown["secret"], shown["previous_secret"]) == (second["secret"], first)
    assert shown["previous_secret_until"] == second["previous_secret_until"] > second["updated_at"]
    third = (await client.post(f"{path}/rotate-secret", {"at_once": True})).data["secret"]
    shown = (await client.get(f"{path}/secret")).data
    assert shown == {"secret": third, "previous_secret": None, "previous_secret_until": None}


async def test_a_webhook_is_disabled_and_enabled_again(stack: Stack, organisation: int) -> None:
    client = manager(stack, organisation)
    path = await new_webhook(client)
    disabled = (await client.patch(path, {"status": "disabled"})).data
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "by_user")
    assert (await client.get(WEBHOOKS, status="enabled")).data == []
    for refused in (
        await client.post(f"{path}/test", None),
        await client.post(f"{path}/recover", {"since": "2026-01-01T00:00:00Z"}),
    ):
        assert (refused.status, refused.json["code"]) == (409, "webhook_disabled")
    enabled = (await client.post(f"{path}/enable", None)).data
    assert (enabled["status"], enabled["disabled_reason"]) == ("enabled", None)


async def test_a_deleted_webhook_has_no_secrets_any_more(stack: Stack, organisation: int) -> None:
    client = manager(stack, organisation)
    path = await new_webhook(client)
    assert (await client.delete(path)).status == 200
    for answer in (await client.get(path), await client.get(f"{path}/secret"), await client.get(f"{path}/messages")):
        assert answer.status == 404
    stored = "SELECT secret = '' AND signing_key = '' AND removed FROM webhooks WHERE organisation_id = $1"
    assert await value(stack, stored, organisation)
    trail = (await client.get(f"{path}/audit")).data
    assert [each["action"] for each in trail] == ["webhook.saved", "webhook.removed"]


async def test_the_trail_says_who_did_what_and_never_a_secret(stack: Stack, organisation: int) -> None:
    client = manager(stack, organisation)
    path = await new_webhook(client)
    for _ in range(2):  # the second time nothing changes
        await client.patch(path, {"description": "Wages"})
    await client.post(f"{path}/rotate-secret", None)
    await client.patch(path, {"status": "disabled"})
    trail = await client.get(f"{path}/audit")
    assert [(each["version"], each["action"]) for each in trail.data] == [
        (1, "webhook.saved"),
        (2, "webhook.saved"),
        (3, "webhook.saved"),
        (4, "webhook.disabled"),
    ]
    assert trail.data[1]["changes"] == {"description": {"from": None, "to": "Wages"}}
    assert trail.data[3]["changes"]["disabled_reason"] == {"from": None, "to": "by_user"}
    assert "whsec_" not in json.dumps(trail.data)


REFUSED = [
    ({"url": "ftp://erp.example.com/"}, "url"),
    ({"url": "http://erp.example.com/"}, "url"),
    ({"url": "https://10.1.2.3/"}, "url"),
    ({"url": "https://[::1]/"}, "url"),
    ({"url": "https://localhost/"}, "url"),
    ({"url": "https://erp.example.com/#part"}, "url"),
    ({"url": "https://user:word@erp.example.com/"}, "url"),
    ({"url": f"https://erp.example.com/{'x' * 2100}"}, "url"),
    ({"types": ["training.course.flown.v1"]}, "types.0"),
    ({"types": ["training.course.*", "training.course.*"]}, "types"),
    ({"types": ["*"]}, "types.0"),
    ({"status": "asleep"}, "status"),
    ({"secret": "chosen"}, "secret"),
]


@pytest.mark.parametrize(("change", "field"), REFUSED)
async def test_bad_fields_change_nothing(stack: Stack, organisation: int, change: dict[str, Any], field: str) -> None:
    client = manager(stack, organisation)
    path = await new_webhook(client)
    before = (await client.get(f"{path}/audit")).text
    for answer in (await client.post(WEBHOOKS, {**FIELDS, **change}), await client.patch(path, change)):
        assert (answer.status, list(answer.json["errors"])) == (422, [field]), answer.text
    assert (await client.get(f"{path}/audit")).text == before
    assert (await client.get(WEBHOOKS)).json["meta"]["total"] == 1


async def test_control_without_the_check_a_webhook_leads_into_the_house(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WebhookContext, "check_url", lambda *_: None)
    await new_webhook(manager(stack, organisation), url="https://10.1.2.3/")


async def test_an_organisation_has_so_many_webhooks_and_no_more(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_WEBHOOKS", 2)
    client = manager(stack, organisation)
    paths = [await new_webhook(client) for _ in range(2)]
    answer = await client.post(WEBHOOKS, FIELDS)
    assert (answer.status, answer.json["code"]) == (409, "too_many_webhooks")
    await client.delete(paths[0])
    await new_webhook(client)


async def test_changes_can_be_made_to_the_version_that_was_read(stack: Stack, organisation: int) -> None:
    client = manager(stack, organisation)
    path = await new_webhook(client)
    tag = {"If-Match": (await client.get(path)).headers["ETag"]}
    assert (await client.patch(path, {"thin": True}, **tag)).status == 200
    answers = [
        await client.patch(path, {"thin": False}, **tag),
        await client.post(f"{path}/rotate-secret", None, **tag),
        await client.post(f"{path}/enable", None, **tag),
        await client.delete(path, **tag),
    ]
    assert [answer.status for answer in answers] == [412] * 4
    assert (await client.get(path)).data["thin"] is True


async def test_a_webhook_of_another_organisation_is_not_found(stack: Stack, organisation: int) -> None:
    client, stranger = manager(stack, organisation), manager(stack, new_organisation())
    path = await new_webhook(client)
    message = (await client.post(f"{path}/test", None)).data["id"]
    gets = ("", "/secret", "/audit", "/messages", "/attempts")
    answers = [await stranger.get(path + each) for each in gets]
    answers += [await stranger.post(path + each, None) for each in ("/enable", "/rotate-secret", "/test")]
    answers += [
        await stranger.patch(path, {"thin": True}),
        await stranger.delete(path),
        await stranger.post(f"{path}/recover", {"since": "2026-01-01T00:00:00Z"}),
        await stranger.post(f"/api/v1/webhook-messages/{message}/resend", None),
    ]
    assert {answer.status for answer in answers} == {404}
    assert (await stranger.get(WEBHOOKS)).data == []
