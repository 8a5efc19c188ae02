"""Controls: with a guard taken out of the product, the corpus notices."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.http import RawRequestMessage
from jwt.utils import base64url_decode
from pydantic import BaseModel, ValidationError
from yarl import URL

import services.catalog.store.pages
import shared.service.idempotency
from gateway.upstream.headers import Headers
from services.accounts import api_auth
from services.catalog.store import pages
from shared.auth.internal_token import Caller, InternalTokenVerifier
from shared.http.input import QueryReader
from shared.http.models import MAX_BODY_BYTES, BodyLimits
from shared.http.request import METHODS, Request
from shared.http.request_target import Target
from shared.http.routing import Endpoint
from shared.http.server.connection import Protocol
from shared.http.server.framing import Incoming
from shared.http.server.simple_request import SimpleRequestParser
from shared.postgres.text_search import word_conditions
from shared.validation.known_members import Unknown
from tests.security import assignment, bodies, framing, headers, lists, targets, tenancy, tokens, values
from tests.security.corpus import Place
from tests.security.keys import public_bytes
from tests.security.open_wall import without_wall
from tests.security.runner import failures, told_apart
from tests.security.world import World, contents, new_world
from tests.support.guards import without
from tests.support.stack import Stack


@pytest.fixture(scope="module")
async def own_world(secured_stack: Stack) -> World:
    """What is admitted here changes rows, and the corpus has rows of its own."""
    return await new_world(secured_stack)


async def noticed(world: World, module: ModuleType, place: Place, beginning: str) -> list[str]:
    """What is found by those cases of a family whose names begin like this."""
    cases = [case for case in module.FAMILY.cases if case.name.startswith(beginning)]
    return await failures(world, replace(module.FAMILY, cases=cases), place)


async def test_control_without_the_check_of_signatures(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def unverified(token: str, *_: object) -> bytes:
        return base64url_decode(token.split(".")[1])

    monkeypatch.setattr("gateway.auth.client_token.signed_payload", unverified)
    monkeypatch.setattr("shared.auth.internal_token.signed_payload", unverified)
    assert await noticed(own_world, tokens, "gateway", "another secret")
    assert await noticed(own_world, tokens, "service", "a bit of the signature")


async def test_control_with_services_that_take_a_token_meant_for_another(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InternalTokenVerifier, "_require_granted", lambda *_: None)
    assert await noticed(own_world, tokens, "service", "the gateway's token for the catalog")
    assert await noticed(own_world, tokens, "service", "the catalog's key with a user's permissions")


async def test_control_with_keys_that_may_grant_everything(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.auth.internal_token.may_grant", lambda *_: True)
    assert await noticed(own_world, tokens, "service", "the catalog's key with a user's permissions")
    assert await noticed(own_world, tokens, "service", "the gateway's key with what services ask")
    assert await noticed(own_world, tokens, "service", "history's key with what the catalog may ask")


async def test_control_with_an_algorithm_that_is_not_bound_to_its_key(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def any_key(*_: object) -> bytes:
        return public_bytes("ed", "raw")

    monkeypatch.setattr("gateway.auth.client_token._key", any_key)
    assert await noticed(own_world, tokens, "gateway", "HS256 with the raw of the public ed key")


async def test_control_with_the_first_of_several_tokens(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def first(authorization: Sequence[str]) -> str:
        return authorization[0].partition(" ")[2] if authorization else ""

    monkeypatch.setattr("gateway.admission.gate.bearer_token", first)
    monkeypatch.setattr("gateway.edge.forward_handler.bearer_token", first)
    monkeypatch.setattr("shared.http.routing.bearer_token", first)
    assert await noticed(own_world, tokens, "gateway", "Authorization good and empty")
    assert await noticed(own_world, tokens, "service", "Authorization good and empty")


async def test_control_with_services_that_believe_headers(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway's stripping then is what keeps the header from them; without it nothing does."""
    permitted = Endpoint._permitted

    def gullible(endpoint: Endpoint, request: Request) -> Caller:
        caller = permitted(endpoint, request)
        organisation = request.headers.get("X-Organisation-Id")
        return replace(caller, organisation_id=int(organisation)) if organisation else caller

    def everything(sent: Sequence[tuple[str, str]]) -> Headers:
        return [(name, value) for name, value in sent if name not in ("Authorization", "Host")]

    monkeypatch.setattr(Endpoint, "_permitted", gullible)
    claim = "claims X-Organisation-Id: <their organisation>"
    assert await noticed(own_world, headers, "service", claim)
    with monkeypatch.context() as standard_path:
        standard_path.setattr(SimpleRequestParser, "parse", lambda *_: None)  # nor does it remember any headers
        assert await noticed(own_world, headers, "gateway", claim) == []
        standard_path.setattr("gateway.edge.forward_handler.forwarded", everything)
        assert await noticed(own_world, headers, "gateway", claim)
    monkeypatch.setattr("gateway.edge.forward_handler.forwarded", everything)
    assert await noticed(own_world, headers, "gateway", claim)


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_without_the_checks_of_framing(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    monkeypatch.setattr("shared.http.server.connection.is_framed_well", lambda _: True)
    monkeypatch.setattr(Incoming, "unfinished_body", None)
    assert await noticed(own_world, framing, place, "Transfer-Encoding 'gzip, chunked'")
    assert await noticed(own_world, framing, place, "Transfer-Encoding in HTTP/1.0")
    assert await noticed(own_world, framing, place, "chunks that break once they were asked for")
    assert await noticed(own_world, targets, place, "line HTTP/2.0")


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_all_the_time_in_the_world(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    monkeypatch.setattr("shared.http.body.BODY_TIMEOUT", 60.0)
    monkeypatch.setattr("shared.http.server.connection.HEAD_TIMEOUT", 60.0)
    monkeypatch.setattr("tests.support.raw_http.DEADLINE", 1.0)
    assert await noticed(own_world, framing, place, "a body that stops")
    assert await noticed(own_world, framing, place, "a head that stops")


async def test_control_without_the_envelope_of_the_parsers_refusals(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Protocol, "_make_error_handler", web.RequestHandler._make_error_handler)
    monkeypatch.setattr(Protocol, "handle_error", web.RequestHandler.handle_error)
    assert await noticed(own_world, targets, "gateway", "line '(GET)'")
    assert await noticed(own_world, targets, "service", "line '(GET)'")


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_without_the_bounds_of_heads_and_chunks(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    monkeypatch.setattr("shared.http.server.connection.MAX_HEAD_BYTES", 2**30)
    monkeypatch.setattr("shared.http.server.framing.MAX_CHUNK_OVERHEAD", 2**30)
    assert await noticed(own_world, headers, place, "line 60 of 8,100 bytes")
    for beginning in ("chunks: an extension of 40 KiB", "chunks: 40 extensions", "chunks: 5 trailers"):
        assert await noticed(own_world, framing, place, beginning), beginning


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_segments_that_are_parsed_as_a_whole(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    monkeypatch.setattr(Incoming, "next_piece", lambda _, data: (data, b""))
    for beginning in ("garbage behind two", "a target too long behind", "an unknown method behind", "line FOO"):
        family = targets if beginning.startswith("line") else framing
        assert await noticed(own_world, family, place, beginning), beginning


async def test_control_with_upgrades_that_are_waited_for(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Protocol, "_decline_upgrade", lambda _: None)
    assert await noticed(own_world, framing, "gateway", "faulty framing behind an Upgrade")


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_absolute_targets_of_any_host(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    def of_any_host(message: RawRequestMessage) -> RawRequestMessage:
        path = "/" + message.path.split("/", 3)[3] if "://" in message.path else message.path
        return message._replace(path=path, url=URL(path, encoded=True))

    monkeypatch.setattr("shared.http.server.connection.in_origin_form", of_any_host)
    assert await noticed(own_world, targets, place, "target 'http://127.0.0.1:1")
    assert await noticed(own_world, targets, place, "target 'http://muster.example@evil")


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_head_that_is_another_method(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    monkeypatch.setattr("shared.http.request.METHODS", METHODS - {"HEAD"})
    monkeypatch.setattr(SimpleRequestParser, "parse", lambda *_: None)
    assert await noticed(own_world, targets, place, "line HEAD")


async def test_control_with_targets_that_are_taken_as_they_come(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lax(raw: str) -> Target:
        path, _, query = raw.partition("?")
        return Target(path, query)

    monkeypatch.setattr("shared.http.request.read_target", lax)
    monkeypatch.setattr("shared.http.request.checked_host", lambda hosts: "".join(hosts))
    assert await noticed(own_world, targets, "gateway", "target '/api/v1/training/courses/..%2f../")
    assert await noticed(own_world, targets, "service", "target 'http://muster.example/")


async def test_control_without_a_limit_of_bodies(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unlimited(request: Request, limit: int = 0) -> bytes:
        return request.content if request.stream is None else await request.stream.content.read()

    monkeypatch.setattr("shared.http.body.read_body", unlimited)
    monkeypatch.setattr("gateway.edge.forward_handler.read_body", unlimited)
    assert await noticed(own_world, bodies, "service", "1 MiB and one byte")
    assert await noticed(own_world, bodies, "gateway", "1 MiB and one byte")


async def test_control_with_pythons_own_json(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.body.parse_json", lambda body, _: json.loads(body))
    for beginning in ("text a member twice", "text 5,000 decimals", "text 33 levels", "text a lone surrogate"):
        assert await noticed(own_world, bodies, "service", beginning), beginning


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_values_that_are_taken_as_they_come(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    validate = BaseModel.model_validate.__func__  # type: ignore[attr-defined]

    def anything(model: type[Any], value: Any) -> Any:
        try:
            return validate(model, value)
        except ValidationError:
            return model.model_construct(**value)

    monkeypatch.setattr(BaseModel, "model_validate", classmethod(anything))
    for beginning in ("title 1", "category", "validity_months 2147483648", "2^31 places", "id 2^63", "id text"):
        assert await noticed(own_world, values, place, beginning), beginning


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_texts_that_no_database_can_hold(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    for guard in ("_UNSTORABLE", "_CONTROL", "_CONTROL_IN_LINES"):
        monkeypatch.setattr(f"shared.validation.fields.{guard}", re.compile(r"(?!)"))
    for beginning in ('title "\\u0000', 'description "\\u0000', "a name with NUL"):
        assert await noticed(own_world, values, place, beginning), beginning


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_moments_as_python_reads_them(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    without_offset = r"([0-9-]{10})[Tt]([0-9:]{8})(\.[0-9]+)?([Zz]|[+-][0-9:]{5})?\Z"
    monkeypatch.setattr("shared.validation.fields._TIMESTAMP", re.compile(without_offset))
    assert await noticed(own_world, values, place, "a start without an offset")


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_moments_of_any_year(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    monkeypatch.setattr("shared.validation.fields._check_year", lambda _: None)
    for beginning in ("a start at 9999", "a start at 1900-01-01T00:00:00+", "a check-in at 0001", "a check-in at 3000"):
        assert await noticed(own_world, values, place, beginning), beginning


async def test_control_with_addresses_of_any_scheme(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "shared.validation.https_url._URL", re.compile(r"(?s)https?://(?:[^/]*@)?(?P<authority>[A-Za-z0-9.:-]*)")
    )
    for url in ("http://x.example", "https://trusted.test@evil.test/", "https://a.test\\\\b", "https://x.example/a b"):
        assert await noticed(own_world, values, "gateway", f"a certificate at {url}"), url


async def test_control_with_hosts_of_any_kind(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.validation.https_url._is_host", lambda *_: True)
    for url in ("https://[1::2::3]/", "https://x..example/", "https://1.2.3.256/"):
        assert await noticed(own_world, values, "gateway", f"a certificate at {url}"), url


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_control_characters(own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    monkeypatch.setattr("shared.validation.fields._CONTROL", re.compile(r"(?!)"))
    for beginning in ('title "a\\t', "a label named", "session_name", "location", "a facilitator", "a project named"):
        assert await noticed(own_world, values, place, beginning), beginning
    for beginning in ("employee_id of a person", "full_name of a person", "a company named", 'provider_name "'):
        assert await noticed(own_world, values, place, beginning), beginning
    assert await noticed(own_world, values, place, "feedback") == []
    monkeypatch.setattr("shared.validation.fields._CONTROL_IN_LINES", re.compile(r"(?!)"))
    assert await noticed(own_world, values, place, "feedback")


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_any_number_of_values(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    monkeypatch.setattr("shared.validation.strict_json._check_counts", lambda *_: None)
    for beginning in ("10,001 values", "10,000 texts and one", "90,000 members nobody knows", "text 1,001 digits"):
        assert await noticed(own_world, bodies, place, beginning), beginning


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_every_error_told(own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    monkeypatch.setattr("shared.errors.MAX_ERRORS", 100_000)
    monkeypatch.setattr("shared.validation.known_members.MAX_ERRORS", 100_000)
    for beginning in ("9,999 members nobody knows", "labels of 190 members", "500 people of whom none"):
        assert await noticed(own_world, bodies, place, beginning), beginning


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_names_of_any_length(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    monkeypatch.setattr("shared.errors.shortened", lambda text, _=0: text)
    assert await noticed(own_world, bodies, place, "a name of 1 MB")


async def test_control_with_logins_like_any_other_body(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.edge.public_routes.MAX_BODY", MAX_BODY_BYTES)
    (login,) = [route for route in api_auth.ROUTES if route.path == "/api/v1/auth/login"]
    monkeypatch.setitem(vars(login), "limits", BodyLimits())
    assert await noticed(own_world, bodies, "gateway", "login 8 KiB and a byte")
    assert await noticed(own_world, bodies, "gateway", "login 101 values")


async def test_control_with_pythons_own_integers(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QueryReader, "read", QueryReader._read)  # nothing good must be remembered beyond this test
    monkeypatch.setattr("shared.validation.fields._DIGITS", re.compile(r"\s*[+-]?\w+\s*\Z"))
    assert await noticed(own_world, lists, "service", "/api/v1/training/courses page=%D9%A3")
    assert await noticed(own_world, lists, "gateway", "/api/v1/training/courses page=1_0")


async def test_control_with_searches_that_are_patterns(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, condition in word_conditions("c.searched").items():
        pattern = condition.replace("containing(", "'%' || searchable(") + " || '%'"
        monkeypatch.setitem(pages._COURSE_FILTERS, name, pattern)
    pages._course_statement.cache_clear()
    assert await noticed(own_world, lists, "gateway", "/api/v1/training/courses search=L%25s")
    pages._course_statement.cache_clear()


async def test_control_with_fields_that_nobody_knows(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are dropped, as pydantic does unless told: harmless here, and still noticed, as is what is changed."""
    before = await contents(own_world)
    monkeypatch.setattr(Unknown, "add", lambda *_: None)
    assert await noticed(own_world, assignment, "gateway", "organisation_id in POST /api/v1/training/courses")
    assert await contents(own_world) != before


@pytest.mark.parametrize("place", ["gateway", "service"])
async def test_control_with_a_query_that_forgets_the_organisation(
    own_world: World, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    course = "GET /api/v1/training/courses/<their course>"
    forgotten = ("c.organisation_id = given.argument1 AND c.id", "c.id")
    without(monkeypatch, services.catalog.store.pages, "_COURSE_DETAIL", *forgotten)
    assert await noticed(own_world, tenancy, place, course) == []
    async with without_wall(own_world.stack):
        assert any(course in line for line in await told_apart(own_world, place))
        assert await noticed(own_world, tenancy, place, course)


async def test_control_with_keys_that_forget_the_organisation(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer kept for the others' request comes back, with their session in it."""
    without(
        monkeypatch,
        shared.service.idempotency,
        "_FIND",
        "USING (organisation_id, subject, route, key)",
        "USING (subject, route, key)",
    )
    assert await noticed(own_world, tenancy, "gateway", "their key") == []
    async with without_wall(own_world.stack):
        assert await noticed(own_world, tenancy, "gateway", "their key")
