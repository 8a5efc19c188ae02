"""Credentials: who gets one, what it says, and what anybody reads of it (contract, section 13)."""

import asyncio
import json
import re

import asyncpg
import jwt
import pypdfium2
import pytest
import zxingcpp

from shared.auth.internal_token import API_ACCESS, VIEW, VIEW_SELF
from shared.http.accept import VC_JWT_TYPE
from tests.support.client import Client, new_organisation
from tests.support.credentials import (
    Stranger,
    ask,
    certificate_of,
    claims_in,
    completed,
    credential_of,
    page_of,
)
from tests.support.external_records import accepted, decide, submitted
from tests.support.lifecycle import changed
from tests.support.stack import Stack
from tests.support.world import RECORDS, SETTINGS, new_employee, new_enrollment


@pytest.fixture
def judge(stack: Stack, organisation: int) -> Client:
    """Somebody else than `admin`, who submits."""
    return stack.client(organisation, sub="judge-1", name="Judy Judge")


async def test_a_stranger_verifies_it_from_its_address_alone(admin: Client, organisation: int) -> None:
    await admin.put(SETTINGS, {"time_zone": "Australia/Sydney", "issuer_name": "Acme Tunnels"})
    enrollment = await completed(admin)
    made = await credential_of(admin, enrollment)
    assert made["status"] == "valid"
    stranger = Stranger()
    credential = await stranger.verify_address(made["verify_url"])
    assert (credential.id, credential.issuer.id) == (made["verify_url"], made["issuer"])
    assert (credential.issuer.name, credential.name) == ("Acme Tunnels", "Working at Heights")
    assert [each.identity_hash for each in credential.identifiers] == ["Jane Roe"]
    origin = made["verify_url"].partition("/verify/")[0]
    assert stranger.asked == [
        made["verify_url"],
        f"{origin.replace('http:', 'https:')}/credentials/{organisation}/did.json",
        f"{origin}/credentials/{organisation}/status/1",
    ]


async def test_it_says_what_was_completed_and_nothing_else(admin: Client) -> None:
    enrollment = await completed(admin)
    claims = claims_in((await credential_of(admin, enrollment))["credential"])
    shown = (await admin.get(f"/api/v1/training/enrollments/{enrollment}")).data
    assert claims["validFrom"] == claims["awardedDate"] == f"{shown['completed_at'][:19]}Z"
    assert int(claims["validUntil"][:4]) == int(claims["validFrom"][:4]) + 2
    assert claims["credentialSubject"]["identifier"] == [
        {"type": "IdentityObject", "hashed": False, "identityHash": "Jane Roe", "identityType": "name"}
    ]
    text = json.dumps(claims)
    assert "EMP-" not in text
    assert not re.search(
        r"(?<![0-9-])80(?![0-9])", json.dumps(claims["credentialSubject"])
    )  # ids are made of digits too


async def test_it_is_the_same_whenever_somebody_asks(admin: Client) -> None:
    enrollment = await completed(admin)
    first, certificate = await credential_of(admin, enrollment), await certificate_of(admin, enrollment)
    assert await credential_of(admin, enrollment) == first
    assert await certificate_of(admin, enrollment) == certificate
    alone = await ask(admin, enrollment, accept=VC_JWT_TYPE)
    assert (alone.text, alone.headers["Content-Type"]) == (first["credential"], VC_JWT_TYPE)


async def test_ten_who_ask_at_once_get_one_credential(admin: Client) -> None:
    enrollment = await completed(admin)
    made = await asyncio.gather(*[credential_of(admin, enrollment) for _ in range(10)])
    assert len({each["code"] for each in made}) == 1
    assert len({each["credential"] for each in made}) == 1


async def test_the_first_credentials_of_an_organisation_have_one_key(admin: Client, stack: Stack) -> None:
    enrollments = [await completed(admin) for _ in range(4)]
    made = await asyncio.gather(*[credential_of(admin, each) for each in enrollments])
    assert len({jwt.get_unverified_header(each["credential"])["kid"] for each in made}) == 1
    places = {claims_in(each["credential"])["credentialStatus"]["statusListIndex"] for each in made}
    assert len(places) == 4


async def test_the_certificate_leads_to_its_page(admin: Client, stack: Stack) -> None:
    await admin.put(SETTINGS, {"time_zone": "UTC", "issuer_name": "Zażółć Sp. z o.o.", "language": "pl"})
    enrollment = await completed(admin, await new_employee(admin, full_name="Łukasz Nguyễn"))
    document = pypdfium2.PdfDocument(await certificate_of(admin, enrollment))
    text = document[0].get_textpage().get_text_range()
    assert all(each in text for each in ("Certyfikat", "Łukasz Nguyễn", "Working at Heights", "Zażółć Sp. z o.o."))
    [code] = zxingcpp.read_barcodes(document[0].render(scale=3).to_pil())
    assert code.text == (await credential_of(admin, enrollment))["verify_url"]
    page = await page_of(stack, code.text.rpartition("/")[2])
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert all(each in page.text for each in ('lang="pl"', "Ważny", "Łukasz Nguyễn", "Zażółć Sp. z o.o."))


