"""Enrollment's routes of credentials, and what anybody reads of them through the gateway (contract, section 13)."""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final

from aiohttp import web

from services.enrollment import open_badge
from services.enrollment.certificates import page
from services.enrollment.certificates.pdf import CertificatePrinter
from services.enrollment.credentials import Addresses, Credential, list_of
from services.enrollment.errors import (
    ChangedMeanwhile,
    CredentialNotFound,
    EnrollmentNotFound,
    NotCertified,
    PersonErased,
    RecordNotFound,
)
from services.enrollment.representations_credentials import CredentialAnswer
from services.enrollment.schemas_credentials import CredentialDigest, IssuerQuery, StatusListQuery
from services.enrollment.sealing import sealer_of
from services.enrollment.settings import EnrollmentSettings
from services.enrollment.store import credentials as store
from services.enrollment.store.credentials import SealedKey, Shown, Source
from services.enrollment.use_cases import credentials as use_cases
from services.enrollment.use_cases.credentials import Issued
from shared.auth.secrets_at_rest import Sealer
from shared.auth.sight import VIEWS, sight_of
from shared.auth.trust import CREDENTIALS
from shared.errors import NotFound
from shared.http.accept import PDF_TYPE, VC_JWT_TYPE, preferred
from shared.http.did_document import DidDocument
from shared.http.models import Body, Query
from shared.http.representation import Success, TextAnswer
from shared.http.request import client_origin
from shared.http.responses import Answer, Caching, success
from shared.http.routing import Call, Route
from shared.postgres.pool import connected
from shared.service.chassis import POOL

SEALER: Final = web.AppKey("sealer", Sealer)
PRINTER: Final = web.AppKey("printer", CertificatePrinter)
_TYPES: Final = (VC_JWT_TYPE, PDF_TYPE)


async def credential_parts(settings: EnrollmentSettings, app: web.Application) -> AsyncIterator[None]:
    """What opens the keys, and what prints."""
    app[SEALER] = sealer_of(settings)
    app[PRINTER] = CertificatePrinter()
    yield


async def _get_credential(source: Source, not_found: type[NotFound], call: Call[Query, Body]) -> Answer:
    sealer = call.app[SEALER]
    place = (call.organisation_id, call.id)
    issued = await use_cases.credential_of(
        call.app[POOL], sealer, source, place, sight_of(call.caller), call.actor.trace
    )
    if issued is None:
        raise not_found
    addresses = Addresses(client_origin(call.request), call.organisation_id)
    if preferred(call.request.headers, _TYPES) == PDF_TYPE:
        return await _printed(call.app[PRINTER], issued.credential, addresses)
    token = _signed(issued.credential, issued.key, sealer, addresses)
    if preferred(call.request.headers, _TYPES) == VC_JWT_TYPE:
        return Answer(token, content_type=VC_JWT_TYPE)
    return success(json.dumps(_document(issued, token, addresses), ensure_ascii=False))


async def _printed(printer: CertificatePrinter, credential: Credential, addresses: Addresses) -> Answer:
    name = f"certificate-{credential.of_id}.pdf"
    return Answer(
        "",
        headers={"Content-Disposition": f'inline; filename="{name}"'},
        content_type=PDF_TYPE,
        content=await printer.print(credential, addresses),
    )


def _signed(credential: Credential, key: SealedKey, sealer: Sealer, addresses: Addresses) -> str:
    return use_cases.signed(open_badge.badge(credential, addresses), key, sealer, addresses)


def _document(issued: Issued, token: str, addresses: Addresses) -> dict[str, str | None]:
    credential, end = issued.credential, issued.credential.content.valid_until
    return {
        "credential": token,
        "verify_url": addresses.credential(credential.code),
        "code": credential.code,
        "issuer": addresses.did,
        "status": credential.standing(issued.now),
        "issued_at": _timestamp(credential.issued_at),
        "valid_until": None if end is None else _timestamp(end),
    }


async def verify(call: Call[CredentialDigest, Body]) -> Answer:
    """For the gateway alone, which knows the code."""
    shown = await use_cases.shown(call.app[POOL], call.query.digest)
    if preferred(call.request.headers, (page.MEDIA_TYPE, VC_JWT_TYPE)) == VC_JWT_TYPE:
        return _token_of(call, shown)
    if shown is None:
        return _page(page.page_of_unknown(), 404)
    if shown.credential is None:
        return _page(page.page_of_revoked(shown.language))
    return _page(page.page_of(shown.credential, shown.now))


def _page(text: str, status: int = 200) -> Answer:
    return Answer(text, status, page.HEADERS, Caching.NOT_STORED, page.CONTENT_TYPE)


