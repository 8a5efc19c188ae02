"""The gateway's part of credentials: whom it counts, and what it asks of enrollment."""

import hashlib

import pytest

from gateway.admission.gate import Gate
from tests.integration.gateway.edge import NOWHERE, Edge, StartGateway, Upstream
from tests.integration.gateway.test_gateway_calendars import PATH as CALENDAR
from tests.integration.gateway.test_gateway_calendars import asked, new_address

CODE = "mfzwizltoq4dk3tboi2gk4rxga"
PAGE = f"/verify/{CODE}"
DID = "/credentials/7/did.json"
LIST = "/credentials/7/status/3"


async def test_enrollment_is_asked_by_the_hash_of_the_code(edge: Edge, upstream: Upstream) -> None:
    assert (await edge.client("a token").request("GET", PAGE.upper().replace("VERIFY", "verify"))).status == 200
    [received] = upstream.received
    assert received.target == f"/internal/credentials?digest={hashlib.sha256(CODE.encode()).hexdigest()}"
    assert CODE not in str(received).lower()


async def test_what_others_verify_by_is_asked_for_by_its_numbers(edge: Edge, upstream: Upstream) -> None:
    for path in (DID, LIST):
        assert (await edge.client().request("GET", path, headers={"If-None-Match": '"x"'})).status == 200
    assert [each.target for each in upstream.received] == [
        "/internal/credentials/issuer?organisation_id=7",
        "/internal/credentials/status?organisation_id=7&number=3",
    ]
    assert all(("if-none-match", '"x"') in {(n.lower(), v) for n, v in each.headers} for each in upstream.received)


async def test_enrollment_learns_by_which_address_clients_come(start_gateway: StartGateway, upstream: Upstream) -> None:
    edge = await start_gateway(public_url="https://training.example.com")
    assert (await edge.client().request("GET", DID)).status == 200
    headers = {name.lower(): value for name, value in upstream.received[0].headers}
    assert (headers["x-forwarded-proto"], headers["x-forwarded-host"]) == ("https", "training.example.com")


async def test_a_page_depends_on_what_is_accepted(edge: Edge) -> None:
    assert (await edge.client().request("GET", PAGE)).headers["Vary"] == "Accept"
    assert "Vary" not in (await edge.client().request("GET", LIST)).headers


async def test_an_address_tries_so_many_codes_a_minute(start_gateway: StartGateway) -> None:
    edge = await start_gateway(address_rate_limit=3, trusted_proxies=1)
    address = new_address()
    assert await asked(edge, 4, address, PAGE) == [200] * 3 + [429]
    assert await asked(edge, 4, address, LIST) == [200] * 3 + [429]
    assert await asked(edge, 1, address, CALENDAR) == [200]


async def test_control_without_the_count_an_address_tries_on(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def uncounted(*_: object) -> None:
        return

    monkeypatch.setattr(Gate, "require_room_to_read", uncounted)
    edge = await start_gateway(address_rate_limit=3, trusted_proxies=1)
    assert await asked(edge, 6, new_address(), PAGE) == [200] * 6


@pytest.mark.parametrize(
    "path",
    ["/verify/", "/verify/a/b", f"/verify/{'a' * 65}", "/credentials/0/did.json", "/credentials/7"],
)
async def test_what_is_no_such_address_reaches_nobody(edge: Edge, upstream: Upstream, path: str) -> None:
    assert (await edge.client().request("GET", path)).status == 404
    assert upstream.received == []


async def test_they_are_read_and_nothing_else(edge: Edge) -> None:
    for path in (PAGE, DID, LIST):
        assert (await edge.client().request("POST", path)).status == 405


async def test_while_enrollment_is_away(start_gateway: StartGateway) -> None:
    edge = await start_gateway(enrollment_url=NOWHERE)
    assert (await edge.client().request("GET", LIST)).status == 503