async def test_an_accepted_record_has_one_too(admin: Client, judge: Client, stack: Stack) -> None:
    person = await new_employee(admin, full_name="Jane Roe")
    record = await accepted(admin, judge, person, valid_until="2090-03-03T08:00:00Z")
    made = await credential_of(admin, record, RECORDS)
    credential = await Stranger().verify_address(made["verify_url"])
    assert (credential.name, made["valid_until"]) == ("First Aid", "2090-03-03T08:00:00.000000Z")
    assert "Red Cross" in credential.achievement.criteria_narrative
    assert "Red Cross" in (await page_of(stack, made["code"])).text
    assert (await decide(judge, record, "reject")).status == 200
    assert "Revoked" in (await page_of(stack, made["code"])).text
    assert (await ask(admin, record, RECORDS)).json["code"] == "not_certified"


async def test_what_is_not_completed_has_none(admin: Client) -> None:
    person = await new_employee(admin)
    for row, path in (
        (await new_enrollment(admin), "/api/v1/training/enrollments"),
        (await submitted(admin, person), RECORDS),
    ):
        answer = await ask(admin, row, path)
        assert (answer.status, answer.json["code"]) == (409, "not_certified")
    failed = await completed(admin)
    await changed(admin, failed, "complete", {"score": 10})
    assert (await ask(admin, failed)).status == 409


async def test_only_those_who_see_the_record_get_it(stack: Stack, admin: Client, organisation: int) -> None:
    person = await new_employee(admin)
    enrollment = await completed(admin, person)
    themselves = stack.client(organisation, permissions=[API_ACCESS, VIEW_SELF], employee_id=person)
    another = stack.client(organisation, permissions=[API_ACCESS, VIEW_SELF], employee_id=await new_employee(admin))
    assert (await ask(themselves, enrollment)).data == (await ask(admin, enrollment)).data
    assert (await ask(another, enrollment)).status == 404
    assert (await ask(stack.client(new_organisation(), permissions=[API_ACCESS, VIEW]), enrollment)).status == 404


async def test_what_others_verify_by_can_be_kept(admin: Client, stack: Stack, organisation: int) -> None:
    enrollment = await completed(admin)
    await credential_of(admin, enrollment)
    anybody = stack.anonymous()
    for path, seconds in (
        (f"/credentials/{organisation}/did.json", 300),
        (f"/credentials/{organisation}/status/1", 30),
    ):
        answer = await anybody.request("GET", path)
        assert (answer.status, answer.headers["Cache-Control"]) == (200, f"public, max-age={seconds}"), answer.text
        tag = {"If-None-Match": answer.headers["ETag"]}
        assert (await anybody.request("GET", path, headers=tag)).status == 304
    await changed(admin, enrollment, "complete", {"score": 10})
    assert (await anybody.request("GET", path, headers=tag)).status == 200


async def test_what_nobody_has_issued_is_not_there(admin: Client, stack: Stack, organisation: int) -> None:
    await credential_of(admin, await completed(admin))
    anybody = stack.anonymous()
    for path in (
        f"/credentials/{new_organisation()}/did.json",
        f"/credentials/{new_organisation()}/status/1",
        f"/credentials/{organisation}/status/2",
        f"/credentials/{organisation}/status/0",
        "/credentials/9999999999999999999/did.json",
        "/verify/",
        "/verify/a/b",
    ):
        assert (await anybody.request("GET", path)).status == 404, path
    page = await page_of(stack, "mfzwizltoq4dk3tboi2gk4rxga")
    assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "Unknown" in page.text


async def test_a_code_can_be_typed_in_capitals(admin: Client, stack: Stack) -> None:
    made = await credential_of(admin, await completed(admin))
    assert "Jane Roe" in (await page_of(stack, made["code"].upper())).text


async def test_the_page_loads_nothing_and_is_kept_by_nobody(admin: Client, stack: Stack) -> None:
    person = await new_employee(admin, full_name="<script>alert(1)</script> & Co")
    made = await credential_of(admin, await completed(admin, person))
    page = await page_of(stack, made["code"])
    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Co" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


async def test_private_keys_are_not_in_the_database(admin: Client, stack: Stack, organisation: int) -> None:
    await credential_of(admin, await completed(admin))
    connection = await asyncpg.connect(stack.enrollment_database_url, timeout=10)
    try:
        [row] = await connection.fetch(
            "SELECT public_key, sealed FROM credential_keys WHERE organisation_id = $1", organisation
        )
    finally:
        await connection.close()
    public = json.loads(row["public_key"])
    assert (public["crv"], "d" in public) == ("Ed25519", False)
    assert b"Ed25519" not in row["sealed"]