def _token_of(call: Call[Any, Any], shown: Shown | None) -> Answer:
    """Raises `CredentialNotFound` for one that is revoked, of which nothing is left."""
    if shown is None or shown.credential is None or shown.key is None:
        raise CredentialNotFound
    addresses = Addresses(client_origin(call.request), shown.credential.organisation_id)
    token = _signed(shown.credential, shown.key, call.app[SEALER], addresses)
    return Answer(token, caching=Caching.NOT_STORED, content_type=VC_JWT_TYPE)


async def read_issuer(call: Call[IssuerQuery, Body]) -> Answer:
    """For the gateway alone: the DID document of an organisation."""
    organisation_id = call.query.organisation_id
    async with connected(call.app[POOL]) as connection:
        keys = await store.published(connection, organisation_id)
    if not keys:
        raise CredentialNotFound
    text = json.dumps(open_badge.did_document(Addresses(client_origin(call.request), organisation_id), keys))
    return _kept(call, text, _tag(text), Caching.PUBLIC, "application/json; charset=utf-8")


async def read_status_list(call: Call[StatusListQuery, Body]) -> Answer:
    """For the gateway alone. What is revoked stays so: their number says which version of the list it is."""
    organisation_id, number = call.query.organisation_id, call.query.number
    async with connected(call.app[POOL]) as connection:
        revoked = await store.revoked(connection, organisation_id, number)
    if revoked.key is None or number > list_of(revoked.issued):
        raise CredentialNotFound
    addresses = Addresses(client_origin(call.request), organisation_id)
    tag = _tag(f"{addresses.status_list(number)} {revoked.today} {len(revoked.places)} {revoked.key.id}")
    payload = partial(open_badge.status_list, addresses, number, revoked.places, revoked.today)
    if _has(call, tag):
        return _kept(call, "", tag, Caching.STATUS, VC_JWT_TYPE)
    text = use_cases.signed(payload(), revoked.key, call.app[SEALER], addresses)
    return _kept(call, text, tag, Caching.STATUS, VC_JWT_TYPE)


def _tag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _has(call: Call[Any, Any], tag: str) -> bool:
    return bool((call.conditions.if_none_match or frozenset()) & {tag, "*"})


def _kept(call: Call[Any, Any], text: str, tag: str, caching: Caching, content_type: str) -> Answer:
    """304 where whoever asks has it."""
    is_held = _has(call, tag)
    return Answer("" if is_held else text, 304 if is_held else 200, {"ETag": tag}, caching, content_type)


def _timestamp(at: Any) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"


def _handler(source: Source, not_found: type[NotFound]) -> Callable[[Call[Query, Body]], Awaitable[Answer]]:
    return partial(_get_credential, source, not_found)


def _route(path: str, source: Source, not_found: type[NotFound], summary: str) -> Route[Any, Any]:
    return Route(
        "GET",
        path,
        _handler(source, not_found),
        {200: Success[CredentialAnswer]},
        permissions=VIEWS,
        summary=summary,
        description=(
            "A credential that others can trust without asking: Open Badges 3.0 as a signed JWT, alone where `Accept`"
            " is `application/vc+jwt`, or a certificate to print where it is `application/pdf`."
        ),
        refusals=[not_found, NotCertified, PersonErased, ChangedMeanwhile],
        also=_TYPES,
    )


CREDENTIAL_ROUTES: list[Route[Any, Any]] = [
    _route(
        "/api/v1/training/enrollments/{id}/credential",
        "enrollments",
        EnrollmentNotFound,
        "Get credential of enrollment",
    ),
    _route("/api/v1/training/records/{id}/credential", "external_records", RecordNotFound, "Get credential of record"),
    Route(
        "GET",
        "/internal/credentials",
        verify,
        {200: TextAnswer},
        permissions=[CREDENTIALS],
        query=CredentialDigest,
        summary="Read credential of digest",
        refusals=[CredentialNotFound],
        media_type=page.MEDIA_TYPE,
        pages=[404],
        also=[VC_JWT_TYPE],
    ),
    Route(
        "GET",
        "/internal/credentials/issuer",
        read_issuer,
        {200: DidDocument},
        permissions=[CREDENTIALS],
        query=IssuerQuery,
        summary="Read issuer of credentials",
        refusals=[CredentialNotFound],
        tagged=True,
    ),
    Route(
        "GET",
        "/internal/credentials/status",
        read_status_list,
        {200: TextAnswer},
        permissions=[CREDENTIALS],
        query=StatusListQuery,
        summary="Read status list",
        refusals=[CredentialNotFound],
        tagged=True,
        media_type=VC_JWT_TYPE,
    ),
]
