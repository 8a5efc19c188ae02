"""The routes of organisations, for the operator of the platform (contract, section 7)."""

from operator import attrgetter
from typing import Any

from services.accounts.context import ACCOUNTS_CONTEXT
from services.accounts.errors import EmailTaken, OrganisationExists, OrganisationNotFound, OwnOrganisation
from services.accounts.invited import with_invitation
from services.accounts.representations import NewOrganisation, OrganisationItem
from services.accounts.schemas_organisations import (
    OrganisationDocument,
    OrganisationFields,
    OrganisationPatch,
    OrganisationQuery,
)
from services.accounts.store import organisation_pages
from services.accounts.use_cases import organisations
from shared.auth.claims import EVERY_ORGANISATION as ALL
from shared.auth.internal_token import PLATFORM
from shared.errors import PreconditionFailed
from shared.http.models import Body, Query
from shared.http.representation import Listed, Success
from shared.http.resource_responses import changed, created, document, page
from shared.http.responses import Answer, success
from shared.http.routing import Call, Route
from shared.http.walks import require_own_cursor
from shared.postgres.batched_reads import Row
from shared.postgres.pool import Connection, connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import POOL
from shared.service.exports import Listing, exports_of
from shared.service.idempotency import OF_IDEMPOTENCY, run_once
from shared.service.resource_routes import audit_route

ORGANISATIONS = "/api/v1/organisations"
ORGANISATION = ORGANISATIONS + "/{id}"


async def create_organisation(call: Call[Query, OrganisationFields]) -> Answer:
    """What is kept for an `Idempotency-Key` has no token: it is shown once."""
    made: organisations.NewOrganisation | None = None

    async def work(connection: Connection) -> Answer:
        nonlocal made
        issuer = call.app[ACCOUNTS_CONTEXT].settings.token_issuer
        made = await organisations.create(connection, call.body, call.actor, issuer)
        return _created(call, made, shows_token=False)

    kept = await run_once(call.app[POOL], ALL, call.idempotency_key, work)
    if made is None:
        return kept
    organisations.record_created(made, call.actor.subject)
    return _created(call, made, shows_token=True)


def _created(call: Call[Any, Any], made: organisations.NewOrganisation, *, shows_token: bool) -> Answer:
    """The organisation with its Admin, and with the tag of the organisation alone."""
    organisation = made.organisation
    admin = with_invitation(
        made.admin.document, made.link, call.app[ACCOUNTS_CONTEXT].settings.invitation_url, shows_token=shows_token
    )
    return success(
        f'{organisation.text[:-1]}, "admin": {admin}}}',
        message="Organisation created successfully",
        status=201,
        headers={"ETag": organisation.etag, "Location": f"{ORGANISATIONS}/{organisation.row.id}"},
    )


async def list_organisations(call: Call[OrganisationQuery, Body]) -> Answer:
    require_own_cursor(call)
    async with transaction(call.app[POOL], EVERY_ORGANISATION) as connection:
        rows = await organisation_pages.organisation_page(connection, call.query)
    return page(call, *rows)


async def _step(connection: Connection, _: Call[Any, Body], query: OrganisationQuery) -> Row:
    return await organisation_pages.organisation_page(connection, query)


async def get_organisation(call: Call[Query, Body]) -> Answer:
    async with connected(call.app[POOL]) as connection:
        organisation = await organisation_pages.organisation_detail(connection, call.id)
    if organisation is None:
        raise OrganisationNotFound
    return document(organisation, call.conditions)


async def put_organisation(call: Call[Query, OrganisationDocument]) -> Answer:
    async with transaction(call.app[POOL], [call.id]) as connection:
        saved = await organisations.put(
            connection, call.id, call.body, call.actor, call.conditions, own=call.organisation_id
        )
    organisations.record_saved(saved, call.actor.subject)
    organisation = saved.organisation
    return created(organisation, f"{ORGANISATIONS}/{call.id}") if saved.is_new else changed(organisation)


async def change_organisation(call: Call[Query, OrganisationPatch]) -> Answer:
    async with transaction(call.app[POOL], [call.id]) as connection:
        saved = await organisations.change(
            connection, call.id, call.body.members, call.actor, call.conditions, own=call.organisation_id
        )
    organisations.record_saved(saved, call.actor.subject)
    return changed(saved.organisation, "Organisation updated successfully")


_ITEM = Success[OrganisationItem]

ROUTES: list[Route[Any, Any]] = [
    Route(
        "GET",
        ORGANISATIONS,
        list_organisations,
        {200: Listed[OrganisationItem]},
        permissions=[PLATFORM],
        query=OrganisationQuery,
        exports=exports_of(Listing(OrganisationItem, _step, lambda _: EVERY_ORGANISATION)),
        summary="List organisations",
    ),
    Route(
        "POST",
        ORGANISATIONS,
        create_organisation,
        {201: Success[NewOrganisation]},
        permissions=[PLATFORM],
        body=OrganisationFields,
        summary="Create organisation",
        description="With its first Admin, who is invited. The token of the invitation is in this response alone.",
        refusals=[OrganisationExists, EmailTaken, *OF_IDEMPOTENCY],
        tagged=True,
    ),
    Route(
        "GET",
        ORGANISATION,
        get_organisation,
        {200: _ITEM},
        permissions=[PLATFORM],
        summary="Get organisation",
        refusals=[OrganisationNotFound],
        tagged=True,
    ),
    Route(
        "PUT",
        ORGANISATION,
        put_organisation,
        {200: _ITEM, 201: _ITEM},
        permissions=[PLATFORM],
        body=OrganisationDocument,
        summary="Create or replace organisation",
        description=(
            "Makes an organisation known whose users sign in at an outside identity provider. Its id is the one"
            " that their tokens name."
        ),
        refusals=[OrganisationNotFound, PreconditionFailed, OrganisationExists, OwnOrganisation],
        tagged=True,
    ),
    Route(
        "PATCH",
        ORGANISATION,
        change_organisation,
        {200: _ITEM},
        permissions=[PLATFORM],
        body=OrganisationPatch,
        summary="Change organisation",
        refusals=[OrganisationNotFound, PreconditionFailed, OwnOrganisation],
        tagged=True,
    ),
    audit_route(
        ORGANISATION,
        organisation_pages.TRAIL,
        OrganisationNotFound,
        organisation_id=attrgetter("id"),
        permissions=[PLATFORM],
        summary="Get audit trail of organisation",
    ),
]
