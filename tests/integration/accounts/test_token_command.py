"""`token` and `administrator`: what an operator makes for those who cannot sign in."""

from typing import Any

import asyncpg
import jwt
import pytest

from tests.support.own_accounts import OwnAccounts


async def token(accounts: OwnAccounts, *options: str) -> dict[str, Any]:
    """The claims of the token."""
    outcome = await accounts.command("token", *options)
    assert outcome.status == 0, outcome.errors
    claims: dict[str, Any] = jwt.decode(outcome.output.strip(), options={"verify_signature": False})
    return claims


async def test_without_options_it_is_an_admin_of_the_first_organisation(accounts: OwnAccounts) -> None:
    claims = await token(accounts)
    assert (claims["iss"], claims["aud"], claims["org"], claims["sub"]) == ("muster", "muster-api", 1, "1")
    assert "training.manage" in claims["permissions"]
    assert claims["exp"] - claims["iat"] == 3600


async def test_the_options_become_claims(accounts: OwnAccounts) -> None:
    options = ["--org=7", "--subject=reports", "--permissions=api.access,training.view", "--user-type=service"]
    claims = await token(accounts, *options, "--company=77", "--company=78", "--rate-limit=5", "--ttl=60")
    assert (claims["org"], claims["sub"], claims["user_type"]) == (7, "reports", "service")
    assert sorted(claims["permissions"]) == ["api.access", "training.view"]
    assert (claims["company_ids"], claims["rate_limit"]) == ([77, 78], 5)
    claims = await token(accounts, "--role=Employee", "--employee-id=42", "--ttl=-5")
    assert claims["employee_id"] == 42
    assert claims["exp"] == claims["iat"]


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--ttl=2592001", "at most 2592000"),
        ("--org=0", "from 1 to"),
        ("--permissions=everything", "unknown: everything"),
        ("--role=Boss", "invalid choice"),
        ("--rate-limit=0", "from 1 to 1000000"),
    ],
)
async def test_a_wrong_option_is_refused(accounts: OwnAccounts, option: str, reason: str) -> None:
    outcome = await accounts.command("token", option)
    assert (outcome.status, outcome.output) == (2, "")
    assert reason in outcome.errors


async def test_a_token_for_somebody_who_has_just_signed_out_is_good(accounts: OwnAccounts) -> None:
    connection = await asyncpg.connect(accounts.database.superuser_url, timeout=10)
    try:
        await connection.execute(
            "INSERT INTO users (organisation_id, name, email, email_key, role, cut_off_at)"
            " VALUES (1, 'Ada', 'a@example.com', 'a@example.com', 'Admin', now() + interval '5 seconds')"
        )
        cut_off = await connection.fetchval("SELECT extract(epoch FROM cut_off_at)::int FROM users")
    finally:
        await connection.close(timeout=10)
    assert (await token(accounts))["iat"] >= cut_off
